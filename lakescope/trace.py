"""One transfer's whole story over all sources: Rucio's request, its retries, FTS's jobs, in order of time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakescope.pipeline import Searchable, Sink

RETRIES_MAX = 50  # of a chain of requests; a longer one is cut


def searchable(sinks: Mapping[str, Sink]) -> Searchable | None:
    """The first sink that can give events back."""
    return next((sink for sink in sinks.values() if isinstance(sink, Searchable)), None)


def story(store: Searchable, request_id: str) -> list[dict[str, Any]]:
    """The transfer events of a request, of those that it retries and that retry it, and of their FTS jobs."""
    found: dict[str, dict[str, Any]] = {}
    new, asked = {request_id}, set[str]()
    while new and len(asked) < RETRIES_MAX:
        events = [
            event
            for field in ("request_id", "previous_request_id")
            for event in store.find("transfers", field, sorted(new))
        ]
        found |= {event["id"]: event for event in events}
        asked |= new
        linked = {event.get(key) for event in events for key in ("request_id", "previous_request_id")}
        new = {request for request in linked if request} - asked
    jobs = sorted({event["job_id"] for event in found.values() if "job_id" in event})
    if jobs:
        # of a job's files (up to 200) only what names no other request can be ours
        found |= {e["id"]: e for e in store.find("transfers", "job_id", jobs) if "request_id" not in e}
    return sorted(found.values(), key=lambda event: str(event["time"]))
