"""Mail by SMTP, text and simple HTML.

A notification's `Message-ID` is made of its key, so that a mail that comes twice is recognised; what follows an opening refers
to it (`References`, `In-Reply-To`), so that mail programs show one thread an alert (RFC 5322, 3.6.4).
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, SecretStr, field_validator

from lakescope.alerts.model import Notification
from lakescope.alerts.receivers._common import (
    Letter,
    ReceiverOptions,
    description,
    details,
    headline,
    links,
)
from lakescope.core.contracts import Finding, Installation, RefusedError, TransientError
from lakescope.core.examination import examine_certificates, examine_shown_certificate
from lakescope.core.messages import quote
from lakescope.core.options import Tls

PORTS = {"starttls": 587, "tls": 465, "none": 25}


class MailOptions(ReceiverOptions):
    """Options of the mail receiver."""

    host: str = Field(min_length=1, examples=["smtp.example.org"])
    """Mail server."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """starttls: encrypted after the greeting, and nothing is sent if the server cannot; tls: encrypted from the start;
    none: in clear text, for a relay on this machine."""
    port: int | None = Field(default=None, ge=1, le=65535, examples=[587])
    """Its port; without it 587 for starttls, 465 for tls, 25 for none."""
    username: str | None = Field(default=None, examples=["lakescope"])
    """User of the server's login."""
    password: SecretStr | None = Field(default=None, examples=["${SMTP_PASSWORD}"])
    """Its password."""
    sender: str = Field(examples=["lakescope@example.org"])
    """Address that mails come from; its domain ends the Message-IDs."""
    to: list[str] = Field(min_length=1, examples=[["lake-operations@example.org"]])
    """Addresses of the receivers. All are in one mail."""
    tls: Tls = Tls()
    """TLS towards the server."""

    @field_validator("sender", "to")
    @classmethod
    def _are_addresses(cls, value: str | list[str]) -> str | list[str]:
        for text in [value] if isinstance(value, str) else value:
            try:
                is_complete = bool(Address(addr_spec=text).domain) and text.isascii()
            except (ValueError, IndexError):  # the parser's own, of what it cannot take apart
                is_complete = False
            if not is_complete:
                raise ValueError("expected a mail address such as lake-operations@example.org")
        return value


