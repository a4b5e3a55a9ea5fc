"""Asks a store for a KPI: the same for `lakescope query`, /api/kpis and whoever else wants a number."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from kpis import CATALOGUE, Kpi, Query, UnsupportedError, elasticsearch, influxql
from kpis import duckdb as duckdb_sql
from lakescope.pipeline import RefusedError, Sink

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def ask(query: Query, sink: Sink, kind: str) -> list[dict[str, Any]]:
    """Rows of ``time`` (with a bin), the dimensions and ``value``.

    `kind`: the sink's type in the configuration. Raises `UnsupportedError` for what such a store cannot answer,
    `TransientError` or `RefusedError` when this one does not.
    """
    if kind not in _ASKED:
        raise UnsupportedError(
            f"a store of type {kind} cannot answer KPIs; one of type {', '.join(_ASKED)} can"
        )
    taken: Sequence[str] | None = getattr(getattr(sink, "options", None), "datasets", None)
    if taken is not None and query.kpi.dataset not in taken:
        raise UnsupportedError(
            f"{query.kpi.name} is made of {query.kpi.dataset}, of which this store is given none"
        )
    return _ASKED[kind](query, sink)


def _ask_duckdb(query: Query, sink: Any) -> list[dict[str, Any]]:
    statement = duckdb_sql.compile_query(query)
    columns = [*(["time"] if query.bin_s else []), *query.by, "value"]
    return [
        {column: row.get(column) for column in columns}
        for row in sink.query(statement.sql, statement.parameters)
    ]


def _ask_elasticsearch(query: Query, sink: Any) -> list[dict[str, Any]]:
    return elasticsearch.ask(query, lambda body: sink.search(query.kpi.dataset, body))


def _ask_influxdb(query: Query, sink: Any) -> list[dict[str, Any]]:
    if sink.options.database is None:
        raise UnsupportedError(
            "InfluxDB 2.x cannot answer KPIs, but 1.x can; so can duckdb and elasticsearch"
        )
    statements = influxql.compile_query(query, sink.tags[query.kpi.dataset])
    results = sink.query(statements.text)
    try:
        return influxql.rows(query, results)
    except ValueError as error:
        raise RefusedError("refused", str(error)) from error


_ASKED: dict[str, Callable[[Query, Any], list[dict[str, Any]]]] = {
    "duckdb": _ask_duckdb,
    "elasticsearch": _ask_elasticsearch,
    "influxdb": _ask_influxdb,
}
"""Sink type -> how it is asked."""


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
            raise ValueError(f"{text!r} is no filter: expected dimension=value, for example src_rse=EULAKE-1")
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
    try:
        return datetime.now(UTC) - timedelta(seconds=duration(text))
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no time: expected 2026-01-05, 2026-01-05T12:00:00, 7d, 12h or 30min"
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def duration(text: str) -> float:
    """Seconds of 30s, 30min, 12h, 7d or 2w. Raises `ValueError`."""
    match = re.fullmatch(rf"(\d+(?:\.\d+)?) ?({'|'.join(_UNITS)})", text)
    if match is None:
        raise ValueError(f"{text!r} is no duration: expected for example 30min, 12h or 7d")
    return float(match[1]) * _UNITS[match[2]]


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
        if kind in _ASKED:
            return sink
    raise ValueError(f"no store can answer KPIs: add a sink of type {' or '.join(_ASKED)}")
