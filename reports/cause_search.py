"""The smallest set of dimension values that explains a change: candidates for the search of incidents, `lakescope.alerts.search`.

What is judged are comparisons, *before* against *after*, cell by cell: the second period with all before it, and the first one
with its past. A candidate says "here, all cells changed by one factor". Its score is the log-likelihood ratio of that against
what is expected so far: of two counts with sum ``n``, the second is binomial, with the share that the exposures (and what is
explained already) lead one to expect. It is exact for what began (nothing before) or ended (nothing after). A candidate that is
too wide pools its change with cells that did not change, and loses (the *ripple effect* of HotSpot: Sun et al., IEEE Access 6,
2018: a cause moves all cells below it in proportion). What each further candidate costs is the *succinctness* of Adtributor
(Bhagwan et al., NSDI 2014); its part of the change, the *explanatory power*, must be worth a sentence.

Weeks scatter far more than counts do: files come in datasets, and demand varies. So each ratio is divided by a **dispersion**,
the factor by which the binomial's variance is exceeded: to be beyond chance, by the candidate's own in its past weeks, mixed with
what its cells' past leads one to expect where there are few; in the competition, by that of all cells. Without a past, the cells'
own changes are the yardstick, by their median, which a cause in a minority of them does not move.
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
from lakescope.alerts.search import smallest_cover

Booleans = npt.NDArray[np.bool_]

_EITHER = {"site": ("src_site", "dst_site"), "rse": ("src_rse", "dst_rse")}
_LINK = {"link": ("src_site", "dst_site")}
_MEDIAN_OF_CHI2 = 0.4549
"""Of one degree of freedom."""
_ALIKE = 0.9
"""Candidates that share so much of their values are one cause."""


class Options(Struct, frozen=True, kw_only=True):
    """How much it takes to be named."""

    threshold: float = 8.0
    """A score below (nats, after all payments) is chance."""
    another: float = 4.0
    """What each further cause costs (nats): the smallest explanation."""
    another_share: float = 0.25
    """Or so much of the best cause's score, if that is more and both are in one place."""
    pair: float = 1.0
    """What a second dimension costs (nats)."""
    either: float = 1.0
    """What "at either end" costs (nats)."""
    least: float = 0.03
    """A cause of less than this share of the value is not worth a sentence."""
    least_points: float = 0.01
    """Nor one of less than this of a share: a point."""
    least_share: float = 0.1
    """Nor one of less than this share of the change."""
    causes: int = 4
    candidates: int = 150
    past_weight: float = 3.0
    """Weeks that the expectation from the cells counts for, beside a candidate's own past weeks."""

    def of_cover(self, best: float) -> CoverOptions:
        """For the search. `best`: the score of the best candidate alone."""
        return CoverOptions(
            threshold=self.threshold,
            another=max(self.another, self.another_share * best),
            explanations=self.causes + 1,
            ahead=6,
        )


class Pair(NamedTuple):
    """Two periods side by side, cell by cell."""

    before: Floats
    after: Floats
    usual_before: Floats
    """What both are in proportion to when nothing changes: equal, or what the values are counted of at its usual rate."""
    usual_after: Floats


