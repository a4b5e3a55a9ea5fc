"""How InfluxDB 1.x answers KPIs: all statements in one request."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Any

from lakescope.core.contracts import RefusedError
from lakescope.kpis import influxql
from lakescope.kpis.model import EventsQuery, ReportsQuery, StoreAnswer, StoreQuery

Statements = str | influxql.Statements


def compile_statements(query: StoreQuery, tags: Mapping[str, Collection[str]]) -> Statements:
    """InfluxQL. Raises `UnsupportedError`."""
    if isinstance(query, ReportsQuery):
        return influxql.compile_reports(query, tags[query.dataset])
    if isinstance(query, EventsQuery):
        return influxql.compile_events(query, tags[query.dataset])
    return influxql.compile_query(query, tags[query.dataset])


def run(
    compiled_queries: Sequence[tuple[StoreQuery, Statements]], ask: Callable[[str], list[dict[str, Any]]]
) -> list[StoreAnswer]:
    """What each found; `ask` gives the results of statements. Raises `RefusedError` with InfluxDB's words."""
    texts = [one if isinstance(one, str) else one.text for _, one in compiled_queries]
    results = iter(ask(";\n".join(texts)))
    try:
        return [_read(query, statements, results) for query, statements in compiled_queries]
    except ValueError as error:
        raise RefusedError("refused", str(error)) from error


def _read(query: StoreQuery, statements: Statements, results: Any) -> StoreAnswer:
    if isinstance(query, ReportsQuery):
        return influxql.reports(query, next(results))
    if isinstance(query, EventsQuery):
        return influxql.event_rows(query, next(results))
    assert isinstance(statements, influxql.Statements)
    count = len(statements.parts) + bool(statements.groups)
    return influxql.rows(query, list(islice(results, count)))
