"""One run of a synchronisation, whoever starts it: the schedule, a command or a page.

It plans, applies if it shall, keeps the plan, and reports what became of it as an event.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lakescope.app.sync import SYNCS, journal_of, keep_plan, keep_rest, open_rucio
from lakescope.core.events import LONGEST_TEXT, Event, SyncRun
from lakescope.core.printable import rfc3339
from lakescope.core.rucio import label_of
from lakescope.pipeline.health import OWN
from lakescope.sync.drift import Ages
from lakescope.sync.plan import Change, Plan, SyncError

if TYPE_CHECKING:
    from lakescope.app.config import Configuration, Settings
    from lakescope.sync.apply import Outcome

Name = Literal["rses", "accounts"]
Report = Callable[[Sequence[Event]], None]
"""Stores events."""


class Run(NamedTuple):
    """What became of a run."""

    plan: Plan
    outcome: Outcome | None
    """Null where nothing was to be applied."""

    @property
    def applied(self) -> int:
        """Changes made."""
        return self.outcome.applied if self.outcome else 0

    @property
    def failed(self) -> int:
        """Changes that Rucio refused."""
        return len(self.outcome.failed) if self.outcome else 0

    def drift(self) -> list[Change]:
        """Differences that it left behind."""
        if self.outcome is None:
            return self.plan.drift()
        undone = {entry.change.place for entry in self.outcome.failed}
        undone |= {one.place for one in self.outcome.left}
        return [one for one in self.plan.drift() if not one.is_action or one.place in undone]


class Way(NamedTuple):
    """How a run is made."""

    by: str
    """Who applies, for the journal."""
    apply: bool = False
    remove: bool = False
    """Whether what Rucio has alone is removed. Such a plan is not kept: no other run would do that."""
    max_changes: int | None = None
    """As of the guard."""
    is_attended: bool = True
    """Whether somebody looks: as `lakescope.sync.apply`."""


def run(
    name: Name,
    configuration: Configuration,
    way: Way,
    report: Report | None,
    *,
    clock: Callable[[], float] = time.time,
    check: Callable[[Plan], None] = lambda plan: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Run:
    """`check` gets the plan before it is applied: what it raises ends the run. `progress`: changes done, and how many there are.

    Raises `SyncError` where it could not tell, which is reported, too; `RuntimeError` for a configuration that lacks something.
    """
    settings, began = configuration.settings, clock()
    try:
        done = _run(name, configuration, way, clock, check, progress, is_stopped)
    except SyncError as error:
        if report is not None:
            report(
                [event_of(name, began, ok=False, target=_label(settings), error=str(error)[:LONGEST_TEXT])]
            )
        raise
    if report is not None:
        report([_event(name, settings, done, began)])
    return done


def _run(
    name: str,
    configuration: Configuration,
    way: Way,
    clock: Callable[[], float],
    check: Callable[[Plan], None],
    progress: Callable[[int, int], None],
    is_stopped: Callable[[], bool],
) -> Run:
    from lakescope.sync import apply as applying

    settings, journal = configuration.settings, journal_of(configuration.settings)
    # a plan is made while nobody else applies one: else it could be of a Rucio that is not so any more
    writing = journal.exclusive() if way.apply else nullcontext()
    with writing, open_rucio(settings) as rucio:
        plan, target = SYNCS[name].plan(configuration, rucio, way.remove)
        if not way.remove:
            keep_plan(settings, plan, clock())
        check(plan)
        if not way.apply:
            return Run(plan, None)
        outcome = applying.apply(
            plan,
            target,
            journal,
            by=way.by,
            clock=clock,
            max_changes=way.max_changes,
            progress=progress,
            is_stopped=is_stopped,
            is_attended=way.is_attended,
            concurrency=rucio.concurrency,
        )
    if not way.remove:
        keep_rest(settings, plan, outcome, clock())
    return Run(plan, outcome)


def _event(name: Name, settings: Settings, done: Run, at: float) -> SyncRun:
    drift, counts = done.drift(), done.plan.counts()
    age_s = Ages(settings.data_dir / "sync" / f"drift-{name}.json").update(drift, at)
    return event_of(
        name,
        at,
        ok=True,
        target=_label(settings),
        drift=len(drift),
        drift_age_s=age_s,
        applied=done.applied,
        failed=done.failed,
        **{kind: counts.get(kind, 0) for kind in ("extra", "invalid", "unmapped")},
    )


def event_of(
    name: Literal["topology", "rses", "accounts"],
    at: float,
    *,
    ok: bool,
    target: str | None = None,
    **fields: Any,
) -> SyncRun:
    """What one run told, as an event."""
    identity = blake2b(f"sync {name} {target} {at}".encode(), digest_size=16).hexdigest()
    return SyncRun(
        id=identity,
        time=rfc3339(at),
        source=OWN,
        collector=OWN,
        sync=name,
        ok=ok,
        target=target,
        **fields,
    )


def _label(settings: Settings) -> str | None:
    """The Rucio, as plans call it."""
    rucio = settings.sync.rucio
    return None if rucio is None else label_of(rucio)
