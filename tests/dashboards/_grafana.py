"""Grafana's way from a panel's JSON to its numbers, as far as our dashboards go it. This is not Grafana: it follows
Grafana's sources (github.com/grafana/grafana, around 12.2; github.com/grafana/opensearch-datasource 2.32), named at
each function, so that a query runs against a real store with what Grafana would send.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from statistics import fmean
from typing import Any

import httpx
from msgspec import Struct, structs

Json = dict[str, Any]
Mark = tuple[str, int | None]
"""A mark of an annotation: its text and, of one with a length, its end (milliseconds since 1970)."""


class Frame(Struct):
    """A data frame: columns by name, each with its values."""

    ref: str
    columns: dict[str, list[Any]]
    name: str = ""
    """Of a series."""
    labels: Mapping[str, str] = {}
    names: dict[str, str] = {}
    """Column -> the name that it is shown by, where another."""

    @property
    def shown(self) -> dict[str, list[Any]]:
        """Columns by the names they are shown by."""
        return {self.names.get(name, name): values for name, values in self.columns.items()}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The same, row by row."""
        shown = self.shown
        return [dict(zip(shown, values, strict=True)) for values in zip(*shown.values(), strict=True)]


class View(Struct, frozen=True, kw_only=True):
    """What a viewer looks at."""

    since: datetime
    until: datetime
    interval_s: int
    """As Grafana works it out from range, width and the panel's shortest bin."""
    chosen: Mapping[str, Sequence[str]] = {}
    """Variable -> values; one that is missing: all."""
    noise: str = "in"
    """The text of the option that is chosen."""
    group: str | None = None
    """The same of what panels are grouped by; null: as at first."""
    filters: Sequence[tuple[str, str, str]] = ()
    """The viewer's own: key, operator, value."""

    @property
    def from_ms(self) -> int:
        """The range's beginning."""
        return round(self.since.timestamp() * 1000)

    @property
    def to_ms(self) -> int:
        """The range's end, which Grafana counts in."""
        return round(self.until.timestamp() * 1000)


_ROUNDED = (
    *((0.015, 0.01), (0.035, 0.02), (0.075, 0.05), (0.15, 0.1), (0.35, 0.2), (0.75, 0.5), (1.5, 1), (3.5, 2)),
    *((7.5, 5), (12.5, 10), (17.5, 15), (25, 20), (45, 30), (90, 60), (210, 120), (450, 300), (750, 600)),
    *(
        (1050, 900),
        (1500, 1200),
        (2700, 1800),
        (5400, 3600),
        (9000, 7200),
        (16_200, 10_800),
        (32_400, 21_600),
    ),
    *((86_400, 43_200), (604_800, 86_400), (1_814_400, 604_800)),
)


def round_interval(seconds: float) -> float:
    """A bin as Grafana rounds it (packages/grafana-data/src/datetime/rangeutil.ts, roundInterval)."""
    return next((rounded for below, rounded in _ROUNDED if seconds < below), 2_592_000)


# --- variables (public/app/features/templating/templateSrv.ts; packages/scenes variables/interpolation) --------

_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::(\w+))?\}")


