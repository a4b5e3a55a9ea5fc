"""A queue on disk: what a sender was told is safe, is, whatever happens to the process.

SQLite in WAL mode; what many requests append and delete shares one commit (a sync to disk is what costs).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from lakescope.core.messages import Message

_SCHEMA = """
create table if not exists spool (
  row integer primary key autoincrement,
  format text not null,
  headers text not null,
  received real not null,
  body blob not null
);
create table if not exists checked (row integer primary key);
"""
ROW_BYTES = 64
"""What a row takes beside its body and its headers, about (bytes)."""
LARGE_BYTES = 2**20
"""Bodies from here on are written piece by piece: SQLite copies a value twice before it is on its page."""
INSERT = "insert into spool (format, headers, received, body) values (?, ?, ?, "
BUSY_S = 2.0
"""How long to wait for another process that has locked the file: a stop waits for it, too."""
CLOSE_S = 3.0
CHECK_S = 5.0
"""From one look whether an idle spool can be written to the next."""
RETRY_S = 1.0
"""From one attempt to delete to the next, while the disk refuses."""


class SpoolFullError(Exception):
    """The spool has reached its bound."""


class _Pending(NamedTuple):
    row: tuple[str, bytes, float, bytes]
    size: int
    completion: Future[None]


class Spool:
    """Append, read in order, delete. `append` and `delete` may be called from any thread, `read` from one.

    `bytes` is what the rows take that are on disk or on their way there; `fault` says why the last commit failed.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.limit_bytes = limit_bytes
        self.fault: str | None = None
        self._path = path
        self._write_db = self._open()
        self._write_db.executescript(_SCHEMA)
        self._read_db = self._open()
        sizes = "select coalesce(sum(length(body) + length(headers) + ?), 0) from spool"
        (self.bytes,) = self._write_db.execute(sizes, (ROW_BYTES,)).fetchone()
        self._pending: list[_Pending] = []
        self._completed_rows: list[int] = []
        self._is_closed = False
        self._last_read = 0
        self._wake = threading.Condition()
        self._arrival = threading.Event()
        self._thread = threading.Thread(target=self._commit_for_ever, name="spool", daemon=True)
        self._thread.start()

    def append(self, message: Message) -> Future[None]:
        """A future that is done once `message` is on disk. Raises `SpoolFullError`, or `sqlite3.Error` once closed."""
        completion: Future[None] = Future()
        completion.set_running_or_notify_cancel()  # a sender that goes away must not cancel what is being written
        headers = msgspec.json.encode(dict(message.headers))
        size = len(message.body) + len(headers) + ROW_BYTES
        with self._wake:
            if self._is_closed:
                raise sqlite3.ProgrammingError("Lakescope is stopping")
            if self.bytes + size > self.limit_bytes:
                raise SpoolFullError
            self.bytes += size
            row = (message.format, headers, message.received, message.body)
            self._pending.append(_Pending(row, size, completion))
            self._wake.notify()
        return completion

    def read(self, limit_bytes: int, timeout: float) -> list[Message]:
        """The next messages in order, of so many bytes or one, their row as token; empty after `timeout` seconds."""
        self._arrival.clear()  # before the look: what is committed after it ends the wait
        messages = self._rows(limit_bytes)
        if not messages and self._arrival.wait(timeout):
            messages = self._rows(limit_bytes)
        return messages

    def delete(self, rows: Sequence[int]) -> None:
        """Forgets messages that are safe elsewhere: soon, and once the disk lets it."""
        if rows:
            with self._wake:
                self._completed_rows += rows
                self._wake.notify()

    def close(self) -> None:
        """Commits what is pending and closes the file."""
        with self._wake:
            self._is_closed = True
            self._wake.notify()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            return  # the disk hangs; what it has not taken was not answered
        self._write_db.close()
        self._read_db.close()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=BUSY_S, check_same_thread=False)
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")
        db.execute("pragma journal_size_limit = 16777216")  # a large body must not leave its double behind
        return db

    def _rows(self, limit_bytes: int) -> list[Message]:
        """Row by row: a body may be as large as the rest of the memory allows. A blob's own reader makes no copy."""
        messages: list[Message] = []
        rows = self._read_db.execute(
            "select row, format, headers, received from spool where row > ? order by row", (self._last_read,)
        )
        for row, format_, headers, received_at in rows:
            with self._read_db.blobopen("spool", "body", row, readonly=True) as blob:
                body = blob.read()
            self._last_read = row
            messages.append(Message(body, format_, msgspec.json.decode(headers), received_at, row))
            limit_bytes -= len(body)
            if limit_bytes <= 0:
                break
        rows.close()
        return messages

    # --- the thread that writes ---------------------------------------------------------------------------

    def _commit_for_ever(self) -> None:
        is_refused = False
        while True:
            with self._wake:
                if is_refused and not self._pending and not self._is_closed:
                    self._wake.wait(RETRY_S)
                is_woken = True
                while is_woken and not self._pending and not self._completed_rows and not self._is_closed:
                    is_woken = self._wake.wait(CHECK_S)
                pending, self._pending = self._pending, []
                completed_rows, self._completed_rows = self._completed_rows, []
            if not pending and not completed_rows and self._is_closed:
                return
            is_refused = not self._commit(pending, completed_rows)
            if is_refused and self._is_closed and not self._pending:
                return  # what could not be deleted comes again

    def _commit(self, pending: list[_Pending], completed_rows: list[int]) -> bool:
        """Writes both at once, or at least one: deletions may be what makes room. Whether `completed_rows` are deleted."""
        try:
            self._write(pending, completed_rows)
        except sqlite3.Error as error:
            if pending and completed_rows:  # one of them may go on
                is_gone = self._commit([], completed_rows)
                self._commit(pending, [])
                return is_gone
            self.fault = str(error)
            with self._wake:
                self.bytes -= sum(size for _, size, _ in pending)
                self._completed_rows = completed_rows + self._completed_rows
            for _, _, future in pending:  # disk full: the senders are told, and try again
                future.set_exception(error)
            return not completed_rows
        self.fault = None
        if pending:
            self._arrival.set()
        for _, _, future in pending:
            future.set_result(None)
        return True

    def _write(self, pending: list[_Pending], completed_rows: list[int]) -> None:
        freed_bytes = 0
        with self._write_db:
            if not pending and not completed_rows:
                self._write_db.execute("insert or replace into checked values (1)")
            for row in completed_rows:
                size = "select length(body) + length(headers) + ? from spool where row = ?"
                freed_bytes += (self._write_db.execute(size, (ROW_BYTES, row)).fetchone() or (0,))[0]
            self._write_db.executemany("delete from spool where row = ?", [(row,) for row in completed_rows])
            small = [row for row, _, _ in pending if len(row[-1]) < LARGE_BYTES]
            self._write_db.executemany(INSERT + "?)", small)
            for *about, body in [row for row, _, _ in pending if len(row[-1]) >= LARGE_BYTES]:
                number = self._write_db.execute(INSERT + "zeroblob(?))", (*about, len(body))).lastrowid
                with self._write_db.blobopen("spool", "body", number or 0) as blob:
                    for begin in range(0, len(body), LARGE_BYTES):
                        blob.write(body[begin : begin + LARGE_BYTES])
        with self._wake:
            self.bytes -= freed_bytes


def rewrite(path: Path, change: Callable[[Message], Message]) -> int:
    """Puts other bodies and headers in the place of those that wait, while nobody has the file open; how many were changed.

    Raises `sqlite3.Error`.
    """
    count = 0
    with closing(sqlite3.connect(path, timeout=BUSY_S)) as db:
        rows = [row for (row,) in db.execute("select row from spool order by row")]
        for row in rows:
            format_, headers, received_at, body = db.execute(
                "select format, headers, received, body from spool where row = ?", (row,)
            ).fetchone()
            before = Message(body, format_, msgspec.json.decode(headers), received_at)
            after = change(before)
            if (after.body, after.headers) != (before.body, before.headers):
                with db:
                    db.execute(
                        "update spool set headers = ?, body = ? where row = ?",
                        (msgspec.json.encode(dict(after.headers)), after.body, row),
                    )
                count += 1
    return count
