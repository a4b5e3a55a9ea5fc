"""A whole dashboard costs a store one request, or one pass over the events for all that is grouped alike."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lakescope.app.query import ask, ask_many
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.questions import Selection, questions_of
from lakescope.kpis import CATALOGUE, Query, UnsupportedError
from lakescope.kpis.duckdb import fuse
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink
from lakescope.sinks.influxdb import InfluxdbOptions, InfluxdbSink
from lakescope.sinks.jsonl import JsonlOptions, JsonlSink
from tests.contract._bodies import documents_of
from tests.contract._http import HttpServer, proxy_to
from tests.servers.elasticsearch import Elasticsearch
from tests.servers.influxdb import InfluxDB
from tests.sinks._events import transfer

SPAN: dict[str, Any] = {
    "since": datetime(2026, 1, 1, tzinfo=UTC),
    "until": datetime(2026, 1, 2, tzinfo=UTC),
}
EVENTS = [
    transfer(
        number, ok=number % 3 != 0, bytes=1000 + number, src_site=f"S{number % 4}", dst_site="D", name="n"
    )
    for number in range(40)
]


def whole(name: str) -> list[Any]:
    """All that a dashboard asks."""
    return list(questions_of(DASHBOARDS[name], Selection(**SPAN)))


def fill(sink: Any) -> None:
    """Stores the events."""
    chunks = [chunk for chunk in sink.encode(EVENTS, documents_of(EVENTS)) if chunk is not None]
    outcome = sink.write(chunks)
    assert not (outcome.retry or outcome.rejected)


@pytest.mark.server("elasticsearch")
@pytest.mark.parametrize("name", DASHBOARDS)
def test_elasticsearch_is_asked_once(name: str, elasticsearch: Elasticsearch, index_prefix: str) -> None:
    with HttpServer(proxy_to(elasticsearch.url)) as server:
        options = ElasticsearchOptions(urls=[server.url], prefix=index_prefix, replicas=0)
        sink = ElasticsearchSink("es", options, Path())
        list(sink.setup())
        fill(sink)
        sink.search("transfers", {"query": {"match_all": {}}})
        before = len(server.requests)
        answers = ask_many(whole(name), sink)
        closed, request = server.requests[before:]
        sink.close()
    assert "expand_wildcards=closed" in closed.target, "what a search would leave out in silence"
    assert request.target.startswith("/_msearch")
    assert all(isinstance(answer, (list, UnsupportedError)) for answer in answers)


@pytest.mark.server("influxdb")
def test_influxdb_is_asked_once(influxdb: InfluxDB, unique_name: str) -> None:
    with HttpServer(proxy_to(influxdb.url)) as server:
        sink = InfluxdbSink("influx", InfluxdbOptions(url=server.url, database=unique_name), Path())
        list(sink.setup())
        fill(sink)
        before = len(server.requests)
        answers = ask_many(whole("transfers"), sink)
        assert len(server.requests) == before + 1
        sink.query(f'DROP DATABASE "{unique_name}"')
        sink.close()
    assert answers[0] == [{"value": pytest.approx(26 / 40)}]


def test_duckdb_gives_the_same_in_one_pass_as_one_by_one(tmp_path: Path) -> None:
    sink = DuckdbSink("duck", DuckdbOptions(), tmp_path)
    fill(sink)
    for name in DASHBOARDS:
        asked = whole(name)
        assert ask_many(asked, sink) == [ask(question, sink) for question in asked]
    sink.close()


def test_what_is_grouped_alike_goes_together() -> None:
    def query(kpi: str, **rest: Any) -> Query:
        return Query(kpi=CATALOGUE[kpi], **SPAN, **rest)

    together = [query("transfer_efficiency"), query("transfer_volume"), query("transfers_done")]
    apart = [
        query("transfers_done", by=("vo",)),
        query("transfers_done", bin_s=3600),
        query("transfers_done", filters={"vo": "escape"}),
        query("fts_finished"),  # other events
        query("attempts_per_file"),  # a distinct count
        query("storage_used"),  # of series
    ]
    (fused,) = fuse([*together, *apart])
    assert list(fused.queries) == together
    assert fused.statement.sql.count(" from ") == 1
    assert fuse(apart) == []


def test_the_same_question_is_asked_once(tmp_path: Path) -> None:
    sink = DuckdbSink("duck", DuckdbOptions(), tmp_path)
    asked: list[object] = []
    answer = sink.answer
    sink.answer = lambda queries: asked.extend(queries) or answer(queries)  # type: ignore[method-assign,func-returns-value]
    question = Query(kpi=CATALOGUE["transfers_done"], **SPAN)
    assert ask_many([question] * 3, sink) == [[{"value": 0}]] * 3
    assert len(asked) == 1
    sink.close()


def test_what_one_store_cannot_answer_does_not_stop_the_others(tmp_path: Path) -> None:
    sink = DuckdbSink("duck", DuckdbOptions(datasets=["transfers"]), tmp_path)
    done, used = (Query(kpi=CATALOGUE[name], **SPAN) for name in ("transfers_done", "storage_used"))
    refused, answered = ask_many([used, done], sink)
    assert answered == [{"value": 0}]
    assert isinstance(refused, UnsupportedError)
    assert "storage, of which this store is given none" in str(refused)
    sink.close()
    with pytest.raises(UnsupportedError, match="JsonlSink cannot answer KPIs"):
        ask_many([done], JsonlSink("lines", JsonlOptions(directory=tmp_path), tmp_path))
