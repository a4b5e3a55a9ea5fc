"""Rules, as ``GET /rules/?state=S`` answers (lib/rucio/core/rule.py: list_rules)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from lakescope.core.events import Rule
from lakescope.core.messages import DecodeResult, RejectedError
from lakescope.transformers._answers import Question
from lakescope.transformers._common import identify, span_s, to_int, utc_moment, utc_time
from lakescope.transformers.rucio_api._question import parameter

Ignored = Any

_STATES = {
    "I": "inject",
    "O": "ok",
    "R": "replicating",
    "S": "stuck",
    "U": "suspended",
    "W": "waiting_approval",
}
"""Rucio's letters (lib/rucio/db/sqla/constants.py: RuleState)."""


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
    bytes: int | None = None
    error: str | None = None
    expires_at: str | None = None
    stuck_at: str | None = None
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


def asked_state(question: Question) -> str | None:
    """The only state of rules that a URL asks for."""
    letter = parameter("state", question)
    return _STATES.get(letter, letter.lower()) if letter else None


def add_rule(line: RuleLine, out: DecodeResult, path: str, question: Question) -> None:
    """The rule as it is now. Raises `RejectedError` for one without its id or state."""
    for key, text in (("id", line.id), ("state", line.state)):
        if not text:
            raise RejectedError("value", f"{path}.{key}", "text", text)
    _, created = utc_moment(line.created_at, f"{path}.created_at")
    stuck_at, stuck = utc_moment(line.stuck_at, f"{path}.stuck_at")
    state = line.state.lower()
    scopes = (question.scope,) if question.scope else ()  # two questions of one moment are two reports
    out.events.append(
        Rule(
            id=identify("rucio-api", "rule", line.id, *scopes, question.time),
            time=question.time,
            source="rucio-api",
            event=state,
            rule_id=line.id,
            scope=line.scope,
            name=line.name,
            rse=line.rse_expression,
            account=line.account,
            locks_ok=line.locks_ok_cnt,
            locks_replicating=line.locks_replicating_cnt,
            locks_stuck=line.locks_stuck_cnt,
            age_s=span_s(created, question.moment),
            stuck_at=stuck_at,
            stuck_s=span_s(stuck, question.moment) if state == "stuck" else None,
            episode=f"{line.id} {stuck_at}" if state == "stuck" and stuck_at else None,
            activity=line.activity,
            bytes=to_int(line.bytes),
            expires_at=utc_time(line.expires_at, f"{path}.expires_at"),
            error=line.error,
            poll=question.scope,
        )
    )
