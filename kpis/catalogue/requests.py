"""Transfer requests as Rucio counts them: what is queued, was done and failed by link and activity, and how old it is."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.model import Kpi, Part

_LINK = ("src_rse", "dst_rse")
LINKS = ("dst_rse", "src_rse", "dst_site", "src_site", "vo")

_requests = partial(Kpi, unit="count", dataset="requests", dimensions=(*LINKS, "activity"))
_NOT_POLLED = "Rucio's requests are not polled (/requests/metrics), or Rucio does not answer"
_UNKEPT = "Rucio keeps no transfer_stats, nothing was done or failed in six hours, or it does not answer"
_last = partial(Part, kind="last", series=(*_LINK, "activity"), polled="requests")


def _ended(what: str, field: str, span: str, good: str) -> Kpi:
    return _requests(
        name=f"requests_{field}",
        meaning=f"Transfers that {what} in the last {span}, as Rucio itself counts them.",
        good=good,  # type: ignore[arg-type]
        value=_last(field=field),
        null=_UNKEPT,
    )


def _older(hours: int) -> Kpi:
    return _requests(
        name=f"requests_older_{hours}h",
        meaning=f"Open transfer requests that were made more than {hours} hours ago.",
        good="down",
        value=_open(field=f"older_{hours}h"),
        dimensions=LINKS,
        null=_UNASKED,
    )


_open = partial(Part, kind="last", series=_LINK)
_UNASKED = "no link's open requests are polled (/requests/list), or Rucio does not answer"

KPIS = (
    _requests(
        name="requests_queued",
        meaning="Transfer requests that wait for their submission, in Rucio's latest answer; without those that have no"
        " source yet.",
        good="down",
        value=_last(field="queued", over="total"),
        null=_NOT_POLLED,
    ),
    _requests(
        name="requests_queued_bytes",
        meaning="Size of the transfer requests that wait for their submission, in Rucio's latest answer.",
        unit="bytes",
        good="down",
        value=_last(field="queued_bytes", over="total"),
        null=_NOT_POLLED,
    ),
    _ended("succeeded", "done_1h", "hour", "up"),
    _ended("succeeded", "done_6h", "six hours", "up"),
    _ended("failed", "failed_1h", "hour", "down"),
    _ended("failed", "failed_6h", "six hours", "down"),
    _requests(
        name="requests_open",
        meaning="Transfer requests that are queued or submitted, of the links that are asked about.",
        good="down",
        value=_open(field="open"),
        dimensions=LINKS,
        null=_UNASKED,
    ),
    *(_older(hours) for hours in (12, 24, 48)),
    _requests(
        name="requests_oldest",
        meaning="Age of the oldest open transfer request.",
        unit="seconds",
        good="down",
        value=_open(field="oldest_s", over="max"),
        dimensions=LINKS,
        null="no request is open, or Rucio does not answer",
    ),
)
