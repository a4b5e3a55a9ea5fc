"""Values as FTS writes them: milliseconds, sizes with 0 for unknown, counts with -1 for none."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from lakescope.core.messages import Rejected
from lakescope.transformers._common import epoch_time

Ignored = Any
Number = int | float
Milliseconds = (
    int | float
)  # fts-rest-flask sends time.time() * 1000; the dialect of 2016 "1466632860151.000000"

_EARLIEST = 365 * 86_400_000  # before 1971: unset, or computed from something unset
_LATEST = 253_402_300_800_000  # the year 10000
_LONGEST = 366 * 86_400_000  # ms; a transfer that took longer has a wrong end


def whole(milliseconds: int | float | None) -> int | None:
    if isinstance(milliseconds, float):
        return int(milliseconds) if milliseconds < _LATEST else _LATEST
    return milliseconds


def time_of(milliseconds: int | None) -> str | None:
    """POSIX milliseconds as RFC 3339 in UTC; unset (0, negative, 1970) and impossible (the year 10000) are null."""
    if milliseconds is None or not _EARLIEST <= milliseconds < _LATEST:
        return None
    minute, rest = divmod(milliseconds, 60_000)
    return f"{_minute(minute)}{rest // 1000:02d}.{rest % 1000:03d}Z"


@lru_cache(4096)
def _minute(minutes: int) -> str:
    """The time up to its seconds: times of one message, and of one second's messages, share it."""
    return str(epoch_time(minutes * 60))[:-3]


def required_time(milliseconds: int | float | None) -> str:
    time = time_of(whole(milliseconds))
    if time is None:
        raise Rejected("value", "$.timestamp", "milliseconds since 1970", milliseconds)
    return time


def span(start: int | None, end: int | None) -> float | None:
    """Seconds between two times in milliseconds; null if one is unset, or the result can't be true."""
    if start is None or end is None or start < _EARLIEST or not 0 <= end - start <= _LONGEST:
        return None
    return (end - start) / 1000


def size(said: int | float | None, zero: bool = False) -> int | None:
    """Bytes. FTS says 0 of a file that it has not looked at: null, unless `zero`."""
    if said is None or not 0 <= said < 2**63 or (said == 0 and not zero):
        return None
    return int(said)


def count(said: int | None) -> int | None:
    """A small number; FTS sends -1 for none, and as an unsigned one where the field is that."""
    return said if said is not None and 0 <= said < 2**31 else None


def scheme(url: str | None) -> str | None:
    scheme, found, _rest = (url or "").partition("://")
    return scheme.lower() or None if found else None


def missing(key: str) -> Rejected:
    return Rejected("schema", f"$.{key}", "a value", "null, empty or no such key")


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
