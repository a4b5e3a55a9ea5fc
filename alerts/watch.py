"""Watching transfers: cells from a store's answers, and the incidents of a range of time, round after round.

Pure but for what a `Watch` remembers: the store, the clock and the schedule are its caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property, partial
from typing import Any

import msgspec

from lakescope.alerts.history import History
from lakescope.alerts.incidents import BIN_S, Change, Firsts, Incident, Tracker
from lakescope.alerts.search import Cell, Options, explain
from lakescope.core.user_errors import user_remedy

WINDOWS_S = (600, 1200, 3600)
"""The shortest shows a fault's shape first, the longest one that is too small for the shorter ones."""
REACH_S = 7200
"""How far back a round asks: failures are reported late, by then they have all come."""
PLACE = ("src_site", "dst_site", "src_rse", "dst_rse", "protocol", "endpoint", "vo", "account", "activity")
FAILED_BY = (*PLACE, "error_scope", "error_template")

Rows = Iterable[Mapping[str, Any]]
_Key = tuple[str | None, ...]
Bins = dict[float, dict[_Key, "Counts"]]
"""Beginning of a bin (POSIX seconds) -> place, in the order of `PLACE` -> what happened there."""


def side_of(error_scope: str | None, error_template: str | None) -> str | None:
    """SOURCE or DESTINATION, where the error says so: as FTS's scope, or as the text's first word."""
    first = error_scope or (error_template or "").partition(" ")[0]
    return first if first in ("SOURCE", "DESTINATION") else None


class _State(msgspec.Struct, kw_only=True):
    """What a `Watch` remembers."""

    history: History
    open: list[Incident]
    over: list[Incident]
    learnt: float


class Watch:
    """The incidents of a lake's transfers."""

    def __init__(self, options: Options | None = None, tracker: Tracker | None = None) -> None:
        self.options = options or Options()
        self.tracker = tracker or Tracker()
        self.history = History()
        self._learnt = 0.0

    def dump(self) -> bytes:
        """All that it remembers, for `load`: an incident keeps its id over a restart."""
        tracker = self.tracker
        return msgspec.msgpack.encode(
            _State(history=self.history, open=tracker.open, over=tracker.over, learnt=self._learnt)
        )

    @classmethod
    def load(cls, state: bytes, options: Options | None = None, tracker: Tracker | None = None) -> Watch:
        """One that remembers what another one's `dump` wrote. Raises `msgspec.DecodeError` for anything else."""
        watch, decoded = cls(options, tracker), msgspec.msgpack.decode(state, type=_State)
        watch.history, watch._learnt = decoded.history, decoded.learnt
        watch.tracker.open, watch.tracker.over = decoded.open, decoded.over
        return watch

    def step(self, now: float, bins: Bins) -> list[tuple[Change, Incident]]:
        """One round at `now` (POSIX seconds, a multiple of `BIN_S`): what changed among the incidents.

        `bins` are those that begin before `now`; what is older than `REACH_S` is learnt from, each bin once.
        """
        for at in sorted(at for at in bins if self._learnt < at <= now - REACH_S):
            cells = [_cell(key, counts, 0.0) for key, counts in bins[at].items()]
            self.history.add([cell for cell in cells if not self.tracker.is_disturbed(cell, at)], at)
            self._learnt = at
        if not self.history.is_enough:
            return []
        views = []
        for window in WINDOWS_S:
            cells = self._cells([places for at, places in bins.items() if now - window <= at < now])
            views.append((cells, explain(cells, self.options, self.tracker.known)))
        recent = {at: places for at, places in bins.items() if now - REACH_S < at < now}
        firsts = Firsts({at: _Lazy(partial(self._cells, [places])) for at, places in recent.items()})
        return self.tracker.step(now, views, firsts)

    def _cells(self, bins: Iterable[Mapping[_Key, Counts]]) -> list[Cell]:
        merged: dict[_Key, Counts] = {}
        for places in bins:
            for key, counts in places.items():
                merged.setdefault(key, Counts()).add(counts)
        return [_cell(key, counts, self._rate(key)) for key, counts in merged.items()]

    def _rate(self, key: _Key) -> float:
        return self.history.rate(dict(zip(PLACE, key, strict=True)))


