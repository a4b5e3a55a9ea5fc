"""CO: one attempt to transfer one file has ended."""

from __future__ import annotations

from math import inf

from msgspec import Struct

from lakescope.core.events import Event, Transfer
from lakescope.core.messages import DecodeResult, RejectedError
from lakescope.transformers._common import host_of, identify, number
from lakescope.transformers.fts._metadata import AboutFile, AboutJob, add_metadata
from lakescope.transformers.fts._values import (
    IgnoredValue,
    Milliseconds,
    Number,
    count,
    ids,
    missing,
    scheme,
    size,
    span,
    time_of,
    to_int,
)


class Complete(Struct, gc=False, forbid_unknown_fields=True):
    """CO: one attempt to transfer one file has ended. In the order of the wire, which decodes fastest."""

    activity: str | None = None
    auth_method: str | None = None
    block_size: IgnoredValue = None
    buf_size: IgnoredValue = None
    channel_type: IgnoredValue = None
    chk_timeout: IgnoredValue = None
    cleanup_code: IgnoredValue = None
    dest_srm_v: IgnoredValue = None
    dst_hostname: str | None = None
    dst_protocol: IgnoredValue = None
    dst_se: IgnoredValue = None
    dst_site_name: str | None = None
    dst_transfer_protocol: IgnoredValue = None
    dst_url: str | None = None
    endpnt: str | None = None
    eviction_code: IgnoredValue = None
    f_size: int | None = None
    file_id: int | None = None
    file_metadata: AboutFile = None
    file_size: int | None = None
    final_destination: IgnoredValue = None
    ipver: str | None = None
    is_archiving: bool | None = None
    is_recoverable: IgnoredValue = None
    job_id: str | None = None
    job_m_replica: bool | None = None
    job_metadata: AboutJob = None
    job_multihop: bool | None = None
    job_state: IgnoredValue = None
    nstreams: int | None = None
    operation_time: IgnoredValue = None  # process end minus start; in MONIT's archive of 2017 something else
    overwrite_on_disk_deletion_code: IgnoredValue = None
    overwrite_on_disk_flag: IgnoredValue = None
    protocol: str | None = None
    protocol_translation: IgnoredValue = None
    retry: int | None = None
    retry_max: int | None = None
    scitag: IgnoredValue = None
    src_hostname: str | None = None
    src_protocol: IgnoredValue = None
    src_se: IgnoredValue = None
    src_site_name: str | None = None
    src_srm_v: IgnoredValue = None
    src_transfer_protocol: IgnoredValue = None
    src_url: str | None = None
    srm_finalization_time: IgnoredValue = None
    srm_overhead_percentage: IgnoredValue = None
    srm_overhead_time: IgnoredValue = None  # unsigned: a negative one wraps to 1.8e19
    srm_preparation_time: IgnoredValue = None
    srm_space_token_dst: IgnoredValue = None
    srm_space_token_src: IgnoredValue = None
    t__error_message: str | None = None
    t_channel: IgnoredValue = None
    t_error_code: int | None = None
    t_failure_phase: str | None = None
    t_final_transfer_state: str | None = None
    t_final_transfer_state_flag: int | None = None
    t_timeout: IgnoredValue = None
    tcp_buf_size: IgnoredValue = None
    throughput: Number | None = None
    time_srm_fin_end: IgnoredValue = None
    time_srm_fin_st: IgnoredValue = None
    time_srm_prep_end: IgnoredValue = None
    time_srm_prep_st: IgnoredValue = None
    timestamp_checksum_dest_ended: IgnoredValue = None
    timestamp_checksum_dest_st: IgnoredValue = None
    timestamp_checksum_dst_diff: IgnoredValue = None
    timestamp_checksum_src_diff: IgnoredValue = None
    timestamp_chk_src_ended: IgnoredValue = None
    timestamp_chk_src_st: IgnoredValue = None
    timestamp_tr_comp: Milliseconds | None = None
    timestamp_tr_st: Milliseconds | None = None
    tr_bt_transfered: IgnoredValue = None
    tr_error_category: str | None = None
    tr_error_scope: str | None = None
    tr_id: str | None = None
    tr_timestamp_complete: Milliseconds | None = None
    tr_timestamp_start: Milliseconds | None = None
    transfer_lasthop: IgnoredValue = None
    transfer_time: IgnoredValue = None  # -1.7e12 where one end is unset: recomputed
    transfer_type: str | None = None
    user_dn: str | None = None
    vo: str | None = None
    # before 3.13.1, and a while beside ipver
    ipv6: bool | None = None
    # added by MONIT in 2017
    latency: IgnoredValue = None
    log_link: IgnoredValue = None
    remote_access: IgnoredValue = None
    user: IgnoredValue = None


