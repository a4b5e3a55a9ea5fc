"""KPIs as InfluxQL for InfluxDB 1.x (measurement = dataset): one statement a part, and one that tells the groups.

Exact: counts, sums, extremes, distinct counts, medians, empty hours, last, growth and changes; means, shares, ratios
and increases to a double's 15 digits.
Stated tolerance: percentiles above the median are the nearest rank's value, one of the two that the exact one lies
between. Ranges are of whole seconds: a point's time is its event's second, the digits below only keep points apart
(sinks/influxdb.py). So a range's ends are rounded down to the second, a silence is up to a second longer, and of two
last reports of one series within one second the greater counts; days left are within a second of the reports' times.
A counter's series are the database's own: all tags. `last` and `growth` are compiled for Grafana only.

Refused: groups, series and unknown values of a field that is no tag; distinct values of a tag; percentiles below
the median, whose nearest rank does not exist in a small group; silences in bins, whose points tell no time.

Reference: docs.influxdata.com/influxdb/v1/query_language
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn

from lakescope.core.columns import Kind, kinds
from lakescope.kpis.model import (
    HOUR,
    UNKNOWN,
    Condition,
    EventsQuery,
    Part,
    Query,
    Report,
    ReportsQuery,
    UnsupportedError,
    combine,
    order,
    parts,
    ways_of,
)

Result = Mapping[str, Any]


class Statements(NamedTuple):
    """InfluxQL whose answers are one column ``value``; times to be asked for in seconds (``epoch=s``)."""

    groups: str | None
    """Counts the events of each group; null for a query without bin and dimensions, which has one group."""
    parts: tuple[str, ...]
    """One statement a part of the KPI's value; a group where the part has no event is missing in its answer."""

    @property
    def text(self) -> str:
        """All as one request."""
        return ";\n".join([*([self.groups] if self.groups else []), *self.parts])


def compile_query(query: Query, tags: Collection[str]) -> Statements:
    """`query` for the points of sinks/influxdb.py; `tags`: the dataset's. Raises `UnsupportedError`."""
    return _Compiler(query, tags).statements()


def rows(query: Query, results: Sequence[Result]) -> list[dict[str, Any]]:
    """Rows as kpis/duckdb.py's: ``time`` (with a bin), the dimensions, ``value``.

    `results`: InfluxDB's ``results`` of the statements, in their order. Raises `ValueError` for a statement that
    failed or whose answer was cut short.
    """
    query_parts = parts(query.kpi.value)
    values_by_part = [dict(_values(query, result)) for result in results]
    groups: Iterable[tuple[Any, ...]] = values_by_part.pop(0) if query.by or query.bin_s else [()]
    pairs = list(zip(query_parts, values_by_part, strict=True))
    return order(
        query,
        (
            (group, combine(query, group, [_value(query, part, group, of.get(group)) for part, of in pairs]))
            for group in groups
        ),
    )


def compile_events(query: EventsQuery, tags: Collection[str]) -> str:
    """`query` for the points of sinks/influxdb.py; `tags`: the dataset's. Raises `UnsupportedError`."""
    language = _Language(f"events of {query.dataset}", query.dataset, tags)
    selection = language.select_list(["id", *query.columns])
    where = language.where(query.since, query.until, query.conditions)
    return f'SELECT {selection} FROM "{query.dataset}" WHERE {where} ORDER BY time DESC LIMIT {query.limit}'  # noqa: S608 - names checked


def compile_reports(query: ReportsQuery, tags: Collection[str]) -> str:
    """`query` for the points of sinks/influxdb.py: all reports, since InfluxQL tells no last one's own time."""
    language = _Language(f"reports of {query.dataset}", query.dataset, tags)
    is_tag = query.field in language.tags  # a point is found by its fields: each has its id
    selection = language.select_list(("id", *query.names) if is_tag else query.names)
    where = language.where(query.look_back, query.until, query.conditions)
    return f'SELECT {selection} FROM "{query.dataset}" WHERE {where}'  # noqa: S608 - names of the catalogue


