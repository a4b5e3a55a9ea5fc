"""What all pages answer with: files that a browser may keep, under a policy that lets nothing else in, and errors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from fastapi import HTTPException, Request, Response
from starlette.background import BackgroundTask

from lakescope.core.contracts import RefusedError, TransientError
from lakescope.dashboards.pages import page
from lakescope.kpis import UnsupportedError

SECURITY = {
    # no 'unsafe-inline' and no 'unsafe-eval': scripts and styles are files, the charts' expressions are interpreted
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
    " img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
FOR_EVER = "public, max-age=31536000, immutable"


def cached_response(
    request: Request, text: str, kind: str, cache: str = "no-cache", status: int = 200
) -> Response:
    """The text, or 304 for who has it already."""
    tag = _tag(text)
    headers = SECURITY | {"etag": tag, "cache-control": cache}
    if status == 200 and request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    # the library takes seconds to make: the first page with charts begins, their request finds it
    begin = BackgroundTask(page.vega) if kind == "text/html" and request.url.path != "/" else None
    return Response(text, status, headers, media_type=kind, background=begin)


@cache
def _tag(text: str) -> str:
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:16]}"'


@contextmanager
def http_errors(store: str) -> Iterator[None]:
    """A store that fails, or that answers nothing of its kind, as an `HTTPException`."""
    try:
        yield
    except UnsupportedError as error:
        raise HTTPException(422, str(error)) from error
    except (RefusedError, TransientError) as error:
        raise HTTPException(503, f"{store}: {error}") from error
