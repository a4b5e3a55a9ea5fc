"""JSON lines: one file a dataset and period, appended and synced. The plainest archive there is.

A file cannot be looked up by id, so a repeated message is a repeated line with the same ``id``.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from lakescope.core.contracts import Encoder, Finding, Installation, Outcome, TransientError
from lakescope.core.events import Event
from lakescope.sinks._common import ExpiringOptions

_PERIOD_CHARACTERS = {"day": 10, "month": 7, "year": 4}


class JsonlOptions(ExpiringOptions):
    """Options of the jsonl sink."""

    directory: Path = Field(examples=["/var/lib/lakescope/archive"])
    """Where the files lie: ``<dataset>-<period>.jsonl``."""
    period: Literal["day", "month", "year"] = "day"
    """How much one file holds, by the events' time."""


class FileEncoder:
    """Event -> (file name, line). Picklable."""

    def __init__(self, period_characters: int):
        self.period_characters = period_characters

    def __call__(self, events: Sequence[Event], documents: Sequence[bytes]) -> list[tuple[str, bytes] | None]:
        characters = self.period_characters
        return [
            (f"{event.dataset}-{event.time[:characters]}.jsonl", document)
            for event, document in zip(events, documents, strict=True)
        ]


class JsonlSink:
    """Appends events to files."""

    Options = JsonlOptions
    encode: Encoder

    def __init__(self, name: str, options: JsonlOptions, data_dir: Path) -> None:
        self.options = options
        options.directory.mkdir(parents=True, exist_ok=True)
        self.encode = FileEncoder(_PERIOD_CHARACTERS[options.period])

    def setup(self) -> Iterator[Finding]:
        """The directory is there since `__init__`."""
        yield Finding("done", f"directory {self.options.directory}")

    @staticmethod
    def plan(options: JsonlOptions, installation: Installation) -> Iterator[Finding]:
        """See `PlanningSink`."""
        is_there = options.directory.is_dir()
        text = f"directory {options.directory}"
        yield Finding("unchanged", text) if is_there else Finding("change", f"{text} is made")

    @staticmethod
    def examine(options: JsonlOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`. A file of its own is written, synced and removed."""
        from lakescope.core.examination import examine_directory

        yield from examine_directory("directory", options.directory)

    def write(self, chunks: Sequence[tuple[str, bytes]]) -> Outcome:
        """Appends and syncs, a file at a time."""
        by_file: dict[str, list[bytes]] = {}
        for name, document in chunks:
            by_file.setdefault(name, []).append(document)
        try:
            for name, documents in by_file.items():
                self._append(self.options.directory / name, b"\n".join([*documents, b""]))
        except OSError as error:
            raise TransientError(f"{error.filename or self.options.directory}: {error.strerror}") from error
        return Outcome()

    def expire(self, now: datetime, stop: threading.Event) -> dict[str, int]:
        """Whole files, once the period that they hold is older."""
        deleted: dict[str, int] = {}
        for dataset, end in self.options.ends(now):
            last = f"{end:%Y-%m-%d}"[: _PERIOD_CHARACTERS[self.options.period]]
            for path in self.options.directory.glob(f"{dataset}-*.jsonl"):
                if path.stem.removeprefix(f"{dataset}-") < last:
                    try:
                        path.unlink(missing_ok=True)
                    except OSError as error:
                        raise TransientError(f"{path}: {error.strerror}") from error
                    deleted[dataset] = deleted.get(dataset, 0) + 1
        return deleted

    def forget(self, name: str) -> dict[str, int]:
        """See `ForgettingSink`. Files are written anew, one at a time; whoever reads one on meanwhile keeps the old one open."""
        from lakescope.core.events import DATASETS
        from lakescope.sinks._jsonl_people import ForgetLine, forget_in

        changed: dict[str, int] = {}
        for dataset in DATASETS:
            forget = ForgetLine(dataset, name)
            for path in sorted(self.options.directory.glob(f"{dataset}-*.jsonl")) if forget.is_needed else ():
                try:
                    count = forget_in(path, forget)
                except OSError as error:
                    raise TransientError(f"{path}: {error.strerror}") from error
                if count:
                    changed[dataset] = changed.get(dataset, 0) + count
        return changed

    def close(self) -> None:
        """Nothing stays open between writes."""

    def _append(self, path: Path, data: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            end = os.fstat(descriptor).st_size
            if os.write(descriptor, data) != len(
                data
            ):  # disk full: a line cut in half would be worse than none
                os.ftruncate(descriptor, end)
                raise OSError(28, "no space left on device", str(path))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
