"""Cells: a quantity by place and bin, for causes of changes; made of answers of KPIs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from lakescope.alerts.grid import Floats
from lakescope.alerts.patterns import Key

Rows = Sequence[Mapping[str, Any]]


class Cells(NamedTuple):
    """A quantity, by cell: one row a combination of values of the dimensions. All arrays are of floats >= 0."""

    dimensions: Sequence[str]
    places: Sequence[Key]
    """Of each cell a value a dimension; null: unknown."""
    before: Floats
    """By cell and bin, oldest first; bins are hours or days, the same length in both periods."""
    after: Floats
    past: Floats | None = None
    """By cell and period: totals of the periods before `before`, oldest first, of the same length."""
    is_level: bool = False
    """Bins are a level (bytes in use), of which a period's value is the last; else they add up."""

    def totals(self) -> tuple[Floats, Floats]:
        """Of both periods, by cell."""
        if self.is_level:
            return self.before[:, -1], self.after[:, -1]
        return self.before.sum(axis=1), self.after.sum(axis=1)

    def periods(self) -> list[Floats]:
        """Totals of all periods by cell, oldest first."""
        return [*([] if self.past is None else self.past.T), *self.totals()]


class Span(NamedTuple):
    """The answer of one period."""

    since: datetime
    """Aware; of the first bin."""
    rows: Rows
    """``time`` (RFC 3339; without it the value is of the whole period), the dimensions, ``value``; null counts nothing."""


def cells_of(
    by: Sequence[str], quantities: Sequence[Sequence[Span]], *, bins: int, bin_s: int, is_level: bool = False
) -> list[Cells]:
    """One table a quantity, all of the same cells in the same order, as `causes_of_ratio` needs them.

    `quantities`: of each its periods, the oldest first, all of `bins` bins; the last two are compared. A row outside its
    period's bins is left out. Raises `ValueError` for a quantity of fewer than two periods.
    """
    if any(len(spans) < 2 for spans in quantities):
        raise ValueError("expected two periods or more of each quantity: the one before, and the one after")
    keys = {tuple(row[name] for name in by) for spans in quantities for span in spans for row in span.rows}
    places = sorted(keys, key=lambda key: [(part is None, str(part)) for part in key])
    numbers = {place: number for number, place in enumerate(places)}
    result = []
    for spans in quantities:
        values = np.zeros((len(spans), len(places), bins))
        for period, span in enumerate(spans):
            for row in span.rows:
                number = _bin(row, span.since, bin_s) if "time" in row else bins - 1
                if 0 <= number < bins and row["value"] is not None:
                    values[period, numbers[tuple(row[name] for name in by)], number] += row["value"]
        earlier = values[:-2, :, -1] if is_level else values[:-2].sum(axis=2)
        result.append(
            Cells(by, places, values[-2], values[-1], earlier.T if len(earlier) else None, is_level)
        )
    return result


def _bin(row: Mapping[str, Any], since: datetime, bin_s: int) -> int:
    return int((datetime.fromisoformat(row["time"]) - since).total_seconds() // bin_s)


def check_cells(*tables: Cells) -> None:
    """Raises `ValueError` for arrays of unequal lengths or negative values, and tables that differ in their places."""
    for cells in tables:
        for name in ("before", "after", "past"):
            array = getattr(cells, name)
            if array is None:
                continue
            if array.ndim != 2 or len(array) != len(cells.places):
                raise ValueError(
                    f"{name}: expected {len(cells.places)} rows, one a cell, found shape {array.shape}"
                )
            if not np.isfinite(array).all() or (array < 0).any():
                raise ValueError(f"{name}: expected finite values of 0 or more")
        if cells.before.shape[1:] != cells.after.shape[1:]:
            raise ValueError(
                f"expected as many bins after as before, {cells.before.shape[1]}, found {cells.after.shape[1]}"
            )
        if list(cells.places) != list(tables[0].places):
            raise ValueError("expected tables of the same cells in the same order")
