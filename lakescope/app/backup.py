"""A copy of all that Lakescope keeps on its own disk, and the way back.

    <data_dir>/backups/NAME/
        data/       the data directory as it is: push spool, overflows, dead letters, alerts, incidents, reports
        stores/     a file a sink that keeps its events in files of its own (`SavableSink`)
        backup.json when it was made, and by which version

The data directory is copied before the stores: what leaves the spool or an overflow meanwhile is in a store's copy, and what is
in both is stored once, by its id.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lakescope.app import instance
from lakescope.app.config import Configuration
from lakescope.app.lock import FILE as LOCK_FILE
from lakescope.app.lock import lock
from lakescope.core.plugins import load

FOLDER = "backups"
MANIFEST = "backup.json"
_SQLITE = b"SQLite format 3\0"
_BESIDE = ("-wal", "-shm", "-journal")
"""Of a SQLite database: its copy has what they hold."""
_PAGES = 1000
"""Copied at a time, so that writers get their turn."""


def back_up(configuration: Configuration, sinks: Mapping[str, Any], name: str, now: datetime) -> Path:
    """Its folder, which appears when it is complete. `now`: aware.

    Beside a running instance this is its own call: only it can read its stores. Raises `ValueError` for a name that is taken or
    none, `OSError`, and what a sink raises.
    """
    data_dir = configuration.settings.data_dir
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise ValueError(f"{name[:60]!r}: expected a name of letters, digits, `-`, `_` and `.`")
    folder = data_dir / FOLDER / name
    if folder.exists():
        raise ValueError(f"{folder} is there already: choose another name, or remove it")
    draft = folder.with_name(f"{name}.partial")
    shutil.rmtree(draft, ignore_errors=True)
    stores_files = files_of_stores(configuration)
    own_files = {file for files in stores_files.values() for file in files}
    for path in _files(data_dir):
        if path not in own_files:
            _copy(path, draft / "data" / path.relative_to(data_dir))
    (draft / "stores").mkdir(parents=True)
    for store in stores_files:
        sinks[store].save(draft / "stores" / store)
    manifest = {"version": version("lakescope"), "time": now.isoformat(), "stores": sorted(stores_files)}
    (draft / MANIFEST).write_text(json.dumps(manifest, indent=2))
    draft.rename(folder)
    return folder


def restore(configuration: Configuration, folder: Path) -> Iterator[Path]:
    """Brings a backup back into a data directory that has nothing of it, and yields each file that is there again.

    Raises `RuntimeError` for what is no backup, for a sink that the configuration lacks, and where a file is in the way: then
    nothing is written.
    """
    data_dir = configuration.settings.data_dir
    try:
        stores = json.loads((folder / MANIFEST).read_text())["stores"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RuntimeError(
            f"{folder}: expected a backup of Lakescope with {MANIFEST}: {error};"
            " give the folder that `lakescope backup` printed"
        ) from error
    stores_files = files_of_stores(configuration)
    if missing := [store for store in stores if store not in stores_files]:
        raise RuntimeError(
            f"the backup has the store of [sinks.{missing[0]}], which the configuration lacks: add that sink,"
            f" or take its name out of {folder / MANIFEST}"
        )
    data = folder / "data"
    targets = {path: data_dir / path.relative_to(data) for path in sorted(data.rglob("*")) if path.is_file()}
    targets |= {folder / "stores" / store: stores_files[store][0] for store in stores}
    with lock(data_dir):
        if blocked := [target for target in targets.values() if target.exists()]:
            raise RuntimeError(
                f"{blocked[0]} is there already, and a backup replaces nothing: move it away, or the whole data directory:"
                f" mv {data_dir} {data_dir}.old"
            )
        for source, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
            yield target


def files_of_stores(configuration: Configuration) -> dict[str, Sequence[Path]]:
    """Of each sink that keeps its events in files of its own: these files, the main one first."""
    data_dir = configuration.settings.data_dir
    kinds = {plugin.name: load("sinks", plugin.type) for plugin in configuration.sinks.values()}
    return {
        name: kind.files(configuration.sinks[name].options, data_dir)
        for name, kind in kinds.items()
        if hasattr(kind, "files")
    }


def _files(data_dir: Path) -> Iterator[Path]:
    """What the data directory keeps; not what belongs to a running process, no backups, and no keys."""
    passing = {data_dir / name for name in (LOCK_FILE, instance.FILE, instance.SECRET)}
    for path in sorted(data_dir.rglob("*")):
        is_kept = path not in passing and data_dir / FOLDER not in path.parents
        if (
            is_kept
            and path.is_file()
            and path.suffix != ".key"
            and not path.name.endswith((*_BESIDE, ".new"))
        ):
            yield path


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with source.open("rb") as file:
            is_database = file.read(len(_SQLITE)) == _SQLITE
        if not is_database:
            shutil.copy2(source, target)
            return
    except FileNotFoundError:  # done with since it was listed
        return
    with closing(sqlite3.connect(source)) as database, closing(sqlite3.connect(target)) as copy:
        database.backup(copy, pages=_PAGES)
