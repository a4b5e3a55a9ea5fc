"""What storages themselves say of reads, writes and tape."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.catalogue._common import EFFICIENCY, ENDED, empty_hours
from lakescope.kpis.model import Condition, Kpi, Part, PerSecond

DIMENSIONS = ("event", "site", "pool", "protocol", "ip_version", "storage_class", "tape_system", "vo")

# a request tells as a whole what its transfers tell one by one
_operations = partial(
    Kpi,
    dataset="file_operations",
    good="neutral",
    dimensions=DIMENSIONS,
    where=(Condition("event", "not", "request"),),
)

KPIS = (
    _operations(
        name="file_operations_ended",
        meaning="Reads, writes, copies between pools, tape stores and restores, and removals, by the storage's own records.",
        unit="count",
        value=Part(kind="count", where=(ENDED,)),
        null="never null",
    ),
    _operations(
        name="file_operation_efficiency",
        meaning="Share of these operations that succeeded.",
        unit="ratio",
        good="up",
        value=EFFICIENCY,
        null="no operation ended",
        warning=0.9,
        critical=0.5,
    ),
    _operations(
        name="file_operation_volume",
        meaning="Volume that these operations moved, those that failed included.",
        unit="bytes",
        value=Part(kind="sum", field="bytes"),
        null="no operation of known size",
    ),
    _operations(
        name="file_operation_rate",
        meaning="Volume that these operations moved per second.",
        unit="bytes/s",
        value=PerSecond(Part(kind="sum", field="bytes")),
        null="no operation of known size",
    ),
    _operations(
        name="file_operation_queue_time_p95",
        meaning="Time that operations waited inside the storage before they began, 95th percentile.",
        unit="seconds",
        good="down",
        value=Part(kind="percentile", field="queue_s", quantile=0.95),
        null="no operation waited",
    ),
    empty_hours("file_operations", "record of a storage", ("source", "vo", "site")),
)
