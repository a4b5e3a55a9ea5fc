"""The catalogue's rules are sound: what they ask exists, and what they say can be read."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from string import Formatter

import pytest

from docs.build import condition_text
from lakescope.alerts.catalogue import RULES
from lakescope.alerts.check import faults
from lakescope.alerts.evaluate import questions_of
from lakescope.alerts.model import Absence, Baseline, Rule, Threshold
from lakescope.alerts.objectives import RUNBOOK as OBJECTIVES
from lakescope.app.links import INCIDENTS
from lakescope.kpis import CATALOGUE
from lakescope.kpis.model import Comparison

NOW = 1_767_614_400.0
FIELDS = {"value", "threshold", "volume", "median", "window"}
AGAINST = {
    "rucio_messages_missing": "an agreement above 1 means that the other side lost messages",
}
"""Rules whose abnormal values lie on the better side of their KPI, and why."""
ALL = pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))


@ALL
def test_it_is_sound(rule: Rule) -> None:
    """As a site's own rules must be."""
    assert not list(faults(rule))


@ALL
def test_its_questions_can_be_asked(rule: Rule) -> None:
    """KPIs, dimensions and filters exist; the same of the KPI that is its volume."""
    asked = questions_of(rule, NOW)
    assert asked.value.kpi.name == rule.kpi
    for question in asked.all:
        assert question == asked.feed or {*rule.by, *rule.filters} <= {*question.kpi.dimensions}
        assert (question.until - question.since).total_seconds() >= rule.window_s


@ALL
def test_its_direction_is_that_of_the_kpi(rule: Rule) -> None:
    good = CATALOGUE[rule.kpi].good
    match rule.condition:
        case Threshold(above=float(above), below=float(below)):
            assert above < below  # what is beyond either belongs to another rule
            return
        case Threshold(above=above, below=below):
            bad = "below" if above is None else "above"
            assert above is not None or below is not None
        case Baseline(ratio_above=high, ratio_below=low):
            assert (high is None) != (low is None)
            bad = "below" if high is None else "above"
        case Absence():
            bad = "below"
        case _:
            pytest.fail("burn rates are of [[objectives]]")
    wrong = {"above": "up", "below": "down"}[bad]
    assert (good == wrong) == (rule.name in AGAINST)


@ALL
def test_it_ends_on_the_side_where_it_is_well(rule: Rule) -> None:
    match rule.condition:
        case Threshold(above=above, below=below, clear=clear) if clear is not None:
            assert clear < above if above is not None else clear > (below or 0.0)
        case Baseline(ratio_above=high, ratio_below=low, clear_ratio=clear, least_windows=windows) as one:
            if clear is not None:
                assert 1 <= clear < high if high is not None else 1 >= clear > (low or 0.0)
            assert high is None or high > 1
            assert low is None or 0 < low < 1
            assert windows <= one.history_s / rule.window_s
        case Absence(history_s=history_s, least_windows=windows):
            assert 1 <= windows <= history_s / rule.window_s
    kpi = CATALOGUE[rule.kpi]
    if (
        kpi.unit == "ratio"
        and isinstance(rule.condition, Threshold)
        and not isinstance(kpi.value, Comparison)
    ):
        assert 0 < (rule.condition.below or rule.condition.above or 0.0) < 1 or rule.name in AGAINST


@ALL
def test_its_summary_says_where_and_how_much(rule: Rule) -> None:
    summary = {name for _, name, _, _ in Formatter().parse(rule.summary) if name}
    description = {name for _, name, _, _ in Formatter().parse(rule.description) if name}
    assert summary | description <= FIELDS | {*rule.by}
    assert {*rule.by} - {*rule.optional} <= summary, "a summary names each place"
    assert "\n" not in rule.summary
    if not isinstance(rule.condition, Absence):
        assert "value" in summary
    if isinstance(rule.condition, Baseline):
        assert {"median", "threshold"} <= summary
    if "volume" in summary | description:
        assert rule.volume is not None
    for text in (rule.title, rule.summary):
        assert text[0].isupper() or text[0] == "{", text
        assert not text.endswith("."), text
    assert rule.description.endswith(".")
    if rule.peers:
        fields = {name for _, name, _, _ in Formatter().parse(rule.peers.summary) if name}
        assert fields <= FIELDS | {"peer", "count"}


@ALL
def test_a_share_is_judged_with_a_volume(rule: Rule) -> None:
    """Of few events a share says nothing: 0 of 2."""
    kpi = CATALOGUE[rule.kpi]
    flows = ("transfers", "deletions", "traces")
    if kpi.unit == "ratio" and kpi.dataset in flows:
        assert rule.volume is not None


def test_pages_are_few_and_names_are_those_of_the_rules() -> None:
    pages = [rule.name for rule in RULES.values() if rule.severity == "page"]
    assert pages
    assert len(pages) < len(RULES) / 2
    assert all(name == rule.name for name, rule in RULES.items())
    assert all(rule.enabled for rule in RULES.values())


def test_conditions_in_words() -> None:
    assert condition_text(RULES["transfer_efficiency_link"]) == (
        "[`transfer_efficiency_of_systems`](kpis.md#transfer_efficiency_of_systems) below 20 %; ends at 40 %, by"
        " `src_site`, `dst_site`; with [`transfers_ended_of_systems`](kpis.md#transfers_ended_of_systems) of at least 201;"
        " abnormal with 3 or more others it is one alert, of the site"
    )
    assert condition_text(RULES["rules_stuck_24h"]).startswith(
        "[`oldest_stuck_rule`](kpis.md#oldest_stuck_rule) above 1 d and below 7 d, by `rse`"
    )
    assert condition_text(RULES["data_indexing_low"]) == (
        "[`events_stored`](kpis.md#events_stored) below 0.3 times the median of the 7 d before, by 3 standard deviations and"
        " by at least 1000; ends at 0.5 times, by `name`"
    )
    assert condition_text(RULES["data_source_silent"]) == (
        "no [`events_received`](kpis.md#events_received), which had some in 150 or more windows of the 7 d before, by `name`;"
        " with [`pipeline_reports`](kpis.md#pipeline_reports) of at least 1"
    )


# --- runbooks ---------------------------------------------------------------------------------------------

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
HEADINGS = ["What it means", "Look at first", "Usual causes", "Whom to call"]


def test_each_rule_has_a_runbook_and_each_runbook_a_rule() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {*RULES} | {
        Path(OBJECTIVES).stem,
        Path(INCIDENTS).stem,
    }
    assert all((RUNBOOKS.parents[1] / rule.runbook).is_file() for rule in RULES.values())


@ALL
def test_a_runbook_is_built_like_the_others(rule: Rule) -> None:
    text = (RUNBOOKS / f"{rule.name}.md").read_text()
    assert text.startswith(f"# {rule.title}\n\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    sections = re.split(r"^## .+$", text, flags=re.MULTILINE)
    assert all(section.strip() for section in sections)
    look = sections[2]
    assert re.findall(r"^(\d)\. ", look, re.MULTILINE) == ["1", "2", "3"]
    assert look.count("```sh\n") == 3, "each has a command"


@ALL
def test_the_queries_of_a_runbook_can_be_asked(rule: Rule) -> None:
    """KPIs and dimensions, as names: options are checked for all of docs (tests/test_docs.py)."""
    for line in re.findall(r"lakescope query .+", (RUNBOOKS / f"{rule.name}.md").read_text()):
        _, _, name, *options = line.split()
        kpi = CATALOGUE[name]
        for option, value in pairwise(options):
            if option in ("--by", "--where"):
                assert value.split("=")[0] in kpi.dimensions, line
