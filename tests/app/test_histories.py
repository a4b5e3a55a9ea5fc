"""Earlier windows that are kept from hour to hour are those that a store would tell if it were asked for all of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from lakescope.alerts.evaluate import key, questions_of
from lakescope.alerts.model import Absence, Baseline, Condition, Rule
from lakescope.app.histories import Histories
from lakescope.app.query import Answer, ask_many
from lakescope.core.events import Event, Poll, RucioMetric, Storage
from lakescope.core.events import Rule as Rules
from lakescope.kpis import Query
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from tests.app._searched import transfer

HOUR, DAY = 3600, 86_400
NOW = 1_767_614_400.0  # 2026-01-05T12:00:00Z
RISES = Baseline(history_s=DAY, ratio_above=3, least=1, least_windows=1)


def rule(kpi: str, condition: Condition, by: tuple[str, ...] = (), window_s: int = HOUR, **rest: Any) -> Rule:
    name = f"{kpi} by {' '.join(by)} in {window_s}"
    fields = {"name": name, "title": "T", "summary": "", "description": ""} | rest
    return Rule(kpi=kpi, condition=condition, by=by, window_s=window_s, **fields)


RULES = (
    rule("transfers_failed", replace(RISES, missing_is_zero=True), ("dst_rse",)),
    rule("transfers_ended", Absence(history_s=DAY, least_windows=1), ("dst_rse",)),
    rule("queue_time_p50", RISES, window_s=6 * HOUR),
    rule("transfers_ended", RISES, window_s=5 * HOUR),  # which cuts the first window
    rule("transfers_ended", RISES, window_s=1800, late_s=300),
    rule("rules_stuck", RISES),  # a state that is polled
    rule("storage_used", RISES, ("rse",)),
    rule("storage_used", RISES, ("rse",), window_s=1800),  # reports are rarer: the answer's windows are wider
)


RUCIO: dict[str, Any] = {"id": "", "source": "rucio", "collector": "rucio"}


def text(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[DuckdbSink]:
    made = DuckdbSink("duck", DuckdbOptions(), tmp_path)
    yield made
    made.close()


class Lake:
    """Events of a store, hour after hour."""

    def __init__(self, sink: DuckdbSink) -> None:
        self.sink = sink
        self.random = random.Random(7)
        self.count = 0

    def moment(self, begin: float) -> str:
        return text(begin + self.random.randrange(HOUR))

    def pass_hour(self, begin: float, *, is_whole: bool = True) -> None:
        """What happens in an hour; a part of it may be reported later."""
        events: list[Event] = []
        for _ in range(self.random.randrange(1, 6)):
            event, rse = self.random.choice(("failed", "done")), self.random.choice(("A", "B", None))
            wait_s = float(self.random.randrange(1000))
            events.append(transfer(event, self.moment(begin), dst_rse=rse, queue_s=wait_s))
        for rse in ("A", "B") if is_whole else ("A",):
            used = self.random.randrange(1000)
            events.append(Storage(**RUCIO, time=self.moment(begin), rse=rse, used=used))
        for minute in range(0, 60, 10) if is_whole else ():
            time, stuck = text(begin + 60 * minute), range(self.random.randrange(3))
            events.append(
                Poll(**RUCIO, time=time, kind="rules", scope="q", complete=True, count=1, interval_s=600.0)
            )
            events += [Rules(**RUCIO, time=time, event="stuck", rule_id=f"{one}", poll="q") for one in stuck]
        self.write(events)

    def write(self, events: Sequence[Event]) -> None:
        events = [replace(one, id=f"{self.count + number:032x}") for number, one in enumerate(events)]
        self.count += len(events)
        outcome = self.sink.write(self.sink.encode(events, [msgspec.json.encode(one) for one in events]))
        assert not (outcome.retry or outcome.rejected)


class Asker:
    """A store's answers, and how many hours of each were asked."""

    def __init__(self, sink: DuckdbSink) -> None:
        self.sink = sink
        self.is_down = False
        self.hours = 0.0

    def __call__(self, queries: Mapping[str, Query]) -> Mapping[str, Answer]:
        if self.is_down:
            return {}
        spans = [one for one in queries.values() if not one.kpi.name.startswith("events of")]
        self.hours += sum((one.until - one.since).total_seconds() / HOUR for one in spans)
        return dict(zip(queries, ask_many(list(queries.values()), self.sink), strict=True))


