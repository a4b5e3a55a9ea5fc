"""A real `lakescope run` as a process of its own, and the stores asked what they hold."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import duckdb
import elasticsearch
import elasticsearch.helpers
import httpx
import stomp

from lakescope.core.events import DATASETS
from lakescope.sinks.duckdb import fetch
from tests.e2e import _commands


def no_alerts(configuration: str) -> str:
    """What ends a configuration that has no alerts: whoever evaluates them says so in the stores, by events of its own that a
    test of delivery does not count."""
    return "" if "[alerts" in configuration else "\n[alerts]\nevaluate = false\n"


class Lakescope:
    """`lakescope run` on a configuration in `directory`; killed at the end of the block."""

    def __init__(self, directory: Path, configuration: str, *arguments: str) -> None:
        self.directory = directory
        self.data_dir = directory / "data"
        self.arguments = arguments
        self.config = directory / "lakescope.toml"
        text = f'data_dir = "{self.data_dir}"\n[http]\nport = 0\n{configuration}{no_alerts(configuration)}'
        self.config.write_text(text)
        self.log = directory / "lakescope.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.environment: Mapping[str, str] | None = None
        """Null: the own one."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def start(self, *, wait: bool = True) -> None:
        """Starts it; with `wait` returns once it answers."""
        (self.data_dir / "instance.json").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lakescope", "run", "-c", str(self.config), *self.arguments],
                stdout=log,
                stderr=log,
                env=self.environment,
            )
        if wait:
            until(lambda: self.url is not None, 30, self.tail)

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, timeout: float = 40) -> int:
        """SIGTERM; its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout)

    @property
    def url(self) -> str | None:
        """Where it answers; null as long as it does not."""
        from lakescope.app.instance import find

        assert self.process is not None
        assert self.process.poll() is None, self.tail()
        return find(self.data_dir)

    def status(self) -> dict[str, Any]:
        """Its /api/status."""
        assert self.url is not None
        document: dict[str, Any] = httpx.get(f"{self.url}/api/status", timeout=10).raise_for_status().json()
        return document

    def brief(self) -> str:
        """What matters of its status, and the end of its log."""
        status = self.status()
        shown = {key: status[key] for key in ("reasons", "balance", "dead_letters")}
        return f"{shown}\n{[collector['in_flight'] for collector in status['collectors']]}\n{self.tail()[-1500:]}"

    def drained(self, received: int) -> bool:
        """Whether it has received so many events, and each sink has given an account of each."""
        status = self.status()
        rows = status["balance"]
        return (
            sum(row["received"] for row in rows if row["sink"] == rows[0]["sink"]) >= received
            and all(row["in_flight"] == 0 and row["holds"] for row in rows)
            and not any(collector["in_flight"] for collector in status["collectors"])
        )

    def command(self, *arguments: str, code: int = 0) -> str:
        """Another `lakescope` command on the same configuration; what it printed."""
        done = _commands.lakescope(*arguments, "-c", self.config, env=self.environment)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text()[-4000:] if self.log.exists() else "no log"


PATIENCE = 4
"""A machine that runs four files of tests at once on two busy cores is that much slower than the one they were written on."""


def until(condition: Callable[[], object], seconds: float, why: Callable[[], object] = str) -> None:
    """Waits for a condition; fails with `why()` after `PATIENCE * seconds`: so many as a quiet machine may take."""
    end = time.monotonic() + PATIENCE * seconds
    while not condition():
        assert time.monotonic() < end, f"not within {PATIENCE * seconds} s: {why()}"
        time.sleep(0.05)


def publish(
    brokers: Iterable[tuple[str, int]], destination: str, messages: Iterable[tuple[bytes, Mapping[str, str]]]
) -> None:
    """Sends messages to the brokers in turn, persistent, confirmed by a receipt at the end."""
    connections = []
    for broker in brokers:
        connection = stomp.StompConnection12([broker], auto_content_length=True)
        connection.connect(wait=True)
        connections.append(connection)
    for number, (body, headers) in enumerate(messages):
        kept = {key: value for key, value in headers.items() if key in ("event_type", "vo")}
        connections[number % len(connections)].send(destination, body, headers=kept | {"persistent": "true"})
    for connection in connections:
        waiter = stomp.listener.WaitingListener("sent")
        connection.set_listener("receipt", waiter)
        connection.send(destination + ".end", b"", receipt="sent")
        assert waiter.wait_on_receipt() is None
        opened = connection.transport.socket
        connection.disconnect()
        opened.close()  # stomp.py 8.2 leaves it open


def elasticsearch_events(url: str, prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(index, document) of everything under a prefix."""
    with elasticsearch.Elasticsearch(url) as client:
        client.indices.refresh(index=f"{prefix}-*")
        for hit in elasticsearch.helpers.scan(client, index=f"{prefix}-*", size=2000):
            yield hit["_index"], hit["_source"] | {"_id": hit["_id"]}


def influxdb_rows(url: str, database: str, measurement: str) -> list[dict[str, Any]]:
    """Every point of a measurement, nulls left out."""
    answer = (
        httpx.get(
            f"{url}/query",
            params={"db": database, "q": f'SELECT * FROM "{measurement}"', "epoch": "ns"},
            timeout=60,
        )
        .raise_for_status()
        .json()
    )
    series = answer["results"][0].get("series", [])
    return [
        {key: value for key, value in zip(part["columns"], row, strict=True) if value is not None}
        for part in series
        for row in part["values"]
    ]


def influxdb_count(url: str, database: str, measurement: str) -> int:
    """How many points have an id; a point that is just being written shows its fields one after the other."""
    return sum("id" in row for row in influxdb_rows(url, database, measurement))


def influxdb_ids(url: str, database: str) -> list[str]:
    """The ids of every event of every dataset."""
    return [row["id"] for dataset in DATASETS for row in influxdb_rows(url, database, dataset)]


def duckdb_events(path: Path) -> list[dict[str, Any]]:
    """Every event of a closed file."""

    with duckdb.connect(path, read_only=True) as connection:
        found = []
        for dataset in DATASETS:
            rows = fetch(connection.execute(f'select * from "{dataset}"'))
            found += [
                {"dataset": dataset} | {name: value for name, value in row.items() if value is not None}
                for row in rows
            ]
        return found
