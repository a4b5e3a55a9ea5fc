"""The runbooks of alerts as pages: ``/runbooks`` and ``/runbooks/{name}``, made of docs/runbooks, which the package has."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import Path

from fastapi import APIRouter, Request, Response

from lakescope.alerts.options import AlertOptions
from lakescope.app.web.pages import cached_response
from lakescope.app.web.viewing import Viewed
from lakescope.dashboards.pages import page

FOLDER = Path(__file__).parents[2] / "runbooks"
_OWN = re.compile(r"[a-z0-9_]+\.md")
"""A link from one runbook to another."""
_MISSING = (
    "<p>No such runbook: a rule of a site's own has its runbook where its <code>runbook_url</code> says.</p>"
)


def router() -> APIRouter:
    """Pages; what they link to outside the runbooks is where `[alerts] runbooks` says."""
    router = APIRouter(prefix="/runbooks", include_in_schema=False)

    @router.get("")
    def index(request: Request) -> Response:
        items = "".join(
            f'<li><a href="runbooks/{name}">{escape(_title(name))}</a></li>'
            for name in sorted(names(), key=_title)
        )
        content = f'<ul class="list">{items}</ul>'
        return cached_response(request, page.html("runbook", "dashboards/", content), "text/html")

    @router.get("/{name}")
    def runbook(request: Request, view: Viewed, name: str) -> Response:
        if name in names():
            content, status = (
                f'<article class="prose panel">{rendered(name, view.alert_options)}</article>',
                200,
            )
        else:
            content, status = _MISSING, 404
        content = f'<p><a href="../runbooks">← All runbooks</a></p>{content}'
        html = page.html("runbook", "../dashboards/", content)
        return cached_response(request, html, "text/html", status=status)

    return router


@cache
def names() -> tuple[str, ...]:
    """Of the runbooks, in order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.md")))


def rendered(name: str, options: AlertOptions) -> str:
    """A runbook as HTML. HTML in its text is shown as text; a link that leads nowhere here is its words alone."""
    from markdown_it import MarkdownIt  # a start without runbooks is spared it

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse((FOLDER / f"{name}.md").read_text())
    for token in tokens:
        children, token.children = token.children or [], []
        is_link = True
        for child in children:
            if child.type == "link_open":
                address = _address(str(child.attrs["href"]), options)
                is_link = address is not None
                child.attrs["href"] = address or ""
            if is_link or child.type not in ("link_open", "link_close"):
                token.children.append(child)
    html: str = markdown.renderer.render(tokens, markdown.options, {})
    return html


def _address(href: str, options: AlertOptions) -> str | None:
    if _OWN.fullmatch(href):
        return href.removesuffix(".md")
    if href.startswith("../"):
        return options.runbooks and f"{options.runbooks}/docs/{href.removeprefix('../')}"
    return href


@cache
def _title(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text().partition("\n")[0].removeprefix("# ")
