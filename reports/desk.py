"""Where sections ask: KPIs by name over the report's period, each answer with the command that repeats it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from msgspec import Struct

from lakescope.alerts.objectives import Objective
from lakescope.kpis import CATALOGUE, Kpi, Query, UnsupportedError
from lakescope.kpis.model import UNKNOWN, Condition, EventsQuery
from lakescope.kpis.units import level_of, text_of
from lakescope.reports.model import DIGITS, Chart, Number, QueryText, State
from lakescope.reports.period import Day, Week

Rows = Sequence[Mapping[str, Any]]
Ask = Callable[[Sequence[Query | EventsQuery]], Sequence[Rows | UnsupportedError]]
"""All questions at once to their answers, in their order: `lakescope.app.query.ask_many` on a store."""
Key = tuple[str | None, ...]
K = TypeVar("K")

DAY_S = 86_400
EMPTY_HOURS = {
    "transfers": "transfers_empty_hours",
    "deletions": "deletions_empty_hours",
    "storage": "storage_empty_hours",
    "network": "network_empty_hours",
    "hosts": "hosts_empty_hours",
    "probes": "probes_empty_hours",
    "fts_queue": "fts_queue_empty_hours",
    "rucio": "rucio_empty_hours",
}
"""Dataset -> the KPI that counts the hours of which nothing is known."""


SHARED = frozenset(
    (
        "incidents",
        "alerts",
        "network",
        "hosts",
        "probes",
        "downtimes",
        "fts_queue",
        "expected_tests",
        "daemons",
    )
)
"""Datasets of what VOs share: events without a VO are everybody's, so a VO's report counts them."""


class Question(Struct, frozen=True, kw_only=True):
    """A KPI over the report's period."""

    kpi: str
    by: tuple[str, ...] = ()
    bin_s: int | None = None
    where: Mapping[str, str | tuple[str, ...]] = {}
    weeks_ago: int = 0
    """1: the same about seven days before."""
    span: tuple[datetime, datetime] | None = None
    """Another range than the period; aware."""


def asks_for(kpis: Iterable[str], *by: str, bin_s: int | None = None) -> list[Question]:
    """The same dimensions of several KPIs."""
    return [ask_for(kpi, *by, bin_s=bin_s) for kpi in kpis]


def ask_for(kpi: str, *by: str, bin_s: int | None = None, weeks_ago: int = 0, **where: str) -> Question:
    """The question for a KPI by dimensions; `where`: dimension and value."""
    return Question(kpi=kpi, by=by, bin_s=bin_s, where=where, weeks_ago=weeks_ago)


class Answer(Struct, frozen=True, kw_only=True):
    """The rows of one question."""

    question: Question
    kpi: Kpi
    number: int
    """In the report's list of queries."""
    rows: Rows
    refusal: str | None = None

    @property
    def values(self) -> dict[Key, float | int]:
        """Group -> value, without groups that have none."""
        return {
            tuple(row[name] for name in self.question.by): row["value"]
            for row in self.rows
            if row["value"] is not None
        }

    @property
    def value(self) -> float | int | None:
        """Of a question without groups and bins."""
        return self.rows[0]["value"] if self.rows else None

    @property
    def total(self) -> Number:
        """The one number of a question without groups and bins."""
        return self.of(self.value)

    def of(self, value: float | int | None, key: Key = ()) -> Number:
        """A value of this answer."""
        return Number(
            value=rounded(value),
            text=text_of(self.kpi, value),
            query=self.number,
            group=dict(zip(self.question.by, key, strict=True)) if key else {},
            state=self.state(value),
        )

    def state(self, value: float | int | None) -> State | None:
        """How a value stands to the KPI's bounds; null where it has none."""
        if self.kpi.warning is None and self.kpi.critical is None:
            return None
        return level_of(self.kpi, value) or "no data"

    def ranked(self, *, least: bool = False) -> list[tuple[Key, float | int]]:
        """Groups by their value, the greatest first (or the least); equal ones by name."""
        sign = 1 if least else -1
        return sorted(self.values.items(), key=lambda item: (sign * item[1], [str(part) for part in item[0]]))

    def chart(self, title: str, kind: Any = "lines") -> Chart:
        """The rows as a chart over time."""
        return Chart(
            title=title,
            kind=kind,
            kpi=self.kpi.name,
            query=self.number,
            by=self.question.by,
            bin_s=self.question.bin_s or DAY_S,
            rows=[dict(row) | {"value": rounded(row["value"])} for row in self.rows],
        )


