"""Takes people's names out of files of JSON lines: each file is written anew beside the old one, and replaces it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from lakescope.sinks._people import Forgetting


class ForgetLine:
    """A line of a dataset without a name; null for one that is not about it. Pure."""

    def __init__(self, dataset: str, name: str) -> None:
        self._forgetting = Forgetting(dataset, name)
        self._json = msgspec.json.encode(name)[1:-1]

    @property
    def is_needed(self) -> bool:
        """Whether events of the dataset can be about somebody."""
        return self._forgetting.is_needed

    def __call__(self, line: bytes) -> bytes | None:
        if self._json not in line:
            return None
        try:
            event = msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None  # not written by us
        clean = self._forgetting.clean(event)
        return None if clean is None else msgspec.json.encode(clean)


def forget_in(path: Path, forget: ForgetLine) -> int:
    """How many lines of a file were changed: it is replaced, whole or not at all, and only if one was. Raises `OSError`."""
    with path.open("rb") as file:
        if not any(forget(line) is not None for line in file):
            return 0
    draft, count = path.with_name(f"{path.name}.new"), 0
    try:
        with path.open("rb") as old, draft.open("wb") as new:
            os.fchmod(new.fileno(), os.fstat(old.fileno()).st_mode)
            for line, is_changed in _lines(old, forget):
                new.write(line)
                count += is_changed
            new.flush()
            os.fsync(new.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return count


def _lines(file: Any, forget: ForgetLine) -> Iterator[tuple[bytes, bool]]:
    for line in file:
        changed = forget(line)
        yield (line, False) if changed is None else (changed + b"\n", True)
