"""The charts: what stands in a spec, and that Vega draws it, at ten sites and at a hundred."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import vl_convert

from lakescope.dashboards.pages import vega
from lakescope.dashboards.pages.pictures import pictures
from lakescope.dashboards.pages.sheet import width_of
from lakescope.dashboards.theme import CSS, DARK, LIGHT
from tests.dashboards.web._small import BY_LINK, HOSTILE, SELECTION, at, every_kind, panel, picture

CHARTS = ("matrix", "lines", "stacked", "states", "bars")


def drawn(sites: int) -> dict[str, Any]:
    """Kind -> picture."""
    built, answers = every_kind(sites)
    return {one["kind"]: one for one in pictures(built, SELECTION, answers)}


def svg(spec: Any) -> str:
    made: str = vl_convert.vegalite_to_svg(spec, show_warnings=True)
    return made


@pytest.mark.parametrize("kind", CHARTS)
@pytest.mark.parametrize("sites", [10, 100])
def test_vega_draws_it_without_complaint(kind: str, sites: int, capfd: pytest.CaptureFixture[str]) -> None:
    one = drawn(sites)[kind]
    made = svg(vega.spec(one, LIGHT, width=700, height=220))
    assert "NaN" not in made and "undefined" not in made
    assert capfd.readouterr().err == ""
    if kind == "matrix":
        assert made.count('role="graphics-symbol"') >= sites * sites


@pytest.mark.parametrize("kind", ["matrix", "states", "bars"])
def test_every_group_has_its_name_uncut(kind: str) -> None:
    one = drawn(12)[kind]
    made = svg(vega.spec(one, LIGHT, width=900))
    labels = re.findall(r"<text[^>]*>([^<]*)</text>", made)
    for i in range(1, 12):
        assert f"SITE-{i}" in labels


def test_a_hostile_name_is_text_and_never_syntax() -> None:
    made = svg(vega.spec(drawn(3)["states"], LIGHT, width=900))
    assert "<script>" not in made and "&lt;script&gt;" in made


def test_times_are_utc_from_the_beginning_to_the_end() -> None:
    made = svg(vega.spec(drawn(3)["lines"], LIGHT, width=700))
    labels = re.findall(r">(\d\d:\d\d)</text>", made)
    assert labels[0] == "12:00" and labels[-1] == "13:00"


def test_a_lonely_value_is_a_dot_and_a_gap_breaks_the_line() -> None:
    one = picture(panel("lines", "transfer_efficiency"), [at(0, 0.9), at(1, 0.9), at(3, 0.5)])
    spec = vega.spec(one, LIGHT)
    assert [value["v"] for value in spec["data"]["values"]] == [90, 90, None, 50, None, None]
    (dots,) = [layer for layer in spec["layer"] if layer["mark"].get("type") == "point"]
    assert [dot["v"] for dot in dots["data"]["values"]] == [50]


def test_bounds_are_rules_where_they_are_near() -> None:
    def rules(*rows: dict[str, Any]) -> list[float]:
        spec = vega.spec(picture(panel("lines", "queue_time_p95"), list(rows)), LIGHT)
        return [layer["data"]["values"][0]["v"] for layer in spec["layer"] if "strokeDash" in layer["mark"]]

    assert rules(at(0, 60.0)) == []
    assert rules(at(0, 5 * 3600.0)) == [6], "the axis counts hours here"
    assert len(rules(at(0, 2 * 86400.0))) == 2


def test_the_axis_says_its_unit() -> None:
    one = picture(panel("lines", "network_throughput"), [at(0, 1e10)])
    made = svg(vega.spec(one, LIGHT))
    assert ">Gb/s</text>" in made and ">10</text>" in made


def test_series_are_told_apart_by_more_than_colour() -> None:
    rows = [at(0, i / 20, src_site=f"s{i:02}") for i in range(12)]
    looks = vega.looks(picture(panel("lines", "transfer_efficiency", by=("src_site",)), rows), LIGHT)
    assert len({(look.colour, look.dashed) for look in looks}) == 12
    rows = [at(0, i, activity=f"a{i:02}") for i in range(20)]
    looks = vega.looks(picture(panel("stacked", "transfers_done", by=("activity",)), rows), DARK)
    assert len({look.colour for look in looks}) == len(looks) == 7, "six colours, and grey for the others"


def test_the_page_s_theme_changes_with_the_page() -> None:
    one = drawn(3)["matrix"]
    text = json.dumps(vega.spec(one, CSS))
    assert "var(--good)" in text and not re.search(r"#[0-9a-f]{6}\b", text)


def test_an_empty_pair_stays_an_empty_square() -> None:
    rows = [
        {"src_site": "A", "dst_site": "B", "value": 1.0},
        {"src_site": "B", "dst_site": "A", "value": 1.0},
    ]
    spec = vega.spec(picture(panel("matrix", "transfer_efficiency", by=BY_LINK), rows), LIGHT)
    squares, cells, texts = spec["layer"]
    assert len(squares["data"]["values"]) == 4 and len(spec["data"]["values"]) == 2
    assert (cells["mark"], texts["mark"]["type"]) == ("rect", "text")


def test_square_cells_are_as_wide_as_their_texts() -> None:
    for kpi, value in (
        ("transfer_efficiency", 0.5),
        ("network_throughput", 7.3e9),
        ("network_loss", 0.0000421),
    ):
        rows = [{"src_site": "A", "dst_site": "B", "value": value}]
        one = picture(panel("matrix", kpi, by=BY_LINK), rows)
        spec = vega.spec(one, LIGHT)
        assert spec["width"] == spec["height"]
        assert spec["width"]["step"] >= width_of(one["cells"][0]["text"], 10.5) + 6


def test_what_has_nothing_to_draw_is_not_drawable() -> None:
    assert not vega.is_drawable(picture(panel("lines", "transfer_efficiency"), []))
    assert vega.is_drawable(drawn(3)["bars"]) and not vega.is_drawable(drawn(3)["table"])


def test_a_chart_is_said_in_words() -> None:
    assert vega.describe(drawn(3)["lines"]).startswith(f"A lines, over time: {HOSTILE}, SITE-1")


def test_incidents_are_shaded_behind_all_else() -> None:
    for kind in ("lines", "stacked"):
        found = drawn(3)[kind]
        plain = vega.spec(found, LIGHT)
        marked = vega.spec(found | {"incidents": [{"i": 1, "text": "x"}]}, LIGHT)
        shade, *rest = marked["layer"]
        assert rest == plain["layer"]
        assert shade["data"]["values"] == [{"t": found["times"][1], "end": found["times"][2]}]
        assert "failed their checks in 1 of" in marked["description"]


def test_declared_downtimes_are_shaded_and_said_in_words() -> None:
    found = drawn(3)["lines"]
    marked = vega.spec(found | {"downtimes": [{"i": 1, "places": ["PIC (outage)"]}]}, LIGHT)
    shade, *rest = marked["layer"]
    assert rest == vega.spec(found, LIGHT)["layer"]
    assert (shade["mark"]["color"], len(shade["data"]["values"])) == (LIGHT.muted, 1)
    assert "downtimes were declared for PIC (outage)" in marked["description"]
