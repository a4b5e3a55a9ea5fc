"""What Rucio's REST API answers when it is polled: rules, and the usage of storage elements (Rucio 41).

Body: an answer's lines (``application/x-json-stream``), or one of them. Two kinds are read, and told apart by their
keys:

    GET /rules/?state=S        lib/rucio/core/rule.py: list_rules
    {"id", "state", "scope", "name", "account", "rse_expression", "created_at", "locks_ok_cnt", "locks_stuck_cnt", ..}

    GET /rses/<rse>/usage      lib/rucio/core/rse.py: get_rse_usage
    {"rse", "rse_id", "source", "used", "free", "total", "files", "updated_at"}

A rule is a `Rule`, its event the state in lower case, its age the time since its creation. A storage element's usage
comes from several sources at once: what Rucio's catalogue has there (``rucio``: used, files) and what the storage says
of itself (``storage``: free, total) become a `Storage` each, the parts of the catalogue (expired, unavailable, ..) and
limits are filtered "usage_source". Rucio's ``total`` is used + free with unknowns as 0: it counts only where the
source has told both.

An answer is of the moment of its polling, not of the last change: `time` is the header ``date``, else when the body was
received. So each poll of a rule is an event of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from msgspec import Struct

from lakescope.events import Rule, Storage
from lakescope.messages import Decoded, Message, Rejected
from transformers._common import (
    EPOCH,
    Int,
    any_json,
    convert_fields,
    count_unknown,
    each,
    epoch_time,
    identify,
    pieces,
    shape,
    span_s,
    utc_moment,
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
    locks_ok_cnt: Int | None = None
    locks_replicating_cnt: Int | None = None
    locks_stuck_cnt: Int | None = None
    activity: Ignored = None
    bytes: Ignored = None
    child_rule_id: Ignored = None
    comments: Ignored = None
    copies: Ignored = None
    deleted_at: Ignored = None
    did_type: Ignored = None
    eol_at: Ignored = None
    error: Ignored = None
    expires_at: Ignored = None
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
    stuck_at: Ignored = None
    subscription_id: Ignored = None
    updated_at: Ignored = None
    weight: Ignored = None


class UsageLine(Struct):
    """What one source says of one storage element."""

    rse: str
    source: str
    used: Int | None = None
    free: Int | None = None
    total: Int | None = None
    files: Int | None = None
    account_usages: Ignored = None
    rse_id: Ignored = None
    updated_at: Ignored = None


class Poll(Struct, frozen=True):
    """When the answer was given."""

    time: str
    moment: datetime


def decode(message: Message, out: Decoded) -> None:
    """The lines of one answer; a bad one is a `Reject` of its own."""
    poll = _poll(message)
    lines = list(pieces(message.body))
    decode_one = partial(_decode_one, poll=poll)
    if len(lines) == 1 and lines[0][1].startswith(b"{"):
        decode_one(lines[0], out, "$")
    else:
        each(lines, out, decode_one)


def _poll(message: Message) -> Poll:
    date = message.headers.get("date")
    if date:
        time, moment = utc_moment(date, "$.headers.date")
    else:
        time, moment = epoch_time(message.received), EPOCH + timedelta(seconds=message.received)
    if time is None or moment is None:
        raise Rejected(
            "schema", "$.headers.date", "a time after 1970, of the answer or of its reception", date
        )
    return Poll(time, moment)


def _decode_one(line: tuple[int, bytes], out: Decoded, path: str, poll: Poll) -> None:
    start, body = line
    found = any_json(body, path, start)
    if not isinstance(found, dict):
        raise Rejected("schema", path, "object", shape(found))
    if "state" in found:
        _add_rule(convert_fields(found, RuleLine, out, path), out, path, poll)
        count_unknown(found, RuleLine, out)
    elif "source" in found:
        _add_usage(convert_fields(found, UsageLine, out, path), out, poll)
        count_unknown(found, UsageLine, out)
    else:
        raise Rejected("unknown_kind", path, "a rule (state) or a usage (source)", sorted(found))


def _add_rule(found: RuleLine, out: Decoded, path: str, poll: Poll) -> None:
    for key, text in (("id", found.id), ("state", found.state)):
        if not text:
            raise Rejected("value", f"{path}.{key}", "text", text)
    _, created = utc_moment(found.created_at, f"{path}.created_at")
    out.events.append(
        Rule(
            id=identify("rucio-api", "rule", found.id, poll.time),
            time=poll.time,
            source="rucio-api",
            event=found.state.lower(),
            rule_id=found.id,
            scope=found.scope,
            name=found.name,
            rse=found.rse_expression,
            account=found.account,
            locks_ok=found.locks_ok_cnt,
            locks_replicating=found.locks_replicating_cnt,
            locks_stuck=found.locks_stuck_cnt,
            age_s=span_s(created, poll.moment),
        )
    )


def _add_usage(found: UsageLine, out: Decoded, poll: Poll) -> None:
    event = Storage(
        id=identify("rucio-api", "usage", found.rse, found.source, poll.time),
        time=poll.time,
        source="rucio-api",
        rse=found.rse,
    )
    used, free = _known(found.used), _known(found.free)
    if found.source == "rucio":
        event.used, event.files = used, _known(found.files)
    elif found.source == "storage":
        event.free = free
        event.total = None if used is None or free is None else _known(found.total)
    else:
        out.filtered["usage_source"] += 1
        return
    if event.used is None and event.files is None and event.free is None:
        out.filtered["empty"] += 1
    else:
        out.events.append(event)


def _known(count: int | None) -> int | None:
    """Space reports of sites write -1 for what they do not know."""
    return None if count is None or count < 0 else count
