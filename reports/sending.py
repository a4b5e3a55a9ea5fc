"""Sends a report to receivers, and remembers who has it, so that a repeat reaches only those who do not.

At least once: whoever took it is remembered before the next receiver is tried, and only a kill between the two makes a
repeat, which has the same Message-ID or `key`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from lakescope.alerts.receivers._common import Letter, LetterReceiver, printable
from lakescope.core.contracts import RefusedError, TransientError
from lakescope.core.state_files import read, write
from lakescope.reports.forms.chat import chat_lines
from lakescope.reports.forms.layout import layout
from lakescope.reports.forms.mail import mail, message_id
from lakescope.reports.forms.pictures import draw
from lakescope.reports.forms.texts import readable
from lakescope.reports.model import Report
from lakescope.reports.period import PERIODS

Each = Literal["revision", "period"]
"""What everybody gets once: each revision, or one revision of each period."""


class Receipt(Struct, frozen=True, kw_only=True):
    """A recipient of a receiver took a revision of a report."""

    kind: str
    vo: str | None
    site: str | None = None
    period: str
    revision: int
    receiver: str
    recipient: str
    at: str
    """RFC 3339 in UTC."""

    def is_of(self, report: Report, each: Each) -> bool:
        """Whether it is of this report: of this revision, or of any."""
        mine = (self.kind, self.vo, self.site, self.period)
        is_same = mine == (report.kind, report.vo, report.site, report.period.name)
        return is_same and (each == "period" or self.revision == report.revision)


class Outcome(NamedTuple):
    """What became of a report at one receiver."""

    receiver: str
    sent: Sequence[str] = ()
    """Recipients who took it now."""
    faults: Sequence[str] = ()
    """Why others did not, without secrets; they are tried again the next time."""


class Dispatch:
    """A report on its way. `path`: file of the receipts of all reports; `draw`: makes the letter. Raises `RuntimeError` where the
    file is damaged, and for a period that is not over."""

    def __init__(
        self,
        report: Report,
        path: Path,
        each: Each = "revision",
        draw: Callable[[Report], Letter] = lambda report: letter_of(report),
    ) -> None:
        end = PERIODS[report.kind].parse(report.period.name).until
        if datetime.fromisoformat(report.computed) < end:  # whoever has it would not get the whole one
            raise RuntimeError(f"{report.period.name} is not over; send it after {end:%Y-%m-%d %H:%M} UTC")
        self.report = report
        self._path = path
        self._each: Each = each
        self._draw = draw
        self._receipts = read(path, list[Receipt], "sent reports", "reports may be sent again") or []

    def missing(self, name: str, receiver: LetterReceiver) -> list[str]:
        """Recipients of a receiver who do not have it yet."""
        receipts = [one for one in self._receipts if one.is_of(self.report, self._each)]
        own = {one.recipient for one in receipts if one.receiver == name}
        return [one for one in receiver.recipients if one not in own]

    def send(
        self,
        receivers: Mapping[str, LetterReceiver],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Iterator[Outcome]:
        """To whoever does not have it, one receiver after the other, whatever becomes of those before."""
        for name, receiver in receivers.items():
            recipients = self.missing(name, receiver)
            if not recipients:
                yield Outcome(name)
                continue
            letter = self._letter
            try:
                refusals = receiver.send_letter(letter, recipients)
            except (TransientError, RefusedError) as error:
                yield Outcome(name, faults=[str(error)])
                continue
            except Exception as error:  # noqa: BLE001 - a receiver of whatever package: the others go on
                yield Outcome(name, faults=[f"{type(error).__name__}: a bug of the receiver"])
                continue
            sent = [one for one in recipients if one not in refusals]
            self._note(name, sent, clock())
            yield Outcome(name, sent, [f"{to}: {reason}" for to, reason in refusals.items()])

    @cached_property
    def _letter(self) -> Letter:
        return self._draw(self.report)

    def _note(self, receiver: str, recipients: Sequence[str], at: datetime) -> None:
        report = self.report
        self._receipts += [
            Receipt(
                kind=report.kind,
                vo=report.vo,
                site=report.site,
                period=report.period.name,
                revision=report.revision,
                receiver=receiver,
                recipient=one,
                at=f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            )
            for one in recipients
        ]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write(self._path, msgspec.json.format(msgspec.json.encode(self._receipts), indent=1))


def letter_of(report: Report) -> Letter:
    """Its beginning for chats and programs, as report.txt has it; all of it as a mail. Needs the extra reports."""
    drawings = list(draw(report))
    lines = [printable(line) for line in chat_lines(report)]
    title = readable(report.title)
    return Letter(
        title, lines, _document(report, title, lines), mail(report, layout(report, drawings), drawings)
    )


def _document(report: Report, title: str, lines: Sequence[str]) -> dict[str, object]:
    fields = ("kind", "vo", "site", "period", "revision", "computed", "state")
    findings = [
        {"state": one.state, "text": printable(one.sentence.text), "action": printable(one.action)}
        for one in report.findings
    ]
    own = {name: getattr(report, name) for name in fields}
    texts = {"title": title, "text": "\n".join(lines), "findings": findings}
    return {"report": {"key": message_id(report).strip("<>"), **own, **texts}}
