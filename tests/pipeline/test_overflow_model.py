"""`lakescope.pipeline.overflow` against a model of its promises: random puts, reads, deletions, kills, full disks, damage.

The model is a dictionary. A kill is a copy of the files while the process has them open, with what was being written cut off
anywhere; a full disk is SQLite's own, by ``max_page_count``.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lakescope.core.messages import Message
from lakescope.pipeline.overflow import Overflow, OverflowFullError, Slice, pack_origin, unpack_origin

CHUNKS = st.lists(
    st.one_of(st.binary(max_size=60), st.tuples(st.binary(max_size=20), st.text(max_size=8))), max_size=5
)
SLICES = st.tuples(st.sampled_from(["push", "stomp"]), CHUNKS, st.integers(0, 3 * 4096), st.integers(0, 999))


class Model(RuleBasedStateMachine):
    """`slices` are those that the disk must have; `taken` the row up to which they were read."""

    @initialize(limit=st.sampled_from([2_000, 60_000, 2**30]))
    def open(self, limit: int) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.generation = 0
        self.limit = limit
        self.slices: dict[int, Slice] = {}
        self.last_row = 0
        self.taken = 0
        self.is_full = False
        self.overflow = Overflow(self.path, limit)

    @property
    def path(self) -> Path:
        return self.directory / str(self.generation) / "store.sqlite"

    @rule(drawn=st.lists(SLICES, min_size=1, max_size=3))
    def put(self, drawn: list[tuple[str, list[object], int, int]]) -> None:
        new = self._slices(drawn)
        before = self.overflow.bytes
        try:
            self.overflow.put(list(new.items()))
        except OverflowFullError:
            assert before >= self.limit
            assert self.overflow.health.state == "error"
        except sqlite3.OperationalError as error:
            assert self.is_full, error
            assert self.overflow.health.state == "error"
        else:
            assert before < self.limit
            assert self.overflow.health.state == "ok" or self.overflow.bytes > 0.9 * self.limit
            self.slices |= new
            self.last_row = max(new)

    @rule(limit=st.integers(1, 12))
    def read(self, limit: int) -> None:
        expected = [(row, one) for row, one in sorted(self.slices.items()) if row > self.taken]
        slices = self.overflow.read(self.taken, limit)
        assert slices == expected[: len(slices)]
        assert bool(slices) == bool(expected)
        assert len(slices) == 1 or sum(len(one.chunks) for _, one in slices) <= limit
        if len(slices) < len(expected):  # it was the next one that did not fit
            assert sum(len(one.chunks) for _, one in expected[: len(slices) + 1]) > limit or (
                sum(len(one.chunks) for _, one in slices) == limit
            )
        for _, one in slices:
            messages, message_of = unpack_origin(one.origin)
            assert len(message_of) == len(one.chunks) and messages[0].format == "hermes"
        if slices:
            self.taken = slices[-1][0]

    @rule(count=st.integers(1, 3))
    def delete(self, count: int) -> None:
        rows = [row for row in sorted(self.slices) if row <= self.taken][:count]
        self.overflow.delete(rows)
        if set(rows) & {row for row, _ in self.overflow.read(0, 10**9)}:
            assert self.is_full and self.overflow.health.state == "error"
            self._fill(False)
            self.overflow.check()  # it is deleted once the disk lets it
        for row in rows:
            del self.slices[row]

    @precondition(lambda self: not self.is_full)
    @rule()
    def fill_disk(self) -> None:
        self._fill(True)

    @precondition(lambda self: self.is_full)
    @rule()
    def empty_disk(self) -> None:
        self._fill(False)

    @rule(drawn=st.lists(SLICES, min_size=1, max_size=3), cut=st.floats(0, 1))
    def kill(self, drawn: list[tuple[str, list[object], int, int]], cut: float) -> None:
        """In the middle of a put: all of it or none of it is there, and all that was there before."""
        new = self._slices(drawn)
        before = self._files()
        try:
            self.overflow.put(list(new.items()))
        except (OverflowFullError, sqlite3.OperationalError):
            new = {}
        after = self._files()
        if before["store.sqlite"] == after["store.sqlite"]:
            log, next_log = before.get("store.sqlite-wal", b""), after.get("store.sqlite-wal", b"")
            length = int(cut * len(next_log))
            after["store.sqlite-wal"] = next_log[:length] + log[length:]
        self.generation += 1
        self.path.parent.mkdir()
        for name, content in after.items():
            self.path.with_name(name).write_bytes(content)
        self.overflow.close()
        self.overflow = Overflow(self.path, self.limit)
        self.is_full = False
        rows = {row for row, _ in self.overflow.read(0, 10**9)}
        assert rows in (set(self.slices), set(self.slices) | set(new))
        if rows & new.keys():
            self.slices |= new
        self.last_row = max(self.slices, default=0)
        self.taken = 0

    @rule()
    def restart(self) -> None:
        self.overflow.close()
        self.overflow = Overflow(self.path, self.limit)
        self.is_full = False
        self.last_row = max(self.slices, default=0)
        self.taken = 0

    @precondition(lambda self: self.slices)
    @rule(data=st.data())
    def damage_a_slice(self, data: st.DataObject) -> None:
        """By another hand: it is set aside when it is read, and the others come."""
        row = data.draw(st.sampled_from(sorted(self.slices)))
        column = data.draw(st.sampled_from(["chunks", "origin"]))
        self._fill(False)
        other = sqlite3.connect(self.path)
        (content,) = other.execute(f"select {column} from slices where row = ?", (row,)).fetchone()
        place = data.draw(st.integers(0, len(content) - 1))
        content = content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        other.execute(f"update slices set {column} = ? where row = ?", (content, row))
        other.commit()
        other.close()
        before = set(self.path.parent.glob("*.damaged-*"))
        slices = dict(self.overflow.read(0, 10**9))
        assert set(slices) == set(self.slices) - {row}
        (aside,) = set(self.path.parent.glob("*.damaged-*")) - before
        assert aside.name.endswith(f"-row-{row}")
        del self.slices[row]

    @invariant()
    def numbers_are_those_of_the_disk(self) -> None:
        if not hasattr(self, "overflow"):
            return
        events: Counter[str] = Counter()
        for one in self.slices.values():
            events[one.collector] += len(one.chunks)
        assert +self.overflow.events == +events
        assert self.overflow.last_row >= self.last_row
        assert (self.overflow.bytes == 0) == (not self.slices)
        assert (self.overflow.age_s > 0) == bool(self.slices)

    def teardown(self) -> None:
        if hasattr(self, "overflow"):
            self.overflow.close()
            shutil.rmtree(self.directory)

    def _slices(self, drawn: list[tuple[str, list[object], int, int]]) -> dict[int, Slice]:
        first = max(self.last_row, self.overflow.last_row) + 1
        slices = {}
        for row, (collector, chunks, size, seed) in enumerate(drawn, first):
            body = random.Random(seed).randbytes(size)
            messages = [Message(body, "hermes", {"host": "a"}, 1.5)]
            origin = pack_origin(messages, [0] * len(chunks))
            slices[row] = Slice(collector, chunks, Counter({"2026-01-01T00:00:00": len(chunks)}), origin)
        return slices

    def _fill(self, is_full: bool) -> None:
        db = self.overflow._db
        (pages,) = db.execute("pragma page_count").fetchone()
        db.execute(f"pragma max_page_count = {pages if is_full else 2**30}")
        self.is_full = is_full

    def _files(self) -> dict[str, bytes]:
        return {
            path.name: path.read_bytes()
            for path in self.path.parent.glob("store.sqlite*")
            if path.suffix != ".sqlite-shm"
        }


TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=300, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
