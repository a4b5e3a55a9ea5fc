"""A target of synchronisations that is a dictionary: what the shared machinery promises needs no Rucio."""

from __future__ import annotations

from typing import Any

from lakescope.sync.plan import Change, Plan
from lakescope.sync.rucio import RucioRefusedError


class Dictionary:
    """Place -> value. A part named "bad" is refused; `answer_lost` refuses what was done, as a repeated call would be."""

    def __init__(self, values: dict[tuple[str, str, str], Any] | None = None, label: str = "here") -> None:
        self.label = label
        self.values = values or {}
        self.answer_lost = False
        self.calls: list[Change] = []

    def perform(self, change: Change) -> None:
        self.calls.append(change)
        if change.part == "bad":
            raise RucioRefusedError("it said no", 400, "InvalidObject")
        if change.kind == "remove":
            self.values.pop(change.place)
        else:
            self.values[change.place] = change.after
        if self.answer_lost:
            raise RucioRefusedError("already there", 409, "Duplicate")

    def value(self, change: Change) -> Any:
        return self.values.get(change.place)

    def stage(self, change: Change) -> int:
        return 0 if change.type == "rse" else 1

    def why_not_undone(self, change: Change) -> str:
        return "an RSE's creation is not undoable" if change.type == "rse" else ""


def attribute(rse: str, key: str = "qos", *, before: Any = None, after: Any = None) -> Change:
    """A change of an RSE's attribute; its kind by its values."""
    kind = "create" if before is None else "remove" if after is None else "change"
    return Change(kind=kind, type="attribute", object=rse, part=key, before=before, after=after)  # type: ignore[arg-type]


def plan(*changes: Change, existing: int = 100) -> Plan:
    """Of a Rucio with `existing` RSEs."""
    sizes = {"rse": existing, "distance": existing * 10}
    return Plan(sync="rses", source="cric", target="here", changes=list(changes), existing=sizes)
