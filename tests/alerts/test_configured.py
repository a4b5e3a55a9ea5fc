"""`[alerts.rules.NAME]` and `[[objectives]]`: what they make of the rules, and what they are refused for."""

from __future__ import annotations

from typing import Any

import pytest

from lakescope.alerts.check import faults
from lakescope.alerts.configured import changed, configure
from lakescope.alerts.model import Absence, Baseline, BurnRate, Condition, Rule, Threshold, Volume
from lakescope.alerts.objectives import Objective
from lakescope.alerts.options import AlertOptions, RuleOptions
from lakescope.app.config import Configuration, parse
from lakescope.app.rules import rules_of
from lakescope.core.places import ConfigurationError

PLUGINS = '[collectors.push]\ntype = "http"\n[sinks.store]\ntype = "jsonl"\ndirectory = "archive"\n'
DAY = 86_400


def make_rule(condition: Condition, **more: Any) -> Rule:
    return Rule(
        name="efficiency",
        title="Transfers fail",
        kpi="transfer_efficiency",
        condition=condition,
        window_s=3600,
        summary="{value}",
        description="{threshold}",
        **more,
    )


@pytest.mark.parametrize(
    ("before", "threshold", "after"),
    [
        (Threshold(below=0.2, clear=0.5), 0.3, Threshold(below=0.3, clear=0.5)),
        (Threshold(below=0.2, clear=0.5), 0.6, Threshold(below=0.6, clear=0.6)),
        (Threshold(above=0.2, clear=0.1), 0.3, Threshold(above=0.3, clear=0.1)),
        (Threshold(above=0.2, clear=0.1), 0.05, Threshold(above=0.05, clear=0.05)),
        (Threshold(above=0.2, below=0.9), 0.3, Threshold(above=0.3, below=0.9)),
        (
            Baseline(history_s=2 * DAY, ratio_above=3, clear_ratio=2),
            1.5,
            Baseline(history_s=2 * DAY, ratio_above=1.5, clear_ratio=1.5),
        ),
        (
            Baseline(history_s=2 * DAY, ratio_below=0.3, clear_ratio=0.5),
            0.4,
            Baseline(history_s=2 * DAY, ratio_below=0.4, clear_ratio=0.5),
        ),
        (
            BurnRate(target=0.99, rate=14.4, short_s=300),
            10,
            BurnRate(target=0.99, rate=10, short_s=300),
        ),
    ],
)
def test_a_threshold_is_the_number_of_its_condition(
    before: Condition, threshold: float, after: Condition
) -> None:
    assert changed(make_rule(before), RuleOptions(threshold=threshold)).condition == after


@pytest.mark.parametrize(
    ("condition", "threshold", "text"),
    [
        (Absence(history_s=DAY), 3, "efficiency has no threshold: it fires when a group that had values has none"),
        (Baseline(history_s=2 * DAY, ratio_above=2, ratio_below=0.5), 3, "efficiency has two ratios"),
        (Threshold(below=0.2), 20, "expected a share above 0 and up to 1, such as 0.2 for 20 %, found 20"),
        (Threshold(above=0.2, below=0.5), 0.6, "expected `above` under `below`"),
        (Baseline(history_s=2 * DAY, ratio_above=2), 0.5, "expected `ratio_above` of 1 or more, found 0.5"),
        (BurnRate(target=0.9, rate=2, short_s=300), 12, "could never fire: 12 times the budget of 0.1 is 1.2"),
    ],
)  # fmt: skip
def test_a_threshold_that_the_rule_cannot_have_is_refused(
    condition: Condition, threshold: float, text: str
) -> None:
    with pytest.raises(ValueError, match="^" + text.replace("(", r"\(")):
        changed(make_rule(condition), RuleOptions(threshold=threshold))


def test_the_rest_of_a_rule_changes_by_its_options_alone() -> None:
    rule = make_rule(Threshold(below=0.2), severity="page", for_s=600)
    options = RuleOptions(enabled=False, for_s=0, severity="ticket", owner="vo")
    assert changed(rule, options) == make_rule(
        Threshold(below=0.2), severity="ticket", for_s=0, owner="vo", enabled=False
    )
    assert changed(rule, RuleOptions()) == rule