def replay(bins: Bins, since: float, until: float, watch: Watch | None = None) -> list[Incident]:
    """The confirmed incidents of ``since <= time < until`` (POSIX seconds), oldest first, as if each round had been
    made in its time; `bins` should begin a day before, for what is usual to be known."""
    watch = watch or Watch()
    incidents: dict[str, Incident] = {}
    merged: set[str] = set()
    first = min(bins, default=until) // BIN_S * BIN_S
    now = first + BIN_S
    while now <= until:
        reach = {at: places for at, places in bins.items() if now - REACH_S - BIN_S <= at < now}
        for change, incident in watch.step(now, reach):
            incidents[incident.id] = incident
            if change == "merged":
                merged.add(incident.id)
        now += BIN_S
    return sorted(
        (
            one
            for one in incidents.values()
            if one.id not in merged and one.began < until and (one.closed or until) > since
        ),
        key=lambda one: one.began,
    )


class _Lazy(Sequence[Cell]):
    """Cells that are made when somebody looks."""

    def __init__(self, make: Callable[[], list[Cell]]) -> None:
        self._make = make

    @cached_property
    def _cells(self) -> list[Cell]:
        return self._make()

    def __len__(self) -> int:
        return len(self._cells)

    def __getitem__(self, index: Any) -> Any:
        return self._cells[index]


class Counts:
    """Of one place and time."""

    __slots__ = ("classes", "destination", "ended", "failed", "source")

    def __init__(self) -> None:
        self.ended = self.failed = self.source = self.destination = 0.0
        self.classes: dict[str, float] = {}

    def add(self, other: Counts) -> None:
        self.ended += other.ended
        self.failed += other.failed
        self.source += other.source
        self.destination += other.destination
        for name, count in other.classes.items():
            self.classes[name] = self.classes.get(name, 0.0) + count

    def fail(self, scope: str | None, template: str | None, count: float = 1.0) -> None:
        """So many of the failures, by what their error says; not for users' own errors, which are no attempts."""
        self.failed += count
        self.classes[template or ""] = self.classes.get(template or "", 0.0) + count
        side = side_of(scope, template)
        if side == "SOURCE":
            self.source += count
        elif side == "DESTINATION":
            self.destination += count


def bins_of(ended: Rows, failed: Rows) -> Bins:
    """Beginning of a bin (POSIX seconds) -> place -> counts, without the users' own errors.

    `ended`: rows of the KPI ``transfers_ended`` in bins of `BIN_S`, by `PLACE`; `failed`: of ``transfers_failed``, by
    `FAILED_BY`.
    """
    bins: dict[float, dict[_Key, Counts]] = {}

    def counts(row: Mapping[str, Any]) -> Counts:
        at = datetime.fromisoformat(row["time"]).timestamp()
        return bins.setdefault(at, {}).setdefault(tuple(row[name] for name in PLACE), Counts())

    for row in ended:
        counts(row).ended += row["value"] or 0
    for row in failed:
        template, value = row["error_template"], row["value"] or 0
        of_place = counts(row)
        if user_remedy(template):
            of_place.ended -= value
            continue
        of_place.fail(row["error_scope"], template, value)
    return bins


def _cell(key: _Key, counts: Counts, rate: float) -> Cell:
    return Cell(
        place=dict(zip(PLACE, key, strict=True)),
        weight=max(counts.ended, counts.failed),
        value=counts.failed,
        expected=rate * max(counts.ended, counts.failed),
        source=counts.source,
        destination=counts.destination,
        classes=counts.classes,
    )
