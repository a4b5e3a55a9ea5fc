"""Rucio's server, as options name it, and tokens for it: fetched by password or certificate from Rucio, by OpenID Connect from
the issuer, or read from a file.

They live for an hour or less. A token is renewed when four fifths of its life are over, by the server's own clock.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from lakescope.core.messages import quote
from lakescope.core.oidc import OidcOptions, RefusedLoginError, fetch_token
from lakescope.core.options import Options, Tls, check_url

if TYPE_CHECKING:  # every configuration has these options, and not every command sends a request
    import httpx

_USED_UP = 0.8
_LIFE_S = 3600.0  # Rucio's default, where a server does not say it
_FILE_LIFE_S = 60.0  # somebody else renews it


class RucioOidc(OidcOptions):
    """A client of the issuer that Rucio trusts."""

    audience: str | None = "rucio"
    """Audience to ask for, where Rucio expects one."""


class RucioServer(Options):
    """A Rucio, and as whom to ask it."""

    url: str = Field(examples=["https://rucio.example.org"])
    """Rucio's server."""
    auth_url: str | None = Field(default=None, examples=["https://rucio-auth.example.org"])
    """Its authentication server, where that is another one."""
    account: str = Field(examples=["lakescope"])
    """Rucio account to ask as."""
    rucio_vo: str | None = Field(default=None, examples=["esc"])
    """VO to ask about, of a Rucio for several VOs."""
    username: str | None = Field(default=None, examples=["lakescope"])
    """User, for authentication by password."""
    password: SecretStr | None = Field(default=None, examples=["${RUCIO_PASSWORD}"])
    """Its password."""
    oidc: RucioOidc = RucioOidc()
    """OpenID Connect: where tokens come from."""
    token_file: Path | None = Field(default=None, examples=["/run/lakescope/rucio-token"])
    """A file with a token, which something else renews."""
    tls: Tls = Tls()
    """TLS towards Rucio; with `cert_file` and no other way, authentication by X.509 certificate or proxy."""

    @field_validator("url", "auth_url")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        if url is not None:
            check_url(url, ("http", "https"), "https://rucio.example.org")
        return url and url.rstrip("/")

    @model_validator(mode="after")
    def _logs_in_one_way(self) -> Self:
        logins = {"username": self.username, "oidc": self.oidc.token_url, "token_file": self.token_file}
        ways = [name for name, value in logins.items() if value is not None]
        if len(ways) > 1:
            raise ValueError(f"expected one way to authenticate, found {' and '.join(ways)}: keep one")
        if not ways and self.tls.cert_file is None:
            raise ValueError(
                "no way to authenticate: add `username` and `password`, `oidc`, `token_file` or `tls.cert_file`"
            )
        return self

    def headers(self) -> dict[str, str]:
        """Who asks, and of which VO: for every request, logins included."""
        return {"x-rucio-account": self.account} | ({"x-rucio-vo": self.rucio_vo} if self.rucio_vo else {})


def label_of(server: RucioServer) -> str:
    """How plans, errors and events call a Rucio: its URL, and its VO of several."""
    return server.url + (f" (VO {server.rucio_vo})" if server.rucio_vo else "")


class Tokens:
    """The token of now."""

    def __init__(self, client: httpx.Client, options: RucioServer) -> None:
        self._client, self._options = client, options
        self._url, self._headers = options.auth_url or options.url, options.headers()
        self._token = ""
        self._until = 0.0
        """Of the monotonic clock."""

    def headers(self) -> dict[str, str]:
        """For a request. Raises `RefusedLoginError`, or `httpx.HTTPError` where nobody answers."""
        if time.monotonic() >= self._until:
            start = time.monotonic()
            self._token, life_s = self._fetch()
            self._until = start + life_s * _USED_UP
        return self._headers | {"x-rucio-auth-token": self._token}

    def forget(self) -> None:
        """The server does not take it any more."""
        self._until = 0.0

    def mask(self, text: str) -> str:
        """`text` without what must not be shown, should a server repeat it."""
        options = self._options
        secrets = [self._token, *_secrets(options.password, options.oidc.client_secret)]
        for secret in filter(None, secrets):
            text = text.replace(secret, "***")
        return text

    def _fetch(self) -> tuple[str, float]:
        """The token, and how long it lives (seconds)."""
        options = self._options
        if options.token_file:
            return _read(options.token_file), _FILE_LIFE_S
        if options.oidc.token_url:
            return fetch_token(self._client, options.oidc)
        if options.username and options.password:
            login = {
                "x-rucio-username": options.username,
                "x-rucio-password": options.password.get_secret_value(),
            }
            return self._fetch_rucio("userpass", login, "correct `username` and `password`, or `account`")
        remedy = "let the account have the identity of the certificate in `tls.cert_file`"
        return self._fetch_rucio("x509", {}, remedy)

    def _fetch_rucio(self, way: str, login: dict[str, str], remedy: str) -> tuple[str, float]:
        response = self._client.get(f"{self._url}/auth/{way}", headers=self._headers | login)
        token = response.headers.get("x-rucio-auth-token")
        if response.status_code != 200 or not token:
            raise RefusedLoginError(f"{self._refusal(response, 'no token')}; {remedy}", response.status_code)
        return token, _life_s(response)

    def _refusal(self, response: httpx.Response, missing: str) -> str:
        url = response.request.url
        words = response.headers.get("exceptionmessage") or response.text
        if response.is_success:
            words = missing
        return self.mask(
            f"{url.host}{url.path} answered {response.status_code}: {quote(' '.join(words.split()))}"
        )


def _secrets(*secrets: SecretStr | None) -> list[str]:
    return [secret.get_secret_value() for secret in secrets if secret]


def _read(file: Path) -> str:
    try:
        token = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RefusedLoginError(f"token_file {file}: {error}") from error
    if not token or len(token.split()) != 1:
        raise RefusedLoginError(f"token_file {file}: expected one token, found {len(token.split())} words")
    return token


def _life_s(response: httpx.Response) -> float:
    """Seconds from the answer to the token's end, both by the server's clock."""
    try:
        end = parsedate_to_datetime(response.headers["x-rucio-auth-token-expires"])
        now = parsedate_to_datetime(response.headers["date"])
        seconds = (end.replace(tzinfo=None) - now.replace(tzinfo=None)).total_seconds()
    except (KeyError, ValueError, TypeError):
        return _LIFE_S
    return max(seconds, 1.0)
