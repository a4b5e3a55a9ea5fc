"""/alerts: open alerts, rules by state, what people do with an alert; in a real browser, over real rounds of a real store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect
from typer.testing import CliRunner

from lakescope.alerts.catalogue import RULES
from lakescope.alerts.model import Alert, Rule, Threshold
from lakescope.app.alerts import ROUND_S
from lakescope.app.client import Instance
from lakescope.app.config import Settings
from lakescope.app.rounds import Rounds
from lakescope.cli import app
from lakescope.core.printable import rfc3339
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from tests.app._searched import transfer
from tests.app.web._lake import HOSTILE
from tests.app.web._watched import watched_page
from tests.app.web.test_dashboards_page import PHONE
from tests.app.web.test_status_page import FAINT_TEXTS, luminance, overflow
from tests.contract._running import Archiving, Running

FAILING = Rule(
    name="failing",
    title="Transfers to an RSE fail",
    kpi="transfer_efficiency",
    condition=Threshold(below=0.2),
    window_s=3600,
    by=("dst_rse",),
    severity="page",
    owner="storage",
    summary="{dst_rse}: {value} of transfers succeed in {window}",
    description="Look at the log of {dst_rse}.",
)


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rounds]:
    """After a round in which two destinations failed; nobody makes another one."""
    directory = tmp_path_factory.mktemp("rounds")
    sink = DuckdbSink("duck", DuckdbOptions(), directory)
    list(sink.setup())
    now = time.time() // ROUND_S * ROUND_S
    events = [
        transfer("failed", rfc3339(now - 60 * minute), dst_rse=rse)
        for minute in range(1, 50)
        for rse in ("DST", HOSTILE)
    ]
    sink.write(sink.encode(events, [msgspec.json.encode(one) for one in events]))
    quiet = {name: RULES[name] for name in ("host_disk_full", "transfer_efficiency_lake") if name in RULES}
    rounds = Rounds({FAILING.name: FAILING, **quiet}, sink, directory)
    rounds.round(now)
    rounds.notify(now)
    yield rounds
    sink.close()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, rounds: Rounds) -> Iterator[Running]:
    with Archiving(tmp_path_factory.mktemp("lake"), '[collectors.push]\ntype = "http"\n') as running:
        running.assembly.rounds = rounds
        yield running


@pytest.fixture
def alert(rounds: Rounds) -> Alert:
    """The one of DST, untouched."""
    (one,) = [one for one in rounds.alerts() if one.labels["dst_rse"] == "DST"]
    one.acknowledged = one.silence = one.muted_by = None
    return one


@pytest.fixture
def page(browser: Browser, lake: Running) -> Iterator[Page]:
    with watched_page(browser, lake, may_be_refused=True) as page:
        yield page


def test_from_the_list_to_an_alert_that_is_acknowledged_and_silenced(page: Page, alert: Alert) -> None:
    page.goto("/incidents")
    page.get_by_role("navigation").get_by_role("link", name="Alerts").click()
    expect(page.locator("#verdict")).to_have_text("2 open alerts")
    expect(page.locator(".incident")).to_have_count(2)
    rules = page.get_by_role("region", name="Rules by state").locator("tbody tr")
    expect(rules.first).to_contain_text("firing")
    expect(rules.first).to_contain_text("failing")
    expect(rules.first).to_contain_text("20 %")
    page.get_by_role("link", name="DST: 0 % of transfers succeed in 1 h", exact=True).click()
    expect(page.locator("#what")).to_contain_text("Look at the log of DST.")
    form = page.get_by_role("form", name="Acknowledge")
    form.get_by_label("Your name").fill("Ada <b>")
    form.get_by_label("Note").fill("the site is told")
    page.keyboard.press("Enter")
    expect(page.locator("#acknowledged")).to_contain_text("Acknowledged by Ada <b> at")
    expect(page.locator("#acknowledged")).not_to_contain_text("false alarm")
    assert alert.acknowledged is not None and alert.acknowledged.note == "the site is told"
    form.get_by_label("False alarm").check()
    form.get_by_role("button").click()
    expect(page.locator("#acknowledged")).to_contain_text("as a false alarm")
    expect(form.get_by_label("False alarm")).not_to_be_checked()
    assert alert.acknowledged.false_alarm
    silence = page.get_by_role("form", name="Silence")
    silence.get_by_label("Reason").fill("disk is replaced")
    silence.get_by_role("button", name="Silence").click()
    expect(page.locator("#silenced")).to_contain_text("Silenced by Ada <b> until")
    assert alert.silence is not None
    assert alert.silence.until == pytest.approx(time.time() + 4 * 3600, abs=60)
    page.goto("/alerts")
    expect(page.get_by_role("listitem").filter(has_text="DST: 0 %")).to_contain_text(
        "Acknowledged by Ada <b>"
    )
    page.go_back()
    page.get_by_role("button", name="End the silence").click()
    expect(page.locator("#silenced")).to_have_text("It is not silenced.")


def test_what_the_server_refuses_stands_beside_the_form(page: Page, alert: Alert) -> None:
    page.goto(f"/alerts/{alert.key}")
    form = page.get_by_role("form", name="Acknowledge")
    form.get_by_label("Your name").fill("   ")
    form.get_by_role("button").click()
    expect(form.get_by_role("status")).to_have_text("by is missing: expected 1 to 100 characters")
    page.goto("/alerts/unknown")
    expect(page.get_by_role("alert")).to_contain_text("This alert is not open")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/alerts", "/alerts/KEY"])
def test_everything_can_be_read_on_a_screen_and_a_phone(
    page: Page, alert: Alert, path: str, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(path.replace("KEY", alert.key))
    expect(page.locator("#content")).to_have_attribute("aria-busy", "false")
    expect(page.get_by_text("Loading …")).to_have_count(0)
    assert (luminance(page) < 0.2) == (scheme == "dark")
    assert page.evaluate(FAINT_TEXTS) == []
    page.set_viewport_size(PHONE)
    assert overflow(page) <= 0


def test_an_unknown_alert_and_another_site_s_request_are_refused(lake: Running, alert: Alert) -> None:
    def post(key: str, **headers: str) -> httpx.Response:
        address = f"{lake.url}/api/alerts/{key}/acknowledge"
        return httpx.post(address, json={"by": "me"}, headers=headers, trust_env=False)

    answer = post("unknown")
    assert (answer.status_code, "no alert 'unknown'" in answer.json()["detail"]) == (404, True)
    assert post(alert.key, origin="https://evil.example").status_code == 403
    assert alert.acknowledged is None


def test_the_command_acknowledges_and_silences(
    lake: Running, alert: Alert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakescope.cli.alerts.configuration", lambda _: None)
    monkeypatch.setattr("lakescope.app.client.client_of", lambda _: Instance(lake.url, Settings()))

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, ["alerts", *arguments])
        return result.stdout or str(result.exception)

    listed = run("list")
    assert alert.key in listed
    assert "acknowledged by Ada, not silenced" in run(
        "acknowledge", alert.key, "--by", "Ada", "--note", "disk"
    )
    assert "acknowledged by Ada as a false alarm, not silenced" in run(
        "acknowledge", alert.key, "--by", "Ada", "--false-alarm"
    )
    assert "silenced by Ada until" in run(
        "silence", alert.key, "--by", "Ada", "--until", "2d", "--reason", "x"
    )
    assert alert.silence is not None and alert.silence.until == pytest.approx(time.time() + 2 * 86400, abs=60)
    assert "not silenced" in run("silence", alert.key, "--by", "Ada", "--until", "now")
    assert "reason is missing" in run("silence", alert.key, "--by", "Ada")
    assert "expected" in run("silence", alert.key, "--by", "Ada", "--until", "soon", "--reason", "x")
