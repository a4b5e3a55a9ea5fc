"""The archive of reports as pages: ``/reports``, each revision with its forms and with what differs from another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Response

from lakescope.app.web.markup import html_of, icon, minute
from lakescope.app.web.pages import SECURITY
from lakescope.app.web.viewing import Viewed
from lakescope.core.extras import MissingExtraError
from lakescope.dashboards.pages import page
from lakescope.reports.archive import Entry
from lakescope.reports.differences import differences
from lakescope.reports.model import Change, Report, State
from lakescope.reports.place import Place
from lakescope.reports.writing import Form, form

CHANGES_MAX = 1000
"""Rows of a page; all of them are in the JSON of the revision."""
DOCUMENT_SECURITY = SECURITY | {
    # its styles are in the document itself, as mail clients want them: so it can do nothing else, not even as our origin
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'; sandbox"
}
_TYPES: dict[Form, tuple[str, str]] = {
    "report.html": ("text/html", "Open the report"),
    "report.pdf": ("application/pdf", "PDF"),
    "report.json": ("application/json", "JSON"),
    "tables.zip": ("application/zip", "Tables (CSV)"),
    "report.md": ("text/markdown; charset=utf-8", "Markdown"),
}
_ICONS = {"good": "good", "warning": "warning", "critical": "critical"}
_NONE = (
    "<p>No report has been kept yet. <code>lakescope report weekly --keep --out DIR</code> keeps that of the last week that"
    " is over; <code>daily</code> and <code>site SITE</code> do the same, and so does a schedule: <code>at</code> of"
    " <code>[reports.NAME]</code>.</p>"
)


def router() -> APIRouter:
    """Pages over the archive below `data_dir`, which whoever keeps a report writes beside the running instance."""
    router = APIRouter(prefix="/reports", include_in_schema=False)

    @router.get("")
    def index(view: Viewed) -> Response:
        listing = view.archive.listing()
        faults = "".join(f"<p>{html_of(view.brief(fault))}</p>" for fault in listing.faults)
        if faults:
            heading = f"<h2>{icon('warning')} Files that cannot be read</h2>"
            faults = (
                f'<section class="panel" aria-label="Files that cannot be read">{heading}{faults}</section>'
            )
        table = _list(listing.entries) if listing.entries else _NONE
        return _response(_page("dashboards/", f"{faults}{table}"))

    @router.get("/{kind}/{vo}/{period}/{revision}")
    def revision(
        view: Viewed, kind: str, vo: str, period: str, revision: int, against: int | None = None
    ) -> Response:
        place, archive = Place(kind, vo, period), view.archive
        try:
            report = archive.read(place, revision)
            revisions = archive.revisions(place)
            other = against or max((one for one in revisions if one < revision), default=None)
            before = None if other is None else archive.read(place, other)
            content, status = _report(report, revisions, before), 200
        except (LookupError, RuntimeError) as error:
            content = f'<p role="alert">{html_of(view.brief(str(error)))}</p>'
            status = 404 if isinstance(error, LookupError) else 503
        back = '<p><a href="../../../../reports">\N{LEFTWARDS ARROW} All reports</a></p>'
        html = _page("../../../../dashboards/", back + content)
        return _response(html, status)

    @router.get("/{kind}/{vo}/{period}/{revision}/{name}")
    def document(view: Viewed, kind: str, vo: str, period: str, revision: int, name: str) -> Response:
        if name not in _TYPES:
            raise HTTPException(404, f"no form {name[:40]!r}: expected one of {', '.join(get_args(Form))}")
        try:
            content = form(view.archive.read(Place(kind, vo, period), revision), name)
        except LookupError as error:
            raise HTTPException(404, str(error)) from error
        except MissingExtraError as error:
            raise HTTPException(501, f"{name}: {error}: {error.remedy}") from error
        except RuntimeError as error:
            raise HTTPException(503, view.brief(str(error))) from error
        own = f"lakescope-{kind}-{vo}-{period}-{revision}-{name}"  # safe: the archive has these folders
        place = "inline" if name == "report.html" else "attachment"
        headers = DOCUMENT_SECURITY | {"content-disposition": f'{place}; filename="{own}"'}
        return Response(content, 200, headers, media_type=_TYPES[name][0])

    return router


def _response(html: str, status: int = 200) -> Response:
    return Response(html, status, SECURITY | {"cache-control": "no-cache"}, media_type="text/html")


def _page(to_dashboards: str, content: str) -> str:
    return page.html("report", to_dashboards, f'<div class="report story">{content}</div>')


def _list(entries: Sequence[Entry]) -> str:
    rows = [
        (
            _text(_kind(one)),
            _text(one.vo or "all VOs"),
            f'<th scope="row"><a href="reports/{_address(one)}">{html_of(one.period.name)}</a></th>',
            f'<td class="num">{one.revision}</td>',
            _state(one.state),
            _text(minute(one.computed)),
        )
        for one in entries
    ]
    return _table(
        "list",
        "Reports",
        ("kind", "VO", "period", "revision", "state", "computed (UTC)"),
        rows,
        is_titled=False,
    )


def _report(report: Report, revisions: Sequence[int], before: Report | None) -> str:
    base = str(report.revision)
    forms = "".join(f'<li><a href="{base}/{name}">{title}</a></li>' for name, (_, title) in _TYPES.items())
    facts = {
        "Period": html_of(
            f"{report.period.name}: {minute(report.period.since)} to {minute(report.period.until)} UTC"
        ),
        "Revision": f"{report.revision} of {revisions[-1]}",
        "Computed": html_of(f"{minute(report.computed)} UTC"),
        "Other revisions": ", ".join(
            f'<a href="{one}">{one}</a>' for one in revisions if one != report.revision
        ),
    }
    items = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items() if value)
    level = _ICONS.get(report.state)
    summary = " ".join(sentence.text for sentence in report.summary)
    return (
        f"<h1>{html_of(report.title)}</h1>"
        f'<p class="verdict"{_level(report.state)}>{icon(level)}<span>{html_of(summary)}</span></p>'
        f'<section class="panel" aria-label="The report"><ul class="forms">{forms}</ul><dl>{items}</dl></section>'
        f"{_changes(report, revisions, before)}"
    )


def _changes(report: Report, revisions: Sequence[int], before: Report | None) -> str:
    if before is None:
        return ""
    changes = differences(before, report)
    others = [one for one in revisions if one not in (report.revision, before.revision)]
    links = ", ".join(f'<a href="{report.revision}?against={one}">{one}</a>' for one in others)
    more = f'<p class="muted">Compare with revision {links}.</p>' if links else ""
    if left_out := len(changes) - CHANGES_MAX:
        more += f'<p class="muted">{left_out} more are not listed here.</p>' if left_out > 0 else ""
    title = f"What changed from revision {before.revision} to {report.revision}"
    if not changes:
        return f'<section class="panel"><h2>{title}</h2><p>No number and no sentence differs.</p>{more}</section>'
    rows = [_row(one) for one in changes[:CHANGES_MAX]]
    heads = ("section", "number or sentence", f"revision {before.revision}", f"revision {report.revision}")
    return _table("changes", title, heads, rows, more)


def _row(change: Change) -> tuple[str, ...]:
    old, new = (_value(text) for text in (change.old, change.new))
    if change.old == change.new:  # less than people see
        old, new = (_value(f"{value:.12g}") for value in (change.old_value or 0, change.new_value or 0))
    return (_text(change.section), f'<th scope="row" class="wrap">{html_of(change.label)}</th>', old, new)


def _value(text: str | None) -> str:
    return f"<td>{'<span class=muted>not there</span>' if text is None else html_of(text)}</td>"


def _table(
    name: str,
    title: str,
    heads: Iterable[str],
    rows: Iterable[Sequence[str]],
    more: str = "",
    *,
    is_titled: bool = True,
) -> str:
    """Cells are HTML."""
    head = "".join(
        f'<th scope="col"{" class=num" if text == "revision" else ""}>{html_of(text)}</th>' for text in heads
    )
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    heading = f'<h2 id="h-{name}"{"" if is_titled else " class=sr"}>{html_of(title)}</h2>'
    return (
        f'<section class="panel" aria-labelledby="h-{name}">{heading}{more}'
        f'<div class="scroll free" tabindex="0" role="region" aria-labelledby="h-{name}">'
        f'<table class="events"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>'
    )


def _text(text: str) -> str:
    return f"<td>{html_of(text)}</td>"


def _state(state: State) -> str:
    return f'<td class="state"{_level(state)}>{icon(_ICONS.get(state))} {html_of(state)}</td>'


def _level(state: State) -> str:
    return f' data-level="{_ICONS[state]}"' if state in _ICONS else ""


def _kind(entry: Entry) -> str:
    return entry.kind if entry.site is None else f"{entry.kind} {entry.site}"


def _address(entry: Entry) -> str:
    """Folders' names have percent signs of their own."""
    return "/".join(quote(part, safe="") for part in (*Place.of_report(entry), str(entry.revision)))
