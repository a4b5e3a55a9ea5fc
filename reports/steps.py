"""When a series of values changed: the exact most likely step or passing change, over all moments at which it may have been."""

from __future__ import annotations

from math import log
from typing import Literal

import numpy as np
from msgspec import Struct

from lakescope.alerts.grid import Floats, Integers

Kind = Literal["began", "ended", "rose", "fell"]


class Step(Struct, frozen=True, kw_only=True):
    """From one bin on, or from one bin to another, values are others than before."""

    kind: Kind
    at: int
    """The first bin of the change."""
    until: int | None = None
    """The first bin after it; null: it lasts."""
    gain: float
    """Nats beyond a constant series, after dividing by the dispersion of what the step leaves."""


def step_of(series: Floats, *, is_up: bool, threshold: float = 4.0) -> Step | None:
    """The change of a series of two periods of one length (bins; values >= 0), or null where no step stands out: a gradual
    change, or noise. `is_up`: the second period has more; only what makes it so is looked at.

    All splits are tried, and all pairs of splits within one period, after which the series returns. Values are counts with a
    dispersion that is estimated from what is left (Hinkley, Biometrika 57, 1970, for the likelihood of a change point).
    """
    count = len(series)
    if count < 3 or not series.any():
        return None
    sums = np.concatenate([[0.0], np.cumsum(series)])
    total = _cost(sums[-1:], np.array([count]))
    start, end = np.triu_indices(count + 1, 1)
    is_part = end - start < count
    start, end = start[is_part], end[is_part]
    inside: Floats = sums[end] - sums[start]
    outside: Floats = sums[-1] - inside
    length: Integers = end - start
    gains = _cost(inside, length) + _cost(outside, count - length) - total
    lasts, half = end == count, count // 2
    is_higher = inside * (count - length) > outside * length
    is_late, is_early = start >= half, end <= half
    is_right = np.where(is_late | lasts, is_higher == is_up, is_early & (is_higher != is_up))
    is_right &= lasts | is_late | is_early
    best = None
    # a step is simpler than a change that passes: it has one moment, not two
    for is_tried, moments in ((is_right & lasts, 1), (is_right & ~lasts & (start > 0), 2)):
        if not is_tried.any():
            continue
        number = int(np.flatnonzero(is_tried)[np.argmax(gains[is_tried])])
        first, last = int(start[number]), int(end[number])
        level = inside[number] / length[number]
        before = outside[number] / (count - length[number])
        fit = np.full(count, before)
        fit[first:last] = level
        errors = ((series - fit)[fit > 0] ** 2 / fit[fit > 0]).sum()
        dispersion = max(errors / max(count - 1 - moments, 1), 1e-3 * series.mean())
        gain = gains[number] / dispersion - moments * log(count)
        if gain >= threshold and (best is None or gain > best.gain + 3):
            best = Step(
                # what passes neither begins nor ends anything
                kind=kind_of(before, level) if moments == 1 else "rose" if level > before else "fell",
                at=first,
                until=None if last == count else last,
                gain=float(gain),
            )
    return best


def _cost(total: Floats, length: Integers) -> Floats:
    """Log-likelihood of a stretch at its own mean, without what is the same for all divisions."""
    result: Floats = total * np.log(np.maximum(total, 1e-12) / length)
    return result


def kind_of(before: float, after: float) -> Kind:
    """What a value did from one level to another; a fiftieth is as good as nothing."""
    if after <= 0.02 * before:
        return "ended"
    if before <= 0.02 * after:
        return "began"
    return "rose" if after > before else "fell"
