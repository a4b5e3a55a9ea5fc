"""Lakescope's reports on itself: their sums are the counters, and nobody else's numbers notice them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakescope.alerts.book import IncidentRecord
from lakescope.app.assembly import lanes, normaliser, read_topology
from lakescope.app.incident_events import events_of
from lakescope.app.replay import replay
from lakescope.core.contracts import RefusedError
from lakescope.pipeline.health import OWN
from tests.contract._bodies import hermes, ndjson
from tests.contract._running import Running
from tests.e2e._lakescope import until

QUICK = "[pipeline]\nbatch_age_s = 0.02\nhealth_s = 0.2\n"
PUSH = '[collectors.push]\ntype = "http"\n[collectors.quiet]\ntype = "http"\npath = "/quiet"\n'
STORE = '[sinks.store]\ntype = "duckdb"\n'
RECEIVER = """
[alerts.receivers.hook]
type = "webhook"
url = "http://127.0.0.1:9/"
[alerts.receivers.hook.oidc]
token_url = "http://127.0.0.1:9/token"
client_id = "lakescope"
client_secret = "secret"
"""
INCIDENT = [
    *events_of(
        [
            IncidentRecord(
                id="I1",
                culprit="destination PIC",
                severity="page",
                began=1_767_225_600.0,
                opened=1_767_226_200.0,
                attempts=100,
                failures=90,
                expected=3,
            )
        ],
        1_767_226_200.0,
    )
]
Push = Callable[[Running, list[bytes]], None]


@pytest.fixture
def push() -> Push:
    def post(running: Running, bodies: list[bytes]) -> None:
        headers = {"content-type": "application/x-ndjson"}
        url = f"{running.url}/push/hermes"
        httpx.post(url, content=ndjson(bodies), headers=headers, trust_env=False).raise_for_status()

    return post


def sums(running: Running) -> dict[tuple[str, str], dict[str, Any]]:
    """(stage, name) -> what all reports say together."""
    question = (
        "select stage, name, sum(received) as received, sum(stored) as stored, sum(dead) as dead, sum(filtered) as filtered,"
        " sum(retries) as retries, min(token_life_s) as token_life_s, sum(token_failures) as token_failures,"
        " sum(seconds) as seconds, sum(silent_s) as silent_s, count(*) as reports,"
        " count(distinct time) as times, bool_and(ready) as ready from pipeline group by all"
    )
    sink: Any = running.assembly.sinks["store"]
    rows = sink.query(question)
    return {(row["stage"], row["name"]): row for row in rows}


def test_sums_of_reports_are_the_counters(tmp_path: Path, push: Push) -> None:
    bad = [b'{"event_type": "no such kind"}', b"no JSON"]
    with Running(tmp_path, QUICK + PUSH + STORE + RECEIVER) as running:
        for _ in range(3):
            push(running, hermes(200))
        push(running, bad)
        until(lambda: running.acknowledged(602), 10, running.status.balance)
        until(
            lambda: sums(running).get(("sink", "store"), {}).get("stored") == 600, 10, lambda: sums(running)
        )
        until(lambda: sums(running)["collector", "quiet"]["reports"] > 2, 10)
        found = sums(running)
        document = running.status.document()
        assert running.stop()
    assert set(found) == {
        ("collector", "push"),
        ("collector", "quiet"),
        ("sink", "store"),
        ("receiver", "hook"),
    }
    told, quiet, sink = found["collector", "push"], found["collector", "quiet"], found["sink", "store"]
    assert (told["received"], told["dead"], told["filtered"]) == (602, 2, 0)
    assert "stored" not in told and "received" not in sink
    assert (sink["stored"], sink["dead"], sink["filtered"], sink["retries"]) == (600, 0, 0, 0)
    assert (quiet["received"], quiet["silent_s"]) == (0, quiet["seconds"])
    assert told["silent_s"] < told["seconds"]
    assert told["ready"] and quiet["ready"] and sink["ready"]
    hook = found["receiver", "hook"]
    assert (hook["token_life_s"], hook["token_failures"]) == (0, 0), "it has not needed one yet"
    assert "token_life_s" not in told and "ready" not in hook
    assert {row["reports"] for row in found.values()} == {quiet["times"]}
    # nothing of it in what is said of the operator's own
    assert [row["name"] for row in document["collectors"]] == ["push", "quiet"]
    assert {row["collector"] for row in document["balance"]} == {"push", "quiet"}
    assert all(row["holds"] for row in document["balance"])
    assert document["ready"]


def test_it_is_told_of_a_sink_that_is_full(tmp_path: Path, push: Push) -> None:
    """The other stores hear of it while the queue is at its bound, where all other messages wait."""
    dead = tmp_path / "dead"
    dead.mkdir()
    bounds = f"{QUICK}queue_messages = 10\nbatch_messages = 10\n"
    sinks = f'{STORE}[sinks.dead]\ntype = "jsonl"\ndirectory = "{dead}"\n'
    with Running(tmp_path, bounds + PUSH + sinks) as running:
        dead.rmdir()
        push(running, hermes(100))
        until(lambda: running.engine.lanes["dead"].queued_messages >= 10, 10)
        sink: Any = running.assembly.sinks["store"]
        question = "select max(queued) as queued from pipeline where name = 'dead' and not ready"
        until(lambda: sink.query(question)[0].get("queued", 0) >= 10, 10, lambda: sink.query(question))
        dead.mkdir()
        until(lambda: running.acknowledged(100), 30, running.status.balance)
        assert running.engine.metrics.value(running.engine.metrics.retries, sink="dead") > 0


def test_it_is_told_what_waits_on_disk_for_a_sink(tmp_path: Path, push: Push) -> None:
    away = tmp_path / "away"
    away.mkdir()
    sinks = f'{STORE}[sinks.away]\ntype = "jsonl"\ndirectory = "{away}"\noverflow_bytes = {2**20}\n'
    with Running(tmp_path, QUICK + PUSH + sinks) as running:
        away.rmdir()
        push(running, hermes(100))
        until(lambda: running.acknowledged(100), 20, running.status.balance)  # although `away` has none
        (row,) = [
            row for row in running.status.balance() if row["collector"] == "push" and row["sink"] == "away"
        ]
        assert (row["stored"], row["in_flight"], row["overflow"], row["holds"]) == (0, 100, 100, True)
        store: Any = running.assembly.sinks["store"]
        question = (
            "select name, max(overflow_bytes) as bytes, max(overflow_events) as events, max(overflow_age_s) as age_s,"
            " sum(overflowed) as overflowed from pipeline where stage = 'sink' group by name order by name"
        )
        until(lambda: store.query(question)[0].get("events", 0) >= 100, 10, lambda: store.query(question))
        told, other = store.query(question)
        assert told["name"] == "away" and told["overflowed"] == 100
        assert 0 < told["bytes"] < 2**20 and 0 < told["age_s"] < 60
        assert other == {"name": "store"}, "expected nulls of a sink without an overflow"
        metrics = running.get("/metrics").text
        assert 'lakescope_overflow_bytes{sink="away"}' in metrics and 'sink="store"} 100' in metrics
        away.mkdir()
        overflow = running.engine.lanes["away"].overflow
        until(lambda: overflow is not None and not overflow.bytes, 20, running.status.balance)
        assert running.status.document()["sinks"][1]["overflow"]["events"] == 0


def test_what_a_store_refuses_is_a_dead_letter_that_can_be_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(chunks: object) -> None:
        raise RefusedError("refused", "no room for this")

    with Running(tmp_path, QUICK + PUSH + STORE) as running:
        letters, sinks = running.engine.dead_letters, running.assembly.sinks
        with monkeypatch.context() as broken:
            broken.setattr(sinks["store"], "write", refuse)
            until(lambda: letters.ids(collector=OWN), 10)
        id_ = letters.ids(collector=OWN)[0]
        settings = running.configuration.settings
        [replayed] = replay(
            letters.letters(ids=[id_]),
            letters,
            lambda name: normaliser(settings, read_topology(running.configuration), None, name),
            lanes(running.configuration, sinks),
            sinks,
        )
        assert replayed.stored, replayed.text
        assert replayed.text == "3 events stored"


def test_a_stop_does_not_wait_for_it(tmp_path: Path) -> None:
    """A sink that is away holds nothing back but what Lakescope says of itself: all that matters is stored."""
    with Running(
        tmp_path, f'{QUICK}{PUSH}[sinks.dead]\ntype = "jsonl"\ndirectory = "{tmp_path / "dead"}"\n'
    ) as running:
        (tmp_path / "dead").rmdir()
        lane = running.engine.lanes["dead"]
        until(lambda: lane.health.state == "retrying", 10)
        assert (lane.queued_messages, lane.queued_events) == (0, 0)
        begun = time.monotonic()
        assert running.stop(timeout=30)
        assert time.monotonic() - begun < 10


def test_a_library_that_does_not_close_does_not_hold_back_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As one may that waits for its broker: all other things are closed, and the log names it."""
    monkeypatch.setattr("lakescope.pipeline.engine.CLOSE_S", 0.5)
    never = threading.Event()
    with Running(tmp_path, QUICK + PUSH + STORE) as running:
        collector, sink = running.engine.pipelines[0].collector, running.assembly.sinks["store"]
        close_spool, close_store = collector.close, sink.close
        monkeypatch.setattr(collector, "close", never.wait)
        monkeypatch.setattr(sink, "close", lambda: [close_store(), {}["none"]])
        begun = time.monotonic()
        assert running.stop()
        assert time.monotonic() - begun < 10
    assert f"close_hangs collector={running.engine.pipelines[0].name} " in caplog.text
    assert "close_failed sink=store" in caplog.text
    never.set()
    close_spool()


