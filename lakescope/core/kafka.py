"""How Kafka is reached: options that the collector and the sink share, and what is wrong where a client only times out.

kafka-python's clients try again without end and say of each fault that it took too long. `find_faults` makes the same
way step by step on a connection of its own: TCP, TLS, login, topics, and the brokers that the first one names.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from kafka.errors import KafkaProtocolError, for_code
from kafka.net.sasl import get_sasl_mechanism
from kafka.net.sasl.oauth import AbstractTokenProvider
from kafka.protocol.metadata import ApiVersionsRequest, MetadataRequest
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest
from pydantic import Field, SecretStr, field_validator, model_validator

from lakescope.core.oidc import Credentials, OidcOptions, RefusedLoginError, credentials
from lakescope.core.options import Options, Tls, check_url

logging.getLogger("kafka").setLevel(
    logging.CRITICAL
)  # it logs each attempt to connect, and at the level of debugging the bytes of a login

FORMAT_HEADER = "lakescope-format"
"""Header of a record that names the format of its value."""
COLLECTOR_HEADER = "lakescope-collector"
"""Header of a record that names the collector of its event."""
CLIENT = "lakescope"
DEFAULT_PORT = 9092
TIMEOUT_S = 5.0
_METADATA_VERSION = (
    4  # of Kafka 0.11; as SaslHandshake 1 and SaslAuthenticate 0 of 1.0 it is spoken by 4.x too
)
_ALERT = b"\x15\x03"  # RFC 5246, 6.2.1: a record of an alert; no answer of Kafka is of such a length
_TLS_SPOKEN_TO_NO_TLS = ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF", "RECORD_LAYER_FAILURE", "reset by peer")


class KafkaOptions(Options):
    """Options of everything that speaks with Kafka."""

    brokers: list[str] = Field(examples=[["kafka+ssl://kafka.example.org:9093"]], min_length=1)
    """Some brokers of one cluster as ``kafka://host:port`` or ``kafka+ssl://host:port``; they name the others."""
    username: str | None = Field(default=None, examples=["lakescope"])
    """Login by SASL."""
    password: SecretStr | None = Field(default=None, examples=["${KAFKA_PASSWORD}"])
    """Password."""
    mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    """SASL mechanism. PLAIN sends the password as it is: only over TLS."""
    oidc: OidcOptions = OidcOptions()
    """Client credentials in the place of `username` and `password`: tokens of an issuer are the login (SASL OAUTHBEARER, RFC
    7628). They are sent as they are: only over TLS."""
    tls: Tls = Tls()
    """TLS towards ``kafka+ssl`` brokers, and the issuer of `oidc`."""

    @field_validator("brokers")
    @classmethod
    def _are_brokers(cls, urls: Sequence[str]) -> Sequence[str]:
        for url in urls:
            check_url(url, ("kafka", "kafka+ssl"), "kafka+ssl://host:port")
        if len({urlsplit(url).scheme for url in urls}) > 1:
            raise ValueError("expected brokers of one scheme, found kafka and kafka+ssl")
        return urls

    @model_validator(mode="after")
    def _has_one_login(self) -> Self:
        if self.oidc.token_url is not None and self.username is not None:
            raise ValueError("`oidc` beside `username`: keep one")
        return self

    @cached_property
    def credentials(self) -> Credentials | None:
        """The token of `oidc`, one for all that these options are of. Raises `OSError` as `Tls.context`."""
        return credentials(self.oidc, self.tls, TIMEOUT_S)

    @property
    def user(self) -> str:
        """Who logs in, for a sentence."""
        return self.username or self.oidc.client_id or "this client"

    @property
    def uses_tls(self) -> bool:
        """Whether the brokers are reached by TLS."""
        return urlsplit(self.brokers[0]).scheme == "kafka+ssl"

    @property
    def addresses(self) -> list[str]:
        """The brokers as host:port."""
        return [f"{host}:{port}" for host, port in map(_address, self.brokers)]

    def settings(self) -> dict[str, Any]:
        """Arguments of each client of kafka-python. Raises `OSError` as `Tls.context`."""
        login = self.login()
        settings: dict[str, Any] = {
            "bootstrap_servers": self.addresses,
            "bootstrap_timeout_ms": 10_000,
            "client_id": CLIENT,
            "security_protocol": f"{'SASL_' * bool(login)}{'SSL' if self.uses_tls else 'PLAINTEXT'}",
            "reconnect_backoff_max_ms": 1000,
            "metadata_max_age_ms": 10_000,
        }
        if self.uses_tls:
            settings["ssl_context"] = self.tls.context()
        return settings | login

    def login(self) -> dict[str, Any]:
        """The part of it that logs in; empty without a login."""
        if self.credentials is not None:
            return {"sasl_mechanism": "OAUTHBEARER", "sasl_oauth_token_provider": _Tokens(self.credentials)}
        if self.username is None or self.password is None:
            return {}
        return {
            "sasl_mechanism": self.mechanism,
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password.get_secret_value(),
        }


