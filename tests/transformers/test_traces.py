"""Traces: what the cases cannot show: ids, what is counted, "no bytes crash it"."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakescope.events import Trace
from tests.transformers.bodies import documents, texts
from tests.transformers.properties import JSON, decode, holds, mutated, spliced
from transformers import traces

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
        ("FOUND_ROOT", None),
        ("", None),
        (None, None),
        (..., None),
    ],
)
def test_ok(state: object, ok: bool | None) -> None:
    assert trace(changed(clientState=state)).ok is ok


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
