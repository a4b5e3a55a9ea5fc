"""What a running Lakescope answers by HTTP, beside the push routes: documents, headers, tap, stories, replays."""

from __future__ import annotations

import base64
import gc
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.openapi.models import OpenAPI

from lakescope.core.events import Transfer
from lakescope.core.messages import Message, Reject
from lakescope.pipeline.dead_letters import DeadLetters
from tests.contract._bodies import events_of, hermes, ndjson
from tests.contract._running import QUICK, Running
from tests.e2e._lakescope import until

CONFIGURATION = f'{QUICK}[collectors.push]\ntype = "http"\n[sinks.duck]\ntype = "duckdb"\n'
JUNK = b'{"event_type": "unheard-of", "payload": {}, "created_at": ""}'


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An instance with events of every kind and one dead letter."""
    with Running(tmp_path_factory.mktemp("web"), CONFIGURATION) as made:
        push(made, [*hermes(56), JUNK])
        until(lambda: made.acknowledged(57), 10, made.status.balance)
        yield made


def push(running: Running, bodies: list[bytes]) -> None:
    """Pushes Hermes' bodies."""
    headers = {"content-type": "application/x-ndjson"}
    httpx.post(
        f"{running.url}/push/hermes", content=ndjson(bodies), headers=headers, trust_env=False
    ).raise_for_status()


def letters(running: Running) -> DeadLetters:
    """Its dead letters."""
    return running.engine.dead_letters


# --- pages and documents ---------------------------------------------------------------------------------


