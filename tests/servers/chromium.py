"""Chromium of Debian, for browser tests by Playwright; not a server, but installed like one."""

from __future__ import annotations

from ._install import Install

PROGRAM = "/usr/bin/chromium"

FLAGS = (
    "--headless",
    # Tests run as root in containers, where the sandbox can't be had.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    # No calls to anywhere but the page under test.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
"""For a start by hand, with a new --user-data-dir, and for Playwright's `launch(args=...)`."""

INSTALL = Install(
    "chromium",
    lambda: {
        "chromium": PROGRAM,
        # Without a font every text is a row of boxes.
        "fonts-dejavu-core": "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    },
)
