"""Transfer requests by link: ``GET /requests/metrics`` (lib/rucio/core/request.py: get_request_metrics), and the age of
those that are open, ``GET /requests/list?src_rse&dst_rse&request_states=Q,S`` (lib/rucio/web/rest/flaskapi/v1/requests.py).

Of the metrics, an event for each link and activity. What they lack is 0: Rucio leaves it out. Rucio counts the queue by
account as well, and where two accounts share an activity it writes the count of one of them over the other's; its totals
are right. What they have beyond the activities is an event without an activity. Where no link of an answer has anything
done or failed, Rucio may keep no ``transfer_stats``: then these are unknown.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from lakescope.core.events import LinkRequests
from lakescope.core.messages import DecodeResult, RejectedError
from lakescope.transformers._answers import Question
from lakescope.transformers._common import identify, span_s, to_int, utc_moment
from lakescope.transformers.rucio_api._question import kind_of, parameter

Ignored = Any
_HOUR = 3600
_SPANS = ("1h", "6h")


class Amounts(Struct):
    """Files, or their bytes: totals, and by activity."""

    queued: dict[str, int] = {}
    done: dict[str, dict[str, int]] = {}
    failed: dict[str, dict[str, int]] = {}
    queued_total: int = field(default=0, name="queued-total")
    done_total_1h: int | None = field(default=None, name="done-total-1h")
    done_total_6h: int | None = field(default=None, name="done-total-6h")
    failed_total_1h: int | None = field(default=None, name="failed-total-1h")
    failed_total_6h: int | None = field(default=None, name="failed-total-6h")

    @property
    def has_ended(self) -> bool:
        """Whether anything is said of what was done or failed."""
        totals = (self.done_total_1h, self.done_total_6h, self.failed_total_1h, self.failed_total_6h)
        return bool(self.done or self.failed) or any(total is not None for total in totals)

    def by_activity(self, prefix: str) -> dict[str, dict[str, int]]:
        """Activity -> field of the event -> how much."""
        amounts: dict[str, dict[str, int]] = defaultdict(dict)
        for activity, count in self.queued.items():
            amounts[activity][f"queued{prefix}"] = count
        for name, ended in (("done", self.done), ("failed", self.failed)):
            for activity, spans in ended.items():
                amounts[activity] |= {f"{name}{prefix}_{span}": spans.get(span, 0) for span in _SPANS}
        return amounts

    def totals(self, prefix: str) -> dict[str, int]:
        """Field of the event -> how much of all activities together."""
        amounts = {f"queued{prefix}": self.queued_total}
        for name in ("done", "failed"):
            for span in _SPANS:
                amounts[f"{name}{prefix}_{span}"] = getattr(self, f"{name}_total_{span}") or 0
        return amounts


class LinkLine(Struct):
    """One link."""

    src_rse: str
    dst_rse: str
    files: Amounts | None = None
    bytes: Amounts | None = None
    distance: Ignored = None


class RequestLine(Struct):
    """One open request, a row of Rucio's table ``requests``: of its columns these are read."""

    source_rse: str | None = None
    dest_rse: str | None = None
    created_at: str | None = None
    requested_at: str | None = None


class Links:
    """The links of an answer, kept until it is known whether Rucio counts what was done."""

    def __init__(self) -> None:
        self.lines: list[LinkLine] = []

    def finish(self, out: DecodeResult, question: Question) -> None:
        """The events; a link on which nothing is queued or was done gives none."""
        amounts = [one for line in self.lines for one in (line.files, line.bytes) if one is not None]
        has_stats = any(one.has_ended for one in amounts)
        for line in self.lines:
            counts = _counts(line)
            if not counts:
                out.filtered["idle_link"] += 1
            for activity, fields in counts.items():
                out.events.append(_event(line, activity, fields, question, has_stats=has_stats))


def _counts(line: LinkLine) -> dict[str | None, dict[str, int]]:
    """Activity -> field -> how much; under null what the totals have beyond the activities."""
    counts: dict[str | None, dict[str, int]] = defaultdict(dict)
    rest: dict[str, int] = {}
    for amounts, prefix in ((line.files or Amounts(), ""), (line.bytes or Amounts(), "_bytes")):
        for activity, fields in amounts.by_activity(prefix).items():
            counts[activity] |= fields
        for name, total in amounts.totals(prefix).items():
            more = total - sum(fields.get(name, 0) for fields in counts.values())
            if more > 0:
                rest[name] = more
    if rest:
        counts[None] = rest
    return counts


def _event(
    line: LinkLine, activity: str | None, fields: dict[str, int], question: Question, *, has_stats: bool
) -> LinkRequests:
    def of(name: str) -> int | None:
        return to_int(fields.get(name, 0))

    def ended(name: str) -> int | None:
        return of(name) if has_stats else None

    return LinkRequests(
        id=identify("rucio-api", "requests", line.src_rse, line.dst_rse, activity, question.time),
        time=question.time,
        source="rucio-api",
        src_rse=line.src_rse,
        dst_rse=line.dst_rse,
        activity=activity,
        queued=of("queued"),
        queued_bytes=of("queued_bytes"),
        done_1h=ended("done_1h"),
        done_6h=ended("done_6h"),
        failed_1h=ended("failed_1h"),
        failed_6h=ended("failed_6h"),
        done_bytes_1h=ended("done_bytes_1h"),
        done_bytes_6h=ended("done_bytes_6h"),
        poll=question.scope,
    )


class OpenRequests:
    """The ages of an answer's requests, by link."""

    def __init__(self) -> None:
        self.ages: dict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, line: RequestLine, path: str, moment: datetime) -> None:
        """One more. Raises `RejectedError` for one whose link or age is not known."""
        _, created = utc_moment(line.created_at or line.requested_at, f"{path}.created_at")
        age = span_s(created, moment)
        if line.source_rse is None or line.dest_rse is None or age is None:
            raise RejectedError("schema", path, "a request with source_rse, dest_rse and created_at", "none")
        self.ages[line.source_rse, line.dest_rse].append(max(0.0, age))

    def finish(self, out: DecodeResult, question: Question) -> None:
        """An event a link; of the link asked about also where nothing is open."""
        src, dst = parameter("src_rse", question), parameter("dst_rse", question)
        if kind_of(question) == "open_requests" and src and dst:
            self.ages[src, dst]  # makes it
        for (src_rse, dst_rse), ages in self.ages.items():
            out.events.append(
                LinkRequests(
                    id=identify("rucio-api", "open requests", src_rse, dst_rse, question.time),
                    time=question.time,
                    source="rucio-api",
                    src_rse=src_rse,
                    dst_rse=dst_rse,
                    open=len(ages),
                    older_12h=_older(ages, 12),
                    older_24h=_older(ages, 24),
                    older_48h=_older(ages, 48),
                    oldest_s=max(ages, default=None),
                    poll=question.scope,
                )
            )


def _older(ages: list[float], hours: int) -> int:
    return sum(age > hours * _HOUR for age in ages)
