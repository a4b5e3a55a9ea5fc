"""The contract that plugins are given (`lakescope.testing`), kept by Lakescope's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lakescope.core.plugins import available
from lakescope.testing import CollectorContract, FormatContract, SinkContract

CASES = Path(__file__).parents[1] / "cases"


@pytest.mark.parametrize("name", [name for name in available("formats") if (CASES / name).is_dir()])
class TestFormats(FormatContract):
    """Every format with its cases."""

    cases = CASES

    @pytest.fixture(autouse=True)
    def _chosen(self, name: str) -> None:
        self.format = name  # type: ignore[misc]


class TestJsonl(SinkContract):
    """Files, which cannot be looked up by id."""

    type = "jsonl"
    once = False

    def options(self, directory: Path) -> str:
        return f'directory = "{directory / "archive"}"'

    def stored(self, sink: Any, directory: Path) -> list[str]:
        lines = [
            line for path in (directory / "archive").iterdir() for line in path.read_bytes().splitlines()
        ]
        return [msgspec.json.decode(line)["id"] for line in lines]


class TestDuckdb(SinkContract):
    """The embedded store."""

    type = "duckdb"

    def options(self, directory: Path) -> str:
        return ""

    def stored(self, sink: Any, directory: Path) -> list[str]:
        rows = sink.query("select id from transfers union all select id from probes")
        return [row["id"] for row in rows]


class TestFiles(CollectorContract):
    """Files that grow."""

    type = "files"

    def options(self, directory: Path) -> str:
        self.file = directory / "bodies"
        self.file.touch()
        return f'format = "push"\npaths = ["{self.file}"]\nfollow = true'

    def offer(self, bodies: Sequence[bytes]) -> None:
        self.file.write_bytes(b"\n".join([*bodies, b""]))
