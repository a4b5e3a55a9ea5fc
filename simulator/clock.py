"""Simulated time: integer microseconds since 1970 UTC, and the forms in which the lake's systems write it.

Integers keep the order of events and every printed digit the same on all machines. The forms are built by
hand because `datetime` would cost more than the rest of a message.
"""

from datetime import UTC, date, datetime
from functools import lru_cache

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

_TWO = [f"{n:02d}" for n in range(100)]
_MINUTES = [f"{n // 60:02d}:{n % 60:02d}:" for n in range(1440)]
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime; a naive one is refused, because it would mean local time."""
    if moment.tzinfo is None:
        raise ValueError(
            f"expected a datetime with a time zone, found the naive {moment.isoformat()}: add UTC"
        )
    span = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (span.days * 86_400 + span.seconds) * SECOND + span.microseconds


@lru_cache(maxsize=64)
def _date(day: int) -> str:
    return date.fromordinal(719_163 + day).isoformat()


def seconds_text(us: int) -> str:
    """`2025-03-20 20:15:05`: what Rucio's poller keeps of an FTS time."""
    day, second = divmod(us // SECOND, 86_400)
    minute, second = divmod(second, 60)
    return f"{_date(day)} {_MINUTES[minute]}{_TWO[second]}"


def naive_text(us: int) -> str:
    """`str(datetime)` of a naive UTC time: six decimals, or none at all when they are zero."""
    fraction = us % SECOND
    return f"{seconds_text(us)}.{fraction:06d}" if fraction else seconds_text(us)


def iso_text(us: int) -> str:
    """`2025-03-20T20:15:05.123456`, as `datetime.isoformat` writes a naive time."""
    return naive_text(us).replace(" ", "T")


def zulu_text(us: int) -> str:
    """`2025-03-20T20:15:05Z`, whole seconds."""
    return f"{seconds_text(us).replace(' ', 'T')}Z"


def minute_text(us: int) -> str:
    """`2025-03-20-2015`: the minute in an FTS transfer id."""
    day, second = divmod(us // SECOND, 86_400)
    hour, second = divmod(second, 3_600)
    return f"{_date(day)}-{_TWO[hour]}{_TWO[second // 60]}"


def http_text(us: int) -> str:
    """`Thu, 20 Mar 2025 20:14:31 UTC`: datetimes inside the payloads of Rucio's DID events."""
    text = seconds_text(us)
    weekday = _WEEKDAYS[(us // DAY + 3) % 7]
    return f"{weekday}, {text[8:10]} {_MONTHS[int(text[5:7]) - 1]} {text[:4]} {text[11:]} UTC"


def posix(us: int) -> float:
    """POSIX seconds."""
    return us / SECOND
