"""The candidates of a search: patterns that may explain something, and what each of them explains of a grid.

See `lakescope.alerts.search` for what is judged, and why.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from math import log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lakescope.alerts.grid import Floats, Grid, Integers, Options
from lakescope.alerts.patterns import KINDS, SINGLES, Atlas, Pattern, Rows, Side, is_of_links, side_of_pattern

_Booleans = npt.NDArray[np.bool_]
_SIGN: dict[Side, int] = {"both": 0, "source": 1, "destination": -1}

WINDOWS = np.array([1, 2, 3, 4, 6, 9, 12, 18, 24])
"""Ages of the oldest bins of the windows that are judged: the finer the shorter."""
_ALIKE = 0.9
"""Patterns that share so much of their attempts are one culprit: they need not be told apart."""
_FIRST_LOOK = (2, 6, 24)
_MOST_LINKS = 12
_LEAST_FAILURES = 3.0
_ALIKE_LINK = 2.0
"""Nats for one error class that make a link one of those that fail alike."""
_ODD = 3.0
"""Nats without any payments, at a first look."""


class Scores(NamedTuple):
    """Of each candidate, in its best window."""

    score: Floats
    window: Integers
    is_named: _Booleans
    """By candidate and class: whether it is explained."""
    weight: Floats
    value: Floats
    expected: Floats


class Rest(NamedTuple):
    """What the patterns of a cover leave."""

    attempts: Floats
    """By group and window's segment."""
    failures: Floats
    """By group, segment and class."""
    is_named: _Booleans
    """By class: whether one of the patterns named it."""


