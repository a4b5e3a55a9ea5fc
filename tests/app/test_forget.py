"""`lakescope forget`: what is changed where, what stays, what is said of the rest; and names that end after some days."""

from __future__ import annotations

import re
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import zstandard
from typer.testing import CliRunner

from lakescope.app.assembly import open_dead_letters, open_sinks
from lakescope.app.config import parse
from lakescope.app.erasure import Name
from lakescope.app.sync import LatestAccounts
from lakescope.cli import app
from lakescope.collectors._spool import Spool
from lakescope.core.contracts import BlankingSink, ForgettingSink
from lakescope.core.messages import Message, Reject
from lakescope.core.personal import FORGOTTEN, PERSONAL
from lakescope.pipeline.overflow import Overflow, Slice, file_of, pack_origin, unpack_origin
from lakescope.sync.accounts.state import AccountsPlan, AccountState
from lakescope.sync.apply import undo
from lakescope.sync.journal import Entry, Journal
from lakescope.sync.plan import Change, SyncError
from tests.app._searched import Store, transfer
from tests.sinks._events import event_of, plain

JDOE = {
    "account": "jdoe", "scope": "user.jdoe", "name": "jdoe.1.root", "dst_url": "https://se.example/home/jdoe/1",
    "error": "no right for jdoe, jdoes is another", "request_id": "1" * 32,
}  # fmt: skip
OTHER = {
    "account": "jdoes",
    "scope": "user.jdoes",
    "name": "jdoe.1.root",
    "error": "jdoe",
    "request_id": "2" * 32,
}


@pytest.mark.parametrize("name", ["jdoe", "j.doe"])
def test_a_name_is_taken_out_of_a_store(store: Store, name: str) -> None:
    events = [
        transfer(
            "failed",
            "2026-01-05T00:00:00Z",
            **{key: one.replace("jdoe", name) for key, one in fields.items()},
        )
        for fields in (JDOE, OTHER)
    ]
    sink = store(events)
    _check(sink)
    assert sink.forget(name) == {"transfers": 1}
    (own,) = sink.find("transfers", "request_id", ["1" * 32])
    assert (own["account"], own["scope"], own["name"]) == (
        FORGOTTEN,
        f"user.{FORGOTTEN}",
        f"{FORGOTTEN}.1.root",
    )
    assert own["dst_url"] == f"https://se.example/home/{FORGOTTEN}/1"
    assert own["error"].startswith(f"no right for {FORGOTTEN}, ")
    (other,) = sink.find("transfers", "request_id", ["2" * 32])
    assert other["account"] == f"{name}s" and other["error"] == name, (
        "an event of somebody else stays as it is"
    )
    assert sink.forget(name) == {}


def test_names_end_after_some_days_and_events_do_not(store: Store) -> None:
    events = [event_of(dataset) for dataset in PERSONAL]
    new = transfer("done", "2026-03-01T00:00:00Z", account="jdoe", request_id="1" * 32)
    sink = store([*events, new])
    _check(sink)
    if not isinstance(sink, BlankingSink):
        pytest.skip("this store cannot change events while it runs")
    assert sink.forget_before(datetime.fromisoformat("2026-02-01T00:00:00Z")) == dict.fromkeys(PERSONAL, 1)
    for event in events:
        (found,) = sink.find(
            event.dataset,
            "source",
            [event.source],
            since=None,
            until=datetime.fromisoformat("2026-02-01T00:00:00Z"),
        )
        personal = PERSONAL[event.dataset]
        assert not any(found.get(name) for name in personal), event.dataset
        assert found["vo"] == plain(event)["vo"]
    assert [one["account"] for one in sink.find("transfers", "request_id", ["1" * 32])] == ["jdoe"]
    assert sink.forget_before(datetime.fromisoformat("2026-02-01T00:00:00Z")) == {}


