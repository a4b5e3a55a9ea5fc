"""KPIs as searches of Elasticsearch or OpenSearch: one body a query, its aggregations' answer as rows.

Exact: counts, empty hours, changes; last and growth of whole numbers; sums, means, shares and ratios but for a
double's 15 digits (whole numbers up to `2**53`). Stated tolerance: distinct counts are exact up to some ten thousand a
group, within 2 in 10,000 up to `PRECISE`, beyond within half a percent; percentiles are a t-digest's of
`COMPRESSION`: Elasticsearch's are exact for some ten thousand events a group; beyond, and OpenSearch's always, within
one rank and 0.1 % of the ranks. Times are the store's milliseconds: so are the range's ends, silences, and the order
of two last words.

No aggregation knows the event before another: increases of counters are made of their values (kpis/increases.py), read
in order of time, `VALUES` a page.

No script and no pipeline aggregation is needed, so that any licence and distribution can answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NoReturn

from lakescope.core.columns import Kind, kinds
from lakescope.kpis import increases
from lakescope.kpis.model import (
    HOUR,
    REPORTS,
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

Body = dict[str, Any]
Answer = Mapping[str, Any]

PAGE = 10_000
"""Groups a page; fewer where each holds a sketch, because a page's sketches must fit into a node's memory."""
VALUES = 5000
"""Values of counters a page: several questions are asked in one request."""
PRECISE = 40_000
"""Distinct values that are counted one by one (the server's greatest)."""
PRECISE_OF_SERIES = 1000
"""The same of one series, of which there are many."""
COMPRESSION = 1000
"""Of the t-digest: ten times the server's own choice."""


def compile_query(query: Query) -> Body:
    """The body of a search over the indices of the KPI's dataset: for its groups, or, of increases, for the values that
    they are made of (`values`). Raises `UnsupportedError`."""
    if query.is_snapshot:
        raise UnsupportedError(f"{query.kpi.name} is a state, which is made of reports (kpis/snapshots.py)")
    return _values_body(query) if increases.is_of_increases(query) else _Compiler(query).body()


def _values_body(query: Query) -> Body:
    """The body of a search for a page of the events that a question of increases is made of, in order of time."""
    names, kinds_by_field = increases.names(query), kinds(query.dataset)
    fields: Body = {"_source": list(names)}
    if not any(kinds_by_field[name] in ("labels", "object", "keywords") for name in names):
        columns = [_exact(kinds_by_field, name) for name in names]  # read in half the time of the documents
        fields = {"_source": False, "stored_fields": "_none_", "docvalue_fields": columns}
    return {
        "size": VALUES,
        "track_total_hits": False,
        "query": _filter(query.dataset, query.since, query.until, query.conditions),
        "sort": _IN_ORDER,
        **fields,
    }


_IN_ORDER: list[Body] = [{"@timestamp": "asc"}, {"id": "asc"}]
_NEWEST_FIRST: list[Body] = [{"@timestamp": "desc"}, {"id": "asc"}]


def values(answer: Answer) -> Iterator[tuple[float, Mapping[str, Any]]]:
    """Of a page: time (POSIX seconds) and fields."""
    for document in answer["hits"].get("hits", ()):
        fields = document.get("_source")
        if fields is None:
            columns = document.get("fields", {})
            fields = {name.removesuffix(".keyword"): values[0] for name, values in columns.items()}
        yield document["sort"][0] / 1000, fields


def rows(query: Query, answers: Iterable[Answer]) -> list[dict[str, Any]]:
    """Rows as kpis/duckdb.py's: ``time`` (with a bin), the dimensions, ``value``. `answers`: all pages."""
    query_parts = parts(query.kpi.value)
    values_by_group: dict[tuple[Any, ...], list[Any]] = {}
    if not query.by and not query.bin_s:
        values_by_group[()] = [_nothing(query, part, {}) for part in query_parts]
    for answer in answers:
        for bucket in _buckets(answer):
            key = bucket.get("key", {})
            sums = values_by_group.setdefault(
                _group(query, key), [_nothing(query, part, key) for part in query_parts]
            )
            for index, part in enumerate(query_parts):
                value = _read(query, part, key, bucket[f"part{index}"])
                if value is not None:  # one bucket a group, or one a series or an hour of it
                    sums[index] = value if sums[index] is None else sums[index] + value
    return order(query, ((group, combine(query, group, values)) for group, values in values_by_group.items()))


def compile_reports(query: ReportsQuery) -> list[Body]:
    """The bodies of searches over the indices of the dataset: for the last reports of each series, for the last one
    before the range where that need not be among them, and for the last one (the first one too) of each bin."""
    whole_range, within = (query.look_back, query.until), (query.since, query.until)
    requests: list[tuple[tuple[datetime, datetime], int | None, str, int]] = [
        (whole_range, None, "desc", REPORTS)
    ]
    if query.bin_s or query.firsts:
        requests.append(((query.look_back, query.since), None, "desc", 1))
    if query.bin_s:
        requests.append((within, query.bin_s, "desc", 1))
    if query.firsts:
        requests.append((within, query.bin_s, "asc", 1))
    return [_reports_body(query, *one) for one in requests]


def _reports_body(
    query: ReportsQuery, range_: tuple[datetime, datetime], bin_s: int | None, direction: str, size: int
) -> Body:
    kinds_by_field = kinds(query.dataset)
    value = {"order": direction, "unmapped_type": "long"}  # of an index from before the field
    hits = {
        "size": size,
        "sort": [{"@timestamp": direction}, {query.field: value}],
        "_source": list(query.names),
    }
    sources = [*_by_time({"time": bin_s} if bin_s else {}), *_by_terms(kinds_by_field, query.series)]
    groups: Body = {"composite": {"size": PAGE // 10, "sources": sources}}
    groups["aggs"] = {"reports": {"top_hits": hits}}
    return {
        "size": 0,
        "track_total_hits": False,
        "query": _filter(query.dataset, *range_, dict.fromkeys(query.conditions)),
        "aggs": {"groups": groups},
    }


def reports(answers: Iterable[Answer]) -> list[Report]:
    """From all pages of all searches."""
    return [
        Report(document["sort"][0] / 1000, document["_source"])
        for answer in answers
        for bucket in _buckets(answer)
        for document in bucket["reports"]["hits"]["hits"]
    ]


def compile_events(query: EventsQuery) -> Body:
    """The body of a search over the indices of the dataset, for its first page."""
    return {
        "size": min(query.limit, PAGE),
        "track_total_hits": False,
        "query": _filter(query.dataset, query.since, query.until, query.conditions),
        "sort": _NEWEST_FIRST,
        "_source": ["time", *query.columns],
    }


def event_rows(query: EventsQuery, answers: Iterable[Answer]) -> list[dict[str, Any]]:
    """Events of all pages as ``time`` (RFC 3339) and the columns asked for."""
    names = ["time", *query.columns]
    hits = (document for answer in answers for document in answer["hits"].get("hits", ()))
    return [{name: document["_source"].get(name) for name in names} for document in islice(hits, query.limit)]


def next_page(body: Body, answer: Answer) -> Body | None:
    """The body that asks for what follows `answer`; null if that was all."""
    if body.get("sort") in (_IN_ORDER, _NEWEST_FIRST):
        hits = answer["hits"].get("hits", ())
        return body | {"search_after": hits[-1]["sort"]} if len(hits) == body["size"] else None
    groups = answer.get("aggregations", {}).get("groups", {})
    composite = body.get("aggs", {}).get("groups", {}).get("composite", {})
    if len(groups.get("buckets", ())) < composite.get("size", 1):
        return None
    following = composite | {"after": groups["after_key"]}
    return body | {"aggs": {"groups": body["aggs"]["groups"] | {"composite": following}}}


class _Compiler:
    def __init__(self, query: Query) -> None:
        self.query = query
        self.parts = parts(query.kpi.value)
        self.kinds = kinds(query.kpi.dataset)
        if any(part.kind == "increase" for part in self.parts):
            self._refuse("does not mix increases with others")
        if len({(bool(part.series), part.kind == "empty_hours") for part in self.parts}) > 1:
            self._refuse("does not mix values of series or hours with others")

    def _refuse(self, reason: str) -> NoReturn:
        raise UnsupportedError(
            f"{self.query.kpi.name}: Elasticsearch {reason}; a store of type duckdb can answer"
        )

    def body(self) -> Body:
        """The whole body."""
        query = self.query
        aggs = {f"part{index}": self._part(part) for index, part in enumerate(self.parts)}
        if sources := self._sources():
            aggs = {"groups": {"composite": {"size": self._page(), "sources": sources}, "aggs": aggs}}
        return {
            "size": 0,
            "track_total_hits": False,
            "query": _filter(query.kpi.dataset, query.since, query.until, query.conditions),
            "aggs": aggs,
        }

    def _sources(self) -> list[Body]:
        """What makes a bucket: bin, dimensions, and the series or hours that are counted."""
        query = self.query
        times = {"time": query.bin_s} if query.bin_s else {}
        if any(part.kind == "empty_hours" for part in self.parts):
            times["hour"] = HOUR
        names = dict.fromkeys([*query.by, *(name for part in self.parts for name in part.series)])
        return [*_by_time(times), *_by_terms(self.kinds, names)]

    def _page(self) -> int:
        """So many buckets that their sketches take some 10 MB: each of distinct values up to 256 kB, OpenSearch's
        t-digests as much; distinct values of a series 10 kB, a last word less."""
        if any(part.kind in ("distinct", "percentile") for part in self.parts):
            return PAGE // 300
        return PAGE // 10 if any(part.series for part in self.parts) else PAGE

    def _part(self, part: Part) -> Body:
        """A filter with the part's events, of which it takes the count, a metric or the ends in time."""
        conditions = [*part.where, *([Condition(part.field, "known")] if part.field else [])]
        filters = [_condition(self.kinds, condition) for condition in dict.fromkeys(conditions)]
        aggregation: Body = {"filter": {"bool": {"filter": filters}} if filters else {"match_all": {}}}
        if metrics := self._metrics(part):
            aggregation["aggs"] = metrics
        return aggregation

    def _metrics(self, part: Part) -> Body:
        match part.kind:
            case "count" | "empty_hours":
                return {}
            case "silence":
                return {"value": {"max": {"field": "@timestamp"}}}
            case "largest":
                return {name: {name: {"field": part.field}} for name in ("min", "max")}
            case "distinct" | "changes":
                sketch: Body = {"field": _exact(self.kinds, str(part.field))}
                sketch["precision_threshold"] = PRECISE if part.kind == "distinct" else PRECISE_OF_SERIES
                return {"value": {"cardinality": sketch}}
            case "percentile":
                percents = [round((part.quantile or 0.0) * 100, 9)]
                digest = {"compression": COMPRESSION}
                sketch = {"field": part.field, "percents": percents, "keyed": False, "tdigest": digest}
                return {"value": {"percentiles": sketch}}
            case _:
                function = "avg" if part.kind in ("mean", "share") else part.kind
                return {"value": {function: {"field": part.field}}}


def _by_time(times: Mapping[str, int]) -> list[Body]:
    return [
        {name: {"date_histogram": {"field": "@timestamp", "fixed_interval": f"{seconds}s"}}}
        for name, seconds in times.items()
    ]


def _by_terms(kinds: Mapping[str, Kind], names: Iterable[str]) -> list[Body]:
    return [{name: {"terms": {"field": _exact(kinds, name), "missing_bucket": True}}} for name in names]


def _filter(dataset: str, since: datetime, until: datetime, conditions: Iterable[Condition]) -> Body:
    """The range and all of `conditions`."""
    begin, end = (moment.astimezone(UTC).isoformat() for moment in (since, until))
    time_range = {"range": {"@timestamp": {"gte": begin, "lt": end}}}
    kinds_by_field = kinds(dataset)
    return {
        "bool": {"filter": [time_range, *(_condition(kinds_by_field, condition) for condition in conditions)]}
    }


def _condition(kinds: Mapping[str, Kind], condition: Condition) -> Body:
    field, value = condition.field, condition.value
    if condition.operator == "known":
        return {"exists": {"field": field}}
    if condition.operator == "unknown":
        return {"bool": {"must_not": {"exists": {"field": field}}}}
    if condition.operator == "any":
        ways = [{"bool": {"filter": [_condition(kinds, one) for one in way]}} for way in ways_of(condition)]
        return {"bool": {"should": ways}}
    if isinstance(value, tuple):
        terms = {"terms": {_exact(kinds, field): [one for one in value if one != UNKNOWN]}}
        if UNKNOWN not in value:
            return terms
        return {"bool": {"should": [terms, _condition(kinds, Condition(field, "unknown"))]}}
    term: Body = {"term": {_exact(kinds, field): value}}
    return {"bool": {"must_not": term}} if condition.operator == "not" else term


def _exact(kinds: Mapping[str, Kind], field: str) -> str:
    """The field as it was said, rather than its words."""
    return f"{field}.keyword" if kinds[field] == "text" else field


def _nothing(query: Query, part: Part, key: Mapping[str, Any]) -> int | None:
    """A part over no events."""
    if part.kind == "empty_hours":
        return query.hours(_bin(query, key))
    return 0 if part.kind in ("count", "distinct") else None


def _buckets(answer: Answer) -> list[Mapping[str, Any]]:
    """The groups of a page; one without a key for the range as a whole; none without an index."""
    aggregations = answer.get("aggregations")
    if aggregations is None:  # no index matched
        return []
    groups = aggregations.get("groups")
    buckets: list[Mapping[str, Any]] = [aggregations] if groups is None else groups["buckets"]
    return buckets


def _group(query: Query, key: Mapping[str, Any]) -> tuple[Any, ...]:
    """Bin and dimensions of a bucket."""
    kinds_by_field = kinds(query.dataset)
    dimensions = [
        key[name] in (True, 1, "true")
        if kinds_by_field[name] == "boolean" and key[name] is not None
        else key[name]
        for name in query.by
    ]
    return (*([_bin(query, key)] if query.bin_s else []), *dimensions)


def _bin(query: Query, key: Mapping[str, Any]) -> datetime | None:
    return _moment(key["time"]) if query.bin_s else None


def _moment(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _read(query: Query, part: Part, key: Mapping[str, Any], answer: Answer) -> float | int | None:
    """A part's value from its filter's answer in the bucket of that key."""
    if part.kind == "count":
        return int(answer["doc_count"])
    if not answer["doc_count"]:
        return None
    match part.kind:
        case "percentile":
            return float(answer["value"]["values"][0]["value"])
        case "silence":
            return (query.end(_bin(query, key)) - _moment(answer["value"]["value"])).total_seconds()
        case "empty_hours":
            first, last = query.whole_hours
            return -1 if first <= _moment(key["hour"]) < last else 0
        case "distinct" | "changes":
            return int(answer["value"]["value"]) - (part.kind == "changes")
    value: float = (
        max(abs(answer[end]["value"]) for end in ("min", "max"))
        if part.kind == "largest"
        else answer["value"]["value"]
    )
    is_integer = part.kind not in ("mean", "share") and kinds(query.kpi.dataset)[str(part.field)] == "integer"
    return int(value) if is_integer else value
