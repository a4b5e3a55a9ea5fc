"""The guard: a synchronisation that would change or remove much of what exists stops and asks. Pure.

A source that lost half its records, or a wrong file, looks like a large change. Creation is not counted: it harms nothing that
exists, and fills an empty Rucio in one run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from lakescope.sync.plan import Change, Plan, SyncError

SHARE = 0.1
"""Most objects of a type that one run may change or remove, as a share of those that exist."""
LEAST = 2
"""So many are always allowed."""


def count_objects(plan: Plan, recent: Iterable[Change] = ()) -> dict[str, int]:
    """How many existing objects the plan's actions and `recent` ones change or remove, by type."""
    first = next(iter(plan.existing))
    touched: dict[str, set[str]] = defaultdict(set)
    for change in (*recent, *plan.actions()):
        if change.kind in ("change", "remove"):
            touched[change.type if change.type in plan.existing else first].add(change.object)
    return {name: len(objects) for name, objects in touched.items()}


def check(plan: Plan, max_changes: int | None = None, recent: Iterable[Change] = ()) -> None:
    """Raises `SyncError` where a plan changes or removes too many objects of a type: more than `SHARE` and `LEAST` of those that
    exist, or than `max_changes` where that is given. `recent`: what was done before and counts as if it were in the plan."""
    if not plan.actions():
        return
    for name, count in count_objects(plan, recent).items():
        limit = max(LEAST, int(plan.existing[name] * SHARE)) if max_changes is None else max_changes
        within = "24 hours of unattended runs" if recent else "a run"
        if count > limit:
            raise SyncError(
                f"guard: {count} of {plan.existing[name]} objects ({name}) would be changed or removed, at most {limit} are"
                f" allowed in {within}, so nothing was applied; look at the plan, and if it is right allow it once:"
                f" --max-changes {count}"
            )
