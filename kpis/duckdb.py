"""KPIs as DuckDB SQL: one statement a query, its values as parameters."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from kpis.model import Condition, Part, PerSecond, Query, Ratio, Value, parts
from lakescope.columns import columns


class Statement(NamedTuple):
    """SQL and its named parameters. Columns of the answer: ``time`` (with a bin), the dimensions, ``value``."""

    sql: str
    parameters: dict[str, Any]


def compile_query(query: Query) -> Statement:
    """`query` for the tables of sinks/duckdb.py."""
    return _Compiler(query).statement()


class _Compiler:
    def __init__(self, query: Query) -> None:
        self.query = query
        self.kinds = {column.name: column.kind for column in columns(query.kpi.dataset)}
        self.parameters: dict[str, Any] = {"since": _naive(query.since), "until": _naive(query.until)}

    def statement(self) -> Statement:
        query = self.query
        groups = [f'"{name}"' for name in query.by]
        bins = [self._bin()] if query.bin_s else []
        stateful = [part for part in parts(query.kpi.value) if part.series]
        columns = [*(["time"] if bins else []), *groups]
        if stateful:
            source = self._series(stateful)
            picked = columns
        else:
            source = f'"{query.kpi.dataset}" where {self._where(self.query.conditions, ranged=True)}'
            picked = [*bins, *groups]
        value = self._value(query.kpi.value)
        head = ", ".join([*picked, f"{value} as value"])
        tail = f" group by {', '.join(str(i + 1) for i in range(len(columns)))}" if columns else ""
        order = " order by all" if columns else ""
        return Statement(f"select {head} from {source}{tail}{order}", self.parameters)

    def _bin(self) -> str:
        self.parameters["bin"] = self.query.bin_s
        return "time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time"

    def _series(self, stateful: list[Part]) -> str:
        """A subquery with one row a series and bin: its last (or last minus first) known value."""
        query = self.query
        series = dict.fromkeys(f'"{name}"' for part in stateful for name in part.series)
        keys = [
            *([self._bin()] if query.bin_s else []),
            *dict.fromkeys([*(f'"{n}"' for n in query.by), *series]),
        ]
        columns = []
        for index, part in enumerate(parts(query.kpi.value)):
            known = f'"{part.field}" is not null' + "".join(f" and {self._condition(c)}" for c in part.where)
            last = f'arg_max("{part.field}", time) filter (where {known})'
            first = f'arg_min("{part.field}", time) filter (where {known})'
            columns.append(f"{last if part.kind == 'last' else f'{last} - {first}'} as part{index}")
        where = self._where(query.conditions, ranged=True)
        grouped = ", ".join(str(i + 1) for i in range(len(keys)))
        return f'(select {", ".join([*keys, *columns])} from "{query.kpi.dataset}" where {where} group by {grouped})'

    def _value(self, value: Value) -> str:
        if isinstance(value, Ratio):
            over, under = self._part(value.over, 0), self._part(value.under, 1)
            return f"{over}::double / nullif({under}, 0)"
        if isinstance(value, PerSecond):
            return f"{self._part(value.of, 0)}::double / {self.query.seconds!r}"
        return self._part(value, 0)

    def _part(self, part: Part, index: int) -> str:
        if part.series:
            return f"sum(part{index})"
        conditions = " and ".join(self._condition(condition) for condition in part.where)
        only = f" filter (where {conditions})" if conditions else ""
        match part.kind:
            case "count":
                return f"count(*){only}"
            case "distinct":
                return f'count(distinct "{part.field}"){only}'
            case "percentile":
                return f'quantile_cont("{part.field}", {part.quantile!r}){only}'
            case "mean":
                return f'avg("{part.field}"){only}'
            case _:
                return f'{part.kind}("{part.field}"){only}'

    def _where(self, conditions: tuple[Condition, ...], *, ranged: bool) -> str:
        found = ["time >= $since", "time < $until"] if ranged else []
        return " and ".join([*found, *map(self._condition, conditions)])

    def _condition(self, condition: Condition) -> str:
        field = f'"{condition.field}"'
        if condition.operator == "known":
            return f"{field} is not null"
        if condition.operator == "unknown":
            return f"{field} is null"
        name = f"p{len(self.parameters)}"
        value = condition.value
        self.parameters[name] = list(value) if isinstance(value, tuple) else value
        if not isinstance(value, tuple):
            return f"{field} = ${name}"
        text = field if self.kinds[condition.field] in ("keyword", "text") else f"{field}::varchar"
        return f"list_contains(${name}, {text})"


def _naive(moment: datetime) -> datetime:
    """UTC without a zone, as the tables hold it."""
    from datetime import UTC

    return moment.astimezone(UTC).replace(tzinfo=None)
