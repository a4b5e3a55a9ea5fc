"""Causes of a change between two periods: where it happened, how much of it, when, and whether it began, ended, rose or fell.

    Cells       a quantity by place and bin, in both periods, and by place in the periods before them
      |  causes_of_sum: volume, files, storage; the parts add up exactly to the change
      |  causes_of_ratio: efficiency (done / ended), average queue time (seconds / files); effects of rate and of mix apart
    Change      with its interval, its causes and what is left

Ratios are decomposed as Kitagawa did (Journal of the American Statistical Association 50, 1955; in economics Oaxaca and
Blinder, 1973): with the shares ``s`` and rates ``r`` of the cells and the ratio ``R`` of all, the *rate effect* of a cell is its
mean share times the change of its rate, its *mix effect* the change of its share times how far its mean rate lies from the mean
of ``R``. Both periods are treated alike, and the effects of all cells add up to the change exactly. Cells are many and attempts
are few, so that a cell often has none in one of the periods: its rate is then what its values of the single dimensions had
(iterative proportional fitting: Deming and Stephan, Annals of Mathematical Statistics 11, 1940).

A change is made by what is unusual in the second period, or by what was in the first: each is compared with all periods before
it. The search is that of incidents with other candidates (`lakescope.reports.cause_search`), the moment an exact change point
(`lakescope.reports.steps`). Everything here is pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
from msgspec import Struct

from lakescope.alerts.grid import Floats
from lakescope.alerts.patterns import Pattern
from lakescope.reports.cause_cells import Cells, check_cells
from lakescope.reports.cause_search import Booleans, Changes, Evidence, Options, Pair, Table, owners, table_of
from lakescope.reports.steps import Kind, Step, kind_of, step_of

__all__ = [
    "Cause",
    "Change",
    "Effect",
    "Options",
    "causes_of_ratio",
    "causes_of_sum",
    "rate_and_mix",
]

Effect = Literal["sum", "rate", "mix"]
_NORMAL = 1.96
"""Standard deviations on either side of a 95 % interval."""
_ENOUGH = 4
"""Periods with which those before the two that are compared say what is usual."""
_SINGLE = 3.0
"""Attempts that the rate of single dimensions counts for, beside a cell's own."""


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


def causes_of_sum(cells: Cells, options: Options | None = None, *, counts: Cells | None = None) -> Change:
    """Of a quantity that adds up over cells. `counts`: of volume the number of files of the same cells, which scatter less: what
    ended or began shows in them. Raises `ValueError` for arrays of unequal lengths or negative values.
    """
    options = options or Options()
    check_cells(cells, *([] if counts is None else [counts]))
    before, after = cells.totals()
    effects = after - before
    total = float(effects.sum())
    table = table_of(cells.dimensions, cells.places, options)
    least = max(options.least * max(before.sum(), after.sum()), options.least_share * abs(total))
    evidence = [
        one
        for each in (cells, *([] if counts is None else [counts]))
        for one in _evidence(each.periods(), [np.mean(each.periods(), axis=0)] * len(each.periods()), each)
    ]
    judge = Changes(table, evidence, effects, least, options)
    error = _NORMAL * float(np.sqrt(judge.dispersion_of_all * (before.sum() + after.sum())))
    causes = []
    for number, score, own in owners(judge):
        one, other = float(before[own].sum()), float(after[own].sum())
        margin = _NORMAL * float(np.sqrt(judge.dispersion_of_change[number] * (one + other)))
        step = _step(cells.before[own].sum(axis=0), cells.after[own].sum(axis=0), is_up=other > one)
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
        low=total - error,
        high=total + error,
        causes=_ranked(causes, least),
    )


