"""The compilers' output, refusals and small print, without a server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lakescope.app.query import ask, store_of
from lakescope.kpis import CATALOGUE, Query, UnsupportedError, elasticsearch, influxql
from lakescope.kpis.model import Condition, EventsQuery, Part
from lakescope.sinks.influxdb import TAGS
from tests.kpis._golden import GOLDEN, texts

SPAN: dict[str, Any] = {"since": datetime(2026, 1, 5, tzinfo=UTC), "until": datetime(2026, 1, 6, tzinfo=UTC)}


def test_golden_files_are_what_the_compilers_make() -> None:
    made = dict(texts())
    assert {path for path in GOLDEN.glob("*/*") if path.is_file()} == made.keys()
    for path, text in made.items():
        assert path.read_text() == text, "if that is meant: python -m tests.kpis._golden"


def compile_influxql(name: str, **rest: Any) -> str:
    query = Query(kpi=CATALOGUE[name], **SPAN, **rest)
    return influxql.compile_query(query, TAGS[query.kpi.dataset]).text


def test_influxql_quotes_values() -> None:
    text = compile_influxql("transfers_done", filters={"activity": "it's \\ 1' OR '1'='1"})
    assert r""""activity" = 'it\'s \\ 1\' OR \'1\'=\'1'""" in text


def test_influxql_filters_by_a_text_that_is_no_tag() -> None:
    assert """"error_class" = 'abc'""" in compile_influxql("transfers_failed", filters={"error_class": "abc"})


def test_influxql_refuses_with_the_reason_and_a_store_that_can() -> None:
    with pytest.raises(
        UnsupportedError, match="error_class is none; a store of type duckdb or elasticsearch"
    ):
        compile_influxql("transfers_failed", by=("error_class",))


def test_influxql_refuses_what_it_would_answer_wrongly() -> None:
    efficiency = CATALOGUE["transfers_done"]
    kpis: dict[str, Part] = {
        "and vo is a tag": Part(kind="distinct", field="vo"),
        "below the median": Part(kind="percentile", field="queue_s", quantile=0.05),
        "and name is none": Part(kind="last", field="bytes", series=("name",)),
    }
    for reason, part in kpis.items():
        values = {name: getattr(efficiency, name) for name in efficiency.__struct_fields__} | {"value": part}
        with pytest.raises(UnsupportedError, match=reason):
            influxql.compile_query(Query(kpi=type(efficiency)(**values), **SPAN), TAGS["transfers"])


def test_events_have_fields_of_their_dataset_only() -> None:
    for given in ({"columns": ("nme",)}, {"columns": (), "conditions": (Condition('"; drop', "known"),)}):
        with pytest.raises(ValueError, match=r"probes has no field .*; there are .*probe, status"):
            EventsQuery(dataset="probes", **SPAN, **given)


@pytest.mark.parametrize(
    ("columns", "condition", "reason"),
    [
        (("host", "labels"), Condition("host", "known"), "keeps labels as tags and fields of their own"),
        (("host",), Condition("value", "in", ("1", "2")), "filters by tags and texts only, and value is"),
        (
            ("host",),
            Condition("value", "unknown"),
            "cannot look for a field that is missing, and value is no tag",
        ),
    ],
)
def test_influxql_refuses_events_it_cannot_tell(
    columns: tuple[str, ...], condition: Condition, reason: str
) -> None:
    asked = EventsQuery(dataset="hosts", columns=columns, conditions=(condition,), **SPAN)
    with pytest.raises(UnsupportedError, match=f"events of hosts: InfluxDB {reason}"):
        influxql.compile_events(asked, TAGS["hosts"])


def test_influxql_asks_for_a_field_among_tags() -> None:
    """A statement of tags alone has an empty answer."""
    asked = EventsQuery(
        dataset="probes", columns=("probe",), conditions=(Condition("ok", "=", False),), limit=3, **SPAN
    )
    text = influxql.compile_events(asked, TAGS["probes"])
    assert text.startswith('SELECT "id", "probe" FROM "probes" WHERE time >= ')
    assert text.endswith(' AND "ok" = 0 ORDER BY time DESC LIMIT 3')


def test_influxql_takes_no_error_for_an_answer() -> None:
    with pytest.raises(ValueError, match="InfluxDB: timeout"):
        influxql.rows(Query(kpi=CATALOGUE["transfers_done"], **SPAN), [{"error": "timeout"}])


def test_elasticsearch_reads_all_pages() -> None:
    query = Query(kpi=CATALOGUE["transfers_done"], **SPAN, by=("vo",))
    asked = []

    def search(body: dict[str, Any]) -> dict[str, Any]:
        composite = body["aggs"]["groups"]["composite"]
        asked.append(composite.get("after"))
        size = composite["size"] if len(asked) < 3 else 7
        start = (len(asked) - 1) * composite["size"]
        keys = [{"vo": f"{number:06}"} for number in range(start, start + size)]
        buckets = [{"key": key, "part0": {"doc_count": 2}} for key in keys]
        return {"aggregations": {"groups": {"buckets": buckets, "after_key": keys[-1]}}}

    body: dict[str, Any] | None = elasticsearch.compile_query(query)
    answers = []
    while body:
        answers.append(search(body))
        body = elasticsearch.next_page(body, answers[-1])
    rows = elasticsearch.rows(query, answers)
    assert asked == [None, {"vo": "009999"}, {"vo": "019999"}]
    assert (len(rows), rows[-1]) == (20007, {"vo": "020006", "value": 2})


def test_elasticsearch_booleans_are_booleans() -> None:
    kpi = CATALOGUE["transfers_done"]
    values = {name: getattr(kpi, name) for name in kpi.__struct_fields__}
    query = Query(
        kpi=type(kpi)(**values | {"dimensions": ("functional_test",)}), **SPAN, by=("functional_test",)
    )
    buckets = [{"key": {"functional_test": key}, "part0": {"doc_count": 1}} for key in (None, False, 1)]
    rows = elasticsearch.rows(query, [{"aggregations": {"groups": {"buckets": buckets}}}])
    assert [row["functional_test"] for row in rows] == [False, True, None]


def test_elasticsearch_without_an_index_has_nothing() -> None:
    for name, whole in (("transfers_done", 0), ("transfers_empty_hours", 24), ("transfer_efficiency", None)):
        kpi = CATALOGUE[name]
        assert elasticsearch.rows(Query(kpi=kpi, **SPAN), [{"hits": {}}]) == [{"value": whole}]
        assert elasticsearch.rows(Query(kpi=kpi, **SPAN, by=("vo",)), [{"hits": {}}]) == []
    events = EventsQuery(dataset="probes", columns=("probe",), **SPAN)
    assert elasticsearch.event_rows(events, [{"hits": {}}]) == []


def test_the_first_store_that_can_is_asked() -> None:
    types = {"lines": "jsonl", "grafana": "influxdb", "embedded": "duckdb"}
    assert store_of(types, None) == "grafana"
    assert store_of(types, "embedded") == "embedded"
    with pytest.raises(ValueError, match="add a sink of type duckdb or elasticsearch or influxdb"):
        store_of({"lines": "jsonl"}, None)
    query = Query(kpi=CATALOGUE["transfers_done"], **SPAN)
    with pytest.raises(UnsupportedError, match="object cannot answer KPIs; a store of type duckdb or"):
        ask(query, object())  # type: ignore[arg-type]
