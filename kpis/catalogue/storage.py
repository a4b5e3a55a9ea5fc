"""Storage elements, full and filling."""

from __future__ import annotations

from functools import partial

from kpis.catalogue._common import empty_hours, known
from kpis.model import Condition, DaysLeft, Kpi, Part, Ratio, Rest

STORAGE = ("rse", "site", "country", "qos")
WHOLE_RSE = (  # not the share of one scope, account or experiment in it
    *known("rse"),
    *(Condition(field, "unknown") for field in ("scope", "account", "experiment")),
)

_SIZED = known("free", "total")  # Rucio tells what is used apart from them
_last = partial(Part, kind="last", series=("rse",))
_GROWTH = Part(kind="growth", field="used", series=("rse",))

_storage = partial(
    Kpi, dataset="storage", where=WHOLE_RSE, dimensions=STORAGE, null="no storage element has told"
)

KPIS = (
    _storage(
        name="storage_used",
        meaning="Bytes used, by the last word of each storage element.",
        unit="bytes",
        good="neutral",
        value=_last(field="used"),
    ),
    _storage(
        name="storage_used_mean",
        meaning="Bytes used of a storage element, in the mean of its words: for an axis of time.",
        unit="bytes",
        good="neutral",
        value=Part(kind="mean", field="used"),
    ),
    _storage(
        name="storage_free",
        meaning="Bytes left, by the last word of each storage element.",
        unit="bytes",
        good="up",
        value=_last(field="free"),
    ),
    _storage(
        name="storage_files",
        meaning="Files, by the last word of each storage element.",
        unit="count",
        good="neutral",
        value=_last(field="files"),
    ),
    _storage(
        name="storage_fullness",
        meaning="Share of the bytes there are that is not free, of the storage elements that tell both.",
        unit="ratio",
        good="down",
        value=Rest(
            Ratio(Part(kind="sum", field="free", where=_SIZED), Part(kind="sum", field="total", where=_SIZED))
        ),
        null="no storage element has told how large it is",
        warning=0.85,
        critical=0.95,
    ),
    _storage(
        name="storage_growth",
        meaning="Bytes more than at the beginning of the time looked at.",
        unit="bytes",
        good="neutral",
        value=_GROWTH,
    ),
    _storage(
        name="days_to_full",
        meaning="Days until the bytes left are used up, if they go on to fill as in the time looked at.",
        unit="days",
        good="up",
        value=DaysLeft(_last(field="free"), _GROWTH),
        null="nothing grew, or no storage element has told how much is left",
        warning=30.0,
        critical=7.0,
    ),
    empty_hours("storage", "word of a storage element", ("rse", "site")),
)
