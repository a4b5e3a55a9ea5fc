"""`lakescope.collectors._spool`: what is on disk, in what order it is read, how its size is counted, what fails."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakescope.collectors import _spool as module
from lakescope.collectors._spool import LARGE_BYTES, ROW_BYTES, Spool, SpoolFullError
from lakescope.core.messages import Message
from tests.e2e._lakescope import until

WAIT_S = 2.0 if "MUTANT_UNDER_TEST" in os.environ else 10.0
"""For what comes at once, unless it never comes, as with many a mutant."""
SIZE = 5 + 2 + ROW_BYTES
"""Of a message of five bytes without headers."""


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "x.spool", 2**24)
    yield spool
    spool.close()


def message(body: bytes = b"12345", **headers: str) -> Message:
    return Message(body, "hermes", headers, 1.0)


def bodies(messages: list[Message]) -> list[bytes]:
    return [message.body for message in messages]


def pragma(connection: sqlite3.Connection, name: str) -> Any:
    return connection.execute(f"pragma {name}").fetchone()[0]


def test_a_new_spool_is_empty_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK_S", 1000.0)  # whose commit would wake a reader that waits too long
    spool = Spool(tmp_path / "new" / "folder" / "x.spool", 10)
    assert (spool.bytes, spool.limit_bytes, spool.fault) == (0, 10, None)
    assert spool.read(1, timeout=0) == []
    spool.close()


def test_what_was_appended_is_read_in_order_and_after_a_restart_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "x.spool", 2**20)
    first = Message(b"one", "hermes", {"a": "b"}, 1.5)
    for one in (first, Message(b"", "fts", {}, 2.5), Message(b"three", "traces", {}, 3.5)):
        spool.append(one).result(WAIT_S)
    assert spool.bytes == 3 + len('{"a":"b"}') + 0 + 2 + 5 + 2 + 3 * ROW_BYTES
    before, size = spool.read(100, timeout=30.0), spool.bytes  # nobody waits for what is there
    assert [(one.body, one.format, one.headers, one.received, one.token) for one in before] == [
        (b"one", "hermes", {"a": "b"}, 1.5, 1),
        (b"", "fts", {}, 2.5, 2),
        (b"three", "traces", {}, 3.5, 3),
    ]
    assert spool.read(100, timeout=0) == [], "each is read once"
    spool.close()
    spool = Spool(tmp_path / "x.spool", 2**20)
    assert spool.bytes == size
    assert spool.read(100, timeout=0) == before
    spool.close()


@pytest.mark.parametrize(
    ("limit", "batches"), [(1, [1, 1, 1, 1]), (5, [1, 1, 1, 1]), (6, [2, 2]), (15, [3, 1])]
)
def test_a_read_takes_so_many_bytes_or_one_message(spool: Spool, limit: int, batches: list[int]) -> None:
    for number in range(4):
        spool.append(message(b"body%d" % number)).result(WAIT_S)
    reads = [bodies(spool.read(limit, timeout=0)) for _ in batches]
    assert [len(read) for read in reads] == batches
    assert [body for read in reads for body in read] == [b"body0", b"body1", b"body2", b"body3"]
    assert spool.read(limit, timeout=0) == []


def test_the_bound_is_reached_to_the_byte(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "x.spool", 2 * SIZE)
    spool.append(message()).result(WAIT_S)
    with pytest.raises(SpoolFullError):
        spool.append(message(b"123456"))
    spool.append(message()).result(WAIT_S)
    assert spool.bytes == 2 * SIZE
    with pytest.raises(SpoolFullError):
        spool.append(message(b""))
    spool.delete([1])
    until(lambda: spool.bytes == SIZE, WAIT_S)
    spool.append(message()).result(WAIT_S)
    spool.close()


def test_what_is_on_its_way_to_the_disk_counts(spool: Spool) -> None:
    with spool._wake:  # the disk is slow
        pending = spool.append(message(b"12345678", host="a"))
        assert spool.bytes == 8 + len('{"host":"a"}') + ROW_BYTES
        assert not pending.done()
    pending.result(WAIT_S)
    assert spool.bytes == 8 + len('{"host":"a"}') + ROW_BYTES


@pytest.mark.parametrize(
    "size", [LARGE_BYTES - 1, LARGE_BYTES, LARGE_BYTES + 1, 2 * LARGE_BYTES, 3 * LARGE_BYTES - 1]
)
def test_large_bodies_are_as_they_came(spool: Spool, size: int) -> None:
    """Written piece by piece, among small ones of the same commit."""
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    with spool._wake:
        waiting = [spool.append(one) for one in (message(), message(body, a="b"), message(b"54321"))]
    for one in waiting:
        one.result(WAIT_S)
    stored = spool.read(2**24, timeout=0)
    assert sorted(one.body for one in stored) == sorted([b"12345", body, b"54321"])
    (large,) = [one for one in stored if one.body == body]
    assert (large.format, large.headers, large.received) == ("hermes", {"a": "b"}, 1.0)
    spool.delete([one.token for one in stored])
    until(lambda: spool.bytes == 0, WAIT_S)


def test_deletions_give_the_room_back_once(spool: Spool) -> None:
    for number in range(3):
        spool.append(message(b"12345"[: number + 3])).result(WAIT_S)
    rows = [one.token for one in spool.read(100, timeout=0)]
    spool.delete([])
    spool.delete([rows[0], rows[2]])
    until(lambda: spool.bytes == SIZE - 1, WAIT_S)
    spool.delete([rows[0], 4711])
    spool.append(message()).result(WAIT_S)
    assert spool.bytes == 2 * SIZE - 1, "a row that is gone gives nothing back"
    (last,) = spool.read(100, timeout=0)
    with spool._wake:  # the disk is slow
        spool.delete([rows[1]])
        spool.delete([last.token])
    until(lambda: spool.bytes == 0, WAIT_S)


def test_a_closed_spool_has_all_that_was_pending(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "x.spool", 2**20)
    spool.append(message(b"gone")).result(WAIT_S)
    (gone,) = spool.read(100, timeout=0)
    with spool._wake:
        waiting = [spool.append(message()) for _ in range(3)]
        spool._completed_rows.append(gone.token)
        spool._is_closed = True
    spool.close()
    assert all(one.done() and one.exception() is None for one in waiting)
    for connection in (spool._write_db, spool._read_db):
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("select 1")
    spool = Spool(tmp_path / "x.spool", 2**20)
    assert bodies(spool.read(100, timeout=0)) == [b"12345"] * 3
    spool.close()


def test_a_stop_waits_for_a_locked_file_for_a_bounded_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process holds the file: `close` returns and leaves the databases open to the thread that hangs."""
    monkeypatch.setattr(module, "CLOSE_S", 0.2)
    spool = Spool(tmp_path / "x.spool", 2**20)
    with sqlite3.connect(tmp_path / "x.spool") as other:
        other.execute("begin immediate")
        waiting = spool.append(message())
        spool.close()
        assert spool._thread.is_alive() and not waiting.done()
    other.close()
    waiting.result(WAIT_S)
    spool._thread.join(WAIT_S)
    assert not spool._thread.is_alive()
    spool.close()


