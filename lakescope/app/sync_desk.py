"""What people have an instance do about the synchronisations.

An applied plan is the one that was shown: it is made anew, and where its changes are others by now nothing is applied.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Literal, cast

import msgspec

from lakescope.app.sync import SYNCS, LatestPlan, digest_of, journal_of, latest_plan
from lakescope.app.sync_runs import Name, Report, Way, run
from lakescope.sync.plan import Plan, SyncError

if TYPE_CHECKING:
    from lakescope.app.config import Configuration, Settings
    from lakescope.sync.journal import Entry

log = logging.getLogger(__name__)

What = Literal["plan", "apply"]


class Work(msgspec.Struct):
    """What an instance does, or did last, about one synchronisation."""

    what: What
    by: str
    begin: float
    done: int = 0
    total: int = 0
    """Changes that are applied, and that are to be; 0 while the plan is made."""
    end: float | None = None
    """Null while it runs."""
    result: str = ""
    """A sentence, once it has ended."""
    ok: bool = True


class BusyError(Exception):
    """Somebody else has it done already."""


def is_configured(settings: Settings, name: str) -> bool:
    """Whether a synchronisation has a source and a Rucio."""
    source = settings.sync.accounts if name == "accounts" else settings.topology.rses
    return settings.sync.rucio is not None and source is not None


class SyncDesk:
    """For several threads; each synchronisation does one thing at a time, in a thread of its own. `report` stores events: one of
    each plan that is applied."""

    def __init__(self, configuration: Configuration, report: Report) -> None:
        self._configuration = configuration
        self.report = report
        self._journal = journal_of(configuration.settings)
        self._works: dict[str, Work] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        """Those that are configured."""
        return [name for name in sorted(SYNCS) if is_configured(self._configuration.settings, name)]

    def latest(self, name: str) -> LatestPlan | None:
        """As `latest_plan`."""
        return latest_plan(self._configuration.settings, name)

    def entries(self, name: str) -> list[Entry]:
        """What it has changed, the oldest first. Raises `SyncError` for a damaged journal."""
        return [one for one in self._journal.entries() if one.sync == name]

    def work(self, name: str) -> Work | None:
        """The last one, which may have ended; null if there was none since the start."""
        return self._works.get(name)

    def plan(self, name: str, by: str) -> Work:
        """Begins to make a plan. Raises `BusyError`."""
        return self._begin(name, Work("plan", by, time.time()))

    def apply(self, name: str, by: str, digest: str, max_changes: int | None) -> Work:
        """Begins to apply the plan of this `digest`; `max_changes` as of the guard. Raises `BusyError`."""
        return self._begin(name, Work("apply", by, time.time()), digest, max_changes)

    def _begin(self, name: str, work: Work, digest: str = "", max_changes: int | None = None) -> Work:
        with self._lock:
            last = self._works.get(name)
            if last is not None and last.end is None:
                raise BusyError(
                    f"{last.by or 'somebody'} has it done since a moment ago: wait until it has ended"
                )
            self._works[name] = work
        thread = threading.Thread(
            target=self._run, args=(name, work, digest, max_changes), name=f"sync {name}", daemon=True
        )
        thread.start()
        return work

    def _run(self, name: str, work: Work, digest: str, max_changes: int | None) -> None:
        try:
            work.result = self._do(name, work, digest, max_changes)
        except (SyncError, RuntimeError, OSError) as error:
            work.ok, work.result = False, str(error)
        except Exception as error:  # a fault of ours ends this work alone, and is shown
            log.exception("sync_failed sync=%s", name)
            work.ok, work.result = False, f"{type(error).__name__}: {error}"
        work.end = time.time()

    def _do(self, name: str, work: Work, digest: str, max_changes: int | None) -> str:
        def check(plan: Plan) -> None:
            if is_applied and digest_of(plan) != digest:
                raise RuntimeError(
                    "the plan has changed since it was shown, so nothing was applied; look at it again"
                )

        def progress(done: int, total: int) -> None:
            work.done, work.total = done, total

        is_applied = work.what == "apply"
        done = run(
            cast("Name", name),
            self._configuration,
            Way(work.by, apply=is_applied, max_changes=max_changes),
            self.report if is_applied else None,
            check=check,
            progress=progress,
        )
        if done.outcome is None:
            return "planned"
        work.ok = not done.outcome.failed
        faults = "".join(f"; entry {entry.id}: {entry.detail}" for entry in done.outcome.failed[:5])
        return f"{done.applied} of {len(done.plan.actions())} changes applied{faults}"
