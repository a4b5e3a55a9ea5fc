"""What Rucio should have: from IAM's users and the policy of `AccountsOptions`. Pure.

Nobody's account is guessed. Where two users claim one account, or one identity, both are `Held`: their accounts stay as they are.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from lakescope.core.messages import quote
from lakescope.sync.accounts.names import ATTRIBUTE, InvalidNameError, account_name, slash_form
from lakescope.sync.accounts.options import ADMIN, OWNER, USER, AccountsOptions
from lakescope.sync.accounts.scim import Fault, User, Users
from lakescope.sync.plan import Change

IdentityType = Literal["X509", "OIDC"]
"""Of Rucio's identities, those that IAM masters; USERPASS, GSS, SSH and SAML are somebody else's."""
SET = "true"
"""Value of an attribute that says no more than that it is there; Rucio gives it back as a boolean."""
_ALWAYS_EXCLUDED = ("root", "super_root")


class Profile(msgspec.Struct, kw_only=True):
    """An account as it should be."""

    name: str
    user_id: str
    email: str
    identities: dict[str, IdentityType]
    """Identity -> its type."""
    attributes: dict[str, str]
    """Key -> value: `OWNER` and `USER` among them."""
    keeps_x509: bool
    """Whether X.509 identities that are not in `identities` stay: a certificate of this user could not be read."""


class Mapped(msgspec.Struct, kw_only=True):
    """What IAM's users and the policy want of Rucio."""

    issuer: str
    owner: str
    """Value of the attribute `OWNER`."""
    profiles: dict[str, Profile]
    """By account."""
    holds: dict[str, str]
    """Accounts that must not be touched -> why."""
    held_users: set[str]
    """Likewise: digests of users, whatever their account is called."""
    leavers_held: str
    """Why no account may be taken for that of a leaver; empty: none speaks against it."""
    lines: list[Change]
    """What is not mapped, and what must be repaired in IAM."""
    keys: set[str]
    """Attributes of which IAM says who has them; those of `prefix` besides."""
    prefix: str | None
    """`attribute_prefix` of the options."""


def issuer_digest(issuer: str) -> str:
    """Value of `OWNER`: 30 hexadecimal digits, as Rucio takes no URL. The slash at the issuer's end does not count."""
    return hashlib.sha256(issuer.rstrip("/").encode()).hexdigest()[:30]


def user_digest(issuer: str, user_id: str) -> str:
    """Value of `USER`."""
    return hashlib.sha256(f"{issuer.rstrip('/')}\n{user_id}".encode()).hexdigest()[:30]


def oidc_identity(subject: str, issuer: str) -> str:
    """As Rucio makes it of a token's claims, verbatim (rucio/core/oidc.py, `oidc_identity_string`)."""
    return f"SUB={subject}, ISS={issuer}"


def is_excluded(account: str, patterns: Iterable[str]) -> bool:
    """Whether an account is left alone by name."""
    return account in _ALWAYS_EXCLUDED or any(fnmatchcase(account, pattern) for pattern in patterns)


def map_users(users: Users, options: AccountsOptions, now: datetime) -> Mapped:
    """`now`: users whose end is before it have expired."""
    lines: list[Change] = []
    keys = _attribute_keys(users.users, options, lines)
    claims: dict[str, list[User]] = defaultdict(list)
    holds: dict[str, str] = {}
    held_users: set[str] = set()
    for user in users.users:
        if not _is_member(user, options) or not is_current(user, now):
            continue
        try:
            name = account_name(user.user_name)
        except InvalidNameError as error:
            held_users.add(user_digest(users.issuer, user.id))
            lines.append(_invalid("account", user.user_name, str(error)))
            continue
        if is_excluded(name, options.exclude):
            note = "excluded from the synchronisation"
            lines.append(Change(kind="unmapped", type="account", object=name, note=note))
        else:
            claims[name].append(user)
    profiles: dict[str, Profile] = {}
    for name, claimants in claims.items():
        if len(claimants) == 1:
            one = _profile(name, claimants[0], users.issuer, options, keys, lines)
        else:
            names = " and ".join(quote(user.user_name) for user in claimants)
            holds[name] = f"claimed by {names}"
            lines.append(
                _invalid(
                    "account", name, f"expected one user for it, found {names}; rename one of them in IAM"
                )
            )
            one = None
        if one is None:
            holds.setdefault(name, "its user must be corrected in IAM")
            held_users.update(user_digest(users.issuer, user.id) for user in claimants)
        else:
            profiles[name] = one
    _hold_shared_identities(profiles, holds, held_users, users.issuer, lines)
    leavers_held = _hold_faults(users.faults, profiles, holds, held_users, users.issuer, lines)
    return Mapped(
        issuer=users.issuer,
        owner=issuer_digest(users.issuer),
        profiles=profiles,
        holds=holds,
        held_users=held_users,
        leavers_held=leavers_held,
        lines=lines,
        keys={ADMIN, OWNER, USER, *options.attributes.values()},
        prefix=options.attribute_prefix,
    )


def is_current(user: User, now: datetime) -> bool:
    """Neither suspended nor expired."""
    end = user.indigo.end_time if user.indigo else None
    if end is not None and end.tzinfo is None:
        end = end.replace(tzinfo=now.tzinfo)
    return user.active and (end is None or end > now)


