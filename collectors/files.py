"""Files: JSON lines, concatenated bodies, .gz and .zst, directories; once, or followed as they grow.

A followed file that is rotated (another file under its name, or shorter than before) is read to its end,
then the new one from its beginning. After a restart a file is read from its beginning again: ids make a
repeat harmless.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import Field

from collectors._common import OneFormat
from collectors._reading import Framing, bodies, find, framing_of, open_file
from lakescope.messages import Message
from lakescope.pipeline import Health, Inbox

PUT = 500
POLL_S = 0.3


class FilesOptions(OneFormat):
    """Options of the files collector."""

    paths: list[str] = Field(examples=[["/var/log/rucio/events/*.jsonl.gz"]], min_length=1)
    """Files, directories (all files in them, by name) and patterns; ``-`` is the standard input."""
    framing: Framing | None = None
    """``json``: bodies one after the other, on lines or not; ``whole``: a file is one body. By the format."""
    follow: bool = False
    """Whether to wait for more, and for new files."""


class FilesCollector:
    """Reads files."""

    Options = FilesOptions

    def __init__(self, name: str, options: FilesOptions, data_dir: Path) -> None:
        self.options = options
        self.formats = [options.format]
        self.health = Health("ok")

    def run(self, inbox: Inbox, stop: threading.Event) -> None:
        """Every file once; with `follow` each in a thread of its own, until told to stop."""
        known: set[str] = set()
        while not stop.is_set():
            new = [path for path in find(self.options.paths) if path not in known]
            if not known and not new and not self.options.follow:
                raise FileNotFoundError(f"no file matches {', '.join(self.options.paths)}")
            known.update(new)
            for path in new:
                if self.options.follow:
                    reader = threading.Thread(target=self._read, args=(path, inbox, stop), daemon=True)
                    reader.start()
                else:
                    self._read(path, inbox, stop)
            self.health.set("ok", f"{len(known)} files")
            if not self.options.follow:
                return
            stop.wait(1.0)

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Nothing to tell: the file stays where it is."""

    def close(self) -> None:
        """Nothing stays open."""

    def _read(self, path: str, inbox: Inbox, stop: threading.Event) -> None:
        headers = {"file": path}
        batch: list[Message] = []
        received = time.time()
        follow = (
            _Follower(path, stop, lambda: inbox.put(_emptied(batch))).read if self.options.follow else None
        )
        for body in bodies(path, self.options.framing or framing_of(self.options.format), follow):
            batch.append(Message(body, self.options.format, headers, received))
            if len(batch) >= PUT:
                if not inbox.put(_emptied(batch)):
                    return
                received = time.time()
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
            if self._rotated():
                rest = self._stream.read()  # what was written between the last look and the rotation
                self._stream.close()
                self._stream = open_file(self.path)
                if rest:
                    return rest + b"\n"
        return data

    def _rotated(self) -> bool:
        if self.path == "-":
            return False
        try:
            now = Path(self.path).stat()
        except FileNotFoundError:
            return False  # moved away; the new one is not there yet
        mine = os.fstat(self._stream.fileno())
        return now.st_ino != mine.st_ino or now.st_size < self._stream.tell()


def _emptied(batch: list[Message]) -> list[Message]:
    taken = batch[:]
    batch.clear()
    return taken
