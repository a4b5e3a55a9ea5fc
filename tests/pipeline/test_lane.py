"""`lakescope.pipeline.lane`: what is queued, what one write takes, who is told, what is counted.

Most tests close the lane first and then run it in their own thread: it ends once its queue is empty.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakescope.core.contracts import Outcome, RefusedError, TransientError
from lakescope.core.messages import Reject
from lakescope.pipeline import lane as module
from lakescope.pipeline.lane import BACKOFF_MAX_S, BACKOFF_S, COALESCE, AbandonedError, Job, SinkLane
from lakescope.pipeline.metrics import Metrics

BAD = Reject("refused", found="a bad event")
AWAY = TransientError("503: away")


class Store:
    """A sink that answers each write by the next of `answers` (raised if it is an error), then takes everything."""

    def __init__(self, *answers: Outcome | Exception):
        self.answers = list(answers)
        self.written: list[list[Any]] = []

    def write(self, chunks: Sequence[Any]) -> Outcome:
        self.written.append(list(chunks))
        answer = self.answers.pop(0) if self.answers else Outcome()
        if isinstance(answer, Exception):
            raise answer
        return answer


Reports = list[tuple[str, dict[int, Reject]]]


@pytest.fixture
def reports() -> Reports:
    """Which jobs were done, with which rejects."""
    return []


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Nobody waits before the next attempt; between which bounds the wait would have been drawn."""
    bounds: list[tuple[float, float]] = []

    def least(low: float, high: float) -> float:
        bounds.append((low, high))
        return 0.0

    monkeypatch.setattr(module, "uniform", least)
    return bounds


def lane_of(store: Any, limit: int = 100, limit_bytes: int = 1000) -> SinkLane:
    return SinkLane("store", store, Metrics(), limit, limit_bytes)


def job(
    reports: Reports,
    chunks: Sequence[Any],
    messages: int = 1,
    size: int = 10,
    name: str = "",
    seconds: Counter[str] | None = None,
) -> Job:
    def done(rejects: dict[int, Reject]) -> None:
        reports.append((name or "".join(map(str, chunks)), rejects))

    return Job("push", list(chunks), messages, size, seconds or Counter(), done)


def run(lane: SinkLane, *jobs: Job) -> None:
    """All of it in this thread."""
    for one in jobs:
        lane.put(one)
    lane.close()
    lane._run()


def sample(lane: SinkLane, name: str, **labels: str) -> float | None:
    return lane.metrics.registry.get_sample_value(f"lakescope_{name}_total", {"sink": "store", **labels})


def test_a_new_lane_is_well_and_empty() -> None:
    lane = lane_of(Store())
    assert (lane.name, lane.limit, lane.limit_bytes, lane.health.state) == ("store", 100, 1000, "ok")
    assert (lane.queued_messages, lane.queued_bytes, lane.queued_events, lane.last_stored) == (0, 0, 0, None)


def test_what_is_queued_is_counted_until_it_is_stored(reports: Reports) -> None:
    lane = lane_of(Store())
    lane.put(job(reports, "abc", messages=2, size=30))
    lane.put(job(reports, "de", messages=1, size=7))
    lane.put(job(reports, "fgh", messages=0, size=5))  # nobody waits for it
    assert (lane.queued_messages, lane.queued_bytes, lane.queued_events) == (3, 42, 5)
    run(lane)
    assert (lane.queued_messages, lane.queued_bytes, lane.queued_events) == (0, 0, 0)


def test_jobs_that_wait_are_one_write_and_each_is_told_of_its_own_rejects(reports: Reports) -> None:
    store = Store(Outcome(rejected={0: BAD, 3: BAD, 4: BAD}))
    lane = lane_of(store)
    before = time.time()
    run(lane, job(reports, "abc"), job(reports, "d"), job(reports, "efg"), job(reports, "h"))
    assert store.written == [list("abcdefgh")]
    assert reports == [("abc", {0: BAD}), ("d", {0: BAD}), ("efg", {0: BAD}), ("h", {})]
    assert sample(lane, "stored_events", collector="push") == 5
    assert lane.last_stored is not None and before <= lane.last_stored <= time.time()


def test_one_job_alone_is_written_without_a_copy(reports: Reports) -> None:
    written: list[Sequence[Any]] = []

    class Keeping:
        def write(self, chunks: Sequence[Any]) -> Outcome:
            written.append(chunks)
            return Outcome()

    only = job(reports, "abc")
    run(lane_of(Keeping()), only)
    assert len(written) == 1 and written[0] is only.chunks


def test_one_write_takes_so_many_chunks_at_most_and_one_job_at_least(reports: Reports) -> None:
    store = Store()
    sizes = [3000, COALESCE - 3000, 1, COALESCE + 1, 1, COALESCE]
    run(
        lane_of(store),
        *(job(reports, range(size), name=str(number), size=0) for number, size in enumerate(sizes)),
    )
    assert [len(chunks) for chunks in store.written] == [COALESCE, 1, COALESCE + 1, 1, COALESCE]
    assert [name for name, _ in reports] == ["0", "1", "2", "3", "4", "5"]


def test_a_job_of_no_chunks_is_told_too(reports: Reports) -> None:
    store = Store()
    run(lane_of(store), job(reports, "", name="empty"))
    assert reports == [("empty", {})] and store.written == []


def test_events_are_counted_and_timed_before_the_job_is_told() -> None:
    lane = lane_of(Store())
    second = f"{datetime.now(UTC) - timedelta(minutes=1):%FT%T}"
    seen: list[Any] = []

    def done(rejects: dict[int, Reject]) -> None:
        seen.append(
            (sample(lane, "stored_events", collector="push"), lane.metrics.lag.quantiles("store", [0.5]))
        )

    run(lane, Job("push", list("ab"), 1, 10, Counter({second: 2}), done))
    ((stored, (lag,)),) = seen
    assert stored == 2 and 60 <= lag < 120


