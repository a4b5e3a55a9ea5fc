"""Elasticsearch: replies read item by item, templates that a real server takes, nothing lost to a mapping."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from lakescope.core.columns import columns
from lakescope.core.contracts import Finding, Outcome, RefusedError, TransientError
from lakescope.core.events import DATASETS, Event, Host, Push
from lakescope.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink, judge
from lakescope.transformers._common import identify
from tests.contract._bodies import documents_of
from tests.contract._http import Answer, HttpServer, Request, proxy_to
from tests.e2e._lakescope import elasticsearch_events
from tests.servers._tls import Authority
from tests.servers.elasticsearch import Elasticsearch
from tests.sinks._events import event_of, plain, transfer


def open_sink(url: str, **options: Any) -> ElasticsearchSink:
    """A sink without replicas."""
    chosen: dict[str, Any] = {"urls": [url], "replicas": 0} | options
    return ElasticsearchSink("es", ElasticsearchOptions(**chosen), Path())


def write(sink: ElasticsearchSink, events: Sequence[Event]) -> Outcome:
    """Writes events as the engine does."""
    return sink.write([chunk for chunk in sink.encode(events, documents_of(events)) if chunk is not None])


@pytest.fixture
def sink(elasticsearch: Elasticsearch, index_prefix: str) -> Iterator[ElasticsearchSink]:
    """One with its templates, on a real node."""
    made = open_sink(elasticsearch.url, prefix=index_prefix)
    list(made.setup())
    yield made
    made.close()


# --- replies ---------------------------------------------------------------------------------------------

# as Elasticsearch 9.5.3 says it, ids and node names shortened
STORED = {"index": {"status": 201}}
AGAIN = {"index": {"status": 200}}
FULL_QUEUE = {
    "index": {
        "status": 429,
        "error": {
            "type": "es_rejected_execution_exception",
            "reason": "rejected execution of TimedRunnable on TaskExecutionTimeTrackingEsThreadPoolExecutor",
        },
    }
}
FULL_DISK = {
    "index": {
        "status": 429,
        "error": {
            "type": "cluster_block_exception",
            "reason": "index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark];",
        },
    }
}
READ_ONLY = {
    "index": {
        "status": 403,
        "error": {
            "type": "cluster_block_exception",
            "reason": "index [x] blocked by: [FORBIDDEN/8/index write (api)];",
        },
    }
}
NO_SHARD = {
    "index": {
        "status": 503,
        "error": {"type": "unavailable_shards_exception", "reason": "[x][0] primary shard is not active"},
    }
}
NO_INDEX = {
    "index": {"status": 404, "error": {"type": "index_not_found_exception", "reason": "no such index [x]"}}
}
NOT_ALLOWED = {
    "index": {"status": 403, "error": {"type": "security_exception", "reason": "unauthorized for user [u]"}}
}
MAPPING = {
    "index": {
        "status": 400,
        "error": {
            "type": "document_parsing_exception",
            "reason": "[1:9] failed to parse field [md5] of type [long] in document with id 'x'",
            "caused_by": {"reason": 'For input string: "x"'},
        },
    }
}
TOO_LONG_ID = {
    "index": {"status": 400, "error": {"type": "illegal_argument_exception", "reason": "id is too long"}}
}


@pytest.mark.parametrize("item", [FULL_QUEUE, FULL_DISK, READ_ONLY, NO_SHARD, NO_INDEX, NOT_ALLOWED])
def test_what_passes_or_is_mended_is_tried_again(item: dict[str, Any]) -> None:
    outcome = Outcome()
    judge({"errors": True, "items": [STORED, item, AGAIN]}, outcome)
    assert (outcome.retry, outcome.rejected) == ([1], {})
    error = item["index"]["error"]
    assert outcome.reason == f"{item['index']['status']} {error['type']}: {error['reason']}"


@pytest.mark.parametrize("item", [MAPPING, TOO_LONG_ID])
def test_what_will_never_be_taken_is_rejected_with_its_cause(item: dict[str, Any]) -> None:
    outcome = Outcome()
    judge({"errors": True, "items": [item, STORED]}, outcome)
    assert (outcome.retry, list(outcome.rejected)) == ([], [0])
    error = item["index"]["error"]
    reject = outcome.rejected[0]
    assert (reject.reason, reject.expected) == ("refused", f"400 {error['type']}")
    assert reject.found and reject.found.startswith(error["reason"])
    assert error.get("caused_by", {}).get("reason", "") in reject.found


def test_a_mixed_reply_is_read_item_by_item_behind_those_before() -> None:
    outcome = Outcome(retry=[1])
    items = [STORED, FULL_QUEUE, MAPPING, AGAIN, NO_SHARD, MAPPING]
    judge({"errors": True, "items": items}, outcome, start=10)
    assert outcome.retry == [1, 11, 14]
    assert list(outcome.rejected) == [12, 15]


def test_a_reply_without_errors_is_not_even_looked_into() -> None:
    outcome = Outcome()
    judge({"errors": False}, outcome)
    judge({}, outcome)
    assert outcome == Outcome()


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (400, RefusedError, "refused"),
        (413, RefusedError, "too_large"),
        (401, TransientError, None),
        (403, TransientError, None),
        (500, TransientError, None),
        (502, TransientError, None),
    ],
)
def test_a_refused_request(status: int, error: type[Exception], reason: str | None) -> None:
    product = (("x-elastic-product", "Elasticsearch"), ("content-type", "application/json"))
    with HttpServer(lambda _: Answer(status, b'{"error": "no"}', product)) as server:
        sink = open_sink(server.url)
        with pytest.raises(error, match=rf"127\.0\.0\.1 answered {status}: ") as raised:
            write(sink, [transfer(1)])
        assert getattr(raised.value, "reason", None) == reason
        sink.close()


def test_a_busy_node_gets_ever_smaller_requests_and_larger_ones_again(
    elasticsearch: Elasticsearch, index_prefix: str
) -> None:
    events = [transfer(number) for number in range(64)]
    with HttpServer(proxy_to(elasticsearch.url), "/_bulk") as server:
        sink = open_sink(server.url, prefix=index_prefix)
        list(sink.setup())
        server.order([429] * 4)
        pending = events
        while pending:
            outcome = write(sink, pending)
            pending = [pending[index] for index in outcome.retry]
        sizes = [len(request.body) for request in server.requests if request.path == "/_bulk"]
        sink.close()
    assert sizes[:5] == sorted(sizes[:5], reverse=True) and sizes[4] < sizes[0] / 12
    assert max(sizes[5:]) > sizes[4]
    assert len(dict(elasticsearch_events(elasticsearch.url, index_prefix))) == 1
    assert len(list(elasticsearch_events(elasticsearch.url, index_prefix))) == 64


# --- templates and fields --------------------------------------------------------------------------------

TYPES = {
    "keyword": "keyword",
    "keywords": "keyword",
    "text": "text",
    "time": "date",
    "integer": "long",
    "float": "double",
    "boolean": "boolean",
    "labels": None,
    "object": None,
}
"""Kind of a field -> its type in Elasticsearch; null: an object."""


def test_every_field_of_every_dataset_is_stored_as_what_it_is(
    sink: ElasticsearchSink, elasticsearch: Elasticsearch, index_prefix: str
) -> None:
    events = [event_of(dataset) for dataset in DATASETS]
    assert write(sink, events) == Outcome()
    stored = {
        doc["dataset"]: (index, doc) for index, doc in elasticsearch_events(elasticsearch.url, index_prefix)
    }
    for event in events:
        index, document = stored[event.dataset]
        assert index == f"{index_prefix}-{event.dataset}-2026.01"
        assert document.pop("_id") == event.id and document.pop("@timestamp") == event.time
        assert document == plain(event) | {"dataset": event.dataset}
        mapping = httpx.get(f"{elasticsearch.url}/{index}/_mapping", trust_env=False).json()[index][
            "mappings"
        ]
        for column in columns(event.dataset):
            assert mapping["properties"][column.name].get("type") == TYPES[column.kind], column
        for column in columns(event.dataset):
            if column.kind in ("keyword", "time", "integer", "float", "boolean"):
                value = plain(event)[column.name]
                assert [found["id"] for found in sink.find(event.dataset, column.name, [value])] == [
                    event.id
                ], column


def test_setup_is_idempotent_and_a_server_without_ilm_is_a_warning(
    elasticsearch: Elasticsearch, index_prefix: str
) -> None:
    sink = open_sink(elasticsearch.url, prefix=index_prefix, retention_days={"hosts": 30})
    for _ in range(2):
        findings = list(sink.setup())
        assert [finding.level for finding in findings].count("done") == len(DATASETS)
        (warning,) = (finding for finding in findings if finding.level == "warning")
        assert warning.text.startswith(
            f"{index_prefix}-hosts: this server has no ILM, so 30 days of retention"
        )
    sink.close()
    only = open_sink(elasticsearch.url, prefix=index_prefix, datasets=["push"])
    assert list(only.setup()) == [
        Finding("done", f"{index_prefix}-push: index template for {index_prefix}-push-*")
    ]
    only.close()


def test_retention_as_elasticsearch_is_told_it() -> None:
    """Not Elasticsearch's ILM, which the server of the tests lacks: the documents are what its reference says."""
    bodies: dict[str, Any] = {}

    def answer(request: Request) -> Answer:
        product = (("x-elastic-product", "Elasticsearch"), ("content-type", "application/json"))
        if not request.body:  # which indices there are: none
            return Answer(200, b"{}", product)
        bodies[request.path] = json.loads(request.body)
        return Answer(200, b'{"acknowledged": true}', product)

    with HttpServer(answer) as server:
        sink = open_sink(
            server.url, datasets=["hosts", "dids"], retention_days={"hosts": 30}, shards=3, replicas=2
        )
        assert [finding.level for finding in sink.setup()] == ["done"] * 3
        sink.close()
    assert bodies.keys() == {
        "/_ilm/policy/lakescope-hosts",
        "/_index_template/lakescope-hosts",
        "/_index_template/lakescope-dids",
    }
    phases = {"delete": {"min_age": "30d", "actions": {"delete": {}}}}
    assert bodies["/_ilm/policy/lakescope-hosts"] == {"policy": {"phases": phases}}
    settings = bodies["/_index_template/lakescope-hosts"]["template"]["settings"]
    assert settings["index.lifecycle.name"] == "lakescope-hosts"
    assert (settings["number_of_shards"], settings["number_of_replicas"]) == (3, 2)
    assert "index.lifecycle.name" not in bodies["/_index_template/lakescope-dids"]["template"]["settings"]


