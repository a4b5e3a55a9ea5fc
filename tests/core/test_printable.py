"""What strangers write into messages reaches neither the operator's terminal nor a spreadsheet as a command."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from lakescope.core.events import Transfer
from lakescope.core.messages import Message, Reject
from lakescope.core.printable import escape_unprintable, spreadsheet_cell
from lakescope.dashboards import pages
from lakescope.pipeline.dead_letters import DeadLetters
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink

EVIL = "a\x1b[31mred\x9b2J\x07\rb\u202e [bold]x[/bold] :smile:"
WRITTEN_OUT = "a\\u001b[31mred\\u009b2J\\u0007\\u000db\\u202e [bold]x[/bold] :smile:"
NAMES = ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "-1.5", "x=1", EVIL]


def test_control_characters_are_written_out_and_json_stays_json() -> None:
    assert escape_unprintable(EVIL) == WRITTEN_OUT
    assert escape_unprintable("Zürich\t2\n") == "Zürich\t2\n"
    hidden = "\xad\u061c\u200b\u200f\u2060\u2066\ufeff\U000e0041"
    written = escape_unprintable(f"PIC{hidden}")
    assert written == r"PIC\u00ad\u061c\u200b\u200f\u2060\u2066\ufeff\udb40\udc41"
    assert json.loads(f'"{written}"') == f"PIC{hidden}"
    assert json.loads(escape_unprintable(msgspec.json.encode({"x": EVIL}).decode())) == {"x": EVIL}


def test_pages_write_out_the_same() -> None:
    """page.js has the expression of its own, in UTF-16, as JavaScript writes it."""
    script = (Path(pages.__file__).parent / "static/page.js").read_text()
    (single, high, low) = re.findall(r"replace\(/(\[\S+\])\|(\S+?)(\[\S+?\])/g", script)[0]
    found = re.compile(single)
    tag = re.compile(low)
    for number in {*range(0x10000)} - {*range(0xD800, 0xE000)}:
        assert bool(found.match(chr(number))) == (escape_unprintable(chr(number)) != chr(number)), hex(number)
    for number in (0x10000, 0x1F600, *range(0xDFF00, 0xE1000), 0x10FFFF):
        units = chr(number).encode("utf-16-be")
        first, second = (chr(int.from_bytes(units[at : at + 2], "big")) for at in (0, 2))
        is_found = first == chr(int(high[2:], 16)) and bool(tag.match(second))
        assert is_found == (escape_unprintable(chr(number)) != chr(number)), hex(number)


def test_only_a_text_becomes_no_formula() -> None:
    assert [spreadsheet_cell(name) for name in NAMES[:8]] == [
        "'=1+1", "'+x", "'-x", "'@x", "'\tx", "'\rx", "-1.5", "x=1",
    ]  # fmt: skip
    assert [spreadsheet_cell(value) for value in (-1.5, None, 3)] == [-1.5, None, 3]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A data directory with such letters and events."""
    letters = DeadLetters(tmp_path / "data" / "dead-letters.sqlite")
    reject = Reject("schema", f"$.{EVIL}", EVIL, EVIL)
    letters.add("push", None, [(Message(EVIL.encode(), "hermes", {"file": EVIL}), [reject])])
    letters.close()
    events = [
        Transfer(
            id=f"{n:032x}", time="2026-01-05T10:00:00Z", source="rucio", event="done", ok=True, account=name
        )
        for n, name in enumerate(NAMES)
    ]
    events.append(
        Transfer(id="f" * 32, time="2026-01-05T10:00:00Z", source="rucio", event="queued", account="idle")
    )
    sink = DuckdbSink("store", DuckdbOptions(), tmp_path / "data")
    sink.write(
        [chunk for chunk in sink.encode(events, [msgspec.json.encode(event) for event in events]) if chunk]
    )
    sink.close()
    file = tmp_path / "lakescope.toml"
    file.write_text('data_dir = "data"\n[collectors.push]\ntype = "http"\n[sinks.store]\ntype = "duckdb"\n')
    return file


def run_on_a_terminal(*words: str) -> str:
    """What a command writes, its standard output and error a terminal."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "lakescope", *words]
    environment = os.environ | {"COLUMNS": "400", "TERM": "dumb", "NO_COLOR": "1"}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    output = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break  # Linux says so at the end
        if not piece:
            break
        output += piece
    os.close(ours)
    process.wait(60)
    return output.decode().replace("\r\n", "\n")


ASKED = ("query", "transfer_efficiency", "--by", "account", "--since", "2026-01-05", "--until", "2026-01-06")


@pytest.mark.parametrize(
    "words",
    [
        ("dead-letters", "list"),
        ("dead-letters", "show", *"0123456789abcdef"),
        ASKED,
        (*ASKED, "--format", "jsonl"),
    ],
)
def test_no_command_passes_them_to_a_terminal(config: Path, words: tuple[str, ...]) -> None:
    output = run_on_a_terminal(*words, "-c", str(config))
    folded = "".join(output.split())  # a table folds long texts
    assert "\\u001b[31mred" in folded, output
    assert not set("\x1b\x9b\x07\r\u202e") & set(output), output
    assert "[bold]x[/bold]" in folded and ":smile:" in folded


def test_normalise_and_validate_write_them_out(tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    file.write_text(json.dumps({"event_type": EVIL, "created_at": "2026-01-05", "payload": {}}), "utf-8")
    output = run_on_a_terminal("normalise", "-f", "hermes", str(file))
    assert "red" in output and not set("\x1b\x9b\x07\r\u202e") & set(output), output
    config = tmp_path / "lakescope.toml"
    config.write_text('[collectors.a]\ntype = "x\\u001b[31mred\\u009b"\n', "utf-8")
    output = run_on_a_terminal("validate", "-c", str(config))
    assert "red" in output and not set("\x1b\x9b") & set(output), output


def test_csv_is_safe_and_groups_without_a_value_are_counted(config: Path) -> None:
    command = [sys.executable, "-m", "lakescope", *ASKED, "--format", "csv", "-c", str(config)]
    ended = subprocess.run(command, capture_output=True, timeout=60, check=True)
    rows = list(csv.DictReader(ended.stdout.decode().replace("\r\n", "\n").splitlines(keepends=True)))
    accounts = {row["account"] for row in rows}
    assert {"'=1+1", "'+x", "'-x", "'@x", "'\tx", "-1.5", "x=1"} <= accounts
    assert "idle" not in accounts and b"1 rows of groups without a value are left out" in ended.stderr
