"""What must change in Rucio so that its accounts are those of IAM. Pure.

Only accounts that are this IAM's are touched: those with its `OWNER` attribute, those whose creation is in the journal, and those
that `adopt` names. Rucio gives neither attributes nor identities of a suspended account; the journal says whether this
synchronisation suspended it, and whose it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from lakescope.sync.accounts.mapping import Mapped, Profile, is_excluded, user_digest
from lakescope.sync.accounts.options import ADMIN, OWNER, USER, AccountsOptions
from lakescope.sync.journal import Entry
from lakescope.sync.plan import Change, Kind

MASTERED = ("X509", "OIDC")
"""Types of identities that IAM masters."""
_CLOCKS_S = 900.0
"""Most seconds between the journal's time of a suspension and Rucio's: another time is another suspension."""


class Account(msgspec.Struct, kw_only=True):
    """An account of Rucio."""

    name: str
    status: str
    """ACTIVE, SUSPENDED, DELETED."""
    email: str | None
    suspended_at: str | None = None
    """UTC, by Rucio's clock."""
    identities: dict[str, str] = {}
    """Identity -> its type, of those of an active account that is ours or is to become it."""
    attributes: dict[str, str] = {}
    """Likewise: those that IAM masters."""


class History(msgspec.Struct):
    """What the journal knows of accounts."""

    creations: set[str] = msgspec.field(default_factory=set)
    """Created by a synchronisation; also where the process was killed before it heard of it."""
    suspended: dict[str, str] = msgspec.field(default_factory=dict)
    """Suspended by one, and not reactivated by one since -> when."""
    users: dict[str, str] = msgspec.field(default_factory=dict)
    """Account -> digest of its user."""
    keys: set[str] = msgspec.field(default_factory=set)
    """Attributes that one has ever set."""

    @classmethod
    def read(cls, entries: list[Entry], target: str) -> History:
        """Of one Rucio and VO."""
        history = cls()
        for entry in entries:
            change, name = entry.change, entry.change.object
            if (
                entry.sync != "accounts"
                or entry.target != target
                or entry.result in ("failed", "not applied")
            ):
                continue
            if change.type == "attribute":
                history.keys.add(change.part)
                if change.part == USER and isinstance(change.after, str):
                    history.users[name] = change.after
            elif change.type == "account" and change.part == "status":
                history.suspended.pop(name, None)
                if change.after == "SUSPENDED":
                    history.suspended[name] = entry.at
            elif change.type == "account" and change.kind == "create":
                history.creations.add(name)
        return history


def compare(
    mapped: Mapped, accounts: Mapping[str, Account], history: History, options: AccountsOptions
) -> tuple[list[Change], list[Account]]:
    """The lines of the plan, and the leavers among them. `accounts`: as `read_accounts`; those that are neither ours nor have the
    name of one that is wanted do not count."""
    holds = dict(mapped.holds)
    changes = [*mapped.lines, *_renamed(mapped, accounts, holds)]
    for name in sorted(mapped.profiles):
        if name not in holds:
            changes += _arrive(mapped.profiles[name], accounts.get(name), mapped, history, options)
    leavers = [one for _, one in sorted(accounts.items()) if _is_leaver(one, mapped, holds, options)]
    if leavers and mapped.leavers_held:
        names = ", ".join(one.name for one in leavers[:10]) + (", ..." if len(leavers) > 10 else "")
        note = f"{mapped.leavers_held}: left as they are ({len(leavers)}): {names}"
        changes.append(_line("invalid", "account", "leavers", note=note))
        leavers = []
    for one in leavers:
        changes += _leave(one, mapped, options)
    return changes, leavers


def is_mastered(key: str, mapped: Mapped) -> bool:
    """Whether IAM says who has an attribute."""
    return key in mapped.keys or (mapped.prefix is not None and key.startswith(mapped.prefix))


def is_adopted(name: str, options: AccountsOptions) -> bool:
    """Whether an account that something else made is taken over."""
    return is_excluded(name, options.adopt) and not is_excluded(name, options.exclude)


def _renamed(mapped: Mapped, accounts: Mapping[str, Account], holds: dict[str, str]) -> Iterator[Change]:
    """Users whose account has another name than they have by now: Rucio can't rename one."""
    names = {user_digest(mapped.issuer, one.user_id): one.name for one in mapped.profiles.values()}
    for name, account in sorted(accounts.items()):
        new = names.get(account.attributes.get(USER, ""))
        if new is not None and new != name and account.attributes.get(OWNER) == mapped.owner:
            holds[name] = holds[new] = "its user has another name by now"
            note = (
                f"expected the user name {name}, found {new}: Rucio cannot rename an account, so neither is touched;"
                " give the user the old name back in IAM"
            )
            yield _line("invalid", "account", name, note=note)


