"""A plan: how Rucio differs from what it is synchronised with, and what would be done about it. Pure.

    source (CRIC, IAM)      Rucio
          \\                 /
           plan: a list of `Change`
               |  sync/guard.py: not too much at once
               |  sync/apply.py: several at a time, each in the journal
             Rucio

Exit codes of the commands: `NO_DRIFT`, `DRIFT`, 2 for usage, `UNKNOWN`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import msgspec

NO_DRIFT, DRIFT, UNKNOWN = 0, 1, 3
"""Exit codes: nothing to do; something to do, or to repair at the source; source or Rucio did not answer, or guard."""

Kind = Literal["create", "change", "remove", "extra", "unmapped", "invalid"]
"""What a line of a plan is.

create, change, remove   what `apply` does
extra                    Rucio has what the source has not; removed only where the operator says so
unmapped                 the source has what is, by rule, not synchronised: no drift
invalid                  the source has what cannot be synchronised until it is repaired there
"""
ACTIONS: tuple[Kind, ...] = ("create", "change", "remove")


class SyncError(Exception):
    """A synchronisation could not tell or must not go on; the text says where, what was expected and found, and the remedy."""


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of a plan, and one call to Rucio where its kind is an action."""

    kind: Kind
    type: str
    """What is changed: rse, property, attribute, protocol, limit, distance; account, identity, ..."""
    object: str
    """Name of the object that it belongs to: an RSE, a pair of RSEs ("A -> B"), an account."""
    part: str = ""
    """Which part of the object, for types with several: an attribute's key, a protocol's address; empty for the object itself."""
    before: Any = None
    """Value in Rucio; null for nothing."""
    after: Any = None
    """Value by the source; null for nothing."""
    note: str = ""
    """What a person should know; of invalid lines what was expected, found, and the remedy."""

    @property
    def place(self) -> tuple[str, str, str]:
        """What it is about: a plan has one action at most for each."""
        return (self.type, self.object, self.part)

    @property
    def is_action(self) -> bool:
        """Whether `apply` does it."""
        return self.kind in ACTIONS

    def inverse(self) -> Change:
        """The change that takes this one back."""
        kinds: dict[Kind, Kind] = {"create": "remove", "remove": "create", "change": "change"}
        return Change(
            kind=kinds[self.kind],
            type=self.type,
            object=self.object,
            part=self.part,
            before=self.after,
            after=self.before,
        )


class Plan(msgspec.Struct, kw_only=True):
    """The lines in the order in which they are applied."""

    sync: str
    """Which synchronisation: rses, accounts."""
    source: str
    """Where the truth was read: a URL without secrets, or a file."""
    target: str
    """The Rucio: its URL, and its VO where it has several."""
    changes: list[Change]
    existing: dict[str, int]
    """How many objects Rucio has, by the types that the guard counts; changes of other types count as changes of the first."""

    def actions(self) -> list[Change]:
        """What `apply` would do."""
        return [one for one in self.changes if one.is_action]

    def drift(self) -> list[Change]:
        """The lines that mean that Rucio and the source differ, or that the source must be repaired."""
        return [one for one in self.changes if one.kind != "unmapped"]

    def exit_code(self) -> int:
        """Of a dry run."""
        return DRIFT if self.drift() else NO_DRIFT

    def counts(self) -> dict[str, int]:
        """Lines by kind; kinds without a line are left out."""
        return count_kinds(self.changes)

    def document(self) -> dict[str, Any]:
        """The plan as plain data, for JSON."""
        return {
            "sync": self.sync,
            "source": self.source,
            "target": self.target,
            "drift": len(self.drift()),
            "counts": self.counts(),
            "existing": self.existing,
            "changes": [msgspec.to_builtins(one) for one in self.changes],
        }


def count_kinds(changes: Iterable[Change]) -> dict[str, int]:
    """Lines by kind, in the order of `Kind`."""
    counts: Mapping[str, int] = Counter(one.kind for one in changes)
    return {kind: counts[kind] for kind in (*ACTIONS, "extra", "unmapped", "invalid") if counts.get(kind)}


def value_text(value: Any, width: int = 60) -> str:
    """A value as a cell of a table: one line, at most `width` characters; `-` for nothing."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def summary(plan: Plan) -> str:
    """One sentence: what differs."""
    if not plan.drift():
        return f"{plan.target} agrees with {plan.source}"
    counts = ", ".join(f"{count} {kind}" for kind, count in plan.counts().items())
    return f"{plan.target} differs from {plan.source}: {counts}"