@pytest.mark.parametrize(
    ("period", "ending"), [("day", "2026.03.09"), ("month", "2026.03"), ("year", "2026")]
)
def test_an_index_holds_a_period_of_event_time(
    elasticsearch: Elasticsearch, index_prefix: str, period: str, ending: str
) -> None:
    """So that a repeat meets its first copy, however late it comes."""
    sink = open_sink(elasticsearch.url, prefix=index_prefix, period=period)
    list(sink.setup())
    event = transfer(1, time="2026-03-09T23:59:59.999999Z")
    for _ in range(2):
        write(sink, [event, transfer(2, time="1999-12-31T23:59:59Z")])
    sink.close()
    found = list(elasticsearch_events(elasticsearch.url, index_prefix))
    assert {(index, document["id"]) for index, document in found} == {
        (f"{index_prefix}-transfers-{ending}", event.id),
        (f"{index_prefix}-transfers-{'1999.12.31'[: len(ending)]}", identify(2)),
    }
    assert len(found) == 2


# --- what scripts and errors may hold --------------------------------------------------------------------

CLASHING: list[dict[str, Any]] = [
    *({"x": value} for value in (5, "text", {"y": 1}, [1, "a"], True, 1.5, [{"q": 1}], None, {}, [])),
    *({"s": value} for value in ("text", 5, {"a": 1}, True, "z" * 40_000)),
    *({"b": value} for value in (True, "maybe", 3, {"a": 1})),
    *({"o": value} for value in ({"a": 1}, 5, "text", [1, {"a": 2}])),
    *({"d": value} for value in ("2026-01-01", "2026-01-01T00:00:00Z", "not a date", 20260101)),
    *({"n": value} for value in (1, 2**63 - 1, -(2**63), 1e300, "1e400")),
    {"a.b": 1},
    {"a": 2},
    {"a": {"b": {"c": 1}}},
    {"..": 1, "a..b": 2, "_id": 3, "@timestamp": "x", "*": 4},
]