def _arrive(
    profile: Profile, account: Account | None, mapped: Mapped, history: History, options: AccountsOptions
) -> list[Change]:
    name, digest = profile.name, profile.attributes[USER]
    if account is None:
        created = _line("create", "account", name, after={"type": "USER", "email": profile.email})
        return [created, *_give(profile, {}, {}, mapped, is_new=True)]
    if account.status == "SUSPENDED":
        if not _is_same_time(history.suspended.get(name), account.suspended_at):
            note = (
                "expected an active account, found one that something else than this synchronisation suspended: left alone;"
                f" if its user may use it again: rucio account update {name} --unban"
            )
            return [_line("invalid", "account", name, "status", before=account.status, note=note)]
        if history.users.get(name) != digest:
            return [_other_user(name)]
        activated = _line("change", "account", name, "status", "SUSPENDED", "ACTIVE", note="the user is back")
        marks = {OWNER: profile.attributes[OWNER], USER: digest}
        return [activated, *_email(profile, account), *_give(profile, marks, {}, mapped)]
    if account.status != "ACTIVE":
        note = "expected an active account, found one that was deleted in Rucio: left alone; rename the user in IAM"
        return [_line("invalid", "account", name, "status", before=account.status, note=note)]
    owner = account.attributes.get(OWNER)
    if (
        owner != mapped.owner
        and not (owner is None and name in history.creations)
        and not is_adopted(name, options)
    ):
        note = (
            "expected no such account or one of this synchronisation, found one that something else made"
            + (" (another IAM)" if owner else "")
            + f': left alone; if it is this user\'s, add it to `adopt` of [sync.accounts] for one run: adopt = ["{name}"]'
        )
        return [_line("invalid", "account", name, note=note)]
    if account.attributes.get(USER, digest) != digest:
        return [_other_user(name)]
    return [*_email(profile, account), *_give(profile, account.attributes, account.identities, mapped)]


def _is_same_time(journal: str | None, rucio: str | None) -> bool:
    if journal is None or rucio is None:
        return False
    times = [datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() for text in (journal, rucio)]
    return abs(times[0] - times[1]) <= _CLOCKS_S


def _other_user(name: str) -> Change:
    note = (
        "expected the user that the account was made for, found another one of that name: left alone, since the data of one"
        " person is not another's; rename the user in IAM"
    )
    return _line("invalid", "account", name, note=note)


def _email(profile: Profile, account: Account) -> Iterator[Change]:
    if account.email != profile.email:
        yield _line("change", "account", profile.name, "email", account.email, profile.email)


def _give(
    profile: Profile,
    attributes: Mapping[str, str],
    identities: Mapping[str, str],
    mapped: Mapped,
    *,
    is_new: bool = False,
) -> Iterator[Change]:
    """Whose it is comes first, so that a kill leaves no account that nobody knows; the right to do all comes last.

    To take an account over, and to make somebody an administrator, is a change of the account: so the guard counts it.
    """
    name = profile.name
    order = sorted(profile.attributes, key=lambda key: (key not in (OWNER, USER), key == ADMIN, key))
    for key in order[:2]:
        yield from _attribute(name, key, attributes.get(key), profile.attributes[key], is_grave=not is_new)
    for key in sorted(attributes):
        if is_mastered(key, mapped) and key not in profile.attributes:
            yield from _attribute(name, key, attributes[key], None)
    for identity, type_ in sorted(identities.items()):
        is_kept = type_ == "X509" and profile.keeps_x509
        if type_ in MASTERED and identity not in profile.identities and not is_kept:
            yield _line("remove", "identity", name, identity, before=type_)
    for identity, kind in sorted(profile.identities.items()):
        if identities.get(identity) != kind:
            yield _line("create", "identity", name, identity, after=kind)
    for key in order[2:]:
        yield from _attribute(name, key, attributes.get(key), profile.attributes[key], is_grave=key == ADMIN)


def _attribute(
    name: str, key: str, before: str | None, after: str | None, *, is_grave: bool = False
) -> Iterator[Change]:
    if before == after or (key == ADMIN and before is not None and after is not None):
        return  # of `admin`, any value does
    kind: Kind = "remove" if after is None else "create" if before is None and not is_grave else "change"
    yield _line(kind, "attribute", name, key, before, after)


def _is_leaver(account: Account, mapped: Mapped, holds: Mapping[str, str], options: AccountsOptions) -> bool:
    if account.status != "ACTIVE" or account.attributes.get(OWNER) != mapped.owner:
        return False
    if account.name in holds or is_excluded(account.name, options.exclude):
        return False
    user = account.attributes.get(USER)
    if user in mapped.held_users:
        return False
    profile = mapped.profiles.get(account.name)
    return profile is None or (user is not None and user != profile.attributes[USER])


def _leave(account: Account, mapped: Mapped, options: AccountsOptions) -> Iterator[Change]:
    """The suspension comes last: until then the account is in Rucio's list, and a killed run is resumed."""
    name, attributes = account.name, account.attributes
    for key in sorted(attributes, key=lambda key: (key != ADMIN, key)):
        if is_mastered(key, mapped) and key not in (OWNER, USER):
            yield from _attribute(name, key, attributes[key], None)
    for identity, type_ in sorted(account.identities.items()):
        if type_ in MASTERED:
            yield _line("remove", "identity", name, identity, before=type_)
        elif options.leavers == "identities":
            note = "stays, and lets the leaver in: IAM does not master it"
            yield _line("unmapped", "identity", name, identity, before=type_, note=note)
    if options.leavers == "suspend":
        yield _line(
            "change",
            "account",
            name,
            "status",
            "ACTIVE",
            "SUSPENDED",
            note="the user left, is suspended or has expired",
        )


def _line(
    kind: Kind,
    type_: str,
    object_: str,
    part: str = "",
    before: object = None,
    after: object = None,
    note: str = "",
) -> Change:
    return Change(kind=kind, type=type_, object=object_, part=part, before=before, after=after, note=note)
