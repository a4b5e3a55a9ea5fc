"""Interventions on charts: a dashed line, an entry of the legend, a tooltip; in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.app.web._lake import HOSTILE, RANGE, running_lake
from tests.app.web._watched import watched_page
from tests.contract._running import Running
from tests.e2e._lakescope import until


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_lake(tmp_path_factory.mktemp("lake")) as running:
        notes = (
            {"text": "FTS upgraded to 3.13", "at": "2026-01-05T10:00", "by": "Ada"},
            {"text": HOSTILE, "at": "2026-01-05T10:40", "until": "2026-01-05T11:10", "site": "PIC"},
        )
        for note in notes:
            url = f"{running.url}/api/annotations"
            httpx.post(url, json=note, trust_env=False).raise_for_status()
        until(lambda: len(running.get(f"/api/annotations?{RANGE}").json()) == 2, 20, running.status.document)
        yield running


@pytest.fixture
def page(browser: Browser, lake: Running) -> Iterator[Page]:
    with watched_page(browser, lake) as page:
        yield page


def test_a_chart_is_marked_where_something_was_changed(page: Page, lake: Running) -> None:
    data = lake.get(f"/api/dashboards/transfers/data?{RANGE}").json()["panels"]
    panel = next(one for one in data if one.get("interventions"))
    assert [note["end"] is None for note in panel["interventions"]] == [True, False]
    page.goto(f"/dashboards/transfers?{RANGE}")
    legend = page.locator("li.notes").first
    expect(legend).to_contain_text("intervention: FTS upgraded to 3.13 (by Ada); <script>document.title")
    expect(page.locator(f"#{panel['id']} svg").first).to_be_visible()
    dashed = page.locator(f"#{panel['id']} svg [stroke-dasharray='2,3']")
    expect(dashed).to_have_count(2)
    assert page.title() != "taken"
