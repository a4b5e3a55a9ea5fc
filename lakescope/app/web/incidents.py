"""Incidents: the pages ``/incidents`` and ``/incidents/{id}``, their data, and what people do with an incident."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, HTTPException, Request, Response

from lakescope.alerts.book import Acknowledgement, IncidentBook, IncidentRecord, Silence
from lakescope.app.assembly import Assembly
from lakescope.app.query import answer_dashboard, store_of
from lakescope.app.web.pages import cached_response, http_errors
from lakescope.app.words import duration
from lakescope.core.printable import rfc3339
from lakescope.dashboards.pages import page
from lakescope.dashboards.pages.incident import Span, dashboard_of, links_of, marked, selection_of, title_of
from lakescope.dashboards.pages.pictures import layout
from lakescope.dashboards.theme import THEMES

NOT_EVALUATED = 'this instance does not look for incidents in the background yet: run "lakescope incidents"'
NAME_MAX, TEXT_MAX = 100, 1000
"""Characters of a name; of a note or a reason."""
SILENCE_MAX_S = 30 * 86400
_DAY = 86400


def router(assembly: Assembly) -> APIRouter:
    """Pages and data over what the assembly knows of incidents."""
    router = APIRouter()
    router.include_router(_pages())
    router.include_router(_api(assembly))
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


def _api(assembly: Assembly) -> APIRouter:
    router = APIRouter(prefix="/api/incidents", tags=["incidents"])

    def known_book() -> IncidentBook:
        if assembly.incidents is None:
            raise HTTPException(501, NOT_EVALUATED)
        return assembly.incidents

    def find(id: str) -> IncidentRecord:
        record = known_book().incident(id)
        if record is None:
            raise _unknown(id)
        return record

    def changed(id: str, change: Callable[[IncidentBook], IncidentRecord]) -> Response:
        try:
            return _answer(document(change(known_book()), time.time()))
        except KeyError as error:
            raise _unknown(id) from error

    @router.get("")
    def incidents(since: str = "7d") -> Response:
        """The open incidents, and those that ended within `since` (7d, 12h, 30min): open ones first, then the latest."""
        try:
            span_s = duration(since)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        now = time.time()
        records = known_book().incidents(now - span_s)
        ordered = sorted(records, key=lambda one: (one.ended is not None, -one.began))
        return _answer([document(one, now) for one in ordered])

    @router.get("/{id}")
    def incident(id: str) -> Response:
        """One incident, with evidence, and where else its place is shown."""
        record, now = find(id), time.time()
        selection = selection_of(*_span(record), datetime.fromtimestamp(now, UTC))
        return _answer(document(record, now) | {"links": links_of(record.patterns, selection)})

    @router.get("/{id}/charts")
    def charts(id: str, store: str | None = None) -> Response:
        """Its place over its time: ``layout`` and ``data`` as of a dashboard."""
        record = find(id)
        dashboard = dashboard_of(record.patterns)
        selection = selection_of(*_span(record), datetime.now(UTC))
        try:
            sink_name = store_of({sink: assembly.status.types[sink] for sink in assembly.sinks}, store)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        with http_errors(sink_name):
            answer = answer_dashboard(dashboard, selection, assembly.sinks[sink_name], sink_name)
        pictures = [marked(picture, [span_of(record)], whole=True) for picture in answer.pictures]
        panels = [picture | page.chart(picture, THEMES["css"]) for picture in pictures]
        return _answer({"layout": layout(dashboard), "data": answer.document() | {"panels": panels}})

    @router.post("/{id}/acknowledge")
    def acknowledge(id: str, by: Text = "", note: Text = "") -> Response:
        """Somebody works on it: who, and what they know. It is not escalated any more."""
        one = Acknowledgement(
            by=_text("by", by, NAME_MAX), at=time.time(), note=_text("note", note, empty=True)
        )
        return changed(id, lambda book: book.acknowledge(id, one))

    @router.post("/{id}/silence")
    def silence(id: str, by: Text = "", reason: Text = "", until: Text = "") -> Response:
        """Nobody is notified of it until a time (ISO 8601, UTC unless it says otherwise), for a reason."""
        one = Silence(
            by=_text("by", by, NAME_MAX), reason=_text("reason", reason), until=_until(until, time.time())
        )
        return changed(id, lambda book: book.silence(id, one))

    @router.post("/{id}/silence/end")
    def end_silence(id: str) -> Response:
        """Notifies of it again."""
        return changed(id, lambda book: book.silence(id, None))

    return router


Text = Annotated[str, Body()]


def document(record: IncidentRecord, now: float) -> dict[str, Any]:
    """A record as plain data; times as RFC 3339. `silence`: null once it is over."""
    silence = record.silence if record.silence and record.silence.until > now else None
    fields: dict[str, Any] = msgspec.to_builtins(record)
    return fields | {
        "title": span_of(record).title,
        "state": "open" if record.ended is None else "ended",
        **{name: _time(fields[name]) for name in ("began", "opened", "ended")},
        "example": _timed(fields["example"], "time"),
        "acknowledged": _timed(fields["acknowledged"], "at"),
        "silence": _timed(fields["silence"], "until") if silence else None,
    }


def span_of(record: IncidentRecord) -> Span:
    """For marks on charts."""
    title = title_of(record.patterns) if record.patterns else record.culprit
    return Span(title, record.began, record.ended)


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


def _text(name: str, value: str, limit: int = TEXT_MAX, *, empty: bool = False) -> str:
    """The text without its edges. Raises `HTTPException` for one that is missing, too long or not printable."""
    text = value.strip()
    if not text and not empty:
        raise HTTPException(422, f"{name} is missing: expected 1 to {limit} characters")
    if len(text) > limit:
        raise HTTPException(422, f"{name} has {len(text)} characters: expected {limit} at most")
    if not all(one.isprintable() or one in "\n\t" for one in text):
        raise HTTPException(422, f"{name} has a control character: expected printable text")
    return text


def _until(text: str, now: float) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise HTTPException(
            422, f"until is {text[:40]!r}: expected a time such as 2026-01-05T12:00Z"
        ) from None
    at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not now < at <= now + SILENCE_MAX_S:
        days = SILENCE_MAX_S // _DAY
        raise HTTPException(422, f"until is {text[:40]}: expected a time within the next {days} days")
    return at


def _unknown(id: str) -> HTTPException:
    return HTTPException(
        404, f"no incident {id[:40]!r}: it may be older than what is kept, or its id is wrong"
    )


def _answer(content: Sequence[Any] | Mapping[str, Any]) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
