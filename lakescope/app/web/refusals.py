"""Refusals, as whoever asked reads them: a page for a browser that opens one, JSON for everybody else.

Starlette's and FastAPI's own refusals (an unknown path, a parameter that is none) become pages by `answer_refused`, the
gate's by `refuse`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from lakescope.app.viewer import Viewer
from lakescope.app.web.markup import html_of

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
}
"""Of pages that are as small as the login."""
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{up}look.css">
<script src="{up}look.js"></script>
</head>
<body><main class="login">
{content}</main></body></html>
"""
_TITLES = {
    401: "You are not logged in",
    403: "You may not see this",
    404: "There is no such page",
    429: "Too many requests",
    503: "Not available now",
}
_REMEDIES = {
    429: "Wait, and load the page again.",
    503: "Load the page again later; Lakescope's log has more.",
}
"""Where the refusal itself may not say it."""


def small_page(up: str, content: str, title: str = "Lakescope") -> str:
    """A page without navigation, as the login is: `content` is HTML, `up` leads from its address to the root."""
    return _PAGE.format(up=up, content=content, title=html_of(title))


def up_of(request: Request) -> str:
    """From the address of a request to the root."""
    path: str = request.scope["path"]
    return "../" * (path.count("/") - 1)


def is_page(request: Request) -> bool:
    """Whether a browser wants to show what it asks for. An address of the API is answered as the API does."""
    wants = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    return wants and not request.scope["path"].startswith("/api/")


def refuse(
    request: Request,
    status: int,
    detail: object,
    headers: Mapping[str, str] | None = None,
    remedy: str = "",
) -> Response:
    """The answer that says why not. `detail`: one text, or FastAPI's list of what is wrong; `remedy`: a sentence for the page."""
    if not is_page(request):
        # ASCII: a text may have half of a character
        content = json.dumps({"detail": detail}, allow_nan=False)
        return Response(content, status, headers, media_type="application/json")
    title = _TITLES.get(status, HTTPStatus(status).phrase)
    lines = [f"<h1>{html_of(title)}</h1>", f'<p role="alert">{html_of(_sentence(request, detail))}</p>']
    if remedy := remedy or _REMEDIES.get(status, ""):
        lines.append(f"<p>{html_of(remedy)}</p>")
    viewer: Viewer | None = getattr(request.state, "viewer", None)
    has_login = getattr(request.state, "has_login", False)
    if has_login:
        lines.append(f'<p class="muted">{html_of(_who(viewer))}</p>')
    up = up_of(request)
    lines.append(f'<a class="button" href="{up or "./"}">Lakescope</a>')
    if has_login:
        target = quote(request.scope["path"].lstrip("/"), safe="")
        text = "Log in as somebody else" if viewer else "Log in"
        lines.append(f'<a class="button" href="{up}login?next={target}">{text}</a>')
    content = "".join(f"  {line}\n" for line in lines)
    html = small_page(up, content, f"{title} · Lakescope")
    return HTMLResponse(html.encode("utf-8", "replace"), status, {**HEADERS, **(headers or {})})


def answer_refused(request: Request, error: Exception) -> Response:
    """An `HTTPException`, as an answer."""
    assert isinstance(error, HTTPException)
    return refuse(request, error.status_code, error.detail, error.headers)


def _sentence(request: Request, detail: object) -> str:
    match detail:
        case "Not Found":
            return f"Nothing is at {request.scope['path'][:200]}."
        case str(text) if text:
            is_word = text.partition(" ")[0].isalpha()  # not the name of a file
            return f"{text[0].upper() if is_word else text[0]}{text[1:]}."
        case list(problems):
            return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problems)
    return ""


def _who(viewer: Viewer | None) -> str:
    if viewer is None:
        return "You are not logged in."
    vos = "all VOs" if viewer.vos is None else ", ".join(sorted(viewer.vos)) or "none"
    rights = [name for name in ("shared", "people") if getattr(viewer, name)]
    return f"You are {viewer.name}: {viewer.role.name.lower()}, VO {vos}; other rights: {', '.join(rights) or 'none'}."
