"""What a search looks at, and how much it takes to be found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lakescope.alerts.patterns import Key, Rows, Side

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]


class Grid(NamedTuple):
    """What happened; a bin's age is 1 for the last one before now, 2 for the one before, ..."""

    places: Sequence[Key]
    classes: Sequence[str]
    sides: Sequence[Side]
    """Of each class: whom alone it can be blamed on."""
    bins: int
    """How many are looked at: the greatest age."""
    attempts_place: Integers
    """Of each entry of attempts, its place: most places of a large lake have them in one bin only."""
    attempts_age: Integers
    attempts: Floats
    rates: Floats
    """Usual failures an attempt, by place and class."""
    place: Integers
    """Of each entry of failures."""
    age: Integers
    error_class: Integers
    failures: Floats
    rows: Rows | None = None
    """Of each place, its row in the atlas; null: it is looked up."""

    def attempts_since(self, age: int) -> npt.NDArray[np.float64]:
        """Of each place, in bins of that age and newer ones."""
        since = np.where(self.attempts_age <= age, self.attempts, 0.0)
        return np.bincount(self.attempts_place, since, minlength=len(self.places)).astype(float)


class Options(Struct, frozen=True, kw_only=True):
    """How much it takes."""

    threshold: float = 6.0
    """A score below (nats, after all payments) is chance."""
    failures: float = 6.0
    """Fewer failures beyond the expected ones decide nothing."""
    rise: float = 0.12
    """By so much the rate (0..1) must lie above the expected one: a small change of much traffic is no incident."""
    deviation: float = 0.8
    """And by so many standard deviations of one attempt: what often fails varies more."""
    dispersion: float = 2.0
    pair: float = 3.0
    """What a second attribute costs (nats)."""
    error_class: float = 2.0
    """What each named error class costs, beside the logarithm of their number."""
    link: float = 2.0
    """What each further one of links that fail alike costs."""
    known: float = 4.0
    """By so much a pattern that is known is cheaper (nats)."""
    verdict: float = 0.5
    """Nats for each failure whose error names the pattern's side, or speaks against it."""
    verdict_most: float = 8.0
    """Of all errors together: they decide between patterns that explain nearly the same."""
    explanations: int = 10
    another: float = 8.0
    """What each further pattern of a cover costs (nats): the smallest explanation."""
    ahead: int = 6
    """Choices of which each is tried with the best one after it."""
    candidates: int = 250
    """Of patterns that look odd at first, those that are judged."""


LEAST, MOST = 0.0005, 0.98
"""Bounds of a rate: nothing is impossible, and nothing certain."""
