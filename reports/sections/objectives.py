"""Objectives: how much of what may fail has failed, in the week and in the objective's own window."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, NamedTuple

from lakescope.alerts.objectives import Objective
from lakescope.kpis.units import format_value
from lakescope.reports.desk import Answer, Desk, Question, rounded
from lakescope.reports.model import Cell, Column, Finding, Section, State, Table, worst
from lakescope.reports.sections._common import names_of, refusals, sentence

LOW = 0.25
"""Share of the budget left below which it is a warning; with none left it is critical."""


class Standing(NamedTuple):
    """One group of one objective."""

    title: str
    objective: Objective
    answer: Answer
    key: tuple[str | None, ...]
    value: float
    left: float
    """Share of the budget of its window; below 0: missed."""
    week: float | None
    """Share of the budget that the week has used up."""

    @property
    def state(self) -> State:
        """How much is left."""
        return "critical" if self.left <= 0 else "warning" if self.left < LOW else "good"


def objectives(desk: Desk) -> Section:
    """Each objective and group with its target, value and budget, those with the least left first."""
    configured = desk.configured
    windows = desk.ask(*(_question(desk, one, one.days) for one in configured)) if configured else []
    weeks = desk.ask(*(_question(desk, one, None) for one in configured)) if configured else []
    standings = [
        standing
        for one, window, week in zip(configured, windows, weeks, strict=True)
        for standing in _standings(one, window, week)
    ]
    standings.sort(key=lambda one: (one.left, one.title))
    return Section(
        name="objectives",
        title="Objectives",
        state=worst([one.state for one in standings]),
        sentences=[] if configured else [sentence("No objective is configured: see [[objectives]].")],
        tables=[_table(standings)] if standings else [],
        findings=[_finding(one, place) for place, one in enumerate(standings) if one.state != "good"],
        notes=refusals(*windows, *weeks),
    )


def _question(desk: Desk, one: Objective, days: int | None) -> Question:
    span = None if days is None else (desk.until - timedelta(days=days), desk.until)
    return Question(kpi=one.kpi, by=tuple(one.by), where=one.filters, span=span)


def _standings(one: Objective, window: Answer, week: Answer) -> list[Standing]:
    budget = 1 - one.target
    is_share_of_bad = window.kpi.good == "down"
    of_week = week.values
    name = one.name or one.kpi

    def bad(value: float) -> float:
        return value if is_share_of_bad else 1 - value

    return [
        Standing(
            title=name if not key else f"{name}: {names_of(window, key)}",
            objective=one,
            answer=window,
            key=key,
            value=value,
            left=1 - bad(value) / budget,
            # of an even rate a week would use up 7 days of the window
            week=None if key not in of_week else bad(of_week[key]) / budget * 7 / one.days,
        )
        for key, value in window.values.items()
    ]


def _table(standings: Sequence[Standing]) -> Table:
    return Table(
        name="objectives",
        title="Error budgets",
        columns=[
            Column(title="Objective"),
            Column(title="Target", unit="ratio"),
            Column(title="Window"),
            Column(title="Value in the window", unit="ratio"),
            Column(title="Used by this week, of an even volume", unit="ratio"),
            Column(title="Budget left", unit="ratio"),
        ],
        rows=[
            [
                one.title,
                Cell(value=one.objective.target, text=format_value(one.objective.target, "ratio")),
                f"{one.objective.days} d",
                Cell(value=rounded(one.value), text=one.answer.of(one.value).text, query=one.answer.number),
                None
                if one.week is None
                else Cell(value=rounded(one.week), text=format_value(one.week, "ratio")),
                Cell(value=rounded(one.left), text=format_value(one.left, "ratio"), state=one.state),
            ]
            for one in standings
        ],
    )


def _finding(one: Standing, place: int) -> Finding:
    state: Literal["critical", "warning"] = "critical" if one.state == "critical" else "warning"
    left = (
        f", and its budget of {one.objective.days} d is used up."
        if one.left <= 0
        else f", and {format_value(one.left, 'ratio')} of its budget of {one.objective.days} d is left."
    )
    return Finding(
        state=state,
        sentence=sentence(
            f"Objective {one.title} ({format_value(one.objective.target, 'ratio')}): ",
            one.answer.of(one.value, one.key),
            left,
            state=state,
        ),
        action=f"Ask its owner ({one.objective.owner}) what will change.",
        weight=0.75 - place / 1000,
    )
