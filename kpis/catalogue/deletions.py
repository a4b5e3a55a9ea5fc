"""Deletions."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.catalogue._common import DONE, EFFICIENCY, ENDED, empty_hours
from lakescope.kpis.model import Kpi, Part, PerSecond

DELETIONS = ("vo", "experiment", "rse", "site", "country", "qos", "protocol", "datatype")

_deletions = partial(Kpi, dataset="deletions", dimensions=DELETIONS, good="neutral", null="never null")

KPIS = (
    _deletions(
        name="deletions_done",
        meaning="Replicas that were deleted.",
        unit="count",
        value=Part(kind="count", where=(DONE,)),
    ),
    _deletions(
        name="deletions_ended",
        meaning="Attempts to delete a replica whose file existed, successful or failed.",
        unit="count",
        value=Part(kind="count", where=(ENDED,)),
    ),
    _deletions(
        name="deletion_rate",
        meaning="Replicas deleted per second.",
        unit="1/s",
        value=PerSecond(Part(kind="count", where=(DONE,))),
    ),
    _deletions(
        name="deletion_volume",
        meaning="Volume of the deleted replicas.",
        unit="bytes",
        value=Part(kind="sum", field="bytes", where=(DONE,)),
        null="no replica of known size was deleted",
    ),
    _deletions(
        name="deletion_efficiency",
        meaning="Successful deletions divided by all attempts whose file existed.",
        unit="ratio",
        good="up",
        value=EFFICIENCY,
        null="no deletion was attempted",
        warning=0.9,
        critical=0.5,
    ),
    empty_hours("deletions", "event of a deletion", ("source", "vo", "rse", "site")),
)
