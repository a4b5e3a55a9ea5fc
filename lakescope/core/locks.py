"""Locks between processes: on a file, which says who holds it. The system takes one back however its holder ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO


@contextlib.contextmanager
def holding(path: Path, refused: Callable[[str], Exception], words: int = 1) -> Iterator[None]:
    """Holds the lock for the time of the block; `words` of the command line say of this process what it does.

    Raises `refused` of what the holder says of itself, ``process 7 (lakescope run)``; `RuntimeError` where nothing can be
    locked.
    """
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise refused(_line(file) or "another process") from error
        except OSError as error:
            text = f"{path}: cannot be locked: {error.strerror}; put data_dir on a file system with flock"
            raise RuntimeError(text) from error
        file.truncate(0)
        command = ("lakescope", *(word for word in sys.argv[1 : 1 + words] if not word.startswith("-")))
        file.write(f"process {os.getpid()} ({' '.join(command)})\n")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)  # the file stays: a lock on a removed one would hold nobody off


def holder(path: Path) -> str | None:
    """What the holder says of itself, empty before it has; null if nobody holds it. Raises `OSError`."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _line(file)
    return None


def _line(file: IO[str]) -> str:
    file.seek(0)
    return file.read(200).strip()
