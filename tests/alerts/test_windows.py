"""What is usual in earlier windows is what Python's own medians say of the same values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakescope.alerts.windows import Usual, Windows, part_of
from lakescope.kpis import CATALOGUE, Query

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
QUERY = Query(
    kpi=CATALOGUE["transfers_failed"],
    since=BEGIN,
    until=BEGIN + timedelta(hours=8),
    by=("src_site", "dst_site"),
    bin_s=3600,
)
VALUES = st.lists(st.none() | st.floats(0, 9) | st.integers(0, 3), min_size=8, max_size=8)


def _windows(values: dict[tuple[str | None, str], list[float | None]]) -> Windows:
    rows = [
        {"time": f"{BEGIN + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}"}
        | {"src_site": src, "dst_site": dst, "value": value}
        for (src, dst), of_group in values.items()
        for hour, value in enumerate(of_group)
    ]
    windows = Windows(QUERY.by, 3600)
    windows.put(QUERY, rows)
    return windows


@given(VALUES, VALUES, st.none() | st.integers(0, 10))
def test_medians_and_distances_are_those_of_all_values(
    first: list[float | None], second: list[float | None], windows: int | None
) -> None:
    found = _windows({("A", "B"): first, ("C", "B"): second}).usual((), windows)
    assert found.keys() == {(name, "B") for name, of in (("A", first), ("C", second)) if {*of} - {None}}
    for (name, _), usual in found.items():
        values = [one for one in (first if name == "A" else second) if one is not None]
        values += [0.0] * ((windows or 0) - len(values))
        middle = median(values)
        spread = median(abs(one - middle) for one in values)
        assert usual == Usual(len(values), sum(map(bool, values)), middle, pytest.approx(spread))


def test_a_group_with_a_null_counts_where_it_is_optional() -> None:
    windows = _windows({(None, "B"): [1, 1, 1, 1, 1, 1, 1, 1]})
    assert windows.usual() == {}
    assert windows.usual(["src_site"]) == {("", "B"): Usual(8, 8, 1.0, 0.0)}
    assert windows.count == 8


def test_groups_that_are_gone_are_forgotten() -> None:
    windows = Windows(QUERY.by, 3600)
    for hour in range(30):
        begin = BEGIN.timestamp() + 3600 * hour
        query = part_of(QUERY, begin, begin + 8 * 3600)
        time = f"{BEGIN + timedelta(hours=hour + 7):%Y-%m-%dT%H:%M:%SZ}"
        rows = [
            {"time": time, "src_site": f"{hour} {one}", "dst_site": "B", "value": hour} for one in range(500)
        ]
        counts = {"transfers": {(BEGIN + timedelta(hours=one)).timestamp(): 1.0 for one in range(hour + 8)}}
        due = windows.due(query, counts)
        assert [(end - begin) / 3600 for begin, end in due] == [8 if not hour else 1]
        windows.put(part_of(query, *due[0]), rows)
        windows.end(query, counts)
    assert {group: usual.median for group, usual in windows.usual().items()} == {
        (f"{hour} {one}", "B"): hour for hour in range(22, 30) for one in range(500)
    }
    assert len(windows._numbers) <= 8 * 500 + 1000
