"""KPIs as raw InfluxQL of Grafana's data source ``influxdb``: kpis/influxql.py's own statements, made open.

The compiler is asked for stand-ins: a range and a bin that no viewer chooses, and variables' names for values. In its
text they become ``$timeFilter``, ``$__interval`` and ``/^${source:regex}$/``, so that the numbers are the KPIs' by
construction. Where a KPI has two parts, one statement takes both as subqueries. Only a state is what was reported last
within the range or bin, without look-back and however old: Grafana knows no staleness.

A rate over time is of whole bins: Grafana's words cannot tell how much of a bin the range covers. The first one
begins before the range, if need be; a last one that the range only cuts is left out.

Refused beyond what InfluxQL refuses: silences and empty hours, since InfluxQL cannot calculate with times.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from grafanalib.core import Target, Template
from msgspec import structs

from lakescope.core.columns import kinds
from lakescope.core.plugins import load
from lakescope.dashboards.grafana._common import (
    BY_CHOICE,
    NOISE,
    Annotation,
    Column,
    NumberQuery,
    Series,
    check_form,
    refuse,
)
from lakescope.dashboards.grafana.extension import InfluxTarget, choice
from lakescope.dashboards.model import Dashboard, Listing, Number, Variable
from lakescope.dashboards.questions import conditions_of, variables_of
from lakescope.kpis import CATALOGUE, Kpi, Query, UnsupportedError, influxql
from lakescope.kpis.model import Condition, EventsQuery, Part, PerSecond, Ratio, Remainder, parts

_BIN_S = 3607
_SINCE = datetime.fromtimestamp(_BIN_S * 100_000 + 1, UTC)  # not a bin's beginning: see `_open`
_UNTIL = _SINCE + timedelta(days=400)
_WHOLE_BINS = " AND ".join(
    f"time {operator} (${{__{end}}} - ${{__{end}}} % $__interval_ms) * 1000000"
    for operator, end in ((">=", "from"), ("<", "to"))
)
"""In nanoseconds: InfluxQL knows the remainder of numbers, not of times."""
_ANY = ".*"
"""Any value of a tag, or none: InfluxDB takes a tag that a point lacks for empty."""


class InfluxBuilder:
    """Points as sinks/influxdb.py writes them to InfluxDB 1.x."""

    type = "influxdb"
    labels = True
    filters = False  # Grafana adds them to queries of its own builder only, and these are written out

    def grouping(self, dataset: str, dimension: str) -> str | None:
        """See `lakescope.dashboards.grafana._common.Builder`."""
        return dimension if dimension in _tags(dataset) else None

    def number(self, dashboard: Dashboard, number: Number, ref: str, series: Series | None) -> NumberQuery:
        """See `lakescope.dashboards.grafana._common.Builder`."""
        kpi = CATALOGUE[number.kpi]
        if any(part.kind in ("silence", "empty_hours") for part in parts(kpi.value)):
            raise refuse(kpi, "InfluxQL cannot calculate with times")
        check_form(number, over_time=series is not None)
        tags: Collection[str] = _tags(kpi.dataset)
        if BY_CHOICE in number.by:
            kpi = structs.replace(kpi, dimensions=(*kpi.dimensions, BY_CHOICE))
            tags = {*tags, BY_CHOICE}
        variables = {field: name for field, name in variables_of(dashboard, number).items() if field in tags}
        query = Query(
            kpi=kpi,
            since=_SINCE,
            until=_UNTIL,
            by=number.by,
            bin_s=_BIN_S if series else None,
            filters={**number.where, **{field: f"${name}" for field, name in variables.items()}},
            noise=False if kpi.noise else None,
        )
        statements = influxql.compile_query(query, tags).parts
        target = InfluxTarget(
            refId=ref,
            query=_open(_one(query, statements), whole_bins=series is not None and _is_rate(kpi)),
            resultFormat="time_series" if series else "table",
            alias=series.alias("$tag_%s", number.by) if series else "",
        )
        return NumberQuery(columns=(Column(target, "value"),), groups=tuple(number.by))

    def total(self, dashboard: Dashboard, number: Number, ref: str) -> Target | None:
        """See `lakescope.dashboards.grafana._common.Builder`. InfluxQL keeps no top of whole series: all are shown."""
        return None

    def count(self, dashboard: Dashboard, number: Number, dimension: str, ref: str) -> Target:
        """See `lakescope.dashboards.grafana._common.Builder`. No answer has a limit."""
        raise NotImplementedError

    def events(self, dashboard: Dashboard, listing: Listing, ref: str) -> tuple[Target, dict[str, str]]:
        """See `lakescope.dashboards.grafana._common.Builder`."""
        tags = _tags(listing.dataset)
        kinds_by_field = kinds(listing.dataset)
        conditions = list(conditions_of(listing))
        conditions += [
            Condition(variable.dimension, "=", f"${variable.name}")
            for variable in dashboard.variables
            if variable.dimension in tags
        ]
        if "functional_test" in kinds_by_field:
            conditions.append(Condition("functional_test", "=", False))
        query = EventsQuery(
            dataset=listing.dataset,
            columns=listing.columns,
            since=_SINCE,
            until=_UNTIL,
            conditions=tuple(conditions),
            limit=listing.limit,
        )
        text = _open(influxql.compile_events(query, tags))
        fields = {"time": "Time"} | {name: name for name in listing.columns}
        return InfluxTarget(refId=ref, query=text, resultFormat="table"), fields

    def variable(self, variable: Variable) -> Template:
        """See `lakescope.dashboards.grafana._common.Builder`."""
        if variable.dimension not in _tags(variable.dataset):
            raise UnsupportedError(
                f"InfluxDB lists the values of tags only, and {variable.dimension} is none"
            )
        query = f'SHOW TAG VALUES FROM "{variable.dataset}" WITH KEY = "{variable.dimension}"'
        return choice(variable, query, _ANY, unknown="")

    def noise(self) -> str:
        """See `lakescope.dashboards.grafana._common.Builder`."""
        return f"in : {_ANY}, out : false"

    def annotation(
        self, dataset: str, where: Sequence[Condition], text: str, until: str | None = None
    ) -> Annotation:
        """See `lakescope.dashboards.grafana._common.Builder`."""
        end = f"{until}_ms" if until else ""  # Grafana takes an end as it is: milliseconds, as no text is
        columns = (text, end) if end else (text,)
        query = EventsQuery(
            dataset=dataset, columns=columns, since=_SINCE, until=_UNTIL, conditions=tuple(where), limit=1000
        )
        target = {
            "refId": "Anno",
            "query": _open(influxql.compile_events(query, _tags(dataset))),
            "rawQuery": True,
            "resultFormat": "table",
            "fromAnnotations": True,
            "textColumn": text,
        } | ({"timeEndColumn": end} if end else {})
        return Annotation(target, {})


def _tags(dataset: str) -> Collection[str]:
    """What the sink makes tags of. By its name: rooms do not import each other."""
    tags: Collection[str] = load("sinks", "influxdb").tags[dataset]
    return tags


def _is_rate(kpi: Kpi) -> bool:
    return isinstance(kpi.value, PerSecond)


def _one(query: Query, statements: tuple[str, ...]) -> str:
    """One statement of a KPI's parts, whose answer is a column ``value``."""
    value = query.kpi.value
    length_s = "($__interval_ms / 1000)" if query.bin_s else "((${__to} - ${__from}) / 1000)"
    groups = f" GROUP BY {', '.join(_quote_names(query.by))}" if query.by else ""
    factor = query.kpi.factor
    match value:
        case Part() if factor == 1:
            return statements[0]
        case Part():
            return f'SELECT "value" * {factor} AS "value" FROM ({statements[0]}){groups}'  # noqa: S608
        case PerSecond():
            rate = length_s if factor == 1 else f"{length_s} * {factor}"
            return f'SELECT "value" / {rate} AS "value" FROM ({statements[0]}){groups}'  # noqa: S608
        case Ratio():
            return _quotient(query, statements, '"over" / "under"', '"under" != 0', groups)
        case Remainder():
            return _quotient(query, statements, '1 - "over" / "under"', '"under" != 0', groups)
        case _:
            raise refuse(query.kpi, "Grafana's query of InfluxDB has no form for it")


