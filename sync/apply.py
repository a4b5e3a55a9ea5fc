"""Applies a plan: several changes at a time, each in the journal before and after. Takes one back again.

    stage 0     object A: change, change     |  objects side by side, those of one object in the plan's order
                object B: change             |
    stage 1     object C: change, ...           begins when all of stage 0 has ended

What is to be written to is a `Target`: it knows which call a change is, and what Rucio has at a change's place now. A run that
was killed is resumed by planning anew: what was done is no drift any more. `settle` writes what became of the change that the
kill cut short.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any, NamedTuple, Protocol

from lakescope.core.personal import FORGOTTEN
from lakescope.core.printable import rfc3339
from lakescope.sync import guard
from lakescope.sync.journal import Entry, Journal
from lakescope.sync.plan import Change, Plan, SyncError
from lakescope.sync.rucio import RucioRefusedError

Clock = Callable[[], float]
_DAY_S = 86_400.0
Progress = Callable[[int, int], None]
"""Gets how many changes are done, and how many there are."""


class Target(Protocol):
    """One synchronisation's side of Rucio, for several threads."""

    label: str
    """The Rucio, and its VO: an entry of another is neither settled nor undone here."""

    def perform(self, change: Change) -> None:
        """Does one change, by one call. Raises `SyncError`."""

    def value(self, change: Change) -> Any:
        """What Rucio has at the change's place now, in the form of `before` and `after`; null for nothing."""

    def stage(self, change: Change) -> int:
        """Changes of a stage begin when all of the stages before have ended; it never falls in the order of a plan."""

    def why_not_undone(self, change: Change) -> str:
        """Why a change of this kind and type cannot be taken back; empty for one that can."""


class Outcome(NamedTuple):
    """What became of a plan."""

    applied: int
    failed: list[Entry]
    """Refused by Rucio, each with its answer in `detail`; the others went on."""
    left: list[Change]
    """Not tried, because the run was stopped."""


def apply(
    plan: Plan,
    target: Target,
    journal: Journal,
    *,
    by: str,
    clock: Clock,
    max_changes: int | None = None,
    progress: Progress = lambda done, total: None,
    is_stopped: Callable[[], bool] = lambda: False,
    is_attended: bool = True,
    concurrency: int = 1,
) -> Outcome:
    """Applies the actions of a plan, `concurrency` at a time. `progress` and `is_stopped` are called by several threads, one at a
    time. Without anybody who looks, what `by` did in the last 24 hours counts for
    the guard, too: a source that loses a little each hour is stopped like one that loses it at once.

    Raises `SyncError` before the first change where the guard refuses or another process applies, and at a change where Rucio is
    not there any more: what was done until then is in the journal, and the next run goes on.
    """
    guard.check(plan, max_changes, [] if is_attended else _recent(journal, plan, target, by, clock))
    with journal.exclusive():
        settle(target, journal, clock)
        actions, run = plan.actions(), rfc3339(clock())

        def perform(change: Change) -> Entry:
            entry = _entry(change, plan.sync, target, by, run, clock)
            _perform(journal.begin(entry), target, journal, clock)
            return entry

        work = _Work(actions, perform, progress, is_stopped)
        for _, stage in groupby(actions, target.stage):
            work.do(list(stage), concurrency)
        ended = sorted(work.entries, key=lambda entry: entry.id)
        tried = {entry.change.place for entry in ended}
        failed = [entry for entry in ended if entry.result != "applied"]
        left = [change for change in actions if change.place not in tried]
        return Outcome(len(ended) - len(failed), failed, left)


