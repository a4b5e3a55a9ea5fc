"""States by example: what holds at a time, since when, and until when. The agreement of all stores is
tests/kpis/test_agreement.py's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lakescope.app.query import ask
from lakescope.core.events import Event, Host, Poll, Rule, Storage
from lakescope.kpis import CATALOGUE, Query
from lakescope.kpis.model import Condition, Rows, StatesQuery
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.transformers.enrichment import Enrichment

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ASKED = "https://rucio.example.org/rules/?state=S"


class Store:
    """Events by minutes from noon, and numbers about a range of minutes."""

    def __init__(self, sink: DuckdbSink) -> None:
        self.sink = sink
        self.written = 0

    def write(self, *events: Event) -> None:
        """Keep them."""
        for event in events:
            self.written += 1
            event.id = f"{self.written:032x}"
        documents = [msgspec.json.encode(event) for event in events]
        self.sink.write([chunk for chunk in self.sink.encode(events, documents) if chunk])

    def ask(self, name: str, since: int, until: int, **rest: Any) -> Any:
        """A KPI's rows; without bins and groups its value."""
        rows = ask(Query(kpi=CATALOGUE[name], since=at(since), until=at(until), **rest), self.sink)
        return rows if rest else rows[0]["value"]

    def stuck(self, since: int, until: int, **rest: Any) -> list[str]:
        """The rules that are listed as stuck, each with the minute of its report; their number is the KPI's."""
        counted = Query(kpi=CATALOGUE["rules_stuck"], since=at(since), until=at(until), **rest)
        rows = ask(StatesQuery(of=counted, columns=("rule_id",)), self.sink)
        assert len(rows) == (ask(counted, self.sink)[0]["value"] or 0)
        return [f"{row['rule_id']} {row['time'][11:16]}" for row in rows]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    sink = DuckdbSink("store", DuckdbOptions(), tmp_path)
    yield Store(sink)
    sink.close()


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def _common(minute: float) -> dict[str, Any]:
    return {"id": "", "time": f"{at(minute):%Y-%m-%dT%H:%M:%SZ}", "source": "rucio-api", "collector": "rucio"}


def storage(minute: float, rse: str, used: int | None = None, **rest: Any) -> Storage:
    return Storage(rse=rse, used=used, **_common(minute), **rest)


def rule(minute: float, name: str, state: str = "stuck", **rest: Any) -> Rule:
    return Rule(event=state, rule_id=name, poll=rest.pop("poll", ASKED), **_common(minute), **rest)


def poll(minute: float, count: int, *, complete: bool = True, scope: str = ASKED, **rest: Any) -> Poll:
    return Poll(
        scope=scope, kind="rules", state="stuck", count=count, complete=complete, **_common(minute), **rest
    )


def test_the_last_report_holds_until_it_is_stale(store: Store) -> None:
    """Every ten minutes from 11:00 to 12:00: stale after half an hour."""
    store.write(*(storage(minute, "A", minute) for minute in range(-60, 1, 10)))
    assert store.ask("storage_used", -60, 1) == 0
    assert store.ask("storage_used", 20, 30) == 0, "a report from before the range"
    assert store.ask("storage_used", 20, 31) is None
    assert store.ask("storage_used", 600, 700) is None
    assert store.ask("storage_used", 0, 30, by=("rse",)) == [{"rse": "A", "value": 0}]
    assert store.ask("storage_used", 20, 31, by=("rse",)) == []


def test_a_bin_without_a_report_has_the_last_value_still(store: Store) -> None:
    """One reports at 10, 30, 50 minutes, the other at 0, 20, 40: what is added up was not reported together."""
    store.write(*(storage(minute, "A", 1000 + minute) for minute in (-10, 10, 30, 50)))
    store.write(*(storage(minute, "B", minute) for minute in (-20, 0, 20, 40)))
    rows = store.ask("storage_used", 0, 60, bin_s=20 * 60)
    assert [row["value"] for row in rows] == [1010, 1030 + 20, 1050 + 40]
    assert rows.bin_s == 20 * 60


