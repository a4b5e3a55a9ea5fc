"""How much counters rose, made of their values in order of time: for stores that know no event before another.

A counter is one series (`Part.series`). Its increase is the sum of the differences between neighbours but the falls,
which are resets; each belongs to the bin and group of its later value. State is one value a series and part, and the
sums: what is read need not be kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lakescope.kpis.model import Query, combine, order, parts
from lakescope.kpis.snapshots import meets


def is_of_increases(query: Query) -> bool:
    """Whether all that a question is made of are increases."""
    kinds = {part.kind for part in parts(query.kpi.value)}
    return kinds == {"increase"}


def names(query: Query) -> tuple[str, ...]:
    """The fields that `Increases` reads."""
    of_parts = [
        name
        for part in parts(query.kpi.value)
        for name in (str(part.field), *part.series, *(condition.field for condition in part.where))
    ]
    return tuple(dict.fromkeys([*query.by, *of_parts]))


class Increases:
    """The answer to a question of increases, from one event after the other."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._parts = parts(query.kpi.value)
        self._last: list[dict[tuple[Any, ...], float]] = [{} for _ in self._parts]
        self._sums: dict[tuple[Any, ...], list[float | None]] = {}
        if not query.by and not query.bin_s:
            self._sums[()] = self._nothing()

    def add(self, time: float, values: Mapping[str, Any]) -> None:
        """An event that meets the question's conditions, not earlier than the one before it (POSIX seconds)."""
        query = self._query
        group = tuple(values.get(name) for name in query.by)
        if query.bin_s:
            group = (datetime.fromtimestamp(time // query.bin_s * query.bin_s, UTC), *group)
        sums = self._sums.get(group)
        if sums is None:
            sums = self._sums[group] = self._nothing()
        for index, part in enumerate(self._parts):
            value = values.get(str(part.field))
            if value is None or not all(meets(values.get(one.field), one) for one in part.where):
                continue
            series, last = tuple(_hashable(values.get(name)) for name in part.series), self._last[index]
            before = last.get(series)
            last[series] = value
            if before is not None and value >= before:
                sums[index] = (sums[index] or 0) + value - before

    def rows(self) -> list[dict[str, Any]]:
        """``time`` (with a bin), the dimensions, ``value``."""
        query = self._query
        return order(query, ((group, combine(query, group, sums)) for group, sums in self._sums.items()))

    def _nothing(self) -> list[float | None]:
        return [None for _ in self._parts]


def _hashable(value: Any) -> Any:
    """A map of labels as its pairs."""
    return tuple(sorted(value.items())) if isinstance(value, dict) else value
