"""The demo's week: dense enough for every chart, thin enough to be played while somebody waits."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import pytest

from lakescope.cli.demo import DENSE, PAST, messages
from lakescope.core.events import Event
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)  # a Friday noon: the last hour is one of the busiest
MOST_EVENTS = 380_000
SLOT_S = 6 * 3600


@pytest.fixture(scope="module")
def week() -> list[Event]:
    normalise = Normaliser(formats(), lambda events: None)
    events: list[Event] = []
    for wire in takewhile(lambda wire: wire.time < NOW.timestamp(), messages(NOW, seed=1)):
        out = normalise([Message(wire.body, wire.format, wire.headers, wire.time)])
        assert not out.rejects
        events += out.events
    return events


def test_it_is_played_while_somebody_waits(week: list[Event]) -> None:
    assert 200_000 < len(week) <= MOST_EVENTS


def test_no_chart_of_the_week_has_a_hole(week: list[Event]) -> None:
    """Every source has spoken in every quarter of a day, of which the first and the last may be cut."""
    slots = int(PAST / timedelta(seconds=SLOT_S))
    begin = (NOW - PAST).timestamp()
    spoken: dict[tuple[str, str], set[int]] = {}
    for event in week:
        slot = int((datetime.fromisoformat(event.time).timestamp() - begin) // SLOT_S)
        spoken.setdefault((event.dataset, event.source), set()).add(slot)
    wanted = {
        ("transfers", "rucio"),
        ("transfers", "fts"),
        ("deletions", "rucio"),
        ("fts_queue", "fts"),
        ("network", "perfsonar"),
        ("hosts", "collectd"),
        ("hosts", "node_exporter"),
        ("hosts", "telegraf"),
        ("probes", "push"),
        ("storage", "push"),
        ("storage", "rucio-api"),
        ("traces", "trace"),
    }
    for kind in wanted:
        assert spoken[kind] >= set(range(slots)), kind


def test_the_last_hour_is_dense(week: list[Event]) -> None:
    dense = (NOW - DENSE).strftime("%FT%TZ")
    per_hour: Counter[tuple[str, bool]] = Counter((event.dataset, event.time >= dense) for event in week)
    hours = PAST / timedelta(hours=1) - 1
    for dataset in ("transfers", "hosts", "network"):
        assert per_hour[dataset, True] > 3 * per_hour[dataset, False] / hours, dataset
