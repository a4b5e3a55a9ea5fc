"""The alert rules of this instance as of its last round, and its alerts: ``/alerts``, ``/api/alerts``."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from lakescope.alerts.overview import alert_document, alerts_of, detail, find, overview
from lakescope.app.visible_alerts import VisibleAlerts
from lakescope.app.web.acts import add_acts
from lakescope.app.web.pages import cached_response
from lakescope.app.web.viewing import Viewed
from lakescope.dashboards.pages import page


def router() -> APIRouter:
    """Pages, and data that is 501 where this instance evaluates nothing."""
    router = APIRouter()
    router.include_router(_pages())
    router.include_router(_api())
    return router


def _pages() -> APIRouter:
    router = APIRouter(prefix="/alerts", include_in_schema=False)

    @router.get("")
    def index(request: Request) -> Response:
        return cached_response(request, page.html("alerts", "dashboards/"), "text/html")

    @router.get("/{key}")
    def alert(request: Request, key: str) -> Response:
        return cached_response(request, page.html("alert", "../dashboards/"), "text/html")

    return router


def _api() -> APIRouter:
    router = APIRouter(prefix="/api/alerts", tags=["alerts"])

    def alerts_for(view: Viewed) -> VisibleAlerts:
        if view.alerts is None:
            raise HTTPException(
                501, "this instance evaluates no alerts: [alerts] evaluate is false, or no store can be asked"
            )
        return view.alerts

    @router.get("")
    def rules(view: Viewed) -> dict[str, Any]:
        """Every rule with its state; the alerts that are open or not yet sent to all."""
        here = alerts_for(view)
        return {
            "rules": overview(here.rules, here.verdicts, here.ledger),
            "alerts": alerts_of(here.alerts(), time.time()),
            "fault": here.fault,
        }

    @router.get("/{name}")
    def rule(view: Viewed, name: str) -> dict[str, Any]:
        """One rule: each group's value, threshold and distance to firing; its last transitions."""
        here = alerts_for(view)
        try:
            rule = find(name, here.rules)
        except ValueError as error:
            raise HTTPException(404, str(error)) from error
        return detail(rule, here.verdicts.get(name, ()), here.ledger)

    add_acts(router, alerts_for, alert_document, _unknown)
    return router


def _unknown(key: str) -> HTTPException:
    return HTTPException(
        404,
        f"no alert {key[:40]!r}: it may have ended, or its key is wrong; `lakescope alerts list` has them",
    )
