"""The dashboards' page in a real browser, over a running Lakescope: clicks, keys, links, refresh, and hostile names."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.model import Dashboard
from lakescope.dashboards.pages.page import VEGA, chart
from lakescope.dashboards.pages.pictures import Answer, DashboardAnswer, layout
from lakescope.dashboards.pages.preview import preview
from lakescope.dashboards.theme import CSS
from tests.app.web._lake import HOSTILE, RANGE, RETRIED, running_lake
from tests.app.web.test_status_page import FAINT_TEXTS, luminance, overflow
from tests.contract._running import Running
from tests.dashboards.web._small import HOSTILE as HOSTILE_TEXT
from tests.dashboards.web._small import NAMES, SELECTION, every_kind

SCREEN: ViewportSize = {"width": 1400, "height": 900}
PHONE: ViewportSize = {"width": 400, "height": 800}
TO_PIC = f"{RANGE}&var.destination=PIC"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Running]:
    with running_lake(tmp_path_factory.mktemp("lake")) as running:
        yield running


@dataclass
class Visit:
    """A page in Berlin, on a lake that speaks UTC."""

    page: Page
    url: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, name: str, query: str = RANGE) -> None:
        """A dashboard, and wait until all of it is drawn."""
        self.page.goto(f"{self.url}/dashboards/{name}?{query}")
        self.drawn()

    def drawn(self) -> None:
        expect(self.page.locator("#content")).to_have_attribute("aria-busy", "false")
        expect(self.page.get_by_text("Loading …")).to_have_count(0, timeout=15_000)

    def panel(self, title: str) -> Locator:
        return self.page.get_by_role("region", name=title, exact=True).and_(self.page.locator(".panel"))

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.page.url).query)


@pytest.fixture
def visit(browser: Browser, lake: Running) -> Iterator[Visit]:
    """Any word in its console fails the test: an error, a warning, a breach of the content security policy."""
    context = browser.new_context(viewport=SCREEN, timezone_id="Europe/Berlin", locale="de-DE")
    page = context.new_page()
    made = Visit(page, lake.url)
    page.on("request", lambda request: made.requests.append(request.url))
    page.on("console", lambda message: made.complaints.append(message.text))
    page.on("pageerror", lambda error: made.complaints.append(str(error)))
    yield made
    context.close()
    assert [text for text in made.complaints if not text.startswith("Failed to load resource")] == []
    assert [url for url in made.requests if not url.startswith((lake.url, "blob:", "data:"))] == []


# --- from the overview to one transfer -------------------------------------------------------------------


def test_by_clicks_from_the_matrix_to_a_transfer_s_story(visit: Visit) -> None:
    visit.page.goto(f"{visit.url}/")
    visit.page.get_by_role("link", name="Dashboards").click()
    visit.page.locator(".list").get_by_role("link", name="Lake overview").click()
    visit.open("lake")
    visit.panel("Efficiency from source to destination").get_by_role("link", name=f"{HOSTILE} → PIC").click()
    visit.drawn()
    assert urlsplit(visit.page.url).path == "/dashboards/link"
    assert (visit.query["var.source"], visit.query["var.destination"]) == ([HOSTILE], ["PIC"])
    assert visit.query["since"] == ["2026-01-05T09:00"], "the time goes along"
    visit.panel("Latest failed transfers").get_by_role("link").click()
    expect(visit.page.locator("#verdict")).to_have_text("Arrived after 20 min, at the 2nd attempt")
    visit.page.get_by_role("link", name="Back to the dashboard").click()
    visit.drawn()
    assert visit.query["var.source"] == [HOSTILE]


def test_by_keys_alone_from_the_matrix_to_a_transfer_s_story(visit: Visit) -> None:
    visit.open("lake", TO_PIC)
    keyboard, cell = visit.page.keyboard, "() => document.activeElement.getAttribute('aria-label') ?? ''"
    visit.panel("Efficiency from source to destination").get_by_role("region").focus()
    keyboard.press("Tab")
    first = visit.page.evaluate(cell)
    assert "→" in first
    keyboard.press("ArrowDown")
    second = visit.page.evaluate(cell)
    assert "→" in second and second != first
    keyboard.press("ArrowUp")
    assert visit.page.evaluate(cell) == first
    for _ in range(60):
        keyboard.press("ArrowRight")
    for _ in range(60):
        if visit.page.evaluate(cell).startswith(f"{HOSTILE} → PIC"):
            break
        before = visit.page.evaluate(cell)
        keyboard.press("ArrowUp")
        if visit.page.evaluate(cell) == before:
            keyboard.press("ArrowLeft")
    assert visit.page.evaluate(cell).startswith(f"{HOSTILE} → PIC: 50 %, warning")
    keyboard.press("Enter")
    visit.page.wait_for_url("**/dashboards/link?**")
    visit.drawn()
    visit.panel("Latest failed transfers").get_by_role("region").focus()
    for _ in range(20):
        keyboard.press("Tab")
        if "Story" in visit.page.evaluate(cell):
            break
    keyboard.press("Enter")
    expect(visit.page.locator("#verdict")).to_contain_text("2nd attempt")
    visit.page.locator("#back").focus()
    keyboard.press("Enter")
    visit.page.wait_for_url("**/dashboards/link?**")


def test_a_hop_is_a_part_of_an_attempt(visit: Visit) -> None:
    def event(name: str, minute: int, **fields: object) -> dict[str, object]:
        return {
            "id": f"{minute}",
            "time": f"2026-01-05T10:{minute:02}:00Z",
            "source": "rucio",
            "event": name,
        } | fields

    first, second = (
        {"request_id": "a" * 32, "dst_rse": "HOP"},
        {"request_id": "b" * 32, "src_rse": "HOP", "dst_rse": "END"},
    )
    retry = {"request_id": "c" * 32, "previous_request_id": "b" * 32, "dst_rse": "END"}
    events = [
        event("queued", 0, **second),
        event("queued", 1, **first),
        event("failed", 5, **first, job_id="1", ok=False, error="no such file"),
        event("failed", 6, **second, job_id="1", error="Unused hop in multi-hop"),
        event("done", 9, **retry, job_id="2", ok=True),
    ]
    visit.page.route("**/api/transfers/*", lambda route: route.fulfill(json=events))
    visit.page.goto(f"{visit.url}/dashboards/transfer/{'b' * 32}")
    expect(visit.page.locator("#verdict")).to_have_text("Arrived after 9 min, at the 2nd attempt")
    lanes = [lane.inner_text().splitlines()[0] for lane in visit.page.locator(".lane").all()]
    assert lanes == ["Attempt 1: not tried", "Hop to HOP: failed", "Attempt 2: done"]


def test_a_story_says_each_attempt_and_each_error(visit: Visit) -> None:
    visit.page.goto(f"{visit.url}/dashboards/transfer/{RETRIED}")
    expect(visit.page.locator("#verdict")).to_be_visible()
    first, second = visit.page.locator(".lane").all()
    assert_says(first, "Attempt 1: failed", "waited in Rucio 2 min", "waited in FTS 2 min", "moved 1 min")
    assert_says(second, "Attempt 2: done", "waited in Rucio 1 min", "moved 8 min")
    rows = visit.page.get_by_role("row").all()[1:]
    assert len(rows) == 6
    assert_says(
        rows[3], "2026-01-05 09:15:00", "FTS", "failed", f"CONNECT refused by {HOSTILE}", "fts.example"
    )
    assert_says(visit.page.locator("dl"), "ska:file.root", "5 GB", f"{HOSTILE} ({HOSTILE})", "(PIC)")
    expect(rows[2].get_by_role("link", name="all of this kind")).to_have_attribute(
        "href", "../failures?var.error=0123456789ab"
    )
    expect(visit.page.locator("#back")).to_have_text("← All dashboards")


@pytest.mark.parametrize(
    "away", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", "../../x"]
)
def test_the_way_back_leads_nowhere_else(visit: Visit, away: str) -> None:
    visit.page.goto(f"{visit.url}/dashboards/transfer/{RETRIED}?from={away}")
    expect(visit.page.locator("#back")).to_have_attribute("href", "../")


def test_an_unknown_transfer_and_an_unknown_dashboard_are_said(visit: Visit) -> None:
    visit.page.goto(f"{visit.url}/dashboards/transfer/{'0' * 32}")
    expect(visit.page.locator("#content")).to_contain_text("No event of this transfer")
    visit.page.goto(f"{visit.url}/dashboards/nope")
    expect(visit.page.get_by_role("alert")).to_contain_text("no dashboard 'nope'; there are lake")


# --- what is chosen --------------------------------------------------------------------------------------


def test_the_time_is_chosen_and_stands_in_the_address(visit: Visit) -> None:
    visit.open("transfers")
    expect(visit.page.get_by_label("From (UTC)")).to_have_value("2026-01-05T09:00")
    expect(visit.page.locator("#facts")).to_contain_text("2026-01-05 09:00 to 2026-01-05 12:00 UTC")
    visit.page.get_by_label("From (UTC)").fill("2026-01-05T10:00")
    visit.page.get_by_role("button", name="Apply").click()
    visit.drawn()
    expect(visit.page.locator("#facts")).to_contain_text("2026-01-05 10:00 to 2026-01-05 12:00 UTC")
    visit.page.get_by_label("Time", exact=True).select_option("6h")
    visit.drawn()
    assert visit.query == {"since": ["6h"]}
    expect(visit.panel("Efficiency").first).to_contain_text("No transfer ended")
    visit.page.get_by_label("Bin").select_option("1h")
    visit.drawn()
    expect(visit.page.locator("#facts")).to_contain_text("bins of 1 h")
    assert visit.query == {"since": ["6h"], "bin": ["1h"]}


def test_variables_are_chosen_searched_and_cleared_by_keys(visit: Visit) -> None:
    visit.open("transfers")
    before = visit.panel("Arrived").locator(".value").inner_text()
    visit.page.get_by_label("Source: All").press("Enter")
    boxes = visit.page.locator(".choice[open]").get_by_role("checkbox")
    expect(boxes.first).to_be_visible()
    visit.page.locator(".choice[open]").get_by_label("PIC").press("Space")
    visit.drawn()
    assert visit.query["var.source"] == ["PIC"]
    expect(visit.panel("Arrived").locator(".value")).not_to_have_text(before)
    one = int(visit.panel("Arrived").locator(".value").inner_text())
    visit.page.locator(".choice[open]").get_by_label("CERN-PROD").press("Space")
    visit.drawn()
    assert sorted(visit.query["var.source"]) == ["CERN-PROD", "PIC"]
    expect(visit.panel("Arrived").locator(".value")).not_to_have_text(str(one))
    visit.page.keyboard.press("Escape")
    summary = visit.page.get_by_label("Source: 2 chosen")
    expect(summary).to_be_focused()
    summary.press("Enter")
    visit.page.locator(".choice[open]").get_by_role("button", name="All").click()
    visit.drawn()
    expect(visit.panel("Arrived").locator(".value")).to_have_text(before)
    assert "var.source" not in visit.query


def test_a_long_list_can_be_searched(visit: Visit) -> None:
    visit.page.route(
        "**/values?**", lambda route: route.fulfill(json={"source": [f"SITE-{i}" for i in range(100)]})
    )
    visit.open("transfers")
    visit.page.get_by_label("Source: All").click()
    visit.page.get_by_label("Search Source", exact=True).fill("site-77")
    expect(visit.page.locator(".choice[open] li:visible")).to_have_text(["SITE-77"])


def test_series_are_grouped_by_what_one_chooses(visit: Visit) -> None:
    visit.open("transfers")
    expect(visit.panel("Volume by destination")).to_be_visible()
    visit.page.get_by_label("Group by").select_option("protocol")
    visit.drawn()
    assert visit.query["group"] == ["protocol"]
    legend = visit.panel("Volume by protocol").get_by_role("list")
    expect(legend.get_by_role("link", name="davs")).to_be_visible()
    legend.get_by_role("link", name="davs").click()
    visit.drawn()
    assert (visit.query["filter"], visit.query["group"]) == (["protocol=davs"], ["protocol"])
    expect(visit.panel("Volume by protocol").get_by_role("listitem")).to_have_text(["davs"])
    visit.page.get_by_label("Group by").select_option("dst_site")
    visit.drawn()
    assert "group" not in visit.query, "the dashboard's own needs no word in the address"


def test_filters_are_added_and_removed_by_keys(visit: Visit) -> None:
    visit.open("transfers")
    page, arrived = visit.page, visit.panel("Arrived").locator(".value")
    before = int(arrived.inner_text())
    page.locator("#add-filter").press("Enter")
    expect(page.get_by_label("Dimension", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    page.get_by_label("Dimension", exact=True).select_option("dst_site")
    value = "PIC"  # those of the dimension before are there until those of the chosen one have come
    expect(page.locator(f'#filter-values option[value="{value}"]')).to_have_count(1)
    page.get_by_label("Is", exact=True).select_option("!=")
    page.get_by_label("Value", exact=True).fill(value)
    page.keyboard.press("Enter")
    visit.drawn()
    assert visit.query["filter"] == [f"dst_site!={value}"]
    expect(page.locator("#add-filter")).to_be_focused()
    expect(arrived).not_to_have_text(str(before))
    others = int(arrived.inner_text())
    page.keyboard.press("Shift+Tab")
    chip = page.get_by_role("button", name=f"Remove the filter destination ≠ {value}")
    expect(chip).to_be_focused()
    page.keyboard.press("Enter")
    visit.drawn()
    expect(arrived).to_have_text(str(before))
    assert "filter" not in visit.query
    visit.open("transfers", f"{RANGE}&filter=dst_site%3D{value}")
    assert int(arrived.inner_text()) == before - others, "a shared link shows the same"
    page.locator("#add-filter").press("Enter")
    page.keyboard.press("Escape")
    expect(page.locator("#add-filter")).to_be_focused()


def test_a_filter_goes_along_and_a_panel_that_ignores_it_says_so(visit: Visit) -> None:
    visit.open("transfers", f"{RANGE}&filter=datatype!%3DRAW&var.protocol=davs")
    expect(visit.panel("Arrived").locator(".note")).to_be_hidden()
    visit.page.get_by_role("navigation").get_by_role("link", name="FTS servers").click()
    visit.drawn()
    assert visit.query["filter"] == ["datatype!=RAW"]
    expect(visit.panel("Queued transfers").locator(".note")).to_have_text("Not filtered by: datatype")
    expect(visit.page.locator("#facts")).to_contain_text("without effect here: protocol")
    visit.page.get_by_role("navigation").get_by_role("link", name="Hosts and services").click()
    visit.drawn()
    expect(visit.page.locator("#facts")).to_contain_text("without effect here: protocol, datatype")
    expect(visit.page.get_by_role("button", name="Remove the filter datatype ≠ RAW")).to_be_visible()
    visit.open("lake", f"{RANGE}&var.activity=Production&filter=site%3DPIC")
    expect(visit.panel("Service availability").locator(".note")).to_have_text("Not filtered by: Activity")
    expect(visit.panel("Transferred files").locator(".note")).to_have_text("Not filtered by: site")


def test_a_hostile_filter_is_text(visit: Visit) -> None:
    visit.open("failures", f"{RANGE}&filter={quote('src_site=' + HOSTILE)}")
    expect(visit.page.get_by_role("button", name=f"Remove the filter source = {HOSTILE}")).to_be_visible()
    assert visit.page.title() != "taken"
    visit.page.goto(f"{visit.url}/dashboards/failures?{RANGE}&filter=nonsense")
    expect(visit.page.locator("#alert")).to_contain_text("'nonsense' is no filter: expected name=value")
    visit.page.get_by_role("button", name="Remove the filter nonsense").click()
    visit.drawn()
    expect(visit.page.locator("#alert")).to_be_hidden()


def test_a_shared_link_shows_the_same_and_the_back_button_goes_back(visit: Visit, browser: Browser) -> None:
    visit.open("transfers")
    all_of_them = visit.panel("Arrived").locator(".value").inner_text()
    visit.page.get_by_label("Source: All").click()
    visit.page.locator(".choice[open]").get_by_label("PIC").check()
    expect(visit.panel("Arrived").locator(".value")).not_to_have_text(all_of_them)
    visit.page.get_by_label("Functional tests").select_option("false")
    visit.drawn()
    expect(visit.page).to_have_url(re.compile("noise=false"))
    with browser.new_context(viewport=SCREEN) as other:
        page = other.new_page()
        page.goto(visit.page.url)
        expect(page.get_by_label("Functional tests")).to_have_value("false")
        expect(page.get_by_label("Source: PIC")).to_be_visible()
        arrived = page.locator("#panel1 .value")
        expect(arrived).to_have_text(visit.panel("Arrived").locator(".value").inner_text())
    visit.page.go_back()
    visit.page.go_back()
    expect(visit.panel("Arrived").locator(".value")).to_have_text(all_of_them)
    expect(visit.page.get_by_label("Source: All")).to_be_visible()


def test_another_store_is_chosen_and_what_it_refuses_is_said(visit: Visit) -> None:
    visit.open("lake")
    visit.page.get_by_label("Store").select_option("hosts")
    visit.drawn()
    expect(visit.panel("Transferred files")).to_contain_text("Cannot be shown: ")
    expect(visit.panel("Transferred files")).to_contain_text("of which this store is given none")


def test_what_has_no_effect_on_this_dashboard_is_said(visit: Visit) -> None:
    visit.open("lake", f"{RANGE}&var.host=x")
    expect(visit.page.locator("#facts")).to_contain_text("without effect here: host")


# --- refresh ---------------------------------------------------------------------------------------------


def test_a_refresh_changes_what_changed_and_keeps_what_one_did(visit: Visit) -> None:
    visit.open("failures", TO_PIC)
    table = visit.panel("Failures of each source").get_by_role("table")
    visit.panel("Failures of each source").get_by_role("button", name="source", exact=True).click()
    expect(table.get_by_role("columnheader", name="source")).to_have_attribute("aria-sort", "ascending")
    order = table.get_by_role("rowheader").all_inner_texts()
    assert order == sorted(order, key=str.lower)
    link = table.get_by_role("link").nth(1)
    link.focus()
    focused = link.inner_text()
    visit.page.evaluate(
        """() => { window.touched = 0; new MutationObserver((all) => { touched += all.length; })
            .observe(document.getElementById("panel0"), { subtree: true, childList: true }); }"""
    )
    answer: dict[str, object] = {}

    def changed(route: object) -> None:
        response = route.fetch()  # type: ignore[attr-defined]
        answer.update(response.json())
        for picture in answer["panels"]:  # type: ignore[attr-defined]
            if picture["title"] == "Failures of each source":
                picture["groups"][0]["cells"][0]["text"] = "changed"
        route.fulfill(json=answer)  # type: ignore[attr-defined]

    visit.page.route("**/data?**", changed)
    with visit.page.expect_response("**/data?**"):
        visit.page.evaluate("load()")
    expect(table).to_contain_text("changed")
    assert visit.page.evaluate("document.activeElement.textContent") == focused
    expect(table.get_by_role("columnheader", name="source")).to_have_attribute("aria-sort", "ascending")
    assert visit.page.evaluate("touched") == 0, "what did not change is not drawn again"


def test_it_asks_again_by_itself_only_while_the_range_moves(visit: Visit) -> None:
    visit.page.clock.install()
    visit.page.goto(f"{visit.url}/dashboards/lake?since=1h&refresh=30")
    expect(visit.page.locator("#content")).to_have_attribute("aria-busy", "false")
    with visit.page.expect_response("**/data?**"):
        visit.page.clock.run_for(31_000)
    expect(visit.page.locator("#content")).to_have_attribute("aria-busy", "false")
    visit.page.get_by_label("Refresh", exact=True).select_option("0")
    expect(visit.page.locator("#content")).to_have_attribute("aria-busy", "false")
    asked = len(visit.requests)
    visit.page.clock.run_for(600_000)
    assert len(visit.requests) == asked
    visit.page.goto(f"{visit.url}/dashboards/lake?{RANGE}&refresh=30")
    expect(visit.page.locator("#content")).to_have_attribute("aria-busy", "false")
    asked = len([url for url in visit.requests if "/data?" in url])
    visit.page.clock.run_for(600_000)
    assert len([url for url in visit.requests if "/data?" in url]) == asked


def test_a_server_that_fails_is_said_and_the_last_answer_stays(visit: Visit) -> None:
    visit.open("lake")
    before = visit.panel("Transferred files").locator(".value").inner_text()
    failure = {"detail": "duck: disk on fire"}
    visit.page.route("**/data?**", lambda route: route.fulfill(status=503, json=failure))
    visit.page.get_by_role("button", name="Refresh now").click()
    expect(visit.page.get_by_role("alert")).to_contain_text("duck: disk on fire. What is shown is of ")
    expect(visit.panel("Transferred files").locator(".value")).to_have_text(before)
    visit.page.unroute("**/data?**")
    visit.page.get_by_role("button", name="Refresh now").click()
    expect(visit.page.get_by_role("alert")).to_be_hidden()


# --- panels ----------------------------------------------------------------------------------------------


def test_charts_have_names_tables_and_files(visit: Visit) -> None:
    visit.open("transfers", f"{RANGE}&group=activity")
    panel = visit.panel("Volume by activity")
    chart = panel.get_by_role("img")
    expect(chart).to_have_attribute(
        "aria-label", re.compile("^Volume by activity, over time: .*Production Output")
    )
    panel.get_by_role("button", name="Volume by activity as a table").click()
    table = panel.get_by_role("table")
    assert table.get_by_role("columnheader").first.inner_text() == "time (UTC)"
    expect(table.get_by_role("rowheader").first).to_have_text("2026-01-05 09:00")
    with visit.page.expect_download() as download:
        panel.get_by_role("button", name="CSV of Volume by activity").click()
    with Path(download.value.path()).open(newline="") as file:
        head, first, *rest = csv.reader(file)
    assert head[0] == "time" and "Production Output (bytes)" in head
    assert first[0] == "2026-01-05T09:00:00.000Z" and len(rest) == table.get_by_role("row").count() - 2
    assert download.value.suggested_filename == "transfers-volume-by-activity.csv"
    panel.get_by_role("button", name="Volume by activity as a table").click()
    expect(panel.get_by_role("img")).to_be_visible()


def test_a_formula_in_a_file_is_text(visit: Visit) -> None:
    visit.open("failures")
    with visit.page.expect_download() as download:
        visit.page.evaluate(
            """() => download({ title: "x" }, { head: ["a"], rows: [["=HYPERLINK(1)"], [-5], ['say "hi", all']] })"""
        )
    text = Path(download.value.path()).read_bytes().decode()
    assert text == '"a"\r\n"\'=HYPERLINK(1)"\r\n"-5"\r\n"say ""hi"", all"\r\n'


def test_a_chart_tells_its_values_under_the_pointer(visit: Visit) -> None:
    visit.open("transfers", f"{RANGE}&group=activity")
    chart = visit.panel("Volume by activity").get_by_role("img")
    chart.scroll_into_view_if_needed()
    chart.hover(position={"x": 300, "y": 60})
    tip = visit.page.locator("#tip")
    expect(tip).to_contain_text("2026-01-05")
    expect(tip).to_contain_text("UTC")
    expect(tip).to_contain_text(re.compile(r"all others \(\d+\)\s*[\d.]+ [kMG]B"))
    visit.page.mouse.move(2, 2)
    expect(tip).to_be_hidden()


def test_a_click_on_a_strip_opens_its_group(visit: Visit) -> None:
    visit.open("lake")
    panel = visit.panel("Transfer efficiency by destination")
    panel.locator("svg path[aria-roledescription='rect mark']").first.click()
    visit.page.wait_for_url("**/dashboards/transfers?**")
    assert "var.destination" in visit.query


def test_panels_say_what_they_show(visit: Visit) -> None:
    visit.open("lake")
    panel = visit.panel("Transfer efficiency")
    panel.get_by_label("About Transfer efficiency").press("Enter")
    expect(panel.locator(".about > p")).to_contain_text(
        "Successful transfers divided by all transfers that ended"
    )
    visit.page.keyboard.press("Escape")
    expect(panel.locator(".about > p")).to_be_hidden()


def test_hostile_names_are_text_everywhere(visit: Visit) -> None:
    for name in ("failures", "transfers", "link"):
        visit.open(name, TO_PIC)
        assert visit.page.evaluate("document.title") != "taken"
        expect(visit.page.get_by_text(HOSTILE).first).to_be_visible()
        assert visit.page.evaluate("document.querySelectorAll('main script').length") == 0


# --- for everybody ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lake", "failures", "hosts"])
def test_structure_for_screen_readers(visit: Visit, name: str) -> None:
    visit.open(name)
    page = visit.page
    for landmark in ("banner", "main", "navigation"):
        expect(page.get_by_role(landmark)).to_have_count(1)
    assert page.evaluate("[...document.querySelectorAll('h1')].length") == 1
    assert page.locator("table th:not([scope])").count() == 0
    assert page.locator("#content table:not(:has(caption))").count() == 0
    nameless = """[...document.querySelectorAll('button, select, input, a[href], summary')]
        .filter((node) => node.checkVisibility())
        .filter((node) => !(node.ariaLabel || node.textContent.trim() || node.labels?.length))
        .map((node) => node.outerHTML.slice(0, 90))"""
    assert page.evaluate(nameless) == []
    ids = page.evaluate(
        "[...document.querySelectorAll('#content [id], #controls [id]')].map((node) => node.id).filter(Boolean)"
    )
    own = [one for one in ids if not one.startswith("clip")]
    assert len(own) == len(set(own))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["lake", "failures", "", f"transfer/{RETRIED}"])
def test_contrast_is_wcag_aa(visit: Visit, path: str, scheme: str) -> None:
    visit.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    visit.page.goto(f"{visit.url}/dashboards/{path}?{RANGE}")
    expect(visit.page.locator("#content .list, #content[aria-busy=false], #verdict")).to_be_visible()
    expect(visit.page.get_by_text("Loading …")).to_have_count(0, timeout=15_000)
    assert visit.page.evaluate(FAINT_TEXTS) == []


def test_the_theme_changes_charts_without_asking_again_and_is_remembered(visit: Visit) -> None:
    visit.page.emulate_media(color_scheme="light")
    visit.open("lake")
    assert luminance(visit.page) > 0.8
    asked = len(visit.requests)
    strip = (
        visit.panel("Transfer efficiency by destination")
        .locator("svg path[aria-roledescription='rect mark']")
        .first
    )
    light = strip.evaluate("node => getComputedStyle(node).fill")
    visit.page.get_by_role("button", name="Theme: auto").click()
    visit.page.get_by_role("button", name="Theme: light").click()
    assert luminance(visit.page) < 0.15
    assert strip.evaluate("node => getComputedStyle(node).fill") != light
    assert len(visit.requests) == asked
    visit.open("transfers")
    expect(visit.page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert luminance(visit.page) < 0.15


@pytest.mark.parametrize("name", ["lake", "failures", "link"])
def test_a_phone_never_scrolls_sideways(visit: Visit, name: str) -> None:
    visit.page.set_viewport_size(PHONE)
    visit.open(name)
    assert overflow(visit.page) <= 0


def test_the_way_from_the_status_page_and_back(visit: Visit) -> None:
    visit.page.goto(f"{visit.url}/")
    visit.page.get_by_role("link", name="Dashboards").click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Dashboards")
    expect(visit.page.locator(".list li")).to_have_count(len(DASHBOARDS))
    visit.page.get_by_role("link", name="Status of Lakescope").click()
    expect(visit.page.locator("#verdict")).to_be_visible()


def test_the_charts_library_is_fetched_once(visit: Visit) -> None:
    visit.open("lake")
    visit.open("transfers")
    fetched = [url for url in visit.requests if url.endswith(VEGA)]
    assert len(set(fetched)) == 1
    cached = visit.page.evaluate(
        "performance.getEntriesByType('resource').filter((e) => e.name.includes('vega.js')).map((e) => e.transferSize)"
    )
    assert cached == [0], "the second page has it from the browser's own store"


def _show(visit: Visit, built: Dashboard, answers: list[Answer]) -> None:
    """Another dashboard in the place of the lake's."""
    answered = DashboardAnswer.of(built, SELECTION, answers, "duck")
    drawn = [picture | chart(picture, CSS) for picture in answered.pictures]
    document = answered.document() | {"panels": drawn, "stores": ["duck"]}
    visit.page.route("**/api/dashboards/lake", lambda route: route.fulfill(json=layout(built)))
    visit.page.route("**/data?**", lambda route: route.fulfill(json=document))
    visit.open("lake")


