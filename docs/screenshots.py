"""Makes docs/images/status.png: the status page of a running demo, 1280 pixels wide.

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

from playwright.sync_api import sync_playwright

from tests.servers import chromium

IMAGE = Path(__file__).parent / "images" / "status.png"
WIDTH, HEIGHT = 1280, 1000
WARM_UP_S = 330  # the page shows five minutes; the half hour that the demo catches up on has then left it


def main() -> None:
    """Runs the demo, waits for its page to fill, takes the picture."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "lakescope", "demo", "--port", "0", f"--data-dir={directory}/demo"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:  # noqa: S603 - our own demo
            try:
                time.sleep(WARM_UP_S)
                photograph(_url(demo))
            finally:
                demo.send_signal(signal.SIGINT)
                demo.communicate(timeout=60)


def photograph(url: str) -> None:
    """The head of the page at `url` as `IMAGE`."""
    IMAGE.parent.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.PROGRAM, args=list(chromium.FLAGS))
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(url)
        time.sleep(5)  # two polls of the page
        page.screenshot(path=IMAGE)
        browser.close()


def _url(demo: subprocess.Popen[str]) -> str:
    """Where the demo says that it answers."""
    assert demo.stdout is not None
    for line in demo.stdout:
        if found := re.search(r"http://\S+", line):
            return found[0]
    raise RuntimeError(f"the demo did not start: exit code {demo.wait()}")


if __name__ == "__main__":
    main()
