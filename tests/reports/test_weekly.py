"""Weekly reports over a real store: what they say, and that each number repeats."""

from __future__ import annotations

import json
import random
import re
import shlex
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from lakescope.alerts.objectives import Objective
from lakescope.app.reports import ReportText, report_of
from lakescope.cli import app
from lakescope.core.contracts import TransientError
from lakescope.core.events import AlertChange, IncidentReport, Storage, Transfer
from lakescope.kpis.units import DASH
from lakescope.reports.kinds import WEEKLY, make_report
from lakescope.reports.model import Cell, Number, Report, Section
from lakescope.reports.period import Week
from lakescope.reports.writing import as_json, read_json, write
from lakescope.transformers._common import identify
from tests.reports._store import BEFORE, MONDAY, WEEK, hourly, store_of, transfer, weekly_report


def section(report: Report, name: str) -> Section:
    return next(one for one in report.sections if one.name == name)


def numbers(report: Report) -> Iterator[tuple[int, dict[str, Any], Any]]:
    """Query, group and value of each number of sentences and tables."""
    for one in report.sections:
        for sentence in one.sentences:
            for part in sentence.parts:
                if isinstance(part, Number):
                    yield part.query, dict(part.group), part.value
        for table in one.tables:
            for row in table.rows:
                names = {
                    column.dimension: cell
                    for column, cell in zip(table.columns, row, strict=True)
                    if column.dimension
                }
                for column, cell in zip(table.columns, row, strict=True):
                    if isinstance(cell, Cell) and (number := cell.query or column.query):
                        yield number, names, cell.value


def test_half_a_week_says_so_in_its_title(tmp_path: Path) -> None:
    events = [*hourly(range(168), of=BEFORE), *hourly(range(84), failed_every=4)]
    with store_of(events, tmp_path) as sink:
        report = weekly_report(sink, "2026-W47", None, MONDAY)
    assert report.title == "Data lake health, week 2026-W47 (only 50 % of the hours have data on transfers)"
    assert report.state == "critical"
    first = report.findings[0]
    assert first.sentence.text == "84 of 168 hours have no data on transfers."
    (efficiency,) = [
        row for row in section(report, "summary").tables[0].rows if row[0] == "Transfer efficiency"
    ]
    assert [cell.text for cell in efficiency[2:] if isinstance(cell, Cell)] == [
        "75 %",
        "100 %",
        "-25.0 points",
    ]
    assert {query.completeness for query in report.queries if query.kpi == "transfer_efficiency"} == {0.5}


def test_a_week_without_data(tmp_path: Path) -> None:
    with store_of([], tmp_path) as sink:
        report = weekly_report(sink, "2026-W47", None, MONDAY)
    assert report.title.endswith("(no data on transfers)")
    assert report.findings[0].sentence.text == "No transfer was reported in this week nor in the week before."


def test_a_source_that_is_silent_all_week(tmp_path: Path) -> None:
    events = [
        *hourly(range(168), of=BEFORE),
        *hourly(range(0, 168, 2), of=BEFORE, source="fts", first=500),
        *hourly(range(168)),
    ]
    with store_of(events, tmp_path) as sink:
        report = weekly_report(sink, "2026-W47", None, MONDAY)
    texts = [one.text for one in section(report, "completeness").sentences]
    assert (
        "The source fts of transfers was silent all week; it had 84 hours without data in the week before."
        in texts
    )
    assert report.title.removeprefix("Data lake health, ") == "week 2026-W47"


def test_a_vo_is_of_its_own_transfers_alone(tmp_path: Path) -> None:
    events = [*hourly(range(168)), *hourly(range(10), vo="ska", first=500, failed_every=2)]
    with store_of(events, tmp_path) as sink:
        report = weekly_report(sink, "2026-W47", "ska", MONDAY)
    assert report.title.startswith("Data lake health, week 2026-W47, VO ska")
    commands = {query.command for query in report.queries if query.kpi == "transfer_efficiency"}
    assert all("--where vo=ska" in command for command in commands)
    (done,) = [row for row in section(report, "summary").tables[0].rows if row[0] == "Transferred files"]
    assert isinstance(done[2], Cell) and done[2].value == 5


