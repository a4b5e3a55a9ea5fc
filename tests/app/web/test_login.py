"""Logging in with a real browser: the form, the cookie, and pages that then find their data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.app.test_login_oidc import configuration
from tests.contract._issuer import TestIssuer
from tests.contract._running import QUICK, Running
from tests.servers._process import free_port

TOKEN = "a token of the lake"
CONFIGURATION = f"""
[http]
token = "{TOKEN}"
{QUICK}
[collectors.push]
type = "http"
[sinks.duck]
type = "duckdb"
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, chromium: str) -> Iterator[Running]:
    """One that asks for a token."""
    with Running(tmp_path_factory.mktemp("guarded"), CONFIGURATION) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Of a session that knows nothing yet."""
    page = browser.new_page()
    yield page
    page.close()


def test_a_person_logs_in_and_sees_what_they_came_for(guarded: Running, page: Page) -> None:
    complaints: list[str] = []
    page.goto(f"{guarded.url}/dashboards/transfers?since=1d")
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.get_by_label(re.compile("Token")).fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("This token is not known here.")
    complaints.clear()  # the browser reports the 401
    page.get_by_label(re.compile("Token")).fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(re.compile(r"/dashboards/transfers\?since=1d$"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.goto(f"{guarded.url}/")
    expect(page.locator("#verdict")).to_contain_text(re.compile("[a-z]"))
    page.wait_for_function("document.querySelector('#verdict').textContent.trim().length > 3")
    assert not complaints
    (cookie,) = page.context.cookies()
    assert cookie["httpOnly"] and cookie["sameSite"] == "Lax" and TOKEN not in cookie["value"]


def test_another_site_cannot_push_with_a_persons_cookie(guarded: Running, page: Page, tmp_path: Path) -> None:
    page.goto(f"{guarded.url}/?token={TOKEN}")
    assert page.url == f"{guarded.url}/"
    received = guarded.received()
    evil = tmp_path / "evil.html"
    evil.write_text(
        f'<form method="post" enctype="text/plain" action="{guarded.url}/push/push">'
        '<input name=\'{"producer": "evil", "a\' value=\'": 1}\'><button>win</button></form>'
    )
    page.goto(evil.as_uri())
    with page.expect_response(re.compile("/push/push")) as answer:
        page.get_by_role("button").click()
    assert answer.value.status == 403
    assert guarded.received() == received


def test_all_pages_share_their_look(guarded: Running, page: Page) -> None:
    """The login, before anybody has shown a token, has the colours and the theme of the pages behind it."""
    seen = []
    for path in ("/dashboards/transfers", f"/?token={TOKEN}", "/dashboards/"):
        page.goto(f"{guarded.url}{path}")
        links = page.locator("link[rel=stylesheet]").evaluate_all(
            "all => all.map((one) => new URL(one.href).pathname)"
        )
        assert links[0] == "/look.css"
        page.evaluate("localStorage.setItem('lakescope-theme', 'dark')")
        page.reload()
        seen.append(
            page.evaluate(
                "[getComputedStyle(document.body).backgroundColor, document.documentElement.dataset.theme]"
            )
        )
    assert seen[0][1] == "dark" and seen[0] == seen[1] == seen[2]


def test_a_logout_from_a_login_at_the_issuer_holds_over_a_restart(page: Page, tmp_path: Path) -> None:
    port = free_port()
    callback = f"http://localhost:{port}/login/callback"
    with TestIssuer() as issuer:
        issuer.redirect_uris.add(callback)
        text = configuration(issuer.url, callback)
        with Running(tmp_path, text, port=port) as lake:
            start = callback.replace("login/callback", "dashboards/transfers?since=1d")
            assert lake.url.endswith(f":{port}")
            page.goto(start)
            page.get_by_role("link", name="Log in at").click()
            page.wait_for_url(start)
            expect(page.get_by_role("heading", level=1)).to_have_text("Transfers")
            assert page.evaluate("fetch('../api/me').then((answer) => answer.json())")["role"] == "operator"
            expect(page.get_by_text("Nothing to show: ").first).to_contain_text(
                "in this time. You see events of the VO escape only."
            )
            page.goto(start.replace("transfers", "probes"))
            body = page.locator("main")
            expect(body.get_by_text("Loading …")).to_have_count(0)
            expect(
                body.get_by_text("Nothing to show to you: it needs the right `shared`.").first
            ).to_be_visible()
            expect(body.get_by_text("the right `shared` or `all_vos`: ask an administrator")).to_have_count(1)
            expect(body.get_by_text("Needs the right `shared`").first).to_be_visible()
            page.screenshot(path=tmp_path / "probes.png")
            page.goto(f"http://localhost:{port}/")  # Lakescope's status needs `shared`, too
            expect(body).to_contain_text("For more you lack the right `shared` or `all_vos`")
            page.goto(f"http://localhost:{port}/topology")  # for the right `shared`
            expect(page.get_by_role("heading")).to_have_text("You may not see this")
            expect(page.get_by_role("alert")).to_have_text(
                "The topology: expected the right `shared`, which you lack."
            )
            expect(body).to_contain_text("You are ada: operator, VO escape; other rights: none.")
            page.screenshot(path=tmp_path / "refused.png")
            page.get_by_role("link", name="Lakescope", exact=True).click()
            expect(body).to_contain_text("For more you lack the right `shared` or `all_vos`")
            page.goto(f"http://localhost:{port}/dashboards/some/<b>place")
            expect(page.get_by_role("alert")).to_have_text("Nothing is at /dashboards/some/<b>place.")
            page.get_by_role("link", name="Log in as somebody else").click()
            expect(page.get_by_role("link", name="Log in at")).to_be_visible()
            page.goto(start)
            cookies = page.context.cookies()
            page.get_by_role("button", name="Log out").click()
            expect(page.get_by_role("link", name="Log in at")).to_be_visible()
            assert not page.context.cookies()
        page.context.add_cookies(cookies)  # type: ignore[arg-type]
        with Running(tmp_path, text, port=port) as lake:
            assert lake.url
            answer = page.goto(start)
            assert answer is not None and answer.status == 401
            expect(page.get_by_role("link", name="Log in at")).to_be_visible()
