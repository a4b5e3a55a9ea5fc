"""Client credentials of OpenID Connect: tokens that a client fetches for itself and renews before their end.

Grant ``client_credentials`` (RFC 6749, section 4.4) at the issuer's token endpoint. A token is used for four fifths of its
life, by this machine's monotonic clock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from pydantic import Field, SecretStr, model_validator

from lakescope.core.contracts import TransientError
from lakescope.core.messages import quote
from lakescope.core.options import Options, Tls, check_url

if TYPE_CHECKING:  # every configuration has these options, and not every command sends a request
    import httpx

_USED_UP = 0.8
_LIFE_S = 3600.0  # where an issuer does not say it
_AGAIN_S = 5.0  # from a refusal to the next try: an issuer is not asked at every request


class OidcOptions(Options):
    """A client that fetches tokens for itself (grant ``client_credentials``, RFC 6749 section 4.4)."""

    token_url: str | None = Field(default=None, examples=["https://iam.example.org/token"])
    """Token endpoint of the issuer."""
    client_id: str | None = Field(default=None, examples=["lakescope"])
    """The client."""
    client_secret: SecretStr | None = Field(default=None, examples=["${CLIENT_SECRET}"])
    """Its secret."""
    scope: str = "openid"
    """Scopes to ask for, separated by spaces."""
    audience: str | None = Field(default=None, examples=["https://store.example.org"])
    """Audience to ask for, where the server expects one."""

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        needed = ("token_url", "client_id", "client_secret")
        lacking = [name for name in needed if getattr(self, name) is None]
        if lacking and len(lacking) < len(needed):
            raise ValueError(
                f"{needed[0]}, {needed[1]} and {needed[2]} belong together: add {', '.join(lacking)}"
            )
        if self.token_url is not None:
            check_url(self.token_url, ("http", "https"), "https://iam.example.org/token", "`client_secret`")
        return self


class RefusedLoginError(TransientError):
    """No token: the text says who refused, and the remedy. Without any secret."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status
        """HTTP status of the refusal; 0: none."""


class Credentials:
    """The token of now; for several threads."""

    def __init__(self, options: OidcOptions, client: httpx.Client) -> None:
        """`client`: for the issuer alone, without the login of another server."""
        self._options, self._client = options, client
        self._lock = threading.Lock()
        self._token = ""
        self._begin = 0.0
        self._end = 0.0  # both of the monotonic clock
        self._fault: RefusedLoginError | None = None
        self._again = 0.0
        self.failures = 0
        """Times that no token was given."""

    @property
    def life_s(self) -> float:
        """How long the token is still valid (seconds); 0 without one."""
        return max(0.0, self._end - time.monotonic())

    def token(self) -> str:
        """Raises `RefusedLoginError`, also where the issuer does not answer."""
        with self._lock:
            now = time.monotonic()
            if now >= self._begin + _USED_UP * (self._end - self._begin):
                if self._fault is not None and now < self._again:
                    raise self._fault
                try:
                    self._token, life_s = self._fetch()
                except RefusedLoginError as error:
                    self.failures += 1
                    self._fault, self._again = error, now + _AGAIN_S
                    if now < self._end:
                        return self._token  # there is a fifth of its life left
                    raise
                self._fault = None
                self._begin, self._end = now, now + life_s
            return self._token

    def forget(self, token: str) -> None:
        """A server does not take a token any more: the next one is fetched."""
        with self._lock:
            if token == self._token:
                self._begin = self._end = 0.0

    def mask(self, text: str) -> str:
        """`text` without what must not be shown, should a server repeat it."""
        secret = self._options.client_secret
        for one in filter(None, (self._token, secret.get_secret_value() if secret else "")):
            text = text.replace(one, "***")
        return text

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _fetch(self) -> tuple[str, float]:
        import httpx

        try:
            return fetch_token(self._client, self._options)
        except httpx.HTTPError as error:
            url = httpx.URL(self._options.token_url or "")
            text = f"{url.host}{url.path} does not answer: {type(error).__name__}: {quote(str(error))}"
            raise RefusedLoginError(self.mask(text)) from None
        except RefusedLoginError as error:
            raise RefusedLoginError(self.mask(str(error)), error.status) from None


def fetch_token(client: httpx.Client, options: OidcOptions) -> tuple[str, float]:
    """A token, and how long it lives (seconds). Raises `RefusedLoginError`, or `httpx.HTTPError` where nobody answers."""
    form = {"grant_type": "client_credentials", "scope": options.scope}
    if options.audience:
        form["audience"] = options.audience
    assert options.token_url and options.client_id and options.client_secret
    secret = options.client_secret.get_secret_value()
    once = {"connection": "close"}  # the next request is a token's life away
    response = client.post(options.token_url, data=form, auth=(options.client_id, secret), headers=once)
    try:
        answer = response.json() if response.status_code == 200 else {}
        return str(answer["access_token"]), float(answer.get("expires_in") or _LIFE_S)
    except (ValueError, KeyError, TypeError, AttributeError):
        url, words = response.request.url, " ".join(response.text.split())
        if response.is_success:
            words = "no access_token"
        remedy = "correct `client_id`, `client_secret`, `scope` and `audience` of `oidc`"
        text = f"{url.host}{url.path} answered {response.status_code}: {quote(words)}; {remedy}"
        raise RefusedLoginError(text.replace(secret, "***"), response.status_code) from None


def credentials(options: OidcOptions, tls: Tls, timeout_s: float) -> Credentials | None:
    """Null without a `token_url`. Raises `OSError` for a file of `tls` that cannot be read."""
    from lakescope.core.http import http_client

    if not options.token_url:
        return None
    shared = _shared
    if shared is None:
        return Credentials(options, http_client(tls=tls, timeout_s=timeout_s))
    with _sharing:
        if (options, tls) not in shared:
            shared[options, tls] = _Shared(options, http_client(tls=tls, timeout_s=timeout_s))
        return shared[options, tls]


class _Shared(Credentials):
    def close(self) -> None:
        """Others use them, too."""


_sharing = threading.Lock()
_shared: dict[tuple[OidcOptions, Tls], Credentials] | None = None
"""Within `shared_tokens`."""


@contextmanager
def shared_tokens() -> Iterator[None]:
    """Within the block, which is not for several threads at once, equal client credentials have one token between them."""
    global _shared
    shared: dict[tuple[OidcOptions, Tls], Credentials] = {}
    _shared = shared
    try:
        yield
    finally:
        _shared = None
        for one in shared.values():
            Credentials.close(one)


def bearer(credentials: Credentials) -> httpx.Auth:
    """Shows the token of now; a new one, once, where a server takes it no more (401)."""
    import httpx

    class Bearer(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            token = credentials.token()
            request.headers["authorization"] = f"Bearer {token}"
            response = yield request
            if response.status_code == 401:
                credentials.forget(token)
                request.headers["authorization"] = f"Bearer {credentials.token()}"
                yield request

    return Bearer()
