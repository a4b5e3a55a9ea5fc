"""KPIs as DuckDB SQL: one statement a query, its values as parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lakescope.core.columns import kinds
from lakescope.kpis.model import (
    REPORTS,
    UNKNOWN,
    Comparison,
    Condition,
    DaysLeft,
    EventsQuery,
    Part,
    PerSecond,
    Query,
    Ratio,
    Remainder,
    Report,
    ReportsQuery,
    Timeline,
    UnsupportedError,
    Value,
    parts,
    ways_of,
)

_FUNCTIONS = {
    "count": "count(*)",
    "mean": "avg({})",
    "share": "avg({}::int)",
    "largest": "max(abs({}))",
}
"""Of the parts whose function has another name than the part."""


class Statement(NamedTuple):
    """SQL and its named parameters. Columns of the answer: ``time`` (with a bin), the dimensions, ``value``."""

    sql: str
    parameters: dict[str, Any]


def compile_query(query: Query) -> Statement:
    """`query` for the tables of sinks/duckdb.py."""
    if query.is_snapshot:
        raise UnsupportedError(f"{query.kpi.name} is a state, which is made of reports (kpis/snapshots.py)")
    compiler = _Compiler(query)
    return compiler.select([f"{compiler.value()} as value"])


class FusedQuery(NamedTuple):
    """Several queries in one pass over the events. Columns: as `Statement`'s, but ``value0``, ``value1``, ..."""

    statement: Statement
    queries: tuple[Query, ...]


def fuse(queries: Sequence[Query]) -> list[FusedQuery]:
    """The same answers as one by one, in fewer passes: all that is grouped alike over the same events.

    Left out are queries that stand alone, those of series, which each makes for itself, and distinct counts, which
    would slow down the others: DuckDB then aggregates those a second time.
    """
    similar_queries: dict[tuple[Any, ...], list[Query]] = {}
    for query in queries:
        if not any(part.series or part.kind == "distinct" for part in parts(query.kpi.value)):
            events = query.kpi.dataset, query.since, query.until, frozenset(query.conditions)
            similar_queries.setdefault((*events, query.by, query.bin_s), []).append(query)
    return [_fuse_group(tuple(group)) for group in similar_queries.values() if len(group) > 1]


def _fuse_group(queries: tuple[Query, ...]) -> FusedQuery:
    first = _Compiler(queries[0])
    compilers = [first, *(_Compiler(query, first.parameters) for query in queries[1:])]
    values = [f"{one.value()} as value{index}" for index, one in enumerate(compilers)]
    return FusedQuery(first.select(values), queries)


def compile_reports(query: ReportsQuery) -> Statement:
    """`query` for the tables of sinks/duckdb.py. Columns of the answer: ``at`` and ``gap`` (microseconds), those asked for.

    First the times of the reports are found, then the reports of these times: to aggregate whole reports takes ten times as long.
    """
    parameters = _Parameters(query.dataset, query.look_back, query.until)
    where = parameters.where(dict.fromkeys(query.conditions))
    source = f'from "{query.dataset}" where {where}'
    series = ", ".join(f'"{name}"' for name in query.series)
    last = f"list_reverse_sort(list_distinct(max(time, {REPORTS})))"
    gaps = "list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))"
    times = [
        f"select {series}, last[1] as time, list_median({gaps}) as gap"
        f" from (select {series}, {last} as last {source} group by {series})"
    ]
    if query.since < query.until:  # else the last report of each series is all that is before
        parameters.values["range"] = _naive(query.since)
        slot = "time < $range"
        if query.bin_s:
            parameters.values["bin"] = query.bin_s
            slot += ", case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end"
        times += [
            f"select {series}, {end}(time) as time, null as gap {source} group by {series}, {slot}"
            for end in (("max", "min") if query.firsts else ("max",))
        ]
    selects = " union all ".join(times)
    if len(times) > 1:
        selects = f"select {series}, time, any_value(gap) as gap from ({selects}) group by {series}, time"
    fields = ", ".join(f'events."{name}"' for name in query.names)
    matches = [f"events.{name} is not distinct from times.{name}" for name in series.split(", ")]
    return Statement(
        f"with times as ({selects}) select epoch_us(events.time) as at, gap, {fields} from (select * {source}) as events"
        f" join times on {' and '.join([*matches, 'events.time = times.time'])}",
        parameters.values,
    )