def test_a_commit_is_on_the_disk_itself(spool: Spool) -> None:
    """SQLite's settings: what a sender was promised survives a power failure."""
    for connection in (spool._write_db, spool._read_db):
        assert pragma(connection, "journal_mode") == "wal"
        assert pragma(connection, "synchronous") == 2, "full"
        assert pragma(connection, "journal_size_limit") == 2**24
        assert pragma(connection, "busy_timeout") == 1000 * module.BUSY_S


def test_its_thread_does_not_hold_up_the_end_of_the_process(spool: Spool) -> None:
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "spool"] == [True]


def test_an_idle_spool_sees_that_the_disk_refuses_and_that_it_does_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECK_S", 0.01)
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    spool = Spool(tmp_path / "x.spool", 2**20)
    with sqlite3.connect(tmp_path / "x.spool") as other:
        other.execute(
            "create trigger broken before insert on checked begin select raise(fail, 'broken'); end"
        )
    until(lambda: spool.fault == "broken", WAIT_S)
    with other:
        other.execute("drop trigger broken")
    other.close()
    until(lambda: spool.fault is None, WAIT_S)
    assert spool.read(1, timeout=0) == [] and spool.bytes == 0
    assert spool._read_db.execute("select * from checked").fetchall() == [(1,)]
    spool.close()


