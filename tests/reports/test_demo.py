"""The newcomer's first report, of a simulated week whose incidents are known."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lakescope.app import report_demo
from lakescope.app.report_demo import WEEK
from lakescope.cli import app
from lakescope.reports.model import Cell, Report, Section
from lakescope.reports.writing import read_json


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each kind in its own folder; the week is simulated once."""
    folder = tmp_path_factory.mktemp("demo")
    with report_demo.demo_store() as sink, pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_demo, "demo_store", lambda: nullcontext(sink))
        for kind in (["weekly"], ["daily"], ["site", "CERN-PROD"]):
            done = CliRunner().invoke(app, ["report", *kind, "--demo", "--out", str(folder / kind[0])])
            assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def out(reports: Path) -> Path:
    return reports / "weekly"


@pytest.fixture(scope="module")
def report(out: Path) -> Report:
    return read_json((out / "report.json").read_bytes())


def section(report: Report, name: str) -> Section:
    return next(one for one in report.sections if one.name == name)


def test_it_is_of_a_whole_week(report: Report) -> None:
    assert report.title == f"Data lake health, week {WEEK.name}"
    assert report.computed == "2026-01-19T07:00:00Z"
    assert section(report, "completeness").state == "good"


def test_it_names_the_incidents_that_were_simulated(report: Report) -> None:
    (table,) = section(report, "incidents").tables
    assert [(row[0], row[2]) for row in table.rows] == [
        ("2026-01-18 19:45", "source CERN-PROD"),  # site_down CERN-PROD from 19:41
        ("2026-01-13 21:10", "destination RSE CNAF-STORM"),  # disk_full CNAF-STORM; its first failure is then
    ]
    (errors,) = section(report, "errors").tables
    new = [row[0] for row in errors.rows if isinstance(row[3], Cell) and row[3].text == "new"]
    assert len(new) >= 3 and all("space" in str(template).lower() for template in new)


def test_every_section_has_something_to_show(report: Report) -> None:
    empty = [table.name for one in report.sections for table in one.tables if not table.rows]
    assert not empty
    assert [note for one in report.sections for note in one.notes] == [section(report, "causes").notes[0]]


def test_it_says_why_the_efficiency_fell(report: Report) -> None:
    """The disk that was full is INFN-CNAF's."""
    (text,) = [one.text for one in report.changes if one.text.startswith("Transfer efficiency fell")]
    assert (
        "-1.6 points on CERN-PROD \N{RIGHTWARDS ARROW} INFN-CNAF, where it fell from 96.4 % to 73.1 %" in text
    )


def test_documents_keep_their_sizes(out: Path) -> None:
    text = (out / "report.html").read_text()
    assert len(text) < 10**6
    assert len(re.sub(r"data:image/png;base64,[^\"]*", "", text)) < 100_000
    assert (out / "report.eml").stat().st_size < 10**6


def test_it_has_one_week(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        app, ["report", "weekly", "--demo", "--week", "2026-W03", "--out", str(tmp_path / "out")]
    )
    assert isinstance(done.exception, RuntimeError)
    assert not (tmp_path / "out").exists()


def test_the_day_is_short_and_names_its_incident(reports: Path) -> None:
    daily = read_json((reports / "daily/report.json").read_bytes())
    assert daily.title == "Data lake health, day 2026-01-18"
    assert [one.name for one in daily.sections] == [
        "completeness", "summary", "incidents", "worst_links", "others",
    ]  # fmt: skip
    (row,) = section(daily, "incidents").tables[0].rows
    assert row[:3] == ["2026-01-18 19:45", "2.42 h", "source CERN-PROD"]
    texts = [one.sentence.text for one in daily.findings]
    assert "Transfers from CERN-PROD: efficiency 78.7 % of 253 attempts." in texts
    (links,) = section(daily, "worst_links").tables
    assert len(links.rows) == 10
    failures = [row[2].value for row in links.rows if isinstance(row[2], Cell) and row[2].value]
    assert len(failures) == 10 and failures == sorted(failures, reverse=True)
    text = (reports / "daily/report.txt").read_text()
    assert len(text) <= 3000
    assert "What to do:" in text and "source CERN-PROD" in text and f"{links.rows[0][0]} " in text
    assert text.count("\N{RIGHTWARDS ARROW}") >= 10


def test_a_site_has_its_fault_and_no_other_sites_but_as_peers(reports: Path) -> None:
    site = read_json((reports / "site/report.json").read_bytes())
    assert (site.title, site.site) == (f"Site CERN-PROD, week {WEEK.name}", "CERN-PROD")
    (row,) = section(site, "incidents").tables[0].rows  # not the full disk of another site
    assert row[:3] == ["2026-01-18 19:45", "2.42 h", "source CERN-PROD"]
    (used, *_) = section(site, "storage").tables
    assert {row[0] for row in used.rows} == {"EULAKE-1", "EULAKE-2"}
    for name in ("as_source", "as_destination"):
        (sentence,) = section(site, name).sentences
        assert "CERN-PROD" in sentence.text
        assert section(site, name).tables[0].rows and section(site, name).tables[1].rows
    (downtimes,) = [one for one in section(site, "services").tables if one.name == "downtimes"]
    assert {tuple(row[:2]) for row in downtimes.rows} == {("2026-01-18 19:31", "2026-01-18 22:19")}
    assert "incidents_began" not in {one.kpi for one in site.queries}  # it would be the whole lake's
    own = [one for one in site.queries if "--where" in one.command]
    assert own and all("CERN-PROD" in one.command or "_rse=" in one.command for one in own)
    assert not re.search(r"CNAF-STORM|INFN-NA-DPM", (reports / "site/report.txt").read_text())
