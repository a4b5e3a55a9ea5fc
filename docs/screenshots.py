"""Makes docs/images/*.png: the status page, dashboards and a transfer's story of a running demo, 1280 pixels wide.

    python -m docs.screenshots

Needs Chromium (`python -m tests.servers.install chromium`) and six minutes.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.servers import chromium

IMAGES = Path(__file__).parent / "images"
WIDTH, HEIGHT = 1280, 1000
WARM_UP_S = 390  # the page shows five minutes; the week that the demo catches up on has then left it


def main() -> None:
    """Runs the demo, waits for its page to fill, takes the picture."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "lakescope", "demo", "--port", "0", f"--data-dir={directory}/demo"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:  # noqa: S603 - our own demo
            try:
                time.sleep(WARM_UP_S)
                photograph(_url(demo).rstrip("/"))
            finally:
                demo.send_signal(signal.SIGINT)
                demo.communicate(timeout=60)


def photograph(url: str) -> None:
    """The pages of the Lakescope at `url`."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.PROGRAM, args=list(chromium.FLAGS))
        status = _page(browser)
        status.goto(url)
        time.sleep(5)  # two polls of the page
        status.screenshot(path=IMAGES / "status.png")
        overview = _page(browser)
        _open(overview, f"{url}/dashboards/lake")
        overview.screenshot(path=IMAGES / "dashboard-lake.png", full_page=True)
        failures = _page(browser, dark=True)
        _open(failures, f"{url}/dashboards/failures")
        failures.screenshot(path=IMAGES / "dashboard-failures-dark.png", full_page=True)
        failures.emulate_media(color_scheme="light")
        failures.locator(".panel.events tbody a").last.click()
        failures.locator("#verdict").wait_for()
        failures.screenshot(path=IMAGES / "story.png", full_page=True)
        browser.close()


def _page(browser: Browser, *, dark: bool = False) -> Page:
    return browser.new_page(
        viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="dark" if dark else "light"
    )


def _open(page: Page, address: str) -> None:
    """Waits until every panel is drawn."""
    page.goto(address)
    page.locator("#content[aria-busy=false]").wait_for()
    expect(page.get_by_text("Loading …")).to_have_count(0, timeout=15_000)


def _url(demo: subprocess.Popen[str]) -> str:
    """Where the demo says that it answers."""
    assert demo.stdout is not None
    for line in demo.stdout:
        if match := re.search(r"http://\S+", line):
            return match[0]
    raise RuntimeError(f"the demo did not start: exit code {demo.wait()}")


if __name__ == "__main__":
    main()
