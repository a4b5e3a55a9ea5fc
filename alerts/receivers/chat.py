"""Chats by incoming webhook: one JSON document ``{"text": ...}``, text only, links by name.

Slack's markup and Mattermost's Markdown differ in emphasis, links and what must be escaped; both forms are those of the
services' own documentation ("Formatting text for app surfaces"; "Incoming webhooks").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr

from lakescope.alerts.model import Notification
from lakescope.alerts.receivers._common import (
    LONGEST,
    HttpReceiverOptions,
    Letter,
    description,
    details,
    examine_address,
    headline,
    links,
    post,
)
from lakescope.core.contracts import Finding, Installation
from lakescope.core.messages import quote

DIGEST = 30
"""Alerts that a digest lists; the rest is a number."""


class SlackOptions(HttpReceiverOptions):
    """Options of the slack receiver."""

    url: SecretStr = Field(examples=["${SLACK_WEBHOOK}"])
    """Address of the incoming webhook. Whoever has it can post: it is a secret."""


class MattermostOptions(HttpReceiverOptions):
    """Options of the mattermost receiver."""

    url: SecretStr = Field(examples=["${MATTERMOST_WEBHOOK}"])
    """Address of the incoming webhook. Whoever has it can post: it is a secret."""
    channel: str | None = Field(default=None, examples=["lake-operations"])
    """Another channel than the webhook's own, where the server allows it."""
    username: str | None = Field(default=None, examples=["lakescope"])
    """The name it posts under, where the server allows it."""


class SlackReceiver:
    """Posts to a channel of Slack, or of another chat that takes Slack's form."""

    Options = SlackOptions
    keeps_state: ClassVar[bool] = False

    def __init__(self, name: str, options: SlackOptions, data_dir: Path) -> None:
        self.options = options
        self.recipients = (name,)
        self._client = options.client()

    @staticmethod
    def examine(options: SlackOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`."""
        return examine_address(options.url, options)

    def send(self, notifications: Sequence[Notification]) -> None:
        """One message."""
        post(self._client, self.options, self.options.url, {"text": slack_text(notifications)})

    def send_letter(self, letter: Letter, recipients: Sequence[str]) -> Mapping[str, str]:
        """One message."""
        post(self._client, self.options, self.options.url, {"text": _letter(letter, _slack, "*")})
        return {}

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()


class MattermostReceiver:
    """Posts to a channel of Mattermost."""

    Options = MattermostOptions
    keeps_state: ClassVar[bool] = False

    def __init__(self, name: str, options: MattermostOptions, data_dir: Path) -> None:
        self.options = options
        self.recipients = (name,)
        self._client = options.client()

    @staticmethod
    def examine(options: MattermostOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`."""
        return examine_address(options.url, options)

    def send(self, notifications: Sequence[Notification]) -> None:
        """One message."""
        self._post(mattermost_text(notifications))

    def send_letter(self, letter: Letter, recipients: Sequence[str]) -> Mapping[str, str]:
        """One message."""
        self._post(_letter(letter, _mattermost, "**"))
        return {}

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _post(self, text: str) -> None:
        own = {"channel": self.options.channel, "username": self.options.username}
        document = {"text": text} | {k: v for k, v in own.items() if v}
        post(self._client, self.options, self.options.url, document)


def slack_text(notifications: Sequence[Notification]) -> str:
    """In Slack's mrkdwn."""

    def link(name: str, url: str) -> str:
        return f"<{url.replace('|', '%7C').replace('>', '%3E')}|{name}>"

    return _text(notifications, _slack, "*", link)


def mattermost_text(notifications: Sequence[Notification]) -> str:
    """In Mattermost's Markdown."""

    def link(name: str, url: str) -> str:
        return f"[{name}]({url.replace('(', '%28').replace(')', '%29')})"

    return _text(notifications, _mattermost, "**", link)


def _slack(text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")  # no mention without <!...>
    return re.sub(r"(?<!\w)([*_~`])", "\u200b\\1", text)


def _mattermost(text: str) -> str:
    text = re.sub(r"([\\`*\[\]~|<>#]|(?<!\w)_|_(?!\w))", r"\\\1", text)
    return re.sub(r"@(?=\w)", "@\u200b", text)  # no mention: an error's text may have @all in it


def _letter(letter: Letter, plain: Callable[[str], str], bold: str) -> str:
    """Whole lines, as many as have room."""
    lines = [bold + plain(quote(letter.title, 500)) + bold]
    room = LONGEST
    for line in letter.lines:
        text = plain(quote(line, 500))
        room -= len(text) + 1
        if room < 0:
            return "\n".join([*lines, "…"])
        lines.append(text)
    return "\n".join(lines)


def _text(
    notifications: Sequence[Notification],
    plain: Callable[[str], str],
    bold: str,
    link: Callable[[str, str], str],
) -> str:
    if len(notifications) > 1:
        lines = [f"{bold}Alerts of the lake: {len(notifications)}{bold}"]
        lines += [f"• {plain(quote(headline(one), 300))}" for one in notifications[:DIGEST]]
        if len(notifications) > DIGEST:
            lines.append(f"and {len(notifications) - DIGEST} more")
        return "\n".join(lines)
    (notification,) = notifications
    lines = [bold + plain(quote(headline(notification), 500)) + bold]
    if notification.event != "resolved" and (text := description(notification.alert)):
        lines.append(plain(quote(text, LONGEST)))
    lines += [f"{name}: {plain(quote(value, 500))}" for name, value in details(notification)]
    if pages := links(notification.alert):
        lines.append(" | ".join(link(name, url) for name, url in pages))
    return "\n".join(lines)
