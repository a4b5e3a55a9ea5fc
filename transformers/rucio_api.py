"""What Rucio's REST API answers when it is polled: rules, and the usage of RSEs and of accounts (Rucio 41).

Body: an answer's lines (``application/x-json-stream``), one of them, or a JSON array. An answer may be empty. Three
kinds are read, and told apart by their keys:

    GET /rules/?state=S        lib/rucio/core/rule.py: list_rules
    {"id", "state", "scope", "name", "account", "rse_expression", "created_at", "locks_ok_cnt", "locks_stuck_cnt", ..}

    GET /rses/<rse>/usage      lib/rucio/core/rse.py: get_rse_usage
    {"rse", "rse_id", "source", "used", "free", "total", "files", "updated_at"}

    GET /rses/<rse>/accounts/usage   lib/rucio/core/account_limit.py: get_local_account_usage
    {"rse", "rse_id", "account", "used_bytes", "used_files", "quota_bytes"}

A rule is a `Rule`, its event the state in lower case, its age the time since its creation. An RSE's usage comes from
several sources at once, a `Storage` each: what Rucio's catalogue has there (``rucio``: used, files) and what the
storage says of itself (``storage``: free, total) are the whole; the parts of the catalogue (expired, unavailable, ..)
and the limits (static, min_free_space, ..) are kept under their names in `usage_source`, since none of them may be
added to the whole. Rucio's ``total`` is used + free with unknowns as 0: it counts only where the source has both.
An account's usage has its quota as total.

What was asked is in the header ``scope``, or ``url`` as the poll collector has it: the question's URL. Then a `Poll`
comes with the answer, complete if every record could be read: a rule that the latest complete answer lacks is in that
state no more. Without the question nothing can be said of what an answer lacks, and there is no `Poll`.

An answer is of the moment of its polling, not of the last change: `time` is the header ``date``, else when the body was
received. So each poll of a rule is an event of its own.
"""

from __future__ import annotations

from functools import partial
from typing import Any, TypeGuard
from urllib.parse import parse_qs

from msgspec import Struct

from lakescope.core.events import Rule, Storage
from lakescope.core.messages import DecodeResult, Message, RejectedError
from lakescope.transformers._answers import Question, poll_of, question_of
from lakescope.transformers._common import (
    NO_COUNT,
    any_json,
    convert_fields,
    count_unknown,
    each,
    identify,
    pieces,
    shape,
    span_s,
    utc_moment,
    utc_time,
    whole,
)

Ignored = Any


class RuleLine(Struct):
    """One rule, a row of Rucio's table ``rules``."""

    id: str
    state: str
    scope: str | None = None
    name: str | None = None
    account: str | None = None
    rse_expression: str | None = None
    created_at: str | None = None
    locks_ok_cnt: int | None = None
    locks_replicating_cnt: int | None = None
    locks_stuck_cnt: int | None = None
    activity: str | None = None
    error: str | None = None
    expires_at: str | None = None
    stuck_at: str | None = None
    bytes: Ignored = None
    child_rule_id: Ignored = None
    comments: Ignored = None
    copies: Ignored = None
    deleted_at: Ignored = None
    did_type: Ignored = None
    eol_at: Ignored = None
    grouping: Ignored = None
    ignore_account_limit: Ignored = None
    ignore_availability: Ignored = None
    locked: Ignored = None
    meta: Ignored = None
    notification: Ignored = None
    priority: Ignored = None
    purge_replicas: Ignored = None
    source_replica_expression: Ignored = None
    split_container: Ignored = None
    subscription_id: Ignored = None
    updated_at: Ignored = None
    weight: Ignored = None


class UsageLine(Struct):
    """What one source says of one storage element."""

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
    """What one account has of one RSE."""

    rse: str
    account: str
    used_bytes: int | None = None
    used_files: int | None = None
    quota_bytes: int | None = None
    rse_id: Ignored = None


def decode(message: Message, out: DecodeResult) -> None:
    """The lines of one answer; a bad one is a `Reject` of its own."""
    question = question_of(message)
    kind = _kind(question.scope) if question.scope else None
    records: list[Any] = list(pieces(message.body))
    rejects = len(out.rejects)
    decode_one = partial(_decode_one, question=question)
    if len(records) == 1 and records[0][1].startswith(b"{"):
        decode_one(records[0], out, "$")
    else:
        if len(records) == 1 and records[0][1].startswith(b"["):
            records = any_json(records[0][1], "$", records[0][0])
        if records or kind is None:
            each(records, out, decode_one)
    if question.scope and kind:
        state = _state(question.scope) if kind == "rules" else None
        complete = len(out.rejects) == rejects
        poll = poll_of("rucio-api", question, kind, len(records), complete=complete, state=state)
        out.events.append(poll)


