"""What is done to Rucio's accounts, and what is left alone."""

from __future__ import annotations

from typing import Any

from lakescope.sync.accounts.comparison import Account, History, compare
from lakescope.sync.accounts.mapping import Mapped, issuer_digest, user_digest
from lakescope.sync.accounts.options import OWNER, USER
from lakescope.sync.accounts.scim import Fault
from lakescope.sync.accounts.state import AccountState, after, states_of
from lakescope.sync.guard import count_objects
from lakescope.sync.journal import Entry
from lakescope.sync.plan import Change, Plan
from tests.sync.accounts.test_mapping import ISSUER, mapped, options, user

OWN = {"lakescope-iam": issuer_digest(ISSUER)}


def oidc(name: str) -> str:
    return f"SUB=id-{name}, ISS={ISSUER}"


def account(name: str, *, status: str = "ACTIVE", of: str | None = None, **values: Any) -> Account:
    """As a synchronisation would have made it for the user of that name."""
    attributes = OWN | {"lakescope-iam-user": user_digest(ISSUER, f"id-{of or name}")}
    given: dict[str, Any] = {
        "email": f"{name}@example.org",
        "identities": {oidc(of or name): "OIDC"},
        "attributes": attributes,
    }
    return Account(name=name, status=status, **(given | values))


def lines(result: Mapped, *accounts: Account, history: History | None = None, **values: Any) -> list[Change]:
    changes, _ = compare(result, {one.name: one for one in accounts}, history or History(), options(**values))
    return changes


def brief(changes: list[Change]) -> list[tuple[str, str, str, str]]:
    return [(one.kind, one.type, one.object, one.part) for one in changes]


def test_equal_is_equal() -> None:
    assert lines(mapped(user("jane")), account("jane")) == []


def test_a_new_account_is_marked_before_all_else_and_made_administrator_last() -> None:
    result = mapped(user("boss", groups=("admins",)), admin_groups=["admins"])
    assert brief(lines(result)) == [
        ("create", "account", "boss", ""),
        ("create", "attribute", "boss", "lakescope-iam"),
        ("create", "attribute", "boss", "lakescope-iam-user"),
        ("create", "identity", "boss", oidc("boss")),
        ("create", "attribute", "boss", "group-admins"),
        ("change", "attribute", "boss", "admin"),
    ]


def test_each_difference_is_a_line() -> None:
    result = mapped(user("jane", certificates=["CN=New,O=x"], groups=("new",)))
    jane = account(
        "jane",
        email="old@example.org",
        identities={oidc("jane"): "OIDC", "/O=x/CN=Old": "X509", "jane": "USERPASS"},
        attributes=account("jane").attributes | {"group-old": "true", "admin": "1", "country": "ch"},
    )
    assert brief(lines(result, jane)) == [
        ("change", "account", "jane", "email"),
        ("remove", "attribute", "jane", "admin"),
        ("remove", "attribute", "jane", "group-old"),
        ("remove", "identity", "jane", "/O=x/CN=Old"),
        ("create", "identity", "jane", "/O=x/CN=New"),
        ("create", "attribute", "jane", "group-new"),
    ]


def test_whoever_is_an_administrator_by_any_value_stays_one_without_a_change() -> None:
    result = mapped(user("boss", groups=("admins",)), admin_groups=["admins"], attribute_prefix=None)
    boss = account("boss", attributes=account("boss").attributes | {"admin": "1"})
    assert lines(result, boss, admin_groups=["admins"]) == []


def test_certificates_stay_where_one_cannot_be_read() -> None:
    result = mapped(user("jane", certificates=["nonsense"]))
    jane = account("jane", identities={oidc("jane"): "OIDC", "/O=x/CN=Old": "X509", "SUB=1, ISS=x": "OIDC"})
    assert ("remove", "identity", "jane", "/O=x/CN=Old") not in brief(lines(result, jane))
    assert ("remove", "identity", "jane", "SUB=1, ISS=x") in brief(lines(result, jane))


def test_a_leaver_loses_rights_then_identities_then_the_account() -> None:
    jane = account("jane", attributes=account("jane").attributes | {"admin": "true", "group-x": "true"})
    expected = [
        ("remove", "attribute", "jane", "admin"),
        ("remove", "attribute", "jane", "group-x"),
        ("remove", "identity", "jane", oidc("jane")),
    ]
    assert brief(lines(mapped(), jane)) == [*expected, ("change", "account", "jane", "status")]
    assert brief(lines(mapped(user("jane", active=False)), jane)) == brief(lines(mapped(), jane))
    assert brief(lines(mapped(), jane, leavers="identities")) == expected


