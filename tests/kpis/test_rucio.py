"""Rucio's metrics from the wire to the number: what is deleted has ended, what restarts does not fall below zero."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lakescope.app.query import ask
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.kpis import CATALOGUE, Query
from lakescope.pipeline.normalise import Normaliser
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.transformers.enrichment import Enrichment

BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
NORMALISER = Normaliser(formats(), Enrichment(collector="push"))
PAGE = {"instance": "rucio:8080", "url": "http://rucio:8080/metrics", "interval_s": "60"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckdbSink]:
    sink = DuckdbSink("store", DuckdbOptions(), tmp_path)
    list(sink.setup())
    yield sink
    sink.close()


def take(store: DuckdbSink, minute: int, body: str, headers: dict[str, str]) -> None:
    """What came in that minute."""
    received = (BEGIN + timedelta(minutes=minute)).timestamp()
    events = NORMALISER([Message(body.encode(), "rucio_metrics", headers, received)]).events
    chunks = store.encode(events, [msgspec.json.encode(event) for event in events])
    store.write([chunk for chunk in chunks if chunk is not None])


def value(store: DuckdbSink, kpi: str, until: int, **filters: str) -> Any:
    """Of the range up to that minute."""
    query = Query(kpi=CATALOGUE[kpi], since=BEGIN, until=BEGIN + timedelta(minutes=until), filters=filters)
    rows = ask(query, store)
    return rows[0]["value"] if rows else None


def pushed(method: str, job: str = "check_unevaluated_dids") -> dict[str, str]:
    return {"group": msgspec.json.encode({"job": job}).decode(), "push": method}


def test_a_deleted_group_has_ended_and_its_neighbour_has_not(store: DuckdbSink) -> None:
    take(store, 0, "judge_waiting_dids 42\n", pushed("PUT"))
    take(store, 0, "judge_updated_dids 7\n", pushed("PUT", "check_updated_dids"))
    assert value(store, "rucio_judge_waiting_dids", 1) == 42
    take(store, 2, "", pushed("DELETE"))
    assert value(store, "rucio_judge_waiting_dids", 3) is None
    assert value(store, "rucio_judge_updated_dids", 3) == 7


def test_a_put_ends_what_it_lacks_and_a_post_does_not(store: DuckdbSink) -> None:
    stuck = "judge_stuck_rules_with{}_missing_source_replica"
    take(store, 0, f"{stuck.format('')} 3\n{stuck.format('out')} 5\n", pushed("PUT"))
    take(store, 1, f"{stuck.format('')} 4\n", pushed("POST"))
    assert value(store, "rucio_stuck_without_source", 2) == 4
    assert value(store, "rucio_stuck_with_source", 2) == 5
    take(store, 3, f"{stuck.format('')} 6\n", pushed("PUT"))
    assert value(store, "rucio_stuck_without_source", 4) == 6
    assert value(store, "rucio_stuck_with_source", 4) is None


def test_a_probe_that_has_died_is_not_shown_as_alive(store: DuckdbSink) -> None:
    """Its interval is that of its own pushes, whatever that of the pages is."""
    for minute in (0, 10, 20):
        take(store, minute, "judge_waiting_dids 42\n", pushed("PUT"))
    for minute in range(0, 60, 5):
        take(store, minute, "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1\n", PAGE)
    assert value(store, "rucio_judge_waiting_dids", 49) == 42
    assert value(store, "rucio_judge_waiting_dids", 52) is None


def test_a_restart_is_no_negative_rate(store: DuckdbSink) -> None:
    counter = (
        "# TYPE rucio_transfertool_fts3_submission_total counter\nrucio_transfertool_fts3_submission_total"
    )
    for minute, count in enumerate((100, 140, 20, 30)):
        take(store, minute, f'{counter}{{host="fts",state="success"}} {count}\n', PAGE)
    assert value(store, "rucio_submissions", 5) == 50
    assert value(store, "rucio_submission_efficiency", 5) == 1.0


def test_first_counts_of_statsd_are_an_increase(store: DuckdbSink) -> None:
    name = "rucio.rucio.transfertool.fts3.fts01.submission.failure"
    begun = round(BEGIN.timestamp() * 1000)
    page = f'# TYPE "{name}" counter\n{{"{name}"}} 0 {begun}\n{{"{name}"}} 30.0\n'
    take(store, 1, page, {"instance": "monitor:8125", "push": "POST"})
    assert value(store, "rucio_submission_failures", 2) == 30
