"""Replication rules."""

from __future__ import annotations

from functools import partial

from kpis.model import Condition, Kpi, Part

RULES = ("vo", "account", "rse", "scope")

_STUCK = (Condition("event", "=", "stuck"),)
_rules = partial(Kpi, dataset="rules", good="down", dimensions=RULES)

KPIS = (
    _rules(
        name="rules_stuck",
        meaning="Distinct rules that were seen stuck.",
        unit="count",
        value=Part(kind="distinct", field="rule_id", where=_STUCK),
        null="never null",
    ),
    _rules(
        name="oldest_stuck_rule",
        meaning="Age of the oldest rule that was seen stuck.",
        unit="seconds",
        value=Part(kind="max", field="age_s", where=_STUCK),
        null="no rule was stuck",
    ),
)
