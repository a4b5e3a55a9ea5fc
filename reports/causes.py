"""Causes of a change between two periods: where it happened, how much of it, when, and whether it began, ended, rose or fell.

    Cells       a quantity by place and bin, in both periods and in the weeks before them
      |  causes_of_sum: volume, files, storage; the parts add up exactly to the change
      |  causes_of_ratio: efficiency (done / ended), mean queue time (seconds / files); effects of rate and of mix apart
    Change      with its interval, its causes and what is left

Ratios are decomposed as Kitagawa did (Journal of the American Statistical Association 50, 1955; in economics Oaxaca and
Blinder, 1973): with the shares ``s`` and rates ``r`` of the cells and the ratio ``R`` of all, the *rate effect* of a cell is its
mean share times the change of its rate, its *mix effect* the change of its share times how far its mean rate lies from the mean
of ``R``. Both periods are treated alike, and the effects of all cells add up to the change exactly. A cell that is in one period
only has no change of rate: all that it does is mix.

The search is that of incidents with other candidates (`lakescope.reports.cause_search`), the moment an exact change point
(`lakescope.reports.steps`). Everything here is pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from msgspec import Struct

from lakescope.alerts.grid import Floats
from lakescope.alerts.patterns import Key, Pattern
from lakescope.alerts.search import smallest_cover
from lakescope.reports.cause_search import Changes, Options, Pair, Table, table_of
from lakescope.reports.steps import Kind, Step, kind_of, step_of

__all__ = [
    "Cause",
    "Cells",
    "Change",
    "Effect",
    "Options",
    "causes_of_ratio",
    "causes_of_sum",
    "kitagawa",
]

Effect = Literal["sum", "rate", "mix"]
_NORMAL = 1.96
"""Standard deviations on either side of a 95 % interval."""


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

    def history(self) -> list[Floats]:
        """Totals of all periods up to `before`, by cell, oldest first."""
        return [] if self.past is None else [*self.past.T, self.totals()[0]]


class Cause(Struct, frozen=True, kw_only=True):
    """Where a part of the change happened."""

    pattern: Pattern
    """One or two attributes; none: the lake as a whole (what other causes have of it is theirs)."""
    effect: Effect
    change: float
    """Its part of the change, in the quantity's unit (a ratio: 0.01 is a point)."""
    low: float
    high: float
    """95 % interval of `change`, from the scatter of its past."""
    before: float
    """The sum at its places; of a rate effect their ratio, of a mix effect their share of the whole."""
    after: float
    kind: Kind
    """What it did at its step, else from one period to the other."""
    step: Step | None
    """When: bins are counted from the beginning of the second period, negative ones are of the first; null: gradually, or not
    clear."""
    score: float
    """Nats beyond what it paid."""


class Change(Struct, frozen=True, kw_only=True):
    """From one period to the next."""

    before: float
    after: float
    low: float
    """95 % interval of the change, from the scatter of the past."""
    high: float
    causes: tuple[Cause, ...] = ()
    """Those that explain most first; none: no single cause."""
    rate: float = 0.0
    """Of a ratio: the sum of all rate effects."""
    mix: float = 0.0
    """Of a ratio: the sum of all mix effects; with `rate` exactly the change."""

    @property
    def value(self) -> float:
        """The change itself."""
        return self.after - self.before

    @property
    def is_clear(self) -> bool:
        """Whether it is beyond what scatters anyway."""
        return self.low > 0 or self.high < 0

    @property
    def rest(self) -> float:
        """What no cause explains."""
        return self.value - sum(cause.change for cause in self.causes)


def causes_of_sum(cells: Cells, options: Options | None = None) -> Change:
    """Of a quantity that adds up over cells. Raises `ValueError` for arrays of unequal lengths or negative values."""
    options = options or Options()
    _check(cells)
    before, after = cells.totals()
    history = cells.history()
    past = [_plain(one, other) for one, other in pairwise(history)]
    table = table_of(cells.dimensions, cells.places, options)
    effects = after - before
    total = float(effects.sum())
    least = max(options.least * max(before.sum(), after.sum()), options.least_share * abs(total))
    judge = Changes(table, _plain(before, after), past, effects, least, options, _days(cells))
    error = _NORMAL * np.sqrt(judge.dispersion_of_all * (before.sum() + after.sum()))
    causes = []
    for number, score, own in _owners(judge, options):
        one, other = float(before[own].sum()), float(after[own].sum())
        step = _step(cells.before[own].sum(axis=0), cells.after[own].sum(axis=0), is_up=other > one)
        margin = _NORMAL * float(np.sqrt(judge.dispersion[number] * (one + other)))
        causes.append(
            Cause(
                pattern=judge.patterns[number],
                effect="sum",
                change=other - one,
                low=other - one - margin,
                high=other - one + margin,
                before=one,
                after=other,
                kind=step.kind if step else kind_of(one, other),
                step=step,
                score=score,
            )
        )
    return Change(
        before=float(before.sum()),
        after=float(after.sum()),
        low=total - float(error),
        high=total + float(error),
        causes=_ranked(causes, least),
    )


