"""Alertmanager, API v2 (``POST /api/v2/alerts``): it groups, routes and silences; Lakescope says what is wrong.

An open alert is posted again in every round with an end that lies `expire_s` ahead, as Prometheus does, so that a
restarted Alertmanager knows it and one of which nothing is heard any more ends. Its labels are the alert's, and `alertname`,
which is the rule; the rest are annotations. Source: prometheus/alertmanager, api/v2/openapi.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, SecretStr, field_validator

from lakescope.alerts.model import Alert, Notification
from lakescope.alerts.receivers._common import HttpReceiverOptions, is_address, post, printable
from lakescope.core.contracts import Finding, Installation, RefusedError, TransientError
from lakescope.core.examination import (
    CONNECTION_REMEDY,
    examine_certificates,
    examine_clock,
    examine_version,
)
from lakescope.core.http import judge_status, send
from lakescope.core.options import check_url
from lakescope.core.printable import rfc3339

SHOWN_S = 300
"""An alert that has ended before Alertmanager could be reached is shown for so long: it notifies nobody of one that is over
when it first hears of it (`dispatch`, `notify.DedupStage`)."""


class AlertmanagerOptions(HttpReceiverOptions):
    """Options of the alertmanager receiver."""

    urls: list[str] = Field(min_length=1, examples=[["http://alertmanager.example.org:9093"]])
    """Every member of the cluster: each is posted to, since an alert is not passed on between them. One that takes it is
    enough."""
    username: str | None = Field(default=None, examples=["lakescope"])
    """User for basic authentication."""
    password: SecretStr | None = Field(default=None, examples=["${ALERTMANAGER_PASSWORD}"])
    """Password for basic authentication."""
    token: SecretStr | None = Field(default=None, examples=["${ALERTMANAGER_TOKEN}"])
    """Bearer token, where a proxy in front asks for one."""
    expire_s: float = Field(default=3600.0, ge=300)
    """An open alert ends of itself when Lakescope has not posted it for so long (seconds)."""
    labels: dict[str, str] = Field(default={}, examples=[{"lake": "escape"}])
    """Labels that every alert gets beside its own."""

    @field_validator("urls")
    @classmethod
    def _are_urls(cls, urls: list[str]) -> list[str]:
        for url in urls:
            check_url(url, ("http", "https"), "http://alertmanager.example.org:9093")
        return urls


class AlertmanagerReceiver:
    """Posts alerts to each member of an Alertmanager cluster."""

    Options = AlertmanagerOptions
    keeps_state: ClassVar[bool] = True

    def __init__(self, name: str, options: AlertmanagerOptions, data_dir: Path) -> None:
        self.options = options
        login = (options.username, options.password) if options.username else None
        self._client = options.client(login=login, token=options.token)

    @staticmethod
    def examine(options: AlertmanagerOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`: asks each member how it is."""
        receiver = AlertmanagerReceiver(installation.name, options, installation.data_dir)
        try:
            for url in options.urls:
                yield from receiver._examine_member(url.rstrip("/"))
        finally:
            receiver.close()

    def _examine_member(self, url: str) -> Iterator[Finding]:
        try:
            yield from examine_certificates([url], self.options.tls, port=9093)
            response = send(self._client, self.options.tls, "GET", f"{url}/api/v2/status")
            judge_status(response, good=(200,))
            version = response.json()["versionInfo"]["version"]
        except (TransientError, RefusedError) as error:
            yield Finding("error", str(error), "" if ";" in str(error) else CONNECTION_REMEDY)
        except (ValueError, KeyError, TypeError):
            yield Finding("error", f"{url}: this is no answer of Alertmanager", "correct `urls`")
        else:
            yield examine_version("Alertmanager", version)
            yield from examine_clock(response.request.url.host, response.headers.get("date"))
            yield Finding("ok", f"{url} answers; nothing was sent, as that would notify people")

    def send(self, notifications: Sequence[Notification]) -> None:
        """One request a member."""
        document = list(documents(notifications, self.options))
        faults: list[TransientError] = []
        for url in self.options.urls:
            try:
                post(self._client, self.options, f"{url.rstrip('/')}/api/v2/alerts", document)
            except TransientError as error:
                faults.append(error)
        if len(faults) == len(self.options.urls):
            raise TransientError("; ".join(map(str, faults)))

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


def documents(
    notifications: Sequence[Notification], options: AlertmanagerOptions
) -> Iterator[dict[str, Any]]:
    """Each alert once, as it is after all that is notified of it: a post with two of one is a race."""
    news = {one.alert.key for one in notifications if one.event == "opened"}
    last = {one.alert.key: one for one in notifications}
    raised = {one.alert.key for one in notifications if one.event == "raised"}
    for key, notification in last.items():
        alert = notification.alert
        ends = notification.at + options.expire_s
        if alert.ended is not None:
            ends = notification.at + SHOWN_S if key in news else alert.ended
        yield _document(alert, alert.severity, ends, options.labels)
        if key in raised:  # severity is a label: the ticket is another alert to Alertmanager, and over
            yield _document(alert, "ticket", notification.at, options.labels)


def _document(alert: Alert, severity: str, ends: float, labels: dict[str, str]) -> dict[str, Any]:
    own = {"alertname": alert.rule, **labels, **alert.labels, "severity": severity}
    document: dict[str, Any] = {
        "labels": _named(own),
        "annotations": _named(alert.annotations),
        "startsAt": rfc3339(alert.began),
        "endsAt": rfc3339(max(ends, alert.began + 1)),
    }
    if is_address(url := alert.annotations.get("dashboard_url", "")):
        document["generatorURL"] = url
    return document


def _named(texts: dict[str, str]) -> dict[str, str]:
    """With names and values that Alertmanager takes: it refuses a post for one label."""
    return {
        re.sub(r"\W|^(?=\d)", "_", name, flags=re.ASCII): printable(value) for name, value in texts.items()
    }
