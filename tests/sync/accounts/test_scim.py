"""IAM's users, read from a SCIM server that is healthy, faulty in every way the traps name, or not there."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from lakescope.sync.accounts import scim
from lakescope.sync.accounts.options import AccountsOptions
from lakescope.sync.plan import SyncError
from tests.servers._process import free_port
from tests.servers.iam import Iam as IamServer

PEOPLE = ("ann", "bob", "cleo", "dirk", "eve")


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IamServer]:
    """Five users."""
    with IamServer(tmp_path_factory.mktemp("iam")) as server:
        for name in PEOPLE:
            server.add(name, groups=("escape",), certificates=[f"CN={name},O=Example"])
        yield server


@pytest.fixture(autouse=True)
def _healthy(iam: IamServer) -> Iterator[None]:
    yield
    iam.spoil()


def options(iam: IamServer, **values: object) -> AccountsOptions:
    return AccountsOptions.model_validate(
        {"url": iam.url, "client_id": iam.client_id, "client_secret": iam.client_secret, **values}
    )


def read(iam: IamServer, **values: object) -> scim.Users:
    with scim.Iam(options(iam, **values), pause_s=0.0) as session:
        return session.read()


def names(users: scim.Users) -> list[str]:
    return sorted(user.user_name for user in users.users)


def test_all_users_with_what_rucio_needs(iam: IamServer) -> None:
    users = read(iam)
    assert names(users) == list(PEOPLE)
    assert users.issuer == iam.issuer, "as the discovery document says, slash included"
    ann = next(user for user in users.users if user.user_name == "ann")
    assert (ann.email, ann.active) == ("ann@example.org", True)
    assert ann.groups == (scim.Group("escape"),)
    assert ann.indigo is not None and ann.indigo.certificates == (scim.Certificate("CN=ann,O=Example"),)


@pytest.mark.parametrize("fault", ["itemsPerPage 0", "no itemsPerPage", "short pages"])
def test_harmless_oddities_of_pages(iam: IamServer, fault: str) -> None:
    iam.spoil(fault)
    assert names(read(iam)) == list(PEOPLE)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("repeat", "does not heed startIndex"),
        ("total too large", "totalResults is 10, and 5 users came in each of 3 readings"),
        ("total too small", "totalResults is 1, and 5 users came"),
        ("growing", "totalResults was 10 and is 11 at startIndex 6"),
        ("html", "a proxy or a login page is in between"),
        ("html as json", "expected a page of users, found <!DOCTYPE html>"),
        ("half a JSON", "expected a page of users"),
        ("401", r"answered 401.*ROLE_READER\) suffices"),
        ("403", r"answered 403.*ROLE_READER\) suffices"),
        ("503", "no answer in 4 attempts"),
        ("404", "answered 404"),
        ("302", "a redirect"),
    ],
)
def test_a_list_that_is_not_to_be_relied_on_is_none(iam: IamServer, fault: str, words: str) -> None:
    iam.spoil(fault)
    with pytest.raises(SyncError, match=words):
        read(iam)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"id": "1", "active": true}', "userName"),
        ('{"id": "1", "userName": null, "active": true}', "userName"),
        ('{"id": "1", "userName": "", "active": true}', "userName"),
        ('{"id": "1", "userName": "x", "active": "yes"}', r"\$.active"),
        ('{"id": "1", "userName": "x"}', "active"),
        ('"a text"', "Expected `object`"),
        (
            '{"id": "1", "userName": "x", "active": true, "urn:indigo-dc:scim:schemas:IndigoUser": {"endTime": "soon"}}',
            "endTime",
        ),
    ],
)
def test_a_user_that_cannot_be_read_is_a_fault_beside_the_others(
    iam: IamServer, text: str, path: str
) -> None:
    id_ = next(user.id for user in read(iam).users if user.user_name == "cleo")
    iam.spoil(raw={id_: text})
    users = read(iam)
    assert names(users) == ["ann", "bob", "dirk", "eve"]
    (fault,) = users.faults
    assert path.replace("\\", "") in fault.text and "correct this user in IAM" in fault.text


def test_a_faulty_user_on_every_page_does_not_hide_that_pages_repeat(iam: IamServer) -> None:
    first = json.dumps({"id": "x"})
    iam.spoil("repeat", raw={user.id: first for user in read(iam).users})
    with pytest.raises(SyncError, match="does not heed startIndex"):
        read(iam)


def test_a_user_by_id(iam: IamServer) -> None:
    ann = next(user for user in read(iam).users if user.user_name == "ann")
    with scim.Iam(options(iam), pause_s=0.0) as session:
        assert session.user(ann.id) == ann
        assert session.user("nobody") is None


def test_wrong_credentials_name_the_remedy_and_no_secret(iam: IamServer) -> None:
    with pytest.raises(SyncError, match="correct `client_id`") as error:
        read(iam, client_secret=SecretStr("a-wrong-secret"))
    assert "a-wrong-secret" not in str(error.value)
    with pytest.raises(SyncError, match="invalid_scope"):
        read(iam, scope="openid")


def test_nobody_there() -> None:
    nowhere = AccountsOptions.model_validate(
        {"url": f"http://127.0.0.1:{free_port()}", "client_id": "x", "client_secret": "y"}
    )
    with (
        scim.Iam(nowhere, pause_s=0.0) as session,
        pytest.raises(SyncError, match=r"is `url` of \[sync.accounts\] right"),
    ):
        session.read()


def test_a_token_that_is_refused_is_renewed_once(iam: IamServer) -> None:
    with scim.Iam(options(iam), pause_s=0.0) as session:
        assert names(session.read()) == list(PEOPLE)
        iam.spoil("tokens expire")
        assert names(session.read()) == list(PEOPLE)


def test_a_page_without_end_takes_bounded_memory(iam: IamServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scim, "PAGE_BYTES_MAX", 200_000)
    id_ = read(iam).users[0].id
    iam.spoil(raw={id_: json.dumps({"id": id_, "userName": "x" * 5_000_000})})
    tracemalloc.start()
    try:
        with pytest.raises(SyncError, match="expected 200000 bytes at most"):
            read(iam)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()
