"""The alert rules of this instance as of its last round, and its alerts: ``/alerts``, ``/api/alerts``."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request, Response

from lakescope.alerts.overview import alert_document, alerts_of, detail, find, overview
from lakescope.app.assembly import Assembly
from lakescope.app.web.acts import add_acts
from lakescope.app.web.pages import cached_response
from lakescope.dashboards.pages import page

if TYPE_CHECKING:
    from lakescope.app.rounds import Rounds


def router(assembly: Assembly) -> APIRouter:
    """Pages, and data that is 501 where this instance evaluates nothing."""
    router = APIRouter()
    router.include_router(_pages())
    router.include_router(_api(assembly))
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


def _api(assembly: Assembly) -> APIRouter:
    router = APIRouter(prefix="/api/alerts", tags=["alerts"])

    def rounds() -> Rounds:
        if assembly.rounds is None:
            raise HTTPException(
                501, "this instance evaluates no alerts: [alerts] evaluate is false, or no store can be asked"
            )
        return assembly.rounds

    @router.get("")
    def rules() -> dict[str, Any]:
        """Every rule with its state; the alerts that are open or not yet sent to all."""
        here = rounds()
        evaluator = here.evaluator
        return {
            "rules": overview(here.rules, evaluator.verdicts, evaluator.ledger),
            "alerts": alerts_of(here.alerts(), time.time()),
            "fault": evaluator.fault,
        }

    @router.get("/{name}")
    def rule(name: str) -> dict[str, Any]:
        """One rule: each group's value, threshold and distance to firing; its last transitions."""
        here = rounds()
        try:
            rule = find(name, here.rules)
        except ValueError as error:
            raise HTTPException(404, str(error)) from error
        evaluator = here.evaluator
        return detail(rule, evaluator.verdicts.get(name, ()), evaluator.ledger)

    add_acts(router, rounds, alert_document, _unknown)
    return router


def _unknown(key: str) -> HTTPException:
    return HTTPException(
        404,
        f"no alert {key[:40]!r}: it may have ended, or its key is wrong; `lakescope alerts list` has them",
    )
