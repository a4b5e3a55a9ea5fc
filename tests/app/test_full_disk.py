"""A start on a full disk: whoever reads of it is told to make room, never to move files away that are sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lakescope.app.assembly import Assembly
from lakescope.app.config import load_file
from tests.e2e._lakescope import no_alerts
from tests.servers._disk import small_disk


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A directory on a disk of its own, which a test fills."""
    with small_disk(tmp_path / "data", 2) as is_mounted:
        if not is_mounted:
            pytest.skip("no file system can be mounted here: it needs root and the right to mount")
        yield tmp_path / "data"


FILES = '[collectors.in]\ntype = "files"\nformat = "hermes"\npaths = ["in"]\n'
PUSH = '[collectors.push]\ntype = "http"\n'
ARCHIVE = '[sinks.archive]\ntype = "jsonl"\ndirectory = "archive"\n'


@pytest.mark.parametrize(
    "plugins",
    [
        PUSH + ARCHIVE,
        f'{FILES}[sinks.lake]\ntype = "duckdb"\n',
        f"{FILES}{ARCHIVE}overflow_bytes = 10000000\n",
    ],
    ids=["spool", "duckdb", "overflow"],
)
def test_it_says_make_room_and_not_move_away(tmp_path: Path, full: Path, plugins: str) -> None:
    (full / "ballast").write_bytes(b"\0" * (2 * 2**20 - 8192))
    file = tmp_path / "lakescope.toml"
    file.write_text(f'data_dir = "{full}"\n{plugins}{no_alerts(plugins)}')
    with pytest.raises(RuntimeError, match=r"the disk of .* is full .*: make room") as refusal:
        Assembly(load_file(file))
    assert "move" not in str(refusal.value)
