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


class ReportText(NamedTuple):
    """Which report, in a person's words, as commands and the API take them."""

    kind: KindName
    period: str | None = None
    """ISO week (2026-W47) or day (2026-11-25), as its kind has it; null: the last one that is over."""
    vo: str | None = None
    """Null: all."""
    site: str | None = None
    """Of a site's report: which."""


def report_of(text: ReportText, sink: Sink, now: datetime, objectives: Sequence[Objective] = ()) -> Report:
    """The report from one store. `now`: aware.

    Raises `ValueError` for what is no period and for an unknown site, and `TransientError` or `RefusedError` when the store does
    not answer.
    """
    kind = KINDS[text.kind]
    period = kind.period.closed_before(now) if text.period is None else kind.period.parse(text.period)
    return make_report(
        kind,
        period,
        text.vo,
        lambda questions: ask_many(questions, sink),
        now,
        configured=objectives,
        site_name=text.site,
    )


def weekly_report(
    sink: Sink, week: str | None, vo: str | None, now: datetime, objectives: Sequence[Objective] = ()
) -> Report:
    """The weekly report from one store, likewise."""
    return report_of(ReportText("weekly", week, vo), sink, now, objectives)
