"""From answers to what is drawn."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from msgspec import structs

from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.model import Link, Listing, Number, Panel
from lakescope.dashboards.pages.pictures import GROUPS_MAX, Rows, is_empty, pictures
from lakescope.dashboards.questions import Selection, as_chosen, downtimes_of, incidents_of, questions_of
from lakescope.dashboards.theme import LIGHT
from lakescope.kpis import UnsupportedError
from lakescope.kpis.units import DASH
from tests.dashboards.web._small import (
    BY_LINK,
    EVENTS,
    HOSTILE,
    LINK,
    SELECTION,
    SINCE,
    at,
    dashboard,
    every_kind,
    panel,
    picture,
)


def test_a_stat_says_its_level_and_why_it_has_no_value() -> None:
    (tile,) = picture(panel("stat", "transfer_efficiency"), [{"value": 0.7}])["tiles"]
    assert (tile["text"], tile["level"], tile["note"]) == ("70 %", "warning", "")
    (tile,) = picture(panel("stat", "transfer_efficiency"), [{"value": None}])["tiles"]
    assert (tile["text"], tile["level"], tile["note"]) == (DASH, None, "No transfer ended")
    (tile,) = picture(panel("stat", "oldest_stuck_rule"), [{"value": None}])["tiles"]
    assert tile["note"] == "No rule is stuck, or Rucio does not say since when", "names keep their capitals"
    (tile,) = picture(panel("stat", "transfers_done"), [])["tiles"]
    assert tile["value"] == 0, "a count of nothing is known"


def test_a_table_joins_its_numbers_by_group_the_greatest_first() -> None:
    failed: Rows = [{"src_site": site, "value": value} for site, value in (("A", 1), ("B", 7), (None, 3))]
    share: Rows = [{"src_site": "A", "value": 0.4}, {"src_site": "D", "value": None}]
    drawn = picture(
        panel("table", "transfers_failed", "transfer_efficiency", by=("src_site",), link=Link("x", {"s": "src_site"})),
        failed,
        share,
    )  # fmt: skip
    assert [group["names"] for group in drawn["groups"]] == [["B"], ["unknown"], ["A"], ["D"]]
    assert [group["link"]["variables"]["s"] for group in drawn["groups"]] == ["B", "", "A", "D"]
    texts = [[cell["text"] for cell in group["cells"]] for group in drawn["groups"]]
    assert texts == [["7", DASH], ["3", DASH], ["1", "40 %"], ["0", DASH]], (
        "D has failed nothing: a number too"
    )
    assert drawn["note"] == ""


def test_groups_of_which_nothing_is_known_are_not_there() -> None:
    rows: Rows = [{"src_site": "A", "value": None}, {"src_site": "B", "value": 0.5}]
    drawn = picture(panel("bars", "transfer_efficiency", by=("src_site",)), rows)
    assert [group["names"] for group in drawn["groups"]] == [["B"]]
    assert drawn["groups"][0]["cells"][0]["share"] == 0.5, "a share is drawn of 1, not of the greatest"


def test_of_what_goes_well_the_worst_comes_first() -> None:
    rows: Rows = [
        {"src_site": site, "value": value}
        for site, value in (("A", 0.9), ("B", None), ("C", 0.2), ("D", 0.5))
    ]
    drawn = picture(panel("table", "transfer_efficiency", by=("src_site",)), rows)
    assert [group["names"] for group in drawn["groups"]] == [["C"], ["D"], ["A"]]
    rows = [{"src_site": f"S{i}", "value": i / 2000} for i in range(2000, 0, -1)]
    drawn = picture(panel("table", "transfer_efficiency", by=("src_site",)), rows)
    assert [group["names"] for group in drawn["groups"]] == [[f"S{i}"] for i in range(1, GROUPS_MAX + 1)]
    assert drawn["note"] == "the worst 1000 of 2000"


def test_a_matrix_has_sorted_axes_and_no_cell_where_nothing_is_known() -> None:
    rows: Rows = [
        {"src_site": "B", "dst_site": "A", "value": 0.9},
        {"src_site": "A", "dst_site": "C", "value": 0.3},
        {"src_site": None, "dst_site": "A", "value": 1.0},
        {"src_site": "Z", "dst_site": "Z", "value": None},
    ]
    drawn = picture(panel("matrix", "transfer_efficiency", by=BY_LINK, link=LINK), rows)
    assert (drawn["down"], drawn["across"]) == (["A", "B", "unknown"], ["A", "C"])
    cells = {(cell["row"], cell["column"]): (cell["text"], cell["level"]) for cell in drawn["cells"]}
    assert cells == {(1, 0): ("90 %", "good"), (0, 1): ("30 %", "critical"), (2, 0): ("100 %", "good")}
    assert drawn["cells"][0]["link"]["variables"] == {"source": "B", "destination": "A"}
    assert drawn["cells"][2]["link"]["variables"] == {"source": "", "destination": "A"}


def test_a_gap_is_null_where_unknown_and_nought_where_counted() -> None:
    drawn = picture(panel("lines", "transfer_efficiency"), [at(0, 0.9), at(3, 0.5)])
    assert drawn["series"][0]["values"] == [0.9, None, None, 0.5, None, None]
    drawn = picture(panel("stacked", "transfers_done"), [at(1, 4)])
    assert drawn["series"][0]["values"] == [0, 4, 0, 0, 0, 0]


def test_bins_begin_before_a_range_that_does_not_begin_with_one() -> None:
    selection = Selection(since=SINCE + timedelta(minutes=3), until=SINCE + timedelta(minutes=13), bin_s=600)
    drawn = picture(panel("lines", "transfer_efficiency"), [at(0, 0.9), at(1, 0.8)], selection=selection)
    assert drawn["times"][0] == SINCE.timestamp() * 1000
    assert drawn["series"][0]["values"] == [0.9, 0.8]


def test_too_many_series_become_the_greatest_and_the_rest() -> None:
    rows = [at(0, i, activity=f"a{i:02}") for i in range(20)]
    drawn = picture(panel("stacked", "transfers_done", by=("activity",)), rows)
    assert [line["name"] for line in drawn["series"]][-2:] == ["a14", "all others (14)"]
    assert sum(sum(line["values"]) for line in drawn["series"]) == sum(range(20)), "nothing is lost of a sum"
    rows = [at(0, i / 20, src_site=f"s{i:02}") for i in range(20)]
    drawn = picture(panel("lines", "transfer_efficiency", by=("src_site",)), rows)
    assert drawn["series"][0]["name"] == "s00" and drawn["note"] == "the worst 12 of 20"


def test_a_good_cell_is_the_deeper_the_better() -> None:
    rows: Rows = [
        {"src_site": "A", "dst_site": str(i), "value": v} for i, v in enumerate((0.8, 0.84, 0.98, 1.0, 0.7))
    ]
    drawn = picture(panel("matrix", "transfer_efficiency", by=BY_LINK), rows)
    assert [(cell["level"], cell["share"]) for cell in drawn["cells"][:4]] == [
        ("good", 0.0), ("good", 0.2), ("good", 0.9), ("good", 1.0),
    ]  # fmt: skip
    grounds = [LIGHT.fill(cell["level"], cell["share"])[0] for cell in drawn["cells"]]
    assert len(set(grounds)) == 5
    rows = [{"src_site": "A", "dst_site": str(i), "value": v} for i, v in enumerate((0.0, 0.0005))]
    drawn = picture(panel("matrix", "network_loss", by=BY_LINK), rows)
    assert [cell["share"] for cell in drawn["cells"]] == [1.0, 0.5], "of what is bad none is the best"


def test_a_change_has_its_sign() -> None:
    for value, text in ((0.183, "+18.3 %"), (-0.183, "-18.3 %"), (0.0, "0 %")):
        (tile,) = picture(panel("stat", "transfer_efficiency_change"), [{"value": value}])["tiles"]
        assert tile["text"] == text


def test_what_fails_is_told_from_what_goes_well() -> None:
    numbers = (Number(kpi="transfers_done", label="arrived"), Number(kpi="transfers_failed", label="failed"))
    drawn = picture(Panel(title="Both", kind="stacked", numbers=numbers), [at(0, 5)], [at(0, 2)])
    assert [(line["name"], line["bad"]) for line in drawn["series"]] == [("arrived", False), ("failed", True)]


def test_a_refusal_is_said_and_takes_nothing_else_along() -> None:
    refusal = UnsupportedError("InfluxDB has no files")
    assert picture(panel("stat", "files_failing"), refusal)["refused"] == "InfluxDB has no files"
    drawn = picture(
        panel("table", "transfers_failed", "files_failing", by=("src_site",)),
        [{"src_site": "A", "value": 1}],
        refusal,
    )
    assert drawn["notes"] == ["InfluxDB has no files"] and drawn["columns"] == ["transfers failed"]


def test_events_have_words_and_the_way_to_their_story() -> None:
    row = {
        "time": "2026-01-05T12:00:01Z",
        "src_rse": None,
        "bytes": 5_000_000,
        "error": HOSTILE,
        "request_id": "ab",
    }
    drawn = picture(EVENTS, [row])
    assert drawn["columns"] == ["time (UTC)", "source RSE", "bytes", "error"]
    assert drawn["events"] == [
        {"time": row["time"], "texts": ["", "5 MB", HOSTILE], "story": "ab", "explained": [None] * 3}
    ]


def test_rules_jobs_and_files_have_the_way_to_what_they_wait_for() -> None:
    columns = ("rule_id", "job_id", "scope", "name", "error")
    row = {
        "time": "2026-01-05T12:00:01Z",
        "rule_id": "r",
        "job_id": "j",
        "scope": "s",
        "name": "n",
        "error": "e",
    }
    listing = structs.replace(EVENTS, listing=Listing(dataset="transfers", columns=columns))
    explained = [picture(listing, [one])["events"][0]["explained"] for one in (row, {**row, "scope": None})]
    assert explained[0] == [["rule", "r"], ["fts_job", "j"], None, ["did", "s:n"], None]
    assert explained[1] == [["rule", "r"], ["fts_job", "j"], None, None, None]


def test_everything_drawn_is_plain_json() -> None:
    built, answers = every_kind()
    drawn = pictures(built, SELECTION, answers)
    assert msgspec.json.decode(msgspec.json.encode(drawn)) == drawn
    assert not any(map(is_empty, drawn))
    assert [one["id"] for one in drawn] == [f"panel{i}" for i in range(len(drawn))]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_answers_of_an_empty_store_can_be_drawn(name: str) -> None:
    found = DASHBOARDS[name]
    drawn = pictures(found, SELECTION, [[] for _ in questions_of(found, SELECTION)])
    assert [one["title"] for one in drawn] == [as_chosen(found, one).title for one in found.panels]
    assert not any(one.get("refused") for one in drawn)
    for one in drawn:
        assert is_empty(one) == (one["kind"] != "stat" or one["tiles"][0]["value"] is None), one["title"]


def test_a_large_matrix_takes_the_whole_width() -> None:
    matrix = Panel(
        title="m",
        kind="matrix",
        width=12,
        numbers=(Number(kpi="transfer_efficiency", by=("src_site", "dst_site")),),
    )
    stat = panel("stat", "transfers_done", width=12)
    for sites, width in ((40, 12), (41, 24)):
        rows = [{"src_site": "A", "dst_site": f"S{n}", "value": 0.9} for n in range(sites)]
        drawn = pictures(dashboard(matrix, stat), SELECTION, [rows, []])
        assert [one["width"] for one in drawn] == [width, width], (
            "and what stood beside it fills its own line"
        )


def test_names_are_sorted_as_a_person_does() -> None:
    matrix = Panel(
        title="m", kind="matrix", numbers=(Number(kpi="transfers_done", by=("src_site", "dst_site")),)
    )
    names = ["S-10", "S-2", "B", None, "S-2a", "10", "9"]
    rows = [{"src_site": "A", "dst_site": name, "value": 1} for name in names]
    assert picture(matrix, rows)["across"] == ["B", "S-2", "S-2a", "S-10", "9", "10", "unknown"]


def test_time_axes_show_when_services_failed_their_checks() -> None:
    lines = Panel(title="l", kind="lines", numbers=(Number(kpi="transfers_done"),))
    built = dashboard(lines)
    checks = [
        {"time": "2026-01-05T12:10:00Z", "site": site, "value": value}
        for site, value in (("LAPP", 0.25), ("PIC", 0.9), (None, 0.0), ("X", None))
    ]
    (drawn,) = pictures(built, SELECTION, [[], checks, []])
    assert drawn["incidents"] == [{"i": 1, "text": "probe success rate: LAPP 25 %, unknown 0 %"}]
    (drawn,) = pictures(built, SELECTION, [[], UnsupportedError("no"), UnsupportedError("no")])
    assert drawn["incidents"] == drawn["downtimes"] == []
    assert incidents_of(SELECTION).by == ("site",)


def test_time_axes_show_declared_downtimes() -> None:
    lines = Panel(title="l", kind="lines", numbers=(Number(kpi="transfers_done"),))
    rows = [
        {
            "time": "2026-01-05T12:10:00Z",
            "site": site,
            "severity": severity,
            "classification": "scheduled",
            "value": s,
        }
        for site, severity, s in (("PIC", "outage", 60.0), (None, None, 5.0), ("LAPP", "warning", 0.0))
    ]
    (drawn,) = pictures(dashboard(lines), SELECTION, [[], [], rows])
    assert drawn["downtimes"] == [{"i": 1, "places": ["PIC (scheduled outage)", "unknown (scheduled)"]}]


def test_downtimes_are_those_of_the_chosen_places() -> None:
    chosen = {"source": ("A",), "destination": ("B",), "rse": ("R",), "vo": ("x",)}
    built = DASHBOARDS["transfers"]
    assert downtimes_of(built, structs.replace(SELECTION, variables=chosen)).filters == {"site": ("A", "B")}
    built = DASHBOARDS["storage"]
    assert downtimes_of(built, structs.replace(SELECTION, variables=chosen)).filters == {
        "rse": ("R", "ambiguous")
    }
    assert downtimes_of(built, SELECTION).filters == {}
