"""The smallest set of dimension values that explains a change: candidates for the search of incidents, `lakescope.alerts.search`.

What is judged is a series of comparisons, *before* against *after*, cell by cell. A candidate says "here, all cells changed by
one factor". Its score is the log-likelihood ratio of that against what is expected so far: of two counts with sum ``n``, the
second is binomial, with the share ``p`` that the exposures (and what is explained already) lead one to expect. It is exact for
what began (nothing before) or ended (nothing after). A candidate that is too wide pools its change with cells that did not
change, and loses (the *ripple effect* of HotSpot: Sun et al., IEEE Access 6, 2018: a cause moves all cells below it in
proportion). What each further candidate costs is the *succinctness* of Adtributor (Bhagwan et al., NSDI 2014); its part of the
change, the *explanatory power*, must be worth a sentence.

Weeks scatter far more than counts do: files come in datasets, and demand varies. So each ratio is divided by the candidate's
**dispersion**, the factor by which the binomial's variance is exceeded: in its own past weeks, mixed with what its cells' past
leads one to expect where there are few; and from weekday to weekday of the two weeks, beside one step or one passing change,
if that is more: a single dataset on a single day is no change of the week. Without a past, the cells' own changes are the
yardstick, by their median, which a cause in a minority of them does not move.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lakescope.alerts.grid import Floats, Integers
from lakescope.alerts.grid import Options as CoverOptions
from lakescope.alerts.patterns import Key, Pattern

_Booleans = npt.NDArray[np.bool_]

_EITHER = {"site": ("src_site", "dst_site"), "rse": ("src_rse", "dst_rse")}
_LINK = {"link": ("src_site", "dst_site")}
_MEDIAN_OF_CHI2 = 0.4549
"""Of one degree of freedom."""
_ALIKE = 0.9
"""Candidates that share so much of their values are one cause."""


class Options(Struct, frozen=True, kw_only=True):
    """How much it takes to be named."""

    threshold: float = 7.0
    """A score below (nats, after all payments) is chance."""
    another: float = 4.0
    """What each further cause costs (nats): the smallest explanation."""
    pair: float = 3.0
    """What a second dimension costs (nats)."""
    either: float = 1.0
    """What "at either end" costs (nats)."""
    least: float = 0.02
    """A cause of less than this share of the value before is not worth a sentence."""
    least_share: float = 0.1
    """Nor one of less than this share of the change."""
    causes: int = 4
    candidates: int = 150
    past_weight: float = 3.0
    """Weeks that the expectation from the cells counts for, beside a candidate's own past weeks."""

    @property
    def of_cover(self) -> CoverOptions:
        """For the search."""
        return CoverOptions(
            threshold=self.threshold, another=self.another, explanations=self.causes + 1, ahead=6
        )


class Pair(NamedTuple):
    """Two weeks side by side, cell by cell."""

    before: Floats
    after: Floats
    share: Floats
    """Of `before + after`, what is expected after: 0.5 for equal exposures."""

    @property
    def whole(self) -> Floats:
        return self.before + self.after

    @property
    def variance(self) -> Floats:
        """Of `after`, if values were counts."""
        result: Floats = self.whole * self.share * (1 - self.share)
        return result


class Table(NamedTuple):
    """Which cells are in which patterns."""

    patterns: Sequence[Pattern]
    prices: Floats
    cell: Integers
    """Of each membership, by number."""
    pattern: Integers

    def sums(self, values: Floats) -> Floats:
        """Of each pattern."""
        result = np.bincount(self.pattern, values[self.cell], minlength=len(self.patterns))
        return result.astype(float)

    def is_member(self, number: int, cells: int) -> _Booleans:
        """By cell."""
        result = np.zeros(cells, dtype=bool)
        result[self.cell[self.pattern == number]] = True
        return result


