"""STOMP 1.2 brokers (ActiveMQ, Artemis, RabbitMQ): Rucio's Hermes and tracer, FTS, perfSONAR at WLCG.

Every broker has its own connection and thread: producers choose one at random for each message, so all must
be read. An alias of several brokers is resolved again and again, since brokers come and go behind it.
Acknowledgement is ``client-individual`` and happens only when the message is safe; the broker's
prefetch is the bound on what is under way (activemq.apache.org, "STOMP": activemq.prefetchSize).
"""

from __future__ import annotations

import logging
import random
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import stomp
import tenacity
from pydantic import Field, SecretStr, field_validator, model_validator

from lakescope.collectors._addresses import DEFAULT_PORT, Address, parse, resolve
from lakescope.collectors._common import OneFormat
from lakescope.collectors._reading import Pieces, cut
from lakescope.core.contracts import Finding, Health, Installation
from lakescope.core.examination import CONNECTION_REMEDY, examine_certificates, examine_version
from lakescope.core.inbox import Inbox
from lakescope.core.messages import Message
from lakescope.core.oidc import Credentials, OidcOptions, RefusedLoginError, credentials
from lakescope.core.options import Tls, check_url

log = logging.getLogger(__name__)
logging.getLogger("stomp.py").setLevel(
    logging.CRITICAL
)  # it logs whole frames, and every fault a second time

ANSWER_TIMEOUT_S = 10.0
RESOLVE_S = 30.0
"""An alias is resolved anew so often; sooner where a broker behind it is lost or the name does not resolve."""
SILENCE = 2.5
"""Heartbeat intervals without a byte after which a connection is given up. ActiveMQ sends the next heartbeat up to
two intervals after a message (its monitor looks once an interval whether anything was written since its last look:
AbstractInactivityMonitor.writeCheck), so that 1.5, the client library's own, gives up sound connections."""
OTHER_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL's x509_vfy.h
RECONNECT_S = 1.0  # at most, before the first attempt after a connection was lost
GOODBYE_S = 2.0
Put = Callable[[Message], None]


class StompOptions(OneFormat):
    """Options of the stomp collector."""

    brokers: list[str] = Field(examples=[["stomp+ssl://mq.example.org:61614"]], min_length=1)
    """Brokers as ``stomp://host:port`` or ``stomp+ssl://host:port``; all are read at once."""
    destination: str = Field(min_length=1, examples=["/queue/Consumer.lakescope.rucio.events"])
    """``/queue/...`` (also ``/queue/Consumer.<name>.VirtualTopic.<x>``) or ``/topic/...``."""
    resolve: bool = False
    """Whether a broker's name is an alias of several: each address behind it is then read, and the name is resolved
    again every 30 s."""
    failover: bool = False
    """Whether the brokers stand in for one another, as a primary and its standby do: it is then enough that one is connected."""
    username: str | None = Field(default=None, examples=["lakescope"])
    """Login."""
    password: SecretStr | None = Field(default=None, examples=["${STOMP_PASSWORD}"])
    """Passcode."""
    oidc: OidcOptions = OidcOptions()
    """Client credentials in the place of `username` and `password`: a token of an issuer is the passcode, as RabbitMQ's
    ``rabbitmq_auth_backend_oauth2`` takes it. It is sent as it is: only over TLS."""
    tls: Tls = Tls()
    """TLS towards ``stomp+ssl`` brokers, and the issuer of `oidc`."""
    vhost: str | None = Field(default=None, examples=["rucio"])
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
            check_url(url, ("stomp", "stomp+ssl"), "stomp+ssl://host:port")
        return urls

    @model_validator(mode="after")
    def _has_one_login(self) -> StompOptions:
        if self.oidc.token_url is not None and (self.username is not None or self.password is not None):
            raise ValueError("`oidc` beside `username` or `password`: keep one")
        return self

    @model_validator(mode="after")
    def _durable_topic(self) -> StompOptions:
        if self.durable and not self.destination.startswith("/topic/"):
            raise ValueError("`durable` is for topics; a queue keeps its messages anyhow: remove `durable`")
        return self

    @cached_property
    def credentials(self) -> Credentials | None:
        """The token of `oidc`, one for all brokers. Raises `OSError` as `Tls.context`."""
        return credentials(self.oidc, self.tls, ANSWER_TIMEOUT_S)