class _Work:
    """What is done of the actions of a plan."""

    def __init__(
        self,
        actions: Sequence[Change],
        perform: Callable[[Change], Entry],
        progress: Progress,
        is_stopped: Callable[[], bool],
    ) -> None:
        self.entries: list[Entry] = []
        self._total = len(actions)
        self._perform, self._progress, self._is_stopped = perform, progress, is_stopped
        self._lock = threading.Lock()
        self._ends = False
        progress(0, self._total)

    def do(self, changes: Sequence[Change], concurrency: int) -> None:
        """Returns when all threads have ended. Raises what one of them did: then the others have ended the change that they were
        at, and no other was begun."""
        objects: dict[str, list[Change]] = {}
        for change in changes:
            objects.setdefault(change.object, []).append(change)
        waiting = deque(objects.values())
        threads = min(concurrency, len(waiting))
        with ThreadPoolExecutor(threads) as pool:
            futures = [pool.submit(self._take, waiting) for _ in range(threads)]
        for future in futures:
            future.result()

    def _take(self, waiting: deque[list[Change]]) -> None:
        try:
            while True:
                try:
                    changes = waiting.popleft()
                except IndexError:
                    return
                for change in changes:
                    if self._must_end():
                        return
                    self._note(self._perform(change))
        except BaseException:
            self._ends = True
            raise

    def _must_end(self) -> bool:
        with self._lock:
            self._ends = self._ends or self._is_stopped()
            return self._ends

    def _note(self, entry: Entry) -> None:
        with self._lock:
            self.entries.append(entry)
            self._progress(len(self.entries), self._total)


def _recent(journal: Journal, plan: Plan, target: Target, by: str, clock: Clock) -> list[Change]:
    since = rfc3339(clock() - _DAY_S)
    return [
        entry.change
        for entry in journal.entries()
        if (entry.sync, entry.target, entry.by) == (plan.sync, target.label, by)
        and entry.at > since
        and entry.result == "applied"
    ]


def settle(target: Target, journal: Journal, clock: Clock) -> list[Entry]:
    """Finds out what became of changes that a kill cut short. Within `journal.exclusive`."""
    entries = [entry for entry in journal.open_entries() if entry.target == target.label]
    for entry in entries:
        value = target.value(entry.change)
        if value == entry.change.after:
            journal.end(entry, "applied", "found done after the run was cut short", clock())
        elif value == entry.change.before:
            journal.end(entry, "not applied", "the run was cut short before", clock())
        else:
            journal.end(
                entry, "unknown", "the run was cut short, and Rucio has another value by now", clock()
            )
    return entries


def undo(number: int, target: Target, journal: Journal, *, by: str, clock: Clock) -> Entry:
    """Takes an entry of the journal back; returns the entry of the undo. Raises `SyncError` where it cannot be undone, or where
    Rucio has another value by now, which somebody else has set."""
    with journal.exclusive():
        settle(target, journal, clock)
        entries = {entry.id: entry for entry in journal.entries()}
        entry = entries.get(number)
        if entry is None:
            raise SyncError(f"there is no entry {number} in {journal.path}; see `lakescope sync journal`")
        if entry.target != target.label:
            raise SyncError(
                f"entry {number} is about {entry.target}, and [sync.rucio] names {target.label}; use its configuration"
            )
        if entry.result != "applied":
            raise SyncError(f"entry {number} was not applied ({entry.result}): there is nothing to undo")
        if entry.change.object == FORGOTTEN:
            raise SyncError(
                f"entry {number} cannot be undone: its account was forgotten, and with it the values"
            )
        if reason := target.why_not_undone(entry.change):
            raise SyncError(f"entry {number} cannot be undone: {reason}")
        if (value := target.value(entry.change)) != entry.change.after:
            raise SyncError(
                f"entry {number} cannot be undone: it set {entry.change.after!r}, and Rucio has {value!r} by now,"
                " which another change has set; undo that one first"
            )
        reverse = _entry(entry.change.inverse(), entry.sync, target, by, rfc3339(clock()), clock)
        reverse.undo_of = number
        _perform(journal.begin(reverse), target, journal, clock)
        if reverse.result != "applied":
            raise SyncError(f"entry {number} could not be undone: {reverse.detail}")
        return reverse


def _entry(change: Change, sync: str, target: Target, by: str, run: str, clock: Clock) -> Entry:
    return Entry(id=0, run=run, sync=sync, target=target.label, by=by, at=rfc3339(clock()), change=change)


def _perform(entry: Entry, target: Target, journal: Journal, clock: Clock) -> None:
    """Does an entry's change and writes the result. An answer that was lost on its way makes the next attempt a Duplicate or a
    NotFound: what Rucio has decides."""
    try:
        target.perform(entry.change)
    except RucioRefusedError as error:
        is_done = target.value(entry.change) == entry.change.after
        journal.end(entry, "applied" if is_done else "failed", "" if is_done else str(error), clock())
    else:
        journal.end(entry, "applied", "", clock())
