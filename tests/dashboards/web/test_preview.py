"""Previews: files that need nothing beside themselves."""

from __future__ import annotations

import json
import re
import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest

from lakescope.dashboards.pages.pictures import Answer, DashboardAnswer
from lakescope.dashboards.pages.preview import preview, svg
from lakescope.dashboards.pages.sheet import fit_text, width_of, wrap_text
from lakescope.dashboards.theme import DARK, LIGHT, Theme
from lakescope.kpis import UnsupportedError
from tests.dashboards.web._small import HOSTILE, SELECTION, every_kind

SVG = "{http://www.w3.org/2000/svg}"


def answered(sites: int = 3) -> DashboardAnswer:
    built, answers = every_kind(sites)
    return DashboardAnswer.of(built, SELECTION, answers, "duck")


def drawing(one: DashboardAnswer, theme: Theme = LIGHT) -> ET.Element:
    return ET.fromstring(svg(one, theme))


def test_a_page_and_a_picture_for_each_theme(tmp_path: Path) -> None:
    written = list(preview([answered()], tmp_path / "out"))
    assert [path.name for path in written] == ["small.html", "small-light.png", "small-dark.png"]
    for path in written[1:]:
        header = path.read_bytes()[:24]
        assert header[:8] == b"\x89PNG\r\n\x1a\n"
        assert struct.unpack(">I", header[16:20]) == (2000,)


def test_the_page_is_whole(tmp_path: Path) -> None:
    (path,) = preview([answered()], tmp_path, themes=())
    text = path.read_text()
    assert not re.search(r'<(?:script|link)[^>]*(?:src|href)="(?!data:)', text)
    (data,) = re.findall(r'<script type="application/json" id="inlined">(.*?)</script>', text, re.S)
    document = json.loads(data)
    assert document["layout"]["name"] == "small" and len(document["data"]["panels"]) == 9
    assert HOSTILE not in text.replace(data, ""), "its text is nowhere but in the data"
    assert document["data"]["panels"][8]["text"] == HOSTILE
    ends = re.findall("</script", text, re.IGNORECASE)
    assert len(ends) == text.count("<script") - text.count("<script>alert"), "nothing ends a script early"


@pytest.mark.parametrize("sites", [3, 40])
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_no_text_leaves_its_panel_or_the_sheet(sites: int, theme: Theme) -> None:
    root = drawing(answered(sites), theme)
    width = float(root.attrib["width"])
    for text in root.iter(f"{SVG}text"):
        if "x" not in text.attrib or not text.text:
            continue  # a chart's: Vega keeps it inside
        x, size = float(text.attrib["x"]), float(text.attrib["font-size"])
        taken = width_of(text.text, size, bold="font-weight" in text.attrib)
        left = x - taken * {"start": 0.0, "middle": 0.5, "end": 1.0}[text.attrib["text-anchor"]]
        assert left >= 0 and left + taken <= width, text.text


def test_the_picture_says_all_that_the_dashboard_says() -> None:
    root = drawing(answered())
    said = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))
    for words in (
        "Small",
        "Why?",
        "72 %",
        "warning",
        "A matrix",
        "Failed last",
        "2 MB",
        "from duck",
        "2026-01-05 12:00",
    ):
        assert words in said, words
    assert HOSTILE in said


def test_a_refusal_and_an_empty_panel_are_words() -> None:
    built, given = every_kind()
    answers: list[Answer] = [UnsupportedError("no percentiles here"), *([] for _ in given[1:])]
    root = drawing(DashboardAnswer.of(built, SELECTION, answers, "duck"))
    said = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))
    assert "Cannot be shown: no percentiles here" in said and "Nothing to show:" in said


def test_what_another_lakescope_says_is_read_back() -> None:
    one = answered()
    document = msgspec.json.decode(msgspec.json.encode(one.document()))
    again = DashboardAnswer.read(one.dashboard, document)
    assert again.document() == document
    drawn = [re.sub(r"clip\d+", "clip", svg(same, LIGHT)) for same in (one, again)]  # Vega counts on and on
    assert drawn[0] == drawn[1]


def test_ids_of_charts_do_not_meet() -> None:
    root = drawing(answered())
    ids = [node.attrib["id"] for node in root.iter() if "id" in node.attrib]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"url\(#([\w-]+)\)", ET.tostring(root, encoding="unicode")))
    assert used <= set(ids)


def test_texts_are_cut_and_wrapped_to_what_fits() -> None:
    text = "transfers from the first site to the second one"
    assert fit_text(text, 12, 1000) == text
    assert fit_text(text, 12, 100).endswith("…") and width_of(fit_text(text, 12, 100), 12) <= 100
    lines = wrap_text(text, 12, 120)
    assert " ".join(lines) == text and all(width_of(line, 12) <= 120 for line in lines)
