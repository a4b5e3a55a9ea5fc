"""Login at an OpenID Connect issuer: authorisation code (RFC 6749, 4.1) with PKCE (RFC 7636, S256), state and nonce.

What a login needs until the browser comes back is in a cookie that this instance has signed: state, nonce, verifier and the page
that somebody came for. It holds for ten minutes and for one return.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from lakescope.app.access import AccessOptions, PeopleOidc
from lakescope.core.http import http_client
from lakescope.core.issuer import Issuer, RefusedTokenError, SilentIssuerError, groups_of
from lakescope.core.messages import quote

NAME_MAX = 100


class Departure(NamedTuple):
    """On the way to the issuer."""

    url: str
    """Where the browser is sent."""
    memory: dict[str, str]
    """What must be there when it comes back."""


class OidcLogin:
    """Of one issuer; for several threads."""

    def __init__(self, options: PeopleOidc, access: AccessOptions, issuer: Issuer) -> None:
        self.options, self._access, self._issuer = options, access, issuer

    def depart(self, target: str) -> Departure:
        """Raises `SilentIssuerError`."""
        memory = {
            "state": secrets.token_urlsafe(24),
            "nonce": secrets.token_urlsafe(24),
            "verifier": secrets.token_urlsafe(48),
            "target": target,
        }
        query = {
            "response_type": "code",
            "client_id": self.options.client_id,
            "redirect_uri": self.options.redirect_uri,
            "scope": " ".join(self.options.scopes),
            "state": memory["state"],
            "nonce": memory["nonce"],
            "code_challenge": _challenge(memory["verifier"]),
            "code_challenge_method": "S256",
        }
        endpoint = self._issuer.discovery().authorization_endpoint
        return Departure(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}", memory)

    def arrive(self, query: Mapping[str, str], memory: Mapping[str, Any]) -> dict[str, Any]:
        """What a session must keep of whoever logged in. Raises `RefusedTokenError` or `SilentIssuerError`."""
        state = query.get("state", "")
        if not secrets.compare_digest(state.encode(), str(memory.get("state", "-")).encode()):
            raise RefusedTokenError("this login was begun elsewhere, or is too old: begin it again")
        if query.get("iss", self.options.issuer) != self.options.issuer:  # RFC 9207
            raise RefusedTokenError("another issuer has answered than the one that was asked")
        if "error" in query:
            raise RefusedTokenError(f"the issuer answered {quote(query['error'], 60)}")
        claims = self._issuer.verify(self._exchange(query.get("code", ""), memory), [self.options.client_id])
        if not secrets.compare_digest(str(claims.get("nonce")).encode(), str(memory["nonce"]).encode()):
            raise RefusedTokenError("the issuer's answer belongs to another login (nonce)")
        audiences = claims["aud"]
        if isinstance(audiences, list) and len(audiences) > 1 and claims.get("azp") != self.options.client_id:
            raise RefusedTokenError("the issuer's answer is for another client (azp)")
        groups = sorted(self._access.groups_of(groups_of(claims)))
        name = name_of(claims)
        if not groups:
            raise RefusedTokenError(f"no group of {name} may come in here")
        return {"name": name, "groups": groups}

    def _exchange(self, code: str, memory: Mapping[str, Any]) -> str:
        """The ID token for a code."""
        options = self.options
        url = self._issuer.discovery().token_endpoint
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": options.redirect_uri,
            "code_verifier": str(memory["verifier"]),
        }
        login = None
        if options.client_secret is None:
            form["client_id"] = options.client_id
        else:
            login = (options.client_id, options.client_secret)
        import httpx

        try:
            with http_client(tls=options.tls, timeout_s=10.0, login=login) as client:
                response = client.post(url, data=form, headers={"accept": "application/json"})
            answer = response.json()
        except (httpx.HTTPError, OSError) as error:
            raise SilentIssuerError(f"{url} does not answer: {type(error).__name__}") from None
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            answer = {}
        if response.status_code == 200 and isinstance(token := answer.get("id_token"), str):
            return token
        reason_code = answer.get("error")
        reason = quote(reason_code, 60) if isinstance(reason_code, str) else "no ID token"
        raise RefusedTokenError(
            f"the issuer answered {response.status_code} ({reason}) to the code of this login"
        )


def name_of(claims: Mapping[str, Any]) -> str:
    """As journals show somebody: the name that the issuer knows them by, else its id of them."""
    for key in ("preferred_username", "sub"):
        value = claims.get(key)
        if isinstance(value, str) and value.strip() and value.isprintable():
            return value.strip()[:NAME_MAX]
    raise RefusedTokenError("the token names nobody (sub)")


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
