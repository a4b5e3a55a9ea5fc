"""Prometheus 2.42 of Debian, and its promtool."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import httpx

from ._install import Install
from ._process import HOST, Server, free_port, http_status, run_tool

PROGRAM = "/usr/bin/prometheus"
PROMTOOL = "/usr/bin/promtool"

INSTALL = Install("prometheus", lambda: {"prometheus": PROGRAM})


class Prometheus(Server):
    """A Prometheus on a free loopback port; `configuration` is its YAML."""

    name: ClassVar[str] = "prometheus"

    def __init__(self, directory: Path, *, configuration: str) -> None:
        super().__init__(directory)
        self.configuration = configuration
        self.port = free_port()

    @property
    def url(self) -> str:
        """Base URL, without a slash at its end."""
        return f"http://{HOST}:{self.port}"

    def rules(self) -> list[dict[str, Any]]:
        """Its alerting rules with their state."""
        groups = httpx.get(f"{self.url}/api/v1/rules", trust_env=False).json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def command(self) -> list[str]:
        file = self.directory / "prometheus.yml"
        file.write_text(self.configuration)
        return [
            PROGRAM,
            f"--config.file={file}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
        ]

    def is_ready(self) -> bool:
        return http_status(self.port, "/-/ready") == 200


def promtool(*arguments: object) -> str:
    """What promtool prints. Raises ServerError with it when it fails."""
    return run_tool(PROMTOOL, *arguments)