def causes_of_ratio(
    parts: Cells, wholes: Cells, *, is_share: bool, options: Options | None = None
) -> Change | None:
    """Of the sum of `parts` by the sum of `wholes`, which have the same cells: successes of attempts (`is_share`), seconds of
    files. Null where one period has nothing to divide by. Raises `ValueError` as `causes_of_sum` does.
    """
    options = options or Options()
    _check(parts)
    _check(wholes)
    if list(parts.places) != list(wholes.places):
        raise ValueError("expected parts and wholes of the same cells in the same order")
    (before, after), (many_before, many_after) = parts.totals(), wholes.totals()
    if not many_before.sum() or not many_after.sum():
        return None
    rate, mix = kitagawa(before, many_before, after, many_after)
    one, other = float(before.sum() / many_before.sum()), float(after.sum() / many_after.sum())
    # what is rare is counted: failures where most succeed
    is_flipped = is_share and one + other > 1
    counts = _failures(parts, wholes) if is_flipped else parts
    table = table_of(parts.dimensions, parts.places, options)
    scale = 1.0 if is_share else max(one, other)
    least = max(options.least * scale / 2, options.least_share * abs(other - one))
    past = [
        _exposed(*four)
        for four in zip(
            counts.history(), wholes.history(), counts.history()[1:], wholes.history()[1:], strict=False
        )
    ]
    judge = Changes(
        table,
        _exposed(counts.totals()[0], many_before, counts.totals()[1], many_after),
        past,
        rate,
        least,
        options,
        _days(counts, wholes),
        floor=1.0 if is_share else 0.0,
    )
    error = _NORMAL * _ratio_error(
        judge.dispersion_of_all, counts.totals(), (many_before, many_after), slice(None)
    )
    causes = [
        _rate_cause(judge, number, score, own, (parts, wholes, counts), float(rate[own].sum()))
        for number, score, own in _owners(judge, options)
    ]
    causes += _mix_causes(table, wholes, mix, least, options)
    return Change(
        before=one,
        after=other,
        low=other - one - error,
        high=other - one + error,
        causes=_ranked(causes, least),
        rate=float(rate.sum()),
        mix=float(mix.sum()),
    )


def kitagawa(
    parts_before: Floats, wholes_before: Floats, parts_after: Floats, wholes_after: Floats
) -> tuple[Floats, Floats]:
    """Rate and mix effect of each cell; all of them add up to the change of the ratio. The sums of the wholes are above 0."""
    shares = np.stack([wholes_before / wholes_before.sum(), wholes_after / wholes_after.sum()])
    wholes = np.stack([wholes_before, wholes_after])
    rates = np.stack([parts_before, parts_after]) / np.where(wholes > 0, wholes, 1.0)
    rates = np.where(wholes > 0, rates, rates[::-1])
    mean = (shares * rates).sum() / 2
    rate = shares.mean(axis=0) * (rates[1] - rates[0])
    mix = (shares[1] - shares[0]) * (rates.mean(axis=0) - mean)
    return rate, mix


# --- parts -------------------------------------------------------------------------------------------


def _rate_cause(
    judge: Changes,
    number: int,
    score: float,
    own: Floats,
    cells: tuple[Cells, Cells, Cells],
    change: float,
) -> Cause:
    parts, wholes, counts = cells
    before, after = (float(one[own].sum()) for one in parts.totals())
    many = wholes.totals()
    share = sum(float(one[own].sum() / one.sum()) for one in many) / 2
    error = _NORMAL * share * _ratio_error(float(judge.dispersion[number]), counts.totals(), many, own)
    rates = before / max(many[0][own].sum(), 1e-12), after / max(many[1][own].sum(), 1e-12)
    ratios = [
        one[own].sum(axis=0) / np.maximum(other[own].sum(axis=0), 1e-12)
        for one, other in ((counts.before, wholes.before), (counts.after, wholes.after))
    ]
    step = _step(*ratios, is_up=(change > 0) == (counts is parts))
    return Cause(
        pattern=judge.patterns[number],
        effect="rate",
        change=change,
        low=change - error,
        high=change + error,
        before=rates[0],
        after=rates[1],
        kind="rose" if change > 0 else "fell",
        step=step,
        score=score,
    )


