"""Rucio's accounts as of the last plan, for people to look at. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from lakescope.sync.accounts.options import OWNER, USER
from lakescope.sync.plan import Change, Plan

if TYPE_CHECKING:
    from lakescope.sync.accounts.comparison import Account, History


class AccountState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An account of Rucio."""

    name: str
    status: str = "ACTIVE"
    """ACTIVE, SUSPENDED, DELETED."""
    email: str | None = None
    is_managed: bool = False
    """Whether it is this IAM's; of one that is not, and is not to become it, no identities are read."""
    is_leaver: bool = False
    """Whether its user left IAM, is suspended there or has expired."""
    suspended_at: str | None = None
    """UTC; null for an active account."""
    identities: dict[str, str] = {}
    """Identity -> its type. Of a suspended account Rucio gives none."""
    attributes: dict[str, str] = {}
    """Without the two that say whose the account is; of a managed account those that IAM masters."""


class AccountsPlan(Plan, kw_only=True):
    """A plan of accounts, with what it was made of."""

    accounts: list[AccountState] = msgspec.field(default_factory=list)
    """Those that Rucio has, by name."""


def states_of(
    accounts: Mapping[str, Account], history: History, owner: str, leavers: Iterable[Account]
) -> list[AccountState]:
    """By name: what a plan has read, and what the journal says was suspended. `owner`: value of `OWNER`."""
    names = {one.name for one in leavers}
    states = {
        name: AccountState(name=name, status="SUSPENDED", is_managed=True, is_leaver=True, suspended_at=at)
        for name, at in history.suspended.items()
    }
    for name, one in accounts.items():
        if one.status == "SUSPENDED" and name in states:
            states[name].email = one.email
            states[name].is_leaver = False  # looked up since its user is there
            continue
        states[name] = AccountState(
            name=name,
            status=one.status,
            email=one.email,
            is_managed=one.attributes.get(OWNER) == owner,
            is_leaver=name in names,
            suspended_at=one.suspended_at,
            identities=one.identities,
            attributes=_without_marks(one.attributes),
        )
    return [one for _, one in sorted(states.items())]


def after(states: Sequence[AccountState], changes: Iterable[Change], at: str) -> list[AccountState]:
    """The accounts once `changes` were applied at a time (UTC)."""
    accounts = {one.name: msgspec.structs.replace(one) for one in states}
    for change in changes:
        account = accounts.setdefault(change.object, AccountState(name=change.object))
        match change.type, change.part:
            case "account", "":
                account.email, account.is_managed = change.after["email"], True
            case "account", "email":
                account.email = change.after
            case "account", _:
                account.status = change.after
                account.suspended_at = at if change.after == "SUSPENDED" else None
            case "identity", identity:
                account.identities = _changed(account.identities, identity, change.after)
            case "attribute", key if key == OWNER:
                account.is_managed = change.after is not None
            case "attribute", key:
                account.attributes = _without_marks(_changed(account.attributes, key, change.after))
    return [one for _, one in sorted(accounts.items())]


def _changed(values: Mapping[str, str], key: str, value: str | None) -> dict[str, str]:
    rest = {name: one for name, one in values.items() if name != key}
    return rest if value is None else rest | {key: value}


def _without_marks(attributes: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in sorted(attributes.items()) if key not in (OWNER, USER)}
