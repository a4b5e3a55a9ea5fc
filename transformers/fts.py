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
from functools import lru_cache
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from lakescope.core.events import Event, FtsQueue, Transfer
from lakescope.core.messages import Decoded, Message, Rejected
from lakescope.transformers._common import (
    any_json,
    convert_fields,
    count_unknown,
    each,
    epoch_time,
    host_of,
    identify,
    pieces,
    unwrap,
)

Ignored = Any
Number = int | float
Milliseconds = (
    int | float
)  # fts-rest-flask sends time.time() * 1000; the dialect of 2016 "1466632860151.000000"


# --- what the messages hold ------------------------------------------------------------------------------


class FileMetadata(Struct, gc=False):
    """What Rucio gives FTS with each file; other issuers' keys are theirs, and not counted."""

    activity: str | None = None
    adler32: str | None = None
    dst_rse: str | None = None
    dst_type: str | None = None
    filesize: Number | None = None
    md5: str | None = None
    name: str | None = None
    request_id: str | None = None
    request_type: str | None = None
    scope: str | None = None
    src_rse: str | None = None
    src_type: str | None = None


class JobMetadata(FileMetadata, gc=False):
    """What Rucio, or the script that tests a lake without it, gives FTS with each job.

    Rucio's first submitters made a job of each file, and told here what later ones tell with the file.
    """

    multi_sources: bool | None = None
    multihop: bool | None = None
    previous_attempt_id: str | None = None


# any JSON; a string may hold some more
AboutFile: TypeAlias = FileMetadata | str | int | float | bool | list[Any] | None
AboutJob: TypeAlias = JobMetadata | str | int | float | bool | list[Any] | None


class Complete(Struct, gc=False, forbid_unknown_fields=True):
    """CO: one attempt to transfer one file has ended. In the order of the wire, which decodes fastest."""

    activity: str | None = None
    auth_method: str | None = None
    block_size: Ignored = None
    buf_size: Ignored = None
    channel_type: Ignored = None
    chk_timeout: Ignored = None
    cleanup_code: Ignored = None
    dest_srm_v: Ignored = None
    dst_hostname: str | None = None
    dst_protocol: Ignored = None
    dst_se: Ignored = None
    dst_site_name: str | None = None
    dst_transfer_protocol: Ignored = None
    dst_url: str | None = None
    endpnt: str | None = None
    eviction_code: Ignored = None
    f_size: int | None = None
    file_id: int | None = None
    file_metadata: AboutFile = None
    file_size: int | None = None
    final_destination: Ignored = None
    ipver: str | None = None
    is_archiving: bool | None = None
    is_recoverable: Ignored = None
    job_id: str | None = None
    job_m_replica: bool | None = None
    job_metadata: AboutJob = None
    job_multihop: bool | None = None
    job_state: Ignored = None
    nstreams: int | None = None
    operation_time: Ignored = None  # process end minus start; in MONIT's archive of 2017 something else
    overwrite_on_disk_deletion_code: Ignored = None
    overwrite_on_disk_flag: Ignored = None
    protocol: str | None = None
    protocol_translation: Ignored = None
    retry: int | None = None
    retry_max: int | None = None
    scitag: Ignored = None
    src_hostname: str | None = None
    src_protocol: Ignored = None
    src_se: Ignored = None
    src_site_name: str | None = None
    src_srm_v: Ignored = None
    src_transfer_protocol: Ignored = None
    src_url: str | None = None
    srm_finalization_time: Ignored = None
    srm_overhead_percentage: Ignored = None
    srm_overhead_time: Ignored = None  # unsigned: a negative one wraps to 1.8e19
    srm_preparation_time: Ignored = None
    srm_space_token_dst: Ignored = None
    srm_space_token_src: Ignored = None
    t__error_message: str | None = None
    t_channel: Ignored = None
    t_error_code: int | None = None
    t_failure_phase: str | None = None
    t_final_transfer_state: str | None = None
    t_final_transfer_state_flag: int | None = None
    t_timeout: Ignored = None
    tcp_buf_size: Ignored = None
    throughput: Number | None = None
    time_srm_fin_end: Ignored = None
    time_srm_fin_st: Ignored = None
    time_srm_prep_end: Ignored = None
    time_srm_prep_st: Ignored = None
    timestamp_checksum_dest_ended: Ignored = None
    timestamp_checksum_dest_st: Ignored = None
    timestamp_checksum_dst_diff: Ignored = None
    timestamp_checksum_src_diff: Ignored = None
    timestamp_chk_src_ended: Ignored = None
    timestamp_chk_src_st: Ignored = None
    timestamp_tr_comp: Milliseconds | None = None
    timestamp_tr_st: Milliseconds | None = None
    tr_bt_transfered: Ignored = None
    tr_error_category: str | None = None
    tr_error_scope: str | None = None
    tr_id: str | None = None
    tr_timestamp_complete: Milliseconds | None = None
    tr_timestamp_start: Milliseconds | None = None
    transfer_lasthop: Ignored = None
    transfer_time: Ignored = None  # -1.7e12 where one end is unset: recomputed
    transfer_type: str | None = None
    user_dn: str | None = None
    vo: str | None = None
    # before 3.13.1, and a while beside ipver
    ipv6: bool | None = None
    # added by MONIT in 2017
    latency: Ignored = None
    log_link: Ignored = None
    remote_access: Ignored = None
    user: Ignored = None


