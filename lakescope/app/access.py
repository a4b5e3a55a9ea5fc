"""Options of `[access]`: who may come in, and what of the stored data they may see and do.

[access.tokens.NAME]      a random token, of which only the hash is here
[access.groups."/group"]  members of a group, as the issuer of `[access.oidc]` names them
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal, Self

from pydantic import Field, model_validator

from lakescope.app.viewer import Role, Viewer
from lakescope.core.options import Options

HTTP_TOKEN = "[http] token"  # noqa: S105 - the option's name
"""What journals call whoever shows it."""


class Rights(Options):
    """What somebody may see and do."""

    role: Literal["reader", "operator", "admin"] = "reader"
    """reader: looks; operator: also acknowledges, silences, annotates, replays and drops dead letters; admin: also makes
    backups, applies plans of synchronisations, and pushes with no token of a collector."""
    vos: tuple[str, ...] = Field(default=(), examples=[["escape"]])
    """The VOs whose events they see."""
    all_vos: bool = False
    """Whether they see events of all VOs, and those of which no VO is known."""
    shared: bool = False
    """Whether they see what belongs to no VO: hosts, network, queues of FTS, totals of storage, Lakescope itself."""
    people: bool = False
    """Whether they see accounts, certificate subjects and clients' hosts as they are; else pseudonyms."""

    @model_validator(mode="after")
    def _sees_something(self) -> Self:
        if self.vos and self.all_vos:
            raise ValueError("`vos` and `all_vos`: expected one of the two")
        if not (self.vos or self.all_vos or self.shared):
            raise ValueError("nothing may be seen: add vos = [...], all_vos = true or shared = true")
        return self

    def viewer(self, name: str) -> Viewer:
        """Whoever has them, under their name."""
        vos = None if self.all_vos else frozenset(self.vos)
        return Viewer(name, Role[self.role.upper()], vos, self.shared, self.people)


class TokenOptions(Rights):
    """A token for people, scripts or Grafana, and its rights. `lakescope access token NAME` makes one."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$", examples=["5e88...64 hexadecimal digits"])
    """SHA-256 of the token, in hexadecimal. The token itself is nowhere in the configuration."""
    expires: date | None = Field(default=None, examples=["2027-01-31"])
    """Last day (UTC) on which it is taken; without it there is none."""

    def has_expired(self, now: float) -> bool:
        """At a time (POSIX seconds)."""
        return self.expires is not None and datetime.fromtimestamp(now, UTC).date() > self.expires


class AccessOptions(Options):
    """Who may come in, beside whoever shows the token of `[http]`, who may do all."""

    tokens: dict[str, TokenOptions] = Field(default_factory=dict)
    """Tokens by the names that journals and acknowledgements show."""
    session_s: float = Field(default=8 * 3600.0, ge=60)
    """How long a login of a browser lasts (seconds)."""

    @property
    def is_configured(self) -> bool:
        """Whether anybody has rights."""
        return bool(self.tokens)
