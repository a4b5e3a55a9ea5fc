"""Lakescope's own events: what is written is read back byte for byte, whoever reads it; no bytes crash the format."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakescope.alerts.book import IncidentRecord
from lakescope.app import interventions
from lakescope.app.incident_events import events_of
from lakescope.core.events import DATASETS, AlertChange, Event, FileOperation
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser, NormaliseResult
from lakescope.pipeline.transform import SinkInput, Transform
from lakescope.simulator import make_lake, simulate
from lakescope.simulator.cric import rcsite_query, rse_query, service_query
from lakescope.sinks.jsonl import FileEncoder
from lakescope.transformers import events
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.topology import Topology
from tests.transformers.bodies import ROOT, documents, texts
from tests.transformers.properties import holds, mutated, spliced

EXPECTED = sorted((ROOT / "cases").glob("*/*/expected.jsonl"))
LINES = [line for path in EXPECTED for line in path.read_bytes().splitlines()]
write = msgspec.json.Encoder().encode
write_sorted = msgspec.json.Encoder(order="sorted").encode


def other_lakescope(topology: Topology | None = None) -> Normaliser:
    """One that would make something else of every event: another name, VO, salt and idea of noise."""
    enrichment = Enrichment(
        topology, collector="reload", vo="other", functional_scopes=("",), user_salt=b"another salt"
    )
    return Normaliser(formats(), enrichment)


def read(*bodies: bytes, normaliser: Normaliser | None = None) -> NormaliseResult:
    batch = (normaliser or other_lakescope())([Message(body, "events") for body in bodies])
    assert not batch.rejects, batch.rejects[:3]
    assert not (batch.unknown or batch.impossible or batch.odd)
    return batch


@pytest.mark.parametrize("path", EXPECTED, ids=lambda path: f"{path.parts[-3]}-{path.parts[-2]}")
def test_the_events_of_every_case_are_read_back(path: Path) -> None:
    lines = path.read_bytes().splitlines()
    assert [write_sorted(event) for event in read(*lines).events] == lines


@pytest.fixture(scope="module")
def hour() -> list[Event]:
    """An hour of the simulated lake, every source, with a topology and users; an incident of it and a step of an alert."""
    lake = make_lake()
    topology = Topology(
        *(json.loads(json.dumps(query(lake))) for query in (rse_query, service_query, rcsite_query))
    )
    start = datetime(2026, 3, 2, 8, tzinfo=UTC)
    wires = simulate(lake, seed=5, start=start, end=start + timedelta(hours=1), rate=600)
    messages = [Message(wire.body, wire.format, wire.headers, wire.time) for wire in wires]
    batch = Normaliser(formats(), Enrichment(topology, collector="lake", user_salt=b"salt"))(messages)
    assert not batch.rejects
    incident = IncidentRecord(
        id="I1",
        culprit="destination PIC",
        patterns=((("dst_site", "PIC"), ("vo", "escape")),),
        severity="page",
        owner="site",
        began=start.timestamp(),
        opened=start.timestamp() + 600,
        attempts=100,
        failures=90,
        expected=3.3,
        error="DESTINATION No route to host",
    )
    step = AlertChange(
        id="a" * 32,
        time="2026-03-02T08:15:00.5Z",
        source="lakescope",
        event="opened",
        alert="storage_full E",
        rule="storage_full",
        severity="page",
        rse="E",
        elapsed_s=300.25,
        summary="E is 97 % full",
    )
    operation = FileOperation(
        id="b" * 32,
        time="2026-03-02T08:20:00.5Z",
        source="dcache",
        event="write",
        ok=True,
        bytes=2**40,
        queue_s=0.25,
    )
    note = interventions.create(
        interventions.Words(
            text="FTS 3.13", at="2026-03-02T08:00", until="2026-03-02T09:00", site="PIC", by="Ada"
        ),
        start,
    )
    found = [*batch.events, *events_of([incident], incident.opened), step, operation, note]
    assert {event.dataset for event in found} >= DATASETS.keys() - {"push", "pipeline", "syncs"}
    return found


SHAPES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "one by one": lambda lines: lines,
    "one body of lines": lambda lines: [b"".join(line + b"\n" for line in lines)],
    "one array": lambda lines: [b"[" + b",".join(lines) + b"]"],
    "one array, indented": lambda lines: [msgspec.json.format(b"[" + b",".join(lines) + b"]", indent=2)],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_simulated_hour_is_read_back(hour: list[Event], shape: str) -> None:
    first = {event.id: event for event in reversed(hour)}  # a body has an event once
    lines = [write(event) for event in first.values()]
    assert [write(event) for event in read(*SHAPES[shape](lines)).events] == lines


def test_neighbours_of_other_formats_are_enriched(hour: list[Event]) -> None:
    """One batch of an http collector may hold both."""
    line = write(next(event for event in hour if event.dataset == "deletions"))
    body = b'{"producer": "escape_wp2", "type": "rucio_rse_stats", "timestamp": 1790000000, "rse": "A", "files": 3}'
    messages = [Message(line, "events"), Message(body, "push"), Message(line, "events")]
    before, pushed, after = other_lakescope()(messages).events
    assert (pushed.collector, pushed.vo) == ("reload", "other")
    assert write(before) == write(after) == line


def test_a_batch_with_an_event_that_cannot_be_encoded_leaves_the_others_alone(hour: list[Event]) -> None:
    lines = [write(event) for event in hour[:20]]
    refused = hour[7].id

    def encode(events: list[Event], documents: list[bytes]) -> list[bytes | None]:
        if any(event.id == refused for event in events):
            raise ValueError("not this one")
        return list(documents)

    result = Transform(other_lakescope(), {"store": SinkInput(encode)})(
        [Message(line, "events") for line in lines]
    )
    assert result.parcels["store"].chunks == [line for line in lines if refused.encode() not in line]
    assert [reject.reason for reject in result.rejects] == ["decoder_error"]


def test_a_time_never_leads_out_of_the_archive() -> None:
    """The jsonl sink names its files by the event's time; anyone may push an event."""
    event = msgspec.json.decode(LINES[0])
    out = other_lakescope()([Message(write(event | {"time": "../../../../etc"}), "events")])
    assert [reject.path for reject in out.rejects] == ["$.time"]
    assert not FileEncoder(10)(out.events, [])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40) | st.text(max_size=60).map(str.encode))
def test_no_bytes_crash_it(body: bytes) -> None:
    holds(events.decode, body)


@settings(max_examples=150, deadline=None)
@given(
    mutated([*documents("events"), *map(msgspec.json.decode, LINES)]) | spliced([*texts("events"), *LINES])
)
def test_no_mutation_crashes_it(body: bytes) -> None:
    holds(events.decode, body)
