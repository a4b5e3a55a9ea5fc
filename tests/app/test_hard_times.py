"""A real `lakescope run` beside locked files, full disks and other processes: what it says, and that it ends."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from lakescope.app.lock import FILE, lock
from lakescope.core.messages import Message, Reject
from lakescope.pipeline.dead_letters import DeadLetters
from tests.contract._bodies import hermes
from tests.e2e._lakescope import Lakescope, until

DRAIN_S = 3


@pytest.fixture
def lakescope(tmp_path: Path) -> Iterator[Lakescope]:
    """One with a push collector and the embedded store, not started."""
    with one(tmp_path) as made:
        yield made


def one(directory: Path) -> Lakescope:
    """A Lakescope on `directory`."""
    store = '[collectors.push]\ntype = "http"\n[sinks.duck]\ntype = "duckdb"\n'
    return Lakescope(directory, f"[pipeline]\ndrain_s = {DRAIN_S}\n{store}")


def push(lakescope: Lakescope, body: bytes) -> None:
    """A body of Hermes."""
    httpx.post(f"{lakescope.url}/push/hermes", content=body, timeout=20, trust_env=False).raise_for_status()


def ready(lakescope: Lakescope) -> httpx.Response:
    """Its /readyz."""
    return httpx.get(f"{lakescope.url}/readyz", timeout=20, trust_env=False)


@contextmanager
def holding(path: Path) -> Iterator[sqlite3.Connection]:
    """Another process's lock, as of a backup or an operator's shell."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        yield other


def test_locked_dead_letters_are_said_and_nothing_hangs(lakescope: Lakescope) -> None:
    lakescope.start()
    assert ready(lakescope).status_code == 200
    with holding(lakescope.data_dir / "dead-letters.sqlite"):
        until(lambda: ready(lakescope).status_code == 503, 20, lakescope.tail)
        assert (
            "dead letters: dead-letters.sqlite cannot be written: database is locked" in ready(lakescope).text
        )
        push(lakescope, b"junk")
        assert lakescope.status()["dead_letters"]["total"] == 0
        assert httpx.get(f"{lakescope.url}/api/dead-letters", timeout=20, trust_env=False).json() == []
    until(lambda: ready(lakescope).status_code == 200, 20, lakescope.tail)
    until(lambda: lakescope.status()["dead_letters"]["total"] == 1, 20, lakescope.brief)
    assert lakescope.stop() == 0


def test_it_ends_while_dead_letters_are_locked_and_loses_nothing(lakescope: Lakescope) -> None:
    lakescope.start()
    with holding(lakescope.data_dir / "dead-letters.sqlite"):
        push(lakescope, b"junk")
        until(lambda: lakescope.status()["collectors"][0]["in_flight"], 10, lakescope.brief)
        assert lakescope.stop(timeout=25) == 1  # an attempt that waits 30 s for the lock would last longer
    assert "Traceback" not in lakescope.log.read_text()
    lakescope.start()
    until(lambda: lakescope.status()["dead_letters"]["total"] == 1, 20, lakescope.brief)
    assert lakescope.stop() == 0


def test_a_locked_spool_is_said(lakescope: Lakescope) -> None:
    lakescope.start()
    with holding(lakescope.data_dir / "push.spool"):
        until(lambda: "push: the spool cannot be written: database is locked" in ready(lakescope).text, 20)
        answer = httpx.post(f"{lakescope.url}/push/push", content=b"{}", timeout=20, trust_env=False)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    until(lambda: ready(lakescope).status_code == 200, 20, lakescope.tail)
    assert lakescope.stop() == 0


def test_a_full_disk_of_dead_letters_is_in_their_health(tmp_path: Path) -> None:
    """A real SQLITE_FULL."""
    letters = DeadLetters(tmp_path / "dead.sqlite")
    (pages,) = letters._db.execute("pragma page_count").fetchone()
    letters._db.execute(f"pragma max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        letters.add("c", None, [(Message(os.urandom(100_000), "hermes"), [Reject("not_json")])])
    assert letters.health.state == "error" and "full" in letters.health.detail
    letters._db.execute("pragma max_page_count = 100000")
    letters.check()
    assert letters.health.state == "ok"
    letters.close()


# --- one at a time ---------------------------------------------------------------------------------------


def test_a_second_one_is_refused_beside_one_that_hangs(lakescope: Lakescope) -> None:
    lakescope.start()
    assert lakescope.process is not None
    pid = lakescope.process.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        with Lakescope.__new__(Lakescope) as second:
            second.__dict__.update(lakescope.__dict__ | {"process": None})
            assert second.command("run", code=2) == ""
            assert "0 of 0 letters" in second.command("dead-letters", "list")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert f"process {pid} (lakescope run)" in (lakescope.data_dir / FILE).read_text()
    assert lakescope.stop() == 0
    assert (lakescope.data_dir / FILE).read_text() == ""


def test_a_replay_waits_for_nobody_that_hangs(tmp_path: Path) -> None:
    with one(tmp_path) as lakescope:
        letters = DeadLetters(lakescope.data_dir / "dead-letters.sqlite")
        letters.add("push", "duck", [(Message(hermes(1)[0], "hermes"), [Reject("refused")])])
        with lock(lakescope.data_dir):
            lakescope.command("dead-letters", "replay", "--all", code=2)
            assert len(list(letters.letters())) == 1
        assert "1 of 1 letters stored" in lakescope.command("dead-letters", "replay", "--all")
        letters.close()


def test_a_killed_one_leaves_no_lock(lakescope: Lakescope) -> None:
    lakescope.start()
    lakescope.kill()
    lakescope.start()
    assert lakescope.stop() == 0


def test_the_holder_is_named(tmp_path: Path) -> None:
    with (
        lock(tmp_path),
        pytest.raises(RuntimeError, match=rf"process {os.getpid()} .*data_dir"),
        lock(tmp_path),
    ):
        pass
    with lock(tmp_path):
        pass
