"""STOMP 1.2 brokers (ActiveMQ, Artemis, RabbitMQ): Rucio's Hermes and tracer, FTS, perfSONAR at WLCG.

Every broker has its own connection and thread: producers choose one at random for each message, so all must
be read. Acknowledgement is ``client-individual`` and happens only when the message is safe; the broker's
prefetch is the bound on what is under way (activemq.apache.org, "STOMP": activemq.prefetchSize).
"""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
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
ANSWER_TIMEOUT_S = 10.0
RECONNECT_S = 1.0  # at most, before the first attempt after a connection was lost
GOODBYE_S = 2.0


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


class _Broker:
    """One broker: connects, subscribes, connects again."""

    def __init__(
        self, collector: StompCollector, inbox: Inbox, stop: threading.Event, host: str, port: int, tls: bool
    ) -> None:
        self.options = collector.options
        self.inbox = inbox
        self.stop = stop
        self.host, self.port, self.tls = host, port, tls
        self.name = f"{host}:{port}"
        self.connected = False
        self.fault = "connecting"
        self._link: _Link | None = None

    def start(self) -> None:
        """Begins in a thread of its own."""
        threading.Thread(target=self._run, name=f"stomp {self.name}", daemon=True).start()

    def disconnect(self) -> None:
        """Ends the connection."""
        if self._link is not None:
            self._link.end()

    def _run(self) -> None:
        while not self.stop.is_set():
            try:
                link: _Link = tenacity.Retrying(
                    wait=tenacity.wait_random_exponential(multiplier=0.5, max=30.0),
                    stop=tenacity.stop_when_event_set(self.stop),
                    sleep=tenacity.sleep_using_event(self.stop),
                    before_sleep=self._note,
                )(self._connect)
            except tenacity.RetryError:
                return
            while not self.stop.is_set() and not link.down.wait(0.5):
                continue
            if self.stop.is_set():
                return  # the connection stays for the last acknowledgements
            self.connected = False
            self.fault = link.said or "disconnected"
            log.warning("stomp_disconnected broker=%s fault=%s", self.name, self.fault)
            link.abandon()
            self.stop.wait(random.uniform(0.0, RECONNECT_S))

    def _note(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self.fault = str(error) or type(error).__name__

    def _connect(self) -> _Link:
        """A link that is subscribed. Raises `OSError` that says why there is none."""
        options = self.options
        heartbeat = int(options.heartbeat_s * 1000)
        connection = stomp.StompConnection12(
            [(self.host, self.port)],
            heartbeats=(heartbeat, heartbeat),
            vhost=options.vhost,
            auto_decode=False,
        )
        connection.transport.attempt_connection = partial(self._open, connection.transport)
        link = self._link = _Link(connection, self.inbox, options.format)
        password = options.password.get_secret_value() if options.password else None
        headers = {"client-id": options.durable} if options.durable else {}
        try:
            connection.connect(options.username, password, wait=False, headers=headers)
            link.wait_for(link.accepted, "CONNECT", self._hint())
            connection.subscribe(
                options.destination, id="1", ack="client-individual", headers=self._subscription()
            )
            link.wait_for(link.subscribed, "SUBSCRIBE")
        except BaseException:
            link.abandon()
            raise
        self.connected = True
        self.fault = ""
        log.info("stomp_connected broker=%s destination=%s", self.name, options.destination)
        return link

    def _open(self, transport: Any) -> None:
        """Instead of stomp.py 8.2's own: that swallows why it fails, and checks no certificate without a CA file."""
        opened = socket.create_connection((self.host, self.port), ANSWER_TIMEOUT_S)
        try:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self.tls:
                opened = self.options.tls.context().wrap_socket(opened, server_hostname=self.host)
        except BaseException:
            opened.close()
            raise
        transport.socket = opened
        transport.current_host_and_port = (self.host, self.port)

    def _hint(self) -> str:
        """Brokers that demand a client certificate hang up without a word."""
        return " (it may demand a client certificate: option tls.cert_file)" if self.tls else ""

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
        return headers | {"receipt": "subscribed"}


class _Link(stomp.ConnectionListener):  # type: ignore[misc]  # stomp.py carries no types
    """One connection; stomp.py calls the ``on_`` methods from its receiver thread."""

    def __init__(self, connection: Any, inbox: Inbox, format_: str) -> None:
        self.connection = connection
        self.inbox = inbox
        self.format = format_
        self.accepted = threading.Event()
        self.subscribed = threading.Event()
        self.down = threading.Event()
        self.said = ""
        """The broker's own words, once it is `down`."""
        connection.set_listener("lakescope", self)

    def wait_for(self, event: threading.Event, frame: str, hint: str = "") -> None:
        """Waits for the broker's answer to a frame. Raises `ConnectionError` with its own words, or `TimeoutError`."""
        if not event.wait(ANSWER_TIMEOUT_S):
            raise TimeoutError(f"no answer to {frame} within {ANSWER_TIMEOUT_S:.0f} s")
        if self.down.is_set():
            raise ConnectionError(self.said or f"the broker hung up instead of answering {frame}{hint}")

    def end(self) -> None:
        """Disconnects once the broker has read every acknowledgement."""
        with suppress(OSError, stomp.exception.StompException):  # it was going anyway
            self.connection.disconnect()
            self.down.wait(GOODBYE_S)
        self.abandon()

    def abandon(self) -> None:
        """Closes the socket."""
        self.connection.transport.disconnect_socket()

    def on_connected(self, frame: Any) -> None:
        """The broker has accepted us. The connection's timeout was for that: a quiet broker is no fault."""
        self.connection.transport.socket.settimeout(None)
        self.accepted.set()

    def on_receipt(self, frame: Any) -> None:
        """The broker has accepted the subscription."""
        self.subscribed.set()

    def on_message(self, frame: Any) -> None:
        """One message. Never blocks: a blocked receiver misses heartbeats, and the prefetch is the bound."""
        headers = frame.headers
        token = (self.connection, headers["ack"])
        self.inbox.put([Message(frame.body, self.format, headers, time.time(), token)], wait=False)

    def on_error(self, frame: Any) -> None:
        """The broker refuses: a wrong password, a destination that is not ours."""
        body = frame.body.decode(errors="replace") if isinstance(frame.body, bytes) else frame.body
        first = next(iter((body or "").splitlines()), "")
        self._is_down(f"{frame.headers.get('message', '')} {first}".strip()[:200])

    def on_heartbeat_timeout(self) -> None:
        """The broker has fallen silent."""
        self._is_down("heartbeat timeout")

    def on_disconnected(self) -> None:
        """The connection is gone."""
        self._is_down("")

    def _is_down(self, said: str) -> None:
        self.said = self.said or said
        self.down.set()
        self.accepted.set()
        self.subscribed.set()
