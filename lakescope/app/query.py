"""Asks a store for a KPI: the same for `lakescope query`, /api/kpis and whoever else wants a number."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from lakescope.core.contracts import RefusedError, Sink, TransientError
from lakescope.dashboards.model import Dashboard
from lakescope.dashboards.pages.pictures import Answered
from lakescope.dashboards.questions import Selection, questions_of
from lakescope.kpis import CATALOGUE, Kpi, Query, UnsupportedError, elasticsearch, influxql, snapshots
from lakescope.kpis import duckdb as duckdb_sql
from lakescope.kpis.model import EventsQuery, Report, ReportsQuery, StatesQuery

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(rf"([0-9]+(?:\.[0-9]+)?) ?({'|'.join(_UNITS)})")
LONGEST_S = 20_000 * 86400  # before 1971 nothing was measured


Question = Query | EventsQuery | StatesQuery
Rows = list[dict[str, Any]]
Answer = Rows | UnsupportedError
Asked = Query | EventsQuery | ReportsQuery
"""What a store is asked: a snapshot for reports, which it is then made of."""
Found = Rows | list[Report]


def ask(question: Question, sink: Sink, kind: str) -> Rows:
    """Rows of ``time`` (with a bin), the dimensions and ``value``; of an `EventsQuery` the events themselves, of a
    `StatesQuery` the reports.

    `kind`: the sink's type in the configuration. Raises `UnsupportedError` for what such a store cannot answer,
    `TransientError` or `RefusedError` when this one does not.
    """
    (answer,) = ask_many([question], sink, kind)
    if isinstance(answer, UnsupportedError):
        raise answer
    return answer


def ask_many(questions: Sequence[Question], sink: Sink, kind: str) -> list[Answer]:
    """The answers in the order of the questions: each asked once, all in as few requests as the store allows.

    In the place of what the store cannot answer stands an `UnsupportedError`. Raises as `ask` for a store that fails.
    """
    if kind not in _STORES:
        raise UnsupportedError(
            f"a store of type {kind} cannot answer KPIs; one of type {', '.join(_STORES)} can"
        )
    taken: Sequence[str] | None = getattr(getattr(sink, "options", None), "datasets", None)
    compile_, run = _STORES[kind]
    compiled: dict[str, tuple[Asked, Any]] = {}
    needed: list[list[str] | UnsupportedError] = []
    for question in questions:
        try:
            wanted = {repr(one): one for one in _given(question, taken)}
            compiled |= {
                key: (one, compile_(one, sink)) for key, one in wanted.items() if key not in compiled
            }
            needed.append(list(wanted))
        except UnsupportedError as error:
            needed.append(error)
    found = dict(zip(compiled, run(list(compiled.values()), sink) if compiled else [], strict=True))
    return [
        keys if isinstance(keys, UnsupportedError) else _answer(question, [found[key] for key in keys])
        for question, keys in zip(questions, needed, strict=True)
    ]


def _given(question: Question, taken: Sequence[str] | None) -> Sequence[Asked]:
    """What a store is asked for the question's answer, if it is given the events that it is about."""
    asked: Sequence[Asked]
    if isinstance(question, StatesQuery):
        asked = snapshots.questions(question.of, question.columns)
    elif isinstance(question, Query) and question.is_snapshot:
        asked = snapshots.questions(question)
    else:
        asked = [question]
    for one in asked:
        if taken is not None and one.dataset not in taken:
            name = question.kpi.name if isinstance(question, Query) else question.dataset
            raise UnsupportedError(f"{name} is made of {one.dataset}, of which this store is given none")
    return asked


def _answer(question: Question, found: list[Any]) -> Rows:
    if isinstance(question, StatesQuery):
        return snapshots.reports(question, found)
    if isinstance(question, Query) and question.is_snapshot:
        return snapshots.rows(question, found)
    rows: Rows = found[0]
    return rows


def _compile_duckdb(question: Asked, sink: Any) -> Any:
    if isinstance(question, ReportsQuery):
        return duckdb_sql.compile_reports(question)
    if isinstance(question, EventsQuery):
        return duckdb_sql.compile_events(question)
    return duckdb_sql.compile_query(question)


def _run_duckdb(compiled: Compiled, sink: Any) -> list[Found]:
    """Questions that go over the same events in one pass."""
    found: dict[int, Found] = {}
    for fused in duckdb_sql.fuse([question for question, _ in compiled if isinstance(question, Query)]):
        rows = sink.query(*fused.statement)
        found |= {id(query): _rows(query, rows, f"value{i}") for i, query in enumerate(fused.queries)}
    return [
        found[id(question)] if id(question) in found else _rows(question, sink.query(*statement))
        for question, statement in compiled
    ]