def _both(spool: Spool) -> tuple[Any, int]:
    """A message and a deletion in one commit: what waits for the message, and the deleted one's row."""
    spool.append(message(b"first")).result(WAIT_S)
    (first,) = spool.read(100, timeout=0)
    with spool._wake:
        waiting = spool.append(message(b"second"))
        spool._completed_rows.append(first.token)
    return waiting, first.token


def test_what_can_be_deleted_is_while_nothing_can_be_written(spool: Spool, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "x.spool") as other:
        other.execute(
            "create trigger broken before insert on spool when new.body = cast('second' as blob)"
            " begin select raise(fail, 'broken'); end"
        )
    other.close()
    waiting, _ = _both(spool)
    with pytest.raises(sqlite3.Error, match="broken"):
        waiting.result(WAIT_S)
    until(lambda: spool.bytes == 0, WAIT_S)
    assert spool.fault == "broken", "until something was written"
    assert spool._read_db.execute("select count(*) from spool").fetchone() == (0,)


def test_what_can_be_written_is_while_nothing_can_be_deleted(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    with sqlite3.connect(tmp_path / "x.spool") as other:
        other.execute("create trigger broken before delete on spool begin select raise(fail, 'broken'); end")
    waiting, _ = _both(spool)
    waiting.result(WAIT_S)
    assert spool.bytes == 2 * SIZE + 1
    with other:
        other.execute("drop trigger broken")
    other.close()
    until(lambda: spool.bytes == SIZE + 1, WAIT_S)
    assert bodies(spool.read(100, timeout=0)) == [b"second"]


def test_a_stop_does_not_wait_for_a_deletion_that_the_disk_refuses(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "x.spool", 2**20)
    spool.append(message()).result(WAIT_S)
    (stored,) = spool.read(100, timeout=0)
    with sqlite3.connect(tmp_path / "x.spool") as other:
        other.execute("create trigger broken before delete on spool begin select raise(fail, 'broken'); end")
    spool.delete([stored.token])
    until(lambda: spool.fault == "broken", WAIT_S)
    spool.close()
    assert not spool._thread.is_alive()
    with other:
        other.execute("drop trigger broken")
    other.close()
    spool = Spool(tmp_path / "x.spool", 2**20)
    assert bodies(spool.read(100, timeout=0)) == [b"12345"], "it comes again"
    spool.close()


def test_a_sender_that_goes_away_harms_nobody(tmp_path: Path) -> None:
    """A future that its waiter has given up must not stop the thread that writes."""
    spool = Spool(tmp_path / "x.spool", 2**20)
    message = Message(b"{}", "hermes", {}, 1.0)
    with spool._wake:  # the disk is slow
        first = spool.append(message)
        first.cancel()
    spool.append(message).result(WAIT_S)
    assert len(spool.read(100, timeout=1.0)) == 2
    spool.close()
    with pytest.raises(sqlite3.Error, match=r"^Lakescope is stopping$"):
        spool.append(message)


def test_a_disk_that_refuses_is_told_to_the_sender(tmp_path: Path) -> None:
    """A real SQLite error: the table is gone. The spool goes on for the next sender."""
    spool = Spool(tmp_path / "x.spool", 2**20)
    message = Message(b"12345", "hermes", {}, 1.0)
    with sqlite3.connect(tmp_path / "x.spool") as other:
        other.execute("alter table spool rename to away")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        spool.append(message).result(WAIT_S)
    assert spool.bytes == 0
    with other:
        other.execute("alter table away rename to spool")
    other.close()
    spool.append(message).result(WAIT_S)
    assert spool.bytes == 5 + 2 + ROW_BYTES
    spool.close()


def test_an_idle_spool_wakes_at_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "x.spool", 2**20)
    found: list[Message] = []
    reader = threading.Thread(target=lambda: found.extend(spool.read(10, timeout=30.0)))
    reader.start()
    spool.append(Message(b"{}", "hermes", {"a": "b"}, 2.5)).result(WAIT_S)
    reader.join(WAIT_S)
    assert [(m.body, m.format, m.headers, m.received) for m in found] == [(b"{}", "hermes", {"a": "b"}, 2.5)]
    spool.delete([found[0].token])
    until(lambda: spool.bytes == 0, WAIT_S)
    spool.close()