def test_no_bin_is_finer_than_the_reports(store: Store) -> None:
    store.write(*(storage(minute, "A", minute) for minute in range(0, 61, 15)))
    rows = store.ask("storage_used", 0, 60, bin_s=300)
    assert isinstance(rows, Rows)
    assert rows.bin_s == 900
    assert [row["value"] for row in rows] == [0, 15, 30, 45]
    assert store.ask("storage_used", 0, 60, bin_s=1800).bin_s == 1800


def test_a_series_that_reported_once_holds_as_long_as_its_sources_others(store: Store) -> None:
    store.write(*(storage(minute, "A", 1) for minute in range(0, 61, 10)), storage(55, "B", 5))
    assert store.ask("storage_used", 0, 80) == 6
    assert store.ask("storage_used", 0, 86) == 1
    store.write(
        storage(
            60,
            "C",
            100,
            vo="alone",
        )
    )
    assert store.ask("storage_used", 0, 85) == 106


def test_one_report_alone_holds_three_days(store: Store) -> None:
    store.write(storage(0, "A", 7))
    assert store.ask("storage_used", 10, 3 * 1440) == 7
    assert store.ask("storage_used", 10, 3 * 1440 + 1) is None


def test_a_configured_interval_goes_before_the_reports_own(store: Store) -> None:
    store.write(*(storage(minute, "A", 1) for minute in range(0, 61, 10)))
    store.write(poll(60, 0, scope="https://rucio.example.org/rses/A/usage", interval_s=3600.0))
    assert store.ask("storage_used", 0, 60 + 180) == 1
    assert store.ask("storage_used", 0, 60 + 181) is None


def test_growth_is_from_the_state_at_the_beginning(store: Store) -> None:
    store.write(*(storage(minute, "A", 10 * minute) for minute in (-10, 20, 50)))
    assert store.ask("storage_growth", 0, 60) == 600
    store.write(storage(30, "B", 3), storage(45, "B", 10))
    assert store.ask("storage_growth", 0, 60) == 607, "a series that begins within the range"
    rows = store.ask("storage_growth", 0, 60, bin_s=1800, by=("rse",))
    assert [(row["rse"], row["value"]) for row in rows] == [("A", 300), ("A", 300), ("B", 7)]


def test_days_to_full_go_by_the_time_between_the_reports(store: Store) -> None:
    """One tebibyte an hour, as two reports of the last hour say: a range of a week does not thin it."""
    store.write(storage(-60, "A", 0), storage(0, "A", 2**40), storage(0, "A", free=48 * 2**40, total=2**50))
    store.write(storage(-60, "B", 0), storage(0, "B", 2**60))  # free space unknown: no part of the sum
    assert store.ask("days_to_full", -7 * 1440, 1) == pytest.approx(2.0)


def test_fullness_is_of_the_last_reports(store: Store) -> None:
    store.write(
        *(storage(minute, "A", free=free, total=100) for minute, free in ((0, 90), (10, 80), (20, 10)))
    )
    store.write(storage(0, "B", free=50, total=100))
    assert store.ask("storage_fullness", 0, 25) == pytest.approx(0.7)


def test_a_rule_that_the_latest_complete_answer_lacks_is_not_stuck(store: Store) -> None:
    store.write(rule(0, "x", stuck_s=60.0), rule(0, "y", stuck_s=600.0), poll(0, 2))
    store.write(rule(10, "x", stuck_s=660.0), poll(10, 1), poll(20, 0))
    assert [store.ask("rules_stuck", -5, minute) for minute in (5, 15, 25)] == [2, 1, 0]
    assert [store.ask("oldest_stuck_rule", -5, minute) for minute in (5, 15, 25)] == [600.0, 660.0, None]
    rows = store.ask("rules_stuck", -10, 30, bin_s=600)
    assert [row["value"] for row in rows] == [2, 1, 0]


def test_an_answer_that_failed_or_was_cut_ends_nothing(store: Store) -> None:
    store.write(rule(0, "x"), rule(0, "y"), poll(0, 2), rule(10, "x"), poll(10, 2, complete=False))
    assert store.ask("rules_stuck", 0, 12) == 2
    store.write(rule(20, "x"), poll(20, 1))
    assert store.ask("rules_stuck", 0, 22) == 1


