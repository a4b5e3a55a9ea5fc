"""Brokers that come, go and fall silent: aliases that move, names that do not resolve, heartbeats of real brokers.

The name service is the test's own; behind the addresses that it gives stands a real broker.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from lakescope.collectors import _addresses
from lakescope.collectors._addresses import Address, parse
from tests.collectors.test_stomp import collector, send
from tests.contract._bodies import events_of, hermes
from tests.contract._issuer import CLIENT, TestIssuer
from tests.contract._issuer import SECRET as CLIENT_SECRET
from tests.contract._running import Archiving
from tests.e2e._lakescope import until
from tests.servers._proxy import Proxy
from tests.servers.activemq import ActiveMQ
from tests.servers.fixtures import StartServer
from tests.servers.rabbitmq import RabbitMQ

ALIAS = "mq.lake.test"


class Names:
    """What the name service answers, to be changed at any time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.forward: dict[str, list[str]] = {}
        self.reverse: dict[str, str] = {}
        self._system = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._getaddrinfo)
        monkeypatch.setattr(socket, "gethostbyaddr", self._gethostbyaddr)

    def _getaddrinfo(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if not str(host).endswith(".lake.test"):
            return list(self._system(host, port, *args, **kwargs))
        if not self.forward.get(host):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            info for address in self.forward[host] for info in self._system(address, port, *args, **kwargs)
        ]

    def _gethostbyaddr(self, address: str) -> tuple[str, list[str], list[str]]:
        if address not in self.reverse:
            raise socket.herror(1, "Unknown host")
        return self.reverse[address], [], [address]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


@contextmanager
def proxies(*hosts: str, to: int) -> Iterator[dict[str, Proxy]]:
    """A proxy at each host, all on one port."""
    with ExitStack() as stack:
        made: dict[str, Proxy] = {}
        for host in hosts:
            made[host] = stack.enter_context(Proxy((host, port_of(made) if made else 0), to))
        yield made


def port_of(made: Mapping[str, Proxy]) -> int:
    return next(iter(made.values())).port


# --- aliases ---------------------------------------------------------------------------------------------


def test_every_address_behind_an_alias_is_read(
    tmp_path: Path, activemq: ActiveMQ, second_activemq: ActiveMQ, unique_name: str, names: Names
) -> None:
    """Also when the name service knows all of them by one name."""
    names.forward = {ALIAS: ["127.0.0.2", "127.0.0.3"]}
    names.reverse = {"127.0.0.2": ALIAS, "127.0.0.3": ALIAS}
    queue = f"/queue/{unique_name}"
    bodies = hermes(20)
    send(activemq, queue, bodies[:10])
    send(second_activemq, queue, bodies[10:])
    with proxies("127.0.0.2", to=activemq.port) as first:
        port = port_of(first)
        configuration = collector(queue, f"stomp://{ALIAS}:{port}", resolve="true")
        with (
            Proxy(("127.0.0.3", port), second_activemq.port),
            Archiving(tmp_path, configuration) as lakescope,
        ):
            lakescope.arrived(events_of("hermes", bodies), 20)
            until(lambda: lakescope.told == "ok: 2 of 2 brokers connected", 10, lambda: lakescope.told)


def test_an_alias_that_moved_is_followed(
    tmp_path: Path, activemq: ActiveMQ, unique_name: str, names: Names
) -> None:
    names.forward = {ALIAS: ["127.0.0.2"]}
    queue = f"/queue/{unique_name}"
    bodies = hermes(20)
    send(activemq, queue, bodies[:10])
    with proxies("127.0.0.2", "127.0.0.3", to=activemq.port) as made:
        url = f"stomp://{ALIAS}:{port_of(made)}"
        with Archiving(tmp_path, collector(queue, url, resolve="true")) as lakescope:
            lakescope.arrived(events_of("hermes", bodies[:10]), 20)
            names.forward = {ALIAS: ["127.0.0.3"]}
            made["127.0.0.2"].shutdown()
            made["127.0.0.2"].server_close()
            made["127.0.0.2"].disconnect()
            send(activemq, queue, bodies[10:])
            until(lambda: activemq.queue_size(unique_name) == 0, 20, lambda: lakescope.told)
            until(lambda: lakescope.told == "ok: 1 of 1 brokers connected", 20, lambda: lakescope.told)
            assert lakescope.stored().keys() == events_of("hermes", bodies).keys()
            assert made["127.0.0.3"].connections


