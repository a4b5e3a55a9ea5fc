"""The dead letters: kept over restarts, told apart and counted, brought back or dropped, never mixed up."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import httpx
import pytest

from lakescope.core.messages import Message, Reject
from lakescope.pipeline.dead_letters import DeadLetters, Letter, read_file
from tests.contract._bodies import events_of, ndjson, with_md5
from tests.contract._running import Running
from tests.e2e._lakescope import Lakescope, duckdb_events, until

REFUSED = Reject("refused", "$.md5", "a number", "x")


@pytest.fixture
def dead_letters(tmp_path: Path) -> Iterator[DeadLetters]:
    """An empty store."""
    made = DeadLetters(tmp_path / "dead.sqlite")
    yield made
    made.close()


def message(body: bytes, received: float = 1.0, **headers: str) -> Message:
    """A message of format hermes."""
    return Message(body, "hermes", headers, received)


def test_a_letter_keeps_the_message_as_it_came_over_a_restart(tmp_path: Path) -> None:
    body = b"\x00\xff not text"
    first = DeadLetters(tmp_path / "dead.sqlite")
    reject = Reject("not_text", "$.a", "UTF-8", "byte 0xff")
    first.add("c", None, [(message(body, 5.5, instance="h:9100"), [reject, REFUSED])])
    first.close()
    again = DeadLetters(tmp_path / "dead.sqlite")
    (letter,) = again.letters()
    again.close()
    assert letter.message() == Message(body, "hermes", {"instance": "h:9100"}, 5.5)
    assert (letter.collector, letter.sink, letter.reason, letter.path) == ("c", None, "not_text", "$.a")
    assert (letter.events, letter.times) == (2, 1)
    assert letter.why() == "not_text at $.a: expected UTF-8, found byte 0xff"


def test_a_repeat_is_counted_not_kept_twice(dead_letters: DeadLetters) -> None:
    dead_letters.add("c", "es", [(message(b"1"), [REFUSED])])
    (before,) = dead_letters.letters()
    later = Reject("too_large", "$", None, "9 MB")
    dead_letters.add("c", "es", [(message(b"1"), [later, later])] * 2)
    (letter,) = dead_letters.letters()
    assert (letter.id, letter.times, letter.reason, letter.events) == (before.id, 3, "too_large", 2)
    assert letter.first_seen == before.first_seen <= before.last_seen <= letter.last_seen


def test_the_same_body_elsewhere_is_another_letter(dead_letters: DeadLetters) -> None:
    for collector, sink in (("c", "es"), ("c", "influx"), ("c", None), ("d", "es")):
        dead_letters.add(collector, sink, [(message(b"1"), [REFUSED])])
    dead_letters.add("c", "es", [(Message(b"1", "fts"), [REFUSED])])
    for host in ("se01:9100", "se02:9100"):  # whose bodies do not name them
        dead_letters.add("c", "es", [(message(b"1", instance=host), [REFUSED])])
    dead_letters.add("c", "es", [(message(b"1", ack="of another delivery"), [REFUSED])])
    assert len(list(dead_letters.letters())) == 7


def test_letters_are_chosen_by_what_they_are(dead_letters: DeadLetters) -> None:
    dead_letters.add("c", "es", [(message(b"1"), [REFUSED]), (message(b"2"), [Reject("too_large")])])
    dead_letters.add("d", "es", [(message(b"3"), [REFUSED])])
    dead_letters.add("d", None, [(message(b"4"), [Reject("not_json")])])

    def bodies(**chosen: str) -> set[bytes]:
        return {letter.body for letter in dead_letters.letters(**chosen)}  # type: ignore[arg-type]

    assert bodies() == {b"1", b"2", b"3", b"4"}
    assert bodies(reason="refused") == {b"1", b"3"}
    assert bodies(collector="d") == {b"3", b"4"}
    assert bodies(sink="es", collector="c", reason="too_large") == {b"2"}
    assert {letter.body for letter in dead_letters.letters(limit=2)} == {b"1", b"2"}
    found = {(cause.reason, cause.collector, cause.sink): cause.count for cause in dead_letters.summary()}
    assert found["refused", "c", "es"] == 1 and sum(found.values()) == 4


def test_an_id_may_be_cut_but_never_means_all(dead_letters: DeadLetters) -> None:
    dead_letters.add("c", None, [(message(str(n).encode()), [REFUSED]) for n in range(50)])
    letters = list(dead_letters.letters())
    chosen = letters[7]
    assert chosen in list(dead_letters.letters(ids=[chosen.id[:6]]))
    for vague in ("", "%", "_" * 16, "*", "zz", "' or 1=1 --"):
        assert not dead_letters.ids(ids=[vague]), vague
    assert not dead_letters.ids(ids=[])
    assert dead_letters.ids(ids=[letter.id for letter in letters]) == [letter.id for letter in letters]


def test_a_body_takes_no_more_room_than_it_came_with(tmp_path: Path) -> None:
    """64 MiB that came as 65 kB of gzip would fill the disk in a thousand requests."""
    dead_letters = DeadLetters(tmp_path / "dead.sqlite")
    bodies = [b"%d" % n + bytes(2**22) for n in range(4)]
    dead_letters.add("c", None, [(message(body), [REFUSED]) for body in bodies])
    assert sorted(letter.body for letter in dead_letters.letters()) == bodies
    dead_letters.close()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2**20


def test_letters_of_before_are_still_read(tmp_path: Path) -> None:
    first = DeadLetters(tmp_path / "dead.sqlite")
    first.add("c", None, [(message(b"new"), [REFUSED])])
    first._db.execute("update letters set body = ?", (b"old",))
    first._db.execute("alter table letters drop column packed")
    first.close()
    again = DeadLetters(tmp_path / "dead.sqlite")
    assert [letter.body for letter in again.letters()] == [b"old"]
    again.add("c", None, [(message(b"newer"), [REFUSED])])
    assert [letter.body for letter in again.letters()] == [b"old", b"newer"]
    again.close()


def test_dropped_is_dropped(dead_letters: DeadLetters) -> None:
    dead_letters.add("c", None, [(message(b"1"), [REFUSED]), (message(b"2"), [REFUSED])])
    first, second = dead_letters.letters()
    assert dead_letters.drop([first.id, first.id, second.id[:4]]) == 1
    assert list(dead_letters.letters()) == [second]


def test_thousands_are_read_one_by_one_while_they_are_dropped(dead_letters: DeadLetters) -> None:
    count = 1200
    dead_letters.add("c", None, [(message(str(n).encode()), [REFUSED]) for n in range(count)])
    seen: list[Letter] = []
    for letter in dead_letters.letters(ids=dead_letters.ids()):
        seen.append(letter)
        dead_letters.drop([letter.id])
    assert len({letter.id for letter in seen}) == count
    assert not list(dead_letters.letters())


def test_several_threads_and_connections_at_once(dead_letters: DeadLetters, tmp_path: Path) -> None:
    """A running instance adds while a command in another process reads and drops."""
    other = DeadLetters(tmp_path / "dead.sqlite")

    def add(start: int) -> None:
        for n in range(start, start + 50):
            (dead_letters if n % 2 else other).add("c", "es", [(message(str(n).encode()), [REFUSED])])

    threads = [threading.Thread(target=add, args=(start,)) for start in (0, 50, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    letters = list(other.letters())
    assert len(letters) == 100
    assert sum(letter.times for letter in letters) == 150
    other.close()


def test_letters_survive_kill_9_and_are_replayed_once_the_cause_is_mended(tmp_path: Path) -> None:
    """Over a restart of a real process; by the running instance, and by the command alone."""
    bodies = with_md5(3)
    lines = tmp_path / "in.jsonl"
    lines.write_bytes(ndjson([*bodies, b'{"event_type": "unheard-of", "payload": {}, "created_at": ""}']))
    database = tmp_path / "lake.duckdb"
    configuration = (
        f'[collectors.f]\ntype = "files"\nformat = "hermes"\npaths = ["{lines}"]\nfollow = true\n'
        f'[sinks.duck]\ntype = "duckdb"\npath = "{database}"\n'
    )

    def mend(kind: str) -> None:
        """The table as somebody made it by hand, with that type of the checksum's column."""
        with duckdb.connect(database) as connection:
            connection.execute("drop table if exists transfers")
            connection.execute(f"create table transfers (id uuid primary key, md5 {kind})")

    mend("bigint")
    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.start()
        until(lambda: lakescope.status()["dead_letters"]["total"] == 4, 15, lakescope.brief)
        lakescope.kill()
        listed = lakescope.command("dead-letters", "list")
        assert "4 of 4 letters" in listed and "Could not convert string" in listed
        lines.write_bytes(b"")  # only the letters hold them now
        # the cause still holds: they stay, and say so
        told = lakescope.command("dead-letters", "replay", "--all", code=1)
        assert "0 of 4 letters stored" in told and told.count(" stays: refused at $") == 3
        assert "stays: unknown_kind at $.event_type" in told
        mend("varchar")
        lakescope.start()
        told = lakescope.command("dead-letters", "replay", "--all", "--sink", "duck")
        assert "3 of 3 letters stored" in told
        assert lakescope.status()["dead_letters"]["total"] == 1
        lakescope.command("dead-letters", "replay", "--all", code=1)
        assert lakescope.stop() == 0
        (letter,) = lakescope.command("dead-letters", "list", "--reason", "unknown_kind").split("\n")[3:4]
        id_ = letter.split()[0]
        assert "1 letters dropped" in lakescope.command("dead-letters", "drop", id_)
        assert "0 of 0 letters" in lakescope.command("dead-letters", "list")
    assert {event["id"] for event in duckdb_events(database)} == set(events_of("hermes", bodies))