class Evidence(NamedTuple):
    """One way to look at a change."""

    pair: Pair
    past: Sequence[Pair]
    """Pairs of periods in which nothing is looked for: how much values scatter."""
    sign: int = 1
    """-1: a fall here is a rise of what is explained; 0: either may be."""
    floor: float = 0.0
    """The least dispersion, 1 for counts."""


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

    def is_member(self, number: int, cells: int) -> Booleans:
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
    """Candidates for a change: a pattern, and the evidence that it shows in."""

    def __init__(
        self,
        table: Table,
        evidence: Sequence[Evidence],
        effects: Floats,
        least: float,
        options: Options,
        headroom: Sequence[Floats] | None = None,
    ) -> None:
        """`effects`: each cell's part of the change; `least`: how much of it a cause has to explain; `headroom`: of each
        evidence, what a rise is in proportion to, if it is not to the usual: what can fail more are the attempts that usually
        do not."""
        self.options, self.headroom = options, headroom
        self.pairs = [one.pair for one in evidence]
        effect = table.sums(effects)
        prices = table.prices + log(len(evidence))
        dispersions, scales, scores = [], [], []
        for one in evidence:
            dispersion, scale = _dispersions(table, one, options)
            before, after, usual_before, usual_after = (table.sums(values) for values in one.pair)
            expected = _expected(before + after, usual_before, usual_after)
            is_part = (np.abs(effect) >= least) & ((after - expected) * effect * one.sign >= 0)
            ratio = _ratios(before, after, expected) / dispersion
            scores.append(np.where(is_part, ratio - prices, -np.inf))
            dispersions.append(dispersion)
            scales.append(scale)
        self.dispersion_of_all = float(dispersions[0][0])
        order = np.argsort(-np.concatenate(scores), kind="stable")[: options.candidates]
        order = order[np.concatenate(scores)[order] > 0]
        size = self.pairs[0].usual_before + self.pairs[0].usual_after
        self.evidence, self.numbers, self.is_member = _distinct(table, order, size)
        self.patterns = [table.patterns[number] for number in self.numbers]
        self.prices = prices[self.numbers]
        self.dispersion = np.array(dispersions)[self.evidence, self.numbers]
        self.dispersion_of_change = dispersions[0][self.numbers]
        """Of the first evidence, which is the change itself."""
        self.scale = np.array(scales)[self.evidence]
        self.sums = np.array([self.is_member @ np.array(pair).T for pair in self.pairs])

    @property
    def all(self) -> Floats:
        """By evidence, period and cell: what both periods are in proportion to, as far as it is explained."""
        return np.array([[pair.usual_before, pair.usual_after] for pair in self.pairs])

    def scores(self, rest: Floats) -> Scores:
        """Nats after payments. By its own dispersion each must be beyond chance; by that of all cells they compete, so that one
        that happened to be steady does not win against one that explains more."""
        before, after, *_ = self.sums[self.evidence, np.arange(len(self.numbers))].T
        usual = np.einsum("ij,ikj->ki", self.is_member, rest[self.evidence])
        ratio = _ratios(before, after, _expected(before + after, usual[0], usual[1]))
        is_clear = ratio / self.dispersion - self.prices >= self.options.threshold
        return Scores(np.where(is_clear, ratio / self.scale - self.prices, -np.inf))

    def without(self, rest: Floats, scores: Scores, number: int) -> Floats:
        """The cells of a candidate are expected to be as they are together from now on."""
        inside = self.is_member[number] > 0
        left = rest.copy()
        for place, (before, after, *_) in enumerate(self.sums[:, number]):
            level = (before + 1e-9 * (before + after)) / max(left[place, 0, inside].sum(), 1e-12)
            left[place][:, inside] *= level
            total = left[place, 1, inside].sum()
            if self.headroom is None or after < total:
                left[place, 1, inside] *= (after + 1e-12) / max(total, 1e-12)
            else:
                headroom = self.headroom[place][inside]
                left[place, 1, inside] += (after - total) * headroom / max(headroom.sum(), 1e-12)
        return left


def owners(judge: Changes) -> list[tuple[int, float, Booleans]]:
    """Candidates that explain the change, each with its score and its cells: what two cover is the narrower one's.

    First the smallest cover, in which a further candidate must be worth much: what a great change leaves scatters more, too.
    Then what is left elsewhere, where nothing scatters more than usual.
    """
    if not judge.patterns:
        return []
    options, all_scores = judge.options, judge.scores(judge.all).score
    choices = smallest_cover(judge, options.of_cover(max(float(all_scores.max()), 0.0)))
    causes = [(one.number, float(one.scores.score[one.number])) for one in choices]
    size = judge.pairs[0].usual_before + judge.pairs[0].usual_after
    rest, is_free = judge.all, np.ones(len(size), dtype=bool)
    for number, _ in causes:
        rest = judge.without(rest, judge.scores(rest), number)
        is_free &= judge.is_member[number] == 0
    while causes and len(causes) < options.causes:
        scores = judge.scores(rest)
        is_elsewhere = judge.is_member @ (size * is_free) >= _ALIKE * (judge.is_member @ size)
        score = np.where(is_elsewhere, scores.score, -np.inf)
        number = int(score.argmax())
        if score[number] < options.threshold + options.another:
            break
        causes.append((number, float(score[number])))
        rest = judge.without(rest, scores, number)
        is_free &= judge.is_member[number] == 0
    is_free[:] = True
    result = []
    for number, one in sorted(causes, key=lambda cause: float(judge.is_member[cause[0]] @ size)):
        own = is_free & (judge.is_member[number] > 0)
        is_free &= ~own
        result.append((number, one, own))
    return result


