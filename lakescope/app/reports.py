"""Reports from a store: what the room `reports` asks goes to a sink by one call a batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lakescope.alerts.objectives import Objective
from lakescope.app.query import ask_many
from lakescope.core.contracts import Sink
from lakescope.reports.model import Report
from lakescope.reports.period import Week
from lakescope.reports.weekly import weekly


def weekly_report(
    sink: Sink, week: str | None, vo: str | None, now: datetime, objectives: Sequence[Objective] = ()
) -> Report:
    """The report of an ISO week (2026-W47; null: the last one that is over), for one VO or all of them.

    Raises `ValueError` for what is no week, and `TransientError` or `RefusedError` when the store does not answer.
    """
    period = Week.closed_before(now) if week is None else Week.parse(week)
    return weekly(period, vo, lambda questions: ask_many(questions, sink), now, configured=objectives)
