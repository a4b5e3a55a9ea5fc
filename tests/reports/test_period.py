"""ISO weeks at the year's turn, and in years of 53."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lakescope.reports.period import Day, Week


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("2026-W47", (2026, 11, 16)),
        ("2026W1", (2025, 12, 29)),  # its Thursday is in 2026
        ("2020-W53", (2020, 12, 28)),
        ("2021-w01", (2021, 1, 4)),
        ("2026-W53", (2026, 12, 28)),
    ],
)
def test_a_week_begins_on_its_monday(text: str, since: tuple[int, int, int]) -> None:
    week = Week.parse(text)
    assert week.since == datetime(*since, tzinfo=UTC)
    assert week.until - week.since == timedelta(days=7)
    assert Week.of(week.since) == Week.of(week.until - timedelta(seconds=1)) == week
    assert Week.of(week.until) != week
    assert Week.parse(week.name) == week


@pytest.mark.parametrize(
    ("now", "name"),
    [
        ("2026-11-23T00:00:00+00:00", "2026-W47"),  # over since this moment
        ("2026-11-22T23:59:59+00:00", "2026-W46"),
        ("2027-01-04T07:00:00+00:00", "2026-W53"),
        ("2026-01-05T07:00:00+00:00", "2026-W01"),
        ("2026-11-23T00:30:00+01:00", "2026-W46"),  # in UTC it is still Sunday
    ],
)
def test_the_last_week_that_is_over(now: str, name: str) -> None:
    assert Week.closed_before(datetime.fromisoformat(now)).name == name
    elsewhere = datetime.fromisoformat(now).astimezone(timezone(timedelta(hours=-9)))
    assert Week.closed_before(elsewhere).name == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-W53", "2025 has the weeks 1 to 52"),
        ("2026-W00", "2026 has the weeks 1 to 53"),
        ("2026-47", "expected for example 2026-W47"),
        ("", "expected for example 2026-W47"),
    ],
)
def test_what_is_no_week_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        Week.parse(text)


def test_days() -> None:
    day = Day.parse("2026-11-25")
    assert (day.since, day.until) == (datetime(2026, 11, 25, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC))
    assert Day.closed_before(datetime.fromisoformat("2026-11-26T00:30:00+01:00")).name == "2026-11-24"
    for text in ("2026-02-30", "25.11.2026", "0001-01-01", "2026-W47", "20261125", ""):
        with pytest.raises(ValueError, match="expected for example 2026-11-25"):
            Day.parse(text)