class _Tokens(AbstractTokenProvider):  # type: ignore[misc]  # kafka-python carries no types
    """What kafka-python asks for a token at each connection."""

    def __init__(self, of: Credentials) -> None:
        self._credentials = of

    def token(self) -> str:
        return self._credentials.token()


class Faults(NamedTuple):
    """What keeps a client from its work, each a sentence for the operator, without secrets."""

    brokers: list[str]
    """Why no broker can be used; empty if one can."""
    topics: list[str]
    """What is wrong with single topics."""

    def __str__(self) -> str:
        return "; ".join([*self.brokers, *self.topics])


NO_FAULTS = Faults([], [])


def find_faults(options: KafkaOptions, topics: Sequence[str]) -> Faults:
    """Tries the brokers in turn until one can be used, and asks it for the topics. Takes `TIMEOUT_S` a step at most."""
    faults: list[str] = []
    for url in options.brokers:
        try:
            with _Connection(options, url) as connection:
                connection.log_in()
                return connection.look(topics)
        except RefusedLoginError as error:
            faults.append(str(error))  # of the issuer
        except OSError as error:
            faults.append(f"{_text(_address(url))}: {options.tls.explain(str(error))}")
    return Faults(faults, [])


class _HungUpError(ConnectionError):
    """The broker ended the connection instead of answering."""


