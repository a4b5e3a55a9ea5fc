"""Rucio's history of messages: the events that the broker gave, under their ids; and payloads that are traps."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from lakescope.cli import app
from lakescope.collectors._reading import bodies
from lakescope.core.messages import DecodeResult, Message, RejectedError, traits
from lakescope.transformers import hermes
from lakescope.transformers.hermes import history as hermes_history
from tests.transformers.bodies import SAMPLES, texts
from tests.transformers.properties import decode, holds, spliced

SAMPLE = [message["body"] for message in json.loads((SAMPLES / "hermes_one_of_each.json").read_bytes())]


def row(body: dict[str, Any], created_at: str | None = None) -> dict[str, Any]:
    """As Rucio moves it into the history."""
    return {
        "id": "0" * 32,
        "event_type": body["event_type"].upper(),
        "payload": str(body["payload"]),
        "payload_nolimit": None,
        "created_at": created_at or body["created_at"],
        "updated_at": body["created_at"],
    }


def table(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@pytest.mark.parametrize("body", SAMPLE, ids=lambda body: body["event_type"])
def test_an_event_of_the_history_repeats_the_brokers(body: dict[str, Any]) -> None:
    direct = decode(hermes.decode, body).events
    assert decode(hermes_history.decode, row(body)).events == direct
    out = DecodeResult()
    hermes_history.decode(Message(table([row(body)])), out)
    assert out.events == direct


@pytest.mark.parametrize(
    "created_at",
    [
        "2026-11-22 11:27:19.500000",
        "2026-11-22 11:27:19.5",
        "2026-11-22T11:27:19.500Z",
        "2026-11-22 12:27:19.5+01",
        1795346839500,
        1795346839.5,
    ],
)
def test_a_databases_notations_of_a_time_give_one_id(created_at: Any) -> None:
    close = next(body for body in SAMPLE if body["event_type"] == "close")
    broker = decode(hermes.decode, close | {"created_at": "2026-11-22 11:27:19.500000"}).events
    assert decode(hermes_history.decode, row(close, created_at)).events == broker


def test_a_whole_second_is_written_as_python_writes_it() -> None:
    close = next(body for body in SAMPLE if body["event_type"] == "close")
    broker = decode(hermes.decode, close | {"created_at": "2026-11-22 11:27:19"}).events
    assert decode(hermes_history.decode, row(close, "2026-11-22 11:27:19.000000")).events == broker


@pytest.mark.parametrize(
    "payload",
    [
        "-" * 100_000 + "1",
        "(" * 100_000,
        "[" * 21 + "]" * 21,
        "{'a': " * 21 + "1" + "}" * 21,
        "1" + "+1" * 50_000,
        "1j+1j",
        "{'a': __import__('os').system('true')}",
        "{'a': [x for x in ()]}",
        "{'a': lambda: 1}",
        "{'a': 10**10**10}",
        "{'a': f'{1}'}",
        "{'a': " + "9" * 5000 + "}",
        "{[]: 1}",
        "{'a': 'x'",
        "{'a' 'b'",
        "{'a': '" + "x" * 2**18 + "'}",
        "['a', " * 20,
        "[" + "[]," * 80_000 + "]",
        "nan",
        "\x00",
        "",
    ],
    ids=lambda payload: payload[:20],
)
def test_payloads_that_are_traps_are_rejected(payload: str) -> None:
    with pytest.raises(RejectedError) as error:
        decode(hermes_history.decode, row(SAMPLE[0]) | {"payload": payload})
    assert error.value.reject.reason == "schema"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | st.text("{}[]()'\"\\,: 01aNone-+.*j", max_size=60))
def test_no_payload_crashes_it(payload: str) -> None:
    holds(hermes_history.decode, json.dumps(row(SAMPLE[0]) | {"payload": payload}).encode())


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | spliced(texts("hermes_history")))
def test_no_bytes_crash_it(body: bytes) -> None:
    holds(hermes_history.decode, body)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_normalise_reads_a_table(tmp_path: Path, form: str, packed: bool) -> None:
    rows = [row(body) for body in SAMPLE]
    rows[3] |= {"payload": "{'cut"}
    data = table(rows) if form == "csv" else b"".join(json.dumps(one).encode() + b"\n" for one in rows)
    path = tmp_path / (f"history.{form}.gz" if packed else f"history.{form}")
    path.write_bytes(gzip.compress(data) if packed else data)
    result = CliRunner().invoke(app, ["normalise", "--format", "hermes_history", str(path)])
    assert result.exit_code == 1
    events = [json.loads(line)["id"] for line in result.stdout.splitlines()]
    assert events == [
        event.id for body in [*SAMPLE[:3], *SAMPLE[4:]] for event in decode(hermes.decode, body).events
    ]
    (reject,) = map(json.loads, result.stderr.splitlines())
    assert (reject["body"], reject["path"]) == (3, "$.payload")


def test_a_body_of_the_table_has_its_header(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_bytes(table([row(body) for body in SAMPLE[:2]]))
    header = path.read_bytes().splitlines()[0]
    found = list(bodies(str(path), traits(hermes_history.decode).framing))
    assert [body.splitlines()[0] for body in found] == [header, header]
