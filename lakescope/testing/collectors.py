"""What every collector keeps: all that is offered arrives, its health is told, it ends soon."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, get_args

from lakescope.core.contracts import Collector, State
from lakescope.core.inbox import Inbox
from lakescope.core.messages import Message
from lakescope.core.plugins import available, load
from lakescope.testing._configured import configure

_WAIT_S = 20.0
_BODIES = [b'{"producer": "test", "type": "contract", "number": %d}' % number for number in range(20)]


class CollectorContract:
    """A collector and the source that it reads."""

    type: ClassVar[str]
    """Name of its entry point."""

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

    def test_what_is_offered_arrives(self, tmp_path: Path) -> None:
        with self._run_collector(tmp_path) as (collector, inbox, _):
            self.offer(_BODIES)
            messages: list[Message] = []
            while len(messages) < len(_BODIES):
                _until(lambda: bool(inbox), lambda: "not all that was offered has arrived")
                messages += inbox.take() or ()
            collector.acknowledge(messages)
        assert Counter(message.body for message in messages) == Counter(_BODIES)
        assert {message.format for message in messages} <= set(collector.formats)
        assert all(message.received > 0 for message in messages), "expected the time of reception"

    def test_it_ends_when_it_is_stopped(self, tmp_path: Path) -> None:
        with self._run_collector(tmp_path) as (_, _, thread):
            pass
        assert not thread.is_alive(), "expected `run` to return after `stop` was set"

    @contextmanager
    def _run_collector(self, directory: Path) -> Iterator[tuple[Collector, Inbox, threading.Thread]]:
        """From the moment when it says how it is, until it has ended."""
        collector, inbox, stop = self._collector(directory), Inbox(), threading.Event()
        thread = threading.Thread(target=collector.run, args=(inbox, stop), daemon=True)
        thread.start()
        try:
            _until(lambda: collector.health.state != "connecting", lambda: "its health is never told")
            assert collector.health.state in get_args(State), collector.health.state
            yield collector, inbox, thread
        finally:
            stop.set()
            thread.join(_WAIT_S)
            collector.close()

    def _collector(self, directory: Path) -> Any:
        configuration = configure(directory, "collectors", self.type, self.options(directory))
        data_dir = configuration.settings.data_dir
        data_dir.mkdir(parents=True, exist_ok=True)
        return load("collectors", self.type)("tested", configuration.collectors["tested"].options, data_dir)


def _until(condition: Callable[[], bool], why: Callable[[], str]) -> None:
    end = time.monotonic() + _WAIT_S
    while not condition():
        assert time.monotonic() < end, why()
        time.sleep(0.02)
