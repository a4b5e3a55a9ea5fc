"""FTS's queues, by its optimizer's decisions and by its monitoring's pages.

Both report on a link as one series (endpoint, hosts, protocol), so that the later report holds and none is counted twice.
"""

from __future__ import annotations

from functools import partial

from lakescope.kpis.catalogue._common import are_known, empty_hours
from lakescope.kpis.model import Kpi, Part, Ratio

QUEUES = ("endpoint", "src_site", "dst_site", "src_host", "dst_host", "protocol", "vo")

_last = partial(Part, kind="last", series=("endpoint", "src_host", "dst_host", "protocol"))
_queue = partial(Kpi, dataset="fts_queue", dimensions=QUEUES, null="FTS's optimizer has not reported")
_ENDED = are_known("finished", "ended")
_NOT_ASKED = "FTS's monitoring is not polled"

KPIS = (
    _queue(
        name="fts_queue_depth",
        meaning="Transfers queued in FTS: last reported value per link.",
        unit="count",
        good="down",
        value=_last(field="submitted"),
    ),
    _queue(
        name="fts_queue_peak",
        meaning="Largest number of queued transfers on one link.",
        unit="count",
        good="down",
        value=Part(kind="max", field="submitted"),
    ),
    _queue(
        name="fts_active",
        meaning="Active transfers in FTS: last reported value per link.",
        unit="count",
        good="neutral",
        value=_last(field="active"),
    ),
    _queue(
        name="fts_active_mean",
        meaning="Average number of active transfers on a link.",
        unit="count",
        good="neutral",
        value=Part(kind="mean", field="active"),
    ),
    _queue(
        name="fts_throughput",
        meaning="Average throughput of a link, as FTS reports it.",
        unit="bytes/s",
        good="up",
        value=Part(kind="mean", field="throughput"),
    ),
    _queue(
        name="fts_success_rate",
        meaning="Average success rate of the links, as FTS reports it.",
        unit="ratio",
        good="up",
        value=Part(kind="mean", field="success_rate"),
    ),
    _queue(
        name="fts_staging",
        meaning="Files that FTS is bringing from tape: last reported value per link.",
        unit="count",
        good="neutral",
        value=_last(field="staging"),
        null=_NOT_ASKED,
    ),
    _queue(
        name="fts_archiving",
        meaning="Files that FTS has copied and waits for on tape: last reported value per link.",
        unit="count",
        good="neutral",
        value=_last(field="archiving"),
        null=_NOT_ASKED,
    ),
    _queue(
        name="fts_recent_failed",
        meaning="Transfers that failed in the last hour, or in the window that FTS's monitoring is asked for: last reported"
        " value per link.",
        unit="count",
        good="down",
        value=_last(field="failed"),
        null=_NOT_ASKED,
    ),
    _queue(
        name="fts_recent_efficiency",
        meaning="Transfers that succeeded in the last hour, or in the window that FTS's monitoring is asked for, divided by"
        " all that ended in it: last reported values per link.",
        unit="ratio",
        good="up",
        value=Ratio(_last(field="finished", where=_ENDED), _last(field="ended", where=_ENDED)),
        null="FTS's monitoring is not polled, or no transfer has ended",
        warning=0.9,
        critical=0.5,
    ),
    empty_hours("fts_queue", "decision of FTS's optimizer", QUEUES),
)
