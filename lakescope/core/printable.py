"""Texts as people and programs read them: strangers' made safe for a terminal and a spreadsheet, and times."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""What moves a cursor, colours, or turns the direction of writing: all but tab and newline (ECMA-48; Unicode's Bidi_Control)."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula, or strips before one (OWASP, "CSV Injection")."""


def escape_unprintable(text: str) -> str:
    """`text` with its control characters written out as JSON does, so that JSON stays JSON."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def spreadsheet_cell(value: object) -> object:
    """`value` for a CSV file: a text that would be a formula gets a quote before it; a number stays one."""
    if not isinstance(value, str) or not value.startswith(_FORMULA):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def rfc3339(seconds: float) -> str:
    """POSIX seconds as ``2026-01-05T12:00:00Z``."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
