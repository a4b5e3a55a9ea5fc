"""A queue on disk: what a sender was told is safe, is, whatever happens to the process.

SQLite in WAL mode; appends of many requests share one commit (a sync to disk is what costs).
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple

import msgspec

from lakescope.messages import Message

_SCHEMA = """
create table if not exists spool (
  row integer primary key autoincrement,
  format text not null,
  headers text not null,
  received real not null,
  body blob not null
)
"""


class Full(Exception):
    """The spool has reached its bound."""


class _Pending(NamedTuple):
    messages: Sequence[Message]
    done: Future[None]


class Spool:
    """Append, read in order, delete. `append` may be called from any thread; the rest from one each."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.limit_bytes = limit_bytes
        self._path = path
        self._write_db = self._open()
        self._write_db.execute(_SCHEMA)
        self._read_db = self._open()
        self._write_lock = threading.Lock()
        (self.bytes,) = self._write_db.execute("select coalesce(sum(length(body)), 0) from spool").fetchone()
        self._pending: list[_Pending] = []
        self._closed = False
        self._last_read = 0
        self._wake = threading.Condition()
        self._arrived = threading.Condition()
        self._thread = threading.Thread(target=self._commit_for_ever, name="spool", daemon=True)
        self._thread.start()

    def append(self, messages: Sequence[Message]) -> Future[None]:
        """A future that is done once all `messages` are on disk. Raises `Full`, or `sqlite3.Error` once closed."""
        done: Future[None] = Future()
        done.set_running_or_notify_cancel()  # a sender that goes away must not cancel what is being written
        size = sum(len(message.body) for message in messages)
        with self._wake:
            if self._closed:
                raise sqlite3.ProgrammingError("Lakescope is stopping")
            if self.bytes + size > self.limit_bytes:
                raise Full
            self.bytes += size
            self._pending.append(_Pending(messages, done))
            self._wake.notify()
        return done

    def read(self, limit: int, timeout: float) -> list[Message]:
        """The next messages in order, their row as token; empty after `timeout` seconds without any."""
        messages = self._rows(limit)
        if not messages:
            with self._arrived:
                self._arrived.wait(timeout)
            messages = self._rows(limit)
        return messages

    def delete(self, rows: Sequence[int]) -> None:
        """Forgets messages that are safe elsewhere."""
        with self._write_lock, self._write_db:
            (freed,) = self._write_db.execute(
                f"select coalesce(sum(length(body)), 0) from spool where row in ({','.join('?' * len(rows))})",  # noqa: S608 - question marks
                tuple(rows),
            ).fetchone()
            self._write_db.executemany("delete from spool where row = ?", [(row,) for row in rows])
        with self._wake:
            self.bytes -= freed

    def close(self) -> None:
        """Commits what is pending and closes the file."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()
        with self._write_lock:
            self._write_db.close()
        self._read_db.close()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=30, check_same_thread=False)
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = full")
        return db

    def _rows(self, limit: int) -> list[Message]:
        rows = self._read_db.execute(
            "select row, format, headers, received, body from spool where row > ? order by row limit ?",
            (self._last_read, limit),
        ).fetchall()
        if rows:
            self._last_read = rows[-1][0]
        return [
            Message(body, format_, msgspec.json.decode(headers), received, row)
            for row, format_, headers, received, body in rows
        ]

    def _commit_for_ever(self) -> None:
        while True:
            with self._wake:
                while not self._pending and not self._closed:
                    self._wake.wait()
                pending, self._pending = self._pending, []
            if not pending:
                return
            self._commit(pending)
            with self._arrived:
                self._arrived.notify()

    def _commit(self, pending: list[_Pending]) -> None:
        messages = [message for group, _ in pending for message in group]
        rows = [
            (m.format, msgspec.json.encode(dict(m.headers)).decode(), m.received, m.body) for m in messages
        ]
        try:
            with self._write_lock, self._write_db:
                self._write_db.executemany(
                    "insert into spool (format, headers, received, body) values (?, ?, ?, ?)", rows
                )
        except sqlite3.Error as error:  # disk full: the senders are told, and try again
            with self._wake:
                self.bytes -= sum(len(message.body) for message in messages)
            for _, done in pending:
                done.set_exception(error)
        else:
            for _, done in pending:
                done.set_result(None)
