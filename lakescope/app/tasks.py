"""Named work in the background: what an instance does once an interval beside its pipelines."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from lakescope.core.contracts import Health
from lakescope.core.messages import quote

log = logging.getLogger(__name__)

Work = Callable[[threading.Event], str]
"""One round. Gets the event that says stop; returns a sentence for the operator; raises if it failed."""


class Task:
    """Does `work` at its start and then every `interval_s` seconds; a round that fails is tried again at the next.

    `health` is the last round's. Rounds do not overlap, and one that takes longer than the interval delays the next.
    """

    def __init__(self, name: str, interval_s: float, work: Work):
        self.name = name
        self.interval_s = interval_s
        self.health = Health("ok")
        self.last_run: float | None = None
        """When the last round ended (POSIX seconds)."""
        self._work = work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"task {name}", daemon=True)

    def start(self) -> None:
        """Begins; returns at once."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Tells it to stop; whether it has within `timeout` seconds."""
        return stop_all([self], timeout)

    def document(self) -> dict[str, Any]:
        """How it is, as plain data."""
        return {
            "name": self.name,
            "state": self.health.state,
            "detail": self.health.detail,
            "interval_s": self.interval_s,
            "last_run": self.last_run,
        }

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            self._round()
            due = max(due + self.interval_s, time.monotonic())

    def _round(self) -> None:
        try:
            detail = self._work(self._stop)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next round is due
            text = quote(
                str(error) if isinstance(error, RuntimeError) else f"{type(error).__name__}: {error}"
            )
            if (self.health.state, self.health.detail) != ("error", text):
                log.error("task_failed task=%s error=%s", self.name, text)
            self.health.set("error", text)
        else:
            self.health.set("ok", detail)
        self.last_run = time.time()


def stop_all(tasks: Iterable[Task], timeout: float = 2.0) -> bool:
    """Tells all of them to stop; whether they have within `timeout` seconds. One whose store or server hangs is left to the
    end of the process: what it did not finish it does anew after the next start."""
    tasks = list(tasks)
    for task in tasks:
        task._stop.set()
    deadline = time.monotonic() + timeout
    for task in tasks:
        if task._thread.is_alive():
            task._thread.join(max(0.0, deadline - time.monotonic()))
    return not any(task._thread.is_alive() for task in tasks)
