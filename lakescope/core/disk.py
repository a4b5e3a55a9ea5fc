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