def test_names_that_nobody_would_choose_break_no_chart(visit: Visit) -> None:
    """Names of JavaScript's own, syntax, and one of 300 characters: all are drawn, the cells stay in sight."""
    _show(visit, *every_kind(1, NAMES))
    expect(visit.page.get_by_text("could not be drawn")).to_have_count(0)
    for kind in ("lines", "stacked", "states"):
        assert visit.page.locator(f".panel.{kind} svg").count() == 1, kind
    said = visit.page.locator(".matrix tbody th").evaluate_all("all => all.map((one) => one.title)")
    assert {*NAMES} <= {*said}
    labels = visit.page.locator(".panel.states svg text").all_text_contents()
    assert {"constructor", "__proto__", "toString", "a.b[c]", "back\\slash\\"} <= {*labels}
    inside = visit.page.evaluate(
        """() => { const box = document.querySelector('table.matrix').closest('.scroll').getBoundingClientRect();
        return [...document.querySelectorAll('.matrix td a')].filter((cell) => {
          const at = cell.getBoundingClientRect();
          return at.left >= box.left && at.right <= box.right && at.bottom <= box.bottom; }).length; }"""
    )
    assert inside >= 0.7 * (1 + len(NAMES)) ** 2
    assert overflow(visit.page) <= 0


def test_a_click_on_unknown_shows_what_has_no_value(visit: Visit) -> None:
    """The events that lack the field, on the page and in its menu; no other name is left."""
    visit.open("failures")
    visit.panel("Failures of each source").get_by_role("link", name="unknown").click()
    visit.drawn()
    assert "var.source=&" in f"{visit.page.url}&"
    expect(visit.page.locator("#var-source")).to_have_text("unknown")
    matrix = visit.panel("Efficiency").locator(".matrix tbody th")
    assert matrix.evaluate_all("all => all.map((one) => one.title)") == ["unknown"]


