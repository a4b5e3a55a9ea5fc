"""Where a report belongs: names of what it is of, safe in folders, addresses and ids, and different for different reports."""

from __future__ import annotations

import hashlib
from typing import NamedTuple
from urllib.parse import quote

from lakescope.reports.model import Heading, KindName

ALL = "all"
"""Folder of what is of all VOs; that of a VO of this name is another."""
_NAME_MAX = 120
"""Characters of a folder's name; file systems take 255 bytes."""


class Place(NamedTuple):
    """Of the revisions of one report: names of folders, which are safe in addresses, too."""

    kind: str
    """That of a site's report has the site in it: ``site.CERN-PROD``."""
    vo: str
    period: str

    @classmethod
    def of(cls, kind: KindName, vo: str | None, period: str, site: str | None = None) -> Place:
        """Of a report by what it is of."""
        name = kind if site is None else f"{kind}.{folder_name(site)}"
        return cls(name, ALL if vo is None else folder_name(vo), period)

    @classmethod
    def of_report(cls, report: Heading) -> Place:
        """Where a report belongs."""
        return cls.of(report.kind, report.vo, report.period.name, report.site)


def folder_name(name: str) -> str:
    """A VO or site as the name of one folder: ASCII, no separator, no dot in front, not too long; different for each."""
    text = quote(name, safe="").replace(".", "%2E") if name.startswith(".") else quote(name, safe="")
    if name == ALL:
        text = "%61ll"
    if len(text) <= _NAME_MAX:
        return text
    return f"{text[: _NAME_MAX - 20]}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"
