"""Interventions: written down, corrected, removed; in every store, by HTTP, by the command, on charts and in reports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakescope.app.interventions import Words, correct, create, find_all, find_one, remove, vo_for
from lakescope.app.viewer import OWNER, Role, Viewer
from tests.app._searched import Store
from tests.contract._running import QUICK, Running
from tests.e2e import _commands
from tests.e2e._lakescope import until

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = (NOW - timedelta(hours=12), NOW + timedelta(hours=12))


def test_the_last_revision_holds_in_every_store(store: Store) -> None:
    """One is corrected, one moved to another day, one removed, one lasts from the day before."""
    first = create(Words("FTS 3.13", "2026-01-05T10:00", site="CERN-PROD", by="Ada"), NOW)
    moved = create(Words("network", "2026-01-05T11:00", rse="PIC_DISK"), NOW)
    gone = create(Words("never happened", "2026-01-05T09:00"), NOW)
    lasting = create(Words("tape library", "2026-01-04T20:00", until="2026-01-05T04:00", vo="escape"), NOW)
    sink = store([first, moved, gone, lasting])
    assert [one["text"] for one in find_all(sink, *DAY)] == [
        "network",
        "FTS 3.13",
        "never happened",
        "tape library",
    ]
    words = Words("FTS 3.13.1", until="2026-01-05T10:30", by="Bob")
    later = NOW + timedelta(minutes=1)
    store([correct(find_one(sink, first.annotation), words, later)])
    store([correct(find_one(sink, moved.annotation), Words(at="2026-01-07T11:00"), later)])
    store([remove(find_one(sink, gone.annotation), "Bob", later)])
    held = find_all(sink, *DAY)
    assert [(one["text"], one["revision"]) for one in held] == [("FTS 3.13.1", 2), ("tape library", 1)]
    assert (held[0]["site"], held[0]["by"], held[0]["ended"]) == ("CERN-PROD", "Bob", "2026-01-05T10:30:00Z")
    assert held[0]["summary"] == "Corrected: FTS 3.13.1 (CERN-PROD; by Bob)"
    assert [one["text"] for one in find_all(sink, NOW + timedelta(days=1), NOW + timedelta(days=9))] == [
        "network"
    ]
    with pytest.raises(KeyError):
        find_one(sink, gone.annotation)
    with pytest.raises(KeyError):
        find_one(sink, "0123456789ab")


def test_the_same_words_are_one() -> None:
    words = Words("FTS 3.13", "2026-01-05T10:00", site="CERN-PROD", by="Ada")
    again = create(words._replace(by="Bob"), NOW + timedelta(hours=1))
    assert create(words, NOW).id == again.id and create(words, NOW).annotation == again.annotation
    assert create(words._replace(site="PIC"), NOW).annotation != again.annotation


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (Words(), "the text is missing"),
        (Words(" \n"), "the text is missing"),
        (Words("x" * 1001), "text has 1001 characters: expected 1000 at most"),
        (Words("x\x1b[2J"), "text has a control character"),
        (Words("x", site="a\nb"), "site has a control character"),
        (Words("x", at="yesterday"), "at: "),
        (Words("x", at="2026-01-05T10:00", until="2026-01-05T09:00"), "until is 2026-01-05T09:00:00Z"),
        (Words("x", at="2026-01-05T10:00", until="2026-03-05T09:00"), "within 31 days"),
    ],
)
def test_what_is_no_annotation(words: Words, expected: str) -> None:
    with pytest.raises(ValueError, match=expected.replace("(", r"\(")):
        create(words, NOW)


def test_whoever_sees_some_vos_writes_for_one_of_them() -> None:
    one = Viewer("ada", Role.OPERATOR, frozenset({"escape"}))
    assert vo_for(OWNER, None) is None and vo_for(OWNER, "ska") == "ska"
    assert vo_for(one, None) == vo_for(one, "escape") == "escape"
    for vo in (None, "ska"):
        with pytest.raises(ValueError, match="expected a VO of yours"):
            vo_for(Viewer("bob", Role.OPERATOR, frozenset({"escape", "cta"})), vo)


# --- by HTTP and by the command ---------------------------------------------------------------------------------

CONFIGURATION = '[collectors.push]\ntype = "http"\n[sinks.duck]\ntype = "duckdb"\n'


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Running]:
    with Running(tmp_path, f"{QUICK}{CONFIGURATION}") as running:
        yield running


def _post(lake: Running, path: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{lake.url}/api/annotations{path}", json=body, trust_env=False, timeout=10)


def test_by_http(lake: Running) -> None:
    body = {"text": "Rucio upgraded", "at": "2h", "site": "PIC", "by": "Ada"}
    note = _post(lake, "", body).raise_for_status().json()
    until(lambda: lake.get("/api/annotations").json() != [], 10, lake.status.document)
    (held,) = lake.get("/api/annotations").json()
    assert held["annotation"] == note["annotation"] and held["text"] == "Rucio upgraded"
    _post(lake, f"/{note['annotation']}/correct", {"text": "Rucio 41 installed"}).raise_for_status()
    until(lambda: lake.get("/api/annotations").json()[0]["revision"] == 2, 10, lake.status.document)
    charts = lake.get("/api/dashboards/transfers/data?since=6h").json()["panels"]
    texts = {note["text"] for panel in charts for note in panel.get("interventions", ())}
    assert texts == {"Corrected: Rucio 41 installed (PIC)"}
    for narrowing, count in (
        ("var.destination=PIC", 1),
        ("filter=src_site=PIC", 1),
        ("var.destination=OTHER", 0),
        ("filter=src_site=OTHER", 0),
        ("filter=src_site=OTHER&var.destination=PIC", 1),
        ("filter=src_site!=PIC", 1),
        ("filter=vo=escape", 1),
    ):
        charts = lake.get(f"/api/dashboards/transfers/data?since=6h&{narrowing}").json()["panels"]
        assert len({note["text"] for panel in charts for note in panel.get("interventions", ())}) == count, (
            narrowing
        )
    _post(lake, f"/{note['annotation']}/remove", {"by": "Ada"}).raise_for_status()
    until(lambda: lake.get("/api/annotations").json() == [], 10, lake.status.document)
    assert _post(lake, f"/{note['annotation']}/correct", {"text": "x"}).status_code == 404
    assert _post(lake, "", {"text": "x", "at": "yesterday"}).status_code == 422
    assert lake.get("/api/annotations?since=tomorrow").status_code == 422


def test_by_the_command_without_an_instance(tmp_path: Path) -> None:
    config = tmp_path / "lakescope.toml"
    config.write_text(f'{CONFIGURATION}[sinks.lines]\ntype = "jsonl"\ndirectory = "lines"\n')

    def lakescope(*arguments: str) -> str:
        done = _commands.lakescope(*arguments, "-c", config)
        assert done.returncode == 0, done.stderr
        return done.stdout

    line = lakescope("annotate", "FTS upgraded", "--site", "PIC", "--at", "2h", "--by", "Ada")
    annotation = line.split()[0]
    assert line.endswith("FTS upgraded (PIC; by Ada)\n")
    lakescope("annotations", "correct", annotation, "--rse", "PIC_DISK")
    (one,) = json.loads(lakescope("annotations", "list", "--format", "json"))
    assert (one["text"], one["rse"], one["revision"]) == ("FTS upgraded", "PIC_DISK", 2)
    assert "PIC_DISK" in lakescope("annotations", "list")
    lakescope("annotations", "remove", annotation)
    assert json.loads(lakescope("annotations", "list", "--format", "json")) == []
    lines = [line for path in (tmp_path / "lines").iterdir() for line in path.read_text().splitlines()]
    assert [json.loads(line)["state"] for line in lines] == ["noted", "corrected", "removed"]
    done = _commands.lakescope("annotations", "remove", "0123", "-c", config)
    assert done.returncode == 2 and "no annotation '0123'" in done.stderr


def test_in_a_report(duckdb_store: Any) -> None:
    from lakescope.app.reports import ReportText, report_of
    from tests.contract._bodies import documents_of

    events = [
        create(
            Words("FTS 3.13", "2026-01-06T10:00", until="2026-01-06T11:00", site="CERN-PROD", by="Ada"), NOW
        )
    ]
    events.append(correct({**find_fields(events[0])}, Words("FTS 3.13.1"), NOW + timedelta(days=3)))
    duckdb_store.write(duckdb_store.encode(events, documents_of(events)))
    report = report_of(ReportText("weekly", "2026-W02"), duckdb_store, NOW + timedelta(days=9), [])
    (section,) = [one for one in report.sections if one.name == "incidents"]
    (table,) = [one for one in section.tables if one.name == "interventions"]
    assert table.rows == [["2026-01-06 10:00", "2026-01-06 11:00", "CERN-PROD", "FTS 3.13.1", ""]]


def find_fields(event: Any) -> dict[str, Any]:
    """As a store gives it back."""
    import msgspec

    fields: dict[str, Any] = msgspec.to_builtins(event)
    return fields
