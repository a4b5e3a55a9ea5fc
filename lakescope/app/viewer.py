"""Who asks, and what they may see and do.

Commands on this machine are `OWNER`: whoever can read the data directory and the stores' passwords may see all.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Role(IntEnum):
    """What somebody may do; each may do what those before it may."""

    READER = 1
    """Looks."""
    OPERATOR = 2
    """Acknowledges, silences, annotates, replays and drops dead letters."""
    ADMIN = 3
    """Backs up, applies plans of synchronisations."""


class Viewer(NamedTuple):
    """Somebody with rights."""

    name: str
    """As journals and acknowledgements show it."""
    role: Role
    vos: frozenset[str] | None = None
    """The VOs whose events they see; null: events of all VOs, and those of which no VO is known (the right `all_vos`)."""
    shared: bool = True
    """Whether they see what belongs to no VO: hosts, network, queues of FTS, totals of storage, Lakescope itself. Who sees all
    VOs does so anyway."""
    people: bool = False
    """Whether they see accounts, certificate subjects and clients' hosts as they are; else pseudonyms."""


NOBODY = Viewer("", Role.READER, frozenset(), shared=False)
"""Whoever has said nothing of themselves, and gets only what is open to all."""

OWNER = Viewer("", Role.ADMIN, people=True)
"""Whoever runs a command on this machine."""
