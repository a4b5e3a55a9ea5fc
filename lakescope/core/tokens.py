"""Tokens that a client shows in ``Authorization``: as bearer, or as password of basic authentication.

A client that can set no header may show one in the path, ``/token/<token>/...``, where a route allows it.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets

CHALLENGE = 'Basic realm="lakescope", Bearer'
"""For ``WWW-Authenticate``: Basic first, as collectd sends its login only then."""


def token_of(authorization: str | None) -> bytes | None:
    """The token that a request's header holds; null for none."""
    scheme, _, text = (authorization or "").strip().partition(" ")
    token = text.strip().encode("latin-1", "replace")  # a header's characters are its bytes
    if scheme.lower() == "bearer":
        return token
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(token, validate=True).partition(b":")[2]
    except binascii.Error:
        return None


def shows(authorization: str | None, token: str) -> bool:
    """Whether a request's header holds `token`; takes as long for every wrong one."""
    token_shown = token_of(authorization)
    return token_shown is not None and secrets.compare_digest(token_shown, token.encode())


def in_path(path: str) -> str:
    """A route's path with the token before it."""
    return f"/token/{{token}}{path}"


def without_token(path: str) -> str:
    """A request's path, for logs."""
    return re.sub(r"/token/[^/]+", "/token/***", path)