class Candidates:
    """Patterns, and the grid put together for them: places that are in the same ones are one group."""

    def __init__(
        self,
        grid: Grid,
        rows: Rows,
        chosen: Integers,
        atlas: Atlas,
        options: Options,
        known: Set[Pattern],
    ) -> None:
        counts = _values_of_kinds(rows, atlas)
        place_of, groups, is_member = _groups_of(rows, chosen, atlas)
        patterns = [atlas.pattern(int(number)) for number in chosen]
        prices = np.array([_price(pattern, counts, options, known) for pattern in patterns])
        reach = _reach(patterns, is_member)
        is_link = np.array([[is_of_links(pattern)] for pattern in patterns])
        order = _cheapest_of_equals(np.concatenate([reach[1], reach[-1], is_link], axis=1), prices)
        self.options, self.many_classes = options, len(grid.classes)
        self.patterns = [(patterns[number],) for number in order]
        self.prices, self.is_member = prices[order], is_member[order].astype(float)
        self.reach = {side: of_side[order].astype(float) for side, of_side in reach.items()}
        """Of each side, by candidate and group: where its errors may be blamed on the candidate."""
        self.is_end = np.array([side_of_pattern(patterns[number]) != "both" for number in order])
        self.is_end |= np.array([bool(ends_of(patterns[number])) for number in order])
        self.is_link = is_link[order, 0]
        self.class_side = np.array([_SIGN[side] for side in grid.sides])
        self.parts = [np.array([number]) for number in range(self.many_classes)]
        """Of each class that is told apart here, the numbers of the grid's."""
        many, classes = len(WINDOWS), self.many_classes
        segments = np.searchsorted(WINDOWS, np.arange(1, grid.bins + 1))
        inside = np.flatnonzero(place_of[grid.attempts_place] >= 0)
        place, attempts = grid.attempts_place[inside], grid.attempts[inside]
        keys = place_of[place] * many + segments[grid.attempts_age[inside] - 1]

        def of_groups(numbers: Floats) -> Floats:
            sums = np.bincount(keys, numbers, minlength=groups * many).astype(float)
            return sums.reshape(groups, many)

        self.attempts: Floats = of_groups(attempts)
        usual = [of_groups(attempts * grid.rates[place, one]) for one in range(self.many_classes)]
        self.usual = np.stack(usual, axis=2)
        group = place_of[grid.place]
        keys = (group * many + segments[grid.age - 1]) * classes + grid.error_class
        sums = np.bincount(keys[group >= 0], grid.failures[group >= 0], minlength=groups * many * classes)
        self.failures: Floats = sums.astype(float).reshape(groups, many, classes)
        self._add_links()

    @property
    def all(self) -> Rest:
        """What no pattern leaves out yet."""
        return Rest(self.attempts, self.failures, np.zeros(len(self.parts), dtype=bool))

    def keep(self) -> None:
        """Only those that may be chosen, of those with nearly the same attempts the best, and of the error classes those that
        one of them names: the others are one a side."""
        scores, attempts = self.scores(self.all), self.attempts.sum(axis=1)
        kept: list[int] = []
        for number in map(int, np.argsort(-scores.score, kind="stable")):
            if scores.score[number] < self.options.threshold:
                break
            both = (self.is_member[kept] * self.is_member[number]) @ attempts
            either = np.maximum(self.is_member[kept], self.is_member[number]) @ attempts
            if not (both >= _ALIKE * either).any():
                kept.append(number)
        self.patterns = [self.patterns[number] for number in kept]
        self.prices, self.is_member = self.prices[kept], self.is_member[kept]
        self.reach = {side: of_side[kept] for side, of_side in self.reach.items()}
        self.is_link, self.is_end = self.is_link[kept], self.is_end[kept]
        is_named = scores.is_named[kept].any(axis=0)
        parts = [np.array([one]) for one in np.flatnonzero(is_named)]
        parts += [np.flatnonzero(~is_named & (self.class_side == side)) for side in _SIGN.values()]
        self.parts = [part for part in parts if len(part)]
        self.class_side = np.array([self.class_side[part[0]] for part in self.parts])
        self.usual = np.stack([self.usual[:, :, part].sum(axis=2) for part in self.parts], axis=2)
        self.failures = np.stack([self.failures[:, :, part].sum(axis=2) for part in self.parts], axis=2)
        all_reach = np.concatenate([self.is_member, *self.reach.values()])
        _, first, group = np.unique(
            np.packbits(all_reach > 0, axis=0), axis=1, return_index=True, return_inverse=True
        )
        together = np.zeros((len(first), all_reach.shape[1]))
        together[group.ravel(), np.arange(all_reach.shape[1])] = 1.0
        self.attempts = together @ self.attempts
        self.usual = np.tensordot(together, self.usual, axes=1)
        self.failures = np.tensordot(together, self.failures, axes=1)
        self.is_member = self.is_member[:, first]
        self.reach = {side: of_side[:, first] for side, of_side in self.reach.items()}

    def scores(self, rest: Rest) -> Scores:
        """What each explains of what is left."""
        options = self.options
        weight, value, mean, ratio, own = self._sums(rest)
        price = np.where(rest.is_named, 1.0, options.error_class + log(self.many_classes))
        named = own > price
        sides = np.abs(self.class_side)
        best: Scores | None = None
        for is_named, paid in ((named, (price * named).sum(axis=2)), (np.ones_like(named), 0.0)):
            failed, expected = (value * is_named).sum(axis=2), (mean * is_named).sum(axis=2)
            gain = (ratio * is_named).sum(axis=2) if best is None else failed * _log_ratio(failed, expected)
            left = np.maximum(weight - failed, 0.0)
            gain += left * _log_ratio(left, weight - expected)
            excess, rate = failed - expected, np.clip(expected / weight, 0.0, 1.0)
            least = np.maximum(options.rise, options.deviation * np.sqrt(rate * (1 - rate))) * weight
            of_ends = (value * is_named * sides).sum(axis=2)
            verdict = np.where(self.is_link[:, None], failed - 2 * of_ends, self.is_end[:, None] * of_ends)
            verdict = np.clip(options.verdict * verdict, -options.verdict_most, options.verdict_most)
            score = gain / options.dispersion - paid - self.prices[:, None] + verdict - log(len(WINDOWS))
            score = np.where((excess >= options.failures) & (excess >= least), score, -np.inf)
            window = np.argmax(score, axis=1)
            at = np.arange(len(score)), window
            one = Scores(score[at], window, is_named[at], weight[at], failed[at], expected[at])
            best = one if best is None else _better(best, one)
        assert best is not None
        return best

    def without(self, rest: Rest, scores: Scores, number: int) -> Rest:
        """What is left when one more is chosen: of its classes nothing at its places, at whatever time."""
        attempts, failures = rest.attempts.copy(), rest.failures.copy()
        named = scores.is_named[number]
        for side, reach in self.reach.items():
            groups, classes = np.flatnonzero(reach[number]), np.flatnonzero(named & (self.class_side == side))
            explained = np.ix_(groups, np.arange(len(WINDOWS)), classes)
            attempts[groups] -= failures[explained].sum(axis=2)
            failures[explained] = 0.0
        is_named = rest.is_named | named if not named.all() else rest.is_named
        return Rest(attempts, failures, is_named)

    def classes_of(self, is_named: _Booleans) -> frozenset[int]:
        """Numbers of the grid's classes."""
        return frozenset(int(one) for part in np.flatnonzero(is_named) for one in self.parts[part])

    def _sums(self, rest: Rest) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """By candidate and window the attempts; then by class too: failures, the usual ones, the logarithm of their ratio
        times the failures, and the nats of a class by itself."""
        many = len(WINDOWS)
        share = rest.attempts / np.maximum(self.attempts, 1e-9)

        def of_windows(is_member: Floats, numbers: Floats) -> Floats:
            flat = is_member @ numbers.reshape(len(numbers), -1)
            return np.cumsum(flat.reshape(len(is_member), many, *numbers.shape[2:]), axis=1)

        shape = (len(self.patterns), many, len(self.parts))
        value, mean = np.zeros(shape), np.zeros(shape)
        for side, reach in self.reach.items():
            classes = np.flatnonzero(self.class_side == side)
            if len(classes):
                value[:, :, classes] = of_windows(reach, rest.failures[:, :, classes])
                mean[:, :, classes] = of_windows(reach, self.usual[:, :, classes] * share[:, :, None])
        foreign = of_windows(self.is_member, rest.failures.sum(axis=2)) - value.sum(axis=2)
        weight = of_windows(self.is_member, rest.attempts) - foreign
        weight = np.maximum(weight, value.sum(axis=2) + 1e-9)
        is_beyond = value > mean
        ratio = np.where(is_beyond, value * _log_ratio(value, mean), 0.0)
        own = (ratio - np.where(is_beyond, value - mean, 0.0)) / self.options.dispersion
        return weight, value, mean, ratio, own

    def _add_links(self) -> None:
        """Those that fail alike, together."""
        own = self._sums(self.all)[-1].max(axis=1)
        kinds: dict[str, list[int]] = {"link": [], "links": []}
        for number, (pattern,) in enumerate(self.patterns):
            if _is_link(pattern):
                kinds[pattern.attributes[0][0]].append(number)
        for links in kinds.values():
            together = {tuple(number for number in links if nats[number] >= _ALIKE_LINK) for nats in own.T}
            for some in sorted(one for one in together if 2 <= len(one) <= _MOST_LINKS):
                rows = list(some)
                self.patterns.append(tuple(pattern for number in some for pattern in self.patterns[number]))
                price = self.prices[rows].sum() + self.options.link * (len(some) - 1)
                self.prices = np.append(self.prices, price)
                self.is_member = np.vstack([self.is_member, self.is_member[rows].max(axis=0)])
                for side, reach in self.reach.items():
                    self.reach[side] = np.vstack([reach, reach[rows].max(axis=0)])
                self.is_end, self.is_link = np.append(self.is_end, False), np.append(self.is_link, True)


