"""/runbooks: every rule's runbook as a page, in a real browser; and no HTML but what Markdown says."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from lakescope.alerts.catalogue import RULES
from lakescope.alerts.options import AlertOptions
from lakescope.app.web import runbooks
from tests.app.web.test_dashboards_page import PHONE, SCREEN
from tests.app.web.test_status_page import FAINT_TEXTS, luminance, overflow
from tests.contract._running import Archiving, Running


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Archiving(tmp_path_factory.mktemp("lake"), '[collectors.push]\ntype = "http"\n') as running:
        yield running


class Tags(HTMLParser):
    """Of a page's content: its elements, the addresses of its links, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str | None] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_rule_has_its_page_and_every_link_leads_somewhere() -> None:
    names = set(runbooks.names())
    assert {rule.name for rule in RULES.values()} <= names
    for name in names:
        links = Tags(runbooks.rendered(name, AlertOptions())).links
        assert {link for link in links if link and "://" not in link} <= names, name
    published = runbooks.rendered("dead_letters_rising", AlertOptions(runbooks="https://docs.example.org"))
    assert "https://docs.example.org/docs/how-to/dead-letters.md" in Tags(published).links


def test_html_of_a_runbook_is_shown_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "# <b>T</b>\n\n<script>x()</script>\n\n[a](javascript:x()) <img src=x onerror=x()> [b](../how-to/c.md)\n"
    (tmp_path / "hostile.md").write_text(text)
    monkeypatch.setattr(runbooks, "FOLDER", tmp_path)
    tags = Tags(runbooks.rendered("hostile", AlertOptions()))
    assert (tags.names, tags.links) == ({"h1", "p"}, [])
    assert "<script>x()</script>" in tags.text and " b" in tags.text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_from_the_list_to_a_runbook_on_a_screen_and_a_phone(
    browser: Browser, lake: Running, scheme: Any
) -> None:
    context = browser.new_context(viewport=SCREEN, base_url=lake.url, color_scheme=scheme)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto("/runbooks")
    page.get_by_role("link", name="Packets are lost").click()
    expect(page).to_have_title("Packets are lost · Runbooks · Lakescope")
    expect(page.get_by_role("heading", name="Look at first")).to_be_visible()
    page.get_by_role("link", name="network_unreachable").click()
    expect(page).to_have_title("No test packet arrives: firewall, or host down · Runbooks · Lakescope")
    assert (luminance(page) < 0.2) == (scheme == "dark")
    assert page.evaluate(FAINT_TEXTS) == []
    page.set_viewport_size(PHONE)
    assert overflow(page) <= 0
    context.close()
    assert complaints == []


def test_an_unknown_runbook_is_said(lake: Running) -> None:
    for name in ("unknown", "..%2fREADME", "network_loss.md"):
        answer = lake.get(f"/runbooks/{name}")
        assert answer.status_code == 404, name
