"""``/api/reports/...``: reports as their model, computed where the stores are."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from fastapi import APIRouter, HTTPException, Response

from lakescope.app.assembly import Assembly
from lakescope.app.query import store_of
from lakescope.app.reports import weekly_report
from lakescope.app.web.pages import http_errors


def router(assembly: Assembly) -> APIRouter:
    """The API over a running assembly's stores."""
    router = APIRouter(prefix="/api/reports", tags=["reports"])
    objectives = assembly.configuration.settings.objectives
    types = {sink: assembly.status.types[sink] for sink in assembly.sinks}

    @router.get("/weekly")
    def weekly(week: str | None = None, vo: str | None = None, store: str | None = None) -> Response:
        """The weekly report of an ISO week (2026-W47; by default the last one that is over), for one VO or all of them."""
        try:
            name = store_of(types, store)
            with http_errors(name):
                report = weekly_report(assembly.sinks[name], week, vo, datetime.now(UTC), objectives)
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        return Response(msgspec.json.encode(report), media_type="application/json")

    return router