def test_what_is_stored_between_the_look_and_the_wait_ends_the_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECK_S", 1000.0)  # no later commit wakes the reader
    spool = Spool(tmp_path / "x.spool", 2**20)
    look = spool._rows

    def look_too_early(limit_bytes: int) -> list[Message]:
        rows = look(limit_bytes)
        monkeypatch.setattr(spool, "_rows", look)
        spool.append(message()).result(WAIT_S)
        return rows

    monkeypatch.setattr(spool, "_rows", look_too_early)
    messages: list[Message] = []
    reader = threading.Thread(target=lambda: messages.extend(spool.read(10, timeout=60.0)), daemon=True)
    reader.start()
    reader.join(WAIT_S)
    assert bodies(messages) == [b"12345"]
    spool.close()


def test_a_deletion_ends_no_wait(spool: Spool) -> None:
    """Only what there is to read does: a reader is not to look at the disk in vain."""
    spool.append(message()).result(WAIT_S)
    (first,) = spool.read(10, timeout=0)
    spool._arrival.clear()
    spool.delete([first.token])
    until(lambda: spool.bytes == 0, WAIT_S)
    assert not spool._arrival.wait(0)


def test_a_full_disk_is_told_and_forgotten(tmp_path: Path) -> None:
    """A real SQLITE_FULL: senders are told, what waits can still leave, and all the room comes back."""
    spool = Spool(tmp_path / "x.spool", 2**24)
    message = Message(b"x" * 10_000, "hermes", {}, 1.0)
    spool.append(message).result(WAIT_S)
    (pages,) = spool._write_db.execute("pragma page_count").fetchone()
    spool._write_db.execute(f"pragma max_page_count = {pages + 3}")
    refused = 0
    for _ in range(5):
        try:
            spool.append(message).result(WAIT_S)
        except sqlite3.OperationalError as error:
            refused += "full" in str(error)
    assert refused and spool.fault and "full" in spool.fault
    stored = spool.read(2**24, timeout=0)
    assert spool.bytes == len(stored) * (10_000 + 2 + ROW_BYTES)
    spool.delete([one.token for one in stored])
    until(lambda: spool.bytes == 0, WAIT_S)
    assert spool.fault is None
    spool.close()


def test_a_deletion_that_fails_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_S", 0.01)
    spool = Spool(tmp_path / "x.spool", 2**20)
    spool.append(Message(b"{}", "hermes", {}, 1.0)).result(WAIT_S)
    (stored,) = spool.read(100, timeout=0)
    with sqlite3.connect(tmp_path / "x.spool") as other:
        other.execute("create trigger broken before delete on spool begin select raise(fail, 'broken'); end")
    spool.delete([stored.token])
    until(lambda: spool.fault == "broken", WAIT_S)
    spool.append(Message(b"{}", "hermes", {}, 1.0)).result(WAIT_S)  # others are not held up
    with other:
        other.execute("drop trigger broken")
    other.close()
    until(lambda: spool.bytes == 2 + 2 + ROW_BYTES and spool.fault is None, WAIT_S)
    spool.close()


