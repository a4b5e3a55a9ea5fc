"""KPIs as queries of Grafana's data sources ``elasticsearch`` and ``grafana-opensearch-datasource``.

A query there is one Lucene filter, nested groups and metrics of the innermost group. A group last gives a table of
the range as a whole, computed by the store; a date histogram last gives series. A number without groups is grouped
by its dataset, which is one group: Grafana shows nothing of a query without groups, nor of a `filters` group.

Exact as kpis/elasticsearch.py is, for as many groups as a search may have buckets (`BUCKETS`). Beyond, those that
matter are kept: by the value, or by the first of its parts where a script makes it. Of series that several fields tell
apart none is left out: the store answers whole or refuses the search, and the panel says how many it takes. But a
state is what was reported last within the range, without look-back and however old (Grafana knows no staleness); over
time it is the least, greatest or mean value of a bin's reports, where a sum is wanted the mean of one series.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from grafanalib.core import Target, Template
from msgspec import structs

from lakescope.core.columns import kinds
from lakescope.core.filters import text_of
from lakescope.dashboards.grafana._common import (
    BY_CHOICE,
    NOISE,
    TOTAL,
    Annotation,
    Column,
    NumberQuery,
    Series,
    check_form,
    fixed_conditions,
    refuse,
)
from lakescope.dashboards.grafana.extension import ElasticsearchTarget, choice
from lakescope.dashboards.model import Dashboard, Listing, Number, Variable
from lakescope.dashboards.questions import SHARPEST, conditions_of, keeps_least, variables_of
from lakescope.kpis import CATALOGUE, Kpi
from lakescope.kpis.elasticsearch import COMPRESSION, PRECISE
from lakescope.kpis.model import Condition, Part, PerSecond, Ratio, Remainder, Value, parts

ALL = "* OR *:*"
"""Any value, or none: ``field:(* OR *:*)``. ``field:*`` alone would leave out the events that lack the field."""
BUCKETS = 65_535
"""Most buckets of a search: OpenSearch's own ``search.max_buckets``, one less than Elasticsearch's."""
GROUPS = 10_000
"""Most groups of a level, and most series of a value that is made of them without any group: all must be there."""
SERIES = 400
"""The same of a group's series."""
LEAST = 20
"""The same where the least of the series is wanted: those that were the least within the range."""
UNKNOWN = "unknown"
"""Name of the group of events that lack the field; and of a field that every event has (see `_chosen`)."""
_ONE_EACH = {"error_template": "error_class", "qos": "rse"}
"""A field that has one value for each of another's."""

_METRICS = {"last": "avg", "sum": "sum", "mean": "avg", "share": "avg", "min": "min", "max": "max"}
_NAMES = {
    "count": "Count",
    "avg": "Average",
    "sum": "Sum",
    "max": "Max",
    "min": "Min",
    "cardinality": "Unique Count",
}
"""What a table's column of a metric is called (pkg/tsdb/elasticsearch/models.go, Grafana 12)."""


