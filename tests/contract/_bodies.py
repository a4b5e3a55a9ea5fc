"""Bodies to deliver: Rucio's own samples, each with ids and times of its own; documents of scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from lakescope.core.events import Event
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser
from lakescope.transformers.enrichment import Enrichment

SAMPLES = Path(__file__).parents[1] / "samples"
RECEIVED = 1_795_000_000.0
"""When messages were received; no event here takes its time from it."""


def hermes(count: int, *, start: int = 0) -> list[bytes]:
    """Different bodies of every kind that Hermes sends, in turn; none carries an MD5 checksum."""
    samples = json.loads((SAMPLES / "hermes_one_of_each.json").read_text())
    return [
        _numbered(samples[number % len(samples)]["body"], number) for number in range(start, start + count)
    ]


def with_md5(count: int, *, start: int = 1_000_000) -> list[bytes]:
    """Different finished transfers that carry an MD5 checksum: what tests have stores refuse."""
    samples = json.loads((SAMPLES / "hermes_one_of_each.json").read_text())
    done = next(s["body"] for s in samples if s["body"]["event_type"] == "transfer-done")
    return [
        _numbered(done, number, md5=f"{number:032x}"[:-1] + "f") for number in range(start, start + count)
    ]


def scripts(count: int, *, start: int = 0) -> list[bytes]:
    """Documents of scripts, of which become probes, storage and push events in turn."""
    kinds: list[dict[str, Any]] = [
        {"type": "sam_gfal", "site": "CNAF-STORM", "operation": "UPLOAD", "status": "SUCCESS"},
        {"type": "rucio_rse_stats", "rse": "DESY-DCACHE", "files": 3, "used_bytes": 10**12},
        {"type": "queue", "depth": 7, "host": "n1", "idb_tags": ["host"]},
    ]
    return [
        json.dumps(kinds[n % 3] | {"producer": "escape_wp2", "timestamp": 1_790_000_000 + n}).encode()
        for n in range(start, start + count)
    ]


def ndjson(bodies: Iterable[bytes]) -> bytes:
    """Bodies as JSON lines."""
    return b"".join(body + b"\n" for body in bodies)


def events_of(format_: str, bodies: Iterable[bytes], collector: str | None = None) -> dict[str, Event]:
    """id -> event, by the transform stage alone; every body must be read."""
    messages = [Message(body, format_, {}, RECEIVED) for body in bodies]
    batch = Normaliser(formats(), Enrichment(collector=collector))(messages)
    assert not batch.rejects, batch.rejects[:3]
    return {event.id: event for event in batch.events}


def documents_of(events: Iterable[Event]) -> list[bytes]:
    """The events as JSON, as a sink's encoder gets them beside the events."""
    return [msgspec.json.encode(event) for event in events]


def _numbered(sample: dict[str, Any], number: int, md5: str | None = None) -> bytes:
    body = json.loads(json.dumps(sample))
    payload = body["payload"]
    if "request-id" in payload:
        payload["request-id"] = f"{number:032x}"
    if "checksum-md5" in payload:
        payload["checksum-md5"] = md5
    body["created_at"] = f"2026-11-22 11:{number // 60 % 60:02}:{number % 60:02}.{number % 10**6:06}"
    return json.dumps(body).encode()