class Start(Struct, gc=False, forbid_unknown_fields=True):
    """ST: a process has begun to transfer one file."""

    dest_srm_v: Ignored = None
    dst_hostname: str | None = None
    dst_site_name: str | None = None
    dst_url: str | None = None
    endpnt: str | None = None
    file_id: int | None = None
    file_metadata: AboutFile = None
    is_archiving: Ignored = None
    job_id: str | None = None
    job_metadata: AboutJob = None
    src_hostname: str | None = None
    src_site_name: str | None = None
    src_srm_v: Ignored = None
    src_url: str | None = None
    srm_space_token_dst: Ignored = None
    srm_space_token_src: Ignored = None
    t_channel: Ignored = None
    timestamp: Milliseconds | None = None
    transfer_id: str | None = None
    user_dn: str | None = None
    vo: str | None = None
    # before 2014
    agent_fqdn: Ignored = None


class State(Struct, gc=False, forbid_unknown_fields=True):
    """SS: a file has entered a state."""

    archiving: Ignored = None
    archiving_finished: Ignored = None
    archiving_start: Milliseconds | None = None
    dest_se: str | None = None
    dst_url: str | None = None
    endpnt: str | None = None
    file_id: int | None = None
    file_metadata: AboutFile = None
    file_state: str | None = None
    job_id: str | None = None
    job_metadata: AboutJob = None
    job_state: Ignored = None
    reason: str | None = None
    retry_counter: int | None = None
    retry_max: int | None = None
    source_se: str | None = None
    src_url: str | None = None
    staging: Ignored = None
    staging_finished: Ignored = None
    staging_start: Ignored = None
    submit_time: Milliseconds | None = None
    timestamp: Milliseconds | None = None
    user_dn: str | None = None
    user_filesize: Number | None = None
    vo: str | None = None  # in MONIT's form
    vo_name: str | None = None


class Optimizer(Struct, gc=False, forbid_unknown_fields=True):
    """OP: the optimizer has looked at one link."""

    active_count: int | None = None
    connections: int | None = None
    dest_se: str | None = None
    diff: Ignored = None
    duration_avg: Ignored = None
    endpnt: str | None = None
    filesize_avg: Ignored = None
    filesize_stddev: Ignored = None
    rationale: str | None = None
    retry_count: Ignored = None
    source_se: str | None = None
    submitted_count: int | None = None
    success_rate: Number | None = None
    throughput: Number | None = None
    throughput_ema: Ignored = None
    timestamp: Milliseconds | None = None


# --- from bytes to messages ------------------------------------------------------------------------------


def decode(message: Message, out: Decoded) -> None:
    """One body, an array of bodies, or a stream of either; a bad one of several becomes a reject of its own."""
    body = message.body
    if _decode_typed(body, out):
        return
    try:
        document = any_json(body)
    except Rejected:
        bodies = list(pieces(body))
        if len(bodies) > 1:
            each(bodies, out, _decode_body)
        elif bodies and bodies[0][1] != body:  # FTS before 3.6 ends a body with 0x04
            _decode_body(bodies[0], out, "$")
        else:
            raise
    else:
        _decode_any(document, out, "$")


