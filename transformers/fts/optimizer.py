"""OP: the optimizer has looked at one link."""

from __future__ import annotations

from msgspec import Struct

from lakescope.core.events import Event, FtsQueue
from lakescope.core.messages import DecodeResult
from lakescope.transformers._common import host_of, identify
from lakescope.transformers.fts._values import (
    IgnoredValue,
    Milliseconds,
    Number,
    count,
    measure,
    missing,
    required_time,
    scheme,
    to_int,
)


class Optimizer(Struct, gc=False, forbid_unknown_fields=True):
    """OP: the optimizer has looked at one link."""

    active_count: int | None = None
    connections: int | None = None
    dest_se: str | None = None
    diff: IgnoredValue = None
    duration_avg: IgnoredValue = None
    endpnt: str | None = None
    filesize_avg: IgnoredValue = None
    filesize_stddev: IgnoredValue = None
    rationale: str | None = None
    retry_count: IgnoredValue = None
    source_se: str | None = None
    submitted_count: int | None = None
    success_rate: Number | None = None
    throughput: Number | None = None
    throughput_ema: IgnoredValue = None
    timestamp: Milliseconds | None = None


def build(p: Optimizer, _out: DecodeResult) -> Event:
    """OP. Id: server, both ends of the link, and time: one decision for a link at a time."""
    if not p.source_se:
        raise missing("source_se")
    if not p.dest_se:
        raise missing("dest_se")
    success = measure(p.success_rate)
    return FtsQueue(
        id=identify("fts", "OP", p.endpnt or None, p.source_se, p.dest_se, to_int(p.timestamp)),
        time=required_time(p.timestamp),
        source="fts",
        endpoint=host_of(p.endpnt),
        src_host=host_of(p.source_se),
        dst_host=host_of(p.dest_se),
        protocol=scheme(p.dest_se),
        active=count(p.active_count),
        submitted=count(p.submitted_count),
        connections=count(p.connections),
        throughput=measure(p.throughput),
        success_rate=None if success is None else success / 100,
        rationale=p.rationale or None,
    )
