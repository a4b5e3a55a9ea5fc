"""The rucio collector on a real Rucio: what its tables say is what is stored, of each call; rights; tokens that end.

What daemons would write (a chosen source, statistics, heartbeats) is written into Rucio's tables: the answers are its own.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract._running import Archiving
from tests.e2e._lakescope import until
from tests.servers.fixtures import StartServer
from tests.servers.rucio import Rucio
from tests.servers.rucio_lake import Lake, make_lake

pytestmark = pytest.mark.server("rucio")

CALLS = {
    *("rses", "rules", "requests", "heartbeats", "bad_replicas", "suspicious", "usage", "limits", "accounts"),
    *("open_requests", "global_usage", "datasets"),
}


def collector(rucio: Rucio, account: str, user: str, ask: set[str] = CALLS, **options: object) -> str:
    """As configuration."""
    given = {"url": f'"{rucio.url}"', "account": f'"{account}"', "username": f'"{user}"'}
    given |= {"password": f'"{rucio.password}"', "requests_per_s": "200", "interval_s": "60"}
    given |= {"ask": str(sorted(ask)), **{name: str(value) for name, value in options.items()}}
    return '[collectors.rucio]\ntype = "rucio"\n' + "".join(
        f"{name} = {value}\n" for name, value in given.items()
    )


def stored(lakescope: Archiving, dataset: str) -> list[dict[str, Any]]:
    """Events of a dataset."""
    events = (event for events in lakescope.stored().values() for event in events)
    return [one for one in events if one["dataset"] == dataset]


@pytest.fixture(scope="module")
def lake(rucio: Rucio) -> Iterator[Lake]:
    """One with a stuck rule, open requests, statistics, a daemon that is silent, bad and suspicious replicas, a dataset."""
    lake = make_lake(rucio, f"inside{uuid.uuid4().hex[:6]}", letters="AB", links="AB BA", files=3)
    dataset = {"scope": lake.scope, "name": lake.dataset}
    rucio.client(
        "add_replication_rule", [dataset], 1, lake["B"], account=lake.account, activity="Data Consolidation"
    )
    rucio.client("set_global_account_limit", lake.account, f"{lake['A']}|{lake['B']}", 7 * 10**12)
    rucio.client("update_rse", lake["B"], {"availability_write": False})
    bad = [{**file.did, "rse": lake["A"]} for file in lake.files[:2]]
    rucio.client("declare_bad_file_replicas", bad, f"checksum mismatch of /data/{lake.files[0].name}.root")
    (replica,) = rucio.client("list_replicas", [lake.files[2].did], rse_expression=lake["A"])
    for _ in range(2):
        rucio.client("declare_suspicious_file_replicas", list(replica["pfns"]), "read failed")
    rucio.client("set_local_account_limit", "root", lake["A"], 10**12)
    rucio.client("add_replication_rule", [dataset], 1, lake["A"], account="root")  # its files are there
    rucio.run("abacus.collection_replica")
    a, b = (f"(select id from rses where rse = '{lake[letter]}')" for letter in "AB")
    mine = f"account = '{lake.account}'"
    now = "now() at time zone 'utc'"
    for statement in (
        f"update rules set state = 'S', stuck_at = {now} - interval '5 hours', error ="
        f" 'RequestErrMsg.TRANSFER_FAILED:No space left on https://se.example.org/f1' where {mine}",
        f"update requests set source_rse_id = {a}, created_at = {now} - interval '30 hours' where {mine}",
        "insert into transfer_stats (id, resolution, timestamp, dest_rse_id, src_rse_id, activity, files_done, bytes_done,"
        f" files_failed, created_at, updated_at) values (gen_random_uuid(), 300, {now} - interval '10 minutes', {b}, {a},"
        " 'Data Consolidation', 5, 5000, 2, now(), now())",
        "insert into heartbeats (executable, readable, hostname, pid, thread_id, thread_name, updated_at, created_at)"
        f" values ('{lake.account}', 'conveyor-{lake.account}', 'pod', 7, 1, 'Thread-1',"
        f" {now} - interval '2 hours', {now} - interval '3 hours')",
    ):
        rucio.database.execute(statement, "rucio")
    yield lake
    for left in (f"heartbeats where executable = '{lake.account}'", f"requests where {mine}"):
        rucio.database.execute(f"delete from {left}", "rucio")  # for daemons of other tests nothing is to do


def test_each_call_is_what_the_tables_say(tmp_path: Path, rucio: Rucio, lake: Lake) -> None:
    with Archiving(tmp_path, collector(rucio, "root", rucio.user)) as lakescope:
        until(lambda: lakescope.told.startswith(("ok", "error")), 60, lambda: lakescope.told)
        assert lakescope.told.startswith("ok") and lakescope.told.endswith("questions answered"), (
            lakescope.told
        )
        answered = int(lakescope.told.split()[1])
        lakescope.polled(answered)
        assert {poll["kind"] for poll in stored(lakescope, "polls")} == CALLS
        assert all(poll["complete"] for poll in stored(lakescope, "polls"))
        assert not lakescope.engine.dead_letters.ids()

        (rule,) = [one for one in stored(lakescope, "rules") if one["account"] == lake.account]
        assert (rule["event"], rule["rse"], rule["locks_replicating"]) == ("stuck", lake["B"], 3)
        assert rule["error_template"] == "RequestErrMsg.TRANSFER_FAILED:No space left on <URL>"
        assert 5 * 3600 <= rule["stuck_s"] < 5 * 3600 + 300

        links = [one for one in stored(lakescope, "requests") if one["src_rse"] == lake["A"]]
        (link,) = [one for one in links if "activity" in one]
        assert (link["queued"], link["queued_bytes"]) == (3, sum(file.size for file in lake.files))
        assert (link["done_1h"], link["failed_6h"], link["done_bytes_6h"]) == (5, 2, 5000)
        (ages,) = [one for one in links if "open" in one]
        assert (ages["open"], ages["older_24h"], ages["older_48h"]) == (3, 3, 0)

        (daemon,) = [
            one for one in stored(lakescope, "daemons") if one["daemon"] == f"conveyor-{lake.account}"
        ]
        assert daemon["silent"] and 7200 <= daemon["silent_s"] < 7500

        replicas = [
            one for one in stored(lakescope, "replicas") if one["rse"] == lake["A"] and "count" in one
        ]
        assert Counter({(one["state"], one["reason"]): one["count"] for one in replicas}) == {
            ("bad", "checksum mismatch of <PATH>"): 2,
            ("suspicious", "read failed"): 2,
        }
        (suspicious,) = [
            one for one in stored(lakescope, "replicas") if one.get("name") == lake.files[2].name
        ]
        assert (suspicious["rse"], suspicious["scope"], suspicious["attempts"]) == (lake["A"], lake.scope, 2)

        of_scope = {
            one["rse"]: (one["used"], one["files"])
            for one in stored(lakescope, "storage")
            if one.get("scope") == lake.scope
        }
        table = rucio.query(
            "select rse, sum(available_bytes), sum(available_replicas_cnt) from collection_replicas natural join"
            f" (select id as rse_id, rse from rses) as r where scope = '{lake.scope}' group by rse"
        )
        assert of_scope == {rse: (int(used or 0), int(files or 0)) for rse, used, files in table}
        assert of_scope[lake["A"]] == (lake.files[2].size, 1), "the other two are bad"

        spaces = [one for one in stored(lakescope, "storage") if one.get("rse") in lake.rses]
        closed = {one["rse"]: one["writable"] for one in spaces if one.get("usage_source") == "availability"}
        assert closed == {lake["A"]: True, lake["B"]: False}
        limits = [one["used"] for one in spaces if one.get("usage_source") == "MinFreeSpace"]
        assert limits == [10**9, 10**9]
        whole = {one["rse"]: one["free"] for one in spaces if "account" not in one and "free" in one}
        assert whole == dict.fromkeys(lake.rses, 90 * 10**9)
        quotas = {one["rse"]: one["total"] for one in spaces if one.get("account") == lake.account}
        assert quotas == {lake["A"]: 100 * 10**9, lake["B"]: 200 * 10**9}
        (over_all,) = [one for one in stored(lakescope, "storage") if one.get("usage_source") == "global"]
        assert (over_all["account"], over_all["total"]) == (lake.account, 7 * 10**12)


def test_qos_classes_are_those_of_the_attribute(
    tmp_path: Path, rucio: Rucio, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On events of another collector, without a restart; the topology's class goes before it."""
    monkeypatch.setattr("lakescope.app.assembly.TOPOLOGY_S", 0.05)
    rses = tmp_path / "rses.json"
    rses.write_text(json.dumps({"rses": {lake["A"]: {"params": {"qos": "BY-CRIC"}}}}))
    text = collector(rucio, lake.account, lake.account, {"rses"}, interval_s=0.2, qos_attribute='"qos"')
    text += f'[topology]\nrses = "{rses}"\n[collectors.push]\ntype = "http"\n'
    body = {"event_type": "transfer-done", "created_at": "2026-01-05 00:00:00"}
    payload = {"src-rse": lake["A"], "dst-rse": lake["B"], "request-id": "1", "bytes": 1}
    with Archiving(tmp_path, text) as lakescope:
        file = lakescope.data_dir / "rucio.qos.json"
        known = {lake["A"]: "FAST-DISK", lake["B"]: "CHEAP-DISK"}
        until(lambda: file.exists() and known.items() <= json.loads(file.read_bytes())["rses"].items(), 60)

        def classes() -> list[tuple[str | None, str | None]]:
            message = {**body, "payload": {**payload, "request-id": uuid.uuid4().hex}}
            response = httpx.post(f"{lakescope.url}/push/hermes", json=message, trust_env=False)
            response.raise_for_status()
            return [(one.get("src_qos"), one.get("dst_qos")) for one in stored(lakescope, "transfers")]

        until(lambda: ("BY-CRIC", "CHEAP-DISK") in classes(), 30, lambda: stored(lakescope, "transfers")[-1:])
        spaces = [one for one in stored(lakescope, "storage") if one.get("rse") == lake["B"]]
        assert spaces[-1]["qos"] == "CHEAP-DISK"


