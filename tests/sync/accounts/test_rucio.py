"""Accounts of a real Rucio, from a real SCIM server: planned, applied, killed, and planned again."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from lakescope.core.rucio import RucioServer
from lakescope.sync.accounts.options import AccountsOptions
from lakescope.sync.accounts.planning import make_plan
from lakescope.sync.accounts.target import AccountsTarget
from lakescope.sync.apply import Outcome, apply, undo
from lakescope.sync.journal import Journal
from lakescope.sync.plan import Plan, SyncError
from lakescope.sync.rucio import Rucio
from tests.servers.iam import Iam
from tests.servers.rucio import Rucio as RucioOfTheShelf


class Lake:
    """A VO of Rucio, what IAM it gets its users from, and a journal."""

    def __init__(
        self, server: RucioOfTheShelf, iam: Iam, directory: Path, vo: str | None, **policy: Any
    ) -> None:
        self.server, self.vo = server, vo
        self.rucio_options = RucioServer.model_validate(
            {
                "url": server.url,
                "account": "root",
                "username": server.user,
                "password": server.password,
                "rucio_vo": vo,
            }
        )
        self.options = AccountsOptions.model_validate(
            {"url": iam.url, "client_id": iam.client_id, "client_secret": iam.client_secret, **policy}
        )
        self.rucio = Rucio(self.rucio_options, pause_s=0.0)
        self.target = AccountsTarget(self.rucio)
        self.journal = Journal(directory)

    def plan(self) -> Plan:
        return make_plan(self.options, self.rucio, self.journal.entries(), time.time())

    def sync(self, max_changes: int | None = None) -> Outcome:
        return apply(
            self.plan(),
            self.target,
            self.journal,
            by="test",
            clock=time.time,
            max_changes=max_changes,
            concurrency=4,
        )

    def identities(self, account: str) -> set[str]:
        return {one["identity"] for one in self.rucio.lines("accounts", account, "identities")}

    def attributes(self, account: str) -> dict[str, Any]:
        return {one["key"]: one["value"] for one in self.rucio.get("accounts", account, "attr", "")}

    def status(self, account: str) -> str:
        return str(self.rucio.get("accounts", account)["status"])

    def accounts(self) -> set[str]:
        return {one["account"] for one in self.rucio.lines("accounts", "")}

    def login(self, account: str, password: str) -> httpx.Response:
        """A token by password, or the refusal."""
        headers = {"x-rucio-account": account, "x-rucio-username": account, "x-rucio-password": password}
        if self.vo:
            headers["x-rucio-vo"] = self.vo
        return httpx.get(f"{self.server.url}/auth/userpass", headers=headers, trust_env=False)


@pytest.fixture(scope="module")
def server_of_iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iam]:
    with Iam(tmp_path_factory.mktemp("iam")) as server:
        yield server


@pytest.fixture
def iam(server_of_iam: Iam) -> Iam:
    """Without users."""
    server_of_iam.clear()
    return server_of_iam


@pytest.fixture
def lake(rucio: RucioOfTheShelf, iam: Iam, tmp_path: Path, unique_name: str) -> Iterator[Lake]:
    """The issuer is this test's own: it is what says whose accounts are."""
    lake = Lake(rucio, iam, tmp_path / "sync", None, issuer=f"https://{unique_name}.example.org/")
    yield lake
    lake.rucio.close()


def brief(plan: Plan, account: str) -> list[tuple[str, str, str]]:
    return [(one.kind, one.type, one.part) for one in plan.changes if one.object == account]


def test_an_empty_rucio_is_filled_and_a_second_run_changes_nothing(
    lake: Lake, iam: Iam, unique_name: str
) -> None:
    name = unique_name
    jane = iam.add(
        name.upper(),
        groups=("escape", "escape/admins"),
        certificates=["CN=Jos\\C3\\A9 \\, the second,O=Example,DC=org"],
        oidcIds=[{"issuer": "https://idp.example.org", "subject": name}],
        sshKeys=[{"display": "key", "value": "ssh-rsa AAAA"}],
    )
    lake.options = lake.options.model_copy(update={"admin_groups": ("escape/admins",)})
    before = lake.accounts()

    plan = lake.plan()
    assert plan.exit_code() == 1 and lake.accounts() == before, "a dry run does nothing"
    outcome = lake.sync()
    assert outcome == Outcome(9, [], [])
    assert lake.identities(name) == {
        f"SUB={jane}, ISS={lake.options.issuer}",
        f"SUB={name}, ISS=https://idp.example.org",
        "/DC=org/O=Example/CN=Jos\\xC3\\xA9 , the second",
    }
    attributes = lake.attributes(name)
    assert attributes.keys() == {
        "admin",
        "group-escape",
        "group-escape.admins",
        "lakescope-iam",
        "lakescope-iam-user",
    }
    account = lake.rucio.get("accounts", name)
    assert (account["account_type"], account["email"]) == ("USER", f"{name.upper()}@example.org")

    again = lake.plan()
    assert again.actions() == [] and again.exit_code() == 0, "SSH keys are listed, and are no drift"
    assert brief(again, name) == [("unmapped", "identity", "SSH")]

    iam.change(jane, groups=("escape",), emails=[{"value": "new@example.org"}])
    assert brief(lake.plan(), name)[1:] == [
        ("change", "account", "email"),
        ("remove", "attribute", "admin"),
        ("remove", "attribute", "group-escape.admins"),
    ]
    lake.sync()
    assert lake.attributes(name).keys() == {"group-escape", "lakescope-iam", "lakescope-iam-user"}
    assert lake.plan().exit_code() == 0