def reports(query: ReportsQuery, result: Result) -> list[Report]:
    """From the statement's result. Times are whole seconds."""
    kinds_by_field = kinds(query.dataset)
    rows = []
    for series in _series_of(result):
        for time, *values in series["values"]:
            pairs = zip(series["columns"][1:], values, strict=True)
            rows.append(
                Report(float(time), {name: _plain(kinds_by_field[name], value) for name, value in pairs})
            )
    return rows


def event_rows(query: EventsQuery, result: Result) -> list[dict[str, Any]]:
    """Events as ``time`` (RFC 3339, whole seconds) and the columns asked for, from the statement's result."""
    kinds_by_field = kinds(query.dataset)
    names = ["time", *query.columns]
    rows: list[dict[str, Any]] = []
    for series in _series_of(result):
        for values in series["values"]:
            row = dict(zip(series["columns"], values, strict=True))
            row["time"] = f"{datetime.fromtimestamp(row['time'], UTC):%Y-%m-%dT%H:%M:%SZ}"
            rows.append({name: _plain(kinds_by_field[name], row[name]) for name in names})
    return rows


class _Language:
    """Conditions in InfluxQL."""

    def __init__(self, what: str, dataset: str, tags: Collection[str]) -> None:
        self.what = what
        self.tags = tags
        self.kinds = kinds(dataset)

    def select_list(self, names: Iterable[str]) -> str:
        """The columns of an answer, beside ``time``. Raises `UnsupportedError`."""
        for name in names:
            if self.kinds[name] in ("labels", "object", "keywords"):
                self.refuse(f"keeps {name} as tags and fields of their own")
        return ", ".join(f'"{name}"' for name in dict.fromkeys(names) if name != "time")

    def where(self, since: datetime, until: datetime, conditions: Iterable[Condition]) -> str:
        """The range and all of `conditions`."""
        return " AND ".join([_range(since, until), *map(self._condition, dict.fromkeys(conditions))])

    def refuse(self, reason: str) -> NoReturn:
        """Raises `UnsupportedError`."""
        raise UnsupportedError(
            f"{self.what}: InfluxDB {reason}; a store of type duckdb or elasticsearch can answer"
        )

    def _condition(self, condition: Condition) -> str:
        value = condition.value
        if condition.operator in ("known", "unknown"):
            return self._is_known(condition)
        if condition.operator == "any":
            ways = [" AND ".join(map(self._condition, one)) for one in ways_of(condition)]
            return f"({' OR '.join(f'({way})' for way in ways)})"
        if condition.operator == "not" and condition.field not in self.tags:
            self.refuse(f"cannot look for a field that is missing, and {condition.field} is no tag")
        if not isinstance(value, tuple):
            return self._equals(condition.field, value, is_not=condition.operator == "not")
        any_of = " OR ".join(
            self._is_known(Condition(condition.field, "unknown"))
            if one == UNKNOWN
            else self._equals(condition.field, one)
            for one in value
        )
        return f"({any_of})" if len(value) != 1 else any_of

    def _is_known(self, condition: Condition) -> str:
        """A tag that an event lacks is empty; a field that it lacks meets no comparison at all."""
        field, is_known = f'"{condition.field}"', condition.operator == "known"
        if condition.field in self.tags:
            return f"{field} {'!=' if is_known else '='} ''"
        if not is_known:
            self.refuse(f"cannot look for a field that is missing, and {condition.field} is no tag")
        match self._stored_kind(condition.field):
            case "boolean":
                return f"({field} = true OR {field} = false)"
            case "integer" | "float":
                return f"({field} >= 0 OR {field} < 0)"
            case _:
                return f"{field} =~ /.*/"

    def _equals(self, field: str, value: str | bool | None, *, is_not: bool = False) -> str:
        """A tag is text, a boolean one too; a field is what it is."""
        if isinstance(value, bool):
            sign, text = "!=" if is_not else "=", "true" if value else "false"
            if self._stored_kind(field) == "integer":
                return f'"{field}" {sign} {int(value)}'
            return f'"{field}" {sign} {quote_identifier(text) if field in self.tags else text}'
        if field not in self.tags and self._stored_kind(field) in ("integer", "float", "boolean"):
            self.refuse(f"filters by tags and texts only, and {field} is neither")
        return equals(field, str(value), is_tag=field in self.tags, is_not=is_not)

    def _stored_kind(self, field: str) -> Kind:
        """`ok` is 1 or 0, so that it has a mean."""
        return "integer" if field == "ok" else self.kinds[field]