def test_a_table_that_scrolls_ends_with_a_whole_row(visit: Visit) -> None:
    visit.open("transfers")
    links = visit.panel("Links")
    cut = """box => { const end = box.getBoundingClientRect().bottom;
      return [...box.querySelectorAll('tbody tr')].map(row => row.getBoundingClientRect())
        .filter(row => row.top < end - 1 && row.bottom > end + 1).length; }"""
    box = links.locator(".scroll")
    assert box.evaluate("box => box.scrollHeight > box.clientHeight"), "all of it is in sight"
    expect(links.locator("tbody tr").first).to_be_visible()
    assert box.evaluate(cut) == 0
    links.get_by_role("button", name="transferred").click()
    assert box.evaluate(cut) == 0


def test_a_hundred_sites_are_drawn_within_their_panels(visit: Visit) -> None:
    _show(visit, *every_kind(100))
    assert visit.page.locator(".matrix td a").count() == 100 * 100
    assert visit.page.locator(".matrix td a[tabindex='0']").count() == 1, "one stop for Tab, not ten thousand"
    height = visit.page.evaluate("document.documentElement.scrollHeight")
    assert height < 6 * SCREEN["height"]
    assert overflow(visit.page) <= 0


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_dashboard_is_drawn(visit: Visit, name: str) -> None:
    visit.open(name)
    bodies = visit.page.locator(".panel > .body").all()
    assert len(bodies) == len(DASHBOARDS[name].panels)
    for body in bodies:
        expect(body).not_to_be_empty()
        expect(body).not_to_contain_text("could not be drawn")


