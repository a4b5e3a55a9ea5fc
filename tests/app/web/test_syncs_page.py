"""/syncs: the last plan, and having it made anew and applied; in a real browser, over a real Rucio and a real SCIM server."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from msgspec import to_builtins
from playwright.sync_api import Browser, Page, expect

from lakescope.app.client import client_of
from lakescope.app.instance import announcement
from lakescope.app.sync import plan_file
from lakescope.app.sync_runs import event_of
from tests.app.web._watched import watched_page
from tests.app.web.test_dashboards_page import PHONE
from tests.app.web.test_status_page import FAINT_TEXTS, luminance, overflow
from tests.contract._running import Archiving
from tests.e2e._lakescope import until
from tests.servers.iam import Iam
from tests.servers.rucio import Rucio
from tests.sync._cric import document

pytestmark = pytest.mark.server("chromium")


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iam]:
    with Iam(tmp_path_factory.mktemp("iam")) as server:
        yield server


class Lake(Archiving):
    """With what was reported of synchronisations."""

    def runs(self) -> list[dict[str, Any]]:
        """Events of runs, so far."""
        return [one for events in self.stored().values() for one in events if one["dataset"] == "syncs"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, rucio: Rucio, iam: Iam) -> Iterator[Lake]:
    configuration = f"""