def test_an_address_that_joins_an_alias_is_read_and_one_that_leaves_is_read_on(
    tmp_path: Path, activemq: ActiveMQ, unique_name: str, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakescope.collectors.stomp.RESOLVE_S", 1.0)
    names.forward = {ALIAS: ["127.0.0.2"]}
    with proxies("127.0.0.2", "127.0.0.3", to=activemq.port) as made:
        url = f"stomp://{ALIAS}:{port_of(made)}"
        with Archiving(tmp_path, collector(f"/queue/{unique_name}", url, resolve="true")) as lakescope:
            until(lambda: lakescope.told == "ok: 1 of 1 brokers connected", 20, lambda: lakescope.told)
            names.forward = {ALIAS: ["127.0.0.3"]}
            until(lambda: lakescope.told == "ok: 2 of 2 brokers connected", 20, lambda: lakescope.told)
            made["127.0.0.2"].disconnect()
            until(lambda: lakescope.told == "ok: 1 of 1 brokers connected", 20, lambda: lakescope.told)
            assert [len(proxy.connections) for proxy in made.values()] == [1, 1]


def test_a_name_that_does_not_resolve_is_named_and_stops_no_other(
    tmp_path: Path, activemq: ActiveMQ, unique_name: str, names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    names.forward = {ALIAS: ["127.0.0.1"]}
    bodies = hermes(5)
    send(activemq, f"/queue/{unique_name}", bodies)
    urls = [f"stomp://{ALIAS}:{activemq.port}", "stomp://gone.lake.test:61613"]
    with Archiving(tmp_path, collector(f"/queue/{unique_name}", *urls, resolve="true")) as lakescope:
        lakescope.arrived(events_of("hermes", bodies), 20)
        wanted = "connecting: 1 of 2 brokers connected; gone.lake.test:61613: the name does not resolve: "
        until(lambda: lakescope.told.startswith(wanted), 10, lambda: lakescope.told)
        names.forward["gone.lake.test"] = ["127.0.0.2"]
        until(lambda: "gone.lake.test): [Errno 111]" in lakescope.told, 10, lambda: lakescope.told)
    assert caplog.text.count("stomp_unresolved broker=gone.lake.test:61613") == 1


def behind(names: Names, *addresses: str) -> list[Address]:
    names.forward[ALIAS] = list(addresses)
    return _addresses.resolve(parse(f"stomp+ssl://{ALIAS}"))


def test_a_host_with_two_families_is_one_broker(names: Names) -> None:
    names.reverse = {"192.0.2.1": "a.lake.test", "2001:db8::1": "a.lake.test", "2001:db8::2": "b.lake.test"}
    assert [address.host for address in behind(names, "192.0.2.1", "2001:db8::1", "2001:db8::2")] == [
        "192.0.2.1",
        "2001:db8::2",  # has no other
    ]
    assert [address.host for address in behind(names, "2001:db8::1", "192.0.2.1")] == ["2001:db8::1"]


def test_a_certificate_may_name_the_alias_or_the_broker_within_its_domain(names: Names) -> None:
    names.reverse = {
        "192.0.2.1": "mq1.lake.test",
        "192.0.2.2": "mq.example.org",
        "192.0.2.3": "evillake.test",
    }
    own, *strangers = behind(names, "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4")
    assert own.names == (ALIAS, "mq1.lake.test")
    assert [address.names for address in strangers] == [(ALIAS,)] * 3
    assert str(own) == "192.0.2.1:61613 (mq.lake.test)"


# --- heartbeats ------------------------------------------------------------------------------------------

Publish = Callable[[list[bytes]], None]


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.server(name)) for name in ("activemq", "rabbitmq")]
)
def broker(request: pytest.FixtureRequest, unique_name: str) -> tuple[int, str, Publish, dict[str, object]]:
    """Port, queue, a way to publish there, and options that this broker needs."""
    queue = f"/queue/{unique_name}"
    if request.param == "activemq":
        activemq: ActiveMQ = request.getfixturevalue("activemq")
        return activemq.port, queue, lambda bodies: send(activemq, queue, bodies), {}
    rabbitmq: RabbitMQ = request.getfixturevalue("rabbitmq")
    login = {"username": f'"{rabbitmq.user}"', "password": f'"{rabbitmq.password}"'}
    return rabbitmq.port, queue, lambda bodies: rabbitmq.send(queue, bodies), {"vhost": '"/"', **login}