class StompCollector:
    """Reads one destination of one or more brokers."""

    Options = StompOptions

    def __init__(self, name: str, options: StompOptions, data_dir: Path) -> None:
        self.options = options
        self.formats = [options.format]
        self.health = Health()
        self.credentials = options.credentials
        self._sources: list[_Source] = []
        self._pieces = Pieces()

    @staticmethod
    def examine(options: StompOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`: logs in to every broker and asks for what no message has."""
        yield from examine_certificates(options.brokers, options.tls, port=DEFAULT_PORT)
        for url in options.brokers:
            try:
                addresses = resolve(parse(url)) if options.resolve else [parse(url)]
            except OSError as error:
                yield Finding("error", f"{url}: the name does not resolve: {error}", CONNECTION_REMEDY)
                continue
            for address in addresses:
                yield from _examine_broker(address, options)

    def run(self, inbox: Inbox, stop: threading.Event) -> None:
        """Keeps a connection to every broker until told to stop; leaves them open for acknowledgements."""
        self._sources = [
            _Source(parse(url), self.options, partial(self._put, inbox), stop) for url in self.options.brokers
        ]
        for source in self._sources:
            source.start()
        while not stop.wait(0.5):
            self._report()

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Acknowledges on the connection that the message came by; on another the broker would not know it."""
        acks: dict[_Link, list[str]] = {}
        for link, ack in self._pieces.close(message.token for message in messages):
            acks.setdefault(link, []).append(ack)
        for link, own in acks.items():
            link.acknowledge(own)

    def _put(self, inbox: Inbox, message: Message) -> None:
        """Never blocks: a blocked receiver misses heartbeats, and the prefetch is the bound."""
        bodies = list(cut([message.body], message.format))
        self._pieces.open(message.token, len(bodies))
        inbox.put(
            [
                Message(body, message.format, message.headers, message.received, message.token)
                for body in bodies
            ],
            wait=False,
        )

    def close(self) -> None:
        """Disconnects."""
        for broker in self._brokers():
            broker.disconnect()
        if self.credentials:
            self.credentials.close()

    def _brokers(self) -> list[_Broker]:
        return [broker for source in self._sources for broker in source.brokers()]

    def _report(self) -> None:
        brokers = self._brokers()
        faults = [f"{source.name}: {source.fault}" for source in self._sources if source.fault]
        total = len(brokers) + len(faults)
        faults += [f"{broker.name}: {broker.fault}" for broker in brokers if not broker.is_connected]
        connected = sum(broker.is_connected for broker in brokers)
        is_ok = not faults or (self.options.failover and connected > 0)
        self.health.set(
            "ok" if is_ok else "connecting",
            "; ".join([f"{connected} of {total} brokers connected", *faults]),
        )


class _Source:
    """One entry of `brokers`: itself a broker, or with `resolve` an alias of those that it stands for now."""

    def __init__(self, address: Address, options: StompOptions, put: Put, stop: threading.Event) -> None:
        self.options, self.put, self.stop = options, put, stop
        self.address = address
        self.name = str(address)
        self.fault = ""
        """Why the name does not resolve."""
        self._brokers: dict[Address, _Broker] = {}
        self._lock = threading.Lock()
        self._connection_lost = threading.Event()

    def start(self) -> None:
        """Begins in threads of its own: a name service may take long to answer."""
        if not self.options.resolve:
            self._read([self.address])
            return
        self.fault = "resolving"
        threading.Thread(target=self._follow, name=f"stomp {self.name}", daemon=True).start()

    def brokers(self) -> list[_Broker]:
        """Those that are connected or should be."""
        with self._lock:
            return [broker for broker in self._brokers.values() if broker.is_wanted or broker.is_connected]

    def lose(self) -> None:
        """Tells that a broker cannot be reached: the name may stand for another one by now."""
        self._connection_lost.set()

    def leaves(self, broker: _Broker) -> bool:
        """Whether a broker that is not connected has nothing more to do; it is then forgotten."""
        with self._lock:
            if broker.is_wanted and not self.stop.is_set():
                return False
            self._brokers.pop(broker.address, None)
            return True

    def _follow(self) -> None:
        while not self.stop.is_set():
            try:
                addresses = resolve(self.address)
            except OSError as error:
                self._fail(f"the name does not resolve: {error}")
            else:
                self.fault = ""
                self._read(addresses)
            self._connection_lost.clear()
            due = time.monotonic() + RESOLVE_S
            while (
                not self.stop.wait(1.0)
                and time.monotonic() < due
                and not (self._connection_lost.is_set() or self.fault)
            ):
                continue

    def _fail(self, fault: str) -> None:
        if fault != self.fault:  # once, not at every attempt
            log.warning("stomp_unresolved broker=%s fault=%s", self.name, fault)
        self.fault = fault

    def _read(self, addresses: Sequence[Address]) -> None:
        """Connects to what is new. A broker that left the alias is read as long as its connection lasts: it may
        have messages left."""
        with self._lock:
            for address, broker in self._brokers.items():
                broker.is_wanted = address in addresses
            for address in addresses:
                if address not in self._brokers:
                    self._brokers[address] = _Broker(self, address)
                    self._brokers[address].start()


class _Broker:
    """One broker: connects, subscribes, connects again."""

    def __init__(self, source: _Source, address: Address) -> None:
        self.options, self.put, self.stop = source.options, source.put, source.stop
        self.address = address
        self.name = str(address)
        self.is_connected = False
        self.is_wanted = True
        self.fault = "connecting"
        self._source = source
        self._link: _Link | None = None

    def start(self) -> None:
        """Begins in a thread of its own."""
        threading.Thread(target=self._run, name=f"stomp {self.name}", daemon=True).start()

    def disconnect(self) -> None:
        """Ends the connection."""
        if self._link is not None:
            self._link.end()

    def _run(self) -> None:
        while not self._source.leaves(self):
            try:
                link: _Link = tenacity.Retrying(
                    wait=tenacity.wait_random_exponential(multiplier=0.5, max=30.0),
                    stop=lambda _: self.stop.is_set() or not self.is_wanted,
                    sleep=tenacity.sleep_using_event(self.stop),
                    before_sleep=self._note,
                )(self._connect)
            except tenacity.RetryError:
                continue
            while not self.stop.is_set() and not link.down.wait(0.5):
                continue
            if self.stop.is_set():
                return  # the connection stays for the last acknowledgements
            self.is_connected = False
            self.fault = link.error_text or "disconnected"
            log.warning("stomp_disconnected broker=%s fault=%s", self.name, self.fault)
            link.abandon()
            self._source.lose()
            self.stop.wait(random.uniform(0.0, RECONNECT_S))

    def _note(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self.fault = str(error) or type(error).__name__
        self._source.lose()

    def _wait_until_stored(self, link: _Link) -> None:
        """What a lost connection gave, the broker gives again, and we ask for it only when none of it is under way here any more.

        Else each lost connection would put another copy into memory while a store is away, and brokers cut off whom they find
        slow: RabbitMQ by `consumer_timeout`, ActiveMQ by `abortSlowConsumerStrategy`. Raises `ConnectionError` when told to stop.
        """
        cause = self.fault
        while link.under_way and not self.stop.wait(0.2):
            self.fault = f"{cause}; connects again once the messages under way are stored ({link.under_way})"
        if link.under_way:
            raise ConnectionError("told to stop")

    def _connect(self) -> _Link:
        """A link that is subscribed. Raises `OSError` that says why there is none."""
        options = self.options
        if self._link is not None:
            self._wait_until_stored(self._link)
        link = self.log_in()
        self.subscribe(link, options.destination, self._subscription())
        self.is_connected = True
        self.fault = ""
        log.info("stomp_connected broker=%s destination=%s", self.name, options.destination)
        return link

    def log_in(self) -> _Link:
        """A link that the broker has accepted. Raises `OSError` that says why there is none."""
        options = self.options
        username, password = self._login()
        heartbeat = int(options.heartbeat_s * 1000)
        connection = stomp.StompConnection12(
            [(self.address.host, self.address.port)],
            heartbeats=(heartbeat, heartbeat),
            heart_beat_receive_scale=SILENCE,
            vhost=options.vhost or self.address.names[0],
            auto_decode=False,
        )
        connection.transport.attempt_connection = partial(self._open, connection.transport)
        link = self._link = _Link(connection, self.put, options.format)
        headers = {"client-id": options.durable} if options.durable else {}
        try:
            connection.connect(username, password, wait=False, headers=headers)
            link.wait_for(link.acceptance, "CONNECT", self._hint())
        except BaseException:
            if options.credentials and password and link.error_text:
                options.credentials.forget(password)  # perhaps it is taken no more: the next try has another
            link.abandon()
            raise
        return link

    def _login(self) -> tuple[str | None, str | None]:
        """Raises `ConnectionError` where an issuer gives no token."""
        options = self.options
        if options.credentials is None:
            return options.username, options.password.get_secret_value() if options.password else None
        try:
            return options.oidc.client_id, options.credentials.token()
        except RefusedLoginError as error:
            raise ConnectionError(str(error)) from None

    def subscribe(self, link: _Link, destination: str, headers: dict[str, str]) -> None:
        """Returns once the broker has accepted the subscription. Raises `OSError` that says why not."""
        try:
            link.connection.subscribe(
                destination, id="1", ack="client-individual", headers=headers | {"receipt": "subscribed"}
            )
            link.wait_for(link.subscription, "SUBSCRIBE")
        except BaseException:
            link.abandon()
            raise

    def _open(self, transport: Any) -> None:
        """Instead of stomp.py 8.2's own: that swallows why it fails, and checks no certificate without a CA file."""
        if not self.address.tls:
            transport.socket = self._dial(None)
        else:
            for name in self.address.names:
                try:
                    transport.socket = self._dial(name)
                    break
                except ssl.SSLCertVerificationError as error:
                    if error.verify_code not in OTHER_NAME or name == self.address.names[-1]:
                        raise
        transport.current_host_and_port = (self.address.host, self.address.port)

    def _dial(self, name: str | None) -> socket.socket:
        """A connection; with a name by TLS, to a server whose certificate is issued for it."""
        connection = socket.create_connection((self.address.host, self.address.port), ANSWER_TIMEOUT_S)
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return (
                self.options.tls.context().wrap_socket(connection, server_hostname=name)
                if name
                else connection
            )
        except BaseException:
            connection.close()
            raise

    def _hint(self) -> str:
        """Brokers that demand a client certificate hang up without a word."""
        return " (it may demand a client certificate: option tls.cert_file)" if self.address.tls else ""

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


_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", ":": r"\c"})
"""Of a header's value: STOMP 1.2, "Value Encoding"."""
_LOSSES = (OSError, stomp.exception.StompException, AttributeError)
"""What stomp.py raises for a connection that is lost; AttributeError where another thread has just closed it."""


class _Link(stomp.ConnectionListener):  # type: ignore[misc]  # stomp.py carries no types
    """One connection; stomp.py calls the ``on_`` methods from its receiver thread."""

    def __init__(self, connection: Any, put: Put, format_: str) -> None:
        self.connection = connection
        self.put = put
        self.format = format_
        self.acceptance = threading.Event()
        self.subscription = threading.Event()
        self.down = threading.Event()
        self.error_text = ""
        """The broker's own words, once it is `down`."""
        self.server = ""
        """What the broker says that it is: ``RabbitMQ/3.13.7``."""
        self.under_way = 0
        """Messages that it gave and that are not safe yet."""
        self._lock = threading.Lock()
        connection.set_listener("lakescope", self)

    def wait_for(self, event: threading.Event, frame: str, hint: str = "") -> None:
        """Waits for the broker's answer to a frame. Raises `ConnectionError` with its own words, or `TimeoutError`."""
        if not event.wait(ANSWER_TIMEOUT_S):
            raise TimeoutError(f"no answer to {frame} within {ANSWER_TIMEOUT_S:.0f} s")
        if self.down.is_set():
            raise ConnectionError(self.error_text or f"the broker hung up instead of answering {frame}{hint}")

    def end(self) -> None:
        """Disconnects once the broker has read every acknowledgement; from one that reads none any more after a while."""
        patience = threading.Timer(GOODBYE_S, self.abandon)
        patience.start()
        with suppress(*_LOSSES):  # it was going anyway
            self.connection.disconnect()
            self.down.wait(GOODBYE_S)
        patience.cancel()
        self.abandon()

    def abandon(self) -> None:
        """Closes the socket, whoever waits to write to it or to read from it."""
        with suppress(*_LOSSES):
            # stomp.py would say goodbye to a TLS socket, and wait for the broker's answer
            self.connection.transport.socket.shutdown(socket.SHUT_RDWR)
        self.connection.transport.disconnect_socket()

    def on_connected(self, frame: Any) -> None:
        """The broker has accepted us. The connection's timeout was for that: a quiet broker is no fault."""
        self.connection.transport.socket.settimeout(None)
        self.server = frame.headers.get("server", "")
        self.acceptance.set()

    def on_receipt(self, frame: Any) -> None:
        """The broker has accepted the subscription."""
        self.subscription.set()

    def on_message(self, frame: Any) -> None:
        """One message."""
        headers = frame.headers
        with self._lock:
            self.under_way += 1
        self.put(Message(frame.body, self.format, headers, time.time(), (self, headers["ack"])))

    def acknowledge(self, acks: Sequence[str]) -> None:
        """Messages are safe. Of a connection that is lost nobody can be told: the broker will give them again."""
        with self._lock:
            self.under_way -= len(acks)
        if self.connection.is_connected():
            # in one piece: a broker that is busy writing reads nothing, and small pieces soon fill what its system keeps for it
            frames = b"".join(f"ACK\nid:{ack.translate(_ESCAPES)}\n\n\0".encode() for ack in acks)
            with suppress(*_LOSSES):  # it has just broken
                self.connection.transport.send(frames)

    def on_error(self, frame: Any) -> None:
        """The broker refuses: a wrong password, a destination that is not ours."""
        body = frame.body.decode(errors="replace") if isinstance(frame.body, bytes) else frame.body
        first = next(iter((body or "").splitlines()), "")
        error_text = f"{frame.headers.get('message', '')} {first}".strip()[:200]
        self._is_down(
            f'{error_text}; set vhost = "/" for RabbitMQ' if "irtual host" in error_text else error_text
        )

    def on_heartbeat_timeout(self) -> None:
        """The broker has fallen silent."""
        self._is_down("heartbeat timeout")

    def on_disconnected(self) -> None:
        """The connection is gone."""
        self._is_down("")

    def _is_down(self, error_text: str) -> None:
        self.error_text = self.error_text or error_text
        self.down.set()
        self.acceptance.set()
        self.subscription.set()


def _examine_broker(address: Address, options: StompOptions) -> Iterator[Finding]:
    """A subscription beside those of an instance that runs: of ActiveMQ and Artemis it gets nothing, as its selector fits no
    message. RabbitMQ has no selectors: there it comes last of all consumers, and what it may be given goes back when it ends."""
    broker = _Broker(_Source(address, options, lambda _: None, threading.Event()), address)
    durable = options.durable
    broker.options = options.model_copy(update={"durable": None})  # one client at a time has that id
    try:
        link = broker.log_in()
    except (OSError, stomp.exception.StompException) as error:
        text = options.tls.explain(str(error) or type(error).__name__)
        remedy = CONNECTION_REMEDY
        if isinstance(error, ConnectionError) and not isinstance(error, ConnectionRefusedError):
            remedy = "correct `username`, `password`, `oidc` or `vhost`"
        yield Finding("error", f"{address}: {text}", remedy)
        return
    product, _, version = link.server.partition("/")
    if product in ("ActiveMQ", "RabbitMQ"):
        yield examine_version(product, version)
    destination, headers = options.destination, {"selector": "lakescope_doctor = 'nothing has this'"}
    if product == "RabbitMQ":
        # this form of a queue's name does not make the queue if it is not there
        destination = re.sub("^/queue/", "/amq/queue/", destination)
        headers = {"prefetch-count": "1", "x-priority": "-1000"}
    try:
        broker.subscribe(link, destination, headers | {"activemq.prefetchSize": "1"})
    except (OSError, stomp.exception.StompException) as error:
        remedy = "create it, correct `destination`, or give this user the right to read it"
        yield Finding("error", f"{address}: {options.destination}: {error}", remedy)
        return
    link.end()
    note = f"; the durable subscription {durable} was left alone" if durable else ""
    yield Finding("ok", f"{address}: logged in, may read {options.destination}{note}")
