"""How much fails when nothing is wrong: the expected failure rate of each place and error class, learnt from its own past.

A link's own rate counts once it has enough attempts; before that, what its source, its destination, their sites and the lake as
a whole have, so that a new link is not judged by three copies. Which classes its failures are of is what its ends and the lake
have. What happened during an incident is not learnt (the caller leaves it out), and the past fades with a half-life of
`HALF_LIFE_S`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lakescope.alerts.patterns import PLACE, Key

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
Name = tuple[str, ...]


class History(Struct, kw_only=True):
    """Failures and attempts of the past by link, source, destination and account, and failures by class."""

    counts: dict[Name, list[float]] = {}
    """Name -> failures, attempts, both faded."""
    classes: dict[Name, dict[str, float]] = {}
    """Name of the lake, a site or an RSE at one end -> error class -> failures, faded likewise."""
    links: int = 0
    since: float = 0.0
    """The first time that was added (POSIX seconds)."""
    at: float = 0.0
    """The last one."""
    faded: float = 0.0
    """Until when `counts` and `classes` are faded."""

    def add(self, happened: Iterable[tuple[Key, float, float, Mapping[str, float]]], at: float) -> None:
        """What happened at one time (POSIX seconds): place, attempts, failures, failures by class."""
        self.since = self.since or at
        self._fade(at)
        self.at = max(self.at, at)
        for place, attempts, failures, classes in happened:
            names = _names(place)
            for name in names:
                counts = self.counts.get(name)
                if counts is None:
                    counts = self.counts[name] = [0.0, 0.0]
                    self.links += name[:1] == ("link",)
                counts[0] += failures
                counts[1] += attempts
            for error_class, count in classes.items():
                for name in names[:5]:
                    of_name = self.classes.setdefault(name, {})
                    of_name[error_class] = of_name.get(error_class, 0.0) + count

    @property
    def is_enough(self) -> bool:
        """Whether anything can be said."""
        if self.at - self.since < LEAST_S:
            return False
        return self.links > 0 and self.counts[()][1] >= LEAST_ATTEMPTS * self.links

    def rates(self, places: Sequence[Key], classes: Sequence[str]) -> Floats:
        """Expected failures per attempt, 0..1, by place and class; the first class is all that the others are not."""
        lake = self._shrunk((), _UNKNOWN)
        factors: dict[Name, float] = {}
        links: dict[Name, float] = {}
        totals = np.empty(len(places))
        for number, place in enumerate(places):
            _, src_site, dst_site, src, dst, account, link = _names(place)
            key = (*link, account[1])
            rate = links.get(key)
            if rate is None:
                wider = lake
                for wide, part in ((src_site, src), (dst_site, dst), ((), account)):
                    if part not in factors:
                        of_wide = self._shrunk(wide, lake) if wide else lake
                        factors[part] = self._shrunk(part, of_wide) / lake
                    wider *= factors[part]
                rate = links[key] = self._shrunk(link, min(0.98, wider))
            totals[number] = rate
        shares = self._shares((), classes, None)
        ends = []
        for site, rse in (("src_site", "src"), ("dst_site", "dst")):
            of_site, of_rse = PLACE.index(site), PLACE.index(f"{rse}_rse")
            values = [(place[of_site] or "", place[of_rse] or "") for place in places]
            numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
            table = np.array(
                [
                    self._shares((rse, one), classes, self._shares((site, other), classes, shares))
                    for other, one in numbers
                ]
            )
            ends.append(table[[numbers[value] for value in values]] / shares)
        mix = shares * ends[0] * ends[1]
        result: Floats = totals[:, None] * mix / mix.sum(axis=1, keepdims=True)
        return result

    def _shares(self, name: Name, classes: Sequence[str], wider: Floats | None) -> Floats:
        of_name = self.classes.get(name, {})
        counts = np.array([of_name.get(one, 0.0) for one in classes])
        total = sum(of_name.values())
        counts[0] = max(0.0, total - counts[1:].sum())
        if wider is None:
            shares: Floats = np.maximum(counts / max(total, 1.0), _UNSEEN)
            return np.asarray(shares / shares.sum())
        return np.asarray((counts + wider * _STRENGTH) / (total + _STRENGTH))

    def _shrunk(self, name: Name, wider: float) -> float:
        failures, attempts = self.counts.get(name, (0.0, 0.0))
        return (failures + wider * _STRENGTH) / (attempts + _STRENGTH)

    def _fade(self, at: float) -> None:
        if self.faded and at < self.faded + _FADE_S:
            return
        if self.faded:
            factor = 0.5 ** ((at - self.faded) / HALF_LIFE_S)
            for counts in self.counts.values():
                counts[0] *= factor
                counts[1] *= factor
            for of_name in self.classes.values():
                for error_class in of_name:
                    of_name[error_class] *= factor
        self.faded = at


def _names(place: Key) -> list[Name]:
    """The lake, then what a link's rate is made of, then the link."""
    src, dst = place[_SRC] or "", place[_DST] or ""
    return [
        (),
        ("src_site", place[_SRC_SITE] or ""),
        ("dst_site", place[_DST_SITE] or ""),
        ("src", src),
        ("dst", dst),
        ("account", place[_ACCOUNT] or ""),
        ("link", src, dst),
    ]