def causes_of_ratio(
    parts: Cells, wholes: Cells, *, is_share: bool, options: Options | None = None
) -> Change | None:
    """Of the sum of `parts` by the sum of `wholes`, which have the same cells: successes of attempts (`is_share`), seconds of
    files. Null where one period has nothing to divide by. Raises `ValueError` as `causes_of_sum` does.
    """
    options = options or Options()
    check_cells(parts, wholes)
    (before, after), (many_before, many_after) = parts.totals(), wholes.totals()
    if not many_before.sum() or not many_after.sum():
        return None
    one, other = float(before.sum() / many_before.sum()), float(after.sum() / many_after.sum())
    # what is rare is counted: failures where most succeed
    is_flipped = is_share and one + other > 1
    counts = _failures(parts, wholes) if is_flipped else parts
    sign = -1 if is_flipped else 1
    table = table_of(parts.dimensions, parts.places, options)
    usual = _usual_rates(counts, wholes)
    likely = [_usual_rates(counts, wholes, one) for one in (slice(-2, -1), slice(-1, None))]
    rate, mix = (sign * effect for effect in rate_and_mix(counts.totals(), wholes.totals(), likely))
    least = options.least_points if is_share else options.least * max(one, other)
    least = max(least, options.least_share * abs(other - one))
    exposures = [many * usual for many in wholes.periods()]
    floor = 1.0 if is_share else 0.0
    judge = Changes(
        table,
        _evidence(counts.periods(), exposures, parts, sign, floor),
        rate,
        least,
        options,
        [np.maximum(many * (1 - usual), 0.0) for many in (many_after, many_before)] if is_share else None,
    )
    error = _NORMAL * _ratio_error(judge.dispersion_of_all, counts, wholes, slice(None))
    causes = [
        _rate_cause(judge, number, score, own, (parts, wholes, counts), float(rate[own].sum()))
        for number, score, own in owners(judge)
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


def rate_and_mix(
    parts: tuple[Floats, Floats], wholes: tuple[Floats, Floats], likely: Sequence[Floats]
) -> tuple[Floats, Floats]:
    """Rate and mix effect of each cell; all of them add up to the change of the ratio. Of both periods: parts, wholes, and the
    rates that cells without a whole are likely to have had. The sums of the wholes are above 0."""
    shares = np.stack([whole / whole.sum() for whole in wholes])
    whole = np.stack(wholes)
    rates = np.where(whole > 0, np.stack(parts) / np.where(whole > 0, whole, 1.0), np.stack(likely))
    mean = (shares * rates).sum() / 2
    rate: Floats = shares.mean(axis=0) * (rates[1] - rates[0])
    mix: Floats = (shares[1] - shares[0]) * (rates.mean(axis=0) - mean)
    return rate, mix


# --- parts -------------------------------------------------------------------------------------------


def _rate_cause(
    judge: Changes,
    number: int,
    score: float,
    own: Booleans,
    cells: tuple[Cells, Cells, Cells],
    change: float,
) -> Cause:
    parts, wholes, counts = cells
    before, after = (float(one[own].sum()) for one in parts.totals())
    many = wholes.totals()
    share = sum(float(one[own].sum() / one.sum()) for one in many) / 2
    error = _NORMAL * share * _ratio_error(float(judge.dispersion_of_change[number]), counts, wholes, own)
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
    periods = wholes.periods()
    all_periods = np.sum(periods, axis=0)
    # what all cells have in common is no change of mix: their median, which those that did change move least
    usual = [all_periods * _median(one / np.maximum(all_periods, 1e-12), all_periods) for one in periods]
    judge = Changes(table, _evidence(periods, usual, wholes, 0), mix, least, options)
    causes = []
    for number, score, own in owners(judge):
        shares = float(before[own].sum() / before.sum()), float(after[own].sum() / after.sum())
        change = float(mix[own].sum())
        relative = np.sqrt(
            judge.dispersion_of_change[number] / max(float((before + after)[own].sum()), 1e-12)
        )
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


def _ranked(causes: Sequence[Cause], least: float) -> tuple[Cause, ...]:
    """The greatest part first; what narrower causes leave nothing of is none."""
    ranked = sorted(causes, key=lambda one: (-abs(one.change), str(one.pattern)))
    return tuple(cause for cause in ranked if abs(cause.change) >= least)


def _evidence(
    periods: Sequence[Floats], usual: Sequence[Floats], cells: Cells, sign: int = 1, floor: float = 0.0
) -> list[Evidence]:
    """Whether the last period is unusual, and whether the one before it was: each beside all before it. A level is compared with
    the level before alone, since it stays where it is; so is what has no past to speak of."""
    pairs = [Pair(*two, *of_two) for two, of_two in zip(pairwise(periods), pairwise(usual), strict=True)]
    if cells.is_level or len(periods) < _ENOUGH:
        return [Evidence(pairs[-1], pairs[:-1], sign, floor)]

    def against_all(last: int) -> Pair:
        return Pair(np.sum(periods[:last], axis=0), periods[last], np.sum(usual[:last], axis=0), usual[last])

    return [
        Evidence(against_all(len(periods) - 1), pairs[:-1], sign, floor),
        Evidence(against_all(len(periods) - 2), pairs[:-2], -sign, floor),
    ]


def _usual_rates(parts: Cells, wholes: Cells, which: slice = slice(None)) -> Floats:
    """Of each cell: parts a whole in some periods, drawn towards what its values of single dimensions have."""
    values, many = (np.sum(one.periods()[which], axis=0) for one in (parts, wholes))
    mean = values.sum() / max(many.sum(), 1.0)
    rates = np.full(len(values), mean)
    columns = [
        np.unique([str(place[i]) for place in parts.places], return_inverse=True)[1]
        for i in range(len(parts.dimensions))
    ]
    for column in columns * 3:
        expected = np.maximum(np.bincount(column, many * rates) + _SINGLE * mean, 1e-12)
        rates = rates * ((np.bincount(column, values) + _SINGLE * mean) / expected)[column]
    result: Floats = (values + _SINGLE * rates) / (many + _SINGLE)
    return result


def _failures(parts: Cells, wholes: Cells) -> Cells:
    past = None if parts.past is None or wholes.past is None else np.maximum(wholes.past - parts.past, 0.0)
    return parts._replace(
        before=np.maximum(wholes.before - parts.before, 0.0),
        after=np.maximum(wholes.after - parts.after, 0.0),
        past=past,
    )


def _ratio_error(
    dispersion: float,
    counts: Cells,
    wholes: Cells,
    own: Booleans | slice,
) -> float:
    """Standard deviation of the difference of two ratios."""
    variances = (
        float(one[own].sum()) / max(float(other[own].sum()), 1e-12) ** 2
        for one, other in zip(counts.totals(), wholes.totals(), strict=True)
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
