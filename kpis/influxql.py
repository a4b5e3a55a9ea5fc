"""KPIs as InfluxQL for InfluxDB 1.x (measurement = dataset): one statement a part, and one that tells the groups.

Exact: counts, sums, extremes, distinct counts, medians, last and growth; means and ratios to a double's 15 digits.
Stated tolerance: percentiles above the median are the nearest rank's value, one of the two that the exact one lies
between. Ranges are of whole seconds: a point's time is its event's second, the digits below only keep points apart
(sinks/influxdb.py). So a range's ends are rounded down to the second, and of two last words of one series within
one second either may count.

Refused: groups, series and unknown values of a field that is no tag; distinct values of a tag; percentiles below
the median, whose nearest rank does not exist in a small group.

Reference: docs.influxdata.com/influxdb/v1/query_language
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, NoReturn

from kpis.model import Condition, Part, Query, UnsupportedError, combine, order, parts
from lakescope.columns import Kind, columns

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
    wanted = parts(query.kpi.value)
    grouped = bool(query.by or query.bin_s)
    found = [dict(_values(query, result)) for result in results]
    keys: Iterable[tuple[Any, ...]] = found.pop(0) if grouped else [()]
    return order(
        query,
        (
            (
                key,
                combine(
                    query, [_typed(query, part, of.get(key)) for part, of in zip(wanted, found, strict=True)]
                ),
            )
            for key in keys
        ),
    )


class _Compiler:
    def __init__(self, query: Query, tags: Collection[str]) -> None:
        self.query = query
        self.tags = tags
        self.kinds = _kinds(query.kpi.dataset)
        for name in (*query.by, *(name for part in parts(query.kpi.value) for name in part.series)):
            if name not in tags:
                self._refuse(f"groups by tags only, and {name} is none")

    def statements(self) -> Statements:
        query = self.query
        value = query.kpi.value
        groups = self._select('count("id")', (), query.by) if query.by or query.bin_s else None
        return Statements(groups, tuple(map(self._part, parts(value))))

    def _part(self, part: Part) -> str:
        field = f'"{part.field}"'
        if part.kind != "count" and part.field in self.tags:
            self._refuse(f"aggregates fields only, and {part.field} is a tag")
        match part.kind:
            case "count":
                return self._select('count("id")', part.where, self.query.by)
            case "distinct":
                return self._select(f"count(distinct({field}))", part.where, self.query.by)
            case "percentile":
                if part.quantile == 0.5:  # the one that is interpolated
                    return self._select(f"median({field})", part.where, self.query.by)
                if (part.quantile or 0.0) < 0.5:
                    self._refuse("has no percentile below the median in a small group")
                percent = round((part.quantile or 0.0) * 100, 9)
                return self._select(f"percentile({field}, {percent:g})", part.where, self.query.by)
            case "last":
                return self._series(part, f"last({field})")
            case "growth":
                return self._series(part, f"last({field}) - first({field})")
            case _:
                return self._select(f"{part.kind}({field})", part.where, self.query.by)

    def _select(self, value: str, where: tuple[Condition, ...], by: Iterable[str]) -> str:
        conditions = dict.fromkeys([*self.query.conditions, *where])
        wanted = [self._range(self.query.since), *map(self._condition, conditions)]
        source = f'"{self.query.kpi.dataset}" WHERE {" AND ".join(wanted)}'
        return f'SELECT {value} AS "value" FROM {source}{self._group_by(by)}'  # noqa: S608 - names of the catalogue, values quoted

    def _series(self, part: Part, value: str) -> str:
        """The sum of one value a series. The outer range begins with the bin, whose start is the inner time."""
        query = self.query
        inner = self._select(value, part.where, dict.fromkeys([*query.by, *part.series]))
        since = query.since
        if query.bin_s:
            since = datetime.fromtimestamp(since.timestamp() // query.bin_s * query.bin_s, UTC)
        outer = self._range(since)
        return f'SELECT sum("value") AS "value" FROM ({inner}) WHERE {outer}{self._group_by(query.by)}'  # noqa: S608

    def _group_by(self, by: Iterable[str]) -> str:
        bin_s = self.query.bin_s
        groups = [*([f"time({bin_s}s)"] if bin_s else []), *(f'"{name}"' for name in by)]
        return f" GROUP BY {', '.join(groups)}{' fill(none)' if bin_s else ''}" if groups else ""

    def _range(self, since: datetime) -> str:
        return f"time >= {_moment(since)} AND time < {_moment(self.query.until)}"

    def _condition(self, condition: Condition) -> str:
        field, value = f'"{condition.field}"', condition.value
        if condition.operator in ("known", "unknown"):
            return self._known(condition)
        if not isinstance(value, tuple):
            return f"{field} = {self._literal(condition.field, value)}"
        any_of = " OR ".join(f"{field} = {self._literal(condition.field, one)}" for one in value)
        return f"({any_of})" if len(value) != 1 else any_of

    def _known(self, condition: Condition) -> str:
        """A tag that an event lacks is empty; a field that it lacks meets no comparison at all."""
        field, is_known = f'"{condition.field}"', condition.operator == "known"
        if condition.field in self.tags:
            return f"{field} {'!=' if is_known else '='} ''"
        if not is_known:
            self._refuse(f"cannot look for a field that is missing, and {condition.field} is no tag")
        match self.kinds[condition.field]:
            case "boolean":
                return f"({field} = true OR {field} = false)"
            case "integer" | "float":
                return f"({field} >= 0 OR {field} < 0)"
            case _:
                return f"{field} =~ /.*/"

    def _literal(self, field: str, value: str | bool | None) -> str:
        """A tag is text, a boolean one too; a field is what it is."""
        if isinstance(value, bool):
            text = "true" if value else "false"
            return _quoted(text) if field in self.tags else text
        kind = self.kinds[field]
        if field not in self.tags and kind in ("integer", "float", "boolean"):
            self._refuse(f"filters by tags and texts only, and {field} is neither")
        return _quoted(str(value))

    def _refuse(self, reason: str) -> NoReturn:
        raise UnsupportedError(
            f"{self.query.kpi.name}: InfluxDB {reason}; a store of type duckdb or elasticsearch can answer"
        )


def _moment(moment: datetime) -> str:
    return f"'{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def _kinds(dataset: str) -> dict[str, Kind]:
    return {column.name: column.kind for column in columns(dataset)}


def _values(query: Query, result: Result) -> Iterable[tuple[tuple[Any, ...], Any]]:
    """(bin, dimensions...) and value."""
    if error := result.get("error"):
        raise ValueError(f"InfluxDB: {error}")
    if result.get("partial"):
        raise ValueError("InfluxDB cut its answer short: raise its max-row-limit, or ask for fewer groups")
    kinds = _kinds(query.kpi.dataset)
    for series in result.get("series", ()):
        tags = series.get("tags", {})
        dimensions = tuple(_dimension(kinds[name], tags[name]) for name in query.by)
        for time, value in series["values"]:
            if value is not None:
                yield (
                    (
                        *([datetime.fromtimestamp(time, UTC)] if query.bin_s else []),
                        *dimensions,
                    ),
                    value,
                )


def _typed(query: Query, part: Part, value: float | int | None) -> float | int | None:
    """InfluxDB writes 2.0 as 2, and tells nothing of a group without events."""
    if part.kind in ("count", "distinct"):
        return value or 0
    whole = (
        part.kind not in ("mean", "percentile") and _kinds(query.kpi.dataset)[str(part.field)] == "integer"
    )
    return value if value is None or whole else float(value)


def _dimension(kind: Kind, text: str) -> str | int | float | bool | None:
    """A tag's value as it is in the event."""
    if not text:
        return None
    match kind:
        case "boolean":
            return text == "true"
        case "integer":
            return int(text)
        case "float":
            return float(text)
        case _:
            return text
