"""Which alert mutes which: by the catalogue's own rules, and never a circle."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from lakescope.alerts.catalogue import RULES
from lakescope.alerts.inhibition import ENDS, INHIBITIONS, causes, reach_of
from lakescope.alerts.model import Alert
from lakescope.alerts.objectives import Objective, rules_of
from lakescope.alerts.states import Watched, _alert

SITE = replace(RULES["transfer_efficiency_source"], name="site_down", by=("site",), severity="page")
PAGED = replace(RULES["transfer_efficiency_link"], name="link_paged", severity="page")
LOUD = replace(RULES["network_loss"], name="network_down", severity="page")
BURNS = tuple(
    rules_of(Objective(name="q", kpi="transfer_efficiency", target=0.98, by=["dst_site"]), "objective.md")
)
ALL = {**RULES, **{one.name: one for one in (SITE, PAGED, LOUD, *BURNS)}}

GROUPS = {
    "site_down": ("A",),
    **dict.fromkeys(("transfer_efficiency_link", "link_paged"), ("A", "B")),
    **dict.fromkeys(("network_loss", "network_down", "network_clock_error"), ("a", "b", "A", "B")),
    "transfer_efficiency_source": ("A",),
    "transfer_efficiency_lake": (),
    "queue_time_destination": ("B",),
    **{one.name: ("B",) for one in BURNS},
}


def alert(name: str, *group: str, opened: float = 0.0) -> Alert:
    """As a round makes it."""
    watched = Watched(rule=name, group=group or GROUPS[name], began=0.0, seen=0.0, judged=0.0)
    return _alert(watched, ALL[name], opened)


@pytest.mark.parametrize(
    ("cause", "muted", "spared"),
    [
        ("network_loss", ["transfer_efficiency_link"], ["link_paged", "queue_time_destination"]),
        ("network_down", ["transfer_efficiency_link", "link_paged"], ["transfer_efficiency_source"]),
        ("network_clock_error", [], ["transfer_efficiency_link", "link_paged"]),
        ("site_down", ["transfer_efficiency_link", "link_paged", "network_loss"], ["queue_time_destination"]),
        ("transfer_efficiency_source", ["transfer_efficiency_link"], ["link_paged", "network_loss"]),
        (
            "transfer_efficiency_lake",
            [
                "transfer_efficiency_source",
                "transfer_efficiency_link",
                "link_paged",
                "queue_time_destination",
            ],
            ["network_loss"],
        ),
        ("objective_q_1h", ["objective_q_6h", "objective_q_3d"], ["queue_time_destination"]),
        ("objective_q_6h", ["objective_q_3d"], ["queue_time_destination"]),
    ],
)
def test_a_cause_mutes_what_follows_from_it(cause: str, muted: list[str], spared: list[str]) -> None:
    source = alert(cause)
    for name in muted + spared:
        target = alert(name, opened=-300.0)  # it was open before its cause
        assert causes([target, source], ALL) == ({target.key: source} if name in muted else {}), name
        assert causes([target, replace(source, ended=60.0)], ALL) == {}


def test_another_place_is_not_muted() -> None:
    other = alert("transfer_efficiency_link", "C", "D"), alert("transfer_efficiency_link", "B", "A")
    assert causes([alert("network_down"), alert("transfer_efficiency_source"), *other], ALL) == {}
    assert causes([alert("objective_q_1h"), alert("objective_q_6h", "C")], ALL) == {}


def test_in_any_chain_somebody_is_notified_of_its_cause() -> None:
    everything = [alert(name) for name in GROUPS]
    muted = causes(everything, ALL)
    assert [one.rule for one in everything if one.key not in muted] == ["transfer_efficiency_lake"]
    for one in everything:
        seen = {one.key}
        while (cause := muted.get(one.key)) is not None:
            assert cause.key not in seen, "a circle"
            seen.add(cause.key)
            one = cause


@pytest.mark.parametrize("inhibition", INHIBITIONS, ids=str)
def test_no_entry_fits_an_alert_as_source_and_as_target(inhibition: Any) -> None:
    """As its own, an alert would mute itself, and two of a kind each other."""
    for rule, severity, cause in product(ALL.values(), ("page", "ticket"), ("", "downtime")):
        labels = dict.fromkeys((*rule.labels, *(ENDS if cause else ())), "x")
        labels |= {"alertname": rule.name, "severity": severity, "cause": cause}
        labels |= reach_of(rule)
        fits = [all(one.fits(labels) for one in side) for side in inhibition[:2]]
        assert fits != [True, True], rule.name
