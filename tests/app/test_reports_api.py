"""/api/reports/...: the same reports as without an instance, and errors that say what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from msgspec import structs

from lakescope.app.reports import ReportText, report_of
from lakescope.reports.lake_status import LakeStatus
from lakescope.reports.model import Report
from tests.contract._running import QUICK, Running
from tests.reports._store import MONDAY, hourly, store_of

CONFIGURATION = f'{QUICK}[collectors.push]\ntype = "http"\n[sinks.store]\ntype = "duckdb"\n[sinks.files]\ntype = "jsonl"\n'


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("lake")
    with store_of(hourly(range(168), failed_every=4), folder / "data"):
        pass
    with Running(folder, f'{CONFIGURATION}directory = "{folder}/files"\n') as running:
        yield running


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("daily?day=2026-11-18", ReportText("daily", "2026-11-18")),
        ("daily?day=2026-11-18&vo=escape&store=store", ReportText("daily", "2026-11-18", "escape")),
        ("site?site=SITE-A&week=2026-W47", ReportText("site", "2026-W47", None, "SITE-A")),
    ],
)
def test_a_report_is_the_same_by_http(lake: Running, path: str, text: ReportText) -> None:
    answer = lake.get(f"/api/reports/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json"), answer.text
    report = msgspec.json.decode(answer.content, type=Report)
    own = report_of(text, lake.assembly.sinks["store"], MONDAY)
    assert report == msgspec.convert(
        msgspec.to_builtins(structs.replace(own, computed=report.computed)), Report
    )
    assert (report.kind, report.vo, report.site, report.period.name) == (
        text.kind,
        text.vo,
        text.site,
        text.period,
    )


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("daily?day=2026-W47", "'2026-W47' is no day: expected for example 2026-11-25"),
        ("daily?day=2199-01-01", "day 2199-01-01 begins at 2199-01-01T00:00Z: nothing is over yet"),
        ("daily?store=files", "a store of type jsonl cannot answer KPIs"),
        ("site?site=SITE-A&week=2026-11-25", "'2026-11-25' is no ISO week: expected for example 2026-W47"),
        ("site?site=SITE-Q&week=2026-W47", "SITE-A"),
        ("site?week=2026-W47", "Field required"),
        ("status?store=nowhere", "no sink 'nowhere'"),
    ],
)
def test_what_was_expected_instead(lake: Running, path: str, detail: str) -> None:
    answer = lake.get(f"/api/reports/{path}")
    assert answer.status_code == 422 and detail in answer.text, answer.text


def test_without_a_period_it_is_the_last_one(lake: Running) -> None:
    report: dict[str, Any] = lake.get("/api/reports/daily").json()
    assert report["period"]["until"] <= report["computed"] and "no data" in report["title"]


def test_the_state_for_everybody(lake: Running) -> None:
    status = msgspec.json.decode(lake.get("/api/reports/status").content, type=LakeStatus)
    assert (status.state, status.sites, len(status.days)) == ("no data", [], 7)