def test_what_still_lets_a_leaver_in_is_listed() -> None:
    jane = account("jane", identities={"jane": "USERPASS"})
    assert brief(lines(mapped(), jane, leavers="identities")) == [("unmapped", "identity", "jane", "jane")]


def test_whoever_has_left_already_is_no_drift() -> None:
    assert lines(mapped(), account("jane", identities={}), leavers="identities") == []
    assert lines(mapped(user("jane", active=False))) == []


def journal(
    *changes: Change, target: str = "R", at: str = "2026-11-27T10:00:00Z", result: str = "applied"
) -> History:
    entries = [
        Entry(id=1, run="", sync="accounts", target=target, by="", at=at, change=one, result=result)
        for one in changes
    ]
    return History.read(entries, "R")


SUSPENSION = Change(
    kind="change", type="account", object="jane", part="status", before="ACTIVE", after="SUSPENDED"
)
MARK = Change(
    kind="create",
    type="attribute",
    object="jane",
    part="lakescope-iam-user",
    after=user_digest(ISSUER, "id-jane"),
)
GONE = account("jane", status="SUSPENDED", suspended_at="2026-11-27T10:00:02", identities={}, attributes={})


def test_who_returns_gets_the_account_back() -> None:
    result = mapped(user("jane", groups=("x",)))
    assert brief(lines(result, GONE, history=journal(MARK, SUSPENSION))) == [
        ("change", "account", "jane", "status"),
        ("create", "identity", "jane", oidc("jane")),
        ("create", "attribute", "jane", "group-x"),
    ]


def test_a_suspension_that_is_not_ours_stays() -> None:
    by_hand = account("jane", status="SUSPENDED", suspended_at="2026-11-27T12:00:00")
    for gone, history in (
        (GONE, journal()),
        (GONE, journal(MARK)),
        (GONE, journal(MARK, SUSPENSION, SUSPENSION.inverse())),
        (GONE, journal(MARK, SUSPENSION, target="another Rucio")),
        (GONE, journal(MARK, SUSPENSION, result="failed")),
        (by_hand, journal(MARK, SUSPENSION)),
    ):
        (line,) = lines(mapped(user("jane")), gone, history=history)
        assert line.kind == "invalid" and "something else than this synchronisation suspended" in line.note


def test_another_person_of_that_name_does_not_get_the_account() -> None:
    newcomer = mapped(user("jane", id_="another"))
    (line,) = lines(newcomer, GONE, history=journal(MARK, SUSPENSION))
    assert line.kind == "invalid" and "found another one of that name" in line.note
    assert brief(lines(newcomer, account("jane"))) == [
        ("invalid", "account", "jane", ""),
        ("remove", "identity", "jane", oidc("jane")),
        ("change", "account", "jane", "status"),
    ]


def test_accounts_that_something_else_made_are_left_alone() -> None:
    result = mapped(user("jane"), user("joe"))
    others = (account("jane", attributes={}, identities={}), account("prod", attributes={"admin": "true"}))
    foreign = account("joe", attributes={"lakescope-iam": "another"})
    changes = lines(result, *others, foreign)
    assert brief(changes) == [("invalid", "account", "jane", ""), ("invalid", "account", "joe", "")]
    assert 'adopt = ["jane"]' in changes[0].note and "(another IAM)" in changes[1].note


def test_an_account_can_be_adopted_which_the_guard_counts() -> None:
    jane = account("jane", attributes={"admin": "True"}, identities={"/O=x/CN=Old": "X509"})
    changes = lines(mapped(user("jane")), jane, adopt=["jane"])
    assert brief(changes) == [
        ("change", "attribute", "jane", "lakescope-iam"),
        ("change", "attribute", "jane", "lakescope-iam-user"),
        ("remove", "attribute", "jane", "admin"),
        ("remove", "identity", "jane", "/O=x/CN=Old"),
        ("create", "identity", "jane", oidc("jane")),
    ]
    plan = Plan(sync="accounts", source="", target="", changes=changes, existing={"account": 1})
    assert count_objects(plan) == {"account": 1}


