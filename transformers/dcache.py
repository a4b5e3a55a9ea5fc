"""dCache's billing records: what doors and pools did with files, as they publish it over Kafka.

Source: dCache (docs/TheBook/src/main/markdown/kafkaproducer.md and
modules/dcache/src/main/java/org/dcache/notification/*Serializer.java, 2026-07-22). One JSON object a message;
`msgType` says who speaks:

| msgType | event | from |
| --- | --- | --- |
| transfer | read, write; pool_copy with `isP2p` | a pool, of a mover that ended |
| request | request | a door, of a client's request that ended; joins the transfers on `session` |
| store, restore | store, restore | a pool, to and from tape |
| remove | remove | a pool or the name space |
| warning | warning | a pool |
| hit | none: counted as filtered | the pool manager, which only looked for the file |

Who asked (`subject`, `owner`, `client`, `clientChain`, `mappedUID`, `mappedGID`, `protocolInfo.host`) is not kept: of the
client's address only whether it is IPv4 or IPv6. dCache names neither site nor VO: the site is the one of the pool's
address in the topology, the VO the collector's.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from lakescope.core.events import FileOperation
from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._common import (
    any_json,
    convert_fields,
    count_unknown,
    each,
    host_of,
    identify,
    shape,
    to_int,
    utc_time,
)

Ignored = Any
Number = int | float
Operation = Literal["read", "write", "pool_copy", "request", "store", "restore", "remove", "warning"]

_OPERATIONS: dict[str, Operation] = {
    "request": "request",
    "store": "store",
    "restore": "restore",
    "remove": "remove",
    "warning": "warning",
}
_IGNORED = frozenset(("hit",))
_TYPES = "transfer, request, store, restore, remove, warning or hit"
_REQUIRED_FIELDS = frozenset(("msgType", "date"))


class Status(Struct):
    """How it ended: 0 is well."""

    code: int | None = None
    msg: str | None = None


class Protocol(Struct, rename="camel"):
    """How the client spoke with the pool."""

    protocol: str | None = None
    host: str | None = None
    version_major: Ignored = None
    version_minor: Ignored = None
    transfer_tag: Ignored = None
    port: Ignored = None


class Hsm(Struct):
    """The tape system behind a pool."""

    type: str | None = None
    instance: str | None = None
    provider: str | None = None


class Record(Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    """Every field of every kind of record."""

    msg_type: str
    date: str
    queuing_time: Number | None = None
    cell_name: str | None = None
    cell_type: Ignored = None
    cell_domain: Ignored = None
    status: Status | None = None
    session: str | None = None
    transaction: str | None = None
    initiator: str | None = None
    pnfsid: str | None = None
    billing_path: str | None = None
    transfer_path: str | None = None
    file_size: Number | None = None
    storage_info: str | None = None
    transfer_size: Number | None = None
    transfer_time: Number | None = None
    session_duration: Number | None = None
    is_write: str | None = None
    is_p2p: bool | None = field(default=None, name="isP2p")
    protocol_info: Protocol | None = None
    local_endpoint: str | None = None
    hsm: Hsm | None = None
    # not kept
    version: Ignored = None
    version_of_doors: Ignored = field(default=None, name="VERSION")
    initiator_of_6_0: Ignored = field(default=None, name=" ")  # its name was lost in some releases
    subject: Ignored = None
    client: Ignored = None
    client_chain: Ignored = None
    mapped_uid: Ignored = field(default=None, name="mappedUID")
    mapped_gid: Ignored = field(default=None, name="mappedGID")
    owner: Ignored = None
    mover_info: Ignored = None
    mean_read_bandwidth: Ignored = None
    mean_write_bandwidth: Ignored = None
    read_idle: Ignored = None
    read_active: Ignored = None
    write_idle: Ignored = None
    write_active: Ignored = None
    locations: Ignored = None
    # of hit
    filesize: Ignored = None
    cached: Ignored = None
    protocol: Ignored = None


@declare(items="independent", maturity="experimental")
def decode(message: Message, out: DecodeResult) -> None:
    """One record a body, or an array of records; a bad one of several becomes a reject of its own."""
    try:
        record = _decode(message.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = any_json(message.body)
        if isinstance(document, list):
            each(document, out, _decode_loosely)
        else:
            _decode_loosely(document, out, "$")
    else:
        _add(record, out, "$")


def _decode_loosely(document: Any, out: DecodeResult, path: str) -> None:
    """Counts unknown fields, and those of another type than their own."""
    if not isinstance(document, dict):
        raise RejectedError("schema", path, "a billing record (object)", shape(document))
    count_unknown(document, Record, out)
    known_fields = {key: value for key, value in document.items() if key in _FIELDS}
    _add(convert_fields(known_fields, Record, out, path, required_fields=_REQUIRED_FIELDS), out, path)


def _add(record: Record, out: DecodeResult, path: str) -> None:
    if record.msg_type in _IGNORED:
        out.filtered[record.msg_type] += 1
        return
    out.events.append(_operation(record, path))


def _operation(record: Record, path: str) -> FileOperation:
    event = _event_of(record, path)
    time = utc_time(record.date, f"{path}.date")
    if time is None:
        raise RejectedError("schema", f"{path}.date", "a time after 1970", record.date)
    status, client = record.status or Status(), record.protocol_info or Protocol()
    ok = None if status.code is None or event == "warning" else status.code == 0
    storage_class, _, hsm = (record.storage_info or "").partition("@")
    session = record.session or record.transaction
    is_tape = event in ("store", "restore")
    return FileOperation(
        id=identify("dcache", record.msg_type, session, record.cell_name, record.pnfsid, event, record.date),
        time=time,
        source="dcache",
        event=event,
        ok=ok,
        pool=record.cell_name if event != "request" else None,
        door=record.cell_name if event == "request" else None,
        host=host_of(record.local_endpoint),
        protocol=client.protocol.lower() if client.protocol else None,
        ip_version=_ip_version(client.host),
        session=record.initiator or session,
        file_id=record.pnfsid or None,
        path=record.billing_path or record.transfer_path or None,
        bytes=to_int(
            record.transfer_size if record.transfer_size is not None else _moved(record, is_tape=is_tape)
        ),
        file_bytes=to_int(record.file_size),
        queue_s=_seconds(record.queuing_time),
        duration_s=_seconds(
            record.transfer_time if record.transfer_time is not None else record.session_duration
        ),
        storage_class=storage_class or None,
        # records of disks name the default tape system of their class, too
        tape_system=((record.hsm.instance if record.hsm else None) or hsm or None) if is_tape else None,
        error=(status.msg or None) if not ok else None,
        error_code=status.code if not ok else None,
    )


def _event_of(record: Record, path: str) -> Operation:
    if record.msg_type != "transfer":
        event = _OPERATIONS.get(record.msg_type)
        if event is None:
            raise RejectedError("unknown_kind", f"{path}.msgType", _TYPES, record.msg_type)
        return event
    if record.is_p2p:
        return "pool_copy"
    if record.is_write == "write":
        return "write"
    if record.is_write == "read":
        return "read"
    raise RejectedError("value", f"{path}.isWrite", "read or write", record.is_write)


def _moved(record: Record, *, is_tape: bool) -> Number | None:
    """Tape takes or gives a file as a whole: dCache names no other size, and none of what failed."""
    return record.file_size if is_tape and record.status is not None and record.status.code == 0 else None


def _ip_version(address: str | None) -> int | None:
    if not address:
        return None
    return 6 if ":" in address and not address.startswith("::ffff:") else 4


def _seconds(milliseconds: Number | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


_decode = msgspec.json.Decoder(Record).decode
_FIELDS = frozenset(Record.__struct_encode_fields__)