def _expected(whole: Floats, usual_before: Floats, usual_after: Floats) -> Floats:
    """After, of what is there before and after together."""
    result: Floats = whole * usual_after / np.maximum(usual_before + usual_after, 1e-12)
    return result


def _ratios(before: Floats, after: Floats, expected: Floats) -> Floats:
    """Log-likelihood ratio of a common factor, of two sums whose second is expected to be so much."""
    left = np.maximum(before + after - expected, 1e-12)
    expected = np.maximum(expected, 1e-12)
    result: Floats = after * np.log(np.maximum(after, 1e-12) / expected)
    result = result + before * np.log(np.maximum(before, 1e-12) / left)
    return np.maximum(result, 0.0)


def _dispersions(table: Table, evidence: Evidence, options: Options) -> tuple[Floats, float]:
    """Of each pattern, and of all cells together, as a multiple of the variance of counts."""
    pairs = evidence.past or [evidence.pair]
    typical = _typical(pairs)
    if not evidence.past:
        many = np.full(len(table.patterns), max(typical, evidence.floor))
        return many, float(many[0])
    own, squares, variances = (np.zeros(len(table.patterns)) for _ in range(3))
    for one in pairs:
        error, variance = _errors(one)
        squares += table.sums(error**2)
        variances += table.sums(variance)
        error, variance = _errors(Pair(*(table.sums(values) for values in one)))
        own += error**2 / np.maximum(variance, 1e-12)
    # of a pattern with few cells, or none in the past, the typical cell is the better guess
    mass = 2 * typical * np.quantile(variances[variances > 0], 0.1) if (variances > 0).any() else 1.0
    of_cells = (squares + mass) / (variances + mass / typical)
    result = (options.past_weight * of_cells + own) / (options.past_weight + len(pairs))
    floor = max(typical, evidence.floor)
    return np.maximum(result, floor), max(float(of_cells[0]), floor)


def _errors(pair: Pair) -> tuple[Floats, Floats]:
    """How far `after` is from what is expected, and its variance if values were counts."""
    whole = pair.before + pair.after
    expected = _expected(whole, pair.usual_before, pair.usual_after)
    variance: Floats = expected * (whole - expected) / np.maximum(whole, 1e-12)
    return pair.after - expected, variance


def _typical(pairs: Sequence[Pair]) -> float:
    """Of a cell: by the median, after the change that all cells have in common is taken out."""
    squares: list[Floats] = []
    for pair in pairs:
        before, after, usual_before, usual_after = (float(values.sum()) for values in pair)
        if not before or not after or not usual_before or not usual_after:
            continue
        common = after * usual_before / (before * usual_after)
        error, variance = _errors(pair._replace(usual_after=pair.usual_after * common))
        is_there = variance > 0
        squares.append(error[is_there] ** 2 / variance[is_there])
    values = np.concatenate(squares) if squares else np.zeros(0)
    return max(float(np.median(values)) / _MEDIAN_OF_CHI2, 1e-12) if len(values) else 1.0


def _distinct(table: Table, order: Integers, size: Floats) -> tuple[Integers, Integers, Floats]:
    """Of candidates with nearly the same values the best one: their evidence, their pattern and their cells."""
    numbers: list[int] = []
    members: list[Booleans] = []
    for position in map(int, order):
        inside = table.is_member(position % len(table.patterns), len(size))
        own = size[inside].sum()
        for number, other in zip(numbers, members, strict=True):
            if number // len(table.patterns) != position // len(table.patterns):
                continue
            both = size[inside & other].sum()
            if both >= _ALIKE * (own + size[other].sum() - both):
                break
        else:
            numbers.append(position)
            members.append(inside)
    cells = np.array(members, dtype=float) if members else np.zeros((0, len(size)))
    evidence, patterns = np.divmod(np.array(numbers, dtype=int), len(table.patterns))
    return evidence, patterns, cells