def test_what_is_wrong_is_left_out_and_the_rest_is_configured() -> None:
    rules = {"efficiency": make_rule(Threshold(below=0.2)), "other": make_rule(Absence(history_s=DAY))}
    options = AlertOptions(
        rules={
            "eficiency": RuleOptions(threshold=0.3),
            "other": RuleOptions(threshold=1),
            "efficiency": RuleOptions(threshold=0.4),
        }
    )
    configured, problems = configure(rules, options, [Objective(kpi="transfer_volume", target=0.9)])
    assert configured == rules | {"efficiency": make_rule(Threshold(below=0.4))}
    assert [(".".join(one.place), one.text.partition(":")[0], one.remedy) for one in problems] == [
        (
            "objectives.0",
            "expected a KPI that is a share of events, such as transfer_efficiency, found transfer_volume (bytes)",
            "change the objective, or remove it",
        ),
        ("alerts.rules.eficiency", "there is no rule 'eficiency'", "write [alerts.rules.efficiency]"),
        (
            "alerts.rules.other.threshold",
            "efficiency has no threshold",
            "see `lakescope alerts explain other`",
        ),
    ]


# --- objectives -------------------------------------------------------------------------------------------


def rules_for(**options: Any) -> list[Rule]:
    rules, problems = configure({}, AlertOptions(), [Objective(**options)])
    assert problems == []
    for rule in rules.values():
        assert list(faults(rule)) == []
    return list(rules.values())


def burns(**options: Any) -> list[tuple[int, int, float]]:
    """Window, short window and rate of each rule."""
    conditions = [(rule.window_s, rule.condition) for rule in rules_for(**options)]
    return [
        (window, one.short_s, pytest.approx(one.rate))
        for window, one in conditions
        if isinstance(one, BurnRate)
    ]


def test_an_objective_of_thirty_days_has_the_workbooks_rules() -> None:
    rules = rules_for(kpi="transfer_efficiency", target=0.98, by=["dst_site"], owner="site")
    assert [(rule.name, rule.severity, rule.owner) for rule in rules] == [
        ("objective_transfer_efficiency_1h", "page", "site"),
        ("objective_transfer_efficiency_6h", "page", "site"),
        ("objective_transfer_efficiency_3d", "ticket", "site"),
    ]
    assert burns(kpi="transfer_efficiency", target=0.98) == [
        (3600, 300, 14.4),
        (6 * 3600, 1800, 6),
        (3 * DAY, 6 * 3600, 1),
    ]
    for rule in rules:
        assert (rule.by, rule.volume) == (("dst_site",), Volume("transfers_ended", 200))
        assert rule.runbook_url == "docs/runbooks/objective.md"
        assert (
            rule.summary
            == "Transfer efficiency of destination site {dst_site} is {value} in {window}, objective 98 %"
        )


def test_shares_of_the_budget_scale_with_the_window_and_no_rate_is_under_the_even_one() -> None:
    assert burns(kpi="transfer_efficiency", target=0.98, window="60d") == [
        (3600, 300, 28.8),
        (6 * 3600, 1800, 12),
        (3 * DAY, 6 * 3600, 2),
    ]
    assert burns(kpi="transfer_efficiency", target=0.9, window="1w") == [
        (3600, 300, 3.36),
        (6 * 3600, 1800, 1.4),
        (16 * 3600, 4800, 1.05),  # 10 % of a week is 16.8 h
    ]