def interpolate(text: str, document: Json, view: View, form: str | None = None) -> str:
    """Variables and macros in their format, or in `form`; unknown ones stay."""
    templates = {one["name"]: one for one in document["templating"]["list"]}
    macros = {
        "__from": str(view.from_ms),
        "__to": str(view.to_ms),
        "__interval": duration(view.interval_s),
        "__interval_ms": str(view.interval_s * 1000),
    }

    def put(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name in macros:
            return macros[name]
        template = templates.get(name)
        if template is None:
            return match[0]
        if template["type"] == "custom":
            text = view.noise if name == "noise" else view.group or template["current"]["text"]
            value: str | Sequence[str] = next(
                one["text" if match[3] == "text" else "value"]
                for one in template["options"]
                if one["text"] == text
            )
        elif name in view.chosen:
            value = view.chosen[name]
        else:
            return str(template["allValue"])  # as it is: CustomAllValue.formatter
        return _FORMATS[match[3] or form or "glob"](value)

    return _VARIABLE.sub(put, text)


def _lucene(value: str | Sequence[str]) -> str:
    def escape(text: str) -> str:
        return re.sub(r'([!*+\-=<>\s&|()\[\]{}^~?:\\/"])', r"\\\1", text)

    if isinstance(value, str):
        return escape(value)
    return "(" + " OR ".join(f'"{escape(one)}"' for one in value) + ")" if value else "__empty__"


def _regex(value: str | Sequence[str]) -> str:
    def escape(text: str) -> str:
        return re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", text)

    if isinstance(value, str):
        return escape(value)
    return escape(value[0]) if len(value) == 1 else "(" + "|".join(map(escape, value)) + ")"


def _raw(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else ",".join(value)


_FORMATS = {"lucene": _lucene, "regex": _regex, "raw": _raw, "text": _raw, "glob": _raw}


def duration(seconds: int) -> str:
    """Seconds as Grafana writes an interval (gtime.FormatInterval)."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _own_filters(document: Json, view: View) -> Iterator[str]:
    """Of an ad-hoc variable (public/app/plugins/datasource/elasticsearch/modifyQuery.ts, addFilterToQuery)."""
    assert not view.filters or any(one["type"] == "adhoc" for one in document["templating"]["list"])
    for key, operator, value in view.filters:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        yield f'{"" if operator == "=" else "-"}{key}:"{escaped}"'


# --- Elasticsearch and OpenSearch ------------------------------------------------------------------------


class Elastic:
    """The data sources ``elasticsearch`` (its backend) and ``grafana-opensearch-datasource`` (its frontend flow)."""

    def __init__(self, url: str, index: str, kind: str, time: str = "@timestamp") -> None:
        self.client = httpx.Client(base_url=url, trust_env=False, timeout=60)
        self.url = url
        self.index = index
        self.kind = kind
        self.time = time

    def query(self, document: Json, targets: Sequence[Json], view: View) -> list[Frame]:
        """All frames of a panel's targets."""
        made = [self._interpolated(document, target, view) for target in targets]
        lines = [
            json.dumps(line)
            for target in made
            for line in ({"index": self.index, "ignore_unavailable": True}, self.body(target, view))
        ]
        response = self.client.post(
            "/_msearch",
            content="\n".join([*lines, ""]),
            headers={"content-type": "application/x-ndjson"},
        )
        answers = response.raise_for_status().json()["responses"]
        return [
            frame
            for target, answer in zip(made, answers, strict=True)
            for frame in self._frames(target, answer)
        ]

    def values(self, query: str, view: View) -> list[str]:
        """A variable's choices (datasource.ts, metricFindQuery and getTerms)."""
        wanted = json.loads(query)
        assert wanted["find"] == "terms"
        terms = {"field": wanted["field"], "size": wanted["size"], "order": {"_key": "asc"}}
        answer = self._search(wanted["query"], view) | {"aggs": {"1": {"terms": terms}}}
        found = self.client.post(f"/{self.index}/_search", json=answer).raise_for_status().json()
        return [bucket["key"] for bucket in found["aggregations"]["1"]["buckets"]]

    def annotations(self, document: Json, annotation: Json, view: View) -> list[Mark]:
        """An annotation's marks (datasource.ts, annotationQuery)."""
        assert annotation.get("timeField", "@timestamp") == self.time
        query = interpolate(annotation["target"]["query"], document, view, "lucene")
        body = self._search(query, view) | {"size": 10_000}
        found = self.client.post(f"/{self.index}/_search", json=body).raise_for_status().json()
        hits = [_flat(hit["_source"]) for hit in found["hits"]["hits"]]
        ends = annotation.get("timeEndField")
        marks = [(hit.get(annotation["textField"]), ends and _milliseconds(hit.get(ends))) for hit in hits]
        return [(text, end) for text, end in marks if text is not None]

    def _search(self, query: str, view: View) -> Json:
        range_ = {"gte": view.from_ms, "lte": view.to_ms, "format": "epoch_millis"}
        words = {"query_string": {"query": query, "analyze_wildcard": True}}
        return {"size": 0, "query": {"bool": {"filter": [{"range": {self.time: range_}}, words]}}}

    def _interpolated(self, document: Json, target: Json, view: View) -> Json:
        """The query by Lucene's format, then all else (datasource.ts, applyTemplateVariables)."""
        query = " AND ".join(
            [interpolate(target["query"], document, view, "lucene"), *_own_filters(document, view)]
        )
        made: Json = json.loads(interpolate(json.dumps(target | {"query": ""}), document, view))
        return made | {"query": query}

    def body(self, target: Json, view: View) -> Json:
        """The search (pkg/tsdb/elasticsearch/data_query_processor.go; src/QueryBuilder.ts)."""
        body = self._search(target["query"], view)
        first = target["metrics"][0]
        if first["type"] == "raw_data":
            settings = first["settings"]
            if self.kind == "opensearch" and not settings.get("useTimeRange"):
                body["query"]["bool"]["filter"].pop(0)
            sort = {self.time: {"order": "desc", "unmapped_type": "boolean"}}
            return body | {"size": int(settings["size"]), "sort": [sort]}
        inner = body
        for bucket in target["bucketAggs"]:
            inner = inner.setdefault("aggs", {}).setdefault(
                bucket["id"], self._bucket(bucket, target["metrics"], view)
            )
        aggs = inner.setdefault("aggs", {})
        for metric in target["metrics"]:
            if metric["type"] != "count":
                aggs[metric["id"]] = {metric["type"]: _metric(metric, target["metrics"])}
        return body

    def _bucket(self, bucket: Json, metrics: Sequence[Json], view: View) -> Json:
        settings = dict(bucket.get("settings", {}))
        if bucket["type"] == "date_histogram":
            made: Json = {
                "field": bucket["field"],
                "min_doc_count": int(settings["min_doc_count"]),
                "extended_bounds": {"min": view.from_ms, "max": view.to_ms},
                "format": "epoch_millis",
            }
            assert settings["interval"] == "auto"
            if self.kind == "opensearch":
                return {"date_histogram": made | {"interval": duration(view.interval_s)}}
            return {"date_histogram": made | {"fixed_interval": f"{view.interval_s * 1000}ms"}}
        assert bucket["type"] == "terms"
        order = settings["orderBy"]
        terms: Json = {
            "field": bucket["field"],
            "size": int(settings["size"]),
            "order": {order: settings["order"]},
            "min_doc_count": int(settings["min_doc_count"]),
        }
        if "missing" in settings:
            terms["missing"] = settings["missing"]
        by = next((one for one in metrics if one["id"] == order.partition("[")[0]), None)
        return {"terms": terms} | (
            {"aggs": {by["id"]: {by["type"]: {"field": by["field"]}}}} if by is not None else {}
        )

    def _frames(self, target: Json, answer: Json) -> list[Frame]:
        """pkg/tsdb/elasticsearch/response_parser.go; src/OpenSearchResponse.ts."""
        if "error" in answer:
            raise AssertionError(f"{target['query']}\n{json.dumps(answer['error'])[:800]}")
        ref = target["refId"]
        if target["metrics"][0]["type"] == "raw_data":
            hits = [_flat(hit["_source"]) for hit in answer["hits"]["hits"]]
            names = sorted({name for hit in hits for name in hit})
            return [Frame(ref, {name: [hit.get(name) for hit in hits] for name in names})] if hits else []
        series: list[Frame] = []
        table: dict[str, list[Any]] = {}
        aggregations = answer.get("aggregations", {})
        self._walk(target, aggregations, 0, {}, series, table)
        return [*([Frame(ref, table)] if table else []), *series]

    def _walk(
        self,
        target: Json,
        aggs: Json,
        depth: int,
        props: dict[str, str],
        series: list[Frame],
        table: dict[str, list[Any]],
    ) -> None:
        """processBuckets: groups become columns of a table, or names of series."""
        buckets = target["bucketAggs"]
        bucket = buckets[depth]
        found = aggs.get(bucket["id"])
        if found is None:
            return
        if depth < len(buckets) - 1:
            for one in found["buckets"]:
                key = one.get("key_as_string", one["key"])
                self._walk(target, one, depth + 1, props | {bucket["field"]: key}, series, table)
        elif bucket["type"] == "date_histogram":
            series += self._series(target, found["buckets"], props)
        else:
            for one in found["buckets"]:
                row = props | {bucket["field"]: one["key"]} | dict(self._values(target, one))
                for name, value in row.items():
                    table.setdefault(name, []).append(value)

    def _values(self, target: Json, bucket: Json) -> Iterator[tuple[str, Any]]:
        """processAggregationDocs: columns of a bucket's metrics, hidden ones too."""
        kinds = [metric["type"] for metric in target["metrics"]]
        for metric in target["metrics"]:
            kind = metric["type"]
            if kind == "extended_stats":  # none of its statistics is asked for (`meta`)
                continue
            if kind == "count":
                yield "Count", float(bucket["doc_count"])
            elif kind == "percentiles":
                for name, value in bucket[metric["id"]]["values"].items():
                    yield f"p{name} {metric['field']}", value
            else:
                name = _NAMES[kind]
                if kinds.count(kind) > 1:
                    name += f" {metric['field']} {metric['id']}"
                yield name, bucket.get(metric["id"], {}).get("value")

    def _series(self, target: Json, buckets: Sequence[Json], props: Mapping[str, str]) -> Iterator[Frame]:
        """processMetrics."""
        for metric in target["metrics"]:
            if metric.get("hide"):
                continue
            values: list[Any] = []
            times: list[int] = []
            for bucket in buckets:
                if metric["type"] == "count":
                    value: Any = float(bucket["doc_count"])
                elif metric["id"] not in bucket:
                    continue
                elif metric["type"] == "percentiles":
                    (value,) = bucket[metric["id"]]["values"].values()
                else:
                    value = bucket[metric["id"]]["value"]
                times.append(bucket["key"])
                values.append(None if value == "NaN" else value)
            name = re.sub(r"\{\{([\s\S]+?)\}\}", lambda match: str(props[match[1]]), target["alias"])
            yield Frame(target["refId"], {"Time": times, "Value": values}, name)


_NAMES = {
    "avg": "Average",
    "sum": "Sum",
    "max": "Max",
    "min": "Min",
    "cardinality": "Unique Count",
    "bucket_script": "Bucket Script",
}


def _metric(metric: Json, metrics: Sequence[Json]) -> Json:
    settings = {
        key: float(value) if key == "precision_threshold" else value
        for key, value in metric.get("settings", {}).items()
    }
    if metric["type"] != "bucket_script":
        return {"field": metric["field"], **settings}
    counts = {one["id"] for one in metrics if one["type"] == "count"}
    paths = {
        one["name"]: "_count" if one["pipelineAgg"] in counts else one["pipelineAgg"]
        for one in metric["pipelineVariables"]
    }
    return {"buckets_path": paths, **settings}


def _milliseconds(time: str | None) -> int | None:
    return round(datetime.fromisoformat(time).timestamp() * 1000) if time else None


def _flat(source: Json, prefix: str = "") -> Json:
    made: Json = {}
    for key, value in source.items():
        if isinstance(value, dict) and value:
            made |= _flat(value, f"{prefix}{key}.")
        else:
            made[f"{prefix}{key}"] = value
    return made


# --- InfluxDB --------------------------------------------------------------------------------------------


class Influx:
    """The data source ``influxdb`` with InfluxQL: its backend."""

    def __init__(self, url: str, database: str) -> None:
        self.client = httpx.Client(base_url=url, trust_env=False, timeout=60)
        self.database = database

    def query(self, document: Json, targets: Sequence[Json], view: View) -> list[Frame]:
        """All frames of a panel's targets."""
        return [frame for target in targets for frame in self._frames(document, target, view)]

    def statement(self, document: Json, target: Json, view: View) -> str:
        """pkg/tsdb/influxdb/models/query.go, Build."""
        text = interpolate(target["query"], document, view, "regex")
        within = f"time >= {view.from_ms}ms and time <= {view.to_ms}ms"
        return text.replace("$timeFilter", within)

    def values(self, query: str, view: View) -> list[str]:
        """A variable's choices (datasource.ts, metricFindQuery)."""
        return sorted(row[1] for one in self._ask(query) for row in one["values"])

    def annotations(self, document: Json, annotation: Json, view: View) -> list[Mark]:
        """An annotation's marks (response_parser.ts, transformAnnotationResponse)."""
        target = annotation["target"]
        assert target["fromAnnotations"]
        (series,) = self._ask(self.statement(document, target, view))
        rows = [dict(zip(series["columns"], row, strict=True)) for row in series["values"]]
        end = target.get("timeEndColumn")
        return [(row[target["textColumn"]], row[end] if end else None) for row in rows]

    def _frames(self, document: Json, target: Json, view: View) -> list[Frame]:
        series = self._ask(self.statement(document, target, view))
        if target["resultFormat"] == "table":
            return [_table(target["refId"], series)] if series else []
        return [
            Frame(
                target["refId"],
                {"Time": [row[0] for row in one["values"]], "Value": [row[i] for row in one["values"]]},
                _named(interpolate(target["alias"], document, view), one.get("tags", {})),
                one.get("tags", {}),
            )
            for one in series
            for i in range(1, len(one["columns"]))
        ]

    def _ask(self, text: str) -> list[Json]:
        """influxql.go, createRequest."""
        response = self.client.post("/query", params={"db": self.database, "epoch": "ms"}, data={"q": text})
        assert response.status_code == 200, f"{text}\n{response.text}"
        (result,) = response.json()["results"]
        assert "error" not in result, f"{text}\n{result['error']}"
        found: list[Json] = result.get("series", [])
        return found


def _table(ref: str, series: Sequence[Json]) -> Frame:
    """transformRowsForTable (pkg/tsdb/influxdb/influxql/buffered/response_parser.go)."""
    columns: dict[str, list[Any]] = {}
    for one in series:
        for values in one["values"]:
            row = {"Time": values[0], **one.get("tags", {})}
            row |= dict(zip(one["columns"][1:], values[1:], strict=True))
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
    return Frame(ref, columns)


def _named(alias: str, tags: Mapping[str, str]) -> str:
    """util.FormatFrameName (pkg/tsdb/influxdb/influxql/util/util.go)."""
    return re.sub(r"\$tag_(\w+)", lambda match: tags[match[1]], alias)


# --- transformations (packages/grafana-data/src/transformations/transformers) ------------------------------


def transform(frames: Sequence[Frame], transformations: Sequence[Json]) -> list[Frame]:
    """The frames after all transformations."""
    found = list(frames)
    for one in transformations:
        only = one.get("filter")
        assert only is None or only["id"] == "byRefId"
        mine = [frame for frame in found if only is None or frame.ref == only["options"]]
        made = _TRANSFORMERS[one["id"]](mine, one["options"])
        found = [*made, *(frame for frame in found if frame not in mine)]
    return found


def _filter_fields(frames: list[Frame], options: Json) -> list[Frame]:
    """filterByName.ts."""
    names = options["include"]["names"]
    return [
        _picked(frame, [name for name in frame.columns if _shown(frame, name) in names]) for frame in frames
    ]


def _organize(frames: list[Frame], options: Json) -> list[Frame]:
    """organize.ts: filter, order, rename; renaming changes what is shown, not the column's own name."""
    made = []
    for frame in frames:
        names = [n for n in frame.columns if not options["excludeByName"].get(_shown(frame, n))]
        index = options["indexByName"]
        if index:
            names.sort(key=lambda name: index.get(_shown(frame, name), len(index)))
        rename = {n: options["renameByName"].get(_shown(frame, n), _shown(frame, n)) for n in names}
        made.append(structs.replace(_picked(frame, names), names=rename))
    return made


def _group_by(frames: list[Frame], options: Json) -> list[Frame]:
    """groupBy.ts: its values get names of their own; what is not asked for is dropped."""
    fields: Json = options["fields"]
    made = []
    for frame in frames:
        keys = [n for n in frame.columns if fields.get(_shown(frame, n), {}).get("operation") == "groupby"]
        if not keys:
            continue
        values = [
            n for n in frame.columns if fields.get(_shown(frame, n), {}).get("operation") == "aggregate"
        ]
        groups: dict[str, list[int]] = {}
        for row, key in enumerate(zip(*(frame.columns[name] for name in keys), strict=True)):
            groups.setdefault(",".join(map(str, key)), []).append(row)
        columns: dict[str, list[Any]] = {
            name: [frame.columns[name][rows[0]] for rows in groups.values()] for name in keys
        }
        for name in values:
            (reducer,) = fields[_shown(frame, name)]["aggregations"]
            columns[f"{_shown(frame, name)} ({reducer})"] = [
                _REDUCERS[reducer]([frame.columns[name][row] for row in rows]) for rows in groups.values()
            ]
        made.append(Frame(frame.ref, columns))
    return made


def _sum(values: Sequence[Any]) -> Any:
    return sum(value for value in values if value is not None)


def _last_not_null(values: Sequence[Any]) -> Any:
    return next((value for value in reversed(values) if value is not None), None)


def _first(values: Sequence[Any]) -> Any:
    return values[0]


def _known(reduce: Callable[[list[Any]], Any]) -> Callable[[Sequence[Any]], Any]:
    """Of what is not null; null of nothing."""

    def of(values: Sequence[Any]) -> Any:
        known = [value for value in values if value is not None]
        return reduce(known) if known else None

    return of


_REDUCERS = {"first": _first, "sum": _sum, "lastNotNull": _last_not_null}
_REDUCERS |= {"mean": _known(fmean), "min": _known(min), "max": _known(max)}


def _merge(frames: list[Frame], options: Json) -> list[Frame]:
    """merge.ts: rows of equal values in the columns that all frames have become one, by the columns' own names."""
    frames = [frame for frame in frames if frame.columns]
    if len(frames) <= 1:
        return frames
    keys = [name for name in frames[0].columns if all(name in frame.columns for frame in frames)]
    assert keys
    names = list(dict.fromkeys(name for frame in frames for name in frame.columns))
    rows: dict[str, Json] = {}
    for frame in frames:
        for values in zip(*frame.columns.values(), strict=True):
            row = dict(zip(frame.columns, values, strict=True))
            key = "".join(str(row[name]) for name in keys)
            known = rows.setdefault(key, {})
            assert all(known.get(name) in (None, value) for name, value in row.items()), "rows do not merge"
            known |= row
    return [Frame("merge", {name: [row.get(name, UNDEFINED) for row in rows.values()] for name in names})]


UNDEFINED = math.nan
"""JavaScript's undefined: any calculation with it is not a number."""


def _calculate(frames: list[Frame], options: Json) -> list[Frame]:
    """calculateField.ts, binary."""
    assert options["mode"] == "binary"
    binary = options["binary"]
    made = []
    for frame in frames:
        length = len(next(iter(frame.columns.values()), []))
        sides: list[list[Any] | None] = []
        for side in (binary["left"], binary["right"]):
            if "fixed" in side:
                sides.append([float(side["fixed"])] * length)
            else:
                assert side["matcher"]["id"] == "byName"
                sides.append(frame.shown.get(side["matcher"]["options"]))
        left, right = sides
        if left is not None and right is not None:
            values = [_operate(a, binary["operator"], b) for a, b in zip(left, right, strict=True)]
            frame = structs.replace(frame, columns=frame.columns | {options["alias"]: values})
        made.append(frame)
    return made


def _operate(left: Any, operator: str, right: Any) -> float:
    """JavaScript's: null counts as 0, and a division by 0 is infinite."""
    a, b = (0.0 if side is None else float(side) for side in (left, right))
    if operator == "-":
        return a - b
    assert operator == "/"
    if b == 0:
        return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a)
    return a / b


def _matrix(frames: list[Frame], options: Json) -> list[Frame]:
    """groupingToMatrix.ts."""
    if len(frames) != 1:
        return frames
    shown = frames[0].shown
    fields = [options[name] for name in ("rowField", "columnField", "valueField")]
    if not shown:
        return frames
    rows, across, values = (shown[name] for name in fields)
    found = dict(zip(zip(rows, across, strict=True), values, strict=True))
    first, second, _ = fields
    columns: dict[str, list[Any]] = {f"{first}\\{second}": list(dict.fromkeys(rows))}
    for name in dict.fromkeys(across):
        columns[str(name)] = [found.get((row, name)) for row in dict.fromkeys(rows)]
    return [Frame(frames[0].ref, columns)]


def _sort_by(frames: list[Frame], options: Json) -> list[Frame]:
    """sortBy.ts: what is not known comes last when the greatest come first."""
    (sort,) = options["sort"]

    def place(value: Any) -> tuple[bool, Any]:
        known = value is not None and not (isinstance(value, float) and math.isnan(value))
        return known, value if known else 0

    made = []
    for frame in frames:
        values = frame.shown.get(sort["field"])
        if values is not None:
            order = sorted(range(len(values)), key=lambda i: place(values[i]), reverse=sort["desc"])
            columns = {name: [column[i] for i in order] for name, column in frame.columns.items()}
            frame = structs.replace(frame, columns=columns)
        made.append(frame)
    return made


def _limit(frames: list[Frame], options: Json) -> list[Frame]:
    """limit.ts."""
    count = int(options["limitField"])
    return [
        structs.replace(frame, columns={name: values[:count] for name, values in frame.columns.items()})
        for frame in frames
    ]


_TRANSFORMERS = {
    "filterFieldsByName": _filter_fields,
    "organize": _organize,
    "groupBy": _group_by,
    "merge": _merge,
    "calculateField": _calculate,
    "groupingToMatrix": _matrix,
    "sortBy": _sort_by,
    "limit": _limit,
}


def _shown(frame: Frame, name: str) -> str:
    return frame.names.get(name, name)


def _picked(frame: Frame, names: Sequence[str]) -> Frame:
    return structs.replace(frame, columns={name: frame.columns[name] for name in names})
