"""What Rucio knows about itself."""

from __future__ import annotations

from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.definitions import _rucio_metrics as metrics
from lakescope.dashboards.model import Dashboard, Listing, Number, Panel, Row
from lakescope.dashboards.variables import ACTIVITY, DESTINATION_RSE, INSTANCE, RSE, SOURCE_RSE, VO

_LINK = ("src_rse", "dst_rse")
_NEED = {
    "requests": "Asked of Rucio by the collector rucio; the account needs the attribute admin.",
    "daemons": "Asked of Rucio by the collector rucio; only the account root may.",
}


def _stat(title: str, kpi: str, width: int = 6) -> Panel:
    return Panel(title=title, kind="stat", width=width, height=4, numbers=(Number(kpi=kpi),))


_REQUESTS = Row(
    title="From Rucio's REST API: transfer requests",
    panels=(
        _stat("Queued requests", "requests_queued"),
        _stat("Queued volume", "requests_queued_bytes"),
        _stat("Older than 24 h", "requests_older_24h"),
        _stat("Oldest request", "requests_oldest"),
        Panel(
            title="Queued requests by {group}",
            kind="stacked",
            grouped=True,
            numbers=(Number(kpi="requests_queued", by=("activity",)),),
        ),
        Panel(
            title="Transfers in the last hour, by Rucio's own count",
            kind="lines",
            numbers=(
                Number(kpi="requests_done_1h", label="done"),
                Number(kpi="requests_failed_1h", label="failed"),
            ),
            text=_NEED["requests"],
        ),
        Panel(
            title="Requests by link",
            kind="table",
            height=10,
            numbers=tuple(
                Number(kpi=kpi, by=_LINK, label=label)
                for kpi, label in (
                    ("requests_queued", "queued"),
                    ("requests_queued_bytes", "volume"),
                    ("requests_done_1h", "done in 1 h"),
                    ("requests_failed_1h", "failed in 1 h"),
                    ("requests_done_6h", "done in 6 h"),
                    ("requests_failed_6h", "failed in 6 h"),
                )
            ),
            instead=Listing(
                dataset="requests",
                columns=(
                    *(*_LINK, "activity", "queued", "queued_bytes"),
                    *("done_1h", "failed_1h", "done_6h", "failed_6h"),
                ),
                counted_by="requests_queued",
                limit=500,
            ),
            text=_NEED["requests"],
        ),
        Panel(
            title="Age of open requests by destination",
            kind="table",
            height=10,
            numbers=tuple(
                Number(kpi=kpi, by=("dst_rse",), label=label)
                for kpi, label in (
                    ("requests_older_48h", "older than 48 h"),
                    ("requests_older_24h", "older than 24 h"),
                    ("requests_older_12h", "older than 12 h"),
                    ("requests_open", "open"),
                    ("requests_oldest", "oldest"),
                )
            ),
            text=_NEED["requests"],
        ),
    ),
)

_DAEMONS = Row(
    title="From Rucio's REST API: daemons",
    panels=(
        _stat("Threads alive", "daemons_alive", 12),
        _stat("Threads silent", "daemons_silent", 12),
        Panel(
            title="Daemons by heartbeat",
            kind="table",
            height=9,
            numbers=(
                Number(kpi="daemons_last_heard", by=("daemon",), label="last heard"),
                Number(kpi="daemons_alive", by=("daemon",), label="alive"),
                Number(kpi="daemons_silent", by=("daemon",), label="silent"),
            ),
            instead=Listing(
                dataset="daemons",
                columns=("daemon", "host", "pid", "thread", "silent_s", "silent", "last_heard"),
                counted_by="daemons_last_heard",
                limit=500,
            ),
            text=_NEED["daemons"],
        ),
        Panel(
            title="Time since the last heartbeat by daemon",
            kind="states",
            height=9,
            numbers=(Number(kpi="daemons_last_heard", by=("daemon",)),),
            text=_NEED["daemons"],
        ),
        Panel(
            title="Silent threads",
            kind="events",
            width=24,
            height=7,
            listing=Listing(
                dataset="daemons",
                columns=("daemon", "host", "pid", "thread", "last_heard", "silent_s", "payload"),
                counted_by="daemons_silent",
                limit=200,
            ),
        ),
    ),
)

_REPLICAS = Row(
    title="From Rucio's REST API: bad replicas",
    panels=(
        _stat("Bad", "replicas_bad"),
        _stat("Lost", "replicas_lost"),
        _stat("Suspicious", "replicas_suspicious"),
        _stat("Files declared suspicious", "replicas_suspicious_files"),
        Panel(
            title="Declared replicas by state",
            kind="stacked",
            numbers=(Number(kpi="replicas_declared", by=("state",)),),
        ),
        Panel(
            title="Bad replicas by RSE and reason",
            kind="table",
            numbers=tuple(
                Number(kpi=kpi, by=("rse", "reason"), label=label)
                for kpi, label in (
                    ("replicas_bad", "bad"),
                    ("replicas_suspicious", "suspicious"),
                    ("replicas_lost", "lost"),
                )
            ),
            instead=Listing(
                dataset="replicas",
                columns=("rse", "state", "reason", "count"),
                counted_by="replicas_declared",
                limit=500,
            ),
            link=links.STORAGE,
        ),
        Panel(
            title="Suspicious files",
            kind="events",
            width=24,
            height=7,
            listing=Listing(
                dataset="replicas",
                columns=("rse", "scope", "name", "attempts", "declared"),
                counted_by="replicas_suspicious_files",
                limit=200,
            ),
        ),
    ),
)

RUCIO = Dashboard(
    name="rucio",
    title="Rucio inside",
    question="Do Rucio's own parts work: queues, daemons, and the replicas that it cares for?",
    variables=(VO, ACTIVITY, SOURCE_RSE, DESTINATION_RSE, RSE, INSTANCE),
    group="activity",
    rows=(*metrics.ROWS, _REQUESTS, _DAEMONS, _REPLICAS),
)