def test_the_command_says_what_it_changed_and_what_it_cannot_reach(tmp_path: Path) -> None:
    text = (
        f'data_dir = "{tmp_path}/data"\n[collectors.push]\ntype = "http"\n'
        f'[sinks.duck]\ntype = "duckdb"\n[sinks.lines]\ntype = "jsonl"\ndirectory = "{tmp_path}/lines"\n'
        '[sinks.topic]\ntype = "kafka"\nbrokers = ["kafka://127.0.0.1:9"]\ntopic = "t"\n'
    )
    (tmp_path / "lakescope.toml").write_text(text)
    configuration = parse(text)
    (tmp_path / "data").mkdir()
    _store(configuration)
    dead = open_dead_letters(configuration.settings)
    for body in (b'{"account": "jdoe"}', b'{"account": "jdoes"}'):
        dead.add(
            "push",
            None,
            [
                (
                    Message(body, "push", {"from": "jdoe"} if b"s" in body[-4:] else {}),
                    [Reject("schema", "$", None, "jdoe")],
                )
            ],
        )
    dead.close()
    _queue(configuration)
    _synchronise(tmp_path / "data/sync")
    assert CliRunner().invoke(app, ["backup", "first", "-c", str(tmp_path / "lakescope.toml")]).exit_code == 0
    report = tmp_path / "data/reports/weekly/all/2026-W01/1.json"
    report.parent.mkdir(parents=True)
    report.write_text('{"label": "jdoe", "other": "jdoes"}')
    result = CliRunner().invoke(app, ["forget", "jdoe", "-c", str(tmp_path / "lakescope.toml")])
    lines = result.stdout.splitlines()
    assert result.exit_code == 1, result.output
    assert "changed  sink duck (duckdb): transfers 1" in lines
    assert "changed  sink lines (jsonl): transfers 1" in lines
    first, second = (tmp_path / "lines/transfers-2026-01-05.jsonl").read_text().splitlines()
    assert msgspec.json.decode(first)["dst_url"] == f"https://se.example/home/{FORGOTTEN}/1"
    assert msgspec.json.decode(first)["error"] == f"no right for {FORGOTTEN}, jdoes is another"
    assert "jdoe" not in first.replace("jdoes", "") and '"error":"jdoe"' in second and FORGOTTEN not in second
    assert len(list((tmp_path / "lines").iterdir())) == 1
    assert any(
        line.startswith("NOT REACHED  sink topic (kafka): cannot change") and "retention.ms" in line
        for line in lines
    )
    assert "changed  dead letters: 2 letters" in lines
    for place, what in (
        ("data/push.spool", "1 messages"),
        ("data/overflow/duck.sqlite", "1 parts of batches"),
        (f"data/dead-letters/{OLD_LETTERS}", "1 letters"),
    ):
        assert f"changed  {tmp_path}/{place}: {what}" in lines
    assert "changed  last plans of synchronisations: 1 files" in lines
    assert (
        "changed  journal of synchronisations: 3 lines; the account's entries can no longer be undone"
        in lines
    )
    (backup,) = (line for line in lines if line.startswith(f"NOT REACHED  {tmp_path}/data/backups/first: "))
    assert "the name is in: data/sync/journal.jsonl, data/sync/plan-accounts.json" in backup
    assert "it may be in: data/dead-letters" in backup and "stores/duck" in backup
    _check_queue(configuration)
    _check_synchronisation(tmp_path / "data/sync")
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file() and "backups" not in path.parts and path.suffix != ".duckdb":
            assert not re.search(rb"jdoe[^s]", path.read_bytes()), path
    assert "changed  archive of reports: 1 files" in lines
    assert report.read_text() == f'{{"label": "{FORGOTTEN}", "other": "jdoes"}}'
    dead = open_dead_letters(configuration.settings)
    letters = list(dead.letters())
    dead.close()
    assert sorted(one.body for one in letters) == [
        f'{{"account": "{FORGOTTEN}"}}'.encode(),
        b'{"account": "jdoes"}',
    ]
    assert {one.found for one in letters} == {FORGOTTEN}
    again = CliRunner().invoke(app, ["forget", "jdoe", "-c", str(tmp_path / "lakescope.toml")])
    assert "changed  sink duck (duckdb): nothing" in again.stdout.splitlines()
    short = CliRunner().invoke(app, ["forget", "me", "-c", str(tmp_path / "lakescope.toml")])
    assert "expected a name of 3 characters or more" in str(short.exception)


OLD_LETTERS = "20260101T000000Z-000000001.jsonl.zst"


def _queue(configuration: Any) -> None:
    """A message in the push spool, a slice in the overflow, a letter in a file; and neighbours."""
    data_dir = configuration.settings.data_dir
    spool = Spool(data_dir / "push.spool", 2**30)
    for body in (b'{"jdoe" : 1, "account": "jdoe"}', b'{"account": "jdoes"}'):
        spool.append(Message(body, "push", {"x-user": "jdoe" if b"1" in body else ""})).result(10)
    spool.close()
    overflow = Overflow(file_of(data_dir, "duck"), 2**30)
    for row, fields in enumerate((JDOE, OTHER | {"name": "x", "error": None}), 1):
        event = transfer("failed", "2026-01-05T00:00:00Z", **fields)
        origin = pack_origin([Message(msgspec.json.encode(event), "hermes")], [0])
        chunks = [("transfers", msgspec.json.encode(event))]
        overflow.put([(row, Slice("push", chunks, Counter({event.time[:19]: 1}), origin))])
    overflow.close()
    dead = open_dead_letters(configuration.settings)
    for body in (b'{"account": "jdoe"}', b'{"account": "jdoes"}'):
        dead.add("old", None, [(Message(body, "push"), [Reject("schema", "$", None, None)])])
    letters = list(dead.letters(collector="old"))
    dead.drop([letter.id for letter in letters])
    dead.close()
    dead.folder.mkdir()
    lines = b"".join(msgspec.json.encode(letter) + b"\n" for letter in letters)
    (dead.folder / OLD_LETTERS).write_bytes(zstandard.compress(lines))