class Desk:
    """Asks for one report. `ask_all`: the store; `until`: up to when there can be data, for a period that is not over;
    `configured`: the objectives; `site`: which one the report is of."""

    def __init__(
        self,
        ask_all: Ask,
        period: Week | Day,
        until: datetime,
        vo: str | None = None,
        configured: Sequence[Objective] = (),
        site: str | None = None,
    ) -> None:
        self.period, self.since, self.until = period, period.since, until
        self.vo, self.configured, self.site = vo, configured, site
        self._place: Mapping[str, str] = {}
        self._ask_all = ask_all
        self._commands: list[tuple[Query, str | None]] = []
        self._completeness: dict[str, float] = {}

    def ask(self, *questions: Question) -> list[Answer]:
        """All at once, in their order. Raises what the store raises when it does not answer."""
        queries = [self._query(question) for question in questions]
        answers = []
        for question, query, rows in zip(questions, queries, self._ask_all(queries), strict=True):
            refusal = str(rows) if isinstance(rows, UnsupportedError) else None
            self._commands.append((query, refusal))
            answers.append(
                Answer(
                    question=question,
                    kpi=query.kpi,
                    number=len(self._commands),
                    rows=() if isinstance(rows, UnsupportedError) else rows,
                    refusal=refusal,
                )
            )
        return answers

    def at(self, **place: str) -> Desk:
        """The same desk, of which all questions are of a place: dimension and value. Its queries are this one's."""
        narrowed = copy(self)
        narrowed._place = place
        return narrowed

    def ask_groups(self, *groups: Iterable[Question]) -> list[list[Answer]]:
        """The same, group by group: a section's questions are one request to a store that takes many at once."""
        lists = [list(group) for group in groups]
        answers = iter(self.ask(*(question for group in lists for question in group)))
        return [list(islice(answers, len(group))) for group in lists]

    def ask_each(self, questions: Mapping[K, Question]) -> dict[K, Answer]:
        """By their keys."""
        return dict(zip(questions, self.ask(*questions.values()), strict=True))

    def events(
        self, dataset: str, columns: Sequence[str], *conditions: Sequence[Condition], limit: int = 500
    ) -> list[Rows]:
        """The newest events of the period, of the report's VO, that meet all of each sequence of conditions; none where the
        store cannot search them."""
        of_vo = [Condition("vo", "in", self._vos(dataset))] if self.vo else []
        queries = [
            EventsQuery(
                dataset=dataset,
                columns=tuple(columns),
                since=self.since,
                until=self.until,
                conditions=(*one, *of_vo),
                limit=limit,
            )
            for one in conditions
        ]
        answers = self._ask_all(queries) if queries else []
        return [() if isinstance(rows, UnsupportedError) else rows for rows in answers]

    def note_completeness(self, dataset: str, share: float) -> None:
        """Says of all queries to a dataset how much of the period it covers."""
        self._completeness[dataset] = share

    @property
    def hours(self) -> int:
        """Whole hours of the period, as far as it is over."""
        return int((self.until - self.since).total_seconds()) // 3600

    @property
    def queries(self) -> list[QueryText]:
        """All that were asked so far."""
        return [
            QueryText(
                number=number,
                command=command_of(query),
                kpi=query.kpi.name,
                meaning=query.kpi.meaning,
                completeness=rounded(self._completeness.get(query.kpi.dataset)),
                refusal=refusal,
            )
            for number, (query, refusal) in enumerate(self._commands, 1)
        ]

    def filters_by_vo(self, kpi: str) -> bool:
        """Whether numbers of a KPI are of the report's VO alone."""
        return self.vo is None or "vo" in CATALOGUE[kpi].dimensions

    def _vos(self, dataset: str) -> tuple[str, ...]:
        return (self.vo or UNKNOWN, UNKNOWN) if dataset in SHARED else (self.vo or UNKNOWN,)

    def _query(self, question: Question) -> Query:
        kpi = CATALOGUE[question.kpi]
        back = timedelta(days=7 * question.weeks_ago)
        where = {**self._place, **question.where}
        if self.vo is not None and "vo" in kpi.dimensions:
            where["vo"] = self._vos(kpi.dataset)
        since, until = question.span or (self.since, self.until)
        return Query(
            kpi=kpi,
            since=since - back,
            until=until - back,
            by=question.by,
            bin_s=question.bin_s,
            filters=where,
        )


def command_of(query: Query) -> str:
    """The command that asks the same, for a POSIX shell."""
    words = ["lakescope", "query", query.kpi.name]
    for name in query.by:
        words += ["--by", name]
    words += ["--since", _time(query.since), "--until", _time(query.until)]
    if query.bin_s:
        words += ["--bin", f"{query.bin_s}s"]
    for name, values in query.filters.items():
        for value in (values,) if isinstance(values, str) else values:
            words += ["--where", f"{name}={UNKNOWN if value is None else value}"]
    return shlex.join(words)


def _time(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"


def rounded(value: Any) -> Any:
    """A float to `DIGITS` significant digits; anything else as it is."""
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
