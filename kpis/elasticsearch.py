"""KPIs as searches of Elasticsearch or OpenSearch: one body a query, its aggregations' answer as rows.

Exact: counts; last and growth of whole numbers; sums, means and ratios but for a double's 15 digits (whole
numbers up to `2**53`). Stated tolerance: distinct counts are exact up to some ten thousand a group, within 2 in
10,000 up to `PRECISE`, beyond within half a percent; percentiles are a t-digest's of `COMPRESSION`: Elasticsearch's
are exact for some ten thousand events a group; beyond, and OpenSearch's always, within one rank and 0.1 % of the
ranks. Times are the store's milliseconds: so are the range's ends, and the order of two last words.

No script and no pipeline aggregation is needed, so that any licence and distribution can answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from kpis.model import Condition, Part, Query, UnsupportedError, combine, order, parts
from lakescope.columns import Kind, columns

Body = dict[str, Any]
Answer = Mapping[str, Any]

PAGE = 1000
"""Groups a page; a page's sketches must fit into a node's memory, so that a sketch of many bytes has fewer."""
PRECISE = 40_000
"""Distinct values that are counted one by one (the server's greatest)."""
COMPRESSION = 1000
"""Of the t-digest: ten times the server's own choice."""


def compile_query(query: Query) -> Body:
    """The body of a search over the indices of the KPI's dataset. Raises `UnsupportedError`."""
    return _Compiler(query).body()


def rows(query: Query, answers: Iterable[Answer]) -> list[dict[str, Any]]:
    """Rows as kpis/duckdb.py's: ``time`` (with a bin), the dimensions, ``value``. `answers`: all pages."""
    wanted = parts(query.kpi.value)
    found: dict[tuple[Any, ...], list[Any]] = {}
    if not query.by and not query.bin_s:
        found[()] = [_nothing(part) for part in wanted]
    for answer in answers:
        for bucket in _buckets(answer):
            sums = found.setdefault(_key(query, bucket.get("key", {})), [_nothing(part) for part in wanted])
            for index, part in enumerate(wanted):
                value = _read(query, part, bucket[f"part{index}"])
                if value is not None:  # one bucket a group, but for last and growth: one a series
                    sums[index] = value if sums[index] is None else sums[index] + value
    return order(query, ((key, combine(query, values)) for key, values in found.items()))


def ask(query: Query, search: Callable[[Body], Answer]) -> list[dict[str, Any]]:
    """Rows of `query`; `search` runs a body over the indices of the KPI's dataset. Raises `UnsupportedError`."""
    return rows(query, pages(compile_query(query), search))


def pages(body: Body, search: Callable[[Body], Answer]) -> Iterator[Answer]:
    """All pages of a compiled body's answer."""
    while True:
        answer = search(body)
        yield answer
        groups = answer.get("aggregations", {}).get("groups", {})
        composite = body["aggs"].get("groups", {}).get("composite", {})
        if len(groups.get("buckets", ())) < composite.get("size", 1):
            return
        next_page = composite | {"after": groups["after_key"]}
        body = body | {"aggs": {"groups": body["aggs"]["groups"] | {"composite": next_page}}}


class _Compiler:
    def __init__(self, query: Query) -> None:
        self.query = query
        self.parts = parts(query.kpi.value)
        self.kinds = _kinds(query.kpi.dataset)
        if any(part.series for part in self.parts) and not all(part.series for part in self.parts):
            raise UnsupportedError(f"{query.kpi.name} mixes last words with sums; a store of type duckdb can")

    def body(self) -> Body:
        query = self.query
        since, until = (moment.astimezone(UTC).isoformat() for moment in (query.since, query.until))
        ranged = {"range": {"@timestamp": {"gte": since, "lt": until}}}
        aggs = {f"part{index}": self._part(part) for index, part in enumerate(self.parts)}
        if sources := self._sources():
            aggs = {"groups": {"composite": {"size": self._page(), "sources": sources}, "aggs": aggs}}
        return {
            "size": 0,
            "track_total_hits": False,
            "query": {"bool": {"filter": [ranged, *map(self._condition, query.conditions)]}},
            "aggs": aggs,
        }

    def _sources(self) -> list[Body]:
        """What makes a bucket: bin, dimensions and, for last words, the series."""
        query = self.query
        bins: list[Body] = []
        if query.bin_s:
            interval = {"field": "@timestamp", "fixed_interval": f"{query.bin_s}s"}
            bins = [{"time": {"date_histogram": interval}}]
        names = dict.fromkeys([*query.by, *(name for part in self.parts for name in part.series)])
        return [
            *bins,
            *({name: {"terms": {"field": self._exact(name), "missing_bucket": True}}} for name in names),
        ]

    def _page(self) -> int:
        """A sketch of distinct values takes up to 256 kB a bucket, a t-digest or a last word some 30."""
        return PAGE // 10 if any(part.kind == "distinct" for part in self.parts) else PAGE

    def _part(self, part: Part) -> Body:
        """A filter with the part's events, of which it takes the count, a metric or the ends in time."""
        conditions = [*part.where, *([Condition(part.field, "known")] if part.field else [])]
        found = [self._condition(condition) for condition in dict.fromkeys(conditions)]
        chosen: Body = {"filter": {"bool": {"filter": found}} if found else {"match_all": {}}}
        if metrics := self._metrics(part):
            chosen["aggs"] = metrics
        return chosen

    def _metrics(self, part: Part) -> Body:
        match part.kind:
            case "count":
                return {}
            case "last":
                return {"last": _end(part, "desc")}
            case "growth":
                return {"last": _end(part, "desc"), "first": _end(part, "asc")}
            case "distinct":
                metric: Body = {
                    "cardinality": {
                        "field": self._exact(str(part.field)),
                        "precision_threshold": PRECISE,
                    }
                }
            case "percentile":
                percents = [round((part.quantile or 0.0) * 100, 9)]
                digest = {"compression": COMPRESSION}
                metric = {
                    "percentiles": {
                        "field": part.field,
                        "percents": percents,
                        "keyed": False,
                        "tdigest": digest,
                    }
                }
            case _:
                metric = {"avg" if part.kind == "mean" else part.kind: {"field": part.field}}
        return {"value": metric}

    def _condition(self, condition: Condition) -> Body:
        field, value = condition.field, condition.value
        if condition.operator == "known":
            return {"exists": {"field": field}}
        if condition.operator == "unknown":
            return {"bool": {"must_not": {"exists": {"field": field}}}}
        if isinstance(value, tuple):
            return {"terms": {self._exact(field): list(value)}}
        return {"term": {self._exact(field): value}}

    def _exact(self, field: str) -> str:
        """The field as it was said, rather than its words."""
        return f"{field}.keyword" if self.kinds.get(field) == "text" else field


def _end(part: Part, direction: str) -> Body:
    """The series' last or first known value; of two in one millisecond the greater or the smaller."""
    sort: list[Body] = [{"@timestamp": direction}, {str(part.field): direction}]
    return {"top_hits": {"size": 1, "sort": sort, "_source": [part.field]}}


def _kinds(dataset: str) -> dict[str, Kind]:
    return {column.name: column.kind for column in columns(dataset)}


def _nothing(part: Part) -> int | None:
    """A part over no events."""
    return 0 if part.kind in ("count", "distinct") else None


def _buckets(answer: Answer) -> list[Mapping[str, Any]]:
    """The groups of a page; one without a key for the range as a whole; none without an index."""
    aggregations = answer.get("aggregations")
    if aggregations is None:  # no index matched
        return []
    groups = aggregations.get("groups")
    found: list[Mapping[str, Any]] = [aggregations] if groups is None else groups["buckets"]
    return found


def _key(query: Query, key: Mapping[str, Any]) -> tuple[Any, ...]:
    """Bin and dimensions of a bucket."""
    kinds = _kinds(query.kpi.dataset)
    dimensions = [
        key[name] in (True, 1, "true") if kinds[name] == "boolean" and key[name] is not None else key[name]
        for name in query.by
    ]
    return (*([datetime.fromtimestamp(key["time"] / 1000, UTC)] if query.bin_s else []), *dimensions)


def _read(query: Query, part: Part, answer: Answer) -> float | int | None:
    """A part's value from its filter's answer."""
    if part.kind == "count":
        return int(answer["doc_count"])
    if not answer["doc_count"]:
        return _nothing(part)
    if part.kind == "last":
        return _hit(part, answer["last"])
    if part.kind == "growth":
        return _hit(part, answer["last"]) - _hit(part, answer["first"])
    if part.kind == "percentile":
        return float(answer["value"]["values"][0]["value"])
    value: float = answer["value"]["value"]
    whole = part.kind == "distinct" or (
        part.kind != "mean" and _kinds(query.kpi.dataset)[str(part.field)] == "integer"
    )
    return int(value) if whole else value


def _hit(part: Part, answer: Answer) -> float | int:
    value: float | int = answer["hits"]["hits"][0]["_source"][str(part.field)]
    return value
