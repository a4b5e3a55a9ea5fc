"""Pushed documents: what the cases cannot show."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakescope.core.events import Probe, Push, Storage
from lakescope.core.messages import Message, RejectedError
from lakescope.pipeline.normalise import Normaliser
from lakescope.transformers import push
from tests.transformers.bodies import documents
from tests.transformers.properties import JSON, decode, holds, mutated, spliced

DOCUMENTS = documents("push")
BODIES = [msgspec.json.encode(document) for document in DOCUMENTS]


def document(type: str = "beat", **more: Any) -> dict[str, Any]:
    return {"producer": "my_lab", "type": type, "timestamp": 1774037671} | more


def test_empty_array_is_counted() -> None:
    assert decode(push.decode, []).filtered == {"empty": 1}


def test_unknown_field_of_a_known_document_is_counted() -> None:
    out = decode(push.decode, document("rucio_rse_stats", rse="A", files=1, host="h", shoes=2))
    assert out.unknown == {"shoes": 1}


def test_fields_of_any_other_document_are_its_own() -> None:
    out = decode(push.decode, document(shoes=2, idb_tags=["shoes"]))
    assert not out.unknown
    [event] = out.events
    assert isinstance(event, Push)
    assert event.data == {"shoes": 2}
    assert event.idb_tags == ["shoes"]
    assert event.idb_fields is None


def test_numbers_that_no_store_holds_are_null_and_counted() -> None:
    data = {"big": 2**63, "deep": [{"less": -(2**63) - 1}, 2**63 - 1, True], "float": 1e300}
    beat = document(**data)
    stats = document("rucio_rse_stats", rse="A", used_bytes=2**63)
    out = Normaliser({"push": push.decode}, lambda _: {})(
        [Message(msgspec.json.encode([beat, beat | {"big": 2**64}, stats]), "push")]
    )
    assert (out.impossible, out.rejects) == ({"push.data": 4, "storage.used": 1}, [])
    beat_event, other, stats_event = out.events
    assert isinstance(beat_event, Push) and isinstance(stats_event, Storage)
    assert beat_event.data == {"big": None, "deep": [{"less": None}, 2**63 - 1, True], "float": 1e300}
    assert beat_event.id != other.id  # they were two documents
    assert stats_event.used is None


def test_contact_is_not_stored() -> None:
    body = document(
        "availability", serviceid="rucio", service_status="available", contact="someone@example.org"
    )
    assert b"someone" not in msgspec.json.encode(decode(push.decode, body).events)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("SUCCESS", "ok"),
        ("FAILED", "critical"),
        ("SKIPPED", "unknown"),
        ("available", "ok"),
        ("Degraded", "warning"),
        ("unavailable", "critical"),
    ],
)
def test_status(word: str, status: str) -> None:
    [event] = decode(push.decode, document("sam_gfal", status=word)).events
    assert isinstance(event, Probe)
    assert (event.status, event.message) == (status, None)


@pytest.mark.parametrize(
    ("parts", "target"),
    [
        ({"endpoint": "se.example.org"}, "se.example.org"),
        ({"endpoint": "se.example.org", "port": "1094", "protocol": "root"}, "root://se.example.org:1094"),
        ({"endpoint": "se.example.org", "protocol": "davs", "path": "x"}, "davs://se.example.org/x"),
        ({"endpoint": "davs://se.example.org/x", "port": 443}, "davs://se.example.org/x"),
        ({"path": "/x"}, None),
    ],
)
def test_target_of_sam_gfal(parts: dict[str, Any], target: str | None) -> None:
    [event] = decode(push.decode, document("sam_gfal", status="SUCCESS", **parts)).events
    assert isinstance(event, Probe)
    assert event.target == target


def test_same_document_at_two_times_is_two_events() -> None:
    first, again, later = decode(
        push.decode, [document(n=1), document(n=1), document(n=1, timestamp=1774037672)]
    ).events
    assert first == again
    assert first.id != later.id


def test_order_of_keys_does_not_change_the_id() -> None:
    one = decode(push.decode, document(a=1, b={"c": 1, "d": 2})).events
    other = decode(push.decode, document(b={"d": 2, "c": 1}, a=1)).events
    assert one == other


def test_nesting_up_to_the_limit() -> None:
    deep: Any = 1
    for _ in range(push.MAX_DEPTH - 1):
        deep = [deep]
    assert decode(push.decode, document(deep=deep)).events
    with pytest.raises(RejectedError):
        decode(push.decode, document(deep=[deep]))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40) | spliced(BODIES))
def test_no_bytes_crash_it(body: bytes) -> None:
    holds(push.decode, body)


@settings(max_examples=80, deadline=None)
@given(JSON | st.dictionaries(st.text(max_size=5), JSON).map(lambda found: document() | found))
def test_no_json_crashes_it(found: Any) -> None:
    holds(push.decode, msgspec.json.encode(found))


@settings(max_examples=150, deadline=None)
@given(mutated(DOCUMENTS))
def test_no_mutation_crashes_it(body: bytes) -> None:
    holds(push.decode, body)


def test_an_optional_field_of_another_type_costs_the_field_alone() -> None:
    document = {"producer": "p", "type": "t", "timestamp": 1767607326, "idb_tags": "site", "value": 1}
    out = decode(push.decode, document)
    [event] = out.events
    assert isinstance(event, Push)
    assert (event.idb_tags, event.data["value"]) == (None, 1)
    assert out.odd == {"idb_tags": 1}
