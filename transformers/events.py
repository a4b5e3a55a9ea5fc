"""Lakescope's own events, read back: what `lakescope normalise` and the `jsonl` sink write, and the reports on itself.

Body: an event as JSON, an array of events, or JSON lines; the fields are in the reference of the events. An event stays
as it was written: its id, its collector, the hash of its user, what enrichment had added. Nothing is added to it again,
neither by the topology of today nor by the collector's `vo`. As everywhere, an impossible number becomes null and is
counted, a long text is cut, and a field that no event has is counted as unknown.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, get_args

import msgspec

from lakescope.core.bounds import bounds
from lakescope.core.columns import types_of
from lakescope.core.events import DATASETS, TAG, AnyEvent, Event, Push, Time
from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._common import any_json, convert, count_unknown, each, pieces, shape, utc_time
from lakescope.transformers.push import check_depth, clear_unstorable, is_storable

_read_typed = msgspec.json.Decoder(AnyEvent | list[AnyEvent]).decode
_encode = msgspec.json.Encoder().encode

_ID = re.compile("[0-9a-f]{32}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")


def _fields_of(kind: type[Event], *hints: Any) -> list[str]:
    return [
        name for name, hint in types_of(kind).items() if any(one in (hint, *get_args(hint)) for one in hints)
    ]


_TIMES = {kind: _fields_of(kind, Time) for kind in DATASETS.values()}
_INTEGERS = {kind: _fields_of(kind, int, Annotated[int, TAG]) for kind in DATASETS.values()}
"""Those without a bound of their own."""
_BOUNDS = {
    kind: {
        field.name: bounds(kind)[field.name]
        for field in msgspec.structs.fields(kind)
        if field.name in bounds(kind) and not field.required
    }
    for kind in DATASETS.values()
}


@declare(items="independent", events="complete")
def decode(message: Message, out: DecodeResult) -> None:
    """One event, an array or lines; a bad one is a `Reject` of its own."""
    if (events := _read_written(message.body)) is not None:
        _add(events, out)
        return
    documents = list(pieces(message.body))
    if len(documents) > 1:
        each(documents, out, _decode_line)
        return
    start, body = documents[0] if documents else (0, message.body)
    record = any_json(body, "$", start)
    if isinstance(record, list):
        each(record, out, _decode_one)
    else:
        _decode_one(record, out, "$")


def _read_written(body: bytes) -> list[Event] | None:
    """The events of a body that is, byte for byte, what they are written as; null for any other.

    So it holds nothing that is unknown, and what is read is what was written. It takes a quarter of the time.
    """
    try:
        events = _read_typed(body)
        if _encode(events) != body:
            return None
        events = events if isinstance(events, list) else [events]
        for event in events:
            _check(event, "$")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, RejectedError):
        return None
    return events or None


def _decode_line(document: tuple[int, bytes], out: DecodeResult, path: str) -> None:
    start, body = document
    if (events := _read_written(body)) is not None:
        _add(events, out)
    else:
        _decode_one(any_json(body, path, start), out, path)


def _decode_one(record: Any, out: DecodeResult, path: str) -> None:
    if not isinstance(record, dict):
        raise RejectedError("schema", path, "object", shape(record))
    dataset = record.get("dataset", "no such key")
    kind = DATASETS.get(dataset) if isinstance(dataset, str) else None
    if kind is None:
        raise RejectedError(
            "unknown_kind", f"{path}.dataset", f"one of {', '.join(DATASETS)}", shape(dataset)
        )
    impossible = [
        name
        for name, (least, greatest) in _BOUNDS[kind].items()
        if isinstance(value := record.get(name), int | float) and not least <= value <= greatest
    ]
    event = convert(record | dict.fromkeys(impossible), kind, path)
    _check(event, path)
    count_unknown({key: None for key in record if key != "dataset"}, kind, out)
    out.impossible.update(f"{dataset}.{name}" for name in impossible)
    _add([event], out)


def _add(events: list[Event], out: DecodeResult) -> None:
    for event in events:
        if isinstance(event, Push):
            clear_unstorable(event.data, out.impossible)
    out.events += events


def _check(event: Event, path: str) -> None:
    """Raises `RejectedError` for what no event of ours is: stores rely on the forms of ids, times and integers."""
    if not _ID.fullmatch(event.id):
        raise RejectedError("value", f"{path}.id", "32 hex characters", event.id)
    for name in _TIMES[type(event)]:
        time = getattr(event, name)
        if time is not None and (not _TIME.fullmatch(time) or utc_time(time, f"{path}.{name}") is None):
            expected = "a UTC time after 1970 such as 2025-03-20T20:14:31.396678Z"
            raise RejectedError("value", f"{path}.{name}", expected, time)
    for name in _INTEGERS[type(event)]:
        number = getattr(event, name)
        if number is not None and not is_storable(number):
            raise RejectedError("value", f"{path}.{name}", "an integer of 64 bits", number)
    if isinstance(event, Push):
        check_depth(event.data, f"{path}.data")
