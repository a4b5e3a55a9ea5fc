"""What receivers get, over the wire: from a mail server, and a webhook of the test's. Alertmanager: test_alertmanager.py."""

from __future__ import annotations

import json
import socket
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lakescope.alerts.heartbeat import Heartbeat, HeartbeatOptions
from lakescope.alerts.model import Alert, Event, Notification
from lakescope.alerts.receivers._common import details
from lakescope.alerts.receivers.chat import mattermost_text, slack_text
from lakescope.alerts.receivers.pagerduty import event_of
from lakescope.app.config import parse
from lakescope.core.contracts import RefusedError, TransientError
from lakescope.core.places import ConfigurationError
from lakescope.core.plugins import available, load
from tests.app.test_cli import lakescope
from tests.contract._http import PROXIES, Answer, HttpServer, Request
from tests.servers._tls import Authority, server_context
from tests.servers.mail import MailServer

SECRET = "T0KEN-IN-A-PATH"
BEGAN = 1_767_600_000.0  # 2026-01-05 08:00 UTC


def make_alert(**changes: Any) -> Alert:
    alert = Alert(
        rule="transfers_failing",
        labels={"rule": "transfers_failing", "severity": "page", "owner": "site", "incident": "i1"},
        annotations={
            "summary": "310 of 400 transfers from A failed",
            "description": "Look at the door of A first.\nThen call A <b>&</b> B.",
            "culprit": "src_site A",
            "runbook_url": "https://docs.example.org/runbooks/transfers_failing.md",
            "dashboard_url": "https://lakescope.example.org/dashboards/transfers?src=A",
        },
        severity="page",
        began=BEGAN,
        opened=BEGAN + 600,
    )
    for name, value in changes.items():
        setattr(alert, name, value)
    return alert


def make(event: Event, **changes: Any) -> Notification:
    return Notification(event=event, alert=make_alert(**changes), at=BEGAN + 660)


def receiver_of(kind: str, **options: Any) -> Any:
    plugin = load("receivers", kind)
    return plugin("tested", plugin.Options.model_validate(options), Path())


def send(kind: str, notifications: Sequence[Notification], **options: Any) -> None:
    with closing(receiver_of(kind, **options)) as receiver:
        receiver.send(notifications)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    for name, value in PROXIES.items():
        monkeypatch.setenv(name, value)
    with HttpServer(lambda _: Answer(200, b"ok")) as server:
        yield server


def posted(server: HttpServer) -> list[Any]:
    return [json.loads(request.body) for request in server.requests]


# --- webhooks ---------------------------------------------------------------------------------------------


def test_a_webhook_gets_all_of_a_notification(hook: HttpServer) -> None:
    ended = make("resolved", ended=BEGAN + 7200)
    send("webhook", [ended], url=f"{hook.url}/x", token="s3cret")
    (document,) = posted(hook)
    assert hook.requests[0].headers["authorization"] == "Bearer s3cret"
    (told,) = document["notifications"]
    assert (
        told["key"] == ended.key and told["event"] == "resolved" and told["alert"]["key"] == ended.alert.key
    )
    assert told["text"] == "[RESOLVED] 310 of 400 transfers from A failed"
    assert (told["alert"]["began"], told["alert"]["ended"]) == (
        "2026-01-05T08:00:00Z",
        "2026-01-05T10:00:00Z",
    )
    assert told["alert"]["labels"] == ended.alert.labels


def test_a_webhooks_token_in_a_header_of_its_choice(hook: HttpServer) -> None:
    send("webhook", [make("opened")], url=hook.url, token="s3cret", token_header="X-Auth-Token")
    assert hook.requests[0].headers["x-auth-token"] == "s3cret"
    assert "authorization" not in hook.requests[0].headers