def test_without_reports_other_events_of_its_own_are_stored(tmp_path: Path) -> None:
    quick = QUICK.replace("health_s = 0.2", "health_s = 0")
    with Running(tmp_path, quick + "[alerts]\nevaluate = false\n" + PUSH + STORE) as running:
        sink: Any = running.assembly.sinks["store"]
        running.assembly.report(INCIDENT)
        until(lambda: sink.query("select count(*) as n from incidents")[0]["n"] == 2, 10)
        time.sleep(1)  # of which five reports would be, were there any
        assert sink.query("select count(*) as n from pipeline")[0]["n"] == 0
        assert running.stop()


def test_an_incident_waits_for_a_store_that_is_away(tmp_path: Path) -> None:
    dead = tmp_path / "dead"
    dead.mkdir()
    sinks = f'[sinks.dead]\ntype = "jsonl"\ndirectory = "{dead}"\n'
    with Running(tmp_path, QUICK.replace("health_s = 0.2", "health_s = 0") + PUSH + sinks) as running:
        dead.rmdir()
        running.assembly.report(INCIDENT)
        until(lambda: running.engine.lanes["dead"].health.state == "retrying", 10)
        dead.mkdir()
        until(lambda: running.engine.lanes["dead"].health.state == "ok", 30)
        assert running.stop()
    lines = [line for path in dead.rglob("*.jsonl*") for line in path.read_bytes().splitlines()]
    assert sorted(json.loads(line)["event"] for line in lines) == ["began", "reported"]