class _Compiler:
    def __init__(self, query: Query, tags: Collection[str]) -> None:
        self.query = query
        self.tags = tags
        self.language = _Language(query.kpi.name, query.kpi.dataset, tags)
        series = (name for part in parts(query.kpi.value) if part.kind != "increase" for name in part.series)
        for name in (*query.by, *series):
            if name not in tags:
                self.language.refuse(f"groups by tags only, and {name} is none")

    def statements(self) -> Statements:
        """All statements."""
        query = self.query
        groups = self._select('count("id")', (), self._groups(query.by)) if query.by or query.bin_s else None
        return Statements(groups, tuple(map(self._part, parts(query.kpi.value))))

    def _part(self, part: Part) -> str:
        field = f'"{part.field}"'
        if part.field in self.tags:
            self.language.refuse(f"aggregates fields only, and {part.field} is a tag")
        match part.kind:
            case "count":
                return self._plain(part, 'count("id")')
            case "distinct":
                return self._plain(part, f"count(distinct({field}))")
            case "share":
                return self._plain(part, f"mean({field})")
            case "percentile":
                return self._plain(part, self._percentile(part))
            case "silence":
                if self.query.bin_s:
                    self.language.refuse("tells the time of a last event for the whole range only")
                return self._plain(part, 'last("id")')
            case "last":
                last = f"last({field})"
                return self._of_series(part, f"abs({last})" if part.over == "largest" else last)
            case "growth":
                return self._of_series(part, f"last({field}) - first({field})")
            case "changes":
                return self._of_series(part, f"count(distinct({field})) - 1")
            case "empty_hours":
                return self._hours(part)
            case "increase":
                inner = self._select(f"non_negative_difference({field})", part.where, " GROUP BY *")
                return self._outer("sum", inner, self.query.since)
            case "largest":
                inner = self._select(f"abs({field})", part.where, " GROUP BY *")
                return self._outer("max", inner, self.query.since)
            case _:
                return self._plain(part, f"{part.kind}({field})")

    def _percentile(self, part: Part) -> str:
        quantile = part.quantile or 0.0
        if quantile == 0.5:  # the one that is interpolated
            return f'median("{part.field}")'
        if quantile < 0.5:
            self.language.refuse("has no percentile below the median in a small group")
        return f'percentile("{part.field}", {round(quantile * 100, 9):g})'

    def _plain(self, part: Part, value: str) -> str:
        return self._select(value, part.where, self._groups(self.query.by))

    def _of_series(self, part: Part, value: str) -> str:
        """What is made of one value a series. The outer range begins with the bin, whose start is the inner time."""
        query = self.query
        since = query.since
        if query.bin_s:
            since = datetime.fromtimestamp(since.timestamp() // query.bin_s * query.bin_s, UTC)
        series = self._groups(dict.fromkeys([*query.by, *part.series]))
        function = "max" if part.over == "largest" else part.over
        return self._outer(function, self._select(value, part.where, series), since)

    def _hours(self, part: Part) -> str:
        """How many whole hours had an event."""
        hourly = self._groups(self.query.by, HOUR)
        return self._outer("count", self._select('count("id")', part.where, hourly), *self.query.whole_hours)

    def _select(self, value: str, where: tuple[Condition, ...], groups: str) -> str:
        query = self.query
        where_clause = self.language.where(query.since, query.until, [*query.conditions, *where])
        return f'SELECT {value} AS "value" FROM "{query.kpi.dataset}" WHERE {where_clause}{groups}'  # noqa: S608 - names of the catalogue, values quoted

    def _outer(self, function: str, inner: str, since: datetime, until: datetime | None = None) -> str:
        """A function over a subquery's values, between those times of theirs."""
        within = _range(since, until or self.query.until)
        groups = self._groups(self.query.by)
        return f'SELECT {function}("value") AS "value" FROM ({inner}) WHERE {within}{groups}'  # noqa: S608

    def _groups(self, by: Iterable[str], bin_s: int | None = None) -> str:
        bin_s = bin_s or self.query.bin_s
        groups = [*([f"time({bin_s}s)"] if bin_s else []), *(f'"{name}"' for name in by)]
        return f" GROUP BY {', '.join(groups)}{' fill(none)' if bin_s else ''}" if groups else ""


def _range(since: datetime, until: datetime) -> str:
    return f"time >= {_moment(since)} AND time < {_moment(until)}"


def _moment(moment: datetime) -> str:
    return f"'{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"


def equals(field: str, text: str, *, is_tag: bool, is_not: bool = False) -> str:
    """The condition that a field or tag is that text (or is another), as it is stored."""
    sign = "!" if is_not else "="
    text = stored_tag(text) if is_tag else text
    if "\r" not in text:
        return f'"{field}" {"!=" if is_not else "="} {quote_identifier(text)}'
    # InfluxQL reads a carriage return as a line's end, which no text may hold, and has no escape for it
    pattern = re.escape(text).replace("/", "\\/")
    for character, name in (("\r", "\\r"), ("\n", "\\n")):
        pattern = pattern.replace(f"\\{character}", name)
    return f'"{field}" {sign}~ /^{pattern}$/'


def quote_identifier(text: str) -> str:
    """`text` as a literal of InfluxQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


_LINE_ENDS = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t"})


def stored_tag(text: str) -> str:
    """A tag's value as InfluxDB has it: line protocol takes no line end, nor a backslash at the end."""
    return text.translate(_LINE_ENDS).rstrip("\\") or "_"


def _series_of(result: Result) -> Sequence[Mapping[str, Any]]:
    """The series of a whole answer."""
    if error := result.get("error"):
        raise ValueError(f"InfluxDB: {error}")
    series: Sequence[Mapping[str, Any]] = result.get("series", ())
    return series


def _values(query: Query, result: Result) -> Iterable[tuple[tuple[Any, ...], Any]]:
    """(bin, dimensions...) and value; of a silence, which is of no bin, the last event's time."""
    kinds_by_field = kinds(query.dataset)
    silent = any(part.kind == "silence" for part in parts(query.kpi.value))
    for series in _series_of(result):
        tags = series.get("tags", {})
        dimensions = tuple(_plain(kinds_by_field[name], tags[name]) for name in query.by)
        for time, value in series["values"]:
            if value is not None:
                moment = datetime.fromtimestamp(time, UTC)
                yield (*([moment] if query.bin_s else []), *dimensions), moment if silent else value


def _value(query: Query, part: Part, group: tuple[Any, ...], value: Any) -> float | int | None:
    """A part's value: InfluxDB writes 2.0 as 2, and tells nothing of a group without events."""
    if part.kind in ("count", "distinct"):
        return value or 0
    if part.kind == "empty_hours":
        return query.hours(group[0] if query.bin_s else None) - (value or 0)
    if value is None:
        return None
    if part.kind == "silence":
        return float((query.until - value).total_seconds())
    if part.kind == "changes":
        return int(value)
    is_integer = part.kind not in ("mean", "share", "percentile")
    return (
        int(value) if is_integer and kinds(query.kpi.dataset)[str(part.field)] == "integer" else float(value)
    )


def _plain(kind: Kind, value: Any) -> Any:
    """A tag's text or a field's value as it is in the event."""
    if value is None or value == "":
        return None
    match kind:
        case "boolean":
            return value in (True, "true")
        case "integer":
            return int(value)
        case "float":
            return float(value)
        case _:
            return value
