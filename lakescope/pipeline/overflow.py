"""What a sink that is away or slow could not take yet, on disk, in order: so that it holds back neither sources nor neighbours.

What holds at every moment, whatever is killed and however full the disk is (tests/pipeline/test_overflow_model.py):

1. Once `put` has returned, its slices are on disk (synced) and each comes out of `read`, until `delete` has it.
2. A `put` that raises has written nothing: all of its slices or none.
3. `read` gives slices by their row, without gaps and unchanged; after a kill also those again that were read before.
4. `bytes`, `events` and `last_row` are those of the rows on disk, also after a kill.
5. Nothing on disk is dropped but by `delete`. What is damaged is moved aside under a name that the log tells.

One SQLite file a sink. What lies here was acknowledged to its source: it is on this disk alone until it is stored.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import zstandard

from lakescope.core.contracts import Chunk, Health
from lakescope.core.messages import Message

log = logging.getLogger(__name__)

_SCHEMA = """
create table if not exists slices (
  row integer primary key,
  collector text not null,
  events integer not null,
  time real not null,        -- when it was written, POSIX seconds
  chunks blob not null,      -- MessagePack in zstd with a checksum: what the sink is to write
  origin blob not null       -- the same: the messages that it was made of, should the sink refuse some of it
);
create table if not exists trial (row integer primary key, room blob);
"""
_SIZE = "length(chunks) + length(origin) + 64"
"""What a row takes (bytes), about."""
BUSY_S = 2.0
READ_BYTES = 64 * 2**20
"""Of what one `read` gives."""
VACUUM_BYTES = 16 * 2**20
"""An empty file that is larger than this gives its room back."""
TRIAL_BYTES = 2**20
"""So much at most is written to see whether a disk that refused a slice takes one again."""
ROOM_AGAIN = 0.9
"""Share of the bound below which an overflow that was full is well again."""

Result = TypeVar("Result")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_decode_origin = msgspec.msgpack.Decoder(
    tuple[list[tuple[bytes, str, dict[str, str], float]], list[int]]
).decode


class OverflowFullError(Exception):
    """The bound is reached; the text says so to the operator."""


class DamagedError(Exception):
    """A slice is not what was written."""


class Slice(NamedTuple):
    """Chunks of one batch for one sink, with what dead letters and the accounting need."""

    collector: str
    chunks: list[Chunk]
    seconds: Counter[str]
    """``YYYY-MM-DDThh:mm:ss`` -> events of that second, for the lag."""
    origin: bytes
    """What `pack_origin` gave."""


def pack_origin(messages: Sequence[Message], message_of: Iterable[int]) -> bytes:
    """Messages, and the index of the one that each chunk came from, as bytes."""
    bare = [(m.body, m.format, dict(m.headers), m.received) for m in messages]
    return _compress(_encode((bare, list(message_of))))


def unpack_origin(packed: bytes) -> tuple[list[Message], list[int]]:
    """What `pack_origin` was given, without tokens. Raises `DamagedError`."""
    try:
        bare, message_of = _decode_origin(_decompress(packed))
    except msgspec.DecodeError as error:
        raise DamagedError(f"expected the messages of a slice: {error}") from error
    return [Message(*one) for one in bare], message_of


class Overflow:
    """Put, read in order, delete; from any thread. Each raises `sqlite3.Error` for a file that cannot be used now.

    `health` keeps how the last `put` ended.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        """Makes `path` and its directory if need be. `limit_bytes`: 0 for one that is only read empty."""
        self.health = Health("ok")
        self.path = path
        self.limit_bytes = limit_bytes
        self.bytes = 0
        """What the slices take on disk, about."""
        self.events: Counter[str] = Counter()
        """Collector -> its events on disk."""
        self.last_row = 0
        """The highest row ever put since the start, or on disk at the start."""
        self._done_rows: list[int] = []
        self._refused_bytes = 0
        self._lock = threading.Lock()
        _make_directory(path.parent)
        with self._lock:
            self._guard(lambda: None)

    @property
    def age_s(self) -> float:
        """How long the first slice has been there (seconds); 0 for an empty file, or one that cannot be read."""
        with self._lock, suppress(sqlite3.Error):
            row = self._db.execute("select time from slices order by row limit 1").fetchone()
            return max(0.0, time.time() - row[0]) if row else 0.0
        return 0.0

    def put(self, slices: Sequence[tuple[int, Slice]]) -> None:
        """(row, slice): on disk when it returns, all or none. Rows are new ones.

        Raises `OverflowFullError` at the bound; one call goes beyond it at most.
        """
        if self.bytes >= self.limit_bytes:
            text = f"{self.path.name} takes {self.bytes} bytes of {self.limit_bytes} allowed"
            if self.limit_bytes:  # else it was never meant to take anything
                self.health.set("error", text)
            raise OverflowFullError(text)
        now = time.time()
        rows = [
            (
                row,
                one.collector,
                len(one.chunks),
                now,
                _compress(_encode((one.chunks, one.seconds))),
                one.origin,
            )
            for row, one in slices
        ]
        size = sum(len(chunks) + len(origin) + 64 for *_, chunks, origin in rows)
        with self._lock:
            try:
                self._guard(lambda: self._insert(rows))
            except sqlite3.Error as error:
                self._refused_bytes = size
                self.health.set("error", f"{self.path.name} cannot be written: {error}")
                raise
            self.bytes += size
            self._set_well()
            for _, collector, events, *_ in rows:
                self.events[collector] += events
            self.last_row = max(self.last_row, *(row[0] for row in rows))

    def read(self, after: int, limit: int) -> list[tuple[int, Slice]]:
        """The next slices behind row `after`, of `limit` chunks and `READ_BYTES` together at most, or one."""
        slices: list[tuple[int, Slice]] = []
        room_bytes = READ_BYTES
        with self._lock:
            while row := self._guard(partial(self._next, after)):
                after = row[0]
                try:
                    packed_chunks = _decompress(row[3])
                    chunks, seconds = _decode_chunks(packed_chunks)
                    unpack_origin(row[4])  # so that it can be a dead letter, should the sink refuse it
                except DamagedError as error:
                    self._set_row_aside(row, error)
                    continue
                size = len(packed_chunks) + len(row[4])
                if slices and (len(chunks) > limit or size > room_bytes):
                    break
                limit, room_bytes = limit - len(chunks), room_bytes - size
                slices.append((row[0], Slice(row[1], chunks, seconds, row[4])))
                if limit <= 0 or room_bytes <= 0:
                    break
        return slices

    def delete(self, rows: Sequence[int]) -> None:
        """Forgets slices that are stored or dead letters: now, or once the disk lets it (`check`)."""
        with self._lock:
            self._done_rows += rows
            self._try_to_delete()

    def replace(self, row: int, slice_: Slice) -> None:
        """Puts another slice of as many events in the place of one. Beside no `read` of another thread."""
        packed = _compress(_encode((slice_.chunks, slice_.seconds)))
        statement = "update slices set chunks = ?, origin = ? where row = ?"
        with self._lock:
            self._guard(lambda: self._db.execute(statement, (packed, slice_.origin, row)))

    def check(self) -> None:
        """Looks whether there is room again for what was refused: to be called now and then."""
        if self.health.state != "ok":
            self.delete([])

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._db.close()

    # --- with the lock held -------------------------------------------------------------------------------

    def _try_to_delete(self) -> None:
        try:
            self._guard(self._delete_done)
            if self.health.state != "ok":
                self._guard(self._try_room)
        except sqlite3.Error as error:
            self.health.set("error", f"{self.path.name} cannot be written: {error}")
            return
        self._set_well()

    def _set_well(self) -> None:
        if self.bytes <= ROOM_AGAIN * self.limit_bytes:
            self.health.set("ok")

    def _try_room(self) -> None:
        size = min(self._refused_bytes, TRIAL_BYTES)
        with _transaction(self._db):
            self._db.execute("insert or replace into trial values (1, zeroblob(?))", (size,))
        with _transaction(self._db):
            self._db.execute("delete from trial")

    def _guard(self, work: Callable[[], Result]) -> Result:
        """Does `work`; a file that is no sound database is set aside first, and an empty one takes its place."""
        try:
            if not hasattr(self, "_db"):
                self._open()
            return work()
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:
                raise  # its subclasses are full disks, locks, values too large: the file is sound
            self._set_file_aside(error)
            return work()

    def _open(self) -> None:
        self._db = sqlite3.connect(self.path, timeout=BUSY_S, check_same_thread=False, isolation_level=None)
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.execute("pragma journal_size_limit = 16777216")
        self._db.executescript(_SCHEMA)
        (self.bytes, last_row) = self._db.execute(
            f"select coalesce(sum({_SIZE}), 0), coalesce(max(row), 0) from slices"  # noqa: S608 - our own text
        ).fetchone()
        self.last_row = max(self.last_row, last_row)
        self.events = Counter(
            dict(self._db.execute("select collector, sum(events) from slices group by collector"))
        )

    def _insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        with _transaction(self._db):
            self._db.executemany("insert into slices values (?, ?, ?, ?, ?, ?)", rows)

    def _next(self, after: int) -> Any:
        return self._db.execute(
            "select row, collector, events, chunks, origin from slices where row > ? order by row limit 1",
            (after,),
        ).fetchone()

    def _delete_done(self) -> None:
        freed_bytes, freed_events = 0, Counter[str]()
        with _transaction(self._db):
            for row in self._done_rows:
                about = self._db.execute(
                    f"select collector, events, {_SIZE} from slices where row = ?",  # noqa: S608 - our own text
                    (row,),
                ).fetchone()
                if about is not None:
                    freed_events[about[0]] += about[1]
                    freed_bytes += about[2]
                    self._db.execute("delete from slices where row = ?", (row,))
        self._done_rows = []
        self.bytes -= freed_bytes
        self.events -= freed_events
        if not self.bytes:
            with suppress(sqlite3.Error):  # it may be tried again when it is empty again
                self._give_room_back()

    def _give_room_back(self) -> None:
        (size,) = self._db.execute(
            "select page_count * page_size from pragma_page_count, pragma_page_size"
        ).fetchone()
        if size > VACUUM_BYTES:
            self._db.execute("vacuum")
            self._db.execute("pragma wal_checkpoint(truncate)")

    def _set_row_aside(self, row: Any, error: DamagedError) -> None:
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}-row-{row[0]}")
        aside.write_bytes(_encode(row))
        log.error(
            "overflow_damaged file=%s row=%d events=%d aside=%s error=%s",
            self.path,
            row[0],
            row[2],
            aside,
            error,
        )
        self._done_rows.append(row[0])
        self._delete_done()

    def _set_file_aside(self, error: sqlite3.Error) -> None:
        with suppress(sqlite3.Error):
            self._db.close()
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
        for ending in ("-wal", "-shm", ""):  # the log first: it must not be applied to the new file
            with suppress(FileNotFoundError):
                self.path.with_name(self.path.name + ending).rename(f"{aside}{ending}")
        log.error(
            "overflow_damaged file=%s events=%d aside=%s error=%s",
            self.path,
            self.events.total(),
            aside,
            error,
        )
        self._open()