def _check_queue(configuration: Any) -> None:
    """What waited waits, without the name, and can be read as before."""
    data_dir = configuration.settings.data_dir
    spool = Spool(data_dir / "push.spool", 2**30)
    first, second = spool.read(2**20, 1)
    spool.close()
    assert first.body == b'{"%s" : 1, "account": "%s"}' % ((FORGOTTEN.encode(),) * 2)
    assert (first.headers, second.body) == ({"x-user": FORGOTTEN}, b'{"account": "jdoes"}')
    overflow = Overflow(file_of(data_dir, "duck"), 2**30)
    (_, own), (_, other) = overflow.read(0, 10)
    overflow.close()
    event = msgspec.json.decode(own.chunks[0][1])
    assert (event["account"], event["scope"], event["request_id"]) == (
        FORGOTTEN, f"user.{FORGOTTEN}", JDOE["request_id"],
    )  # fmt: skip
    messages, message_of = unpack_origin(own.origin)
    assert (messages[0].body, message_of) == (own.chunks[0][1], [0])
    assert own.collector == "push" and own.seconds.total() == 1
    assert msgspec.json.decode(other.chunks[0][1])["account"] == "jdoes"
    dead = open_dead_letters(configuration.settings)
    ids = dead.restore(OLD_LETTERS)
    bodies = {letter.body for letter in dead.letters(ids=ids)}
    assert bodies == {f'{{"account": "{FORGOTTEN}"}}'.encode(), b'{"account": "jdoes"}'}
    dead.drop(ids)
    dead.close()


def test_somebody_who_is_called_like_a_field_leaves_events_whole() -> None:
    body = b'{"account":"account", "user": {"account" : "other account"}}'
    clean = Name("account").clean_bytes(body)
    assert clean == body.replace(b':"account"', b':"forgotten"').replace(b"other account", b"other forgotten")


def _change(**fields: Any) -> Change:
    return Change(**({"kind": "create", "type": "identity", "object": "jdoe"} | fields))


def _synchronise(folder: Path) -> None:
    """The journal of a run with an entry that a kill cut short, and the last plan."""
    journal = Journal(folder)
    subject = "CN=John Doe"
    with journal.exclusive():
        for change, result in (
            (_change(part=subject, after="X509"), "applied"),
            (_change(type="attribute", part="lakescope-user", after="a digest"), ""),
            (_change(object="jdoes", part=subject, after="X509"), "applied"),
        ):
            entry = Entry(id=0, run="r", sync="accounts", target="t", by="jdoe", at="now", change=change)
            journal.begin(entry)
            if result:
                journal.end(entry, result, "", 0.0)
    plan = AccountsPlan(
        sync="accounts", source="s", target="t", existing={},
        changes=[_change(part=subject), _change(object="jdoes", note="as jdoe")],
        accounts=[AccountState(name="jdoe", identities={subject: "X509"}), AccountState(name="jdoes")],
    )  # fmt: skip
    (folder / "plan-accounts.json").write_bytes(msgspec.json.encode(LatestAccounts(1.0, plan)))


def _check_synchronisation(folder: Path) -> None:
    """What was done stays, whom it was done to does not; it cannot be undone."""
    journal = Journal(folder)
    own, cut, other = journal.entries()
    assert own.change == Change(kind="create", type="identity", object=FORGOTTEN)
    assert (own.by, own.result, cut.result) == (FORGOTTEN, "applied", "unknown")
    assert (cut.change.part, cut.change.after) == ("lakescope-user", None)
    assert (other.change.object, other.change.part) == ("jdoes", "CN=John Doe")
    target: Any = SimpleNamespace(label="t")
    with pytest.raises(SyncError, match="its account was forgotten"):
        undo(1, target, journal, by="me", clock=time.time)
    kept = msgspec.json.decode((folder / "plan-accounts.json").read_bytes(), type=LatestAccounts)
    (change,) = kept.plan.changes
    assert kept.plan.accounts == [AccountState(name="jdoes")]
    assert (change.object, change.note) == ("jdoes", f"as {FORGOTTEN}")


def _check(sink: Any) -> None:
    if not isinstance(sink, ForgettingSink):
        pytest.skip("this store cannot change what it has stored")
    if getattr(sink.options, "flavour", "") == "elasticsearch":
        pytest.skip(
            "the test's Elasticsearch has no update by query (tests/servers/elasticsearch.py); OpenSearch has"
        )


def _store(configuration: Any) -> None:
    files = {name: one for name, one in configuration.sinks.items() if one.type != "kafka"}
    sinks: dict[str, Any] = open_sinks(configuration._replace(sinks=files))
    events = [transfer("failed", "2026-01-05T00:00:00Z", **fields) for fields in (JDOE, OTHER)]
    for sink in sinks.values():
        sink.write(sink.encode(events, [msgspec.json.encode(one) for one in events]))
        sink.close()