def queries_at(rules: Sequence[Rule], now: float) -> dict[str, Query]:
    return {key(query): query for one in rules for query in questions_of(one, now).past}


def usual(histories: Histories, asker: Asker, now: float, rules: Sequence[Rule] = RULES) -> dict[str, Any]:
    """What each rule is told, by its history."""
    answers = histories.answers(queries_at(rules, now), asker)
    return {
        f"{query.kpi.name} {query.by} {query.bin_s}": (answers[name].usual({"dst_rse"}), answers[name].count)
        for name, query in queries_at(rules, now).items()
        if name in answers
    }


def test_what_is_kept_is_what_the_store_tells_of_all(sink: DuckdbSink) -> None:
    """With events that arrive late, a store that is down for an hour, a gap of hours, a rule that is added, and a restart."""
    lake, asker, kept = Lake(sink), Asker(sink), Histories()
    for hours in range(60, 0, -1):
        lake.pass_hour(NOW - hours * HOUR)
    first = usual(kept, asker, NOW, RULES[:-2])
    assert first == usual(Histories(), Asker(sink), NOW, RULES[:-2])
    assert [name for name, (groups, windows) in first.items() if not groups or not windows] == []
    whole, rules = asker.hours, RULES[:-2]
    at = NOW
    for name, hours in (("next", 1), ("late", 1), ("down", 1), ("gap", 7), ("added", 1), ("older late", 1)):
        for _ in range(hours):
            lake.pass_hour(at)
            at += HOUR
        if name == "late":
            lake.pass_hour(at - 3 * HOUR, is_whole=False)
            lake.pass_hour(at - 9 * HOUR)
        if name == "older late":
            lake.pass_hour(at - 30 * HOUR)  # before the range of a day, but what a state was then
        if name == "added":
            rules = RULES
        if name == "down":
            asker.is_down = True
            assert usual(kept, asker, at, rules) == {}
            asker.is_down = False
        asker.hours = 0.0
        found = usual(kept, asker, at, rules)
        assert found == usual(Histories(), Asker(sink), at, rules), name
        assert len(found) == len(rules) + 1
        if name == "next":
            assert asker.hours < whole / 4, "only what is new is asked"
        asker.hours = 0.0
        assert usual(kept, asker, at + 300, rules) == found
        assert asker.hours == 0.0, "and nothing until the next hour"


def test_a_counter_counts_from_the_event_before_so_that_all_is_asked(sink: DuckdbSink) -> None:
    lake, asker, kept = Lake(sink), Asker(sink), Histories()
    counted = [rule("rucio_submission_failures", RISES)]
    for hours in range(30, -3, -1):
        begin = NOW - hours * HOUR
        lake.write([RucioMetric(**COUNTER, time=text(begin), value=40.0 - hours)])
        if hours <= 1:
            found = usual(kept, asker, begin + 2 * HOUR, counted)
            assert found == usual(Histories(), Asker(sink), begin + 2 * HOUR, counted)
            ((groups, windows),) = found.values()
            assert (groups[()].median, windows) == (1.0, 23), (
                "the first event of the range has none before it"
            )


COUNTER: dict[str, Any] = {
    "id": "",
    "source": "prometheus",
    "component": "transfertool.fts3",
    "metric": "submission",
    "kind": "counter",
    "instance": "i",
    "series": "s",
    "state": "failure",
}
