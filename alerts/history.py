"""How much fails when nothing is wrong: the expected failure rate of each place, learnt from its own past.

A link's own rate counts once it has enough attempts; before that, what its source, its destination and the lake as a whole
have, so that a new link is not judged by three copies. What happened during an incident is not learnt (the caller
leaves it out), and the past fades with a half-life of `HALF_LIFE_S`.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from lakescope.alerts.search import Cell, Place

HALF_LIFE_S = 3 * 86_400
LEAST_ATTEMPTS = 15.0
"""Of a link, on average over the links: with fewer there is no verdict."""

_STRENGTH = 20.0
"""Attempts that the wider estimate counts for beside a place's own."""
_UNKNOWN = 0.05
"""Before anything is known."""

Key = tuple[str, ...]


class History(Struct, kw_only=True):
    """Failures and attempts of the past by link, source, destination and account."""

    counts: dict[Key, list[float]] = {}
    """Key -> failures, attempts, both faded to `at`."""
    at: float = 0.0
    """The last time that was added (POSIX seconds)."""

    def add(self, cells: Iterable[Cell], at: float) -> None:
        """What happened at one time (POSIX seconds); `Cell.expected` is not used."""
        self._fade(at)
        for cell in cells:
            for key in _keys(cell.place):
                counts = self.counts.setdefault(key, [0.0, 0.0])
                counts[0] += cell.value
                counts[1] += cell.weight

    @property
    def is_enough(self) -> bool:
        """Whether anything can be said."""
        links = sum(key[:1] == ("link",) for key in self.counts)
        return bool(links) and self.counts[()][1] >= LEAST_ATTEMPTS * links

    def rate(self, place: Place) -> float:
        """Expected failures per attempt, 0..1."""
        lake = self._shrunk((), _UNKNOWN)
        factor = 1.0
        _, *parts, link = _keys(place)
        for key in parts:
            factor *= self._shrunk(key, lake) / lake
        return self._shrunk(link, min(0.98, lake * factor))

    def _shrunk(self, key: Key, wider: float) -> float:
        failures, attempts = self.counts.get(key, (0.0, 0.0))
        return (failures + wider * _STRENGTH) / (attempts + _STRENGTH)

    def _fade(self, at: float) -> None:
        if self.at and at > self.at:
            factor = 0.5 ** ((at - self.at) / HALF_LIFE_S)
            for counts in self.counts.values():
                counts[0] *= factor
                counts[1] *= factor
        self.at = max(self.at, at)


def _keys(place: Place) -> list[Key]:
    """The lake, then what a link's rate is made of, then the link."""
    src, dst = place.get("src_rse") or "", place.get("dst_rse") or ""
    return [(), ("src", src), ("dst", dst), ("account", place.get("account") or ""), ("link", src, dst)]
