"""Revisions of reports: kept as they were, another one only for what differs, whatever else lies in the folder."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs
from typer.testing import CliRunner, Result

from lakescope.cli import app
from lakescope.reports.archive import Archive
from lakescope.reports.differences import differences
from lakescope.reports.model import Period, Report
from lakescope.reports.period import Day, Week
from lakescope.reports.place import Place, folder_name
from lakescope.reports.writing import as_json, read_json
from lakescope.sinks.duckdb import DuckdbSink
from tests.reports._store import MONDAY, hourly, store_of, weekly_report

PLACE = Place("weekly", "all", "2026-W47")


@pytest.fixture(scope="module")
def sink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckdbSink]:
    with store_of(hourly(range(168), failed_every=4), tmp_path_factory.mktemp("store")) as sink:
        yield sink


@pytest.fixture(scope="module")
def report(sink: DuckdbSink) -> Report:
    return read_json(as_json(weekly_report(sink, "2026-W47", None, MONDAY)))


@pytest.fixture(scope="module")
def late(sink: DuckdbSink, report: Report) -> Report:
    """With ten transfers of another link that came late."""
    events = hourly(range(10), first=500, dst_site="SITE-C", dst_rse="C-DISK")
    sink.write([(event.dataset, msgspec.json.encode(event)) for event in events])
    return read_json(as_json(weekly_report(sink, "2026-W47", None, MONDAY + timedelta(days=1))))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "reports")


def of_period(report: Report, period: Week | Day, computed: datetime, **fields: Any) -> Report:
    """The same numbers as those of another period."""
    since, until = (f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in (period.since, period.until))
    times = {"period": Period(name=period.name, since=since, until=until), "computed": computed.isoformat()}
    return structs.replace(report, **times, **fields)


def test_the_time_of_computing_makes_no_revision(sink: DuckdbSink, report: Report, archive: Archive) -> None:
    first = archive.keep(report)
    again = archive.keep(weekly_report(sink, "2026-W47", None, MONDAY + timedelta(days=7)))
    assert again == first == report
    assert [path.name for path in (archive.folder / "weekly/all/2026-W47").iterdir()] == ["1.json"]
    assert (archive.folder / "weekly/all/2026-W47/1.json").read_bytes() == as_json(report)


def test_a_revision_lists_the_numbers_that_changed(report: Report, late: Report, archive: Archive) -> None:
    archive.keep(report)
    second = archive.keep(late)
    assert (second.revision, second.computed) == (2, late.computed)
    assert archive.keep(late) == second
    assert archive.latest(PLACE) == second and archive.read(PLACE, 1) == report
    changes = {f"{one.section}: {one.label}": one for one in second.corrections}
    files = changes["Summary: Indicators: Transferred files: This week"]
    assert (files.old, files.new, files.old_value, files.new_value) == ("126", "136", 126, 136)
    day = "Volume and failures by day and activity: Transferred volume by activity, per day: Production:"
    assert (changes[f"{day} 2026-11-16T00:00:00Z"].old, len([one for one in changes if day in one])) == (
        "18 GB",
        1,
    )
    link = changes["Top links: By volume: A-DISK, C-DISK"]  # a row that is new is one change
    assert (link.old, link.new) == (None, "A-DISK, C-DISK, 10 GB, 10, 100 %")
    assert all(
        one.old is None or one.new is None or one.old_value != one.new_value for one in second.corrections
    )


def test_what_is_in_another_order_is_the_same(report: Report) -> None:
    def turned(section: Any) -> Any:
        tables = [structs.replace(one, rows=one.rows[::-1]) for one in section.tables]
        return structs.replace(section, tables=tables, sentences=section.sentences[::-1])

    other = structs.replace(report, sections=[turned(one) for one in report.sections])
    assert other != report and differences(report, other) == []


def test_the_period_that_is_not_over_is_never_kept(report: Report, archive: Archive) -> None:
    computed = datetime.fromisoformat("2026-11-22T23:59:59Z")
    with pytest.raises(ValueError, match=r"2026-W47 is not over.* keep it after 2026-11-23 00:00 UTC"):
        archive.keep(structs.replace(report, computed=computed.isoformat()))
    assert not archive.folder.exists()
    archive.keep(structs.replace(report, computed="2026-11-23T00:00:00Z"))


def test_weeks_at_the_turn_of_the_year_in_order(report: Report, archive: Archive) -> None:
    names = ["2020-W53", "2021-W01", "2025-W52", "2026-W01", "2026-W53", "2027-W01"]
    for week in map(Week.parse, names):
        early = of_period(report, week, week.until - timedelta(seconds=1))
        with pytest.raises(ValueError, match=f"{week.name} is not over"):
            archive.keep(early)
        archive.keep(of_period(report, week, week.until))
    day = Day.parse("2026-12-31")
    archive.keep(of_period(report, day, day.until, kind="daily"))
    listing = archive.listing()
    assert [one.period.name for one in listing.entries] == [*reversed(names), "2026-12-31"]
    assert listing.faults == []


@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".",
        ".hidden",
        "all",
        "a/b",
        "a\\b",
        "%61ll",
        "\u05d0\u05ea\u05e8",
        "x\0y",
        "ü" * 200,
        "V O",
        "a" * 200,
    ],
)
def test_names_are_one_folder_each(report: Report, archive: Archive, name: str) -> None:
    archive.keep(report)
    archive.keep(structs.replace(report, vo=name))
    (path,) = [path for path in archive.folder.rglob("1.json") if "all" not in path.parts]
    assert path.relative_to(archive.folder).parts == ("weekly", folder_name(name), "2026-W47", "1.json")
    assert [one.vo for one in archive.listing().entries] == [None, name]
    assert folder_name(name).isascii() and len(folder_name(name)) <= 120
    site = archive.keep(structs.replace(report, kind="site", site=name))
    assert archive.latest(Place.of("site", None, "2026-W47", name)) == site


def test_long_names_that_begin_alike_are_different() -> None:
    assert folder_name("a" * 200) != folder_name("a" * 201)


def test_damaged_and_foreign_files_are_named_and_the_others_go_on(
    report: Report, late: Report, archive: Archive
) -> None:
    archive.keep(report)
    folder = archive.folder / "weekly/all/2026-W47"
    whole = (folder / "1.json").read_bytes()
    (folder / "2.json").write_bytes(whole[: len(whole) // 2])
    (folder / "3.json").write_bytes(whole)  # says that it is revision 1
    (folder / "notes.txt").write_bytes(b"\xff\xfe")
    (folder / "4.json.new").write_bytes(b"")  # of a process that was killed
    (archive.folder / "sent.json").write_text("[]")
    listing = archive.listing()
    assert [one.revision for one in listing.entries] == [1]
    assert [fault.partition(":")[0] for fault in listing.faults] == [
        str(folder / name) for name in ("2.json", "3.json", "notes.txt")
    ]
    assert all("move it out of the archive" in fault for fault in listing.faults)
    with pytest.raises(RuntimeError, match=r"2\.json: expected a revision of a report: .*; move it out"):
        archive.read(PLACE, 2)
    with pytest.raises(RuntimeError, match=r"3\.json: .*it is the report weekly/all/2026-W47/1\.json"):
        archive.keep(late)  # nobody knows what it would have to differ from
    (folder / "3.json").unlink()
    (folder / "2.json").unlink()
    assert archive.keep(late).revision == 2


@pytest.mark.parametrize(
    "place", [("..", "x", "y"), ("weekly", "..", ".."), ("weekly", "all", "../2026-W47"), ("", "", "")]
)
def test_no_name_leads_out_of_the_archive(
    report: Report, archive: Archive, place: tuple[str, str, str]
) -> None:
    archive.keep(report)
    assert archive.revisions(Place(*place)) == []
    with pytest.raises(LookupError, match="there is no report"):
        archive.read(Place(*place), 1)


def test_a_write_that_fails_leaves_the_revisions_as_they_were(
    report: Report, late: Report, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.keep(report)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="no space"):
        patch.setattr("os.fsync", _full)
        archive.keep(late)
    assert archive.latest(PLACE) == report and archive.listing().faults == []
    assert archive.keep(late).revision == 2


def _full(_: int) -> None:
    raise OSError("no space")


# --- the command ------------------------------------------------------------------------------------------


def test_the_command_keeps_and_recomputes(tmp_path: Path) -> None:
    (tmp_path / "lakescope.toml").write_text(
        '[collectors.push]\ntype = "http"\n[sinks.store]\ntype = "duckdb"\n'
    )
    data, out = tmp_path / "lakescope-data", tmp_path / "out"

    def command(*options: str) -> Result:
        words = ["report", "daily", "--day", "2026-11-18", "-c", str(tmp_path / "lakescope.toml")]
        return CliRunner().invoke(app, [*words, "--out", str(out), *options])

    with store_of(hourly(range(168)), data):
        pass
    first = command("--keep")
    assert (first.exit_code, "revision 1, new\n" in first.stderr) == (0, True), first.output
    kept_bytes = (data / "reports/daily/all/2026-11-18/1.json").read_bytes()
    assert (out / "report.json").read_bytes() == kept_bytes
    assert "revision 1 stays" in command("--recompute").stderr
    with store_of(hourly(range(168), first=500, failed_every=2), data):
        pass
    assert "revision 1, of the archive" in command("--keep").stderr
    assert (out / "report.json").read_bytes() == kept_bytes
    assert "revision 2, new: " in command("--recompute").stderr
    assert read_json((out / "report.json").read_bytes()).corrections
    assert (data / "reports/daily/all/2026-11-18/1.json").read_bytes() == kept_bytes
    open_week = CliRunner().invoke(
        app,
        [
            "report",
            "weekly",
            "--week",
            "2199-W01",
            "--keep",
            "-c",
            str(tmp_path / "lakescope.toml"),
            "--out",
            str(out),
        ],
    )
    assert "2199-W01 is not over" in str(open_week.exception)
