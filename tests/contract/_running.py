"""A whole Lakescope in this process: what `lakescope run` assembles, its web server included."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import httpx
import msgspec

from lakescope.app.assembly import Assembly
from lakescope.app.config import parse
from lakescope.app.web.app import create_app
from lakescope.app.web.server import Server
from tests.e2e._lakescope import no_alerts, until

QUICK = "[pipeline]\nbatch_age_s = 0.05\n"


class Running:
    """Starts with the block and drains with it; its web server with the first look at `url`."""

    def __init__(self, directory: Path, configuration: str, *, workers: int = 1, port: int = 0) -> None:
        self._port = port
        self.data_dir = directory / "data"
        self.configuration = parse(f'data_dir = "{self.data_dir}"\n{configuration}{no_alerts(configuration)}')
        self.assembly = Assembly(self.configuration, workers=workers)
        self.engine, self.status = self.assembly.engine, self.assembly.status
        self.drained: bool | None = None

        self._app = create_app(self.assembly)
        self._server: Server | None = None

    @property
    def routes(self) -> list[Any]:
        """All routes of its web application."""
        return list(self._app.routes)

    @property
    def url(self) -> str:
        """Where it answers."""
        if self._server is None:
            self._server = Server(self._app, "127.0.0.1", self._port)
            self._server.start()
        return self._server.url

    def __enter__(self) -> Self:
        self.assembly.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.drained is None:
            self.stop()

    def stop(self, timeout: float = 10.0) -> bool:
        """Stops it; whether all was drained."""
        with ThreadPoolExecutor(1) as pool:
            if self._server is not None:
                pool.submit(self._server.stop)
            self.drained = self.assembly.stop(timeout)
        self.engine.dead_letters.close()
        return self.drained

    def acknowledged(self, messages: int) -> bool:
        """Whether so many messages were acknowledged."""
        metrics = self.engine.metrics
        return metrics.value(metrics.acknowledged) >= messages

    def received(self, collector: str = "push") -> int:
        """Messages of an http collector that entered its pipeline, once none of what its senders were told is safe is on the
        way: what it takes is in its spool first, and counted after the sender has its answer."""

        def waiting() -> int:
            with contextlib.closing(sqlite3.connect(self.data_dir / f"{collector}.spool")) as spool:
                return int(spool.execute("select count(*) from spool").fetchone()[0])

        until(lambda: not waiting(), 30, self.status.document)
        (pipeline,) = (one for one in self.engine.pipelines if one.name == collector)
        return pipeline.inbox.received

    def balance(self) -> dict[str, Any]:
        """The accounting of its only collector and only sink; checks that it is one."""
        (row,) = self.status.balance()
        assert row["holds"], row
        return row

    def get(self, path: str) -> httpx.Response:
        """What it answers."""
        return httpx.get(f"{self.url}{path}", timeout=10, trust_env=False)


class Archiving(Running):
    """With collectors as TOML, and one sink that can be looked into at any time: files of JSON lines."""

    def __init__(self, directory: Path, collectors: str, *, pipeline: str = QUICK) -> None:
        self.archive = directory / "archive"
        store = f'[sinks.store]\ntype = "jsonl"\ndirectory = "{self.archive}"\n'
        super().__init__(directory, f"{pipeline}{collectors}\n{store}")

    def arrived(self, ids: Iterable[str], seconds: float = 10) -> list[dict[str, Any]]:
        """The events of these ids, once they are stored, each once."""
        wanted = Counter(list(ids))
        until(
            lambda: wanted.keys() <= self.stored().keys(),
            seconds,
            lambda: (len(wanted.keys() - self.stored().keys()), self.status.document()),
        )
        stored = self.stored()
        assert {id_: len(stored[id_]) for id_ in wanted} == wanted
        return [stored[id_][0] for id_ in wanted]

    def stored(self) -> dict[str, list[dict[str, Any]]]:
        """id -> its events, so far."""
        found: dict[str, list[dict[str, Any]]] = {}
        for path in sorted(self.archive.iterdir()):
            whole, _, _ = path.read_bytes().rpartition(b"\n")  # the last line may be just being written
            for line in whole.splitlines():
                event = msgspec.json.decode(line)
                found.setdefault(event["id"], []).append(event)
        return found

    def polled(self, count: int, seconds: float = 30) -> None:
        """Waits for so many polls, and for all that came with them: a batch is written a dataset at a time."""

        def polls() -> int:
            return sum(one["dataset"] == "polls" for events in self.stored().values() for one in events)

        until(lambda: polls() == count and self.engine.is_idle, seconds, lambda: (polls(), self.told))

    @property
    def told(self) -> str:
        """What the health of its only collector says."""
        (pipeline,) = self.engine.pipelines
        return f"{pipeline.collector.health.state}: {pipeline.collector.health.detail}"