def test_what_a_kill_left_between_creation_and_mark_is_ours() -> None:
    creation = Change(kind="create", type="account", object="jane", after={"type": "USER", "email": "x"})
    bare = account("jane", attributes={}, identities={})
    changes = lines(mapped(user("jane")), bare, history=journal(creation, result=""))
    assert [one.part for one in changes] == ["lakescope-iam", "lakescope-iam-user", oidc("jane")]


def test_deleted_accounts_stay_deleted() -> None:
    (line,) = lines(mapped(user("jane")), account("jane", status="DELETED"))
    assert line.kind == "invalid" and "deleted in Rucio" in line.note


def test_a_renamed_user_is_reported_and_both_accounts_left_alone() -> None:
    result = mapped(user("janet", id_="id-jane"))
    (line,) = lines(result, account("jane"))
    assert (line.kind, line.object) == ("invalid", "jane") and "give the user the old name back" in line.note


def test_whoever_cannot_be_told_is_no_leaver() -> None:
    by_id = mapped(faults=(Fault("x", "no", "id-jane", None),))
    by_name = mapped(faults=(Fault("jane", "no", None, "jane"),))
    for result in (by_id, by_name):
        assert [one.kind for one in lines(result, account("jane"))] == ["invalid"]
    nobody = mapped(faults=(Fault("user 1 of the list", "no", None, None),))
    changes = lines(nobody, account("jane"))
    assert [one.kind for one in changes] == [
        "invalid",
        "invalid",
    ] and "left as they are (1): jane" in changes[1].note
    assert brief(lines(mapped(user("x y", id_="id-jane")), account("jane"))) == [
        ("invalid", "account", "x y", "")
    ]


def test_what_people_see_of_accounts_is_as_rucio_has_them_then() -> None:
    ours, leaver = account("jdoe", of="jdoe", identities={"/CN=x": "X509"}), account("gone", of="gone")
    history = History(suspended={"before": "2026-01-01T00:00:00Z", "back": "2026-01-02T00:00:00Z"})
    accounts = {
        one.name: one
        for one in (ours, leaver, account("root", attributes={}), account("back", status="SUSPENDED"))
    }
    states = {one.name: one for one in states_of(accounts, history, issuer_digest(ISSUER), [leaver])}
    facts = {name: (one.status, one.is_managed, one.is_leaver) for name, one in states.items()}
    assert facts == {
        "back": ("SUSPENDED", True, False),
        "before": ("SUSPENDED", True, True),
        "gone": ("ACTIVE", True, True),
        "jdoe": ("ACTIVE", True, False),
        "root": ("ACTIVE", False, False),
    }
    assert states["before"].suspended_at == "2026-01-01T00:00:00Z"
    assert (
        states["jdoe"].identities == {"/CN=x": "X509"}
        and not {OWNER, USER} & states["jdoe"].attributes.keys()
    )

    def change(*place: str, before: Any = None, after: Any = None) -> Change:
        type_, object_, part = place
        return Change(kind="change", type=type_, object=object_, part=part, before=before, after=after)

    applied = [
        change("account", "new", "", after={"type": "USER", "email": "new@x"}),
        change("attribute", "new", "group-a", after="true"),
        change("identity", "jdoe", "/CN=x", before="X509"),
        change("account", "gone", "status", before="ACTIVE", after="SUSPENDED"),
        change("account", "back", "status", before="SUSPENDED", after="ACTIVE"),
        change("attribute", "root", OWNER, after="x"),
    ]
    then = {one.name: one for one in after(list(states.values()), applied, "2026-02-01T00:00:00Z")}
    assert then["new"] == AccountState(
        name="new", email="new@x", is_managed=True, attributes={"group-a": "true"}
    )
    assert (then["gone"].status, then["gone"].suspended_at) == ("SUSPENDED", "2026-02-01T00:00:00Z")
    assert (then["back"].status, then["back"].suspended_at) == ("ACTIVE", None)
    assert then["root"].is_managed and not then["root"].attributes
    assert not then["jdoe"].identities and states["jdoe"].identities, "and those before stay as they were"


def test_excluded_accounts_are_left_alone() -> None:
    assert lines(mapped(), account("prod1"), exclude=["prod*"]) == []
