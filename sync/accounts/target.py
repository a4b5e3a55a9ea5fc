"""Rucio's side of the accounts: what it has, and which call a change is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from lakescope.sync.accounts.comparison import MASTERED, Account, History, is_adopted, is_mastered
from lakescope.sync.accounts.mapping import SET, Mapped, user_digest
from lakescope.sync.accounts.options import ADMIN, OWNER, USER, AccountsOptions
from lakescope.sync.plan import Change
from lakescope.sync.rucio import Rucio, RucioRefusedError

_TRUTHS = ("true", "false", "1", "0", "yes", "no", "on", "off", "True", "t", "y")
"""Values of `ADMIN` that are looked for. Rucio finds accounts by an attribute's key and value, not by the key alone."""
_SUBJECT = re.compile(r"SUB=(.*), ISS=(.*)", re.DOTALL)

T = TypeVar("T")
A = TypeVar("A")


class AccountsTarget:
    """A `Target` of sync/apply.py."""

    def __init__(self, rucio: Rucio) -> None:
        self._rucio = rucio
        self.label = rucio.label

    def perform(self, change: Change) -> None:
        """One call; two where an attribute gets another value, which Rucio cannot do by one."""
        rucio, name, part = self._rucio, change.object, change.part
        match change.type, part:
            case "account", "":
                rucio.post("accounts", name, body=change.after)
            case "account", field:
                rucio.put("accounts", name, body={field: change.after})
            case "attribute", key:
                if change.before is not None:
                    rucio.delete("accounts", name, "attr", key)
                if change.after is not None:
                    rucio.post("accounts", name, "attr", key, body={"value": change.after})
            case "identity", identity if change.after is not None:
                body = {
                    "identity": identity,
                    "authtype": change.after,
                    "email": self._email(name),
                    "default": False,
                }
                rucio.post("accounts", name, "identities", body=body)
            case "identity", identity:
                rucio.delete(
                    "accounts", name, "identities", body={"identity": identity, "authtype": change.before}
                )
            case _:
                raise AssertionError(change.type)

    def value(self, change: Change) -> Any:
        """Of a suspended account, Rucio gives neither attributes nor identities: null."""
        name, part = change.object, change.part
        match change.type:
            case "account":
                answer = self._unless_missing(lambda: self._rucio.get("accounts", name))
                if answer is None or part:
                    return answer and answer[part]
                return {"type": answer["account_type"], "email": answer["email"]}
            case "attribute":
                return (self._unless_missing(lambda: _attributes(self._rucio, name)) or {}).get(part)
            case _:
                return (self._unless_missing(lambda: _identities(self._rucio, name)) or {}).get(part)

    def stage(self, change: Change) -> int:
        """Accounts do not depend on each other."""
        return 0

    def why_not_undone(self, change: Change) -> str:
        """Accounts are never deleted."""
        if change.type == "account" and change.kind == "create":
            return (
                f"accounts are never deleted; suspend it instead: rucio account update {change.object} --ban"
            )
        return ""

    def _email(self, name: str) -> str:
        return str(self._rucio.get("accounts", name)["email"])

    @staticmethod
    def _unless_missing(read: Callable[[], T]) -> T | None:
        try:
            return read()
        except RucioRefusedError as error:
            if error.kind == "AccountNotFound":
                return None
            raise


def read_accounts(
    rucio: Rucio,
    mapped: Mapped,
    history: History,
    options: AccountsOptions,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Account]:
    """All active accounts, and those that are not and have the name of one that is wanted. Identities and attributes are read of
    those that are ours or are to become it, attributes also of others of a wanted name. Raises `SyncError`."""
    listed = {one["account"]: one["email"] for one in rucio.lines("accounts", "")}
    ours = {one["account"] for one in rucio.lines("accounts", "", **{OWNER: mapped.owner})}
    accounts = {name: Account(name=name, status="ACTIVE", email=listed.get(name)) for name in ours}
    strangers = {name for name in mapped.profiles if name in listed} - ours
    adopted = {name for name in strangers if name in history.creations or is_adopted(name, options)}
    others = strangers - adopted
    for name in (*adopted, *others):
        accounts[name] = Account(name=name, status="ACTIVE", email=listed[name])
    for name in ours:
        accounts[name].attributes[OWNER] = mapped.owner
    _find_attributes(rucio, accounts, ours, mapped, history)
    readable, unlisted = sorted(ours | adopted), sorted(mapped.profiles.keys() - listed.keys())
    each = _Each(rucio, progress, len(readable) + len(unlisted))
    for name, identities in each(_identities, readable):
        accounts[name].identities = identities
    doubtful = [
        *adopted,
        *others,
        *(name for name in sorted(ours) if not _is_plain(accounts[name], mapped)),
    ]
    for name, attributes in each(_attributes, doubtful):
        accounts[name].attributes = attributes
    accounts |= {name: answer for name, answer in each(_look_up, unlisted) if answer is not None}
    for name in listed.keys() - accounts.keys():
        accounts[name] = Account(name=name, status="ACTIVE", email=listed[name])
    return accounts


