"""Files: JSON lines, concatenated bodies, .gz and .zst, directories; once, or followed as they grow.

A followed file that is rotated (another file under its name, or shorter than before) is read to its end,
then the new one from its beginning. After a restart a file is read from its beginning again: ids make a
repeat harmless.
"""

from __future__ import annotations

import glob
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from lakescope.collectors._common import OneFormat
from lakescope.collectors._reading import (
    PACKED_SUFFIXES,
    PORTION,
    PORTION_BYTES,
    bodies,
    cut,
    find,
    open_file,
    replace_surrogates,
)
from lakescope.core.contracts import Finding, Health, Installation
from lakescope.core.inbox import Inbox
from lakescope.core.messages import Framing, Message, traits
from lakescope.core.options import DIRECTORY
from lakescope.core.plugins import load

log = logging.getLogger(__name__)

POLL_S = 0.3
LOOK_S = 1.0  # for new files
RETRY_S = 30.0  # of a followed file that could not be read


class FilesOptions(OneFormat):
    """Options of the files collector."""

    paths: list[str] = Field(examples=[["/var/log/rucio/events/*.jsonl.gz"]], min_length=1)
    """Files, directories (all files in them, by name) and patterns; ``-`` is the standard input."""

    @field_validator("paths")
    @classmethod
    def _beside_the_configuration(cls, paths: list[str], info: ValidationInfo) -> list[str]:
        directory = (info.context or {}).get(DIRECTORY, Path())
        if directory == Path():
            return paths
        beside = glob.escape(str(directory))
        return [path if path == "-" else os.path.join(beside, path) for path in paths]  # noqa: PTH118 - a pattern

    framing: Framing | None = None
    """``json``: bodies one after the other, on lines or not; ``rows``: those, or CSV with a header; ``whole``: a file is
    one body. By the format."""
    follow: bool = False
    """Whether to wait for more, and for new files."""


class FilesCollector:
    """Reads files."""

    Options = FilesOptions

    def __init__(self, name: str, options: FilesOptions, data_dir: Path) -> None:
        self.options = options
        self.formats = [options.format]
        self.health = Health("ok")
        self._begun_files: set[str] = set()
        self._faults: dict[str, tuple[OSError, float]] = {}
        """Path -> what is wrong with it, and when to try again (monotonic)."""

    @staticmethod
    def examine(options: FilesOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`."""
        from lakescope.core.examination import examine_readable

        paths = [Path(path) for path in find(options.paths) if path != "-"]
        faults = list(examine_readable(paths))
        yield from faults[:10]
        if not paths and options.paths != ["-"]:
            text = f"no file matches {', '.join(map(replace_surrogates, options.paths))}"
            yield Finding(
                "warning" if options.follow else "error", text, "correct `paths`, or create the file"
            )
        elif len(faults) < len(paths):
            yield Finding("ok", f"{len(paths) - len(faults)} files can be read")

    def run(self, inbox: Inbox, stop: threading.Event) -> None:
        """Every file once; with `follow` each in a thread of its own, until told to stop.

        A file that cannot be read to its end holds back no other; it is tried again from its beginning.
        """
        while not stop.is_set():
            paths = find(self.options.paths)
            for path in self._faults.keys() - set(paths):
                del self._faults[path]  # it is gone
            due = [path for path in paths if self._is_due(path)]
            if not self._begun_files and not due and not self.options.follow:
                raise FileNotFoundError(f"no file matches {', '.join(self.options.paths)}")
            self._begun_files.update(due)
            for path in due:
                self._faults.pop(path, None)
                if self.options.follow:
                    arguments = (path, inbox, stop)
                    threading.Thread(target=self._try, args=arguments, name=path, daemon=True).start()
                else:
                    self._try(path, inbox, stop)
            faults = [replace_surrogates(str(error)) for error, _ in list(self._faults.values())]
            detail = "; ".join([f"{len(self._begun_files)} files", *faults[:3]])
            self.health.set("error" if faults else "ok", detail)
            if not self.options.follow:
                if faults:
                    raise OSError(detail)  # the engine begins again, with what has failed
                return
            stop.wait(LOOK_S)

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Nothing to tell: the file stays where it is."""

    def close(self) -> None:
        """Nothing stays open."""

    def _is_due(self, path: str) -> bool:
        fault = self._faults.get(path)
        return path not in self._begun_files if fault is None else time.monotonic() >= fault[1]

    def _try(self, path: str, inbox: Inbox, stop: threading.Event) -> None:
        try:
            self._read(path, inbox, stop)
        except OSError as error:
            log.error("file_error file=%s error=%s", replace_surrogates(path), replace_surrogates(str(error)))
            self._faults[path] = error, time.monotonic() + (RETRY_S if self.options.follow else 0.0)

    def _read(self, path: str, inbox: Inbox, stop: threading.Event) -> None:
        headers = {"file": replace_surrogates(path)}
        batch: list[Message] = []
        framing = self.options.framing or traits(load("formats", self.options.format)).framing
        read = None
        if (
            self.options.follow and framing != "whole" and not path.endswith(PACKED_SUFFIXES)
        ):  # the others do not grow
            read = _Follower(path, stop, lambda: inbox.put(_empty(batch))).read
        size = 0
        for body in cut(bodies(path, framing, read), self.options.format):
            batch.append(Message(body, self.options.format, headers, time.time()))
            size += len(body)
            if len(batch) >= PORTION or size >= PORTION_BYTES:
                size = 0
                if not inbox.put(_empty(batch)):
                    return
        inbox.put(batch)


class _Follower:
    """A growing file, as a stream that ends only when told to stop."""

    def __init__(self, path: str, stop: threading.Event, idle: Callable[[], object]) -> None:
        self.path, self.stop, self.idle = path, stop, idle
        self._stream = open_file(path)

    def read(self, size: int) -> bytes:
        while not (data := self._stream.read(size)):
            self.idle()  # what was read must not wait for what comes next
            if self.stop.wait(POLL_S):
                self._stream.close()
                return b""
            if self._is_rotated():
                tail = self._stream.read()  # what was written between the last look and the rotation
                self._stream.close()
                self._stream = open_file(self.path)
                if tail:
                    return tail + b"\n"
        return data

    def _is_rotated(self) -> bool:
        if self.path == "-":
            return False
        try:
            now = Path(self.path).stat()
        except FileNotFoundError:
            return False  # moved away; the new one is not there yet
        mine = os.fstat(self._stream.fileno())
        return now.st_ino != mine.st_ino or now.st_size < self._stream.tell()


def _empty(batch: list[Message]) -> list[Message]:
    messages = batch[:]
    batch.clear()
    return messages
