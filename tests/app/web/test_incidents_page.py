"""/incidents: the list, one incident with evidence and charts, what people do with it; in a real browser and by HTTP."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect
from typer.testing import CliRunner

from lakescope.alerts.book import Evidence, Example, IncidentRecord
from lakescope.alerts.model import Acknowledgement, Silence
from lakescope.app.client import Instance
from lakescope.app.config import Settings
from lakescope.app.web.incidents import NOT_EVALUATED
from lakescope.cli import app
from tests.app.web._lake import END, HOSTILE, RETRIED, START, running_lake
from tests.app.web._watched import watched_page
from tests.app.web.test_dashboards_page import PHONE
from tests.app.web.test_status_page import FAINT_TEXTS, luminance, overflow
from tests.contract._running import Archiving, Running

OPEN, TICKET, ENDED = "a1b2c3d4e5f6", "b1b2c3d4e5f6", "c1b2c3d4e5f6"


def _records(now: float) -> list[IncidentRecord]:
    return [
        IncidentRecord(
            id=ENDED,
            culprit="dst_site PIC",
            patterns=((("dst_site", "PIC"),),),
            severity="page",
            owner="site",
            began=(START + timedelta(minutes=30)).timestamp(),
            opened=(START + timedelta(minutes=40)).timestamp(),
            ended=(START + timedelta(hours=2)).timestamp(),
            attempts=240,
            failures=121,
            expected=7.4,
            error=f"CONNECT refused by {HOSTILE}",
            error_class="0123456789ab",
            evidence=(
                Evidence(
                    source="probes", finding="confirms", text="webdav of PIC critical in 9 of 12 checks"
                ),
                Evidence(source="network", finding="clears", text="packet loss to PIC below 0.1 %"),
                Evidence(source="downtime", finding="neutral", text="none declared"),
            ),
            example=Example(
                time=(START + timedelta(minutes=31)).timestamp(), error="CONNECT refused", request_id=RETRIED
            ),
            runbook="https://docs.example.org/runbooks/transfer_efficiency_site.html",
        ),
        IncidentRecord(
            id=OPEN,
            culprit="site X",
            patterns=((("site", HOSTILE), ("protocol", "root")),),
            severity="page",
            began=now - 7800,
            opened=now - 7200,
            attempts=812,
            failures=799,
            expected=31,
            error="TRANSFER [112] " + "very long text without any spaces".replace(" ", "_") * 6,
        ),
        IncidentRecord(
            id=TICKET,
            culprit="link A -> B",
            patterns=((("link", "A -> B"),), (("link", "C -> B"),)),
            severity="ticket",
            began=now - 86400,
            opened=now - 86000,
            attempts=60,
            failures=20,
            expected=1,
            muted_by="downtime of B until 18:00 UTC",
        ),
    ]


class Book:
    """A book whose incidents nobody evaluates."""

    def __init__(self) -> None:
        self.records = {one.id: one for one in _records(time.time())}

    def incidents(self, since: float) -> Sequence[IncidentRecord]:
        """As of `IncidentBook`, but that the old one counts as if it had just ended."""
        return list(self.records.values())

    def incident(self, id: str) -> IncidentRecord | None:
        """As of `IncidentBook`."""
        return self.records.get(id)

    def acknowledge(self, id: str, acknowledgement: Acknowledgement) -> IncidentRecord:
        """As of `IncidentBook`."""
        return self._replace(id, acknowledged=acknowledgement)

    def silence(self, id: str, silence: Silence | None) -> IncidentRecord:
        """As of `IncidentBook`."""
        return self._replace(id, silence=silence)

    def _replace(self, id: str, **fields: Any) -> IncidentRecord:
        self.records[id] = replace(self.records[id], **fields)
        return self.records[id]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running_lake(tmp_path_factory.mktemp("lake")) as running:
        yield running


@pytest.fixture(autouse=True)
def book(lake: Running) -> Book:
    """Fresh for each test."""
    lake.assembly.incidents = book = Book()
    return book


@pytest.fixture
def page(browser: Browser, lake: Running) -> Iterator[Page]:
    with watched_page(browser, lake, may_be_refused=True) as page:
        yield page


def post(lake: Running, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    return httpx.post(f"{lake.url}/api/incidents/{path}", json=body, headers=headers, trust_env=False)


# --- the API -----------------------------------------------------------------------------------------------


def test_open_ones_come_first_and_the_latest(lake: Running) -> None:
    listed = lake.get("/api/incidents").json()
    assert [one["id"] for one in listed] == [OPEN, TICKET, ENDED]
    assert [one["title"] for one in listed] == [
        f"site {HOSTILE}, protocol root",
        "link A → B; link C → B",
        "destination PIC",
    ]
    assert listed[2]["began"] == "2026-01-05T09:30:00Z"


def test_charts_show_the_culprit_s_own_numbers(lake: Running) -> None:
    charts = lake.get(f"/api/incidents/{ENDED}/charts").json()
    data = charts["data"]
    assert (data["since"], data["until"]) == ("2026-01-05T08:30:00Z", "2026-01-05T12:00:00Z")
    panels = {one["title"]: one for one in data["panels"]}
    assert [one["title"] for row in charts["layout"]["rows"] for one in row["panels"]] == list(panels)
    span = f"since={START:%Y-%m-%dT%H:%M}&until={END:%Y-%m-%dT%H:%M}"
    (row,) = lake.get(f"/api/kpis/transfers_failed?{span}&where=dst_site=PIC").json()["rows"]
    drawn = panels["Failed transfers"]["series"]
    assert sum(value or 0 for one in drawn for value in one["values"]) == row["value"] > 0
    by_link = panels["Failed transfers by link"]["groups"]
    assert panels["Failed transfers"]["disturbances"] == [
        {"i": i, "titles": ["destination PIC"]} for i in range(12, 30)
    ]
    assert {one["names"][1] for one in by_link} == {"PIC"}
    assert sum(one["cells"][0]["value"] for one in by_link) == row["value"]
    assert not [one["title"] for one in data["panels"] if one.get("refused")]


def test_dashboards_mark_where_incidents_began(lake: Running) -> None:
    span = f"since={START:%Y-%m-%dT%H:%M}&until={END:%Y-%m-%dT%H:%M}&bin=10min"
    panels = lake.get(f"/api/dashboards/transfers/data?{span}").json()["panels"]
    drawn = [one for one in panels if one.get("spec") and "incidents" in one]
    assert drawn
    for one in drawn:
        assert one["disturbances"] == [{"i": 3, "titles": ["destination PIC"]}], one["title"]


@pytest.mark.parametrize("id", [OPEN, TICKET])
def test_charts_of_any_culprit_are_answered(lake: Running, id: str) -> None:
    data = lake.get(f"/api/incidents/{id}/charts").json()["data"]
    assert len(data["panels"]) > 4
    assert not [one for one in data["panels"] if one.get("refused")]


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("acknowledge", {"note": "x"}, "by is missing: expected 1 to 100 characters"),
        ("acknowledge", {"by": "x" * 101}, "by has 101 characters: expected 100 at most"),
        ("acknowledge", {"by": "a\x00"}, "by has a control character"),
        ("silence", {"by": "me", "until": "2099-01-01"}, "reason is missing"),
        ("silence", {"by": "me", "reason": "r", "until": "soon"}, "until is 'soon': expected a time such as"),
        ("silence", {"by": "me", "reason": "r", "until": "2001-01-01"}, "within the next 30 days"),
        ("silence", {"by": "me", "reason": "r", "until": "2099-01-01"}, "within the next 30 days"),
    ],
)
def test_what_is_wrong_is_said(lake: Running, book: Book, path: str, body: dict[str, str], text: str) -> None:
    answer = post(lake, f"{OPEN}/{path}", body)
    assert (answer.status_code, text in answer.json()["detail"]) == (422, True), answer.text
    assert (book.records[OPEN].acknowledged, book.records[OPEN].silence) == (None, None)


def test_who_may_not_ask_changes_nothing(lake: Running, book: Book) -> None:
    """What a browser sends for another site is refused, as everywhere."""
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answer = post(lake, f"{OPEN}/acknowledge", {"by": "evil"}, **headers)
        assert answer.status_code == 403, answer.text
    assert book.records[OPEN].acknowledged is None


def test_with_a_token_every_address_asks_for_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever has a token of their own acts under its name, whatever they say."""
    directory = tmp_path_factory.mktemp("token")
    with Archiving(
        directory,
        '[collectors.push]\ntype = "http"\n[http]\ntoken = "secret-secret-secret"\n[access.tokens.ada]\n'
        f'sha256 = "{hashlib.sha256(b"of ada").hexdigest()}"\nrole = "operator"\nall_vos = true\nshared = true\n',
    ) as running:
        running.assembly.incidents = known = Book()
        assert post(running, f"{OPEN}/acknowledge", {"by": "me"}).status_code == 401
        assert running.get("/api/incidents").status_code == 401
        for token, name in (("secret-secret-secret", "me"), ("of ada", "ada")):
            header = {"authorization": f"Bearer {token}"}
            assert post(running, f"{OPEN}/acknowledge", {"by": "me"}, **header).status_code == 200
            acknowledged = known.records[OPEN].acknowledged
            assert acknowledged is not None and acknowledged.by == name