def test_pagerduty_has_one_incident_an_alert(hook: HttpServer) -> None:
    events: list[Event] = ["opened", "raised", "escalated", "updated", "digest", "resolved"]
    send("pagerduty", [make(event) for event in events], url=hook.url, routing_key="r" * 32)
    documents = posted(hook)
    assert [one["event_action"] for one in documents] == ["trigger"] * 3 + ["resolve"]
    assert {one["dedup_key"] for one in documents} == {make_alert().identity}
    payload = documents[0]["payload"]
    assert payload["severity"] == "critical" and payload["source"] == "src_site A"
    assert payload["summary"] == "310 of 400 transfers from A failed"
    assert payload["timestamp"] == "2026-01-05T08:00:00Z"
    assert [link["text"] for link in documents[0]["links"]] == ["Runbook", "Incident (acknowledge)"]


def test_pagerdutys_summary_has_its_bound(hook: HttpServer) -> None:
    send(
        "pagerduty", [make("opened", annotations={"summary": "ä" * 5000})], url=hook.url, routing_key="r" * 32
    )
    assert len(posted(hook)[0]["payload"]["summary"]) == 1024


@pytest.mark.parametrize("kind", ["slack", "mattermost"])
def test_chats_get_one_text(kind: str, hook: HttpServer) -> None:
    send(kind, [make("opened")], url=f"{hook.url}/services/{SECRET}")
    (document,) = posted(hook)
    assert set(document) == {"text"}
    assert "[PAGE] 310 of 400 transfers from A failed" in document["text"].replace("\\", "")
    assert "2026-01-05 08:00 UTC" in document["text"]


def test_a_chats_markup_is_ours_alone() -> None:
    text = "<!channel> @all *bold* `x` [a](http://evil.example) stuck_rule_age"
    one = [make("opened", annotations={"summary": text, "runbook_url": "https://docs.example.org/a(b)"})]
    slack, mattermost = slack_text(one), mattermost_text(one)
    assert "<!channel>" not in slack and "&lt;!channel&gt;" in slack
    assert "<https://docs.example.org/a(b)|Runbook>" in slack
    assert "@all" not in mattermost and r"\*bold\*" in mattermost and r"\[a\](http" in mattermost
    assert "[Runbook](https://docs.example.org/a%28b%29)" in mattermost
    assert "stuck_rule_age" in slack and "stuck_rule_age" in mattermost


def test_a_link_that_is_no_address_is_left_out() -> None:
    bad = {"summary": "s", "runbook_url": "javascript:alert(1)", "dashboard_url": "https://x.example/ y"}
    assert "javascript" not in slack_text([make("opened", annotations=bad)])


@pytest.mark.parametrize("kind", ["slack", "mattermost"])
def test_a_long_digest_is_cut(kind: str, hook: HttpServer) -> None:
    send(kind, [make("digest")] * 500, url=hook.url)
    text = posted(hook)[0]["text"]
    assert "and 470 more" in text and len(text) < 4000


HOOKS: dict[str, Callable[[str], dict[str, Any]]] = {
    "alertmanager": lambda url: {"urls": [f"{url}/{SECRET}"], "token": SECRET},
    "slack": lambda url: {"url": f"{url}/services/{SECRET}"},
    "mattermost": lambda url: {"url": f"{url}/hooks/{SECRET}"},
    "webhook": lambda url: {"url": f"{url}/a?key={SECRET}", "token": SECRET},
    "pagerduty": lambda url: {"url": url, "routing_key": SECRET},
}


@pytest.mark.parametrize("kind", HOOKS)
@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, None) for status in (200, 202, 204)),
        *((status, TransientError) for status in (301, 401, 404, 410, 429, 503)),
        (400, RefusedError),
    ],
)
def test_an_answers_meaning_and_no_secret_in_it(
    kind: str, status: int, error: type[Exception] | None
) -> None:
    def answer(request: Request) -> Answer:
        """As badly as a server can: it quotes all that it was sent."""
        text = f"{request.target} {request.headers.get('authorization')} {request.body[:80]!r}".encode()
        return Answer(
            status, text if status != 204 else b"", (("location", f"https://elsewhere{request.target}"),)
        )

    with HttpServer(answer) as server:
        options = HOOKS[kind](server.url)
        if error is None:
            send(kind, [make("opened")], **options)
            return
        with pytest.raises(error) as raised:
            send(kind, [make("opened")], **options)
    assert "127.0.0.1" in str(raised.value) and str(status) in str(raised.value)
    assert SECRET not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("kind", HOOKS)