def _kind(scope: str) -> str | None:
    """What a URL asks for; null for what is read nowhere here."""
    path = scope.partition("?")[0].rstrip("/").split("/")
    if path[-1] == "rules":
        return "rules"
    if path[-1] == "usage":
        return "accounts" if "accounts" in path else "usage"
    return None


_STATES = {
    "I": "inject",
    "O": "ok",
    "R": "replicating",
    "S": "stuck",
    "U": "suspended",
    "W": "waiting_approval",
}
"""Rucio's letters (lib/rucio/db/sqla/constants.py: RuleState)."""


def _state(scope: str) -> str | None:
    """The only state of rules that a URL asks for."""
    states = parse_qs(scope.partition("?")[2]).get("state")
    return _STATES.get(states[0], states[0].lower()) if states else None


def _decode_one(record: Any, out: DecodeResult, path: str, question: Question) -> None:
    found = any_json(record[1], path, record[0]) if isinstance(record, tuple) else record
    if not isinstance(found, dict):
        raise RejectedError("schema", path, "object", shape(found))
    if "state" in found:
        _add_rule(convert_fields(found, RuleLine, out, path), out, path, question)
        count_unknown(found, RuleLine, out)
    elif "source" in found:
        _add_usage(convert_fields(found, UsageLine, out, path), out, question)
        count_unknown(found, UsageLine, out)
    elif "used_bytes" in found:
        _add_quota(convert_fields(found, QuotaLine, out, path), out, question)
        count_unknown(found, QuotaLine, out)
    else:
        expected = "a rule (state), an RSE's usage (source) or an account's (used_bytes)"
        raise RejectedError("unknown_kind", path, expected, sorted(found))


def _add_rule(found: RuleLine, out: DecodeResult, path: str, question: Question) -> None:
    for key, text in (("id", found.id), ("state", found.state)):
        if not text:
            raise RejectedError("value", f"{path}.{key}", "text", text)
    _, created = utc_moment(found.created_at, f"{path}.created_at")
    stuck_at, stuck = utc_moment(found.stuck_at, f"{path}.stuck_at")
    state = found.state.lower()
    asked = (question.scope,) if question.scope else ()  # two questions of one moment are two reports
    out.events.append(
        Rule(
            id=identify("rucio-api", "rule", found.id, *asked, question.time),
            time=question.time,
            source="rucio-api",
            event=state,
            rule_id=found.id,
            scope=found.scope,
            name=found.name,
            rse=found.rse_expression,
            account=found.account,
            locks_ok=found.locks_ok_cnt,
            locks_replicating=found.locks_replicating_cnt,
            locks_stuck=found.locks_stuck_cnt,
            age_s=span_s(created, question.moment),
            stuck_at=stuck_at,
            stuck_s=span_s(stuck, question.moment) if state == "stuck" else None,
            activity=found.activity,
            expires_at=utc_time(found.expires_at, f"{path}.expires_at"),
            error=found.error,
            poll=question.scope,
        )
    )


def _add_usage(found: UsageLine, out: DecodeResult, question: Question) -> None:
    event = Storage(
        id=identify("rucio-api", "usage", found.rse, found.source, question.time),
        time=question.time,
        source="rucio-api",
        rse=found.rse,
    )
    used, free = _known(found.used), _known(found.free)
    if found.source != "storage":
        event.used, event.files = used, _known(found.files)
    if found.source != "rucio":
        event.free = free
        event.total = _known(found.total) if _is_known(used) and _is_known(free) else None
    if found.source not in ("rucio", "storage"):
        event.usage_source = found.source
    if event.used is None and event.files is None and event.free is None:
        out.filtered["empty"] += 1
    else:
        out.events.append(event)


def _add_quota(found: QuotaLine, out: DecodeResult, question: Question) -> None:
    used, quota = _known(found.used_bytes), _known(found.quota_bytes)
    out.events.append(
        Storage(
            id=identify("rucio-api", "quota", found.rse, found.account, question.time),
            time=question.time,
            source="rucio-api",
            rse=found.rse,
            account=found.account,
            used=used,
            files=_known(found.used_files),
            total=quota,
            free=max(0, quota - used) if _is_known(used) and _is_known(quota) else None,
        )
    )


def _known(count: int | None) -> int | None:
    """Space reports of sites write -1 for what they do not know; anything else below 0 is `NO_COUNT`."""
    return None if count == -1 else whole(count)


def _is_known(count: int | None) -> TypeGuard[int]:
    """Whether it can be reckoned with."""
    return count is not None and count != NO_COUNT