def test_an_objective_of_what_is_bad_when_it_is_high() -> None:
    rule, *_ = rules_for(kpi="network_loss", target=0.999, name="loss", severity="ticket")
    assert (rule.name, rule.severity, rule.volume) == ("objective_loss_1h", "ticket", None)
    assert rule.summary.endswith("objective at most 0.1 %")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"kpi": "transfer_efficiency", "target": 0.9},
            "a rule could never fire: 2% of the budget in 1 h is 14.4 times the even rate of 0.1, so a share of 1.44 would"
            " have to be bad, and no more than 1 can be; expected a target above 0.9306, or a window under 20.8 days",
        ),
        ({"kpi": "transfer_eficiency", "target": 0.9}, "there is no KPI 'transfer_eficiency'"),
        ({"kpi": "storage_fullness", "target": 0.99}, "expected a KPI that is a share of events, such as"),
        ({"kpi": "fts_network_ratio", "target": 0.99}, "expected a KPI that is a share of events, such as"),
        ({"kpi": "transfer_efficiency", "target": 0.99, "by": ["rse"]}, "transfer_efficiency has no dimension 'rse'"),
        ({"kpi": "transfer_efficiency", "target": 0.99, "filters": {"x": "y"}}, "transfer_efficiency has no dimension 'x'"),
    ],
)  # fmt: skip
def test_an_objective_that_cannot_be_one_is_refused(options: dict[str, Any], text: str) -> None:
    rules, (problem,) = configure({}, AlertOptions(), [Objective(**options)])
    assert (rules, problem.text[: len(text)]) == ({}, text)


def test_the_windows_that_the_refusal_names_are_right() -> None:
    """At the window just under the one named, and the target just above, the rule can fire."""
    assert burns(kpi="transfer_efficiency", target=0.9, window="20d")[0][2] == 9.6
    assert burns(kpi="transfer_efficiency", target=0.931)[0][2] == 14.4


# --- from the file ----------------------------------------------------------------------------------------


def configuration(text: str) -> Configuration:
    return parse(PLUGINS + text)


def test_the_rules_of_a_configuration() -> None:
    settings = configuration(
        '[alerts]\nrunbooks = "https://docs.example.org/"\n'
        "[alerts.rules.objective_production_1h]\nthreshold = 10\n"
        '[[objectives]]\nname = "production"\nkpi = "transfer_efficiency"\ntarget = 0.98\n'
        'filters = { activity = "Production" }\n'
    ).settings
    rule = rules_of(settings)["objective_production_1h"]
    assert rule.condition == BurnRate(target=0.98, rate=10, short_s=300)
    assert rule.filters == {"activity": "Production"}
    assert rule.runbook_url == "https://docs.example.org/docs/runbooks/objective.md"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[alerts.rules.nothing_such]\n", ":6: [alerts.rules.nothing_such] there is no rule 'nothing_such'"),
        ("[alerts.rules.x]\nseverity = 'warning'\n", ":7: [alerts.rules.x.severity] Input should be 'page' or 'ticket'"),
        ("[alerts.rules.x]\nfor = 3\n", ":7: [alerts.rules.x.for] no option `for`\n    remedy: write `for_s`"),
        ("[alerts]\nurl = 'lakescope'\n", ":7: [alerts.url] expected a URL such as https://lakescope.example.org"),
        (
            "[[objectives]]\nkpi = 'network_loss'\ntarget = 0.98\n[[objectives]]\nkpi = 'network_loss'\ntarget = 0.99\n",
            ":9: [objectives.1] there is another rule 'objective_network_loss_1h': give the objective a `name`",
        ),
        ("[[objectives]]\nkpi = 'transfer_efficiency'\n", ":6: [objectives.0.target] option `target` is missing"),
        (
            "[[objectives]]\nkpi = 'x'\ntarget = 0.9\n[[objectives]]\nkpi = 'x'\ntarget = 98\n",
            ":11: [objectives.1.target] Input should be less than 1, found 98",
        ),
        (
            "[[objectives]]\nkpi = 'x'\ntarget = 0.9\nwindow = '2d'\n",
            ":9: [objectives.0.window] expected 7 to 90 days, found '2d'",
        ),
        ("[[objectives]]\nkpi = 'x'\ntarget = 0.9\nwindows = '7d'\n", "remedy: write `window`"),
        ("[objectives]\nkpi = 'x'\n", ":6: [objectives] expected tables [[objectives]]"),
    ],
)  # fmt: skip
def test_faults_have_their_lines(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        configuration(text)
    assert problem in str(refused.value)