def _is_member(user: User, options: AccountsOptions) -> bool:
    return not options.groups or not _paths(user).isdisjoint(options.groups)


def _paths(user: User) -> set[str]:
    return {group.display for group in user.groups or ()}


def _attribute_keys(
    users: Iterable[User], options: AccountsOptions, lines: list[Change]
) -> Mapping[str, str]:
    """Group -> key of its attribute; those without one are reported."""
    groups = sorted(set().union(*map(_paths, users)))
    candidates: dict[str, list[str]] = defaultdict(list)
    for group in groups:
        key = options.attributes.get(group)
        if key is None and options.attribute_prefix is not None:
            key = options.attribute_prefix + group.strip("/").replace("/", ".")
        if key is None:
            continue
        if ATTRIBUTE.fullmatch(key):
            candidates[key].append(group)
        else:
            expected = "expected an attribute's key of 1 to 30 letters, digits, -, _ and ."
            remedy = (
                'name a key for it in `attributes` of [sync.accounts], such as "'
                + group.replace('"', "")
                + '" = "cta"'
            )
            lines.append(_invalid("attribute", group, f"{expected}, found {quote(key)}; {remedy}"))
    keys: dict[str, str] = {}
    for key, claimants in candidates.items():
        if len(claimants) == 1:
            keys[claimants[0]] = key
        else:
            names = " and ".join(claimants)
            remedy = "name keys for them in `attributes` of [sync.accounts]"
            lines.append(_invalid("attribute", key, f"expected one group for it, found {names}; {remedy}"))
    return keys


def _profile(
    name: str,
    user: User,
    issuer: str,
    options: AccountsOptions,
    keys: Mapping[str, str],
    lines: list[Change],
) -> Profile | None:
    """Null, with a line, where the user lacks what an account needs."""
    email = user.email
    if email is None:
        lines.append(
            _invalid(
                "account", name, "expected an e-mail address, which Rucio demands, found none; add it in IAM"
            )
        )
        return None
    indigo = user.indigo
    identities: dict[str, IdentityType] = dict.fromkeys(_own_identities(user.id, issuer, options), "OIDC")
    keeps_x509 = False
    if indigo is not None:
        for linked in indigo.oidc_ids or ():
            identities[oidc_identity(linked.subject, linked.issuer)] = "OIDC"
        for certificate in indigo.certificates or ():
            try:
                identities[slash_form(certificate.subject_dn)] = "X509"
            except InvalidNameError as error:
                keeps_x509 = True
                lines.append(_invalid("identity", name, str(error), part=quote(certificate.subject_dn)))
        for count, kind in ((len(indigo.saml_ids or ()), "SAML"), (len(indigo.ssh_keys or ()), "SSH")):
            if count:
                note = f"{count} of IAM's {kind} identities, which Rucio does not get from here"
                lines.append(Change(kind="unmapped", type="identity", object=name, part=kind, note=note))
    paths = _paths(user)
    attributes = {key: SET for group, key in keys.items() if group in paths}
    attributes |= {OWNER: issuer_digest(issuer), USER: user_digest(issuer, user.id)}
    if not paths.isdisjoint(options.admin_groups):
        attributes[ADMIN] = SET
    return Profile(
        name=name,
        user_id=user.id,
        email=email,
        identities=identities,
        attributes=attributes,
        keeps_x509=keeps_x509,
    )


def _own_identities(user_id: str, issuer: str, options: AccountsOptions) -> list[str]:
    issuers = [issuer]
    if options.both_issuer_forms:
        issuers.append(issuer.rstrip("/") if issuer.endswith("/") else f"{issuer}/")
    return [oidc_identity(user_id, one) for one in issuers]


def _hold_shared_identities(
    profiles: dict[str, Profile],
    holds: dict[str, str],
    held_users: set[str],
    issuer: str,
    lines: list[Change],
) -> None:
    """An identity opens the accounts of one person."""
    owners: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, one in profiles.items():
        for pair in one.identities.items():
            owners[pair].append(name)
    for (identity, type_), names in owners.items():
        if len(names) > 1:
            accounts = " and ".join(names)
            note = f"expected one user with this {type_} identity, found {accounts}; remove it from one of them in IAM"
            lines.append(_invalid("identity", names[0], note, part=identity))
            for name in names:
                holds[name] = f"shares an identity with another user ({accounts})"
    for name in holds.keys() & profiles.keys():
        held_users.add(user_digest(issuer, profiles.pop(name).user_id))


def _hold_faults(
    faults: Iterable[Fault],
    profiles: dict[str, Profile],
    holds: dict[str, str],
    held_users: set[str],
    issuer: str,
    lines: list[Change],
) -> str:
    """A user who cannot be read has not left. Returns why leavers cannot be told at all, if so."""
    reason = ""
    for fault in faults:
        lines.append(_invalid("account", fault.name, fault.text))
        if fault.id:
            held_users.add(user_digest(issuer, fault.id))
        if fault.user_name:
            name = fault.user_name.lower()
            holds[name] = "its user cannot be read"
            profiles.pop(name, None)
        if not fault.id and not fault.user_name:
            reason = f"{fault.name} has neither id nor user name that can be read, and may be anybody"
    return reason


def _invalid(type_: str, object_: str, note: str, part: str = "") -> Change:
    return Change(kind="invalid", type=type_, object=object_, part=part, note=note)
