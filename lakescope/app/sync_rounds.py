"""Synchronisations on a schedule: a run once an interval, dry unless the configuration says otherwise."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from lakescope.app.config import Configuration
from lakescope.app.sync_runs import Name, Report, Way, run
from lakescope.sync.plan import SyncError, summary

BY = "lakescope run"
"""Who applied a plan on a schedule, in the journal."""


class SyncRounds:
    """A task's work: one synchronisation, once an interval. `report` stores its events."""

    def __init__(
        self,
        name: Name,
        configuration: Configuration,
        report: Report,
        clock: Callable[[], float] = time.time,
    ):
        self.name = name
        self._configuration, self._report, self._clock = configuration, report, clock
        options = getattr(configuration.settings.sync, name)
        self._way = Way(BY, apply=options.apply, is_attended=False)

    def __call__(self, stop: threading.Event) -> str:
        """One run. Raises `RuntimeError` where it could not tell."""
        try:
            done = run(
                self.name,
                self._configuration,
                self._way,
                self._report,
                clock=self._clock,
                is_stopped=stop.is_set,
            )
        except SyncError as error:
            raise RuntimeError(str(error)) from error
        text = summary(done.plan)
        return f"{text}; {done.applied} changes applied, {done.failed} refused" if done.outcome else text
