"""Who may ask what: every request passes this gate.

- ``Host`` must be an address or a name of this Lakescope: another site's name may have been bound to our address.
- What a browser sends for another site is refused, but for a link that somebody follows.
- With ``[http] token`` every request must show it, but for `OPEN` (health, and how the login looks) and the routes of a
  collector with a token of its own: as bearer, as password of basic authentication, or by a cookie that a form (or
  ``?token=``) gives.
- A body comes in time, and where nobody expects a large one it is small.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from html import escape
from ipaddress import ip_address
from socket import gethostname
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lakescope.app.config import Http
from lakescope.app.web.server import RARELY
from lakescope.core.tokens import CHALLENGE, shows, without_token

BODY_S = 30.0
"""How long a request's body may take."""
SMALL_BYTES = 2**20
"""Largest body of a request that is no push."""
OPEN = ("/livez", "/readyz", "/look.css", "/look.js")
SAFE = ("GET", "HEAD", "OPTIONS")


class Gate:
    """ASGI middleware. `pushes`: path of each http collector -> whether it asks for a token of its own."""

    def __init__(self, app: ASGIApp, http: Http, pushes: Mapping[str, bool]) -> None:
        self.app = app
        self.pushes = pushes
        self.token = http.token.get_secret_value() if http.token else None
        names = {"localhost", http.host, gethostname(), *http.allowed_hosts}
        self.names = {name.lower() for name in names}
        self.public_hosts = {name.lower() for name in http.allowed_hosts}  # a proxy may tell us another host
        digest = hashlib.sha256((self.token or "").encode()).hexdigest()
        # cookies know no ports: two instances on one host must not take each other's
        self.cookie = f"lakescope_{digest[:8]}"
        self.session = hmac.new((self.token or "").encode(), b"lakescope session", "sha256").hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As of ASGI."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        receive = _limit_body(receive, None if self._is_push(request) else SMALL_BYTES)
        try:
            answer = await self._judge(request, receive)
            await (answer or self.app)(scope, receive, send)
        except ClientDisconnect:
            RARELY.warn(
                "web_sender_left",
                f"client={_client(request)} path={quote(without_token(_path(request)))[:100]}",
            )
        except HTTPException as error:  # of a body that nobody but the gate has read
            await _refuse(error.status_code, error.detail)(scope, receive, send)

    async def _judge(self, request: Request, receive: Receive) -> Response | None:
        """What is answered in place of the application; null for what may pass."""
        path = _path(request)
        scope = request.scope
        is_known = self._is_known(request.headers.get("host", "localhost"))
        is_signed_in = is_known and (self.token is None or self._is_signed(request))
        scope.setdefault("state", {})["trusted"] = is_signed_in
        if path in OPEN and request.method in SAFE:
            return None
        if not is_known:
            text = f"the name {request.headers['host'][:200]!r} is not one of this Lakescope's"
            return _refuse(421, f'{text}: ask by address, or add it to [http] allowed_hosts = ["..."]')
        if self._is_foreign(request):
            return _refuse(403, "a browser sent this for another site: open Lakescope's own page")
        if self.token is not None and request.method == "POST" and path == "/login":
            return await self._login(request, receive)
        if self.token is not None and request.method == "GET" and "token" in request.query_params:
            return self._exchange(request)
        if is_signed_in or (self._is_push(request) and self._own_token(path)):
            return None
        return (
            self._form(request)
            if _is_page(request)
            else _refuse(401, "expected the token of [http] token", {"www-authenticate": CHALLENGE})
        )

    # --- what is known of a request -----------------------------------------------------------------------

    def _is_known(self, host: str) -> bool:
        """An address cannot be bound to another; a name can."""
        name = _name(host)
        try:
            ip_address(name)
        except ValueError:
            return name in self.names or name.endswith(".localhost")
        return True

    def _is_foreign(self, request: Request) -> bool:
        """What a browser says of where a request comes from; other clients say nothing."""
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        if site is not None:
            is_link = request.method in SAFE and request.headers.get("sec-fetch-mode") == "navigate"
            return site not in ("same-origin", "none") and not is_link
        if origin is None or request.method in SAFE:
            return False
        netloc = urlsplit(origin).netloc.lower()
        own = request.headers.get("host", "").lower()
        return netloc != own and _name(netloc) not in self.public_hosts

    def _is_push(self, request: Request) -> bool:
        return request.method in ("POST", "PUT", "DELETE") and self._collector(_path(request)) is not None

    def _own_token(self, path: str) -> bool:
        return self.pushes[self._collector(path) or ""]

    def _collector(self, path: str) -> str | None:
        """The path of the http collector whose route this may be: of two that fit the longer one."""
        return max((own for own in self.pushes if path.startswith(f"{own}/")), key=len, default=None)

    def _is_signed(self, request: Request) -> bool:
        assert self.token is not None
        cookie = request.cookies.get(self.cookie, "")
        return secrets.compare_digest(cookie.encode(), self.session.encode()) or shows(
            request.headers.get("authorization"), self.token
        )

    # --- pages of a browser -------------------------------------------------------------------------------

    async def _login(self, request: Request, receive: Receive) -> Response:
        body = await Request(request.scope, receive).body()
        token = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0].strip()
        target = request.query_params.get("next", "")
        if not shows(f"Bearer {_as_header(token)}", self.token or ""):
            return _page(f"login?next={quote(target, safe='')}", "This is not the token.")
        # relative, for proxies that publish Lakescope below a path; the dot keeps it on this server
        return self._sign_in(request, "./" + quote(target.lstrip("/"), safe="/?=&%:,.~-"))

    def _exchange(self, request: Request) -> Response:
        other_parameters = [
            (key, value) for key, value in request.query_params.multi_items() if key != "token"
        ]
        if not shows(f"Bearer {_as_header(request.query_params['token'])}", self.token or ""):
            return self._form(request, "This is not the token.")
        own = "./" + quote(_path(request).rpartition("/")[2])
        return self._sign_in(request, f"{own}?{urlencode(other_parameters)}" if other_parameters else own)

    def _sign_in(self, request: Request, target: str) -> Response:
        answer = RedirectResponse(
            target, 303, {"cache-control": "no-store", "referrer-policy": "no-referrer"}
        )
        is_tls = "https" in (request.scope["scheme"], request.headers.get("x-forwarded-proto"))
        answer.set_cookie(self.cookie, self.session, httponly=True, samesite="lax", secure=is_tls)
        return answer

    def _form(self, request: Request, note: str = "") -> Response:
        path, query = _path(request), request.query_params.multi_items()
        other_parameters = urlencode([(key, value) for key, value in query if key != "token"])
        target = quote(path.lstrip("/") + (f"?{other_parameters}" if other_parameters else ""), safe="")
        return _page("../" * (path.count("/") - 1) + f"login?next={target}", note)


