"""Storage elements, full and filling."""

from __future__ import annotations

from functools import partial

from kpis.catalogue._common import empty_hours, known
from kpis.model import Condition, DaysLeft, Kpi, Part, Ratio, Rest

STORAGE = ("rse", "site", "country", "qos")
WHOLE_RSE = (  # not the share of one scope, account or experiment in it
    *known("rse"),
    *(Condition(field, "unknown") for field in ("scope", "account", "experiment", "usage_source")),
)

_SIZED = known("free", "total")  # Rucio tells what is used apart from them
_last = partial(Part, kind="last", series=("rse",))
_GROWTH = Part(kind="growth", field="used", series=("rse",))

_storage = partial(
    Kpi,
    dataset="storage",
    where=WHOLE_RSE,
    dimensions=STORAGE,
    null="no RSE has reported, or its last report is stale",
)

KPIS = (
    _storage(
        name="storage_used",
        meaning="Bytes used: last reported value per RSE.",
        unit="bytes",
        good="neutral",
        value=_last(field="used"),
    ),
    _storage(
        name="storage_free",
        meaning="Bytes free: last reported value per RSE.",
        unit="bytes",
        good="up",
        value=_last(field="free"),
    ),
    _storage(
        name="storage_files",
        meaning="Files: last reported value per RSE.",
        unit="count",
        good="neutral",
        value=_last(field="files"),
    ),
    _storage(
        name="storage_fullness",
        meaning="Share of the total space that is not free, of the RSEs that report both.",
        unit="ratio",
        good="down",
        value=Rest(Ratio(_last(field="free", where=_SIZED), _last(field="total", where=_SIZED))),
        null="no RSE reports its size",
        warning=0.85,
        critical=0.95,
    ),
    _storage(
        name="storage_growth",
        meaning="Used bytes at the end minus those at the beginning of the time range.",
        unit="bytes",
        good="neutral",
        value=_GROWTH,
    ),
    _storage(
        name="days_to_full",
        meaning="Days until the free space is used up if used space goes on to grow as in the time range.",
        unit="days",
        good="up",
        value=DaysLeft(_last(field="free"), _GROWTH),
        null="no growth, or no RSE reports free space",
        warning=30.0,
        critical=7.0,
    ),
    empty_hours("storage", "word of a storage element", ("rse", "site")),
)
