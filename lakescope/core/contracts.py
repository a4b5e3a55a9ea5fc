"""What a collector and a sink are: the contracts between the rooms and the engine.

TransientError   try again later: connection lost, 429, 5xx; the engine does, without end
RefusedError     the store refuses the request as a whole: the engine halves it down to the events at fault
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import msgspec

from lakescope.core.events import Event
from lakescope.core.inbox import Inbox
from lakescope.core.messages import Message, Reason, Reject
from lakescope.core.options import Options

EXAMINE_S = 10.0
"""Longest wait of an examination for one answer (seconds)."""
State = Literal["ok", "connecting", "retrying", "error", "finished"]


class Health:
    """How a plugin is: a state, a sentence for the operator, and since when (POSIX seconds)."""

    __slots__ = ("detail", "since", "state")

    def __init__(self, state: State = "connecting", detail: str = ""):
        self.state: State = state
        self.detail = detail
        self.since = time.time()

    def set(self, state: State, detail: str = "") -> None:
        """Secrets have no place in `detail`: it is shown on pages."""
        if state != self.state:
            self.since = time.time()
        self.state, self.detail = state, detail


class Collector(Protocol):
    """A transport. Never looks into a body.

    One whose source gives nothing twice may have ``losses`` (what -> how often): the metric ``lakescope_lost_total``.
    """

    Options: ClassVar[type[Options]]
    health: Health
    formats: Sequence[str]
    """Names of the formats that its messages may carry."""

    def __init__(self, name: str, options: Any, data_dir: Any) -> None: ...

    def run(self, inbox: Inbox, stop: threading.Event) -> None:
        """Reads the source and puts `Message`s until `stop` is set or the source ends; reconnects by itself."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tells the source that these are safe. Called from another thread than `run`; must not block long."""

    def close(self) -> None:
        """Releases everything; called once, after the last `acknowledge`."""


Chunk = Any
"""What a sink's encoder makes of one event: bytes, a text, or a flat tuple of bytes, texts, numbers and nulls, so that it can go
to another process and to disk; null where the sink has no place for the event (it is then counted as filtered)."""

Encoder = Callable[[Sequence[Event], Sequence[bytes]], list[Chunk | None]]
"""(events, their JSON documents) -> one chunk an event. Pure and picklable: it may run in another process."""


class Outcome(msgspec.Struct):
    """What became of each chunk of a write: stored unless named in `rejected` or `retry`."""

    rejected: dict[int, Reject] = {}
    """Index -> why the store will never take it."""
    retry: list[int] = []
    """Indices that the store was too busy for."""
    reason: str = ""
    """Why it was too busy, for the operator."""


class TransientError(Exception):
    """The store cannot take this now; the text says why, without secrets."""


class RefusedError(Exception):
    """The store refuses this request as a whole, and does not say for which event of it."""

    def __init__(self, reason: Reason, text: str):
        self.reason: Reason = reason
        super().__init__(text)


class Finding(msgspec.Struct, frozen=True):
    """One line of what `lakescope setup` did or saw, or of what `lakescope doctor` saw."""

    level: Literal["done", "change", "unchanged", "ok", "warning", "error"]
    text: str
    remedy: str = ""
    """What an operator can do, as a command or a value to write; empty where nothing is wrong, or `text` says it."""


class Installation(msgspec.Struct, frozen=True):
    """What surrounds a plugin that is examined."""

    name: str
    """The plugin's name in the configuration."""
    data_dir: Path
    is_running: bool
    """Whether an instance runs on `data_dir`: what it holds open is not touched."""


@runtime_checkable
class ExaminablePlugin(Protocol):
    """A collector, sink or receiver whose type can try its options for `lakescope doctor`."""

    @staticmethod
    def examine(options: Any, installation: Installation) -> Iterable[Finding]:
        """Connects with the rights of the options: logs in, reads one, writes one and removes it; yields a line each as it goes.

        It takes nothing from a source, notifies nobody, leaves nothing behind, and waits at most `EXAMINE_S` for an answer. What
        it raises is an error of the plugin, its text being what is wrong.
        """


class Sink(Protocol):
    """A store. `write` is idempotent by the events' ids."""

    Options: ClassVar[type[Options]]
    encode: Encoder

    def __init__(self, name: str, options: Any, data_dir: Any) -> None: ...

    def setup(self) -> Iterable[Finding]:
        """Creates what the store needs (templates, databases, retention); idempotent."""

    def write(self, chunks: Sequence[Chunk]) -> Outcome:
        """Stores `chunks`. Returns only once they are safe. Raises `TransientError` or `RefusedError`."""

    def close(self) -> None:
        """Releases everything; called once, after the last `write`."""


@runtime_checkable
class PlanningSink(Protocol):
    """A sink whose type can tell what its `setup` would change."""

    @staticmethod
    def plan(options: Any, installation: Installation) -> Iterable[Finding]:
        """A ``change`` for each thing that `setup` would make or change, ``unchanged`` for what is there; writes nothing. Raises
        `TransientError` or `RefusedError`."""


@runtime_checkable
class ExpiringSink(Protocol):
    """A sink that deletes old events itself, where its store does not."""

    def expire(self, now: datetime, stop: threading.Event) -> dict[str, int]:
        """Deletes what is older than its options keep, until `stop` is set: dataset -> how many events, or files. Raises
        `TransientError`; what is left is deleted by the next call."""


@runtime_checkable
class SavableSink(Protocol):
    """A sink that keeps its events in files of its own on this machine."""

    @staticmethod
    def files(options: Any, data_dir: Path) -> Sequence[Path]:
        """The store's own, there or not, the main one first: what `save` wrote is brought back there."""

    def save(self, path: Path) -> None:
        """Writes all that is stored now into a new file, while others write. Raises `TransientError` or `RefusedError`."""


@runtime_checkable
class CachingSink(Protocol):
    """A sink that keeps in this process's memory what it read."""

    def release_memory(self) -> None:
        """Gives most of it back, unless something is asked or written at the moment."""


@runtime_checkable
class ForgettingSink(Protocol):
    """A sink that can change what it has stored of people (`lakescope.core.personal`)."""

    def forget(self, name: str) -> dict[str, int]:
        """Puts `FORGOTTEN` in the place of an account's, a subject's or a client's name, and of it in the free texts of the same
        events and of those of the user's scope: dataset -> how many events. No instance writes to the store meanwhile. Raises
        `TransientError` or `RefusedError`."""


@runtime_checkable
class BlankingSink(Protocol):
    """A sink that can take people's names out of old events while it runs."""

    def forget_before(self, end: datetime) -> dict[str, int]:
        """Makes the personal fields of older events null: dataset -> how many events. Raises `TransientError` or
        `RefusedError`."""


@runtime_checkable
class SearchableSink(Protocol):
    """A sink that can give events back."""

    def find(
        self,
        dataset: str,
        field: str,
        values: Sequence[str],
        limit: int = 1000,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        vos: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        """Events whose `field` is one of `values`, ``since <= time < until``, oldest first; null: without that end.

        `vos`: only events of these VOs, ``""`` those whose VO is null; null: of all.
        """
