"""Small files of state in the data directory, damaged in every way: each has a clear state, and names file and remedy."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from lakescope.alerts.records import Records
from lakescope.alerts.states import Ledger
from lakescope.app import instance
from lakescope.app.config import parse
from lakescope.app.pseudonyms import Pseudonyms
from lakescope.app.report_rounds import ReportRounds
from lakescope.app.sync import journal_of, latest_plan
from lakescope.app.topology import InactiveRses, snapshots_of
from lakescope.app.web.identities import Sessions
from lakescope.collectors.rucio._qos import QosFile
from lakescope.core.state_files import DamagedStateError
from lakescope.reports.archive import Archive
from lakescope.sync.drift import Ages
from lakescope.sync.plan import Change, SyncError

DAMAGES: dict[str, bytes | None] = {
    "empty": b"",
    "cut short": b'{"sessions": {"a": 17',
    "no JSON": b"<html>\n",
    "no text": b'{"instance": "\xff", "unsettled": ["\xff"], "computed": {"a": "\xff"}, "at": "\xff", "sessions": {"\xff": 1}}\n',
    "nested": b"[" * 100_000 + b"\n",
    "another type": b"[1, 2]\n",
    "another value": b'{"sessions": [], "watched": 1, "unsettled": 1, "computed": 1, "rses": 1, "plan": 1}\n',
    "a folder": None,
}
"""A folder stands for a file that must not be read: root may read every file."""


def damaged(path: Path, content: bytes | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)


def settings(data_dir: Path) -> Any:
    text = f'data_dir = "{data_dir}"\n[topology]\nrses = "https://cric.example.org"\n'
    plugins = '[collectors.one]\ntype = "http"\n[sinks.one]\ntype = "duckdb"\n'
    return parse(f"{text}{plugins}", directory=data_dir).settings


NOBODY: Any = None
"""No report is made, and none is sent."""
REFUSED: dict[str, Callable[[Path], object]] = {
    "alerts.json": lambda path: Ledger.load(path),
    "incidents.json": lambda path: Records(path, lambda _: ""),
    "reports/schedule.json": lambda path: ReportRounds({}, path.parent, NOBODY, NOBODY),
    "cric/rses.json": lambda path: snapshots_of(settings(path.parents[1])).latest("rses"),
    "sync/plan-accounts.json": lambda path: latest_plan(settings(path.parents[1]), "accounts"),
    "rucio.qos.json": lambda path: QosFile(path, "QOS").load(),
}
"""File -> what reads it."""


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", REFUSED)
def test_a_damaged_file_is_named_with_the_remedy(tmp_path: Path, name: str, damage: str) -> None:
    damaged(tmp_path / name, DAMAGES[damage])
    with pytest.raises(DamagedStateError) as caught:
        REFUSED[name](tmp_path / name)
    assert f"{tmp_path / name}: expected the state of" in str(caught.value)
    assert f"mv {tmp_path / name} {tmp_path / name}.damaged" in str(caught.value)


@pytest.mark.parametrize("damage", DAMAGES)
def test_who_has_logged_out_stays_out(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    """Which sessions have ended is not known any more: none of before counts, at any address and after a restart."""
    here, there = Sessions(tmp_path, 60), Sessions(tmp_path, 60)
    before = here.begin({"name": "ada"})
    assert here.read(before) is not None
    damaged(tmp_path / "sessions-ended.json", DAMAGES[damage])
    assert here.read(before) is None and there.read(before) is None
    assert f"{tmp_path / 'sessions-ended.json'}: expected" in caplog.text and "log in again" in caplog.text
    after = here.begin({"name": "ada"})
    assert here.read(after) is not None
    assert here.read(after) is not None and caplog.text.count("sessions_ended_damaged") <= 2
    assert Sessions(tmp_path, 60).read(before) is None
    if DAMAGES[damage] is not None:  # a folder is in the way of the file that would say so
        assert Sessions(tmp_path, 60).read(after) is not None
        here.end(after)
        assert there.read(after) is None and Sessions(tmp_path, 60).read(after) is None


@pytest.mark.parametrize("damage", [one for one in DAMAGES if one != "a folder"])
def test_ages_of_differences_begin_anew(tmp_path: Path, damage: str) -> None:
    drift = [Change(kind="create", type="rse", object="A")]
    path = tmp_path / "drift-rses.json"
    damaged(path, DAMAGES[damage])
    assert Ages(path).update(drift, 100.0) == 0.0
    assert Ages(path).update(drift, 160.0) == 60.0


@pytest.mark.parametrize("damage", DAMAGES)
def test_lines_are_left_out_or_named(tmp_path: Path, damage: str) -> None:
    configured = settings(tmp_path)
    damaged(tmp_path / "cric/history.jsonl", DAMAGES[damage])
    damaged(tmp_path / "sync/journal.jsonl", DAMAGES[damage])
    if DAMAGES[damage] is None:
        with pytest.raises(DamagedStateError, match="the right to read it"):
            snapshots_of(configured).history()
    else:
        assert snapshots_of(configured).history() == []
    if damage in ("empty", "cut short"):  # the end of a line that was never acted upon
        assert journal_of(configured).entries() == []
        return
    with pytest.raises(SyncError, match=r"journal\.jsonl.*expected .*journal of synchronisations"):
        journal_of(configured).entries()


def test_the_archive_lists_what_is_nested_as_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "weekly/all/2026-W01/1.json"
    damaged(path, b'{"unknown": ' + b"[" * 100_000)
    (fault,) = Archive(tmp_path).listing().faults
    assert fault.startswith(f"{path}: expected a revision of a report")


@pytest.mark.parametrize("damage", [one for one in DAMAGES if one != "a folder"])
def test_a_damaged_key_is_moved_away_and_what_follows_is_said(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    keys: dict[str, tuple[Callable[[], object], str]] = {
        "session.key": (lambda: Sessions(tmp_path, 60).key, "all have to log in again"),
        "pseudonyms.key": (
            lambda: Pseudonyms(tmp_path).of("ada"),
            "people have other pseudonyms from now on",
        ),
    }
    for name, (use, loss) in keys.items():
        before = use()
        assert use() == before and not caplog.text, "made once, and that is no fault"
        path, content = tmp_path / name, DAMAGES[damage] or b""
        path.write_bytes(content)
        after = use()
        assert after not in (before, content) and use() == after
        assert f"key_damaged error={path}: expected a key of 32 bytes, found {len(content)}" in caplog.text
        assert loss in caplog.text and caplog.text.count("key_damaged") == 1
        assert path.with_name(f"{name}.damaged").read_bytes() == content
        assert path.stat().st_mode & 0o777 == 0o600
        caplog.clear()


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_instance_is_found(tmp_path: Path, damage: str) -> None:
    damaged(tmp_path / instance.FILE, DAMAGES[damage])
    damaged(tmp_path / instance.SECRET, DAMAGES[damage])
    assert instance.find(tmp_path) is None
    assert instance.local_arguments(tmp_path, None)["verify"] is True


def test_alerts_are_notified_of_beside_a_damaged_topology(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    configured = settings(tmp_path)
    document = {"rses": {"A": {"state": "TEST"}}}
    snapshots_of(configured).update("rses", document, "https://cric.example.org", 0.0)
    inactive = InactiveRses(configured)
    assert [one.rse for one in inactive()] == ["A"]
    (tmp_path / "cric/rses.json").write_bytes(json.encode(document)[:9])
    assert [one.rse for one in inactive()] == ["A"] == [one.rse for one in inactive()]
    assert caplog.text.count("topology_damaged") == 1
