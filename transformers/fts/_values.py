"""Values as FTS writes them: milliseconds, sizes with 0 for unknown, counts with -1 for none.

What is unset is null. A number that can't be true stays one beyond its field's bound (`lakescope.core.bounds`), which
makes it null and counts it.
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from math import inf
from typing import Any

from lakescope.core.messages import RejectedError
from lakescope.transformers._common import NO_COUNT, epoch_time, number

IgnoredValue = Any
Number = int | float
Milliseconds = (
    int | float
)  # fts-rest-flask sends time.time() * 1000; the dialect of 2016 "1466632860151.000000"

_EARLIEST = 365 * 86_400_000  # before 1971: unset, or computed from something unset
_LATEST = 253_402_300_800_000  # the year 10000
_LONGEST = 366 * 86_400_000  # ms; a transfer that took longer has a wrong end


def to_int(milliseconds: int | float | None) -> int | None:
    if isinstance(milliseconds, float):
        return int(milliseconds) if milliseconds < _LATEST else _LATEST
    return milliseconds


def time_of(milliseconds: int | None, field: str, impossible: Counter[str]) -> str | None:
    """POSIX milliseconds as RFC 3339 in UTC; unset (0, negative, 1970) is null.

    So is an impossible one (the year 10000), which is counted by `field`: ``transfers.started``.
    """
    if milliseconds is None or milliseconds < _EARLIEST:
        return None
    if milliseconds >= _LATEST:
        impossible[field] += 1
        return None
    return _text(milliseconds)


def _text(milliseconds: int) -> str:
    minute, rest = divmod(milliseconds, 60_000)
    return f"{_minute(minute)}{rest // 1000:02d}.{rest % 1000:03d}Z"


@lru_cache(4096)
def _minute(minutes: int) -> str:
    """The time up to its seconds: times of one message, and of one second's messages, share it."""
    return str(epoch_time(minutes * 60))[:-3]


def required_time(milliseconds: int | float | None) -> str:
    time = to_int(milliseconds)
    if time is None or not _EARLIEST <= time < _LATEST:
        raise RejectedError("value", "$.timestamp", "milliseconds since 1970", milliseconds)
    return _text(time)


def span(start: int | None, end: int | None) -> float | None:
    """Seconds between two times in milliseconds; null if one is unset, negative or infinity if it can't be true."""
    if start is None or end is None or start < _EARLIEST or end < _EARLIEST:
        return None
    return (end - start) / 1000 if end - start <= _LONGEST else inf


def size(value: int | float | None, zero: bool = False) -> int | None:
    """Bytes; null for -1, and for 0, which FTS says of a file that it has not looked at, unless `zero`."""
    if value is None or (value == 0 and not zero):
        return None
    if 0 <= value < 2**63:
        return int(value)
    return None if value in _UNSET_VALUES else NO_COUNT


def count(value: int | None) -> int | None:
    """A small number; FTS sends -1 for none, and as an unsigned one where the field is that."""
    if value is None or 0 <= value < 2**31:
        return value
    return None if value in _UNSET_VALUES or value == 2**32 - 1 else NO_COUNT


def measure(value: float | None) -> float | None:
    """A rate or a share; null for -1."""
    return None if value == -1 else number(value)


_UNSET_VALUES = (-1, 2**64 - 1)
"""What FTS writes for no number; the second where the field is unsigned."""


def scheme(url: str | None) -> str | None:
    scheme, separator, _rest = (url or "").partition("://")
    return scheme.lower() or None if separator else None


def missing(key: str) -> RejectedError:
    return RejectedError("schema", f"$.{key}", "a value", "null, empty or no such key")


def ids(transfer_id: str, job_id: str | None, file_id: int | None) -> tuple[str | None, int | None]:
    """Job and file as a message names them, else from its ``2016-06-22-2201__source__dest__file__job``."""
    if job_id and file_id is not None:
        return job_id, file_id
    parts = transfer_id.split("__")
    if len(parts) < 5:
        return job_id or None, file_id
    number = parts[-2]
    if file_id is None and number.isascii() and number.isdigit() and len(number) < 19:
        file_id = int(number)
    return job_id or parts[-1] or None, file_id
