"""The journal: what a synchronisation did to Rucio, when, for whom, and what was there before. One file, only appended to:
`Journal.forget` alone writes it anew.

`journal.jsonl` has two lines an entry: its intent, synced to disk before Rucio is called, and its result. A process that is
killed between the two leaves an entry without a result: `open_entries`. The next run looks in Rucio whether it was done (`settle`
of sync/apply.py). A result is synced with the next intent: losing it in a power cut makes an open entry, and no lie.

`journal.lock` is locked by whoever writes, and says who that is; the system gives the lock back when a process ends, however.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from lakescope.core import locks, state_files
from lakescope.core.personal import FORGOTTEN
from lakescope.core.printable import rfc3339
from lakescope.sync.plan import Change, SyncError

FILE = "journal.jsonl"
LOCK = "journal.lock"


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One change, as the journal has it."""

    id: int
    """1 for the first entry of the file."""
    run: str
    """Which run: the time of its begin."""
    sync: str
    """Which synchronisation: rses, accounts."""
    target: str
    """The Rucio, and its VO."""
    by: str
    """Who applied it."""
    at: str
    """When (UTC)."""
    change: Change
    result: str = ""
    """applied, not applied, failed or unknown; empty for an entry that was cut short."""
    detail: str = ""
    """What Rucio answered, of an entry that failed."""
    undo_of: int = 0
    """The entry that this one takes back; 0: none."""


class _Result(msgspec.Struct, kw_only=True, omit_defaults=True, tag="result"):
    id: int
    result: str
    detail: str = ""
    at: str = ""


class _Intent(msgspec.Struct, kw_only=True, tag="intent"):
    entry: Entry


_decode = msgspec.json.Decoder(_Intent | _Result).decode


class _Read:
    """What was read of a file so far, up to the end of a line."""

    def __init__(self, inode: int) -> None:
        self.inode = inode
        self.offset = 0
        self.lines = 0
        self.last_line = b""
        self.entries: dict[int, Entry] = {}

    def is_beginning_of(self, file: BinaryIO) -> bool:
        """Whether the file has only grown since; `Journal.forget` writes it anew."""
        if os.fstat(file.fileno()).st_ino != self.inode:
            return False
        file.seek(self.offset - len(self.last_line))
        return file.read(len(self.last_line)) == self.last_line


