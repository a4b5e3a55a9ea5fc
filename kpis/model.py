"""What a KPI is: a number defined once, from which dashboards, alerts, reports and queries are all compiled.

    Kpi = meaning + dataset + which events count (`where`) + value (aggregates and at most one division)
    Query = Kpi + time range + dimensions + bin + filters

A compiler (one module a store) turns a `Query` into that store's language; it is pure, and refuses with
`UnsupportedError` what the store cannot answer, rather than answering something near it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from msgspec import Struct

Unit = Literal["ratio", "count", "bytes", "bytes/s", "seconds", "days", "1/s"]
Operator = Literal["=", "in", "known", "unknown"]


class Condition(NamedTuple):
    """A field's value that an event must have. ``known``: any but null; ``unknown``: null."""

    field: str
    operator: Operator
    value: str | bool | tuple[str, ...] | None = None


class Part(Struct, frozen=True, kw_only=True):
    """One aggregate over the events that count."""

    kind: Literal["count", "sum", "mean", "min", "max", "percentile", "distinct", "last", "growth"]
    field: str | None = None
    """What is aggregated; events where it is null are left out. Null for ``count``."""
    where: tuple[Condition, ...] = ()
    """Beside the KPI's own `where`."""
    quantile: float | None = None
    """0..1, for ``percentile`` (linear interpolation between the closest ranks)."""
    series: tuple[str, ...] = ()
    """For ``last`` and ``growth`` (last minus first): the fields that make a series; the series are summed up."""


class Ratio(Struct, frozen=True):
    """`over` / `under`; null where `under` is 0 or null."""

    over: Part
    under: Part


class PerSecond(Struct, frozen=True):
    """`of` by the seconds of the bin, or of the whole range."""

    of: Part


Value = Part | Ratio | PerSecond


class Kpi(Struct, frozen=True, kw_only=True):
    """One number."""

    name: str
    meaning: str
    """One sentence for an operator."""
    unit: Unit
    good: Literal["up", "down", "neutral"]
    """Which direction is the better one."""
    dataset: str
    value: Value
    dimensions: tuple[str, ...]
    """Fields that it may be grouped and filtered by."""
    where: tuple[Condition, ...] = ()
    """Which events count."""
    null: str
    """What it means that there is no value."""
    noise: bool | None = None
    """Whether functional tests count: true with, false without; null where the dataset has no such mark."""
    warning: float | None = None
    critical: float | None = None


class Query(Struct, frozen=True, kw_only=True):
    """A KPI over a range of time, ``since <= time < until``. Times are aware."""

    kpi: Kpi
    since: datetime
    until: datetime
    by: tuple[str, ...] = ()
    """Dimensions, each a column of the answer; events where one is null make a group of their own."""
    bin_s: int | None = None
    """Seconds of a bin, bins aligned to 1970 in UTC; null: the range as a whole."""
    filters: Mapping[str, str | tuple[str, ...]] = {}
    """Dimension -> wanted value or values."""
    noise: bool | None = None
    """Functional tests in or out, instead of the KPI's own choice."""

    def __post_init__(self) -> None:
        allowed = self.kpi.dimensions
        for name in (*self.by, *self.filters):
            if name not in allowed:
                raise ValueError(f"{self.kpi.name} has no dimension {name!r}; there are {', '.join(allowed)}")
        if self.until <= self.since:
            raise ValueError(f"the range is empty: since {self.since:%FT%TZ} until {self.until:%FT%TZ}")
        if self.bin_s is not None and self.bin_s <= 0:
            raise ValueError(f"expected a bin of at least one second, found {self.bin_s}")

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All that an event must meet beside its time."""
        noise = self.kpi.noise if self.noise is None else self.noise
        quiet = (
            (Condition("functional_test", "=", False),)
            if noise is False and self.kpi.noise is not None
            else ()
        )
        chosen = tuple(
            Condition(name, "in", (value,) if isinstance(value, str) else tuple(value))
            for name, value in self.filters.items()
        )
        return (*self.kpi.where, *quiet, *chosen)

    @property
    def seconds(self) -> float:
        """Length of a bin, or of the range."""
        return float(self.bin_s or (self.until - self.since).total_seconds())


class EventsQuery(Struct, frozen=True, kw_only=True):
    """The newest events themselves, ``since <= time < until``: the examples behind a number. Times are aware."""

    dataset: str
    columns: tuple[str, ...]
    """Fields wanted, beside ``time``."""
    since: datetime
    until: datetime
    conditions: tuple[Condition, ...] = ()
    limit: int = 50


class UnsupportedError(ValueError):
    """The store cannot answer this query exactly; the text says why, and which store can."""


def parts(value: Value) -> tuple[Part, ...]:
    """The aggregates of a value."""
    if isinstance(value, Ratio):
        return value.over, value.under
    return (value.of,) if isinstance(value, PerSecond) else (value,)


def combine(query: Query, values: Sequence[float | int | None]) -> float | int | None:
    """The KPI's value from its parts' values, for stores whose language knows no division."""
    first = values[0]
    if isinstance(query.kpi.value, Ratio):
        return None if first is None or not values[1] else first / values[1]
    if isinstance(query.kpi.value, PerSecond):
        return None if first is None else first / query.seconds
    return first


def order(query: Query, found: Iterable[tuple[tuple[Any, ...], float | int | None]]) -> list[dict[str, Any]]:
    """(bin as an aware time, dimensions...) and value as rows, ordered by bin and dimensions, null last."""
    names = [*(["time"] if query.bin_s else []), *query.by]
    ordered = sorted(found, key=lambda row: [(key is None, key) for key in row[0]])
    return [
        {name: _plain(key) for name, key in zip(names, keys, strict=True)} | {"value": value}
        for keys, value in ordered
    ]


def _plain(key: Any) -> Any:
    """A bin as RFC 3339 text."""
    return f"{key:%Y-%m-%dT%H:%M:%SZ}" if isinstance(key, datetime) else key