def test_the_page_loads_nothing_from_elsewhere_and_may_not_be_framed(running: Running) -> None:
    answer = running.get("/")
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.split(maxsplit=1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"
    assert "http://" not in answer.text.replace("http://www.w3.org", "") and "https://" not in answer.text


def test_the_openapi_document_is_one_and_describes_every_route(running: Running) -> None:
    document = running.get("/api/openapi.json").json()
    OpenAPI.model_validate(document)
    paths = document["paths"]
    assert {"/livez", "/readyz", "/metrics", "/api/status", "/api/tap", "/push/{format}"} <= set(paths)
    operations = [operation for path in paths.values() for operation in path.values()]
    for operation in operations:
        assert operation.get("description"), operation
    ids = [operation["operationId"] for operation in operations]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/nope", "/api/nope", "/../etc/passwd"])
def test_there_is_nothing_else(running: Running, path: str) -> None:
    assert running.get(path).status_code == 404


def test_the_status_is_the_whole_truth_as_one_document(running: Running) -> None:
    status = running.get("/api/status").json()
    assert status["ready"] is True and status["reasons"] == []
    (collector,), (sink,) = status["collectors"], status["sinks"]
    assert (collector["name"], collector["type"], collector["state"]) == ("push", "http", "ok")
    assert (collector["received_messages"], collector["received_events"]) == (57, 57)
    assert (collector["rejected"], collector["in_flight"]) == (1, 0)
    assert (sink["name"], sink["type"], sink["state"], sink["stored"]) == ("duck", "duckdb", "ok", 56)
    assert (sink["queued"], sink["dead"], sink["retries"]) == (0, 0, 0)
    events = list(events_of("hermes", hermes(56)).values())
    counted = {row["dataset"]: row["events"] for row in status["datasets"]}
    assert counted == {name: sum(e.dataset == name for e in events) for name in counted}
    assert sum(counted.values()) == 56
    assert status["dead_letters"]["total"] == 1
    (cause,) = status["dead_letters"]["by_reason"]
    assert (cause["reason"], cause["collector"], cause["sink"], cause["count"]) == (
        "unknown_kind",
        "push",
        None,
        1,
    )
    failures = [event for event in events if isinstance(event, Transfer) and event.ok is False]
    shown = {row["request_id"] for row in status["latest_failures"]}
    assert shown == {event.request_id for event in failures}
    assert len(status["history"]["received"]) == len(status["history"]["stored"]["duck"])


# --- the tap ---------------------------------------------------------------------------------------------


def test_the_tap_shows_every_event_that_passes(running: Running) -> None:
    bodies = hermes(56, start=5000)
    wanted = list(events_of("hermes", bodies, "push"))
    with httpx.stream("GET", f"{running.url}/api/tap", timeout=20, trust_env=False) as answer:
        assert answer.headers["content-type"] == "application/jsonl"
        until(lambda: running.engine.taps, 5)
        push(running, bodies)
        lines = answer.iter_lines()
        assert [json.loads(next(lines))["id"] for _ in wanted] == wanted


def test_a_tap_is_closed_when_its_reader_has_gone(running: Running) -> None:
    """Each one left open is a thread of the web server, and every event encoded for nobody."""
    gc.collect()
    gc.disable()
    try:
        until(lambda: not running.engine.taps, 5)
        with httpx.stream("GET", f"{running.url}/api/tap", timeout=20, trust_env=False):
            until(lambda: running.engine.taps, 5)
        until(lambda: not running.engine.taps, 5)
    finally:
        gc.enable()
        gc.collect()


def test_the_tap_shows_the_datasets_that_are_asked_for(running: Running) -> None:
    bodies = hermes(56, start=6000)
    events = events_of("hermes", bodies).values()
    wanted = [event.id for event in events if event.dataset in ("rules", "dids")]
    query = {"datasets": ["rules", "dids"]}
    with httpx.stream("GET", f"{running.url}/api/tap", params=query, timeout=20, trust_env=False) as answer:
        until(lambda: running.engine.taps, 5)
        push(running, bodies)
        lines = answer.iter_lines()
        assert [json.loads(next(lines))["id"] for _ in wanted] == wanted


def test_a_reader_that_does_not_read_holds_back_nobody(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakescope.app.web.app.TAP_QUEUE", 1)
    with httpx.stream("GET", f"{running.url}/api/tap", timeout=20, trust_env=False):
        until(lambda: running.engine.taps, 5)
        before = running.engine.metrics.value(running.engine.metrics.acknowledged)
        for start in range(7000, 7000 + 20 * 56, 56):
            push(running, hermes(56, start=start))
        until(lambda: running.acknowledged(before + 20 * 56), 20, running.status.balance)


# --- stories ---------------------------------------------------------------------------------------------


def test_a_transfers_story_is_told_over_its_retries_in_order_of_time(running: Running) -> None:
    first, second = "a" * 32, "b" * 32
    submitted = next(body for body in hermes(40) if b"transfer-submitted" in body)
    done = next(body for body in hermes(40) if b"transfer-done" in body)
    bodies = []
    for number, (body, request, previous) in enumerate(
        ((submitted, first, None), (done, second, first), (submitted, second, first))
    ):
        document = json.loads(body)
        document["payload"] |= {"request-id": request, "previous-request-id": previous}
        document["payload"] |= {key: None for key in document["payload"] if key.endswith("_at")}
        document["created_at"] = f"2026-11-22 12:00:{9 - number:02}.5"
        bodies.append(json.dumps(document).encode())
    push(running, bodies)
    wanted = [event.id for event in sorted(events_of("hermes", bodies).values(), key=lambda e: e.time)]
    for request in (first, second):
        until(lambda request=request: len(running.get(f"/api/transfers/{request}").json()) == 3, 10)  # type: ignore[misc]
        assert [event["id"] for event in running.get(f"/api/transfers/{request}").json()] == wanted
    assert running.get(f"/api/transfers/{'c' * 32}").json() == []


def test_without_a_store_that_can_be_searched_there_are_no_stories(tmp_path: Path) -> None:
    sink = f'[sinks.a]\ntype = "jsonl"\ndirectory = "{tmp_path / "a"}"\n'
    with Running(tmp_path, f'[collectors.push]\ntype = "http"\n{sink}') as running:
        answer = running.get(f"/api/transfers/{'a' * 32}")
        assert answer.status_code == 501 and "duckdb or elasticsearch" in answer.json()["detail"]


def test_a_store_that_is_away_is_said_by_the_history_too(tmp_path: Path) -> None:
    sink = '[sinks.es]\ntype = "elasticsearch"\nurls = ["http://127.0.0.1:1"]\n'
    configuration = f'[collectors.push]\ntype = "http"\n{sink}'
    with Running(tmp_path, configuration) as running:
        answer = running.get(f"/api/transfers/{'a' * 32}")
        assert answer.status_code == 503 and "Connection refused" in answer.json()["detail"]


# --- dead letters ----------------------------------------------------------------------------------------


def test_dead_letters_come_with_their_bodies(running: Running) -> None:
    (letter,) = running.get("/api/dead-letters?reason=unknown_kind").json()
    assert base64.b64decode(letter["body"]) == JUNK
    assert (letter["collector"], letter["format"], letter["sink"], letter["times"]) == (
        "push",
        "hermes",
        None,
        1,
    )
    assert running.get("/api/dead-letters?sink=duck").json() == []
    assert running.get("/api/dead-letters?limit=x").status_code == 422


def test_a_replay_tries_what_is_named_and_nothing_else(running: Running) -> None:
    (letter,) = letters(running).letters()

    def replay(ids: object) -> httpx.Response:
        return httpx.post(f"{running.url}/api/dead-letters/replay", json=ids, trust_env=False, timeout=20)

    (result,) = replay([letter.id[:6]]).json()
    assert (result["id"], result["stored"]) == (letter.id, False) and "unknown_kind" in result["text"]
    for nothing in ([], [""], ["%"], ["zz"]):
        assert replay(nothing).json() == []
    assert replay("not a list").status_code == 422
    (again,) = letters(running).letters()
    assert again.times == letter.times + 1


def test_a_replay_stores_what_can_be_stored_now(running: Running) -> None:
    (body,) = hermes(1, start=9000)
    letters(running).add("push", "duck", [(Message(body, "hermes"), [Reject("refused")])])
    (letter,) = letters(running).letters(sink="duck")
    answer = httpx.post(
        f"{running.url}/api/dead-letters/replay", json=[letter.id], trust_env=False, timeout=20
    )
    assert answer.json() == [{"id": letter.id, "stored": True, "text": "1 events stored"}]
    assert not list(letters(running).letters(sink="duck"))
    (event,) = events_of("hermes", [body], "push").values()
    (found,) = running.assembly.sinks["duck"].find(event.dataset, "id", [event.id])  # type: ignore[attr-defined]
    assert found["collector"] == "push"


def test_another_sites_form_cannot_start_a_replay(running: Running) -> None:
    """A browser says for which site it sends."""
    (letter,) = letters(running).letters()
    answer = httpx.post(
        f"{running.url}/api/dead-letters/replay",
        content=json.dumps([letter.id]),
        headers={"content-type": "text/plain", "origin": "https://evil.example"},
        trust_env=False,
    )
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert next(iter(letters(running).letters())).times == letter.times


# --- the server ------------------------------------------------------------------------------------------


def test_many_readers_of_the_status_do_not_disturb_each_other(running: Running) -> None:
    answers: list[int] = []

    def read() -> None:
        answers.extend(running.get("/api/status").status_code for _ in range(5))

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 30


def test_it_ends_with_a_tap_open(tmp_path: Path) -> None:
    with Running(tmp_path, CONFIGURATION) as running:
        with httpx.stream("GET", f"{running.url}/api/tap", timeout=20, trust_env=False) as answer:
            until(lambda: running.engine.taps, 5)
            assert running.stop()
            with pytest.raises(httpx.HTTPError):
                for _ in answer.iter_lines():
                    pass
        with pytest.raises(httpx.ConnectError):
            running.get("/livez")
