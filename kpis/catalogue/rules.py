"""Replication rules."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.catalogue._common import are_known
from lakescope.kpis.model import Condition, Kpi, Part, Ratio

RULES = ("vo", "account", "rse", "scope", "activity", "error_class", "error_template")

_rules = partial(Kpi, dataset="rules", good="down", dimensions=RULES)
_STUCK = Condition("event", "=", "stuck")
_stuck_kpi = partial(Part, kind="last", series=("rule_id",), state=(_STUCK,), polled="rules")
_NOTHING_LEFT = tuple(Condition(f"locks_{state}", "in", ("0",)) for state in ("replicating", "stuck"))
_EPISODES = are_known("episode")

KPIS = (
    _rules(
        name="rules_stuck",
        meaning="Distinct stuck rules in the latest complete poll of Rucio.",
        unit="count",
        value=_stuck_kpi(field="rule_id", over="distinct"),
        null="stuck rules are not polled, or Rucio does not answer",
    ),
    _rules(
        name="oldest_stuck_rule",
        meaning="How long the oldest stuck rule has been stuck.",
        unit="seconds",
        value=_stuck_kpi(field="stuck_s", over="max"),
        null="no rule is stuck, or Rucio does not say since when",
    ),
    _rules(
        name="rules_stuck_locks",
        meaning="Locks (files) that the stuck rules have given up.",
        unit="count",
        value=_stuck_kpi(field="locks_stuck", over="total"),
        null="stuck rules are not polled, or Rucio does not answer",
    ),
    _rules(
        name="rules_flapping",
        meaning="How often a rule became stuck in the time range, average over the rules that were stuck; above 1, rules"
        " recover and become stuck again.",
        unit="count",
        dimensions=("vo", "account", "rse"),
        value=Ratio(
            Part(kind="distinct", field="episode", where=_EPISODES),
            Part(kind="distinct", field="rule_id", where=_EPISODES),
        ),
        null="no rule was stuck, or Rucio does not say since when",
    ),
    _rules(
        name="rules_suspended_complete",
        meaning="Distinct suspended rules of which no lock is replicating or stuck, in the latest complete poll of Rucio: their"
        " data is there.",
        unit="count",
        value=Part(
            kind="last",
            field="rule_id",
            over="distinct",
            series=("rule_id",),
            state=(Condition("event", "=", "suspended"), *_NOTHING_LEFT),
            polled="rules",
        ),
        null="suspended rules are not polled, or Rucio does not answer",
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