def test_whoever_leaves_loses_access_and_gets_it_back_on_return(
    lake: Lake, iam: Iam, unique_name: str
) -> None:
    """Twice, since the second time the account is one that came back.

    A token of before the suspension stays valid until it expires: of a token that it knows, Rucio looks at neither the status nor
    the identities (rucio/core/authentication.py, `query_token`).
    """
    name = unique_name
    jane = iam.add(name, groups=("escape",))
    lake.sync()
    body = {"identity": name, "authtype": "USERPASS", "email": "x@example.org", "password": "a-password"}
    lake.rucio.post("accounts", name, "identities", body=body)
    lake.rucio.post("accounts", name, "scopes", name)
    identities, attributes = lake.identities(name), lake.attributes(name)
    for number, active in enumerate((False, True, False)):
        token = lake.login(name, "a-password").headers.get("x-rucio-auth-token")
        iam.change(jane, active=active)
        assert lake.sync().failed == []
        assert lake.plan().exit_code() == 0
        if active:
            assert lake.status(name) == "ACTIVE"
            assert (lake.identities(name), lake.attributes(name)) == (identities, attributes)
        else:
            assert lake.status(name) == "SUSPENDED" and name not in lake.accounts()
            assert lake.login(name, "a-password").status_code == 401
            headers = {"x-rucio-auth-token": str(token)}
            url = f"{lake.server.url}/dids/{name}/dataset{number}"
            write = httpx.post(url, json={"type": "DATASET"}, headers=headers, trust_env=False)
            assert write.status_code == 201, "with a token of before, even what writes is done"
    iam.remove(jane)
    assert lake.plan().exit_code() == 0
    other = iam.add(name)
    (line,) = lake.plan().changes
    assert other != jane and line.kind == "invalid" and "another one of that name" in line.note


def test_with_the_policy_of_identities_leavers_keep_an_account_without_them(
    lake: Lake, iam: Iam, unique_name: str
) -> None:
    jane = iam.add(unique_name, groups=("escape",), certificates=["CN=Jane,O=x"])
    lake.options = lake.options.model_copy(update={"leavers": "identities"})
    lake.sync()
    iam.change(jane, indigo={"endTime": "2020-01-01T00:00:00Z"})
    lake.sync()
    assert lake.status(unique_name) == "ACTIVE" and lake.identities(unique_name) == set()
    assert lake.attributes(unique_name).keys() == {"lakescope-iam", "lakescope-iam-user"}
    assert lake.plan().exit_code() == 0
    iam.change(jane, indigo={"endTime": "2040-01-01T00:00:00Z"})
    lake.sync()
    assert len(lake.identities(unique_name)) == 2 and "group-escape" in lake.attributes(unique_name)


def test_accounts_of_others_are_neither_touched_nor_taken(lake: Lake, iam: Iam, unique_name: str) -> None:
    name, banned = unique_name, f"{unique_name}b"
    for account in (name, banned):
        lake.rucio.post("accounts", account, body={"type": "SERVICE", "email": "x@example.org"})
    lake.rucio.post("accounts", name, "attr", "admin", body={"value": "true"})
    lake.rucio.put("accounts", banned, body={"status": "SUSPENDED"})
    for user in (name, banned, "root"):
        iam.add(user)
    plan = lake.plan()
    assert plan.actions() == [] and plan.exit_code() == 1
    assert [(one.kind, one.object) for one in plan.changes] == [
        ("unmapped", "root"),
        ("invalid", name),
        ("invalid", banned),
    ]
    lake.options = lake.options.model_copy(update={"adopt": (name,)})
    lake.sync()
    assert lake.attributes(name).keys() == {"lakescope-iam", "lakescope-iam-user"}, (
        "no administrator any more"
    )
    assert lake.rucio.get("accounts", name)["account_type"] == "SERVICE"


def test_half_the_users_are_refused_by_the_guard(lake: Lake, iam: Iam, unique_name: str) -> None:
    names = [f"{unique_name}{number}" for number in range(6)]
    for name in names:
        iam.add(name)
    lake.sync()
    iam.spoil("half")
    with pytest.raises(
        SyncError, match=r"lacks user [^ ]*, and by id IAM has them: the list is not to be relied on"
    ):
        lake.plan()
    iam.spoil()
    for user in iam.users()[:3]:
        iam.remove(user)
    with pytest.raises(SyncError, match="guard: 3 of 6 objects"):
        lake.sync()
    assert lake.accounts() >= set(names), "nothing was applied"
    assert lake.sync(max_changes=3).failed == []
    assert len(lake.accounts() & set(names)) == 3


