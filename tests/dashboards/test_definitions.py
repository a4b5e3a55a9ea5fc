"""The definitions are sound, ask what they say, and hold no query text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

import lakescope.dashboards.definitions as definitions_package
from lakescope.alerts.catalogue import RULES
from lakescope.dashboards.check import faults
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.kinds import MAX_BINS
from lakescope.dashboards.model import Dashboard, Link, Listing, Number, Panel, Row, fill_lines
from lakescope.dashboards.questions import (
    Selection,
    as_chosen,
    bin_of,
    description_of,
    filters_of,
    groupings,
    ignored,
    listing_of,
    panel_questions,
    query_of,
    questions_of,
    variables_of,
)
from lakescope.dashboards.variables import ACTIVITY, DESTINATION, SOURCE, VO
from lakescope.kpis import CATALOGUE
from lakescope.kpis.comparisons import columns
from lakescope.kpis.model import Condition, EventsQuery

SPAN: dict[str, Any] = {
    "since": datetime(2026, 1, 5, tzinfo=UTC),
    "until": datetime(2026, 1, 6, tzinfo=UTC),
}


def dashboard(*panels: Panel, **rest: Any) -> Dashboard:
    given: dict[str, Any] = {
        "name": "one",
        "title": "One",
        "question": "?",
        "variables": (SOURCE, DESTINATION),
    }
    return Dashboard(rows=(Row(title="row", panels=panels),), **given | rest)


def test_all_are_sound() -> None:
    assert faults(DASHBOARDS) == []


def test_every_kpi_is_on_a_dashboard() -> None:
    """What nobody looks at needs no definition; reports look at some, alert rules at the rest."""
    shown = {number.kpi for one in DASHBOARDS.values() for panel in one.panels for number in panel.numbers}
    shown |= {rule.kpi for rule in RULES.values()} | {
        rule.volume.kpi for rule in RULES.values() if rule.volume
    }
    sides = {side.name for name in shown for side in columns(CATALOGUE[name]).values()}
    elsewhere = {name for name in CATALOGUE if name.endswith("_empty_hours")}
    elsewhere |= {"transfers_ended", "failed_volume"}  # incidents and what they strike
    elsewhere |= {"queue_time_total", "transfers_with_queue_time"}  # causes of changes
    assert set(CATALOGUE) - shown - sides - elsewhere == set()


def test_every_dashboard_can_be_reached_by_a_click() -> None:
    linked = {panel.link.dashboard for one in DASHBOARDS.values() for panel in one.panels if panel.link}
    assert {"link", "transfers", "failures", "storage", "probes", "fts", "hosts"} <= linked


@pytest.mark.parametrize("name", DASHBOARDS)
def test_what_shows_series_can_be_grouped(name: str) -> None:
    """By more than one dimension, and all of its panels say by which."""
    dashboard = DASHBOARDS[name]
    assert len(groupings(dashboard)) > 1 and dashboard.group in groupings(dashboard)
    for choice in groupings(dashboard):
        for panel in dashboard.panels:
            chosen = as_chosen(dashboard, panel, choice)
            assert "{group}" not in chosen.title
            assert not panel.grouped or {number.by for number in chosen.numbers} == {(choice,)}


def test_a_grouped_panel_says_so() -> None:
    panel = Panel(title="p", kind="lines", grouped=True, numbers=(Number(kpi="transfers_done", by=("vo",)),))
    (fault,) = faults({"one": dashboard(panel, group="vo")})
    assert "expected {group} in the title" in fault
    (fault,) = faults({"one": dashboard(structs.replace(panel, title="by {group}"), group="activity")})
    assert "expected series by activity" in fault
    (fault,) = faults({"one": dashboard(structs.replace(panel, grouped=False), group="vo")})
    assert "expected a group and panels" in fault


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_dashboard_can_be_narrowed_to_a_vo(name: str) -> None:
    """And at least one of its numbers is."""
    dashboard = DASHBOARDS[name]
    assert VO in dashboard.variables
    numbers = [number for panel in dashboard.panels for number in panel.numbers]
    assert any("vo" in variables_of(dashboard, number).values() for number in numbers)


def test_a_group_that_is_none_here_changes_nothing() -> None:
    dashboard = DASHBOARDS["storage"]
    selection = Selection(**SPAN, group="activity")
    assert questions_of(dashboard, selection) == questions_of(dashboard, Selection(**SPAN))


def test_a_link_of_another_grouping_filters_by_it() -> None:
    panel = next(one for one in DASHBOARDS["transfers"].panels if one.grouped)
    assert as_chosen(DASHBOARDS["transfers"], panel).link == Link("transfers", {"destination": "dst_site"})
    chosen = as_chosen(DASHBOARDS["transfers"], panel, "activity")
    assert chosen.link == Link("transfers", filters=("activity",))


def test_filters_narrow_what_has_the_dimension_and_the_rest_says_so() -> None:
    lines = Panel(
        title="Both", kind="lines", numbers=(Number(kpi="transfers_done"), Number(kpi="fts_finished"))
    )
    stat = Panel(title="Space", kind="stat", numbers=(Number(kpi="storage_used"),))
    events = Panel(title="Events", kind="events", listing=Listing(dataset="hosts", columns=("host", "site")))
    built = dashboard(lines, stat, events)
    filters = (Condition("datatype", "not", "RAW"), Condition("site", "in", ("PIC",)))
    selection = Selection(**SPAN, filters=filters, variables={"source": ("CERN",)})
    done, finished = (query_of(built, lines, number, selection) for number in lines.numbers)
    assert done.narrowing == filters[:1] and finished.narrowing == ()
    assert query_of(built, stat, stat.numbers[0], selection).narrowing == filters[1:]
    assert filters[1] in panel_questions(built, events, selection)[0].conditions
    assert ignored(built, lines, selection) == ["datatype (fts finished)", "site"]
    assert ignored(built, stat, selection) == ["Source", "datatype"]
    assert ignored(built, events, selection) == ["Source", "datatype"]


def test_definitions_hold_no_query_text() -> None:
    for path in Path(definitions_package.__file__).parent.glob("*.py"):
        text = path.read_text()
        assert not re.search(
            r"select |group by|where\s+\w+\s*=|\$timeFilter|_exists_|bucketAggs", text, re.I
        ), path


WRONG: dict[str, Panel] = {
    "there is no KPI 'x'": Panel(title="p", kind="stat", numbers=(Number(kpi="x"),)),
    "has no number": Panel(title="p", kind="lines"),
    "has no text": Panel(title="p", kind="text"),
    "has no listing": Panel(title="p", kind="events"),
    "has no field 'x'": Panel(title="p", kind="events", listing=Listing(dataset="hosts", columns=("x",))),
    "there is no KPI 'y'": Panel(
        title="p", kind="events", listing=Listing(dataset="rules", columns=(), counted_by="y")
    ),
    "storage_used counts no reports of rules": Panel(
        title="p", kind="events", listing=Listing(dataset="rules", columns=(), counted_by="storage_used")
    ),
    "deletions_done counts no reports of deletions": Panel(
        title="p",
        kind="events",
        listing=Listing(dataset="deletions", columns=(), counted_by="deletions_done"),
    ),
    "lists reports without what they are about: rule_id": Panel(
        title="p", kind="events", listing=Listing(dataset="rules", columns=(), counted_by="rules_stuck")
    ),
    "has filters of its own beside those of rules_stuck": Panel(
        title="p",
        kind="events",
        listing=Listing(dataset="rules", columns=("rule_id",), where={"rse": "A"}, counted_by="rules_stuck"),
    ),
    "without request_id": Panel(
        title="p", kind="events", listing=Listing(dataset="transfers", columns=("name",))
    ),
    "expected one number in a panel of kind stat, found 2": Panel(
        title="p", kind="stat", numbers=(Number(kpi="transfers_done"), Number(kpi="transfers_failed"))
    ),
    "expected 2 to 2 dimensions in a panel of kind matrix, found 1": Panel(
        title="p", kind="matrix", numbers=(Number(kpi="transfers_done", by=("src_site",)),)
    ),
    "transfers_done has no dimension 'rse'": Panel(
        title="p", kind="bars", numbers=(Number(kpi="transfers_done", by=("rse",)),)
    ),
    "grouped differently": Panel(
        title="p",
        kind="table",
        numbers=(Number(kpi="transfers_done", by=("vo",)), Number(kpi="transfers_failed", by=("activity",))),
    ),
    "not a unit: bytes, count": Panel(
        title="p", kind="lines", numbers=(Number(kpi="transfers_done"), Number(kpi="transfer_volume"))
    ),
    "a width of 1 to 24, found 25": Panel(
        title="p", kind="stat", width=25, numbers=(Number(kpi="transfers_done"),)
    ),
    "links to 'x', which is no dashboard": Panel(
        title="p", kind="stat", numbers=(Number(kpi="transfers_done"),), link=Link("x", {})
    ),
    "which has no variable 'vo'": Panel(
        title="p",
        kind="bars",
        numbers=(Number(kpi="transfers_done", by=("vo",)),),
        link=Link("one", {"vo": "vo"}),
    ),
    "links by 'src_site', which it does not group by": Panel(
        title="p",
        kind="bars",
        numbers=(Number(kpi="transfers_done", by=("vo",)),),
        link=Link("one", {"source": "src_site"}),
    ),
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_wrong_is_told(fault: str) -> None:
    (told,) = faults({"one": dashboard(WRONG[fault])})
    assert told.startswith("one: panel 'p': ")
    assert fault in told


def test_two_of_a_name_are_told() -> None:
    panel = Panel(title="p", kind="stat", numbers=(Number(kpi="transfers_done"),))
    assert faults({"two": dashboard(panel, panel, variables=(VO, VO))}) == [
        "two: is named 'one'",
        "two: variable 'vo' stands twice",
        "two: row 'row': 'p' stands twice",
    ]


def test_a_number_takes_only_the_variables_that_its_kpi_knows() -> None:
    chosen = {"source": ("A", "B"), "destination": ("C",), "activity": ("Production",)}
    one = dashboard(variables=(SOURCE, DESTINATION, ACTIVITY))
    selection = Selection(**SPAN, variables=chosen)
    assert filters_of(one, Number(kpi="transfers_done"), selection) == {
        "src_site": ("A", "B"),
        "dst_site": ("C",),
        "activity": ("Production",),
    }
    assert filters_of(one, Number(kpi="network_loss"), selection) == {
        "src_site": ("A", "B"),
        "dst_site": ("C",),
    }
    assert filters_of(one, Number(kpi="network_loss", reverse=True), selection) == {
        "dst_site": ("A", "B"),
        "src_site": ("C",),
    }
    fixed = Number(kpi="transfers_done", where={"activity": "T0"})
    assert filters_of(one, fixed, selection)["activity"] == "T0"
    assert filters_of(one, fixed, Selection(**SPAN, variables={"activity": ()})) == {"activity": "T0"}


def test_only_panels_with_a_time_axis_have_bins() -> None:
    number = Number(kpi="transfers_done")
    selection = Selection(**SPAN, bin_s=3600, noise=False)
    for kind, bin_s in (
        ("lines", 3600),
        ("stacked", 3600),
        ("states", 3600),
        ("stat", None),
        ("table", None),
    ):
        panel = Panel(title="p", kind=kind, numbers=(number,))  # type: ignore[arg-type]
        query = query_of(dashboard(panel), panel, number, selection)
        assert (query.bin_s, query.noise) == (bin_s, False)
    panel = Panel(title="p", kind="stat", numbers=(Number(kpi="network_loss"),))
    (query,) = panel_questions(dashboard(panel), panel, selection)
    assert not isinstance(query, EventsQuery)
    assert query.noise is None  # the dataset has no such mark


@pytest.mark.parametrize(
    ("hours", "chosen", "bin_s"),
    [(1, None, 60), (24, None, 600), (7 * 24, None, 3600), (24, 3600, 3600), (24 * 365, 60, 6307)],
)
def test_bins_are_as_fine_as_can_be_read(hours: int, chosen: int | None, bin_s: int) -> None:
    until = datetime.fromtimestamp(SPAN["since"].timestamp() + hours * 3600, UTC)
    selection = Selection(since=SPAN["since"], until=until, bin_s=chosen)
    assert bin_of(selection) == bin_s
    assert chosen or hours * 3600 / bin_s <= MAX_BINS


def test_listings_are_narrowed_by_what_their_events_have() -> None:
    listing = Listing(dataset="transfers", columns=("name",), where={"ok": False, "source": "rucio"}, limit=7)
    one = dashboard(variables=(SOURCE, VO))
    selection = Selection(**SPAN, noise=False, variables={"source": ("A",), "vo": ()})
    query = listing_of(one, listing, selection)
    assert query.conditions == (
        Condition("ok", "=", False),
        Condition("source", "=", "rucio"),
        Condition("src_site", "in", ("A",)),
        Condition("functional_test", "=", False),
    )
    assert (query.limit, query.columns, query.dataset) == (7, ("name",), "transfers")
    hosts = Listing(dataset="hosts", columns=("metric",))
    assert listing_of(one, hosts, selection).conditions == ()


def test_descriptions_say_what_a_kpi_means() -> None:
    panel = Panel(title="p", kind="stat", numbers=(Number(kpi="transfer_efficiency"),), text="More.")
    told = description_of(panel)
    kpi = CATALOGUE["transfer_efficiency"]
    assert kpi.meaning.rstrip(".") in told
    assert f"warning below {kpi.warning:g}" in told
    assert kpi.null in told
    assert told.endswith("More.")


def test_listings_are_described() -> None:
    """Which events, how many, in which order: in Grafana as on the pages."""
    stuck = Listing(dataset="rules", columns=("scope",), where={"event": "stuck"})
    assert description_of(Panel(title="p", kind="events", listing=stuck)) == (
        'The 50 newest events of the dataset rules whose event is "stuck"; newest first.'
    )
    counted = Listing(dataset="rules", columns=("rule_id",), counted_by="rules_stuck")
    assert description_of(Panel(title="p", kind="events", listing=counted)) == (
        "The reports that rules_stuck counts at the end of the range, each rule_id once; newest first, 50 at most."
    )
    listed = [panel for one in DASHBOARDS.values() for panel in one.panels if panel.listing]
    assert listed and all(description_of(panel) for panel in listed)


def test_rows_are_filled() -> None:
    assert fill_lines([(8, 4), (8, 4), (8, 4)]) == [[(8, 4), (8, 4), (8, 4)]]
    assert fill_lines([(12, 8), (12, 9), (12, 8)]) == [[(12, 9), (12, 9)], [(24, 8)]]
    assert fill_lines([(5, 4), (5, 4), (5, 4)]) == [[(8, 4), (8, 4), (8, 4)]], (
        "what a store cannot answer leaves no gap"
    )
    assert fill_lines([(7, 4), (6, 4)]) == [[(13, 4), (11, 4)]] and fill_lines([]) == []


def test_all_questions_can_be_asked() -> None:
    """Every dashboard, every variable chosen: nothing that a compiler would refuse to be asked."""
    for one in DASHBOARDS.values():
        variables = {variable.name: ("x",) for variable in one.variables}
        asked = questions_of(one, Selection(**SPAN, noise=True, variables=variables))
        assert len(asked) == sum(max(1, len(panel.numbers)) for panel in one.panels) + 2  # marks on time axes
        assert msgspec.json.encode([repr(question) for question in asked])
