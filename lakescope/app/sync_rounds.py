"""Synchronisations on a schedule: a plan once an interval, dry unless the configuration says otherwise, and what becomes of it as
events and as the last run of pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import msgspec

from lakescope.app.config import Configuration, Settings
from lakescope.app.sync import SYNCS, journal_of, open_rucio
from lakescope.core import state_files
from lakescope.core.events import Event, SyncRun
from lakescope.core.printable import rfc3339
from lakescope.core.rucio import label_of
from lakescope.sync.drift import Ages
from lakescope.sync.plan import Plan, SyncError, summary

Name = Literal["rses", "accounts"]
BY = "lakescope run"
"""Who applied a plan on a schedule, in the journal."""


class Run(msgspec.Struct, kw_only=True):
    """The last run of a synchronisation."""

    at: str
    error: str = ""
    """Why it could not tell."""
    plan: Plan | None = None
    """The last plan; null before the first. Of a run that could not tell that of the run before it."""
    drift_age_s: float = 0.0
    applied: int = 0
    failed: int = 0


def last_run(settings: Settings, name: Name) -> Run | None:
    """The last run of a synchronisation; null before the first."""
    return state_files.read(run_file(settings, name), Run, "a synchronisation", "its last plan is not shown")


def run_file(settings: Settings, name: Name) -> Path:
    """Where a synchronisation's last run is kept."""
    return settings.data_dir / "sync" / f"last-{name}.json"


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
        assert run.plan is not None
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
        """Plans, applies if it shall, keeps and reports what became of it. Raises `SyncError`."""
        settings, now = self._settings, self._clock()
        label = _label(settings)
        try:
            run, drift = self._run(apply, by, is_stopped, remove, max_changes, now)
        except SyncError as error:
            before = last_run(settings, self.name) or Run(at="")
            self._keep(
                Run(at=rfc3339(now), error=str(error), plan=before.plan, drift_age_s=before.drift_age_s)
            )
            self._report([event_of(self.name, now, ok=False, target=label, error=str(error))])
            raise
        self._keep(run)
        assert run.plan is not None
        counts = run.plan.counts()
        self._report(
            [
                event_of(
                    self.name,
                    now,
                    ok=True,
                    target=label,
                    drift=drift,
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
    ) -> tuple[Run, int]:
        """The run, and how many differences are left behind it."""
        from lakescope.sync import apply as applying

        settings = self._settings
        with open_rucio(settings) as rucio:
            plan, target = SYNCS[self.name].plan(self._configuration, rucio, remove)
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
                applied, failed = outcome.applied, len(outcome.failed)
                undone = {entry.change.place for entry in outcome.failed}
                undone |= {one.place for one in outcome.left}
                drift = [one for one in drift if not one.is_action or one.place in undone]
        age_s = Ages(settings.data_dir / "sync" / f"drift-{self.name}.json").update(drift, now)
        run = Run(at=rfc3339(now), plan=plan, drift_age_s=age_s, applied=applied, failed=failed)
        return run, len(drift)

    def _keep(self, run: Run) -> None:
        path = run_file(self._settings, self.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        state_files.write_private(path, msgspec.json.encode(run))


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
