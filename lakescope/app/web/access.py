"""Who may ask what: every request passes this gate.

- ``Host`` must be an address or a name of this Lakescope: another site's name may have been bound to our address.
- What a browser sends for another site is refused, but for a link that somebody follows.
- Whoever asks is a `Viewer`, in the request's state, by a token (as bearer, or as password of basic authentication) or
  by the cookie of a login (`lakescope.app.web.login`). Nobody else gets more than `OPEN` (health, and how the login
  looks) and the routes of a collector with tokens of its own. `lakescope.app.web.roles` says what a viewer may do.
- A body comes in time, and where nobody expects a large one it is small.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from ipaddress import ip_address
from socket import gethostname
from urllib.parse import quote, urlsplit

from fastapi import HTTPException, Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lakescope.app.config import Settings
from lakescope.app.listeners import Listener
from lakescope.app.viewer import OWNER, Viewer
from lakescope.app.web.identities import Identities, Sessions
from lakescope.app.web.login import Login, address_of
from lakescope.app.web.refusals import answer_refused, is_page, refuse
from lakescope.app.web.roles import PUSH, SAFE, demand_role
from lakescope.app.web.server import RARELY
from lakescope.core.guesses import Guesses, refusal
from lakescope.core.issuer import RefusedTokenError, SilentIssuerError
from lakescope.core.tokens import CHALLENGE, token_of, without_token

BODY_S = 30.0
"""How long a request's body may take."""
SMALL_BYTES = 2**20
"""Largest body of a request that is no push."""
OPEN = ("/livez", "/readyz", "/look.css", "/look.js")
_EXPECTED = (
    "expected a token: that of [http] token, one of [access.tokens], or one of the issuer of [access.oidc]"
)


class Gate:
    """ASGI middleware. `pushes`: path of each http collector -> whether it asks for a token of its own."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        listener: Listener,
        pushes: Mapping[str, bool],
        local_secret: str = "",
    ) -> None:
        """`local_secret`: the token of commands on this machine."""
        self.app = app
        self.pushes = pushes
        http = settings.http
        self.has_pages = listener is http
        names = {"localhost", http.host, listener.host, gethostname(), *http.allowed_hosts}
        self.names = {name.lower() for name in names}
        self.public_hosts = {name.lower() for name in http.allowed_hosts}  # a proxy may tell us another host
        sessions = Sessions(settings.data_dir, settings.access.session_s)
        token = http.token.get_secret_value() if http.token else None
        self.identities = Identities(settings.access, token, local_secret, sessions.key)
        self.guesses = Guesses()
        self.login = Login(self.identities, sessions, self.guesses)
        self.is_open = self.identities.is_open or (listener.insecure and not self.has_pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As of ASGI."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        scope.setdefault("state", {}).update(viewer=None, is_push=self._is_push(request))
        receive = _limit_body(receive, None if request.state.is_push else SMALL_BYTES)
        try:
            answer = await self._judge(request, receive)
            await (answer or self.app)(scope, receive, send)
        except ClientDisconnect:
            RARELY.warn(
                "web_sender_left",
                f"client={address_of(request)} path={quote(without_token(_path(request)))[:100]}",
            )
        except HTTPException as error:  # of a body that nobody but the gate has read
            await answer_refused(request, error)(scope, receive, send)

    async def _judge(self, request: Request, receive: Receive) -> Response | None:
        """What is answered in place of the application; null for what may pass."""
        path = _path(request)
        is_known = self._is_known(request.headers.get("host", "localhost"))
        has_login = request.state.has_login = self.has_pages and not self.is_open
        viewer, refusal = await self._viewer(request) if is_known else (None, refuse(request, 421, ""))
        request.state.viewer = viewer
        if path in OPEN and request.method in SAFE:
            return None
        if not is_known:
            text = f"the name {request.headers['host'][:200]!r} is not one of this Lakescope's"
            return refuse(
                request, 421, f'{text}: ask by address, or add it to [http] allowed_hosts = ["..."]'
            )
        if self._is_foreign(request):
            return refuse(request, 403, "a browser sent this for another site: open Lakescope's own page")
        if has_login and (answer := await self.login.answer(request, receive)) is not None:
            return answer
        if request.state.is_push and self._own_token(path):
            return None
        if viewer is not None:
            if request.state.is_push:
                demand_role(viewer, PUSH)
            return None
        is_unknown = refusal.status_code == 401
        return self.login.form(request) if has_login and is_unknown and is_page(request) else refusal

    async def _viewer(self, request: Request) -> tuple[Viewer | None, Response]:
        """Whoever asks; null for nobody, and what they are answered."""
        if self.is_open:
            return OWNER, _unauthorised(request, "")
        token = token_of(request.headers.get("authorization"))
        if token is None:
            return self.login.viewer(request), _unauthorised(request, _EXPECTED)
        client = address_of(request)
        # what the collector's own tokens are for, it counts itself
        is_counted = not (request.state.is_push and self._own_token(_path(request)))
        wait_s = self.guesses.wait_s(client) if is_counted else 0
        if wait_s and not self.identities.is_beyond_guessing(token):
            return self.login.viewer(request), refuse(
                request, 429, refusal(wait_s), {"retry-after": str(wait_s)}
            )
        try:
            return await self.identities.of_token(token), _unauthorised(request, "")
        except RefusedTokenError as error:
            if is_counted:
                self.guesses.count(client)
            answer = _unauthorised(request, f"{error}; {_EXPECTED}")
        except SilentIssuerError as error:
            answer = refuse(request, 503, f"the token cannot be checked now: {error}", {"retry-after": "30"})
        return self.login.viewer(request), answer

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


def _unauthorised(request: Request, text: str) -> Response:
    return refuse(request, 401, text, {"www-authenticate": CHALLENGE})
