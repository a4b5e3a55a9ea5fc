"""perfSONAR: what the cases cannot show: durations, percentiles, routes, what is filtered, "no bytes crash it"."""

from __future__ import annotations

from math import inf
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakescope.core.events import Network
from lakescope.core.messages import RejectedError
from lakescope.transformers import perfsonar
from lakescope.transformers.perfsonar.measures import delays, duration_s, ip_version_of, percentile, route
from tests.transformers.bodies import documents, headers
from tests.transformers.properties import JSON, decode, holds, mutated, spliced

DOCUMENTS = documents("perfsonar")
BODIES = [msgspec.json.encode(document) for document in DOCUMENTS]
HEADERS = headers("perfsonar")


def run(**changes: Any) -> dict[str, Any]:
    """A pScheduler document, of a round-trip test unless changed."""
    return {
        "id": "0000000b-422d-4c4e-9d0b-4c9c3a3f2a10",
        "schedule": {"start": "2026-03-20T20:14:31Z", "duration": "PT11S"},
        "test": {"type": "rtt", "spec": {"source": "a.example", "dest": "b.example"}},
        "tool": {"name": "ping", "version": "1.0"},
        "run": {"state": "finished"},
        "participants": ["a.example"],
        "result": {"succeeded": True, "loss": 0.0, "roundtrips": []},
    } | changes


def network(body: object, headers: dict[str, str] | None = None) -> Network:
    [event] = decode(perfsonar.decode, body, headers).events
    assert isinstance(event, Network)
    return event


# --- durations -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT0.012345S", 0.012345),
        ("PT1,5S", 1.5),
        ("P0D", 0.0),
        ("P1W", 604800.0),
        ("P0.5W", 302400.0),
        ("P1W2DT3H", 788400.0),
        ("P0.25D", 21600.0),
        ("PT1.5H", 5400.0),
        ("PT0.5M30S", 60.0),
        ("-PT0.5S", -0.5),
    ],
)
def test_duration(text: str, seconds: float) -> None:
    assert duration_s(text, "$") == pytest.approx(seconds, abs=1e-9)


@pytest.mark.parametrize("text", ["1", "PT", "P1Y", "P1M", "PT1e3S"])
def test_what_is_no_duration(text: str) -> None:
    if text == "PT":
        assert duration_s(text, "$") == 0
        return
    with pytest.raises(RejectedError) as error:
        duration_s(text, "$.result.min")
    assert error.value.reject.path == "$.result.min"


@pytest.mark.parametrize("text", ["P99999999999999W", "P" + "9" * 500 + "D"])
def test_duration_beyond_a_calendar(text: str) -> None:
    assert duration_s(text, "$") == inf


def test_no_duration() -> None:
    assert duration_s(None, "$") is None


# --- histograms ------------------------------------------------------------------------------------------


def test_percentile_of_the_handbook() -> None:
    """NIST/SEMATECH e-Handbook, 7.2.6.2: the 90th percentile of these twelve is 95.1981."""
    values = [
        95.1772, 95.1567, 95.1937, 95.1959, 95.1442, 95.0610, 95.1591, 95.1195, 95.1065, 95.0925, 95.1990, 95.1682,
    ]  # fmt: skip
    assert percentile(0.9, sorted(values), range(1, 13)) == pytest.approx(95.1981, abs=5e-5)


@given(
    st.dictionaries(st.integers(-500, 500), st.integers(1, 40), min_size=1, max_size=12),
    st.sampled_from([0.001, 0.0001, 1.0]),
)
@settings(max_examples=60, deadline=None)
def test_histogram_is_as_its_packets(histogram: dict[int, int], width_s: float) -> None:
    """Counting packets and listing them gives the same."""
    packets = sorted(key * width_s for key, count in histogram.items() for _ in range(count))
    found = delays({str(key): count for key, count in histogram.items()}, width_s, "$")
    assert found is not None
    assert found.mean_s == pytest.approx(sum(packets) / len(packets), abs=1e-8)
    for p, value in ((0.5, found.median_s), (0.95, found.p95_s)):
        rank = p * (len(packets) + 1)
        whole = min(max(int(rank), 1), len(packets))
        above = packets[min(whole, len(packets) - 1)]
        below = packets[whole - 1]
        part = 0 if rank < 1 or rank >= len(packets) else rank - whole
        assert value == pytest.approx(below + part * (above - below), abs=1e-8)
    assert found.min_s <= found.median_s <= found.p95_s <= found.max_s