def test_a_week_that_is_not_over_ends_now_and_compares_with_as_much(tmp_path: Path) -> None:
    events = [*hourly(range(168), of=BEFORE), *hourly(range(30))]
    with store_of(events, tmp_path) as sink:
        report = weekly_report(sink, "2026-W47", None, WEEK.since + timedelta(hours=30, minutes=59))
        with pytest.raises(ValueError, match="nothing is over yet"):
            weekly_report(sink, "2026-W48", None, WEEK.since)
    assert report.title == "Data lake health, week 2026-W47 (until Tue 06:00 UTC)"
    (done,) = [row for row in section(report, "summary").tables[0].rows if row[0] == "Transferred files"]
    assert [cell.value for cell in done[2:4] if isinstance(cell, Cell)] == [30, 30]


CONFIGURATION = '[collectors.push]\ntype = "http"\n[sinks.store]\ntype = "duckdb"\n'


def test_each_number_repeats_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lakescope.toml").write_text(CONFIGURATION)
    names = {"dst_rse": "it's <B> & 50% $HOME `x`", "dst_site": "\u05d0\u05ea\u05e8", "src_site": "S" * 200}
    events = [
        *hourly(range(168), of=BEFORE),
        *hourly(range(168), failed_every=5),
        *hourly(range(168), failed_every=3, first=500, **names),
    ]
    with store_of(events, tmp_path / "lakescope-data"):
        pass
    check_sample(["weekly", "--week", "2026-W47"], queries=25, sample=12)
    check_sample(["daily", "--day", "2026-11-18"], queries=13, sample=6)
    check_sample(["site", "SITE-B", "--week", "2026-W47"], queries=12, sample=6)
    unknown = CliRunner().invoke(app, ["report", "site", "site-d", "--out", "none", "--week", "2026-W47"])
    assert "a site 'site-d' from 2026-11-09 to 2026-11-23: the nearest are SITE-" in str(unknown.exception)
    assert not Path("none").exists()


def check_sample(kind: list[str], *, queries: int, sample: int) -> None:
    """A report's commands, some of them, give its numbers again."""
    done = CliRunner().invoke(app, ["report", *kind, "--out", "out"])
    assert done.exit_code == 0, done.output
    report = read_json(Path("out/report.json").read_bytes())
    assert report.kind == kind[0]
    commands = {query.number: query.command for query in report.queries}
    by_query: dict[int, list[tuple[dict[str, Any], Any]]] = {}
    for query, group, value in numbers(report):
        by_query.setdefault(query, []).append((group, value))
    answered = [number for number in by_query if any(value for _, value in by_query[number])]
    assert len(answered) >= queries
    for number in random.Random(1).sample(answered, sample):
        _, *arguments = shlex.split(commands[number])
        again = CliRunner().invoke(app, [*arguments, "--format", "json"])
        assert again.exit_code == 0, again.output
        rows = json.loads(again.stdout)
        for group, value in by_query[number]:
            values = [row["value"] for row in rows if group.items() <= row.items()]
            assert values == [pytest.approx(value)], (commands[number], group)


def test_the_model_is_json_and_back(tmp_path: Path) -> None:
    with store_of(hourly(range(168), failed_every=7), tmp_path) as sink:
        one, two = (weekly_report(sink, "2026-W47", None, MONDAY) for _ in range(2))
    assert as_json(one) == as_json(two)
    assert read_json(as_json(one)) == msgspec.convert(msgspec.to_builtins(one), Report)
    assert as_json(read_json(as_json(one))) == as_json(one)


