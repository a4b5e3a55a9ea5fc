"""A mail server (aiosmtpd, from PyPI) in this process, on a free loopback port: what it takes stays in memory."""

from __future__ import annotations

import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from ._process import HOST, free_port


class MailServer:
    """Listens for the time of the block.

    `tls`: for STARTTLS, which is then demanded, or with `implicit` from the first byte; on localhost. `login`: user and
    password, without which nothing is taken. `answer` is the status of the next mails, when it is not taken; `refusals` those
    of addresses, as receivers of a mail.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.login = login
        self.mails: list[EmailMessage] = []
        self.receivers: list[str] = []
        self.answer: str | None = None
        self.refusals: dict[str, str] = {}
        self.port = free_port()
        self.host = "localhost" if tls else HOST
        starttls = {"tls_context": tls, "require_starttls": True} if tls and not implicit else {}
        self._controller = Controller(
            self,
            hostname=HOST,
            port=self.port,
            ssl_context=tls if implicit else None,
            authenticator=self._check if login else None,
            auth_required=login is not None,
            auth_require_tls=tls is not None and not implicit,
            **starttls,
        )

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """One receiver of a mail."""
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 taken"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """One mail."""
        if self.answer is not None:
            return self.answer
        mail = message_from_bytes(envelope.content or b"", policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.receivers += envelope.rcpt_tos
        return "250 taken"

    def _check(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        assert self.login is not None
        is_right = (data.login.decode(), data.password.decode()) == self.login
        return AuthResult(success=is_right, handled=False)