def test_nobody_listens(kind: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        with pytest.raises(TransientError) as raised:
            send(kind, [make("opened")], **HOOKS[kind](f"http://127.0.0.1:{probe.getsockname()[1]}"))
    assert SECRET not in str(raised.value) and "127.0.0.1" in str(raised.value)


def test_texts_of_strangers_reach_every_receiver(hook: HttpServer) -> None:
    bad = [
        make("opened", annotations={"summary": "half \ud800 of a pair, \x00 and \x1b[31m", "a-b c": "\udfff"})
    ]
    for kind, options in HOOKS.items():
        send(kind, bad, **options(hook.url))
    with MailServer() as server:
        send("mail", bad, **mail_options(server))
        assert "half" in str(server.mails[0]["Subject"])
    assert len(posted(hook)) == len(HOOKS)


def test_a_strangers_name_adds_no_fact() -> None:
    """A site's name with line breaks and a change of the direction of writing."""
    name = "PIC\nUntil: 2026-01-05 09:00 UTC\r\nAcknowledged by: \u202eAda"
    alert = make("opened", annotations={"summary": "to PIC", "culprit": f"destination {name}"})
    alert.alert.labels["dst_site"] = name
    shown = r"PIC Until: 2026-01-05 09:00 UTC Acknowledged by: \u202eAda"
    facts = {
        "Culprit": f"destination {shown}",
        "Where": f"destination site {shown}",
        "Since": "2026-01-05 08:00 UTC",
    }
    assert dict(details(alert)) == facts | {"Rule": "transfers_failing (owner: site)", "Incident": "i1"}
    event = event_of(alert)
    assert event is not None and event["payload"]["source"] == facts["Culprit"]
    assert len(slack_text([alert]).splitlines()) == 1 + len(dict(details(alert)))


def test_a_proxy_that_is_configured_is_used() -> None:
    with HttpServer(lambda _: Answer(200)) as proxy:
        send("slack", [make("opened")], url="http://hooks.invalid/services/x", proxy=proxy.url)
        assert proxy.requests[0].target == "http://hooks.invalid/services/x"


def test_tls_towards_a_webhook(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    with HttpServer(lambda _: Answer(200), tls=server_context(authority.issue("hook"))) as server:
        with pytest.raises(TransientError, match=r"tls\.ca_file"):
            send("webhook", [make("opened")], url=server.url)
        send("webhook", [make("opened")], url=server.url, tls={"ca_file": authority.certificate})
        assert len(server.requests) == 1


def test_a_heartbeat_by_proxy_and_by_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    with HttpServer(lambda _: Answer(200)) as proxy:
        Heartbeat(HeartbeatOptions.model_validate({"url": "http://ping.invalid/uuid", "proxy": proxy.url}))()
        assert proxy.requests[0].target == "http://ping.invalid/uuid"
    with HttpServer(lambda _: Answer(200), tls=server_context(authority.issue("ping"))) as server:
        options = {"url": f"{server.url}/{SECRET}"}
        with pytest.raises(TransientError, match=r"tls\.ca_file") as caught:
            Heartbeat(HeartbeatOptions.model_validate(options))()
        assert SECRET not in str(caught.value)
        Heartbeat(HeartbeatOptions.model_validate(options | {"tls": {"ca_file": authority.certificate}}))()
        assert [one.target for one in server.requests] == [f"/{SECRET}"]


# --- mail -------------------------------------------------------------------------------------------------


def mail_options(server: MailServer, **more: Any) -> dict[str, Any]:
    addresses = {"sender": "lakescope@example.org", "to": ["ops@example.org", "lead@example.org"]}
    return {"host": server.host, "port": server.port, "security": "none"} | addresses | more


def test_mails_of_an_alert_are_one_thread() -> None:
    with MailServer() as server:
        notifications = [make("opened"), make("raised"), make("resolved", ended=BEGAN + 7200)]
        send("mail", notifications, **mail_options(server))
    first, second, last = server.mails
    assert first["Message-ID"] == f"<{notifications[0].key}@example.org>" and "References" not in first
    assert second["References"] == last["References"] == first["Message-ID"] == last["In-Reply-To"]
    assert len({mail["Message-ID"] for mail in server.mails}) == 3
    assert str(first["Subject"]) == "[PAGE] 310 of 400 transfers from A failed"
    assert str(last["Subject"]).startswith("[RESOLVED] ")
    assert server.receivers[:2] == ["ops@example.org", "lead@example.org"]
    text, html = (first.get_body([kind]).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]
    assert "Then call A <b>&</b> B." in text and "Then call A &lt;b&gt;&amp;&lt;/b&gt; B." in html
    assert "Runbook: https://docs.example.org/runbooks/transfers_failing.md" in text
    assert 'href="https://lakescope.example.org/dashboards/transfers?src=A"' in html


def test_a_summary_of_several_lines_adds_no_header() -> None:
    with MailServer() as server:
        summary = "first\r\nBcc: victim@example.org\n\nbody"
        send("mail", [make("opened", annotations={"summary": summary})], **mail_options(server))
    (mail,) = server.mails
    assert "Bcc" not in mail and str(mail["Subject"]) == "[PAGE] first Bcc: victim@example.org body"


def test_a_digest_is_one_mail() -> None:
    with MailServer() as server:
        for _ in range(2):  # a repeat has the same id
            send("mail", [make("digest"), make("digest", severity="ticket")], **mail_options(server))
    first, again = server.mails
    assert str(first["Subject"]) == "Lakescope digest: 2 alerts"
    assert first["Message-ID"] == again["Message-ID"]


@pytest.mark.filterwarnings(
    "ignore:Requiring AUTH while not requiring TLS"
)  # TLS from the first byte is none to aiosmtpd
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_by_tls_and_login(security: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    context = server_context(authority.issue("mail"))
    with MailServer(tls=context, implicit=security == "tls", login=("lakescope", "right")) as server:
        options = mail_options(server, security=security, username="lakescope", password="right")
        with pytest.raises(TransientError, match=r"tls\.ca_file"):
            send("mail", [make("opened")], **options)
        options["tls"] = {"ca_file": authority.certificate}
        send("mail", [make("opened")], **options)
        with pytest.raises(
            TransientError, match=r"login refused .* correct `username` and `password`"
        ) as raised:
            send("mail", [make("opened")], **options | {"password": "wrong-secret"})
        assert "wrong-secret" not in str(raised.value)
    assert len(server.mails) == 1


def test_nothing_is_sent_in_clear_text_where_starttls_is_wanted() -> None:
    with MailServer() as server, pytest.raises(TransientError, match="no STARTTLS"):
        send("mail", [make("opened")], **mail_options(server, security="starttls"))
    assert not server.mails


def test_what_a_mail_server_refuses_for_good_and_for_now() -> None:
    with MailServer() as server:
        for status, error in (("554 looks like spam", RefusedError), ("451 later", TransientError)):
            server.answer = status
            with pytest.raises(error, match=status[4:]):
                send("mail", [make("opened")], **mail_options(server))
        server.answer = None
        send("mail", [make("opened")], **mail_options(server))
    with pytest.raises(TransientError, match=r"127\.0\.0\.1"):
        send("mail", [make("opened")], **mail_options(server))


@pytest.mark.parametrize("address", ["ops", "ops@", "a@b\nBcc: c@d", "Ops <ops@example.org>", ""])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(ValidationError, match="expected a mail address"):
        receiver_of("mail", host="h", sender="lakescope@example.org", to=[address])


# --- configuration ----------------------------------------------------------------------------------------

BASE = '[collectors.push]\ntype = "http"\n[sinks.store]\ntype = "duckdb"\n'


def test_a_configuration_with_receivers_shows_no_secret() -> None:
    text = f"""{BASE}
[alerts.receivers.chat]
type = "slack"
url = "https://hooks.example.org/services/{SECRET}"
[alerts.receivers.hook]
type = "webhook"
url = "https://hooks.example.org/{SECRET}"
token = "{SECRET}"
[alerts.subscriptions.all]
receivers = ["chat"]
severities = ["page"]
"""
    configuration = parse(text)
    assert set(configuration.receivers) == {"chat", "hook"}
    assert configuration.settings.alerts.subscriptions["all"].receivers == ["chat"]
    document = configuration.document()["alerts"]
    assert document["receivers"]["chat"]["type"] == "slack"
    assert SECRET not in repr(document) + repr(configuration.receivers)


@pytest.mark.parametrize(
    ("text", "place", "problem", "remedy"),
    [
        ('[alerts.receivers.x]\ntype = "slak"', "alerts.receivers.x.type", "no receiver 'slak'", '"slack"'),
        ('[alerts.receivers.x]\ntype = "slack"', "alerts.receivers.x.url", "is missing", "${SLACK_WEBHOOK}"),
        (
            f'[alerts.receivers.x]\ntype = "slack"\nurl = "hooks/{SECRET}"',
            "alerts.receivers.x.url",
            "expected a URL",
            "${SLACK_WEBHOOK}",
        ),
        (
            f'[alerts]\nheartbeat = "https://{SECRET}"',
            "alerts.heartbeat",
            "expected a table",
            "[alerts.heartbeat]",
        ),
        (
            f'[alerts.heartbeat]\nurl = "ping/{SECRET}"',
            "alerts.heartbeat.url",
            "expected a URL",
            "${HEARTBEAT_URL}",
        ),
        ("[alerts.heartbeat]\nproxi = 3", "alerts.heartbeat.proxi", "no option", "`proxy`"),
        ("[alerts]\nreceivers = 3", "alerts.receivers", "expected tables [alerts.receivers.NAME]", ""),
        (
            '[alerts.subscriptions.s]\nreceivers = ["chat"]\n[alerts.receivers.chats]\ntype = "slack"\nurl = "https://x/y"',
            "alerts.subscriptions.s.receivers",
            "no receiver 'chat'",
            '"chats"',
        ),
        (
            '[alerts.subscriptions.s]\nreceivers = ["c"]\nsite = ["A"]',
            "alerts.subscriptions.s.site",
            "no option",
            "`sites`",
        ),
        (
            '[alerts.subscriptions.s]\nreceivers = ["c"]\nquiet_hours = "22-7"',
            "alerts.subscriptions.s.quiet_hours",
            "found '22-7'",
            "18:00-08:00",
        ),
    ],
)
def test_a_configuration_that_cannot_be(text: str, place: str, problem: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse(BASE + text)
    (found,) = (one for one in raised.value.problems if one.place == place)
    assert problem in found.text and remedy in found.remedy and SECRET not in str(raised.value)


def test_every_receiver_is_a_plugin() -> None:
    assert set(available("receivers")) >= {
        "alertmanager",
        "mail",
        "slack",
        "mattermost",
        "pagerduty",
        "webhook",
    }


def test_a_test_alert_to_each_receiver(tmp_path: Path, hook: HttpServer) -> None:
    with MailServer() as server:
        text = f"""{BASE}
[alerts.receivers.hook]
type = "webhook"
url = "{hook.url}/{SECRET}"
[alerts.receivers.mail]
type = "mail"
host = "{server.host}"
port = {server.port}
security = "none"
sender = "lakescope@example.org"
to = ["ops@example.org"]
"""
        (tmp_path / "lakescope.toml").write_text(text)
        done = lakescope("alerts", "notify", cwd=tmp_path)
        assert (done.code, done.out) == (0, "hook: taken\nmail: taken\n")
        assert [str(mail["Subject"])[:7] for mail in server.mails] == ["[TICKET", "[RESOLV"]
        assert [one["notifications"][0]["event"] for one in posted(hook)] == ["opened", "resolved"]
        hook.order([503])
        failed = lakescope("alerts", "notify", "hook", cwd=tmp_path)
    assert failed.code == 1 and "hook: 127.0.0.1 answered 503" in failed.err and SECRET not in failed.err
    assert "no receiver 'x'; there are hook, mail" in lakescope("alerts", "notify", "x", cwd=tmp_path).err