class _transaction:  # noqa: N801 - used like a function
    """`begin immediate` ... `commit`, or a rollback that cannot hide what went wrong."""

    def __init__(self, db: sqlite3.Connection):
        self.db = db

    def __enter__(self) -> None:
        self.db.execute("begin immediate")

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.db.execute("commit")
        finally:
            if self.db.in_transaction:
                with suppress(sqlite3.Error):
                    self.db.execute("rollback")


def _compress(content: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(content)


def _decompress(content: bytes) -> bytes:
    """Raises `DamagedError`: its checksum is of all that was written."""
    try:
        return zstandard.ZstdDecompressor().decompress(content)
    except zstandard.ZstdError as error:
        raise DamagedError(f"expected a part of a slice in zstd: {error}") from error


def _decode_chunks(content: bytes) -> tuple[list[Chunk], Counter[str]]:
    """Raises `DamagedError`."""
    try:
        chunks, seconds = _decode(content)
        return [tuple(chunk) if type(chunk) is list else chunk for chunk in chunks], Counter(seconds)
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise DamagedError(f"expected the chunks of a slice: {error}") from error


def _make_directory(directory: Path) -> None:
    """Its own entry is synced, too."""
    if not directory.is_dir():
        directory.mkdir(parents=True)
        descriptor = os.open(directory.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


FOLDER = "overflow"
"""Of the data directory."""


def file_of(data_dir: Path, sink: str) -> Path:
    """Where a sink's overflow lies."""
    return data_dir / FOLDER / f"{sink}.sqlite"


def find_remainders(data_dir: Path, sinks: Iterable[str]) -> list[str]:
    """Sentences for the operator: overflow of sinks that are not among `sinks`, and files that were set aside."""
    known_files = {file_of(data_dir, sink).name for sink in sinks}
    sentences = []
    for path in sorted((data_dir / FOLDER).glob("*.sqlite*")):
        if ".damaged-" in path.name:
            if not path.name.endswith(("-wal", "-shm")):
                sentences.append(f"{path}: overflow that was damaged and set aside; nothing reads it")
        elif path.suffix == ".sqlite" and path.name not in known_files and (events := _count(path)):
            sentences.append(
                f"{path}: {events} events wait for a sink {path.stem!r} that the configuration no longer has;"
                " they are kept: bring the sink back under that name, or remove the file"
            )
    return sentences


def _count(path: Path) -> int | str:
    try:
        db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)
        try:
            (events,) = db.execute("select coalesce(sum(events), 0) from slices").fetchone()
        finally:
            db.close()
    except sqlite3.Error as error:
        return f"an unknown number of ({error})"
    return int(events)