def test_a_preview_is_the_same_page_without_a_server(browser: Browser, tmp_path: Path) -> None:
    built, answers = every_kind()
    (path,) = preview([DashboardAnswer.of(built, SELECTION, answers, "duck")], tmp_path, themes=())
    context = browser.new_context(viewport=SCREEN, offline=True)
    page = context.new_page()
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    expect(page.get_by_role("heading", level=1)).to_have_text("Small")
    expect(page.locator("#facts")).to_contain_text("2026-01-05 12:00 to 2026-01-05 13:00 UTC")
    for kind in ("lines", "stacked", "states"):
        expect(page.locator(f".panel.{kind}").get_by_role("img")).to_be_visible()
    expect(page.locator(".panel.text .body")).to_have_text(HOSTILE_TEXT)
    expect(page.locator(".panel.matrix").get_by_role("link").first).to_have_attribute("href", "link.html")
    expect(page.locator(".panel.events").get_by_role("link")).to_have_count(0)
    expect(page.locator("#controls")).to_be_hidden()
    context.close()
    assert complaints == [] and requests == [path.as_uri()]


def assert_says(place: Locator, *words: str) -> None:
    for word in words:
        expect(place).to_contain_text(word)


def test_from_a_transfer_s_story_to_why_its_file_has_not_arrived(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.url}/dashboards/transfer/{RETRIED}")
    page.get_by_role("link", name="ska:file.root").click()
    expect(page.locator("#title")).to_have_text("Where is this file?")
    expect(page.locator("#verdict")).to_have_text(
        "0 of 1 files arrived, 1 fails. Next: the site (the source)"
    )
    turns = page.get_by_role("table", name="Whose turn it is").locator("tbody tr")
    expect(turns).to_have_count(1)
    expect(turns.first).to_contain_text("the error is of the source (error scope SOURCE)")
    failures = page.get_by_role("table", name="What fails").locator("tbody tr")
    expect(failures.first).to_contain_text(f"CONNECT refused by {HOSTILE}")
    assert page.title() == "Where is this file? · Lakescope", "hostile text stays text"
    page.get_by_role("table", name="What has not arrived").get_by_role("link", name="file.root").click()
    expect(page.locator("#title")).to_have_text("Transfer history")


def test_an_explanation_of_what_is_none_or_no_subject(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.url}/dashboards/explain/rule?id={'0' * 32}")
    expect(page.locator("#verdict")).to_have_text("Nothing is stored of it in this range")
    page.set_viewport_size(PHONE)
    page.goto(f"{visit.url}/dashboards/explain/did?id=ska:file.root")
    expect(page.get_by_role("table", name="What fails")).to_be_visible()
    assert overflow(page) <= 0
    page.goto(f"{visit.url}/dashboards/explain/did?id=no-scope")
    expect(page.get_by_role("alert")).to_contain_text("expected SCOPE:NAME, found 'no-scope'")
    visit.complaints.clear()
