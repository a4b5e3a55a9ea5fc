"""Who may push, and what: static tokens by their hashes, tokens of an OpenID Connect issuer, and how often.

A collector does not look into bodies: what VO or producer an event is of is known once it is decoded. So a sender's rights
go with its bodies, as headers, and the transform stage rejects events that they do not cover (`lakescope.pipeline.normalise`).
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import NamedTuple

from fastapi import HTTPException
from fastapi.concurrency import run_in_threadpool
from pydantic import Field, SecretStr, field_validator

from lakescope.core.guesses import Guesses, refusal
from lakescope.core.issuer import (
    Issuer,
    IssuerOptions,
    RefusedTokenError,
    SilentIssuerError,
    groups_of,
    looks_like_jwt,
    scopes_of,
)
from lakescope.core.messages import SENDER, SENDER_PRODUCERS, SENDER_VOS, join_names
from lakescope.core.options import Options
from lakescope.core.tokens import CHALLENGE, token_of

SENDERS_MAX = 10_000
"""Whose rate is remembered: addresses may be many."""


class SenderRights(Options):
    """What a sender may push."""

    formats: tuple[str, ...] = Field(default=(), examples=[["push", "node_exporter"]])
    """Formats of its bodies; without any all."""
    producers: tuple[str, ...] = Field(default=(), examples=[["escape-scripts"]])
    """Producers that its documents may name (format push); without any all."""
    vos: tuple[str, ...] = Field(default=(), examples=[["escape"]])
    """VOs that its events may be of; without any all. Events that name no VO are of the only one."""
    rate_per_s: float | None = Field(default=None, gt=0, examples=[10.0])
    """Requests a second at most, in the place of the collector's."""

    @field_validator("producers", "vos")
    @classmethod
    def _are_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not all(name and name.isprintable() and "," not in name for name in names):
            raise ValueError("expected names without commas")
        return names


class PushToken(SenderRights):
    """A sender's token. `lakescope access token NAME` makes one."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$", examples=["5e88...64 hexadecimal digits"])
    """SHA-256 of the token, in hexadecimal."""
    expires: date | None = Field(default=None, examples=["2027-01-31"])
    """Last day (UTC) on which it is taken; without it there is none."""


class PushOidc(IssuerOptions):
    """Senders with tokens of an OpenID Connect issuer (INDIGO IAM, WLCG's profile)."""

    groups: dict[str, SenderRights] = Field(default_factory=dict)
    """Group (``wlcg.groups`` or ``groups`` of a token) -> what its members may push. Of several the first counts."""
    scopes: dict[str, SenderRights] = Field(default_factory=dict)
    """Scope of a token -> what may be pushed with it; looked at after the groups."""


class Sender(NamedTuple):
    """Somebody who may push."""

    name: str
    rights: SenderRights

    def headers(self) -> dict[str, str]:
        """What goes with its bodies."""
        names = {SENDER_VOS: self.rights.vos, SENDER_PRODUCERS: self.rights.producers}
        return {SENDER: self.name} | {name: join_names(value) for name, value in names.items() if value}


class Senders:
    """All who may push to one collector."""

    def __init__(
        self,
        token: SecretStr | None,
        tokens: Mapping[str, PushToken],
        oidc: PushOidc | None,
        rate_per_s: float | None,
    ) -> None:
        self._entries: dict[str, tuple[Sender, date | None]] = {
            one.sha256: (Sender(name, one), one.expires) for name, one in tokens.items()
        }
        if token is not None:
            self._entries[_hash(token.get_secret_value().encode())] = (Sender("token", SenderRights()), None)
        self._oidc = oidc
        self._issuer = None if oidc is None else Issuer(oidc)
        self._rate = rate_per_s
        self._guesses = Guesses()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @property
    def is_open(self) -> bool:
        """Whether nobody needs a token."""
        return not self._entries and self._issuer is None

    async def admit(self, authorization: str | None, client: str, format: str) -> dict[str, str]:
        """Headers for the body of a request. Raises `HTTPException`: 401, 403, 429 or 503."""
        if self.is_open:
            self._count(client, self._rate)
            return {}
        token = token_of(authorization)
        if token is None:
            raise _unauthorised("expected a token of this collector (Authorization: Bearer ...)")
        # a sender whose token is right is never held back by another behind the same proxy: guessing one is hopeless anyway
        if (wait_s := self._guesses.wait_s(client)) and _hash(token) not in self._entries:
            raise HTTPException(429, refusal(wait_s), {"retry-after": str(wait_s)})
        try:
            sender = await self._sender(token)
        except HTTPException as error:
            if error.status_code == 401:
                self._guesses.count(client)
            raise
        rights = sender.rights
        if rights.formats and format not in rights.formats:
            formats = ", ".join(rights.formats)
            raise HTTPException(403, f"{sender.name} may not push the format {format}: expected {formats}")
        self._count(sender.name, self._rate if rights.rate_per_s is None else rights.rate_per_s)
        return sender.headers()

    async def _sender(self, token: bytes) -> Sender:
        sender, expires = self._entries.get(_hash(token), (None, None))
        if sender is not None:
            if expires is not None and datetime.now(UTC).date() > expires:
                raise _unauthorised(f"the token {sender.name} was valid until {expires}")
            return sender
        if self._issuer is None or not looks_like_jwt(token):
            raise _unauthorised(
                "this collector's token is expected; the one that was shown is not known here"
            )
        try:
            # away from the event loop: the issuer may have to be asked
            claims = await run_in_threadpool(self._issuer.verify, token.decode())
        except RefusedTokenError as error:
            raise _unauthorised(str(error)) from None
        except SilentIssuerError as error:
            raise HTTPException(503, f"the token cannot be checked: {error}", {"retry-after": "30"}) from None
        assert self._oidc is not None
        name = f"{claims['sub']}"[:200]
        name = name if name.isprintable() else repr(name)
        for tables, owned in (
            (self._oidc.groups, groups_of(claims)),
            (self._oidc.scopes, scopes_of(claims)),
        ):
            for one, rights in tables.items():
                if one.removeprefix("/") in owned or one in owned:
                    return Sender(name, rights)
        expected = ", ".join((*self._oidc.groups, *self._oidc.scopes))
        raise HTTPException(403, f"{name} may not push here: expected a group or scope of {expected}")

    def _count(self, name: str, rate: float | None) -> None:
        """One request of a sender more. Raises `HTTPException` (429) for more than `rate` a second, a second's worth at once."""
        if rate is None:
            return
        now, burst = time.monotonic(), max(1.0, rate)
        left, last = self._buckets.pop(name, (burst, now))
        left = min(burst, left + (now - last) * rate)
        is_one_left = left >= 1
        self._buckets[name] = (left - is_one_left, now)
        if len(self._buckets) > SENDERS_MAX:
            self._buckets.popitem(last=False)
        if not is_one_left:
            wait = str(math.ceil((1 - left) / rate))
            raise HTTPException(429, f"more than {rate:g} requests a second of {name}", {"retry-after": wait})


def _hash(token: bytes) -> str:
    return hashlib.sha256(token).hexdigest()


def _unauthorised(text: str) -> HTTPException:
    return HTTPException(401, text, {"www-authenticate": CHALLENGE})