def _rows(question: Asked, found: Rows, value: str = "value") -> Found:
    """DuckDB's rows, whose nulls are left out, with all columns."""
    if isinstance(question, ReportsQuery):
        return duckdb_sql.reports(found)
    if isinstance(question, EventsQuery):
        return duckdb_sql.event_rows(question, found)
    names = [*(["time"] if question.bin_s else []), *question.by]
    return [{name: row.get(name) for name in names} | {"value": row.get(value)} for row in found]


def _compile_elasticsearch(question: Asked, sink: Any) -> list[Any]:
    if isinstance(question, ReportsQuery):
        return elasticsearch.compile_reports(question)
    if isinstance(question, EventsQuery):
        return [elasticsearch.compile_events(question)]
    return [elasticsearch.compile_query(question)]


def _run_elasticsearch(compiled: Compiled, sink: Any) -> list[Found]:
    """One request for all; further ones as long as some have more than a page of groups."""
    _refuse_closed([question for question, _ in compiled], sink)
    answers: list[list[Any]] = [[] for _ in compiled]
    waiting = [(place, body) for place, (_, bodies) in enumerate(compiled) for body in bodies]
    while waiting:
        found = sink.search_many([(compiled[place][0].dataset, body) for place, body in waiting])
        following = []
        for (place, body), answer in zip(waiting, found, strict=True):
            answers[place].append(answer)
            if page := elasticsearch.next_page(body, answer):
                following.append((place, page))
        waiting = following
    return [
        _read_elasticsearch(question, found) for (question, _), found in zip(compiled, answers, strict=True)
    ]


def _refuse_closed(questions: Sequence[Asked], sink: Any) -> None:
    """A number over a range of which an index is closed would be too small, without a word."""
    try:
        closed = sink.closed()
    except (RefusedError, TransientError):  # who may only search: a store that is away fails right after
        return
    for index in closed:
        for question in questions:
            prefix = f"{sink.options.prefix}-{question.dataset}-"
            period = index.removeprefix(prefix).replace(".", "-")
            since, until = (f"{end:%Y-%m-%d}"[: len(period)] for end in (question.since, question.until))
            if index.startswith(prefix) and since <= period <= until:
                text = f"{index} is closed: open it (POST /{index}/_open), or ask for a range without it"
                raise RefusedError("refused", text)


def _read_elasticsearch(question: Asked, found: list[Any]) -> Found:
    if isinstance(question, ReportsQuery):
        return elasticsearch.reports(found)
    if isinstance(question, EventsQuery):
        return elasticsearch.event_rows(question, found[0])
    return elasticsearch.rows(question, found)


def _compile_influxdb(question: Asked, sink: Any) -> Any:
    if sink.options.database is None:
        raise UnsupportedError(
            "InfluxDB 2.x cannot answer KPIs, but 1.x can; so can duckdb and elasticsearch"
        )
    tags = sink.tags[question.dataset]
    if isinstance(question, ReportsQuery):
        return influxql.compile_reports(question, tags)
    if isinstance(question, EventsQuery):
        return influxql.compile_events(question, tags)
    return influxql.compile_query(question, tags)


def _run_influxdb(compiled: Compiled, sink: Any) -> list[Found]:
    """All statements in one request."""
    texts = [one if isinstance(one, str) else one.text for _, one in compiled]
    results = iter(sink.query(";\n".join(texts)))
    rows: list[Found] = []
    try:
        for question, statements in compiled:
            if isinstance(question, ReportsQuery):
                rows.append(influxql.reports(question, next(results)))
            elif isinstance(question, EventsQuery):
                rows.append(influxql.event_rows(question, next(results)))
            else:
                count = len(statements.parts) + bool(statements.groups)
                rows.append(influxql.rows(question, list(islice(results, count))))
    except ValueError as error:
        raise RefusedError("refused", str(error)) from error
    return rows


Compiled = Sequence[tuple[Asked, Any]]
_STORES: dict[str, tuple[Callable[[Asked, Any], Any], Callable[[Compiled, Any], list[Found]]]] = {
    "duckdb": (_compile_duckdb, _run_duckdb),
    "elasticsearch": (_compile_elasticsearch, _run_elasticsearch),
    "influxdb": (_compile_influxdb, _run_influxdb),
}
"""Sink type -> how a question is put to it, and how many are asked."""


