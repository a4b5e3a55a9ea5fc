"""How much fails when nothing is wrong: the expected failure rate of each place and error class, learnt from its own past.

A link's own rate counts once it has enough attempts; before that, what its source, its destination, their sites and the lake as
a whole have, so that a new link is not judged by three copies. Which classes its failures are of is what its ends and the lake
have. What happened during an incident is not learnt (the caller leaves it out), and the past fades with a half-life of
`HALF_LIFE_S`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lakescope.alerts.patterns import ENDS, PLACE, Atlas, Key

HALF_LIFE_S = 3 * 86_400
LEAST_ATTEMPTS = 15.0
"""Of a link, on average over the links: with fewer there is no verdict."""
LEAST_S = 12_600
"""With a shorter past there is none either."""

_FADE_S = 3600
"""So seldom the past is faded: it touches all counts."""
_STRENGTH = 20.0
"""Attempts, or failures, that the wider estimate counts for beside a place's own."""
_UNKNOWN = 0.05
"""Failures an attempt before anything is known."""
_UNSEEN = 0.002
"""Of all failures, those of a class that was never seen."""

_SRC_SITE, _DST_SITE, _SRC, _DST, _ACCOUNT = (
    PLACE.index(name) for name in ("src_site", "dst_site", "src_rse", "dst_rse", "account")
)
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Name = tuple[str, ...]
_LAKE: Name = ()
_AT_ONCE = 8192
"""Places that are multiplied together."""
_OF_CLASSES = 5
"""Names of a place that have classes: the first, from the lake to the RSE at its destination."""
_LINK = 6


class Past(Struct, frozen=True, kw_only=True):
    """A `History` as data."""

    names: list[Name]
    counts: list[tuple[float, float]]
    """Of each name, failures and attempts."""
    classes: dict[Name, dict[str, float]]
    since: float
    at: float
    faded: float


