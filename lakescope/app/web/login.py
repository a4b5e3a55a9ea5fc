"""Logins of browsers: the form for a token, the cookie that it gives, and the way out."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs, quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive

from lakescope.app.viewer import Viewer
from lakescope.app.web.identities import Identities, RefusedTokenError, Sessions

PATHS = ("/login", "/logout")
_PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


class Login:
    """What the gate answers to people who are not signed in, or want not to be."""

    def __init__(self, identities: Identities, sessions: Sessions) -> None:
        self.identities, self.sessions = identities, sessions

    def viewer(self, request: Request) -> Viewer | None:
        """Whoever began the session whose cookie a request has."""
        session = self.sessions.read(request.cookies.get(self.sessions.cookie, ""))
        if session is None:
            return None
        try:
            return self.identities.of_session(session)
        except RefusedTokenError:  # it expired, or was removed, since
            return None

    async def answer(self, request: Request, receive: Receive) -> Response | None:
        """For paths of its own; null for another one."""
        if request.method == "POST" and request.scope["path"] == "/login":
            return await self._login(request, receive)
        if request.method == "POST" and request.scope["path"] == "/logout":
            return self._logout(request)
        if request.method == "GET" and "token" in request.query_params:
            return self._exchange(request)
        return None

    def form(self, request: Request, note: str = "") -> Response:
        """The page that asks who somebody is, and then leads to what they came for."""
        path, query = request.scope["path"], request.query_params.multi_items()
        other_parameters = urlencode([(key, value) for key, value in query if key != "token"])
        target = (
            "" if path in PATHS else path.lstrip("/") + (f"?{other_parameters}" if other_parameters else "")
        )
        return _page("../" * (path.count("/") - 1) + f"login?next={quote(target, safe='')}", note)

    async def _login(self, request: Request, receive: Receive) -> Response:
        body = await Request(request.scope, receive).body()
        token = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0].strip()
        target = request.query_params.get("next", "")
        try:
            # relative, for proxies that publish Lakescope below a path; the dot keeps it on this server
            return self._sign_in(request, token, "./" + quote(target.lstrip("/"), safe="/?=&%:,.~-"))
        except RefusedTokenError as error:
            return _page(f"login?next={quote(target, safe='')}", _sentence(error))

    def _exchange(self, request: Request) -> Response:
        other_parameters = [
            (key, value) for key, value in request.query_params.multi_items() if key != "token"
        ]
        own = "./" + quote(request.scope["path"].rpartition("/")[2])
        target = f"{own}?{urlencode(other_parameters)}" if other_parameters else own
        try:
            return self._sign_in(request, request.query_params["token"], target)
        except RefusedTokenError as error:
            return self.form(request, _sentence(error))

    def _sign_in(self, request: Request, token: str, target: str) -> Response:
        answer = RedirectResponse(target, 303, _PRIVATE)
        session = self.sessions.begin(self.identities.session_of(token.encode()))
        answer.set_cookie(
            self.sessions.cookie,
            session,
            max_age=int(self.sessions.seconds),
            httponly=True,
            samesite="lax",
            secure=_is_tls(request),
        )
        return answer

    def _logout(self, request: Request) -> Response:
        self.sessions.end(request.cookies.get(self.sessions.cookie, ""))
        answer = RedirectResponse("./", 303, _PRIVATE)
        answer.delete_cookie(self.sessions.cookie, httponly=True, samesite="lax", secure=_is_tls(request))
        return answer


def _is_tls(request: Request) -> bool:
    return "https" in (request.scope["scheme"], request.headers.get("x-forwarded-proto"))


def _sentence(error: RefusedTokenError) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."


def _page(action: str, note: str) -> Response:
    security = (
        "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )
    headers = {
        "content-security-policy": security,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
    }
    return HTMLResponse(
        _PAGE.format(action=escape(action), up=action.partition("login")[0], note=escape(note)), 401, headers
    )


_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lakescope</title>
<meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="{up}look.css">
<script src="{up}look.js"></script>
</head>
<body><form class="login" method="post" action="{action}">
  <h1>Lakescope</h1>
  <label for="token">Token</label>
  <input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
  <p role="alert">{note}</p>
  <button>Log in</button>
</form></body></html>
"""
