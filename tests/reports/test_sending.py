"""A report on its way to people: over the wire, once each, whatever fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from typer.testing import CliRunner, Result

from lakescope.alerts.receivers._common import Letter
from lakescope.app.config import parse
from lakescope.cli import app
from lakescope.core.places import ConfigurationError
from lakescope.core.plugins import load
from lakescope.reports import sending
from lakescope.reports.archive import Archive
from lakescope.reports.forms.chat import chat
from lakescope.reports.model import Report
from lakescope.reports.sending import Dispatch, Outcome, letter_of
from tests.contract._http import Answer, HttpServer
from tests.reports._store import MONDAY, hourly, store_of, weekly_report
from tests.servers.mail import MailServer

SECRET = "T0KEN-IN-A-PATH"
OPS, LEAD = "ops@example.org", "lead@example.org"
STRANGE = "<!channel> @all *Production* \u05d0\u05ea\u05e8"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A week in which an activity of a strange name failed."""
    events = [*hourly(range(168)), *hourly(range(168), failed_every=2, first=500, activity=STRANGE)]
    with store_of(events, tmp_path_factory.mktemp("store")) as sink:
        return weekly_report(sink, "2026-W47", "escape", MONDAY)


@pytest.fixture(scope="module")
def letter(report: Report) -> Letter:
    return letter_of(report)


@pytest.fixture
def drawn_once(letter: Letter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same letter for all: its pictures take a second."""
    monkeypatch.setattr(sending, "letter_of", lambda _: letter)


@pytest.fixture
def server() -> MailServer:
    """Not yet running."""
    return MailServer()


@pytest.fixture
def hook() -> Iterator[HttpServer]:
    with HttpServer(lambda _: Answer(200)) as running:
        yield running


def send(
    report: Report,
    folder: Path,
    server: MailServer | None = None,
    login: str | None = None,
    **hooks: HttpServer,
) -> list[Outcome]:
    """To a mail receiver of two people and webhooks (type -> server), as another process would: with no memory but the file's."""
    tables: dict[str, Any] = {}
    if server is not None:
        addresses = {"sender": "lakescope@example.org", "to": [OPS, LEAD]}
        user = {"username": "lakescope", "password": login} if login else {}
        tables["mail"] = {"host": server.host, "port": server.port, "security": "none"} | addresses | user
    tables |= {kind: {"url": f"{one.url}/hooks/{SECRET}"} for kind, one in hooks.items()}
    with ExitStack() as stack:
        receivers: dict[str, Any] = {}
        for kind, table in tables.items():
            plugin = load("receivers", kind)
            receiver = plugin(kind, plugin.Options.model_validate(table), Path())
            receivers[kind] = stack.enter_context(closing(receiver))
        return list(Dispatch(report, folder / "reports" / "sent.json").send(receivers, lambda: MONDAY))


def test_the_mail_part_by_part(report: Report, server: MailServer, tmp_path: Path) -> None:
    with server:
        (outcome,) = send(report, tmp_path, server)
    assert outcome == Outcome("mail", [OPS, LEAD], [])
    (mail,) = server.mails
    assert server.receivers == [OPS, LEAD] and mail["To"] == f"{OPS}, {LEAD}"
    assert mail["From"] == "Lakescope <lakescope@example.org>" and mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] == "<weekly.escape.2026-W47.1@reports.lakescope>"
    assert mail["Subject"] == report.title and mail["X-Unsent"] is None
    parts = list(mail.walk())
    pictures = [part for part in parts if part.get_content_type() == "image/png"]
    assert [part.get_content_type() for part in parts] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        *["image/png"] * len(pictures),
    ]
    plain, html = parts[1].get_content(), parts[3].get_content()
    assert report.findings and all(one.action in plain for one in report.findings)
    assert "<html" in html and "cid:" in html and pictures
    for picture in pictures:
        assert picture.get_content().startswith(b"\x89PNG") and f"cid:{picture['Content-ID'][1:-1]}" in html


@pytest.mark.usefixtures("drawn_once")
def test_who_has_a_revision_does_not_get_it_again(
    report: Report, server: MailServer, hook: HttpServer, tmp_path: Path
) -> None:
    with server:
        send(report, tmp_path, server, slack=hook)
        assert send(report, tmp_path, server, slack=hook) == [Outcome("mail"), Outcome("slack")]
        assert len(server.mails) == len(hook.requests) == 1
        send(structs.replace(report, revision=2), tmp_path, server, slack=hook)
        send(structs.replace(report, vo=None), tmp_path, server, slack=hook)
    assert len(server.mails) == len(hook.requests) == 3
    receipts = json.loads((tmp_path / "reports" / "sent.json").read_bytes())
    assert len(receipts) == 9 and [one["recipient"] for one in receipts[:3]] == [OPS, LEAD, "slack"]
    assert {one["at"] for one in receipts} == {"2026-11-23T07:00:00Z"}


