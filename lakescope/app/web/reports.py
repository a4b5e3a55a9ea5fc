"""``/api/reports/...``: reports as their model, computed where the stores are."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from fastapi import APIRouter, HTTPException, Response

from lakescope.app.reports import ReportText, lake_status_of, report_of
from lakescope.app.view import View
from lakescope.app.web.pages import http_errors
from lakescope.app.web.viewing import Viewed


def router() -> APIRouter:
    """The API over a running assembly's stores."""
    router = APIRouter(prefix="/api/reports", tags=["reports"])

    def answer(view: View, text: ReportText, store: str | None) -> Response:
        try:
            name, sink = view.store(store)
            with http_errors(name):
                report = report_of(text, sink, datetime.now(UTC), view.objectives)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        return Response(msgspec.json.encode(report), media_type="application/json")

    @router.get("/status")
    def status(view: Viewed, store: str | None = None) -> Response:
        """The state of the lake for everybody: state by site, open incidents, the last seven days; no account and no file."""
        try:
            name, sink = view.store(store)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        with http_errors(name):
            document = lake_status_of(sink, datetime.now(UTC))
        return Response(msgspec.json.encode(document), media_type="application/json")

    @router.get("/weekly")
    def weekly(
        view: Viewed, week: str | None = None, vo: str | None = None, store: str | None = None
    ) -> Response:
        """The weekly report of an ISO week (2026-W47; by default the last one that is over), for one VO or all of them."""
        return answer(view, ReportText("weekly", week, vo), store)

    @router.get("/daily")
    def daily(
        view: Viewed, day: str | None = None, vo: str | None = None, store: str | None = None
    ) -> Response:
        """The short report of a day (2026-11-25; by default the last one that is over), for one VO or all of them."""
        return answer(view, ReportText("daily", day, vo), store)

    @router.get("/site")
    def site(
        view: Viewed, site: str, week: str | None = None, vo: str | None = None, store: str | None = None
    ) -> Response:
        """The report of one site over an ISO week, for its administrators; other sites are in it as peers only."""
        return answer(view, ReportText("site", week, vo, site), store)

    return router
