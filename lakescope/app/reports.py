"""Reports from a store: what the room `reports` asks goes to a sink by one call a batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from lakescope.alerts.objectives import Objective
from lakescope.app.query import ask_many
from lakescope.core.contracts import Sink
from lakescope.reports.kinds import KINDS, make_report
from lakescope.reports.model import KindName, Report
from lakescope.reports.period import Day, Week


class ReportText(NamedTuple):
    """Which report, in a person's words, as commands and the API take them."""

    kind: KindName
    period: str | None = None
    """ISO week (2026-W47) or day (2026-11-25), as its kind has it; null: the last one that is over."""
    vo: str | None = None
    """Null: all."""
    site: str | None = None
    """Of a site's report: which."""


def period_of(text: ReportText, now: datetime) -> Week | Day:
    """Of which period it is, at an aware time. Raises `ValueError` for what is none."""
    period = KINDS[text.kind].period
    return period.closed_before(now) if text.period is None else period.parse(text.period)


def report_of(text: ReportText, sink: Sink, now: datetime, objectives: Sequence[Objective] = ()) -> Report:
    """The report from one store. `now`: aware.

    Raises `ValueError` for what is no period and for an unknown site, and `TransientError` or `RefusedError` when the store does
    not answer.
    """
    return make_report(
        KINDS[text.kind],
        period_of(text, now),
        text.vo,
        lambda questions: ask_many(questions, sink),
        now,
        configured=objectives,
        site_name=text.site,
    )