def test_an_unknown_incident_and_a_lake_without_alerts_are_said(lake: Running) -> None:
    for answer in (lake.get("/api/incidents/x"), post(lake, "x/acknowledge", {"by": "me"})):
        assert (answer.status_code, "no incident 'x'" in answer.json()["detail"]) == (404, True)
    lake.assembly.incidents = None
    answer = lake.get("/api/incidents")
    assert (answer.status_code, answer.json()["detail"]) == (501, NOT_EVALUATED)


# --- the pages ---------------------------------------------------------------------------------------------


def test_from_the_list_to_an_incident_to_a_dashboard_and_a_transfer(page: Page) -> None:
    page.goto("/dashboards/")
    page.get_by_role("navigation").get_by_role("link", name="Incidents").click()
    expect(page.locator("#verdict")).to_have_text("2 open incidents")
    expect(page.locator(".incident").first).to_contain_text(f"site {HOSTILE}, protocol root")
    expect(page.locator(".incident").first).to_contain_text("799 of 812 attempts failed (98 %), 31 expected")
    expect(page.locator(".incident").nth(1)).to_contain_text("Muted: downtime of B until 18:00 UTC")
    page.get_by_role("link", name="destination PIC").click()
    expect(page.locator("#verdict")).to_have_text("destination PIC: ended, lasted 1.5 h")
    expect(page.locator("#evidence tbody tr")).to_have_count(3)
    expect(page.locator("#evidence")).to_contain_text("webdav of PIC critical in 9 of 12 checks")
    expect(
        page.get_by_role("region", name="Failed transfers", exact=True).locator("svg").last
    ).to_be_visible()
    page.get_by_role("link", name="Failures: destination PIC").click()
    expect(page.locator("#facts")).to_contain_text("2026-01-05 08:30 to 2026-01-05 12:00 UTC")
    assert "var.destination=PIC" in page.url
    page.go_back()
    page.locator("#what").get_by_role("link", name="CONNECT refused", exact=True).click()
    expect(page.locator("#verdict")).to_have_text("Arrived after 20 min, at the 2nd attempt")


