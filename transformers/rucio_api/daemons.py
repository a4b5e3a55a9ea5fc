"""Heartbeats of Rucio's daemons, as ``GET /heartbeats`` answers (lib/rucio/core/heartbeat.py: list_heartbeats)."""

from __future__ import annotations

from msgspec import Struct

from lakescope.core.events import Daemon
from lakescope.core.messages import DecodeResult, RejectedError
from lakescope.transformers._answers import Question
from lakescope.transformers._common import identify, span_s, to_int, utc_moment, utc_time

_DEAD_AFTER_S = 600
"""Rucio's own bound: heartbeats that are older count no more when work is shared out (core/heartbeat.py: live)."""


class HeartbeatLine(Struct):
    """One thread of one daemon."""

    readable: str
    hostname: str
    pid: int | None = None
    thread_name: str | None = None
    updated_at: str | None = None
    created_at: str | None = None
    payload: str | None = None


def add_heartbeat(line: HeartbeatLine, out: DecodeResult, path: str, question: Question) -> None:
    """When it was last heard."""
    if not line.readable:
        raise RejectedError("value", f"{path}.readable", "the daemon's name", line.readable)
    last_heard, moment = utc_moment(line.updated_at, f"{path}.updated_at")
    silent_s = span_s(moment, question.moment)
    out.events.append(
        Daemon(
            id=identify(
                *("rucio-api", "heartbeat", line.readable, line.hostname, line.pid, line.thread_name),
                *(line.created_at, question.time),
            ),
            time=question.time,
            source="rucio-api",
            daemon=line.readable,
            host=line.hostname,
            pid=to_int(line.pid),
            thread=line.thread_name,
            payload=line.payload,
            started=utc_time(line.created_at, f"{path}.created_at"),
            last_heard=last_heard,
            silent_s=silent_s,
            silent=None if silent_s is None else silent_s > _DEAD_AFTER_S,
            poll=question.scope,
        )
    )