class Journal:
    """Reads and writes the file. Writing needs `exclusive`: one process at a time, of which several threads may write. What was
    read once is kept, and only what has been added since is read again."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE
        self._lock_path = directory / LOCK
        self._file: BinaryIO | None = None
        self._last_id = 0
        self._lock = threading.Lock()
        self._read: _Read | None = None
        self._reading = threading.Lock()

    def entries(self) -> list[Entry]:
        """All entries, the oldest first. Raises `SyncError` for a file that is damaged or not ours; a last line that a kill or a
        full disk cut short is left out, as what it was about was not begun."""
        with self._reading:
            return self._entries()

    def _entries(self) -> list[Entry]:
        earlier, self._read = self._read, None  # until it is read well
        try:
            with self.path.open("rb") as file:
                if earlier is None or not earlier.is_beginning_of(file):
                    file.seek(0)
                    earlier = _Read(os.fstat(file.fileno()).st_ino)
                content = file.read()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise SyncError(
                f"{self.path}: expected the journal of synchronisations: {error.strerror}; give Lakescope's user the right to"
                " read it"
            ) from error
        *lines, rest = content.split(b"\n")
        entries = earlier.entries
        for number, line in enumerate(lines, earlier.lines + 1):
            if not line:
                continue
            try:
                record = _decode(line)
                if isinstance(record, _Intent):
                    entries[record.entry.id] = record.entry
                else:
                    entries[record.id].result, entries[record.id].detail = record.result, record.detail
            except (*state_files.DAMAGE, KeyError) as error:
                raise SyncError(
                    f"{self.path}:{number}: expected a line of the journal of synchronisations: {error};"
                    f" move it away: mv {self.path} {self.path}.damaged; then its entries cannot be undone"
                ) from error
        if lines:
            earlier.lines += len(lines)
            earlier.offset += len(content) - len(rest)
            earlier.last_line = lines[-1] + b"\n"
        self._read = earlier
        return list(entries.values())

    def open_entries(self) -> list[Entry]:
        """Those that a kill cut short: whether they were done only Rucio can say."""
        return [entry for entry in self.entries() if not entry.result]

    def forget(self, name: str, clean: Callable[[Any], Any]) -> int:
        """Takes an account out, for good: of its own entries what was changed in which way at what time stays, without values, so
        that they cannot be undone; every line goes through `clean` as plain data. How many lines were changed.

        Raises `SyncError` while another process applies, or for a damaged file; then nothing is changed.
        """
        if not self.path.exists():
            return 0
        with self.exclusive():
            own = {
                entry.id: entry
                for entry in self.entries()
                if entry.sync == "accounts" and entry.change.object == name
            }
            lines, count = list[bytes](), 0
            for line in self.path.read_bytes().splitlines():
                record = _decode(line)
                if isinstance(record, _Intent) and record.entry.id in own:
                    record.entry.change = _bare(record.entry.change)
                elif isinstance(record, _Result) and record.id in own:
                    record.detail = ""
                lines.append(msgspec.json.encode(clean(msgspec.to_builtins(record))))
                count += lines[-1] != line
            ends = [_Result(id=id_, result="unknown") for id_, entry in own.items() if not entry.result]
            lines += map(msgspec.json.encode, ends)
            if count:
                state_files.write_private(self.path, b"".join(line + b"\n" for line in lines))
        return count

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Opens the file for writing; within the block again is no more than that. Raises `SyncError` while another process
        writes to it, or another journal of this one."""
        if self._file is not None:
            yield
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # it has people's names
        # a lock of its own, since `forget` replaces the journal's file
        with (
            locks.holding(self._lock_path, self._busy, words=2),
            open(self.path, "ab", opener=state_files.private) as file,
        ):
            self._mend_end(file)
            self._last_id = max((entry.id for entry in self.entries()), default=0)
            self._file = file
            try:
                yield
            finally:
                self._file = None
                self._sync(file)

    def _busy(self, who: str) -> SyncError:
        return SyncError(f"{self.path}: {who} applies a plan; wait until it has ended, then run this again")

    def begin(self, entry: Entry) -> Entry:
        """Writes an intent, synced, under the next id. Raises `OSError` for a full disk: then nothing may be done."""
        file = self._writable()
        with self._lock:
            self._last_id += 1
            entry.id = self._last_id
            file.write(msgspec.json.encode(_Intent(entry=entry)) + b"\n")
            file.flush()
        os.fsync(
            file.fileno()
        )  # without the lock: one of several waits for the disk, and their lines are before it
        return entry

    def end(self, entry: Entry, result: str, detail: str, at: float) -> None:
        """Writes what became of an intent."""
        file = self._writable()
        entry.result, entry.detail = result, detail
        record = _Result(id=entry.id, result=result, detail=detail, at=rfc3339(at))
        with self._lock:
            file.write(msgspec.json.encode(record) + b"\n")
            file.flush()

    def _writable(self) -> BinaryIO:
        assert self._file is not None, "only within `exclusive`"
        return self._file

    def _mend_end(self, file: BinaryIO) -> None:
        """A line without an end gets one taken away: it was never acted upon."""
        content = self.path.read_bytes()
        if content and not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)

    @staticmethod
    def _sync(file: BinaryIO) -> None:
        file.flush()
        os.fsync(file.fileno())


def _bare(change: Change) -> Change:
    """Of nobody. An attribute's key stays: it is of the synchronisation, which knows its own by it."""
    part = change.part if change.type == "attribute" else ""
    return Change(kind=change.kind, type=change.type, object=FORGOTTEN, part=part)