def test_a_replay_without_an_instance_is_one_too(tmp_path: Path) -> None:
    """More letters than one page, by a process of its own."""
    bodies = with_md5(105)
    dead_letters = DeadLetters(tmp_path / "data/dead-letters.sqlite")
    dead_letters.add("gone", "duck", [(message(body), [REFUSED]) for body in bodies])
    dead_letters.add("gone", "away", [(message(bodies[0]), [REFUSED])])
    dead_letters.close()
    with Lakescope(
        tmp_path, '[collectors.push]\ntype = "http"\n[sinks.duck]\ntype = "duckdb"\n'
    ) as lakescope:
        told = lakescope.command("dead-letters", "replay", "--all", code=1)
        assert "105 of 106 letters stored" in told
        assert "there is no sink 'away' in the configuration any more" in told
    stored = duckdb_events(tmp_path / "data/lake.duckdb")
    assert {event["id"] for event in stored} == set(events_of("hermes", bodies))
    assert {event["collector"] for event in stored} == {"gone"}


def test_a_bound_is_waited_for_as_a_full_disk_is_and_dropping_makes_room(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "bounded.sqlite", total_bytes=2**20)
    chance = random.Random(1)

    def add() -> None:
        letters.add("push", None, [(Message(chance.randbytes(100_000), "push"), [Reject("not_json")])])

    with pytest.raises(
        sqlite3.OperationalError, match=r"replay or drop some .* or raise dead_letters_total_bytes"
    ):
        for _ in range(20):
            add()
    ids = letters.ids()
    assert 10 <= len(ids) <= 11
    for _ in range(2):  # a look alone makes no room
        letters.check()
        assert letters.health.state == "error" and "drop some" in letters.health.detail
    again = next(letters.letters())
    letters.add("push", None, [(again.message(), [Reject("not_json")])])  # takes no room
    assert next(letters.letters()).times == 2
    assert letters.drop(ids[:2]) == 2
    letters.check()
    assert letters.health.state == "ok"
    add()
    assert len(letters.ids()) == len(ids) - 1
    letters.close()


