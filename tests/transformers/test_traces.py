"""Traces: what the cases cannot show: ids, what is counted, "no bytes crash it"."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakescope.core.events import Trace
from lakescope.core.messages import DecodeResult, Message
from lakescope.transformers import traces
from tests.transformers.bodies import documents, texts
from tests.transformers.properties import JSON, decode, holds, mutated, spliced

DOCUMENTS = documents("traces")
TEXTS = texts("traces")
UPLOAD: dict[str, Any] = next(
    document for document in DOCUMENTS if isinstance(document, dict) and document.get("eventType") == "upload"
)


def changed(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in (UPLOAD | changes).items() if value is not ...}


def trace(document: object) -> Trace:
    [found] = decode(traces.decode, document).events
    assert isinstance(found, Trace)
    return found


def test_a_repeat_has_the_same_id() -> None:
    assert trace(UPLOAD) == trace(UPLOAD)
    assert trace(changed(traceId=...)) == trace(changed(traceId=...))


def test_ids_differ() -> None:
    found = [UPLOAD, changed(traceId="0" * 32)] + [
        changed(traceId=..., **changes)
        for changes in (
            {},
            {"uuid": "0" * 32},
            {"eventType": "download"},
            {"clientState": "FAILED"},
            {"scope": "other"},
            {"filename": "f2"},
            {"remoteSite": "OTHER"},
            {"transferStart": 1767607262.0},
            {"traceTimeentryUnix": 1767607326.0},
            {"hostname": "other"},
        )
    ]
    assert len({trace(document).id for document in found}) == len(found)


def test_unknown_fields_are_counted() -> None:
    out = decode(traces.decode, [changed(new=1), changed(new=2, newer=None), UPLOAD])
    assert out.unknown == {"new": 2, "newer": 1}
    assert len(out.events) == 3


@pytest.mark.parametrize(
    ("state", "ok"),
    [
        ("DONE", True),
        ("done", True),
        ("ALREADY_DONE", True),
        ("FOUND_IN_PCACHE", True),
        ("FAILED", False),
        ("FILE_NOT_FOUND", False),
        ("FAIL_VALIDATE", False),
        ("PROCESSING", None),
        ("DOWNLOAD_ATTEMPT", None),
        ("FOUND_ROOT", True),
        ("COPY_ERROR", False),
        ("ServiceUnavailable", False),
        ("a name that nobody has used yet", False),
        ("unknown", None),
        ("", None),
        (None, None),
        (..., None),
    ],
)
def test_ok(state: object, ok: bool | None) -> None:
    assert trace(changed(clientState=state)).ok is ok


def test_a_touch_is_neither_good_nor_bad() -> None:
    assert trace(changed(eventType="touch", clientState="DONE")).ok is None


OPTIONAL = sorted(set(traces.Report.__struct_encode_fields__) - {"eventType", "traceId"})


@pytest.mark.parametrize("value", [{"a": 1}, ["a"], True, 5, 1e300, 10**30, -1, "text", "\ud800"], ids=repr)
@pytest.mark.parametrize("key", OPTIONAL)
def test_no_optional_field_loses_the_trace(key: str, value: object) -> None:
    body = json.dumps(UPLOAD | {key: value}).encode()
    out = DecodeResult()
    traces.decode(Message(body), out)
    assert [event.id for event in out.events] == [trace(UPLOAD).id]


@pytest.mark.parametrize("value", [{"a": 1}, ["a"], True, 5])
def test_an_odd_id_does_not_lose_the_trace(value: object) -> None:
    assert trace(changed(traceId=value)) == trace(changed(traceId=value))


def test_fields_of_another_type_are_counted() -> None:
    out = decode(
        traces.decode, changed(scope=["a"], stateReason=["a", "b"], filesize={}, account=5, transferEnd=1e15)
    )
    assert out.odd == {"scope": 1, "stateReason": 1, "filesize": 1, "account": 1, "transferEnd": 1}
    [found] = out.events
    assert isinstance(found, Trace)
    assert (found.scope, found.bytes, found.account, found.ended) == (None, None, "5", None)


@pytest.mark.parametrize("name", ["unknown", "UNKNOWN", " ", ""])
def test_unknown_is_null(name: str) -> None:
    found = trace(changed(remoteSite=name, localSite=name, hostname=name, protocol=name, account=name))
    assert (found.rse, found.client_site, found.host, found.protocol, found.account) == (None,) * 5


def test_as_monit_keeps_it() -> None:
    snake = {
        re.sub("([A-Z])", lambda hump: "_" + hump[0].lower(), key): value for key, value in UPLOAD.items()
    }
    metadata = {"timestamp": 1767607326232, "producer": "rucio"}
    assert (
        trace({"data": UPLOAD, "metadata": metadata})
        == trace({"data": snake, "metadata": metadata})
        == trace(UPLOAD)
    )
    bare = changed(traceTimeentry=None, traceTimeentryUnix=None)
    assert trace({"data": bare, "metadata": metadata}).time == "2026-01-05T10:02:06.232Z"


@pytest.mark.parametrize("reason", ["OK", "UNKNOWN", "", None])
def test_no_reason_is_no_error(reason: str | None) -> None:
    assert trace(changed(clientState="PROCESSING", stateReason=reason)).error is None


@pytest.mark.parametrize(
    ("remote_site", "rse"),
    [("A", "A"), (" A ", "A"), ("A,B", None), ("A,", None), ("", None), (" ", None), (None, None)],
)
def test_rse(remote_site: str | None, rse: str | None) -> None:
    assert trace(changed(remoteSite=remote_site)).rse == rse


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | spliced(TEXTS) | JSON.map(msgspec.json.encode) | mutated(DOCUMENTS))
def test_no_bytes_crash_it(body: bytes) -> None:
    holds(traces.decode, body)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(UPLOAD)), JSON, min_size=1, max_size=4))
def test_no_value_crashes_it(changes: dict[str, Any]) -> None:
    """Any value under a key that is read."""
    holds(traces.decode, msgspec.json.encode(UPLOAD | changes))


@pytest.mark.parametrize(
    "body", [b"[%s]", b'{"eventType":"a","usr":%s}', b'{"eventType":"a","scope":%s}', b'{"a":%s}']
)
def test_any_depth(body: bytes) -> None:
    for depth in (*range(10, 800, 50), *range(900, 1010)):
        holds(traces.decode, body % (b"[" * depth + b"]" * depth))
        holds(traces.decode, body % (b'{"a":' * depth + b"1" + b"}" * depth))
