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

Ignored = Any
Status = Literal["ok", "warning", "critical", "unknown"]

MAX_DEPTH = 20
"""Levels of nesting in `data`: Elasticsearch's own limit (index.mapping.depth.limit)."""

_NEEDED = frozenset(("_id", "timestamp"))  # what tells one document from another
_RESERVED = ("producer", "type", "timestamp", "_id", "idb_tags", "idb_fields")


class ReservedKeys(Struct, rename={"id": "_id"}):
    """The keys with a meaning of their own, in every document."""

    producer: str
    type: str
    timestamp: int | float | str | None = None
    id: int | str | None = None
    idb_tags: list[str] | None = None
    idb_fields: list[str] | None = None
    host: Ignored = None
    type_prefix: Ignored = None


class _DocumentKind(Struct):
    host: Ignored = None
    type_prefix: Ignored = None


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
    auth_method: Ignored = None
    str_datetime: Ignored = None  # the same time, in the script's own time zone


class Availability(_DocumentKind, kw_only=True):
    """MONIT's document on a service's state."""

    serviceid: str
    service_status: str
    availabilitydesc: str | None = None
    availabilityinfo: str | None = None
    contact: Ignored = None
    webpage: Ignored = None


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
    protected_var: Ignored = msgspec.field(default=None, name="protectedVar")
    dids: Ignored = None
    datasets: Ignored = None
    containers: Ignored = None
    total_dids: Ignored = None
    total_datasets: Ignored = None
    total_containers: Ignored = None


# --- documents -------------------------------------------------------------------------------------------


@declare(items="independent")
def decode(message: Message, out: DecodeResult) -> None:
    """One document or an array; a bad one is a `Reject` of its own."""
    found = any_json(message.body)
    decode_one = partial(_decode_one, message=message)
    if isinstance(found, list):
        each(found, out, decode_one)
    else:
        decode_one(found, out, "$")


def _decode_one(found: Any, out: DecodeResult, path: str, message: Message) -> None:
    if not isinstance(found, dict):
        raise RejectedError("schema", path, "object", shape(found))
    data, data_path = found.get("data"), f"{path}.data"
    if isinstance(data, dict) and isinstance(found.get("metadata"), dict):
        reserved = _reserved(found["metadata"], f"{path}.metadata", out)
        time = _time_of(reserved, message, f"{path}.metadata")
    else:
        reserved = _reserved(found, path, out)
        time = _time_of(reserved, message, path)
        data, data_path = {key: value for key, value in found.items() if key not in _RESERVED}, path
    check_depth(data, data_path)
    identity = _identify(reserved, data, time)
    event = _BUILDERS.get(reserved.type, _push)(data, reserved, out, data_path)
    event.id = identity
    event.time = time
    out.events.append(event)


def _reserved(keys: dict[str, Any], path: str, out: DecodeResult) -> ReservedKeys:
    for key, example in (("producer", "escape_wp2"), ("type", "sam_gfal")):
        if not keys.get(key):
            remedy = f'text: add "{key}" to the document, such as "{example}"'
            raise RejectedError("schema", f"{path}.{key}", remedy, keys.get(key, "no such key"))
    return convert_fields(keys, ReservedKeys, out, path, needed=_NEEDED)


def _identify(reserved: ReservedKeys, data: Mapping[str, Any], time: str) -> str:
    """By the sender's ``_id`` if there is one, else by all that the document says, and when."""
    if reserved.id is not None:
        return identify("push", reserved.producer, reserved.type, "_id", reserved.id)
    content = msgspec.json.encode(data, order="deterministic").decode()
    return identify("push", reserved.producer, reserved.type, time, content)


def _time_of(reserved: ReservedKeys, message: Message, path: str) -> str:
    time = moment_of(reserved.timestamp, f"{path}.timestamp") or epoch_time(message.received)
    if time is None:
        raise RejectedError("schema", f"{path}.timestamp", "a time after 1970", reserved.timestamp)
    return time


# --- one function a kind of document ---------------------------------------------------------------------


