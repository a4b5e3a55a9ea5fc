"""Documents of scripts and probes, as CERN's MONIT takes them over HTTP.

Body: an object, or an array of them. ``producer`` and ``type`` are mandatory; ``timestamp`` (UTC, seconds,
milliseconds or ISO text; else the time of reception), ``_id``, ``host``, ``type_prefix``, ``idb_tags`` and
``idb_fields`` are reserved, all other keys are the document's own. What MONIT makes of it, ``{"data": {..},
"metadata": {..}}``, is read as well.

The documents of ESCAPE's scripts become events of the datasets that they belong to: ``sam_gfal`` and
``availability`` probes, the ``*_stats`` storage. Every other type becomes a `Push` event, whose `data` are its
own keys (and ``host`` and ``type_prefix``, where given).

What ESCAPE's scripts mean (escape-wp2: sam-gfal.py, rucio-stats.py, rucio-rep-stats.py): ``site`` of a
``sam_gfal`` is the RSE's name in CRIC; the text "None" or "NULL" is an unknown; a document that holds only
``total_used`` is the sum over all. ``contact`` names people: not stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from math import isfinite
from typing import Any, Literal

import msgspec
from msgspec import Struct

from lakescope.core.events import Event, Probe, Push, Storage
from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._common import (
    any_json,
    convert_fields,
    count_unknown,
    each,
    epoch_time,
    identify,
    moment_of,
    shape,
)

IgnoredValue = Any
Status = Literal["ok", "warning", "critical", "unknown"]

MAX_DEPTH = 20
"""Levels of nesting in `data`: Elasticsearch's own limit (index.mapping.depth.limit)."""

_IDENTIFYING_KEYS = frozenset(("_id", "timestamp"))  # what tells one document from another
_RESERVED_NAMES = ("producer", "type", "timestamp", "_id", "idb_tags", "idb_fields")


class ReservedKeys(Struct, rename={"id": "_id"}):
    """The keys with a meaning of their own, in every document."""

    producer: str
    type: str
    timestamp: int | float | str | None = None
    id: int | str | None = None
    idb_tags: list[str] | None = None
    idb_fields: list[str] | None = None
    host: IgnoredValue = None
    type_prefix: IgnoredValue = None


class _DocumentKind(Struct):
    host: IgnoredValue = None
    type_prefix: IgnoredValue = None


class SamGfal(_DocumentKind, kw_only=True):
    """One file operation of ESCAPE's storage test."""

    status: str
    site: str | None = None
    endpoint: str | None = None
    port: int | str | None = None
    protocol: str | None = None
    path: str | None = None
    operation: str | None = None
    error_code: Any = None
    vo: str | None = None
    auth_method: IgnoredValue = None
    str_datetime: IgnoredValue = None  # the same time, in the script's own time zone


class Availability(_DocumentKind, kw_only=True):
    """MONIT's document on a service's state."""

    serviceid: str
    service_status: str
    availabilitydesc: str | None = None
    availabilityinfo: str | None = None
    contact: IgnoredValue = None
    webpage: IgnoredValue = None


class Stats(_DocumentKind, kw_only=True):
    """A count of files and bytes, under the names that each of ESCAPE's scripts has for them."""

    rse: str | None = None
    qos: str | None = None
    scope: str | None = None
    experiment: str | None = None
    files: int | None = None
    total_files: int | None = None
    total_replicas: int | None = None
    used_bytes: int | None = None
    files_bytes: int | None = None
    total_files_bytes: int | None = None
    total_replicas_bytes: int | None = None
    total_used: int | None = None
    protected_var: IgnoredValue = msgspec.field(default=None, name="protectedVar")
    dids: IgnoredValue = None
    datasets: IgnoredValue = None
    containers: IgnoredValue = None
    total_dids: IgnoredValue = None
    total_datasets: IgnoredValue = None
    total_containers: IgnoredValue = None


# --- documents -------------------------------------------------------------------------------------------