def test_undo_takes_back_all_but_a_creation(lake: Lake, iam: Iam, unique_name: str) -> None:
    jane = iam.add(unique_name, groups=("escape",))
    lake.sync()
    iam.change(jane, active=False)
    lake.sync()
    entries = lake.journal.entries()
    for entry in reversed(entries[1:]):
        undo(entry.id, lake.target, lake.journal, by="test", clock=time.time)
    assert lake.status(unique_name) == "ACTIVE"
    assert (lake.identities(unique_name), lake.attributes(unique_name)) == (set(), {})
    with pytest.raises(SyncError, match="accounts are never deleted"):
        undo(entries[0].id, lake.target, lake.journal, by="test", clock=time.time)


_KILLED = """
    import os, pathlib, signal, sys, time
    import msgspec
    from lakescope.core.rucio import RucioServer
    from lakescope.sync.accounts.target import AccountsTarget
    from lakescope.sync.apply import apply
    from lakescope.sync.journal import Journal
    from lakescope.sync.plan import Plan
    from lakescope.sync.rucio import Rucio

    plan, rucio, directory, calls, moment = sys.argv[1:]
    rucio = Rucio(RucioServer.model_validate_json(rucio))

    class Target(AccountsTarget):
        left = int(calls)

        def perform(self, change):
            self.left -= 1
            if not self.left and moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            super().perform(change)
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)

    journal = Journal(pathlib.Path(directory))
    apply(msgspec.json.decode(plan, type=Plan), Target(rucio), journal, by="test", clock=time.time)
"""


@pytest.mark.parametrize(("calls", "moment"), [(1, "after"), (2, "before"), (5, "after")])
def test_a_run_that_is_killed_is_resumed(
    lake: Lake, iam: Iam, unique_name: str, calls: int, moment: str
) -> None:
    """Between any two calls, and between a call and the journal: even right after a creation, when nothing in Rucio says yet
    whose account it is."""
    name = unique_name
    iam.add(name, groups=("escape",), certificates=["CN=Jane,O=x"])
    plan = lake.plan()
    login = lake.rucio_options.model_dump(mode="json") | {"password": lake.server.password}
    program = [sys.executable, "-c", textwrap.dedent(_KILLED)]
    arguments = [
        msgspec.json.encode(plan).decode(),
        json.dumps(login),
        str(lake.journal.path.parent),
        str(calls),
        moment,
    ]
    ended = subprocess.run([*program, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert len(lake.journal.open_entries()) == 1
    outcome = lake.sync()
    assert outcome.failed == [] and lake.journal.open_entries() == []
    assert outcome.applied == len(plan.actions()) - calls + (moment == "before")
    assert lake.plan().exit_code() == 0
    assert len(lake.identities(name)) == 2 and len(lake.attributes(name)) == 3


@pytest.fixture
def second_vo(rucio_of_vos: RucioOfTheShelf) -> str:
    """As `empty_vo`."""
    vo = "".join(random.choices("0123456789", k=3))
    rucio_of_vos.add_vo(vo)
    return vo


def test_vos_neither_see_nor_touch_each_other(
    rucio_of_vos: RucioOfTheShelf, empty_vo: str, second_vo: str, iam: Iam, tmp_path: Path
) -> None:
    """Jane is in both VOs by one certificate, and leaves one of them. Both runs have one journal."""
    abc, xyz = (
        Lake(rucio_of_vos, iam, tmp_path / "sync", vo, groups=[group])
        for vo, group in ((empty_vo, "abc"), (second_vo, "xyz"))
    )
    jane = iam.add("jane", groups=("abc", "xyz"), certificates=["CN=Jane,O=x"])
    iam.add("joe", groups=("xyz",))
    for lake in (abc, xyz):
        assert lake.sync().failed == []
    assert abc.accounts() == {"root", "jane"} and xyz.accounts() == {"root", "jane", "joe"}
    of_xyz = (xyz.identities("jane"), xyz.attributes("jane"))

    iam.change(jane, groups=("xyz",))
    assert {one.object for one in abc.plan().actions()} == {"jane"}
    assert abc.sync().failed == []
    assert abc.accounts() == {"root"}
    assert xyz.accounts() == {"root", "jane", "joe"}
    assert (xyz.identities("jane"), xyz.attributes("jane")) == of_xyz
    assert [(one.kind, one.part) for one in xyz.plan().actions()] == [("remove", "group-abc")]
    iam.change(jane, groups=("abc", "xyz"))
    assert abc.sync().failed == [] and abc.accounts() == {"root", "jane"}
    assert xyz.plan().exit_code() == 0 and abc.plan().exit_code() == 0
    for lake in (abc, xyz):
        lake.rucio.close()
