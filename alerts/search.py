"""The smallest explanation of what is abnormal: the fewest patterns that cover the excess of failures.

A **cell** is all that happened at one place in one window: `weight` attempts, of which `value` failed where `expected`
would have. A place has one value a dimension (source site, destination RSE, protocol, VO, ...). A **pattern** names one
or two of them ("destination PIC", "protocol root at CNAF"), a site or RSE at either end, or the whole lake. The search
finds the pattern that explains the cells best, takes what it explains as expected, and looks for the next, until what
is left is chance.

Score of a pattern, in nats: the log-likelihood ratio of "all its cells fail with one common probability q, more than
expected" against "each cell fails as expected" (the scan statistic of Kulldorff, 1997, in its expectation-based form;
Neill, 2009). A pattern that is too wide takes in good traffic: its q falls below what its bad cells show, and it loses
to the narrower one. A pattern that is too narrow explains only a part. What a pattern must pay for:

- its kind: the logarithm of how many patterns of that kind there are (the more are tried, the more look odd by chance);
- its complexity: two attributes pay more than one;
- whose fault the errors say it is: an error that names the source cannot speak against the destination. So a pattern of
  one side is judged without the failures that only the other side can be blamed for, as CMS's evaluation of links does
  (CMSCompOps/MonitoringScripts, fts/eval_fts.py); and between patterns of the same cells the errors decide.

Failures come in clumps (the files of one dataset, repeated attempts), so that their counts vary more than independent
ones do: all scores are divided by `dispersion`, the factor by which they do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from math import log
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Struct, structs

Side = Literal["both", "source", "destination"]
Place = Mapping[str, str | None]
Attribute = tuple[str, str]
Numbers = npt.NDArray[np.float64]


class Cell(Struct, frozen=True, kw_only=True):
    """What happened at one place in one window."""

    place: Place
    """Dimension -> value; null: unknown."""
    weight: float
    """Attempts."""
    value: float
    """Failures, at most `weight`."""
    expected: float
    """Failures that there would be if nothing were wrong."""
    source: float = 0.0
    """Of the failures, those that only the source can be blamed for."""
    destination: float = 0.0
    """Of the failures, those that only the destination can be blamed for."""
    classes: Mapping[str, float] = {}
    """Error class -> failures; the search does not look at it."""


class Pattern(Struct, frozen=True, order=True):
    """Attribute -> value, one or two of them, sorted by attribute; none: the whole lake.

    ``site`` and ``rse`` are either end; ``link`` is ``A -> B``, ``links`` both its directions, ``A <-> B``.
    """

    attributes: tuple[Attribute, ...] = ()

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.attributes) or "the whole lake"


class Explanation(Struct, frozen=True, kw_only=True):
    """A pattern, and what it explains."""

    pattern: Pattern
    score: float
    """Nats beyond what it paid."""
    weight: float
    value: float
    expected: float
    cells: tuple[int, ...]
    """Indices of the cells that it covers."""
    margin: float = 0.0
    """Nats by which all that was found beats the best explanation that does without these cells."""


class Options(Struct, frozen=True, kw_only=True):
    """How much it takes."""

    threshold: float = 6.0
    """A score below (nats, after all payments) is chance."""
    failures: float = 8.0
    """Fewer failures beyond the expected ones decide nothing."""
    rise: float = 0.15
    """By so much the rate (0..1) must lie above the expected one: a small change of much traffic is no incident."""
    deviation: float = 0.8
    """And by so many standard deviations of one attempt: what often fails varies more."""
    dispersion: float = 3.0
    pair: float = 3.0
    """What a second attribute costs (nats)."""
    known: float = 6.0
    """By so much a pattern that is known is cheaper (nats)."""
    verdict: float = 0.5
    """Nats for each failure whose error names the pattern's side, or speaks against it."""
    verdict_most: float = 8.0
    """Of all errors together: they decide between patterns that explain nearly the same."""
    explanations: int = 10
    another: float = 10.0
    """What each further pattern of a cover costs (nats): the smallest explanation."""
    starts: int = 6
    """First choices that are tried."""


class _Kind(NamedTuple):
    """A single attribute that a pattern may name."""

    name: str
    fields: tuple[str, ...]
    """Dimensions; several are one attribute of several values."""
    side: Side
    form: Literal["plain", "either", "link", "links"]
    prior: float
    """What it costs beside its number (nats)."""