@declare(items="independent")
def decode(message: Message, out: DecodeResult) -> None:
    """One document or an array; a bad one is a `Reject` of its own."""
    document = any_json(message.body)
    decode_one = partial(_decode_one, message=message)
    if isinstance(document, list):
        each(document, out, decode_one)
    else:
        decode_one(document, out, "$")


def _decode_one(document: Any, out: DecodeResult, path: str, message: Message) -> None:
    if not isinstance(document, dict):
        raise RejectedError("schema", path, "object", shape(document))
    data, data_path = document.get("data"), f"{path}.data"
    if isinstance(data, dict) and isinstance(document.get("metadata"), dict):
        reserved_keys = _reserved_keys(document["metadata"], f"{path}.metadata", out)
        time = _time_of(reserved_keys, message, f"{path}.metadata")
    else:
        reserved_keys = _reserved_keys(document, path, out)
        time = _time_of(reserved_keys, message, path)
        data, data_path = {key: value for key, value in document.items() if key not in _RESERVED_NAMES}, path
    check_depth(data, data_path)
    identity = _identify(reserved_keys, data, time)
    event = _BUILDERS.get(reserved_keys.type, _push)(data, reserved_keys, out, data_path)
    event.id = identity
    event.time = time
    out.events.append(event)


def _reserved_keys(keys: dict[str, Any], path: str, out: DecodeResult) -> ReservedKeys:
    for key, example in (("producer", "escape_wp2"), ("type", "sam_gfal")):
        if not keys.get(key):
            remedy = f'text: add "{key}" to the document, such as "{example}"'
            raise RejectedError("schema", f"{path}.{key}", remedy, keys.get(key, "no such key"))
    return convert_fields(keys, ReservedKeys, out, path, required_fields=_IDENTIFYING_KEYS)


def _identify(reserved_keys: ReservedKeys, data: Mapping[str, Any], time: str) -> str:
    """By the sender's ``_id`` if there is one, else by all that the document says, and when."""
    if reserved_keys.id is not None:
        return identify("push", reserved_keys.producer, reserved_keys.type, "_id", reserved_keys.id)
    content = msgspec.json.encode(data, order="deterministic").decode()
    return identify("push", reserved_keys.producer, reserved_keys.type, time, content)


def _time_of(reserved: ReservedKeys, message: Message, path: str) -> str:
    time = moment_of(reserved.timestamp, f"{path}.timestamp") or epoch_time(message.received)
    if time is None:
        raise RejectedError("schema", f"{path}.timestamp", "a time after 1970", reserved.timestamp)
    return time


# --- one function a kind of document ---------------------------------------------------------------------


def _push(data: dict[str, Any], reserved_keys: ReservedKeys, out: DecodeResult, _path: str) -> Event:
    clear_unstorable(data, out.impossible)
    return Push(
        id="",
        time="",
        source="push",
        producer=reserved_keys.producer,
        type=reserved_keys.type,
        data=data,
        idb_tags=reserved_keys.idb_tags,
        idb_fields=reserved_keys.idb_fields,
    )


def check_depth(node: Any, path: str, depth: int = MAX_DEPTH) -> None:
    """Raises `RejectedError` for what is nested deeper than a store can hold."""
    if isinstance(node, (dict, list)):
        if not depth:
            raise RejectedError("value", path, f"at most {MAX_DEPTH} levels of nesting", type(node).__name__)
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            check_depth(value, f"{path}.{key}" if isinstance(node, dict) else f"{path}[{key}]", depth - 1)


def clear_unstorable(node: dict[str, Any] | list[Any], impossible: Counter[str]) -> None:
    """Makes numbers that no store can hold null, and counts them: integers of more than 64 bits, infinity, NaN."""
    items: Any = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        if isinstance(value, (dict, list)):
            clear_unstorable(value, impossible)
        elif isinstance(value, (int, float)) and not is_storable(value):
            node[key] = None
            impossible["push.data"] += 1


