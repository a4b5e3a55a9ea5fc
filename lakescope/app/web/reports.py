"""``/api/reports/...``: reports as their model, computed where the stores are."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from fastapi import APIRouter, HTTPException, Response

from lakescope.app.assembly import Assembly
from lakescope.app.query import store_of
from lakescope.app.reports import ReportText, lake_status_of, report_of
from lakescope.app.web.pages import http_errors


def router(assembly: Assembly) -> APIRouter:
    """The API over a running assembly's stores."""
    router = APIRouter(prefix="/api/reports", tags=["reports"])
    objectives = assembly.configuration.settings.objectives
    types = {sink: assembly.status.types[sink] for sink in assembly.sinks}

    def answer(text: ReportText, store: str | None) -> Response:
        try:
            name = store_of(types, store)
            with http_errors(name):
                report = report_of(text, assembly.sinks[name], datetime.now(UTC), objectives)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        return Response(msgspec.json.encode(report), media_type="application/json")

    @router.get("/status")
    def status(store: str | None = None) -> Response:
        """The state of the lake for everybody: state by site, open incidents, the last seven days; no account and no file."""
        try:
            name = store_of(types, store)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        with http_errors(name):
            document = lake_status_of(assembly.sinks[name], datetime.now(UTC))
        return Response(msgspec.json.encode(document), media_type="application/json")

    @router.get("/weekly")
    def weekly(week: str | None = None, vo: str | None = None, store: str | None = None) -> Response:
        """The weekly report of an ISO week (2026-W47; by default the last one that is over), for one VO or all of them."""
        return answer(ReportText("weekly", week, vo), store)

    @router.get("/daily")
    def daily(day: str | None = None, vo: str | None = None, store: str | None = None) -> Response:
        """The short report of a day (2026-11-25; by default the last one that is over), for one VO or all of them."""
        return answer(ReportText("daily", day, vo), store)

    @router.get("/site")
    def site(site: str, week: str | None = None, vo: str | None = None, store: str | None = None) -> Response:
        """The report of one site over an ISO week, for its administrators; other sites are in it as peers only."""
        return answer(ReportText("site", week, vo, site), store)

    return router
