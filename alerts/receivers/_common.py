"""What the receivers share: their contracts and options, one way to post, and the words of a notification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec
from pydantic import Field, SecretStr, field_validator

from lakescope.alerts.model import Alert, Notification, label_text
from lakescope.core.contracts import Finding, RefusedError, TransientError
from lakescope.core.examination import examine_certificates, examine_connection
from lakescope.core.http import http_client, judge_status, send
from lakescope.core.options import Options, Tls, check_url
from lakescope.core.printable import escape_unprintable

if TYPE_CHECKING:
    import httpx

LONGEST = 3000
"""Characters of a text in a chat; Slack cuts at 4000, Mattermost at 16383."""


class ReceiverOptions(Options):
    """Options of every receiver."""

    timeout_s: float = Field(default=10.0, gt=0)
    """Longest wait for an answer (seconds)."""


class Receiver(Protocol):
    """Whom notifications are sent to. One object is used by one thread at a time."""

    Options: ClassVar[type[ReceiverOptions]]
    keeps_state: ClassVar[bool]
    """Whether it must hear of an open alert again and again (event ``updated``), or takes it for ended."""

    def __init__(self, name: str, options: Any, data_dir: Any) -> None: ...

    def send(self, notifications: Sequence[Notification]) -> None:
        """Returns once all of them were taken. Raises `TransientError` (all are sent again, under the same keys) or
        `RefusedError` (they never will be); neither text has a secret in it."""

    def close(self) -> None:
        """Releases everything; called once."""


class Letter(NamedTuple):
    """Something to read that is no alert, such as a report, in each form that a receiver may take."""

    title: str
    """One line."""
    lines: Sequence[str]
    """What follows the title in a chat, as plain text; the most important first, since a chat's texts are cut."""
    document: Mapping[str, Any]
    """For programs, as JSON."""
    mail: EmailMessage
    """With its own Message-ID, without sender and recipients."""


class LetterReceiver(Receiver, Protocol):
    """A receiver that takes letters beside notifications."""

    recipients: Sequence[str]
    """Who gets a letter: addresses, or the receiver's own name where it is one place. Remembered one by one."""

    def send_letter(self, letter: Letter, recipients: Sequence[str]) -> Mapping[str, str]:
        """To some of its `recipients`. Returns recipient -> reason, of those who did not get it; all others have it.
        Raises as `send` when nobody has it."""


class HttpReceiverOptions(ReceiverOptions):
    """Options of every receiver that is posted to."""

    tls: Tls = Tls()
    """TLS towards the server."""
    proxy: str | None = Field(default=None, examples=["http://proxy.example.org:3128"])
    """Proxy through which the server is reached; those of the environment are not used."""

    @field_validator("proxy")
    @classmethod
    def _is_proxy(cls, url: str | None) -> str | None:
        if url is not None:
            check_url(url, ("http", "https"), "http://proxy.example.org:3128")
        return url

    @field_validator("url", check_fields=False)
    @classmethod
    def _is_url(cls, url: Any) -> Any:
        text = url.get_secret_value() if isinstance(url, SecretStr) else url
        check_url(
            text, ("http", "https"), "https://hooks.example.org/services/...", "the receiver's own options"
        )
        return url

    def client(self, **arguments: Any) -> httpx.Client:
        """A client with this TLS and proxy; arguments as of `http_client`."""
        return http_client(tls=self.tls, timeout_s=self.timeout_s, proxy=self.proxy, **arguments)


def post(client: httpx.Client, options: HttpReceiverOptions, url: SecretStr | str, document: Any) -> None:
    """One JSON document. Raises as `call`."""
    headers = {"content-type": "application/json"}
    call(client, options, "POST", url, content=msgspec.json.encode(document), headers=headers)


def call(
    client: httpx.Client, options: HttpReceiverOptions, method: str, url: SecretStr | str, **arguments: Any
) -> None:
    """One request. Raises `TransientError` or `RefusedError`, whose texts have no secret of `options` in them,
    nor the path of `url`: it may be a token."""
    address = url.get_secret_value() if isinstance(url, SecretStr) else url
    try:
        response = send(client, options.tls, method, address, **arguments)
        judge_status(response, good=range(200, 300))
    except TransientError as error:
        raise TransientError(_without_secrets(str(error), options, address)) from None
    except RefusedError as error:
        raise RefusedError(error.reason, _without_secrets(str(error), options, address)) from None


