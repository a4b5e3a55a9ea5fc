"""What an instance does about reports, once a round: computes what is due, keeps it, sends it, tries again what failed.

A report is computed when its period has ended and twice later (`reports.schedule.COMPUTED_AFTER`); it is sent once a period, as
the archive has it then. What was missed is made up for, the last period only. `schedule.json` in the folder of the archive
remembers what is done; each recipient's receipt is in `sent.json`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct, field

from lakescope.alerts.receivers._common import Letter, LetterReceiver
from lakescope.app.lock import lock
from lakescope.app.reports import ReportText, keep
from lakescope.app.rounds import TAKEN_OVER_S
from lakescope.core.contracts import RefusedError, TransientError
from lakescope.core.printable import rfc3339
from lakescope.core.state_files import read, write
from lakescope.reports.model import Report
from lakescope.reports.options import ReportOptions
from lakescope.reports.period import Day, Week
from lakescope.reports.place import Place
from lakescope.reports.schedule import is_final, must_compute
from lakescope.reports.sending import Dispatch, letter_of

log = logging.getLogger(__name__)

TICK_S = 30.0
RETRY = timedelta(minutes=5)
"""From a failure to the next try."""


class _State(Struct, kw_only=True):
    """What is done. Times are RFC 3339."""

    computed: dict[str, str] = field(default_factory=dict)
    """Report (`Place` as a path) -> when it was computed last; until it is final."""
    settled: dict[str, str] = field(default_factory=dict)
    """[reports.NAME] -> the end of the last period that nobody has to get any more."""


class _Fault(NamedTuple):
    text: str
    retry: datetime


def _draw(report: Report) -> Letter:
    """In a process of its own: the library of the charts holds the interpreter, and so the stream, for a second."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(letter_of, report).result()


