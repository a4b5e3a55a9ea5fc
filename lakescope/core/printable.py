"""Texts as people and programs read them: strangers' made safe for a terminal and a spreadsheet, and times."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
)
"""What moves a cursor, colours, turns the direction of writing, or is there without being seen, so that two names look alike: all
but tab and newline (ECMA-48; Unicode's Bidi_Control and, without variation selectors, Default_Ignorable_Code_Point)."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula, or strips before one (OWASP, "CSV Injection")."""


def escape_unprintable(text: str) -> str:
    """`text` with its control characters written out as JSON does, so that JSON stays JSON."""
    return _CONTROL.sub(_written_out, text)


def _written_out(match: re.Match[str]) -> str:
    """In UTF-16, as JSON does."""
    units = match[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


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
