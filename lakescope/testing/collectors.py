"""What every collector keeps: all that is offered arrives, its source keeps what is not safe, its health is told, it ends."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar, get_args

import pytest
from fastapi import FastAPI

from lakescope.app.web.server import Server
from lakescope.core.contracts import Collector, State
from lakescope.core.inbox import Inbox
from lakescope.core.messages import Message
from lakescope.core.plugins import available, load
from lakescope.testing._configured import configure

_WAIT_S = 60.0
_BODIES = [b'{"producer": "test", "type": "contract", "number": %d}' % number for number in range(20)]


class CollectorContract:
    """A collector and the source that it reads.

    What only some sources have is for who derives it: `held`, `break_down` and `mend`, `bodies_of`.
    """

    type: ClassVar[str]
    """Name of its entry point."""
    once: ClassVar[bool] = True
    """Whether its source gives what it has once, and not in every round."""
    own_words: ClassVar[bool] = False
    """Whether its messages are its own, about what it sees: then `offer` lets it see something, and that a message comes of
    it is enough."""
    url: str
    """Where the collector's own routes are, if it has a `router`."""

    def options(self, directory: Path) -> str:
        """Its options as TOML, `type` left out; `directory` is a test's own."""
        raise NotImplementedError

    def offer(self, bodies: Sequence[bytes]) -> None:
        """Lets the source have these bodies: what the collector must read. Called once it says that it is well."""
        raise NotImplementedError

    def test_its_configuration_is_valid(self, tmp_path: Path) -> None:
        collector = self._collector(tmp_path)
        try:
            unknown = set(collector.formats) - set(available("formats"))
            assert collector.formats and not unknown, f"formats that are none: {unknown or 'it names none'}"
        finally:
            collector.close()

    def bodies_of(self, message: Message) -> Sequence[bytes]:
        """What was offered, of a message; none of one that the collector adds."""
        return (message.body,)

    def held(self) -> int | None:
        """How many bodies the source still holds for Lakescope; null for one that is never told what is safe."""
        return None

    def break_down(self) -> None:
        """From now on the source cannot be read."""
        pytest.skip("its source has no break_down and mend")

    def mend(self) -> None:
        """It can again."""

    def test_what_is_offered_arrives_and_is_held_until_it_is_safe(self, tmp_path: Path) -> None:
        with self._run_collector(tmp_path) as (collector, inbox, _):
            self.offer(_BODIES)
            messages = self._arrived(inbox)
            assert self.held() in (len(_BODIES), None), "expected the source to hold what is not acknowledged"
            collector.acknowledge(messages)
            _until(lambda: not self.held(), lambda: f"the source holds {self.held()} that are acknowledged")
        assert {message.format for message in messages} <= set(collector.formats)
        assert all(message.received > 0 for message in messages), "expected the time of reception"

    def test_its_health_tells_of_a_fault_and_of_its_end(self, tmp_path: Path) -> None:
        with self._run_collector(tmp_path) as (collector, inbox, _):
            health = collector.health
            _until(lambda: health.state == "ok", lambda: f"expected it to be well: {health.detail}")
            self.break_down()
            _until(lambda: health.state != "ok", lambda: "the fault is never told")
            assert health.detail, "expected what is wrong"
            self.mend()
            _until(lambda: health.state == "ok", lambda: f"its end is never told: {health.detail}")
            self.offer(_BODIES)
            collector.acknowledge(self._arrived(inbox))

    def test_it_ends_when_it_is_stopped(self, tmp_path: Path) -> None:
        with self._run_collector(tmp_path) as (_, _, thread):
            pass
        assert not thread.is_alive(), "expected `run` to return after `stop` was set"

    def test_it_ends_while_its_source_is_broken(self, tmp_path: Path) -> None:
        with ExitStack() as mended, self._run_collector(tmp_path) as (collector, _, thread):
            self.break_down()
            mended.callback(self.mend)
            _until(lambda: collector.health.state != "ok", lambda: "the fault is never told")
        assert not thread.is_alive(), "expected `run` to return after `stop` was set"

    def _arrived(self, inbox: Inbox) -> list[Message]:
        """Once all of `_BODIES` are there: each once, but of a source that gives them again."""
        if self.own_words:
            _until(lambda: bool(inbox), lambda: "nothing has arrived of what it saw")
            return inbox.take() or []
        messages: list[Message] = []
        bodies: Counter[bytes] = Counter()
        while bodies.keys() < set(_BODIES):
            _until(
                lambda: bool(inbox), lambda: f"{len(bodies)} of {len(_BODIES)} that were offered have arrived"
            )
            batch = inbox.take() or []
            messages += batch
            bodies.update(body for message in batch for body in self.bodies_of(message))
        assert bodies.keys() == set(_BODIES), "expected the bodies as they were offered"
        if self.once:
            assert set(bodies.values()) == {1}, "expected each body once"
        return messages

    @contextmanager
    def _run_collector(self, directory: Path) -> Iterator[tuple[Collector, Inbox, threading.Thread]]:
        """From the moment when it says how it is, until it has ended."""
        collector, inbox, stop = self._collector(directory), Inbox(), threading.Event()
        thread = threading.Thread(target=_run, args=(collector, inbox, stop), daemon=True)
        thread.start()
        server = self._serve(collector)
        try:
            _until(lambda: collector.health.state != "connecting", lambda: "its health is never told")
            assert collector.health.state in get_args(State), collector.health.state
            yield collector, inbox, thread
        finally:
            stop.set()
            inbox.close()
            thread.join(_WAIT_S)
            if server:
                server.stop()
            collector.close()

    def _serve(self, collector: Any) -> Server | None:
        """Its own routes, as `lakescope run` has them."""
        if not hasattr(collector, "router"):
            return None
        app = FastAPI()
        app.include_router(collector.router())
        server = Server(app, "127.0.0.1", 0)
        server.start()
        self.url = server.url
        return server

    def _collector(self, directory: Path) -> Any:
        configuration = configure(directory, "collectors", self.type, self.options(directory))
        data_dir = configuration.settings.data_dir
        data_dir.mkdir(parents=True, exist_ok=True)
        return load("collectors", self.type)("tested", configuration.collectors["tested"].options, data_dir)


def _run(collector: Collector, inbox: Inbox, stop: threading.Event) -> None:
    """As the engine does: what `run` raises is its health, and it is started again."""
    while not stop.is_set():
        try:
            collector.run(inbox, stop)
            break
        except Exception as error:  # noqa: BLE001 - whatever it is
            collector.health.set("error", str(error) or type(error).__name__)
            stop.wait(0.1)


def _until(condition: Callable[[], bool], why: Callable[[], str]) -> None:
    end = time.monotonic() + _WAIT_S
    while not condition():
        assert time.monotonic() < end, why()
        time.sleep(0.02)
