"""Bad replicas: their counts, ``GET /replicas/bad/summary``, and suspicious files, ``GET /replicas/suspicious``
(lib/rucio/core/replica.py: get_bad_replicas_summary, get_suspicious_files).

The counts come by day of declaration; they are added up by RSE, state and reason, whose texts are masked as errors are,
so that one reason with many files or dates is one.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from msgspec import Struct, field

from lakescope.core.events import Replica
from lakescope.core.messages import DecodeResult
from lakescope.transformers._answers import Question
from lakescope.transformers._common import identify, to_int, utc_time
from lakescope.transformers.errors import error_template

Ignored = Any
_REASON_MAX = 120  # characters: a tag, not a text


class BadLine(Struct):
    """Replicas of one RSE, declared on one day for one reason, by state."""

    rse: str
    reason: str | None = None
    bad: int | None = field(default=None, name="BAD")
    suspicious: int | None = field(default=None, name="SUSPICIOUS")
    lost: int | None = field(default=None, name="LOST")
    recovered: int | None = field(default=None, name="RECOVERED")
    deleted: int | None = field(default=None, name="DELETED")
    temporary_unavailable: int | None = field(default=None, name="TEMPORARY_UNAVAILABLE")
    created_at: Ignored = None
    rse_id: Ignored = None


_STATES = ("bad", "suspicious", "lost", "recovered", "deleted", "temporary_unavailable")


class SuspiciousLine(Struct):
    """One file."""

    scope: str
    name: str
    rse: str
    cnt: int | None = None
    created_at: str | None = None
    rse_id: Ignored = None


class BadReplicas:
    """The counts of an answer."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str | None]] = Counter()

    def add(self, line: BadLine) -> None:
        """One more day and reason."""
        reason = error_template(line.reason)[:_REASON_MAX].strip() or None if line.reason else None
        for state in _STATES:
            count = getattr(line, state)
            if count is not None and count >= 0:
                self.counts[line.rse, state, reason] += count

    def finish(self, out: DecodeResult, question: Question) -> None:
        """An event for each RSE, state and reason."""
        for (rse, state, reason), count in self.counts.items():
            out.events.append(
                Replica(
                    id=identify("rucio-api", "replicas", rse, state, reason, question.time),
                    time=question.time,
                    source="rucio-api",
                    state=state,
                    rse=rse,
                    reason=reason,
                    count=to_int(count),
                    poll=question.scope,
                )
            )


def add_suspicious(line: SuspiciousLine, out: DecodeResult, path: str, question: Question) -> None:
    """How often the file was declared suspicious."""
    out.events.append(
        Replica(
            id=identify("rucio-api", "suspicious", line.rse, line.scope, line.name, question.time),
            time=question.time,
            source="rucio-api",
            state="suspicious",
            rse=line.rse,
            scope=line.scope,
            name=line.name,
            attempts=to_int(line.cnt),
            declared=utc_time(line.created_at, f"{path}.created_at"),
            poll=question.scope,
        )
    )
