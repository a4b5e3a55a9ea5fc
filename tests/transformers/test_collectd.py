"""collectd: what the cases cannot show: counts of a whole post, what is filtered, and "no bytes crash it"."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakescope.core.bounds import clear_impossible
from lakescope.core.events import Host, Probe
from lakescope.core.messages import RejectedError
from lakescope.transformers import collectd
from tests.transformers.bodies import SAMPLES, documents
from tests.transformers.properties import JSON, decode, event_holds, holds, mutated, spliced

DOCUMENTS = documents("collectd")
BODIES = [msgspec.json.encode(document) for document in DOCUMENTS]


def value_list(**changes: Any) -> dict[str, Any]:
    return {
        "values": [1],
        "dstypes": ["gauge"],
        "dsnames": ["value"],
        "time": 1414372779.057,
        "interval": 10.0,
        "host": "se01.example.org",
        "plugin": "users",
        "plugin_instance": "",
        "type": "users",
        "type_instance": "",
    } | changes


def test_whole_post() -> None:
    """A POST of collectd 5.12: two comment lines of the sample's maker, then the body."""
    body = (SAMPLES / "collectd_write_http_post.txt").read_bytes().split(b"\n", 2)[2]
    lists = msgspec.json.decode(body)
    out = decode(collectd.decode, body)
    assert len(out.events) == sum(len(found["values"]) for found in lists) == 308
    assert not out.rejects
    assert not out.unknown
    assert not out.filtered
    assert len({event.id for event in out.events}) == 308
    assert {event.host for event in out.events if isinstance(event, Host)} == {"se01.site-a.example"}
    for event in out.events:
        event_holds(event)


def test_whole_selection() -> None:
    """One value list of every plugin, and a notification."""
    body = (SAMPLES / "collectd_write_http_selection.json").read_bytes()
    dstypes = Counter(dstype for found in msgspec.json.decode(body) for dstype in found.get("dstypes", ()))
    out = decode(collectd.decode, body)
    assert Counter(type(event) for event in out.events) == {Host: 540, Probe: 1}
    types = Counter(event.type for event in out.events if isinstance(event, Host))
    assert types == {"counter": dstypes["derive"], "gauge": dstypes["gauge"]}
    assert not out.rejects
    assert not out.unknown


def test_repeat_gives_the_same_ids_whatever_it_came_with() -> None:
    alone = decode(collectd.decode, value_list()).events
    among = decode(
        collectd.decode, [value_list(plugin="load"), value_list(), value_list(values=["x"])]
    ).events
    assert among[1] == alone[0]


def test_sisters_differ() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"host": "b"},
        {"plugin": "b"},
        {"plugin_instance": "b"},
        {"type": "b"},
        {"type_instance": "b"},
        {"dsnames": ["b"]},
        {"time": 1414372779.058},
    ]
    ids = {decode(collectd.decode, value_list(**change)).events[0].id for change in changes}
    assert len(ids) == len(changes)


def test_empty_array_is_counted() -> None:
    assert decode(collectd.decode, []).filtered == {"empty": 1}


def test_unknown_field_is_counted() -> None:
    out = decode(collectd.decode, [value_list(tags={})])
    assert out.unknown == {"tags": 1}
    assert len(out.events) == 1


def test_number_beyond_a_double_is_impossible() -> None:
    out = decode(
        collectd.decode,
        b"[" + msgspec.json.encode(value_list()).replace(b"[1]", b"[" + b"9" * 400 + b"]") + b"]",
    )
    clear_impossible(out.events, out.impossible)
    [event] = out.events
    assert isinstance(event, Host)
    assert event.value is None
    assert out.impossible == {"hosts.value": 1}
    assert not out.rejects


@pytest.mark.parametrize("body", [b"", b"[", b"\xff", b"[" * 5000])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(RejectedError) as error:
        decode(collectd.decode, body)
    assert error.value.reject.reason in ("not_json", "not_text")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40) | spliced(BODIES))
def test_no_bytes_crash_it(body: bytes) -> None:
    holds(collectd.decode, body)


@settings(max_examples=60, deadline=None)
@given(JSON)
def test_no_json_crashes_it(document: Any) -> None:
    holds(collectd.decode, msgspec.json.encode(document))


@settings(max_examples=120, deadline=None)
@given(mutated(DOCUMENTS))
def test_no_mutation_crashes_it(body: bytes) -> None:
    holds(collectd.decode, body)