def test_rabbitmq_wants_a_virtual_host(tmp_path: Path, rabbitmq: RabbitMQ) -> None:
    """Without one a client asks for the virtual host of the broker's name, as STOMP 1.2 has it."""
    login = {"username": f'"{rabbitmq.user}"', "password": f'"{rabbitmq.password}"'}
    with Archiving(tmp_path, collector("/queue/x", rabbitmq.stomp_url, **login)) as lakescope:
        until(lambda: 'set vhost = "/" for RabbitMQ' in lakescope.told, 20, lambda: lakescope.told)


def test_a_quiet_broker_is_not_given_up(
    tmp_path: Path,
    broker: tuple[int, str, Publish, dict[str, object]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A message just after a heartbeat puts the next one off for almost two intervals."""
    port, queue, publish, options = broker
    bodies = hermes(5)
    configuration = collector(queue, f"stomp://127.0.0.1:{port}", heartbeat_s=1, **options)
    with Archiving(tmp_path, configuration) as lakescope:
        for number, body in enumerate(bodies):
            publish([body])
            lakescope.arrived(events_of("hermes", [body]))
            time.sleep(2.2 + number / 5)  # what is waited for is silence, at every phase of the interval
    assert "stomp_disconnected" not in caplog.text


def test_a_broker_that_fell_silent_is_given_up(
    tmp_path: Path, broker: tuple[int, str, Publish, dict[str, object]]
) -> None:
    """Its host is gone without a word: no message comes, and no error either."""
    port, queue, publish, options = broker
    bodies = hermes(2)
    with proxies("127.0.0.2", to=port) as made:
        configuration = collector(queue, f"stomp://127.0.0.2:{port_of(made)}", heartbeat_s=1, **options)
        with Archiving(tmp_path, configuration) as lakescope:
            publish(bodies[:1])
            lakescope.arrived(events_of("hermes", bodies[:1]))
            made["127.0.0.2"].silent.set()
            until(lambda: lakescope.told.startswith("connecting: 0 of 1"), 20, lambda: lakescope.told)
            made["127.0.0.2"].silent.clear()
            made["127.0.0.2"].disconnect()
            publish(bodies[1:])
            lakescope.arrived(events_of("hermes", bodies), 20)


SCOPES = "rabbitmq.read:*/* rabbitmq.write:*/* rabbitmq.configure:*/*"


@pytest.mark.server("rabbitmq")
def test_a_token_of_an_issuer_is_the_passcode(tmp_path: Path, start_server: StartServer) -> None:
    """RabbitMQ checks it by the issuer's key; one that it does not take is told, and another one is fetched."""
    with TestIssuer() as issuer:
        rabbitmq = start_server(RabbitMQ, issuer_key=issuer.keys[0])
        bodies = hermes(3)
        rabbitmq.send("/queue/tokens", bodies)

        def text(audience: str, secret: str = CLIENT_SECRET) -> str:
            oidc = (
                f'{{ token_url = "{issuer.url}/token", client_id = "{CLIENT}", client_secret = "{secret}",'
                f' scope = "{SCOPES}", audience = "{audience}" }}'
            )
            return collector("/queue/tokens", rabbitmq.stomp_url, vhost='"/"', oidc=oidc)

        with Archiving(tmp_path / "other", text("other")) as lakescope:
            until(lambda: "Access refused" in lakescope.told, 20, lambda: lakescope.told)
            until(lambda: issuer.paths.count("/token") > 1, 20)
        with Archiving(tmp_path / "wrong", text("rabbitmq", "wrong-secret")) as lakescope:
            until(lambda: "/token answered 401" in lakescope.told, 20, lambda: lakescope.told)
            assert "wrong-secret" not in lakescope.told
        with Archiving(tmp_path / "right", text("rabbitmq")) as lakescope:
            lakescope.arrived(events_of("hermes", bodies))
            until(lambda: lakescope.told.startswith("ok"), 20, lambda: lakescope.told)
            assert 0 < lakescope.engine.metrics.tokens.of["collectors.mq"].life_s <= 600