def _quotient(query: Query, statements: tuple[str, ...], value: str, guard: str, groups: str) -> str:
    over, under = statements
    sides = [_as_float(over, "over", groups), _as_float(under, "under", groups)]
    if parts(query.kpi.value)[0].kind in ("count", "distinct"):  # none is 0, where InfluxDB says nothing
        sides.append(f'SELECT "value" * 0.0 AS "over" FROM ({under}){groups}')  # noqa: S608
    within = _outer() if query.bin_s else _range(_SINCE)
    bins = [f"time({query.bin_s}s)"] if query.bin_s else []
    by = ", ".join([*bins, *_quote_names(query.by)])
    group_by = f" GROUP BY {by}{' fill(none)' if bins else ''}" if by else ""
    both = (
        f'SELECT sum("over") AS "over", sum("under") AS "under" '  # noqa: S608 - the compiler's text
        f"FROM {', '.join(f'({side})' for side in sides)} WHERE {within}{group_by}"
    )
    return f'SELECT {value} AS "value" FROM ({both}) WHERE {guard}{groups}'  # noqa: S608


def _as_float(statement: str, name: str, groups: str) -> str:
    """InfluxDB 1.x takes a whole number that only one of several subqueries has for null."""
    return f'SELECT "value" * 1.0 AS "{name}" FROM ({statement}){groups}'  # noqa: S608


def _quote_names(names: Sequence[str]) -> list[str]:
    return [f'"{name}"' for name in names]


def _open(statement: str, *, whole_bins: bool = False) -> str:
    """The stand-ins become Grafana's words. A subquery's values of a bin stand at the bin's beginning, which may lie
    before the range: only there does the compiler's text name that moment."""
    text = statement.replace(_range(_SINCE), _WHOLE_BINS if whole_bins else "$timeFilter")
    text = text.replace(_outer(), "time >= ${__from}ms - $__interval AND time <= ${__to}ms")
    text = text.replace(f"time({_BIN_S}s)", "time($__interval)")
    text = re.sub(r""" = '\$(\w+)'""", r" =~ /^${\1:regex}$/", text)
    return text.replace("\"functional_test\" = 'false'", f'"functional_test" =~ /^${{{NOISE}:raw}}$/')


def _outer() -> str:
    return _range(datetime.fromtimestamp(_SINCE.timestamp() // _BIN_S * _BIN_S, UTC))


def _range(since: datetime) -> str:
    return f"time >= '{since:%Y-%m-%dT%H:%M:%SZ}' AND time < '{_UNTIL:%Y-%m-%dT%H:%M:%SZ}'"
