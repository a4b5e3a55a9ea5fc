"""node_exporter: what the cases cannot show: counts and speed of a whole scrape, and "no bytes crash it"."""

from __future__ import annotations

from collections import Counter
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from lakescope.core.events import Host
from lakescope.core.messages import RejectedError
from lakescope.transformers import node_exporter
from tests.transformers.bodies import SAMPLES, texts
from tests.transformers.properties import decode, event_holds, holds, spliced

TEXTS = texts("node_exporter")
INSTANCE = {"instance": "se01.example.org:9100"}


def test_whole_scrape() -> None:
    """Each sample of node_exporter 1.5 once, under the name and with the labels that the text has."""
    body = (SAMPLES / "node_exporter_metrics.txt").read_bytes()
    lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
    out = decode(node_exporter.decode, body, INSTANCE)
    hosts = [event for event in out.events if isinstance(event, Host)]
    assert len(hosts) == len(lines) == 507
    assert Counter(event.metric for event in hosts) == Counter(
        line.replace("{", " ").split()[0] for line in lines
    )
    assert Counter(event.type for event in hosts) == {"gauge": 362, "counter": 145}
    assert len({event.id for event in hosts}) == 507
    assert all(event.value is not None for event in hosts)
    assert not out.rejects
    for event in hosts:
        event_holds(event)


def test_speed_of_a_scrape() -> None:
    """1,000 samples in well under 100 ms: here a bound that only a mistake exceeds, and little beside the parser."""
    body = (SAMPLES / "node_exporter_metrics.txt").read_bytes()
    ours = min(_seconds(lambda: decode(node_exporter.decode, body, INSTANCE)) for _ in range(5))
    parser = min(_seconds(lambda: list(text_string_to_metric_families(body.decode()))) for _ in range(5))
    assert ours / 507 * 1000 < 0.2
    assert ours < 4 * parser


def _seconds(run: object) -> float:
    assert callable(run)
    start = process_time()
    run()
    return process_time() - start


@pytest.mark.parametrize(
    "headers",
    [
        {"instance": "se01.example.org:9256"},
        {"instance": "se01.example.org", "url": "https://se01.example.org/perfsonar_host_exporter/metrics"},
        {"instance": "https://se01.example.org/perfsonar_host_exporter/metrics"},
    ],
)
def test_another_exporter_of_the_host_is_told_apart(headers: dict[str, str]) -> None:
    usual = decode(node_exporter.decode, b"go_threads 6\n", INSTANCE).events[0]
    other = decode(node_exporter.decode, b"go_threads 6\n", headers).events[0]
    assert isinstance(usual, Host)
    assert isinstance(other, Host)
    assert usual.host == other.host == "se01.example.org"
    assert usual.id != other.id
    assert usual.labels is None
    assert other.labels == {"instance": headers.get("url", headers["instance"])}


@pytest.mark.parametrize(
    "headers",
    [
        {"instance": "SE01.example.org"},
        {"instance": "se01.example.org:9100", "url": "http://se01.example.org:9100/metrics"},
        {"instance": "http://se01.example.org:9100/metrics"},
        {"instance": "[2001:db8::1]:9100", "url": "http://[2001:db8::1]:9100/metrics"},
    ],
)
def test_the_usual_exporter_needs_no_label(headers: dict[str, str]) -> None:
    [event] = decode(node_exporter.decode, b"go_threads 6\n", headers).events
    assert isinstance(event, Host)
    assert event.host in ("se01.example.org", "2001:db8::1")
    assert event.labels is None


def test_order_of_labels_does_not_change_the_id() -> None:
    one = decode(node_exporter.decode, b'a{x="1",y="2"} 1\n', INSTANCE).events
    other = decode(node_exporter.decode, b'a{y="2",x="1"} 1\n', INSTANCE).events
    assert one == other


@pytest.mark.parametrize("body", [b"", b"\n", b"# TYPE a gauge\n", b"# EOF\n"])
def test_nothing_in_it_is_counted(body: bytes) -> None:
    assert decode(node_exporter.decode, body, INSTANCE).filtered == {"empty": 1}


def test_native_histogram_is_counted() -> None:
    body = (
        b"# TYPE rpc histogram\n"
        b"rpc {count:24,sum:100,schema:0,zero_threshold:0.001,zero_count:4,positive_spans:[0:2],positive_deltas:[2,1]}\n"
        b"# EOF\n"
    )
    out = decode(node_exporter.decode, body, INSTANCE)
    assert not out.events
    assert not out.rejects
    assert out.filtered == {"native_histogram": 1}


def test_page_of_another_server_is_one_reject() -> None:
    with pytest.raises(RejectedError) as error:
        decode(node_exporter.decode, b"<html>\n<body>\nnot found\n</body>\n</html>\n", INSTANCE)
    assert error.value.reject.path == "$.line[1]"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40) | st.text(max_size=60).map(str.encode), st.sampled_from([INSTANCE, {}]))
def test_no_bytes_crash_it(body: bytes, headers: dict[str, str]) -> None:
    holds(node_exporter.decode, body, headers)


@settings(max_examples=150, deadline=None)
@given(
    spliced(TEXTS),
    st.sampled_from([INSTANCE, INSTANCE | {"content-type": "application/openmetrics-text; version=1.0.0"}]),
)
def test_no_mutation_crashes_it(body: bytes, headers: dict[str, str]) -> None:
    holds(node_exporter.decode, body, headers)
