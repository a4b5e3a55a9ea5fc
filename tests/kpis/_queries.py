"""Which questions every store is asked about a KPI, and how near to the oracle its answers must be."""

from __future__ import annotations

import os
from datetime import timedelta
from functools import cache
from itertools import takewhile
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from lakescope.core.columns import columns
from lakescope.kpis import CATALOGUE, Kpi, Query
from lakescope.kpis.model import Comparison, Condition, DaysLeft, Part
from tests.kpis.conftest import END, START

HOUR, DAY = 3600, 86400
EVERY_QUESTION = bool(os.environ.get("EVERY_QUESTION"))
"""Whether every store is asked everything, as `make agreement` does; else servers share what takes ten minutes on two cores."""

_WHOLE = ("count", "distinct", "min", "max", "changes", "empty_hours")
_NEVER_WHOLE = ("mean", "share", "silence")


class Near(NamedTuple):
    """How near an answer must be; with 0 and 0 it must be the very number."""

    relative: float
    absolute: float


def queries(kpi: Kpi, documents: list[dict[str, Any]]) -> list[Query]:
    """Whole, by hour and by day, alone and by the first dimension; by each of the others in one of these ways, and in the
    others by the next KPIs of its dataset (every hour of two days only: a store needs its time); filtered; with and
    without functional tests."""
    span: dict[str, Any] = {"kpi": kpi, "since": START, "until": END}
    some = {**span, "since": START + timedelta(hours=40), "until": START + timedelta(hours=88)}
    other = {**span, "noise": not kpi.noise}
    ways: list[dict[str, Any]] = [{**span, "bin_s": DAY}, span, {**some, "bin_s": HOUR}]
    place = list(CATALOGUE).index(kpi.name)
    first = kpi.dimensions[0]
    if isinstance(kpi.value, Comparison):
        return _compared(kpi)
    values, last_values = (
        sorted({_written(found) for doc in documents if (found := doc.get(name)) is not None}) or ["nowhere"]
        for name in (first, kpi.dimensions[-1])
    )
    if _has_sister(kpi):  # two questions will do
        return [Query(**span), Query(**span, by=(first,), bin_s=DAY)]
    return [
        *(Query(**span, bin_s=bin_s) for bin_s in (None, HOUR, DAY)),
        *(
            Query(**ways[(place + number) % len(ways)], by=(dimension,))
            for number, dimension in enumerate(kpi.dimensions[1:])
        ),
        *(Query(**way, by=(first,)) for way in ways),
        Query(**span, bin_s=DAY, by=kpi.dimensions[:2]),
        Query(
            **span, filters={first: values[0], **dict.fromkeys(kpi.dimensions[1:2], ("nowhere", *values[1:]))}
        ),
        Query(**span, by=(first,), filters={first: tuple(values[:2])}),
        Query(**span, filters={kpi.dimensions[-1]: last_values[0]}),
        *([Query(**other), Query(**other, by=(first,), bin_s=DAY)] if kpi.noise is not None else []),
    ]


def _has_sister(kpi: Kpi) -> bool:
    """Whether an earlier KPI, which is asked everything, is made alike of fields of the same kind, and has all dimensions."""
    before = takewhile(lambda one: one.name != kpi.name, CATALOGUE.values())
    return any(_shape(one) == _shape(kpi) and {*one.dimensions} >= {*kpi.dimensions} for one in before)


@cache
def _shape(kpi: Kpi) -> Any:
    kinds = {column.name: column.kind for column in columns(kpi.dataset)}

    def of(node: Any) -> Any:
        match node:
            case Condition():
                return node.operator, kinds[node.field], type(node.value)
            case Part():
                other = structs.replace(node, field=kinds.get(node.field or ""), where=(), state=())
                return other, of(node.where), of(node.state)
            case msgspec.Struct():
                return type(node), [of(getattr(node, name)) for name in node.__struct_fields__]
            case tuple():
                return [of(one) for one in node]
        return node

    return kpi.dataset, kpi.noise is None, of(kpi.where), of(kpi.value)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _compared(kpi: Kpi) -> list[Query]:
    """Of sides that are asked everything themselves: what the joining can get wrong. The lake is a week long, in which a
    day earlier must do for a week earlier."""
    assert isinstance(kpi.value, Comparison)
    value = structs.replace(kpi.value, shift_s=DAY) if kpi.value.shift_s else kpi.value
    span: dict[str, Any] = {
        "kpi": structs.replace(kpi, value=value),
        "since": START + timedelta(hours=88 if value.is_earlier else 0),
        "until": END,
    }
    first, second = kpi.dimensions[0], kpi.dimensions[1]
    return [
        *(Query(**span, bin_s=bin_s) for bin_s in (None, DAY)),
        *(Query(**span, bin_s=bin_s, by=(name,)) for bin_s in (None, DAY) for name in (first, second)),
        Query(**span, by=(first, second)),
        Query(**span, by=kpi.dimensions[-1:]),
        Query(**span, filters={second: "nowhere"}, by=(first,)),
    ]


def tolerance(kpi: Kpi, store: str) -> Near:
    """Whole numbers are exact; sums of others are not, since their order differs from store to store."""
    value = kpi.value
    if isinstance(value, Comparison):
        return max(tolerance(value.of, store), tolerance(value.to, store), Near(1e-9, 1e-12))
    if isinstance(value, DaysLeft) and store == "influxdb":  # of whole seconds between two reports
        return Near(1e-3, 0.0)
    if isinstance(value, Part):
        if value.kind == "silence":  # of the time that a store keeps
            return Near(0.0, {"duckdb": 1e-6, "influxdb": 1.0}.get(store, 1e-3))
        kinds = {column.name: column.kind for column in columns(kpi.dataset)}
        if value.kind in _WHOLE or (value.kind not in _NEVER_WHOLE and kinds[str(value.field)] == "integer"):
            return Near(0.0, 0.0)
    return Near(1e-9, 1e-12)
