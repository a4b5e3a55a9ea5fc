"""Synchronisations on a schedule: a plan once an interval, dry unless the configuration says otherwise, and what becomes of it as
events."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

from lakescope.app.config import Configuration, Settings
from lakescope.app.sync import SYNCS, journal_of, keep_plan, keep_rest, open_rucio
from lakescope.core.events import Event, SyncRun
from lakescope.core.printable import rfc3339
from lakescope.core.rucio import label_of
from lakescope.sync.drift import Ages
from lakescope.sync.plan import Plan, SyncError, summary

Name = Literal["rses", "accounts"]
BY = "lakescope run"
"""Who applied a plan on a schedule, in the journal."""


class Run(NamedTuple):
    """What became of a run."""

    plan: Plan
    drift: int
    """Differences that it left behind."""
    drift_age_s: float
    applied: int
    failed: int


class SyncRounds:
    """A task's work: one synchronisation, once an interval. `report` stores its events."""

    def __init__(
        self,
        name: Name,
        configuration: Configuration,
        report: Callable[[Sequence[Event]], None],
        clock: Callable[[], float] = time.time,
    ):
        self.name = name
        self._configuration, self._settings = configuration, configuration.settings
        self._report, self._clock = report, clock
        options = getattr(self._settings.sync, name)
        self._applies: bool = options.apply

    def __call__(self, stop: threading.Event) -> str:
        """One run. Raises `RuntimeError` where it could not tell."""
        try:
            run = self.run(apply=self._applies, by=BY, is_stopped=stop.is_set)
        except SyncError as error:
            raise RuntimeError(str(error)) from error
        text = summary(run.plan)
        return f"{text}; {run.applied} changes applied, {run.failed} refused" if self._applies else text

    def run(
        self,
        *,
        apply: bool,
        by: str,
        is_stopped: Callable[[], bool] = lambda: False,
        remove: bool = False,
        max_changes: int | None = None,
    ) -> Run:
        """Plans, applies if it shall, keeps the plan and reports what became of it. Raises `SyncError`."""
        settings, now = self._settings, self._clock()
        label = _label(settings)
        try:
            run = self._run(apply, by, is_stopped, remove, max_changes, now)
        except SyncError as error:
            self._report([event_of(self.name, now, ok=False, target=label, error=str(error))])
            raise
        counts = run.plan.counts()
        self._report(
            [
                event_of(
                    self.name,
                    now,
                    ok=True,
                    target=label,
                    drift=run.drift,
                    drift_age_s=run.drift_age_s,
                    applied=run.applied,
                    failed=run.failed,
                    **{kind: counts.get(kind, 0) for kind in ("extra", "invalid", "unmapped")},
                )
            ]
        )
        return run

    def _run(
        self,
        apply: bool,
        by: str,
        is_stopped: Callable[[], bool],
        remove: bool,
        max_changes: int | None,
        now: float,
    ) -> Run:
        from lakescope.sync import apply as applying

        settings = self._settings
        with open_rucio(settings) as rucio:
            plan, target = SYNCS[self.name].plan(self._configuration, rucio, remove)
            if not remove:
                keep_plan(settings, plan, now)
            drift, applied, failed = plan.drift(), 0, 0
            if apply:
                outcome = applying.apply(
                    plan,
                    target,
                    journal_of(settings),
                    by=by,
                    clock=self._clock,
                    max_changes=max_changes,
                    is_stopped=is_stopped,
                    is_attended=by != BY,
                    concurrency=rucio.concurrency,
                )
                if not remove:
                    keep_rest(settings, plan, outcome, now)
                applied, failed = outcome.applied, len(outcome.failed)
                undone = {entry.change.place for entry in outcome.failed}
                undone |= {one.place for one in outcome.left}
                drift = [one for one in drift if not one.is_action or one.place in undone]
        age_s = Ages(settings.data_dir / "sync" / f"drift-{self.name}.json").update(drift, now)
        return Run(plan, len(drift), age_s, applied, failed)


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
        id=identity, time=rfc3339(at), source="lakescope", sync=name, ok=ok, target=target, **fields
    )


def _label(settings: Settings) -> str | None:
    """The Rucio, as plans call it."""
    rucio = settings.sync.rucio
    return None if rucio is None else label_of(rucio)
