"""Accesses from Rucio's traces to their KPIs: every end counts, whatever a pilot calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from lakescope.app.query import ask
from lakescope.app.words import moment
from lakescope.core.events import Event
from lakescope.core.messages import DecodeResult, Message
from lakescope.kpis import CATALOGUE, Query
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.transformers import traces
from tests.contract._bodies import documents_of

STATES = {
    "SITE-A": ["DONE"] * 5 + ["COPY_ERROR"] * 5 + ["PROCESSING", "DOWNLOAD_ATTEMPT"],
    "SITE-B": ["FOUND_ROOT", "ALREADY_DONE", "FOUND_IN_PCACHE", "ServiceUnavailable"],
}


def test_every_end_of_an_access_counts(tmp_path: Path) -> None:
    out = DecodeResult()
    for site, states in STATES.items():
        for number, state in enumerate(states):
            trace = {
                "eventType": "get_sm",
                "localSite": site,
                "clientState": state,
                "traceTimeentryUnix": 1767607326.0,
                "traceId": f"{site}{number}",
            }
            traces.decode(Message(msgspec.json.encode(trace)), out)
    events: list[Event] = out.events
    sink = DuckdbSink("store", DuckdbOptions(), tmp_path)
    try:
        sink.write([chunk for chunk in sink.encode(events, documents_of(events)) if chunk is not None])

        def values(name: str, *by: str) -> dict[Any, Any]:
            query = Query(kpi=CATALOGUE[name], since=moment("2026-01-05"), until=moment("2026-01-06"), by=by)
            return {tuple(row[key] for key in by): row["value"] for row in ask(query, sink)}

        assert values("accesses", "client_site") == {("SITE-A",): 10, ("SITE-B",): 4}
        assert values("access_efficiency", "client_site") == {("SITE-A",): 0.5, ("SITE-B",): 0.75}
        assert values("accesses", "client_state")[("FOUND_IN_PCACHE",)] == 1
    finally:
        sink.close()