def test_a_week_that_is_not_over_is_not_sent(report: Report, tmp_path: Path) -> None:
    early = structs.replace(report, computed="2026-11-22T23:59:59Z")
    with pytest.raises(RuntimeError, match="2026-W47 is not over; send it after 2026-11-23 00:00 UTC"):
        Dispatch(early, tmp_path / "sent.json")


@pytest.mark.usefixtures("drawn_once")
def test_a_site_and_another_get_a_report_each(report: Report, hook: HttpServer, tmp_path: Path) -> None:
    for site in ("SITE-A", "SITE-B", "SITE-A"):
        send(structs.replace(report, kind="site", site=site), tmp_path, slack=hook)
    assert len(hook.requests) == 2


@pytest.mark.usefixtures("drawn_once")
def test_a_correction_is_not_news_to_who_gets_one_a_period(
    report: Report, hook: HttpServer, tmp_path: Path
) -> None:
    send(report, tmp_path, webhook=hook)
    later = structs.replace(report, revision=2)
    plugin = load("receivers", "webhook")
    with closing(plugin("webhook", plugin.Options(url=f"{hook.url}/"), tmp_path)) as receiver:
        path = tmp_path / "reports" / "sent.json"
        assert list(Dispatch(later, path, each="period").send({"webhook": receiver})) == [Outcome("webhook")]
        assert Dispatch(later, path).missing("webhook", receiver) == ["webhook"]


@pytest.mark.usefixtures("drawn_once")
def test_an_address_that_is_refused_is_tried_alone(
    report: Report, server: MailServer, tmp_path: Path
) -> None:
    with server:
        for status in ("550 no such user", "421 too many"):  # to one of two, then to the only one
            server.refusals = {LEAD: status}
            (outcome,) = send(report, tmp_path, server)
            assert status[4:] in outcome.faults[0] and outcome.faults[0].startswith(f"{LEAD}: mail server")
        server.refusals = {}
        assert send(report, tmp_path, server) == [Outcome("mail", [LEAD], [])]
    assert server.receivers == [OPS, LEAD]
    first, second = server.mails
    assert first.as_bytes() == second.as_bytes()


@pytest.mark.usefixtures("drawn_once")
def test_a_server_that_hangs_up_in_the_middle_gave_it_to_nobody(
    report: Report, server: MailServer, tmp_path: Path
) -> None:
    with server:
        server.refusals = {OPS: "421 shutting down"}
        (outcome,) = send(report, tmp_path, server)
        assert not outcome.sent and len(outcome.faults) == 2 and "not asked" in outcome.faults[1]
        server.refusals = {}
        assert send(report, tmp_path, server) == [Outcome("mail", [OPS, LEAD], [])]
    assert len(server.mails) == 1


@pytest.mark.usefixtures("drawn_once")
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_login_that_is_refused_stops_no_other_and_shows_no_secret(
    report: Report, hook: HttpServer, tmp_path: Path
) -> None:
    with MailServer(login=("lakescope", "right-secret")) as server:
        wrong, sent = send(report, tmp_path, server, login="wrong-secret", slack=hook)
        assert not wrong.sent and "login refused" in wrong.faults[0] and "secret" not in wrong.faults[0]
        assert sent == Outcome("slack", ["slack"], [])
        sent, still = send(report, tmp_path, server, login="right-secret", slack=hook)
    assert sent == Outcome("mail", [OPS, LEAD], []) and still == Outcome("slack")
    assert len(server.mails) == len(hook.requests) == 1


@pytest.mark.usefixtures("drawn_once")
def test_chats_get_the_text_of_report_txt_and_nobody_is_called(
    report: Report, hook: HttpServer, tmp_path: Path
) -> None:
    send(report, tmp_path, slack=hook, mattermost=hook)
    texts = [json.loads(request.body)["text"] for request in hook.requests]
    plain = chat(report).splitlines()
    assert plain[1] in texts[0] and plain[3].partition(":")[0] in texts[0]
    for text in texts:
        assert report.title.split()[0] in text and "What to do:" in text and len(text) < 4000
        assert "<!channel>" not in text and "@all" not in text


@pytest.mark.usefixtures("drawn_once")
def test_a_program_gets_page_1_as_json(report: Report, hook: HttpServer, tmp_path: Path) -> None:
    send(report, tmp_path, webhook=hook)
    document = json.loads(hook.requests[0].body)
    assert set(document) == {"version", "report"}
    told = document["report"]
    assert [told["title"], *told["text"].split("\n")] == chat(report).splitlines()
    assert told["key"] == "weekly.escape.2026-W47.1@reports.lakescope"
    assert (told["kind"], told["vo"], told["period"]["name"], told["revision"]) == (
        "weekly",
        "escape",
        "2026-W47",
        1,
    )
    assert told["state"] == report.state and len(told["findings"]) == len(report.findings) > 0


# --- the command ------------------------------------------------------------------------------------------

