"""Applying, resuming and undoing, and what the journal says of it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from lakescope.sync import journal as journals
from lakescope.sync.apply import Outcome, apply, undo
from lakescope.sync.journal import Entry, Journal
from lakescope.sync.plan import Change, SyncError
from tests.sync._dictionary import Dictionary, attribute, plan

RSE = Change(kind="create", type="rse", object="A", after={"rse_type": "DISK"})


def clock() -> float:
    return 1_767_600_000.0


def run(target: Dictionary, journal: Journal, *changes: Change, **options: Any) -> Outcome:
    return apply(plan(*changes), target, journal, by="ada", clock=clock, **options)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "sync")


def test_each_change_is_in_the_journal_with_who_when_before_and_after(journal: Journal) -> None:
    target = Dictionary({("attribute", "A", "qos"): "a"})
    seen: list[tuple[int, int]] = []
    change = attribute("A", before="a", after="b")
    outcome = run(target, journal, RSE, change, progress=lambda *one: seen.append(one))
    assert outcome == Outcome(2, [], [])
    assert seen == [(0, 2), (1, 2), (2, 2)]
    run_ = "2026-01-05T08:00:00Z"
    expected = Entry(
        id=2, run=run_, sync="rses", target="here", by="ada", at=run_, change=change, result="applied"
    )
    assert journal.entries()[1] == expected


def test_a_refused_change_does_not_stop_the_others(journal: Journal) -> None:
    outcome = run(Dictionary(), journal, attribute("A", "bad", after=1), attribute("A", after=2))
    assert outcome.applied == 1
    assert [(entry.result, entry.detail) for entry in journal.entries()] == [
        ("failed", "it said no"),
        ("applied", ""),
    ]


def test_an_answer_that_was_lost_counts_as_what_rucio_has(journal: Journal) -> None:
    target = Dictionary()
    target.answer_lost = True
    assert run(target, journal, attribute("A", after=1)).applied == 1


def test_a_guard_that_refuses_leaves_no_trace(journal: Journal) -> None:
    target = Dictionary()
    with pytest.raises(SyncError, match="guard"):
        run(target, journal, attribute("A", before=1, after=2), max_changes=0)
    assert not target.calls
    assert not journal.path.exists()


def test_unattended_runs_of_a_day_count_together(journal: Journal) -> None:
    target = Dictionary({("attribute", f"R{number}", "key"): 1 for number in range(40)})
    now = clock()

    def unattended(*numbers: int, hours: float, by: str = "lakescope run") -> Outcome:
        changes = [attribute(f"R{number}", "key", before=1, after=2) for number in numbers]
        return apply(
            plan(*changes, existing=30), target, journal,
            by=by, clock=lambda: now + hours * 3600, is_attended=by != "lakescope run",
        )  # fmt: skip

    assert unattended(1, 2, hours=0).applied == 2
    assert unattended(3, hours=1).applied == 1
    assert unattended(3, hours=2).applied == 1, "an object counts once"
    with pytest.raises(SyncError, match=r"guard: 4 of 30 .* 24 hours of unattended runs"):
        unattended(4, hours=3)
    assert unattended(hours=4).applied == 0, "nothing to do is no fault"
    assert unattended(5, 6, 7, hours=5, by="ada").applied == 3, "somebody looks"
    assert unattended(4, hours=25).applied == 1
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_a_stop_leaves_the_rest(journal: Journal) -> None:
    target = Dictionary()
    changes = [attribute("A", str(number), after=1) for number in range(5)]
    assert run(target, journal, *changes, is_stopped=lambda: len(target.calls) == 2) == Outcome(
        2, [], changes[2:]
    )


def test_objects_are_changed_side_by_side_stages_and_parts_in_turn(journal: Journal) -> None:
    """All three objects are at it at once, or the barrier would break; the RSEs are there by then."""

    class Meeting(Dictionary):
        barrier = threading.Barrier(3)

        def perform(self, change: Change) -> None:
            if change.part == "first":
                self.barrier.wait(30)
            super().perform(change)

    target, names = Meeting(), ("A", "B", "C")
    rses = [Change(kind="create", type="rse", object=name, after={}) for name in names]
    parts = [attribute(name, key, after=1) for name in names for key in ("first", "second", "bad")]
    seen: list[tuple[int, int]] = []
    outcome = run(target, journal, *rses, *parts, concurrency=3, progress=lambda *one: seen.append(one))
    assert (outcome.applied, len(outcome.failed), outcome.left) == (9, 3, [])
    assert seen == [(number, 12) for number in range(13)]
    assert {one.type for one in target.calls[:3]} == {"rse"}
    for name in names:
        assert [one.part for one in target.calls[3:] if one.object == name] == ["first", "second", "bad"]
    entries = journal.entries()
    assert [entry.id for entry in entries] == list(range(1, 13))
    assert {entry.change.place: entry.result for entry in entries} == {
        one.place: "failed" if one.part == "bad" else "applied" for one in (*rses, *parts)
    }


def test_a_rucio_that_is_gone_ends_all_and_what_was_done_is_in_the_journal(journal: Journal) -> None:
    class Gone(Dictionary):
        def perform(self, change: Change) -> None:
            super().perform(change)
            if change.object == "R7":
                raise SyncError("nobody answers")

    changes = [attribute(f"R{number}", after=1) for number in range(100)]
    with pytest.raises(SyncError, match="nobody answers"):
        run(target := Gone(), journal, *changes, concurrency=4)
    entries = journal.entries()
    assert len(entries) == len(target.calls) < 100
    assert [entry.change.object for entry in entries if not entry.result] == ["R7"]


@pytest.mark.parametrize(
    ("now", "result"),
    [("b", "applied"), ("a", "not applied"), ("c", "unknown")],
    ids=["done", "not", "other"],
)
def test_what_a_kill_cut_short_is_looked_up(journal: Journal, now: str, result: str) -> None:
    change = attribute("A", before="a", after="b")
    with journal.exclusive():
        journal.begin(Entry(id=0, run="", sync="rses", target="here", by="ada", at="", change=change))
    assert journal.open_entries()
    run(Dictionary({change.place: now}), journal)
    assert [entry.result for entry in journal.entries()] == [result]


def test_entries_of_another_rucio_are_left_to_its_own_runs(journal: Journal) -> None:
    change = attribute("A", before="a", after="b")
    with journal.exclusive():
        journal.begin(Entry(id=0, run="", sync="rses", target="VO xyz", by="ada", at="", change=change))
    run(Dictionary(), journal)
    assert journal.open_entries()
    with pytest.raises(SyncError, match="entry 1 is about VO xyz"):
        undo(1, Dictionary(), journal, by="ada", clock=clock)


def test_undo_takes_back_each_kind_and_is_an_entry_itself(journal: Journal) -> None:
    before = {("attribute", "A", "qos"): "a", ("attribute", "A", "old"): [1, 2]}
    target = Dictionary(dict(before))
    changes = (
        attribute("A", before="a", after="b"),
        attribute("A", "old", before=[1, 2]),
        attribute("A", "new", after=0),
    )
    run(target, journal, *changes)
    for number in (1, 2, 3):
        assert undo(number, target, journal, by="bob", clock=clock).undo_of == number
    assert target.values == before
    assert undo(4, target, journal, by="bob", clock=clock).change == changes[0]  # an undo can be undone


def test_undo_refuses_what_it_cannot_take_back(journal: Journal) -> None:
    target = Dictionary()
    run(target, journal, RSE, attribute("A", "bad", after=1), attribute("A", after="b"))
    target.values["attribute", "A", "qos"] = "by hand"
    for number, text in {
        1: "entry 1 cannot be undone: an RSE's creation",
        2: "entry 2 was not applied",
        3: "set 'b', and Rucio has 'by hand' by now",
        9: "there is no entry 9",
    }.items():
        with pytest.raises(SyncError, match=text):
            undo(number, target, journal, by="bob", clock=clock)


def test_one_process_writes_at_a_time(journal: Journal) -> None:
    with (
        journal.exclusive(),
        pytest.raises(SyncError, match=rf"process {os.getpid()} \(lakescope.*\) applies a plan"),
    ):
        run(Dictionary(), Journal(journal.path.parent), RSE)


def test_a_reader_reads_what_was_added_since(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """`/accounts` asks for all entries at each request."""
    decoded: list[bytes] = []
    decode = journals._decode
    monkeypatch.setattr(journals, "_decode", lambda line: (decoded.append(line), decode(line))[1])
    reader = Journal(journal.path.parent)
    assert reader.entries() == []
    run(Dictionary(), journal, RSE, attribute("A", after=1))
    for added in ([], [attribute("B", after=2), attribute("C", after=3)], [attribute("D", after=4)]):
        run(Dictionary(), journal, *added)
        before = reader.entries()
        decoded.clear()
        assert reader.entries() == before == Journal(journal.path.parent).entries()
        whole, decoded[:] = len(decoded), []
        run(Dictionary(), journal, attribute("X", after=1), attribute("Y", after=1))
        decoded.clear()
        assert [one.change.object for one in reader.entries()[-2:]] == ["X", "Y"]
        assert len(decoded) == 4, "an intent and a result each"
        assert whole == 2 * len(before), "by the other journal alone"
    entries = reader.entries()
    with journal.path.open("ab") as file:
        file.write(b'{"type":"intent","ent')
    assert reader.entries() == entries, "half a line is not there yet"
    with journal.path.open("ab") as file:
        file.write(b"\n")
    for _ in range(2):
        with pytest.raises(SyncError, match=rf"journal\.jsonl:{2 * len(entries) + 1}: expected a line"):
            reader.entries()


def test_a_journal_that_was_written_anew_is_read_anew(journal: Journal) -> None:
    run(Dictionary(), journal, attribute("A", after="ada"), attribute("B", after="bob"))
    reader = Journal(journal.path.parent)
    assert len(reader.entries()) == 2

    def clean(value: Any) -> Any:
        return json.loads(json.dumps(value).replace('"ada"', '"xyz"'))

    assert journal.forget("nobody", clean) == 2, "who applied it, too"
    assert [one.change.after for one in reader.entries()] == ["xyz", "bob"]


def test_a_line_that_was_cut_short_is_taken_away_and_damage_is_named(journal: Journal) -> None:
    run(Dictionary(), journal, RSE)
    with journal.path.open("ab") as file:
        file.write(b'{"type":"intent","ent')
    assert len(journal.entries()) == 1
    run(Dictionary(), journal, attribute("A", after=1))
    assert [entry.id for entry in journal.entries()] == [1, 2]
    journal.path.write_bytes(b"no JSON\n" + journal.path.read_bytes())
    with pytest.raises(SyncError, match=r"journal.jsonl:1: expected a line of the journal.*mv "):
        journal.entries()


KILLED = """
import os, signal, sys
from pathlib import Path
from lakescope.sync.apply import apply
from lakescope.sync.journal import Journal
from tests.sync._dictionary import Dictionary, attribute, plan

