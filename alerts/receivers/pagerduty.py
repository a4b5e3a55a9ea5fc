"""PagerDuty, Events API v2 (``POST /v2/enqueue``): an alert is one incident there, by its `dedup_key`.

An opening, a raise and an escalation are its event ``trigger``, a resolve is its ``resolve``; a digest wakes nobody and is
left out. Source: developer.pagerduty.com, "Send an Alert Event".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from lakescope.alerts.model import Alert, Notification
from lakescope.alerts.receivers._common import (
    HttpReceiverOptions,
    description,
    details,
    examine_address,
    links,
    one_line,
    post,
    summary,
)
from lakescope.core.contracts import Finding, Installation
from lakescope.core.messages import quote
from lakescope.core.printable import rfc3339


class PagerdutyOptions(HttpReceiverOptions):
    """Options of the pagerduty receiver."""

    routing_key: SecretStr = Field(min_length=8, examples=["${PAGERDUTY_ROUTING_KEY}"])
    """Integration key of the service (Events API v2)."""
    url: str = "https://events.pagerduty.com/v2/enqueue"
    """Where events are posted; ``https://events.eu.pagerduty.com/v2/enqueue`` for accounts in Europe."""


class PagerdutyReceiver:
    """Triggers and resolves PagerDuty's incidents."""

    Options = PagerdutyOptions
    keeps_state: ClassVar[bool] = False

    def __init__(self, name: str, options: PagerdutyOptions, data_dir: Path) -> None:
        self.options = options
        self._client = options.client()

    @staticmethod
    def examine(options: PagerdutyOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`."""
        return examine_address(options.url, options)

    def send(self, notifications: Sequence[Notification]) -> None:
        """One event a notification."""
        for notification in notifications:
            if (event := event_of(notification)) is not None:
                routing_key = self.options.routing_key.get_secret_value()
                post(self._client, self.options, self.options.url, {"routing_key": routing_key} | event)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


def event_of(notification: Notification) -> dict[str, Any] | None:
    """As PagerDuty has it, without the routing key; null for what is no event of an incident."""
    alert = notification.alert
    if notification.event == "resolved":
        return {"event_action": "resolve", "dedup_key": alert.identity}
    if notification.event not in ("opened", "raised", "escalated", "reminded"):
        return None
    return {
        "event_action": "trigger",
        "dedup_key": alert.identity,
        "client": "Lakescope",
        "payload": _payload(alert) | {"custom_details": dict(details(notification)) | _text(alert)},
        "links": [{"href": url, "text": name} for name, url in links(alert)],
    }


def _payload(alert: Alert) -> dict[str, Any]:
    return {
        "summary": quote(summary(alert), 1024),
        "source": quote(one_line(alert.annotations.get("culprit") or "Lakescope"), 255),
        "severity": {"page": "critical", "ticket": "warning"}[alert.severity],
        "timestamp": rfc3339(alert.began),
        "group": alert.labels.get("owner", "lake"),
        "class": alert.rule,
    }


def _text(alert: Alert) -> dict[str, str]:
    return {"Description": text} if (text := quote(description(alert), 3000)) else {}