def _without_secrets(text: str, options: HttpReceiverOptions, url: str) -> str:
    """A server may quote what it was sent, or redirect to the same path elsewhere."""
    parts = urlsplit(url)
    secrets = [value.get_secret_value() for _, value in options if isinstance(value, SecretStr)]
    for secret in (*secrets, parts.path.rstrip("/"), parts.query, *parts.path.split("/")):
        if len(secret) > 5:
            text = text.replace(secret, "***")
    return text


def examine_address(url: SecretStr | str, options: HttpReceiverOptions) -> Iterator[Finding]:
    """Whether its server, or the proxy before it, can be reached by TLS: a post would notify people."""
    address = url.get_secret_value() if isinstance(url, SecretStr) else url
    parts = urlsplit(options.proxy or address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    finding = examine_connection(parts.hostname or "", port)
    if finding.level == "ok":
        if options.proxy is None:
            yield from examine_certificates([address], options.tls)
        way = " (the proxy)" if options.proxy else ""
        finding = Finding("ok", f"{finding.text}{way}; nothing was sent, as that would notify people")
    yield finding


# --- words --------------------------------------------------------------------------------------------------


def headline(notification: Notification) -> str:
    """One line: what happened, then the alert's summary."""
    alert = notification.alert
    mark = {
        "opened": alert.severity.upper(),
        "raised": f"RAISED TO {alert.severity.upper()}",
        "updated": alert.severity.upper(),
        "resolved": "RESOLVED",
        "escalated": f"NOT ACKNOWLEDGED, {alert.severity.upper()}",
        "reminded": f"STILL OPEN, {alert.severity.upper()}",
        "digest": "RESOLVED" if alert.ended is not None else alert.severity.upper(),
    }[notification.event]
    return f"[{mark}] {summary(alert)}"


def summary(alert: Alert) -> str:
    """The alert's summary, or its rule and labels where it has none; one line."""
    return one_line(alert.annotations.get("summary") or ", ".join([alert.rule, *_dimensions(alert)]))


def details(notification: Notification) -> Iterator[tuple[str, str]]:
    """Name and value of each fact beside the summary, in the order in which people read."""
    alert = notification.alert
    notes = alert.annotations
    yield from _given("Culprit", notes.get("culprit"))
    yield from _given("Where", ", ".join(_dimensions(alert)))
    yield "Since", utc(alert.began)
    yield from _given("Until", utc(alert.ended) if alert.ended is not None else None)
    yield from _given("Value", notes.get("value"))
    yield from _given("Data completeness", notes.get("completeness"))
    yield from _given("Downtime", notes.get("downtime"))
    yield from _given("Muted by", alert.muted_by)
    yield from _given("Acknowledged by", alert.acknowledged.by if alert.acknowledged else None)
    yield "Rule", f"{alert.rule} (owner: {alert.labels.get('owner', 'lake')})"
    yield from _given("Incident", alert.labels.get("incident"))


def links(alert: Alert) -> list[tuple[str, str]]:
    """Name and address of the alert's pages, where they are complete addresses."""
    page = "Incident (acknowledge)" if "incident" in alert.labels else "Dashboard"
    pages = (("Runbook", "runbook_url"), (page, "dashboard_url"), ("Acknowledge", "alert_url"))
    return [(name, url) for name, key in pages if is_address(url := alert.annotations.get(key, ""))]


def description(alert: Alert) -> str:
    """What it means and what to do first; empty where the rule does not say."""
    return printable(alert.annotations.get("description", "").strip())


def is_address(url: str) -> bool:
    """Whether `url` is one that a browser opens."""
    return url.startswith(("https://", "http://")) and url == "".join(url.split())


def utc(seconds: float) -> str:
    """``2026-01-05 12:00 UTC``."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def printable(text: str) -> str:
    """`text` as any receiver can take it: an error's text may hold control characters and halves of UTF-16 pairs."""
    return escape_unprintable(text).encode("utf-8", "replace").decode()


def one_line(text: str) -> str:
    """`text` as `printable`, without line breaks: in a list of facts a name with some would add facts of its own."""
    return printable(" ".join(text.split()))


def _given(name: str, value: str | None) -> Iterator[tuple[str, str]]:
    if value:
        yield name, one_line(value)


def _dimensions(alert: Alert) -> list[str]:
    return [f"{label_text(name)} {value}" for name, value in alert.places.items() if value]
