"""Prometheus' node_exporter of Debian: the real metrics of this very machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ._install import Install
from ._process import HOST, Server, free_port, http_status

_PROGRAM = "/usr/bin/prometheus-node-exporter"

INSTALL = Install("node_exporter", lambda: {"prometheus-node-exporter": _PROGRAM})


class NodeExporter(Server):
    """A node_exporter on a free loopback port; `options` are flags, e.g. `["--collector.processes"]`."""

    name: ClassVar[str] = "node_exporter"

    def __init__(self, directory: Path, *, options: Sequence[str] = ()) -> None:
        super().__init__(directory)
        self.options = list(options)
        self.port = free_port()

    @property
    def url(self) -> str:
        """What to scrape: the address of its /metrics."""
        return f"http://{HOST}:{self.port}/metrics"

    def command(self) -> list[str]:
        return [_PROGRAM, f"--web.listen-address={HOST}:{self.port}", *self.options]

    def is_ready(self) -> bool:
        # Not /metrics: that runs all collectors.
        return http_status(self.port, "/") == 200