def _is_link(pattern: Pattern) -> bool:
    """Whether it is links and nothing else."""
    return len(pattern.attributes) == 1 and is_of_links(pattern)


def _log_ratio(value: Floats, mean: Floats) -> Floats:
    result: Floats = np.log(np.maximum(value, 1e-9) / np.maximum(mean, 1e-9))
    return result


def _better(one: Scores, other: Scores) -> Scores:
    """Of each candidate the better of two."""
    is_first = one.score >= other.score
    return Scores(
        *(
            np.where(is_first if a.ndim == 1 else is_first[:, None], a, b)
            for a, b in zip(one, other, strict=True)
        )
    )


def _reach(patterns: Sequence[Pattern], is_member: _Booleans) -> dict[int, _Booleans]:
    """Of each side, by pattern and group, where its errors may be blamed on the pattern: of a site at either end, where the
    site is at that end; of a pattern of the other side, nowhere."""
    rows = {pattern: number for number, pattern in enumerate(patterns)}
    reach = {0: is_member, 1: is_member.copy(), -1: is_member.copy()}
    for number, pattern in enumerate(patterns):
        side = _SIGN[side_of_pattern(pattern)]
        if side:
            reach[-side][number] = False
        for end, sibling in ends_of(pattern).items():
            reach[end][number] = is_member[rows[sibling]] if sibling in rows else False
    return reach


