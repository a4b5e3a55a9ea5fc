"""Any webhook: ``{"version": 1, "notifications": [{"key", "event", "at", "alert": {...}}]}``, one JSON document a post.

`key` is the same when a notification comes again; `alert.key` is the same from an alert's opening to its end. Times are RFC
3339, UTC. Taken with a status of 200 to 299.

A report is ``{"version": 1, "report": {"key", "kind", "vo", "period", "revision", "state", "title", "text", "findings"}}``; a
revision keeps its `key`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, SecretStr, model_validator

from lakescope.alerts.model import Notification
from lakescope.alerts.receivers._common import (
    HttpReceiverOptions,
    Letter,
    description,
    examine_address,
    headline,
    post,
    printable,
    summary,
)
from lakescope.core.contracts import Finding, Installation
from lakescope.core.oidc import OidcOptions, bearer, credentials
from lakescope.core.printable import rfc3339


class WebhookOptions(HttpReceiverOptions):
    """Options of the webhook receiver."""

    url: SecretStr = Field(examples=["https://hooks.example.org/lakescope"])
    """Where notifications are posted. Kept as a secret: the path may hold a token."""
    token: SecretStr | None = Field(default=None, min_length=1, examples=["${HOOK_TOKEN}"])
    """Sent with each post."""
    token_header: str = Field(default="Authorization", pattern=r"^[A-Za-z0-9-]+$")
    """Header that holds the token: ``Bearer TOKEN`` in ``Authorization``, in any other the token alone."""
    oidc: OidcOptions = OidcOptions()
    """OpenID Connect: where tokens for the server come from, in the place of `token`."""

    @model_validator(mode="after")
    def _has_one_token(self) -> Self:
        if self.token is not None and self.oidc.token_url is not None:
            raise ValueError("`token` and `oidc`: expected one of the two")
        return self


class WebhookReceiver:
    """Posts notifications as they are."""

    Options = WebhookOptions
    keeps_state: ClassVar[bool] = False

    def __init__(self, name: str, options: WebhookOptions, data_dir: Path) -> None:
        self.options = options
        self.recipients = (name,)
        self.credentials = credentials(options.oidc, options.tls, options.timeout_s)
        auth = bearer(self.credentials) if self.credentials else None
        self._client = options.client(headers=_token(options), auth=auth)

    @staticmethod
    def examine(options: WebhookOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`."""
        return examine_address(options.url, options)

    def send(self, notifications: Sequence[Notification]) -> None:
        """One request."""
        document = {"version": 1, "notifications": [document_of(one) for one in notifications]}
        post(self._client, self.options, self.options.url, document)

    def send_letter(self, letter: Letter, recipients: Sequence[str]) -> Mapping[str, str]:
        """One request."""
        post(self._client, self.options, self.options.url, {"version": 1} | dict(letter.document))
        return {}

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()
        if self.credentials:
            self.credentials.close()


def document_of(notification: Notification) -> dict[str, Any]:
    """A notification as plain data."""
    alert = notification.alert
    return {
        "key": notification.key,
        "event": notification.event,
        "at": rfc3339(notification.at),
        "text": headline(notification),
        "alert": {
            "key": alert.key,
            "rule": alert.rule,
            "severity": alert.severity,
            "summary": summary(alert),
            "description": description(alert),
            "labels": {name: printable(value) for name, value in alert.labels.items()},
            "annotations": {name: printable(value) for name, value in alert.annotations.items()},
            "began": rfc3339(alert.began),
            "opened": rfc3339(alert.opened),
            "ended": None if alert.ended is None else rfc3339(alert.ended),
            "acknowledged_by": alert.acknowledged.by if alert.acknowledged else None,
            "muted_by": alert.muted_by,
        },
    }


def _token(options: WebhookOptions) -> dict[str, str]:
    if options.token is None:
        return {}
    scheme = "Bearer " if options.token_header.lower() == "authorization" else ""
    return {options.token_header: scheme + options.token.get_secret_value()}
