"""Tokens of an OpenID Connect issuer (JWT, RFC 7519; WLCG's profile, INDIGO IAM): whether one is good, and for what.

The issuer is found by its discovery document; its keys are kept for `KEYS_S`, and fetched again for a key that is not
known, once in `AGAIN_S` at most. Only signatures by keys whose public half the issuer publishes count: no ``none``, and
no shared secrets (HS256), which would take a public key for one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from lakescope.core.contracts import Finding
from lakescope.core.http import http_client
from lakescope.core.messages import quote
from lakescope.core.options import Options, Tls, check_url

if TYPE_CHECKING:  # every configuration has these options, and not every command asks an issuer
    import jwt

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
KEYS_S = 3600.0
AGAIN_S = 30.0
SILENCE_S = 5.0
TOKEN_MAX = 16_384
"""Characters of a token."""
_ANSWER_MAX = 2**20
_TIMEOUT_S = 10.0
_KEY_TYPES = ("RSA", "EC", "OKP")
_SCOPES = ("scope", "scp")
_GROUPS = ("wlcg.groups", "groups")


class IssuerOptions(Options):
    """An issuer of tokens, and which of them are taken."""

    issuer: str = Field(examples=["https://iam.example.org/"])
    """As its tokens have it (``iss``); its discovery document is below, ``.well-known/openid-configuration``."""
    audience: tuple[str, ...] = Field(min_length=1, examples=[["https://lakescope.example.org"]])
    """Of a token (``aud``) one of these must be there."""
    leeway_s: float = Field(default=30.0, ge=0, le=300)
    """How far the clocks of issuer and Lakescope may be apart (seconds)."""
    tls: Tls = Tls()
    """TLS towards the issuer."""

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, issuer: str) -> str:
        check_url(issuer, ("http", "https"), "https://iam.example.org/")
        parts = urlsplit(issuer)
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("expected https: whoever is in between could give keys of their own")
        return issuer


class RefusedTokenError(Exception):
    """A token that does not count: the text says why, without the token."""


class SilentIssuerError(Exception):
    """The issuer cannot be asked now: the text says why."""


class Discovery(NamedTuple):
    """What an issuer says of itself (OpenID Connect Discovery 1.0, section 3)."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str = ""


