"""Telegraf: what the cases cannot show."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakescope.core.bounds import clear_impossible
from lakescope.core.events import Host
from lakescope.transformers import telegraf
from tests.transformers.bodies import documents
from tests.transformers.properties import JSON, decode, holds, mutated, spliced

DOCUMENTS = documents("telegraf")
BODIES = [msgspec.json.encode(document) for document in DOCUMENTS]


def metric(**changes: Any) -> dict[str, Any]:
    return {"name": "mem", "fields": {"used": 1}, "tags": {"host": "a"}, "timestamp": 1774037671} | changes


def test_text_and_nested_fields_are_counted() -> None:
    out = decode(telegraf.decode, metric(fields={"a": "x", "b": {"c": 1}, "d": [1], "e": 1}))
    assert out.filtered == {"text_field": 3}
    assert len(out.events) == 1


@pytest.mark.parametrize("body", [[], {"metrics": []}, metric(fields={})])
def test_nothing_in_it_is_counted(body: Any) -> None:
    assert decode(telegraf.decode, body).filtered == {"empty": 1}


def test_unknown_fields_are_counted() -> None:
    assert decode(telegraf.decode, {"metrics": [metric(type="x")], "v": 1}).unknown == {"type": 1, "v": 1}


def test_an_impossible_field_costs_none_of_its_sisters() -> None:
    body = msgspec.json.encode(metric(fields={"a": 1, "b": 7})).replace(b":7", b":" + b"9" * 400)
    out = decode(telegraf.decode, body)
    clear_impossible(out.events, out.impossible)
    assert [event.value for event in out.events if isinstance(event, Host)] == [1.0, None]
    assert out.impossible == {"hosts.value": 1}


@pytest.mark.parametrize(
    ("power", "time"),
    [
        (0, "2026-03-20T20:14:31Z"),
        (1, "2026-03-20T20:14:31.200000Z"),
        (3, "2026-03-20T20:14:31.250000Z"),
        (6, "2026-03-20T20:14:31.250001Z"),
        (9, "2026-03-20T20:14:31.250001Z"),
    ],
)
def test_unit_of_the_timestamp_by_its_digits(power: int, time: str) -> None:
    nanoseconds = 1_774_037_671_250_001_002
    out = decode(telegraf.decode, metric(timestamp=nanoseconds // 10 ** (9 - power)))
    assert out.events[0].time == time


def test_order_of_tags_does_not_change_the_id() -> None:
    one = decode(telegraf.decode, metric(tags={"host": "a", "x": "1", "y": "2"})).events
    other = decode(telegraf.decode, metric(tags={"y": "2", "x": "1", "host": "A"})).events
    assert one == other


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40) | spliced(BODIES))
def test_no_bytes_crash_it(body: bytes) -> None:
    holds(telegraf.decode, body)


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_no_json_crashes_it(document: Any) -> None:
    holds(telegraf.decode, msgspec.json.encode(document))


@settings(max_examples=120, deadline=None)
@given(mutated(DOCUMENTS))
def test_no_mutation_crashes_it(body: bytes) -> None:
    holds(telegraf.decode, body)