def test_of_a_rucio_for_several_vos_one_is_asked(tmp_path: Path, start_server: StartServer) -> None:
    """Two VOs have an RSE of the same name each: what the collector of a VO stores is its own, under the VO's name."""
    rucio = start_server(Rucio, vos=("abc", "xyz"))
    lakes = {
        vo: make_lake(rucio, "same", letters="A", links="", files=n, vo=vo)
        for n, vo in enumerate(rucio.vos, 1)
    }
    rucio.run("abacus.rse")
    for vo, lake in lakes.items():
        usage = rucio.client("get_rse_usage", lake["A"], vo=vo)
        used = sum(file.size for file in lake.files)
        assert [line["used"] for line in usage if line["source"] == "rucio"] == [used]
        text = collector(
            rucio, "root", rucio.user, {"rses", "usage", "accounts", "heartbeats"}, rucio_vo=f'"{vo}"'
        )
        text += f'vo = "community-{vo}"\n'
        with Archiving(tmp_path / vo, text) as lakescope:
            until(lambda: lakescope.told.startswith(("ok", "error")), 60, lambda: lakescope.told)
            assert lakescope.told == "ok: 4 questions answered"
            lakescope.polled(4)
            spaces = stored(lakescope, "storage")
            assert {one["rse"] for one in spaces} == set(lake.rses)
            assert {one["vo"] for one in spaces} == {f"community-{vo}"}
            assert [one["files"] for one in spaces if one.get("used") == used and "account" not in one] == [
                len(lake.files)
            ]
    unknown = collector(rucio, "root", rucio.user, {"rses"}, rucio_vo='"nix"')
    with Archiving(tmp_path / "nix", unknown) as lakescope:
        until(lambda: lakescope.told.startswith("error"), 30, lambda: lakescope.told)
        assert "not logged in" in lakescope.told


