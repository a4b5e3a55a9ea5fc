"""Accounts of a real Rucio, from a real SCIM server: planned, applied, killed, and planned again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakescope.core.rucio import RucioServer
from lakescope.sync.accounts.options import AccountsOptions
from lakescope.sync.accounts.planning import make_plan
from lakescope.sync.accounts.target import AccountsTarget
from lakescope.sync.apply import Outcome, apply, undo
from lakescope.sync.journal import Journal
from lakescope.sync.plan import Change, Plan, SyncError
from lakescope.sync.rucio import Rucio
from tests.servers.fixtures import StartServer
from tests.servers.iam import Iam
from tests.servers.rucio import Rucio as RucioOfTheShelf

VOS = ("abc", "xyz")


class Lake:
    """A VO of Rucio, what IAM it gets its users from, and a journal."""

    def __init__(self, server: RucioOfTheShelf, iam: Iam, directory: Path, vo: str | None, **policy: Any) -> None:
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
            self.plan(), self.target, self.journal, by="test", clock=time.time, max_changes=max_changes
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


NewLake = Callable[..., Lake]


@pytest.fixture(scope="module")
def rucio_of_vos(start_server_of_module: StartServer) -> RucioOfTheShelf:
    return start_server_of_module(RucioOfTheShelf, vos=VOS)


@pytest.fixture
def iam(tmp_path: Path) -> Iterator[Iam]:
    with Iam(tmp_path / "iam") as server:
        yield server


@pytest.fixture
def lake(rucio: RucioOfTheShelf, iam: Iam, tmp_path: Path, unique_name: str) -> Lake:
    return Lake(rucio, iam, tmp_path / "sync", None)
