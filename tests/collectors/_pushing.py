"""Lakescope with an http collector, in this process, and senders' requests to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from tests.contract._running import QUICK, Running
from tests.e2e._lakescope import until


class Pushing(Running):
    """An http collector named `push`, `options` as TOML lines; its events go to files of JSON lines."""

    def __init__(self, directory: Path, options: str = "") -> None:
        self.archive = directory / "archive"
        self.archive.mkdir()
        store = f'[sinks.store]\ntype = "jsonl"\ndirectory = "{self.archive}"\n'
        super().__init__(directory, f'{QUICK}[collectors.push]\ntype = "http"\n{options}\n{store}')

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

    def arrived(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """The events of these ids, once they are stored, each once."""
        wanted = Counter(list(ids))
        until(lambda: wanted.keys() <= self.stored().keys(), 10, lambda: (wanted, self.status.document()))
        stored = self.stored()
        assert {id_: len(stored[id_]) for id_ in wanted} == wanted
        return [stored[id_][0] for id_ in wanted]

    def stored(self) -> dict[str, list[dict[str, Any]]]:
        """id -> its events, so far."""
        found: dict[str, list[dict[str, Any]]] = {}
        for path in sorted(self.archive.iterdir()):
            for line in path.read_bytes().splitlines():
                event = msgspec.json.decode(line)
                found.setdefault(event["id"], []).append(event)
        return found