def answered(dashboard: Dashboard, selection: Selection, sink: Sink, name: str, kind: str) -> Answered:
    """A whole dashboard; `name` and `kind`: the sink's in the configuration. Raises as `ask`."""
    answers = ask_many(questions_of(dashboard, selection), sink, kind)
    return Answered.of(dashboard, selection, answers, name)


def parse_selection(
    dashboard: Dashboard,
    *,
    since: str | None = None,
    until: str = "0s",
    bin: str | None = None,
    noise: bool | None = None,
    variables: Sequence[str] = (),
) -> Selection:
    """What a viewer chose, from a person's words. Raises `ValueError` saying what was expected.

    Times as in `parse`; without `since` the dashboard's own; `variables` are ``variable=value``.
    """
    chosen: dict[str, tuple[str, ...]] = {}
    for text in variables:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(
                f"{text[:60]!r} chooses nothing: expected variable=value, for example source=CERN-PROD"
            )
        chosen[name] = (*chosen.get(name, ()), value)
    begin, end = moment(since or dashboard.since), moment(until)
    if end <= begin:
        raise ValueError(f"the range is empty: since {begin:%FT%TZ} until {end:%FT%TZ}")
    bin_s = None if bin is None else round(duration(bin))
    if bin_s is not None and bin_s < 1:
        raise ValueError(f"expected a bin of at least one second, found {bin}")
    return Selection(since=begin, until=end, bin_s=bin_s, noise=noise, variables=chosen)


def parse(
    name: str,
    *,
    by: Sequence[str] = (),
    since: str = "7d",
    until: str = "0s",
    bin: str | None = None,
    filters: Sequence[str] = (),
    noise: bool | None = None,
) -> Query:
    """A query from a person's words. Raises `ValueError` saying what was expected.

    Times are ISO 8601 in UTC or so long ago (7d, 12h, 30min); `filters` are ``dimension=value``.
    """
    if name not in CATALOGUE:
        import difflib

        close = difflib.get_close_matches(name, CATALOGUE, 3)
        raise ValueError(
            f"no KPI {name!r}; " + (f"there is {', '.join(close)}" if close else "see `lakescope query`")
        )
    chosen: dict[str, tuple[str, ...]] = {}
    for text in filters:
        key, equals, value = text.partition("=")
        if not equals:
            raise ValueError(
                f"{text[:60]!r} is no filter: expected dimension=value, for example src_rse=EULAKE-1"
            )
        chosen[key] = (*chosen.get(key, ()), value)
    return Query(
        kpi=CATALOGUE[name],
        since=moment(since),
        until=moment(until),
        by=tuple(by),
        bin_s=None if bin is None else round(duration(bin)),
        filters=chosen,
        noise=noise,
    )


def moment(text: str) -> datetime:
    """A time in UTC, or so long ago (7d, 12h, 30min). Raises `ValueError`."""
    if _DURATION.fullmatch(text):
        return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=duration(text))
    try:
        time = datetime.fromisoformat(text)
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):
        time = datetime.min.replace(tzinfo=UTC)
    if not 1971 <= time.year <= 2200:
        raise ValueError(
            f"{text[:60]!r} is no time: expected 2026-01-05, 2026-01-05T12:00:00, 7d, 12h or 30min"
        )
    return time


def duration(text: str) -> float:
    """Seconds of 30s, 30min, 12h, 7d or 2w. Raises `ValueError`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:60]!r} is no duration: expected for example 30min, 12h or 7d")
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > LONGEST_S:
        raise ValueError(f"{text[:60]!r} is too long: expected {LONGEST_S // _UNITS['d']}d at most")
    return seconds


def describe(kpi: Kpi) -> dict[str, Any]:
    """A KPI as plain data."""
    return {
        "name": kpi.name,
        "meaning": kpi.meaning,
        "unit": kpi.unit,
        "good": kpi.good,
        "dataset": kpi.dataset,
        "dimensions": list(kpi.dimensions),
        "null": kpi.null,
        "functional_tests": kpi.noise,
        "warning": kpi.warning,
        "critical": kpi.critical,
    }


def store_of(types: Mapping[str, str], name: str | None) -> str:
    """The sink to ask: the named one, else the first that can answer. Raises `ValueError`."""
    if name is not None:
        if name not in types:
            raise ValueError(f"no sink {name!r}; there are {', '.join(types)}")
        return name
    for sink, kind in types.items():
        if kind in _STORES:
            return sink
    raise ValueError(f"no store can answer KPIs: add a sink of type {' or '.join(_STORES)}")
