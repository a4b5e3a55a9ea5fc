"""FTS's queues, by its optimizer's decisions."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.catalogue._common import empty_hours
from lakescope.kpis.model import Kpi, Part

QUEUES = ("endpoint", "src_site", "dst_site", "src_host", "dst_host", "protocol")

_last = partial(Part, kind="last", series=("endpoint", "src_host", "dst_host", "protocol"))
_queue = partial(Kpi, dataset="fts_queue", dimensions=QUEUES, null="FTS's optimizer has not reported")

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
    empty_hours("fts_queue", "decision of FTS's optimizer", QUEUES),
)
