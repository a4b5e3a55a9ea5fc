"""Why the main numbers changed: the fewest places that explain it (reports/causes.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from lakescope.kpis import CATALOGUE
from lakescope.reports.cause_cells import Span, cells_of
from lakescope.reports.cause_texts import sentence_of
from lakescope.reports.causes import Cells, Change, causes_of_ratio, causes_of_sum
from lakescope.reports.desk import DAY_S, Answer, Desk, Question
from lakescope.reports.forms.texts import readable
from lakescope.reports.model import Section
from lakescope.reports.sections._common import refusals, sentence

BY = ("src_site", "dst_site", "activity")
WEEKS_BEFORE = 2
"""Before the two that are compared: how much a week scatters by itself."""


class Explained(NamedTuple):
    """The section, and what page 1 says of each KPI: null where its change is no more than its usual scatter."""

    section: Section
    texts: Mapping[str, str]


def causes(desk: Desk) -> Explained:
    """Volume, failures and efficiency by site and activity, storage by RSE, in whole days."""
    days = desk.hours * 3600 // DAY_S
    changes: dict[str, tuple[str, Change | None, str]] = {}
    answers: list[Answer] = []

    def ask(kpi: str, by: Sequence[str]) -> list[Answer]:
        result = desk.ask(
            *(
                Question(kpi=kpi, by=tuple(by), bin_s=DAY_S, weeks_ago=ago)
                for ago in range(WEEKS_BEFORE + 1, -1, -1)
            )
        )
        answers.extend(result)
        return result

    def cells(*kpis: str, by: Sequence[str] = BY, is_level: bool = False) -> list[Cells]:
        weeks = list(zip(*(ask(kpi, by) for kpi in kpis), strict=True))
        # a week of which the store has nothing scatters not at all
        weeks = [week for week in weeks[:-2] if all(answer.values for answer in week)] + weeks[-2:]
        spans = [[_span(desk, answer) for answer in of_kpi] for of_kpi in zip(*weeks, strict=True)]
        return cells_of(by, spans, bins=days, bin_s=DAY_S, is_level=is_level)

    if days:
        (volume,) = cells("transfer_volume")
        changes["transfer_volume"] = ("Transferred volume", causes_of_sum(volume), "transfers")
        done, ended = cells("transfers_done", "transfers_ended")
        changes["transfer_efficiency"] = (
            "Transfer efficiency",
            causes_of_ratio(done, ended, is_share=True),
            "transfers",
        )
        (used,) = cells("storage_used", by=("rse",), is_level=True)
        changes["storage_used"] = ("Used space", causes_of_sum(used), "use")
    texts = {
        kpi: (
            change.is_clear,
            readable(
                sentence_of(change, name, unit=CATALOGUE[kpi].unit, subject=subject, since=desk.since)
            ),
        )
        for kpi, (name, change, subject) in changes.items()
        if change is not None and (change.before or change.after)
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
        {kpi: text for kpi, (is_clear, text) in texts.items() if is_clear},
    )


def _span(desk: Desk, answer: Answer) -> Span:
    return Span(desk.since - timedelta(days=7 * answer.question.weeks_ago), answer.rows)
