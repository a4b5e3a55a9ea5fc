"""What holds for every format, whatever the body: the promises that the sinks build on.

A format raises nothing but `RejectedError`; it leaves no message without an event, a reject or a filter's count;
its events encode and come back equal, with times in RFC 3339 and integers of 64 bits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any, get_args

import msgspec
from hypothesis import strategies as st

from lakescope.core.bounds import clear_impossible
from lakescope.core.events import AnyEvent, Event, Source
from lakescope.core.messages import FOUND_MAX, REASONS, DecodeResult, Format, Message, Reject, RejectedError

RECEIVED = 1767225600.0
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


def decode(
    format: Format, body: bytes | str | object, headers: Mapping[str, str] | None = None
) -> DecodeResult:
    """What `format` makes of one body (bytes, or JSON of anything else), received at 2026-01-01T00:00:00Z."""
    if not isinstance(body, bytes):
        body = msgspec.json.encode(body)
    out = DecodeResult()
    format(Message(body=body, headers=headers or {}, received=RECEIVED), out)
    return out


def holds(format: Format, body: bytes, headers: Mapping[str, str] | None = None) -> DecodeResult:
    """Checks the promises on one body."""
    out = DecodeResult()
    try:
        format(Message(body=body, headers=headers or {}, received=RECEIVED), out)
    except RejectedError as error:
        assert not out.events, "a rejected message must leave no event"
        out.rejects.append(error.reject)
    assert out.events or out.rejects or sum(out.filtered.values()), "a message must not vanish"
    clear_impossible(out.events, out.impossible)
    for event in out.events:
        event_holds(event)
    for reject in out.rejects:
        reject_holds(reject)
    return out


def event_holds(event: Event) -> None:
    assert re.fullmatch("[0-9a-f]{32}", event.id)
    assert _TIME.fullmatch(event.time), event.time
    datetime.fromisoformat(event.time)
    assert event.source in get_args(Source)
    line = msgspec.json.encode(event)
    assert msgspec.json.decode(line, type=AnyEvent) == event
    _fits(msgspec.to_builtins(event))


def reject_holds(reject: Reject) -> None:
    assert reject.reason in REASONS
    assert reject.path.startswith("$")
    assert reject.found is None or len(reject.found) <= FOUND_MAX
    assert msgspec.json.decode(msgspec.json.encode(reject), type=Reject) == reject


def _fits(found: Any) -> None:
    """No NaN (it is not equal to itself), no integer that a store cannot hold, no empty label."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list):
        for value in found:
            _fits(value)
    assert found == found
    assert not isinstance(found, int) or -(2**63) <= found < 2**63


# --- bodies ----------------------------------------------------------------------------------------------

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        [
            "",
            "nan",
            "-inf",
            "1e400",
            "PT1S",
            "P1M",
            "2026-01-01T00:00:00+14:00",
            "1970-01-01",
            "gauge",
            "\x00",
            "😀",
        ]
    )
)
JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn, documents: Sequence[Any]) -> bytes:
    """One of `documents` with one to three of its parts replaced, removed or doubled."""
    document = deepcopy(draw(st.sampled_from(list(documents))))
    for _ in range(draw(st.integers(1, 3))):
        document = _mutate(draw, document)
    return msgspec.json.encode(document)


def _mutate(draw: st.DrawFn, found: Any) -> Any:
    """Walks down a random path and changes what stands there."""
    if not isinstance(found, (dict, list)) or not found or draw(st.integers(0, 5)) == 0:
        return draw(JSON)
    keys = list(found) if isinstance(found, dict) else list(range(len(found)))
    key = draw(st.sampled_from(keys))
    change = draw(st.integers(0, 9))
    if change == 0:
        del found[key]
    elif change == 1 and isinstance(found, list):
        found.append(deepcopy(found[key]))
    elif change == 1 and isinstance(found, dict):
        found[draw(st.text(max_size=8))] = draw(_SCALARS)
    else:
        found[key] = _mutate(draw, found[key])
    return found


@st.composite
def spliced(draw: st.DrawFn, texts: Sequence[bytes]) -> bytes:
    """One of `texts` with a few bytes cut out and others put in."""
    text = draw(st.sampled_from(list(texts)))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        new = draw(
            st.binary(max_size=6)
            | st.sampled_from([b"\n", b"{", b'"', b"# ", b"#", b" NaN", b"\\", b" 9e999"])
        )
        text = text[:start] + new + text[end:]
    return text
