"""`lakescope.pipeline.overflow` and the lane before it: order, who is told when, dead letters, full disks, damage, SIGKILL."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lakescope.core.contracts import Outcome, TransientError
from lakescope.core.messages import Message, Reject
from lakescope.pipeline import lane as module
from lakescope.pipeline.lane import Job, SinkLane
from lakescope.pipeline.metrics import Metrics
from lakescope.pipeline.overflow import (
    VACUUM_BYTES,
    Overflow,
    Slice,
    find_remainders,
    pack_origin,
    unpack_origin,
)
from tests.e2e._lakescope import until

BAD = Reject("refused", found="a bad event")


class Store:
    """A sink that is away until `back` is set, and refuses what is in `bad`."""

    def __init__(self) -> None:
        self.back = threading.Event()
        self.stored: list[Any] = []
        self.bad: set[Any] = set()
        self.hangs = False

    def write(self, chunks: Sequence[Any]) -> Outcome:
        if self.hangs:
            self.back.wait()
        if not self.back.is_set():
            raise TransientError("503: away")
        self.stored += [chunk for chunk in chunks if chunk not in self.bad]
        return Outcome(rejected={i: BAD for i, chunk in enumerate(chunks) if chunk in self.bad})

    def close(self) -> None:
        pass


class Bench:
    """A lane over a file, and what it told whom."""

    def __init__(self, directory: Path, limit_bytes: int = 2**30, limit: int = 10) -> None:
        self.path = directory / "overflow" / "store.sqlite"
        self.limit_bytes, self.limit = limit_bytes, limit
        self.acknowledged: list[str] = []
        self.letters: list[tuple[str, bytes, list[Reject]]] = []
        self.open()

    def open(self) -> None:
        self.store = Store()
        self.overflow = Overflow(self.path, self.limit_bytes)
        self.lane = SinkLane(
            "store",
            self.store,
            Metrics(),
            self.limit,
            2**20,
            self.overflow,
            self._bury,  # type: ignore[arg-type]
        )
        self.lane.start()

    def close(self) -> None:
        self.store.back.set()
        self.halt()

    def halt(self) -> None:
        """A stop while the store is as it is."""
        self.lane.close()
        self.lane.abort()
        assert self.lane.join(10)
        self.lane.release()

    def put(self, name: str, count: int = 1, messages: int = 1, body: bytes = b"") -> None:
        chunks = [(name, number) for number in range(count)]
        bodies = [
            Message(body or f"{name}{number}".encode(), "hermes", {"a": "b"}, 2.0, "token")
            for number in range(count)
        ]
        self.lane.put(
            Job(
                "push", chunks, messages, 100, Counter({"2026-01-01T00:00:00": count}),
                partial(self._done, name), partial(pack_origin, bodies, range(count)),
            )
        )  # fmt: skip

    def _done(self, name: str, rejects: dict[int, Reject]) -> None:
        assert not rejects
        self.acknowledged.append(name)

    def _bury(self, collector: str, messages: Sequence[Message], rejects: Any) -> None:
        self.letters += [(collector, messages[i].body, list(some)) for i, some in rejects.items()]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.store.stored]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(module, "SPILL_S", 0.2)
    monkeypatch.setattr(module, "SPILL_CHECK_S", 0.05)
    monkeypatch.setattr(module, "BACKOFF_MAX_S", 0.05)
    one = Bench(tmp_path)
    yield one
    one.close()


NAMES = [f"{number:03}" for number in range(60)]


@pytest.mark.parametrize("hangs", [False, True])
def test_a_sink_that_is_away_holds_back_nobody_and_gets_all_in_order(bench: Bench, hangs: bool) -> None:
    bench.store.hangs = hangs
    bench.put("first")
    until(lambda: bench.acknowledged == ["first"], 5)  # although it gets no second message
    for name in NAMES:
        bench.put(name)
    until(lambda: len(bench.acknowledged) == 61, 5)
    assert bench.lane.queued_messages == 0 and bench.overflow.events == {"push": 61}
    assert bench.store.stored == []
    bench.store.back.set()
    until(lambda: bench.overflow.bytes == 0, 5)
    assert bench.names == ["first", *NAMES]
    assert sorted(bench.acknowledged) == sorted(["first", *NAMES])
    bench.store.hangs = False
    bench.put("after")  # nothing is unread: in memory again
    until(lambda: bench.names[-1] == "after", 5)
    overflowed = bench.lane.metrics.value(bench.lane.metrics.overflowed, sink="store")
    assert overflowed == 61
    assert bench.lane.metrics.value(bench.lane.metrics.stored, sink="store", collector="push") == 62


def test_a_sink_that_works_leaves_the_disk_alone(bench: Bench) -> None:
    bench.store.back.set()
    for name in NAMES:
        bench.put(name)
    until(lambda: len(bench.acknowledged) == 60, 5)
    assert bench.names == NAMES
    assert bench.lane.metrics.value(bench.lane.metrics.overflowed) == 0


@pytest.mark.parametrize("seed", range(3))
def test_order_is_kept_while_the_sink_comes_and_goes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(module, "SPILL_S", 0.01)
    dice = random.Random(seed)
    names = [f"{number:04}" for number in range(300)]
    for name in names:
        bench.put(name)
        if dice.random() < 0.1:
            if dice.random() < 0.5:
                bench.store.back.set()
            else:
                bench.store.back.clear()
        time.sleep(dice.choice([0, 0, 0, 0.02]))
    bench.store.back.set()
    until(lambda: len(bench.names) == 300 and not bench.overflow.bytes, 20)
    assert bench.names == names
    assert sorted(bench.acknowledged) == names
    overflowed = bench.lane.metrics.value(bench.lane.metrics.overflowed)
    assert 0 < overflowed < 300, "expected both ways"


def test_what_the_store_refuses_from_disk_is_a_dead_letter_of_its_own_message(bench: Bench) -> None:
    bench.store.bad = {("b", 1), ("c", 0)}
    for name in "abc":
        bench.put(name, count=3)
    until(lambda: len(bench.acknowledged) == 3, 5)
    bench.store.back.set()
    until(lambda: bench.overflow.bytes == 0, 5)
    assert bench.letters == [("push", b"b1", [BAD]), ("push", b"c0", [BAD])]
    assert len(bench.store.stored) == 7
    assert bench.lane.metrics.value(bench.lane.metrics.stored, sink="store") == 7


def test_a_restart_delivers_first_what_is_on_disk(bench: Bench) -> None:
    for name in NAMES:
        bench.put(name)
    until(lambda: len(bench.acknowledged) == 60, 5)
    bench.halt()
    bench.open()
    bench.put("new")
    assert bench.lane.overflow is not None
    bench.store.back.set()
    until(lambda: bench.overflow.bytes == 0 and len(bench.names) == 61, 5)
    assert bench.names == [*NAMES, "new"]


def test_at_the_bound_a_source_waits_and_lakescopes_own_reports_do_not(tmp_path: Path, bench: Bench) -> None:
    bench.overflow.limit_bytes = 4000
    finished = threading.Event()

    def feed() -> None:
        for name in NAMES:
            bench.put(name, body=random.randbytes(500))
        finished.set()

    threading.Thread(target=feed, daemon=True).start()
    until(lambda: bench.overflow.health.state == "error", 5)
    assert not finished.wait(1.5)
    assert 4000 <= bench.overflow.bytes < 15_000
    assert "of 4000 allowed" in bench.overflow.health.detail
    bench.put("own", messages=0)
    bench.store.back.set()
    assert finished.wait(20)
    until(lambda: bench.overflow.bytes == 0 and len(bench.names) == 61, 5)
    assert [name for name in bench.names if name != "own"] == NAMES
    until(lambda: bench.overflow.health.state == "ok", 5)


def test_a_full_disk_makes_the_source_wait_until_there_is_room(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.put("a")
    until(lambda: bench.acknowledged == ["a"], 5)
    (pages,) = bench.overflow._db.execute("pragma page_count").fetchone()
    bench.overflow._db.execute(f"pragma max_page_count = {pages}")
    threads = [
        threading.Thread(target=bench.put, args=(name, 1, 1, random.randbytes(20_000))) for name in NAMES
    ]
    for thread in threads:
        thread.start()
    until(lambda: bench.overflow.health.state == "error", 5)
    time.sleep(0.5)
    assert len(bench.acknowledged) < 61 and any(thread.is_alive() for thread in threads)
    assert "database or disk is full" in bench.overflow.health.detail
    assert len([record for record in caplog.records if "overflow_refused sink=store" in record.message]) == 1
    bench.overflow._db.execute(f"pragma max_page_count = {2**30}")
    until(lambda: len(bench.acknowledged) == 61, 10)
    assert bench.overflow.health.state == "ok"
    bench.store.back.set()
    until(lambda: len(bench.names) == 61, 5)
    assert sorted(bench.names) == sorted(["a", *NAMES])


def test_a_damaged_file_is_set_aside_by_name(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    for name in NAMES:
        bench.put(name)
    until(lambda: len(bench.acknowledged) == 60, 5)
    bench.halt()
    content = bytearray(bench.path.read_bytes())
    content[:1000] = random.randbytes(1000)
    bench.path.write_bytes(content)
    bench.open()
    bench.put("new")
    bench.store.back.set()
    until(lambda: bench.names == ["new"], 5)
    (aside,) = bench.path.parent.glob("*.damaged-*")
    assert aside.read_bytes() == content
    assert str(aside) in caplog.text and "file is not a database" in caplog.text
    assert find_remainders(bench.path.parent.parent, ["store"]) == [
        f"{aside}: overflow that was damaged and set aside; nothing reads it"
    ]


def test_the_overflow_of_a_sink_that_is_configured_no_more_is_named_and_kept(tmp_path: Path) -> None:
    overflow = Overflow(tmp_path / "overflow" / "old.sqlite", 2**30)
    assert find_remainders(tmp_path, ["new"]) == []
    overflow.put([(1, Slice("push", ["a", "b"], Counter(), pack_origin([], [])))])
    overflow.close()
    before = overflow.path.read_bytes()
    (sentence,) = find_remainders(tmp_path, ["new"])
    assert str(overflow.path) in sentence and "2 events wait for a sink 'old'" in sentence
    assert find_remainders(tmp_path, ["new", "old"]) == []
    assert overflow.path.read_bytes() == before


def test_an_empty_file_gives_its_room_back(tmp_path: Path) -> None:
    overflow = Overflow(tmp_path / "store.sqlite", 2**30)
    origin = pack_origin([Message(random.randbytes(2**20))], [0])
    for row in range(1, 25):
        overflow.put([(row, Slice("push", [b"a"], Counter(), origin))])
    assert overflow.path.stat().st_size > VACUUM_BYTES
    overflow.delete(range(1, 25))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2**20
    overflow.put([(25, Slice("push", [b"a"], Counter(), origin))])
    assert overflow.read(0, 10)[0][0] == 25
    overflow.close()


def test_chunks_and_messages_come_back_as_they_were(tmp_path: Path) -> None:
    overflow = Overflow(tmp_path / "store.sqlite", 2**30)
    chunks = [b"line", "text", ("transfers", b"{}"), (b"key", b"value", None, 1, 2.5)]
    messages = [Message(b"\xff", "hermes", {"a": "é"}, 1.5, "token"), Message(b"", "fts")]
    slice_ = Slice("push", chunks, Counter({"2026-01-01T00:00:00": 4}), pack_origin(messages, [0, 0, 1, 1]))
    overflow.put([(7, slice_)])
    assert overflow.read(0, 10) == [(7, slice_)]
    assert unpack_origin(slice_.origin) == (
        [Message(b"\xff", "hermes", {"a": "é"}, 1.5), messages[1]],
        [0, 0, 1, 1],
    )
    with pytest.raises(sqlite3.IntegrityError):
        overflow.put([(8, slice_), (7, slice_)])
    assert [row for row, _ in overflow.read(0, 100)] == [7]
    overflow.close()


def test_what_is_read_at_a_time_has_a_bound_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakescope.pipeline.overflow.READ_BYTES", 100_000)
    overflow = Overflow(tmp_path / "store.sqlite", 2**30)
    for row in range(1, 8):
        chunk = b"x" * (250_000 if row == 7 else 40_000)  # packs to nothing
        overflow.put([(row, Slice("push", [chunk], Counter(), pack_origin([], [])))])
    parts, after = [], 0
    while part := [row for row, _ in overflow.read(after, 5000)]:
        parts.append(part)
        after = part[-1]
    assert parts == [[1, 2], [3, 4], [5, 6], [7]]
    overflow.close()


WRITER = """
import random, sys
from collections import Counter
from pathlib import Path
from lakescope.pipeline.overflow import Overflow, Slice
overflow = Overflow(Path(sys.argv[1]), 2**40)
row, deleted = overflow.last_row, int(sys.argv[2])
while True:
    rows = range(row + 1, row + 1 + random.randint(1, 4))
    overflow.put([(n, Slice("push", [str(n)], Counter(), random.randbytes(random.randint(0, 30_000)))) for n in rows])
    row = rows[-1]
    print("put", row, flush=True)
    if random.random() < 0.3 and deleted < row - 5:
        overflow.delete(range(deleted + 1, deleted + 4))
        deleted += 3
        print("deleted", deleted, flush=True)
"""


def test_what_was_promised_before_sigkill_is_there_after_it(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    put = deleted = 0
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(deleted)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(random.uniform(0, 0.3))
        process.kill()
        lines = [first, *process.stdout]
        process.wait()
        process.stdout.close()
        for line in lines:
            if line.endswith("\n") and (words := line.split()):
                if words[0] == "put":
                    put = int(words[1])
                else:
                    deleted = int(words[1])
        db = sqlite3.connect(path)
        rows = [row for (row,) in db.execute("select row from slices order by row")]
        db.close()
        assert rows == list(range(rows[0], rows[-1] + 1))
        assert rows[0] in (deleted + 1, deleted + 4) and put <= rows[-1] <= put + 4
        put, deleted = rows[-1], rows[0] - 1
    assert put > 50
