"""Applies a plan: one change after the other, each in the journal before and after. Takes one back again.

What is to be written to is a `Target`: it knows which call a change is, and what Rucio has at a change's place now. A run that
was killed is resumed by planning anew: what was done is no drift any more. `settle` writes what became of the change that the
kill cut short.
"""

from __future__ import annotations

from collections.abc import Callable
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
    """One synchronisation's side of Rucio."""

    label: str
    """The Rucio, and its VO: an entry of another is neither settled nor undone here."""

    def perform(self, change: Change) -> None:
        """Does one change, by one call. Raises `SyncError`."""

    def value(self, change: Change) -> Any:
        """What Rucio has at the change's place now, in the form of `before` and `after`; null for nothing."""

    def why_not_undone(self, change: Change) -> str:
        """Why a change of this kind and type cannot be taken back; empty for one that can."""


class Outcome(NamedTuple):
    """What became of a plan."""

    applied: int
    failed: list[Entry]
    """Refused by Rucio, each with its answer in `detail`; the others went on."""
    left: int
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
) -> Outcome:
    """Applies the actions of a plan in their order. Without anybody who looks, what `by` did in the last 24 hours counts for
    the guard, too: a source that loses a little each hour is stopped like one that loses it at once.

    Raises `SyncError` before the first change where the guard refuses or another process applies, and at a change where Rucio is
    not there any more: what was done until then is in the journal, and the next run goes on.
    """
    guard.check(plan, max_changes, [] if is_attended else _recent(journal, plan, target, by, clock))
    with journal.exclusive():
        settle(target, journal, clock)
        actions = plan.actions()
        run, applied, failed = rfc3339(clock()), 0, list[Entry]()
        for number, change in enumerate(actions):
            if is_stopped():
                return Outcome(applied, failed, len(actions) - number)
            progress(number, len(actions))
            entry = _entry(change, plan.sync, target, by, run, clock)
            _perform(journal.begin(entry), target, journal, clock)
            if entry.result == "applied":
                applied += 1
            else:
                failed.append(entry)
        progress(len(actions), len(actions))
        return Outcome(applied, failed, 0)


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