def _record_writes(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """How many messages and how many deletions each attempt to write has, from here on; neither: a look at the disk."""
    attempts: list[tuple[int, int]] = []
    write = spool._write

    def record(pending: list[Any], done: list[int]) -> None:
        attempts.append((len(pending), len(done)))
        write(pending, done)

    monkeypatch.setattr(spool, "_write", record)
    return attempts


def test_a_disk_that_refuses_is_not_asked_without_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for the deletion, then for the next message: with it, the deletion alone, the message alone."""
    monkeypatch.setattr(module, "RETRY_S", 1000.0)
    spool = Spool(tmp_path / "x.spool", 2**20)
    spool.append(message()).result(WAIT_S)
    (stored,) = spool.read(100, timeout=0)
    with sqlite3.connect(tmp_path / "x.spool") as other:
        other.execute("create trigger broken before delete on spool begin select raise(fail, 'broken'); end")
    other.close()
    attempts = _record_writes(spool, monkeypatch)
    spool.delete([stored.token])
    until(lambda: spool.fault == "broken", WAIT_S)
    spool.append(message()).result(WAIT_S)
    assert attempts == [(0, 1), (1, 1), (0, 1), (1, 0)]
    spool.close()


def test_the_pause_after_a_refusal_comes_after_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a new spool nor one that has just written waits `RETRY_S` for its next look at the disk."""
    monkeypatch.setattr(module, "CHECK_S", 0.01)
    monkeypatch.setattr(module, "RETRY_S", 1000.0)
    spool = Spool(tmp_path / "x.spool", 2**20)
    attempts = _record_writes(spool, monkeypatch)
    until(lambda: (0, 0) in attempts, WAIT_S)
    spool.append(message()).result(WAIT_S)
    until(lambda: attempts[-1] == (0, 0), WAIT_S)
    assert (1, 0) in attempts
    spool.close()


def test_a_deletion_during_a_commit_is_in_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its notice finds the thread at work: what came meanwhile is looked for before the thread waits."""
    monkeypatch.setattr(module, "CHECK_S", 1000.0)
    monkeypatch.setattr(module, "RETRY_S", 1000.0)
    spool = Spool(tmp_path / "x.spool", 2**20)
    spool.append(message(b"first")).result(WAIT_S)
    (first,) = spool.read(100, timeout=0)
    write = spool._write

    def write_late(pending: list[Any], done: list[int]) -> None:
        if pending:
            spool.delete([first.token])
        write(pending, done)

    monkeypatch.setattr(spool, "_write", write_late)
    spool.append(message(b"second")).result(WAIT_S)
    until(lambda: spool.bytes == SIZE + 1, WAIT_S)
    assert bodies(spool.read(100, timeout=0)) == [b"second"]
    spool.close()


def test_an_idle_spool_leaves_the_disk_alone_until_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What messages and deletions write shows by itself whether the disk takes it."""
    monkeypatch.setattr(module, "CHECK_S", 1000.0)
    spool = Spool(tmp_path / "x.spool", 2**20)
    assert spool.read(100, timeout=0.1) == []
    spool.append(message()).result(WAIT_S)
    (stored,) = spool.read(100, timeout=0)
    spool.delete([stored.token])
    until(lambda: spool.bytes == 0, WAIT_S)
    assert spool.read(100, timeout=0.1) == []
    assert spool._read_db.execute("select count(*) from checked").fetchone() == (0,)
    spool.close()


def test_a_read_waits_for_nobody_who_writes(spool: Spool, tmp_path: Path) -> None:
    """Another process, or the thread that commits, has the file's one lock for writing."""
    spool.append(message()).result(WAIT_S)
    with sqlite3.connect(tmp_path / "x.spool") as other:
        other.execute("begin immediate")
        assert bodies(spool.read(100, timeout=0)) == [b"12345"]
    other.close()