[collectors.push]
type = "http"
[sync.rucio]
url = "{rucio.url}"
account = "root"
username = "{rucio.user}"
password = "{rucio.password}"
[sync.accounts]
url = "{iam.url}"
client_id = "{iam.client_id}"
client_secret = "{iam.client_secret}"
"""
    folder = tmp_path_factory.mktemp("lake")
    (folder / "rses.json").write_text(json.dumps(document()))
    configuration += f'[topology]\nrses = "{folder}/rses.json"\n'
    with Lake(folder, configuration) as running:
        yield running


@pytest.fixture
def page(browser: Browser, lake: Lake) -> Iterator[Page]:
    with watched_page(browser, lake) as page:
        yield page


def test_plan_then_apply(page: Page, lake: Lake, iam: Iam, unique_name: str) -> None:
    iam.add(unique_name, groups=("escape",), certificates=["CN=<b>Jane</b>,O=x", "nonsense"])
    page.goto("/reports")
    page.get_by_role("navigation").get_by_role("link", name="Synchronisations").click()
    page.get_by_role("link", name="Accounts from INDIGO IAM").click()
    page.get_by_role("button", name="Make the plan anew").click()
    rows = page.get_by_role("region", name="Lines of the plan").last.locator("tbody tr")
    expect(rows).to_have_count(7)
    expect(rows.filter(has_text="/O=x/CN=<b>Jane<\\/b>")).to_have_count(1)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a list of both
        assert (luminance(page) < 0.2) == (scheme == "dark")
        assert page.evaluate(FAINT_TEXTS) == []
    page.get_by_label("I have read the plan").check()
    page.get_by_role("button", name="Apply this plan").click()
    expect(page.locator("#work")).to_contain_text("6 of 6 changes applied")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("expected NAME=VALUE at character 1")
    expect(page.get_by_role("button", name="Apply this plan")).to_have_count(0)
    latest: dict[str, Any] = httpx.get(f"{lake.url}/api/syncs/accounts", trust_env=False).json()
    assert latest["plan"]["counts"] == {"invalid": 1}
    until(lambda: len(lake.runs()) == 1, 5)
    (run,) = lake.runs()
    assert (run["sync"], run["ok"], run["applied"], run["drift"], run["invalid"]) == (
        "accounts",
        True,
        6,
        1,
        1,
    )
    page.set_viewport_size(PHONE)
    assert overflow(page) <= 0


def test_accounts_from_creation_to_suspension(page: Page, lake: Lake, iam: Iam, unique_name: str) -> None:
    user = iam.add(unique_name, groups=("escape",), certificates=["CN=<b>J</b>,O=x", "nonsense"])
    accounts = page.get_by_role("region", name="Accounts").last
    row = accounts.get_by_role("row", name=unique_name)

    def plan_then(*states: str, apply: bool = False) -> None:
        desk = lake.assembly.syncs
        work = desk.plan("accounts", "test")
        until(lambda: work.end, 10)
        if apply and (latest := desk.latest("accounts")):
            applied = desk.apply("accounts", "test", latest.digest, None)
            until(lambda: applied.end, 10)
            assert applied.ok, applied.result
        page.goto("/accounts")
        for state in states:
            expect(row).to_contain_text(state)

    plan_then("to be created", "create")
    plan_then("active", "1 OIDC, 1 X509", "group-escape", "1 invalid", apply=True)
    expect(accounts.get_by_role("row", name="root")).to_contain_text("other")
    row.get_by_text("1 OIDC, 1 X509").click()
    expect(row).to_contain_text("/O=x/CN=<b>J<\\/b>")
    expect(page.get_by_role("region", name="Not synchronised").last).to_contain_text("expected NAME=VALUE")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a list of both
        assert page.evaluate(FAINT_TEXTS) == []
    iam.change(user, active=False)
    plan_then("active, user left IAM", "remove")
    plan_then("suspended since", apply=True)
    plan_then("suspended since")  # which only the journal knows
    page.get_by_label("Name, e-mail, identity or attribute has").fill("<b>nobody")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_text("No account has “<b>nobody”.")).to_be_visible()
    page.set_viewport_size(PHONE)
    assert overflow(page) <= 0


def test_a_plan_that_has_changed_since_it_was_shown_is_not_applied(
    page: Page, iam: Iam, unique_name: str
) -> None:
    iam.add(unique_name)
    page.goto("/syncs/accounts")
    page.get_by_role("button", name="Make the plan anew").click()
    expect(page.locator("tbody tr").filter(has_text=unique_name).first).to_be_visible()
    iam.add(f"{unique_name}2")
    page.get_by_label("I have read the plan").check()
    page.get_by_role("button", name="Apply this plan").click()
    expect(page.locator("#work")).to_contain_text(
        "the plan has changed since it was shown, so nothing was applied"
    )


def test_a_command_beside_the_instance_reports_its_run_to_it(lake: Lake) -> None:
    event = event_of("accounts", 1_767_600_000.0, ok=True, applied=7)
    with announcement(lake.data_dir, lake.url):
        client_of(lake.configuration).report_run(event)
    (stored,) = lake.arrived([event.id], 5)
    assert {"ok": True, "applied": 7, "collector": "lakescope"}.items() <= stored.items()
    for run, text in (({}, "missing required field"), ({"dataset": "syncs", "id": "x"}, "time")):
        answer = httpx.post(f"{lake.url}/api/syncs/accounts/runs", json=run, trust_env=False)
        assert answer.status_code == 422 and text in answer.text, answer.text
    other = to_builtins(event_of("topology", 0.0, ok=True))
    answer = httpx.post(f"{lake.url}/api/syncs/accounts/runs", json=other, trust_env=False)
    assert answer.status_code == 422 and "expected 'accounts', found 'topology'" in answer.text


def test_what_cannot_be_told_is_shown(page: Page, iam: Iam) -> None:
    iam.spoil("html")
    page.goto("/syncs/accounts")
    page.get_by_role("button", name="Make the plan anew").click()
    expect(page.locator("#work")).to_contain_text("a proxy or a login page is in between")
    iam.spoil()


def test_one_damaged_plan_hides_no_other(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    path = plan_file(lake.data_dir / "sync", "accounts")
    content = path.read_bytes()
    path.write_bytes(content[:9])
    text = "sync/plan-accounts.json: expected the state of a plan of a synchronisation"
    index = lake.get("/syncs")
    assert index.status_code == 200 and text in index.text and 'href="syncs/rses"' in index.text
    browser = {"accept": "text/html"}
    for place in ("/syncs/accounts", "/accounts", "/api/syncs/accounts"):
        answer = httpx.get(f"{lake.url}{place}", headers=browser, trust_env=False)
        assert answer.status_code == 503 and text in html.unescape(answer.text), place
        assert "Not available now" in answer.text or place.startswith("/api/")
        assert str(lake.data_dir) not in answer.text + index.text
    assert f"state_damaged error={path}: expected" in caplog.text
    path.write_bytes(content)
    assert lake.get("/syncs/accounts").status_code == 200


def test_a_name_that_is_none(lake: Lake) -> None:
    answer = httpx.get(f"{lake.url}/syncs/other", trust_env=False)
    assert answer.status_code == 404 and "no synchronisation 'other' is configured" in answer.text
