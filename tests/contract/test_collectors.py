"""One contract over all collectors: acknowledged once it is stored and no sooner, and honest about their health.

A new collector brings a harness in `_sources.py`; without one the first test here says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from lakescope.core.messages import Message
from lakescope.core.plugins import available
from lakescope.testing import CollectorContract
from tests.contract._bodies import events_of, scripts
from tests.contract._sources import OWN_WORDS, SERVER, SOURCES, Source
from tests.e2e._lakescope import Lakescope, until
from tests.servers.activemq import ActiveMQ
from tests.servers.fixtures import in_turn
from tests.servers.rabbitmq import RabbitMQ


def test_every_collector_has_a_harness() -> None:
    missing = set(available("collectors")) - {source.type for source in (*SOURCES, *OWN_WORDS)}
    assert not missing, (
        f"collectors {', '.join(sorted(missing))} have no harness: add a Source to tests/contract/_sources.py"
    )


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActiveMQ]:
    """A broker that tests may stop."""
    with ActiveMQ(tmp_path_factory.mktemp("broker")) as server:
        yield server


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """The other broker, likewise."""
    with RabbitMQ(tmp_path_factory.mktemp("rabbit")) as server:
        yield server


@pytest.fixture(params=in_turn(SOURCES, SERVER))
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    """Every source in turn."""
    kind: type[Source] = request.param
    with ExitStack() as stack:
        yield kind(request, tmp_path, stack)


def collector(source: Source) -> str:
    """It as configuration."""
    return f'[collectors.source]\ntype = "{source.type}"\n{source.options()}'


def test_what_is_not_stored_is_not_acknowledged_and_comes_again(source: Source, tmp_path: Path) -> None:
    """The store is away, the process is killed: after a restart every message is there, and then acknowledged."""
    bodies, archive = scripts(40), tmp_path / "archive"
    sink = f'[sinks.store]\ntype = "jsonl"\ndirectory = "{archive}"\n'
    with Lakescope(tmp_path, f"[pipeline]\nbatch_age_s = 0.05\n{collector(source)}{sink}") as lakescope:
        lakescope.start()
        archive.rename(tmp_path / "unmounted")
        source.offer(bodies, str(lakescope.url))
        until(lambda: lakescope.status()["sinks"][0]["retries"] >= 2, 15, lakescope.brief)
        until(lambda: lakescope.status()["collectors"][0]["received_messages"] >= 1, 15, lakescope.brief)
        assert source.held() in (len(bodies), None)
        lakescope.kill()
        assert source.held() in (len(bodies), None)

        lakescope.start()
        wanted = events_of("push", bodies).keys()
        until(lambda: wanted <= _archived(archive), 20, lakescope.brief)
        until(lambda: not source.held(), 20, lakescope.brief)
        begun = time.monotonic()
        assert lakescope.stop() == 0
        assert time.monotonic() - begun < 10
    assert not source.held()


def _archived(archive: Path) -> set[str]:
    lines = (line for path in archive.iterdir() for line in path.read_text().splitlines())
    return {line.partition('"id":"')[2][:32] for line in lines}


class TestCollectors(CollectorContract):
    """What plugins are given, kept by Lakescope's own."""

    @pytest.fixture(autouse=True)
    def _chosen(self, source: Source) -> None:
        self.source = source
        self.type, self.once = source.type, source.once  # type: ignore[misc]
        self.url = ""

    def options(self, directory: Path) -> str:
        return self.source.options()

    def offer(self, bodies: Sequence[bytes]) -> None:
        self.source.offer(bodies, self.url)

    def bodies_of(self, message: Message) -> Sequence[bytes]:
        return self.source.bodies_of(message)

    def held(self) -> int | None:
        return self.source.held()

    def break_down(self) -> None:
        self.source.break_down()

    def mend(self) -> None:
        self.source.mend()


class TestCollectorsWithOwnWords(TestCollectors):
    """The same of those that say what they see themselves."""

    own_words = True

    @pytest.fixture(params=OWN_WORDS, ids=lambda kind: kind.type)
    def source(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
        kind: type[Source] = request.param
        with ExitStack() as stack:
            yield kind(request, tmp_path, stack)
