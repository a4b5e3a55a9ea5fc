"""STOMP from real brokers: all of them read, TLS checked, faults told in words, nothing lost over a restart."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import stomp

from lakescope.collectors._reading import Pieces
from lakescope.core.framing import WHOLE_BYTES
from tests.contract._bodies import SAMPLES, events_of, hermes
from tests.contract._running import Archiving
from tests.e2e._lakescope import publish, until
from tests.servers._proxy import Proxy
from tests.servers._tls import Authority
from tests.servers.activemq import ActiveMQ
from tests.servers.fixtures import StartServer

PASSWORD = "pass-w0rd-of-the-lake"
LOGIN = ("lake", PASSWORD)


def collector(destination: str, *brokers: str, **options: object) -> str:
    """A stomp collector as configuration; options as they stand in TOML."""
    lines = "\n".join(f"{key} = {value}" for key, value in options.items())
    urls = ", ".join(f'"{broker}"' for broker in brokers)
    return (
        '[collectors.mq]\ntype = "stomp"\nformat = "hermes"\n'
        f'destination = "{destination}"\nbrokers = [{urls}]\n{lines}\n'
    )


@contextlib.contextmanager
def connected(broker: ActiveMQ, login: tuple[str, str] | None = None) -> Iterator[Any]:
    """A connection of a producer."""
    connection = stomp.StompConnection12([(broker.host, broker.port)])
    connection.connect(*(login or ()), wait=True)
    yield connection
    opened = connection.transport.socket
    connection.disconnect()
    opened.close()  # stomp.py 8.2 leaves it open


def send(
    broker: ActiveMQ,
    destination: str,
    bodies: Sequence[bytes],
    headers: Mapping[str, str] | None = None,
    login: tuple[str, str] | None = None,
) -> None:
    """Publishes bodies, persistent; returns once the broker has them."""
    with connected(broker, login) as connection:
        for body in bodies:
            connection.send(destination, body, headers={"persistent": "true", **(headers or {})})
        waiter = stomp.listener.WaitingListener("sent")
        connection.set_listener("receipt", waiter)
        connection.send(f"{destination}.end", b"", receipt="sent")
        waiter.wait_on_receipt()


def test_all_brokers_are_read_and_told_what_is_safe(
    tmp_path: Path, activemq: ActiveMQ, second_activemq: ActiveMQ, unique_name: str
) -> None:
    bodies = hermes(60)
    brokers = (activemq, second_activemq)
    publish([(b.host, b.port) for b in brokers], f"/queue/{unique_name}", [(body, {}) for body in bodies])
    urls = [broker.stomp_url for broker in brokers]
    with Archiving(tmp_path, collector(f"/queue/{unique_name}", *urls)) as lakescope:
        lakescope.arrived(events_of("hermes", bodies))
        until(lambda: lakescope.acknowledged(60), 10)
        until(lambda: lakescope.told == "ok: 2 of 2 brokers connected", 10, lambda: lakescope.told)
        assert lakescope.stop()
    assert [broker.queue_size(unique_name) for broker in brokers] == [0, 0]


def test_a_large_array_is_cut_and_acknowledged_as_a_whole(
    tmp_path: Path, activemq: ActiveMQ, unique_name: str
) -> None:
    """As archives keep FTS's messages."""
    sample = (SAMPLES / "fts_3.14.4_complete_ok.txt").read_bytes().rstrip(b"\x04\n")
    (tr_id,) = re.findall(rb'"tr_id"\s*:\s*"([^"]+)"', sample)
    bodies = [sample.replace(tr_id, tr_id + b"%d" % number) for number in range(1_500)]
    array = b"[" + b",".join([*bodies, b'{"tr_id": 3}']) + b"]"
    assert len(array) > 2 * WHOLE_BYTES
    send(activemq, f"/queue/{unique_name}", [array])
    options = collector(f"/queue/{unique_name}", activemq.stomp_url).replace("hermes", "fts")
    with Archiving(tmp_path, options) as lakescope:
        (pipeline,) = lakescope.engine.pipelines
        until(lambda: pipeline.inbox.received > 1, 20)
        until(lambda: len(lakescope.stored()) == len(bodies), 30)
        until(lambda: activemq.queue_size(unique_name) == 0, 10)
        assert lakescope.acknowledged(pipeline.inbox.received)
        assert len(lakescope.engine.dead_letters.ids()) == 1
        assert lakescope.stop()


