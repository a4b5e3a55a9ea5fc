"""A rule in words."""

from __future__ import annotations

from typing import Any

import pytest

from lakescope.alerts.catalogue import RULES
from lakescope.alerts.explain import explain
from lakescope.alerts.model import Absence, Baseline, BurnRate, Condition, Rule, Threshold, Volume
from lakescope.alerts.routing import Subscription


def make_rule(condition: Condition, **more: Any) -> Rule:
    defaults: dict[str, Any] = {"by": ("src_site", "dst_site"), "severity": "ticket"}
    return Rule(
        name="efficiency",
        title="Transfers fail",
        kpi="transfer_efficiency",
        condition=condition,
        window_s=3600,
        summary="s",
        description="d",
        **defaults | more,
    )


def test_a_rule_in_words() -> None:
    rule = make_rule(
        Threshold(below=0.2, clear=0.5),
        for_s=600,
        late_s=300,
        volume=Volume("transfers_ended", 200),
        filters={"activity": ("Production", "User")},
        severity="page",
    )
    words = dict(explain(rule, {"all": Subscription(receivers=["mail"])}))
    assert words.pop("asks").startswith("transfer_efficiency (ratio, more is better): ")
    assert words == {
        "rule": "Transfers fail",
        "only": "activity Production or User",
        "of each": "src_site, dst_site",
        "window": "1 h, which ends 5 min before the evaluation",
        "at least": "200 transfers_ended in the window",
        "fires": "when the value is below 20 %, in every round for 10 min",
        "clears": "when it is 50 % or more, in every round for 15 min",
        "severity": "page, for lake",
        "notified": "mail (subscription all)",
        "runbook": "docs/runbooks/efficiency.md",
        "no data": "without any event of transfers in the window it says so and never fires; while the store does not answer it"
        " is unknown. Open alerts stay open",
        "no value": "an open alert whose group has no value any more or too little volume clears, as if it were normal",
    }


@pytest.mark.parametrize(
    ("condition", "fires", "clears"),
    [
        (Threshold(above=0.2), "the value is above 20 %", "it is 20 % or less"),
        (
            Threshold(above=0.2, below=0.9, unsigned=True),
            "the value without its sign is above 20 % and below 90 %",
            "it is 20 % or less, or 90 % or more",
        ),
        (
            Baseline(history_s=7 * 86400, ratio_above=3, clear_ratio=2, least=0.1),
            "the value is above 3 times the median of windows of the same length in the 7 d before, and by 3 robust standard"
            " deviations and by 10 % away from it",
            "it is back within 2 times the median",
        ),
        (
            BurnRate(target=0.99, rate=14.4, short_s=300),
            "14.4 % or more are bad in the window and in the last 5 min: 14.4 times what an objective of 99 % allows",
            "fewer are bad in either",
        ),
        (
            Absence(history_s=86400, least_windows=6),
            "there is no value, or 0, of what had one in 6 windows of the last 1 d",
            "there is one",
        ),
    ],
)
def test_conditions_in_words(condition: Condition, fires: str, clears: str) -> None:
    words = dict(explain(make_rule(condition), {}))
    assert words["fires"] == f"when {fires}"
    assert words["clears"] == f"when {clears}, in every round for 15 min"
    assert words["notified"] == "nobody: no subscription fits"


@pytest.mark.parametrize(
    ("options", "severity", "words"),
    [
        ({"rules": ["effic*"]}, "ticket", "r (subscription s)"),
        ({"rules": ["storage_*"]}, "ticket", None),
        ({"severities": ["page"]}, "ticket", None),
        ({"owners": ["storage"]}, "ticket", None),
        ({"rses": ["A"]}, "ticket", None),
        ({"sites": ["A", "B-*"]}, "ticket", "r (subscription s, only sites A, B-*)"),
        ({"digest": "08:00"}, "ticket", "r (subscription s), in the digest at 08:00 UTC"),
        ({"digest": "08:00"}, "page", "r (subscription s)"),
        (
            {"quiet_hours": "18:00-08:00", "quiet_days": ["sun"]},
            "ticket",
            "r (subscription s), not in quiet hours (18:00-08:00, sun UTC)",
        ),
        (
            {"escalate_after_s": 1800, "escalate_to": ["lead"]},
            "page",
            "r (subscription s); lead if unacknowledged for 30 min",
        ),
    ],
)
def test_who_would_be_notified(options: dict[str, Any], severity: str, words: str | None) -> None:
    rule = make_rule(Threshold(below=0.2), severity=severity)
    subscription = Subscription(receivers=["r"], **options)
    assert dict(explain(rule, {"s": subscription}))["notified"] == (words or "nobody: no subscription fits")


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_every_rule_of_the_catalogue_has_words(rule: Rule) -> None:
    words = explain(rule, {})
    assert all(text and "None" not in text for _, text in words)
