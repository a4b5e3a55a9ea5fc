"""Takes an account's name out of what Lakescope has stored, while no instance runs, and says what it cannot reach."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from lakescope.app.assembly import open_dead_letters, open_sinks
from lakescope.app.backup import FOLDER as BACKUPS
from lakescope.app.config import Configuration
from lakescope.app.erasure import (
    Name,
    clean_letters,
    clean_overflow,
    clean_plan,
    clean_spool,
    clean_texts,
    files_with_people,
)
from lakescope.app.lock import lock
from lakescope.app.sync import plan_file
from lakescope.core.contracts import ForgettingSink, RefusedError, TransientError
from lakescope.core.personal import FORGOTTEN
from lakescope.pipeline.overflow import FOLDER as OVERFLOW
from lakescope.sync.journal import Journal
from lakescope.sync.plan import SyncError

SHORTEST = 3
"""Characters of a name: a shorter one would be found in words."""

ELSEWHERE = "sources, brokers, logs, mails and chats"
"""The place of the last step, which is never reached."""


class Step(NamedTuple):
    """What was done at one place."""

    place: str
    is_done: bool
    """False: the name may still be there."""
    text: str


def forget(configuration: Configuration, name: str) -> Iterator[Step]:
    """Puts `FORGOTTEN` in the place of a name, place by place. Raises `RuntimeError` for a name that is too short, or where an
    instance runs."""
    if len(name) < SHORTEST or name == FORGOTTEN:
        raise RuntimeError(f"expected a name of {SHORTEST} characters or more, found {name!r}")
    data_dir, word = configuration.settings.data_dir, Name(name)
    with lock(data_dir):
        for sink in configuration.sinks:
            yield _of_sink(configuration, sink, name)
        yield from _of_letters(configuration, word)
        for path in sorted(data_dir.glob("*.spool")):
            yield _changed(str(path), "messages", partial(clean_spool, path, word))
        for path in sorted((data_dir / OVERFLOW).glob("*.sqlite")):
            yield _changed(str(path), "parts of batches", partial(clean_overflow, path, word))
        for path in sorted((data_dir / OVERFLOW).glob("*.damaged-*")):
            yield Step(str(path), False, "damaged, and read by nobody: remove it")
        yield from _of_files(data_dir, word)
        for path in sorted((data_dir / BACKUPS).glob("*")):
            yield _of_backup(path, word)
    yield Step(
        ELSEWHERE,
        False,
        "are not Lakescope's to change; what is read again comes back",
    )


def _changed(place: str, what: str, change: Callable[[], int]) -> Step:
    """Does it, and says how many."""
    try:
        count = change()
    except (sqlite3.Error, OSError, SyncError, ValueError, msgspec.DecodeError) as error:
        return Step(place, False, f"failed, try again: {error}")
    return Step(place, True, f"{count} {what}" if count else "nothing")


def _of_sink(configuration: Configuration, sink_name: str, name: str) -> Step:
    plugin = configuration.sinks[sink_name]
    place = f"sink {sink_name} ({plugin.type})"
    (sink,) = open_sinks(configuration._replace(sinks={sink_name: plugin})).values()
    try:
        if not isinstance(sink, ForgettingSink):
            remedy = getattr(sink, "forget_remedy", "its retention has to end it")
            return Step(place, False, f"cannot change what it has stored: {remedy}")
        changed = sink.forget(name)
    except (TransientError, RefusedError) as error:
        return Step(place, False, f"failed, try again: {error}")
    finally:
        sink.close()
    return Step(
        place, True, ", ".join(f"{dataset} {count}" for dataset, count in changed.items()) or "nothing"
    )


def _of_letters(configuration: Configuration, name: Name) -> Iterator[Step]:
    dead = open_dead_letters(configuration.settings)
    try:
        yield _changed("dead letters", "letters", partial(clean_letters, dead, name))
        for path in dead.files():
            yield _changed(str(path), "letters", partial(dead.rewrite, path, name.clean_letter))
    finally:
        dead.close()


def _of_files(data_dir: Path, name: Name) -> Iterator[Step]:
    """Reports, alerts and incidents, which are JSON; and what synchronisations keep."""
    reports = sorted((data_dir / "reports").glob("*/*/*/*.json"))
    yield _changed("archive of reports", "files", partial(clean_texts, reports, name))
    alerts = [data_dir / "alerts.json", data_dir / "incidents.json"]
    yield _changed("alerts and incidents", "files", partial(clean_texts, alerts, name))
    sync = data_dir / "sync"
    plans = partial(clean_plan, plan_file(sync, "accounts"), name)
    yield _changed("last plans of synchronisations", "files", plans)
    journal = partial(Journal(sync).forget, name.name, name.clean)
    yield _changed(
        "journal of synchronisations", "lines; the account's entries can no longer be undone", journal
    )


def _of_backup(folder: Path, name: Name) -> Step:
    """A backup is a copy of another time: it is never changed."""
    files = list(files_with_people(folder, name))
    texts = [str(path.relative_to(folder)) for path, is_certain in files if is_certain]
    databases = [str(path.relative_to(folder)) for path, is_certain in files if not is_certain]
    parts = [
        f"{what}: {', '.join(paths)}"
        for what, paths in (("the name is in", texts), ("it may be in", databases))
        if paths
    ]
    remedy = "it is not changed: remove the folder, or forget again right after it was restored"
    return Step(str(folder), False, "; ".join([*parts, remedy]))
