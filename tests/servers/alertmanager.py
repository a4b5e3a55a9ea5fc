"""Alertmanager 0.25 of Debian, and its amtool."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import httpx

from ._install import Install
from ._process import HOST, Server, free_port, http_status, run_tool

PROGRAM = "/usr/bin/prometheus-alertmanager"
AMTOOL = "/usr/bin/amtool"

INSTALL = Install("alertmanager", lambda: {"prometheus-alertmanager": PROGRAM})


class Alertmanager(Server):
    """An Alertmanager on a free loopback port, alone; `configuration` is its YAML."""

    name: ClassVar[str] = "alertmanager"

    def __init__(self, directory: Path, *, configuration: str) -> None:
        super().__init__(directory)
        self.configuration = configuration
        self.port = free_port()

    @property
    def url(self) -> str:
        """Base URL, without a slash at its end."""
        return f"http://{HOST}:{self.port}"

    def alerts(self) -> list[dict[str, Any]]:
        """The alerts that it holds for active, silenced and inhibited ones included."""
        answer: list[dict[str, Any]] = httpx.get(f"{self.url}/api/v2/alerts", trust_env=False).json()
        return answer

    def command(self) -> list[str]:
        file = self.directory / "alertmanager.yml"
        file.write_text(self.configuration)
        return [
            PROGRAM,
            f"--config.file={file}",
            f"--storage.path={self.directory / 'data'}",
            f"--web.listen-address={HOST}:{self.port}",
            "--cluster.listen-address=",
            "--data.retention=1h",
        ]

    def is_ready(self) -> bool:
        return http_status(self.port, "/-/ready") == 200


def amtool(*arguments: object) -> str:
    """What amtool prints. Raises ServerError with it when it fails."""
    return run_tool(AMTOOL, *arguments)
