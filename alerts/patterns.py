"""Patterns: what an incident may be blamed on, and which places each of them has.

A place has one value a dimension (source site, destination RSE, protocol, VO, ...). A pattern names one or two attributes of it
("destination PIC", "protocol root at CNAF"), a site or RSE at either end, or nothing: the whole lake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
Rows = npt.NDArray[np.int64]
"""Of places, their rows in an `Atlas`."""
_OUTER, _INNER = 10, len(_WITHIN)
"""Single attributes that a place has at most: of its ends, and those that narrow a pattern down."""
ENDS = PLACE.index("protocol")
"""The first so many values of a place are its ends."""
_LAKE, _NOWHERE = 0, 1
_LOW = (1 << 32) - 1
_PAIRS = np.array([*combinations(range(_INNER), 2)]).T
SINGLES = slice(1, 1 + _OUTER + _INNER)
"""Where the numbers of single attributes are in a row of an `Atlas`."""
_AT_ONCE = 8192
"""Places whose patterns are looked at together: of all of a large lake they would need tens of megabytes."""
_WIDTH = 1 + _OUTER + _INNER + _OUTER * _INNER + _PAIRS.shape[1]


class Atlas:
    """The patterns of each place, as numbers; made once a place.

    There are many more pairs of attributes than are ever looked at, so that only their numbers are kept.
    """

    def __init__(self) -> None:
        self.places: list[Key] = []
        self._rows: dict[Key, int] = {}
        self._table = np.zeros((1024, _WIDTH), dtype=np.int32)
        """A row a place, and spare ones."""
        self._singles: dict[Attribute, int] = {}
        self._attributes: dict[int, Attribute] = {}
        self._parts: dict[Key, list[int]] = {}
        """The numbers of single attributes of the ends of a place, and of the rest of it."""
        self._pairs = np.zeros(0, dtype=np.int64)
        """Two numbers of single attributes as one, sorted."""
        self._pair_numbers = np.zeros(0, dtype=np.int32)
        self.kinds = np.full(2, -1, dtype=np.int8)
        """Of each pattern, the position of its kind in `KINDS`; -1: it has not one attribute."""
        self._pair_of = np.zeros(2, dtype=np.int64)
        """Of each pattern of two attributes, their pair."""

    def __len__(self) -> int:
        """How many patterns it has."""
        return len(self.kinds)

    def pattern(self, number: int) -> Pattern:
        """By number; 0 is the whole lake, 1 has no place."""
        if number == _LAKE:
            return Pattern()
        if number == _NOWHERE:
            return Pattern((("nothing", ""),))
        if self.kinds[number] >= 0:
            return Pattern((self._attributes[number],))
        pair = divmod(int(self._pair_of[number]), 1 << 32)
        return Pattern(tuple(sorted(self._attributes[one] for one in pair)))

    def number_of(self, pattern: Pattern) -> int:
        """Of a pattern; 1 for one that no place has."""
        if not pattern.attributes:
            return _LAKE
        singles = [
            self._singles.get(one, _NOWHERE)
            for one in sorted(pattern.attributes, key=lambda one: _POSITIONS.get(one[0], -1))
        ]
        if len(singles) == 1 or _NOWHERE in singles:
            return singles[0] if len(singles) == 1 else _NOWHERE
        pair = (singles[0] << 32) | singles[1]
        position = int(np.searchsorted(self._pairs, pair))
        is_there = position < len(self._pairs) and self._pairs[position] == pair
        return int(self._pair_numbers[position]) if is_there else _NOWHERE

    def numbers_of(self, rows: Rows) -> Integers:
        """A row a place: the numbers of its patterns, filled up with 1."""
        return self._table[rows]

    def blocks(self, rows: Rows) -> Iterator[tuple[slice, Integers]]:
        """The same, some places at a time, and which."""
        for first in range(0, len(rows), _AT_ONCE):
            block = slice(first, min(first + _AT_ONCE, len(rows)))
            yield block, self._table[rows[block]]

    def is_in(self, patterns: Iterable[Pattern], rows: Rows) -> npt.NDArray[np.bool_]:
        """Of each place whether any of the patterns has it."""
        wanted = [number for number in map(self.number_of, patterns) if number != _NOWHERE]
        result = np.zeros(len(rows), dtype=bool)
        for block, numbers in self.blocks(rows) if wanted else ():
            for number in wanted:
                result[block] |= (numbers == number).any(axis=1)
        return result

    def rows_of(self, places: Iterable[Key]) -> Rows:
        """Of each place its position in `places`."""
        rows, first = [], len(self.places)
        for place in places:
            row = self._rows.get(place)
            if row is None:
                row = self._rows[place] = len(self.places)
                self.places.append(place)
            rows.append(row)
        if first < len(self.places):
            self._add(first)
        return np.array(rows, dtype=np.int64)

    def keep(self, rows: Rows) -> None:
        """Forgets all places but these, whose rows are sorted, and patterns without a place; the others get new rows, their
        positions in `rows`, and new numbers."""
        self.places = [self.places[row] for row in rows.tolist()]
        self._rows = {place: row for row, place in enumerate(self.places)}
        is_used = np.zeros(len(self), dtype=bool)
        is_used[[_LAKE, _NOWHERE]] = True
        for block, numbers in self.blocks(rows):  # rows move up only: those of later blocks are as they were
            self._table[block] = numbers
            is_used[numbers] = True
        new = np.cumsum(is_used, dtype=np.int32) - 1
        for block, numbers in self.blocks(np.arange(len(rows))):
            self._table[block] = new[numbers]
        pair_of = self._pair_of[is_used]
        self._pair_of = np.where(
            pair_of, (new[pair_of >> 32].astype(np.int64) << 32) | new[pair_of & _LOW], 0
        )
        self.kinds = self.kinds[is_used]
        self._pair_numbers = new[self._pair_numbers[is_used[self._pair_numbers]]]
        self._pairs = self._pair_of[self._pair_numbers]  # sorted as before: numbers keep their order
        self._attributes = {int(new[old]): one for old, one in self._attributes.items() if is_used[old]}
        self._singles = {one: number for number, one in self._attributes.items()}
        self._parts = {
            values: new[numbers].tolist() for values, numbers in self._parts.items() if is_used[numbers].all()
        }

    def _add(self, first: int) -> None:
        """Numbers the patterns of the places from a row on."""
        places = self.places[first:]
        outer = np.array([self._part(PLACE[:ENDS], place[:ENDS], _OUTER) for place in places], dtype=np.int64)
        inner = np.array([self._part(PLACE[ENDS:], place[ENDS:], _INNER) for place in places], dtype=np.int64)
        one = np.concatenate([np.repeat(outer, _INNER, axis=1), inner[:, _PAIRS[0]]], axis=1)
        other = np.concatenate([np.tile(inner, _OUTER), inner[:, _PAIRS[1]]], axis=1)
        pairs = np.where((one == _NOWHERE) | (other == _NOWHERE), 0, (one << 32) | other)
        distinct, inverse = np.unique(pairs, return_inverse=True)
        numbers = self._numbers_of_pairs(distinct)[inverse.reshape(pairs.shape)]
        if len(self.places) > len(self._table):  # in its place: a second one would be as large
            self._table.resize((len(self.places) + len(self.places) // 8, _WIDTH), refcheck=False)
        lake = np.full((len(places), 1), _LAKE)
        self._table[first : len(self.places)] = np.concatenate([lake, outer, inner, numbers], axis=1)

    def _part(self, names: Sequence[str], values: Key, width: int) -> list[int]:
        """The numbers of the single attributes that some values of a place have."""
        numbers = self._parts.get(values)
        if numbers is None:
            numbers = [self._single(one) for one in attributes_of(dict(zip(names, values, strict=True)))]
            numbers += [_NOWHERE] * (width - len(numbers))
            self._parts[values] = numbers
        return numbers

    def _single(self, attribute: Attribute) -> int:
        number = self._singles.get(attribute)
        if number is None:
            number = self._singles[attribute] = len(self._pairs) + len(self._singles) + 2
            self._attributes[number] = attribute
        return number

    def _numbers_of_pairs(self, pairs: npt.NDArray[np.int64]) -> Integers:
        """Of pairs, sorted and each once; 0 is none."""
        position = np.searchsorted(self._pairs, pairs)
        is_known = position < len(self._pairs)
        is_known[is_known] = self._pairs[position[is_known]] == pairs[is_known]
        is_new = ~is_known & (pairs > 0)
        new = pairs[is_new]
        kinds = [_POSITIONS[name] for name, _ in [*self._singles][len(self) - 2 - len(self._pairs) :]]
        first = len(self) + len(kinds)
        numbers = np.arange(first, first + len(new), dtype=np.int32)
        self.kinds = np.concatenate([self.kinds, kinds, np.full(len(new), -1)]).astype(np.int8)
        self._pair_of = np.concatenate([self._pair_of, np.zeros(len(kinds), dtype=np.int64), new])
        self._pairs = np.insert(self._pairs, position[is_new], new)
        self._pair_numbers = np.insert(self._pair_numbers, position[is_new], numbers)
        result = np.full(len(pairs), _NOWHERE, dtype=np.int32)
        is_there = pairs > 0
        result[is_there] = self._pair_numbers[np.searchsorted(self._pairs, pairs[is_there])]
        return result
