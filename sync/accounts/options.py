"""`[sync.accounts]` of the configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator

from lakescope.core.options import Tls, check_url
from lakescope.sync.accounts.names import ATTRIBUTE
from lakescope.sync.schedule import Schedule

OWNER = "lakescope-iam"
"""Key of the account attribute that says which IAM an account belongs to: `issuer_digest`."""
USER = "lakescope-iam-user"
"""Key of the account attribute that says which user of it: `user_digest`."""
ADMIN = "admin"
"""Rucio's own: whoever has an attribute of this key may do all, whatever its value (rucio/core/permission/generic.py)."""
RESERVED = (OWNER, USER, ADMIN)


class AccountsOptions(Schedule):
    """Users of an INDIGO IAM as accounts of Rucio."""

    url: str = Field(examples=["https://iam.example.org"])
    """IAM's address."""
    client_id: str = Field(examples=["lakescope"])
    """A client of IAM with the grant ``client_credentials``, the scope ``scim:read`` and no more than the role of a reader."""
    client_secret: SecretStr = Field(examples=["${IAM_CLIENT_SECRET}"])
    """Its secret."""
    scope: str = "scim:read"
    """Scopes to ask for, separated by spaces."""
    issuer: str | None = Field(default=None, examples=["https://iam.example.org/"])
    """The claim ``iss`` of IAM's tokens, part of each OIDC identity; null for that of ``/.well-known/openid-configuration``, its
    slash at the end included."""
    both_issuer_forms: bool = False
    """Whether each user has two OIDC identities, with and without the issuer's slash: for a Rucio that was given both."""
    groups: tuple[str, ...] = Field(default=(), examples=[["escape"]])
    """Only members of one of these groups have an account; empty: all users. For a Rucio of several VOs, the groups of its VO."""
    admin_groups: tuple[str, ...] = Field(default=(), examples=[["escape/data-lake-admins"]])
    """Members of one of these groups are administrators of Rucio, and whoever leaves them is none any more; empty: nobody is."""
    attributes: dict[str, str] = Field(default_factory=dict, examples=[{"escape/cta": "cta"}])
    """Group of IAM -> key of the account attribute that its members have, with the value ``true``."""
    attribute_prefix: str | None = "group-"
    """Every other group becomes an attribute: this prefix and the group's path with ``.`` for ``/``; null: only `attributes`."""
    leavers: Literal["suspend", "identities"] = "suspend"
    """Whoever left IAM, is suspended there or has expired loses identities and group attributes; with ``suspend`` the account is
    suspended as well. Accounts are never deleted."""
    exclude: tuple[str, ...] = Field(default=(), examples=[["prod*", "ddm-*"]])
    """Accounts that are left alone, ``*`` for any text; ``root``, ``super_root`` and the account of [sync.rucio] always are."""
    adopt: tuple[str, ...] = Field(default=(), examples=[["jdoe"]])
    """Accounts that something else made and this synchronisation takes over, if a user of IAM has that name; ``*`` for any text.
    Whatever else they are: remove them from here once it was applied."""
    tls: Tls = Tls()
    """TLS towards IAM."""

    @field_validator("url", "issuer")
    @classmethod
    def _is_url(cls, url: str | None) -> str | None:
        if url is not None:
            check_url(url, ("http", "https"), "https://iam.example.org", "`client_secret`")
        return url

    @field_validator("attributes")
    @classmethod
    def _keys_are_ours(cls, attributes: dict[str, str]) -> dict[str, str]:
        keys = list(attributes.values())
        for key in keys:
            if not ATTRIBUTE.fullmatch(key):
                raise ValueError(f"expected a key of 1 to 30 letters, digits, -, _ and ., found {key}")
            if key in RESERVED:
                raise ValueError(f"expected another key than {key}: use `admin_groups` for administrators")
            if keys.count(key) > 1:
                raise ValueError(f"expected one group for each key, found several for {key}")
        return attributes

    @field_validator("attribute_prefix")
    @classmethod
    def _prefix_keeps_clear(cls, prefix: str | None) -> str | None:
        if prefix is not None and (
            not ATTRIBUTE.fullmatch(prefix) or any(key.startswith(prefix) for key in RESERVED)
        ):
            raise ValueError(
                "expected a prefix of letters, digits, -, _ and . with which neither admin nor lakescope-iam begins,"
                " such as group-"
            )
        return prefix
