"""The page for everybody: right, and without what is nobody's business."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lakescope.app.reports import lake_status_of
from lakescope.cli import app
from lakescope.core.events import Event, IncidentReport, Probe
from lakescope.reports.forms.status_page import status_page
from lakescope.reports.lake_status import LakeStatus
from tests.reports._store import store_of, transfer

NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"
PRIVATE = {
    "account": "jdoe-private",
    "user": "hash-of-jdoe",
    "name": "telling-file-name.root",
    "file": "cms:telling-file-name.root",
    "dst_url": "davs://secret-host.example.org/telling-path",
    "activity": "Activity of Jane Doe",
    "error": "permission denied for /home/jdoe",
    "error_template": "permission denied for Jane Doe",
    "scope": "user.jdoe",
}
"""Of transfers; none of it is for everybody."""


def incident(id: str, began: datetime, now: datetime, **fields: Any) -> IncidentReport:
    """A report of it at a time."""
    values = {"state": "open", "severity": "page"} | fields
    return IncidentReport(
        id=f"{id}{now:%H%M}".ljust(32, "0"),
        time=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        source="lakescope",
        event="reported",
        incident=id,
        started=f"{began:%Y-%m-%dT%H:%M:%SZ}",
        error_template=PRIVATE["error_template"],
        muted_by="silenced by Jane Doe: telling-comment",
        **values,
    )


def events(now: datetime) -> Iterator[Event]:
    """100 transfers in each of eight days but the second last, from A to B, the last day's failing at 40 %; C has few."""
    for day in range(8):
        for number in range(100 if day != 2 else 0):
            moment = now - timedelta(days=day, minutes=5 * number + 1)
            is_ok = day > 0 or number % 5 > 1
            yield transfer(1000 * day + number, moment, ok=is_ok, **PRIVATE)
    for number in range(10):
        yield transfer(
            9000 + number, now - timedelta(minutes=number + 1), dst_site=HOSTILE, dst_rse="C-DISK", **PRIVATE
        )
    for number in range(20):
        yield Probe(
            id=f"{number:032x}",
            time=f"{now - timedelta(minutes=number):%Y-%m-%dT%H:%M:%SZ}",
            source="probes",
            probe="https",
            status="critical",
            ok=False,
            site="SITE-D",
            target="https://secret-host.example.org",
            message=PRIVATE["error"],
        )
    soon = now - timedelta(minutes=2)
    began = now - timedelta(hours=3)
    yield incident(
        "a" * 12, began, now - timedelta(minutes=30), dst_site="SITE-B", culprit="destination SITE-B"
    )
    yield incident("a" * 12, began, soon, dst_site="SITE-B", culprit="destination SITE-B")
    yield incident("b" * 12, now - timedelta(hours=2), soon, culprit="account jdoe-private")
    yield incident(
        "c" * 12,
        now - timedelta(hours=1),
        soon,
        activity=PRIVATE["activity"],
        endpoint="fts-secret.example.org",
    )
    yield incident("d" * 12, began, now - timedelta(minutes=40), src_site="SITE-A")
    yield incident("d" * 12, began, now - timedelta(minutes=20), src_site="SITE-A", state="ended")
    yield incident(
        "e" * 12, began, now - timedelta(hours=4), src_site="SITE-Z"
    )  # whoever reported it has stopped


@pytest.fixture(scope="module")
def status(tmp_path_factory: pytest.TempPathFactory) -> LakeStatus:
    with store_of(events(NOW), tmp_path_factory.mktemp("store")) as sink:
        return lake_status_of(sink, NOW)


def test_the_state_of_the_lake_and_of_its_sites(status: LakeStatus) -> None:
    assert (status.generated, status.state) == ("2026-11-25T10:30:00Z", "warning")
    assert status.verdict == "Degraded: 3 open incidents, 3 of 4 sites below their bounds."
    assert [(one.title, one.text, one.state) for one in status.figures] == [
        ("Transfer efficiency", "63.6 %", "warning"),
        ("Transferred volume", "70 GB", None),
        ("Transferred files", "70", None),
    ]
    assert [(one.name, one.state, one.as_source, one.as_destination, one.probes) for one in status.sites] == [
        ("SITE-D", "critical", None, None, "0 %"),
        ("SITE-A", "warning", "63.6 %", None, None),
        ("SITE-B", "warning", None, "60 %", None),
        (HOSTILE, "no data", None, None, None),
    ]