def test_documents_of_scripts_that_disagree_about_types_are_all_stored(
    sink: ElasticsearchSink, elasticsearch: Elasticsearch, index_prefix: str
) -> None:
    events = [
        Push(id=identify(n), time="2026-01-01T00:00:00Z", source="push", producer="p", type="t", data=data)
        for n, data in enumerate(CLASHING)
    ]
    assert write(sink, events) == Outcome()
    stored = {
        document["id"]: document for _, document in elasticsearch_events(elasticsearch.url, index_prefix)
    }
    assert {id_: document["data"] for id_, document in stored.items()} == {e.id: e.data for e in events}
    assert len(sink.find("push", "data.s", ["5"])) == 1  # and what fits can be searched for
    assert len(sink.find("push", "data.x", ["1.5"])) == 1


def test_labels_with_dots_stand_beside_labels_without(sink: ElasticsearchSink) -> None:
    """app and app.kubernetes.io/name."""
    events = [
        Host(
            id=identify(n), time="2026-01-01T00:00:00Z", source="telegraf", host="h", metric="m", value=1.0,
            type="gauge", labels=labels,
        )
        for n, labels in enumerate(({"app": "a"}, {"app.kubernetes.io/name": "b"}, {"app.kubernetes": "c"}))
    ]  # fmt: skip
    assert write(sink, events) == Outcome()