def test_at_the_bound_nothing_is_lost_and_operators_are_told(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    configuration = (
        f"[pipeline]\nbatch_age_s = 0.05\nbatch_messages = 1\ndead_letters_total_bytes = {2**20}\n"
        f'[collectors.push]\ntype = "http"\n[sinks.a]\ntype = "jsonl"\ndirectory = "{tmp_path}/a"\n'
    )
    chance = random.Random(1)
    with Running(tmp_path, configuration) as running:
        for _ in range(20):
            body = b"{" + chance.randbytes(75_000).hex().encode()
            httpx.post(f"{running.url}/push/push", content=body, trust_env=False).raise_for_status()
        letters = running.engine.dead_letters
        until(lambda: letters.health.state == "error", 20, running.status.balance)
        answer = running.get("/readyz")
        assert answer.status_code == 503 and "raise dead_letters_total_bytes in [pipeline]" in answer.text
        assert not running.acknowledged(20)
        dropped = 0

        def drop() -> bool:
            nonlocal dropped
            dropped += letters.drop(letters.ids())
            return running.acknowledged(20)

        until(drop, 30, running.status.balance)
        assert dropped + letters.drop(letters.ids()) == 20
        assert running.get("/readyz").status_code == 200


def test_the_oldest_move_to_files_and_come_back_as_they_were(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "dead.sqlite", limit_bytes=2**20)
    chance = random.Random(1)
    for number in range(40):
        body = chance.randbytes(100_000)
        letters.add("push", "es", [(message(body, number, instance="é"), [REFUSED])])
        letters.add("push", "es", [(message(body, number, instance="é"), [REFUSED])])
    kept = letters.ids()
    files = letters.files()
    assert 8 <= len(kept) <= 12 and len(files) >= 8
    moved = [letter for file in files for letter in read_file(file)]
    assert len({letter.id for letter in moved} | set(kept)) == 40 == len(moved) + len(kept)
    received = [letter.received for letter in [*moved, *letters.letters()]]
    assert received == sorted(received), "expected the oldest in the first file"
    ids = letters.restore(files[3].name)
    assert files[3] not in letters.files()
    assert list(letters.letters(ids=ids)) == [letter for letter in moved if letter.id in ids]
    assert {letter.times for letter in letters.letters(ids=ids)} == {2}
    letters.close()


def test_a_move_that_is_interrupted_or_refused_loses_no_letter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = DeadLetters(tmp_path / "dead.sqlite", limit_bytes=2**20)

    def add(number: int) -> None:
        letters.add("push", None, [(message(random.Random(number).randbytes(100_000)), [REFUSED])])

    for number in range(11):
        add(number)
    everything = set(letters.ids())
    assert not letters.files()
    with monkeypatch.context() as patch:  # killed before they are deleted
        patch.setattr(letters, "_delete", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            add(11)
    (file,) = letters.files()
    assert {letter.id for letter in read_file(file)} < everything == set(letters.ids())
    letters.restore(file.name)
    assert set(letters.ids()) == everything and not letters.files()
    letters.folder.chmod(0o500)
    letters.folder.rmdir()
    letters.folder.write_text("in the way")
    with pytest.raises(OSError, match="dead-letters"):
        add(11)
    assert letters.health.state == "error" and "cannot be moved" in letters.health.detail
    assert set(letters.ids()) == everything
    letters.folder.unlink()
    add(11)
    assert letters.health.state == "ok" and len(letters.files()) == 1
    assert not list(letters.folder.glob("*.part"))
    letters.close()


def test_a_damaged_file_changes_nothing(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "dead.sqlite", limit_bytes=2**20)
    for number in range(12):
        letters.add("push", None, [(message(random.Random(number).randbytes(100_000)), [REFUSED])])
    (file,) = letters.files()
    ids, content = letters.ids(), file.read_bytes()
    for damaged in (content[:-9], content[:1000] + b"\0" + content[1001:], b"{}\n"):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match="expected dead letters as JSON lines in zstd"):
            letters.restore(file.name)
        assert letters.ids() == ids and file.exists()
    with pytest.raises(ValueError, match="expected one of the files"):
        letters.restore("../dead.sqlite")
    file.write_bytes(content)
    assert len(letters.restore(file.name)) + len(ids) == 12
    letters.close()


@pytest.mark.parametrize("is_running", [True, False])
def test_replay_reads_a_file_that_letters_have_moved_to(tmp_path: Path, is_running: bool) -> None:
    configuration = (
        f"[pipeline]\nbatch_age_s = 0.05\nbatch_messages = 1\ndead_letters_bytes = {2**20}\n"
        f'[collectors.push]\ntype = "http"\n[sinks.duck]\ntype = "duckdb"\n'
    )
    with Lakescope(tmp_path, configuration) as lakescope:
        dead = DeadLetters(lakescope.data_dir / "dead-letters.sqlite", limit_bytes=2**20)
        document = '{{"producer": "a", "type": "b", "timestamp": 1774037671, "n": {n}, "text": "{text}"}}'
        for number in range(20):  # of a collector's formats: what was refused once is stored now
            text = random.Random(number).randbytes(60_000).hex()
            body = document.format(n=number, text=text).encode()
            dead.add("push", None, [(Message(body, "push", {}, 1.0), [Reject("not_json")])])
        files, ids = dead.files(), dead.ids()
        dead.close()
        assert files and len(ids) < 20
        if is_running:
            lakescope.start()
        stored = 0
        for file in files:
            stored += int(lakescope.command("replay", str(file)).split()[0])
        assert not list(file.parent.iterdir())
        assert stored == 20 - len(ids)
        elsewhere = tmp_path / files[0].name
        elsewhere.write_bytes(b"")
        lakescope.command("replay", str(elsewhere), code=2)
        lakescope.command("replay", str(files[0]), code=2)
        if is_running:
            assert lakescope.stop() == 0
    assert len(duckdb_events(tmp_path / "data/lake.duckdb")) == stored
