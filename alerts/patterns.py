"""Patterns: what an incident may be blamed on, and which places each of them has.

A place has one value a dimension (source site, destination RSE, protocol, VO, ...). A pattern names one or two attributes of it
("destination PIC", "protocol root at CNAF"), a site or RSE at either end, or nothing: the whole lake.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Side = Literal["both", "source", "destination"]
Place = Mapping[str, str | None]
Attribute = tuple[str, str]
Key = tuple[str | None, ...]
"""A place's values in the order of `PLACE`; null: unknown."""

PLACE = ("src_site", "dst_site", "src_rse", "dst_rse", "protocol", "endpoint", "vo", "account", "activity")


class Pattern(Struct, frozen=True, order=True):
    """Attribute -> value, one or two of them, sorted by attribute; none: the whole lake.

    ``site`` and ``rse`` are either end; ``link`` is ``A -> B``, ``links`` both its directions, ``A <-> B``.
    """

    attributes: tuple[Attribute, ...] = ()

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.attributes) or "the whole lake"


class _Kind(NamedTuple):
    """A single attribute that a pattern may name."""

    name: str
    fields: tuple[str, ...]
    """Dimensions; several are one attribute of several values."""
    side: Side
    form: Literal["plain", "either", "link", "links"]
    price: float
    """Nats, beside those for the number of values: how rare it is as a culprit."""


KINDS = {
    kind.name: kind
    for kind in (
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
}
_POSITIONS = {name: position for position, name in enumerate(KINDS)}
_WITHIN = ("endpoint", "protocol", "vo", "account", "activity")
"""A second attribute narrows another one down by one of these."""


def attributes_of(place: Place) -> tuple[Attribute, ...]:
    """All single attributes that a place has."""
    attributes = []
    for kind in KINDS.values():
        values = [place.get(field) for field in kind.fields]
        texts = [value for value in values if value]
        if kind.form == "either":
            attributes += [(kind.name, value) for value in dict.fromkeys(texts)]
        elif len(texts) == len(values) and not (kind.form == "links" and texts[0] == texts[1]):
            if kind.form == "links":
                texts.sort()
            attributes.append((kind.name, {"link": " -> ", "links": " <-> "}.get(kind.form, "").join(texts)))
    return tuple(attributes)


def covers(pattern: Pattern, place: Place) -> bool:
    """Whether a place is in a pattern."""
    return set(pattern.attributes) <= set(attributes_of(place))


def side_of_pattern(pattern: Pattern) -> Side:
    """Which end of a transfer it accuses."""
    sides = {KINDS[name].side for name, _ in pattern.attributes} - {"both"}
    return sides.pop() if len(sides) == 1 else "both"


def is_of_links(pattern: Pattern) -> bool:
    """Whether it names a link or both its directions."""
    return any(KINDS[name].form in ("link", "links") for name, _ in pattern.attributes)


Integers = npt.NDArray[np.int32]
_WIDTH = 1 + 15 + 10 * 5 + 10
_MOST_PLACES = 500_000


class Atlas:
    """The patterns of each place, as numbers; made once a place."""

    def __init__(self) -> None:
        self.patterns = [Pattern(), Pattern((("nothing", ""),))]
        """By number; 0 is the whole lake, 1 has no place."""
        self.kinds = [-1, -1]
        """Of each pattern, the position of its kind in `KINDS`; -1: it has not one attribute."""
        self.places: list[Key] = []
        self._numbers: dict[tuple[Attribute, ...], int] = {(): 0}
        self._rows: dict[Key, int] = {}
        self._table = np.ones((1024, _WIDTH), dtype=np.int32)

    @property
    def is_full(self) -> bool:
        """Whether it has so many places that a new one is due: it never forgets any."""
        return len(self._rows) > _MOST_PLACES

    def numbers_of(self, places: Sequence[Key]) -> Integers:
        """A row a place: the numbers of its patterns, filled up with 1."""
        rows = self.rows_of(places)
        return self._table[rows]

    def rows_of(self, places: Iterable[Key]) -> list[int]:
        """Places by number, as in `places`."""
        return [self._row(place) for place in places]

    def number_of(self, pattern: Pattern) -> int:
        """Of a pattern; 1 for one that no place has."""
        return self._numbers.get(pattern.attributes, 1)

    def _row(self, place: Key) -> int:
        row = self._rows.get(place)
        if row is None:
            row = self._rows[place] = len(self._rows)
            self.places.append(place)
            if row == len(self._table):
                self._table = np.concatenate([self._table, np.ones_like(self._table)])
            singles = attributes_of(dict(zip(PLACE, place, strict=True)))
            inner = [one for one in singles if one[0] in _WITHIN]
            outer = [one for one in singles if one[0] not in _WITHIN]
            pairs = [tuple(sorted((a, b))) for a in outer for b in inner]
            pairs += [tuple(sorted(two)) for two in combinations(inner, 2)]
            numbers = [0, *(self._number((one,)) for one in singles), *map(self._number, pairs)]
            self._table[row, : len(numbers)] = numbers
        return row

    def _number(self, attributes: tuple[Attribute, ...]) -> int:
        number = self._numbers.get(attributes)
        if number is None:
            number = self._numbers[attributes] = len(self.patterns)
            self.patterns.append(Pattern(attributes))
            self.kinds.append(_POSITIONS[attributes[0][0]] if len(attributes) == 1 else -1)
        return number
