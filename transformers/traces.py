"""Rucio's traces: what clients and pilots say of each upload, download and access to a file.

Source: rucio 41.x (lib/rucio/core/trace.py, web/rest/flaskapi/v1/traces.py, client/uploadclient.py and
downloadclient.py). One object a trace; an array, as Rucio's own server takes them, is one trace an element.
Rucio passes on what fails its own schemas, and pilots add fields: so only eventType and a time must be
there, an unknown field is counted, and a field of another type than its own is text or null, and counted too.
The same in MONIT's envelope, and with keys in snake case.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from lakescope.core.events import Event, Trace
from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._common import (
    any_json,
    convert_fields,
    count_unknown,
    each,
    epoch_time,
    identify,
    metadata_time,
    to_int,
    unwrap,
    utc_time,
)

IgnoredValue = Any
Number = int | float


class Report(Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    """Every field that Rucio's clients, its server and PanDA's pilots send."""

    event_type: str | None = None
    event_version: IgnoredValue = None
    client_state: str | None = None
    state_reason: str | None = None
    account: str | None = None
    hostname: str | None = None
    uuid: str | None = None
    vo: str | None = None
    scope: str | None = None
    filename: str | None = None
    name: str | None = None
    dataset_scope: str | None = None
    dataset: str | None = None
    local_site: str | None = None
    remote_site: str | None = None
    filesize: Number | None = None
    protocol: str | None = None
    transfer_start: Number | None = None
    transfer_end: Number | None = None
    trace_timeentry: str | None = None
    trace_timeentry_unix: Number | None = None
    trace_ip: IgnoredValue = None
    trace_id: str | None = None
    usrdn: IgnoredValue = None
    # of pilots
    appid: IgnoredValue = None
    cat_start: IgnoredValue = None
    duid: IgnoredValue = None
    guid: IgnoredValue = None
    ip: IgnoredValue = None
    pq: IgnoredValue = None
    relative_start: IgnoredValue = None
    suspicious: IgnoredValue = None
    taskid: IgnoredValue = None
    time_end: IgnoredValue = None
    time_start: IgnoredValue = None
    url: IgnoredValue = None
    usr: IgnoredValue = None
    validate_start: IgnoredValue = None
    version: IgnoredValue = None


@declare(items="independent")
def decode(message: Message, out: DecodeResult) -> None:
    """One trace a body, or an array of traces; a bad one of several becomes a reject of its own."""
    try:
        report = _decode(message.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = any_json(message.body)
        if isinstance(document, list):
            each(document, out, _decode_loosely)
        else:
            _decode_loosely(document, out, "$")
    else:
        out.events.append(_trace(report, "$", out))


def _decode_loosely(document: Any, out: DecodeResult, path: str) -> None:
    """Counts unknown fields; takes numbers sent as text, and "" for missing."""
    document, path, metadata = unwrap(document, path)
    if not isinstance(document, dict):
        raise RejectedError("schema", path, "object", type(document).__name__)
    document = {_WIRE_NAMES.get(key, key): value for key, value in document.items()}
    count_unknown(document, Report, out)
    known_fields = {key: value for key, value in document.items() if value != "" and key in _FIELDS}
    report = convert_fields(known_fields, Report, out, path, required_fields=_REQUIRED_FIELDS)
    out.events.append(_trace(report, path, out, metadata_time(metadata, path)))


def _trace(p: Report, path: str, out: DecodeResult, stored_at: str | None = None) -> Event:
    """Id: Rucio's traceId; else all that tells one access from another. `stored`: the time that MONIT has for it."""
    event = (p.event_type or "").lower()
    if not event:
        raise RejectedError("schema", f"{path}.eventType", "str", "null, empty or no such key")
    if _EVENT.fullmatch(event) is None:
        raise RejectedError(
            "unknown_kind", f"{path}.eventType", "one word such as upload or get_sm", p.event_type
        )
    scope, name = p.scope or None, p.filename or p.name or None
    if name is None and event == "touch":  # one may touch a dataset as a whole
        scope, name = p.dataset_scope or scope, p.dataset or None
    started_at = _time(p.transfer_start, "transferStart", out)
    ended_at = _time(p.transfer_end, "transferEnd", out)
    time = (
        _time(p.trace_timeentry_unix, "traceTimeentryUnix", out)
        or _text_time(p.trace_timeentry, out)
        or stored_at
        or ended_at
    )
    if time is None:
        raise RejectedError("schema", f"{path}.traceTimeentryUnix", "POSIX seconds", "null or no such key")
    state, hostname = _known_text(p.client_state), _known_text(p.hostname)
    ok = _ok(event, state)
    reason = _known_text(p.state_reason)
    return Trace(
        id=identify("trace", p.trace_id)
        if p.trace_id
        else identify(
            "trace", "", p.uuid, event, state, scope, name, p.remote_site, time, started_at, p.hostname
        ),
        time=time,
        source="trace",
        vo=p.vo or None,
        event=event,
        client_state=state,
        scope=scope,
        name=name,
        rse=_single(p.remote_site),
        client_site=_known_text(p.local_site),
        host=hostname.lower() if hostname else None,
        account=_known_text(p.account),
        protocol=_known_text(p.protocol),
        bytes=to_int(p.filesize),
        started=started_at,
        ended=ended_at,
        ok=ok,
        error=reason if not ok and reason != "OK" else None,
    )


# --- helpers ---------------------------------------------------------------------------------------------

_decode = msgspec.json.Decoder(Report).decode
_FIELDS = frozenset(Report.__struct_encode_fields__)
_WIRE_NAMES = dict(zip(Report.__struct_fields__, Report.__struct_encode_fields__, strict=True))
_REQUIRED_FIELDS = frozenset(("eventType",))
_EVENT = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_SUCCESSES = frozenset(("DONE", "ALREADY_DONE", "FOUND_ROOT", "FOUND_IN_PCACHE"))
"""Client states of an access that the client had its file of: those that rucio's lib/rucio/daemons/tracer/kronos.py
does not suspect, and that of a pilot which found the file in its cache."""
_UNDER_WAY = frozenset(("PROCESSING", "DOWNLOAD_ATTEMPT"))
_UNKNOWN = frozenset(("unknown", "Unknown", "UNKNOWN"))
_EARLIEST = 365 * 86_400.0  # before 1971: unset


def _ok(event: str, state: str | None) -> bool | None:
    """Whether the client had its file; null while it is under way, and for a touch, which moves none.

    Pilots and clients have ever new names for what went wrong, and few for success.
    """
    if state is None or event == "touch":
        return None
    state = state.upper()
    return True if state in _SUCCESSES else None if state in _UNDER_WAY else False


def _time(seconds: float | None, key: str, out: DecodeResult) -> str | None:
    if seconds is None or seconds < _EARLIEST:
        return None
    try:
        return epoch_time(seconds)
    except RejectedError:
        out.odd[key] += 1
        return None


def _text_time(text: str | None, out: DecodeResult) -> str | None:
    try:
        return utc_time(text)
    except RejectedError:
        out.odd["traceTimeentry"] += 1
        return None


def _known_text(text: str | None) -> str | None:
    """Pilots write "unknown" for what they do not know."""
    text = text.strip() if text else None
    return None if not text or text in _UNKNOWN else text


def _single(remote_site: str | None) -> str | None:
    """The RSE; null where several are named: which of them it was is not said."""
    return _known_text(remote_site) if remote_site and "," not in remote_site else None