def table_of(dimensions: Sequence[str], places: Sequence[Key], options: Options) -> Table:
    """All patterns of one or two attributes that cells have; number 0 is the lake as a whole.

    Beside the dimensions themselves: links, and sites and RSEs at either end. An unknown value is in no pattern of its dimension.
    """
    codes = {kind: list(_codes(fields, dimensions, places, kind)) for kind, fields in _kinds(dimensions)}
    cells, patterns = [np.arange(len(places))], [np.zeros(len(places), dtype=int)]
    names, prices = [Pattern()], [0.0]

    def add(kinds: tuple[str, ...], numbers: list[Integers], values: Sequence[tuple[str, ...]]) -> None:
        price = sum(log(max(len(codes[kind][0].values), 1)) for kind in kinds)
        price += options.pair * (len(kinds) - 1) + options.either * sum(kind in _EITHER for kind in kinds)
        for number in numbers:
            inside = np.flatnonzero(number >= 0)
            cells.append(inside)
            patterns.append(number[inside] + len(names))
        names.extend(Pattern(tuple(sorted(zip(kinds, value, strict=True)))) for value in values)
        prices.extend([price] * len(values))

    for kind, columns in codes.items():
        add((kind,), [column.codes for column in columns], [(value,) for value in columns[0].values])
    for one, other in combinations(codes, 2):
        if _fields(one) & _fields(other):
            continue
        width = max(len(codes[other][0].values), 1)
        joined = [
            np.where((a.codes >= 0) & (b.codes >= 0), a.codes * width + b.codes, -1)
            for a in codes[one]
            for b in codes[other]
        ]
        present = np.unique(np.concatenate(joined))
        present = present[present >= 0]
        numbers = [np.where(column >= 0, np.searchsorted(present, column), -1) for column in joined]
        values = [
            (codes[one][0].values[code // width], codes[other][0].values[code % width]) for code in present
        ]
        add((one, other), numbers, values)
    return Table(names, np.array(prices), np.concatenate(cells), np.concatenate(patterns))


class _Column(NamedTuple):
    codes: Integers
    """Of each cell; -1: unknown."""
    values: Sequence[str]


def _kinds(dimensions: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in sorted(dimensions):
        yield name, (name,)
    for name, fields in (*_LINK.items(), *_EITHER.items()):
        if set(fields) <= set(dimensions) and name not in dimensions:
            yield name, fields


def _fields(kind: str) -> set[str]:
    """What a kind says something of: an RSE has its site, so that both together are no more than the RSE."""
    ends = {*_LINK.get(kind, (kind,)), *_EITHER.get(kind, (kind,))} - (
        {kind} if kind in {**_LINK, **_EITHER} else set()
    )
    return {end.replace("_rse", "_site") for end in ends}


def _codes(
    fields: tuple[str, ...], dimensions: Sequence[str], places: Sequence[Key], kind: str
) -> Iterator[_Column]:
    """One column a field; of a link one for both."""
    columns = [[place[list(dimensions).index(field)] for place in places] for field in fields]
    if kind in _LINK:
        columns = [
            [None if None in ends else " -> ".join(map(str, ends)) for ends in zip(*columns, strict=True)]
        ]
    values = sorted({value for column in columns for value in column if value is not None})
    numbers = {value: number for number, value in enumerate(values)}
    before: Integers | None = None
    for column in columns:
        codes: Integers = np.array([-1 if value is None else numbers[value] for value in column], dtype=int)
        yield _Column(codes if before is None else np.where(codes == before, -1, codes), values)
        before = codes


# --- the judge -------------------------------------------------------------------------------------------


class Scores(NamedTuple):
    """Of each candidate."""

    score: Floats


class Changes:
    """Candidates for a change."""

    def __init__(
        self,
        table: Table,
        pair: Pair,
        past: Sequence[Pair],
        effects: Floats,
        least: float,
        options: Options,
        days: Pair | None = None,
        *,
        floor: float = 0.0,
    ) -> None:
        """`past`: pairs of weeks, one after the other; `effects`: each cell's part of the change; `least`: how much of it a
        cause has to explain; `days`: the pair by cell and weekday; `floor`: the least dispersion, 1 for counts."""
        self.pair, self.threshold = pair, options.threshold
        dispersions = np.maximum(_dispersions(table, pair, past, options), floor)
        self.dispersion_of_all = float(dispersions[0])
        expected = table.sums(pair.whole * pair.share)
        score = _ratios(table.sums(pair.before), table.sums(pair.after), expected) / dispersions
        score = np.where(np.abs(table.sums(effects)) >= least, score - table.prices, -np.inf)
        order = np.argsort(-score, kind="stable")[: options.candidates]
        self.numbers, self.is_member = _distinct(table, order[score[order] > 0], pair.whole)
        self.patterns = [table.patterns[number] for number in self.numbers]
        self.prices = table.prices[self.numbers]
        self.dispersion = dispersions[self.numbers]
        if days is not None and len(self.numbers):
            self.dispersion = np.maximum(self.dispersion, _unrest(days, self.is_member, self.dispersion))
        self.before, self.after = self.is_member @ pair.before, self.is_member @ pair.after

    @property
    def all(self) -> Floats:
        """Of each cell's values, the share that is expected after."""
        return self.pair.share

    def scores(self, rest: Floats) -> Scores:
        """Nats after payments, by the dispersion of all: candidates compete by what they explain. By its own dispersion each must
        be beyond chance."""
        expected = self.is_member @ (self.pair.whole * rest)
        ratio = _ratios(self.before, self.after, expected)
        is_clear = ratio / self.dispersion - self.prices >= self.threshold
        return Scores(np.where(is_clear, ratio / self.dispersion_of_all - self.prices, -np.inf))

    def without(self, rest: Floats, scores: Scores, number: int) -> Floats:
        """The cells of a candidate are expected to have changed by its factor from now on."""
        inside, before, after = self.is_member[number] > 0, self.before[number], self.after[number]
        expected = (self.pair.whole[inside] * rest[inside]).sum()
        tiny = 1e-9 * (before + after)
        factor = (after + tiny) * (before + after - expected + tiny) / ((before + tiny) * (expected + tiny))
        odds = factor * rest[inside] / (1 - rest[inside])
        left = rest.copy()
        left[inside] = np.clip(odds / (1 + odds), 1e-9, 1 - 1e-9)
        return left


def _ratios(before: Floats, after: Floats, expected: Floats) -> Floats:
    """Log-likelihood ratio of a common factor, of two sums whose second is expected to be so much."""
    left = np.maximum(before + after - expected, 1e-12)
    expected = np.maximum(expected, 1e-12)
    result: Floats = after * np.log(np.maximum(after, 1e-12) / expected)
    result = result + before * np.log(np.maximum(before, 1e-12) / left)
    return np.maximum(result, 0.0)


def _dispersions(table: Table, pair: Pair, past: Sequence[Pair], options: Options) -> Floats:
    """Of each pattern, as a multiple of the binomial's variance."""
    typical = _typical(past or [pair])
    many = np.full(len(table.patterns), typical)
    if not past:
        return many
    own = np.zeros(len(table.patterns))
    squares, variances = np.zeros(len(table.patterns)), np.zeros(len(table.patterns))
    for one in past:
        error = one.after - one.whole * one.share
        variance = table.sums(one.variance)
        own += table.sums(error) ** 2 / np.maximum(variance, 1e-12)
        squares += table.sums(error**2)
        variances += variance
    weight = options.past_weight
    # of a pattern with few cells, or none in the past, the typical cell is the better guess
    mass = 2 * typical * np.quantile(variances[variances > 0], 0.1) if (variances > 0).any() else 1.0
    of_cells = (squares + mass) / (variances + mass / typical)
    return np.maximum((weight * of_cells + own) / (weight + len(past)), typical)


def _unrest(days: Pair, is_member: Floats, prior: Floats) -> Floats:
    """Dispersion of each candidate from weekday to weekday, beside the one stretch of days that fits best, mixed with `prior`:
    there are few days."""
    before, after = is_member @ days.before, is_member @ days.after
    whole, expected = before + after, is_member @ (days.whole * days.share)
    count = whole.shape[1]
    best = np.full(len(whole), np.inf)
    for first, last in combinations(range(count + 1), 2):
        if last - first < 2 and last < count:
            continue
        inside = np.zeros(count, dtype=bool)
        inside[first:last] = True
        squares = np.zeros(len(whole))
        for part in (inside, ~inside):
            if part.any():
                squares += _squares(after[:, part], whole[:, part], expected[:, part])
        best = np.minimum(best, squares)
    freedom = max(count - 3, 1)
    result: Floats = (best + freedom * prior) / (2 * freedom)
    return result


def _squares(after: Floats, whole: Floats, expected: Floats) -> Floats:
    """Of standardised errors beside a common factor, summed over bins (columns)."""
    share = np.clip(expected / np.maximum(whole, 1e-12), 1e-9, 1 - 1e-9)
    sums, all_expected = after.sum(axis=1), expected.sum(axis=1)
    all_whole = whole.sum(axis=1)
    factor = (sums + 1e-12) * (all_whole - all_expected + 1e-12)
    factor = factor / ((all_whole - sums + 1e-12) * (all_expected + 1e-12))
    odds = share / (1 - share) * factor[:, None]
    share = odds / (1 + odds)
    # near 0 and 1 a single clump would seem to be a wonder
    variance = whole * np.maximum(share * (1 - share), 0.12)
    errors = np.where(variance > 1e-9, (after - whole * share) ** 2 / np.maximum(variance, 1e-9), 0.0)
    result: Floats = errors.sum(axis=1)
    return result


def _typical(pairs: Sequence[Pair]) -> float:
    """Of a cell: by the median, after the change that all cells have in common is taken out."""
    squares: list[Floats] = []
    for pair in pairs:
        expected = float((pair.whole * pair.share).sum())
        before, after = float(pair.before.sum()), float(pair.after.sum())
        if not before or not after or not expected:
            continue
        odds = (
            pair.share
            / np.maximum(1 - pair.share, 1e-12)
            * after
            * (before + after - expected)
            / (before * expected)
        )
        share = odds / (1 + odds)
        variance = pair.whole * share * (1 - share)
        is_there = variance > 0
        squares.append((pair.after - pair.whole * share)[is_there] ** 2 / variance[is_there])
    values = np.concatenate(squares) if squares else np.zeros(0)
    return max(float(np.median(values)) / _MEDIAN_OF_CHI2, 1e-12) if len(values) else 1.0


def _distinct(table: Table, order: Integers, size: Floats) -> tuple[Integers, Floats]:
    """Of candidates with nearly the same values the best one, and their cells."""
    numbers: list[int] = []
    members: list[_Booleans] = []
    for number in map(int, order):
        inside = table.is_member(number, len(size))
        own = size[inside].sum()
        for other in members:
            both = size[inside & other].sum()
            if both >= _ALIKE * (own + size[other].sum() - both):
                break
        else:
            numbers.append(number)
            members.append(inside)
    cells = np.array(members, dtype=float) if members else np.zeros((0, len(size)))
    return np.array(numbers, dtype=int), cells
