"""A lane: one sink's queue and thread. Slow or dead, it holds back nobody else until its bound is reached.

With an overflow the bound is that on disk. Every job gets a row, which is its place in order, and:

- Once a job has waited for `SPILL_S`, a second thread writes all that waits to disk, what the sink is just being given
  included: so a source that gives little before an acknowledgement (a broker's prefetch) goes on, too.
- A job goes to disk at once while something there is not yet read. So what is in the queue lies before that, and the
  thread takes the queue first, then the disk.
- On disk and synced a job is done for its source; its row is deleted once it is stored or among the dead letters.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import uniform

from lakescope.core.contracts import Chunk, Health, Outcome, Sink, TransientError
from lakescope.core.messages import Message, Reject, quote, whole_text
from lakescope.pipeline.delivery import deliver
from lakescope.pipeline.metrics import Metrics
from lakescope.pipeline.overflow import Overflow, OverflowFullError, Slice, unpack_origin

log = logging.getLogger(__name__)

COALESCE = 5000  # chunks: after an outage many small jobs wait, and stores like large writes
BACKOFF_S = 0.25
BACKOFF_MAX_S = 15.0
SPILL_S = 2.0
"""How long a job waits in memory before it goes to disk, where there is an overflow."""
SPILL_CHECK_S = 0.5
RELEASE_S = 5.0
"""How long a stop waits for a disk that hangs."""
COMPLAINT_S = 60.0
"""From one line about a disk that is full or at its bound to the next."""

Done = Callable[[dict[int, Reject]], None]

Bury = Callable[[str, Sequence[Message], Mapping[int, Sequence[Reject]]], None]
"""(collector, messages, rejects by the message's index): files dead letters. Raises `AbandonedError`."""


class Job:
    """One batch's chunks for one sink; `on_done` gets the rejects by chunk once all else is stored.

    One of no messages is not waited for: it counts neither for the bounds of the queue nor as its length.
    """

    __slots__ = (
        "chunks",
        "collector",
        "is_on_disk",
        "messages",
        "on_done",
        "origin",
        "queued_at",
        "row",
        "seconds",
        "size",
    )

    def __init__(
        self,
        collector: str,
        chunks: list[Chunk],
        messages: int,
        size: int,
        seconds: Counter[str],
        on_done: Done,
        origin: Callable[[], bytes] = bytes,
    ):
        """`origin` packs its messages for the disk (`overflow.pack_origin`)."""
        self.collector = collector
        self.chunks = chunks
        self.messages = messages
        self.size = size
        self.seconds = seconds
        self.on_done = on_done
        self.origin = origin
        self.row = 0
        """Its place in the order of the overflow; 0: none."""
        self.is_on_disk = False
        self.queued_at = 0.0

    @property
    def events(self) -> int:
        """How many of them wait in the queue."""
        return len(self.chunks) if self.messages else 0


class AbandonedError(Exception):
    """The engine is stopping and the bound is over: what is left was not stored and is not acknowledged."""


class SinkLane:
    """Takes jobs (bounded), writes them in order with retries, reports each."""

    def __init__(
        self,
        name: str,
        sink: Sink,
        metrics: Metrics,
        limit: int,
        limit_bytes: int,
        overflow: Overflow | None = None,
        bury: Bury | None = None,
    ):
        """`bury` files the rejects of what comes from the overflow: its source has been told already."""
        self.name = name
        self.sink = sink
        self.metrics = metrics
        self.limit = limit
        self.limit_bytes = limit_bytes
        self.overflow = overflow
        self.health = Health("ok")
        self.queued_messages = 0
        self.queued_bytes = 0
        self.queued_events = 0
        self.last_stored: float | None = None
        self._bury = bury
        self._jobs: deque[Job] = deque()
        self._in_hand: list[Job] = []
        """What the thread is giving to the sink."""
        self._last_row = overflow.last_row if overflow else 0
        """The row of the last job that was put."""
        self._read_row = 0
        """The row of the last job that the thread has taken: what is on disk behind it is not yet read."""
        self._complaint_due = 0.0
        self._is_at_work = False
        self._is_closed = False
        self._abort = threading.Event()
        lock = threading.Lock()
        self._can_put = threading.Condition(lock)
        self._can_take = threading.Condition(lock)
        self._threads = [threading.Thread(target=self._run, name=f"sink {name}", daemon=True)]
        if overflow:
            self._threads.append(
                threading.Thread(target=self._spill_for_ever, name=f"overflow {name}", daemon=True)
            )

    def start(self) -> None:
        """Begins to write."""
        for thread in self._threads:
            thread.start()

    def put(self, job: Job) -> None:
        """Queues a job, in memory or on disk; waits while neither has room."""
        with self._can_put:
            on_disk: list[Done] = []
            while not self._queue(job) and not (on_disk := self._write_behind(job)):
                if not job.messages or self._abort.is_set():
                    self._append(job)
                    break
                self._can_put.wait(1.0)
            self._can_take.notify()
        for done in on_disk:
            done({})

    def _queue(self, job: Job) -> bool:
        is_full = self.queued_messages >= self.limit or self.queued_bytes >= self.limit_bytes
        if (job.messages and is_full) or self._has_unread():
            return False
        self._last_row = job.row = self._last_row + 1
        self._append(job)
        return True

    def _append(self, job: Job) -> None:
        job.queued_at = time.monotonic()
        self._jobs.append(job)
        self._count([job], 1)

    def _count(self, jobs: Sequence[Job], sign: int) -> None:
        self.queued_messages += sign * sum(job.messages for job in jobs)
        self.queued_bytes += sign * sum(job.size for job in jobs)
        self.queued_events += sign * sum(job.events for job in jobs)

    @property
    def rest(self) -> int | None:
        """Null while jobs are in hand; else a number that is another one after the next."""
        return None if self._is_at_work else self._read_row

    def close(self) -> None:
        """No more jobs: the thread ends once the queue is empty. What is on disk stays there for the next start."""
        with self._can_take:
            self._is_closed = True
            self._can_take.notify()

    def join(self, timeout: float) -> bool:
        """Waits for the end; whether the thread has ended."""
        self._threads[0].join(max(0.0, timeout))
        return not self._threads[0].is_alive()

    def abort(self) -> None:
        """Gives up what is not stored: it is not acknowledged either."""
        self._abort.set()

    def release(self) -> None:
        """Closes the sink and the overflow, after `abort` and the thread's end."""
        for thread in self._threads:
            thread.join(RELEASE_S)
        self.sink.close()
        if self.overflow is not None:
            self.overflow.close()

    # --- the thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (jobs := self._take()) is not None:
            try:
                if jobs:
                    self._deliver(jobs)
                self._is_at_work = False
            except AbandonedError:
                return
            except Exception as error:
                log.exception("lane_died sink=%s", self.name)
                self.health.set("error", quote(f"stopped, a bug: {type(error).__name__}: {error}"))
                return

    def _take(self) -> list[Job] | None:
        """The next jobs, which may be none; null for the end."""
        with self._can_take:
            while not self._jobs and not self._is_closed and not self._has_unread():
                self._can_take.wait()
            self._is_at_work = True
            if self._jobs:
                jobs: list[Job] = []
                chunks = 0
                while self._jobs and (not jobs or chunks + len(self._jobs[0].chunks) <= COALESCE):
                    job = self._jobs.popleft()
                    jobs.append(job)
                    chunks += len(job.chunks)
                self._in_hand = jobs
                self._read_row = max(self._read_row, *(job.row for job in jobs))
                return jobs
            return None if self._is_closed else self._read()

    def _deliver(self, jobs: list[Job]) -> None:
        chunks = jobs[0].chunks if len(jobs) == 1 else [chunk for job in jobs for chunk in job.chunks]
        rejects = deliver(chunks, self._write, self._wait)
        self.health.set("ok")
        if faults := [reject for reject in rejects.values() if reject.reason == "sink_error"]:
            log.error("sink_error sink=%s events=%d error=%s", self.name, len(faults), faults[0].found)
        self.last_stored = time.time()
        with self._can_put:
            self._in_hand = []  # from here on none of them goes to disk
        start = 0
        for job in jobs:
            end = start + len(job.chunks)
            mine = {i - start: reject for i, reject in rejects.items() if start <= i < end}
            # counted before `on_done`: once that has acknowledged a message, its events are accounted for
            self.metrics.stored.labels(job.collector, self.name).inc(len(job.chunks) - len(mine))
            self.metrics.lag.observe(self.name, job.seconds)
            job.on_done(mine)
            start = end
        if self.overflow is not None and (rows := [job.row for job in jobs if job.is_on_disk]):
            self.overflow.delete(rows)
        with self._can_put:
            self._count(jobs, -1)
            self._can_put.notify_all()

    def _write(self, chunks: Sequence[Chunk]) -> Outcome:
        begin = time.perf_counter()
        outcome = self.sink.write(chunks)
        self.metrics.writes.labels(self.name).inc()
        self.metrics.write_seconds.labels(self.name).inc(time.perf_counter() - begin)
        return outcome

    def _wait(self, attempts: int, fault: TransientError) -> None:
        if self.health.state != "retrying":
            log.warning("sink_retry sink=%s error=%s", self.name, whole_text(fault))
        self.health.set("retrying", whole_text(fault))
        self.metrics.retries.labels(self.name).inc()
        if self._abort.wait(uniform(0, min(BACKOFF_MAX_S, BACKOFF_S * 2 ** min(attempts, 10)))):
            raise AbandonedError

    # --- the overflow, all but the second thread with the lock held ----------------------------------------

    def _has_unread(self) -> bool:
        return self.overflow is not None and self.overflow.last_row > self._read_row

    def _read(self) -> list[Job]:
        assert self.overflow is not None
        last_row = self.overflow.last_row
        try:
            slices = self.overflow.read(self._read_row, COALESCE)
        except (sqlite3.Error, OSError) as error:
            self._complain(error)
            self._can_take.wait(1.0)
            return []
        self._read_row = slices[-1][0] if slices else last_row  # what is not there any more was set aside
        jobs = []
        for row, one in slices:
            job = Job(
                one.collector, one.chunks, 0, 0, one.seconds, partial(self._settle, one.collector, one.origin)
            )
            job.row, job.is_on_disk = row, True
            jobs.append(job)
        return jobs

    def _settle(self, collector: str, origin: bytes, rejects: Mapping[int, Reject]) -> None:
        """What is left to do for a job whose source has been told: its dead letters."""
        if rejects and self._bury is not None:
            messages, message_of = unpack_origin(origin)
            by_message: dict[int, list[Reject]] = {}
            for chunk, reject in rejects.items():
                by_message.setdefault(message_of[chunk], []).append(reject)
            self._bury(collector, messages, by_message)

    def _write_behind(self, job: Job) -> list[Done]:
        """Writes a job behind others that are on disk; whom to tell, empty if it is not there."""
        if not self._has_unread():
            return []
        job.row = self._last_row + 1
        on_disk = self._spill([job])
        if on_disk:
            self._last_row = job.row
        else:
            job.row = 0
        return on_disk

    def _spill(self, jobs: Sequence[Job]) -> list[Done]:
        """Writes jobs to disk under their rows; whom to tell, empty if none of them is there."""
        if self.overflow is None or not self.overflow.limit_bytes:
            return []
        try:
            slices = [(job.row, Slice(job.collector, job.chunks, job.seconds, job.origin())) for job in jobs]
            self.overflow.put(slices)
        except (OverflowFullError, sqlite3.Error, OSError) as error:
            self._complain(error)
            return []
        on_disk = [job.on_done for job in jobs]
        for job, (_, one) in zip(jobs, slices, strict=True):
            job.is_on_disk = True
            job.on_done = partial(self._settle, one.collector, one.origin)
            self.metrics.overflowed.labels(job.collector, self.name).inc(len(job.chunks))
        return on_disk

    def _complain(self, error: Exception) -> None:
        if time.monotonic() >= self._complaint_due:
            self._complaint_due = time.monotonic() + COMPLAINT_S
            log.error("overflow_refused sink=%s error=%s; its sources wait", self.name, error)

    def _spill_for_ever(self) -> None:
        assert self.overflow is not None
        while not self._abort.wait(SPILL_CHECK_S):
            self._spill_old()
            self.overflow.check()

    def _spill_old(self) -> None:
        with self._can_put:
            jobs = [job for job in (*self._in_hand, *self._jobs) if job.row and not job.is_on_disk]
            if not jobs or time.monotonic() < jobs[0].queued_at + SPILL_S:
                return
            on_disk = self._spill(jobs)
            if on_disk:
                self._jobs = deque(job for job in self._jobs if not job.is_on_disk)
                self._count(jobs, -1)
                for job in jobs:
                    job.messages = job.size = 0
                self._can_put.notify_all()
                self._can_take.notify()
        for done in on_disk:
            done({})