class History:
    """Failures and attempts of the past by link, source, destination and account, and failures by class."""

    def __init__(self, past: Past | None = None) -> None:
        past = past or Past(names=[_LAKE], counts=[(0.0, 0.0)], classes={}, since=0.0, at=0.0, faded=0.0)
        self.classes = past.classes
        """Name of the lake, a site or an RSE at one end -> error class -> failures, faded."""
        self.since = past.since
        """The first time that was added (POSIX seconds)."""
        self.at = past.at
        """The last one."""
        self._faded = past.faded
        """Until when counts and classes are faded."""
        self._names = list(past.names)
        self._numbers = {name: number for number, name in enumerate(self._names)}
        self._counts = np.array(past.counts)
        """Of each name, by its number: failures, attempts, both faded."""
        self._atlas: Atlas | None = None
        self._table: npt.NDArray[np.int32] = np.zeros((0, _LINK + 1), dtype=np.int32)
        """Of each place of the atlas, the numbers of its names."""
        self._ends: dict[Key, list[int]] = {}
        """Of the ends of places, the numbers of their names: there are far fewer than places."""

    @property
    def past(self) -> Past:
        """All of it, to be made again from."""
        counts = [(failures, attempts) for failures, attempts in self._counts.tolist()]
        return Past(
            names=self._names,
            counts=counts,
            classes=self.classes,
            since=self.since,
            at=self.at,
            faded=self._faded,
        )

    def add(
        self,
        atlas: Atlas,
        rows: Integers,
        attempts: Floats,
        failures: Iterable[tuple[int, str, float]],
        at: float,
    ) -> None:
        """What happened at one time (POSIX seconds): places as rows of the atlas, attempts of each, and failures as position in
        `rows`, class and count."""
        self.since = self.since or at
        self._fade(at)
        self.at = max(self.at, at)
        names = self._names_of(atlas)[rows]
        of_place = np.zeros(len(rows))
        for position, error_class, count in failures:
            of_place[position] += count
            for number in names[position, :_OF_CLASSES]:
                of_name = self.classes.setdefault(self._names[number], {})
                of_name[error_class] = of_name.get(error_class, 0.0) + count
        for column in names.T:
            self._counts[:, 0] += np.bincount(column, of_place, minlength=len(self._counts))
            self._counts[:, 1] += np.bincount(column, attempts, minlength=len(self._counts))

    def keep(self, rows: Integers) -> None:
        """The atlas has kept these places only (`Atlas.keep`)."""
        self._table = self._table[rows[rows < len(self._table)]]

    @property
    def is_enough(self) -> bool:
        """Whether anything can be said."""
        if self.at - self.since < LEAST_S:
            return False
        attempts = self._counts[:, 1]
        links = sum(attempts[number] > 0 for name, number in self._numbers.items() if name[:1] == ("link",))
        return links > 0 and bool(attempts[0] >= LEAST_ATTEMPTS * links)

    def rates(self, atlas: Atlas, rows: Integers, classes: Sequence[str]) -> npt.NDArray[np.float32]:
        """Expected failures per attempt, 0..1, by place and class; the first class is all that the others are not.

        In single precision: of a large lake it is the largest array of a round.
        """
        names = self._names_of(atlas)[rows]
        lake, src_site, dst_site, src, dst, account, link = names.T
        usual = self._shrunk(lake, np.full(len(rows), _UNKNOWN))
        wider = usual.copy()
        for part, of_wide in (
            (src, self._shrunk(src_site, usual)),
            (dst, self._shrunk(dst_site, usual)),
            (account, usual),
        ):
            wider *= self._shrunk(part, of_wide) / usual
        totals = self._shrunk(link, np.minimum(0.98, wider))
        shares = self._shares(_LAKE, classes, None)
        mix = np.tile(shares.astype(np.float32), (len(rows), 1))
        for site, rse in ((src_site, src), (dst_site, dst)):
            ends, of_end = np.unique(site.astype(int) * len(self._names) + rse, return_inverse=True)
            ratios = np.array([self._shares_of_end(int(one), classes, shares) for one in ends]) / shares
            for first in range(0, len(mix), _AT_ONCE):  # the whole would be as large as the result
                block = slice(first, first + _AT_ONCE)
                mix[block] *= ratios[of_end[block]]
        mix *= (totals / mix.sum(axis=1))[:, None]
        return mix

    def _shares_of_end(self, end: int, classes: Sequence[str], wider: Floats) -> Floats:
        site, rse = divmod(end, len(self._names))
        of_site = self._shares(self._names[site], classes, wider)
        return self._shares(self._names[rse], classes, of_site)

    def _shares(self, name: Name, classes: Sequence[str], wider: Floats | None) -> Floats:
        of_name = self.classes.get(name, {})
        counts = np.array([of_name.get(one, 0.0) for one in classes])
        total = sum(of_name.values())
        counts[0] = max(0.0, total - counts[1:].sum())
        if wider is None:
            shares: Floats = np.maximum(counts / max(total, 1.0), _UNSEEN)
            return np.asarray(shares / shares.sum())
        return np.asarray((counts + wider * _STRENGTH) / (total + _STRENGTH))

    def _shrunk(self, numbers: Integers, wider: Floats) -> Floats:
        failures, attempts = self._counts[numbers].T
        return np.asarray((failures + wider * _STRENGTH) / (attempts + _STRENGTH))

    def _names_of(self, atlas: Atlas) -> npt.NDArray[np.int32]:
        """The names of each place of an atlas, by number."""
        if atlas is not self._atlas:
            self._atlas, self._table = atlas, self._table[:0]
        if new := atlas.places[len(self._table) :]:
            added = np.array([self._numbers_of(place) for place in new], dtype=np.int32)
            self._table = np.concatenate([self._table, added])
            unseen = np.zeros((len(self._names) - len(self._counts), 2))
            self._counts = np.concatenate([self._counts, unseen])
        return self._table

    def _numbers_of(self, place: Key) -> list[int]:
        """The lake, then what a link's rate is made of, then the link."""
        ends = self._ends.get(place[:ENDS])
        if ends is None:
            src, dst = place[_SRC] or "", place[_DST] or ""
            names: list[Name] = [
                _LAKE,
                ("src_site", place[_SRC_SITE] or ""),
                ("dst_site", place[_DST_SITE] or ""),
                ("src", src),
                ("dst", dst),
                ("link", src, dst),
            ]
            ends = self._ends[place[:ENDS]] = [self._number(name) for name in names]
        return [*ends[:_OF_CLASSES], self._number(("account", place[_ACCOUNT] or "")), ends[-1]]

    def _number(self, name: Name) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
        return number

    def _fade(self, at: float) -> None:
        if self._faded and at < self._faded + _FADE_S:
            return
        if self._faded:
            factor = 0.5 ** ((at - self._faded) / HALF_LIFE_S)
            self._counts *= factor
            for of_name in self.classes.values():
                for error_class in of_name:
                    of_name[error_class] *= factor
        self._faded = at
