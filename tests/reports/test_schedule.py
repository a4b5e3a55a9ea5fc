"""When a report is computed and sent: once a period, whatever clocks, restarts, receivers and other instances do."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from lakescope.alerts.receivers._common import Letter
from lakescope.app.config import parse
from lakescope.app.report_rounds import ReportRounds
from lakescope.app.reports import ReportText, period_of
from lakescope.core.places import ConfigurationError
from lakescope.core.plugins import load
from lakescope.reports.archive import Archive
from lakescope.reports.model import Number, Period, Report, Sentence
from lakescope.reports.options import ReportOptions
from lakescope.reports.period import Day, Week
from lakescope.reports.schedule import Schedule
from tests.contract._http import Answer, HttpServer
from tests.contract._running import QUICK, Running
from tests.e2e._lakescope import until

PARIS = "Europe/Paris"
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
"""When the report of 2026-W47 is due in Paris."""
BASE = '[collectors.push]\ntype = "http"\n[sinks.store]\ntype = "duckdb"\n'
DAILY = {"kind": "daily", "at": "02:30", "timezone": PARIS}


def time(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}Z")


@pytest.mark.parametrize(
    ("at", "zone", "period", "due"),
    [
        ("Mon 07:00", PARIS, "2026-W47", "2026-11-23T06:00"),
        ("mon 07:00", PARIS, "2026-W20", "2026-05-18T05:00"),
        ("Mon 07:00", "UTC", "2026-W53", "2027-01-04T07:00"),
        ("Sun 23:59", "America/Los_Angeles", "2026-W47", "2026-11-30T07:59"),
        ("Mon 00:10", PARIS, "2026-W20", "2026-05-18T00:30"),  # Sunday in UTC
        ("Mon 07:00", "Pacific/Kiritimati", "2026-W47", "2026-11-23T00:30"),
        ("02:30", PARIS, "2026-03-27", "2026-03-28T01:30"),
        ("02:30", PARIS, "2026-03-28", "2026-03-29T01:30"),  # does not exist: 03:30
        ("02:30", PARIS, "2026-03-29", "2026-03-30T00:30"),
        ("02:45", PARIS, "2026-10-24", "2026-10-25T00:45"),  # exists twice: the first
        ("02:45", PARIS, "2026-10-25", "2026-10-26T01:45"),
    ],
)
def test_one_moment_a_period(at: str, zone: str, period: str, due: str) -> None:
    kind = Week if "W" in period else Day
    schedule = Schedule.parse(at, kind, zone)
    assert schedule.due(kind.parse(period)) == time(due)
    before, moment = time(due) - timedelta(seconds=1), time(due)
    assert schedule.last_due(moment).name == period > schedule.last_due(before).name
    assert schedule.next_due(before) == moment < schedule.next_due(moment)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ('at = "07:00"', 'of a week like "Mon 07:00"'),
        ('at = "Mon 7:00"', 'of a week like "Mon 07:00"'),
        ('at = "Lun 07:00"', 'of a week like "Mon 07:00"'),
        ('kind = "daily"\nat = "Mon 07:00"', 'of a day like "07:00"'),
        ('at = "Mon 07:00"\ntimezone = "Paris"', "expected a time zone such as Europe/Zurich"),
        ("", 'add receivers = ["mail"] or at = "Mon 07:00"'),
    ],
)
def test_a_schedule_that_cannot_be(options: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse(f"{BASE}[reports.mine]\n{options}")
    (fault,) = raised.value.problems
    assert problem in fault.text and fault.place.startswith("reports.mine")


# --- rounds -----------------------------------------------------------------------------------------------


def draw(report: Report) -> Letter:
    """Without pictures, which take a second."""
    mail = EmailMessage()
    return Letter(report.title, [], {"period": report.period.name, "revision": report.revision}, mail)


@pytest.fixture
def hook() -> Iterator[HttpServer]:
    with HttpServer(lambda _: Answer(200)) as running:
        yield running


class Lab:
    """A report's schedule on a clock that the test sets; the receiver is a webhook."""

    def __init__(self, folder: Path, hook: HttpServer, **options: Any) -> None:
        self.folder, self.hook = folder, hook
        self.options = ReportOptions(
            **{"receivers": ["hook"], "at": "Mon 07:00", "timezone": PARIS} | options
        )
        self.now = NOW
        self.is_holder: bool | None = True
        self.value = 1.0
        self.computed: list[tuple[str, datetime]] = []
        self.start()

    def start(self) -> None:
        """As after a restart: with no memory but the files'."""
        plugin = load("receivers", "webhook")

        def receivers(names: Any) -> dict[str, Any]:
            return {name: plugin(name, plugin.Options(url=f"{self.hook.url}/"), Path()) for name in names}

        self.rounds = ReportRounds(
            {"mine": self.options},
            self.folder,
            self.compute,
            receivers,
            lambda: self.is_holder,
            lambda: self.now,
            draw,
        )

    def compute(self, text: ReportText) -> Report:
        period = period_of(text, self.now)
        self.computed.append((period.name, self.now))
        since, until = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (period.since, period.until))
        number = Number(value=self.value, text=str(self.value), query=1)
        return Report(
            kind=text.kind,
            title="Data lake health",
            vo=text.vo,
            site=text.site,
            period=Period(name=period.name, since=since, until=until),
            revision=1,
            computed=f"{self.now:%Y-%m-%dT%H:%M:%SZ}",
            state="good",
            summary=[Sentence(parts=["Transferred files: ", number])],
            changes=[],
            findings=[],
            sections=[],
            queries=[],
        )

    def tick(self, now: datetime | None = None) -> str:
        self.now = now or self.now
        return self.rounds(threading.Event())

    def run(self, since: str, until: str, step: timedelta = timedelta(minutes=10)) -> None:
        self.now = time(since)
        while self.now <= time(until):
            self.tick()
            self.now += step

    @property
    def sent(self) -> list[str]:
        return [json.loads(request.body)["period"] for request in self.hook.requests]


