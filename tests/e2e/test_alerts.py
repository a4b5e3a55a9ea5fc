"""From what is in a store to what on-call staff are notified of by a real Alertmanager, through kill -9 and an outage.

Three hours that are over: a link fails, a site is down, a store is filling, a source falls silent, and a site fails in its
declared downtime. `lakescope alerts evaluate --once --at` makes the rounds: each opens the store and the state files anew. Those
that are killed are processes of their own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count, permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lakescope.core.events import Downtime, Event, PipelineReport, Poll, Storage, Transfer
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from tests.contract._http import Answer, HttpServer
from tests.e2e import _commands
from tests.e2e._lakescope import until
from tests.servers._process import free_port
from tests.servers.alertmanager import Alertmanager
from tests.servers.fixtures import StartServer

pytestmark = pytest.mark.server("alertmanager")

ALERTMANAGER = """
route: {{receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}}
receivers:
- name: hook
  webhook_configs: [{{url: "{url}", send_resolved: true}}]
"""
CONFIGURATION = """
data_dir = "{folder}"
[collectors.files]
type = "files"
format = "hermes"
paths = ["{folder}/none/*.json"]
[sinks.store]
type = "duckdb"
[alerts.receivers.oncall]
type = "alertmanager"
urls = ["{url}"]
expire_s = 86400
"""
ROUNDS = range(20, 176, 10)
KILLED = {30: "incidents.json", 40: "alerts.json", 60: "alerts.json", 110: "incidents.json"}
"""Minute -> the state file after whose write a first process is killed: between search and rules, or while it notifies."""
AWAY = range(40, 55)
"""Minutes in which Alertmanager is away."""
WRONG = {
    "incident: link A → B",
    "incident: site C",
    "storage_full: E",
    "data_source_silent: hermes",
}

_numbers = count()


class Past:
    """Three hours of a lake with six sites, after ten quiet ones."""

    def __init__(self) -> None:
        self.begin = time.time() // 3600 * 3600 - 4 * 3600

    def text(self, minute: float) -> str:
        return f"{datetime.fromtimestamp(self.begin + 60 * minute, UTC):%Y-%m-%dT%H:%M:%SZ}"

    def events(self) -> Iterator[Event]:
        for minute in range(-600, 180):
            for source, destination in permutations("ABCDEF", 2):
                yield self.transfer(minute, source, destination)
        for minute in range(-600, 180, 15):
            yield self.event(
                Storage,
                minute,
                source="srr",
                rse="E",
                site="E",
                free=1 if 15 <= minute < 75 else 400,
                total=1000,
                used=600,
            )
        for minute in [*range(-7 * 1440, -60, 60), *range(-60, 180, 5)]:
            yield self.event(
                PipelineReport,
                minute,
                source="lakescope",
                instance="a",
                stage="collector",
                name="hermes",
                seconds=60.0,
                received=0 if -30 <= minute < 100 else 9,
            )
        common = {"source": "gocdb", "vo": "escape"}
        yield self.event(
            Poll, -5, scope="u", kind="downtimes", count=1, complete=True, interval_s=86400, **common
        )
        yield self.event(
            Downtime,
            -5,
            event="reported",
            downtime_id="7",
            state="planned",
            site="D",
            severity="outage",
            started=self.text(0),
            ended=self.text(170),
            description="new switches",
            poll="u",
            **common,
        )

    def transfer(self, minute: int, source: str, destination: str) -> Transfer:
        error = None
        if 20 <= minute < 60 and (source, destination) == ("A", "B"):
            error = "TRANSFER connection reset"
        elif 25 <= minute < 70 and source == "C":
            error = "SOURCE connection refused"
        elif 25 <= minute < 70 and destination == "C":
            error = "DESTINATION connection refused"
        elif 20 <= minute < 60 and destination == "D":
            error = "DESTINATION no route to host"
        number = next(_numbers)
        fields = {
            "ok": error is None,
            "scope": "s",
            "name": f"f{number}",
            "request_id": f"{number:032x}",
            "src_rse": source,
            "dst_rse": destination,
            "src_site": source,
            "dst_site": destination,
            "error": error,
            "error_template": error,
            "error_scope": error and error.partition(" ")[0],
            "error_class": error and f"{len(error):012x}",
        }
        return self.event(
            Transfer, minute + number % 30 / 31, source="rucio", event="failed" if error else "done", **fields
        )

    def event(self, struct: Any, minute: float, **fields: Any) -> Any:
        return struct(id=f"{next(_numbers):032x}", time=self.text(minute), **fields)


def fill(folder: Path, events: Sequence[Event]) -> None:
    sink = DuckdbSink("store", DuckdbOptions(), folder)
    list(sink.setup())
    for first in range(0, len(events), 5000):
        part = events[first : first + 5000]
        sink.write(sink.encode(part, [msgspec.json.encode(one) for one in part]))
    sink.close()


def notified(hook: HttpServer) -> Counter[tuple[str, str]]:
    """Status and what is wrong -> how often on-call staff were notified of it."""
    posts = [json.loads(request.body) for request in hook.requests]
    return Counter((one["status"], _what(one)) for post in posts for one in post["alerts"])


def _what(alert: dict[str, Any]) -> str:
    labels = alert["labels"]
    where = labels.get("rse") or labels.get("name") or alert["annotations"].get("culprit", "?")
    return f"{labels['rule']}: {where}"


def evaluate(configuration: Path, at: str) -> None:
    """One round, as of a time."""
    ran = _commands.lakescope("alerts", *arguments(configuration, at))
    assert ran.returncode in (0, 2), ran.stdout + ran.stderr


def arguments(configuration: Path, at: str) -> list[str]:
    return ["evaluate", "--once", "--at", at, "-c", str(configuration)]


def kill_after_write(configuration: Path, at: str, state: Path) -> None:
    """Begins a round and kills it with -9 as soon as it has written a file."""
    before = mark(state)
    command = [sys.executable, "-m", "lakescope", "alerts", *arguments(configuration, at)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until(lambda: mark(state) != before, 60, lambda: f"{state.name} is not written")
        process.kill()


def mark(file: Path) -> object:
    """Another one after each write."""
    if not file.exists():
        return None
    status = file.stat()
    return status.st_ino, status.st_mtime_ns


def test_each_fault_is_one_page_of_the_right_place(tmp_path: Path, start_server: StartServer) -> None:
    past = Past()
    fill(tmp_path, [*past.events()])
    with HttpServer(lambda _: Answer(200)) as hook:
        server = start_server(Alertmanager, configuration=ALERTMANAGER.format(url=hook.url))
        configuration = tmp_path / "lakescope.toml"
        for minute in ROUNDS:
            url = server.url if minute not in AWAY else f"http://127.0.0.1:{free_port()}"
            configuration.write_text(CONFIGURATION.format(folder=tmp_path, url=url))
            if minute in KILLED:
                kill_after_write(configuration, past.text(minute), tmp_path / KILLED[minute])
            evaluate(configuration, past.text(minute))
            if minute == 80:
                until(*waited(hook, "firing"))
        until(*waited(hook, "resolved"))
        time.sleep(2)  # whatever else Alertmanager might send
        assert notified(hook) == {(status, one): 1 for status in ("firing", "resolved") for one in WRONG}
    records = json.loads((tmp_path / "incidents.json").read_text())["records"].values()
    (muted,) = (one for one in records if one["muted_by"])
    assert muted["muted_by"].startswith("downtime of D until ") and "D" in muted["culprit"]


def waited(hook: HttpServer, status: str) -> tuple[Callable[[], bool], float, Callable[[], object]]:
    """That all that is wrong has come with a status."""
    return lambda: {(status, one) for one in WRONG} <= set(notified(hook)), 20, lambda: notified(hook)
