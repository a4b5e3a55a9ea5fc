"""The smallest explanation of what is abnormal: the fewest patterns that cover the excess of failures.

A `Grid` is all that happened in the last hours: attempts by place and bin of time, failures by place, bin and **error class**,
and the rate of each class that is usual at each place. An **explanation** is a pattern (`lakescope.alerts.patterns`), a moment
since when, and the error classes that are beyond the usual. The search finds the set of explanations, a **cover**, that explains
most for its price: a greedy choice that looks one step ahead, then each chosen pattern is forbidden in turn, and the cover that
is best without it takes its place if it is better. By how much it is worse is the pattern's **margin**: how clear the culprit is.

Score of an explanation, in nats: the log-likelihood ratio of "since then the attempts at these places fail with these classes at
one common rate each" against "at the usual rates" (the scan statistic of Kulldorff, 1997, in its expectation-based form over
space and time; Neill, 2009; with a multinomial over classes). A pattern that is too wide takes in good traffic and loses to the
narrower one; a pattern that is too narrow explains only a part. What it must pay for:

- its kind: the logarithm of how many patterns of that kind there are (the more are tried, the more look odd by chance), more for
  two attributes and for culprits that are rare;
- each error class that it is the first to name: a rise of all classes together is judged too, and the better of both counts;
- whose fault the errors say it is: an error that names the source cannot speak against the destination, so a pattern of one side
  is judged without what only the other side can be blamed for, and a site at either end by the errors that name it, as CMS's
  evaluation of links does (CMSCompOps/MonitoringScripts, fts/eval_fts.py); between patterns of the same failures errors decide.

Links that fail alike, with one error class, are a candidate too: a network path that serves several of them.

What an explanation explains is then taken out, failures and their attempts, before the others are judged: a partner's fault
counts against nobody else.

Failures come in clumps (the files of one dataset, repeated attempts), so that their counts vary more than independent ones do:
all ratios are divided by `dispersion`, the factor by which they do.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from msgspec import Struct, structs

from lakescope.alerts.candidates import WINDOWS, Candidates, Scores, odd_patterns
from lakescope.alerts.grid import LEAST, MOST, Floats, Grid, Options
from lakescope.alerts.patterns import PLACE, Atlas, Pattern, Place, covers

__all__ = [
    "Atlas",
    "Cell",
    "Choice",
    "Explanation",
    "Grid",
    "Judge",
    "Options",
    "Pattern",
    "covers",
    "explain",
    "grid_of",
    "smallest_cover",
]


class Cell(Struct, frozen=True, kw_only=True):
    """A quantity at one place, for searches without time or classes."""

    place: Place
    weight: float
    """The whole: attempts, or bytes."""
    value: float
    """Of the whole, what is bad: failures, or what is missing; at most `weight`."""
    expected: float
    """The part that is usual."""


def grid_of(cells: Sequence[Cell]) -> Grid:
    """Cells as one bin and one class."""
    weight = np.array([cell.weight for cell in cells], dtype=float).reshape(-1, 1)
    expected = np.array([cell.expected for cell in cells], dtype=float).reshape(-1, 1)
    bad = [number for number, cell in enumerate(cells) if cell.value]
    return Grid(
        places=[tuple(cell.place.get(name) for name in PLACE) for cell in cells],
        classes=[""],
        sides=["both"],
        bins=1,
        attempts_place=np.arange(len(cells)),
        attempts_age=np.ones(len(cells), dtype=int),
        attempts=weight[:, 0],
        rates=np.clip(expected / np.maximum(weight, 1e-9), LEAST, MOST),
        place=np.array(bad, dtype=int),
        age=np.ones(len(bad), dtype=int),
        error_class=np.zeros(len(bad), dtype=int),
        failures=np.array([cells[number].value for number in bad], dtype=float),
    )


class Explanation(Struct, frozen=True, kw_only=True):
    """A pattern, or links that fail alike, and what it explains."""

    patterns: tuple[Pattern, ...]
    ages: int
    """The number of bins since when."""
    classes: frozenset[int]
    """Numbers of the error classes that it explains."""
    score: float
    """Nats beyond what it paid."""
    weight: float
    value: float
    expected: float
    margin: float = 0.0
    """Nats by which the cover beats the best one without this pattern."""


def explain(
    grid: Grid, options: Options | None = None, known: Set[Pattern] = frozenset(), atlas: Atlas | None = None
) -> list[Explanation]:
    """The patterns that explain the excess of failures, the most telling first; none: nothing is wrong.

    A `known` pattern, of an open incident, is cheaper: between two that explain the same it stays. An `atlas` that is given again
    spares the work for places that were there before.
    """
    options, atlas = options or Options(), atlas or Atlas()
    if not len(grid.place):
        return []
    rows = atlas.rows_of(grid.places) if grid.rows is None else grid.rows
    chosen = odd_patterns(grid, rows, atlas, options)
    if not len(chosen):
        return []
    candidates = Candidates(grid, rows, chosen, atlas, options, known)
    candidates.keep()
    if not candidates.patterns:
        return []
    return [
        structs.replace(_explanation(candidates, one.scores, one.number), margin=one.margin)
        for one in smallest_cover(candidates, options)
    ]


class _Scores(Protocol):
    """Of each candidate: nats, after all payments."""

    @property
    def score(self) -> Floats: ...


R = TypeVar("R")
S = TypeVar("S", bound=_Scores)


class Judge(Protocol[R, S]):
    """Candidates, numbered, and what each of them explains: of failures, or of a change between two weeks."""

    @property
    def all(self) -> R:
        """What there is to explain."""

    def scores(self, rest: R) -> S:
        """What each explains of what is left; ``-inf``: nothing."""

    def without(self, rest: R, scores: S, number: int) -> R:
        """What is left when one more is chosen."""


class Choice(NamedTuple, Generic[S]):
    """One candidate of a cover."""

    number: int
    scores: S
    """Of all candidates, at the moment of its choice."""
    margin: float
    """Nats by which the cover beats the best one without it."""


def smallest_cover(judge: Judge[R, S], options: Options) -> list[Choice[S]]:
    """The candidates that explain most for their price, in the order of their choice; none: nothing is beyond chance.

    Of the options: `threshold`, `another`, `explanations` and `ahead`.
    """
    is_allowed = np.ones(len(judge.scores(judge.all).score), dtype=bool)
    cover = _cover(judge, is_allowed, options)
    is_better = True
    while is_better:
        is_better, margins = False, []
        for number, _ in cover:
            is_other = is_allowed.copy()
            is_other[number] = False
            other = _cover(judge, is_other, options)
            margins.append(_total(cover, options) - _total(other, options))
            if margins[-1] < -1e-6:
                cover, is_allowed, is_better = other, is_other, True
                break
    return [Choice(number, scores, margin) for (number, scores), margin in zip(cover, margins, strict=True)]


def _cover(judge: Judge[R, S], is_allowed: npt.NDArray[np.bool_], options: Options) -> list[tuple[int, S]]:
    """The greedy choice of those that are allowed: each time the one that, with the best one after it, explains most."""
    cover: list[tuple[int, S]] = []
    rest, is_allowed = judge.all, is_allowed.copy()
    scores = judge.scores(rest)
    while len(cover) < options.explanations:
        is_allowed &= scores.score >= options.threshold + (options.another if cover else 0.0)
        if not is_allowed.any():
            break
        tries = []
        first = np.argsort(-np.where(is_allowed, scores.score, -np.inf), kind="stable")
        for number in map(int, first[: min(options.ahead, int(is_allowed.sum()))]):
            left = judge.without(rest, scores, number)
            after = judge.scores(left)
            following = np.where(is_allowed, after.score, -np.inf)
            following[number] = -np.inf
            value = float(scores.score[number]) + max(0.0, float(following.max()) - options.another)
            tries.append((value, number, left, after))
        _, number, rest, after = max(tries, key=lambda one: one[0])
        cover.append((number, scores))
        is_allowed[number] = False
        scores = after
    return cover


def _explanation(candidates: Candidates, scores: Scores, number: int) -> Explanation:
    return Explanation(
        patterns=candidates.patterns[number],
        ages=int(WINDOWS[scores.window[number]]),
        classes=candidates.classes_of(scores.is_named[number]),
        score=float(scores.score[number]),
        weight=float(scores.weight[number]),
        value=float(scores.value[number]),
        expected=float(scores.expected[number]),
    )


def _total(cover: Sequence[tuple[int, S]], options: Options) -> float:
    return sum(float(scores.score[number]) - options.another for number, scores in cover)
