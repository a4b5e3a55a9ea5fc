"""`lakescope.pipeline.workers`: a killed process costs its batch, never the others'."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any, cast

import psutil
import pytest

from lakescope.core.messages import Message
from lakescope.pipeline.transform import Transform
from lakescope.pipeline.workers import WorkerLostError, Workers

LARGE = 32 * 2**20


class Answer:
    """Stands in for a transform: what it answers is of a size, or its process, or an error."""

    def __init__(self, kind: str):
        self.kind = kind

    def __call__(self, messages: list[Message], documents: bool) -> Any:
        if self.kind == "error":
            raise ValueError("no such thing")
        return os.getpid() if self.kind == "process" else bytes(LARGE)


def transform(kind: str) -> Transform:
    return cast(Transform, Answer(kind))


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers(1)
    yield workers
    workers.close()


def process_of(workers: Workers) -> psutil.Process:
    return psutil.Process(cast(int, workers.submit("p", transform("process"), [], False).result(60)))


def test_a_process_that_is_killed_at_any_moment_of_its_answer_is_noticed_and_replaced(
    workers: Workers,
) -> None:
    large = transform("large")
    lost = 0
    for attempt in range(12):
        process = process_of(workers)
        future = workers.submit("large", large, [], False)
        time.sleep(attempt * 0.003)  # an answer takes some 30 ms to write
        process.kill()
        try:
            assert len(cast(bytes, future.result(60))) == LARGE
        except WorkerLostError:
            lost += 1
    assert lost, "no process was killed with its batch in hand"


def test_a_transform_is_sent_once_and_again_when_it_is_replaced(workers: Workers) -> None:
    sent: list[str] = []

    class Counted(Answer):
        def __reduce__(self) -> tuple[type[Answer], tuple[str]]:
            sent.append(self.kind)
            return Answer, (self.kind,)

    one, two = (cast(Transform, Counted("process")) for _ in range(2))
    for chosen in (one, one, two, two):
        workers.submit("p", chosen, [], False).result(60)
    assert len(sent) == 2


def test_an_error_of_the_transform_leaves_the_process_alive(workers: Workers) -> None:
    before = process_of(workers)
    with pytest.raises(RuntimeError, match="no such thing"):
        workers.submit("q", transform("error"), [], False).result(60)
    assert process_of(workers) == before


def test_processes_end_with_the_workers(workers: Workers) -> None:
    process = process_of(workers)
    workers.close()
    process.wait(10)
    with pytest.raises(RuntimeError):
        workers.submit("p", transform("process"), [], False)