KINDS = (
    _Kind("site", ("src_site", "dst_site"), "both", "either", 0.5),
    _Kind("src_site", ("src_site",), "source", "plain", 0.0),
    _Kind("dst_site", ("dst_site",), "destination", "plain", 0.0),
    _Kind("rse", ("src_rse", "dst_rse"), "both", "either", 1.0),
    _Kind("src_rse", ("src_rse",), "source", "plain", 0.5),
    _Kind("dst_rse", ("dst_rse",), "destination", "plain", 0.5),
    _Kind("link", ("src_site", "dst_site"), "both", "link", 1.0),
    _Kind("links", ("src_site", "dst_site"), "both", "links", 1.0),
    _Kind("endpoint", ("endpoint",), "both", "plain", 0.5),
    _Kind("protocol", ("protocol",), "both", "plain", 0.5),
    _Kind("vo", ("vo",), "both", "plain", 0.5),
    _Kind("account", ("account",), "both", "plain", 3.0),
    _Kind("activity", ("activity",), "both", "plain", 5.0),
)
_BY_NAME = {kind.name: kind for kind in KINDS}
_WITHIN = ("protocol", "endpoint", "vo", "account", "activity")
"""A second attribute narrows one of the others down by one of these."""

_LEAST, _MOST = 0.002, 0.98
"""Bounds of a rate: nothing is impossible, and nothing certain."""


class _Candidates:
    """The patterns that could explain enough, and the cells of each, as arrays over all of them one after another."""

    def __init__(
        self, cells: Sequence[Cell], patterns: Sequence[Pattern], members: Sequence[list[int]]
    ) -> None:
        self.patterns = patterns
        self.members = members
        self.lengths = np.array([len(one) for one in members])
        self.starts = np.concatenate(([0], np.cumsum(self.lengths)[:-1])).astype(int)
        self.index = np.concatenate([np.array(one) for one in members])
        sides = [_side(pattern) for pattern in patterns]
        source = np.array([cell.source for cell in cells])[self.index]
        destination = np.array([cell.destination for cell in cells])[self.index]
        # the failures that the pattern's side cannot be blamed for
        foreign = np.repeat([side == "source" for side in sides], self.lengths) * destination
        foreign = foreign + np.repeat([side == "destination" for side in sides], self.lengths) * source
        self.weight = np.array([cell.weight for cell in cells])[self.index] - foreign
        self.value = np.array([cell.value for cell in cells])[self.index] - foreign
        self.weights = self.sum(self.weight)
        self.values = self.sum(self.value)
        self.verdicts = self._verdicts(sides, self.sum(source), self.sum(destination))

    def sum(self, numbers: Numbers) -> Numbers:
        """Of each pattern, from those of its cells."""
        return np.add.reduceat(numbers, self.starts)

    def _verdicts(self, sides: Sequence[Side], source: Numbers, destination: Numbers) -> Numbers:
        """Failures whose error names the pattern's side, less those whose error speaks against it."""
        is_source = np.array([side == "source" for side in sides])
        is_destination = np.array([side == "destination" for side in sides])
        is_link = np.array([_is_link(pattern) for pattern in self.patterns])
        sided = np.where(is_source, source - destination, np.where(is_destination, destination - source, 0.0))
        return np.where(is_link, self.values - 2 * (source + destination), sided)


def explain(
    cells: Sequence[Cell], options: Options | None = None, known: Set[Pattern] = frozenset()
) -> list[Explanation]:
    """The patterns that explain the excess of failures, the most telling first; none: nothing is wrong.

    The first choice of a greedy search may be a wide pattern over two faults. So the search is made from each of the
    best first choices, and the cover that explains most is taken. A `known` pattern, of an open incident, is cheaper:
    between two that explain the same it stays.
    """
    options = options or Options()
    rates = np.array([cell.expected / cell.weight if cell.weight else 0.0 for cell in cells])
    rates = np.clip(rates, _LEAST, _MOST)
    patterns, members, prices = _patterns(cells, rates, options, known)
    if not patterns:
        return []
    candidates = _Candidates(cells, patterns, members)
    covers = []
    for first in np.argsort(-_scores(candidates, rates, prices, None, options), kind="stable")[
        : options.starts
    ]:
        cover = _cover(candidates, rates, prices, int(first), options)
        if not cover:
            break
        covers.append(cover)
    if not covers:
        return []
    totals = [sum(one.score - options.another for one in cover) for cover in covers]
    best = max(totals)
    cover = covers[totals.index(best)]
    places = [{one.cells for one in other} for other in covers]
    result = []
    for one in cover:
        others = [total for total, cells in zip(totals, places, strict=True) if one.cells not in cells]
        result.append(
            structs.replace(one, margin=best - max(others, default=best - one.score + options.another))
        )
    return result


def _cover(
    candidates: _Candidates, rates: Numbers, prices: Numbers, first: int, options: Options
) -> list[Explanation]:
    """The greedy search that begins with the candidate `first`."""
    cover: list[Explanation] = []
    left, covered = rates.copy(), np.zeros(len(rates), dtype=bool)
    scores = _scores(candidates, left, prices, None, options)
    number = first
    while len(cover) < options.explanations and scores[number] >= options.threshold:
        cells = candidates.members[number]
        weight, value = float(candidates.weights[number]), float(candidates.values[number])
        start = candidates.starts[number]
        span = slice(start, start + len(cells))
        expected = float(np.sum(left[candidates.index[span]] * candidates.weight[span]))
        cover.append(
            Explanation(
                pattern=candidates.patterns[number],
                score=float(scores[number]),
                weight=weight,
                value=value,
                expected=expected,
                cells=tuple(cells),
            )
        )
        left[cells] = np.maximum(left[cells], min(_MOST, value / weight))
        covered[cells] = True
        scores = _scores(candidates, left, prices, covered, options)
        number = int(np.argmax(scores))
    return cover