@pytest.mark.parametrize("key", ["fast", ""])
def test_bucket_that_is_no_number(key: str) -> None:
    with pytest.raises(RejectedError) as error:
        delays({key: 1}, 0.001, "$.result.histogram-latency")
    assert error.value.reject.reason == "value"


@pytest.mark.parametrize("width", [0, -0.001, 2])
def test_bucket_width_that_cannot_be(width: float) -> None:
    body = run(
        test={"type": "latency", "spec": {"dest": "b", "bucket-width": width}},
        result={"succeeded": True, "histogram-latency": {"1": 1}},
    )
    with pytest.raises(RejectedError) as error:
        decode(perfsonar.decode, body)
    assert error.value.reject.path == "$.test.spec.bucket-width"


# --- routes ----------------------------------------------------------------------------------------------


def test_route_changes_with_any_hop_and_any_hole() -> None:
    a, b, c = {"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}, {"ip": "192.0.2.3"}
    paths: list[Any] = [[[a, b, c]], [[a, c, b]], [[a, {}, c]], [[a, c]], [[a, b, c], [a, c]], [[a, b], [c]]]
    ids = [route(found, "$").route_id for found in paths]
    assert len(set(ids)) == len(paths)
    assert all(id_ and len(id_) == 12 for id_ in ids)
    assert [route(found, "$").hops for found in paths] == [3, 3, 3, 2, 3, 2]


def test_route_does_not_change_with_round_trips_and_letter_case() -> None:
    one = route([[{"ip": "2001:DB8::1", "rtt": "PT0.1S"}]], "$")
    other = route([[{"ip": "2001:db8::1", "rtt": "PT0.2S", "hostname": "x"}]], "$")
    assert one == other
    assert one.ip_version == 6


def test_probes_of_one_hop() -> None:
    """esmond lists three probes a hop: the first answer counts."""
    probes = [
        {"ttl": "1", "query": "1"},
        {"ttl": "1", "query": "2", "ip": "192.0.2.1"},
        {"ttl": "2", "ip": "192.0.2.2"},
    ]
    assert route(probes, "$") == route([[{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}]], "$")


def test_ttl_is_bounded() -> None:
    with pytest.raises(RejectedError) as error:
        route([{"ttl": 10**9, "ip": "192.0.2.1"}], "$.val")
    assert error.value.reject.path == "$.val[0].ttl"


def test_no_path() -> None:
    assert route([], "$") == route([[]], "$") == (None, None, None, None)


@pytest.mark.parametrize(
    ("address", "version"),
    [("192.0.2.1", 4), ("2001:db8::1", 6), ("a.b.c.d", None), ("host", None), (None, None)],
)
def test_ip_version(address: str | None, version: int | None) -> None:
    assert ip_version_of([address]) == version


# --- documents and streams -------------------------------------------------------------------------------


def test_null_is_not_archived() -> None:
    out = decode(perfsonar.decode, b"null")
    assert not out.events
    assert not out.rejects
    assert out.filtered == {"not_archived": 1}


@pytest.mark.parametrize(
    "body", [[], {"meta": {"source": "a", "event-type": "throughput"}, "datapoints": {}}]
)
def test_nothing_in_it_is_counted(body: Any) -> None:
    assert decode(perfsonar.decode, body).filtered == {"empty": 1}


def test_event_type_that_is_not_stored_is_counted() -> None:
    body = {"meta": {"source": "a", "event-type": "histogram-ttl"}, "datapoints": {"1": {}, "2": {}}}
    assert decode(perfsonar.decode, body).filtered == {"event_type_not_stored": 2}


def test_unknown_fields_are_counted() -> None:
    out = decode(
        perfsonar.decode, run(extra=1, result={"succeeded": True, "loss": 0, "colour": 1, "diags": ""})
    )
    assert out.unknown == {"extra": 1, "result.colour": 1}


def test_diagnostics_are_not_stored() -> None:
    body = run(
        result={"succeeded": False, "error": "no route", "diags": "user jane"},
        reference={"who": "jane"},
        task={"detail": {"hints": {"requester": "jane"}}},
    )
    assert b"jane" not in msgspec.json.encode(network(body))


def test_results_of_a_background_test_under_one_run_differ() -> None:
    ids = {
        network(run(run={"state": "finished", "start-time": f"2026-03-20T20:14:{second}Z"})).id
        for second in (31, 32)
    }
    assert len(ids) == 2


def test_time_zone_of_the_pscheduler() -> None:
    local = run(run={"state": "finished", "start-time": "2026-03-20T16:14:31-04:00"})
    assert network(local).time == "2026-03-20T20:14:31Z"
    assert network(local).id == network(run()).id


def test_error_that_is_no_text() -> None:
    body = run(result={"succeeded": False, "error": {"code": 7}}, run={"state": "failed"})
    assert network(body).error == '{"code":7}'


@pytest.mark.parametrize(
    ("tool", "test"),
    [
        ("pscheduler/powstream", "latency"),
        ("bwctl/iperf3", "throughput"),
        ("bwctl/tracepath", "trace"),
        ("odd", "unknown"),
    ],
)
def test_failure_is_of_its_tools_test(tool: str, test: str) -> None:
    body = {
        "meta": {"source": "a", "event-type": "failures", "tool_name": tool},
        "datapoints": {"1774037671": "no"},
    }
    event = network(body)
    assert (event.test, event.ok, event.error) == (test, False, "no")


def test_forms_of_one_metadata() -> None:
    """Underscores or hyphens, in the body or in the headers: the same series, the same id."""
    points = [{"ts": 1774037671, "val": 8e9}]
    metadata = {
        "source": "192.0.2.1",
        "destination": "192.0.2.2",
        "metadata-key": "k",
        "tool-name": "x/iperf3",
    }
    in_body = network({"metadata": metadata, "event-type": "throughput", "data": points})
    in_headers = network(points, metadata | {"event-type": "throughput"})
    stream = {key.replace("-", "_"): value for key, value in metadata.items()} | {"event-type": "throughput"}
    assert in_body == in_headers == network({"meta": stream, "datapoints": {"1774037671": 8e9}})
    assert in_body.throughput == 1e9


def test_stomp_destination_is_no_host() -> None:
    points = [{"ts": 1774037671, "val": 8e9}]
    event = network(points, {"destination": "/topic/perfsonar.raw.throughput", "source": "192.0.2.1"})
    assert (event.test, event.src_host, event.dst_host) == ("throughput", "192.0.2.1", None)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40) | spliced(BODIES), st.sampled_from(HEADERS))
def test_no_bytes_crash_it(body: bytes, headers: dict[str, str]) -> None:
    holds(perfsonar.decode, body, headers)


@settings(max_examples=60, deadline=None)
@given(JSON, st.sampled_from(HEADERS))
def test_no_json_crashes_it(document: Any, headers: dict[str, str]) -> None:
    holds(perfsonar.decode, msgspec.json.encode(document), headers)


@settings(max_examples=200, deadline=None)
@given(mutated(DOCUMENTS), st.sampled_from(HEADERS))
def test_no_mutation_crashes_it(body: bytes, headers: dict[str, str]) -> None:
    holds(perfsonar.decode, body, headers)
