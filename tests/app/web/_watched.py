"""A page in a browser whose console is listened to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page

from tests.app.web.test_dashboards_page import SCREEN
from tests.contract._running import Running


@contextmanager
def watched_page(browser: Browser, lake: Running, *, may_be_refused: bool = False) -> Iterator[Page]:
    """In Berlin, on a lake that speaks UTC. Any word in its console fails the test; `may_be_refused`: but of a request that was
    refused."""
    context = browser.new_context(viewport=SCREEN, timezone_id="Europe/Berlin", base_url=lake.url)
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    if may_be_refused:
        complaints = [text for text in complaints if not text.startswith("Failed to load resource")]
    assert complaints == []
