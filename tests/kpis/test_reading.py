"""What the stores answer, in the form in which they do, becomes values, events and reports: without a server.

That the servers answer so, and that the values are right, is tests/kpis/test_agreement.py's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from lakescope.kpis import CATALOGUE, Kpi, Query, elasticsearch, influxql
from lakescope.kpis.model import (
    UNKNOWN,
    Condition,
    EventsQuery,
    Part,
    PerSecond,
    Ratio,
    Remainder,
    Report,
    ReportsQuery,
    UnsupportedError,
    Value,
)
from lakescope.sinks.influxdb import TAGS

BEGIN = datetime(2026, 1, 5, 10, 30, tzinfo=UTC)
SPAN: dict[str, Any] = {"since": BEGIN, "until": BEGIN + timedelta(hours=3)}
HOURS = [datetime(2026, 1, 5, hour, tzinfo=UTC) for hour in range(10, 14)]
COUNT = Part(kind="count")


def kpi(value: Value, dataset: str = "transfers", *dimensions: str) -> Kpi:
    """Of that value alone."""
    like = CATALOGUE["transfers_done"]
    return structs.replace(
        like, value=value, dataset=dataset, dimensions=dimensions or ("vo",), where=(), noise=None
    )


def query(value: Value, dataset: str = "transfers", by: tuple[str, ...] = (), **rest: Any) -> Query:
    return Query(kpi=kpi(value, dataset, *by), by=by, **SPAN, **rest)


def posix(moment: datetime) -> int:
    return int(moment.timestamp())


# --- Elasticsearch: aggregations ---------------------------------------------------------------------------


def part(doc_count: int, value: Any = None, **rest: Any) -> dict[str, Any]:
    """A filter aggregation with a metric in it."""
    return {"doc_count": doc_count, "value": value, **rest}


def answer(*buckets: dict[str, Any]) -> dict[str, Any]:
    return {"aggregations": {"groups": {"buckets": list(buckets)}}}


@pytest.mark.parametrize(
    ("value", "found", "expected"),
    [
        (COUNT, part(3), 3),
        (COUNT, part(0), 0),
        (Part(kind="sum", field="bytes"), part(2, {"value": 5.0}), 5),
        (Part(kind="sum", field="bytes"), part(0, {"value": 0.0}), None),
        (Part(kind="mean", field="bytes"), part(2, {"value": 2.5}), 2.5),
        (Part(kind="share", field="ok"), part(2, {"value": 0.5}), 0.5),
        (Part(kind="max", field="queue_s"), part(2, {"value": 2.5}), 2.5),
        (Part(kind="largest", field="bytes"), part(2, min={"value": -7.0}, max={"value": 3.0}), 7),
        (Part(kind="distinct", field="name"), part(9, {"value": 4}), 4),
        (Part(kind="distinct", field="name"), part(0, {"value": 0}), 0),
        (Part(kind="changes", field="name", series=()), part(9, {"value": 4}), 3),
        (
            Part(kind="percentile", field="queue_s", quantile=0.95),
            part(9, {"values": [{"key": 95.0, "value": 12.5}]}),
            12.5,
        ),
        (Part(kind="silence"), part(9, {"value": (posix(SPAN["until"]) - 90.5) * 1000}), 90.5),
        (Ratio(over=COUNT, under=Part(kind="sum", field="bytes")), (part(3), part(2, {"value": 4.0})), 0.75),
        (Remainder(of=Ratio(over=COUNT, under=COUNT)), (part(3), part(4)), 0.25),
        (PerSecond(of=COUNT), part(3), 3 / (3 * 3600)),
    ],
)
def test_an_aggregation_is_a_value(value: Value, found: Any, expected: Any) -> None:
    parts = found if isinstance(found, tuple) else (found,)
    document = {"aggregations": {f"part{index}": one for index, one in enumerate(parts)}}
    (row,) = elasticsearch.rows(query(value), [document])
    assert row == {"value": expected}
    assert type(row["value"]) is type(expected)


def test_buckets_are_groups_and_bins() -> None:
    keys = [(HOURS[1], "b"), (HOURS[0], None), (HOURS[0], "a")]
    buckets = [
        {"key": {"time": posix(hour) * 1000, "vo": vo}, "part0": part(number)}
        for number, (hour, vo) in enumerate(keys)
    ]
    found = elasticsearch.rows(
        query(COUNT, by=("vo",), bin_s=3600), [answer(*buckets[:1]), answer(*buckets[1:])]
    )
    assert found == [
        {"time": "2026-01-05T10:00:00Z", "vo": "a", "value": 2},
        {"time": "2026-01-05T10:00:00Z", "vo": None, "value": 1},
        {"time": "2026-01-05T11:00:00Z", "vo": "b", "value": 0},
    ]


def test_a_silence_in_a_bin_lasts_until_its_end() -> None:
    bucket = {
        "key": {"time": posix(HOURS[1]) * 1000},
        "part0": part(1, {"value": (posix(HOURS[2]) - 60) * 1000}),
    }
    (row,) = elasticsearch.rows(query(Part(kind="silence"), bin_s=3600), [answer(bucket)])
    assert row["value"] == 60.0


def test_the_series_of_a_group_are_added_up() -> None:
    """A bucket a series; one that has nothing adds nothing."""
    changes = Part(kind="changes", field="route_id", series=("src_host",))
    found = [(3, 4), (0, 0), (9, 2)]
    buckets = [
        {"key": {"vo": "a", "src_host": f"h{number}"}, "part0": part(count, {"value": value})}
        for number, (count, value) in enumerate(found)
    ]
    buckets.append({"key": {"vo": "b", "src_host": "h"}, "part0": part(0, {"value": 0})})
    assert elasticsearch.rows(query(changes, "network", by=("vo",)), [answer(*buckets)]) == [
        {"vo": "a", "value": 4},
        {"vo": "b", "value": None},
    ]


@pytest.mark.parametrize("bin_s", [None, 7200])
def test_hours_with_an_event_are_not_empty(bin_s: int | None) -> None:
    """11 and 12 are whole; what happened in half an hour at an end says nothing."""
    empty = query(Part(kind="empty_hours"), bin_s=bin_s)
    buckets = [
        {
            "key": {"hour": posix(hour) * 1000, "time": posix(hour) // 7200 * 7_200_000},
            "part0": part(count),
        }
        for hour, count in ((HOURS[0], 5), (HOURS[1], 1), (HOURS[2], 0), (HOURS[3], 5))
    ]
    found = elasticsearch.rows(empty, [answer(*buckets)])
    assert [row["value"] for row in found] == ([1] if bin_s is None else [0, 1])


def test_elasticsearch_gives_events_and_reports() -> None:
    events = EventsQuery(dataset="probes", columns=("probe", "message"), limit=7, **SPAN)
    hit = {"_id": "x", "_source": {"time": "2026-01-05T10:00:00Z", "probe": "p", "site": "s"}}
    (event,) = elasticsearch.event_rows(events, [{"hits": {"hits": [hit]}}])
    assert event == {"time": "2026-01-05T10:00:00Z", "probe": "p", "message": None}

    hits = [{"sort": [1500 * number, 3], "_source": {"used": number}} for number in (1, 2)]
    bucket = {"key": {"rse": "R"}, "reports": {"hits": {"hits": hits}}}
    assert elasticsearch.reports([answer(bucket), answer()]) == [
        Report(1.5, {"used": 1}),
        Report(3.0, {"used": 2}),
    ]


def test_elasticsearch_is_asked_for_the_newest_events() -> None:
    events = EventsQuery(
        dataset="probes",
        columns=("probe",),
        conditions=(Condition("ok", "=", False), Condition("message", "in", ("a b",))),
        limit=7,
        **SPAN,
    )
    assert elasticsearch.compile_events(events) == {
        "size": 7,
        "track_total_hits": False,
        "query": {
            "bool": {
                "filter": [
                    {
                        "range": {
                            "@timestamp": {
                                "gte": "2026-01-05T10:30:00+00:00",
                                "lt": "2026-01-05T13:30:00+00:00",
                            }
                        }
                    },
                    {"term": {"ok": False}},
                    {"terms": {"message.keyword": ["a b"]}},
                ]
            }
        },
        "sort": [{"@timestamp": "desc"}, {"id": "asc"}],
        "_source": ["time", "probe"],
    }


def test_elasticsearch_filters_by_what_is_unknown() -> None:
    events = EventsQuery(
        dataset="probes", columns=(), conditions=(Condition("site", "in", ("a", UNKNOWN)),), **SPAN
    )
    _, chosen = elasticsearch.compile_events(events)["query"]["bool"]["filter"]
    unknown = {"bool": {"must_not": {"exists": {"field": "site"}}}}
    assert chosen == {"bool": {"should": [{"terms": {"site": ["a"]}}, unknown]}}


def test_elasticsearch_of_the_largest() -> None:
    """Of either sign: the ends say it."""
    parts = elasticsearch.compile_query(query(Part(kind="largest", field="bytes")))["aggs"]["part0"]["aggs"]
    assert parts == {"min": {"min": {"field": "bytes"}}, "max": {"max": {"field": "bytes"}}}


def test_elasticsearch_does_not_mix_series_with_others() -> None:
    mixed = Ratio(over=COUNT, under=Part(kind="changes", field="name", series=("vo",)))
    with pytest.raises(
        UnsupportedError, match=": Elasticsearch does not mix values of series or hours with others;"
    ):
        elasticsearch.compile_query(query(mixed))


# --- InfluxDB: results of statements -----------------------------------------------------------------------


def result(*rows: tuple[int, Any], **tags: str) -> dict[str, Any]:
    """Of one series."""
    series = {"name": "transfers", "columns": ["time", "value"], "values": [list(row) for row in rows]}
    return {"statement_id": 0, "series": [series | ({"tags": tags} if tags else {})]}


NOTHING: dict[str, Any] = {"statement_id": 0}


@pytest.mark.parametrize(
    ("value", "results", "expected"),
    [
        (COUNT, [result((0, 3))], 3),
        (COUNT, [NOTHING], 0),
        (Part(kind="sum", field="bytes"), [result((0, 5))], 5),
        (Part(kind="sum", field="bytes"), [NOTHING], None),
        (Part(kind="sum", field="queue_s"), [result((0, 5))], 5.0),
        (Part(kind="mean", field="bytes"), [result((0, 2))], 2.0),
        (Part(kind="share", field="ok"), [result((0, 1))], 1.0),
        (Part(kind="percentile", field="bytes", quantile=0.5), [result((0, 2))], 2.0),
        (Part(kind="distinct", field="name"), [NOTHING], 0),
        (Part(kind="distinct", field="name"), [result((0, 4))], 4),
        (Part(kind="changes", field="name", series=("vo",)), [result((0, 3.0))], 3),
        (Part(kind="silence"), [result((posix(SPAN["until"]) - 90, "an id"))], 90.0),
        (Part(kind="empty_hours"), [result((posix(HOURS[0]), 1))], 1),
        (Part(kind="empty_hours"), [NOTHING], 2),
        (Ratio(over=COUNT, under=COUNT), [result((0, 3)), result((0, 4))], 0.75),
        (Ratio(over=COUNT, under=COUNT), [NOTHING, NOTHING], None),
    ],
)
def test_a_result_is_a_value(value: Value, results: list[Any], expected: Any) -> None:
    (row,) = influxql.rows(query(value), results)
    assert row == {"value": expected}
    assert type(row["value"]) is type(expected)


def test_results_are_groups_and_bins() -> None:
    """The first statement tells the groups: one without a value has none of its own. A row of null is none."""
    groups = {"series": [*result((posix(HOURS[0]), 2), (posix(HOURS[1]), 1), vo="a")["series"]]}
    groups["series"] += result((posix(HOURS[0]), 1), (posix(HOURS[1]), None), vo="")["series"]
    found = influxql.rows(
        query(Part(kind="max", field="bytes"), by=("vo",), bin_s=3600),
        [groups, result((posix(HOURS[0]), 7), vo="a")],
    )
    assert found == [
        {"time": "2026-01-05T10:00:00Z", "vo": "a", "value": 7},
        {"time": "2026-01-05T10:00:00Z", "vo": None, "value": None},
        {"time": "2026-01-05T11:00:00Z", "vo": "a", "value": None},
    ]


def test_empty_hours_of_a_bin() -> None:
    begin = posix(HOURS[0])
    found = influxql.rows(
        query(Part(kind="empty_hours"), bin_s=7200),
        [result((begin, 9), (begin + 7200, 9)), result((begin, 1))],
    )
    assert [row["value"] for row in found] == [0, 1]


def test_a_statement_that_failed_or_is_missing_is_no_answer() -> None:
    with pytest.raises(ValueError, match=r"^InfluxDB: timeout$"):
        influxql.rows(query(COUNT), [{"error": "timeout"}])
    with pytest.raises(ValueError, match="zip"):
        influxql.rows(query(COUNT), [])


def test_a_rate_is_of_the_seconds_of_its_bin() -> None:
    """The first one is half an hour long."""
    begin, end = result((posix(HOURS[0]), 9)), result((posix(HOURS[0]), 9))
    assert influxql.rows(query(PerSecond(of=COUNT), bin_s=3600), [begin, end])[0]["value"] == 9 / 1800


def test_groups_of_a_boolean_tag() -> None:
    found = influxql.rows(query(COUNT, by=("multihop",)), [result((0, 1), multihop="true")] * 2)
    assert found == [{"multihop": True, "value": 1}]


PROBE = EventsQuery(
    dataset="probes",
    columns=("probe", "ok", "message", "time"),
    conditions=(Condition("probe", "known"),),
    **SPAN,
)


def test_influxdb_gives_events() -> None:
    """Tags are texts, a missing one is empty."""
    series = {
        "columns": ["time", "id", "probe", "ok", "message"],
        "values": [[posix(BEGIN), "x", "p", 1, ""], [posix(BEGIN), "y", "", 0, "m"]],
    }
    assert influxql.event_rows(PROBE, {"series": [series]}) == [
        {"time": "2026-01-05T10:30:00Z", "probe": "p", "ok": True, "message": None},
        {"time": "2026-01-05T10:30:00Z", "probe": None, "ok": False, "message": "m"},
    ]
    assert influxql.event_rows(PROBE, {}) == []


def test_influxdb_gives_reports_of_their_types() -> None:
    asked = ReportsQuery(
        dataset="polls",
        look_back=BEGIN - timedelta(days=7),
        bin_s=None,
        field="count",
        series=("collector",),
        columns=("interval_s", "complete", "collector"),
        **SPAN,
    )
    series = {
        "columns": ["time", "count", "collector", "interval_s", "complete"],
        "values": [[posix(BEGIN), 5.0, "", 60, "true"], [posix(BEGIN) + 1, None, "c", None, False]],
    }
    first, second = influxql.reports(asked, {"series": [series]})
    values = {"count": 5, "collector": None, "interval_s": 60.0, "complete": True}
    assert first == Report(posix(BEGIN), values)
    assert [type(first.time), *map(type, first.values.values())] == [float, int, type(None), float, bool]
    values = {"count": None, "collector": "c", "interval_s": None, "complete": False}
    assert second == Report(posix(BEGIN) + 1, values)
    with pytest.raises(ValueError, match="cut"):
        influxql.reports(asked, {"error": "cut"})
    assert influxql.compile_reports(asked, TAGS["polls"]) == (
        'SELECT "count", "collector", "interval_s", "complete" FROM "polls"'
        " WHERE time >= '2025-12-29T10:30:00Z' AND time < '2026-01-05T13:30:00Z'"
    )
    with pytest.raises(UnsupportedError, match=r"^reports of hosts: InfluxDB keeps labels as"):
        influxql.compile_reports(
            structs.replace(asked, dataset="hosts", field="value", columns=("labels",)), TAGS["hosts"]
        )


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Condition("vo", "known"), "\"vo\" != ''"),
        (Condition("vo", "unknown"), "\"vo\" = ''"),
        (Condition("bytes", "known"), '("bytes" >= 0 OR "bytes" < 0)'),
        (Condition("ok", "known"), '("ok" >= 0 OR "ok" < 0)'),
        (Condition("queue_s", "known"), '("queue_s" >= 0 OR "queue_s" < 0)'),
        (Condition("name", "known"), '"name" =~ /.*/'),
        (Condition("ok", "=", True), '"ok" = 1'),
        (Condition("multihop", "=", False), "\"multihop\" = 'false'"),
        (Condition("multihop", "not", True), "\"multihop\" != 'true'"),
        (Condition("vo", "not", "a\rb"), r""""vo" != 'a\\rb'"""),
        (Condition("name", "=", "a\nb"), r""""name" = 'a\nb'"""),
        (Condition("vo", "=", "\\"), "\"vo\" = '_'"),
        (Condition("vo", "=", "aX\\"), "\"vo\" = 'aX'"),
        (Condition("vo", "not", "x"), "\"vo\" != 'x'"),
        (Condition("vo", "in", ("a", UNKNOWN)), "(\"vo\" = 'a' OR \"vo\" = '')"),
        (Condition("vo", "in", ("a",)), "\"vo\" = 'a'"),
        (Condition("name", "=", "a\r/b\n"), r'"name" =~ /^a\r\/b\n$/'),
        (Condition("vo", "=", "a\rb\\"), r""""vo" = 'a\\rb'"""),
    ],
)
def test_influxql_of_a_condition(condition: Condition, text: str) -> None:
    asked = EventsQuery(dataset="transfers", columns=("name",), conditions=(condition,), **SPAN)
    assert f" AND {text} ORDER BY" in influxql.compile_events(asked, TAGS["transfers"])


def test_influxql_of_a_field_that_is_a_boolean() -> None:
    """Not a tag, and not `ok`: it is stored as it is."""
    asked = EventsQuery(
        dataset="polls", columns=("scope",), conditions=(Condition("complete", "known"),), **SPAN
    )
    text = influxql.compile_events(asked, ())
    assert ' AND ("complete" = true OR "complete" = false) ORDER BY' in text
    no = structs.replace(asked, conditions=(Condition("complete", "not", True),))
    with pytest.raises(UnsupportedError, match="for a field that is missing, and complete is no tag"):
        influxql.compile_events(no, ())


@pytest.mark.parametrize(
    ("dataset", "condition"),
    [
        ("transfers", Condition("bytes", "=", "5")),
        ("transfers", Condition("queue_s", "=", "5")),
        ("polls", Condition("complete", "=", "true")),
    ],
)
def test_influxql_refuses_texts_in_place_of_numbers(dataset: str, condition: Condition) -> None:
    asked = EventsQuery(dataset=dataset, columns=("id",), conditions=(condition,), **SPAN)
    with pytest.raises(UnsupportedError, match=f"tags and texts only, and {condition.field} is neither"):
        influxql.compile_events(asked, ())


@pytest.mark.parametrize(("dataset", "column"), [("push", "data"), ("push", "idb_tags"), ("hosts", "labels")])
def test_influxql_refuses_columns_of_parts(dataset: str, column: str) -> None:
    with pytest.raises(UnsupportedError, match=f"keeps {column} as tags and fields of their own"):
        influxql.compile_events(EventsQuery(dataset=dataset, columns=(column,), **SPAN), ())


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (Part(kind="percentile", field="queue_s", quantile=0.5), 'median("queue_s")'),
        (Part(kind="percentile", field="queue_s", quantile=0.999), 'percentile("queue_s", 99.9)'),
        (Part(kind="percentile", field="queue_s", quantile=0.57), 'percentile("queue_s", 57)'),
    ],
)
def test_influxql_of_a_percentile(part: Part, text: str) -> None:
    (statement,) = influxql.compile_query(query(part), TAGS["transfers"]).parts
    assert statement.startswith(f'SELECT {text} AS "value" FROM "transfers"')


def test_influxql_refuses_low_percentiles() -> None:
    for quantile in (None, 0.49):
        low = Part(kind="percentile", field="queue_s", quantile=quantile)
        with pytest.raises(
            UnsupportedError, match=": InfluxDB has no percentile below the median in a small group;"
        ):
            influxql.compile_query(query(low), TAGS["transfers"])


def test_influxql_of_the_largest() -> None:
    """Of either sign, within each series, then of all."""
    largest = Part(kind="largest", field="bytes", where=(Condition("ok", "=", True),))
    assert influxql.compile_query(query(largest), TAGS["transfers"]).parts == (
        'SELECT max("value") AS "value" FROM (SELECT abs("bytes") AS "value" FROM "transfers" WHERE'
        " time >= '2026-01-05T10:30:00Z' AND time < '2026-01-05T13:30:00Z' AND \"ok\" = 1 GROUP BY *)"
        " WHERE time >= '2026-01-05T10:30:00Z' AND time < '2026-01-05T13:30:00Z'",
    )


@pytest.mark.parametrize(
    ("part", "bin_s", "text"),
    [
        (
            Part(kind="last", field="used", series=("rse",), over="largest"),
            None,
            'SELECT max("value") AS "value" FROM (SELECT abs(last("used")) AS "value" FROM "storage" WHERE'
            " time >= '2026-01-05T10:30:00Z' AND time < '2026-01-05T13:30:00Z' GROUP BY \"rse\")"
            " WHERE time >= '2026-01-05T10:30:00Z' AND time < '2026-01-05T13:30:00Z'",
        ),
        (
            Part(kind="growth", field="used", series=("rse",)),
            3600,
            'SELECT sum("value") AS "value" FROM (SELECT last("used") - first("used") AS "value" FROM "storage"'
            " WHERE time >= '2026-01-05T10:30:00Z' AND time < '2026-01-05T13:30:00Z'"
            ' GROUP BY time(3600s), "rse" fill(none))'
            " WHERE time >= '2026-01-05T10:00:00Z' AND time < '2026-01-05T13:30:00Z'"
            " GROUP BY time(3600s) fill(none)",
        ),
        (
            Part(kind="last", field="used", series=("rse",), over="mean"),
            None,
            'SELECT mean("value") AS "value" FROM (SELECT last("used") AS "value" FROM "storage" WHERE'
            " time >= '2026-01-05T10:30:00Z' AND time < '2026-01-05T13:30:00Z' GROUP BY \"rse\")"
            " WHERE time >= '2026-01-05T10:30:00Z' AND time < '2026-01-05T13:30:00Z'",
        ),
    ],
)
def test_influxql_of_a_states_value_as_grafana_asks(part: Part, bin_s: int | None, text: str) -> None:
    statements = influxql.compile_query(query(part, "storage", bin_s=bin_s), TAGS["storage"])
    assert statements.parts == (text,)