def test_an_incident_is_acknowledged_and_silenced_by_keys(page: Page, book: Book) -> None:
    page.goto(f"/incidents/{OPEN}")
    form = page.get_by_role("form", name="Acknowledge")
    form.get_by_label("Your name").fill("Ada <b>")
    form.get_by_label("Note").fill("the site is told")
    page.keyboard.press("Enter")
    expect(page.locator("#acknowledged")).to_contain_text("Acknowledged by Ada <b> at")
    expect(page.locator("#acknowledged")).to_contain_text(": the site is told")
    one = book.records[OPEN].acknowledged
    assert one is not None and (one.by, one.note) == ("Ada <b>", "the site is told")
    silence = page.get_by_role("form", name="Silence")
    expect(silence.get_by_label("Your name")).to_have_value("Ada <b>")
    silence.get_by_label("Reason").fill("disk is replaced")
    silence.get_by_label("For").select_option("until …")
    later = datetime.now(UTC) + timedelta(days=2)
    silence.get_by_label("Until (UTC)").fill(f"{later:%Y-%m-%dT%H:%M}")
    silence.get_by_role("button", name="Silence").click()
    expect(page.locator("#silenced")).to_contain_text(
        f"Silenced by Ada <b> until {later:%Y-%m-%d %H:%M} UTC: disk is replaced"
    )
    known = book.records[OPEN].silence
    assert known is not None and known.until == pytest.approx(later.timestamp(), abs=60)
    page.goto("/incidents")
    expect(page.locator(".incident").first).to_contain_text("Silenced by Ada <b> until")
    note = page.get_by_role("form", name="Write down an intervention")
    expect(note.get_by_label("Your name")).to_have_value("Ada <b>")
    note.get_by_label("What was changed").fill("<b>FTS</b> upgraded")
    note.get_by_label("Site").fill("PIC\u200b")
    note.get_by_role("button").click()
    expect(note.get_by_role("status")).to_have_text("site has a control character: expected printable text")
    note.get_by_label("Site").fill("PIC")
    note.get_by_role("button").click()
    expect(page.locator("#notes li")).to_contain_text("<b>FTS</b> upgraded · PIC · Ada <b>")
    page.goto(f"/incidents/{OPEN}")
    page.get_by_role("button", name="End the silence").click()
    expect(page.locator("#silenced")).to_have_text("It is not silenced.")
    assert book.records[OPEN].silence is None
    expect(page.get_by_role("form", name="Silence").get_by_label("Your name")).to_have_value("Ada <b>")


