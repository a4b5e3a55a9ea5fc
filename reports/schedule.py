"""When the report of a period is computed and sent. One moment a period: no change of the clocks makes it two, or none."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from lakescope.reports.period import Day, Week

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SETTLE = timedelta(minutes=30)
"""From the end of a period to its report: what happened in its last minutes is reported a little later."""
COMPUTED_AFTER = (SETTLE, timedelta(hours=24), timedelta(days=7))
"""The end of a period: when its report is computed, first and again."""
_AT = re.compile(r"(?:([A-Za-z]{3}) )?([01][0-9]|2[0-3]):([0-5][0-9])")


class Schedule(NamedTuple):
    """A time of day, for weeks with the day of the week, by the clocks of a zone."""

    period: type[Week] | type[Day]
    zone: ZoneInfo
    time: time
    weekday: int = 0
    """0: Monday; of days always 0."""

    @classmethod
    def parse(cls, at: str, period: type[Week] | type[Day], zone: str) -> Schedule:
        """From ``Mon 07:00`` for weeks, ``07:00`` for days. Raises `ValueError` saying what was expected."""
        match = _AT.fullmatch(at)
        weekday = match and match[1] and match[1].lower()
        if match is None or (period is Week) != (weekday in WEEKDAYS):
            example = '"Mon 07:00"' if period is Week else '"07:00"'
            raise ValueError(f"expected `at` of a report of a {period.noun} like {example}")
        day = WEEKDAYS.index(weekday) if weekday else 0
        return cls(period, ZoneInfo(zone), time(int(match[2]), int(match[3])), day)

    def due(self, period: Week | Day) -> datetime:
        """When the report of a period is to be sent (UTC): at the first such time after it, and not before it has settled.

        Where clocks have this time twice, the first one; where they have not, as much later as they skip.
        """
        day = period.until.date() + timedelta(days=self.weekday)
        local = datetime.combine(day, self.time, self.zone)
        return max(local.astimezone(UTC), period.until + SETTLE)

    def last_due(self, now: datetime) -> Week | Day:
        """The last period whose report is due. `now` is aware."""
        period = self.period.closed_before(now)
        while self.due(period) > now:
            period = self.period.closed_before(period.since)
        return period

    def next_due(self, now: datetime) -> datetime:
        """When the next one is due."""
        last = self.last_due(now)
        return self.due(self.period.closed_before(last.until + (last.until - last.since)))


def must_compute(period: Week | Day, computed: datetime | None, now: datetime) -> bool:
    """Whether its report is to be computed, after it was for the last time (null: never)."""
    moments = [period.until + delay for delay in COMPUTED_AFTER if period.until + delay <= now]
    return bool(moments) and (computed is None or computed < moments[-1])


def is_final(period: Week | Day, computed: datetime) -> bool:
    """Whether it is computed no more."""
    return computed >= period.until + COMPUTED_AFTER[-1]
