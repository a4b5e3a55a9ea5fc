"""Answers that are none, or not whole: whatever the status beside them says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lakescope.core.contracts import Outcome, RefusedError, TransientError
from lakescope.sinks._elastic import REMEDIES, cause
from lakescope.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink, judge
from lakescope.sinks.influxdb import InfluxdbOptions, InfluxdbSink
from tests.contract._http import Answer, HttpServer, Request
from tests.sinks._events import transfer

JSON = ("content-type", "application/json")
PRODUCT = ("x-elastic-product", "Elasticsearch")


def influx(body: str, status: int = 200, kind: str = "application/json") -> Any:
    """What the sink makes of one answer to a query."""

    def answer(_: Request) -> Answer:
        return Answer(status, body.encode(), (("content-type", kind),))

    with HttpServer(answer) as server:
        sink = InfluxdbSink("store", InfluxdbOptions(url=server.url, database="d"), Path())
        try:
            return sink.query("SELECT 1")
        finally:
            sink.close()


@pytest.mark.parametrize("body", ['{"error": "denied"}', '{"results": [{"stat', "[]", '{"results": {}}', ""])
def test_what_influxdb_did_not_answer(body: str) -> None:
    with pytest.raises(TransientError, match="no answer of InfluxDB, a proxy may be in between"):
        influx(body)


def test_a_web_page_is_nobodys_answer() -> None:
    with pytest.raises(TransientError, match="web page: a proxy or a login page is in between"):
        influx("<html>Login</html>", kind="text/html")


def chunk(values: list[int], *, name: str = "transfers", **marks: Any) -> str:
    series = {"name": name, "columns": ["time", "n"], "values": [[0, value] for value in values]}
    return json.dumps({"results": [{"statement_id": 0, "series": [series | marks]} | marks]}) + "\n"


def test_influxdbs_answers_in_chunks() -> None:
    """Of two statements: rows of one series are joined, the next statement's are not."""
    body = chunk([1, 2], partial=True) + chunk([3], partial=True) + chunk([4], name="deletions")
    body += chunk([5]) + json.dumps({"results": [{"statement_id": 2, "error": "denied"}]})
    first, second, third = influx(body)
    assert [(series["name"], [n for _, n in series["values"]]) for series in first["series"]] == [
        ("transfers", [1, 2, 3]),
        ("deletions", [4]),
    ]
    assert not first.get("partial")
    assert [n for _, n in second["series"][0]["values"]] == [5]
    assert third["error"] == "denied"


def test_influxdbs_cut_answers() -> None:
    with pytest.raises(TransientError, match="no answer of InfluxDB"):
        influx(chunk([1], partial=True))


@pytest.mark.parametrize(
    ("status", "text", "is_refused"),
    [
        (500, "partial write: points beyond retention policy dropped=1", True),
        (500, "partial write: field type conflict", True),
        (500, "failure writing points to database: partial write", False),  # a cluster lacked a node
        (500, "timeout", False),
        (503, "engine: cache-max-memory-size exceeded", False),
        (401, "unable to parse authentication credentials", False),
    ],
)
def test_a_refusal_for_good_by_its_words(status: int, text: str, is_refused: bool) -> None:
    """influxdata/influxdb services/httpd/handler.go, `serveWrite`."""

    def answer(_: Request) -> Answer:
        return Answer(status, json.dumps({"error": text}).encode(), (JSON,))

    with HttpServer(answer) as server:
        sink = InfluxdbSink("store", InfluxdbOptions(url=server.url, database="d"), Path())
        chunks = [chunk for chunk in sink.encode([transfer(1)], []) if chunk is not None]
        with pytest.raises(RefusedError if is_refused else TransientError):
            sink.write(chunks)
        sink.close()


def elastic(responses: list[dict[str, Any]]) -> None:
    """Asks as many questions as there are answers."""

    def answer(_: Request) -> Answer:
        return Answer(200, json.dumps({"responses": responses}).encode(), (JSON, PRODUCT))

    with HttpServer(answer) as server:
        sink = ElasticsearchSink("store", ElasticsearchOptions(urls=[server.url]), Path())
        try:
            sink.search_many([("transfers", {})] * len(responses))
        finally:
            sink.close()


WHOLE = {"timed_out": False, "_shards": {"total": 1, "failed": 0}, "hits": {"hits": []}, "status": 200}


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"timed_out": True}, "gave up before it had searched everything"),
        ({"terminated_early": True}, "gave up before it had searched everything"),
        (
            {
                "_shards": {
                    "total": 3,
                    "failed": 1,
                    "failures": [{"reason": {"type": "node_closed_exception", "reason": "gone"}}],
                }
            },
            "1 of 3 shards failed: node_closed_exception: gone",
        ),
        ({"hits": None}, "no answer to a search"),
    ],
)
def test_elasticsearchs_partial_answers(part: dict[str, Any], text: str) -> None:
    answer = {key: value for key, value in (WHOLE | part).items() if value is not None}
    elastic([WHOLE])
    with pytest.raises(TransientError, match=text):
        elastic([WHOLE, answer])


