"""Runs collectors, transforms and sinks together; the promises of docs/architecture.md are kept here.

Threads: one a collector, one a pipeline (inbox -> transform -> lanes), one a sink, one that samples rates.
A message is acknowledged after every sink has stored its events, or the dead letters have them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from types import MappingProxyType

import tenacity

from lakescope.core.contracts import Collector, Sink
from lakescope.core.inbox import Inbox
from lakescope.core.messages import Message, Reject, quote
from lakescope.pipeline.dead_letters import DeadLetters
from lakescope.pipeline.lane import AbandonedError, Job, SinkLane
from lakescope.pipeline.metrics import Metrics
from lakescope.pipeline.normalise import Normaliser
from lakescope.pipeline.overflow import Overflow, pack_origin
from lakescope.pipeline.transform import SinkInput, Transform, TransformResult
from lakescope.pipeline.workers import Workers

log = logging.getLogger(__name__)

Tap = Callable[[list[bytes]], None]

OWN_S = 1.0
"""How long a stop waits for a sink that has nothing left to store but Lakescope's reports on itself."""
ABORT_S = 5.0
"""How long a stop waits for sinks that hang in a write, after its bound."""
CLOSE_S = 15.0
"""How long a stop waits for all collectors, then for all sinks, to close: a broker's library may wait for it for ever."""


class Pipeline:
    """One collector, its transform, and its way into the lanes."""

    def __init__(
        self,
        name: str,
        collector: Collector,
        normalise: Normaliser,
        lanes: Mapping[str, SinkInput],
        inbox: Inbox,
    ):
        self.name = name
        self.collector = collector
        self.transform = Transform(normalise, lanes)
        self.inbox = inbox
        self.in_flight = 0
        self.unknown: Counter[str] = Counter()
        self.lock = threading.Lock()


class Batch:
    """Messages on their way through the lanes; the last lane to finish acknowledges them."""

    def __init__(self, pipeline: Pipeline, messages: list[Message], on_done: Callable[[Batch], None]):
        self.pipeline = pipeline
        self.messages = messages
        self.on_done = on_done
        self._open = 1
        self._lock = threading.Lock()

    def open_chunk(self) -> None:
        """One lane more has to finish."""
        with self._lock:
            self._open += 1

    def close_chunk(self) -> None:
        """One lane has finished."""
        with self._lock:
            self._open -= 1
            is_finished = not self._open
        if is_finished:
            self.on_done(self)


