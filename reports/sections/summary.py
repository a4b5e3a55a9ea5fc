"""Red, amber, green: the lake's main indicators against the week before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lakescope.reports.desk import Answer, Desk, Question
from lakescope.reports.model import Cell, Column, Section, Sentence, State, Table, worst
from lakescope.reports.sections._common import cell, change_cell, change_text, refusals, sentence


class Indicator(NamedTuple):
    """A KPI over the whole lake, or at a place."""

    title: str
    kpi: str
    least_change: float
    """That is worth a sentence: of ratios in their own value, else as a share."""
    where: tuple[tuple[str, str], ...] = ()
    """Dimensions and values, where it is not of the whole lake."""


INDICATORS = (
    Indicator("Transfer efficiency", "transfer_efficiency", 0.02),
    Indicator("Transferred volume", "transfer_volume", 0.1),
    Indicator("Transferred files", "transfers_done", 0.1),
    Indicator("Failed transfers", "transfers_failed", 0.2),
    Indicator("Queue time (p95)", "queue_time_p95", 0.3),
    Indicator("Deletion efficiency", "deletion_efficiency", 0.02),
    Indicator("Deleted volume", "deletion_volume", 0.3),
    Indicator("Used space", "storage_used", 0.03),
    Indicator("Fill level of the storage", "storage_fullness", 0.02),
    Indicator("Stuck rules", "rules_stuck", 0.2),
    Indicator("Probe success rate", "probe_availability", 0.02),
    Indicator("Packet loss", "network_loss", 0.005),
    Indicator("Incidents", "incidents_began", 0.0),
)
CHANGES = 5
"""On page 1."""


class Overview(NamedTuple):
    """The section, and the sentences that page 1 has of it."""

    section: Section
    changes: Sequence[tuple[str, Sentence]]
    """With the KPI that each is about."""


def summary(desk: Desk, indicators: Sequence[Indicator] = INDICATORS) -> Overview:
    """Each indicator with its state, this time and a week before."""
    answers = desk.ask_each(
        {
            (one, ago): Question(kpi=one.kpi, where=dict(one.where), weeks_ago=ago)
            for one in indicators
            for ago in (0, 1)
        }
    )
    pairs = {one: (answers[one, 0], answers[one, 1]) for one in indicators}
    reported_pairs = {
        one: pair for one, pair in pairs.items() if any(answer.value is not None for answer in pair)
    }  # what nobody collects is no indicator
    weights = {one: _weight(one, *pair) for one, pair in reported_pairs.items()}
    changes = [
        (one.kpi, _change(desk, one, *reported_pairs[one]))
        for one, weight in sorted(weights.items(), key=lambda item: -item[1])
        if weight >= 1
    ]
    ignored = [one.title for one in reported_pairs if not desk.filters_by_vo(one.kpi)]
    return Overview(
        Section(
            name="summary",
            title="Summary",
            state=worst([now.state(now.value) for now, _ in reported_pairs.values()]),
            tables=[_table(desk, reported_pairs)],
            notes=[
                *refusals(*answers.values()),
                *([f"Of all VOs: {', '.join(ignored)}"] if ignored else []),
            ],
        ),
        changes[:CHANGES],
    )


def _table(desk: Desk, pairs: dict[Indicator, tuple[Answer, Answer]]) -> Table:
    return Table(
        name="summary",
        title="Indicators",
        columns=[
            Column(title="Indicator"),
            Column(title="State"),
            Column(title=f"This {desk.period.noun}"),
            Column(title=desk.period.before.removeprefix("in the ").capitalize()),
            Column(title="Change"),
        ],
        rows=[
            [
                one.title,
                Cell(value=None, text=state, state=state) if (state := now.state(now.value)) else "",
                cell(now, now.value, own=True),
                cell(before, before.value, own=True),
                change_cell(now, now.value, before.value),
            ]
            for one, (now, before) in pairs.items()
        ],
    )


def _weight(one: Indicator, now: Answer, before: Answer) -> float:
    """A change in the least ones that matter; 0 where there is none."""
    if now.value is None or before.value is None or now.value == before.value:
        return 0.0
    if now.kpi.unit == "ratio":
        return abs(now.value - before.value) / one.least_change
    share = abs(now.value - before.value) / max(abs(before.value), abs(now.value))
    return share / one.least_change if one.least_change else 1.0


def _change(desk: Desk, one: Indicator, now: Answer, before: Answer) -> Sentence:
    is_better = (now.value or 0) > (before.value or 0)
    if now.kpi.good == "down":
        is_better = not is_better
    state: State | None = None if now.kpi.good == "neutral" else "good" if is_better else "warning"
    return sentence(
        f"{one.title}: ",
        now.total,
        f", {desk.period.before} ",
        before.total,
        f" ({change_text(now, now.value, before.value)}).",
        state=state,
    )
