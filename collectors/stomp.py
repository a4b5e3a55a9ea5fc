"""STOMP 1.2 brokers (ActiveMQ, Artemis, RabbitMQ): Rucio's Hermes and tracer, FTS, perfSONAR at WLCG.

Every broker has its own connection and thread: producers choose one at random for each message, so all must
be read. Acknowledgement is ``client-individual`` and happens only when the message is safe; the broker's
prefetch is the bound on what is under way (activemq.apache.org, "STOMP": activemq.prefetchSize).
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import stomp
import tenacity
from pydantic import Field, SecretStr, field_validator, model_validator

from collectors._common import OneFormat
from lakescope.messages import Message
from lakescope.options import Tls
from lakescope.pipeline import Health, Inbox

log = logging.getLogger(__name__)
logging.getLogger("stomp.py").setLevel(
    logging.CRITICAL
)  # it logs whole frames, and every fault a second time

DEFAULT_PORT = 61613
CONNECT_TIMEOUT_S = 10.0


class StompOptions(OneFormat):
    """Options of the stomp collector."""

    brokers: list[str] = Field(examples=[["stomp+ssl://mq.example.org:61614"]], min_length=1)
    """Brokers as ``stomp://host:port`` or ``stomp+ssl://host:port``; all are read at once."""
    destination: str = Field(examples=["/queue/Consumer.lakescope.rucio.events"])
    """``/queue/...`` (also ``/queue/Consumer.<name>.VirtualTopic.<x>``) or ``/topic/...``."""
    resolve: bool = False
    """Whether a broker's name is an alias of several: each address behind it is then read."""
    username: str | None = None
    """Login."""
    password: SecretStr | None = Field(default=None, examples=["${STOMP_PASSWORD}"])
    """Passcode."""
    tls: Tls = Tls()
    """TLS towards ``stomp+ssl`` brokers."""
    vhost: str | None = None
    """Virtual host (RabbitMQ); without it the broker's name."""
    durable: str | None = Field(default=None, examples=["lakescope"])
    """Client id of a durable subscription on a topic: what is published while Lakescope is away is kept."""
    selector: str | None = Field(default=None, examples=["event_type LIKE 'transfer-%'"])
    """JMS selector; mind that FTS sets headers on some of its messages only."""
    prefetch: int = Field(default=5000, ge=1)
    """Messages under way from each broker (count)."""
    heartbeat_s: float = Field(default=15.0, ge=0)
    """Heartbeat both ways (seconds); 0 for none."""

    @field_validator("brokers")
    @classmethod
    def _are_brokers(cls, urls: Sequence[str]) -> Sequence[str]:
        for url in urls:
            parts = urlsplit(url)
            if parts.scheme not in ("stomp", "stomp+ssl") or not parts.hostname:
                raise ValueError(
                    f"expected stomp://host:port or stomp+ssl://host:port, found {parts.hostname!r}"
                )
            if parts.username or parts.password:
                raise ValueError("a password in a URL ends in logs: use `username` and `password`")
        return urls

    @model_validator(mode="after")
    def _durable_topic(self) -> StompOptions:
        if self.durable and not self.destination.startswith("/topic/"):
            raise ValueError("`durable` is for topics; a queue keeps its messages anyhow: remove `durable`")
        return self