def _push(data: dict[str, Any], reserved: ReservedKeys, out: DecodeResult, _path: str) -> Event:
    clear_unstorable(data, out.impossible)
    return Push(
        id="",
        time="",
        source="push",
        producer=reserved.producer,
        type=reserved.type,
        data=data,
        idb_tags=reserved.idb_tags,
        idb_fields=reserved.idb_fields,
    )


def check_depth(found: Any, path: str, depth: int = MAX_DEPTH) -> None:
    """Raises `RejectedError` for what is nested deeper than a store can hold."""
    if isinstance(found, (dict, list)):
        if not depth:
            raise RejectedError("value", path, f"at most {MAX_DEPTH} levels of nesting", type(found).__name__)
        for key, value in found.items() if isinstance(found, dict) else enumerate(found):
            check_depth(value, f"{path}.{key}" if isinstance(found, dict) else f"{path}[{key}]", depth - 1)


def clear_unstorable(found: dict[str, Any] | list[Any], impossible: Counter[str]) -> None:
    """Makes numbers that no store can hold null, and counts them: integers of more than 64 bits, infinity, NaN."""
    items: Any = found.items() if isinstance(found, dict) else enumerate(found)
    for key, value in items:
        if isinstance(value, (dict, list)):
            clear_unstorable(value, impossible)
        elif isinstance(value, (int, float)) and not is_storable(value):
            found[key] = None
            impossible["push.data"] += 1


def is_storable(number: float) -> bool:
    """Whether every store can hold a number: 64 bits of an integer, a finite double."""
    return isfinite(number) if isinstance(number, float) else -(2**63) <= number < 2**63


def _sam_gfal(data: dict[str, Any], reserved: ReservedKeys, out: DecodeResult, path: str) -> Event:
    found = convert_fields(data, SamGfal, out, path)
    count_unknown(data, SamGfal, out)
    status, word = _status(found.status)
    return Probe(
        id="",
        time="",
        source="push",
        vo=_known(found.vo),
        probe=reserved.type,
        target=_url(found),
        site=_known(found.site),
        rse=_known(found.site),
        operation=found.operation.lower() if found.operation else None,
        protocol=found.protocol or None,
        status=status,
        message=_message(word, _text(found.error_code)),
    )


def _url(found: SamGfal) -> str | None:
    endpoint = _known(found.endpoint)
    if endpoint is None or "://" in endpoint:
        return endpoint
    port = "" if found.port in (None, "") else f":{found.port}"
    scheme = f"{found.protocol}://" if found.protocol else ""
    path = found.path or ""
    return f"{scheme}{endpoint}{port}{path if path.startswith('/') or not path else '/' + path}"


def _availability(data: dict[str, Any], reserved: ReservedKeys, out: DecodeResult, path: str) -> Event:
    found = convert_fields(data, Availability, out, path)
    count_unknown(data, Availability, out)
    status, word = _status(found.service_status)
    return Probe(
        id="",
        time="",
        source="push",
        probe=reserved.type,
        target=found.serviceid,
        status=status,
        message=_message(word, found.availabilityinfo or found.availabilitydesc),
    )


def _stats(data: dict[str, Any], _reserved: ReservedKeys, out: DecodeResult, path: str) -> Event:
    found = convert_fields(data, Stats, out, path)
    count_unknown(data, Stats, out)
    files = _first(found.files, found.total_files, found.total_replicas)
    used = _first(
        found.used_bytes,
        found.files_bytes,
        found.total_files_bytes,
        found.total_replicas_bytes,
        found.total_used,
    )
    if files is None and used is None:
        raise RejectedError("schema", path, "a count of files or bytes, such as used_bytes", sorted(data))
    return Storage(
        id="",
        time="",
        source="push",
        rse=_known(found.rse),
        qos=_known(found.qos),
        scope=_known(found.scope),
        experiment=_known(found.experiment),
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


def _known(text: str | None) -> str | None:
    """ESCAPE's scripts write "None" and "NULL" for what they do not know."""
    return None if text in (None, "", "None", "NULL") else text


def _text(found: Any) -> str | None:
    text = found if isinstance(found, str) or found is None else msgspec.json.encode(found).decode()
    return _known(text)


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)
