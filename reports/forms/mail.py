"""A report as a mail (RFC 5322): plain text, HTML and its pictures. The same report gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, cast

from lakescope.reports.forms.html import html
from lakescope.reports.forms.markdown import plain_text
from lakescope.reports.forms.pictures import Drawing
from lakescope.reports.forms.texts import readable
from lakescope.reports.model import Report
from lakescope.reports.place import ALL, folder_name

DOMAIN = "reports.lakescope"
"""Of ids: no host's name."""


def mail(report: Report, layout: Mapping[str, Any], drawings: Sequence[tuple[str, Drawing]]) -> EmailMessage:
    """Without sender and recipients, which whoever sends it adds. A revision keeps its ``Message-ID`` however often it
    is sent; a later one of the same report answers it."""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = readable(report.title)
    message["Date"] = format_datetime(datetime.fromisoformat(report.computed))
    message["Message-ID"] = message_id(report)
    if report.revision > 1:
        message["In-Reply-To"] = message["References"] = message_id(report, revision=1)
    message["X-Unsent"] = "1"  # mail programs open it as a draft
    message.set_content(plain_text(report), cte="quoted-printable")
    content_ids = {one.name: f"{one.name}@{DOMAIN}" for _, one in drawings}
    text = html(layout, {name: f"cid:{id}" for name, id in content_ids.items()})
    message.add_alternative(text, subtype="html", cte="quoted-printable")
    page = cast(list[EmailMessage], message.get_payload())[1]
    for _, one in drawings:
        page.add_related(
            one.png, "image", "png", cid=f"<{content_ids[one.name]}>", filename=f"{one.name}.png"
        )
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_lakescope_{number}_=")  # quoted-printable never has =_
    return message


def message_id(report: Report, revision: int | None = None) -> str:
    """Stable, and another one for each kind, site, VO, period and revision."""
    # dots are between the parts alone, and never two of them: RFC 5322's dot-atom
    site, vo = (
        "" if name is None else folder_name(name).replace(".", "%2E") for name in (report.site, report.vo)
    )
    parts = [report.kind, *([site] if site else []), vo or ALL, report.period.name]
    return f"<{'.'.join(parts)}.{revision or report.revision}@{DOMAIN}>"