_OUTCOMES: dict[str | int, tuple[str, bool | None]] = {
    "ok": ("done", True),
    1: ("done", True),
    "error": ("failed", False),
    0: ("failed", False),
    "abort": ("canceled", None),
    -1: ("canceled", None),
}


def build(p: Complete, out: DecodeResult) -> Event:
    """CO. Id: server, tr_id (which quick retries share: it holds the minute), start and end of the process."""
    if not p.tr_id:
        raise missing("tr_id")
    event, ok = _outcome(p)
    has_moved_bytes = event in ("done", "archiving")
    began, stop_ms = to_int(p.timestamp_tr_st), to_int(p.timestamp_tr_comp)
    start, complete = to_int(p.tr_timestamp_start), to_int(p.tr_timestamp_complete)
    end_time = time_of(stop_ms, "transfers.ended", out.impossible)
    time = time_of(complete, "transfers.time", out.impossible) or end_time
    if time is None:
        raise RejectedError("value", "$.tr_timestamp_complete", "milliseconds since 1970", complete)
    job_id, file_id = ids(p.tr_id, p.job_id, p.file_id)
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
        protocol=p.protocol or scheme(p.dst_url),
        bytes=size(p.file_size if p.file_size is not None else p.f_size, has_moved_bytes),
        started=time_of(began, "transfers.started", out.impossible),
        ended=end_time or time,
        transfer_s=span(began, stop_ms),
        endpoint=host_of(p.endpnt),
        error=p.t__error_message or None,
        error_scope=p.tr_error_scope or None,
        error_phase=p.t_failure_phase or None,
        error_category=p.tr_error_category or None,
        error_code=p.t_error_code or None,
        # set on errors only: a 0 beside a success says nothing
        retry=count(p.retry) if p.retry or not has_moved_bytes else None,
        retry_max=count(p.retry_max) if p.retry_max or not has_moved_bytes else None,
        streams=count(p.nstreams) or None,
        ip_version=_ip_version(p),
        auth_method=p.auth_method if p.auth_method not in ("", "null") else None,
        transfer_mode=p.transfer_type or None,
        multihop=p.job_multihop,
    )
    add_metadata(transfer, p.file_metadata, p.job_metadata, several_sources=p.job_m_replica)
    if has_moved_bytes and transfer.transfer_s is not None and 0 < transfer.transfer_s < inf:
        transfer.throughput = _throughput(p.throughput, transfer.bytes, transfer.transfer_s)
    return transfer


def _outcome(p: Complete) -> tuple[str, bool | None]:
    """(event, ok) of an attempt: by its state, else by the number that says the same."""
    state_name = p.t_final_transfer_state or p.t_final_transfer_state_flag
    if state_name is None:
        raise missing("t_final_transfer_state")
    outcome = _OUTCOMES.get(state_name.lower() if isinstance(state_name, str) else state_name)
    if outcome is None:
        raise RejectedError("value", "$.t_final_transfer_state", "Ok, Error or Abort", state_name)
    if p.is_archiving and outcome[1]:
        return "archiving", None
    return outcome


def _throughput(throughput: float | None, size: int | None, transfer_s: float) -> float | None:
    """Bytes/s. FTS's word, which is the same quotient; MONIT's archive and old servers have none."""
    if throughput is not None and throughput > 0:
        return number(throughput)
    return size / transfer_s if size and size > 0 else None


def _ip_version(p: Complete) -> int | None:
    """4 or 6. The older flag says only "known to be 6": false was also said of what nobody had looked at."""
    if p.ipver is not None:
        return {"ipv4": 4, "ipv6": 6}.get(p.ipver)
    return 6 if p.ipv6 else None
