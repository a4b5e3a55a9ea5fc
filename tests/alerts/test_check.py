"""Rules that cannot be evaluated, or whose texts cannot be written, are refused with what was expected."""

from __future__ import annotations

from typing import Any

import pytest

from lakescope.alerts.check import faults
from lakescope.alerts.model import Absence, Baseline, BurnRate, Peers, Rule, Threshold, Volume

LINK = ("src_site", "dst_site")


def make_rule(**more: Any) -> Rule:
    defaults: dict[str, Any] = {
        "name": "link_failing",
        "title": "Transfers fail",
        "kpi": "transfer_efficiency",
        "condition": Threshold(below=0.2, clear=0.5),
        "window_s": 3600,
        "by": LINK,
        "volume": Volume("transfers_ended", 200),
        "filters": {"protocol": "davs"},
        "summary": "{src_site} to {dst_site}: {value}, limit {threshold}",
        "description": "{volume} attempts in {window}, {{literally}}",
    }
    return Rule(**defaults | more)


def make_peers(**more: Any) -> Peers:
    defaults: dict[str, Any] = {
        "dimensions": LINK,
        "least": 5,
        "label": "site",
        "summary": "{peer}: {count} others, {value}",
    }
    return Peers(**defaults | more)


@pytest.mark.parametrize(
    "rule",
    [
        make_rule(),
        make_rule(condition=Threshold(above=0.1, below=0.9, clear=0.05)),
        make_rule(kpi="transfer_efficiency_change", condition=Threshold(below=-0.5)),
        make_rule(condition=Baseline(history_s=86400, ratio_below=0.5, clear_ratio=0.8, least_windows=24)),
        make_rule(condition=BurnRate(target=0.99, rate=14.4, short_s=300)),
        make_rule(condition=Absence(history_s=7200, least_windows=2)),
        make_rule(peers=make_peers(all_from=10)),
        make_rule(peers=make_peers(dimensions=("dst_site",))),
    ],
)
def test_sound_rules_have_no_faults(rule: Rule) -> None:
    assert list(faults(rule)) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": "Link-Failing"}, "name: expected small letters, digits and _, found 'Link-Failing'"),
        ({"name": "incident"}, "name: expected another name, found 'incident', that of an alert of Lakescope itself"),
        ({"severity": "warning"}, "severity: expected page or ticket, found 'warning'"),
        ({"owner": "me"}, "owner: expected one of lake, site, storage, network, rucio, fts, vo, monitoring, found 'me'"),
        ({"window_s": 0}, "window_s: expected seconds above 0, found 0"),
        ({"for_s": -1}, "for_s: expected seconds, found -1"),
        ({"kpi": "transfer_eficiency"}, "kpi: there is no KPI 'transfer_eficiency'"),
        ({"volume": Volume("attempts", 1)}, "volume: there is no KPI 'attempts'"),
        ({"volume": Volume("transfers_ended", 0)}, "volume: expected at least something, found 0"),
        ({"volume": Volume("accesses", 9)}, "accesses has no dimension 'src_site'; there are"),
        ({"filters": {"host": "x"}}, "transfer_efficiency has no dimension 'host'; there are"),
        ({"by": ("src_site", "src_site"), "summary": "x"}, "by: expected each dimension once, found src_site, src_site"),
        ({"title": ""}, "title: expected a text, found ''"),
        ({"summary": "{rse} is full"}, "summary: expected fields among value, threshold, volume, median, window,"),
        ({"summary": "{value:.1f}"}, "summary: expected {value} without a form: it is a text with its unit"),
        ({"description": "{value"}, "description: expected '}' before end of string; a brace that is meant is written twice"),
        ({"condition": Threshold()}, "condition: expected `above`, `below` or both, found none"),
        ({"condition": Threshold(above=0.9, below=0.1)}, "condition: expected `above` under `below`, as the values between"),
        ({"condition": Threshold(below=0.2, clear=0.1)}, "condition: expected `clear` at 0.2 or above, found 0.1"),
        ({"condition": Threshold(above=0.2, clear=0.3)}, "condition: expected `clear` at 0.2 or below, found 0.3"),
        ({"condition": Threshold(below=20)}, "condition: expected a share above 0 and up to 1, such as 0.2 for 20 %"),
        ({"condition": Threshold(above=1)}, "condition: expected a share that can be exceeded, such as 0.2 for 20 %, found 1"),
        ({"condition": Threshold(above=-0.1, unsigned=True)}, "condition: expected limits without a sign"),
        ({"condition": Baseline(history_s=86400)}, "condition: expected `ratio_above`, `ratio_below` or both, found none"),
        ({"condition": Baseline(history_s=86400, ratio_above=0.5)}, "condition: expected `ratio_above` of 1 or more, found 0.5"),
        ({"condition": Baseline(history_s=86400, ratio_below=2)}, "condition: expected `ratio_below` of 0 to 1, found 2"),
        (
            {"condition": Baseline(history_s=86400, ratio_above=3, clear_ratio=4)},
            "condition: expected `clear_ratio` of 1 to 3, found 4",
        ),
        (
            {"condition": Baseline(history_s=86400, ratio_below=0.3, clear_ratio=0.2)},
            "condition: expected `clear_ratio` of 0.3 to 1, found 0.2",
        ),
        ({"condition": Baseline(history_s=86400, ratio_below=0.3, least=-1)}, "condition: expected `least` of 0 or more"),
        ({"condition": Baseline(history_s=3600, ratio_below=0.3)}, "condition: expected `least_windows` of 1 to 1, as many"),
        ({"condition": Absence(history_s=1800)}, "condition: expected `least_windows` of 1 to 0, as many windows"),
        ({"condition": BurnRate(target=0.9, rate=14.4, short_s=300)}, "condition: could never fire: 14.4 times the budget"),
        ({"condition": BurnRate(target=1, rate=1, short_s=300)}, "condition: expected a target between 0 and 1, found 1"),
        ({"condition": BurnRate(target=0.9, rate=0, short_s=300)}, "condition: expected a rate above 0, found 0"),
        ({"condition": BurnRate(target=0.9, rate=1, short_s=3600)}, "condition: expected `short_s` above 0 and under"),
        (
            {"kpi": "transfers_ended", "condition": BurnRate(target=0.9, rate=1, short_s=300)},
            "condition: expected a KPI that is a share and has a better direction, found transfers_ended (count, neutral)",
        ),
        ({"peers": make_peers(dimensions=("host",))}, "peers: expected dimensions of `by` (src_site, dst_site), found host"),
        (
            {"by": ("dst_site",), "peers": make_peers(dimensions=("dst_site",)), "summary": "x"},
            "peers: expected two dimensions or more in `by`, since peers are values of pairs",
        ),
        ({"peers": make_peers(least=1)}, "peers: expected `least` of 2 or more, found 1"),
        ({"peers": make_peers(all_from=1)}, "peers: expected `all_from` of 2 or more, found 1"),
        ({"peers": make_peers(label="severity")}, "peers: expected a label such as host, found 'severity'"),
        ({"peers": make_peers(summary="{rse}")}, "peers.summary: expected fields among"),
    ],
)  # fmt: skip
def test_a_fault_names_what_was_expected(change: dict[str, Any], fault: str) -> None:
    (one,) = faults(make_rule(**change))
    assert one.startswith(fault)
