"""A small OpenID Connect provider with real keys: discovery, keys, authorisation code with PKCE, client credentials, tokens.

It logs everybody in as `user` without asking, and is as strict as RFC 6749, 7636 and OpenID Connect Core demand: a wrong
redirect address, secret, verifier or a code used twice is refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.contract._http import Answer, HttpServer, Request

AUDIENCE = "https://lakescope.example.org"
CLIENT, SECRET = "lakescope-client", "s3cret-of-the-client"
JSON = (("content-type", "application/json"),)


class Key:
    """A key pair under an id."""

    def __init__(self, kid: str, algorithm: str = "RS256") -> None:
        self.kid, self.algorithm = kid, algorithm
        self.private: Any = (
            rsa.generate_private_key(65537, 2048)
            if algorithm.startswith(("RS", "PS"))
            else ec.generate_private_key(ec.SECP256R1())
        )

    def __getstate__(self) -> tuple[str, str, bytes]:
        """For another process of the tests."""
        form, encoding = serialization.PrivateFormat.PKCS8, serialization.Encoding.PEM
        return (
            self.kid,
            self.algorithm,
            self.private.private_bytes(encoding, form, serialization.NoEncryption()),
        )

    def __setstate__(self, state: tuple[str, str, bytes]) -> None:
        self.kid, self.algorithm, pem = state
        self.private = serialization.load_pem_private_key(pem, None)

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half, as an issuer publishes it."""
        kind: Any = (
            jwt.algorithms.RSAAlgorithm if self.algorithm[1] == "S" and self.algorithm[0] != "E" else None
        )
        kind = kind or jwt.algorithms.ECAlgorithm
        document: dict[str, Any] = json.loads(kind.to_jwk(self.private.public_key()))
        document.pop("key_ops", None)
        return document | {"kid": self.kid, "use": "sig"}

    @property
    def public_pem(self) -> bytes:
        """The public half, as a file."""
        return bytes(
            self.private.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )


class TestIssuer:
    """Answers on the loopback for the time of the block."""

    __test__ = False

    def __init__(self) -> None:
        self.keys = [Key("first"), Key("curve", "ES256")]
        self.published: list[Key] | None = None
        """Null: all keys."""
        self.status = 200
        """Of the keys and of discovery."""
        self.user: dict[str, Any] = {"sub": "0001-ada", "preferred_username": "ada", "groups": ["escape/ops"]}
        self.redirect_uris: set[str] = set()
        self.is_prompt = threading.Event()
        """While it is clear, its keys do not come."""
        self.is_prompt.set()
        self.changes: dict[str, Any] = {}
        """Claims that the next id tokens have in the place of the right ones; null: not there."""
        self._codes: dict[str, dict[str, str]] = {}
        self._server = HttpServer(self._answer)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._server.__exit__(*error)

    @property
    def url(self) -> str:
        """The issuer."""
        return self._server.url

    @property
    def paths(self) -> list[str]:
        """What was asked."""
        return [request.path for request in self._server.requests]

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Of an access token that is good for ten minutes; null leaves one out."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "sender-1",
            "aud": AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "wlcg.ver": "1.0",
            "wlcg.groups": ["/escape", "/escape/ops"],
            "scope": "openid lakescope.push",
        } | changes
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, key: Key | None = None, head: dict[str, Any] | None = None, **changes: Any) -> str:
        """An access token in WLCG's profile."""
        key = key or self.keys[0]
        return jwt.encode(
            self.claims(**changes), key.private, key.algorithm, headers={"kid": key.kid} | (head or {})
        )

    def _answer(self, request: Request) -> Answer:
        match request.path:
            case "/.well-known/openid-configuration":
                return self._json(self._discovery(), self.status)
            case "/jwks":
                self.is_prompt.wait(10)
                keys = self.keys if self.published is None else self.published
                return self._json({"keys": [key.jwk for key in keys]}, self.status)
            case "/authorize":
                return self._authorize(request.query)
            case "/token":
                return self._give(request)
            case _:
                return Answer(404)

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "code_challenge_methods_supported": ["S256"],
        }

    def _authorize(self, query: dict[str, str]) -> Answer:
        if query.get("client_id") != CLIENT or query.get("redirect_uri") not in self.redirect_uris:
            return self._json({"error": "invalid_request"}, 400)
        if (
            query.get("response_type") != "code"
            or query.get("code_challenge_method") != "S256"
            or not query.get("code_challenge")
            or "openid" not in query.get("scope", "").split()
        ):
            return self._json({"error": "invalid_request"}, 400)
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        target = (
            f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': self.url})}"
        )
        return Answer(302, b"", (("location", target),))

    def _give(self, request: Request) -> Answer:
        form = dict(parse_qsl(request.body.decode()))
        login = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        query = self._codes.pop(form.get("code", ""), None)
        if request.headers.get("authorization") != login:
            return self._json({"error": "invalid_client"}, 401)
        if form.get("grant_type") == "client_credentials":
            token = self.token(sub=CLIENT, scope=form.get("scope"), aud=form.get("audience"))
            return self._json({"access_token": token, "token_type": "Bearer", "expires_in": 600}, 200)
        verifier = form.get("code_verifier", "")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if (
            form.get("grant_type") != "authorization_code"
            or query is None
            or query["code_challenge"] != challenge
            or query["redirect_uri"] != form.get("redirect_uri")
        ):
            return self._json({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": query.get("nonce")}
        claims |= self.user | self.changes
        key = self.keys[0]
        id_token = jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            key.private,
            key.algorithm,
            headers={"kid": key.kid},
        )
        return self._json({"access_token": "opaque", "token_type": "Bearer", "id_token": id_token}, 200)

    def _json(self, document: Any, status: int) -> Answer:
        return Answer(status, json.dumps(document).encode(), JSON)
