"""One process at a time on a data directory."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from lakescope.core import locks

FILE = "lakescope.lock"
_HOLDER = re.compile(r"process ([0-9]+) ")


@contextlib.contextmanager
def lock(data_dir: Path) -> Iterator[None]:
    """Holds `data_dir`, made if need be, for the time of the block.

    Raises `RuntimeError` naming the process that holds it. Whatever writes to stores or to the spool from this
    directory holds it; lists, queries and what only changes dead letters may run beside.
    """

    def refused(who: str) -> RuntimeError:
        return RuntimeError(
            f"{data_dir}: expected to be the only one, found that {who} uses it;"
            " stop that one, or give this one a data_dir of its own"
        )

    data_dir.mkdir(parents=True, exist_ok=True)
    with locks.holding(data_dir / FILE, refused):
        yield


def holder(data_dir: Path) -> int | None:
    """Process id of who holds `data_dir`; null if nobody does."""
    try:
        match = _HOLDER.match(locks.holder(data_dir / FILE) or "")
    except OSError:
        return None
    return int(match[1]) if match else None