def test_what_the_server_refuses_stands_beside_the_form(page: Page) -> None:
    page.goto(f"/incidents/{OPEN}")
    form = page.get_by_role("form", name="Acknowledge")
    form.get_by_label("Your name").fill("   ")
    form.get_by_role("button").click()
    expect(form.get_by_role("status")).to_have_text("by is missing: expected 1 to 100 characters")
    page.goto("/incidents/unknown")
    expect(page.get_by_role("alert")).to_contain_text("no incident 'unknown'")


def test_a_lake_without_alerts_says_so(page: Page, lake: Running) -> None:
    lake.assembly.incidents = None
    page.goto("/incidents")
    expect(page.get_by_role("alert")).to_contain_text(NOT_EVALUATED)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/incidents", f"/incidents/{ENDED}", f"/incidents/{OPEN}"])
def test_everything_can_be_read_on_a_screen_and_a_phone(page: Page, path: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(path)
    expect(page.locator("#content")).to_have_attribute("aria-busy", "false")
    expect(page.get_by_text("Loading …")).to_have_count(0, timeout=15_000)
    assert (luminance(page) < 0.2) == (scheme == "dark")
    assert page.evaluate(FAINT_TEXTS) == []
    page.set_viewport_size(PHONE)
    assert overflow(page) <= 0


def test_the_command_shows_the_incidents_of_the_instance(
    lake: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakescope.cli.incidents.configuration", lambda _: None)
    monkeypatch.setattr("lakescope.cli.incidents.load_site", lambda _: None)
    monkeypatch.setattr("lakescope.app.client.client_of", lambda _: Instance(lake.url, Settings()))
    listed = CliRunner().invoke(app, ["incidents", "--since", "7d", "--format", "json"])
    assert {one["id"] for one in json.loads(listed.stdout)} == {ENDED, OPEN, TICKET}
    one = CliRunner().invoke(app, ["incidents", ENDED])
    assert "webdav of PIC critical" in one.stdout and "clears" in one.stdout
