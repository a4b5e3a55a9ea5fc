"""What an open incident explains is no page beside it; what burns elsewhere, or otherwise, is."""

from __future__ import annotations

from itertools import permutations

import pytest

from lakescope.alerts.covering import Covering, Culprit
from lakescope.alerts.model import Severity, Verdict
from lakescope.alerts.objectives import Objective, rules_of
from lakescope.alerts.patterns import Pattern
from lakescope.alerts.watch import BIN_S, Bins, Counts

NOW = 7200.0
SITES = ("PIC", "CNAF", "DESY", "LAPP")


def bins(failures: dict[tuple[str, str], float], *, of: float = 10.0, age: int = 1) -> Bins:
    """One bin, `age` bins ago, in which `failures` of `of` attempts of each (source, destination) failed."""
    places = {}
    for src, dst in permutations(SITES, 2):
        counts = places[
            src, dst, f"{src}-DISK", f"{dst}-DISK", "davs", "fts", "escape", "prod", "Production"
        ] = Counts()
        counts.ended, counts.failed = of, failures.get((src, dst), 0.0)
    return {NOW - age * BIN_S: places}


TO_PIC = {(src, "PIC"): 10.0 for src in SITES if src != "PIC"}


def cover(
    failures: Bins,
    by: tuple[str, ...],
    group: tuple[str, ...],
    *culprits: tuple[str, str],
    severity: Severity = "page",
    **filters: str,
) -> str | None:
    """What covers a page of an objective by some dimensions."""
    objective = Objective(kpi="transfer_efficiency", target=0.98, by=list(by), filters=filters)
    rule = next(iter(rules_of(objective, "objective.md")))
    incidents = [
        Culprit(f"{name} {value}", severity, [Pattern(((name, value),))]) for name, value in culprits
    ]
    verdict = Verdict(rule=rule.name, group=group, state="abnormal")
    return Covering(incidents, failures, NOW).of(rule, verdict)


@pytest.mark.parametrize(
    ("by", "group"),
    [
        ((), ()),
        (("dst_site",), ("PIC",)),
        (("dst_rse",), ("PIC-DISK",)),
        (("src_site",), ("CNAF",)),  # its failures are those to PIC
        (("src_site", "dst_site"), ("CNAF", "PIC")),
        (("vo", "activity"), ("escape", "Production")),
        (("src_country",), ("IT",)),  # a dimension that the search does not know
    ],
)
def test_an_incident_covers_what_has_its_failures(by: tuple[str, ...], group: tuple[str, ...]) -> None:
    assert cover(bins(TO_PIC), by, group, ("dst_site", "PIC")) == "dst_site PIC"
    assert cover(bins(TO_PIC), by, group) is None


@pytest.mark.parametrize(
    ("failures", "by", "group"),
    [
        (TO_PIC | {("PIC", "LAPP"): 4.0}, ("dst_site",), ("LAPP",)),
        (TO_PIC | {("PIC", "LAPP"): 10.0, ("LAPP", "DESY"): 10.0, ("DESY", "LAPP"): 11.0}, (), ()),
        ({}, ("dst_site",), ("PIC",)),  # users' own errors, which the search leaves out
    ],
)
def test_it_does_not_cover_what_burns_without_it(
    failures: dict[tuple[str, str], float], by: tuple[str, ...], group: tuple[str, ...]
) -> None:
    assert cover(bins(failures), by, group, ("dst_site", "PIC")) is None


def test_filters_narrow_a_group_down() -> None:
    assert cover(bins(TO_PIC), (), (), ("dst_site", "PIC"), dst_site="PIC") == "dst_site PIC"
    assert cover(bins(TO_PIC | {("PIC", "LAPP"): 4.0}), (), (), ("dst_site", "PIC"), dst_site="LAPP") is None


def test_incidents_cover_together_and_that_with_the_most_is_named() -> None:
    failures = bins({("CNAF", "PIC"): 4.0, ("CNAF", "LAPP"): 3.0, ("CNAF", "DESY"): 6.0})
    assert cover(failures, (), (), ("dst_site", "PIC")) is None
    assert cover(failures, (), (), ("dst_site", "LAPP"), ("dst_site", "PIC")) == "dst_site PIC"


def test_a_ticket_covers_no_page() -> None:
    assert cover(bins(TO_PIC), ("dst_site",), ("PIC",), ("dst_site", "PIC"), severity="ticket") is None


def test_what_failed_more_than_an_hour_ago_counts_no_more() -> None:
    long_ago, now = bins(TO_PIC, age=13), bins({("PIC", "LAPP"): 4.0})
    assert cover(long_ago | now, (), (), ("dst_site", "PIC")) is None
    assert cover(bins(TO_PIC, age=12) | now, (), (), ("dst_site", "PIC")) == "dst_site PIC"


@pytest.mark.parametrize(
    ("kpi", "is_incident"),
    [
        ("transfer_efficiency", True),
        ("fts_efficiency", True),
        ("done_agreement", False),
        ("deletion_efficiency", False),
    ],
)
def test_objectives_of_transfers_are_covered_by_incidents(kpi: str, is_incident: bool) -> None:
    rules = rules_of(Objective(kpi=kpi, target=0.98), "objective.md")
    assert {one.is_incident for one in rules} == {is_incident}