def test_thousands_of_fields_are_stored_if_not_searchable(
    sink: ElasticsearchSink, elasticsearch: Elasticsearch, index_prefix: str
) -> None:
    data = {f"field{n}": n for n in range(6000)}
    event = Push(
        id=identify(1), time="2026-01-01T00:00:00Z", source="push", producer="p", type="t", data=data
    )
    assert write(sink, [event]) == Outcome()
    ((_, document),) = elasticsearch_events(elasticsearch.url, index_prefix)
    assert document["data"] == data


def test_texts_longer_than_lucenes_terms_are_stored(sink: ElasticsearchSink) -> None:
    long = "ü" * 40_000
    assert write(sink, [transfer(1, name=long, error=long, src_url=long)]) == Outcome()


def test_what_no_mapping_takes_is_rejected_alone(sink: ElasticsearchSink) -> None:
    empty_name = Push(
        id=identify(1), time="2026-01-01T00:00:00Z", source="push", producer="p", type="t", data={"": 1}
    )
    outcome = write(sink, [transfer(1), empty_name, transfer(2)])
    assert (outcome.retry, list(outcome.rejected)) == ([], [1])
    assert "Field name cannot be an empty string" in str(outcome.rejected[1])


def test_events_are_found_oldest_first_over_all_indices(
    sink: ElasticsearchSink, elasticsearch: Elasticsearch, index_prefix: str
) -> None:
    events = [transfer(n, time=f"2026-{12 - n:02}-01T00:00:00Z", request_id=f"r{n % 2}") for n in range(12)]
    write(sink, events)
    httpx.post(f"{elasticsearch.url}/{index_prefix}-*/_refresh", trust_env=False).raise_for_status()
    found = sink.find("transfers", "request_id", ["r0", "no such"])
    assert [event["time"][:7] for event in found] == [f"2026-{month:02}" for month in range(2, 13, 2)]
    assert msgspec.convert(found[0] | {"dataset": "transfers"}, type(events[0])) == events[10]
    assert len(sink.find("transfers", "request_id", ["r0"], limit=2)) == 2
    assert sink.find("deletions", "name", ["x"]) == []


