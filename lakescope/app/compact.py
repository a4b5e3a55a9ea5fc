"""Gives the disk back what was deleted: a store's file is written anew, without the room that nothing uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lakescope.app.assembly import open_sinks
from lakescope.app.backup import files_of_stores
from lakescope.app.config import Configuration
from lakescope.app.lock import lock
from lakescope.core.contracts import SavableSink


class Compacted(NamedTuple):
    """One file, and its sizes (bytes)."""

    path: Path
    before: int
    after: int


def compact(configuration: Configuration) -> Iterator[Compacted]:
    """Writes the file of each `SavableSink` anew, while no instance runs; the old one stays until the new one is whole.

    Raises `RuntimeError` where an instance runs, and what a sink raises: then the file is as it was.
    """
    with lock(configuration.settings.data_dir):
        for name, (path, *beside) in files_of_stores(configuration).items():
            if path.exists():
                new = path.with_name(f"{path.name}.new")
                new.unlink(missing_ok=True)
                before = path.stat().st_size
                try:
                    _save(configuration, name, new)
                    if left := [file for file in beside if file.exists()]:
                        raise RuntimeError(
                            f"{left[0]} is still needed: start Lakescope once, stop it, and try again"
                        )
                    new.replace(path)
                finally:
                    new.unlink(missing_ok=True)
                yield Compacted(path, before, path.stat().st_size)


def _save(configuration: Configuration, name: str, new: Path) -> None:
    (sink,) = open_sinks(configuration._replace(sinks={name: configuration.sinks[name]})).values()
    try:
        assert isinstance(sink, SavableSink)
        sink.save(new)
    finally:
        sink.close()
    with new.open("rb") as file:
        os.fsync(file.fileno())
