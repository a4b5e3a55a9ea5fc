"""backup and restore: beside a running instance and without one; nothing that is stored is missing, and nothing is replaced."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import duckdb
import httpx
import pytest
from typer.testing import CliRunner

from lakescope.cli import app
from tests.contract._bodies import events_of, hermes, ndjson
from tests.e2e._lakescope import Lakescope, duckdb_events, no_alerts, until

CONFIGURATION = '[collectors.push]\ntype = "http"\n[sinks.lake]\ntype = "duckdb"\n'
NDJSON = {"content-type": "application/x-ndjson"}


def push(lakescope: Lakescope, bodies: list[bytes]) -> None:
    httpx.post(
        f"{lakescope.url}/push/hermes", content=ndjson(bodies), headers=NDJSON, trust_env=False
    ).raise_for_status()


def ids(path: Path) -> Counter[str]:
    return Counter(event["id"] for event in duckdb_events(path))


def test_beside_a_running_instance_and_back_on_another_machine(tmp_path: Path) -> None:
    bodies, junk = hermes(50), [b'{"event_type": "unknown"}']
    first, other = tmp_path / "first", tmp_path / "other"
    first.mkdir()
    other.mkdir()
    with Lakescope(first, CONFIGURATION) as lakescope:
        lakescope.start()
        push(lakescope, bodies[:30] + junk)
        until(lambda: lakescope.drained(31), 20, lakescope.brief)
        folder = Path(lakescope.command("backup", "one").strip())
        assert folder == lakescope.data_dir / "backups/one"
        push(lakescope, bodies[30:])
        until(lambda: lakescope.drained(51), 20, lakescope.brief)
        assert "is there already" in _refusal(lakescope, "backup", "one")
        assert "expected a name" in _refusal(lakescope, "backup", "../one")
        assert lakescope.stop() == 0
        assert Counter(dict.fromkeys(events_of("hermes", bodies), 1)) == ids(
            lakescope.data_dir / "lake.duckdb"
        )
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        "backup.json", "data/dead-letters.sqlite", "data/push.spool", "stores/lake",
    }  # fmt: skip
    shutil.move(folder, other / "copy")
    with Lakescope(other, CONFIGURATION) as lakescope:
        lakescope.command("restore", str(other / "copy"))
        assert ids(lakescope.data_dir / "lake.duckdb") == Counter(
            dict.fromkeys(events_of("hermes", bodies[:30]), 1)
        )
        lakescope.start()
        assert lakescope.status()["dead_letters"]["total"] == 1
        push(lakescope, bodies)
        until(lambda: lakescope.drained(50), 20, lakescope.brief)
        assert lakescope.stop() == 0
    assert ids(other / "data/lake.duckdb") == Counter(dict.fromkeys(events_of("hermes", bodies), 1))


def _refusal(lakescope: Lakescope, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "-c", str(lakescope.config)])
    assert isinstance(result.exception, RuntimeError)
    return str(result.exception)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Of a lake that nobody runs, with an event that waits in nobody's queue."""
    path = tmp_path / "lakescope.toml"
    path.write_text(f'data_dir = "{tmp_path}/data"\n{CONFIGURATION}{no_alerts(CONFIGURATION)}')
    return path


def invoke(config: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "-c", str(config)])
    return str(result.exception) if result.exception else result.stdout


def test_without_an_instance_and_where_something_is_in_the_way(config: Path, tmp_path: Path) -> None:
    folder = Path(invoke(config, "backup", "one").strip())
    assert json.loads((folder / "backup.json").read_text())["stores"] == ["lake"]
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data/alerts.json").write_text("{}")
    kept = tmp_path / "kept"
    shutil.move(folder, kept)
    refusal = invoke(config, "restore", str(kept))
    assert "is there already, and a backup replaces nothing" in refusal
    assert not (tmp_path / "data/alerts.json").exists()
    (tmp_path / "data").rename(tmp_path / "data.old")
    assert str(tmp_path / "data/lake.duckdb") in invoke(config, "restore", str(kept)).splitlines()
    assert (tmp_path / "data/alerts.json").read_text() == "{}"


def test_what_is_no_backup_and_a_store_that_nobody_has(config: Path, tmp_path: Path) -> None:
    assert "expected a backup of Lakescope" in invoke(config, "restore", str(tmp_path / "nothing"))
    folder = Path(invoke(config, "backup").strip())
    (folder / "backup.json").write_text('{"stores": ["lake", "elsewhere"]}')
    assert "[sinks.elsewhere]" in invoke(config, "restore", str(folder))
    (folder / "backup.json").write_text("[]")
    assert "expected a backup of Lakescope" in invoke(config, "restore", str(folder))
    assert not (tmp_path / "data/elsewhere").exists()


def test_a_backup_that_was_broken_off_is_none(config: Path, tmp_path: Path) -> None:
    partial = tmp_path / "data/backups/one.partial/data"
    partial.mkdir(parents=True)
    (partial / "alerts.json").write_text("half")
    folder = Path(invoke(config, "backup", "one").strip())
    assert not (folder / "data/alerts.json").exists()
    assert not partial.exists()


def test_a_file_is_written_anew_without_the_room_of_what_was_deleted(tmp_path: Path) -> None:
    with Lakescope(tmp_path, CONFIGURATION) as lakescope:
        lakescope.start()
        push(lakescope, bodies := hermes(5))
        until(lambda: lakescope.drained(5), 60, lakescope.brief)
        assert "stop that one" in _refusal(lakescope, "compact")
        assert lakescope.stop() == 0
        path = lakescope.data_dir / "lake.duckdb"
        with duckdb.connect(path) as connection:
            connection.execute(
                "create table old as select uuid() as id, md5(i::text) as name from range(200000) as t(i)"
            )
            connection.execute("checkpoint")
            connection.execute(
                "insert into dids (id, name, time) select id, name, now() from old limit 20000"
            )  # behind it
            connection.execute("checkpoint")
            connection.execute("drop table old")
            kept = connection.execute(
                "select id from transfers union all select id from dids order by id"
            ).fetchall()
        (lakescope.data_dir / "lake.duckdb.new").write_text("of one that was killed")
        before = path.stat().st_size
        assert str(path) in lakescope.command("compact")
        assert path.stat().st_size < before / 2, "the room of what was deleted is given back"
        with duckdb.connect(path, read_only=True) as connection:
            assert (
                connection.execute(
                    "select id from transfers union all select id from dids order by id"
                ).fetchall()
                == kept
            )
        lakescope.start()
        push(lakescope, bodies[:1])
        until(lambda: lakescope.drained(1), 20, lakescope.brief)
    assert not (lakescope.data_dir / "lake.duckdb.new").exists()
