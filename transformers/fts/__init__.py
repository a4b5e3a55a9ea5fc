"""FTS3's monitoring messages: CO complete, SS file state, ST start, OP optimizer.

Sources: fts3 3.14.4 (src/monitoring/MsgProducer.cpp, msg-ifce.cpp; src/url-copy/LegacyReporter.cpp),
fts-rest-flask (lib/helpers/msgbus.py: the SS that its submission sends), and messages of 2016 and 2017 as
CERN's archives keep them. The kind is not on the wire: it is told by the keys.

Two ways through, the same result. A body of today's dialect, its keys all known, is decoded straight into
typed fields. Any other is decoded loosely: the dialect of 2016, in which every scalar is text and "" is
missing; MONIT's envelope ``{"data": {...}, "metadata": {...}}``; arrays and streams of bodies; an unknown
key, which is counted.

What a transfer may be counted by: `ok` is set once for each attempt, by its CO. The SS of the same attempt
(``finished``, ``failed``) leaves it null, with one exception: a file that goes on to tape. Its CO is not
the end (event ``archiving``, `ok` null), and the SS that ends the archiving says how it went.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from lakescope.core.events import Event
from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._common import any_json, convert_fields, count_unknown, each, pieces, unwrap
from lakescope.transformers.fts import complete, optimizer, start, state
from lakescope.transformers.fts._metadata import FileMetadata, JobMetadata, metadata_of
from lakescope.transformers.fts.complete import Complete
from lakescope.transformers.fts.optimizer import Optimizer
from lakescope.transformers.fts.start import Start
from lakescope.transformers.fts.state import State


@declare(items="independent")
def decode(message: Message, out: DecodeResult) -> None:
    """One body, an array of bodies, or a stream of either; a bad one of several becomes a reject of its own."""
    body = message.body
    if _decode_typed(body, out):
        return
    try:
        document = any_json(body)
    except RejectedError:
        bodies = list(pieces(body))
        if len(bodies) > 1:
            each(bodies, out, _decode_body)
        elif bodies and bodies[0][1] != body:  # FTS before 3.6 ends a body with 0x04
            _decode_body(bodies[0], out, "$")
        else:
            raise
    else:
        _decode_any(document, out, "$")


def _decode_body(piece: tuple[int, bytes], out: DecodeResult, path: str) -> None:
    offset, body = piece
    try:
        is_decoded = _decode_typed(body, out)
    except RejectedError as error:
        raise _under(path, error) from None
    if not is_decoded:
        _decode_any(any_json(body, path, offset), out, path)


def _decode_typed(body: bytes, out: DecodeResult) -> bool:
    """Today's dialect. False, with nothing done, where the body does not keep to it."""
    first = body.find(b'"') + 1
    kind = _BY_FIRST_KEY.get(body[first : body.find(b'"', first)])
    if kind is None:
        return False
    decode_as, build = kind
    try:
        document = decode_as(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False  # another dialect, or no FTS message at all: the loose way finds out, and says so
    out.events.append(build(document, out))
    return True


def _decode_any(document: Any, out: DecodeResult, path: str) -> None:
    if isinstance(document, list):
        each(document, out, _decode_document, path)
    else:
        _decode_document(document, out, path)


def _decode_document(document: Any, out: DecodeResult, path: str) -> None:
    document, path, _ = unwrap(document, path)
    if not isinstance(document, dict):
        raise RejectedError("schema", path, "object", type(document).__name__)
    try:
        out.events.append(_build_loosely(document, out))
    except RejectedError as error:
        raise _under(path, error) from None


def _under(path: str, error: RejectedError) -> RejectedError:
    error.reject.path = path + error.reject.path.removeprefix("$")
    return error


def _build_loosely(document: dict[str, Any], out: DecodeResult) -> Event:
    kind, build = _kind_of(document)
    count_unknown(document, kind, out)
    fields = _FIELDS[kind]
    known_fields = {
        key: value for key, value in document.items() if value not in (None, "") and key in fields
    }
    about_file = metadata_of(known_fields.pop("file_metadata", None), FileMetadata)
    about_job = metadata_of(known_fields.pop("job_metadata", None), JobMetadata)
    payload = convert_fields(known_fields, kind, out, required_fields=_REQUIRED_FIELDS)
    if not isinstance(payload, Optimizer):
        payload.file_metadata, payload.job_metadata = about_file, about_job
    return build(payload, out)


def _kind_of(document: dict[str, Any]) -> tuple[type[Any], Callable[[Any, DecodeResult], Event]]:
    if "file_state" in document:
        return State, state.build
    if "tr_id" in document:
        return Complete, complete.build
    if "transfer_id" in document:
        return Start, start.build
    if "source_se" in document and "connections" in document:
        return Optimizer, optimizer.build
    expected = "a message of FTS, with tr_id (CO), file_state (SS), transfer_id (ST) or connections (OP)"
    raise RejectedError("unknown_kind", expected=expected, found=", ".join(sorted(document)) or "no keys")


_FIELDS = {kind: frozenset(kind.__struct_fields__) for kind in (Complete, Start, State, Optimizer)}
_REQUIRED_FIELDS = frozenset(
    ("tr_id", "transfer_id", "job_id", "file_id", "file_state", "source_se", "dest_se", "endpnt")
)
_REQUIRED_FIELDS |= {"tr_timestamp_start", "tr_timestamp_complete", "timestamp", "t_final_transfer_state"}
"""What an event is told by, and what says how an attempt ended."""
_COMPLETE = (msgspec.json.Decoder(Complete).decode, complete.build)
_START = (msgspec.json.Decoder(Start).decode, start.build)
_STATE = (msgspec.json.Decoder(State).decode, state.build)
_OPTIMIZER = (msgspec.json.Decoder(Optimizer).decode, optimizer.build)
_BY_FIRST_KEY: dict[bytes, tuple[Callable[[bytes], Any], Callable[[Any, DecodeResult], Event]]] = {
    b"activity": _COMPLETE,
    b"auth_method": _COMPLETE,
    b"block_size": _COMPLETE,
    b"dest_srm_v": _START,
    b"archiving": _STATE,
    b"dest_se": _STATE,
    b"endpnt": _STATE,  # fts-rest-flask
    b"active_count": _OPTIMIZER,
}
"""The first key of a body, which its kind's alphabet decides -> (decoder, builder). A guess: a wrong one
costs time, not truth."""
