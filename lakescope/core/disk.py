"""What to do about files that cannot be opened."""

from __future__ import annotations

import shutil
from pathlib import Path

_ROOM_BYTES = 2**20
"""With less room a database cannot be opened: SQLite and DuckDB write beside it, and report another error when they cannot."""


def remedy_for(path: Path, otherwise: str) -> str:
    """For a file or directory: to make room, where its disk is full, since what is there is sound; else `otherwise`."""
    existing = next((one for one in (path, *path.parents) if one.exists()), Path("/"))
    free = shutil.disk_usage(existing).free
    if free >= _ROOM_BYTES:
        return otherwise
    return (
        f"the disk of {existing} is full ({free:,} bytes free): make room, and leave the files where they are"
    )


_LOGS = ("-wal", "-shm", ".wal")
"""What SQLite and DuckDB keep beside a database. It goes with it: beside a new database both would remove it."""


def move_away(path: Path) -> str:
    """The commands that move a database aside, with what is beside it."""
    there = (path.with_name(path.name + ending) for ending in _LOGS)
    endings = ("", *(one.name.removeprefix(path.name) for one in there if one.exists()))
    return "; ".join(f"mv {path}{ending} {path}.damaged{ending}" for ending in endings)