def test_each_question_ends_its_own_rules_and_a_rule_counts_once(store: Store) -> None:
    other = "https://rucio.example.org/rules/?account=root"
    store.write(rule(0, "x"), rule(0, "y"), poll(0, 2), rule(1, "x", poll=other), poll(1, 1, scope=other))
    store.write(rule(10, "x"), rule(10, "y"), poll(10, 2))
    assert store.ask("rules_stuck", 0, 12) == 2
    store.write(poll(11, 0, scope=other))
    assert store.ask("rules_stuck", 0, 12) == 2


def gauge(minute: float, host: str, metric: str, value: float | None, **labels: str) -> Host:
    event = Host(
        host=host, metric=metric, type="gauge", value=value, labels=labels or None, **_common(minute)
    )
    event.source = "node_exporter"
    Enrichment()([event])
    return event


def disk(minute: float, host: str, mount: str, free: float, size: float = 100.0) -> list[Host]:
    return [
        gauge(minute, host, "node_filesystem_avail_bytes", free, mountpoint=mount),
        gauge(minute, host, "node_filesystem_size_bytes", size, mountpoint=mount),
    ]


def test_a_host_that_reports_more_often_weighs_no_more(store: Store) -> None:
    """One reports each minute and fills up, the other each ten."""
    for minute in range(-10, 11):
        store.write(*disk(minute, "a", "/", 50 - minute), *disk(minute, "a", "/srv", 100))
        store.write(gauge(minute, "a", "node_load1", minute))
    store.write(*(one for minute in (-10, 0, 10) for one in disk(minute, "b", "/", 20)))
    store.write(*(gauge(minute, "b", "node_load1", 90) for minute in (-10, 0, 10)))
    assert store.ask("host_disk", -10, 11) == pytest.approx(1 - (40 + 100 + 20) / 300)
    assert store.ask("host_disk_free", -10, 11) == 20
    assert store.ask("host_load", -10, 11) == (10 + 90) / 2
    rows = store.ask("host_disk", 5, 15, bin_s=300, by=("host",))
    assert [(row["host"], row["value"]) for row in rows] == [
        ("a", pytest.approx(1 - (41 + 100) / 200)),
        ("b", pytest.approx(0.8)),
        ("b", pytest.approx(0.8)),
    ], "at 12:15 what a said at 12:10 is stale"


def test_a_gauge_is_not_known_once_its_agent_is_silent(store: Store) -> None:
    store.write(*(gauge(minute, "a", "node_timex_offset_seconds", -3) for minute in range(0, 21, 5)))
    assert store.ask("host_clock_offset", 0, 35) == 3
    assert store.ask("host_clock_offset", 0, 36) is None
    store.write(*(gauge(minute, "b", "node_timex_offset_seconds", 1) for minute in (0, 30)))
    assert store.ask("host_clock_offset", 0, 90) == 1
    assert store.ask("host_clock_offset", 0, 91) is None, "no report is used for longer than an hour"


def test_memory_of_which_half_is_stale_is_not_known(store: Store) -> None:
    store.write(*(gauge(minute, "a", "node_memory_MemTotal_bytes", 10) for minute in range(0, 21, 5)))
    store.write(*(gauge(minute, "a", "node_memory_MemAvailable_bytes", 4) for minute in (0, 5)))
    assert store.ask("host_memory", 0, 20) == pytest.approx(0.6)
    assert store.ask("host_memory", 0, 21, by=("host",)) == [{"host": "a", "value": None}]


def test_a_mended_rule_is_not_listed(store: Store) -> None:
    store.write(rule(0, "x"), rule(0, "y"), poll(0, 2))
    assert store.stuck(-5, 5) == ["x 12:00", "y 12:00"]
    store.write(rule(10, "x"), poll(10, 1))
    assert store.stuck(-5, 15) == ["x 12:10"], "the latest complete answer lacks y"
    store.write(poll(20, 0))
    assert store.stuck(-5, 25) == []
    assert store.stuck(-5, 15) == ["x 12:10"], "as it was then"


