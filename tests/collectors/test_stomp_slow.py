"""A store that is away for hours: brokers cut off who acknowledges nothing. Nothing is lost, and memory does not grow."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lakescope.collectors.stomp import GOODBYE_S, StompCollector, StompOptions
from lakescope.core.inbox import Inbox
from lakescope.core.messages import Message
from tests.collectors.test_stomp import send
from tests.contract._bodies import hermes
from tests.e2e._lakescope import until
from tests.servers.activemq import ActiveMQ
from tests.servers.fixtures import StartServer
from tests.servers.rabbitmq import RabbitMQ

PATIENCE_S = 2
"""Of the broker with a consumer; of a real one minutes or half an hour."""
WAITS = "connects again once the messages under way are stored"


class Broker(NamedTuple):
    """One that cuts off slow consumers."""

    url: str
    options: dict[str, Any]
    send: Callable[[Sequence[bytes]], None]
    size: Callable[[], int]


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.server(name)) for name in ("activemq", "rabbitmq")]
)
def broker(request: pytest.FixtureRequest, start_server: StartServer) -> Broker:
    if request.param == "activemq":
        activemq = start_server(ActiveMQ, abort_slow_s=PATIENCE_S)
        return Broker(
            activemq.stomp_url,
            {},
            lambda bodies: send(activemq, "/queue/slow", bodies),
            lambda: activemq.queue_size("slow"),
        )
    rabbitmq = start_server(RabbitMQ, consumer_timeout_s=PATIENCE_S)
    return Broker(
        rabbitmq.stomp_url,
        {"vhost": "/", "username": rabbitmq.user, "password": rabbitmq.password},
        lambda bodies: rabbitmq.send("/queue/slow", bodies),
        lambda: rabbitmq.queue_size("slow"),
    )


@contextmanager
def running(broker: Broker, tmp_path: Path) -> Iterator[tuple[StompCollector, Inbox]]:
    """The collector and what it has put; nobody acknowledges but the test."""
    options = StompOptions(format="hermes", brokers=[broker.url], destination="/queue/slow", **broker.options)
    collector, inbox, stop = StompCollector("mq", options, tmp_path), Inbox(limit=1), threading.Event()
    thread = threading.Thread(target=collector.run, args=(inbox, stop))
    thread.start()
    try:
        yield collector, inbox
    finally:
        stop.set()
        thread.join()
        collector.close()


def take(inbox: Inbox, count: int) -> list[Message]:
    messages: list[Message] = []
    while len(messages) < count:
        messages += inbox.take() or []
    return messages


def test_a_consumer_that_was_cut_off_asks_again_when_all_is_stored(broker: Broker, tmp_path: Path) -> None:
    bodies = hermes(30)
    broker.send(bodies)
    with running(broker, tmp_path) as (collector, inbox):
        until(lambda: WAITS in collector.health.detail, 30, lambda: collector.health.detail)
        assert collector.health.state == "connecting"
        time.sleep(3 * PATIENCE_S)  # what is waited for is that nothing comes again
        assert inbox.received == len(bodies)
        first = take(inbox, len(bodies))
        collector.acknowledge(first[:-1])
        time.sleep(1)
        assert inbox.received == len(bodies)
        collector.acknowledge(first[-1:])
        second = take(inbox, len(bodies))  # the broker was not told: it gives them once more
        assert sorted(one.body for one in second) == sorted(bodies)
        collector.acknowledge(second)
        until(lambda: collector.health.state == "ok", 10, lambda: collector.health.detail)
        until(lambda: broker.size() == 0, 20, lambda: f"{broker.size()} left")
        assert inbox.received == 2 * len(bodies)


@pytest.mark.parametrize("broker", ["activemq"], indirect=True)
@pytest.mark.server("activemq")
def test_it_stops_while_it_waits(broker: Broker, tmp_path: Path) -> None:
    broker.send(hermes(3))
    with running(broker, tmp_path) as (collector, _):
        until(lambda: WAITS in collector.health.detail, 30, lambda: collector.health.detail)
        begin = time.monotonic()
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize(("failover", "state"), [(True, "ok"), (False, "connecting")])
def test_of_brokers_that_stand_in_for_one_another_one_is_enough(
    tmp_path: Path, activemq: ActiveMQ, unique_name: str, failover: bool, state: str
) -> None:
    options = StompOptions(
        format="hermes",
        brokers=["stomp://127.0.0.1:1", activemq.stomp_url],
        destination=f"/queue/{unique_name}",
        failover=failover,
    )
    collector, stop = StompCollector("mq", options, tmp_path), threading.Event()
    thread = threading.Thread(target=collector.run, args=(Inbox(), stop))
    thread.start()
    until(
        lambda: (
            collector.health.detail.startswith("1 of 2 brokers connected; 127.0.0.1:1: ")
            and "refused" in collector.health.detail
        ),
        20,
        lambda: collector.health.detail,
    )
    assert collector.health.state == state
    stop.set()
    thread.join()
    collector.close()


@pytest.mark.server("activemq")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_broker_that_reads_nothing_holds_back_no_end(
    tls: bool, start_server: StartServer, tmp_path: Path
) -> None:
    """Whoever sends acknowledgements waits for it, and saying goodbye, above all by TLS, would wait as well."""
    activemq = start_server(ActiveMQ, tls="server")
    options: dict[str, Any] = {}
    if tls:
        options = {"tls": {"ca_file": activemq.authority.certificate}}
    broker = Broker(activemq.stomp_tls_url if tls else activemq.stomp_url, options, lambda _: None, lambda: 0)
    with running(broker, tmp_path) as (collector, _):
        until(lambda: collector.health.state == "ok", 20, lambda: collector.health.detail)
        (link,) = [one._link for one in collector._brokers()]
        assert link is not None
        os.kill(activemq.pid, signal.SIGSTOP)
        try:
            writer = threading.Thread(target=link.acknowledge, args=(["x" * 1000] * 30_000,))
            writer.start()
            writer.join(1)
            assert writer.is_alive(), "it was to wait for the broker"
            begun = time.monotonic()
            collector.close()
            assert time.monotonic() - begun < 3 * GOODBYE_S
            writer.join(10)
            assert not writer.is_alive()
        finally:
            os.kill(activemq.pid, signal.SIGCONT)
