"""MONIT: what it is sent is what MONIT takes; Lakescope's own push route, which speaks its language, is the judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lakescope.core.contracts import Finding, RefusedError, TransientError
from lakescope.core.events import DATASETS, Event, Host, Push
from lakescope.sinks.influxdb import TAGS
from lakescope.sinks.monit import MonitEncoder, MonitOptions, MonitSink
from lakescope.transformers._common import identify
from tests.contract._bodies import documents_of
from tests.contract._http import PROXIES, Answer, HttpServer
from tests.e2e._lakescope import Lakescope, until
from tests.servers._tls import Authority, server_context
from tests.sinks._events import event_of, plain, transfer

PRODUCER = "escape_lakescope"


def encoded(events: Sequence[Event]) -> list[dict[str, Any]]:
    """The documents, decoded."""
    chunks = MonitEncoder(PRODUCER)(events, documents_of(events))
    return [msgspec.json.decode(chunk) for chunk in chunks if chunk is not None]


@pytest.mark.parametrize("dataset", [name for name in DATASETS if name not in ("hosts", "push")])
def test_a_document_holds_the_event_beside_monits_own_keys(dataset: str) -> None:
    event = event_of(dataset)
    (document,) = encoded([event])
    own = {
        key: document.pop(key) for key in ("producer", "type", "timestamp", "_id", "idb_tags", "idb_fields")
    }
    assert document == plain(event) | {"dataset": dataset}
    assert (own["producer"], own["type"], own["_id"]) == (PRODUCER, dataset, event.id)
    assert own["timestamp"] == 1767225600000 + int(event.time[17:19]) * 1000
    assert own["idb_tags"] == list(TAGS[dataset])
    numbers = [key for key, value in plain(event).items() if isinstance(value, (int, float))]
    assert set(own["idb_fields"]) == set(numbers) - set(TAGS[dataset])


def test_what_events_and_monit_both_call_type() -> None:
    host, push = event_of("hosts"), event_of("push")
    assert isinstance(host, Host) and isinstance(push, Push)
    of_host, of_push = encoded([host, push])
    assert (of_host["type"], of_host["metric_type"], of_host["metric"]) == ("hosts", host.type, host.metric)
    tags = {"vo", "source", "host", "metric", "metric_type", "site", "quantity", "series"}
    assert set(of_host["idb_tags"]) == tags
    assert of_push["type"] == f"{push.producer}_{push.type}" and of_push["producer"] == PRODUCER
    assert {key: of_push[key] for key in push.data} == push.data
    assert (of_push["idb_tags"], of_push["idb_fields"]) == (push.idb_tags, push.idb_fields)


def test_a_script_that_names_no_fields_means_all_of_them() -> None:
    """To MONIT no `idb_fields` is all others, an empty list is none."""
    event = Push(
        id=identify(1), time="2026-01-01T00:00:00Z", source="push", producer="p", type="t", data={"a": 1}
    )
    (document,) = encoded([event])
    assert document == {
        "a": 1,
        "type": "p_t",
        "producer": PRODUCER,
        "_id": event.id,
        "timestamp": 1767225600000,
    }


def test_every_event_arrives_at_lakescopes_own_push_route_once(tmp_path: Path) -> None:
    """Sent twice, it is the same event: `_id` tells."""
    events = [event_of(dataset) for dataset in DATASETS]
    archive = tmp_path / "archive"
    configuration = f'[collectors.push]\ntype = "http"\n[sinks.a]\ntype = "jsonl"\ndirectory = "{archive}"\n'
    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.start()
        options = MonitOptions(url=f"{lakescope.url}/push/push", producer=PRODUCER, batch=4)
        sink = MonitSink("monit", options, tmp_path)
        for _ in range(2):
            sink.write([chunk for chunk in sink.encode(events, documents_of(events)) if chunk is not None])
        sink.close()
        until(lambda: lakescope.drained(2 * len(events)), 15, lakescope.brief)
        status = lakescope.status()
        assert status["dead_letters"]["total"] == 0
        assert lakescope.stop() == 0
    lines = (archive / "push-2026-01-01.jsonl").read_bytes().splitlines()
    found: dict[str, Push] = {
        event.id: event for event in (msgspec.json.decode(line, type=Push) for line in lines)
    }
    assert (len(lines), len(found)) == (2 * len(events), len(events))
    by_type = {event.type: event for event in found.values()}
    for sent, document in zip(events, encoded(events), strict=True):
        event = by_type[document["type"]]
        reserved = ("producer", "type", "timestamp", "_id", "idb_tags", "idb_fields")
        assert event.data == {key: value for key, value in document.items() if key not in reserved}
        assert (event.producer, event.time[:19]) == (PRODUCER, sent.time[:19])
        assert (event.idb_tags, event.idb_fields) == (document["idb_tags"], document["idb_fields"])
        assert event.id == identify("push", PRODUCER, document["type"], "_id", sent.id)


@pytest.mark.parametrize(
    ("status", "error"),
    [(201, TransientError), (204, TransientError), (400, RefusedError), (503, TransientError)],
)
def test_only_200_is_success(status: int, error: type[Exception]) -> None:
    with HttpServer(lambda _: Answer(status)) as server:
        sink = MonitSink("monit", MonitOptions(url=server.url, producer="p"), Path())
        with pytest.raises(error, match=f"answered {status}"):
            sink.write([chunk for chunk in sink.encode([transfer(1)], [b'{"id":"x"}']) if chunk])
        sink.close()


def post(url: str, **options: Any) -> None:
    """One event to MONIT at `url`."""
    sink = MonitSink("monit", MonitOptions(url=url, producer=PRODUCER, **options), Path())
    try:
        events = [transfer(1)]
        sink.write([chunk for chunk in sink.encode(events, documents_of(events)) if chunk is not None])
    finally:
        sink.close()


def test_it_is_posted_without_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, url in PROXIES.items():
        monkeypatch.setenv(name, url)
    with HttpServer(lambda _: Answer(200)) as server:
        post(server.url)
        assert len(server.requests) == 1


def test_a_certificate_that_is_not_trusted_is_told_and_waited_for(tmp_path: Path) -> None:
    """An operator mends it; the events wait."""
    authority, stranger = Authority(tmp_path / "authority"), Authority(tmp_path / "stranger", "another CA")
    with HttpServer(lambda _: Answer(200), tls=server_context(authority.issue("monit"))) as server:
        with pytest.raises(TransientError, match=r"CERTIFICATE_VERIFY_FAILED.*; checked against the CAs of"):
            post(server.url)
        with pytest.raises(TransientError, match=rf"; checked against {stranger.certificate} \(option tls"):
            post(server.url, tls={"ca_file": stranger.certificate})
        assert not server.requests
        post(server.url, tls={"ca_file": authority.certificate})
        post(server.url, tls={"verify": False})
        assert len(server.requests) == 2


def test_setup_says_whose_it_is() -> None:
    sink = MonitSink("monit", MonitOptions(url="https://monit.example.org:10013/x", producer="p"), Path())
    (finding,) = sink.setup()
    assert finding == Finding(
        "unchanged", "https://monit.example.org:10013/x: producer p is MONIT's to register"
    )
    sink.close()
