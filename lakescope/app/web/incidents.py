"""Incidents: the pages ``/incidents`` and ``/incidents/{id}``, their data, and what people do with an incident."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from fastapi import APIRouter, HTTPException, Request, Response

from lakescope.alerts.book import IncidentBook, IncidentRecord
from lakescope.alerts.overview import acts_document
from lakescope.app.query import answer_dashboard
from lakescope.app.view import View
from lakescope.app.web.acts import add_acts, answer
from lakescope.app.web.pages import cached_response, http_errors
from lakescope.app.web.viewing import Viewed
from lakescope.app.words import duration
from lakescope.core.contracts import RefusedError, TransientError
from lakescope.core.printable import rfc3339
from lakescope.dashboards.model import Dashboard
from lakescope.dashboards.pages import page
from lakescope.dashboards.pages.incident import (
    Note,
    Span,
    dashboard_of,
    links_of,
    marked,
    noted,
    selection_of,
    title_of,
)
from lakescope.dashboards.pages.pictures import layout
from lakescope.dashboards.questions import Selection
from lakescope.dashboards.theme import THEMES

NOT_EVALUATED = 'this instance does not look for incidents in the background yet: run "lakescope incidents"'


def router() -> APIRouter:
    """Pages and data over what the assembly knows of incidents."""
    router = APIRouter()
    router.include_router(_pages())
    router.include_router(_api())
    return router


def _pages() -> APIRouter:
    router = APIRouter(prefix="/incidents", include_in_schema=False)

    @router.get("")
    def index(request: Request) -> Response:
        return cached_response(request, page.html("incidents", "dashboards/"), "text/html")

    @router.get("/{id}")
    def incident(request: Request, id: str) -> Response:
        return cached_response(request, page.html("incident", "../dashboards/"), "text/html")

    return router


def _api() -> APIRouter:
    router = APIRouter(prefix="/api/incidents", tags=["incidents"])

    def known_book(view: View) -> IncidentBook:
        if view.incidents is None:
            raise HTTPException(501, NOT_EVALUATED)
        return view.incidents

    def find(view: View, id: str) -> IncidentRecord:
        record = known_book(view).incident(id)
        if record is None:
            raise _unknown(id)
        return record

    @router.get("")
    def incidents(view: Viewed, since: str = "7d") -> Response:
        """The open incidents, and those that ended within `since` (7d, 12h, 30min): open ones first, then the latest."""
        try:
            span_s = duration(since)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        now = time.time()
        records = known_book(view).incidents(now - span_s)
        ordered = sorted(records, key=lambda one: (one.ended is not None, -one.began))
        return answer([document(one, now) for one in ordered])

    @router.get("/{id}")
    def incident(view: Viewed, id: str) -> Response:
        """One incident, with evidence, and where else its place is shown."""
        record, now = find(view, id), time.time()
        selection = selection_of(*_span(record), datetime.fromtimestamp(now, UTC))
        more = {"links": links_of(record.patterns, selection), "annotations": _annotations(view, selection)}
        return answer(document(record, now) | more)

    @router.get("/{id}/charts")
    def charts(view: Viewed, id: str, store: str | None = None) -> Response:
        """Its place over its time: ``layout`` and ``data`` as of a dashboard."""
        record = find(view, id)
        dashboard = dashboard_of(record.patterns)
        selection = selection_of(*_span(record), datetime.now(UTC))
        try:
            sink_name, sink = view.store(store)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        with http_errors(sink_name):
            charts = answer_dashboard(dashboard, selection, sink, sink_name)
        notes = notes_of(view, selection)
        pictures = [
            noted(marked(picture, [span_of(record)], whole=True), notes) for picture in charts.pictures
        ]
        panels = [picture | page.chart(picture, THEMES["css"]) for picture in pictures]
        return answer({"layout": layout(dashboard), "data": charts.document() | {"panels": panels}})

    add_acts(router, known_book, document, _unknown)
    return router


def document(record: IncidentRecord, now: float) -> dict[str, Any]:
    """A record as plain data; times as RFC 3339. `silence`: null once it is over."""
    fields: dict[str, Any] = msgspec.to_builtins(record)
    return fields | {
        "title": span_of(record).title,
        "state": "open" if record.ended is None else "ended",
        **{name: _time(fields[name]) for name in ("began", "opened", "ended")},
        "example": _timed(fields["example"], "time"),
        **acts_document(record.acknowledged, record.silence, now),
    }


def span_of(record: IncidentRecord) -> Span:
    """For marks on charts."""
    title = title_of(record.patterns) if record.patterns else record.culprit
    return Span(title, record.began, record.ended)


def notes_of(
    view: View, selection: Selection, places: Mapping[str, frozenset[str]] | None = None
) -> list[Note]:
    """The interventions of a range, for marks on charts; none where the store does not answer. `places`: as of
    `places_of`; those of other places are left out, those of the whole lake never."""
    return [
        Note(
            str(one["summary"]),
            datetime.fromisoformat(one["time"]).timestamp(),
            datetime.fromisoformat(one["ended"]).timestamp() if one.get("ended") else None,
        )
        for one in reversed(_annotations(view, selection))
        if all(not one.get(kind) or one[kind] in values for kind, values in (places or {}).items())
    ]


def places_of(dashboard: Dashboard, selection: Selection) -> dict[str, frozenset[str]]:
    """What a dashboard is narrowed to: site, rse or vo -> values, on either side of a transfer; without all others."""
    dimensions = {variable.name: variable.dimension for variable in dashboard.variables}
    choices: list[tuple[str, Any]] = [
        (dimensions[name], values) for name, values in selection.variables.items() if name in dimensions
    ]
    choices += [(one.field, one.value) for one in selection.filters if one.operator == "in"]
    places: dict[str, frozenset[str]] = {}
    for dimension, values in choices:
        kind = dimension.removeprefix("src_").removeprefix("dst_")
        if kind in ("site", "rse", "vo") and values:
            places[kind] = places.get(kind, frozenset()) | set(values)
    return places


def _annotations(view: View, selection: Selection) -> list[dict[str, Any]]:
    try:
        return view.annotations(selection.since, selection.until)
    except (TransientError, RefusedError):  # what is asked for beside them says so
        return []


def _time(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)


def _timed(fields: Mapping[str, Any] | None, name: str) -> dict[str, Any] | None:
    return None if fields is None else {**fields, name: _time(fields[name])}


def _span(record: IncidentRecord) -> tuple[datetime, datetime | None]:
    began, ended = (
        None if at is None else datetime.fromtimestamp(at, UTC) for at in (record.began, record.ended)
    )
    assert began is not None
    return began, ended


def _unknown(id: str) -> HTTPException:
    return HTTPException(
        404, f"no incident {id[:40]!r}: it may be older than what is kept, or its id is wrong"
    )
