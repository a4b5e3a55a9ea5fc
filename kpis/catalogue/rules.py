"""Replication rules."""

from __future__ import annotations

from functools import partial

from kpis.model import Condition, Kpi, Part

RULES = ("vo", "account", "rse", "scope")

_stuck = partial(
    Kpi, dataset="rules", where=(Condition("event", "=", "stuck"),), good="down", dimensions=RULES
)

KPIS = (
    _stuck(
        name="rules_stuck",
        meaning="Distinct rules that were seen stuck.",
        unit="count",
        value=Part(kind="distinct", field="rule_id"),
        null="never null",
    ),
    _stuck(
        name="oldest_stuck_rule",
        meaning="Age of the oldest rule that was seen stuck.",
        unit="seconds",
        value=Part(kind="max", field="age_s"),
        null="no rule was stuck",
    ),
)
