"""The dead letters: every message that was not stored, with its reason, until somebody replays or drops it.

The oldest move to files of JSON lines (`dead-letters/*.jsonl.zst`) once the database has its size; `restore` takes one back.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from zstandard import ZstdCompressor, ZstdDecompressor, ZstdError, compress, decompress

from lakescope.core.contracts import Health
from lakescope.core.messages import Message, Reject

_SCHEMA = """
create table if not exists letters (
  id text primary key,            -- hash of collector, format, sink, body and target: a repeat is the same letter
  collector text not null,
  format text not null,
  sink text,                      -- null: no decoder could read it, so no sink has it
  reason text not null,
  path text not null,
  expected text,
  found text,
  events integer not null,        -- how many events (or parts of the body) this reason struck
  body blob not null,
  headers text not null,
  received real not null,
  first_seen real not null,
  last_seen real not null,
  times integer not null default 1,
  packed integer not null default 0  -- whether body is in zstd
);
create index if not exists letters_last_seen on letters (last_seen);
create table if not exists checked (row integer primary key, time real not null);
"""
log = logging.getLogger(__name__)

FOLDER = "dead-letters"
"""Of the data directory: the files that the oldest letters move to."""
MOVE_SHARE, MOVE_BYTES = 0.2, 64 * 2**20
"""So much of the bound moves to one file, and so many bytes as they lie in the database."""
READ_BYTES = 2**20
BUSY_S = 2.0
"""How long to wait for another process that has locked the file: a stop waits for it, too."""


class Letter(msgspec.Struct, frozen=True):
    """One dead letter. Times are POSIX seconds."""

    id: str
    collector: str
    format: str
    sink: str | None
    reason: str
    path: str
    expected: str | None
    found: str | None
    events: int
    body: bytes
    headers: dict[str, str]
    received: float
    first_seen: float
    last_seen: float
    times: int

    def why(self) -> str:
        """The reason as one line."""
        return str(Reject(self.reason, self.path, self.expected, self.found))  # type: ignore[arg-type]

    def message(self) -> Message:
        """The message as it came, for a replay."""
        return Message(self.body, self.format, self.headers, self.received)


class Summary(msgspec.Struct, frozen=True):
    """The letters of one cause."""

    reason: str
    collector: str
    format: str
    sink: str | None
    count: int
    example: str
    last_seen: float


class DeadLetters:
    """A SQLite file; safe for several threads and processes. Every method returns after the data is on disk.

    Each raises `sqlite3.Error` if the file cannot be used within `BUSY_S`. What reads does not wait for what writes.
    Once its letters take `limit_bytes`, the oldest move to a file of `folder`. Once both take `total_bytes`, no more are
    taken until some are dropped or files are taken back or away, as on a disk that is full.
    """

    def __init__(self, path: Path, limit_bytes: int = 2**63, total_bytes: int = 2**63):
        self.folder = path.parent / FOLDER
        self._total_bytes = total_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self.health = Health("ok")
        self._path = path
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._db = self._open()
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(_SCHEMA)
        if not any(column[1] == "packed" for column in self._db.execute("pragma table_info(letters)")):
            self._db.execute(
                "alter table letters add column packed integer not null default 0"
            )  # of older files
        self._read_db = self._open()

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=BUSY_S, check_same_thread=False, isolation_level=None)

    def check(self) -> None:
        """Writes a trifle, so that `health` says what the next letter would meet."""
        try:
            with self._transaction():
                self._check_room()
                self._db.execute("insert or replace into checked values (1, ?)", (time.time(),))
        except sqlite3.Error:
            pass  # it is in `health`

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """One transaction; `health` keeps how it ended."""
        try:
            with self._lock, self._db:
                self._db.execute("begin immediate")
                yield
        except sqlite3.Error as error:
            self.health.set("error", f"{self._path.name} cannot be written: {error}")
            raise
        self.health.set("ok")

    def _check_room(self) -> None:
        """Raises `sqlite3.OperationalError` once the bound of all is reached: one batch goes beyond it at most."""
        used = self._total_used_bytes()
        if used >= self._total_bytes:
            raise sqlite3.OperationalError(
                f"the letters take {used} bytes, of {self._total_bytes} allowed: replay or drop some"
                f" (lakescope dead-letters list), take files of {self.folder} away,"
                " or raise dead_letters_total_bytes in [pipeline]"
            )

    def _used_bytes(self) -> int:
        (used,) = self._db.execute(
            "select (page_count - freelist_count) * page_size"
            " from pragma_page_count, pragma_freelist_count, pragma_page_size"
        ).fetchone()
        return int(used)

    def _total_used_bytes(self) -> int:
        used = self._used_bytes()
        for path in self.files():
            with suppress(FileNotFoundError):  # taken away just now
                used += path.stat().st_size
        return used

    def files(self) -> list[Path]:
        """Those that letters have moved to, the oldest first."""
        return sorted(self.folder.glob("*.jsonl.zst"))

    def _make_room(self) -> None:
        try:
            with self._lock:
                if self._used_bytes() >= self._limit_bytes and self._total_used_bytes() < self._total_bytes:
                    self._move_oldest()
        except (sqlite3.Error, OSError) as error:
            self.health.set("error", f"letters cannot be moved to {self.folder}: {error}")
            raise

    def _move_oldest(self) -> None:
        """Moves a part of the letters to a file, with the lock held. A kill in between leaves some in both. Raises `OSError`."""
        size, ids = 0, []
        limit_bytes = min(MOVE_SHARE * self._limit_bytes, MOVE_BYTES)
        statement = "select id, length(body) from letters order by first_seen, id"
        for id_, length in self._db.execute(statement):
            ids.append(id_)
            size += length
            if size >= limit_bytes:
                break
        self.folder.mkdir(exist_ok=True)
        number = time.time_ns()
        name = f"{datetime.fromtimestamp(number // 10**9, UTC):%Y%m%dT%H%M%SZ}-{number % 10**9:09}.jsonl.zst"
        rows = (self._db.execute("select * from letters where id = ?", (id_,)).fetchone() for id_ in ids)
        _write_file(self.folder / name, (_letter(row, with_body=True) for row in rows if row is not None))
        _sync(self.folder.parent)
        with self._db:
            self._db.execute("begin immediate")
            self._delete(ids)
        log.warning("dead_letters_moved letters=%d file=%s", len(ids), self.folder / name)

    def restore(self, name: str) -> list[str]:
        """Takes the letters of a file of `folder` back, and removes it: their ids. One that is there already stays as it is.

        Raises `ValueError` for a file that is not there or is damaged; then nothing is changed.
        """
        path = self.folder / name
        if path not in self.files():
            raise ValueError(f"{path}: expected one of the files that letters have moved to")
        ids = []
        with self._transaction():
            for letter in read_file(path):
                ids.append(letter.id)
                row = msgspec.structs.astuple(letter)
                headers = msgspec.json.encode(letter.headers).decode()
                self._db.execute(
                    "insert or ignore into letters values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
                    (*row[:9], compress(letter.body, 1), headers, *row[11:]),
                )
        path.unlink()
        return ids

    def rewrite(self, path: Path, change: Callable[[Letter], Letter]) -> int:
        """Writes a file of `files` anew where `change` changes letters, each under the id that it then has; how many.

        Raises `ValueError` for a damaged file or `OSError`; then it is as it was.
        """
        with self._lock:
            count = sum(change(letter) != letter for letter in read_file(path))
            if count:
                _write_file(path, (_renamed(letter, change(letter)) for letter in read_file(path)))
        return count

    def add(self, collector: str, sink: str | None, dead: Iterable[tuple[Message, Sequence[Reject]]]) -> None:
        """Files messages under the first of their rejects; a letter that is there already is counted again."""
        now = time.time()
        rows = [
            (
                _letter_id(collector, sink, message),
                collector,
                message.format,
                sink,
                rejects[0].reason,
                rejects[0].path,
                rejects[0].expected,
                rejects[0].found,
                len(rejects),
                compress(message.body, 1),  # a bomb must not grow again here
                msgspec.json.encode(dict(message.headers)).decode(),
                message.received,
                now,
                now,
            )
            for message, rejects in dead
        ]
        ids = {row[0] for row in rows}
        self._make_room()
        with self._transaction():
            (known_count,) = self._db.execute(
                "select count(*) from letters where id in (select value from json_each(?))",
                (msgspec.json.encode(list(ids)).decode(),),
            ).fetchone()
            if known_count < len(ids):  # one that is there already takes no room, as after a replay in vain
                self._check_room()
            self._db.executemany(
                "insert into letters values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 1) on conflict (id) do update set"
                " reason = excluded.reason, path = excluded.path, expected = excluded.expected,"
                " found = excluded.found, events = excluded.events, last_seen = excluded.last_seen,"
                " times = times + 1",
                rows,
            )

    def letters(
        self,
        *,
        ids: Sequence[str] | None = None,
        reason: str | None = None,
        collector: str | None = None,
        sink: str | None = None,
        limit: int = -1,
        with_bodies: bool = True,
    ) -> Iterator[Letter]:
        """The letters that match when this begins, oldest first. An id may be cut to its first characters.

        Without bodies these are empty.
        """
        for id_ in self.ids(ids=ids, reason=reason, collector=collector, sink=sink, limit=limit):
            with self._read_lock:  # one at a time: bodies may be large
                row = self._read_db.execute("select * from letters where id = ?", (id_,)).fetchone()
            if row is not None:
                yield _letter(row, with_body=with_bodies)

    def ids(
        self,
        *,
        ids: Sequence[str] | None = None,
        reason: str | None = None,
        collector: str | None = None,
        sink: str | None = None,
        limit: int = -1,
    ) -> list[str]:
        """The whole ids of the letters that match, oldest first; of all of them without `ids`."""
        where, values = ["1"], []
        for column, value in (("reason", reason), ("collector", collector), ("sink", sink)):
            if value is not None:
                where.append(f"{column} = ?")
                values.append(value)
        if ids is not None:  # ids are hexadecimal: those that begin with x lie between x and xg
            where.append(
                "id in (select l.id from json_each(?) w join letters l"
                " on l.id >= w.value and l.id < w.value || 'g' where w.value <> '')"
            )
            values.append(msgspec.json.encode(ids).decode())
        statement = f"select id from letters where {' and '.join(where)} order by first_seen, id limit ?"  # noqa: S608 - column names above
        with self._read_lock:
            return [id_ for (id_,) in self._read_db.execute(statement, (*values, limit))]

    def drop(self, ids: Sequence[str]) -> int:
        """Forgets letters by their whole ids; how many there were."""
        with self._transaction():
            return self._delete(ids)

    def _delete(self, ids: Sequence[str]) -> int:
        return sum(self._db.execute("delete from letters where id = ?", (id_,)).rowcount for id_ in ids)

    def give_room_back(self) -> None:
        """Writes the database anew: free pages hold letters that were dropped."""
        with self._lock, self._read_lock:
            self._db.execute("vacuum")
            self._db.execute("pragma wal_checkpoint(truncate)")

    def summary(self) -> list[Summary]:
        """One row a cause, the most frequent first."""
        with self._read_lock:
            rows = self._read_db.execute(
                "select reason, collector, format, sink, count(*), path, expected, found, max(last_seen)"
                " from letters group by reason, collector, format, sink order by count(*) desc"
            ).fetchall()
        return [
            Summary(reason, collector, format_, sink, count, str(Reject(reason, path, expected, text)), last)
            for reason, collector, format_, sink, count, path, expected, text, last in rows
        ]

    def close(self) -> None:
        """Closes the file."""
        with self._lock, self._read_lock:
            self._read_db.close()
            self._db.close()


def read_file(path: Path) -> Iterator[Letter]:
    """The letters of a file that they have moved to. Raises `ValueError` for one that is damaged, at the damage."""
    unpacker, rest = ZstdDecompressor().decompressobj(), b""
    try:
        with path.open("rb") as file:
            while block := file.read(READ_BYTES):
                *lines, rest = (rest + unpacker.decompress(block)).split(b"\n")
                for line in lines:
                    yield msgspec.json.decode(line, type=Letter)
    except (ZstdError, msgspec.DecodeError) as error:
        raise ValueError(f"{path}: expected dead letters as JSON lines in zstd: {error}") from error
    if rest or not unpacker.eof:
        raise ValueError(f"{path}: expected dead letters as JSON lines in zstd, found a part of a file")


def _write_file(path: Path, letters: Iterable[Letter]) -> None:
    """Whole or not at all, and synced. Raises `OSError`, and what `letters` raises."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            packer = ZstdCompressor(level=6, write_checksum=True)
            with packer.stream_writer(file, closefd=False) as lines:
                for letter in letters:
                    lines.write(msgspec.json.encode(letter) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    _sync(path.parent)


def _renamed(before: Letter, after: Letter) -> Letter:
    if after == before:
        return before
    return msgspec.structs.replace(after, id=_letter_id(after.collector, after.sink, after.message()))


def _letter(row: Any, *, with_body: bool) -> Letter:
    """A row of the table."""
    body = (decompress(row[9]) if row[15] else row[9]) if with_body else b""
    headers = msgspec.json.decode(row[10], type=dict[str, str])
    return Letter(*row[:9], body, headers, *row[11:15])  # type: ignore[call-arg]  # a row is the table


def _sync(directory: Path) -> None:
    """A file's new name is safe as well."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _letter_id(collector: str, sink: str | None, message: Message) -> str:
    # two hosts may say the same; a transport's other headers are new with each delivery
    target = (message.headers.get(name, "") for name in ("instance", "url"))
    key = "\x1f".join((collector, message.format, sink or "", *target)).encode() + b"\x1f" + message.body
    return blake2b(key, digest_size=8).hexdigest()