@pytest.fixture
def lab(tmp_path: Path, hook: HttpServer) -> Callable[..., Lab]:
    return lambda **options: Lab(tmp_path / "reports", hook, **options)


@pytest.mark.parametrize(
    ("since", "days"), [("2026-03-27T12:00", range(27, 31)), ("2026-10-23T12:00", range(23, 27))]
)
def test_once_a_day_when_the_clocks_change(lab: Callable[..., Lab], since: str, days: range) -> None:
    daily = lab(**DAILY)
    daily.run(since, f"{since[:8]}{days[-1] + 1:02d}T12:00" if days[-1] < 30 else f"{since[:8]}31T12:00")
    assert daily.sent == [f"{since[:8]}{day:02d}" for day in days]


def test_what_was_missed_is_made_up_for_once(lab: Callable[..., Lab]) -> None:
    weekly = lab()
    weekly.tick(NOW - timedelta(days=2))
    assert weekly.sent == [], "a new schedule begins with the next report"
    weekly.start()
    assert weekly.tick(NOW + timedelta(days=16)) == "next: mine Mon 2026-12-14 06:00 UTC"
    assert weekly.sent == ["2026-W49"], "not those before it"
    weekly.tick(NOW + timedelta(days=16, minutes=1))
    weekly.start()
    weekly.tick(NOW + timedelta(days=17))
    assert weekly.sent == ["2026-W49"]


def test_what_could_not_be_sent_is_tried_again(lab: Callable[..., Lab], hook: HttpServer) -> None:
    weekly = lab()
    weekly.tick(NOW - timedelta(hours=1))
    hook.order([503, 503])
    for minutes, tries in ((0, 1), (4, 1), (5, 2), (9, 2)):
        with pytest.raises(RuntimeError, match=r"mine 2026-W47: not sent: hook: 127.0.0.1 answered 503"):
            weekly.tick(NOW + timedelta(minutes=minutes))
        assert len(hook.faults) == 2 - tries
    assert weekly.tick(NOW + timedelta(minutes=10)).startswith("next: ")
    assert weekly.sent[-1:] == ["2026-W47"]