class MailReceiver:
    """Sends mails through one server, in one session a batch."""

    Options = MailOptions
    keeps_state: ClassVar[bool] = False

    def __init__(self, name: str, options: MailOptions, data_dir: Path) -> None:
        self.options = options
        self.recipients = options.to
        self._context = options.tls.context()

    @staticmethod
    def examine(options: MailOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`: logs in, and names sender and receivers without a mail."""
        port = options.port or PORTS[options.security]
        if options.security == "tls":
            yield from examine_certificates([f"https://{options.host}:{port}"], options.tls)
        receiver = MailReceiver(installation.name, options, installation.data_dir)
        try:
            with receiver._session() as server:
                if options.security == "starttls" and isinstance(server.sock, ssl.SSLSocket):
                    yield from examine_shown_certificate(server.sock, options.host)
                answers = [(options.sender, server.mail(options.sender))]
                answers += [(to, server.rcpt(to)) for to in options.to]
                server.rset()
        except (OSError, smtplib.SMTPException) as error:
            yield Finding(
                "error", receiver._explain(error), "correct `host`, `port`, `security` or the login"
            )
            return
        for address, (code, text) in answers:
            if code not in (250, 251):
                fault = f"{address} is refused: {receiver._answer(code, text)}"
                yield Finding(
                    "error", fault, "correct `sender` and `to`, or let the server relay for this machine"
                )
        yield Finding("ok", f"{options.host}:{port}: connected; no mail was sent")

    def send(self, notifications: Sequence[Notification]) -> None:
        """A digest's notifications as one mail, all others as one each."""
        listed = [one for one in notifications if one.event == "digest"]
        mails = [message([one], self.options) for one in notifications if one.event != "digest"]
        mails += [message(listed, self.options)] if listed else []
        try:
            with self._session() as server:
                for mail in mails:
                    self._deliver(server, mail)
        except (OSError, smtplib.SMTPException) as error:
            raise TransientError(self._explain(error)) from None

    def send_letter(self, letter: Letter, recipients: Sequence[str]) -> Mapping[str, str]:
        """One mail, the same for all of `to`, whoever gets it now."""
        try:
            with self._session() as server:
                refusals = self._deliver(server, addressed(letter.mail, self.options), recipients)
        except smtplib.SMTPRecipientsRefused as error:
            # a server that hangs up in the middle (421) has answered for some only
            refusals = {to: error.recipients.get(to, (421, b"not asked")) for to in recipients}
        except (OSError, smtplib.SMTPException) as error:
            raise TransientError(self._explain(error)) from None
        return {to: self._answer(code, reason) for to, (code, reason) in refusals.items()}

    def close(self) -> None:
        """A session ends with its batch."""

    def _session(self) -> smtplib.SMTP:
        options = self.options
        port = options.port or PORTS[options.security]
        server: smtplib.SMTP
        if options.security == "tls":
            server = smtplib.SMTP_SSL(options.host, port, timeout=options.timeout_s, context=self._context)
        else:
            server = smtplib.SMTP(options.host, port, timeout=options.timeout_s)
        try:
            if options.security == "starttls":
                server.starttls(context=self._context)
            if options.username is not None and options.password is not None:
                server.login(options.username, options.password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server

    def _deliver(
        self, server: smtplib.SMTP, mail: EmailMessage, recipients: Sequence[str] | None = None
    ) -> Mapping[str, tuple[int, bytes]]:
        """To some of those whom the mail names, else to all. Who was refused: a mail that some of several get counts as sent,
        since a repeat would come twice to those."""
        try:
            return server.send_message(mail, to_addrs=recipients)
        except smtplib.SMTPDataError as error:
            if 500 <= error.smtp_code < 600:
                raise RefusedError("refused", self._explain(error)) from None
            raise

    @property
    def _where(self) -> str:
        return f"mail server {self.options.host}:{self.options.port or PORTS[self.options.security]}"

    def _answer(self, code: int, text: bytes | str) -> str:
        return f"{self._where}: answered {code}: {quote(_decoded(text))}"

    def _explain(self, error: Exception) -> str:
        if isinstance(error, smtplib.SMTPAuthenticationError):
            text = f"login refused ({error.smtp_code}); correct `username` and `password`"
        elif isinstance(error, smtplib.SMTPNotSupportedError) and self.options.security == "starttls":
            text = 'the server has no STARTTLS or no login; try security = "tls"'
        elif isinstance(error, smtplib.SMTPResponseException):
            return self._answer(error.smtp_code, error.smtp_error)
        elif isinstance(error, smtplib.SMTPRecipientsRefused):
            reasons = "; ".join(
                f"{to}: {code} {_decoded(reason)}" for to, (code, reason) in error.recipients.items()
            )
            text = f"no receiver of the mail was taken: {quote(reasons)}"
        elif isinstance(error, ssl.SSLError):
            text = self.options.tls.explain(f"TLS failed: {error}")
        else:
            text = f"{type(error).__name__}: {quote(str(error))}"
        return f"{self._where}: {text}"


def addressed(letter: EmailMessage, options: MailOptions) -> EmailMessage:
    """The letter with its sender and receivers; `letter` itself stays as it is."""
    mail = deepcopy(letter)
    del mail["X-Unsent"]
    _address(mail, options)
    return mail


def message(notifications: Sequence[Notification], options: MailOptions) -> EmailMessage:
    """One mail: of one notification, or of a digest's."""
    first = notifications[0]
    domain = options.sender.rpartition("@")[2]
    mail = EmailMessage()
    _address(mail, options)
    mail["Date"] = format_datetime(datetime.fromtimestamp(first.at, UTC))
    if first.event == "digest":
        mail["Subject"] = (
            f"Lakescope digest: {len(notifications)} alert{'s' if len(notifications) > 1 else ''}"
        )
        mail["Message-ID"] = f"<digest-{round(first.at)}-{first.alert.key}@{domain}>"
    else:
        mail["Subject"] = quote(headline(first), 250)
        mail["Message-ID"] = f"<{first.key}@{domain}>"
        if first.event != "opened":
            opening = f"<{first.alert.key}-opened@{domain}>"
            mail["References"] = opening
            mail["In-Reply-To"] = opening
    mail.set_content("\n\n".join(map(_text, notifications)))
    body = "<hr>".join(map(_html, notifications))
    mail.add_alternative(f"<!DOCTYPE html><html><body>{body}</body></html>", subtype="html")
    return mail


def _address(mail: EmailMessage, options: MailOptions) -> None:
    mail["From"] = f"Lakescope <{options.sender}>"
    mail["To"] = ", ".join(options.to)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers


def _text(notification: Notification) -> str:
    parts = [headline(notification), description(notification.alert)]
    parts.append("\n".join(f"{name}: {value}" for name, value in details(notification)))
    parts.append("\n".join(f"{name}: {url}" for name, url in links(notification.alert)))
    return "\n\n".join(filter(None, parts))


def _html(notification: Notification) -> str:
    rows = "".join(
        f'<tr><td style="color:#555;padding-right:1em">{name}</td><td>{escape(value)}</td></tr>'
        for name, value in details(notification)
    )
    text = escape(description(notification.alert)).replace("\n", "<br>")
    pages = " &middot; ".join(
        f'<a href="{escape(url)}">{name}</a>' for name, url in links(notification.alert)
    )
    return f"<h3>{escape(headline(notification))}</h3><p>{text}</p><table>{rows}</table><p>{pages}</p>"


def _decoded(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text
