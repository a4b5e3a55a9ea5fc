"""/topology: CRIC as this instance has it, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from lakescope.app.topology import refresh
from tests.app.web._watched import watched_page
from tests.contract._running import Archiving, Running
from tests.sync._cric import document


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    cric = document()
    cric["rses"]["LAPP-DPM"]["state"] = "DISABLED"
    cric["rses"]["PIC-DCACHE"]["site"] = "<b>PIC</b>"
    (tmp_path / "rses.json").write_text(json.dumps(cric))
    text = f'[topology]\nrses = {json.dumps(str(tmp_path / "rses.json"))}\n[collectors.push]\ntype = "http"\n'
    with Archiving(tmp_path / "lake", text) as running:
        yield running


def test_it_shows_places_states_distances_and_changes(
    browser: Browser, running: Running, tmp_path: Path
) -> None:
    with watched_page(browser, running) as page:
        page.goto("/topology")
        expect(page.get_by_role("heading", name="Topology")).to_be_visible()
        expect(page.locator(".map circle")).to_have_count(8)  # CERN and LAPP have two RSEs each
        row = page.locator(
            "#content tr", has=page.get_by_role("rowheader", name="LAPP-DPM", exact=True)
        ).first
        expect(row).to_contain_text("DISABLED")
        expect(page.get_by_role("cell", name="<b>PIC</b>").first).to_be_visible()
        expect(page.get_by_text("have not changed since")).to_be_visible()
        cric = json.loads((tmp_path / "rses.json").read_text())
        cric["rses"]["EULAKE-1"]["availability_write"] = False
        (tmp_path / "rses.json").write_text(json.dumps(cric))
        refresh(running.assembly.configuration.settings, "rses", 1_767_600_000.0)
        page.reload()
        expect(page.get_by_role("heading", name="Changes in CRIC")).to_be_visible()
        expect(page.get_by_role("row", name="availability_write true false")).to_be_visible()
        plan = running.data_dir / "sync/plan-rses.json"
        plan.parent.mkdir()
        plan.write_text("{")
        page.reload()
        expect(page.get_by_text("sync/plan-rses.json: expected the state of a plan")).to_be_visible()
        page.screenshot(path=tmp_path / "topology.png", full_page=True)
        assert str(tmp_path) not in running.get("/topology").text.replace(str(tmp_path / "rses.json"), "")