class Engine:
    """Start it, wait for it, stop it; `Status` (lakescope.pipeline.status) tells how it is."""

    def __init__(
        self,
        pipelines: Sequence[Pipeline],
        sinks: Mapping[str, Sink],
        dead_letters: DeadLetters,
        *,
        queue_limit: int = 10_000,
        queue_bytes: int = 64 * 2**20,
        workers: int = 1,
        failures_kept: int = 50,
        overflows: Mapping[str, Overflow] = MappingProxyType({}),
    ):
        """`overflows`: of the sinks that have one."""
        self.pipelines = list(pipelines)
        self.internal: list[Pipeline] = []
        """Lakescope's reports on itself (lakescope.pipeline.health): run like pipelines, counted among none."""
        self.dead_letters = dead_letters
        self.metrics = Metrics()
        for pipeline in self.pipelines:
            if (losses := getattr(pipeline.collector, "losses", None)) is not None:
                self.metrics.losses.of[pipeline.name] = losses
        self.lanes = {
            name: SinkLane(
                name,
                sink,
                self.metrics,
                queue_limit,
                queue_bytes,
                overflows.get(name),
                partial(self._bury, sink=name),
            )
            for name, sink in sinks.items()
        }
        for name, overflow in overflows.items():
            self.metrics.overflows.of[name] = overflow
            for collector, events in overflow.events.items():
                self.metrics.restored.labels(collector, name).inc(events)
        self.workers = workers
        self._pool: Workers | None = None
        self.conflicts: set[str] = set()
        """RSEs on which sources and the topology disagree: each is told once."""
        self.failures: deque[bytes] = deque(maxlen=failures_kept)
        self.taps: list[Tap] = []
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._internal_threads: list[threading.Thread] = []

    # --- life ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts every thread; returns at once."""
        if self.workers > 1:
            self._pool = Workers(self.workers)
        for lane in self.lanes.values():
            lane.start()
        for pipeline in self.pipelines:
            self._threads += self._start_threads(pipeline)
        for pipeline in self.internal:
            self._internal_threads += self._start_threads(pipeline)

    def _start_threads(self, pipeline: Pipeline) -> list[threading.Thread]:
        threads = [
            threading.Thread(
                target=target, args=(pipeline,), name=f"{target.__name__} {pipeline.name}", daemon=True
            )
            for target in (self._collect, self._convey)
        ]
        for thread in threads:
            thread.start()
        return threads

    def wait(self, timeout: float | None = None) -> bool:
        """True once every collector's source has ended and all it gave has been passed to the lanes."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def is_idle(self) -> bool:
        """Whether all that was received is stored or among the dead letters; what overflowed included."""
        return not any(pipeline.in_flight for pipeline in self.pipelines) and not any(
            lane.overflow is not None and lane.overflow.bytes for lane in self.lanes.values()
        )

    def stop(self, timeout: float = 20.0) -> bool:
        """Stops collecting, drains, closes. False if some messages had to be left to their sources.

        Takes `timeout` seconds at most, and a few for threads to see it.
        """
        deadline = time.monotonic() + timeout
        self._stop.set()
        for pipeline in (*self.pipelines, *self.internal):
            pipeline.inbox.close()  # wakes a collector that waits for room
        is_drained = self.wait(timeout)
        for thread in self._internal_threads:
            thread.join(max(0.1, deadline - time.monotonic()))
        for lane in self.lanes.values():
            lane.close()
        for lane in self.lanes.values():
            remaining_s = deadline - time.monotonic()
            lane.join(max(0.1, remaining_s if lane.queued_messages else min(remaining_s, OWN_S)))
            is_drained &= not lane.queued_messages
        for lane in self.lanes.values():
            lane.abort()
        grace = time.monotonic() + ABORT_S
        ended_lanes = [lane for lane in self.lanes.values() if lane.join(grace - time.monotonic())]
        is_drained &= not any(pipeline.in_flight or len(pipeline.inbox) for pipeline in self.pipelines)
        if not is_drained:
            log.warning("stop_undrained in_flight=%d", sum(pipeline.in_flight for pipeline in self.pipelines))
        _close({f"collector={one.name}": one.collector.close for one in self.pipelines})
        # one that hangs in a write would make its `release` hang as well
        _close({f"sink={lane.name}": lane.release for lane in ended_lanes})
        if self._pool is not None:
            self._pool.close()
        return is_drained

    # --- the threads of a pipeline ------------------------------------------------------------------------

    def _collect(self, pipeline: Pipeline) -> None:
        health = pipeline.collector.health

        def note(state: tenacity.RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            log.error("collector_error collector=%s error=%s", pipeline.name, quote(repr(error)))
            health.set("error", quote(f"{type(error).__name__}: {error}"))
            self.metrics.restarts.labels(pipeline.name).inc()

        try:
            tenacity.Retrying(
                wait=tenacity.wait_random_exponential(multiplier=0.5, max=30.0),
                stop=tenacity.stop_when_event_set(self._stop),
                sleep=tenacity.sleep_using_event(self._stop),
                before_sleep=note,
            )(pipeline.collector.run, pipeline.inbox, self._stop)
        except tenacity.RetryError:
            pass  # it failed until we were told to stop
        else:
            health.set("finished", health.detail)
        pipeline.inbox.close()

    def _convey(self, pipeline: Pipeline) -> None:
        with suppress(AbandonedError):
            for messages, result in self._transform_batches(pipeline):
                self._dispatch(pipeline, messages, result)

    def _transform_batches(self, pipeline: Pipeline) -> Iterator[tuple[list[Message], TransformResult]]:
        pool = self._pool
        if pool is None:
            while messages := pipeline.inbox.take():
                self._took(pipeline, messages)
                yield from self._parts(pipeline, messages)
            return
        pending: deque[tuple[list[Message], Future[TransformResult]]] = deque()
        while messages := pipeline.inbox.take():
            self._took(pipeline, messages)
            pending.append((messages, self._submit(pool, pipeline, messages)))
            while pending and (
                len(pending) >= 2 * self.workers or pending[0][1].done() or not pipeline.inbox
            ):
                yield from self._results(pipeline, *pending.popleft())
        while pending:
            yield from self._results(pipeline, *pending.popleft())

    def _submit(self, pool: Workers, pipeline: Pipeline, messages: list[Message]) -> Future[TransformResult]:
        bare = [Message(m.body, m.format, dict(m.headers), m.received) for m in messages]
        try:
            return pool.submit(pipeline.name, pipeline.transform, bare, bool(self.taps))
        except RuntimeError as error:  # the stop's time is over: they are not acknowledged, and come again
            raise AbandonedError from error

    def _parts(
        self, pipeline: Pipeline, messages: list[Message]
    ) -> Iterator[tuple[list[Message], TransformResult]]:
        while messages:
            part = pipeline.transform(messages, bool(self.taps))
            yield messages[: part.messages], part
            messages = messages[part.messages :]

    def _results(
        self, pipeline: Pipeline, messages: list[Message], future: Future[TransformResult]
    ) -> Iterator[tuple[list[Message], TransformResult]]:
        try:
            first = future.result()
        except Exception as error:  # noqa: BLE001 - a worker was killed, or cannot be sent this: it is done here
            log.error("worker_failed pipeline=%s error=%s", pipeline.name, quote(repr(error)))
            yield from self._parts(pipeline, messages)
            return
        yield messages[: first.messages], first
        yield from self._parts(pipeline, messages[first.messages :])

    def _took(self, pipeline: Pipeline, messages: list[Message]) -> None:
        with pipeline.lock:
            pipeline.in_flight += len(messages)
        self.metrics.messages.labels(pipeline.name).inc(len(messages))

    def _dispatch(self, pipeline: Pipeline, messages: list[Message], t: TransformResult) -> None:
        self._count(pipeline, t)
        if t.rejects:
            rejects_by_message: dict[int, list[Reject]] = {}
            for message, reject in zip(t.rejected_messages, t.rejects, strict=True):
                rejects_by_message.setdefault(message, []).append(reject)
            self._bury(pipeline.name, messages, rejects_by_message, sink=None)
        batch = Batch(pipeline, messages, self._acknowledge)
        for name, parcel in t.parcels.items():
            if parcel.filtered:
                self.metrics.filtered.labels(pipeline.name, name, "dataset").inc(parcel.filtered)
            if not parcel.chunks:
                continue
            batch.open_chunk()

            def on_stored(rejects: dict[int, Reject], name: str = name) -> None:
                if rejects:
                    by_message: dict[int, list[Reject]] = {}
                    for chunk, reject in rejects.items():
                        by_message.setdefault(t.message_of_chunk(name, chunk), []).append(reject)
                    self._bury(pipeline.name, messages, by_message, sink=name)
                batch.close_chunk()

            origin = partial(_pack_origin, messages, t, name)
            if (
                pipeline in self.internal
            ):  # heard even where all else waits; no part of a queue's length or lag
                job = Job(pipeline.name, parcel.chunks, 0, 0, Counter(), on_stored, origin)
            else:
                size = parcel.size + sum([len(message.body) for message in messages])
                job = Job(
                    pipeline.name, parcel.chunks, len(messages), size, parcel.seconds, on_stored, origin
                )
            self.lanes[name].put(job)
        batch.close_chunk()

    def _count(self, pipeline: Pipeline, t: TransformResult) -> None:
        name, metrics = pipeline.name, self.metrics
        metrics.received.labels(name).inc(t.events + len(t.rejects) + t.filtered.total())
        for dataset, count in t.datasets.items():
            metrics.datasets.labels(name, dataset).inc(count)
        for rule, count in t.filtered.items():
            metrics.filtered.labels(name, "", rule).inc(count)
        for rse, text in t.conflicts.items():  # known to the topology: no name comes from the outside
            if rse not in self.conflicts:
                self.conflicts.add(rse)
                metrics.conflicts.labels(rse).inc()
                log.warning("topology_conflict rse=%s %s", rse, text)
        for field, count in t.impossible.items():
            metrics.impossible.labels(name, field).inc(count)
        for field, count in t.odd.items():  # fields that a format knows: no name comes from the outside
            metrics.odd.labels(name, field).inc(count)
        if t.unknown:
            metrics.unknown.labels(name).inc(t.unknown.total())
            pipeline.unknown.update(t.unknown)
            if len(pipeline.unknown) > 1000:  # names come from the outside
                pipeline.unknown = Counter(dict(pipeline.unknown.most_common(500)))
        self.failures.extend(t.failures)
        for tap in list(self.taps):
            tap(t.documents)

    # --- the end of a message's way -----------------------------------------------------------------------

    def _bury(
        self,
        collector: str,
        messages: Sequence[Message],
        rejects: Mapping[int, Sequence[Reject]],
        sink: str | None,
    ) -> None:
        """Files dead letters; a full disk is waited for, as losing them is not an option. Raises `AbandonedError`."""
        letters = [(messages[index], rejects_of_one) for index, rejects_of_one in rejects.items()]
        try:
            tenacity.Retrying(
                wait=tenacity.wait_random_exponential(multiplier=0.5, max=5.0),
                stop=tenacity.stop_when_event_set(self._stop),
                sleep=tenacity.sleep_using_event(self._stop),
                before_sleep=lambda state: log.error(
                    "dead_letters_unwritable error=%s", state.outcome.exception() if state.outcome else None
                ),
            )(self.dead_letters.add, collector, sink, letters)
        except tenacity.RetryError as error:  # told to stop: they are not acknowledged, and come again
            raise AbandonedError from error
        for rejects_of_one in rejects.values():
            for reject in rejects_of_one:
                self.metrics.dead.labels(collector, sink or "", reject.reason).inc()

    def _acknowledge(self, batch: Batch) -> None:
        pipeline = batch.pipeline
        try:
            pipeline.collector.acknowledge(batch.messages)
        except Exception as error:  # noqa: BLE001 - not acknowledged means delivered again, which harms nothing
            log.warning("acknowledge_error collector=%s error=%s", pipeline.name, quote(repr(error)))
        with pipeline.lock:
            pipeline.in_flight -= len(batch.messages)
        self.metrics.acknowledged.labels(pipeline.name).inc(len(batch.messages))


def _pack_origin(messages: Sequence[Message], t: TransformResult, sink: str) -> bytes:
    return pack_origin(
        messages, [t.message_of_chunk(sink, chunk) for chunk in range(len(t.parcels[sink].chunks))]
    )


def _close(closes: Mapping[str, Callable[[], None]]) -> None:
    """All at once; what hangs or fails is told, and left to the end of the process."""

    def close_one(what: str, close: Callable[[], None]) -> None:
        try:
            close()
        except Exception:
            log.exception("close_failed %s", what)

    threads = {
        what: threading.Thread(target=close_one, args=(what, close), name=f"close {what}", daemon=True)
        for what, close in closes.items()
    }
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + CLOSE_S
    for what, thread in threads.items():
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            log.error("close_hangs %s seconds=%.0f", what, CLOSE_S)