def is_storable(number: float) -> bool:
    """Whether every store can hold a number: 64 bits of an integer, a finite double."""
    return isfinite(number) if isinstance(number, float) else -(2**63) <= number < 2**63


def _sam_gfal(data: dict[str, Any], reserved_keys: ReservedKeys, out: DecodeResult, path: str) -> Event:
    payload = convert_fields(data, SamGfal, out, path)
    count_unknown(data, SamGfal, out)
    status, word = _status(payload.status)
    return Probe(
        id="",
        time="",
        source="push",
        vo=_known_text(payload.vo),
        probe=reserved_keys.type,
        target=_url(payload),
        site=_known_text(payload.site),
        rse=_known_text(payload.site),
        operation=payload.operation.lower() if payload.operation else None,
        protocol=payload.protocol or None,
        status=status,
        message=_message(word, _text(payload.error_code)),
    )


def _url(payload: SamGfal) -> str | None:
    endpoint = _known_text(payload.endpoint)
    if endpoint is None or "://" in endpoint:
        return endpoint
    port = "" if payload.port in (None, "") else f":{payload.port}"
    scheme = f"{payload.protocol}://" if payload.protocol else ""
    path = payload.path or ""
    return f"{scheme}{endpoint}{port}{path if path.startswith('/') or not path else '/' + path}"


def _availability(data: dict[str, Any], reserved_keys: ReservedKeys, out: DecodeResult, path: str) -> Event:
    payload = convert_fields(data, Availability, out, path)
    count_unknown(data, Availability, out)
    status, word = _status(payload.service_status)
    return Probe(
        id="",
        time="",
        source="push",
        probe=reserved_keys.type,
        target=payload.serviceid,
        status=status,
        message=_message(word, payload.availabilityinfo or payload.availabilitydesc),
    )


def _stats(data: dict[str, Any], _reserved_keys: ReservedKeys, out: DecodeResult, path: str) -> Event:
    payload = convert_fields(data, Stats, out, path)
    count_unknown(data, Stats, out)
    files = _first(payload.files, payload.total_files, payload.total_replicas)
    used = _first(
        payload.used_bytes,
        payload.files_bytes,
        payload.total_files_bytes,
        payload.total_replicas_bytes,
        payload.total_used,
    )
    if files is None and used is None:
        raise RejectedError("schema", path, "a count of files or bytes, such as used_bytes", sorted(data))
    return Storage(
        id="",
        time="",
        source="push",
        rse=_known_text(payload.rse),
        qos=_known_text(payload.qos),
        scope=_known_text(payload.scope),
        experiment=_known_text(payload.experiment),
        files=files,
        used=used,
    )


_BUILDERS: dict[str, Callable[[dict[str, Any], ReservedKeys, DecodeResult, str], Event]] = {
    "sam_gfal": _sam_gfal,
    "availability": _availability,
    "rucio_rse_stats": _stats,
    "rucio_scope_stats": _stats,
    "rucio_experiment_stats": _stats,
    "alba_rep_stats": _stats,
}


# --- helpers ---------------------------------------------------------------------------------------------

_STATUS: dict[str, Status] = {
    "success": "ok",
    "failed": "critical",
    "skipped": "unknown",
    "available": "ok",
    "degraded": "warning",
    "unavailable": "critical",
    "ok": "ok",
    "warning": "warning",
    "critical": "critical",
}


def _status(word: str) -> tuple[Status, str | None]:
    """The status, and the word itself where it is none that is known."""
    status = _STATUS.get(word.lower())
    return ("unknown", word) if status is None else (status, None)


def _message(*parts: str | None) -> str | None:
    return ": ".join(part for part in parts if part) or None


def _known_text(text: str | None) -> str | None:
    """ESCAPE's scripts write "None" and "NULL" for what they do not know."""
    return None if text in (None, "", "None", "NULL") else text


def _text(value: Any) -> str | None:
    text = value if isinstance(value, str) or value is None else msgspec.json.encode(value).decode()
    return _known_text(text)


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)
