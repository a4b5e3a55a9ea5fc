"""Processes that take batches from bytes to chunks: `lakescope run --workers N`."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection

from lakescope.core.messages import Message
from lakescope.pipeline.transform import Transform, TransformResult


class WorkerLostError(Exception):
    """The process died with a batch in its hands; the next batch gets a new process."""


class Workers:
    """`count` processes, each behind a thread and a pipe of its own.

    Not a `ProcessPoolExecutor`: there all processes write to one pipe, and one that is killed in the middle of
    a write leaves the pool waiting for the rest of its answer for ever. A pipe of its own ends with its process.
    """

    def __init__(self, count: int):
        self._threads = ThreadPoolExecutor(count, "worker")
        self._own = threading.local()
        self._all: list[_Worker] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def submit(
        self, name: str, transform: Transform, messages: list[Message], documents: bool
    ) -> Future[TransformResult]:
        """Its future raises `WorkerLostError`, or what `transform` raised. RuntimeError after `close`.

        A transform is sent to a process once, and again when `name` has another.
        """
        return self._threads.submit(self._call, name, transform, messages, documents)

    def _call(
        self, name: str, transform: Transform, messages: list[Message], documents: bool
    ) -> TransformResult:
        worker: _Worker | None = getattr(self._own, "worker", None)
        if worker is None:
            worker = self._own.worker = self._new()
        try:
            return worker.call(name, transform, messages, documents)
        except (EOFError, OSError) as error:
            self._own.worker = None
            worker.close()
            raise WorkerLostError(f"worker process {worker.process.pid} ended: {error!r}") from error

    def _new(self) -> _Worker:
        with self._lock:
            if self._is_closed:
                raise WorkerLostError("the workers were told to stop")
            self._all = [worker for worker in self._all if worker.process.is_alive()]
            worker = _Worker()
            self._all.append(worker)
        return worker

    def close(self) -> None:
        """Ends the processes; batches that they hold are lost to their futures."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._is_closed = True
            for worker in self._all:
                worker.process.kill()


class _Worker:
    def __init__(self) -> None:
        # spawn: a fork would copy the brokers' sockets and locks that other threads hold
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), name="lakescope worker", daemon=True)
        self.process.start()
        theirs.close()  # else the pipe would not end with the process
        self._transforms: dict[str, Transform] = {}

    def call(
        self, name: str, transform: Transform, messages: list[Message], documents: bool
    ) -> TransformResult:
        news = None if self._transforms.get(name) is transform else transform
        self._pipe.send((name, news, messages, documents))
        self._transforms[name] = transform
        answer: TransformResult | Exception = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self._pipe.close()
        self.process.kill()
        self.process.join()


def _serve(pipe: Connection) -> None:
    """A worker's life: ends with its pipe, hence also when the parent was killed."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they reach the whole group: the parent drains first
        signal.signal(number, signal.SIG_IGN)
    transforms: dict[str, Transform] = {}
    with suppress(EOFError, OSError):
        while True:
            name, news, messages, documents = pipe.recv()
            if news is not None:
                transforms[name] = news
            try:
                answer: TransformResult | Exception = transforms[name](messages, documents)
            except Exception as error:  # noqa: BLE001 - the parent does this batch itself, and tells what failed
                answer = RuntimeError(repr(error))
            pipe.send(answer)
