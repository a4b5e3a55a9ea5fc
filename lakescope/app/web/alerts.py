"""The alert rules of this instance as of its last round: ``/api/alerts``."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException

from lakescope.alerts.overview import alerts_of, detail, find, overview
from lakescope.app.assembly import Assembly
from lakescope.app.rounds import Rounds


def router(assembly: Assembly) -> APIRouter:
    """The routes; they answer 501 where this instance evaluates nothing."""
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
            "alerts": alerts_of(here.alerts()),
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

    return router
