"""What a report is: sentences, tables and charts, of numbers that each name the query which repeats them.

    Report > Section > Sentence, Table, Chart > Number
    Report.queries: every question that was asked, as a `lakescope query` command

A report is computed once (reports/kinds.py) and is the truth: JSON is the struct as it is, and every other form
(reports/forms) is drawn from it alone, so that no two forms can disagree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from lakescope.kpis.model import Unit
from lakescope.kpis.units import Level

KindName = Literal["weekly", "daily", "site"]
State = Literal["good", "warning", "critical", "no data"]
ORDER: Mapping[str, int] = {"critical": 0, "warning": 1, "no data": 2, "good": 3}
"""Worst first."""
DIGITS = 12
"""Significant ones of a stored value: the last ones differ with the order in which a store adds up."""


class Number(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value as it was answered."""

    value: float | int | None
    """In its KPI's unit; null: no data."""
    text: str
    """The same for people."""
    query: int
    """Number of its query in `Report.queries`."""
    group: Mapping[str, str | None] = {}
    """The row of the answer: dimension -> value; empty: the answer has one row, or the number is made of all of them."""
    state: State | None = None
    """By the KPI's bounds."""


class Sentence(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Words around numbers."""

    parts: Sequence[str | Number]
    state: State | None = None

    @property
    def text(self) -> str:
        """As plain text, without the numbers of the queries."""
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)


class Column(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A column of a table: names, or the numbers of one query."""

    title: str
    dimension: str | None = None
    """Of names: whose values they are."""
    unit: Unit | None = None
    """Of numbers."""
    query: int | None = None
    """Of numbers: their query; null: computed from others, as the section says."""


class Cell(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A number in a table: its row's names say which group of its column's query it is."""

    value: float | int | None
    text: str
    query: int | None = None
    """Its own query, where it is not its column's."""
    state: State | None = None


class Table(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Rows in the order in which they matter."""

    name: str
    """Of its CSV file."""
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str | Cell | None]]
    """A name that is null: unknown."""
    more: int = 0
    """Rows that were left out, all of less weight."""
    pivot: bool = False
    """Shown as a matrix: first column down, second across, third in the cells."""


class Chart(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A picture over the period, of the rows that a store answered."""

    title: str
    kind: Literal["lines", "stacked"]
    kpi: str
    query: int
    by: Sequence[str] = ()
    bin_s: int
    rows: Sequence[Mapping[str, Any]]
    """``time``, dimensions, ``value``."""


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that somebody has to look at: page 1 has the worst of them."""

    state: Literal["critical", "warning"]
    sentence: Sentence
    action: str
    """What to do, as an order."""
    weight: float = 0.0
    """Among those of one state: the greater comes first."""


class Section(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One subject."""

    name: str
    """In links and files; a contract."""
    title: str
    state: State | None = None
    sentences: Sequence[Sentence] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    findings: Sequence[Finding] = ()
    notes: Sequence[str] = ()
    """What is missing, and why."""


class QueryText(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question that was asked."""

    number: int
    command: str
    """The command that repeats it."""
    kpi: str
    meaning: str
    """What the KPI is, in one sentence."""
    completeness: float | None = None
    """Share of the period's whole hours in which events of its dataset came, 0..1; null: not known."""
    refusal: str | None = None
    """Why the store could not answer."""


class Period(Struct, frozen=True, kw_only=True):
    """Of which time a report is: ``since <= time < until``, RFC 3339 in UTC."""

    name: str
    """2026-W47, 2026-11-25."""
    since: str
    until: str
    timezone: str = "UTC"


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A number or a sentence that another revision has otherwise."""

    section: str
    """Its title."""
    label: str
    """What it is in the section: table, row and column; the sentence without its numbers."""
    old: str | None
    """As it was, for people; null: it was not there."""
    new: str | None
    """As it is; null: it is there no more."""
    old_value: float | int | None = None
    """Of a number, in its KPI's unit."""
    new_value: float | int | None = None


class Heading(Struct, frozen=True, kw_only=True):
    """What a report says of itself."""

    kind: KindName
    title: str
    vo: str | None
    """The VO that it is of; null: all."""
    site: str | None = None
    """Of a site's report: which."""
    period: Period
    revision: int
    computed: str
    """When, RFC 3339 in UTC."""
    state: State


class Report(Heading, frozen=True, kw_only=True):
    """All of it."""

    summary: Sequence[Sentence]
    """Is the lake well?"""
    changes: Sequence[Sentence]
    """What changed?"""
    findings: Sequence[Finding]
    """What must I do? The worst of all sections'."""
    sections: Sequence[Section]
    queries: Sequence[QueryText]
    corrections: Sequence[Change] = ()
    """What the revision before it had otherwise; the first one has none."""


def worst(states: Sequence[State | Level | None]) -> State | None:
    """The worst of several; null if there is none."""
    known_states = [state for state in states if state is not None]
    return min(known_states, key=ORDER.__getitem__, default=None)
