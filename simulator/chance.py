"""Seeded chance that is the same on every machine.

Draws use only `random()`, `getrandbits()` and arithmetic that IEEE 754 fixes to the last bit. Whatever needs
a logarithm or an exponential is looked up in a table made once and rounded, so that a different C library
can't change a byte. A generator is named by a text key: each part of the simulator has its own, and what one
of them draws never shifts another.
"""

import math
from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate
from random import Random
from statistics import NormalDist
from typing import Generic, TypeVar

T = TypeVar("T")
Table = tuple[float, ...]

_STEPS = 4096


def _table(quantile: Callable[[float], float]) -> Table:
    """Values of a quantile function at `_STEPS + 1` even steps, its open ends cut half a step inside."""
    edge = 0.5 / _STEPS
    return tuple(round(quantile(min(max(i / _STEPS, edge), 1 - edge)), 6) for i in range(_STEPS + 1))


def lognormal_table(sigma: float, tail: float = 0.0) -> Table:
    """Lognormal with median 1; `tail` raises its largest percent like a Pareto tail, as file sizes have it."""
    normal = NormalDist()

    def quantile(p: float) -> float:
        body = math.exp(sigma * normal.inv_cdf(min(p, 0.99)))
        return body * ((0.01 / (1 - p)) ** tail if p > 0.99 else 1.0)

    return _table(quantile)


EXPONENTIAL: Table = _table(lambda p: -math.log(1 - p))
NORMAL: Table = _table(NormalDist().inv_cdf)
JITTER: Table = lognormal_table(0.35)
SPREAD_TABLE: Table = lognormal_table(0.8)
SIZES: Table = lognormal_table(1.1, tail=0.7)


class Chance:
    """A named stream of random draws."""

    __slots__ = ("_source", "bits", "random")

    def __init__(self, *key: object) -> None:
        self._source = Random("/".join(map(str, key)))
        self.random: Callable[[], float] = self._source.random
        self.bits: Callable[[int], int] = self._source.getrandbits

    def draw(self, table: Table) -> float:
        """One value of a table's distribution, linear between its steps."""
        position = self.random() * _STEPS
        index = int(position)
        low = table[index]
        return low + (table[index + 1] - low) * (position - index)

    def exponential(self, mean: float) -> float:
        return mean * self.draw(EXPONENTIAL)

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.random()

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.random() * (high - low + 1))

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.random() * len(values))]

    def shuffle(self, values: Sequence[T]) -> list[T]:
        order = list(values)
        for last in range(len(order) - 1, 0, -1):
            other = int(self.random() * (last + 1))
            order[last], order[other] = order[other], order[last]
        return order

    def hex(self, digits: int) -> str:
        return f"{self.bits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        """The text of a version 4 UUID."""
        text = f"{self.bits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


class WeightedChoice(Generic[T]):
    """Values drawn in proportion to their weights."""

    def __init__(self, choices: Sequence[tuple[T, float]]) -> None:
        self.values = [value for value, _ in choices]
        total = math.fsum(weight for _, weight in choices)
        self._bounds = [weight / total for weight in accumulate(weight for _, weight in choices)]

    def draw(self, chance: Chance) -> T:
        return self.values[min(bisect(self._bounds, chance.random()), len(self.values) - 1)]
