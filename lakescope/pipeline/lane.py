"""A lane: one sink's queue and thread. Slow or dead, it holds back nobody else until its bound is reached."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from random import uniform

from lakescope.core.contracts import Chunk, Health, Outcome, Sink, TransientError
from lakescope.core.messages import Reject, quote, whole_text
from lakescope.pipeline.delivery import deliver
from lakescope.pipeline.metrics import Metrics

log = logging.getLogger(__name__)

COALESCE = 5000  # chunks: after an outage many small jobs wait, and stores like large writes
BACKOFF_S = 0.25
BACKOFF_MAX_S = 15.0


class Job:
    """One batch's chunks for one sink; `on_done` gets the rejects by chunk once all else is stored.

    One of no messages is not waited for: it counts neither for the bounds of the queue nor as its length.
    """

    __slots__ = ("chunks", "collector", "messages", "on_done", "seconds", "size")

    def __init__(
        self,
        collector: str,
        chunks: list[Chunk],
        messages: int,
        size: int,
        seconds: Counter[str],
        on_done: Callable[[dict[int, Reject]], None],
    ):
        self.collector = collector
        self.chunks = chunks
        self.messages = messages
        self.size = size
        self.seconds = seconds
        self.on_done = on_done

    @property
    def events(self) -> int:
        """How many of them wait in the queue."""
        return len(self.chunks) if self.messages else 0


class AbandonedError(Exception):
    """The engine is stopping and the bound is over: what is left was not stored and is not acknowledged."""


class SinkLane:
    """Takes jobs (bounded), writes them in order with retries, reports each."""

    def __init__(self, name: str, sink: Sink, metrics: Metrics, limit: int, limit_bytes: int):
        self.name = name
        self.sink = sink
        self.metrics = metrics
        self.limit = limit
        self.limit_bytes = limit_bytes
        self.health = Health("ok")
        self.queued_messages = 0
        self.queued_bytes = 0
        self.queued_events = 0
        self.last_stored: float | None = None
        self._jobs: deque[Job] = deque()
        self._is_closed = False
        self._abort = threading.Event()
        lock = threading.Lock()
        self._can_put = threading.Condition(lock)
        self._can_take = threading.Condition(lock)
        self._thread = threading.Thread(target=self._run, name=f"sink {name}", daemon=True)

    def start(self) -> None:
        """Begins to write."""
        self._thread.start()

    def put(self, job: Job) -> None:
        """Queues a job; waits while `limit` messages or `limit_bytes` are queued."""
        with self._can_put:
            while job.messages and self._full() and not self._abort.is_set():
                self._can_put.wait(1.0)
            self._jobs.append(job)
            self.queued_messages += job.messages
            self.queued_bytes += job.size
            self.queued_events += job.events
            self._can_take.notify()

    def _full(self) -> bool:
        return self.queued_messages >= self.limit or self.queued_bytes >= self.limit_bytes

    def close(self) -> None:
        """No more jobs: the thread ends once the queue is empty."""
        with self._can_take:
            self._is_closed = True
            self._can_take.notify()

    def join(self, timeout: float) -> bool:
        """Waits for the end; whether the thread has ended."""
        self._thread.join(max(0.0, timeout))
        return not self._thread.is_alive()

    def abort(self) -> None:
        """Gives up what is not stored: it is not acknowledged either."""
        self._abort.set()

    # --- the thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        while jobs := self._take():
            try:
                self._deliver(jobs)
            except AbandonedError:
                return
            except Exception as error:
                log.exception("lane_died sink=%s", self.name)
                self.health.set("error", quote(f"stopped, a bug: {type(error).__name__}: {error}"))
                return

    def _take(self) -> list[Job]:
        with self._can_take:
            while not self._jobs and not self._is_closed:
                self._can_take.wait()
            jobs: list[Job] = []
            chunks = 0
            while self._jobs and (not jobs or chunks + len(self._jobs[0].chunks) <= COALESCE):
                job = self._jobs.popleft()
                jobs.append(job)
                chunks += len(job.chunks)
            return jobs

    def _deliver(self, jobs: list[Job]) -> None:
        chunks = jobs[0].chunks if len(jobs) == 1 else [chunk for job in jobs for chunk in job.chunks]
        rejects = deliver(chunks, self._write, self._wait)
        self.health.set("ok")
        if faults := [reject for reject in rejects.values() if reject.reason == "sink_error"]:
            log.error("sink_error sink=%s events=%d error=%s", self.name, len(faults), faults[0].found)
        self.last_stored = time.time()
        start = 0
        for job in jobs:
            end = start + len(job.chunks)
            mine = {i - start: reject for i, reject in rejects.items() if start <= i < end}
            # counted before `on_done`: once that has acknowledged a message, its events are accounted for
            self.metrics.stored.labels(job.collector, self.name).inc(len(job.chunks) - len(mine))
            self.metrics.lag.observe(self.name, job.seconds)
            job.on_done(mine)
            start = end
        with self._can_put:
            self.queued_messages -= sum(job.messages for job in jobs)
            self.queued_bytes -= sum(job.size for job in jobs)
            self.queued_events -= sum(job.events for job in jobs)
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
