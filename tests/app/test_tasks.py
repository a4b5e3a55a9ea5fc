"""Background work, and the first of it: the topology is read anew when its files change."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from lakescope.app.tasks import Task, stop_all
from tests.contract._bodies import with_md5
from tests.contract._running import QUICK, Running
from tests.e2e._lakescope import until


def test_a_round_that_fails_is_tried_again_at_the_next() -> None:
    answers: list[Callable[[], str]] = [lambda: "", lambda: str(1 / 0), lambda: "read 3 files"]
    states: list[tuple[str, str]] = []

    def work(stop: threading.Event) -> str:
        states.append((task.health.state, task.health.detail))
        return answers.pop(0)() if answers else "nothing new"

    task = Task("reading", 0.01, work)
    task.start()
    until(lambda: len(states) > 3, 5)
    assert task.stop()
    assert states[:4] == [
        ("ok", ""),
        ("ok", ""),
        ("error", "ZeroDivisionError: division by zero"),
        ("ok", "read 3 files"),
    ]
    rounds = len(states)
    time.sleep(0.05)
    assert len(states) == rounds, "it goes on after its stop"


def test_a_stop_ends_a_round_that_listens_and_does_not_wait_for_the_next() -> None:
    task = Task("long", 3600, lambda stop: str(stop.wait(60)))
    task.start()
    assert task.stop(5)
    assert task.document()["detail"] == "True"


def test_rounds_that_hang_together_take_no_longer_than_one() -> None:
    hangs, ends = threading.Event(), threading.Event()
    tasks = [Task(f"n{number}", 3600, lambda stop: str(ends.wait(60))) for number in range(8)]
    tasks.append(Task("listens", 3600, lambda stop: str(hangs.set() or stop.wait(60))))
    for task in tasks:
        task.start()
    assert hangs.wait(5)
    begun = time.monotonic()
    assert not stop_all(tasks, 0.3)
    assert 0.2 < time.monotonic() - begun < 2
    ends.set()
    assert stop_all(tasks, 10)


def topology(site: str) -> str:
    return json.dumps({"rses": {"RSE-A": {"rcsite": site, "rse_type": "DISK"}}})


def replace(path: Path, text: str) -> None:
    """At once, so that nobody reads half of it."""
    whole = path.with_suffix(".new")
    whole.write_text(text)
    whole.replace(path)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_topology_that_changes_is_read_without_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr("lakescope.app.assembly.TOPOLOGY_S", 0.05)
    rses = tmp_path / "rses.json"
    replace(rses, topology("OLD"))
    configuration = f'{QUICK}[topology]\nrses = "{rses}"\n[collectors.push]\ntype = "http"\n'
    configuration += f'[sinks.a]\ntype = "jsonl"\ndirectory = "{tmp_path}/out"\n'
    with Running(tmp_path, configuration, workers=workers) as running:

        def task() -> dict[str, str]:
            (document,) = httpx.get(f"{running.url}/api/status", trust_env=False).json()["tasks"]
            return dict(document)

        def post(body: bytes) -> None:
            httpx.post(f"{running.url}/push/hermes", content=body, trust_env=False).raise_for_status()

        bodies = with_md5(3)
        post(with_source(bodies[0]))
        until(lambda: running.acknowledged(1), 30, running.status.balance)
        replace(rses, "{")
        until(lambda: task()["state"] == "error", 10, task)
        assert str(rses) in task()["detail"]
        post(with_source(bodies[1]))
        until(lambda: running.acknowledged(3), 30, running.status.balance)
        replace(rses, topology("NEW"))
        until(lambda: task()["state"] == "ok", 10, task)
        post(with_source(bodies[2]))
        until(lambda: running.acknowledged(5), 30, running.status.balance)
    lines = [line for path in (tmp_path / "out").iterdir() for line in path.read_bytes().splitlines()]
    events = [json.loads(line) for line in lines]
    assert [one["src_site"] for one in events if one["dataset"] == "transfers"] == ["OLD", "OLD", "NEW"]
    assert [(one["sync"], one["ok"]) for one in events if one["dataset"] == "syncs"] == [
        ("topology", False),
        ("topology", True),
    ]


def with_source(body: bytes) -> bytes:
    """A Hermes event whose source is the RSE of this topology."""
    event = json.loads(body)
    event["payload"]["src-rse"] = "RSE-A"
    return json.dumps(event).encode()


def test_a_store_that_keeps_so_many_days_deletes_what_is_older(tmp_path: Path) -> None:
    """By a task of the instance, from its start on; one that keeps everything has no such task."""
    old = tmp_path / "a/transfers-2020-01-01.jsonl"
    old.parent.mkdir()
    old.touch()
    configuration = (
        f'{QUICK}[collectors.p]\ntype = "http"\n[sinks.everything]\ntype = "duckdb"\n'
        f'[sinks.archive]\ntype = "jsonl"\ndirectory = "{old.parent}"\nretention_days = {{ transfers = 30 }}\n'
    )
    with Running(tmp_path, configuration) as running:
        until(lambda: not old.exists(), 10)
        until(lambda: running.get("/api/status").json()["tasks"][1]["last_run"], 10)
        _, retention = running.get("/api/status").json()["tasks"]
    assert (retention["name"], retention["detail"]) == ("retention archive", "deleted: transfers 1")