def _limit_body(receive: Receive, limit: int | None) -> Receive:
    """`receive`, as long as a body comes in time and, where `limit` says so, is small. Raises `HTTPException`."""
    end = asyncio.get_running_loop().time() + BODY_S
    size, is_complete = 0, False

    async def receive_bounded() -> Message:
        nonlocal size, is_complete
        if is_complete:  # what comes now is that the client leaves
            return await receive()
        try:
            async with asyncio.timeout_at(end):
                message = await receive()
        except TimeoutError:
            raise HTTPException(
                408, f"the body did not come within {BODY_S:.0f} s", {"connection": "close"}
            ) from None
        is_complete = not message.get("more_body", False)
        size += len(message.get("body", b""))
        if limit is not None and size > limit:
            raise HTTPException(413, f"the body exceeds {limit} bytes")
        return message

    return receive_bounded


def _path(request: Request) -> str:
    """As the routes see it: `Request.url` is put together with ``Host``, which a client writes."""
    path: str = request.scope["path"]
    return path


def _name(host: str) -> str:
    """The name or address in ``name:port`` or ``[address]:port``."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".").lower()


def _client(request: Request) -> str:
    return request.client.host if request.client else "?"


def _as_header(text: str) -> str:
    return text.encode().decode("latin-1")


def _is_page(request: Request) -> bool:
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")


def _refuse(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"detail": text}, status, headers)


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
  <label for="token">Token (<code>[http] token</code> in the configuration)</label>
  <input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
  <p role="alert">{note}</p>
  <button>Log in</button>
</form></body></html>
"""
