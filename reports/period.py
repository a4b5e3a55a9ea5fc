"""Periods of reports: days, and ISO weeks (ISO 8601): a year has 52 or 53, and the first one has its first Thursday in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar

from msgspec import Struct

from lakescope.reports.model import KindName

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WEEK = re.compile(r"([0-9]{4})-?W([0-9]{1,2})", re.IGNORECASE)


class Week(Struct, frozen=True):
    """A week from Monday 00:00 to Monday 00:00 in UTC."""

    noun: ClassVar = "week"
    during: ClassVar = "in this week"
    before: ClassVar = "in the week before"
    """What it is compared with: the seven days before it."""

    year: int
    """ISO year, which on the days around the turn is not the calendar's."""
    week: int

    def __post_init__(self) -> None:
        try:
            datetime.fromisocalendar(self.year, self.week, 1)
        except ValueError as error:
            last = datetime(self.year, 12, 28, tzinfo=UTC).isocalendar().week if self.year > 0 else 53
            raise ValueError(
                f"there is no week {self.name}: {self.year} has the weeks 1 to {last}"
            ) from error

    @classmethod
    def parse(cls, text: str) -> Week:
        """From ``2026-W47``. Raises `ValueError` saying what was expected."""
        match = _WEEK.fullmatch(text.strip())
        if match is None or not 1971 <= int(match[1]) <= 2200:
            raise ValueError(f"{text[:60]!r} is no ISO week: expected for example 2026-W47")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def closed_before(cls, now: datetime) -> Week:
        """The last week that is over. `now` is aware."""
        return cls.of(now - timedelta(days=7))

    @classmethod
    def of(cls, time: datetime) -> Week:
        """The week of a moment (aware)."""
        calendar = time.astimezone(UTC).isocalendar()
        return cls(calendar.year, calendar.week)

    @property
    def name(self) -> str:
        """``2026-W47``."""
        return f"{self.year}-W{self.week:02d}"

    @property
    def since(self) -> datetime:
        """Its first moment."""
        return datetime.fromisocalendar(self.year, self.week, 1).replace(tzinfo=UTC)

    @property
    def until(self) -> datetime:
        """The first moment after it."""
        return self.since + timedelta(days=7)


class Day(Struct, frozen=True):
    """A day from 00:00 to 00:00 in UTC."""

    date: date

    noun: ClassVar = "day"
    during: ClassVar = "on this day"
    before: ClassVar = "a week before"
    """What it is compared with: the same day of the week before, since weekends are quiet."""

    @classmethod
    def parse(cls, text: str) -> Day:
        """From ``2026-11-25``. Raises `ValueError` saying what was expected."""
        try:
            # fromisoformat takes weeks, too
            day = date.fromisoformat(text.strip()) if _DAY.fullmatch(text.strip()) else None
        except ValueError:
            day = None
        if day is None or not 1971 <= day.year <= 2200:
            raise ValueError(f"{text[:60]!r} is no day: expected for example 2026-11-25")
        return cls(day)

    @classmethod
    def closed_before(cls, now: datetime) -> Day:
        """The last day that is over. `now` is aware."""
        return cls(now.astimezone(UTC).date() - timedelta(days=1))

    @property
    def name(self) -> str:
        """``2026-11-25``."""
        return self.date.isoformat()

    @property
    def since(self) -> datetime:
        """Its first moment."""
        return datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC)

    @property
    def until(self) -> datetime:
        """The first moment after it."""
        return self.since + timedelta(days=1)


PERIODS: Mapping[KindName, type[Week] | type[Day]] = {"weekly": Week, "daily": Day, "site": Week}
"""Kind of report -> its period, in the order in which kinds are listed."""