class StompCollector:
    """Reads one destination of one or more brokers."""

    Options = StompOptions

    def __init__(self, name: str, options: StompOptions, data_dir: Path) -> None:
        self.options = options
        self.formats = [options.format]
        self.health = Health()
        self._brokers: list[_Broker] = []

    def run(self, inbox: Inbox, stop: threading.Event) -> None:
        """Keeps a connection to every broker until told to stop; leaves them open for acknowledgements."""
        self._brokers = [
            _Broker(self, inbox, stop, *address)
            for url in self.options.brokers
            for address in self._addresses(url)
        ]
        for broker in self._brokers:
            broker.start()
        while not stop.wait(0.5):
            self._report()

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Acknowledges on the connection that the message came by; on another the broker would not know it."""
        for message in messages:
            connection, ack = message.token
            if connection.is_connected():
                try:
                    connection.ack(ack)
                except (OSError, stomp.exception.StompException):
                    continue  # the connection has just broken: the broker will give the message again

    def close(self) -> None:
        """Disconnects."""
        for broker in self._brokers:
            broker.disconnect()

    def _addresses(self, url: str) -> list[tuple[str, int, bool]]:
        parts = urlsplit(url)
        host, port, tls = parts.hostname or "", parts.port or DEFAULT_PORT, parts.scheme == "stomp+ssl"
        if not self.options.resolve:
            return [(host, port, tls)]
        found = {info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        # by name where there is one: certificates are made out to names
        return sorted({(socket.getfqdn(str(address)), port, tls) for address in found})

    def _report(self) -> None:
        up = sum(broker.connected for broker in self._brokers)
        faults = [f"{broker.name}: {broker.fault}" for broker in self._brokers if not broker.connected]
        detail = f"{up} of {len(self._brokers)} brokers connected"
        self.health.set("ok" if not faults else "connecting", "; ".join([detail, *faults]))


class _Broker(stomp.ConnectionListener):  # type: ignore[misc]  # stomp.py carries no types
    """One broker: connects, subscribes, puts messages, connects again."""

    def __init__(
        self, collector: StompCollector, inbox: Inbox, stop: threading.Event, host: str, port: int, tls: bool
    ) -> None:
        self.collector = collector
        self.options = collector.options
        self.inbox = inbox
        self.stop = stop
        self.host, self.port, self.tls = host, port, tls
        self.name = f"{host}:{port}"
        self.connected = False
        self.fault = "connecting"
        self._connection: Any = None
        self._up = threading.Event()
        self._down = threading.Event()

    def start(self) -> None:
        """Begins in a thread of its own."""
        threading.Thread(target=self._run, name=f"stomp {self.name}", daemon=True).start()

    def disconnect(self) -> None:
        """Ends the connection."""
        if self._connection is not None and self._connection.is_connected():
            try:
                self._connection.disconnect()
            except (OSError, stomp.exception.StompException):
                return  # it was going anyway

    def _run(self) -> None:
        while not self.stop.is_set():
            try:
                tenacity.Retrying(
                    wait=tenacity.wait_random_exponential(multiplier=0.5, max=30.0),
                    stop=tenacity.stop_when_event_set(self.stop),
                    sleep=tenacity.sleep_using_event(self.stop),
                    before_sleep=self._note,
                )(self._connect)
            except tenacity.RetryError:
                return
            while not self.stop.is_set() and not self._down.wait(0.5):
                continue
            if self.stop.is_set():
                return  # the connection stays for the last acknowledgements
            if self.connected:
                self.connected = False
                log.warning("stomp_disconnected broker=%s fault=%s", self.name, self.fault)

    def _note(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if (
            isinstance(error, (stomp.exception.ConnectFailedException, TimeoutError))
            and self.fault != "connecting"
        ):
            return  # the broker's own words, from on_error, say more
        self.fault = str(error) or type(error).__name__

    def _connect(self) -> None:
        options = self.options
        self.disconnect()
        self._up.clear()
        self._down.clear()
        heartbeat = int(options.heartbeat_s * 1000)
        connection = stomp.StompConnection12(
            [(self.host, self.port)],
            prefer_localhost=False,
            try_loopback_connect=False,
            reconnect_attempts_max=1,
            timeout=CONNECT_TIMEOUT_S,
            keepalive=True,
            heartbeats=(heartbeat, heartbeat),
            vhost=options.vhost,
            auto_decode=False,
        )
        if self.tls:
            tls = options.tls
            connection.set_ssl(
                [(self.host, self.port)],
                key_file=str(tls.key_file) if tls.key_file else None,
                cert_file=str(tls.cert_file) if tls.cert_file else None,
                ca_certs=str(tls.ca_file) if tls.ca_file else _system_cas() if tls.verify else None,
                verify=tls.verify,
            )
        connection.set_listener("lakescope", self)
        self._connection = connection
        password = options.password.get_secret_value() if options.password else None
        headers = {"client-id": options.durable} if options.durable else {}
        connection.connect(options.username, password, wait=False, headers=headers)
        if not self._up.wait(CONNECT_TIMEOUT_S):
            raise TimeoutError(f"no answer to CONNECT within {CONNECT_TIMEOUT_S:.0f} s")
        if self._down.is_set():
            raise stomp.exception.ConnectFailedException(self.fault)
        connection.subscribe(
            options.destination, id="1", ack="client-individual", headers=self._subscription()
        )
        self.connected = True
        self.fault = ""
        log.info("stomp_connected broker=%s destination=%s", self.name, options.destination)

    def _subscription(self) -> dict[str, str]:
        options = self.options
        # ActiveMQ and RabbitMQ have each their own name for the prefetch, and ignore the other's
        headers = {"activemq.prefetchSize": str(options.prefetch), "prefetch-count": str(options.prefetch)}
        if options.durable:
            headers |= {
                "activemq.subscriptionName": options.durable,
                "durable": "true",
                "auto-delete": "false",
            }
        if options.selector:
            headers["selector"] = options.selector
        return headers

    # --- stomp.py calls these from its receiver thread ----------------------------------------------------

    def on_connected(self, frame: Any) -> None:
        """The broker has accepted us. The connection's timeout was for that: a quiet broker is no fault."""
        self._connection.transport.socket.settimeout(None)
        self._up.set()

    def on_message(self, frame: Any) -> None:
        """One message. Never blocks: a blocked receiver misses heartbeats, and the prefetch is the bound."""
        message = Message(
            frame.body,
            self.options.format,
            frame.headers,
            time.time(),
            (self._connection, frame.headers["ack"]),
        )
        self.inbox.put([message], wait=False)

    def on_error(self, frame: Any) -> None:
        """The broker refuses: a wrong password, a destination that is not ours."""
        body = frame.body.decode(errors="replace") if isinstance(frame.body, bytes) else frame.body
        self.fault = (
            f"{frame.headers.get('message', '')} {(body or '').splitlines()[0] if body else ''}".strip()[:200]
        )
        self._down.set()
        self._up.set()

    def on_heartbeat_timeout(self) -> None:
        """The broker has fallen silent."""
        self.fault = "heartbeat timeout"
        self._down.set()

    def on_disconnected(self) -> None:
        """The connection is gone."""
        self.fault = self.fault or "disconnected"
        self._down.set()
        self._up.set()


def _system_cas() -> str | None:
    import ssl

    return ssl.get_default_verify_paths().cafile
