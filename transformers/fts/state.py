"""SS: a file has entered a state."""

from __future__ import annotations

from msgspec import Struct

from lakescope.core.events import Event, Transfer
from lakescope.core.messages import DecodeResult
from lakescope.transformers._common import host_of, identify
from lakescope.transformers.fts._metadata import AboutFile, AboutJob, add_metadata
from lakescope.transformers.fts._values import (
    IgnoredValue,
    Milliseconds,
    Number,
    count,
    missing,
    required_time,
    scheme,
    size,
    span,
    time_of,
    to_int,
)


class State(Struct, gc=False, forbid_unknown_fields=True):
    """SS: a file has entered a state."""

    archiving: IgnoredValue = None
    archiving_finished: Milliseconds | None = None
    archiving_start: Milliseconds | None = None
    dest_se: str | None = None
    dst_url: str | None = None
    endpnt: str | None = None
    file_id: int | None = None
    file_metadata: AboutFile = None
    file_state: str | None = None
    job_id: str | None = None
    job_metadata: AboutJob = None
    job_state: IgnoredValue = None
    reason: str | None = None
    retry_counter: int | None = None
    retry_max: int | None = None
    source_se: str | None = None
    src_url: str | None = None
    staging: IgnoredValue = None
    staging_finished: Milliseconds | None = None
    staging_start: Milliseconds | None = None
    submit_time: Milliseconds | None = None
    timestamp: Milliseconds | None = None
    user_dn: str | None = None
    user_filesize: Number | None = None
    vo: str | None = None  # in MONIT's form
    vo_name: str | None = None


_OUTCOMES_OF_ARCHIVING = {"finished": True, "failed": False}


def _waited(start: Number | None, end: Number | None) -> float | None:
    """Seconds; null where one is missing, which FTS writes as 0."""
    return span(to_int(start), to_int(end)) if start and end else None


def build(p: State, out: DecodeResult) -> Event:
    """SS. Id: job, file, state and time; not the server, which only the REST server's form names."""
    for key in ("job_id", "file_id", "file_state"):
        if getattr(p, key) in (None, ""):
            raise missing(key)
    time = required_time(p.timestamp)
    state = str(p.file_state).lower()
    transfer = Transfer(
        id=identify("fts", "SS", p.job_id, p.file_id, state, to_int(p.timestamp)),
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
        protocol=scheme(p.dst_url),
        bytes=size(p.user_filesize),
        submitted=time_of(to_int(p.submit_time), "transfers.submitted", out.impossible),
        ended=time if state in ("finished", "failed", "canceled") else None,
        endpoint=host_of(p.endpnt),
        error=p.reason or None,
        retry=count(p.retry_counter),
        retry_max=count(p.retry_max),
    )
    if state in _OUTCOMES_OF_ARCHIVING:  # earlier states say it too: once is enough
        transfer.staging_s = _waited(p.staging_start, p.staging_finished)
        transfer.archiving_s = _waited(p.archiving_start, p.archiving_finished)
    add_metadata(transfer, p.file_metadata, p.job_metadata)
    return transfer