class ElasticsearchBuilder:
    """Documents as sinks/elasticsearch.py writes them; `type`: the data source's kind."""

    labels = False
    filters = True
    time = "@timestamp"

    def __init__(self, type: str = "elasticsearch"):
        self.type = type

    def path(self, dataset: str, field: str) -> str:
        """Where a document has a field's exact value."""
        kind = kinds(dataset).get(field)
        return f"{field}.keyword" if kind == "text" else field

    def source(self, dataset: str, field: str) -> str:
        """Where a document's own text has the field."""
        return field

    def constant(self) -> str:
        """The field that is the dataset's name in all of its documents."""
        return "dataset"

    def grouping(self, dataset: str, dimension: str) -> str | None:
        """See `lakescope.dashboards.grafana._common.Builder`. Numbers' groups have no word for none."""
        text = kinds(dataset).get(dimension) in ("keyword", "text")
        return self.path(dataset, dimension) if text else None

    def number(self, dashboard: Dashboard, number: Number, ref: str, series: Series | None) -> NumberQuery:
        """See `lakescope.dashboards.grafana._common.Builder`."""
        return _Question(self, dashboard, number, series).checked_query(ref)

    def total(self, dashboard: Dashboard, number: Number, ref: str) -> Target | None:
        """See `lakescope.dashboards.grafana._common.Builder`."""
        return _Question(self, dashboard, number, Series("", None)).total(ref)

    def count(self, dashboard: Dashboard, number: Number, dimension: str, ref: str) -> Target:
        """See `lakescope.dashboards.grafana._common.Builder`."""
        return _Question(self, dashboard, number, None).count(ref, dimension)

    def events(self, dashboard: Dashboard, listing: Listing, ref: str) -> tuple[Target, dict[str, str]]:
        """See `lakescope.dashboards.grafana._common.Builder`."""
        kinds_by_field = kinds(listing.dataset)
        conditions = list(conditions_of(listing))
        variables = {v.dimension: v.name for v in dashboard.variables if v.dimension in kinds_by_field}
        query = self.lucene(listing.dataset, conditions, variables, noise="functional_test" in kinds_by_field)
        settings: dict[str, Any] = {"size": str(listing.limit)}
        if self.type == "grafana-opensearch-datasource":  # which would look at all times, in its own order
            settings |= {"order": "desc", "useTimeRange": True}
        target = ElasticsearchTarget(
            refId=ref,
            query=query,
            timeField=self.time,
            metrics=[{"id": "1", "type": "raw_data", "settings": settings}],
        )
        fields = {name: self.source(listing.dataset, name) for name in listing.columns}
        return target, {"time": self.time} | fields

    def variable(self, variable: Variable) -> Template:
        """See `lakescope.dashboards.grafana._common.Builder`."""
        find = {
            "find": "terms",
            "field": self.path(variable.dataset, variable.dimension),
            "query": self.lucene(variable.dataset, (), {}),
            "size": 1000,
        }
        return choice(variable, json.dumps(find), ALL, UNKNOWN)

    def noise(self) -> str:
        """See `lakescope.dashboards.grafana._common.Builder`."""
        return f"in : {ALL}, out : false"

    def annotation(
        self, dataset: str, where: Sequence[Condition], text: str, until: str | None = None
    ) -> Annotation:
        """See `lakescope.dashboards.grafana._common.Builder`."""
        target = {"refId": "Anno", "query": self.lucene(dataset, where, {})}
        fields = {"textField": self.source(dataset, text)}
        if until:
            fields["timeEndField"] = self.source(dataset, until)
        if self.time != "@timestamp":
            fields["timeField"] = self.time
        return Annotation(target, fields)

    def lucene(
        self,
        dataset: str,
        conditions: Iterable[Condition],
        variables: Mapping[str, str],
        *,
        noise: bool = False,
    ) -> str:
        """Conditions and variables (field -> name) as one query string."""
        clauses = [f"{self.constant()}:{_quoted(dataset)}"]
        clauses += [self._condition(dataset, condition) for condition in dict.fromkeys(conditions)]
        clauses += [
            self._variable_filter(_field(self.path(dataset, field)), name)
            for field, name in variables.items()
        ]
        if noise:
            clauses.append(f"{_field(self.path(dataset, 'functional_test'))}:(${{{NOISE}:raw}})")
        return " AND ".join(clauses)

    def _variable_filter(self, path: str, variable: str) -> str:
        """The events with a chosen value, and those without any if `UNKNOWN` is among the values.

        Lucene cannot look for a word among the values. But it can ask whether there is a field of that name: the
        index template has it, another name of the time.
        """
        values = f"(${{{variable}:lucene}})"
        return f"({path}:{values} OR (_exists_:{values} NOT _exists_:{path}))"

    def _condition(self, dataset: str, condition: Condition) -> str:
        field, value = _field(self.path(dataset, condition.field)), condition.value
        if condition.operator == "known":
            return f"_exists_:{field}"
        if condition.operator == "unknown":
            return f"(*:* NOT _exists_:{field})"  # a lone NOT matches nothing inside brackets
        values = value if isinstance(value, tuple) else (value,)
        if condition.operator == "not":
            return f"(*:* NOT {field}:{_quoted(str(value))})"
        texts = [_quoted(text_of(one)) for one in values]
        return f"{field}:{texts[0]}" if len(texts) == 1 else f"{field}:({' OR '.join(texts)})"