def test_a_store_that_dies_leaves_no_half_report(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with store_of(hourly(range(168)), tmp_path) as sink:
        report = weekly_report(sink, "2026-W47", None, MONDAY)
        write(report, out)
        before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
        calls = 0

        def ask_once(questions: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > 3:
                raise TransientError("the store went away")
            from lakescope.app.query import ask_many

            return ask_many(questions, sink)

        with pytest.raises(TransientError):
            write(make_report(WEEKLY, WEEK, None, ask_once, MONDAY), out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".out")]


def test_sites_links_and_errors_that_need_attention(tmp_path: Path) -> None:
    full = {
        "error_class": "ffffffffffff",
        "error_template": "No space left on device",
        "error": "No space left on /x",
    }
    events = [
        *hourly(range(168), of=BEFORE, failed_every=10),
        *hourly(range(168), failed_every=10),
        *hourly(range(120), first=500, dst_site="SITE-C", dst_rse="C-DISK", failed_every=1, **full),
        *hourly(range(10), first=900, dst_site="SITE-D", dst_rse="D-DISK", failed_every=1),  # too few
    ]
    with store_of(events, tmp_path) as sink:
        report = weekly_report(sink, "2026-W47", None, MONDAY)
    texts = [(one.state, one.sentence.text) for one in report.findings]
    assert texts == [
        ("critical", "Transfers to SITE-C: efficiency 0 % of 120 attempts."),
        ("warning", "Transfers from SITE-A: efficiency 50.7 % of 298 attempts."),
        ("warning", "New error: No space left on device: 120 failed attempts."),
    ]
    (errors,) = section(report, "errors").tables
    new, old = errors.rows
    assert [cell.text if isinstance(cell, Cell) else cell for cell in new] == [
        "No space left on device", "120", "81.6 %", "new", "A-DISK → C-DISK: No space left on /x", "ffffffffffff",
    ]  # fmt: skip
    assert isinstance(old[3], Cell) and old[3].text == "+59 %"


def test_storage_that_fills_up(tmp_path: Path) -> None:
    def usage(number: int, hours: int, rse: str, used: int, total: int) -> Storage:
        return Storage(
            id=f"{number:032x}",
            time=f"{WEEK.since + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}",
            source="rucio-api",
            vo="escape",
            rse=rse,
            used=used,
            total=total,
            free=total - used,
        )

    events = [
        usage(1, -1, "A-DISK", 50, 100), usage(2, 167, "A-DISK", 85, 100),
        usage(3, -1, "B-DISK", 50, 100), usage(4, 167, "B-DISK", 50, 100),
    ]  # fmt: skip
    with store_of(events, tmp_path) as sink:
        report = weekly_report(sink, "2026-W47", None, MONDAY)
    storage = section(report, "storage")
    assert storage.state == "critical"
    assert storage.findings[0].sentence.text == "RSE A-DISK: full in 3 d at the growth of this week."
    assert [row[0] for row in storage.tables[0].rows] == ["A-DISK", "B-DISK"]


def test_incidents_with_the_files_that_failed_there(tmp_path: Path) -> None:
    def incident(number: int, event: Any, hours: int, **fields: Any) -> IncidentReport:
        return IncidentReport(
            id=f"{number:032x}",
            time=f"{WEEK.since + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}",
            source="lakescope",
            event=event,
            incident="i1",
            severity="page",
            culprit="destination <B> & co",
            dst_site="SITE-B",
            started=f"{WEEK.since + timedelta(hours=9):%Y-%m-%dT%H:%M:%SZ}",
            **{"state": "open", "owner": "site", "attempts": 20, "failures": 10, "expected": 0.5, **fields},
        )

    def moment(**after: int) -> str:
        return f"{WEEK.since + timedelta(hours=9) + timedelta(**after):%Y-%m-%dT%H:%M:%SZ}"

    ended = moment(hours=10)
    events = [
        *hourly(range(168), failed_every=2),
        incident(1, "began", 9),
        incident(2, "reported", 10),
        incident(3, "reported", 18, notified=moment(minutes=10), acknowledged=moment(minutes=30)),
        incident(4, "reported", 19, state="ended", ended=ended),
    ]
    with store_of(events, tmp_path) as sink:
        report = weekly_report(sink, "2026-W47", None, MONDAY)
        earlier = weekly_report(sink, "2026-W47", None, WEEK.since + timedelta(hours=12))
        of_vo = weekly_report(sink, "2026-W47", "escape", MONDAY)
    (row,) = section(report, "incidents").tables[0].rows
    assert [cell.text if isinstance(cell, Cell) else cell for cell in row[:8]] == [
        "2026-11-16 09:00", "10 h", "10 min, 20 min", "destination <B> & co", "page", "5", "5 GB", "10 of 20, usually 0.5",
    ]  # fmt: skip
    assert "Notified" not in str(section(earlier, "incidents").tables[0].columns)
    assert not section(report, "incidents").findings
    (open_one,) = section(earlier, "incidents").findings
    assert open_one.sentence.text == "Incident since 2026-11-16 09:00: destination <B> & co, still open."
    assert earlier.findings[0] == open_one
    # the incident is of no VO alone: it is everybody's
    assert section(of_vo, "incidents").tables[0].rows[0][3] == "destination <B> & co"
    commands = [one.command for one in of_vo.queries if one.kpi == "incidents_began"]
    assert commands and all(one.endswith("--where vo=escape --where vo=") for one in commands)


def test_pages_with_those_that_were_false(tmp_path: Path) -> None:
    def change(number: int, event: Any, hours: int, rule: str, **fields: Any) -> AlertChange:
        return AlertChange(
            id=f"{number:032x}",
            time=f"{WEEK.since + timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}",
            source="lakescope",
            event=event,
            alert=f"a{hours // 10}",
            rule=rule,
            **{"severity": "page", **fields},
        )

    events = [
        change(1, "notified", 10, "storage_full", elapsed_s=600),
        change(2, "acknowledged", 11, "storage_full", elapsed_s=1200),
        change(3, "ended", 12, "storage_full", elapsed_s=36_000),
        change(4, "notified", 20, "incident", elapsed_s=1200),
        change(5, "acknowledged", 21, "incident", elapsed_s=2400),
        change(6, "false_alarm", 21, "incident", elapsed_s=2400),
        change(7, "notified", 30, "network_loss", severity="ticket"),
        change(8, "notified", -2, "storage_full", elapsed_s=9),
    ]
    with store_of(events, tmp_path) as sink:
        found = section(weekly_report(sink, "2026-W47", None, MONDAY), "pages")
        none = section(weekly_report(sink, "2026-W48", None, MONDAY + timedelta(days=7)), "pages")
    assert [one.text for one in found.sentences] == [
        "Pages sent: 2, acknowledged 2, called a false alarm 1.",
        "Median time to page 15 min, time to acknowledge 30 min, time to resolve 10 h.",
    ]
    assert [
        [cell.text if isinstance(cell, Cell) else cell for cell in row] for row in found.tables[0].rows
    ] == [
        ["incident", "1", "1", "1", "20 min", "40 min", DASH],
        ["storage_full", "1", "1", DASH, "10 min", "20 min", "10 h"],
    ]
    assert [one.text for one in none.sentences] == ["No page is recorded."]
    assert not none.tables


def test_objectives_with_the_budget_that_is_left(tmp_path: Path) -> None:
    events = [
        *hourly(range(168), of=BEFORE),
        *hourly(range(168), failed_every=21),  # 8 of the 336 of two weeks
        *hourly(range(168), first=500, dst_site="SITE-C"),
    ]
    each = Objective(kpi="transfer_efficiency", target=0.9, window="2w", by=["dst_site"])
    missed = Objective(name="strict", kpi="transfer_efficiency", target=0.99, window="2w")
    with store_of(events, tmp_path) as sink:
        report = weekly_report(sink, "2026-W47", None, MONDAY, [each, missed])
    (table,) = section(report, "objectives").tables
    assert [[cell.text if isinstance(cell, Cell) else cell for cell in row] for row in table.rows] == [
        ["strict", "99 %", "14 d", "98.4 %", "119 %", "-58.7 %"],
        ["transfer_efficiency: SITE-B", "90 %", "14 d", "97.6 %", "23.8 %", "76.2 %"],
        ["transfer_efficiency: SITE-C", "90 %", "14 d", "100 %", "0 %", "100 %"],
    ]
    (finding,) = section(report, "objectives").findings
    assert finding.sentence.text == "Objective strict (99 %): 98.4 %, and its budget of 14 d is used up."


def test_each_main_number_names_its_cause(tmp_path: Path) -> None:
    """From Wednesday on nothing goes to SITE-C, most to SITE-D fails, what goes to SITE-E waits; B-DISK grows on Friday."""
    chance = random.Random(3)

    def attempt(week: Week, number: int, site: str, hour: int) -> Transfer:
        late = week == WEEK and hour >= 48
        return transfer(
            week.week * 100_000 + number * 1000 + hour,
            week.since + timedelta(hours=hour, minutes=20),
            ok=chance.random() > (0.6 if late and site == "SITE-D" else 0.03),
            dst_site=site,
            queue_s=chance.expovariate(1 / 60) * (8 if late and site == "SITE-E" else 1),
        )

    def usage(week: Week, day: int, rse: str) -> Storage:
        used = (
            week.week * 200 + chance.randrange(100) + 20_000 * (week == WEEK and rse == "B-DISK" and day >= 4)
        )
        return Storage(
            id=identify(week.name, str(day), rse),
            time=f"{week.since + timedelta(days=day, hours=5):%Y-%m-%dT%H:%M:%SZ}",
            source="rucio-api",
            vo="escape",
            rse=rse,
            used=50_000 + used,
            total=100_000,
        )

    weeks = [Week(2026, week) for week in range(42, 48)]
    sites = [f"SITE-{letter}" for letter in "BCDEFG"]
    events = [
        *(
            attempt(week, number, site, hour)
            for week in weeks
            for number, site in enumerate(sites)
            for hour in range(48 if (week, site) == (WEEK, "SITE-C") else 168)
        ),
        *(
            usage(week, day, rse)
            for week in weeks
            for day in range(7)
            for rse in ("A-DISK", "B-DISK", "C-DISK")
        ),
    ]
    with store_of(events, tmp_path) as sink:
        report = weekly_report(sink, "2026-W47", None, MONDAY)
    volume, efficiency, queue, failures, storage = (one.text for one in section(report, "causes").sentences)
    assert re.match(r"Transferred volume fell by \d+ % \(95 % interval -\d+ to -\d+\): -1", volume)
    assert "points to SITE-C, where transfers ended on Wednesday; -" in volume
    assert "points to SITE-D, where it fell on Wednesday" in volume
    assert re.search(r"points to SITE-D, where it fell from 9\S+ % to \S+ %, since Wednesday", efficiency)
    assert re.search(r"points to SITE-E, where it rose from \S+ s to \S+ min, since Wednesday", queue)
    assert "points to SITE-D, where their number rose on Wednesday" in failures
    assert "points on RSE B-DISK, where it rose on Friday" in storage
    (first,) = [one.text for one in report.changes if one.text.startswith("Transferred volume")]
    assert first.startswith("Transferred volume: ") and first.endswith(volume)


def test_an_indicator_can_be_bad_without_a_place_to_look_at(tmp_path: Path) -> None:
    """Of 24 attempts a day nothing is concluded about a link, and the error is not new."""
    events = [*hourly(range(168), of=BEFORE, failed_every=4), *hourly(range(168), failed_every=4)]
    with store_of(events, tmp_path) as sink:
        report = report_of(ReportText("daily", "2026-11-18"), sink, MONDAY)
    assert (report.findings, report.state) == ([], "warning")
    assert report.summary[0].text == "Degraded: an indicator is beyond its bound."
