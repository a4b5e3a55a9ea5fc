"""The state of the lake as one HTML page without scripts, in the style of Lakescope's pages; it needs no other file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from lakescope.dashboards.pages import page
from lakescope.kpis.units import DASH
from lakescope.reports.lake_status import Figure, LakeStatus, SiteStatus
from lakescope.reports.model import State

REFRESH_S = 300
_STYLE = Path(__file__).parent / "status_page.css"
_WORDS: dict[State, str] = {
    "good": "Healthy",
    "warning": "Degraded",
    "critical": "Critical",
    "no data": "No data",
}
_SHAPES: dict[State, str] = {
    "good": '<circle cx="8" cy="8" r="7"/><path class="mark" d="M4.6 8.3 7 10.7l4.4-5"/>',
    "warning": '<path d="M8 1 15.5 14.5H.5Z"/><path class="mark" d="M8 5.6v4.2M8 12v.6"/>',
    "critical": '<path d="M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5Z"/><path class="mark" d="m5.2 5.2 5.6 5.6m0-5.6-5.6 5.6"/>',
    "no data": '<circle class="empty" cx="8" cy="8" r="6.5"/><path class="dash" d="M5 8h6"/>',
}


def status_page(status: LakeStatus, title: str) -> str:
    """`title`: the community's name of the lake."""
    head = escape(title)
    generated = _time(status.generated)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta http-equiv="refresh" content="{REFRESH_S}">
<title>{_WORDS[status.state]}: {head}</title>
<style>{page.file("look.css")}{_STYLE.read_text()}</style>
</head>
<body>
<header class="frame top"><h1>{head}</h1><span class="muted push">Generated {generated} UTC</span></header>
<main class="frame">
<p class="panel verdict" data-state="{status.state}">{_icon(status.state)}<span>{escape(status.verdict)}</span></p>
{_section("figures", "Last 24 hours", _figures(status.figures))}
{_section("incidents", "Open incidents", _incidents(status))}
{_section("sites", "Sites, last 24 hours: transfer efficiency and probes that succeed", _sites(status.sites))}
{_section("days", "Last 7 days (UTC)", _days(status))}
</main>
<footer class="frame small muted"><p>Functional tests do not count. A day of which the data is incomplete may look
better or worse than it was. The same for programs: <a href="status.json">status.json</a></p></footer>
</body>
</html>
"""


def _section(name: str, title: str, content: str) -> str:
    return f'<section class="panel" aria-labelledby="h-{name}"><h2 id="h-{name}">{title}</h2>\n{content}</section>'


def _figures(figures: Sequence[Figure]) -> str:
    items = "".join(
        f"<div><dt>{escape(one.title)}</dt><dd>{_icon(one.state)} {escape(one.text)}</dd></div>"
        for one in figures
    )
    return f'<dl class="figures">{items}</dl>\n'


def _incidents(status: LakeStatus) -> str:
    if not status.incidents:
        return "<p>None.</p>\n"
    rows = [
        f'<th scope="row">{escape(one.place)}</th><td class="when">{_time(one.began)}</td>'
        for one in status.incidents
    ]
    return _table(("Place of the failures", "Since (UTC)"), rows)


def _sites(sites: Sequence[SiteStatus]) -> str:
    if not sites:
        return "<p>No site was reported.</p>\n"
    rows = [
        f'<th scope="row">{escape(one.name)}</th><td><span class="when">{_icon(one.state)} {_WORDS[one.state]}</span>'
        f"{'<br>in downtime' if one.is_in_downtime else ''}</td>"
        + "".join(_number(text) for text in (one.as_source, one.as_destination, one.probes))
        for one in sites
    ]
    heads = ("Site", "State", "As source", "As destination", "Probes")
    return _table(heads, rows, numbers=range(2, 5))


def _days(status: LakeStatus) -> str:
    greatest = max((one.volume_bytes for one in status.days), default=0) or 1
    rows = [
        f'<th scope="row" class="when">{one.date}</th><td class="when">{_icon(one.state)} {escape(one.efficiency_text)}</td>'
        f'{_number(one.volume_text)}<td class="wide"><span class="bar" style="width: {100 * one.volume_bytes / greatest:.1f}%">'
        "</span></td>"
        for one in status.days
    ]
    completeness = status.completeness
    words = f"<p>{completeness.title}: {_icon(completeness.state)} {escape(completeness.text)}</p>\n"
    return words + _table(("Day", "Transfer efficiency", "Volume", ""), rows, numbers=range(2, 3), hidden=3)


def _table(
    heads: Sequence[str], rows: Iterable[str], numbers: Iterable[int] = (), hidden: int | None = None
) -> str:
    """Rows are HTML."""
    numbers = set(numbers)
    head = "".join(
        '<td class="wide"></td>'
        if place == hidden
        else f'<th scope="col"{" class=num" if place in numbers else ""}>{text}</th>'
        for place, text in enumerate(heads)
    )
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>\n"


def _number(text: str | None) -> str:
    return f'<td class="num">{escape(text or DASH)}</td>'


def _icon(state: State | None) -> str:
    if state is None:
        return ""
    return f'<svg class="{state.replace(" ", "-")}" viewBox="0 0 16 16" aria-hidden="true">{_SHAPES[state]}</svg>'


def _time(time: str) -> str:
    return escape(time[:16].replace("T", " "))