def test_what_was_cut_is_safe_once_all_of_it_is() -> None:
    """In any order, by any thread."""
    pieces = Pieces()
    pieces.open("a", 3)
    pieces.open("b")
    assert pieces.close(["a", "b"]) == ["b"]
    pieces.open("a")
    assert pieces.close(["a", "a"]) == []
    assert pieces.close(["a"]) == ["a"]
    pieces.open("a", 4_000)
    with ThreadPoolExecutor(4) as pool:
        whole = pool.map(pieces.close, [["a"]] * 4_000)
    assert list(chain.from_iterable(whole)) == ["a"]


def test_a_selector_leaves_messages_to_others(tmp_path: Path, activemq: ActiveMQ, unique_name: str) -> None:
    wanted, others = hermes(5), hermes(5, start=100)
    send(activemq, f"/queue/{unique_name}", wanted, {"event_type": "transfer-done"})
    send(activemq, f"/queue/{unique_name}", others, {"event_type": "deletion-done"})
    options = {"selector": "\"event_type LIKE 'transfer-%'\""}
    with Archiving(tmp_path, collector(f"/queue/{unique_name}", activemq.stomp_url, **options)) as lakescope:
        lakescope.arrived(events_of("hermes", wanted))
        until(lambda: activemq.queue_size(unique_name) == len(others), 10)
        assert lakescope.stored().keys() == events_of("hermes", wanted).keys()


def test_a_durable_subscription_keeps_what_is_published_meanwhile(
    tmp_path: Path, activemq: ActiveMQ, unique_name: str
) -> None:
    topic = f"/topic/{unique_name}"
    configuration = collector(topic, activemq.stomp_url, durable=f'"{unique_name}"')
    first, second = hermes(3), hermes(3, start=50)
    with Archiving(tmp_path, configuration) as lakescope:
        until(lambda: lakescope.told.startswith("ok"), 10, lambda: lakescope.told)
        send(activemq, topic, first)
        lakescope.arrived(events_of("hermes", first))
        assert lakescope.stop()
    send(activemq, topic, second)
    with Archiving(tmp_path, configuration) as lakescope:
        lakescope.arrived(events_of("hermes", first) | events_of("hermes", second))


