"""What the formats share: surrogates, places of bytes, MONIT's envelope, in every format that reads JSON."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lakescope.core.messages import DecodeResult, Message, RejectedError
from lakescope.core.plugins import formats
from lakescope.transformers._common import any_json, metadata_time, span_s, unwrap, utc_moment

CASES = Path(__file__).parents[1] / "cases"
FORMATS = formats()


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"\udce9", "\ufffd"),
        (r"\uDCE9x", "\ufffdx"),
        (r"\ud83d", "\ufffd"),
        (r"\ud83d\ude00", "😀"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\ud83d\n", "\ufffd\n"),
        (r"\ud83d\u0041", "\ufffdA"),
        (r"\\udce9\udce9", r"\udce9" + "\ufffd"),
        (r"\\\udce9", "\\\ufffd"),
        (r"\"\udce9", '"\ufffd'),
    ],
)
def test_lone_surrogates_become_the_replacement_character(escaped: str, text: str) -> None:
    assert any_json(f'{{"{escaped}": [["{escaped}"]]}}'.encode()) == {text: [[text]]}


@pytest.mark.parametrize("body", [rb'["\udce9"', rb'["\udce"]', rb"\udce9", rb'["\ud83d\q"]'])
def test_other_faults_stay_faults(body: bytes) -> None:
    with pytest.raises(RejectedError, match="not_json"):
        any_json(body)


def one_body(format: str) -> bytes | None:
    """A body of a case that gives events and no reject."""
    for path in sorted((CASES / format).glob("*/input.json*")):
        if {one.name for one in path.parent.iterdir()} == {path.name, "expected.jsonl"}:
            return path.read_bytes()
    return None


JSON_FORMATS = [name for name in FORMATS if one_body(name)]


@pytest.mark.parametrize("name", JSON_FORMATS)
def test_every_format_names_the_bytes_place_in_the_body(name: str) -> None:
    body = one_body(name)
    assert body is not None
    opening = re.compile(rb'[:{,[]\s*"').search(body, len(body) // 2)
    assert opening is not None
    place = opening.end()
    broken = body[:place] + b"\xe9" + body[place:]
    out = DecodeResult()
    try:
        FORMATS[name](Message(broken, received=1.8e9), out)
    except RejectedError as error:
        out.rejects.append(error.reject)
    texts = [str(reject) for reject in out.rejects if reject.reason == "not_text"]
    assert texts and all(text.endswith(f"byte 0xe9 at byte {place} of the body") for text in texts)


@pytest.mark.parametrize("name", JSON_FORMATS)
def test_every_format_keeps_what_holds_a_lone_surrogate(name: str) -> None:
    body = one_body(name)
    assert body is not None
    out, plain = DecodeResult(), DecodeResult()
    FORMATS[name](Message(body.replace(b"{", rb'{"\udce9": "\udce9", ', 1), received=1.8e9), out)
    FORMATS[name](Message(body, received=1.8e9), plain)
    assert len(out.events) == len(plain.events) > 0
    assert not out.rejects


@pytest.mark.parametrize(
    ("metadata", "time"),
    [
        ({"timestamp": 1754900000500}, "2025-08-11T08:13:20.500Z"),
        ({"timestamp": "1754900000500"}, "2025-08-11T08:13:20.500Z"),
        ({"timestamp": 1754900099000, "event_timestamp": 1754900000500}, "2025-08-11T08:13:20.500Z"),
        ({"timestamp": 1754900000500, "event_timestamp": None}, "2025-08-11T08:13:20.500Z"),
        ({"timestamp": True}, None),
        ({"timestamp": "soon"}, None),
        ({"timestamp": 0}, None),
        ({}, None),
    ],
)
def test_the_time_that_monit_has(metadata: dict[str, Any], time: str | None) -> None:
    assert metadata_time(metadata) == time


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [
        ("2026-01-01 00:00:00", "2026-01-01 00:00:01.5", 1.5),
        ("2026-01-01 00:00:00.999999", "2026-01-01 00:00:00", None),  # FTS's clock has whole seconds
        ("2026-01-01 00:00:01", "2026-01-01 00:00:00", -1.0),  # beyond its bound: counted there
        ("1970-01-01 00:00:00", "2026-01-01 00:00:00", None),
        ("2026-01-01 00:00:00", None, None),
    ],
)
def test_a_span_is_reversed_or_unknown(start: str, end: str | None, span: float | None) -> None:
    assert span_s(utc_moment(start)[1], utc_moment(end)[1]) == span


def test_monits_envelope() -> None:
    metadata = {"timestamp": 1}
    assert unwrap({"data": {"a": 1}, "metadata": metadata}) == ({"a": 1}, "$.data", metadata)
    assert unwrap({"data": {"a": 1}}, "$[0]") == ({"a": 1}, "$[0].data", {})
    for other in ([], {"data": [1], "metadata": {}}, {"data": {}, "metadata": []}, {"data": {}, "b": 1}):
        assert unwrap(other) == (other, "$", {})
