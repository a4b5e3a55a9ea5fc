"""Answers of KPIs as cells, for causes of changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from lakescope.reports.causes import Cells

Rows = Sequence[Mapping[str, Any]]


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