def _mix_causes(table: Table, wholes: Cells, mix: Floats, least: float, options: Options) -> list[Cause]:
    """Where the share of the whole changed, and with it the ratio."""
    before, after = wholes.totals()
    history = wholes.history()
    # what all cells have in common is no change of mix: their median, which those that did change move least
    share = _median(after / np.maximum(before + after, 1e-12), before + after)
    pair = Pair(before, after, np.full(len(before), min(max(share, 1e-6), 1 - 1e-6)))
    past = [_plain(one, other) for one, other in pairwise(history)]
    judge = Changes(table, pair, past, mix, least, options, _days(wholes))
    causes = []
    for number, score, own in _owners(judge, options):
        shares = float(before[own].sum() / before.sum()), float(after[own].sum() / after.sum())
        change = float(mix[own].sum())
        relative = np.sqrt(judge.dispersion[number] / max(float((before + after)[own].sum()), 1e-12))
        margin = _NORMAL * float(
            abs(change / max(abs(shares[1] - shares[0]), 1e-12)) * sum(shares) * relative
        )
        causes.append(
            Cause(
                pattern=judge.patterns[number],
                effect="mix",
                change=change,
                low=change - margin,
                high=change + margin,
                before=shares[0],
                after=shares[1],
                kind=kind_of(*shares),
                step=_step(
                    wholes.before[own].sum(axis=0), wholes.after[own].sum(axis=0), is_up=shares[1] > shares[0]
                ),
                score=score,
            )
        )
    return causes


def _owners(judge: Changes, options: Options) -> list[tuple[int, float, Floats]]:
    """Candidates of the smallest cover, their score, and their cells: what two cover is the narrower one's."""
    choices = smallest_cover(judge, options.of_cover)
    order = sorted(choices, key=lambda one: float(judge.is_member[one.number] @ judge.pair.whole))
    is_free = np.ones(judge.is_member.shape[1], dtype=bool)
    result = []
    for choice in order:
        own = is_free & (judge.is_member[choice.number] > 0)
        is_free &= ~own
        result.append((choice.number, float(choice.scores.score[choice.number]), own))
    return result


def _ranked(causes: Sequence[Cause], least: float) -> tuple[Cause, ...]:
    """The greatest part first; what narrower causes leave nothing of is none."""
    ranked = sorted(causes, key=lambda one: (-abs(one.change), str(one.pattern)))
    return tuple(cause for cause in ranked if abs(cause.change) >= least)


def _plain(before: Floats, after: Floats) -> Pair:
    return Pair(before, after, np.full(before.shape, 0.5))


def _exposed(before: Floats, many_before: Floats, after: Floats, many_after: Floats) -> Pair:
    """At equal rates values are in the proportion of what they are counted of; where that is 0 once, nothing is compared."""
    is_both = (many_before > 0) & (many_after > 0)
    share = np.where(is_both, many_after / np.maximum(many_before + many_after, 1e-12), 0.5)
    return Pair(np.where(is_both, before, 0.0), np.where(is_both, after, 0.0), share)


def _days(cells: Cells, wholes: Cells | None = None) -> Pair | None:
    """Both periods by cell and weekday; null for periods that are no weeks, and levels, which do not differ by themselves."""
    bins = cells.before.shape[1]
    if cells.is_level or bins % 7:
        return None

    def of_days(values: Floats) -> Floats:
        result: Floats = values.reshape(len(values), 7, bins // 7).sum(axis=2)
        return result

    before, after = of_days(cells.before), of_days(cells.after)
    if wholes is None:
        return Pair(before, after, np.full(before.shape, 0.5))
    return _exposed(before, of_days(wholes.before), after, of_days(wholes.after))


def _failures(parts: Cells, wholes: Cells) -> Cells:
    past = None if parts.past is None or wholes.past is None else np.maximum(wholes.past - parts.past, 0.0)
    return parts._replace(
        before=np.maximum(wholes.before - parts.before, 0.0),
        after=np.maximum(wholes.after - parts.after, 0.0),
        past=past,
    )


def _ratio_error(
    dispersion: float,
    counts: tuple[Floats, Floats],
    many: tuple[Floats, Floats],
    own: Floats | slice,
) -> float:
    """Standard deviation of the difference of two ratios."""
    variances = (
        float(one[own].sum()) / max(float(other[own].sum()), 1e-12) ** 2
        for one, other in zip(counts, many, strict=True)
    )
    return float(np.sqrt(dispersion * sum(variances)))


def _median(values: Floats, weights: Floats) -> float:
    order = np.argsort(values, kind="stable")
    sums = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(sums, sums[-1] / 2)])


def _step(before: Floats, after: Floats, *, is_up: bool) -> Step | None:
    """The change of both periods in a row, if it is as their totals differ."""
    step = step_of(np.concatenate([before, after]), is_up=is_up)
    if step is None:
        return None
    count = len(before)
    return Step(
        kind=step.kind,
        at=step.at - count,
        until=None if step.until is None else step.until - count,
        gain=step.gain,
    )


def _check(cells: Cells) -> None:
    arrays = {"before": cells.before, "after": cells.after, "past": cells.past}
    for name, array in arrays.items():
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
