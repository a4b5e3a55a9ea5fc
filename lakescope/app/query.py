"""Asks a store for KPIs: the same for `lakescope query`, /api/kpis, the dashboards and whoever else wants a number.

What a store can answer, and how, is the store's own: `lakescope.kpis.model.KpiSink`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from lakescope.core.contracts import Sink
from lakescope.core.plugins import PluginError, available, load
from lakescope.dashboards.model import Dashboard
from lakescope.dashboards.pages.pictures import DashboardAnswer
from lakescope.dashboards.questions import Selection, questions_of
from lakescope.kpis import CATALOGUE, Kpi, Query, UnsupportedError, comparisons, snapshots, timelines
from lakescope.kpis.model import EventsQuery, KpiSink, ReportsQuery, StatesQuery, StoreAnswer, StoreQuery

Question = Query | EventsQuery | StatesQuery
Rows = list[dict[str, Any]]
Answer = Rows | UnsupportedError


def query_of(
    kpi: str,
    since: float,
    until: float,
    by: tuple[str, ...] = (),
    *,
    bin_s: int | None = None,
    filters: Mapping[str, str | tuple[str, ...]] | None = None,
) -> Query:
    """The question for a KPI of the catalogue, by its name; times are POSIX seconds. Raises as `Query`."""
    return Query(
        kpi=CATALOGUE[kpi],
        since=datetime.fromtimestamp(since, UTC),
        until=datetime.fromtimestamp(until, UTC),
        by=by,
        bin_s=bin_s,
        filters=filters or {},
    )


def ask(question: Question, sink: Sink) -> Rows:
    """Rows of ``time`` (with a bin), the dimensions and ``value``; of an `EventsQuery` the events themselves, of a
    `StatesQuery` the reports.

    Raises `UnsupportedError` for what such a store cannot answer, `TransientError` or `RefusedError` when this one
    does not.
    """
    (answer,) = ask_many([question], sink)
    if isinstance(answer, UnsupportedError):
        raise answer
    return answer


def ask_many(questions: Sequence[Question], sink: Sink) -> list[Answer]:
    """The answers in the order of the questions: each asked once, all in as few requests as the store allows.

    In the place of what the store cannot answer stands an `UnsupportedError`. Raises as `ask` for a store that fails.
    """
    return comparisons.answers(questions, lambda plain: _ask_plain(plain, sink))


def _ask_plain(questions: Sequence[Question], sink: Sink) -> list[Answer]:
    """The answers to what compares nothing."""
    if not isinstance(sink, KpiSink):
        raise UnsupportedError(
            f"{type(sink).__name__} cannot answer KPIs; a store of type {_answering_types()} can"
        )
    stored_datasets: Sequence[str] | None = getattr(getattr(sink, "options", None), "datasets", None)
    queries = [_queries_of(question, stored_datasets) for question in questions]
    distinct: dict[str, StoreQuery] = {}
    for of_question in queries:
        for one in () if isinstance(of_question, UnsupportedError) else of_question:
            name = _name(one)
            distinct[name] = _with_columns(one, distinct.get(name, one))
    answers = dict(zip(distinct, sink.answer(list(distinct.values())) if distinct else [], strict=True))
    return [
        of_question
        if isinstance(of_question, UnsupportedError)
        else _answer(question, [answers[_name(one)] for one in of_question])
        for question, of_question in zip(questions, queries, strict=True)
    ]


def _name(query: StoreQuery) -> str:
    """Equal for what is asked once: equal queries, and the same reports with whatever columns."""
    return repr(replace(query, columns=()) if isinstance(query, ReportsQuery) else query)


def _with_columns(query: StoreQuery, other: StoreQuery) -> StoreQuery:
    """Reports with the columns of both."""
    if not isinstance(query, ReportsQuery) or not isinstance(other, ReportsQuery):
        return query
    return replace(query, columns=tuple(dict.fromkeys((*other.columns, *query.columns))))


def _queries_of(
    question: Question, stored_datasets: Sequence[str] | None
) -> Sequence[StoreQuery] | UnsupportedError:
    """What a store is asked for the question's answer, if it is given the events that it is about."""
    queries: Sequence[StoreQuery]
    if isinstance(question, StatesQuery):
        queries = snapshots.questions(question.of, question.columns)
    elif isinstance(question, Query) and question.is_snapshot:
        queries = snapshots.questions(question)
    elif isinstance(question, Query) and timelines.is_timeline(question):
        try:
            queries = timelines.questions(question)
        except UnsupportedError as error:
            return error
    else:
        queries = [question]
    for one in queries:
        if stored_datasets is not None and one.dataset not in stored_datasets:
            name = question.kpi.name if isinstance(question, Query) else question.dataset
            return UnsupportedError(f"{name} is made of {one.dataset}, of which this store is given none")
    return queries


def _answer(question: Question, answers: list[StoreAnswer | UnsupportedError]) -> Answer:
    for one in answers:
        if isinstance(one, UnsupportedError):
            return one
    rows_of_parts: list[Any] = answers
    if isinstance(question, StatesQuery):
        return snapshots.reports(question, rows_of_parts)
    if isinstance(question, Query) and question.is_snapshot:
        return snapshots.rows(question, rows_of_parts)
    if isinstance(question, Query) and timelines.is_timeline(question):
        return timelines.rows(question, rows_of_parts)
    rows: Rows = rows_of_parts[0]
    return rows


def answer_dashboard(dashboard: Dashboard, selection: Selection, sink: Sink, name: str) -> DashboardAnswer:
    """A whole dashboard; `name`: the sink's in the configuration. Raises as `ask`."""
    return DashboardAnswer.of(dashboard, selection, ask_many(questions_of(dashboard, selection), sink), name)


def describe(kpi: Kpi) -> dict[str, Any]:
    """A KPI as plain data."""
    return {
        "name": kpi.name,
        "meaning": kpi.meaning,
        "unit": kpi.unit,
        "good": kpi.good,
        "dataset": kpi.dataset,
        "dimensions": list(kpi.dimensions),
        "compares": [side.name for side in comparisons.columns(kpi).values()],
        "null": kpi.null,
        "functional_tests": kpi.noise,
        "warning": kpi.warning,
        "critical": kpi.critical,
    }


def can_answer(kind: str) -> bool:
    """Whether sinks of a type answer KPIs, by the type alone: none is opened."""
    try:
        return issubclass(load("sinks", kind), KpiSink)
    except PluginError:  # it is not there, or its extra is not
        return False


def store_of(types: Mapping[str, str], name: str | None) -> str:
    """The sink to ask: the named one, else the first that can answer. Raises `ValueError`."""
    if name is not None:
        if name not in types:
            raise ValueError(f"no sink {name!r}; there are {', '.join(types)}")
        if not can_answer(types[name]):
            raise ValueError(
                f"a store of type {types[name]} cannot answer KPIs; one of type {_answering_types()} can"
            )
        return name
    for sink, kind in types.items():
        if can_answer(kind):
            return sink
    raise ValueError(f"no store can answer KPIs: add a sink of type {_answering_types()}")


def _answering_types() -> str:
    return " or ".join(filter(can_answer, available("sinks")))
