"""One round of watching transfers: what a store is asked, and what its answers mean.

    questions(now)            the attempts that ended in the last hours, and the failures among them, by place
    step(now, ended, failed)  -> what changed among the incidents

Pure but for what it remembers: the store, the clock and the schedule are its caller's (`lakescope.app.alerts`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from lakescope.alerts.history import History
from lakescope.alerts.incidents import Change, Firsts, Incident, Tracker
from lakescope.alerts.search import Cell, Options, explain
from lakescope.kpis import CATALOGUE, Query

BIN_S = 300
WINDOWS_S = (600, 1200, 3600)
"""The shortest shows a fault's shape first, the longest one that is too small for the shorter ones."""
REACH_S = 7200
"""How far back a round asks: failures are reported late, by then they have all come."""
PLACE = ("src_site", "dst_site", "src_rse", "dst_rse", "protocol", "endpoint", "vo", "account", "activity")

_USERS = re.compile(
    r"cancell?ed|cancelation|exists and overwrite|file exists|proxy (?:has )?expired|expired proxy"
    r"|credentials? (?:has |have )?expired|invalid url|unsupported protocol|not a valid uri",
    re.IGNORECASE,
)
"""Errors for which nobody but who asked for the transfer can do anything."""

Rows = Iterable[Mapping[str, Any]]
_Key = tuple[str | None, ...]


def is_users(error_template: str | None) -> bool:
    """Whether an error counts against nobody: cancelled, expired proxy, exists without overwrite, ..."""
    return bool(error_template and _USERS.search(error_template))


def side_of(error_scope: str | None, error_template: str | None) -> str | None:
    """SOURCE or DESTINATION, where the error says so: as FTS's scope, or as the text's first word."""
    first = error_scope or (error_template or "").partition(" ")[0]
    return first if first in ("SOURCE", "DESTINATION") else None


class Watch:
    """The incidents of a lake's transfers, round after round."""

    def __init__(self, options: Options | None = None, tracker: Tracker | None = None) -> None:
        self.options = options or Options()
        self.tracker = tracker or Tracker()
        self.history = History()
        self._learnt = 0.0

    def questions(self, now: float) -> list[Query]:
        """Of one round at `now` (POSIX seconds): attempts that ended, and those of them that failed."""
        until = datetime.fromtimestamp(now // BIN_S * BIN_S, UTC)
        since = until - timedelta(seconds=REACH_S + BIN_S)
        ended, failed = CATALOGUE["transfers_ended"], CATALOGUE["transfers_failed"]
        return [
            Query(kpi=ended, since=since, until=until, by=PLACE, bin_s=BIN_S),
            Query(
                kpi=failed,
                since=since,
                until=until,
                by=(*PLACE, "error_scope", "error_template"),
                bin_s=BIN_S,
            ),
        ]

    def step(self, now: float, ended: Rows, failed: Rows) -> list[tuple[Change, Incident]]:
        """The answers to `questions`, and what they change."""
        now = now // BIN_S * BIN_S
        bins = _bins(ended, failed)
        for at in sorted(at for at in bins if self._learnt < at <= now - REACH_S):
            cells = [_cell(key, counts, 0.0) for key, counts in bins.pop(at).items()]
            usual = [cell for cell in cells if not self.tracker.is_disturbed(cell, at)]
            self.history.add(usual, at)
            self._learnt = at
        if not self.history.is_enough:
            return []
        views = []
        for window in WINDOWS_S:
            cells = self._cells([bins[at] for at in bins if at >= now - window])
            views.append((cells, explain(cells, self.options, self.tracker.known)))
        firsts = Firsts({at: self._cells([counts]) for at, counts in bins.items()})
        return self.tracker.step(now, views, firsts)

    def _cells(self, bins: Iterable[Mapping[_Key, _Counts]]) -> list[Cell]:
        merged: dict[_Key, _Counts] = {}
        for places in bins:
            for key, counts in places.items():
                merged.setdefault(key, _Counts()).add(counts)
        return [_cell(key, counts, self._rate(key)) for key, counts in merged.items()]

    def _rate(self, key: _Key) -> float:
        return self.history.rate(dict(zip(PLACE, key, strict=True)))


class _Counts:
    """Of one place and time."""

    __slots__ = ("classes", "destination", "ended", "failed", "source")

    def __init__(self) -> None:
        self.ended = self.failed = self.source = self.destination = 0.0
        self.classes: dict[str, float] = {}

    def add(self, other: _Counts) -> None:
        self.ended += other.ended
        self.failed += other.failed
        self.source += other.source
        self.destination += other.destination
        for name, count in other.classes.items():
            self.classes[name] = self.classes.get(name, 0.0) + count


def _bins(ended: Rows, failed: Rows) -> dict[float, dict[_Key, _Counts]]:
    """Beginning of a bin (POSIX seconds) -> place -> counts, without the users' own errors."""
    bins: dict[float, dict[_Key, _Counts]] = {}

    def counts(row: Mapping[str, Any]) -> _Counts:
        at = datetime.fromisoformat(row["time"]).timestamp()
        return bins.setdefault(at, {}).setdefault(tuple(row[name] for name in PLACE), _Counts())

    for row in ended:
        counts(row).ended += row["value"] or 0
    for row in failed:
        template, value = row["error_template"], row["value"] or 0
        of_place = counts(row)
        if is_users(template):
            of_place.ended -= value
            continue
        of_place.failed += value
        of_place.classes[template or ""] = of_place.classes.get(template or "", 0.0) + value
        side = side_of(row["error_scope"], template)
        if side == "SOURCE":
            of_place.source += value
        elif side == "DESTINATION":
            of_place.destination += value
    return bins


def _cell(key: _Key, counts: _Counts, rate: float) -> Cell:
    return Cell(
        place=dict(zip(PLACE, key, strict=True)),
        weight=max(counts.ended, counts.failed),
        value=counts.failed,
        expected=rate * max(counts.ended, counts.failed),
        source=counts.source,
        destination=counts.destination,
        classes=counts.classes,
    )


def cells_of(rows: Sequence[Mapping[str, Any]]) -> list[Cell]:
    """For tests and benchmarks: cells of plain rows of place, weight, value and expected."""
    return [
        Cell(
            place={name: row.get(name) for name in PLACE},
            weight=row["weight"],
            value=row["value"],
            expected=row["expected"],
        )
        for row in rows
    ]
