"""What lies where: the usage of RSEs by source and of accounts, limits, what an RSE is open for, datasets by scope.

An RSE's usage comes from several sources at once, a `Storage` each: what Rucio's catalogue has there (``rucio``: used,
files) and what the storage says of itself (``storage``: free, total) are the whole; the parts of the catalogue (expired,
unavailable, ..) and the limits (static, min_free_space, ..) are kept under their names in `usage_source`, since none of
them may be added to the whole. Rucio's ``total`` is used + free with unknowns as 0: it counts only where the source has
both. An account's usage has its quota as total.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import msgspec
from msgspec import Struct

from lakescope.core.events import Storage
from lakescope.core.messages import DecodeResult, RejectedError
from lakescope.transformers._answers import Question
from lakescope.transformers._common import NO_COUNT, identify, to_int
from lakescope.transformers.rucio_api._question import name_behind

Ignored = Any


class UsageLine(Struct):
    """What one source says of one RSE (lib/rucio/core/rse.py: get_rse_usage)."""

    rse: str
    source: str
    used: int | None = None
    free: int | None = None
    total: int | None = None
    files: int | None = None
    account_usages: Ignored = None
    rse_id: Ignored = None
    updated_at: Ignored = None


class QuotaLine(Struct):
    """What one account has of one RSE (lib/rucio/core/account_limit.py: get_local_account_usage)."""

    rse: str
    account: str
    used_bytes: int | None = None
    used_files: int | None = None
    quota_bytes: int | None = None
    rse_id: Ignored = None


class GlobalLine(Struct):
    """What one account has of all RSEs of an expression (lib/rucio/core/account_limit.py: get_global_account_usage)."""

    rse_expression: str
    bytes: int | None = None
    files: int | None = None
    bytes_limit: int | None = None
    bytes_remaining: Ignored = None


class RseLine(Struct):
    """One RSE and what it is open for, a row of Rucio's table ``rses``."""

    rse: str
    availability_read: bool | None = None
    availability_write: bool | None = None
    availability_delete: bool | None = None


class DatasetLine(Struct):
    """One dataset's replicas on an RSE (lib/rucio/core/replica.py: list_datasets_per_rse)."""

    rse: str
    scope: str
    available_bytes: int | None = None
    available_length: int | None = None
    accessed_at: Ignored = None
    bytes: Ignored = None
    created_at: Ignored = None
    length: Ignored = None
    name: Ignored = None
    rse_id: Ignored = None
    state: Ignored = None
    updated_at: Ignored = None


def add_usage(line: UsageLine, out: DecodeResult, path: str, question: Question) -> None:
    """What a source counts there; nothing where it knows neither bytes nor files."""
    event = Storage(
        id=identify("rucio-api", "usage", line.rse, line.source, question.time),
        time=question.time,
        source="rucio-api",
        rse=line.rse,
    )
    used, free = _count_or_null(line.used), _count_or_null(line.free)
    if line.source != "storage":
        event.used, event.files = used, _count_or_null(line.files)
    if line.source != "rucio":
        event.free = free
        event.total = _count_or_null(line.total) if _is_known(used) and _is_known(free) else None
    if line.source not in ("rucio", "storage"):
        event.usage_source = line.source
    if event.used is None and event.files is None and event.free is None:
        out.filtered["empty"] += 1
    else:
        out.events.append(event)


def add_quota(line: QuotaLine, out: DecodeResult, path: str, question: Question) -> None:
    """An account's usage of an RSE; without a limit it has no total."""
    event = _quota(line.used_bytes, line.used_files, line.quota_bytes, question)
    event.id = identify("rucio-api", "quota", line.rse, line.account, question.time)
    event.rse, event.account = line.rse, line.account
    out.events.append(event)


def add_global(line: GlobalLine, out: DecodeResult, path: str, question: Question) -> None:
    """An account's usage of the RSEs of an expression. Raises `RejectedError` where the question names no account."""
    account = name_behind("accounts", question)
    if account is None:
        raise RejectedError("schema", path, "an answer to /accounts/<account>/usage/global", question.scope)
    event = _quota(line.bytes, line.files, line.bytes_limit, question)
    event.id = identify("rucio-api", "global", line.rse_expression, account, question.time)
    event.rse, event.account, event.usage_source = line.rse_expression, account, "global"
    out.events.append(event)


def _quota(used: int | None, files: int | None, quota: int | None, question: Question) -> Storage:
    used, quota = _count_or_null(used), _count_or_null(quota)
    return Storage(
        id="",
        time=question.time,
        source="rucio-api",
        used=used,
        files=_count_or_null(files),
        total=quota,
        free=max(0, quota - used) if _is_known(used) and _is_known(quota) else None,
    )


def add_rse(line: RseLine, out: DecodeResult, path: str, question: Question) -> None:
    """What Rucio may do there."""
    out.events.append(
        Storage(
            id=identify("rucio-api", "availability", line.rse, question.time),
            time=question.time,
            source="rucio-api",
            rse=line.rse,
            usage_source="availability",
            readable=line.availability_read,
            writable=line.availability_write,
            deletable=line.availability_delete,
        )
    )


def add_limits(limits: dict[str, Any], out: DecodeResult, path: str, question: Question) -> None:
    """The limits that an operator has set for the question's RSE, in bytes or, as their names say, in files."""
    if not limits:
        out.filtered["empty"] += 1
    rse = name_behind("rses", question)
    for name, value in limits.items():
        try:
            limit = msgspec.convert(value, int, strict=False)
        except msgspec.ValidationError:
            out.odd[name] += 1
            continue
        event = Storage(
            id=identify("rucio-api", "limit", rse, name, question.time),
            time=question.time,
            source="rucio-api",
            rse=rse,
            usage_source=name,
        )
        if name.endswith("Files"):
            event.files = _count_or_null(limit)
        else:
            event.used = _count_or_null(limit)
        out.events.append(event)


class Scopes:
    """Datasets of an answer, added up by scope: what a dataset holds counts once for each dataset that holds it."""

    def __init__(self) -> None:
        self.totals: dict[tuple[str, str], tuple[int, int]] = {}

    def add(self, line: DatasetLine) -> None:
        """One more dataset."""
        used, files = self.totals.get((line.rse, line.scope), (0, 0))
        self.totals[line.rse, line.scope] = (
            used + max(0, line.available_bytes or 0),
            files + max(0, line.available_length or 0),
        )

    def finish(self, out: DecodeResult, question: Question) -> None:
        """A `Storage` for each scope."""
        for (rse, scope), (used, files) in self.totals.items():
            out.events.append(
                Storage(
                    id=identify("rucio-api", "scope", rse, scope, question.time),
                    time=question.time,
                    source="rucio-api",
                    rse=rse,
                    scope=scope,
                    used=to_int(used),
                    files=to_int(files),
                )
            )


def _count_or_null(count: int | None) -> int | None:
    """Space reports of sites write -1 for what they do not know; anything else below 0 is `NO_COUNT`."""
    return None if count == -1 else to_int(count)


def _is_known(count: int | None) -> TypeGuard[int]:
    """Whether it can be reckoned with."""
    return count is not None and count != NO_COUNT
