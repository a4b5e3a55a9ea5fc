"""Impossible measurements: null, counted, and the rest of the event is kept."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lakescope.core.bounds import bounds, clear_impossible
from lakescope.core.columns import columns
from lakescope.core.events import DATASETS, LONGEST_TEXT, Host, Network, Transfer
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.topology import Topology

COMMON: dict[str, Any] = {"id": "0" * 32, "time": "2026-01-01T00:00:00Z", "source": "perfsonar"}


def cleared(event: Any) -> Counter[str]:
    impossible: Counter[str] = Counter()
    clear_impossible([event], impossible)
    return impossible


def test_every_number_of_every_dataset_has_a_bound() -> None:
    for name, dataset in DATASETS.items():
        numbers = {column.name for column in columns(name) if column.kind in ("integer", "float")}
        assert numbers - bounds(dataset).keys() <= {"ip_version"}, name


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("rtt_min_s", (0.0, 0.01, 100.0), (-75_081_136.0, 100.1, float("inf"), float("nan"))),
        ("latency_min_s", (-100.0, -0.5, 0.0, 100.0), (-100.1, 1e9)),
        ("loss", (0.0, 0.5, 1.0), (-0.03, 1.5)),
        ("packets_lost", (0, 2**63 - 1), (-5, 2**64 - 5)),
        ("throughput", (0.0, 1e12), (-0.125, float("inf"), 1e300)),
        ("mtu", (1500,), (0, -1)),
        ("clock_error_s", (-3600.0, 3600.0), (1e300,)),
    ],
)
def test_what_cannot_be_is_null(field: str, good: tuple[float, ...], bad: tuple[float, ...]) -> None:
    for value in good:
        event = Network(**COMMON, test="t", **{field: value})
        assert not cleared(event)
        assert getattr(event, field) == value
    for value in bad:
        event = Network(**COMMON, test="t", ok=True, **{field: value})
        assert cleared(event) == {f"network.{field}": 1}
        assert event == Network(**COMMON, test="t", ok=True)


@pytest.mark.parametrize(
    ("quantity", "kind", "source", "value", "kept"),
    [
        ("memory_used", "gauge", "collectd", -1.0, False),
        ("disk_free", "gauge", "telegraf", -4096.0, False),
        ("clock_offset", "gauge", "node_exporter", -0.5, True),
        (None, "gauge", "node_exporter", -273.15, True),
        (None, "counter", "node_exporter", -1.0, False),
        (None, "counter", "collectd", -3.0, True),  # a DERIVE is signed
        ("network_received", "counter", "collectd", 2.0**63, True),  # a COUNTER has 64 bits
        (None, "gauge", "telegraf", float("inf"), False),
    ],
)
def test_a_hosts_value_by_its_quantity(
    quantity: str | None, kind: Any, source: Any, value: float, kept: bool
) -> None:
    event = Host(
        **{**COMMON, "source": source}, host="h", metric="m", type=kind, value=value, quantity=quantity
    )
    assert cleared(event) == ({} if kept else {"hosts.value": 1})
    assert event.value == (value if kept else None)


def test_a_transfer_that_is_possible_is_left_alone() -> None:
    event = Transfer(
        **{**COMMON, "source": "rucio"}, event="done", bytes=0, queue_s=0.0, retry=3, error_code=-1
    )
    assert not cleared(event)


def test_the_stage_counts_and_keeps_the_rest() -> None:
    """A number beyond a double, as JSON may hold it."""
    body = (
        b'{"id": "x", "schedule": {"start": "2026-01-05T10:00:00Z"}, "test": {"type": "throughput", "spec": {"source": "a"}},'
        b' "result": {"succeeded": true, "summary": {"summary": {"throughput-bits": 1e+9999, "retransmits": 7}}}}'
    )
    normalise = Normaliser(formats(), lambda events: {})
    out = normalise([Message(body, "perfsonar")])
    assert [(event.throughput, event.retransmits) for event in out.events if isinstance(event, Network)] == [
        (None, 7)
    ]
    assert out.impossible == {"network.throughput": 1}
    assert not out.rejects


@pytest.mark.parametrize(
    ("format_", "body", "impossible"),
    [
        ("node_exporter", b"node_load1 -3\nnode_load5 -3\n", {"hosts.value": 1}),
        (
            "collectd",
            b'[{"values": [-5], "dstypes": ["gauge"], "dsnames": ["value"], "time": 1767607200, "interval": 10,'
            b' "host": "h", "plugin": "memory", "type": "memory", "type_instance": "used"}]',
            {"hosts.value": 1},
        ),
        (
            "telegraf",
            b'{"name": "mem", "tags": {"host": "h"}, "fields": {"available": -1}, "timestamp": 1767607200}',
            {"hosts.value": 1},
        ),
        (
            "traces",
            b'{"eventType": "get", "traceId": "a", "traceTimeentryUnix": 1767607200, "filesize": -1}',
            {"traces.bytes": 1},
        ),
        (
            "perfsonar",
            b'{"id": "x", "schedule": {"start": "2026-01-05T10:00:00Z"}, "test": {"type": "latency"},'
            b' "result": {"succeeded": true, "packets-sent": 18446744073709551611, "packets-lost": 3}}',
            {"network.packets_sent": 1},
        ),
    ],
)
def test_every_format_counts(format_: str, body: bytes, impossible: dict[str, int]) -> None:
    """With the enrichment of a running instance, which tells a value's quantity."""
    normalise = Normaliser(formats(), Enrichment(Topology()))
    out = normalise([Message(body, format_, {"instance": "se01.example.org:9100"}, 1767607200.0)])
    assert out.impossible == impossible
    assert not out.rejects
    fields = {name.partition(".")[2] for name in impossible}
    assert all(getattr(out.events[0], field) is None for field in fields)
    assert getattr(out.events[0], "loss", None) is None  # of packets that were never sent


