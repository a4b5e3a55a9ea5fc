"""A whole Lakescope in this process: what `lakescope run` assembles, its web server included."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import httpx

from lakescope.assembly import assemble, lanes, normaliser, read_topology
from lakescope.config import parse
from lakescope.pipeline.normalise import Normaliser
from lakescope.web import create_app
from lakescope.web.server import Server

QUICK = "[pipeline]\nbatch_age_s = 0.05\n"


class Running:
    """Starts with the block and drains with it; `url` is where it answers."""

    def __init__(self, directory: Path, configuration: str, *, workers: int = 1) -> None:
        self.data_dir = directory / "data"
        self.configuration = parse(f'data_dir = "{self.data_dir}"\n{configuration}')
        settings = self.configuration.settings
        topology = read_topology(settings)
        self.assembly = assemble(self.configuration, workers=workers)
        self.engine, self.status = self.assembly.engine, self.assembly.status
        self.drained: bool | None = None

        def normaliser_of(name: str) -> Normaliser:
            return normaliser(settings, topology, self.configuration.collectors.get(name), name)

        app = create_app(self.assembly, normaliser_of, lanes(self.configuration, self.assembly.sinks))
        self._server = Server(app, "127.0.0.1", 0)
        self.url = self._server.url

    def __enter__(self) -> Self:
        self.engine.start()
        self.status.start()
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.drained is None:
            self.stop()

    def stop(self, timeout: float = 10.0) -> bool:
        """Stops it; whether all was drained."""
        self.drained = self.engine.stop(timeout)
        self.status.stop()
        self._server.stop()
        self.engine.dead_letters.close()
        return self.drained

    def acknowledged(self, messages: int) -> bool:
        """Whether so many messages were acknowledged."""
        metrics = self.engine.metrics
        return metrics.value(metrics.acknowledged) >= messages

    def balance(self) -> dict[str, Any]:
        """The accounting of its only collector and only sink; checks that it is one."""
        (row,) = self.status.balance()
        assert row["holds"], row
        return row

    def get(self, path: str) -> httpx.Response:
        """What it answers."""
        return httpx.get(f"{self.url}{path}", timeout=10, trust_env=False)
