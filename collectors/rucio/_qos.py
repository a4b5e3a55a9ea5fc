"""QoS classes of RSEs, by an attribute that they have in Rucio: a file that the collector writes and the topology reads.

A file and not memory: so events have their QoS class from the first one after a restart, in a replay, and in every process.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from lakescope.core.state_files import read, write


class _Content(msgspec.Struct):
    attribute: str
    rses: dict[str, str]


class QosFile(NamedTuple):
    """What an attribute says of each RSE."""

    path: Path
    attribute: str

    def load(self) -> dict[str, str]:
        """RSE -> QoS class; empty before the first round, and for a file about another attribute. Raises `RuntimeError`
        for one that is damaged."""
        content = read(self.path, _Content, "the QoS classes of RSEs", "Rucio is asked for them again")
        return content.rses if content is not None and content.attribute == self.attribute else {}

    def save(self, rses: dict[str, str]) -> None:
        """Raises `OSError`."""
        write(self.path, msgspec.json.encode(_Content(self.attribute, rses)))
