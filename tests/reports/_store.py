"""A store in memory for whole weeks of events, which a test makes as it needs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from lakescope.alerts.objectives import Objective
from lakescope.app.reports import ReportText, report_of
from lakescope.core.contracts import Sink
from lakescope.core.events import Event, Transfer
from lakescope.reports.model import Report
from lakescope.reports.period import Week
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink

BEFORE, WEEK = Week(2026, 46), Week(2026, 47)
MONDAY = WEEK.until + timedelta(hours=7)
"""When it is read."""


@contextmanager
def store_of(events: Iterable[Event], folder: Path) -> Iterator[DuckdbSink]:
    """The events in DuckDB."""
    sink = DuckdbSink("store", DuckdbOptions(threads=1), folder)
    try:
        if chunk := [(event.dataset, msgspec.json.encode(event)) for event in events]:
            sink.write(chunk)
        yield sink
    finally:
        sink.close()


def weekly_report(
    sink: Sink, week: str | None, vo: str | None, now: datetime, objectives: Sequence[Objective] = ()
) -> Report:
    """The weekly report from one store."""
    return report_of(ReportText("weekly", week, vo), sink, now, objectives)


def transfer(number: int, time: datetime, *, ok: bool = True, **fields: Any) -> Transfer:
    """One that ended."""
    text = f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Transfer(
        id=f"{number:032x}",
        time=text,
        event="done" if ok else "failed",
        ok=ok,
        **{
            "source": "rucio",
            "vo": "escape",
            "activity": "Production",
            "src_rse": "A-DISK",
            "dst_rse": "B-DISK",
            "src_site": "SITE-A",
            "dst_site": "SITE-B",
            "bytes": 10**9,
            "name": f"file-{number}",
            "file": f"test:file-{number}",
            "functional_test": False,
            "error_class": None if ok else "0123456789ab",
            "error_template": None if ok else "TRANSFER [110] connection to <HOST> timed out",
            **fields,
        },
    )


def hourly(
    hours: range, *, of: Week = WEEK, failed_every: int = 0, first: int = 0, **fields: Any
) -> list[Transfer]:
    """A transfer in each of the week's hours of a range."""
    return [
        transfer(
            first + 1000 * of.week + hour,
            of.since + timedelta(hours=hour, minutes=20),
            ok=not failed_every or hour % failed_every != 0,
            **fields,
        )
        for hour in hours
    ]