# --- TLS and logins --------------------------------------------------------------------------------------

PRODUCT = (("x-elastic-product", "Elasticsearch"), ("content-type", "application/json"))


@pytest.mark.parametrize(
    ("login", "header"),
    [
        ({"username": "elastic", "password": "s3cret"}, "Basic ZWxhc3RpYzpzM2NyZXQ="),
        ({"api_key": "aWQ6a2V5"}, "ApiKey aWQ6a2V5"),
    ],
)
def test_a_login_is_shown_to_the_node(login: dict[str, str], header: str) -> None:
    with HttpServer(lambda _: Answer(200, b'{"errors": false}', PRODUCT)) as server:
        sink = open_sink(server.url, **login)
        write(sink, [transfer(1)])
        sink.close()
        (request,) = server.requests
    assert request.headers["authorization"] == header


def test_a_token_of_an_issuer_is_shown_to_the_node_and_a_new_one_where_it_is_refused() -> None:
    given: list[str] = []

    def issue(_: Request) -> Answer:
        given.append(f"token-{len(given) + 1}")
        return Answer(200, json.dumps({"access_token": given[-1], "expires_in": 600}).encode())

    def node(request: Request) -> Answer:
        is_good = request.headers.get("authorization") == "Bearer token-2"
        return Answer(200 if is_good else 401, b'{"errors": false}' if is_good else b"{}", PRODUCT)

    with HttpServer(issue) as issuer, HttpServer(node) as server:
        oidc = {"token_url": f"{issuer.url}/token", "client_id": "c", "client_secret": "s3cret"}
        sink = open_sink(server.url, oidc=oidc)
        write(sink, [transfer(1)])
        write(sink, [transfer(2)])
        sink.close()
    assert given == ["token-1", "token-2"] and len(server.requests) == 3


@pytest.fixture
def guarded(elasticsearch: Elasticsearch, tmp_path: Path) -> Iterator[tuple[HttpServer, Authority]]:
    """The real node by HTTPS, which demands a certificate of its authority from clients too."""
    authority = Authority(tmp_path / "authority")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.certificate))
    pair = authority.issue("server")
    context.load_cert_chain(pair.certificate, pair.key)
    context.verify_mode = ssl.CERT_REQUIRED
    with HttpServer(proxy_to(elasticsearch.url), tls=context) as server:
        yield server, authority


def test_a_client_certificate_and_a_ca_of_ones_own(
    guarded: tuple[HttpServer, Authority], elasticsearch: Elasticsearch, index_prefix: str
) -> None:
    server, authority = guarded
    mine = authority.issue("lakescope")
    tls = {"ca_file": authority.certificate, "cert_file": mine.certificate, "key_file": mine.key}
    sink = open_sink(server.url, prefix=index_prefix, tls=tls)
    assert write(sink, [transfer(1)]) == Outcome()
    sink.close()
    ((_, document),) = elasticsearch_events(elasticsearch.url, index_prefix)
    assert document["id"] == transfer(1).id


def test_tls_that_does_not_fit_is_told_and_waited_for(guarded: tuple[HttpServer, Authority]) -> None:
    """An operator mends it; the events wait."""
    server, authority = guarded
    sink = open_sink(server.url)
    with pytest.raises(TransientError, match="CERTIFICATE_VERIFY_FAILED"):
        write(sink, [transfer(1)])
    sink.close()
    sink = open_sink(server.url, tls={"ca_file": authority.certificate})
    with pytest.raises(TransientError):  # the server hangs up, each time in other words
        write(sink, [transfer(1)])
    sink.close()
    assert not server.requests