class _Each:
    """Asks the same of many accounts: their identities take one call each."""

    def __init__(self, rucio: Rucio, progress: Callable[[int, int], None], total: int) -> None:
        self._rucio, self._progress, self._total = rucio, progress, total
        self._done = 0

    def __call__(self, ask: Callable[[Rucio, str], A], names: Iterable[str]) -> Iterator[tuple[str, A]]:
        names = list(names)
        answers = self._rucio.each(lambda name: ask(self._rucio, name), names)
        for name, answer in zip(names, answers, strict=True):
            self._done += 1
            self._progress(self._done, max(self._total, self._done))
            yield name, answer


def _find_attributes(
    rucio: Rucio, accounts: Mapping[str, Account], ours: set[str], mapped: Mapped, history: History
) -> None:
    """One call a key, instead of one an account."""
    keys = {key for one in mapped.profiles.values() for key in one.attributes} | mapped.keys
    keys |= {key for key in history.keys if is_mastered(key, mapped)}
    pairs = [(key, SET) for key in sorted(keys - {OWNER, USER, ADMIN})] + [
        (ADMIN, value) for value in _TRUTHS
    ]

    def holders(pair: tuple[str, str]) -> list[str]:
        return [one["account"] for one in rucio.lines("accounts", "", **{pair[0]: pair[1]})]

    for (key, value), names in zip(pairs, rucio.each(holders, pairs), strict=True):
        for name in ours.intersection(names):
            accounts[name].attributes[key] = value


def _is_plain(account: Account, mapped: Mapped) -> bool:
    """Whether all that matters of its attributes is known without reading them: its user by the OIDC identity, the one that is
    wanted, and no attribute is to be added."""
    profile = mapped.profiles.get(account.name)
    user = _user(account, mapped)
    if user is None or profile is None or user != profile.attributes[USER]:
        return False
    account.attributes[USER] = user
    return account.attributes.keys() >= profile.attributes.keys()


def _user(account: Account, mapped: Mapped) -> str | None:
    """Digest of the user, by the one OIDC identity of this issuer."""
    subjects = subjects_of(account, mapped.issuer)
    return user_digest(mapped.issuer, subjects[0]) if len(subjects) == 1 else None


def subjects_of(account: Account, issuer: str) -> list[str]:
    """Ids of the users of an issuer whose tokens open an account."""
    pairs = [match.groups() for one in account.identities if (match := _SUBJECT.fullmatch(one))]
    return sorted({subject for subject, iss in pairs if iss.rstrip("/") == issuer.rstrip("/")})


def _identities(rucio: Rucio, name: str) -> dict[str, str]:
    """A certificate and a user name may be one text: a type that IAM masters comes first."""
    lines = sorted(rucio.lines("accounts", name, "identities"), key=lambda one: one["type"] in MASTERED)
    return {one["identity"]: one["type"] for one in lines}


def _attributes(rucio: Rucio, name: str) -> dict[str, str]:
    return {one["key"]: _text(one["value"]) for one in rucio.get("accounts", name, "attr", "")}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _look_up(rucio: Rucio, name: str) -> Account | None:
    try:
        answer = rucio.get("accounts", name)
    except RucioRefusedError as error:
        if error.kind == "AccountNotFound":
            return None
        raise
    return Account(
        name=name, status=answer["status"], email=answer["email"], suspended_at=answer["suspended_at"]
    )
