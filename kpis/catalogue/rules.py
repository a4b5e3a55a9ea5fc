"""Replication rules."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.model import Condition, Kpi, Part

RULES = ("vo", "account", "rse", "scope")

_rules = partial(Kpi, dataset="rules", good="down", dimensions=RULES)
_stuck = partial(
    Part, kind="last", series=("rule_id",), state=(Condition("event", "=", "stuck"),), polled=True
)

KPIS = (
    _rules(
        name="rules_stuck",
        meaning="Distinct stuck rules in the latest complete poll of Rucio.",
        unit="count",
        value=_stuck(field="rule_id", over="distinct"),
        null="stuck rules are not polled, or Rucio does not answer",
    ),
    _rules(
        name="oldest_stuck_rule",
        meaning="How long the oldest stuck rule has been stuck.",
        unit="seconds",
        value=_stuck(field="stuck_s", over="max"),
        null="no rule is stuck, or Rucio does not say since when",
    ),
    Kpi(
        name="rules_reported",
        meaning="Rules in the latest complete poll of each Rucio query; queries that overlap add up.",
        unit="count",
        good="neutral",
        dataset="polls",
        where=(Condition("kind", "=", "rules"), Condition("complete", "=", True)),
        value=Part(kind="last", field="count", series=("scope",)),
        dimensions=("vo", "state", "scope"),
        null="rules are not polled, or Rucio does not answer",
    ),
)