class ReportRounds:
    """A `tasks.Task`'s work: the reports that have a schedule. Raises `RuntimeError` for a file of its own that is damaged."""

    def __init__(
        self,
        reports: Mapping[str, ReportOptions],
        folder: Path,
        compute: Callable[[ReportText], Report],
        open_receivers: Callable[[Collection[str]], Mapping[str, LetterReceiver]],
        is_holder: Callable[[], bool | None] = lambda: True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        draw: Callable[[Report], Letter] = _draw,
    ) -> None:
        """`folder`: of the archive; `is_holder`: whether this one of several instances is to send, null: not known yet."""
        self._schedules = {name: one.schedule for name, one in reports.items() if one.schedule is not None}
        self._reports = {name: reports[name] for name in self._schedules}
        self._folder = folder
        self._compute, self._open_receivers = compute, open_receivers
        self._is_holder, self._clock, self._draw = is_holder, clock, draw
        self._file = folder / "schedule.json"
        self._state = (
            read(self._file, _State, "the schedule of reports", "a report that is due now is not sent")
            or _State()
        )
        settled = self._state.settled
        self._state.settled = {name: settled[name] for name in settled.keys() & self._schedules.keys()}
        self._faults: dict[str, _Fault] = {}

    def __call__(self, stop: threading.Event) -> str:
        """One round. Raises `RuntimeError` naming what could not be computed or sent, as long as it is to be tried again."""
        now, is_holder = self._clock(), self._is_holder()
        if is_holder is None:
            return "waits to know whether another instance sends the reports"
        for name, schedule in self._schedules.items():
            period = schedule.last_due(now)
            is_over = now - schedule.due(period) > timedelta(seconds=TAKEN_OVER_S)
            if name not in self._state.settled or (not is_holder and is_over):
                self._settle(name, period)  # of the past of a new schedule, or another instance's
        if not is_holder:
            self._save()
            return "another instance sends the reports"
        jobs = dict([*self._computations(now), *self._dispatches(now)])
        for job in self._faults.keys() - jobs.keys():  # the next period's is due
            log.error("report_given_up report=%s error=%s", job, self._faults.pop(job).text)
        for job, work in jobs.items():
            if not stop.is_set():
                self._try(job, work, now)
        self._save()
        if self._faults:
            raise RuntimeError("; ".join(f"{job}: {fault.text}" for job, fault in self._faults.items()))
        times = {name: schedule.next_due(now) for name, schedule in self._schedules.items()}
        return "next: " + ", ".join(f"{name} {time:%a %Y-%m-%d %H:%M} UTC" for name, time in times.items())

    def _computations(self, now: datetime) -> Iterator[tuple[str, Callable[[], None]]]:
        """Of each report that is scheduled, the last period and those that are not final."""
        kinds: dict[ReportText, type[Week] | type[Day]] = {
            ReportText(one.kind, None, one.vo, one.site): self._schedules[name].period
            for name, one in self._reports.items()
        }
        for text, kind in kinds.items():
            last = kind.closed_before(now)
            place = Place.of(text.kind, text.vo, last.name, text.site)
            names = {
                path.rpartition("/")[2]
                for path in self._state.computed
                if path.startswith(f"{place.kind}/{place.vo}/")
            }
            for name in sorted({*names, last.name}):
                path = "/".join(place._replace(period=name))
                computed = self._state.computed.get(path)
                if must_compute(
                    kind.parse(name), datetime.fromisoformat(computed) if computed else None, now
                ):
                    yield path, partial(self._keep, text._replace(period=name), path, kind.parse(name))

    def _keep(self, text: ReportText, path: str, period: Week | Day) -> None:
        now = self._clock()
        keep(text, self._folder, self._compute, now, recompute=True)
        if is_final(period, now):
            self._state.computed.pop(path, None)
        else:
            self._state.computed[path] = rfc3339(now.timestamp())

    def _dispatches(self, now: datetime) -> Iterator[tuple[str, Callable[[], None]]]:
        for name, schedule in self._schedules.items():
            period = schedule.last_due(now)
            if self._state.settled[name] < rfc3339(period.until.timestamp()):
                yield f"{name} {period.name}", partial(self._send, name, period)

    def _send(self, name: str, period: Week | Day) -> None:
        """Raises `RuntimeError` naming who did not get it; all others have it."""
        one = self._reports[name]
        text = ReportText(one.kind, period.name, one.vo, one.site)
        report = keep(text, self._folder, self._compute, self._clock()).report
        with ExitStack() as stack:
            receivers = self._open_receivers(one.receivers)
            for receiver in receivers.values():
                stack.enter_context(closing(receiver))
            stack.enter_context(lock(self._folder))
            dispatch = Dispatch(report, self._folder / "sent.json", "period", self._draw)
            outcomes = list(dispatch.send(receivers, self._clock))
        faults = [f"{outcome.receiver}: {fault}" for outcome in outcomes for fault in outcome.faults]
        if faults:
            raise RuntimeError("not sent: " + "; ".join(faults))
        self._settle(name, period)

    def _try(self, job: str, work: Callable[[], None], now: datetime) -> None:
        """Does it, unless it failed just now; remembers why it failed."""
        fault = self._faults.pop(job, None)
        if fault is not None and now < fault.retry:
            self._faults[job] = fault
            return
        try:
            work()
        except (RuntimeError, ValueError, OSError, TransientError, RefusedError) as error:
            self._faults[job] = _Fault(str(error), now + RETRY)
        except Exception as error:  # noqa: BLE001 - a report or a receiver of whatever package: the others go on
            self._faults[job] = _Fault(f"{type(error).__name__}: {error}", now + RETRY)

    def _settle(self, name: str, period: Week | Day) -> None:
        until = rfc3339(period.until.timestamp())
        self._state.settled[name] = max(until, self._state.settled.get(name, ""))

    def _save(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        write(
            self._file, msgspec.json.format(msgspec.json.encode(self._state, order="deterministic"), indent=1)
        )