def reports(rows: Iterable[Mapping[str, Any]]) -> list[Report]:
    """From the rows as sinks/duckdb.py gives them."""
    return [Report(row["at"] / 1e6, row, None if (gap := row["gap"]) is None else gap / 1e6) for row in rows]


def compile_events(query: EventsQuery) -> Statement:
    """`query` for the tables of sinks/duckdb.py. Columns of the answer: ``time`` and those asked for."""
    parameters = _Parameters(query.dataset, query.since, query.until)
    columns = ", ".join(f'"{name}"' for name in dict.fromkeys(["time", *query.columns]))
    where = parameters.where(query.conditions)
    parameters.values["limit"] = query.limit
    return Statement(
        f'select {columns} from "{query.dataset}" where {where} order by time desc, id limit $limit',
        parameters.values,
    )


def event_rows(query: EventsQuery, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Events as ``time`` (RFC 3339) and the columns asked for, from the rows as sinks/duckdb.py gives them."""
    names = ["time", *query.columns]
    return [{name: row.get(name) for name in names} for row in rows]


class _Parameters:
    """Conditions as SQL, their values as parameters."""

    def __init__(self, dataset: str, since: datetime, until: datetime) -> None:
        self.kinds = kinds(dataset)
        self.values: dict[str, Any] = {"since": _naive(since), "until": _naive(until)}

    def where(self, conditions: Iterable[Condition]) -> str:
        """The range and all of `conditions`."""
        return " and ".join(["time >= $since", "time < $until", *map(self.condition, conditions)])

    def condition(self, condition: Condition) -> str:
        """One condition."""
        field = f'"{condition.field}"'
        if condition.operator == "known":
            return f"{field} is not null"
        if condition.operator == "unknown":
            return f"{field} is null"
        value = condition.value
        if condition.operator == "any":
            ways = [" and ".join(map(self.condition, one)) for one in ways_of(condition)]
            return f"({' or '.join(f'({way})' for way in ways)})"
        name = f"p{len(self.values)}"
        self.values[name] = list(value) if isinstance(value, tuple) else value
        text = field if self.kinds[condition.field] in ("keyword", "text") else f"{field}::varchar"
        if not isinstance(value, tuple):
            compared = text if isinstance(value, str) else field
            return f"{compared} {'is distinct from' if condition.operator == 'not' else '='} ${name}"
        if UNKNOWN in value:
            text = f"coalesce({text}, '{UNKNOWN}')"
        return f"list_contains(${name}, {text})"


class _Compiler:
    def __init__(self, query: Query, parameters: _Parameters | None = None) -> None:
        self.query = query
        self.parts = parts(query.kpi.value)
        self.parameters = parameters or _Parameters(query.kpi.dataset, query.since, query.until)
        self.groups = [f'"{name}"' for name in query.by]
        self.bins: list[str] = []
        if query.bin_s:
            self.parameters.values["bin"] = query.bin_s
            self.bins = ["time_bucket(to_seconds($bin), time, timestamp '1970-01-01')"]

    def value(self) -> str:
        """The KPI's value, as an expression over the events or what is made of their series."""
        kpi = self.query.kpi
        value = self._value(kpi.value)
        return f"({value}) * {kpi.factor}" if kpi.factor != 1 else value

    def select(self, values: list[str]) -> Statement:
        """The statement that gives `values` for each group."""
        source, has_bins = self._source()
        bins = [f"{'time' if has_bins else bin_} as time" for bin_ in self.bins]
        head = ", ".join([*bins, *self.groups, *values])
        keys = _numbers([*bins, *self.groups])
        tail = f" group by {keys} order by {keys}" if keys else ""
        return Statement(f"select {head} from {source}{tail}", self.parameters.values)

    def _source(self) -> tuple[str, bool]:
        """What is aggregated: the events themselves, or what is made of their series; whether it is in bins already."""
        events = f'"{self.query.kpi.dataset}" where {self.parameters.where(self.query.conditions)}'
        if not any(part.series for part in self.parts):
            return events, False
        if all(part.kind == "increase" for part in self.parts):
            differences = ", ".join(self._difference(part, index) for index, part in enumerate(self.parts))
            return f"(select *, {differences} from {events})", False
        series = dict.fromkeys(f'"{name}"' for part in self.parts for name in part.series)
        keys = [*(f"{bin_} as time" for bin_ in self.bins), *dict.fromkeys([*self.groups, *series])]
        differences = ", ".join(self._of_series(part, index) for index, part in enumerate(self.parts))
        return f"(select {', '.join(keys)}, {differences} from {events} group by {_numbers(keys)})", True

    @staticmethod
    def _difference(part: Part, index: int) -> str:
        """An event's value minus the one before it in its series, unless it fell."""
        series = ", ".join(f'"{name}"' for name in part.series)
        before = f'lag("{part.field}" ignore nulls) over (partition by {series} order by time)'
        return f'case when "{part.field}" >= {before} then "{part.field}" - {before} end as part{index}'

    def _of_series(self, part: Part, index: int) -> str:
        field = f'"{part.field}"'
        conditions = " and ".join([f"{field} is not null", *map(self.parameters.condition, part.where)])
        return f"nullif(count(distinct {field}) filter (where {conditions}), 0) - 1 as part{index}"

    def _value(self, value: Value) -> str:
        match value:
            case Ratio():
                over, under = self._part(value.over, 0), self._part(value.under, 1)
                return f"{over}::double / nullif({under}, 0)"
            case Remainder():
                return f"1 - {self._value(value.of)}"
            case PerSecond():
                return f"{self._part(value.of, 0)}::double / {self._seconds()}"
            case DaysLeft():
                raise AssertionError("made of states")
            case Comparison():
                raise AssertionError("each side is asked alone")
            case Timeline():
                raise AssertionError("made of reports")
            case _:
                return self._part(value, 0)

    def _part(self, part: Part, index: int) -> str:
        if part.kind == "changes":  # its conditions are in what is made of the series
            return f"sum(part{index})"
        conditions = [self.parameters.condition(condition) for condition in part.where]
        match part.kind:
            case "increase":
                return f"sum(part{index}){_only(conditions)}"
            case "silence":
                return f"epoch({self._end('$until')} - max(time){_only(conditions)})"
            case "empty_hours":
                return self._empty_hours(conditions)
            case "distinct":
                return _distinct(f'"{part.field}"', conditions)
            case "percentile":
                return f'quantile_cont("{part.field}", {part.quantile!r}){_only(conditions)}'
            case _:
                function = _FUNCTIONS.get(part.kind, f"{part.kind}({{}})")
                return function.format(f'"{part.field}"') + _only(conditions)

    def _end(self, last: str) -> str:
        """Where the bin ends, but at `last`."""
        return f"least({last}, {self.bins[0]} + to_seconds($bin))" if self.bins else last

    def _seconds(self) -> str:
        """Length of the range, or of the part of a bin that is in it."""
        if not self.bins:
            return repr(self.query.seconds(None))
        return f"epoch({self._end('$until')} - greatest($since, {self.bins[0]}))"

    def _empty_hours(self, conditions: list[str]) -> str:
        first, last = self.query.whole_hours
        self.parameters.values |= {"first": _naive(first), "last": _naive(last)}
        begin = f"greatest($first, {self.bins[0]})" if self.bins else "$first"
        hours = f"greatest(0, date_diff('hour', {begin}::timestamp, {self._end('$last')}::timestamp))"
        within = ["time >= $first", "time < $last", *conditions]
        hours_with_events = _distinct("date_trunc('hour', time)", within)
        return f"{hours} - {hours_with_events}"


def _numbers(keys: Sequence[str]) -> str:
    """The first columns, for ``group by``."""
    return ", ".join(str(index + 1) for index in range(len(keys)))


def _only(conditions: list[str]) -> str:
    return f" filter (where {' and '.join(conditions)})" if conditions else ""


def _distinct(what: str, conditions: list[str]) -> str:
    """Not by a filter, which makes a distinct count three times as slow."""
    selected_value = f"case when {' and '.join(conditions)} then {what} end" if conditions else what
    return f"count(distinct {selected_value})"


def _naive(moment: datetime) -> datetime:
    """UTC without a zone, as the tables hold it."""
    return moment.astimezone(UTC).replace(tzinfo=None)