def test_the_innermost_cause_and_what_helps() -> None:
    """As Elasticsearch 9 writes it: the reason stands in the shards', not in the error's own text."""
    buckets = {"type": "too_many_buckets_exception", "reason": "Trying to create too many buckets"}
    error = {
        "type": "search_phase_execution_exception",
        "reason": "all shards failed",
        "root_cause": [],
        "failed_shards": [{"reason": {"type": "aggregation_execution_exception", "caused_by": buckets}}],
    }
    assert cause(error) == (
        "too_many_buckets_exception: Trying to create too many buckets; raise search.max_buckets there, or ask for"
        " fewer groups or longer bins"
    )
    assert cause("no handler") == "no handler"
    assert cause({"type": "x", "reason": "y", "root_cause": [{"type": "x", "reason": "y"}]}) == "x: y"


LONG = "[x] " * 100
"""A node's reason of more characters than an error quotes."""


@pytest.mark.parametrize("kind", sorted(REMEDIES))
def test_a_remedy_is_whole_however_long_the_cause(kind: str) -> None:
    error = {"type": kind, "reason": LONG}
    shards = {"total": 3, "failed": 1, "failures": [{"reason": error}]}
    for answer in (WHOLE | {"_shards": shards}, {"status": 500, "error": error}):
        with pytest.raises(TransientError) as raised:
            elastic([answer])
        assert str(raised.value).endswith("…" + REMEDIES[kind])


@pytest.mark.parametrize("flavour", ["elasticsearch", "opensearch"])
def test_a_remedy_is_whole_where_the_request_as_a_whole_fails(flavour: str) -> None:
    kind = "circuit_breaking_exception"
    body = json.dumps({"error": {"type": kind, "reason": LONG}, "status": 403}).encode()
    with HttpServer(lambda _: Answer(403, body, (PRODUCT, JSON))) as server:
        options = ElasticsearchOptions.model_validate({"urls": [server.url], "flavour": flavour})
        sink = ElasticsearchSink("store", options, Path())
        with pytest.raises(TransientError) as raised:
            sink.search("transfers", {})
        sink.close()
    assert str(raised.value).endswith(
        f"…{REMEDIES[kind]}; give this user, or this token, the right to write there"
    )


@pytest.mark.parametrize("flavour", ["elasticsearch", "opensearch"])
def test_many_nodes_do_not_cut_off_why_none_answers(flavour: str) -> None:
    urls = [f"http://127.0.0.{node}:9" for node in range(1, 30)]
    sink = ElasticsearchSink(
        "store", ElasticsearchOptions.model_validate({"urls": urls, "flavour": flavour}), Path()
    )
    with pytest.raises(TransientError, match=r"127\.0\.0\.29:9: .*(?i:refused)"):
        sink.search("transfers", {})
    sink.close()


FULL = (
    "Validation Failed: 1: this action would add [2] shards, but this cluster currently has [1000]/[1000] maximum"
    " normal shards open;"
)


@pytest.mark.parametrize("flavour", ["elasticsearch", "opensearch"])
@pytest.mark.parametrize(
    "body",
    [
        b'{"responses": [{"hi',
        b'{"error": "no"}',
        b'{"responses": []}',
        b'{"responses": [7]}',
        b'{"responses": [{"status": 200}]}',
        b'{"responses": [{"hits": {"hits": []}, "_clusters": {"total": 2, "skipped": 1}}]}',
        b"[]",
    ],
    ids=["cut", "error", "fewer", "number", "empty", "cluster", "list"],
)
def test_what_answers_no_search_is_refused(flavour: str, body: bytes) -> None:
    with HttpServer(lambda _: Answer(200, body, (PRODUCT, JSON))) as server:
        options = ElasticsearchOptions.model_validate({"urls": [server.url], "flavour": flavour})
        sink = ElasticsearchSink("store", options, Path())
        with pytest.raises(TransientError):
            sink.search_many([("transfers", {"query": {"match_all": {}}})])
        sink.close()


def test_an_items_text_counts_where_its_status_lies() -> None:
    outcome = Outcome()
    items = [
        {"index": {"status": 500, "error": {"type": "illegal_argument_exception", "reason": "mapper [x]"}}},
        {"index": {"status": 400, "error": {"type": "validation_exception", "reason": FULL}}},
        {"index": {"status": 503, "error": {"type": "unavailable_shards_exception", "reason": "timeout"}}},
    ]
    judge({"errors": True, "items": items}, outcome)
    assert (list(outcome.rejected), outcome.retry) == ([0], [1, 2])
