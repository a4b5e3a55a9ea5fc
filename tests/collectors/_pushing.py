"""Lakescope with an http collector, in this process, and senders' requests to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.contract._running import Archiving


class Pushing(Archiving):
    """An http collector named `push`, `options` as TOML lines; its events go to files of JSON lines."""

    def __init__(self, directory: Path, options: str = "") -> None:
        super().__init__(directory, f'[collectors.push]\ntype = "http"\n{options}')

    def send(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "POST",
        auth: tuple[str, str] | None = None,
    ) -> httpx.Response:
        """One request of a sender."""
        with httpx.Client(base_url=self.url, trust_env=False, timeout=20) as client:
            return client.request(method, path, content=body, headers=headers, auth=auth)
