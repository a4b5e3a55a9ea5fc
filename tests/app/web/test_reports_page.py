"""/reports: kept revisions, their forms, what changed between two; in a real browser, over reports of a real store."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec import structs
from playwright.sync_api import Browser, Page, expect

from lakescope.core.extras import MissingExtraError
from lakescope.reports import writing
from lakescope.reports.archive import Archive
from tests.app.web._lake import HOSTILE
from tests.app.web._watched import watched_page
from tests.app.web.test_dashboards_page import PHONE
from tests.app.web.test_status_page import FAINT_TEXTS, luminance, overflow
from tests.contract._running import Archiving, Running
from tests.reports._store import MONDAY, hourly, store_of, weekly_report

WEEK = "/reports/weekly/all/2026-W47"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Two revisions of a week, one of a VO with a hostile name, and a file that is damaged."""
    folder = tmp_path_factory.mktemp("lake")
    with Archiving(folder, '[collectors.push]\ntype = "http"\n') as running:
        archive = Archive(running.data_dir / "reports")
        with store_of(hourly(range(168), failed_every=4), folder) as sink:
            report = archive.keep(weekly_report(sink, "2026-W47", None, MONDAY))
            late = hourly(range(10), first=500, dst_site=HOSTILE, dst_rse=HOSTILE)
            sink.write([(event.dataset, msgspec.json.encode(event)) for event in late])
            archive.keep(weekly_report(sink, "2026-W47", None, MONDAY + timedelta(days=1)))
        archive.keep(structs.replace(report, vo=HOSTILE, title=f"Data lake health, VO {HOSTILE}"))
        (archive.folder / "weekly/all/2026-W47/3.json").write_text("{")
        yield running


@pytest.fixture
def page(browser: Browser, lake: Running) -> Iterator[Page]:
    with watched_page(browser, lake) as page:
        yield page


def test_from_the_list_to_what_changed_and_to_the_report(page: Page) -> None:
    page.goto("/runbooks")
    page.get_by_role("navigation").get_by_role("link", name="Reports").click()
    rows = page.get_by_role("region", name="Reports").last.locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("all VOs")
    assert rows.nth(0).locator("td, th").all_inner_texts()[2:4] == ["2026-W47", "2"]
    expect(page.get_by_label("Files that cannot be read")).to_contain_text(
        "reports/weekly/all/2026-W47/3.json: expected a revision of a report"
    )
    rows.nth(0).get_by_role("link").click()
    expect(page).to_have_title("Data lake health, week 2026-W47 · Reports · Lakescope")
    changes = page.get_by_role("region", name="What changed from revision 1 to 2").last.locator("tbody tr")
    (volume,) = changes.filter(has_text="Indicators: Transferred volume: This week").all()
    assert volume.locator("td").all_inner_texts() == ["Summary", "126 GB", "136 GB"]
    page.get_by_role("link", name="Open the report").click()
    expect(page.get_by_text("Data lake health, week 2026-W47").first).to_be_visible()
    image = page.locator("img").first
    assert image.evaluate("one => one.complete && one.naturalWidth > 0")
    assert page.locator("table").first.evaluate("one => getComputedStyle(one).borderCollapse") == "collapse"


def test_a_hostile_name_is_text(page: Page) -> None:
    page.goto("/reports")
    row = page.locator("tbody tr").filter(has_text=HOSTILE)
    row.get_by_role("link").click()
    expect(page.locator("h1").last).to_have_text(f"Data lake health, VO {HOSTILE}")
    page.get_by_role("link", name="All reports").click()
    expect(page.get_by_role("region", name="Reports").last).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/reports", f"{WEEK}/2"])
def test_everything_can_be_read_on_a_screen_and_a_phone(page: Page, path: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(path)
    expect(page.locator("#content")).to_have_attribute("aria-busy", "false")
    assert (luminance(page) < 0.2) == (scheme == "dark")
    assert page.evaluate(FAINT_TEXTS) == []
    page.set_viewport_size(PHONE)
    assert overflow(page) <= 0


def test_downloads_are_of_the_revision(lake: Running) -> None:
    path = lake.data_dir / "reports/weekly/all/2026-W47/1.json"
    answer = lake.get(f"{WEEK}/1/report.json")
    assert answer.content == path.read_bytes()
    assert answer.headers["content-disposition"].startswith(
        'attachment; filename="lakescope-weekly-all-2026-W47-1-'
    )
    assert lake.get(f"{WEEK}/1/report.pdf").content.startswith(b"%PDF-")
    with zipfile.ZipFile(io.BytesIO(lake.get(f"{WEEK}/1/tables.zip").content)) as tables:
        assert b"Transferred files" in tables.read("summary.csv")


def test_the_report_is_in_a_sandbox_and_the_pages_are_not_weakened(lake: Running) -> None:
    policies = [
        lake.get(f"{WEEK}/2{name}").headers["content-security-policy"] for name in ("", "/report.html")
    ]
    assert "unsafe" not in policies[0] and "sandbox" not in policies[0]
    assert "script-src" not in policies[1] and policies[1].startswith("default-src 'none'")
    assert policies[1].endswith("; sandbox")


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        (f"{WEEK}/9", 404, "there is no report"),
        (f"{WEEK}/3", 503, "3.json: expected a revision"),
        (f"{WEEK}/2?against=3", 503, "3.json: expected a revision"),
        (f"{WEEK}/3/report.json", 503, "3.json: expected a revision"),
        (f"{WEEK}/1/lakescope.toml", 404, "no form"),
        ("/reports/weekly/%2e%2e/%2e%2e/1/report.json", 404, ""),
        ("/reports/weekly/all/..%5c/1/report.json", 404, "there is no report"),
        (f"{WEEK}/%3Cscript%3E", 422, ""),
    ],
)
def test_what_is_not_there_is_said(lake: Running, path: str, status: int, text: str) -> None:
    answer = lake.get(path)
    assert (answer.status_code, text in answer.text) == (status, True), answer.text[-600:]
    assert "<script>" not in answer.text or answer.headers["content-type"] == "application/json"


def test_without_the_extra_the_rest_can_be_downloaded(lake: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "missing", lambda _: MissingExtraError("typst"))
    answer = lake.get(f"{WEEK}/1/report.pdf")
    assert (answer.status_code, "pip install 'lakescope[reports]'" in answer.text) == (501, True)
    assert lake.get(f"{WEEK}/1/report.md").text.startswith("#")
