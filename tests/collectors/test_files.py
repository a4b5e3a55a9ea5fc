"""Files: packed and plain, named in every way, once or as they grow and are rotated; damaged ones told."""

from __future__ import annotations

import csv
import gzip
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from typer.testing import CliRunner

from lakescope.cli import app
from tests.contract._bodies import events_of, hermes, ndjson
from tests.contract._running import Archiving
from tests.e2e._lakescope import until

BODIES = hermes(60)
IDS = list(events_of("hermes", BODIES))
HALF = ndjson(BODIES[:30]), ndjson(BODIES[30:])


def collector(*paths: Path | str, format_: str = "hermes", **options: str) -> str:
    """A files collector as configuration; options as they stand in TOML."""
    listed = ", ".join(f'"{path}"' for path in paths)
    lines = "\n".join(f"{key} = {value}" for key, value in options.items())
    return f'[collectors.files]\ntype = "files"\nformat = "{format_}"\npaths = [{listed}]\n{lines}\n'


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waits between two looks at a file, and for new ones, made short."""
    monkeypatch.setattr("lakescope.collectors.files.POLL_S", 0.02)
    monkeypatch.setattr("lakescope.collectors.files.LOOK_S", 0.05)


# --- once ------------------------------------------------------------------------------------------------

PACKED: dict[str, Callable[[], bytes]] = {
    "a.jsonl": lambda: b"".join(HALF),
    "a": lambda: b"".join(BODIES),
    "a.json.gz": lambda: gzip.compress(b"".join(HALF)),
    "two-members.gz": lambda: b"".join(map(gzip.compress, HALF)),
    "padded.gz": lambda: gzip.compress(b"".join(HALF)) + bytes(100),
    "a.zst": lambda: zstandard.compress(b"".join(HALF)),
    "two-frames.zstd": lambda: b"".join(map(zstandard.compress, HALF)),
}


@pytest.mark.parametrize("name", PACKED)
def test_a_file_is_read_whole_whatever_it_is_packed_in(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(PACKED[name]())
    with Archiving(tmp_path, collector(tmp_path / name)) as lakescope:
        lakescope.arrived(IDS)
        until(lambda: lakescope.told == "finished: 1 files", 5, lambda: lakescope.told)
        assert lakescope.engine.pipelines[0].inbox.received == len(BODIES)


def test_directories_and_patterns_name_each_file_once(tmp_path: Path) -> None:
    for number, name in enumerate(("d/b.jsonl", "d/a.jsonl", "e/x.log", "e/f/y.log", "e/f/z.txt", "single")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(ndjson(BODIES[10 * number : 10 * number + 10]))
    named: list[Path | str] = [
        tmp_path / "d",
        f"{tmp_path}/e/**/*.log",
        tmp_path / "single",
        f"{tmp_path}/sing*",
    ]
    with Archiving(tmp_path, collector(*named)) as lakescope:
        lakescope.arrived(IDS[:40] + IDS[50:])
        assert lakescope.stop()
        assert len(lakescope.stored()) == 50
        assert lakescope.told == "finished: 5 files"


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    with os.fdopen(read) as stdin, os.fdopen(write, "wb") as ours:
        monkeypatch.setattr(sys, "stdin", stdin)
        with Archiving(tmp_path, collector("-")) as lakescope:
            ours.write(HALF[0])
            ours.flush()
            ours.write(HALF[1])
            ours.close()
            lakescope.arrived(IDS)


def test_a_file_that_is_one_body(tmp_path: Path) -> None:
    """Prometheus' text has no end mark of its own; the file says which host it is of by `framing`'s default."""
    (tmp_path / "a.prom").write_text("node_load1 0.5\nnode_load5 0.7\n")
    with Archiving(tmp_path, collector(tmp_path / "a.prom", format_="node_exporter")) as lakescope:
        until(lambda: list(lakescope.engine.dead_letters.letters()), 5)
        (letter,) = (
            lakescope.engine.dead_letters.letters()
        )  # nobody has said which host: one body, one letter
        assert letter.body == b"node_load1 0.5\nnode_load5 0.7\n"
        assert letter.headers == {"file": f"{tmp_path}/a.prom"}
    (tmp_path / "b.json").write_bytes(b"".join(HALF))
    with Archiving(tmp_path / "2", collector(tmp_path / "b.json", framing='"whole"')) as lakescope:
        until(lambda: list(lakescope.engine.dead_letters.letters()), 5)
        assert lakescope.engine.pipelines[0].inbox.received == 1


def test_no_file_is_told_until_there_is_one(tmp_path: Path) -> None:
    with Archiving(tmp_path, collector(f"{tmp_path}/*.jsonl")) as lakescope:
        until(lambda: lakescope.told.startswith("error: "), 5, lambda: lakescope.told)
        assert lakescope.told == f"error: FileNotFoundError: no file matches {tmp_path}/*.jsonl"
        (tmp_path / "late.jsonl").write_bytes(b"".join(HALF))
        lakescope.arrived(IDS)


DAMAGED = {
    "cut.gz": (gzip.compress(HALF[0])[:-20], "it ends too early"),
    "cut.zst": (zstandard.compress(HALF[0])[:-20], "it ends too early"),
    "not.gz": (HALF[0], "incorrect header check"),
    "not.zst": (HALF[0], "damaged: "),
    "rubbish.gz": (gzip.compress(HALF[0]) + b"rubbish", "incorrect header check"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_told_and_holds_back_no_other(tmp_path: Path, name: str) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / name).write_bytes(DAMAGED[name][0])
    (files / "z.jsonl").write_bytes(HALF[1])
    with Archiving(tmp_path, collector(files)) as lakescope:
        until(lambda: DAMAGED[name][1] in lakescope.told, 5, lambda: lakescope.told)
        lakescope.arrived(IDS[30:])
        assert f"{files}/{name}: damaged" in lakescope.told and lakescope.told.startswith("error: ")
        assert f"{files}/{name}" in lakescope.get("/readyz").text
        (files / name).unlink()
        (files / name).write_bytes((gzip if name.endswith("gz") else zstandard).compress(HALF[0]))
        until(lambda: lakescope.told == "finished: 2 files", 10, lambda: lakescope.told)
        assert lakescope.stop()
        assert lakescope.stored().keys() == set(IDS)
        assert {len(found) for id_, found in lakescope.stored().items() if id_ in IDS[30:]} == {1}


@pytest.mark.parametrize("follow", ["false", "true"])
def test_rows_of_rucios_history(tmp_path: Path, follow: str) -> None:
    """They give the events that the broker gave."""
    bodies = [body for body in BODIES if b".000000" not in body]  # Python writes no such time
    documents = [json.loads(body) for body in bodies]
    with (tmp_path / "history.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["event_type", "payload", "payload_nolimit", "created_at"])
        writer.writerows(
            [one["event_type"], str(one["payload"]), None, one["created_at"]] for one in documents
        )
    configuration = collector(tmp_path / "history.csv", format_="hermes_history", follow=follow)
    with Archiving(tmp_path, configuration) as lakescope:
        lakescope.arrived(events_of("hermes", bodies))
        assert not list(lakescope.engine.dead_letters.letters())


def test_a_file_whose_name_is_no_utf_8(tmp_path: Path) -> None:
    """As Linux allows; its name goes into dead letters and status."""
    path = os.fsencode(tmp_path) + b"/donn\xe9es.jsonl"
    Path(os.fsdecode(path)).write_bytes(b'{"event_type": "no such"}\n' + ndjson(BODIES))
    with Archiving(tmp_path, collector(tmp_path / "*.jsonl")) as lakescope:
        lakescope.arrived(IDS)
        (letter,) = lakescope.engine.dead_letters.letters()
        assert letter.headers == {"file": f"{tmp_path}/donn\ufffdes.jsonl"}
    result = CliRunner().invoke(app, ["normalise", "--format", "hermes", os.fsdecode(path)])
    assert len(result.stdout.splitlines()) == len(IDS)
    assert json.loads(result.stderr)["file"] == f"{tmp_path}/donn\ufffdes.jsonl"


# --- followed --------------------------------------------------------------------------------------------


def test_a_growing_file_is_followed(tmp_path: Path) -> None:
    log = tmp_path / "events.log"
    log.write_bytes(HALF[0])
    with Archiving(tmp_path, collector(log, follow="true")) as lakescope:
        lakescope.arrived(IDS[:30])
        received = lakescope.engine.pipelines[0].inbox.last_received
        with log.open("ab") as file:
            file.write(BODIES[30] + b"\n")
            file.flush()
            lakescope.arrived(IDS[:31])
            file.write(BODIES[31][:100])  # half a line must wait for its other half
            file.flush()
            until(lambda: lakescope.engine.pipelines[0].inbox.last_received != received, 5)
            assert lakescope.engine.pipelines[0].inbox.received == 31
            file.write(BODIES[31][100:] + b"\n" + ndjson(BODIES[32:]))
        lakescope.arrived(IDS)
        assert lakescope.told == "ok: 1 files"
        assert lakescope.stop()
        assert not list(lakescope.stored().keys() - set(IDS))


@pytest.mark.parametrize("how", ["renamed", "truncated"])
def test_a_rotated_file_is_read_to_its_end_and_then_the_new_one(tmp_path: Path, how: str) -> None:
    """As logrotate does it, with `create` and with `copytruncate`."""
    log = tmp_path / "events.log"
    log.write_bytes(HALF[0])
    with Archiving(tmp_path, collector(log, follow="true")) as lakescope:
        lakescope.arrived(IDS[:30])
        if how == "renamed":
            with log.open("ab") as writer:
                log.rename(tmp_path / "events.log.1")
                writer.write(ndjson(BODIES[30:40]))  # by a writer that has not noticed yet
            log.write_bytes(ndjson(BODIES[40:]))
        else:
            with log.open("ab") as writer:
                writer.write(ndjson(BODIES[30:40]))
            lakescope.arrived(IDS[:40])
            with log.open("wb") as writer:
                writer.write(ndjson(BODIES[40:]))
        lakescope.arrived(IDS)


def test_new_files_of_a_pattern_are_found(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    with Archiving(tmp_path, collector(files, follow="true")) as lakescope:
        (files / "a.jsonl").write_bytes(HALF[0])
        lakescope.arrived(IDS[:30])
        (files / "b.jsonl.gz").write_bytes(gzip.compress(HALF[1]))
        lakescope.arrived(IDS)
        until(lambda: lakescope.told == "ok: 2 files", 5, lambda: lakescope.told)
        assert lakescope.engine.pipelines[0].inbox.received == 60  # a packed file is read once


def test_a_followed_file_that_cannot_be_read_is_told_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakescope.collectors.files.RETRY_S", 0.2)
    files = tmp_path / "files"
    files.mkdir()
    (files / "bad.gz").write_bytes(gzip.compress(HALF[0])[:-20])
    (files / "good.jsonl").write_bytes(HALF[1])
    with Archiving(tmp_path, collector(files, follow="true")) as lakescope:
        lakescope.arrived(IDS[30:])
        told = f"error: 2 files; {files}/bad.gz: damaged: it ends too early"
        until(lambda: lakescope.told == told, 5, lambda: lakescope.told)
        (files / "bad.gz").write_bytes(gzip.compress(HALF[0]))
        until(lambda: lakescope.told == "ok: 2 files", 5, lambda: lakescope.told)
        until(lambda: lakescope.stored().keys() == set(IDS), 5)


def test_a_quiet_file_is_not_said_to_give_anything(tmp_path: Path) -> None:
    """What the status page shows as the last message is one."""
    log = tmp_path / "events.log"
    log.write_bytes(BODIES[0] + b"\n")
    with Archiving(tmp_path, collector(log, follow="true")) as lakescope:
        lakescope.arrived(IDS[:1])
        inbox = lakescope.engine.pipelines[0].inbox
        before = inbox.last_received
        time.sleep(0.2)  # for several looks that find nothing
        assert inbox.last_received == before
