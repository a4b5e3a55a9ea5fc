"""Strangers' names made safe for every form, and what all forms say alike."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from lakescope.core.printable import escape_unprintable
from lakescope.reports.model import Cell, Report

UNKNOWN = "unknown"
ROWS = 25
"""Of a table that are shown; all of them are in its CSV and in the JSON."""
_ISOLATE, _END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


def readable(name: str) -> str:
    """A name on one line, without control characters; one that runs from right to left does not turn its neighbours."""
    text = escape_unprintable(" ".join(name.split()))
    is_turned = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)
    return f"{_ISOLATE}{text}{_END}" if is_turned else text


def cell_text(cell: str | Cell | None) -> str:
    """A cell of a table as text."""
    if cell is None:
        return UNKNOWN
    if isinstance(cell, str):
        return readable(cell.removesuffix("T00:00:00Z"))  # a day
    return cell.text


def range_text(report: Report) -> str:
    """``Mon 2026-11-16 00:00 to Mon 2026-11-23 00:00 UTC``."""
    since, until = (datetime.fromisoformat(text) for text in (report.period.since, report.period.until))
    return f"{since:%a %Y-%m-%d %H:%M} to {until:%a %Y-%m-%d %H:%M} {report.period.timezone}"
