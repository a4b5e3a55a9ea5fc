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
        meaning="Distinct rules that are stuck: in the latest complete answer of Rucio.",
        unit="count",
        value=_stuck(field="rule_id", over="distinct"),
        null="Rucio was not asked for stuck rules, or does not answer",
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
        meaning="Rules in the latest complete answer to each question that Rucio is asked; overlapping answers add up.",
        unit="count",
        good="neutral",
        dataset="polls",
        where=(Condition("kind", "=", "rules"), Condition("complete", "=", True)),
        value=Part(kind="last", field="count", series=("scope",)),
        dimensions=("vo", "state", "scope"),
        null="Rucio was not asked for rules, or does not answer",
    ),
)
