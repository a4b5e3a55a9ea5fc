"""Logins of browsers: by a token or at the issuer, the cookie that they give, and the way out.

Addresses are relative, for proxies that publish Lakescope below a path; the dot at their beginning keeps them on this server.
"""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Receive

from lakescope.app.access import CALLBACK
from lakescope.app.viewer import Viewer
from lakescope.app.web.identities import Identities, Sessions
from lakescope.app.web.refusals import HEADERS, small_page, up_of
from lakescope.app.web.server import RARELY
from lakescope.core.guesses import Guesses, refusal
from lakescope.core.issuer import RefusedTokenError, SilentIssuerError

DEPART = "/login/oidc"
PATHS = ("/login", "/logout", DEPART, CALLBACK)
DEPARTURE_S = 600.0
"""How long somebody may take at the issuer."""
_PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


class Login:
    """What the gate answers to people who are not signed in, or want not to be."""

    def __init__(self, identities: Identities, sessions: Sessions, guesses: Guesses) -> None:
        self.identities, self.sessions, self._guesses = identities, sessions, guesses

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
        place = f"{request.method} {request.scope['path']}"
        is_exchange = request.method == "GET" and "token" in request.query_params
        if (place == "POST /login" or is_exchange) and (wait_s := self._guesses.wait_s(address_of(request))):
            answer = self._page(
                up_of(request), request.query_params.get("next", ""), _sentence(refusal(wait_s)), 429
            )
            answer.headers["retry-after"] = str(wait_s)
            return answer
        if place == "POST /login":
            return await self._login(request, receive)
        if place == "POST /logout":
            return await run_in_threadpool(self._logout, request)
        if place == "GET /login":
            return self._page("", request.query_params.get("next", ""), "", 200)
        if self.identities.oidc is not None and place == f"GET {DEPART}":
            return await self._depart(request)
        if self.identities.oidc is not None and place == f"GET {CALLBACK}":
            return await self._arrive(request)
        if is_exchange:
            return self._exchange(request)
        return None

    def form(self, request: Request, note: str = "") -> Response:
        """The page that asks who somebody is, and then leads to what they came for."""
        path, query = request.scope["path"], request.query_params.multi_items()
        other_parameters = urlencode([(key, value) for key, value in query if key != "token"])
        target = path.lstrip("/") + (f"?{other_parameters}" if other_parameters else "")
        if path in PATHS:
            target = request.query_params.get("next", "")
        return self._page(up_of(request), target, note)

    async def _depart(self, request: Request) -> Response:
        assert self.identities.oidc is not None
        target = request.query_params.get("next", "")
        try:
            departure = await run_in_threadpool(self.identities.oidc.depart, target)
        except SilentIssuerError as error:
            return self._page("../", target, _sentence(error), 503)
        answer = RedirectResponse(departure.url, 303, _PRIVATE)
        memory = self.sessions.begin(departure.memory, purpose="login", seconds=DEPARTURE_S)
        self._set(answer, request, self._departure_cookie, memory, DEPARTURE_S)
        return answer

    async def _arrive(self, request: Request) -> Response:
        assert self.identities.oidc is not None
        value = request.cookies.get(self._departure_cookie, "")
        memory = self.sessions.read(value, purpose="login") or {}
        self.sessions.end(value, purpose="login")  # for one return
        target = str(memory.get("target", ""))
        answer: Response
        try:
            session = await run_in_threadpool(self.identities.oidc.arrive, dict(request.query_params), memory)
            answer = self._sign_in(request, session, f"../{_safe(target)}")
        except RefusedTokenError as error:
            answer = self._page("../", target, _sentence(error), 403)
        except SilentIssuerError as error:
            answer = self._page("../", target, _sentence(error), 503)
        self._set(answer, request, self._departure_cookie, "", 0)
        return answer

    @property
    def _departure_cookie(self) -> str:
        return f"{self.sessions.cookie}_login"

    async def _login(self, request: Request, receive: Receive) -> Response:
        body = await Request(request.scope, receive).body()
        token = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0].strip()
        target = request.query_params.get("next", "")
        try:
            session = self.identities.session_of(token.encode())
            return self._sign_in(request, session, f"./{_safe(target)}")
        except RefusedTokenError as error:
            self._guesses.count(address_of(request))
            return self._page("", target, _sentence(error))

    def _exchange(self, request: Request) -> Response:
        other_parameters = [
            (key, value) for key, value in request.query_params.multi_items() if key != "token"
        ]
        own = "./" + quote(request.scope["path"].rpartition("/")[2])
        target = f"{own}?{urlencode(other_parameters)}" if other_parameters else own
        try:
            session = self.identities.session_of(request.query_params["token"].encode())
            return self._sign_in(request, session, target)
        except RefusedTokenError as error:
            self._guesses.count(address_of(request))
            return self.form(request, _sentence(error))

    def _sign_in(self, request: Request, content: dict[str, Any], target: str) -> Response:
        answer = RedirectResponse(target, 303, _PRIVATE)
        self._set(answer, request, self.sessions.cookie, self.sessions.begin(content), self.sessions.seconds)
        return answer

    def _logout(self, request: Request) -> Response:
        try:
            self.sessions.end(request.cookies.get(self.sessions.cookie, ""))
        except OSError as error:
            RARELY.warn("web_logout_not_written", f"error={error}, so that it holds until a restart")
        answer = RedirectResponse("./login", 303, _PRIVATE)
        self._set(answer, request, self.sessions.cookie, "", 0)
        return answer

    def _set(self, answer: Response, request: Request, name: str, value: str, seconds: float) -> None:
        """A cookie that no script can read and no other site's form sends; 0 seconds take it away."""
        answer.set_cookie(
            name, value, max_age=int(seconds), httponly=True, samesite="lax", secure=_is_tls(request)
        )

    def _page(self, up: str, target: str, note: str, status: int = 401) -> Response:
        """The login page, from whose address `up` leads to the root."""
        query = f"?next={quote(target, safe='')}"
        issuer, form = "", ""
        if self.identities.oidc is not None:
            host = escape(urlsplit(self.identities.oidc.options.issuer).netloc)
            issuer = _ISSUER.format(href=escape(f"{up}login/oidc{query}"), host=host)
        if self.identities.has_tokens:
            focus = "" if issuer else " autofocus"
            form = _FORM.format(action=escape(f"{up}login{query}"), focus=focus)
        content = f'  <h1>Lakescope</h1>\n  <p role="alert">{escape(note)}</p>\n{issuer}{form}'
        return HTMLResponse(small_page(up, content), status, HEADERS)


def address_of(request: Request) -> str:
    """Whence a request comes."""
    return request.client.host if request.client else "?"


def _safe(target: str) -> str:
    """As an address on this server."""
    return quote(target.lstrip("/"), safe="/?=&%:,.~-")


def _is_tls(request: Request) -> bool:
    return "https" in (request.scope["scheme"], request.headers.get("x-forwarded-proto"))


def _sentence(error: Exception | str) -> str:
    text = str(error)
    return f"{text[0].upper()}{text[1:]}."


_ISSUER = """  <a class="button" href="{href}">Log in at {host}</a>
"""
_FORM = """  <form method="post" action="{action}">
    <label for="token">Token</label>
    <input id="token" name="token" type="password" autocomplete="current-password" required{focus}>
    <button>Log in</button>
  </form>
"""
