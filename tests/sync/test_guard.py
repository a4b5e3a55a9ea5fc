"""The guard stops what would change much of what exists."""

from __future__ import annotations

import pytest

from lakescope.sync import guard
from lakescope.sync.plan import Change, SyncError
from tests.sync._dictionary import attribute, plan


def changes(count: int) -> list[Change]:
    return [attribute(f"RSE-{number}", before="a", after="b") for number in range(count)]


@pytest.mark.parametrize(("existing", "allowed"), [(0, 2), (3, 2), (29, 2), (30, 3), (100, 10)])
def test_a_tenth_and_at_least_two_objects_may_change(existing: int, allowed: int) -> None:
    guard.check(plan(*changes(allowed), existing=existing))
    with pytest.raises(
        SyncError, match=rf"{allowed + 1} of {existing} objects .*--max-changes {allowed + 1}"
    ):
        guard.check(plan(*changes(allowed + 1), existing=existing))


def test_max_changes_lifts_it_and_lowers_it() -> None:
    guard.check(plan(*changes(50)), max_changes=50)
    with pytest.raises(SyncError):
        guard.check(plan(*changes(1)), max_changes=0)


def test_creation_is_free_and_several_changes_of_an_object_are_one() -> None:
    new = [attribute(f"NEW-{number}", after="x") for number in range(500)]
    same = [attribute("RSE-1", f"key{number}", before="a") for number in range(500)]
    guard.check(plan(*new, *same))


def test_types_have_limits_of_their_own() -> None:
    distances = [
        Change(kind="change", type="distance", object=f"A -> B{number}", before=1, after=2)
        for number in range(100)
    ]
    guard.check(plan(*distances, *changes(10)))
    with pytest.raises(SyncError, match=r"101 of 1000 objects \(distance\)"):
        guard.check(plan(*distances, Change(kind="remove", type="distance", object="C -> D", before=1)))


def test_what_is_only_reported_is_not_counted() -> None:
    extra = [Change(kind="extra", type="rse", object=f"RSE-{number}") for number in range(50)]
    guard.check(plan(*extra))