def test_a_rule_reported_before_the_range_is_listed_until_it_is_stale(store: Store) -> None:
    store.write(*(one for minute in (-20, -10, 0) for one in (rule(minute, "x"), poll(minute, 1))))
    assert store.stuck(15, 30) == ["x 12:00"]
    assert store.stuck(15, 31) == []


def test_a_rule_of_two_questions_is_listed_once_by_its_latest_report(store: Store) -> None:
    other = "https://rucio.example.org/rules/?account=root"
    store.write(rule(0, "x"), rule(0, "y"), poll(0, 2), rule(1, "x", poll=other), poll(1, 1, scope=other))
    store.write(rule(2, "z", "replicating", poll=other))
    assert store.stuck(0, 12) == ["x 12:01", "y 12:00"]


def test_the_list_is_narrowed_as_the_number(store: Store) -> None:
    store.write(rule(0, "x", account="root"), rule(0, "y", account="alice"), poll(0, 2))
    assert store.stuck(0, 5, filters={"account": "alice"}) == ["y 12:00"]


def test_what_has_no_value_can_be_chosen_and_left_out(store: Store) -> None:
    store.write(
        rule(0, "x", account=None), rule(0, "y", account="alice"), rule(0, "z", account="bob"), poll(0, 3)
    )
    assert store.stuck(0, 5, filters={"account": ""}) == ["x 12:00"]
    assert store.stuck(0, 5, filters={"account": ("", "bob")}) == ["x 12:00", "z 12:00"]
    unlike, known = Condition("account", "not", "alice"), Condition("account", "known")
    assert store.stuck(0, 5, narrowing=(unlike,)) == ["x 12:00", "z 12:00"]
    assert store.stuck(0, 5, narrowing=(unlike, known)) == ["z 12:00"]


def test_only_a_snapshot_lists_reports() -> None:
    for name, rest in (("transfers_done", {}), ("storage_fullness", {}), ("rules_stuck", {"bin_s": 60})):
        query = Query(kpi=CATALOGUE[name], since=at(0), until=at(1), **rest)
        with pytest.raises(ValueError, match=f"expected a snapshot of one part at one time, found {name}"):
            StatesQuery(of=query, columns=())
    query = Query(kpi=CATALOGUE["rules_stuck"], since=at(0), until=at(1))
    with pytest.raises(ValueError, match="rules has no field 'x'"):
        StatesQuery(of=query, columns=("x",))


def test_rules_are_unknown_once_rucio_is_not_asked(store: Store) -> None:
    store.write(*(poll(minute, 0) for minute in (0, 10, 20)))
    assert store.ask("rules_stuck", 0, 50) == 0
    assert store.ask("rules_stuck", 0, 51) is None
    assert store.ask("rules_stuck", -90, -60) is None


def test_who_asks_for_other_states_alone_knows_of_no_stuck_rule(store: Store) -> None:
    other = "https://rucio.example.org/rules/?state=R"
    answer = poll(0, 1, scope=other)
    answer.state = "replicating"
    store.write(rule(0, "x", "replicating", poll=other, account="root"), answer)
    assert store.ask("rules_stuck", 0, 5) is None
    assert store.ask("rules_stuck", 0, 5, by=("account",)) == [{"account": "root", "value": None}]
    store.write(poll(1, 0))
    assert store.ask("rules_stuck", 0, 5) == 0
    assert store.ask("rules_stuck", 0, 5, by=("account",)) == [{"account": "root", "value": 0}]


def test_rules_that_nobody_asked_for_hold_until_they_say_otherwise(store: Store) -> None:
    """Of a script that does not tell what it asked: by state and age alone."""
    told = [rule(minute, "x", poll=None, stuck_s=minute * 60.0, account="root") for minute in (0, 10, 20)]
    store.write(*told, rule(25, "x", "replicating", poll=None, account="root"))
    assert store.ask("rules_stuck", 0, 25) == 1
    assert store.ask("rules_stuck", 0, 30) == 0
    assert store.ask("rules_stuck", 0, 30, by=("account",)) == [{"account": "root", "value": 0}]
    assert store.ask("oldest_stuck_rule", 0, 30) is None
