"""Options of `[access]`: who may come in, and what of the stored data they may see and do.

[access.tokens.NAME]      a random token, of which only the hash is here
[access.oidc]             an issuer where people log in, and whose tokens scripts may show
[access.groups."/group"]  members of a group, as that issuer names them
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from lakescope.app.viewer import Role, Viewer
from lakescope.core.issuer import IssuerOptions
from lakescope.core.options import Options, check_url

HTTP_TOKEN = "[http] token"  # noqa: S105 - the option's name
"""What journals call whoever shows it."""
CALLBACK = "/login/callback"
"""Where an issuer sends a browser back to."""


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


class PeopleOidc(IssuerOptions):
    """OpenID Connect: where people log in (authorisation code with PKCE), such as an INDIGO IAM."""

    client_id: str = Field(examples=["lakescope"])
    """Lakescope's client at the issuer."""
    client_secret: SecretStr | None = Field(default=None, examples=["${LAKESCOPE_CLIENT_SECRET}"])
    """Its secret; without one it is a public client."""
    redirect_uri: str = Field(examples=["https://lakescope.example.org/login/callback"])
    """Where the issuer sends people back to: Lakescope's public address and ``/login/callback``. The issuer must know it, too."""
    scopes: tuple[str, ...] = Field(
        default=("openid", "profile"), examples=[["openid", "profile", "wlcg.groups"]]
    )
    """Scopes to ask for; the ID token must then have the groups (``wlcg.groups`` or ``groups``)."""
    audience: tuple[str, ...] = Field(default=(), examples=[["https://lakescope.example.org"]])
    """Audiences of access tokens that scripts may show (``Authorization: Bearer``); without any no access token is taken."""

    @field_validator("redirect_uri")
    @classmethod
    def _comes_back(cls, uri: str) -> str:
        check_url(uri, ("http", "https"), f"https://lakescope.example.org{CALLBACK}")
        parts = urlsplit(uri)
        if not parts.path.endswith(CALLBACK) or parts.query or parts.fragment:
            raise ValueError(f"expected an address that ends in {CALLBACK}")
        if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("expected https: the code in the address is as good as a login")
        return uri

    @field_validator("scopes")
    @classmethod
    def _is_openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise ValueError("expected `openid` among them: without it there is no ID token")
        return scopes


class AccessOptions(Options):
    """Who may come in, beside whoever shows the token of `[http]`, who may do all."""

    tokens: dict[str, TokenOptions] = Field(default_factory=dict)
    """Tokens by the names that journals and acknowledgements show."""
    oidc: PeopleOidc | None = None
    """Where people log in."""
    groups: dict[str, Rights] = Field(default_factory=dict)
    """Group of the issuer -> rights of its members; a slash at its beginning makes no difference. Of several groups those with
    the highest role count, and what they see is united: an operator of one VO is none of another for being its reader."""
    session_s: float = Field(default=8 * 3600.0, ge=60)
    """How long a login of a browser lasts (seconds). Who leaves a group keeps its rights until then."""

    @model_validator(mode="after")
    def _issuer_has_groups(self) -> Self:
        if (self.oidc is not None) != bool(self.groups):
            raise ValueError(
                "`oidc` lets nobody in: add a table groups.NAME"
                if self.oidc
                else "`groups` without `oidc`: add the issuer that names them"
            )
        return self

    @property
    def is_configured(self) -> bool:
        """Whether anybody has rights."""
        return bool(self.tokens or self.oidc)

    def viewer_of(self, name: str, groups: Iterable[str]) -> Viewer | None:
        """A member of groups (without the slash at their beginning); null if none has rights here."""
        return unite(name, self.groups_of(groups).values())

    def groups_of(self, groups: Iterable[str]) -> Mapping[str, Rights]:
        """Those that have rights here, by their names without the slash."""
        names = frozenset(groups)
        known_groups = {name.removeprefix("/"): rights for name, rights in self.groups.items()}
        return {name: rights for name, rights in known_groups.items() if name in names}


def unite(name: str, rights: Iterable[Rights]) -> Viewer | None:
    """What those with the highest role allow together; null for none."""
    viewers = [one.viewer(name) for one in rights]
    role = max((one.role for one in viewers), default=None)
    if role is None:
        return None
    viewers = [one for one in viewers if one.role == role]
    vos = frozenset().union(*(one.vos or () for one in viewers))
    return Viewer(
        name,
        role,
        None if any(one.vos is None for one in viewers) else vos,
        any(one.shared for one in viewers),
        any(one.people for one in viewers),
    )