class _Connection:
    """A connection to one broker, a request at a time. Whatever is wrong is an `OSError` that says what to do."""

    def __init__(self, options: KafkaOptions, url: str) -> None:
        self.options = options
        self.host, self.port = _address(url)
        self._protocol = KafkaProtocol(client_id=CLIENT)
        self._socket = socket.create_connection((self.host, self.port), TIMEOUT_S)
        try:
            if options.uses_tls:
                self._begin_tls(options.tls)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def log_in(self) -> None:
        """Greets, and logs in where there is a user."""
        try:
            self._ask(ApiVersionsRequest(version=0))
        except _HungUpError as error:
            raise ConnectionError(self._why_silent(str(error))) from error
        login = self.options.login()
        if not login:
            return
        mechanism = login["sasl_mechanism"]
        answer = self._ask(SaslHandshakeRequest(mechanism=mechanism, version=1))
        if mechanism not in answer.mechanisms:
            offer = " or ".join(answer.mechanisms)
            remedy = f"set mechanism to {offer}" if offer else "remove the login, or take another port"
            if "OAUTHBEARER" in answer.mechanisms:
                remedy = "set `oidc`, not `username` and `password`"
            elif offer and mechanism == "OAUTHBEARER":
                remedy = f"set username and password, and mechanism to {offer}; or take another port"
            raise ConnectionError(f"takes no login by {mechanism} on this port: {remedy}")
        exchange = get_sasl_mechanism(mechanism)(host=self.host, **login)
        while not exchange.is_done():
            answer = self._ask(SaslAuthenticateRequest(exchange.auth_bytes(), version=0))
            if answer.error_code:
                text = answer.error_message or for_code(answer.error_code).__name__
                raise ConnectionError(f"refused the login of {self.options.user!r}: {text}")
            exchange.receive(answer.auth_bytes)

    def look(self, topics: Sequence[str]) -> Faults:
        """What is wrong with the topics, and with the brokers that the cluster names."""
        request = MetadataRequest(
            topics=[MetadataRequest.MetadataRequestTopic(name=topic) for topic in topics],
            allow_auto_topic_creation=False,
            version=_METADATA_VERSION,
        )
        try:
            metadata = self._ask(request)
        except _HungUpError as error:
            remedy = "see its log" if self.options.login() else "set username and password, or oidc"
            raise ConnectionError(f"{error}, it may demand a login: {remedy}") from error
        unreachable = [
            fault
            for broker in metadata.brokers
            if (broker.host, broker.port) != (self.host, self.port)
            and (fault := _unreachable(broker.host, broker.port))
        ]
        if unreachable and len(unreachable) == len(metadata.brokers):
            advertised = "the cluster names brokers that cannot be reached from here (advertised.listeners)"
            return Faults([f"{advertised}: {', '.join(unreachable)}"], [])
        user = self.options.user
        return Faults([], [_topic_fault(topic, user) for topic in metadata.topics if topic.error_code])

    def _begin_tls(self, tls: Tls) -> None:
        try:
            self._socket = tls.context().wrap_socket(self._socket, server_hostname=self.host)
        except OSError as error:
            if not any(sign in str(error) for sign in _TLS_SPOKEN_TO_NO_TLS):
                raise
            raise ConnectionError(
                f"does not speak TLS on this port: write kafka://, or its port for TLS ({error})"
            ) from error

    def _ask(self, request: Any) -> Any:
        """The answer. Raises `_HungUpError`, or `OSError`."""
        self._protocol.send_request(request)
        try:
            self._socket.sendall(self._protocol.send_bytes())
            while data := self._socket.recv(65_536):
                if data.startswith(_ALERT):
                    break
                for _, answer in self._protocol.receive_bytes(data):
                    return answer
        except (ssl.SSLError, ConnectionResetError, BrokenPipeError) as error:
            hint = (
                " (it may demand a client certificate: option tls.cert_file)" if self.options.uses_tls else ""
            )
            raise _HungUpError(f"hung up: {error}{hint}") from error
        except TimeoutError as error:
            raise _HungUpError(f"gave no answer within {TIMEOUT_S:.0f} s") from error
        except KafkaProtocolError as error:
            raise ConnectionError(f"does not speak Kafka's protocol: {error}") from error
        raise _HungUpError("hung up")

    def _why_silent(self, fault: str) -> str:
        """Of a broker that did not answer the first request: whether it waits for TLS."""
        if self.options.uses_tls:
            return fault
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            with (
                socket.create_connection((self.host, self.port), TIMEOUT_S) as connection,
                context.wrap_socket(connection),
            ):
                return "speaks TLS on this port: write kafka+ssl://"
        except OSError:
            return f"{fault}: is it a broker of Kafka?"


def _topic_fault(topic: Any, user: str) -> str:
    error = for_code(topic.error_code).__name__
    if error == "UnknownTopicOrPartitionError":
        return f"no topic {topic.name!r}: create it, or correct its name"
    if error == "TopicAuthorizationFailedError":
        return f"{user} may not use topic {topic.name!r}: its access rules (ACL) lack Describe, with Read or Write"
    return f"topic {topic.name!r}: {error}"


def _unreachable(host: str, port: int) -> str | None:
    try:
        socket.create_connection((host, port), TIMEOUT_S).close()
    except OSError as error:
        return f"{_text((host, port))}: {error}"
    return None


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or DEFAULT_PORT


def _text(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"
