"""Watching transfers: a grid from a store's answers, and the incidents of a range of time, round after round.

Pure but for what a `Watch` remembers: the store, the clock and the schedule are its caller's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from lakescope.alerts.grid import LEAST, MOST, Grid, Options
from lakescope.alerts.history import History, Past
from lakescope.alerts.incidents import BIN_S, Change, Incident, Tracker
from lakescope.alerts.patterns import PLACE, Atlas, Key, Side
from lakescope.alerts.search import explain
from lakescope.core.user_errors import user_remedy

REACH_S = 7200
"""How far back a round asks: failures are reported late, by then they have all come."""
FAILED_BY = (*PLACE, "error_scope", "error_template")

_BINS = REACH_S // BIN_S
_SPARE_PLACES, _SPARE_SHARE = 20_000, 1.25
"""Places that are known, 0.5 KB each, beside those of the last round, and of them, before the others are forgotten."""
_CLASSES = 40
"""Error classes that are told apart in a round; the others are one."""
_LEAST_OF_CLASS = 3.0
"""Failures of a class in a round that is told apart."""

__all__ = [
    "BIN_S",
    "FAILED_BY",
    "PLACE",
    "REACH_S",
    "Bins",
    "Counts",
    "Watch",
    "bins_of",
    "replay",
    "side_of",
]

Rows = Iterable[Mapping[str, Any]]
Bins = dict[float, dict[Key, "Counts"]]
"""Beginning of a bin (POSIX seconds) -> place, in the order of `PLACE` -> what happened there."""


def side_of(error_scope: str | None, error_template: str | None) -> str | None:
    """SOURCE or DESTINATION, where the error says so: as FTS's scope, or as the text's first word."""
    first = error_scope or (error_template or "").partition(" ")[0]
    return first if first in ("SOURCE", "DESTINATION") else None


class _State(msgspec.Struct, kw_only=True):
    """What a `Watch` remembers."""

    history: Past
    open: list[Incident]
    over: list[Incident]
    learnt: float


class Watch:
    """The incidents of a lake's transfers."""

    def __init__(self, options: Options | None = None, tracker: Tracker | None = None) -> None:
        self.options = options or Options()
        self.tracker = tracker or Tracker()
        self.history = History()
        self._atlas = Atlas()
        self._columns: dict[float, _Columns] = {}
        self._places = 0
        """Of the last round."""
        self._learnt = 0.0

    def dump(self) -> bytes:
        """All that it remembers, for `load`: an incident keeps its id over a restart."""
        tracker = self.tracker
        return msgspec.msgpack.encode(
            _State(history=self.history.past, open=tracker.open, over=tracker.over, learnt=self._learnt)
        )

    @classmethod
    def load(cls, state: bytes, options: Options | None = None, tracker: Tracker | None = None) -> Watch:
        """One that remembers what another one's `dump` wrote. Raises `msgspec.DecodeError` for anything else."""
        watch, decoded = cls(options, tracker), msgspec.msgpack.decode(state, type=_State)
        watch.history, watch._learnt = History(decoded.history), decoded.learnt
        watch.tracker.open, watch.tracker.over = decoded.open, decoded.over
        return watch

    def step(self, now: float, bins: Bins) -> list[tuple[Change, Incident]]:
        """One round at `now` (POSIX seconds, a multiple of `BIN_S`): what changed among the incidents.

        `bins` are those that begin before `now`; what is older than `REACH_S` is learnt from, each bin once.
        """
        most = max(_SPARE_SHARE * self._places, self._places + _SPARE_PLACES)
        if self._places and len(self._atlas.places) > most:
            self._forget_places()
        for at in sorted(at for at in bins if self._learnt < at <= now - REACH_S):
            self._learn(at, self._columns_of(at, bins[at]))
        if not self.history.is_enough:
            return []
        grid = self._grid(now, bins)
        explanations = explain(grid, self.options, self.tracker.known, self._atlas)
        return self.tracker.step(now, grid, explanations, self._atlas)

    def _forget_places(self) -> None:
        """All but those of the last round."""
        rows = np.unique(np.concatenate([one.rows for one in self._columns.values()]))
        self._atlas.keep(rows)
        self.history.keep(rows)
        self._columns = {
            at: one._replace(rows=np.searchsorted(rows, one.rows)) for at, one in self._columns.items()
        }

    def _learn(self, at: float, columns: _Columns) -> None:
        """What a bin says of what is usual, but for what an incident struck."""
        is_usual = ~self.tracker.disturbed(columns.rows, self._atlas, at)
        names = list(columns.of_class)
        entries = zip(
            columns.place.tolist(), columns.error_class.tolist(), columns.failures.tolist(), strict=True
        )
        positions = np.cumsum(is_usual) - 1
        self.history.add(
            self._atlas,
            columns.rows[is_usual],
            columns.ended[is_usual],
            ((positions[place], names[number], count) for place, number, count in entries if is_usual[place]),
            at,
        )
        self._learnt = at

    def _grid(self, now: float, bins: Bins) -> Grid:
        recent = {at: int((now - at) // BIN_S) for at in bins if 1 <= (now - at) // BIN_S <= _BINS}
        self._columns = {at: self._columns_of(at, bins[at]) for at in recent}
        columns = [(age, self._columns[at]) for at, age in recent.items()]
        of_class: Counter[str] = Counter()
        sides: dict[str, Side] = {}
        for _, one in columns:
            of_class.update(one.of_class)
            sides.update(one.sides)
        common = [name for name, count in of_class.most_common(_CLASSES) if count >= _LEAST_OF_CLASS and name]
        numbers = {name: number for number, name in enumerate(common, 1)}
        classes = ["", *common]
        rows, place = np.unique(
            np.concatenate([np.zeros(0, dtype=int), *(one.rows for _, one in columns)]), return_inverse=True
        )
        self._places = len(rows)
        failures: list[npt.NDArray[np.float64]] = [np.zeros((0, 4))]
        start = 0
        for age, one in columns:
            here = place[start : start + len(one.rows)]
            start += len(one.rows)
            error_class = np.array([numbers.get(name, 0) for name in one.of_class], dtype=int)[
                one.error_class
            ]
            failures.append(
                np.column_stack([here[one.place], np.full(len(one.place), age), error_class, one.failures])
            )
        entries = np.concatenate(failures)
        rates = self.history.rates(self._atlas, rows, classes)
        return Grid(
            places=[self._atlas.places[row] for row in rows],
            classes=classes,
            sides=[sides.get(name, "both") for name in classes],
            bins=_BINS,
            attempts_place=place,
            attempts_age=np.repeat([age for age, _ in columns], [len(one.rows) for _, one in columns]),
            attempts=np.concatenate([np.zeros(0), *(one.ended for _, one in columns)]),
            rates=np.clip(rates, LEAST, MOST, out=rates),
            place=entries[:, 0].astype(int),
            age=entries[:, 1].astype(int),
            error_class=entries[:, 2].astype(int),
            failures=entries[:, 3],
            rows=rows,
        )

    def _columns_of(self, at: float, of_bin: dict[Key, Counts]) -> _Columns:
        """A bin as arrays; they are kept while nothing arrives late."""
        ended = [max(counts.ended, counts.failed) for counts in of_bin.values()]
        size = len(ended), sum(ended), sum(counts.failed for counts in of_bin.values())
        kept = self._columns.get(at)
        if kept and kept.size == size:
            return kept
        of_class: Counter[str] = Counter()
        sides: dict[str, Side] = {}
        entries = []
        for place, counts in enumerate(of_bin.values()):
            if counts.classes:
                sides.update(counts.sides)
                for name, count in counts.classes.items():
                    of_class[name] += count  # type: ignore[assignment]
                    entries.append((place, name, count))
        numbers = {name: number for number, name in enumerate(of_class)}
        return _Columns(
            size=size,
            rows=self._atlas.rows_of(of_bin),
            ended=np.array(ended, dtype=float),
            place=np.array([place for place, _, _ in entries], dtype=int),
            error_class=np.array([numbers[name] for _, name, _ in entries], dtype=int),
            failures=np.array([count for _, _, count in entries], dtype=float),
            of_class=of_class,
            sides=sides,
        )


class _Columns(NamedTuple):
    """A bin."""

    size: tuple[float, ...]
    """Places, attempts, failures."""
    rows: npt.NDArray[np.int64]
    """Of each place, its row in the atlas."""
    ended: npt.NDArray[np.float64]
    place: npt.NDArray[np.int64]
    """Of each entry of failures, the place's number in the bin."""
    error_class: npt.NDArray[np.int64]
    """Position in `of_class`."""
    failures: npt.NDArray[np.float64]
    of_class: Counter[str]
    sides: dict[str, Side]


def replay(bins: Bins, since: float, until: float, watch: Watch | None = None) -> list[Incident]:
    """The confirmed incidents of ``since <= time < until`` (POSIX seconds), oldest first, as if each round had been
    made in its time; `bins` should begin a day before, for what is usual to be known."""
    watch = watch or Watch()
    incidents: dict[str, Incident] = {}
    first = min(bins, default=until) // BIN_S * BIN_S
    now = first + BIN_S
    while now <= until:
        reach = {at: places for at, places in bins.items() if now - REACH_S - BIN_S <= at < now}
        for _, incident in watch.step(now, reach):
            incidents[incident.id] = incident
        now += BIN_S
    return sorted(
        (one for one in incidents.values() if one.began < until and (one.closed or until) > since),
        key=lambda one: one.began,
    )


_NONE: Mapping[str, Any] = MappingProxyType({})
"""Most places have no failures, and of a large lake there are a hundred thousand at a time."""


class Counts:
    """Of one place and time."""

    __slots__ = ("classes", "destination", "ended", "failed", "sides", "source")

    def __init__(self, ended: float = 0.0) -> None:
        self.ended = ended
        self.failed = self.source = self.destination = 0.0
        self.classes: Mapping[str, float] = _NONE
        """Error class -> failures."""
        self.sides: Mapping[str, Side] = _NONE
        """Error class -> the end that it accuses, where it does."""

    def add(self, other: Counts) -> None:
        self.ended += other.ended
        self.failed += other.failed
        self.source += other.source
        self.destination += other.destination
        for name, count in other.classes.items():
            self._count(name, count)
        self.sides = {**self.sides, **other.sides}

    def fail(self, scope: str | None, template: str | None, count: float = 1.0) -> None:
        """So many of the failures, by what their error says; not for users' own errors, which are no attempts."""
        self.failed += count
        self._count(template or "", count)
        side = side_of(scope, template)
        if side == "SOURCE":
            self.source += count
            self.sides = {**self.sides, template or "": "source"}
        elif side == "DESTINATION":
            self.destination += count
            self.sides = {**self.sides, template or "": "destination"}

    def _count(self, name: str, count: float) -> None:
        self.classes = {**self.classes, name: self.classes.get(name, 0.0) + count}


def bins_of(ended: Rows, failed: Rows) -> Bins:
    """Beginning of a bin (POSIX seconds) -> place -> counts, without the users' own errors.

    `ended`: rows of the KPI ``transfers_ended`` in bins of `BIN_S`, by `PLACE`; `failed`: of ``transfers_failed``, by
    `FAILED_BY`.
    """
    bins: dict[float, dict[Key, Counts]] = {}
    bins_by_time: dict[str, dict[Key, Counts]] = {}
    place_of = itemgetter(*PLACE)

    def bin_of(row: Mapping[str, Any]) -> dict[Key, Counts]:
        time = row["time"]
        of_bin = bins_by_time.get(time)
        if of_bin is None:
            at = datetime.fromisoformat(time).timestamp()
            of_bin = bins_by_time[time] = bins.setdefault(at, {})
        return of_bin

    # one for all places that have as many: of a large lake a million a day
    without_failures: dict[float, Counts] = {}
    failed = list(failed)
    for row in failed:
        bin_of(row).setdefault(place_of(row), Counts())
    for row in ended:
        of_bin, place, value = bin_of(row), place_of(row), row["value"] or 0
        of_place = of_bin.get(place)
        if of_place is None:
            of_bin[place] = without_failures.setdefault(value, Counts(value))
        elif of_place is without_failures.get(of_place.ended):
            of_bin[place] = Counts(of_place.ended + value)
        else:
            of_place.ended += value
    for row in failed:
        template, value = row["error_template"], row["value"] or 0
        of_place = bin_of(row)[place_of(row)]
        if user_remedy(template):
            of_place.ended -= value
            continue
        of_place.fail(row["error_scope"], template, value)
    return bins