def test_open_incidents_by_their_place(status: LakeStatus) -> None:
    assert [(one.place, one.began[11:16]) for one in status.incidents] == [
        ("not tied to a site", "09:30"),
        ("not tied to a site", "08:30"),
        ("to SITE-B", "07:30"),
    ]


def test_the_last_seven_days(status: LakeStatus) -> None:
    days = {one.date: (one.efficiency_text, one.volume_text) for one in status.days}
    assert list(days) == [f"2026-11-{day}" for day in range(25, 18, -1)]
    assert days["2026-11-25"] == ("63.6 %", "70 GB") and days["2026-11-24"] == ("100 %", "100 GB")
    assert days["2026-11-23"] == ("\N{EN DASH}", "0 B")
    hours = 6 * 24 + 10  # whole ones of which nothing is known: of the last days all but nine of each
    assert status.completeness.state == "critical"
    assert status.completeness.text == f"{100 * (1 - empty_hours() / hours):.1f} %"


def empty_hours() -> int:
    """Of the seven days, as `events` makes them."""
    begin = datetime(2026, 11, 19, tzinfo=UTC)
    times = [datetime.fromisoformat(one.time) for one in events(NOW) if one.dataset == "transfers"]
    hours = {(time - begin) // timedelta(hours=1) for time in times if time >= begin}
    return len({*range(6 * 24 + 10)} - hours)


def test_nothing_is_in_it_that_is_not_for_everybody(status: LakeStatus) -> None:
    text = status_page(status, "Lake") + json.dumps(status.__class__.__struct_fields__) + repr(status)
    for secret in (*PRIVATE.values(), "jdoe", "Jane", "telling", "secret", "permission denied"):
        assert secret.lower() not in text.lower(), secret


def test_the_page_needs_nothing_and_runs_nothing(status: LakeStatus) -> None:
    page = status_page(status, f"Lake {HOSTILE}")
    tags: list[tuple[str, dict[str, str | None]]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append((tag, dict(attrs)))  # type: ignore[method-assign]
    parser.feed(page)
    names = {tag for tag, _ in tags}
    assert not names & {"script", "link", "img", "iframe"} and "h1" in names
    assert not any(name.startswith("on") for _, attributes in tags for name in attributes)
    assert [attributes["href"] for tag, attributes in tags if tag == "a"] == ["status.json"]
    assert page.count("&lt;script&gt;") == 3, "the title twice, and the site"


def test_a_lake_of_which_nothing_is_known(tmp_path: Path) -> None:
    with store_of([], tmp_path) as sink:
        status = lake_status_of(sink, NOW)
    assert (status.state, status.sites, status.incidents) == ("no data", [], [])
    assert status.verdict == "The state is unknown: no transfers were reported in the last 24 hours."
    assert "No site was reported." in status_page(status, "Lake")


def test_the_command_replaces_its_files_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lakescope.toml").write_text(
        '[collectors.push]\ntype = "http"\n[sinks.store]\ntype = "duckdb"\n'
    )
    with store_of(events(datetime.now(UTC)), tmp_path / "lakescope-data"):
        pass
    out = tmp_path / "www" / "lake"
    words = ["dashboards", "publish", "status", "--out", str(out), "--title", "ESCAPE", "-c"]

    def publish() -> None:
        result = CliRunner().invoke(app, [*words, str(tmp_path / "lakescope.toml")], catch_exceptions=False)
        assert result.stdout.split() == [str(out / "status.json"), str(out / "index.html")]

    publish()
    (out / "logo.svg").write_text("ours")
    before = (out / "index.html").read_bytes()
    assert (
        b"<h1>ESCAPE</h1>" in before and json.loads((out / "status.json").read_bytes())["state"] == "warning"
    )
    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space"):
        patch.setattr(Path, "write_bytes", _full)
        publish()
    assert (out / "index.html").read_bytes() == before and sorted(
        path.name for path in out.parent.iterdir()
    ) == ["lake"]
    publish()
    assert sorted(path.name for path in out.iterdir()) == ["index.html", "logo.svg", "status.json"]


def _full(*_: object) -> int:
    raise OSError("no space")
