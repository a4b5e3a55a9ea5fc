"""KPIs in the embedded store: several in one pass, and what the catalogue does not ask for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from lakescope.core.events import Network, Probe, Transfer
from lakescope.kpis import CATALOGUE, Query, UnsupportedError, duckdb
from lakescope.kpis.model import UNKNOWN, Condition, EventsQuery, Part, Ratio, Remainder, ReportsQuery, Value
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
SPAN: dict[str, Any] = {"since": BEGIN, "until": BEGIN + timedelta(hours=4)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckdbSink]:
    """A transfer each quarter of an hour, one in four failed, one in three of no known source; probes; routes."""
    events: list[Any] = []
    for number in range(16):
        common: dict[str, Any] = {"time": f"{BEGIN + timedelta(minutes=15 * number):%Y-%m-%dT%H:%M:%SZ}"}
        failed = number % 4 == 3
        events.append(
            Transfer(
                id=f"{number:032x}",
                source="rucio",
                event="failed" if failed else "done",
                ok=not failed,
                bytes=number,
                queue_s=number * 10.0,
                vo="ab"[number % 2],
                multihop=(True, False, None)[number % 3],
                functional_test=False,
                error="it broke" if failed else None,
                **common,
            )
        )
        events.append(
            Network(
                id=f"{100 + number:032x}",
                source="perfsonar",
                test="trace",
                src_host="h",
                ip_version=4 if number % 2 else 6,
                route_id=f"{number % 4}",
                **common,
            )
        )
    events.append(
        Probe(id="f" * 32, time="2026-01-05T01:00:00Z", source="push", probe="p", status="ok", message="m")
    )
    sink = DuckdbSink("store", DuckdbOptions(), tmp_path)
    sink.write(sink.encode(events, [msgspec.json.encode(event) for event in events]))
    yield sink
    sink.close()


def query(value: Value, dataset: str = "transfers", **rest: Any) -> Query:
    like = CATALOGUE["transfers_done"]
    names = ("vo", "multihop", "ip_version") if dataset == "transfers" else ("ip_version", "src_host")
    kpi = structs.replace(
        like, value=value, dataset=dataset, where=rest.pop("where", ()), dimensions=names, noise=None
    )
    return Query(kpi=kpi, **SPAN | rest)


def rows(store: DuckdbSink, asked: Query) -> list[dict[str, Any]]:
    """By a statement of its own."""
    return store.query(*duckdb.compile_query(asked))


FAILED = (Condition("ok", "=", False),)
VALUES: dict[str, tuple[Value, Any]] = {
    "count": (Part(kind="count"), 16),
    "failed": (Part(kind="count", where=FAILED), 4),
    "efficiency": (Ratio(over=Part(kind="count", where=FAILED), under=Part(kind="count")), 0.25),
    "rest": (Remainder(of=Ratio(over=Part(kind="count", where=FAILED), under=Part(kind="count"))), 0.75),
    "bytes of the failed": (Part(kind="sum", field="bytes", where=FAILED), 3 + 7 + 11 + 15),
    "median wait of the failed": (
        Part(kind="percentile", field="queue_s", quantile=0.5, where=FAILED),
        90.0,
    ),
    "silence of the failed": (Part(kind="silence", where=FAILED), 15 * 60.0),
    "silence of the first": (Part(kind="silence", where=(Condition("bytes", "=", 0),)), 4 * 3600.0),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_of_the_events_that_count(store: DuckdbSink, name: str) -> None:
    value, expected = VALUES[name]
    assert rows(store, query(value)) == [{"value": expected}]


def test_changes_of_several_series_are_added_up(store: DuckdbSink) -> None:
    """Even ones have the routes 0 and 2 by IPv6, odd ones 1 and 3 by IPv4."""
    series = Part(kind="changes", field="route_id", series=("src_host", "ip_version"))
    known = structs.replace(series, where=(Condition("ip_version", "=", 4), Condition("tool", "unknown")))  # type: ignore[arg-type]
    assert rows(store, query(series, "network")) == [{"value": 2}]
    assert rows(store, query(known, "network")) == [{"value": 1}]
    both = Ratio(over=known, under=series)
    assert rows(store, query(both, "network")) == [{"value": 0.5}]


@pytest.mark.parametrize(
    ("values", "count"),
    [(("true",), 6), (("false",), 5), (("true", UNKNOWN), 11), ((UNKNOWN,), 5), (("true", "false"), 11)],
)
def test_a_filter_by_what_is_no_text(store: DuckdbSink, values: tuple[str, ...], count: int) -> None:
    assert rows(store, query(Part(kind="count"), filters={"multihop": values})) == [{"value": count}]


def test_what_is_alike_is_answered_in_one_pass_and_alike(store: DuckdbSink) -> None:
    distinct = Part(kind="distinct", field="vo")
    alone = query(Part(kind="count"), filters={"vo": "a"})
    alike = [query(value) for value, _ in VALUES.values()]
    by_vo = [query(value, by=("vo",)) for value, _ in VALUES.values()]
    binned = [query(Part(kind="count"), bin_s=3600), query(Part(kind="sum", field="bytes"), bin_s=3600)]
    asked = [query(distinct), alone, *alike, *by_vo, *binned]
    fused = duckdb.fuse(asked)
    assert [one.queries for one in fused] == [tuple(alike), tuple(by_vo), tuple(binned)]
    for one in fused:
        together = store.query(*one.statement)
        for index, each in enumerate(one.queries):
            names = (*(["time"] if each.bin_s else []), *each.by)
            found = [{name: row.get(name) for name in (*names, f"value{index}")} for row in together]
            alone_ = [{name: row.get(name) for name in (*names, "value")} for row in rows(store, each)]
            assert [list(row.values()) for row in found] == [list(row.values()) for row in alone_]


def test_a_states_value_is_made_elsewhere() -> None:
    with pytest.raises(UnsupportedError, match="rules_stuck is a state, which is made of reports"):
        duckdb.compile_query(Query(kpi=CATALOGUE["rules_stuck"], **SPAN))


def test_the_newest_events_with_what_was_asked_for(store: DuckdbSink) -> None:
    asked = EventsQuery(
        dataset="transfers", columns=("error", "vo", "time"), conditions=FAILED, limit=2, **SPAN
    )
    found = duckdb.event_rows(asked, store.query(*duckdb.compile_events(asked)))
    assert [list(row) for row in found] == [["time", "error", "vo"]] * 2
    assert [row["error"] for row in found] == ["it broke"] * 2
    assert [str(row["time"])[11:16] for row in found] == ["03:45", "02:45"]


def test_a_machine_elsewhere_asks_for_the_same_range(
    store: DuckdbSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = query(Part(kind="count"))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        parameters = duckdb.compile_query(count).parameters
    finally:
        monkeypatch.undo()
        time.tzset()
    assert parameters == {"since": datetime(2026, 1, 5), "until": datetime(2026, 1, 5, 4)}  # noqa: DTZ001


@pytest.mark.parametrize("bin_s", [None, 3600])
def test_of_each_series_the_last_report_has_the_gap_between_reports(
    tmp_path: Path, bin_s: int | None
) -> None:
    """As the median of all reports would have it: two at one moment are no gap, and one report has none."""
    minutes = {"often": range(0, 240, 10), "irregular": (0, 5, 5, 25, 100, 102), "once": (7,)}
    moments = [(name, minute) for name, of_name in minutes.items() for minute in of_name]
    events = [
        Probe(
            id=f"{number:032x}",
            time=f"{BEGIN + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}",
            source="push",
            probe=name,
            status="ok",
        )
        for number, (name, minute) in enumerate(moments)
    ]
    sink = DuckdbSink("store", DuckdbOptions(), tmp_path)
    sink.write([one for one in sink.encode(events, [msgspec.json.encode(one) for one in events]) if one])
    asked = ReportsQuery(
        dataset="probes",
        look_back=BEGIN,
        since=BEGIN if bin_s else SPAN["until"],
        until=SPAN["until"],
        bin_s=bin_s,
        field="status",
        series=("probe",),
        columns=(),
    )
    (answer,) = sink.answer([asked])
    gaps = [(one.values["probe"], (one.time - BEGIN.timestamp()) / 60, one.gap) for one in answer]
    sink.close()
    lasts = {("often", 230.0, 600.0), ("irregular", 102.0, 750.0), ("once", 7.0, None)}
    assert lasts <= {*gaps}
    assert {name for name, _, gap in gaps if gap is not None} == {"often", "irregular"}
    assert len(gaps) == (3 if bin_s is None else 4 + 2 + 1)
