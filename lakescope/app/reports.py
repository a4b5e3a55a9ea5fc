"""Reports from a store, where what the room `reports` asks goes to a sink by one call a batch; and from the archive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lakescope.alerts.objectives import Objective
from lakescope.app.lock import lock
from lakescope.app.query import ask_many
from lakescope.core.contracts import Sink
from lakescope.reports.archive import Archive
from lakescope.reports.model import KindName, Report
from lakescope.reports.period import PERIODS, Day, Week
from lakescope.reports.place import Place

if TYPE_CHECKING:
    from lakescope.reports.lake_status import LakeStatus


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
    period = PERIODS[text.kind]
    return period.closed_before(now) if text.period is None else period.parse(text.period)


def report_of(text: ReportText, sink: Sink, now: datetime, objectives: Sequence[Objective] = ()) -> Report:
    """The report from one store. `now`: aware.

    Raises `ValueError` for what is no period and for an unknown site, and `TransientError` or `RefusedError` when the store does
    not answer.
    """
    from lakescope.reports.kinds import KINDS, make_report

    return make_report(
        KINDS[text.kind],
        period_of(text, now),
        text.vo,
        lambda questions: ask_many(questions, sink),
        now,
        configured=objectives,
        site_name=text.site,
    )


def lake_status_of(sink: Sink, now: datetime) -> LakeStatus:
    """The state of the lake for everybody, from one store. `now`: aware. Raises as `report_of`."""
    from lakescope.reports.lake_status import make_lake_status

    return make_lake_status(lambda questions: ask_many(questions, sink), now)


class Revision(NamedTuple):
    """The last one of a report in the archive."""

    report: Report
    before: Report | None
    """The last revision until now; null: there was none."""


def look(text: ReportText, folder: Path, compute: Callable[[ReportText], Report], now: datetime) -> Report:
    """The last revision of a report in the archive `folder`, else computed and not kept. Raises as `period_of` and `compute`."""
    place = Place.of(text.kind, text.vo, period_of(text, now).name, text.site)
    return Archive(folder).latest(place) or compute(text)


def keep(
    text: ReportText,
    folder: Path,
    compute: Callable[[ReportText], Report],
    now: datetime,
    *,
    recompute: bool = False,
) -> Revision:
    """The last revision of a report in the archive `folder`, computed and kept if there is none yet, or anew.

    Raises `ValueError` for a period that is not over, `RuntimeError` where another process writes to the archive or a file of
    it is damaged, and what `compute` raises.
    """
    period = period_of(text, now)
    if period.until > now:
        raise ValueError(
            f"{period.name} is not over until {period.until:%Y-%m-%d %H:%M} UTC, and only whole periods are kept and sent"
        )
    archive = Archive(folder)
    before = archive.latest(Place.of(text.kind, text.vo, period.name, text.site))
    if before is not None and not recompute:
        return Revision(before, before)
    # the period by its name: an instance's clock may be on the other side of midnight
    report = compute(text._replace(period=period.name))
    with lock(folder):
        return Revision(archive.keep(report), before)