def test_a_normal_account_lacks_two_rights(tmp_path: Path, rucio: Rucio, lake: Lake) -> None:
    ask = CALLS - {"global_usage"}
    with Archiving(tmp_path, collector(rucio, lake.account, lake.account, ask)) as lakescope:
        until(lambda: lakescope.told.startswith(("ok", "error")), 60, lambda: lakescope.told)
        state, *lacks = lakescope.told.split("; ")
        assert state.startswith("ok"), lakescope.told
        assert [text.partition(":")[0] for text in lacks if "may not ask" in text] == [
            "heartbeats",
            "requests",
        ]
        assert f"{lake.account} cannot list heartbeats" in lakescope.told
        until(lambda: any(one["account"] == lake.account for one in stored(lakescope, "rules")), 10)
        assert not stored(lakescope, "daemons") and not stored(lakescope, "requests")


def test_a_token_is_used_until_it_is_renewed_before_its_end(
    tmp_path: Path, rucio: Rucio, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rucio's tokens live an hour, as it says: here all but half a second of it is left."""

    def tokens() -> int:
        return int(rucio.query(f"select count(*) from tokens where account = '{lake.account}'")[0][0])

    rucio.database.execute(f"delete from tokens where account = '{lake.account}'", "rucio")
    text = collector(rucio, lake.account, lake.account, {"rules"}, interval_s=0.2)
    with Archiving(tmp_path / "used", text) as lakescope:
        until(lambda: len(stored(lakescope, "polls")) >= 15, 30, lambda: lakescope.told)
        assert tokens() == 1
    monkeypatch.setattr("lakescope.core.rucio._USED_UP", 0.5 / 3600)
    with Archiving(tmp_path / "renewed", text) as lakescope:
        until(lambda: tokens() >= 4, 30, lambda: lakescope.told)
        assert lakescope.told == "ok: 5 questions answered"


def test_a_wrong_password_is_no_login(tmp_path: Path, rucio: Rucio, lake: Lake) -> None:
    text = collector(rucio, "root", rucio.user).replace(
        f'password = "{rucio.password}"', 'password = "wr0ng"'
    )
    with Archiving(tmp_path, text) as lakescope:
        until(lambda: "not logged in" in lakescope.told, 30, lambda: lakescope.told)
        assert "/auth/userpass answered 401: " in lakescope.told and "wr0ng" not in lakescope.told
