"""The guard: a synchronisation that would change or remove much of what exists stops and asks. Pure.

A source that lost half its records, or a wrong file, looks like a large change. Creation is not counted: it harms nothing that
exists, and fills an empty Rucio in one run.
"""

from __future__ import annotations

from collections import defaultdict

from lakescope.sync.plan import Plan, SyncError

SHARE = 0.1
"""Most objects of a type that one run may change or remove, as a share of those that exist."""
LEAST = 2
"""So many are always allowed."""


def count_objects(plan: Plan) -> dict[str, int]:
    """How many existing objects the plan's actions change or remove, by type."""
    first = next(iter(plan.existing))
    touched: dict[str, set[str]] = defaultdict(set)
    for change in plan.actions():
        if change.kind in ("change", "remove"):
            touched[change.type if change.type in plan.existing else first].add(change.object)
    return {name: len(objects) for name, objects in touched.items()}


def check(plan: Plan, max_changes: int | None = None) -> None:
    """Raises `SyncError` where a plan changes or removes too many objects of a type: more than `SHARE` and `LEAST` of those that
    exist, or than `max_changes` where that is given."""
    for name, count in count_objects(plan).items():
        limit = max(LEAST, int(plan.existing[name] * SHARE)) if max_changes is None else max_changes
        if count > limit:
            raise SyncError(
                f"guard: {count} of {plan.existing[name]} objects ({name}) would be changed or removed, at most {limit} are"
                " allowed in a run, so nothing was applied; look at the plan, and if it is right allow it once:"
                f" --max-changes {count}"
            )
