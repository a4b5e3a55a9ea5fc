"""What confirms a culprit, what clears it, and what speaks of neither: events in a real store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest

from lakescope.alerts.book import IncidentRecord
from lakescope.alerts.muting import Outage
from lakescope.alerts.records import alert_of
from lakescope.app.evidence import complete
from lakescope.core.contracts import TransientError
from lakescope.core.events import DATASETS, Event
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.transformers._common import identify

ZERO = datetime(2026, 1, 12, tzinfo=UTC)
BEGAN = ZERO.timestamp()
NOW = BEGAN + 3600
DESTINATION = (("dst_site", "B"),)
LINK = (("link", "A -> B"),)
ENDPOINT = (("endpoint", "fts1"),)
RSE = (("dst_rse", "B-DISK"),)


class Series(NamedTuple):
    """Events of one kind, one every so many minutes; texts may have ``{minute}``."""

    dataset: str
    begin: int
    end: int
    every: int
    fields: dict[str, Any]


def _events(series: Sequence[Series]) -> Iterator[Event]:
    for place, one in enumerate(series):
        for minute in range(one.begin, one.end, one.every):
            time = f"{ZERO + timedelta(minutes=minute, seconds=30):%Y-%m-%dT%H:%M:%SZ}"
            fields = {
                name: value.format(minute=minute) if isinstance(value, str) else value
                for name, value in one.fields.items()
            }
            yield DATASETS[one.dataset](**{"id": identify("case", place, minute), "time": time} | fields)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckdbSink]:
    sink = DuckdbSink("store", DuckdbOptions(), tmp_path_factory.mktemp("store"))
    list(sink.setup())
    yield sink
    sink.close()


def _record(pattern: Sequence[tuple[str, str]], **fields: Any) -> IncidentRecord:
    basis: dict[str, Any] = {
        "id": "i1",
        "culprit": "somewhere",
        "patterns": (tuple(pattern),),
        "severity": "page",
        "began": BEGAN,
        "opened": BEGAN + 600,
        "attempts": 60,
        "failures": 50,
        "expected": 1,
    }
    return IncidentRecord(**(basis | fields))


def _write(store: DuckdbSink, series: Sequence[Series]) -> None:
    for dataset in DATASETS:
        store.connection.execute(f"delete from {dataset}")
    table = [*_events(series)]
    if table:
        documents = [msgspec.json.encode(event) for event in table]
        outcome = store.write([chunk for chunk in store.encode(table, documents) if chunk is not None])
        assert not (outcome.retry or outcome.rejected)


def _probe(site: str, *, ok: bool, every: int = 5) -> Series:
    fields = {"source": "etf", "probe": "webdav", "target": site, "site": site, "rse": f"{site}-DISK"}
    return Series("probes", 0, 60, every, fields | {"ok": ok, "status": "ok" if ok else "critical"})


def _loss(source: str, loss: float, begin: int = 0, end: int = 60) -> Series:
    fields = {
        "source": "perfsonar",
        "test": "latencybg",
        "src_host": source,
        "dst_host": "b",
        "src_site": source,
    }
    packets = {"packets_sent": 1000, "packets_lost": int(1000 * loss), "loss": loss}
    return Series("network", begin, end, 5, fields | {"dst_site": "B"} | packets)


def _queue(depth: int, begin: int, end: int) -> Series:
    fields = {"source": "fts", "endpoint": "fts1", "src_host": "a", "dst_host": "b", "active": 5}
    return Series("fts_queue", begin, end, 5, fields | {"src_site": "A", "dst_site": "B", "submitted": depth})


def _space(free: int) -> Series:
    return Series(
        "storage",
        0,
        60,
        30,
        {"source": "rucio", "rse": "B-DISK", "site": "B", "used": 1000 - free}
        | {"free": free, "total": 1000},
    )


def _host(name: str, end: int = 60, *, free: int = 500, site: str = "B") -> list[Series]:
    """A host that reports its file system of 1000 bytes until a minute."""
    fields = {"source": "node_exporter", "host": name, "site": site, "type": "gauge", "series": "/"}
    kinds = [("disk_free", free), ("node_filesystem_size_bytes", 1000)]
    return [
        Series("hosts", 0, end, 5, fields | {"metric": metric, "quantity": metric, "value": value})
        for metric, value in kinds
    ]


@pytest.mark.parametrize(
    ("source", "pattern", "series", "finding", "words"),
    [
        ("probes", DESTINATION, [_probe("B", ok=False)], "confirms", "0 % of 12 probes of B"),
        ("probes", DESTINATION, [_probe("B", ok=True)], "clears", "only transfers fail"),
        ("probes", DESTINATION, [_probe("B", ok=False, every=30)], "neutral", "too few"),
        (
            "probes",
            DESTINATION,
            [_probe("B", ok=True), _probe("B", ok=False, every=15)],
            "neutral",
            "75 % of 16",
        ),
        ("probes", RSE, [_probe("B", ok=False)], "confirms", "B-DISK"),
        ("probes", LINK, [_probe("A", ok=True), _probe("B", ok=True)], "confirms", "both ends"),
        ("probes", LINK, [_probe("B", ok=True)], "neutral", "100 % of 12 probes of B"),
        ("probes", LINK, [_probe("A", ok=True), _probe("B", ok=False)], "clears", "0 % of 12 probes of B"),
        (
            "network",
            LINK,
            [_loss("A", 0.1), _loss("A", 0, -60, 0)],
            "confirms",
            "10 % from A to B, before 0 %",
        ),
        ("network", LINK, [_loss("A", 0.0)], "clears", "0 %"),
        ("network", LINK, [_loss("A", 0.1), _loss("A", 0.1, -60, 0)], "neutral", "before 10 %"),
        ("network", DESTINATION, [_loss("A", 0.1), _loss("C", 0.2)], "confirms", "2 of 2 paths"),
        ("network", DESTINATION, [_loss("A", 0.1), _loss("C", 0), _loss("D", 0)], "neutral", "1 of 3 paths"),
        (
            "FTS queue",
            ENDPOINT,
            [_queue(10, -60, 0), _queue(900, 0, 60)],
            "confirms",
            "900 transfers are queued, before 10",
        ),
        ("FTS queue", ENDPOINT, [_queue(10, -60, 0), _queue(12, 0, 60)], "neutral", "before 10"),
        ("FTS queue", DESTINATION, [_queue(10, -60, 0), _queue(900, 0, 60)], "neutral", "before 10"),
        ("storage", DESTINATION, [_space(1)], "confirms", "B-DISK is 99.9 % full"),
        ("storage", RSE, [_space(1)], "confirms", "B-DISK is 99.9 % full"),
        ("storage", DESTINATION, [_space(500)], "neutral", "50 %"),
        ("hosts", DESTINATION, _host("b1", 31), "confirms", "b1 has been silent for 30 min"),
        ("hosts", DESTINATION, _host("b1", free=5), "confirms", "a disk of b1 is 99.5 % full"),
        ("hosts", DESTINATION, [*_host("b1"), *_host("b2")], "neutral", "of 2 hosts none is silent"),
        ("hosts", LINK, [*_host("a1", 31, site="A"), *_host("b1")], "confirms", "a1 has been silent"),
    ],
)
def test_what_a_source_says(
    store: DuckdbSink, source: str, pattern: Any, series: list[Series], finding: str, words: str
) -> None:
    _write(store, series)
    found = {one.source: one for one in complete(_record(pattern), store, NOW, []).evidence}
    assert found[source].finding == finding
    assert words in found[source].text
    assert "no data" not in found or source not in found["no data"].text


def test_hosts_of_other_sites_say_nothing(store: DuckdbSink) -> None:
    _write(store, _host("c1", 31, site="C"))
    found = {one.source: one.text for one in complete(_record(DESTINATION), store, NOW, []).evidence}
    assert "hosts" not in found and "hosts" in found["no data"]


def test_room_clears_where_errors_are_of_space(store: DuckdbSink) -> None:
    _write(store, [_space(500)])
    record = complete(_record(DESTINATION, error_class="No space left"), store, NOW, [])
    assert [one.finding for one in record.evidence if one.source == "storage"] == ["clears"]


def test_no_data_is_said_once(store: DuckdbSink) -> None:
    _write(store, [])
    (one,) = complete(_record(DESTINATION), store, NOW, []).evidence
    assert one.finding == "neutral"
    assert one.text == "No data of: probes, network, hosts, FTS queue, storage"


def test_a_downtime_of_the_place_confirms(store: DuckdbSink) -> None:
    _write(store, [])
    outages = [Outage(site="C"), Outage(site="B", description="power cut")]
    one = complete(_record(DESTINATION), store, NOW, outages).evidence[0]
    assert (one.source, one.finding) == ("downtime", "confirms")
    assert "power cut" in one.text


def test_the_example_has_the_most_common_error(store: DuckdbSink) -> None:
    failed = {"source": "rucio", "event": "failed", "ok": False, "src_site": "A", "dst_site": "B"}
    often = failed | {
        "error": "timeout after 7 s",
        "error_template": "timeout after * s",
        "request_id": "r{minute}",
    }
    rare = failed | {"error": "odd", "error_template": "odd", "request_id": "x"}
    elsewhere = often | {"dst_site": "C", "error": "else", "error_template": "else"}
    others = [Series("transfers", 55, 58, 5, rare), Series("transfers", 0, 60, 1, elsewhere)]
    _write(store, [Series("transfers", 0, 50, 5, often), *others])
    record = complete(_record(DESTINATION), store, NOW, [])
    assert record.error == "timeout after * s"
    assert record.example is not None
    assert (record.example.request_id, record.example.time) == ("r45", BEGAN + 45 * 60 + 30)
    assert "Most frequent error: timeout after * s." in alert_of(record).annotations["description"]


def test_a_notification_says_what_confirms_and_what_clears(store: DuckdbSink) -> None:
    _write(store, [_probe("B", ok=True), _space(1)])
    text = alert_of(complete(_record(DESTINATION), store, NOW, [])).annotations["description"]
    assert "Confirmed by storage: B-DISK is 99.9 % full." in text
    assert "Contradicted by probes: 100 % of 12 probes of B succeed: only transfers fail." in text
    assert "No data" not in text


def test_a_store_that_fails_leaves_the_record(store: DuckdbSink, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise TransientError("away")

    monkeypatch.setattr(store, "answer", fail)
    record = _record(DESTINATION)
    assert complete(record, store, NOW, []) == record
