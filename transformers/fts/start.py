"""ST: a process has begun to transfer one file."""

from __future__ import annotations

from msgspec import Struct

from lakescope.core.events import Event, Transfer
from lakescope.core.messages import DecodeResult
from lakescope.transformers._common import host_of, identify
from lakescope.transformers.fts._metadata import AboutFile, AboutJob, add_metadata
from lakescope.transformers.fts._values import (
    IgnoredValue,
    Milliseconds,
    ids,
    missing,
    required_time,
    scheme,
    to_int,
)


class Start(Struct, gc=False, forbid_unknown_fields=True):
    """ST: a process has begun to transfer one file."""

    dest_srm_v: IgnoredValue = None
    dst_hostname: str | None = None
    dst_site_name: str | None = None
    dst_url: str | None = None
    endpnt: str | None = None
    file_id: int | None = None
    file_metadata: AboutFile = None
    is_archiving: IgnoredValue = None
    job_id: str | None = None
    job_metadata: AboutJob = None
    src_hostname: str | None = None
    src_site_name: str | None = None
    src_srm_v: IgnoredValue = None
    src_url: str | None = None
    srm_space_token_dst: IgnoredValue = None
    srm_space_token_src: IgnoredValue = None
    t_channel: IgnoredValue = None
    timestamp: Milliseconds | None = None
    transfer_id: str | None = None
    user_dn: str | None = None
    vo: str | None = None
    # before 2014
    agent_fqdn: IgnoredValue = None


def build(p: Start, _out: DecodeResult) -> Event:
    """ST. Id: server, transfer_id and time; a CO's tr_id is another once the minute has rolled over."""
    if not p.transfer_id:
        raise missing("transfer_id")
    time = required_time(p.timestamp)
    job_id, file_id = ids(p.transfer_id, p.job_id, p.file_id)
    transfer = Transfer(
        id=identify("fts", "ST", p.endpnt or None, p.transfer_id, to_int(p.timestamp)),
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
        protocol=scheme(p.dst_url),
        started=time,
        endpoint=host_of(p.endpnt),
    )
    add_metadata(transfer, p.file_metadata, p.job_metadata)
    return transfer
