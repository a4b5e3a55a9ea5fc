"""Rucio's REST API: what the cases cannot show."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakescope.core.events import Poll, Rule, Storage
from lakescope.core.messages import DecodeResult, Message, RejectedError
from lakescope.pipeline.normalise import Normaliser
from lakescope.transformers import rucio_api
from tests.transformers.bodies import ROOT, headers, texts
from tests.transformers.properties import RECEIVED, decode, holds, mutated, spliced

TEXTS = texts("rucio_api")
CASES = ("rules_of_every_state", "usage_of_every_source")
LINES = [
    msgspec.json.decode(line)
    for case in CASES
    for line in (ROOT / "cases" / "rucio_api" / case / "input.jsonl").read_bytes().splitlines()
]


def test_the_polls_of_a_rule_are_events_of_their_own_and_a_repeat_is_not() -> None:
    body = msgspec.json.encode(LINES[0])
    first, again, later = (_ids(body, moment) for moment in (RECEIVED, RECEIVED, RECEIVED + 60))
    assert first == again
    assert first != later


@pytest.mark.parametrize(
    ("line", "impossible"),
    [
        ({"source": "expired", "rse": "A", "used": -1, "files": 3, "free": -1, "total": -1}, {}),
        ({"source": "expired", "rse": "A", "used": -5, "files": 3}, {"storage.used": 1}),
        (
            {"rse": "A", "account": "a", "used_bytes": -5, "used_files": 3, "quota_bytes": 10},
            {"storage.used": 1},
        ),
        (
            {"rse": "A", "account": "a", "used_bytes": 5, "used_files": 3, "quota_bytes": 2**63},
            {"storage.total": 1},
        ),
        ({"id": "a" * 32, "state": "OK", "created_at": "2025-12-31 23:59:59"}, {}),
        (
            {"id": "a" * 32, "state": "OK", "created_at": "2026-01-01 00:00:00.5"},
            {},
        ),  # clocks of whole seconds
        ({"id": "a" * 32, "state": "OK", "created_at": "2026-01-01 00:00:01"}, {"rules.age_s": 1}),
        ({"id": "a" * 32, "state": "STUCK", "stuck_at": "2026-02-01 00:00:00"}, {"rules.stuck_s": 1}),
        ({"id": "a" * 32, "state": "OK", "stuck_at": "2026-02-01 00:00:00"}, {}),  # of no meaning then
    ],
)
def test_what_cannot_be_is_counted_and_what_is_unset_is_not(
    line: dict[str, Any], impossible: dict[str, int]
) -> None:
    """And nothing is computed from it."""
    message = Message(msgspec.json.encode(line), "rucio_api", {}, 1767225600.0)
    out = Normaliser({"rucio_api": rucio_api.decode}, lambda _: {})([message])
    (event,) = out.events
    assert out.impossible == impossible
    assert all(getattr(event, name.partition(".")[2]) is None for name in impossible)
    assert not isinstance(event, Storage) or (event.free, event.files) == (None, 3)


def test_a_line_alone_is_what_it_is_among_others() -> None:
    """Pushed as ``application/x-ndjson`` an answer comes line by line."""
    whole = decode(rucio_api.decode, b"\n".join(map(msgspec.json.encode, LINES))).events
    assert whole == [event for line in LINES for event in decode(rucio_api.decode, line).events]
    assert len(whole) > 1


def test_age_is_of_the_polling() -> None:
    line = {"id": "a", "state": "OK", "created_at": "Wed, 31 Dec 2025 23:59:00 UTC"}
    [event] = decode(rucio_api.decode, line).events
    assert isinstance(event, Rule)
    assert event.age_s == 60


def test_a_message_without_a_time_is_rejected() -> None:
    with pytest.raises(RejectedError) as error:
        rucio_api.decode(Message(b'{"id": "a", "state": "OK"}', received=0.0), DecodeResult())
    assert error.value.reject.path == "$.headers.date"


def _ids(body: bytes, received: float) -> list[str]:
    out = DecodeResult()
    rucio_api.decode(Message(body, received=received), out)
    return [event.id for event in out.events]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40) | st.text(max_size=60).map(str.encode))
def test_no_bytes_crash_it(body: bytes) -> None:
    holds(rucio_api.decode, body)


@settings(max_examples=150, deadline=None)
@given(mutated(LINES), st.sampled_from(headers("rucio_api")))
def test_no_mutation_crashes_it(body: bytes, head: dict[str, Any]) -> None:
    holds(rucio_api.decode, body, head)


@settings(max_examples=150, deadline=None)
@given(spliced(TEXTS))
def test_no_splice_crashes_it(body: bytes) -> None:
    holds(rucio_api.decode, body)


@pytest.mark.parametrize("body", [b"", b"\n", b"[]"])
def test_an_empty_answer_to_a_known_question_is_an_answer(body: bytes) -> None:
    out = DecodeResult()
    headers = {"url": "https://u:secret@rucio.example.org/rules/?state=S", "interval_s": "600"}
    rucio_api.decode(Message(body, headers=headers, received=1.8e9), out)
    (poll,) = out.events
    assert isinstance(poll, Poll)
    assert (poll.scope, poll.state) == ("https://rucio.example.org/rules/?state=S", "stuck")
    assert (poll.count, poll.complete, poll.interval_s) == (0, True, 600.0)
    assert not out.filtered and not out.rejects
    rucio_api.decode(Message(body, received=1.8e9), out)
    assert len(out.events) == 1 and out.filtered == {"empty": 1}, "nobody knows what was asked"