class Issuer:
    """One issuer; for several threads."""

    def __init__(self, options: IssuerOptions) -> None:
        self.options = options
        self._lock = threading.Lock()
        self._discovery: Discovery | None = None
        self._keys: Mapping[str | None, Mapping[str, Any]] = {}
        self._fetched, self._last_request = float("-inf"), float("-inf")  # both of the monotonic clock
        self._silence: tuple[float, SilentIssuerError] | None = None
        """When its discovery failed, and how."""

    def verify(self, token: str, audience: Iterable[str] | None = None) -> dict[str, Any]:
        """A token's claims. Raises `RefusedTokenError` or `SilentIssuerError`.

        `audience`: of which one must be in ``aud``, in the place of the option's.
        """
        import jwt

        options = self.options
        if len(token) > TOKEN_MAX:
            raise RefusedTokenError(f"the token has more than {TOKEN_MAX} characters")
        try:
            head = jwt.get_unverified_header(token)
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        except (jwt.InvalidTokenError, UnicodeError, RecursionError) as error:
            raise RefusedTokenError(f"expected a signed JWT: {_reason(error)}") from None
        algorithm, kid = head.get("alg"), head.get("kid")
        if algorithm not in ALGORITHMS:
            raise RefusedTokenError(f"the signature's algorithm must be one of {', '.join(ALGORITHMS)}")
        if issuer != options.issuer:
            raise RefusedTokenError(f"the token is of another issuer: expected {options.issuer}")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key(kid, algorithm),
                algorithms=[algorithm],
                audience=list(options.audience if audience is None else audience),
                issuer=options.issuer,
                leeway=options.leeway_s,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise RefusedTokenError("the token has expired: fetch a new one") from None
        except jwt.ImmatureSignatureError:
            raise RefusedTokenError("the token is not valid yet (nbf, iat): compare the clocks") from None
        except jwt.InvalidAudienceError:
            expected = " or ".join(options.audience if audience is None else audience)
            raise RefusedTokenError(f"the token is for another audience: expected {expected}") from None
        except jwt.InvalidSignatureError:
            raise RefusedTokenError("the signature does not fit the issuer's key") from None
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise RefusedTokenError(f"the token cannot be taken: {_reason(error)}") from None
        return claims

    def discovery(self) -> Discovery:
        """Where the issuer answers what. Raises `SilentIssuerError`: while it is away, it is asked once in `SILENCE_S`."""
        if self._discovery is not None:
            return self._discovery
        with self._lock:
            return self._discover_once()

    def fetch(self) -> int:
        """The number of its keys, fetched now. Raises `SilentIssuerError`."""
        with self._lock:
            self._keys, self._fetched = self._fetch_keys(), time.monotonic()
        return len(self._keys)

    def _key(self, kid: Any, algorithm: str) -> jwt.PyJWK:
        """The issuer's key of that id, for that algorithm. Raises `RefusedTokenError` or `SilentIssuerError`."""
        import jwt

        key = self._published(kid if isinstance(kid, str) else None)
        if key.get("alg", algorithm) != algorithm:
            raise RefusedTokenError("the issuer's key is for another algorithm than the token says")
        try:
            return jwt.PyJWK(dict(key), algorithm=algorithm)
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise RefusedTokenError(
                f"the issuer's key is not one for {algorithm}: {_reason(error)}"
            ) from None

    def _published(self, kid: str | None) -> Mapping[str, Any]:
        """The key of that id; for none the only one there is."""
        keys = self._keys
        if kid not in self._by_id(keys) or time.monotonic() - self._fetched > KEYS_S:
            keys = self._renew(is_needed=kid not in self._by_id(keys))
        known_keys = self._by_id(keys)
        if kid in known_keys:
            return known_keys[kid]
        if not keys:
            raise SilentIssuerError(f"{self.options.issuer} has given no keys yet")
        raise RefusedTokenError("the token's key (kid) is none of the issuer's")

    @staticmethod
    def _by_id(keys: Mapping[str | None, Mapping[str, Any]]) -> Mapping[str | None, Mapping[str, Any]]:
        return {**keys, None: next(iter(keys.values()))} if len(keys) == 1 else keys

    def _renew(self, *, is_needed: bool) -> Mapping[str | None, Mapping[str, Any]]:
        """The keys of now. Whoever can go on with the old ones does not wait for an issuer that is slow."""
        if not self._lock.acquire(blocking=not self._keys):
            return self._keys
        try:
            now = time.monotonic()
            if now - self._last_request > AGAIN_S:
                self._last_request = now
                try:
                    self._keys = self._fetch_keys()
                    self._fetched = now
                except SilentIssuerError:
                    if is_needed:
                        raise
        finally:
            self._lock.release()
        return self._keys

    def _fetch_keys(self) -> dict[str | None, Mapping[str, Any]]:
        url = self._discover_once().jwks_uri
        keys = self._get(url).get("keys")
        if not isinstance(keys, list):
            raise SilentIssuerError(f"{url}: expected a set of keys (RFC 7517)")
        return {
            key.get("kid"): key
            for key in keys
            if isinstance(key, dict) and key.get("kty") in _KEY_TYPES and key.get("use", "sig") == "sig"
        }

    def _discover_once(self) -> Discovery:
        if self._discovery is None:
            if self._silence is not None and time.monotonic() - self._silence[0] < SILENCE_S:
                raise self._silence[1]
            try:
                self._discovery = self._discover()
            except SilentIssuerError as error:
                self._silence = time.monotonic(), error
                raise
        return self._discovery

    def _discover(self) -> Discovery:
        options = self.options
        url = f"{options.issuer.rstrip('/')}/.well-known/openid-configuration"
        document = self._get(url)
        if document.get("issuer") != options.issuer:
            raise SilentIssuerError(
                f"{url} is of the issuer {quote(document.get('issuer'))}: correct `issuer`"
            )
        values = {name: document.get(name, "") for name in Discovery._fields}
        for name, value in values.items():
            is_url = isinstance(value, str) and urlsplit(value).scheme == urlsplit(options.issuer).scheme
            if not is_url and (value or name not in Discovery._field_defaults):
                raise SilentIssuerError(f"{url}: expected a URL in {name}, its scheme that of the issuer")
        return Discovery(**values)

    def _get(self, url: str) -> dict[str, Any]:
        import httpx

        headers = {"accept": "application/json"}
        try:
            with (
                http_client(tls=self.options.tls, timeout_s=_TIMEOUT_S, headers=headers) as client,
                client.stream("GET", url) as response,
            ):
                body = b""
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > _ANSWER_MAX:
                        raise SilentIssuerError(f"{url}: the answer exceeds {_ANSWER_MAX} bytes")
            if response.status_code != 200:
                raise SilentIssuerError(f"{url} answered {response.status_code}")
            document = httpx.Response(200, content=body).json()
        except (httpx.HTTPError, OSError) as error:
            fault = self.options.tls.explain(f"{type(error).__name__}: {error}")
            raise SilentIssuerError(f"{url} does not answer: {quote(fault)}") from None
        except (ValueError, RecursionError):
            raise SilentIssuerError(f"{url}: expected JSON") from None
        if not isinstance(document, dict):
            raise SilentIssuerError(f"{url}: expected a JSON object")
        return document


def examine_issuer(options: IssuerOptions) -> Iterator[Finding]:
    """What `lakescope doctor` sees of an issuer: its discovery document and its keys."""
    remedy = "correct `issuer` (as its tokens have it, the slash at its end too), or `tls.ca_file`"
    try:
        count = Issuer(options).fetch()
    except SilentIssuerError as error:
        yield Finding("error", str(error), remedy)
        return
    if count:
        yield Finding("ok", f"{options.issuer} publishes {count} keys")
    else:
        yield Finding("error", f"{options.issuer} publishes no key for signatures that are taken", remedy)


def looks_like_jwt(token: bytes) -> bool:
    """Whether it has a JWT's three parts."""
    return token.count(b".") == 2 and token.isascii()


def groups_of(claims: Mapping[str, Any]) -> frozenset[str]:
    """The groups that a token names, without the slash that WLCG's begin with and IAM's do not."""
    return frozenset(one.removeprefix("/") for name in _GROUPS for one in _words(claims.get(name)))


def scopes_of(claims: Mapping[str, Any]) -> frozenset[str]:
    """The scopes that a token has."""
    return frozenset(one for name in _SCOPES for one in _words(claims.get(name)))


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.split()
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _reason(error: BaseException) -> str:
    """PyJWT's own words, which hold names of claims and algorithms but nothing of the token."""
    text = str(error) or type(error).__name__
    return quote(text.partition("\n")[0], 120)