def test_a_store_that_is_away_is_asked_again(
    lab: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch
) -> None:
    weekly = lab()
    weekly.tick(NOW - timedelta(days=1))

    def away(text: ReportText) -> Report:
        raise RuntimeError("store: connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(weekly.rounds, "_compute", away)
        with pytest.raises(
            RuntimeError, match=r"weekly/all/2026-W47: store: connection refused; mine 2026-W47: store"
        ):
            weekly.tick(NOW)
    weekly.tick(NOW + timedelta(minutes=5))
    assert weekly.sent == ["2026-W47"]


def test_a_period_is_computed_three_times_and_another_revision_needs_another_number(
    lab: Callable[..., Lab], hook: HttpServer
) -> None:
    weekly = lab()
    weekly.run("2026-11-22T12:00", "2026-11-23T12:00")
    archive = Archive(weekly.folder)
    assert [(one.period.name, one.revision) for one in archive.listing().entries] == [
        ("2026-W47", 1),
        ("2026-W46", 1),
    ]
    weekly.value = 2.0
    weekly.start()
    weekly.run("2026-11-23T12:10", "2026-11-30T05:00")
    revisions = [(one.period.name, one.revision) for one in archive.listing().entries]
    assert revisions == [("2026-W48", 1), ("2026-W47", 2), ("2026-W47", 1), ("2026-W46", 1)]
    times = [moment for name, moment in weekly.computed if name == "2026-W47"]
    assert times == [time("2026-11-23T00:30"), time("2026-11-24T00:00"), time("2026-11-30T00:00")]
    assert weekly.sent == ["2026-W47"], "a correction is no news"


def test_one_of_two_instances_sends(tmp_path: Path, hook: HttpServer) -> None:
    first, second = (Lab(tmp_path / name, hook) for name in ("first", "second"))
    for one in (first, second):
        one.tick(NOW - timedelta(days=1))
    second.is_holder = False
    for minutes in range(0, 30, 5):
        first.tick(NOW + timedelta(minutes=minutes))
        assert second.tick(NOW + timedelta(minutes=minutes)) == "another instance sends the reports"
    second.is_holder = None
    assert "waits to know" in second.tick(NOW + timedelta(days=6))
    second.is_holder = True
    second.tick(NOW + timedelta(days=6))
    assert first.sent == ["2026-W47"]
    second.tick(NOW + timedelta(days=7))
    assert first.sent == ["2026-W47", "2026-W48"]


def test_who_takes_over_sends_what_became_due_meanwhile(lab: Callable[..., Lab]) -> None:
    second = lab()
    second.is_holder = False
    second.tick(NOW - timedelta(minutes=1))
    second.tick(NOW + timedelta(minutes=5))  # the other one fell silent just before
    second.is_holder = True
    second.tick(NOW + timedelta(minutes=6))
    assert second.sent == ["2026-W47"]


def test_a_running_instance_makes_up_for_it_and_says_what_fails(tmp_path: Path, hook: HttpServer) -> None:
    configuration = f"""{QUICK}
[collectors.push]
type = "http"
[sinks.store]
type = "duckdb"
[alerts]
evaluate = false
[alerts.receivers.program]
type = "webhook"
url = "{hook.url}/"
[reports.morning]
kind = "daily"
receivers = ["program"]
at = "00:00"
timezone = "{PARIS}"
"""
    folder = tmp_path / "data" / "reports"
    folder.mkdir(parents=True)
    (folder / "schedule.json").write_text('{"settled": {"morning": "2026-01-01T00:00:00Z"}}')

    def task(running: Running) -> dict[str, Any]:
        (document,) = [one for one in running.get("/api/status").json()["tasks"] if one["name"] == "reports"]
        return dict(document)

    (folder / "sent.json").write_text("{")
    with Running(tmp_path, configuration) as running:
        until(lambda: task(running)["state"] == "error", 20, lambda: task(running))
        assert re.match(r"morning 20\d\d-\d\d-\d\d: \S+sent.json: expected", task(running)["detail"])
        assert 'lakescope_task_failing{task="reports"} 1.0' in running.get("/metrics").text
    (folder / "sent.json").unlink()
    with Running(tmp_path, configuration) as running:
        until(lambda: task(running)["last_run"], 30, lambda: task(running))
        assert task(running)["detail"].startswith("next: morning ")
        assert 'lakescope_task_failing{task="reports"} 0.0' in running.get("/metrics").text
    (request,) = hook.requests
    assert json.loads(request.body)["report"]["kind"] == "daily"
