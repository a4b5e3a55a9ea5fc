"""Which questions every store is asked about a KPI, and how near to the oracle its answers must be."""

from __future__ import annotations

from typing import Any

from kpis import Kpi, Query
from kpis.model import Part
from lakescope.columns import columns
from tests.kpis.conftest import END, START

EXACT = 0.0
SUM = 1e-9  # of floating-point numbers: their order differs from store to store


def queries(kpi: Kpi, documents: list[dict[str, Any]]) -> list[Query]:
    """Whole; by each dimension; by hour and by day; filtered; with and without functional tests."""
    span: dict[str, Any] = {"kpi": kpi, "since": START, "until": END}
    other = {**span, "noise": not kpi.noise}
    first = kpi.dimensions[0]
    values, last_values = (
        sorted({str(found) for doc in documents if (found := doc.get(name)) is not None})
        for name in (first, kpi.dimensions[-1])
    )
    return [
        Query(**span),
        *(Query(**span, by=(dimension,)) for dimension in kpi.dimensions),
        Query(**span, bin_s=3600),
        Query(**span, bin_s=3600, by=kpi.dimensions[2:3]),
        Query(**span, bin_s=86400, by=kpi.dimensions[:2]),
        Query(**span, filters={first: values[0], kpi.dimensions[1]: ("nowhere", *values[1:])}),
        Query(**span, by=(first,), filters={first: tuple(values[:2])}),
        Query(**span, filters={kpi.dimensions[-1]: last_values[0]}),
        *([Query(**other), Query(**other, by=(first,), bin_s=3600)] if kpi.noise is not None else []),
    ]


def tolerance(kpi: Kpi) -> float:
    """Relative: whole numbers are exact, sums of others within `SUM`."""
    kinds = {column.name: column.kind for column in columns(kpi.dataset)}
    whole = isinstance(kpi.value, Part) and (
        kpi.value.kind in ("count", "distinct", "min", "max") or kinds[str(kpi.value.field)] == "integer"
    )
    return EXACT if whole else SUM
