"""Pieces of the pages that the server writes: titled parts, tables, icons, times."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from lakescope.core.printable import escape_unprintable


def html_of(text: str) -> str:
    """A text, whoever wrote it; control characters and what cannot be seen are written out."""
    return escape(escape_unprintable(text))


def part(name: str, title: str, content: str) -> str:
    """A titled part of a page; `content` is HTML."""
    return f'<section class="panel" aria-labelledby="h-{name}"><h2 id="h-{name}">{html_of(title)}</h2>{content}</section>'


def table(name: str, heads: Iterable[str], rows: Iterable[str]) -> str:
    """The table of the part `name`; the cells of a row are HTML."""
    head = "".join(f'<th scope="col">{html_of(text)}</th>' for text in heads)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div class="scroll free" tabindex="0" role="region" aria-labelledby="h-{name}">'
        f'<table class="events"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def icon(level: str | None) -> str:
    """Of a level such as good or warning; nothing without one."""
    return f'<svg class="icon" aria-hidden="true"><use href="#i-{level}"/></svg>' if level else ""


def minute(time: str) -> str:
    """Of a time as RFC 3339, for people to read; no HTML yet."""
    return time[:16].replace("T", " ")