def ends_of(pattern: Pattern) -> dict[int, Pattern]:
    """Of a site or RSE at either end: the patterns of its two ends, 1 the source, -1 the destination."""
    if not any(KINDS[name].form == "either" for name, _ in pattern.attributes):
        return {}
    return {
        side: Pattern(
            tuple(
                sorted(
                    (f"{end}_{name}" if KINDS[name].form == "either" else name, value)
                    for name, value in pattern.attributes
                )
            )
        )
        for side, end in ((1, "src"), (-1, "dst"))
    }


def odd_patterns(grid: Grid, rows: Rows, atlas: Atlas, options: Options) -> Integers:
    """Numbers of the patterns with enough failures beyond the usual, of one class or of all, as a first look shows it."""
    of_failures = atlas.numbers_of(rows[grid.place])
    width, classes, many = of_failures.shape[1], len(grid.classes), len(atlas)
    count = np.bincount(of_failures.ravel(), np.repeat(grid.failures, width), minlength=many)
    present = np.flatnonzero(count >= _LEAST_FAILURES)
    present = present[present != 1]
    del count  # a number of each pattern is megabytes
    local = np.full(many, -1, dtype=np.int32)
    local[present] = np.arange(len(present))
    of_failures = local[of_failures]
    best = np.full(len(present), -np.inf)
    since = [grid.attempts_since(age) for age in _FIRST_LOOK]
    expected = grid.rates.sum(axis=1, dtype=float) * np.stack(since)
    usual_of = _sums_of_patterns(local, rows, atlas, expected, len(present))
    for age, attempts, usual in zip(_FIRST_LOOK, since, usual_of, strict=True):
        recent = grid.age <= age
        keys = of_failures[recent].astype(int) * classes + grid.error_class[recent, None]
        values = np.repeat(grid.failures[recent], width)
        known = of_failures[recent].ravel() >= 0
        value: Floats = np.bincount(
            keys.ravel()[known], values[known], minlength=len(present) * classes
        ).astype(float)
        value = value.reshape(len(present), classes)
        shares = attempts.astype(grid.rates.dtype) @ grid.rates
        mean = np.maximum(usual[:, None] * (shares / max(shares.sum(), 1e-9))[None, :], 1e-3)
        whole = value.sum(axis=1)
        best = np.maximum(best, np.max(_poisson(value, mean), axis=1))
        best = np.maximum(best, _poisson(whole, np.maximum(usual, 1e-3)))
    odd = np.flatnonzero(best >= _ODD * options.dispersion)
    order = odd[np.argsort(-best[odd], kind="stable")]
    of_links = [
        place for place in order[options.candidates :] if _is_link(atlas.pattern(int(present[place])))
    ]
    chosen = present[[*order[: options.candidates], *of_links[: options.candidates]]]
    ends = [atlas.number_of(one) for number in chosen for one in ends_of(atlas.pattern(int(number))).values()]
    result: Integers = np.unique(np.append(chosen, ends).astype(int))
    return np.delete(result, np.flatnonzero(result == 1))


