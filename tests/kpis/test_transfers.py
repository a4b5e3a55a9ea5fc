"""What counts once: files by scope and name, and the same requests on both sides of an agreement."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lakescope.app.query import ask
from lakescope.core.events import Transfer
from lakescope.kpis import CATALOGUE, Query
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.transformers.enrichment import Enrichment

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def value_of(name: str, events: list[dict[str, Any]], folder: Path) -> Any:
    """A KPI of the hour from noon, of those events."""
    made = [
        Transfer(id=f"{number:032x}", time=f"2026-01-05T12:{number:02}:00Z", **event)
        for number, event in enumerate(events)
    ]
    Enrichment()(made)
    sink = DuckdbSink("store", DuckdbOptions(), folder)
    sink.write([chunk for chunk in sink.encode(made, [msgspec.json.encode(one) for one in made]) if chunk])
    query = Query(kpi=CATALOGUE[name], since=NOON, until=NOON.replace(hour=13))
    (row,) = ask(query, sink)
    sink.close()
    return row["value"]


def rucio(event: str = "done", *, ok: bool | None = True, **rest: Any) -> dict[str, Any]:
    return {"source": "rucio", "event": event, "ok": ok, "kind": "transfer", **rest}


def fts(event: str = "done", *, ok: bool | None = True, **rest: Any) -> dict[str, Any]:
    return {"source": "fts", "event": event, "ok": ok, **rest}


def test_files_of_one_name_in_two_scopes_are_two(tmp_path: Path) -> None:
    failures = [
        rucio("failed", ok=False, scope=scope, name="raw.1") for scope in ("ska", "ska", "cta", "cta", "cta")
    ]
    assert value_of("files_failing", failures, tmp_path / "a") == 2
    assert value_of("attempts_per_file", failures, tmp_path / "b") == pytest.approx(2.5)


def test_agreement_is_of_the_same_requests(tmp_path: Path) -> None:
    """Copies only, each once, whatever else FTS or Rucio say of them."""
    events = [
        rucio(request_id="a"),
        fts(request_id="a", kind="transfer"),
        rucio(request_id="b"),
        fts(request_id="b"),  # an old submitter does not tell FTS the request's kind
        rucio(request_id="tape"),
        fts("archiving", ok=None, request_id="tape", kind="transfer"),
        fts("archiving", ok=None, request_id="tape", kind="transfer", file_id=7),  # its state message
        rucio(request_id="staged", kind="stagein"),
        fts(request_id="staged", kind="stagein"),
        fts(request_id="staged too", kind="stagein"),
        fts(),  # of another customer
        rucio(request_id="lost by FTS"),
    ]
    assert value_of("done_agreement", events, tmp_path) == pytest.approx(3 / 4)
