"""The receiver against a real Alertmanager, which tells a webhook of the test's."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lakescope.alerts.model import Alert, Event, Notification
from lakescope.alerts.receivers.alertmanager import AlertmanagerOptions, AlertmanagerReceiver
from lakescope.core.contracts import TransientError
from tests.contract._http import Answer, HttpServer
from tests.e2e._lakescope import until
from tests.servers._process import free_port
from tests.servers.alertmanager import Alertmanager
from tests.servers.fixtures import StartServer

pytestmark = pytest.mark.server("alertmanager")

Connect = Callable[..., AlertmanagerReceiver]

CONFIGURATION = """
route: {{receiver: hook, group_by: [alertname, incident], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}}
receivers:
- name: hook
  webhook_configs: [{{url: "{url}", send_resolved: true}}]
"""


def make_alert(**changes: Any) -> Alert:
    now = time.time()
    alert = Alert(
        rule="transfers_failing",
        labels={"rule": "transfers_failing", "severity": "page", "owner": "site", "incident": "i1"},
        annotations={"summary": "310 of 400 transfers from A failed", "culprit": "src_site A"},
        severity="page",
        began=now - 600,
        opened=now,
    )
    for name, value in changes.items():
        setattr(alert, name, value)
    return alert


def make(event: Event, alert: Alert) -> Notification:
    return Notification(event=event, alert=alert, at=time.time())


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Receivers that are closed after the test."""
    with ExitStack() as receivers:

        def connect(*urls: str, **options: Any) -> AlertmanagerReceiver:
            receiver = AlertmanagerReceiver("am", AlertmanagerOptions(urls=list(urls), **options), Path())
            return receivers.enter_context(closing(receiver))

        yield connect


def told(hook: HttpServer) -> list[tuple[str, str]]:
    """Status and severity of each alert that the webhook was told of, in their order."""
    posts = [json.loads(request.body) for request in hook.requests]
    return [(one["status"], one["labels"]["severity"]) for post in posts for one in post["alerts"]]


def ends_in(server: Alertmanager, severity: str = "page") -> float:
    """Seconds until the end that Alertmanager knows of the alert with that severity."""
    (alert,) = (one for one in server.alerts() if one["labels"]["severity"] == severity)
    return (datetime.fromisoformat(alert["endsAt"]) - datetime.now(UTC)).total_seconds()


def test_an_alert_from_its_opening_to_its_end(start_server: StartServer, connect: Connect) -> None:
    with HttpServer(lambda _: Answer(200)) as hook:
        server = start_server(Alertmanager, configuration=CONFIGURATION.format(url=hook.url))
        receiver = connect(server.url, expire_s=600, labels={"lake": "escape"})
        alert = make_alert()
        receiver.send([make("opened", alert)])
        until(lambda: told(hook) == [("firing", "page")], 30, lambda: "opened")
        (held,) = server.alerts()
        assert held["labels"] == {"alertname": "transfers_failing", "lake": "escape", **alert.labels}
        assert 500 < ends_in(server) <= 600
        # a restart: the alert is posted again and is not told again, with another culprit neither
        server.kill()
        with pytest.raises(TransientError, match=r"127\.0\.0\.1"):
            receiver.send([make("updated", alert)])
        server.start()
        alert.annotations["culprit"] = "rse A_DISK"
        receiver.send([make("updated", alert)])
        until(lambda: server.alerts()[0]["annotations"]["culprit"] == "rse A_DISK", 30, lambda: "updated")
        alert.ended = time.time()
        receiver.send([make("resolved", alert)])
        until(lambda: ("resolved", "page") in told(hook), 30, lambda: "resolved")
        assert set(told(hook)) == {("firing", "page"), ("resolved", "page")}


def test_an_alert_that_was_over_before_alertmanager_could_be_reached_is_told(
    start_server: StartServer, connect: Connect
) -> None:
    with HttpServer(lambda _: Answer(200)) as hook:
        server = start_server(Alertmanager, configuration=CONFIGURATION.format(url=hook.url))
        receiver = connect(server.url)
        alert = make_alert(ended=time.time() - 60)
        receiver.send([make("opened", alert), make("resolved", alert)])
        until(lambda: told(hook) == [("firing", "page")], 30, lambda: "opened")
        assert 200 < ends_in(server) <= 300


def test_a_ticket_that_becomes_a_page_is_over_as_a_ticket(
    start_server: StartServer, connect: Connect
) -> None:
    with HttpServer(lambda _: Answer(200)) as hook:
        server = start_server(Alertmanager, configuration=CONFIGURATION.format(url=hook.url))
        # of a cluster one member is away
        receiver = connect(f"http://127.0.0.1:{free_port()}", server.url)
        alert = make_alert(severity="ticket")
        alert.labels["severity"] = "ticket"
        receiver.send([make("opened", alert)])
        until(lambda: told(hook) == [("firing", "ticket")], 30, lambda: "opened")
        alert.severity = alert.labels["severity"] = "page"  # type: ignore[assignment]
        receiver.send([make("raised", alert)])
        until(lambda: {("resolved", "ticket"), ("firing", "page")} <= set(told(hook)), 30, lambda: "raised")


def test_labels_that_alertmanager_would_refuse(start_server: StartServer, connect: Connect) -> None:
    with HttpServer(lambda _: Answer(200)) as hook:
        server = start_server(Alertmanager, configuration=CONFIGURATION.format(url=hook.url))
        receiver = connect(server.url)
        alert = make_alert(began=time.time() + 7200, ended=time.time())  # a clock that is wrong
        hostile = "<script>alert('x')</script>\n{{ .Labels }} \u202eevil\"" + "W" * 200
        alert.labels |= {"a-b": "x", "1st": "y", "empty": "", "half": "\ud800", "site": hostile}
        receiver.send([make("opened", alert)])
        shown = hostile.replace("\u202e", "\\u202e")  # what turns the direction of writing is written out
        (held,) = server.alerts()
        assert held["labels"].items() >= {"a_b": "x", "_1st": "y", "half": "?", "site": shown}.items()