def _patterns(
    cells: Sequence[Cell], rates: Numbers, options: Options, known: Set[Pattern]
) -> tuple[list[Pattern], list[list[int]], Numbers]:
    """The patterns that could explain enough failures, the cells of each, and its price.

    An excess only shrinks while others explain a part of it, so what has too little at the beginning never has enough.
    """
    numbers: dict[Attribute, int] = {}
    attributes = [
        [numbers.setdefault(attribute, len(numbers)) for attribute in _attributes(cell.place)]
        for cell in cells
    ]
    names = list(numbers)
    is_inner = [name in _WITHIN for name, _ in names]
    many = len(names) + 1
    members: dict[
        int, list[int]
    ] = {}  # a pattern is its first attribute, and the second times `many`; 0: the lake
    excess: dict[int, float] = {}
    for index, cell in enumerate(cells):
        beyond = cell.value - float(rates[index]) * cell.weight
        singles = attributes[index]
        inner = [number + 1 for number in singles if is_inner[number]]
        outer = [number + 1 for number in singles if not is_inner[number]]
        for key in (0, *inner, *outer, *(one + many * other for one in outer for other in inner)):
            if key in members:
                members[key].append(index)
                excess[key] += beyond
            else:
                members[key] = [index]
                excess[key] = beyond
    kinds = Counter(name for name, _ in names)
    chosen = {}
    for key, beyond in excess.items():
        if beyond >= options.failures:
            parts = [names[number - 1] for number in divmod(key, many) if number]
            chosen[Pattern(tuple(sorted(parts)))] = members[key]
    patterns = sorted(chosen)
    prices = [
        _price(pattern, kinds, options) - (options.known if pattern in known else 0.0) for pattern in patterns
    ]
    return patterns, [chosen[pattern] for pattern in patterns], np.array(prices)


def _scores(
    candidates: _Candidates,
    rates: Numbers,
    prices: Numbers,
    covered: npt.NDArray[np.bool_] | None,
    options: Options,
) -> Numbers:
    """Of each candidate; minus infinity: it explains too little, or mostly what is `covered` already."""
    weight, value, index = candidates.weight, candidates.value, candidates.index
    weights, values = candidates.weights, candidates.values
    usual = rates[index]
    beyond = value - usual * weight
    excess = candidates.sum(beyond)
    safe = np.maximum(weights, 1e-9)
    mean = np.clip((values - excess) / safe, 0.0, 1.0)
    enough = excess >= options.failures
    enough &= excess >= np.maximum(options.rise, options.deviation * np.sqrt(mean * (1 - mean))) * weights
    if covered is not None:
        enough &= candidates.sum(beyond * ~covered[index]) >= excess / 2
    null = candidates.sum(value * np.log(usual) + (weight - value) * np.log1p(-usual))
    rate = np.clip(values / safe, _LEAST, _MOST)
    gain = (values * np.log(rate) + (weights - values) * np.log1p(-rate) - null) / options.dispersion
    most = options.verdict_most
    verdict = np.clip(options.verdict * candidates.verdicts, -most, most)
    return np.where(enough, gain + verdict - prices, -np.inf)


def covers(pattern: Pattern, place: Place) -> bool:
    """Whether a place is in a pattern."""
    return set(pattern.attributes) <= set(_attributes(place))


def _attributes(place: Place) -> tuple[Attribute, ...]:
    """All single attributes that a place has."""
    found = []
    for kind in KINDS:
        values = [place.get(field) for field in kind.fields]
        if kind.form == "either":
            found += [(kind.name, value) for value in dict.fromkeys(values) if value]
        elif all(values):
            texts = [value for value in values if value]
            if kind.form == "links" and texts[0] == texts[1]:
                continue
            if kind.form == "links":
                texts.sort()
            found.append((kind.name, {"link": " -> ", "links": " <-> "}.get(kind.form, "").join(texts)))
    return tuple(found)


def _side(pattern: Pattern) -> Side:
    sides = {_BY_NAME[name].side for name, _ in pattern.attributes} - {"both"}
    return sides.pop() if len(sides) == 1 else "both"


def _is_link(pattern: Pattern) -> bool:
    return any(_BY_NAME[name].form in ("link", "links") for name, _ in pattern.attributes)


def _price(pattern: Pattern, counts: Mapping[str, int], options: Options) -> float:
    names = [name for name, _ in pattern.attributes]
    price = sum(log(counts[name]) + _BY_NAME[name].prior for name in names)
    return price + (options.pair if len(names) > 1 else 0.0)