class MonitBuilder(ElasticsearchBuilder):
    """Documents as MONIT keeps what sinks/monit.py posts: {data, metadata}; all text is a keyword there.

    MONIT's index templates have no field `UNKNOWN`: a choice of it finds nothing there.
    """

    time = "metadata.timestamp"
    _RESERVED_PATHS: Mapping[str, str] = {"host": "metadata.host", "id": "metadata._id"}

    def path(self, dataset: str, field: str) -> str:
        """Where a document has a field's exact value."""
        if dataset == "hosts" and field == "type":  # MONIT's own `type` took its place
            field = "metric_type"
        return self._RESERVED_PATHS.get(field, f"data.{field}")

    def source(self, dataset: str, field: str) -> str:
        """Where a document's own text has the field."""
        return self.path(dataset, field)

    def constant(self) -> str:
        """The field that is the dataset's name in all of its documents."""
        return "metadata.type"


class _Question:
    def __init__(
        self, builder: ElasticsearchBuilder, dashboard: Dashboard, number: Number, series: Series | None
    ) -> None:
        self.builder = builder
        self.number = number
        self.kpi: Kpi = CATALOGUE[number.kpi]
        self.variables = variables_of(dashboard, number)
        self.series = series
        self.least = series.least if series else keeps_least("table", self.kpi)
        self.groups = [self._path(name) for name in number.by]

    def checked_query(self, ref: str) -> NumberQuery:
        """The targets, by the form of the KPI's value."""
        check_form(self.number, over_time=self.series is not None)
        query = self._number_query(ref, self.kpi.value)
        sizes = [
            int(bucket["settings"]["size"])
            for column in query.columns
            for bucket in column.target.bucketAggs
            if bucket["field"] in self.groups and "orderBy" in bucket["settings"]
        ]
        limits = [size for size in sizes if 1 < size < GROUPS]
        levels = max(len(column.target.bucketAggs) for column in query.columns)
        several = any(len(self._inner_series(part)) > 1 for part in parts(self.kpi.value))
        return structs.replace(
            query,
            limit=min(limits, default=None),
            series=BUCKETS // levels if several and not self.series else None,
        )

    def _number_query(self, ref: str, value: Value) -> NumberQuery:
        match value:
            case Part(kind="last", over="mean" | "min" | "max" | "largest") if self.series:
                return self._number_query(ref, structs.replace(value, kind=value.over, series=()))
            case Part(kind="last") if self.series:
                if not set(value.series) <= set(self.number.by):
                    self._not_over_time("adds up no series")
                return self._one(self._plain(ref, value))
            case Part(kind="last"):
                return self._reduce(value, [self._last(ref, value, "desc")])
            case Part(kind="growth"):
                ends = [self._last(ref, value, "desc"), self._last(f"{ref}2", value, "asc")]
                return self._reduce(value, ends, operator="-")
            case Part(kind="changes"):
                self._not_over_time("adds up its series")
                distinct = self._metric(value, "distinct")
                return self._reduce(value, [self._scripted(ref, (value,), [distinct], "params.a - 1")])
            case Part(kind="silence"):
                self._not_over_time("knows no end of a bin")
                newest = {"type": "max", "field": self.builder.time}
                return self._one(self._scripted(ref, (value,), [newest], "(${__to}L - params.a) / 1000"))
            case Part(kind="largest"):
                extremes = [self._metric(value, "max"), self._metric(value, "min")]
                script = "Math.max(params.a, -params.b)"
                return self._one(self._scripted(ref, (value,), [*extremes, self._distance(value)], script))
            case Part():
                return self._one(self._plain(ref, value))
            case PerSecond(of=part) if not part.series:
                return self._one(self._rate(ref, part))
            case Ratio(over=over, under=under):
                return self._ratio(ref, over, under, "params.a / params.b", "/")
            case Remainder(of=Ratio(over=over, under=under)):
                return self._ratio(ref, over, under, "1 - params.a / params.b", "1-/")
            case _:
                raise refuse(self.kpi, "Grafana's query of Elasticsearch has no form for it")

    def _ratio(self, ref: str, over: Part, under: Part, script: str, operator: Any) -> NumberQuery:
        """By a script where one filter fits both parts, else by Grafana where a part without events is null."""
        if over.is_state and not self.series:
            ends = [self._last(ref, over, "desc"), self._last(f"{ref}2", under, "desc")]
            return self._reduce(over, ends, operator=operator)
        if set(_conditions_of(over)) == set(_conditions_of(under)):
            return self._one(
                self._scripted(ref, (over, under), [self._metric(over), self._metric(under)], script)
            )
        self._not_over_time("knows one filter a query, and this ratio has two")
        if {over.kind, under.kind} & {"count", "distinct"}:
            raise refuse(self.kpi, "Grafana takes a count without events for null, and cannot divide 0 by it")
        sides = (self._plain(ref, over), self._plain(f"{ref}2", under))
        return NumberQuery(columns=sides, groups=self._keys(), operator=operator)

    def _one(self, column: Column) -> NumberQuery:
        return NumberQuery(columns=(column,), groups=self._keys())

    def _reduce(self, part: Part, series: Sequence[Column], operator: Any = None) -> NumberQuery:
        self._not_over_time("has no last word of a bin")
        reducer: Any = "max" if part.over == "largest" else part.over
        return NumberQuery(columns=tuple(series), groups=self._keys(), reducer=reducer, operator=operator)

    def _not_over_time(self, reason: str) -> None:
        if self.series:
            raise refuse(self.kpi, f"Grafana's query of Elasticsearch over time {reason}")

    def _keys(self) -> tuple[str, ...]:
        return tuple(self.groups or [self.builder.constant()])

    def total(self, ref: str) -> Target:
        """How many groups each bin has."""
        field = self.groups[0]
        metric = {"id": "1", "type": "cardinality", "field": field}
        histogram = {"interval": "auto", "min_doc_count": "0"}
        bins = {"id": "10", "type": "date_histogram", "field": self.builder.time, "settings": histogram}
        return ElasticsearchTarget(
            refId=ref,
            query=self._query(parts(self.kpi.value)),
            alias=TOTAL,
            timeField=self.builder.time,
            metrics=[metric],
            bucketAggs=[bins],
        )

    def count(self, ref: str, dimension: str) -> Target:
        """How many values a dimension has in the range."""
        return ElasticsearchTarget(
            refId=ref,
            query=self._query(parts(self.kpi.value)),
            timeField=self.builder.time,
            metrics=[{"id": "1", "type": "cardinality", "field": self._path(dimension)}],
            bucketAggs=[_terms(self.builder.constant()) | {"id": "10"}],
        )

    # --- targets -----------------------------------------------------------------------------------------

    def _plain(self, ref: str, part: Part) -> Column:
        metric = self._metric(part)
        if self.kpi.factor != 1:
            if metric["type"] == "percentiles":
                raise refuse(self.kpi, "Grafana's query of Elasticsearch cannot convert a percentile's unit")
            return self._scripted(ref, (part,), [metric], f"params.a * {self.kpi.factor}")
        name = _NAMES.get(str(metric["type"]), "")
        if metric["type"] == "percentiles":
            name = f"p{float((part.quantile or 0) * 100):.1f} {metric['field']}"
        return Column(self._target(ref, (part,), [metric | {"id": "1"}]), name)

    def _scripted(
        self,
        ref: str,
        of: tuple[Part, ...],
        metrics: Sequence[dict[str, Any]],
        script: str,
        inner_groups: Sequence[dict[str, Any]] = (),
    ) -> Column:
        """Metrics ``params.a``, ``params.b`` and what a script makes of them; one of several statistics only ranks."""
        inner = [metric | {"id": str(i), "hide": True} for i, metric in enumerate(metrics, 1)]
        read = [metric for metric in inner if metric["type"] != "extended_stats"]
        script_metric = {
            "id": str(len(inner) + 1),
            "type": "bucket_script",
            "pipelineVariables": [
                {"name": name, "pipelineAgg": m["id"]} for name, m in zip("ab", read, strict=False)
            ],
            "settings": {"script": script},
        }
        return Column(self._target(ref, of, [*inner, script_metric], inner=inner_groups), "Bucket Script")

    def _rate(self, ref: str, part: Part) -> Column:
        """By the seconds of the range, or by those of the bin that it covers. A script does not know its bin, but the
        bin's newest event lies in it; bins are counted from 1970, in UTC."""
        metrics, length = [self._metric(part)], "(${__to}L - ${__from}L)"
        if self.series:
            metrics.append({"type": "max", "field": self.builder.time})
            begin = "params.b - params.b % $__interval_ms"
            end = f"Math.min({begin} + $__interval_ms, ${{__to}}L)"
            length = f"({end} - Math.max({begin}, ${{__from}}L))"
        return self._scripted(ref, (part,), metrics, f"params.a * {self.kpi.factor * 1000.0} / {length}")

    def _last(self, ref: str, part: Part, order: str) -> Column:
        """The value at a series' last (or first) moment; of two values in a millisecond the greater (smaller)."""
        moment = _terms(self.builder.time, size="1", order=order)
        kind = "max" if order == "desc" else "min"
        metric: dict[str, Any] = {"id": "1", "type": kind, "field": self._path(part.field)}
        if part.over == "largest":
            metrics = [metric, self._distance(part)]
            return self._scripted(ref, (part,), metrics, "Math.abs(params.a)", [moment])
        metrics = [metric]
        if part.over == "min":
            metrics.append({"id": "2", "type": "min", "field": metric["field"], "hide": True})
        target = self._target(ref, (part,), metrics, inner=[moment])
        return Column(target, _NAMES[kind])

    def _distance(self, part: Part) -> dict[str, Any]:
        """What ranks groups by the distance of their values from 0, on whichever side: their squares' sum."""
        return {"type": "extended_stats", "field": self._path(part.field)}

    def _target(
        self,
        ref: str,
        of: tuple[Part, ...],
        metrics: list[dict[str, Any]],
        inner: Sequence[dict[str, Any]] = (),
    ) -> ElasticsearchTarget:
        groups = list(self._groups(of, metrics, len(inner)))
        if self.series:
            histogram = {"interval": "auto", "min_doc_count": "0"}
            groups.append({"type": "date_histogram", "field": self.builder.time, "settings": histogram})
        elif not self.groups:
            groups.insert(0, _terms(self.builder.constant()))
        buckets = [group | {"id": str(10 + i)} for i, group in enumerate([*groups, *inner])]
        return ElasticsearchTarget(
            refId=ref,
            query=self._query(of),
            alias=self.series.alias("{{%s}}", self.groups) if self.series else "",
            timeField=self.builder.time,
            metrics=metrics,
            bucketAggs=buckets,
        )

    def _groups(
        self, of: tuple[Part, ...], metrics: Sequence[Mapping[str, Any]], inner: int
    ) -> Iterator[dict[str, Any]]:
        """The groups, outermost first, of which those that matter are kept; then the series of a last value."""
        by, series = self.number.by, self._inner_series(*of)
        least_first = _least(of, metrics) if series else {}
        below = _most_bins(self.series.bins) if self.series else inner
        if len(series) == 1:  # of several there are as many as something happened to, not all that could be
            below = math.ceil(_counted(LEAST) if least_first else SERIES) * (1 + below)
        single = [name for name in by if _ONE_EACH.get(name) in by]
        size = _groups_within(BUCKETS, len(by) - len(single), below + len(single))
        if self.series and self.series.top:
            size = min(size, self.series.top)
        for name in by:
            limits = {} if name in single else {"size": str(size), **(least_first or self._rank(metrics))}
            yield _terms(self._path(name), missing=self._missing(name), **limits)
        for name in series:
            few = by and len(series) == 1
            most = (LEAST if least_first else SERIES) if few else GROUPS if len(series) == 1 else BUCKETS
            limits = least_first if few else {}
            yield _terms(self._path(name), size=str(most), missing=self._missing(name), **limits)

    def _inner_series(self, *of: Part) -> list[str]:
        """What tells the series of a group apart."""
        names = dict.fromkeys(name for part in of for name in part.series)
        return [name for name in names if name not in self.number.by]

    def _rank(self, metrics: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The order of groups in which those that matter come first."""
        distance = next((one for one in metrics if one["type"] == "extended_stats"), None)
        if distance is not None:
            return {"order": "desc", "by": f"{distance['id']}[sum_of_squares]"}
        first = metrics[0]
        by_count = first["type"] in ("count", "percentiles")
        value = self.kpi.value
        reverse = isinstance(value, Remainder) or (isinstance(value, Part) and value.kind == "silence")
        return {
            "order": "asc" if self.least != reverse else "desc",
            "by": "_count" if by_count else first["id"],
        }

    def _query(self, of: tuple[Part, ...]) -> str:
        conditions = [*fixed_conditions(self.number), *(one for part in of for one in _conditions_of(part))]
        return self.builder.lucene(
            self.kpi.dataset, conditions, self.variables, noise=self.kpi.noise is not None
        )

    def _metric(self, part: Part, kind: str | None = None) -> dict[str, Any]:
        kind = kind or part.kind
        if kind == "count":
            return {"type": "count"}
        field = {"field": self._path(part.field)}
        if kind == "distinct":
            return {"type": "cardinality", **field, "settings": {"precision_threshold": str(PRECISE)}}
        if kind == "percentile":
            percents = [f"{(part.quantile or 0) * 100:g}"]
            settings = {"percents": percents, "tdigest": {"compression": COMPRESSION}}
            return {"type": "percentiles", **field, "settings": settings}
        if kind not in _METRICS:
            raise refuse(self.kpi, f"Grafana's query of Elasticsearch has no {kind}")
        return {"type": _METRICS[kind], **field}

    def _path(self, field: str | None) -> str:
        return BY_CHOICE if field == BY_CHOICE else self.builder.path(self.kpi.dataset, str(field))

    def _missing(self, name: str) -> str | None:
        """A number's group cannot be called by a word: events without one stay out of the groups."""
        grouping = name == BY_CHOICE or self.builder.grouping(self.kpi.dataset, name)
        return UNKNOWN if grouping else None


def _conditions_of(part: Part) -> tuple[Condition, ...]:
    """The part's filter, in which an event without its field does not count."""
    return (*part.where, *([Condition(part.field, "known")] if part.field else []))


def _least(of: Sequence[Part], metrics: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The order in which groups, and the series in them, come that may have the least last value."""
    match of, metrics:
        case [Part(kind="last", over="min")], [_, least]:
            return {"order": "asc", "by": least["id"]}
        case _:
            return {}


def _terms(
    path: str, *, size: str = "1", order: str = "asc", by: str = "_key", missing: str | None = None
) -> dict[str, Any]:
    settings = {"size": size, "order": order, "orderBy": by, "min_doc_count": "1"}
    return {"type": "terms", "field": path, "settings": settings | ({"missing": missing} if missing else {})}


def _most_bins(bins: int) -> int:
    """What a range has at most where so many bins are asked for: Grafana rounds them, and the range cuts two."""
    return math.ceil(bins * SHARPEST) + 1


def _groups_within(buckets: int, levels: int, below: int) -> int:
    """How many groups each of `levels` nested levels may have, if each innermost one holds `below` more buckets.

    A shard answers with half as many more and ten (``shard_size``), and OpenSearch counts those.
    """
    sizes = range(1, GROUPS + 1)
    return max(1, bisect_right(sizes, buckets, key=lambda size: math.ceil(_buckets_of(size, levels, below))))


def _buckets_of(size: int, levels: int, below: int) -> float:
    counted = _counted(size)
    return sum(counted**level for level in range(1, levels + 1)) + counted**levels * below


def _counted(size: int) -> float:
    return 1.5 * size + 10


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _field(path: str) -> str:
    return re.sub(r"([^\w.@])", r"\\\1", path)