def test_an_infinite_time_is_no_bug_of_the_decoder() -> None:
    body = b'{"source_se": "davs://a", "dest_se": "davs://b", "connections": 4, "timestamp": 1e9999, "active_count": 1}'
    out = Normaliser(formats(), lambda events: {})([Message(body, "fts")])
    assert [(reject.reason, reject.path) for reject in out.rejects] == [("value", "$.timestamp")]


@pytest.mark.parametrize("size", [b"-1", b"1e9999", b"18446744073709551611"])
def test_a_size_that_cannot_be_makes_no_throughput(size: bytes) -> None:
    body = (
        b'{"event_type": "transfer-done", "created_at": "2026-01-05 10:02:00", "payload": {"request-id": "r",'
        b' "started_at": "2026-01-05 10:00:00", "transferred_at": "2026-01-05 10:01:00", "bytes": '
        + size
        + b"}}"
    )
    out = Normaliser(formats(), lambda events: {})([Message(body, "hermes")])
    (event,) = out.events
    assert isinstance(event, Transfer)
    assert (event.bytes, event.throughput, event.transfer_s) == (None, None, 60.0)
    assert out.impossible == {"transfers.bytes": 1}


@pytest.mark.parametrize("timestamp", ["1767607", "1e9999"])
def test_a_sample_of_an_impossible_time_is_rejected(timestamp: str) -> None:
    body = f'{{"name": "a", "tags": {{"host": "h"}}, "fields": {{"b": 1}}, "timestamp": {timestamp}}}'
    out = Normaliser(formats(), lambda events: {})([Message(body.encode(), "telegraf", {}, 1767607200.0)])
    assert not out.events
    assert [(reject.reason, reject.path) for reject in out.rejects] == [("value", "$.timestamp")]


def test_of_two_values_of_a_series_the_first_counts() -> None:
    body = b'a{x="1"} 1\na{x="1"} 0\na{x="1"} 1\nb 2\n'
    out = Normaliser(formats(), lambda events: {})(
        [Message(body, "node_exporter", {"instance": "se01.example.org:9100"}, 1767225600.0)]
    )
    assert [(event.metric, event.value) for event in out.events if isinstance(event, Host)] == [
        ("a", 1.0),
        ("a", 1.0),  # says the same: stores count it once
        ("b", 2.0),
    ]
    (reject,) = out.rejects
    assert (reject.reason, reject.expected) == (
        "value",
        "one value of a series and time in a body: the first counts",
    )


@pytest.mark.parametrize("name", DATASETS)
def test_every_long_text_is_cut(name: str) -> None:
    fields: Any = {column.name: "é" * 40_000 if column.kind == "text" else None for column in columns(name)}
    event = DATASETS[name](**fields)
    assert not cleared(event)
    texts = {column.name: getattr(event, column.name) for column in columns(name) if column.kind == "text"}
    assert all(text == "é" * LONGEST_TEXT for text in texts.values())
    assert cleared(event) == Counter()
