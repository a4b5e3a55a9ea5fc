"""One process at a time on a data directory: a lock that the operating system takes back however its holder ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

FILE = "lakescope.lock"


@contextlib.contextmanager
def lock(data_dir: Path) -> Iterator[None]:
    """Holds `data_dir`, made if need be, for the time of the block.

    Raises `RuntimeError` naming the process that holds it. Whatever writes to stores or to the spool from this
    directory holds it; lists, queries and what only changes dead letters may run beside.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / FILE
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            line = _line(file) or "another process"
            raise RuntimeError(
                f"{data_dir}: expected to be the only one, found that {line} uses it;"
                " stop that one, or give this one a data_dir of its own"
            ) from error
        except OSError as error:
            text = f"{path}: cannot be locked: {error.strerror}; put data_dir on a file system with flock"
            raise RuntimeError(text) from error
        file.truncate(0)
        file.write(f"process {os.getpid()} ({_command()})\n")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)  # the file stays: a lock on a removed one would hold nobody off


def holder(data_dir: Path) -> int | None:
    """Process id of who holds `data_dir`; null if nobody does."""
    try:
        with (data_dir / FILE).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                match = _HOLDER.match(_line(file))
                return int(match[1]) if match else None
    except OSError:
        pass
    return None


_HOLDER = re.compile(r"process ([0-9]+) ")


def _line(file: IO[str]) -> str:
    """What the holder of a locked file says of itself: ``process 7 (lakescope run)``; empty before it has."""
    file.seek(0)
    return file.read(200).strip()


def _command() -> str:
    return " ".join(["lakescope", *sys.argv[1:2]])
