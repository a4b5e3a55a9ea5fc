"""Why the main numbers changed: the fewest places that explain it (reports/causes.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from lakescope.kpis.model import Unit
from lakescope.reports.cause_cells import Cells, Span, cells_of
from lakescope.reports.cause_texts import sentence_of
from lakescope.reports.causes import Change, causes_of_ratio, causes_of_sum
from lakescope.reports.desk import DAY_S, Answer, Desk, Question
from lakescope.reports.forms.texts import readable
from lakescope.reports.model import Section
from lakescope.reports.sections._common import refusals, sentence

BY = ("src_site", "dst_site", "activity", "vo")
WEEKS_BEFORE = 6
"""Before the two that are compared: what is usual, and how much a week scatters by itself."""


class Explained(NamedTuple):
    """The section, and what page 1 says of each KPI whose change has a cause."""

    section: Section
    texts: Mapping[str, str]


class _Quantity(NamedTuple):
    """What changed, under the KPI of page 1."""

    name: str
    unit: Unit
    change: Change | None
    subject: str = "transfers"


def causes(desk: Desk) -> Explained:
    """Volume, efficiency and queue time by site, activity and VO, failures by error, storage by RSE, in whole days."""
    days = desk.hours * 3600 // DAY_S
    quantities: dict[str, _Quantity] = {}
    answers: list[Answer] = []
    span = desk.since, desk.since + timedelta(days=days)

    def cells(*kpis: str, by: Sequence[str] = BY, is_level: bool = False) -> list[Cells]:
        """Of each KPI; days of the two weeks that are compared, and those before them as a whole."""
        replies = desk.ask(
            *(
                Question(kpi=kpi, by=tuple(by), bin_s=DAY_S if ago < 2 else None, weeks_ago=ago, span=span)
                for ago in range(WEEKS_BEFORE + 1, -1, -1)
                for kpi in kpis
            )
        )
        answers.extend(replies)
        weeks = [replies[first : first + len(kpis)] for first in range(0, len(replies), len(kpis))]
        # a week of which the store has nothing scatters not at all
        weeks = [week for week in weeks[:-2] if any(answer.values for answer in week)] + weeks[-2:]
        spans = [[_span(desk, answer) for answer in of_kpi] for of_kpi in zip(*weeks, strict=True)]
        return cells_of(by, spans, bins=days, bin_s=DAY_S, is_level=is_level)

    if days:
        volume, done, ended, waits, starts = cells(
            "transfer_volume",
            "transfers_done",
            "transfers_ended",
            "queue_time_total",
            "transfers_with_queue_time",
        )
        quantities["transfer_volume"] = _Quantity(
            "Transferred volume", "bytes", causes_of_sum(volume, counts=done)
        )
        quantities["transfer_efficiency"] = _Quantity(
            "Transfer efficiency", "ratio", causes_of_ratio(done, ended, is_share=True)
        )
        quantities["queue_time_p95"] = _Quantity(
            "Average queue time", "seconds", causes_of_ratio(waits, starts, is_share=False)
        )
        (failed,) = cells("transfers_failed", by=("src_site", "dst_site", "activity", "error_template"))
        quantities["transfers_failed"] = _Quantity(
            "Failed transfers", "count", causes_of_sum(failed), "failures"
        )
        (used,) = cells("storage_used", by=("rse",), is_level=True)
        quantities["storage_used"] = _Quantity("Used space", "bytes", causes_of_sum(used), "use")
    texts = {
        kpi: (
            bool(one.change.causes),
            readable(sentence_of(one.change, one.name, unit=one.unit, subject=one.subject, since=desk.since)),
        )
        for kpi, one in quantities.items()
        if one.change is not None and (one.change.before or one.change.after)
    }
    numbers = [answer.number for answer in answers]
    return Explained(
        Section(
            name="causes",
            title="Causes of changes",
            sentences=[sentence(text) for _, text in texts.values()],
            notes=[
                *refusals(*answers),
                *([f"Computed from the queries {min(numbers)} to {max(numbers)}."] if texts else []),
            ],
        ),
        {kpi: text for kpi, (is_explained, text) in texts.items() if is_explained},
    )


def _span(desk: Desk, answer: Answer) -> Span:
    return Span(desk.since - timedelta(days=7 * answer.question.weeks_ago), answer.rows)