def _sums_of_patterns(local: Integers, rows: Rows, atlas: Atlas, weights: Floats, many: int) -> Floats:
    """By row of `weights`, and pattern, the sum over its places; `local`: the pattern of each number, or -1."""
    result = np.zeros((len(weights), many + 1))
    for block, numbers in atlas.blocks(rows):
        patterns = local[numbers] + 1
        for row, weight in zip(result, weights[:, block], strict=True):
            some = np.flatnonzero(weight)  # few places of a large lake have attempts in the newest bins
            repeated = np.repeat(weight[some], numbers.shape[1])
            row += np.bincount(patterns[some].ravel(), repeated, minlength=many + 1)
    return result[:, 1:]


def _poisson(value: Floats, mean: Floats) -> Floats:
    """Log-likelihood ratio of more than the mean."""
    result: Floats = np.where(value > mean, value * _log_ratio(value, mean) - (value - mean), 0.0)
    return result


def _groups_of(rows: Rows, chosen: Integers, atlas: Atlas) -> tuple[Integers, int, npt.NDArray[np.bool_]]:
    """Group of each place (-1: in no candidate), their number, and by candidate and group whether it is in."""
    local = np.full(len(atlas), len(chosen), dtype=np.int32)
    local[chosen] = np.arange(len(chosen))
    # a place's candidates as one number: equal sums of random numbers mean equal candidates
    marks = np.append(np.random.default_rng(0).integers(1, 2**62, len(chosen), dtype=np.uint64), np.uint64(0))
    marks_of = marks[local]
    sums = np.concatenate(
        [marks_of[numbers].sum(axis=1, dtype=np.uint64) for _, numbers in atlas.blocks(rows)]
    )
    _, first, group = np.unique(sums, return_index=True, return_inverse=True)
    is_member = np.zeros((len(chosen) + 1, len(first)), dtype=bool)
    for number, patterns in enumerate(atlas.numbers_of(rows[first])):
        is_member[local[patterns], number] = True
    is_used = is_member[:-1].any(axis=0)
    renumbered = np.where(is_used, np.cumsum(is_used) - 1, -1)
    return renumbered[group], int(is_used.sum()), is_member[:-1][:, is_used]


def _cheapest_of_equals(is_member: npt.NDArray[np.bool_], prices: Floats) -> Integers:
    """Of candidates with the same places the one that costs least."""
    order = np.argsort(prices, kind="stable")
    _, first = np.unique(is_member[order], axis=0, return_index=True)
    return np.sort(order[first])


def _values_of_kinds(rows: Rows, atlas: Atlas) -> dict[str, int]:
    """How many values each kind of attribute has."""
    is_there = np.zeros(len(atlas), dtype=bool)
    for _, numbers in atlas.blocks(rows):
        is_there[numbers[:, SINGLES]] = True
    counts = np.bincount(atlas.kinds[is_there] + 1, minlength=len(KINDS) + 1)[1:]
    return dict(zip(KINDS, counts.tolist(), strict=True))


def _price(pattern: Pattern, counts: dict[str, int], options: Options, known: Set[Pattern]) -> float:
    names = [name for name, _ in pattern.attributes]
    price = sum(log(counts[name]) + KINDS[name].price for name in names)
    return price + (options.pair if len(names) > 1 else 0.0) - (options.known if pattern in known else 0.0)
