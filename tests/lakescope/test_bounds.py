"""Impossible measurements: null, counted, and the rest of the event is kept."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lakescope.bounds import bounds, clear_impossible
from lakescope.columns import columns
from lakescope.events import DATASETS, LONGEST_TEXT, Host, Network, Transfer
from lakescope.messages import Message
from lakescope.pipeline.normalise import Normaliser
from lakescope.plugins import formats

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
