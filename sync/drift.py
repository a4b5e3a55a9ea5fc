"""How long differences between Rucio and a source have been there, from run to run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec

from lakescope.core import state_files
from lakescope.sync.plan import Change

log = logging.getLogger(__name__)

_LOSS = "ages of differences begin anew"


class Ages:
    """First sight of each difference, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def update(self, drift: Sequence[Change], now: float) -> float:
        """Notes the differences of a run; how long the oldest of them has been there (seconds), 0 for none."""
        try:
            before = state_files.read(self._path, dict[str, float], "drift", _LOSS) or {}
        except state_files.DamagedStateError as error:  # no reason to lose what a run has done
            log.error("sync_ages_damaged error=%s", error)
            before = {}
        first = {name: before.get(name, now) for name in map(_name, drift)}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        state_files.write(self._path, msgspec.json.encode(first))
        return max(0.0, now - min(first.values(), default=now))


def _name(change: Change) -> str:
    """Of a place: whichever values differ there, it differs."""
    return blake2b("\n".join(change.place).encode(), digest_size=8).hexdigest()