def _decode_body(piece: tuple[int, bytes], out: Decoded, path: str) -> None:
    start, body = piece
    try:
        done = _decode_typed(body, out)
    except Rejected as error:
        raise _under(path, error) from None
    if not done:
        _decode_any(any_json(body, path, start), out, path)


def _decode_typed(body: bytes, out: Decoded) -> bool:
    """Today's dialect. False, with nothing done, where the body does not keep to it."""
    start = body.find(b'"') + 1
    kind = _BY_FIRST_KEY.get(body[start : body.find(b'"', start)])
    if kind is None:
        return False
    decode_as, build = kind
    try:
        found = decode_as(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False  # another dialect, or no FTS message at all: the loose way finds out, and says so
    out.events.append(build(found))
    return True


def _decode_any(document: Any, out: Decoded, path: str) -> None:
    if isinstance(document, list):
        each(document, out, _decode_document, path)
    else:
        _decode_document(document, out, path)


def _decode_document(document: Any, out: Decoded, path: str) -> None:
    document, path, _ = unwrap(document, path)
    if not isinstance(document, dict):
        raise Rejected("schema", path, "object", type(document).__name__)
    try:
        out.events.append(_build_loosely(document, out))
    except Rejected as error:
        raise _under(path, error) from None


def _under(path: str, error: Rejected) -> Rejected:
    error.reject.path = path + error.reject.path.removeprefix("$")
    return error


def _build_loosely(document: dict[str, Any], out: Decoded) -> Event:
    kind, build = _kind_of(document)
    count_unknown(document, kind, out)
    fields = _FIELDS[kind]
    known = {key: value for key, value in document.items() if value not in (None, "") and key in fields}
    about_file = _metadata(known.pop("file_metadata", None), FileMetadata)
    about_job = _metadata(known.pop("job_metadata", None), JobMetadata)
    found = convert_fields(known, kind, out, needed=_NEEDED)
    if not isinstance(found, Optimizer):
        found.file_metadata, found.job_metadata = about_file, about_job
    return build(found)


def _kind_of(document: dict[str, Any]) -> tuple[type[Any], Callable[[Any], Event]]:
    if "file_state" in document:
        return State, _state
    if "tr_id" in document:
        return Complete, _complete
    if "transfer_id" in document:
        return Start, _start
    if "source_se" in document and "connections" in document:
        return Optimizer, _optimizer
    expected = "a message of FTS, with tr_id (CO), file_state (SS), transfer_id (ST) or connections (OP)"
    raise Rejected("unknown_kind", expected=expected, found=", ".join(sorted(document)) or "no keys")


_M = TypeVar("_M", FileMetadata, JobMetadata)


def _metadata(found: Any, kind: type[_M]) -> _M | None:
    """What is known of any JSON that an issuer chose, or of a text that holds some; fields of other types not."""
    if isinstance(found, kind):
        return found
    if isinstance(found, str) and found.startswith("{"):
        try:
            found = any_json(found.encode())
        except Rejected:
            return None
    if not isinstance(found, dict):
        return None
    try:
        return msgspec.convert(found, kind, strict=False)
    except (msgspec.ValidationError, RecursionError):
        return _what_fits(found, kind)


def _what_fits(found: dict[str, Any], kind: type[_M]) -> _M:
    known = kind()
    for field in msgspec.structs.fields(kind):
        try:
            value = msgspec.convert(found.get(field.name), field.type, strict=False)
        except (msgspec.ValidationError, RecursionError):
            continue
        setattr(known, field.name, value)
    return known


# --- from messages to events -----------------------------------------------------------------------------


def _complete(p: Complete) -> Event:
    """CO. Id: server, tr_id (which quick retries share: it holds the minute), start and end of the process."""
    if not p.tr_id:
        raise _missing("tr_id")
    event, ok = _outcome(p)
    moved = event in ("done", "archiving")
    began, stopped = _whole(p.timestamp_tr_st), _whole(p.timestamp_tr_comp)
    start, complete = _whole(p.tr_timestamp_start), _whole(p.tr_timestamp_complete)
    time = _time(complete) or _time(stopped)
    if time is None:
        raise Rejected("value", "$.tr_timestamp_complete", "milliseconds since 1970", complete)
    job_id, file_id = _ids(p.tr_id, p.job_id, p.file_id)
    transfer = Transfer(
        id=identify(f"fts\x1fCO\x1f{p.endpnt or ''}\x1f{p.tr_id}\x1f{start or 0}\x1f{complete or 0}"),
        time=time,
        source="fts",
        vo=p.vo or None,
        event=event,
        ok=ok,
        job_id=job_id,
        file_id=file_id,
        activity=p.activity or None,
        user=p.user_dn or None,
        src_host=host_of(p.src_hostname) or host_of(p.src_url),
        dst_host=host_of(p.dst_hostname) or host_of(p.dst_url),
        src_url=p.src_url or None,
        dst_url=p.dst_url or None,
        src_site=p.src_site_name or None,
        dst_site=p.dst_site_name or None,
        protocol=p.protocol or _scheme(p.dst_url),
        bytes=_size(p.file_size if p.file_size is not None else p.f_size, moved),
        started=_time(began),
        ended=_time(stopped) or time,
        transfer_s=_span(began, stopped),
        endpoint=host_of(p.endpnt),
        error=p.t__error_message or None,
        error_scope=p.tr_error_scope or None,
        error_phase=p.t_failure_phase or None,
        error_category=p.tr_error_category or None,
        error_code=p.t_error_code or None,
        # set on errors only: a 0 beside a success says nothing
        retry=_count(p.retry) if p.retry or not moved else None,
        retry_max=_count(p.retry_max) if p.retry_max or not moved else None,
        streams=_count(p.nstreams) or None,
        ip_version=_ip_version(p),
        auth_method=p.auth_method if p.auth_method not in ("", "null") else None,
        transfer_mode=p.transfer_type or None,
        multihop=p.job_multihop,
    )
    _add_metadata(transfer, p.file_metadata, p.job_metadata, several_sources=p.job_m_replica)
    if moved and transfer.transfer_s:
        transfer.throughput = _throughput(p.throughput, transfer.bytes, transfer.transfer_s)
    return transfer


def _start(p: Start) -> Event:
    """ST. Id: server, transfer_id and time; a CO's tr_id is another once the minute has rolled over."""
    if not p.transfer_id:
        raise _missing("transfer_id")
    time = _required_time(p.timestamp)
    job_id, file_id = _ids(p.transfer_id, p.job_id, p.file_id)
    transfer = Transfer(
        id=identify("fts", "ST", p.endpnt or None, p.transfer_id, _whole(p.timestamp)),
        time=time,
        source="fts",
        vo=p.vo or None,
        event="started",
        job_id=job_id,
        file_id=file_id,
        user=p.user_dn or None,
        src_host=host_of(p.src_hostname) or host_of(p.src_url),
        dst_host=host_of(p.dst_hostname) or host_of(p.dst_url),
        src_url=p.src_url or None,
        dst_url=p.dst_url or None,
        src_site=p.src_site_name or None,
        dst_site=p.dst_site_name or None,
        protocol=_scheme(p.dst_url),
        started=time,
        endpoint=host_of(p.endpnt),
    )
    _add_metadata(transfer, p.file_metadata, p.job_metadata)
    return transfer


def _state(p: State) -> Event:
    """SS. Id: job, file, state and time; not the server, which only the REST server's form names."""
    for key in ("job_id", "file_id", "file_state"):
        if getattr(p, key) in (None, ""):
            raise _missing(key)
    time = _required_time(p.timestamp)
    state = str(p.file_state).lower()
    transfer = Transfer(
        id=identify("fts", "SS", p.job_id, p.file_id, state, _whole(p.timestamp)),
        time=time,
        source="fts",
        vo=p.vo_name or p.vo or None,
        event=state,
        ok=_OUTCOMES_OF_ARCHIVING.get(state) if p.archiving_start else None,
        job_id=p.job_id,
        file_id=p.file_id,
        user=p.user_dn or None,
        src_host=host_of(p.src_url) or host_of(p.source_se),
        dst_host=host_of(p.dst_url) or host_of(p.dest_se),
        src_url=p.src_url or None,
        dst_url=p.dst_url or None,
        protocol=_scheme(p.dst_url),
        bytes=_size(p.user_filesize),
        submitted=_time(_whole(p.submit_time)),
        ended=time if state in ("finished", "failed", "canceled") else None,
        endpoint=host_of(p.endpnt),
        error=p.reason or None,
        retry=_count(p.retry_counter),
        retry_max=_count(p.retry_max),
    )
    _add_metadata(transfer, p.file_metadata, p.job_metadata)
    return transfer


def _optimizer(p: Optimizer) -> Event:
    """OP. Id: server, both ends of the link, and time: one decision for a link at a time."""
    if not p.source_se:
        raise _missing("source_se")
    if not p.dest_se:
        raise _missing("dest_se")
    rate, throughput = p.success_rate, p.throughput
    return FtsQueue(
        id=identify("fts", "OP", p.endpnt or None, p.source_se, p.dest_se, _whole(p.timestamp)),
        time=_required_time(p.timestamp),
        source="fts",
        endpoint=host_of(p.endpnt),
        src_host=host_of(p.source_se),
        dst_host=host_of(p.dest_se),
        protocol=_scheme(p.dest_se),
        active=_count(p.active_count),
        submitted=_count(p.submitted_count),
        connections=_count(p.connections),
        throughput=float(throughput) if throughput is not None and throughput >= 0 else None,
        success_rate=rate / 100 if rate is not None and 0 <= rate <= 100 else None,
        rationale=p.rationale or None,
    )


# --- helpers ---------------------------------------------------------------------------------------------

_FIELDS = {kind: frozenset(kind.__struct_fields__) for kind in (Complete, Start, State, Optimizer)}
_NEEDED = frozenset(
    ("tr_id", "transfer_id", "job_id", "file_id", "file_state", "source_se", "dest_se", "endpnt")
)
_NEEDED |= {"tr_timestamp_start", "tr_timestamp_complete", "timestamp", "t_final_transfer_state"}
"""What an event is told by, and what says how an attempt ended."""
_COMPLETE = (msgspec.json.Decoder(Complete).decode, _complete)
_START = (msgspec.json.Decoder(Start).decode, _start)
_STATE = (msgspec.json.Decoder(State).decode, _state)
_OPTIMIZER = (msgspec.json.Decoder(Optimizer).decode, _optimizer)
_BY_FIRST_KEY: dict[bytes, tuple[Callable[[bytes], Any], Callable[[Any], Event]]] = {
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

_KINDS: dict[str, Literal["transfer", "stagein"]] = {"transfer": "transfer", "stagein": "stagein"}
_OUTCOMES: dict[str | int, tuple[str, bool | None]] = {
    "ok": ("done", True),
    1: ("done", True),
    "error": ("failed", False),
    0: ("failed", False),
    "abort": ("canceled", None),
    -1: ("canceled", None),
}
_OUTCOMES_OF_ARCHIVING = {"finished": True, "failed": False}


def _add_metadata(
    transfer: Transfer, about_file: AboutFile, about_job: AboutJob, several_sources: bool | None = False
) -> None:
    """Adds what the issuer told FTS with the job and the file."""
    if type(about_job) is not JobMetadata:
        about_job = _metadata(about_job, JobMetadata)
    if about_job is not None:
        several_sources = several_sources or about_job.multi_sources
        if transfer.multihop is None:
            transfer.multihop = about_job.multihop
        if about_job.activity == "functional-testing":
            transfer.functional_test = True
    if type(about_file) is not FileMetadata:
        about_file = _metadata(about_file, FileMetadata)
    if about_job is not None and about_job.request_id and not (about_file and about_file.request_id):
        about_file = about_job
        transfer.previous_request_id = about_job.previous_attempt_id or None
    if about_file is None:
        return
    transfer.kind = _KINDS.get((about_file.request_type or "").lower())
    transfer.request_id = about_file.request_id or None
    transfer.scope = about_file.scope or None
    transfer.name = about_file.name or None
    transfer.activity = about_file.activity or transfer.activity
    if not several_sources:  # else the metadata name the first one, and FTS may have taken another
        transfer.src_rse = about_file.src_rse or None
        transfer.src_type = about_file.src_type or None
    transfer.dst_rse = about_file.dst_rse or None
    transfer.dst_type = about_file.dst_type or None
    transfer.adler32 = about_file.adler32 or None
    transfer.md5 = about_file.md5 or None
    if transfer.bytes is None:
        transfer.bytes = _size(about_file.filesize, zero=True)


def _outcome(p: Complete) -> tuple[str, bool | None]:
    """(event, ok) of an attempt: by its state, else by the number that says the same."""
    found = p.t_final_transfer_state or p.t_final_transfer_state_flag
    if found is None:
        raise _missing("t_final_transfer_state")
    outcome = _OUTCOMES.get(found.lower() if isinstance(found, str) else found)
    if outcome is None:
        raise Rejected("value", "$.t_final_transfer_state", "Ok, Error or Abort", found)
    if p.is_archiving and outcome[1]:
        return "archiving", None
    return outcome


def _ids(transfer_id: str, job_id: str | None, file_id: int | None) -> tuple[str | None, int | None]:
    """Job and file as a message names them, else from its ``2016-06-22-2201__source__dest__file__job``."""
    if job_id and file_id is not None:
        return job_id, file_id
    parts = transfer_id.split("__")
    if len(parts) < 5:
        return job_id or None, file_id
    number = parts[-2]
    if file_id is None and number.isascii() and number.isdigit() and len(number) < 19:
        file_id = int(number)
    return job_id or parts[-1] or None, file_id


_EARLIEST = 365 * 86_400_000  # before 1971: unset, or computed from something unset
_LATEST = 253_402_300_800_000  # the year 10000
_LONGEST = 366 * 86_400_000  # ms; a transfer that took longer has a wrong end


def _whole(milliseconds: int | float | None) -> int | None:
    if isinstance(milliseconds, float):
        return int(milliseconds) if milliseconds < _LATEST else _LATEST
    return milliseconds


def _time(milliseconds: int | None) -> str | None:
    """POSIX milliseconds as RFC 3339 in UTC; unset (0, negative, 1970) and impossible (the year 10000) are null."""
    if milliseconds is None or not _EARLIEST <= milliseconds < _LATEST:
        return None
    minute, rest = divmod(milliseconds, 60_000)
    return f"{_minute(minute)}{rest // 1000:02d}.{rest % 1000:03d}Z"


@lru_cache(4096)
def _minute(minutes: int) -> str:
    """The time up to its seconds: times of one message, and of one second's messages, share it."""
    return str(epoch_time(minutes * 60))[:-3]


def _required_time(milliseconds: int | float | None) -> str:
    time = _time(_whole(milliseconds))
    if time is None:
        raise Rejected("value", "$.timestamp", "milliseconds since 1970", milliseconds)
    return time


def _span(start: int | None, end: int | None) -> float | None:
    """Seconds between two times in milliseconds; null if one is unset, or the result can't be true."""
    if start is None or end is None or start < _EARLIEST or not 0 <= end - start <= _LONGEST:
        return None
    return (end - start) / 1000


def _throughput(said: float | None, size: int | None, transfer_s: float) -> float | None:
    """Bytes/s. FTS's word, which is the same quotient; MONIT's archive and old servers have none."""
    if said is not None and said > 0:
        return float(said)
    return size / transfer_s if size else None


def _size(said: int | float | None, zero: bool = False) -> int | None:
    """Bytes. FTS says 0 of a file that it has not looked at: null, unless `zero`."""
    if said is None or not 0 <= said < 2**63 or (said == 0 and not zero):
        return None
    return int(said)


def _count(said: int | None) -> int | None:
    """A small number; FTS sends -1 for none, and as an unsigned one where the field is that."""
    return said if said is not None and 0 <= said < 2**31 else None


def _ip_version(p: Complete) -> int | None:
    """4 or 6. The older flag says only "known to be 6": false was also said of what nobody had looked at."""
    if p.ipver is not None:
        return {"ipv4": 4, "ipv6": 6}.get(p.ipver)
    return 6 if p.ipv6 else None


def _scheme(url: str | None) -> str | None:
    scheme, found, _rest = (url or "").partition("://")
    return scheme.lower() or None if found else None


def _missing(key: str) -> Rejected:
    return Rejected("schema", f"$.{key}", "a value", "null, empty or no such key")