def test_writes_are_counted_and_timed(reports: Reports) -> None:
    lane = lane_of(Store(AWAY, AWAY))
    run(lane, job(reports, "a"))
    assert sample(lane, "writes") == 1, "that the store confirmed"
    assert sample(lane, "retries") == 2
    seconds = sample(lane, "write_seconds")
    assert seconds is not None and 0 < seconds < 60


def test_a_store_that_is_away_is_waited_for_and_said_once(
    reports: Reports, caplog: pytest.LogCaptureFixture, _at_once: list[tuple[float, float]]
) -> None:
    states: list[tuple[str, str]] = []

    class Watched(Store):
        def write(self, chunks: Sequence[Any]) -> Outcome:
            states.append((lane.health.state, lane.health.detail))
            return super().write(chunks)

    lane = lane_of(Watched(*[AWAY] * 8))
    run(lane, job(reports, "a"))
    assert reports == [("a", {})]
    assert states == [("ok", "")] + [("retrying", "503: away")] * 8
    assert (lane.health.state, lane.health.detail) == ("ok", "")
    assert [record.getMessage() for record in caplog.records] == ["sink_retry sink=store error=503: away"]
    assert _at_once == [(0, min(BACKOFF_MAX_S, BACKOFF_S * 2**attempt)) for attempt in range(1, 9)]
    assert _at_once[-1] == (0, BACKOFF_MAX_S)


def test_what_the_sink_fails_on_is_rejected_and_logged(
    reports: Reports, caplog: pytest.LogCaptureFixture
) -> None:
    run(lane_of(Store(KeyError("x"))), job(reports, "a"))
    assert reports == [("a", {0: Reject("sink_error", found="KeyError('x')")})]
    assert [record.getMessage() for record in caplog.records] == [
        "sink_error sink=store events=1 error=KeyError('x')"
    ]


def test_a_refusal_is_no_fault_of_the_sink(reports: Reports, caplog: pytest.LogCaptureFixture) -> None:
    run(lane_of(Store(RefusedError("refused", "400"))), job(reports, "a"))
    assert reports == [("a", {0: Reject("refused", found="400")})] and not caplog.records


def test_a_bug_of_ours_stops_the_lane_and_is_told(reports: Reports, caplog: pytest.LogCaptureFixture) -> None:
    def fails(rejects: dict[int, Reject]) -> None:
        raise KeyError("chunk")

    lane = lane_of(Store())
    run(lane, Job("push", ["a"], 1, 10, Counter(), fails))
    assert (lane.health.state, lane.health.detail) == ("error", "stopped, a bug: KeyError: 'chunk'")
    (record,) = caplog.records
    assert record.getMessage() == "lane_died sink=store" and record.levelno == logging.ERROR
    assert record.exc_info
    assert lane.queued_messages == 1, "what was not told is not acknowledged"


def test_what_is_given_up_is_not_told(reports: Reports) -> None:
    store = Store(AWAY)
    lane = lane_of(store)
    lane.abort()
    run(lane, job(reports, "a"))
    assert reports == [] and store.written == [["a"]]
    assert lane.health.state == "retrying", "not a bug"
    with pytest.raises(AbandonedError):
        lane._wait(1, AWAY)


@pytest.mark.parametrize(
    ("messages", "size", "waits"),
    [(2, 999, False), (3, 10, True), (4, 10, True), (1, 1000, True), (1, 1001, True), (0, 0, False)],
)
def test_put_waits_while_either_bound_is_reached(
    reports: Reports, monkeypatch: pytest.MonkeyPatch, messages: int, size: int, waits: bool
) -> None:
    lane = lane_of(Store(), limit=3, limit_bytes=1000)
    lane.put(job(reports, "a", messages, size))
    seen: list[float] = []

    def wait(timeout: float) -> None:
        """The bound is reached still after the first of them."""
        seen.append(timeout)
        if len(seen) == 2:
            lane.queued_messages, lane.queued_bytes = 0, 0

    monkeypatch.setattr(lane._can_put, "wait", wait)
    lane.put(job(reports, "b", messages=0, size=0))
    assert seen == [], "one of no messages never waits"
    lane.put(job(reports, "c"))
    assert seen == ([1.0, 1.0] if waits else [])


def test_put_waits_no_more_once_all_is_given_up(reports: Reports) -> None:
    lane = lane_of(Store(), limit=1)
    lane.put(job(reports, "a"))
    lane.abort()
    lane.put(job(reports, "b"))
    assert lane.queued_messages == 2


def test_the_lanes_own_thread(reports: Reports) -> None:
    """Jobs that come while it waits, more than its bound; it ends once it is closed, and not before."""
    threads: list[threading.Thread] = []
    first = threading.Event()

    class Watched(Store):
        def write(self, chunks: Sequence[Any]) -> Outcome:
            threads.append(threading.current_thread())
            first.set()
            return super().write(chunks)

    lane = lane_of(Watched(), limit=1)
    lane.start()
    assert not lane.join(0) and not lane.join(-1.0)
    lane.put(job(reports, "a"))
    assert first.wait(10)
    for chunk in "bcd":
        lane.put(job(reports, chunk))
    assert not lane.join(0)
    lane.close()
    assert lane.join(10)
    assert reports == [(chunk, {}) for chunk in "abcd"]
    assert {(thread.name, thread.daemon) for thread in threads} == {("sink store", True)}


def test_an_idle_lane_ends_when_it_is_closed() -> None:
    lane = lane_of(Store())
    lane.start()
    lane.close()
    assert lane.join(10)
