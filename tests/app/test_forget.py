"""`lakescope forget`: what is changed where, what stays, what is said of the rest; and names that end after some days."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lakescope.app.assembly import open_dead_letters, open_sinks
from lakescope.app.config import parse
from lakescope.cli import app
from lakescope.core.contracts import ForgettingSink
from lakescope.core.messages import Message, Reject
from lakescope.core.personal import FORGOTTEN, PERSONAL
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
    report = tmp_path / "data/reports/weekly/all/2026-W01/1.json"
    report.parent.mkdir(parents=True)
    report.write_text('{"label": "jdoe", "other": "jdoes"}')
    result = CliRunner().invoke(app, ["forget", "jdoe", "-c", str(tmp_path / "lakescope.toml")])
    lines = result.stdout.splitlines()
    assert result.exit_code == 1, result.output
    assert "changed  sink duck (duckdb): transfers 1" in lines
    assert any(line.startswith("NOT REACHED  sink lines (jsonl): cannot change") for line in lines)
    assert "changed  dead letters: 2 letters" in lines
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


def _check(sink: Any) -> None:
    if not isinstance(sink, ForgettingSink):
        pytest.skip("this store cannot change what it has stored")
    if getattr(sink.options, "flavour", "") == "elasticsearch":
        pytest.skip(
            "the test's Elasticsearch has no update by query (tests/servers/elasticsearch.py); OpenSearch has"
        )


def _store(configuration: Any) -> None:
    import msgspec

    sinks: dict[str, Any] = open_sinks(configuration)
    events = [transfer("failed", "2026-01-05T00:00:00Z", **fields) for fields in (JDOE, OTHER)]
    for sink in sinks.values():
        sink.write(sink.encode(events, [msgspec.json.encode(one) for one in events]))
        sink.close()