def test_a_refused_subscription_is_told_and_not_repeated_at_once(
    tmp_path: Path, activemq: ActiveMQ, unique_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A broker accepts the login, then says no: asked again with patience, not as fast as the network goes."""
    caplog.set_level("INFO")
    configuration = collector(f"/queue/{unique_name}", activemq.stomp_url, selector='"not ((a selector"')
    with Archiving(tmp_path, configuration) as lakescope:
        until(lambda: "not ((a selector" in lakescope.told, 10, lambda: lakescope.told)
        assert lakescope.told.startswith("connecting: 0 of 1 brokers connected; ")
        assert lakescope.get("/readyz").status_code == 503
        time.sleep(1.0)  # for the attempts that there should not be
    assert "stomp_connected" not in caplog.text
    assert caplog.text.count("stomp_disconnected") == 0


def test_nobody_there(tmp_path: Path) -> None:
    with Archiving(tmp_path, collector("/queue/x", "stomp://127.0.0.1:1")) as lakescope:
        until(lambda: "Connection refused" in lakescope.told, 10, lambda: lakescope.told)
        assert lakescope.told.startswith("connecting: 0 of 1 brokers connected; 127.0.0.1:1: ")
        begun = time.monotonic()
        assert lakescope.stop()
        assert time.monotonic() - begun < 5


@pytest.mark.server("activemq")
def test_over_restarts_of_the_broker_nothing_is_lost(
    tmp_path: Path, start_server: StartServer, unique_name: str
) -> None:
    """Stopped as for an upgrade, then killed; messages in between, and some under way."""
    broker = start_server(ActiveMQ)
    bodies = hermes(90)
    queue = f"/queue/{unique_name}"
    send(broker, queue, bodies[:30])
    pipeline = "[pipeline]\nbatch_age_s = 0.05\nbatch_messages = 7\n"
    with Archiving(tmp_path, collector(queue, broker.stomp_url), pipeline=pipeline) as lakescope:
        until(lambda: lakescope.acknowledged(1), 10, lambda: lakescope.told)
        broker.stop()
        until(lambda: lakescope.told.startswith("connecting: 0 of 1"), 10, lambda: lakescope.told)
        broker.start()
        send(broker, queue, bodies[30:60])
        until(lambda: lakescope.told == "ok: 1 of 1 brokers connected", 40, lambda: lakescope.told)
        broker.kill()
        until(lambda: lakescope.told.startswith("connecting: 0 of 1"), 10, lambda: lakescope.told)
        broker.start()
        send(broker, queue, bodies[60:])
        until(lambda: broker.queue_size(unique_name) == 0, 40, lambda: lakescope.told)
        assert (
            lakescope.stored().keys() == events_of("hermes", bodies).keys()
        )  # some twice: not acknowledged in time


# --- TLS and logins --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActiveMQ]:
    """A broker that demands a client certificate on its TLS port, and a login on both."""
    with ActiveMQ(tmp_path_factory.mktemp("guarded"), users=dict([LOGIN]), tls="mutual") as broker:
        yield broker


def tls(**files: object) -> str:
    """TLS options as configuration."""
    lines = "\n".join(f'{key} = "{value}"' for key, value in files.items())
    return f"[collectors.mq.tls]\n{lines}\n"


@pytest.mark.server("activemq")
def test_tls_with_a_client_certificate(tmp_path: Path, guarded: ActiveMQ, unique_name: str) -> None:
    bodies = hermes(20)
    send(guarded, f"/queue/{unique_name}", bodies, login=LOGIN)
    pair = guarded.authority.issue("lakescope")
    options = collector(
        f"/queue/{unique_name}", guarded.stomp_tls_url, username='"lake"', password=f'"{PASSWORD}"'
    )
    files = tls(ca_file=guarded.authority.certificate, cert_file=pair.certificate, key_file=pair.key)
    with Archiving(tmp_path, options + files) as lakescope:
        lakescope.arrived(events_of("hermes", bodies))
        until(lambda: guarded.queue_size(unique_name) == 0, 10)


@pytest.mark.server("activemq")
@pytest.mark.parametrize(
    "what", ["another CA", "the system's CAs", "no certificate", "another's certificate"]
)
def test_tls_that_does_not_fit_is_told(tmp_path: Path, guarded: ActiveMQ, what: str) -> None:
    stranger = Authority(tmp_path / "stranger")
    pair = guarded.authority.issue("lakescope")
    mine: dict[str, object] = {"cert_file": pair.certificate, "key_file": pair.key}
    theirs = stranger.issue("stranger")
    ca: dict[str, object] = {"ca_file": guarded.authority.certificate}
    files, told = {
        "another CA": (mine | {"ca_file": stranger.certificate}, "CERTIFICATE_VERIFY_FAILED"),
        "the system's CAs": (mine, "CERTIFICATE_VERIFY_FAILED"),
        "no certificate": (ca, "it may demand a client certificate: option tls.cert_file"),
        "another's certificate": (
            ca | {"cert_file": theirs.certificate, "key_file": theirs.key},
            "it may demand a client certificate: option tls.cert_file",
        ),
    }[what]
    options = collector("/queue/x", guarded.stomp_tls_url, username='"lake"', password=f'"{PASSWORD}"')
    with Archiving(tmp_path, options + tls(**files)) as lakescope:
        until(lambda: told in lakescope.told, 60, lambda: lakescope.told)
        assert PASSWORD not in lakescope.get("/api/status").text


@pytest.mark.server("activemq")
def test_a_certificate_of_another_host_is_refused(tmp_path: Path, guarded: ActiveMQ) -> None:
    """Signed by the right CA, made out to localhost and 127.0.0.1, and shown by 127.0.0.2."""
    with Proxy(("127.0.0.2", 0), guarded.tls_port) as proxy:
        pair = guarded.authority.issue("lakescope")
        url = f"stomp+ssl://127.0.0.2:{proxy.port}"
        files = tls(ca_file=guarded.authority.certificate, cert_file=pair.certificate, key_file=pair.key)
        with Archiving(tmp_path, collector("/queue/x", url) + files) as lakescope:
            told = "IP address mismatch, certificate is not valid for '127.0.0.2'"
            until(lambda: told in lakescope.told, 60, lambda: lakescope.told)


@pytest.mark.server("activemq")
@pytest.mark.parametrize("password", ['"wrong-secret"', None])
def test_a_wrong_password_is_told_without_it(
    tmp_path: Path, guarded: ActiveMQ, password: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    given = {"username": '"lake"', "password": password} if password else {}
    with Archiving(tmp_path, collector("/queue/x", guarded.stomp_url, **given)) as lakescope:
        wanted = "User name [lake] or password is invalid" if password else "User name [null] or password"
        until(lambda: wanted in lakescope.told, 20, lambda: lakescope.told)
        assert "wrong-secret" not in lakescope.get("/api/status").text + lakescope.get("/readyz").text
    assert "wrong-secret" not in caplog.text