class Killed(Dictionary):
    def perform(self, change):
        if change.object == "RSE-3":
            os.kill(os.getpid(), signal.SIGKILL)
        super().perform(change)

changes = [attribute(f"RSE-{number}", after=number) for number in range(5)]
options = {"by": "ada", "clock": lambda: 0.0, "concurrency": int(sys.argv[2])}
apply(plan(*changes), Killed(), Journal(Path(sys.argv[1])), **options)
"""


def killed(journal: Journal, concurrency: int) -> None:
    program = [sys.executable, "-c", KILLED, str(journal.path.parent), str(concurrency)]
    process = subprocess.run(program, cwd=os.curdir, check=False)
    assert process.returncode == -signal.SIGKILL


def test_a_killed_run_is_resumed(journal: Journal) -> None:
    killed(journal, 1)
    assert [entry.result for entry in journal.entries()] == ["applied", "applied", "applied", ""]
    rest = [attribute(f"RSE-{number}", after=number) for number in (3, 4)]
    assert run(Dictionary(), journal, *rest).applied == 2
    assert [entry.result for entry in journal.entries()][3:] == ["not applied", "applied", "applied"]


def test_each_of_several_that_a_kill_cut_short_is_settled(journal: Journal) -> None:
    """What was done is told by the target, for each of the threads."""
    killed(journal, 3)
    cut_short = journal.open_entries()
    assert "RSE-3" in {entry.change.object for entry in cut_short}
    done = {entry.change.place: entry.change.after for entry in journal.entries() if entry not in cut_short}
    done |= {one.change.place: one.change.after for one in cut_short if one.change.object != "RSE-3"}
    rest = [one for number in range(5) if (one := attribute(f"RSE-{number}", after=number)).place not in done]
    assert run(Dictionary(dict(done)), journal, *rest, concurrency=3).failed == []
    assert journal.open_entries() == []
    applied = [entry.change.object for entry in journal.entries() if entry.result == "applied"]
    assert sorted(applied) == [f"RSE-{number}" for number in range(5)], "each once"