BASE = '[collectors.push]\ntype = "http"\n[sinks.store]\ntype = "duckdb"\n'


@pytest.mark.usefixtures("drawn_once")
def test_the_command_names_who_did_not_get_it_and_tries_them_again(
    server: MailServer, hook: HttpServer, tmp_path: Path
) -> None:
    (tmp_path / "lakescope.toml").write_text(f"""{BASE}
[alerts.receivers.operations]
type = "mail"
host = "{server.host}"
port = {server.port}
security = "none"
sender = "lakescope@example.org"
to = ["{OPS}"]
[alerts.receivers.chat]
type = "slack"
url = "{hook.url}/{SECRET}"
[reports.monday]
receivers = ["operations", "chat"]
vo = "escape"
""")
    with store_of(hourly(range(168)), tmp_path / "lakescope-data"):
        pass

    def command(*options: str) -> Result:
        path = str(tmp_path / "lakescope.toml")
        return CliRunner().invoke(
            app, ["report", "send", "weekly", "--week", "2026-W47", "-c", path, *options]
        )

    dry = command("--dry-run")
    assert dry.exit_code == 0
    assert f"operations: would be sent to {OPS}\nchat: would be sent\n" in dry.stdout
    assert not hook.requests and not (tmp_path / "lakescope-data" / "reports").exists()
    hook.order([503])
    failed = command()
    assert failed.exit_code == 1 and SECRET not in failed.output
    assert "operations: not sent: mail server 127.0.0.1" in failed.stderr
    assert "chat: not sent: 127.0.0.1 answered 503" in failed.stderr
    assert "`lakescope report send weekly --week 2026-W47` tries again" in failed.stderr
    with server:
        done = command()
        assert done.exit_code == 0 and done.stdout.endswith(f"operations: sent to {OPS}\nchat: sent\n")
    assert len(server.mails) == 1
    assert "VO 'ska'" in str(command("--vo", "ska").exception)


def test_the_command_sends_what_the_archive_has(hook: HttpServer, tmp_path: Path) -> None:
    path = tmp_path / "lakescope.toml"
    path.write_text(f"""{BASE}
[alerts.receivers.program]
type = "webhook"
url = "{hook.url}/{SECRET}"
[reports.morning]
kind = "daily"
receivers = ["program"]
[reports.site-a]
kind = "site"
site = "SITE-A"
receivers = ["program"]
""")
    data = tmp_path / "lakescope-data"

    def command(*options: str) -> Result:
        return CliRunner().invoke(app, ["report", "send", *options, "-c", str(path)])

    with store_of(hourly(range(168), failed_every=2), data):
        pass
    day, week = ("daily", "--day", "2026-11-18"), ("site", "--week", "2026-W47")
    assert "program: would be sent" in command(*day, "--dry-run").stdout and not (data / "reports").exists()
    assert command(*day).exit_code == command(*week, "--site", "SITE-A").exit_code == 0
    with store_of(hourly(range(168), first=500), data):  # too late for who has it
        pass
    assert "program: has it" in command(*day).stdout
    daily, site = (json.loads(request.body)["report"] for request in hook.requests)
    assert (daily["kind"], daily["site"], daily["period"]["name"]) == ("daily", None, "2026-11-18")
    assert (site["kind"], site["site"], site["period"]["name"]) == ("site", "SITE-A", "2026-W47")
    archive = Archive(data / "reports")
    assert [(one.kind, one.revision) for one in archive.listing().entries] == [("daily", 1), ("site", 1)]
    assert "of the site 'SITE-B'" in str(command(*week, "--site", "SITE-B").exception)
    assert "takes --week" in str(command("site", *day[1:]).exception)


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ('receivers = ["chat"]', "no receiver 'chat'", "[alerts.receivers.chat]"),
        ('receivers = ["oncall"]', "of type pagerduty, which takes alerts only", "mail, mattermost, slack"),
    ],
)
def test_receivers_that_cannot_be(text: str, problem: str, remedy: str) -> None:
    oncall = '[alerts.receivers.oncall]\ntype = "pagerduty"\nrouting_key = "0123456789"\n'
    with pytest.raises(ConfigurationError) as raised:
        parse(f"{BASE}{oncall}[reports.monday]\n{text}")
    (fault,) = raised.value.problems
    assert fault.place == "reports.monday.receivers"
    assert problem in fault.text and remedy in fault.remedy


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('kind = "site"', 'add site = "CERN-PROD"'),
        ('site = "CERN-PROD"', 'write kind = "site", or remove `site`'),
    ],
)
def test_a_report_that_cannot_be(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse(
            f'{BASE}[alerts.receivers.chat]\ntype = "slack"\nurl = "https://chat.example.org/a"\n'
            f'[reports.monday]\nreceivers = ["chat"]\n{text}'
        )
    (fault,) = raised.value.problems
    assert problem in f"{fault.text} {fault.remedy}"
