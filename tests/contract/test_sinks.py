"""One contract over all sinks: in any weather everything is stored once, dead-lettered or filtered, and counted.

A new sink brings a harness in `_stores.py`; without one the first test here says so.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal, get_args

import httpx
import pytest

from lakescope.core.events import DATASETS, Event
from lakescope.core.messages import REASONS
from lakescope.core.plugins import available
from lakescope.pipeline.dead_letters import DeadLetters
from lakescope.testing import SinkContract
from tests.contract._bodies import events_of, hermes, ndjson, scripts, with_md5
from tests.contract._http import Fault
from tests.contract._running import QUICK, Running
from tests.contract._stores import SERVER, STORES, Store
from tests.e2e._lakescope import until
from tests.servers.fixtures import in_turn

Weather = Literal["fair", "trouble that passes", "refusals", "all at once"]
FAULTS: dict[Weather, tuple[Fault, ...]] = {
    "trouble that passes": (503, "lose the answer"),
    "all at once": (429, "hang up"),
}
UNREADABLE = [b'{"event_type": "no-such", "payload": {}, "created_at": "2026-11-22 11:00:00"}', b'"no event"']


def test_every_sink_has_a_harness() -> None:
    missing = set(available("sinks")) - {store.sink for store in STORES}
    assert not missing, (
        f"sinks {', '.join(sorted(missing))} have no harness: add a Store to tests/contract/_stores.py"
    )


@pytest.fixture(params=in_turn(STORES, SERVER))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Every store in turn."""
    kind: type[Store] = request.param
    with ExitStack() as stack:
        yield kind(request, tmp_path, stack)


@pytest.mark.parametrize("weather", get_args(Weather))
def test_all_is_stored_once_or_dead_or_filtered(store: Store, tmp_path: Path, weather: Weather) -> None:
    trouble = FAULTS.get(weather)
    refusals = weather in ("refusals", "all at once") and store.refuses
    everything = weather == "all at once"

    good, documents = hermes(60), scripts(21)
    bad = with_md5(5)
    wanted = events_of("hermes", good, "push") | events_of("push", documents, "push")
    if refusals:
        store.refuse()
    else:
        wanted |= events_of("hermes", bad, "push")
    left_out = [event for event in wanted.values() if everything and event.dataset == "dids"]
    repeated = good[:3] if everything and store.once else []
    unreadable = UNREADABLE if everything else []
    chosen = [name for name in DATASETS if not everything or name != "dids"]

    configuration = (
        f'{QUICK}[collectors.push]\ntype = "http"\n'
        f'[sinks.store]\ntype = "{store.sink}"\ndatasets = {json.dumps(chosen)}\n{store.options()}'
    )
    with Running(tmp_path, configuration) as running:
        sink, lane = running.assembly.sinks["store"], running.engine.lanes["store"]
        list(sink.setup())
        metrics = running.engine.metrics
        with store.troubled(sink, trouble) if trouble else nullcontext():
            _push(running, "hermes", good[:30] + bad[:2] + unreadable + good[30:] + bad[2:] + repeated)
            _push(running, "push", documents)
            if trouble:
                until(lambda: metrics.value(metrics.retries, sink="store"), 20, lambda: lane.health.detail)
        messages = len(good) + len(bad) + len(documents) + len(unreadable) + len(repeated)
        until(
            lambda: running.acknowledged(messages), 40, lambda: (lane.health.detail, running.status.balance())
        )
        assert running.balance() == {
            "collector": "push",
            "sink": "store",
            "received": messages,
            "stored": messages - len(unreadable) - len(left_out) - len(bad) * refusals - _dids(repeated),
            "dead": len(unreadable) + len(bad) * refusals,
            "filtered": len(left_out) + _dids(repeated),
            "overflow": 0,
            "restored": 0,
            "in_flight": 0,
            "holds": True,
        }
        assert lane.health.state == "ok" and not lane.queued_messages
        assert running.stop()

    once = Counter(wanted.keys() - {event.id for event in left_out})
    assert Counter(store.ids()) == once
    letters = list(_letters(tmp_path))
    assert Counter(letter.body for letter in letters if letter.sink == "store") == Counter(
        bad if refusals else []
    )
    assert Counter(letter.body for letter in letters if letter.sink is None) == Counter(unreadable)
    assert len(letters) == len(unreadable) + len(bad) * refusals
    assert all(letter.reason in REASONS for letter in letters)
    with sqlite3.connect(running.data_dir / "push.spool") as spool:
        assert spool.execute("select count(*) from spool").fetchone() == (0,)
    spool.close()


class TestSinks(SinkContract):
    """What plugins are given, kept by Lakescope's own."""

    @pytest.fixture(autouse=True)
    def _chosen(self, store: Store) -> None:
        self.store = store
        self.type, self.once, self.answers = store.sink, store.once, store.answers  # type: ignore[misc]

    def options(self, directory: Path) -> str:
        return self.store.options()

    def stored(self, sink: Any, directory: Path) -> list[str]:
        sink.close()
        return self.store.ids()

    def settle(self, sink: Any) -> None:
        self.store.settle()

    @contextmanager
    def troubled(self, sink: Any) -> Iterator[None]:
        with self.store.troubled(sink, (503, "lose the answer", 429, "hang up")):
            yield

    def refused(self) -> Event:
        if not self.store.refuses:
            super().refused()
        self.store.refuse()
        (event,) = events_of("hermes", with_md5(1)).values()
        return event


def _push(running: Running, format_: str, bodies: list[bytes]) -> None:
    answer = httpx.post(
        f"{running.url}/push/{format_}",
        content=ndjson(bodies),
        headers={"content-type": "application/x-ndjson"},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text


def _dids(bodies: list[bytes]) -> int:
    return sum(event.dataset == "dids" for event in events_of("hermes", bodies).values())


def _letters(directory: Path) -> Iterator[Any]:
    dead_letters = DeadLetters(directory / "data" / "dead-letters.sqlite")
    yield from dead_letters.letters()
    dead_letters.close()
