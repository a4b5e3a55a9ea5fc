"""`lakescope sync accounts` as a person or a timer calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lakescope.cli import app
from tests.servers.iam import Iam
from tests.servers.rucio import Rucio


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iam]:
    with Iam(tmp_path_factory.mktemp("iam")) as server:
        yield server


def configuration(folder: Path, rucio_url: str, iam: Iam, rest: str = "") -> Path:
    path = folder / "lakescope.toml"
    path.write_text(
        f"""
        data_dir = "{folder / "data"}"
        [sync.rucio]
        url = "{rucio_url}"
        account = "root"
        username = "ddmlab"
        password = "secret"
        [sync.accounts]
        url = "{iam.url}"
        client_id = "{iam.client_id}"
        client_secret = "{iam.client_secret}"
        {rest}
        [collectors.spool]
        type = "files"
        format = "events"
        paths = ["{folder}/none"]
        [sinks.out]
        type = "jsonl"
        directory = "{folder}/out"
        """
    )
    return path


def sync(path: Path, *arguments: str, code: int) -> str:
    done = CliRunner().invoke(app, ["sync", *arguments, "-c", str(path)])
    if isinstance(done.exception, RuntimeError):  # which `main` ends with 2
        assert code == 2, done.exception
        return str(done.exception)
    assert done.exit_code == code, done.output
    return done.output


def test_plan_apply_undo_with_their_exit_codes(
    rucio: Rucio, iam: Iam, tmp_path: Path, unique_name: str
) -> None:
    iam.add(unique_name, groups=("escape",), certificates=["CN=Jane,O=x", "nonsense"])
    path = configuration(tmp_path, rucio.url, iam)

    text = sync(path, "accounts", code=1)
    assert unique_name in text and "differs from" in text and "--apply does it" in text
    plan = json.loads(sync(path, "accounts", "--json", code=1))
    assert plan["counts"] == {"create": 6, "invalid": 1}

    text = sync(path, "accounts", "--apply", code=1)
    assert "6 of 6 changes applied" in text, "and what is invalid remains"
    assert json.loads(sync(path, "accounts", "--json", code=1))["counts"] == {"invalid": 1}
    (user,) = iam.users()
    iam.change(user, indigo={"certificates": ["CN=Jane,O=x"]})
    assert "agrees with" in sync(path, "accounts", code=0)

    entries = [json.loads(line) for line in sync(path, "journal", "--json", code=0).splitlines()]
    assert [entry["result"] for entry in entries] == ["applied"] * 6
    number = next(entry["id"] for entry in entries if entry["change"].get("part") == "/O=x/CN=Jane")
    sync(path, "undo", str(number), code=0)
    assert json.loads(sync(path, "accounts", "--json", code=1))["counts"] == {"create": 1}
    assert "cannot be undone: accounts are never deleted" in " ".join(sync(path, "undo", "1", code=3).split())


def test_what_cannot_be_told_ends_with_3(rucio: Rucio, iam: Iam, tmp_path: Path) -> None:
    iam.spoil("html")
    assert "a login page is in between" in " ".join(
        sync(configuration(tmp_path, rucio.url, iam), "accounts", code=3).split()
    )
    iam.spoil()
    nowhere = configuration(tmp_path, "http://127.0.0.1:9", iam)
    assert "does the server run?" in " ".join(sync(nowhere, "accounts", "--apply", code=3).split())


def test_usage_ends_with_2(iam: Iam, tmp_path: Path) -> None:
    path = configuration(tmp_path, "http://127.0.0.1:9", iam, 'attributes = { "a/b" = "admin" }')
    assert "use `admin_groups` for administrators" in " ".join(sync(path, "accounts", code=2).split())
