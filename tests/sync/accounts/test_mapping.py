"""From IAM's users to the accounts that Rucio should have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from lakescope.sync.accounts.mapping import Mapped, map_users, user_digest
from lakescope.sync.accounts.options import AccountsOptions
from lakescope.sync.accounts.scim import Certificate, Email, Fault, Group, Indigo, OidcId, User, Users
from lakescope.sync.plan import Change

ISSUER = "https://iam.example.org/"
NOW = datetime(2026, 11, 27, tzinfo=UTC)


def options(**values: Any) -> AccountsOptions:
    return AccountsOptions.model_validate(
        {"url": "https://iam.example.org", "client_id": "x", "client_secret": "y", **values}
    )


def user(
    name: str, *, id_: str | None = None, groups: tuple[str, ...] = (), active: bool = True, **indigo: Any
) -> User:
    if "certificates" in indigo:
        indigo["certificates"] = tuple(map(Certificate, indigo["certificates"]))
    email = (Email(f"{name}@example.org"),)
    return User(id_ or f"id-{name}", name, active, email, tuple(map(Group, groups)), Indigo(**indigo))


def mapped(*users: User, faults: tuple[Fault, ...] = (), **values: Any) -> Mapped:
    return map_users(Users(ISSUER, list(users), list(faults)), options(**values), NOW)


def problems(result: Mapped) -> list[str]:
    return [f"{one.object}: {one.note}" for one in result.lines if one.kind == "invalid"]


def test_a_user_becomes_an_account() -> None:
    result = mapped(
        user(
            "Jane",
            groups=("escape", "escape/cta"),
            certificates=["CN=Doe\\, Jane,O=x"],
            oidc_ids=(OidcId("https://idp.example.org", "jd"),),
        ),
        attributes={"escape/cta": "cta"},
    )
    jane = result.profiles["jane"]
    assert jane.email == "Jane@example.org"
    assert jane.identities == {
        "SUB=id-Jane, ISS=https://iam.example.org/": "OIDC",
        "SUB=jd, ISS=https://idp.example.org": "OIDC",
        "/O=x/CN=Doe, Jane": "X509",
    }
    assert jane.attributes == {
        "cta": "true",
        "group-escape": "true",
        "lakescope-iam": result.owner,
        "lakescope-iam-user": user_digest(ISSUER, "id-Jane"),
    }
    assert not result.lines


def test_the_issuer_in_both_forms_where_rucio_was_given_both() -> None:
    identities = mapped(user("jane"), both_issuer_forms=True).profiles["jane"].identities
    assert list(identities) == [
        "SUB=id-jane, ISS=https://iam.example.org/",
        "SUB=id-jane, ISS=https://iam.example.org",
    ]


@pytest.mark.parametrize("issuer", ["https://iam.example.org", "https://iam.example.org/"])
def test_whose_an_account_is_does_not_hang_on_a_slash(issuer: str) -> None:
    result = map_users(Users(issuer, [user("jane")], []), options(), NOW)
    assert result.owner == mapped().owner
    assert result.profiles["jane"].attributes == mapped(user("jane")).profiles["jane"].attributes


def test_only_members_of_a_group_of_admins_are_administrators() -> None:
    result = mapped(
        user("boss", groups=("escape/admins",)),
        user("jane", groups=("admin", "escape/admins/former")),
        admin_groups=["escape/admins"],
        attribute_prefix=None,
    )
    assert "admin" in result.profiles["boss"].attributes
    assert "admin" not in result.profiles["jane"].attributes
    assert "admin" not in mapped(user("boss", groups=("escape/admins", "admin"))).profiles["boss"].attributes


@pytest.mark.parametrize("prefix", ["", "a", "admin", "lakescope-", "group/"])
def test_no_prefix_makes_administrators_of_a_group(prefix: str) -> None:
    with pytest.raises(ValidationError, match="expected a prefix"):
        options(attribute_prefix=prefix)


@pytest.mark.parametrize(
    "attributes",
    [{"g": "admin"}, {"g": "lakescope-iam"}, {"g": "a/b"}, {"g": "x" * 31}, {"g": "a", "h": "a"}],
)
def test_no_key_makes_administrators_of_a_group(attributes: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="expected"):
        options(attributes=attributes)


def test_members_of_other_groups_have_no_account() -> None:
    result = mapped(user("jane", groups=("escape",)), user("joe", groups=("other",)), groups=["escape"])
    assert list(result.profiles) == ["jane"]


def test_who_is_suspended_or_has_expired_has_no_account() -> None:
    result = mapped(
        user("gone", active=False),
        user("expired", end_time=datetime(2026, 11, 26, tzinfo=UTC)),
        user("naive", end_time=datetime(2026, 11, 26)),  # noqa: DTZ001 - as a server may send it
        user("jane", end_time=datetime(2026, 11, 28, tzinfo=UTC)),
    )
    assert list(result.profiles) == ["jane"]


def test_invalid_names_are_reported_and_their_users_held() -> None:
    result = mapped(user("jane.doe"), user("x" * 26), user("joe"))
    assert list(result.profiles) == ["joe"]
    assert (
        len(problems(result)) == 2
        and "jane.doe: expected a user name of 25 characters" in problems(result)[0]
    )
    assert user_digest(ISSUER, "id-jane.doe") in result.held_users


def test_two_users_of_one_account_are_both_left_alone() -> None:
    result = mapped(user("Jane"), user("jane"), user("joe"))
    assert list(result.profiles) == ["joe"] and "jane" in result.holds
    assert problems(result) == [
        "jane: expected one user for it, found Jane and jane; rename one of them in IAM"
    ]


def test_two_users_with_one_certificate_are_both_left_alone() -> None:
    result = mapped(
        user("ann", certificates=["CN=Shared,O=x"]),
        user("bob", certificates=["CN=Shared, O=x"]),
        user("cleo", certificates=["CN=Own,O=x"]),
        user("left", active=False, certificates=["CN=Own,O=x"]),
    )
    assert list(result.profiles) == ["cleo"] and set(result.holds) == {"ann", "bob"}
    assert [one.part for one in result.lines] == ["/O=x/CN=Shared"]
    assert "found ann and bob; remove it from one of them in IAM" in result.lines[0].note


def test_a_certificate_that_cannot_be_read_keeps_those_that_rucio_has() -> None:
    result = mapped(user("jane", certificates=["no name", "CN=Jane,O=x"]))
    assert result.profiles["jane"].keeps_x509 and "/O=x/CN=Jane" in result.profiles["jane"].identities
    assert problems(result) == [
        "jane: subject no name: expected NAME=VALUE at character 1; correct it in IAM"
    ]


def test_saml_and_ssh_are_listed_as_not_mapped() -> None:
    import msgspec

    result = mapped(
        user("jane", saml_ids=(msgspec.Raw(b"{}"),), ssh_keys=(msgspec.Raw(b"{}"), msgspec.Raw(b"{}")))
    )
    assert [(one.kind, one.part, one.note[:1]) for one in result.lines] == [
        ("unmapped", "SAML", "1"),
        ("unmapped", "SSH", "2"),
    ]


def test_groups_whose_key_rucio_cannot_have_are_reported_once() -> None:
    long = "escape/" + "x" * 30
    result = mapped(user("ann", groups=(long, "a.b", "a/b")), user("bob", groups=(long,)))
    assert set(result.profiles["ann"].attributes) == {"lakescope-iam", "lakescope-iam-user"}
    assert sorted(one.object for one in result.lines) == [long, "group-a.b"]
    assert all("`attributes` of [sync.accounts]" in line for line in problems(result))
    named = mapped(user("ann", groups=(long,)), attributes={long: "x"})
    assert named.profiles["ann"].attributes["x"] == "true" and not named.lines


def test_a_user_without_an_address_is_reported() -> None:
    nobody = User("1", "jane", True, (Email(" "),))
    result = mapped(nobody)
    assert (
        not result.profiles and "jane" in result.holds and "expected an e-mail address" in problems(result)[0]
    )


def test_who_cannot_be_read_has_not_left() -> None:
    result = mapped(user("joe"), faults=(Fault("Jane", "no", "id-jane", "Jane"),))
    assert (
        "jane" in result.holds
        and user_digest(ISSUER, "id-jane") in result.held_users
        and not result.leavers_held
    )
    assert mapped(faults=(Fault("user 3 of the list", "no", None, None),)).leavers_held


def test_excluded_accounts_are_listed() -> None:
    result = mapped(user("root"), user("prod1"), user("jane"), exclude=["prod*"])
    assert list(result.profiles) == ["jane"]
    note = "excluded from the synchronisation"
    assert result.lines == [
        Change(kind="unmapped", type="account", object=name, note=note) for name in ("root", "prod1")
    ]
