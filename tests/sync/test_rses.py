"""RSEs from CRIC into the real Rucio, by the command: filled, mended, refused, guarded, killed, taken back; VO by VO."""

from __future__ import annotations

import copy
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from lakescope.app.config import load_file
from lakescope.app.sync import latest_plan
from lakescope.app.sync_rounds import SyncRounds
from lakescope.cli import app
from tests.contract._http import Answer, HttpServer, Request, proxy_to
from tests.e2e._lakescope import until
from tests.servers.rucio import Rucio
from tests.sync._cric import TEN, document, rse

FEW = {name: TEN[name] for name in ("CNAF-STORM", "EULAKE-1", "PIC-DCACHE")}


class Run(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def plan(self) -> Any:
        assert self.out, self.err
        return json.loads(self.out)

    def lines(self, *kinds: str) -> list[tuple[str, str, str, Any, Any]]:
        """Lines of those kinds, as (type, object, part, before, after)."""
        return [
            (one["type"], one["object"], one.get("part", ""), one.get("before"), one.get("after"))
            for one in self.plan["changes"]
            if one["kind"] in kinds
        ]


def run(arguments: list[str]) -> Run:
    """The command, in this process."""
    result = CliRunner().invoke(app, arguments, prog_name="lakescope")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Run(result.exit_code, result.stdout, result.stderr)


class Lake:
    """A CRIC file, a VO of Rucio, and a configuration that has both."""

    def __init__(self, folder: Path, rucio: Rucio, vo: str) -> None:
        self.folder, self.rucio, self.vo = folder, rucio, vo
        self.url = rucio.url
        self.options = ""
        self.cric: Any = document(FEW)

    def write(self) -> None:
        """The files as of now."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "rses.json").write_text(json.dumps(self.cric))
        (self.folder / "lakescope.toml").write_text(
            f"""
[collectors.push]
type = "http"
[sinks.out]
type = "jsonl"
directory = "out"
[topology]
rses = "rses.json"
[sync.rucio]
url = "{self.url}"
account = "root"
rucio_vo = "{self.vo}"
username = "{self.rucio.user}"
password = "{self.rucio.password}"
[sync.rses]
{self.options}
[http]
port = 0
[alerts]
evaluate = false
"""
        )

    def command(self, *arguments: str) -> Run:
        """`lakescope sync ...`"""
        self.write()
        return run(self.arguments(*arguments))

    def arguments(self, *arguments: str) -> list[str]:
        return ["sync", *arguments, "-c", str(self.folder / "lakescope.toml")]

    def sync(self, *arguments: str) -> Run:
        return self.command("rses", "--json", *arguments)

    def client(self, method: str, *arguments: Any, **keywords: Any) -> Any:
        return self.rucio.client(method, *arguments, vo=self.vo, **keywords)

    def events(self) -> list[Any]:
        """Of synchronisations, as stored."""
        files = sorted(one for one in (self.folder / "out").iterdir() if "syncs" in one.name)
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def names(self) -> list[str]:
        return sorted(one["rse"] for one in self.client("list_rses"))


@pytest.fixture
def lake(tmp_path: Path, rucio_of_vos: Rucio, empty_vo: str) -> Lake:
    return Lake(tmp_path / "lake", rucio_of_vos, empty_vo)


def test_an_empty_rucio_becomes_the_ten_rses_of_the_slides(lake: Lake) -> None:
    lake.cric = document()
    dry = lake.sync()
    assert (dry.code, dry.plan["counts"].keys(), lake.names()) == (1, {"create"}, []), dry.err
    done = lake.sync("--apply")
    assert (done.code, done.plan["applied"], done.plan["failed"]) == (0, len(dry.plan["changes"]), []), (
        done.err
    )
    assert lake.names() == sorted(TEN)

    one = lake.client("export_data")["rses"]["CNAF-STORM"]
    texts = ("rse_type", "deterministic", "country_name", "time_zone", "qos_class", "latitude")
    assert [one[key] for key in texts] == ["DISK", True, "Italy", "Europe/Zurich", "DISK", 44.49]
    assert (
        lake.client("list_rse_attributes", "CNAF-STORM").items()
        >= {
            "CNAF-STORM": True,
            "site": "INFN-CNAF",
            "fts": "https://fts.example.org:8446",
            "lfn2pfn_algorithm": "hash",
            "QOS": "DISK",
            "verify_checksum": True,
            "datapolicynearline": False,
            "weight": "3",
        }.items()
    )
    davs, srm = lake.client("get_protocols", "CNAF-STORM")
    assert davs["domains"]["wan"] == {
        "read": 2,
        "write": 1,
        "delete": 1,
        "third_party_copy_read": 1,
        "third_party_copy_write": 2,
    }
    assert srm["extended_attributes"] == {"web_service_path": "/srm/managerv2?SFN=", "space_token": ""}
    limits = lake.client("get_rse_limits", "CNAF-STORM")
    assert limits == {"MinFreeSpace": 10**12, "MaxBeingDeletedFiles": 1000}
    usage = {one["source"]: one for one in lake.client("get_rse_usage", "CNAF-STORM")}
    assert usage["storage"]["total"] == 10**14
    assert lake.client("get_distance", "CNAF-STORM", "EULAKE-1")[0]["distance"] == 3

    again = lake.sync("--apply")
    assert (again.code, again.plan["changes"], again.plan["applied"]) == (0, [], 0)
    assert "0 of 0 changes applied" in lake.command("rses", "--apply").out


DRIFT: dict[str, tuple[str, tuple[Any, ...], dict[str, Any], tuple[str, str, str]]] = {
    "availability": (
        "update_rse",
        ("EULAKE-1", {"availability_write": False}),
        {},
        ("property", "EULAKE-1", "availability_write"),
    ),
    "country": (
        "update_rse",
        ("EULAKE-1", {"country_name": "Nowhere"}),
        {},
        ("property", "EULAKE-1", "country_name"),
    ),
    "attribute": ("add_rse_attribute", ("EULAKE-1", "fts", "other"), {}, ("attribute", "EULAKE-1", "fts")),
    "limit": (
        "set_rse_limits",
        ("EULAKE-1", "MaxBeingDeletedFiles", 5),
        {},
        ("limit", "EULAKE-1", "MaxBeingDeletedFiles"),
    ),
    "no limit": (
        "delete_rse_limits",
        ("EULAKE-1", "MinFreeSpace"),
        {},
        ("limit", "EULAKE-1", "MinFreeSpace"),
    ),
    "space": ("set_rse_usage", ("EULAKE-1", "storage", 5, 6), {}, ("limit", "EULAKE-1", "space")),
    "distance": (
        "update_distance",
        ("EULAKE-1", "PIC-DCACHE", {"distance": 9}),
        {},
        ("distance", "EULAKE-1 -> PIC-DCACHE", ""),
    ),
    "no distance": (
        "delete_distance",
        ("PIC-DCACHE", "EULAKE-1"),
        {},
        ("distance", "PIC-DCACHE -> EULAKE-1", ""),
    ),
    "protocol": (
        "update_protocols",
        ("EULAKE-1", "davs", {"prefix": "/elsewhere"}, "eulake-1.example.org", 443),
        {},
        ("protocol", "EULAKE-1", "davs://eulake-1.example.org:443"),
    ),
    "no protocol": (
        "delete_protocols",
        ("PIC-DCACHE", "srm"),
        {},
        ("protocol", "PIC-DCACHE", "srm://pic-dcache.example.org:8443"),
    ),
    "no attribute": (
        "delete_rse_attribute",
        ("PIC-DCACHE", "weight"),
        {},
        ("attribute", "PIC-DCACHE", "weight"),
    ),
}
"""A change by hand: method of Rucio's client, its arguments, and the place where the plan finds it."""


def test_each_kind_of_drift_is_found_mended_and_can_be_taken_back(lake: Lake) -> None:
    assert lake.sync("--apply").code == 0
    for method, arguments, keywords, _ in DRIFT.values():
        lake.client(method, *arguments, **keywords)
    drift = lake.sync()
    assert drift.code == 1
    assert sorted(one[:3] for one in drift.lines("create", "change")) == sorted(
        place for *_, place in DRIFT.values()
    )
    assert not drift.lines("remove", "extra", "invalid")
    guarded = lake.sync("--apply")
    assert guarded.code == 0, "two RSEs and one distance are within the guard"
    assert lake.sync().plan["changes"] == []

    # each but a usage that was not there before can be taken back
    entries = [json.loads(line) for line in lake.command("journal", "--json").out.splitlines()]
    mended = entries[-len(DRIFT) :]
    for entry in reversed(mended):
        undone = lake.command("undo", str(entry["id"]))
        assert undone.code == 0, undone.err
    assert sorted(lake.sync().lines("create", "change")) == sorted(drift.lines("create", "change"))


def test_what_rucio_has_alone_is_reported_and_removed_only_on_demand(lake: Lake) -> None:
    assert lake.sync("--apply").code == 0
    lake.client("add_rse", "OLD-EMPTY")
    lake.client("add_rse", "OLD-FULL")
    lake.client("add_rse_attribute", "EULAKE-1", "by_hand", "x")
    lake.client("add_rse_attribute", "EULAKE-1", "mine_1", "x")
    lake.client(
        "add_protocol",
        "EULAKE-1",
        {"hostname": "h", "scheme": "root", "port": 1094, "impl": "x", "prefix": "/"},
    )
    lake.client("add_distance", "OLD-EMPTY", "EULAKE-1", {"distance": 1})
    lake.client("add_scope", "root", "s")
    lake.client("add_replica", "OLD-FULL", "s", "f", 10, "00000001")
    rse_id = lake.client("get_rse", "OLD-FULL")["id"].replace("-", "")
    lake.rucio.run("abacus.rse")
    lake.options = 'exclude_attributes = ["mine_*"]'

    dry = lake.sync("--apply")
    assert (dry.code, dry.plan["applied"]) == (1, 0)
    extra = {one[:3] for one in dry.lines("extra")}
    places = {("attribute", "EULAKE-1", "by_hand"), ("protocol", "EULAKE-1", "root://h:1094")}
    assert extra == {("rse", "OLD-EMPTY", ""), ("rse", "OLD-FULL", ""), *places}, rse_id

    done = lake.sync("--apply", "--remove")
    assert (done.code, {one[:3] for one in done.lines("remove")}) == (1, {("rse", "OLD-EMPTY", ""), *places})
    assert [one[:3] for one in done.lines("extra")] == [("rse", "OLD-FULL", "")]
    assert lake.names() == sorted([*FEW, "OLD-FULL"])
    assert "mine_1" in lake.client("list_rse_attributes", "EULAKE-1")

    removal = next(
        json.loads(line)
        for line in lake.command("journal", "--json").out.splitlines()
        if '"remove"' in line and '"rse"' in line
    )
    refused = lake.command("undo", str(removal["id"]))
    assert refused.code == 3
    assert "the creation or removal of an RSE is not undone" in refused.err

    lake.cric["rses"]["OLD-EMPTY"] = rse("OLD-EMPTY")  # Rucio keeps the name of a removed RSE
    again = lake.sync("--apply")
    assert [one[:2] for one in again.lines("invalid")] == [("rse", "OLD-EMPTY")]
    assert again.plan["failed"] == []


def test_the_guard_counts_what_exists(lake: Lake) -> None:
    assert lake.sync("--apply").code == 0
    for one in lake.cric["rses"].values():
        one["fts"] = "https://other.example.org:8446"
    refused = lake.command("rses", "--apply")
    assert refused.code == 3
    assert "guard: 3 of 3 objects (rse) would be changed or removed, at most 2" in refused.err
    assert lake.client("list_rse_attributes", "EULAKE-1")["fts"] == "https://fts.example.org:8446"
    assert lake.sync().code == 1
    assert lake.sync("--apply", "--max-changes", "3").code == 0
    filled, guarded, mended = lake.events()  # and none of a dry run
    assert (filled["sync"], filled["collector"]) == ("rses", "lakescope")
    label = f"{lake.url} (VO {lake.vo})"
    told = [(one["target"], one["ok"], one.get("drift"), one.get("applied")) for one in lake.events()]
    assert told[1:] == [(label, False, None, None), (label, True, 0, 3)]
    assert filled["applied"] > 40 and "guard: 3 of 3" in guarded["error"] and mended["drift_age_s"] == 0.0


def test_bad_records_are_lines_and_the_rest_goes_on(lake: Lake) -> None:
    rses, distances = lake.cric["rses"], lake.cric["distances"]
    rses["lower-case"] = rse("lower-case")
    rses["OFF"] = {**rse("OFF"), "state": "DISABLED"}
    rses["NO-OBJECT"] = None
    rses["CLOUD"] = {**rse("CLOUD"), "rse_type": "CLOUD"}
    protocols = rses["EULAKE-1"]["protocols"]
    protocols.append({**protocols[0], "scheme": "gopher"})
    protocols.append(copy.deepcopy(protocols[0]))
    protocols.append({**protocols[0], "port": 99999})
    protocols.append({**protocols[1], "hostname": "x", "ext_attrs": {}})
    protocols.append({**protocols[0], "hostname": "y", "domains": {"wan": {"read": -1}}})
    rses["EULAKE-1"] |= {
        "latitude": "north",
        "availability_read": "perhaps",
        "MinFreeSpace": "1.5 TB",
        "region_code": "EUROPE",
    }
    rses["EULAKE-1"]["params"] |= {"a/b": 1, "list": [1]}
    distances["EULAKE-1"] |= {
        "NOWHERE": {"distance": 1},
        "CNAF-STORM": {"distance": "far"},
        "OFF": {"distance": 1},
    }
    distances["PIC-DCACHE"] = "all"

    done = lake.sync("--apply")
    assert (done.code, done.plan["failed"]) == (1, []), done.err
    assert lake.names() == sorted(FEW)
    invalid = {
        (one["type"], one["object"], one.get("part", "")): one["note"]
        for one in done.plan["changes"]
        if one["kind"] == "invalid"
    }
    expected = {
        ("rse", "lower-case", ""): "capital letters",
        ("rse", "NO-OBJECT", ""): "expected an object, found NoneType None",
        ("rse", "CLOUD", ""): "expected DISK or TAPE, found 'CLOUD'",
        ("protocol", "EULAKE-1", "gopher://eulake-1.example.org:443"): "unknown scheme 'gopher'",
        ("protocol", "EULAKE-1", "davs://eulake-1.example.org:443"): "it stands twice",
        ("protocol", "EULAKE-1", "davs://eulake-1.example.org:99999"): "expected a port",
        ("protocol", "EULAKE-1", "srm://x:8443"): "web_service_path",
        ("protocol", "EULAKE-1", "davs://y:443"): "expected a priority, 0 or more, found int -1",
        ("property", "EULAKE-1", "latitude"): "found str 'north'",
        ("property", "EULAKE-1", "availability_read"): "expected true or false",
        ("property", "EULAKE-1", "region_code"): "2 characters at most",
        ("limit", "EULAKE-1", "MinFreeSpace"): "found str '1.5 TB'",
        ("attribute", "EULAKE-1", "a/b"): "without `/`",
        ("attribute", "EULAKE-1", "list"): "found list",
        ("distance", "EULAKE-1 -> NOWHERE", ""): "CRIC has no RSE NOWHERE",
        ("distance", "EULAKE-1 -> CNAF-STORM", ""): "found str 'far'",
        ("distance", "PIC-DCACHE", ""): "expected an object of destinations",
    }
    assert invalid.keys() == expected.keys()
    for place, text in expected.items():
        assert text in invalid[place]
    assert [one[:2] for one in done.lines("unmapped")] == [("rse", "OFF")]
    assert lake.sync().lines("create", "change") == []


def test_what_could_not_be_read_is_not_removed(lake: Lake) -> None:
    """A record, protocol, attribute or distance that CRIC has, but wrongly, is in Rucio: `--remove` leaves it."""
    assert lake.sync("--apply").code == 0
    rses = lake.cric["rses"]
    rses["EULAKE-1"] = "broken"
    rses["CNAF-STORM"]["protocols"][0]["scheme"] = "gopher"
    rses["CNAF-STORM"]["params"] = "broken"
    rses["PIC-DCACHE"]["state"] = "DISABLED"
    lake.cric["distances"]["CNAF-STORM"] = None
    done = lake.sync("--apply", "--remove")
    assert (done.lines("remove"), done.plan["applied"]) == ([], 0), done.out


FAULTS: dict[str, tuple[Callable[[str], str], str]] = {
    "half a JSON": (lambda text: text[: len(text) // 2], "none or cut short"),
    "a login page": (lambda text: "<!DOCTYPE html><html>Log in</html>", "a login page or a proxy"),
    "nothing": (lambda text: "", "expected CRIC's JSON"),
    "a list": (lambda text: "[]", "expected a JSON object"),
    "no RSE": (lambda text: '{"rses": {}, "distances": {}}', "expected rses, found none"),
    "an error": (lambda text: '{"rses": null}', "expected rses, found none"),
    "half the RSEs": (
        lambda text: json.dumps(document({name: TEN[name] for name in list(TEN)[:5]})),
        "5 of 10 records are gone",
    ),
}


def test_each_fault_of_the_source_is_refused(lake: Lake) -> None:
    """From the URL, with status 200."""
    body = json.dumps(document() | {"distances": {}})  # without distances it is filled sooner

    def answer(request: Request) -> Answer:
        return Answer(200, body.encode(), (("content-type", "application/json"),))

    with HttpServer(answer) as cric:
        lake.write()
        path = lake.folder / "lakescope.toml"
        text = path.read_text().replace('"rses.json"', f'"{cric.url}/api/doma/rse/query/?json&preset=doma"')

        def sync(*arguments: str) -> Run:
            path.write_text(text)
            return run(lake.arguments("rses", *arguments))

        whole = body
        assert sync("--apply").code == 0
        before = lake.client("export_data")
        for name, (spoil, words) in FAULTS.items():
            body = spoil(whole)
            refused = sync("--apply", "--remove", "--max-changes", "99")
            assert refused.code == 3, (name, refused)
            assert words in refused.err, (name, refused.err)
        cric.order([503])
        assert "answered 503" in sync().err
        assert lake.client("export_data") == before
        body = whole
        assert sync().code == 0


def test_a_rucio_that_does_not_answer_is_no_drift(lake: Lake) -> None:
    lake.url = "http://127.0.0.1:9"
    assert lake.sync().code == 3
    lake.url = lake.rucio.url
    lake.vo = "no!"
    refused = lake.sync()
    assert (refused.code, "not logged in" in refused.err) == (3, True), refused.err


def test_a_command_beside_an_instance_that_applies_the_same(lake: Lake) -> None:
    """It says who is at it, asks Rucio nothing, and what is done is done once."""
    forward, at_it, may_go_on = proxy_to(lake.rucio.url), threading.Event(), threading.Event()

    def answer(request: Request) -> Answer:
        if request.method == "POST" and request.path.endswith("/attr/weight") and not at_it.is_set():
            at_it.set()
            assert may_go_on.wait(60)
        return forward(request)

    with HttpServer(answer) as proxy:
        lake.url, lake.options = proxy.url, "interval_s = 3600\napply = true"
        lake.write()
        command = [sys.executable, "-m", "lakescope", "run", "-c", str(lake.folder / "lakescope.toml")]
        instance = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            assert at_it.wait(60)
            lake.url, asked = "http://127.0.0.1:9", lake.url  # nobody answers there
            refused = lake.command("rses", "--apply")
            assert refused.code == 3, refused
            assert f"process {instance.pid} (lakescope run) applies a plan; wait until" in refused.err
            lake.url = asked
            may_go_on.set()
            until(lambda: not lake.sync().plan["changes"], 30)
            done = lake.sync("--apply")
        finally:
            may_go_on.set()
            instance.terminate()
            assert instance.wait(60) == 0
        assert (done.code, done.plan["applied"], done.plan["failed"]) == (0, 0, [])
    entries = journal(lake)
    assert [one["id"] for one in entries] == list(range(1, len(entries) + 1))
    assert {(one["by"], one["result"]) for one in entries} == {("lakescope run", "applied")}
    places = [(one["change"]["type"], one["change"]["object"], one["change"].get("part")) for one in entries]
    assert len(places) == len(set(places)) > 40, "each once"


def test_killed_in_the_middle_it_is_resumed(lake: Lake) -> None:
    """kill -9 while Rucio works on a change: it is done, and the answer never came."""
    forward = proxy_to(lake.rucio.url)
    running: list[subprocess.Popen[bytes]] = []

    def answer(request: Request) -> Answer:
        done = forward(request)
        if request.method == "POST" and request.path.endswith("/attr/weight") and running:
            running.pop().kill()
        return done

    with HttpServer(answer) as proxy:
        lake.url = proxy.url
        lake.write()
        command = [sys.executable, "-m", "lakescope", *lake.arguments("rses", "--apply")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        running.append(process)
        assert process.wait(60) == -signal.SIGKILL
        cut_short = {one["id"]: one["change"] for one in journal(lake) if "result" not in one}
        assert 1 <= len(cut_short) <= 8, "as many as there were at a time"
        assert "weight" in {one["part"] for one in cut_short.values()}
        resumed = lake.sync("--apply")
    assert (resumed.code, resumed.plan["failed"]) == (0, []), resumed.err
    settled = {one["id"]: (one["result"], one["detail"]) for one in journal(lake) if one["id"] in cut_short}
    done = ("applied", "found done after the run was cut short")
    assert set(settled.values()) <= {done, ("not applied", "the run was cut short before")}
    places = {(one["object"], one["part"]) for id_, one in cut_short.items() if settled[id_] == done}
    assert "weight" in {part for _, part in places}
    lake.url = lake.rucio.url
    assert lake.sync().plan["changes"] == []


def journal(lake: Lake) -> list[Any]:
    return [json.loads(line) for line in lake.command("journal", "--json").out.splitlines()]


def test_one_vos_run_never_sees_or_touches_anothers(lake: Lake, tmp_path: Path, rucio_of_vos: Rucio) -> None:
    other = Lake(tmp_path / "other", rucio_of_vos, "abc")
    for name in ("EULAKE-1", "ONLY-ABC"):  # one of both VOs, one of the other alone
        if name not in other.names():
            other.client("add_rse", name)
    before = other.client("export_data")
    assert lake.sync("--apply").code == 0
    lake.cric = document({name: TEN[name] for name in ("CNAF-STORM", "EULAKE-1", "PIC-DCACHE")})
    lake.cric["rses"]["EULAKE-1"]["fts"] = "other"
    changed = lake.sync("--apply", "--remove")
    assert [one[:3] for one in changed.lines("change", "remove", "extra")] == [
        ("attribute", "EULAKE-1", "fts")
    ]
    assert other.client("export_data") == before


def test_excluded_sites_and_rses_are_left_alone(lake: Lake) -> None:
    lake.options = 'exclude_sites = ["PIC"]\nexclude_rses = ["EULAKE-1"]'
    assert lake.sync("--apply").code == 0
    assert lake.names() == ["CNAF-STORM"]
    lake.client("add_rse", "EULAKE-1")
    assert lake.sync("--apply", "--remove").code == 0
    assert lake.names() == ["CNAF-STORM", "EULAKE-1"]


def test_on_a_schedule_it_is_dry_and_tells_what_it_sees_as_events(lake: Lake) -> None:
    lake.options = "interval_s = 3600"
    lake.write()
    events: list[Any] = []
    now = 1_767_600_000.0

    def rounds() -> SyncRounds:
        configuration = load_file(lake.folder / "lakescope.toml")
        return SyncRounds("rses", configuration, events.extend, clock=lambda: now)

    stop = threading.Event()
    assert "differs from" in rounds()(stop)
    assert lake.names() == []
    now += 7200
    rounds()(stop)
    label = f"{lake.url} (VO {lake.vo})"
    assert [(one.sync, one.target, one.ok, one.applied) for one in events] == [("rses", label, True, 0)] * 2
    assert [one.drift_age_s for one in events] == [0.0, 7200.0]
    assert events[0].drift == events[1].drift > 40

    lake.options = "interval_s = 3600\napply = true"
    lake.write()
    assert "0 refused" in rounds()(stop)
    assert (events[-1].drift, events[-1].drift_age_s, events[-1].applied) == (0, 0.0, events[0].drift)
    assert lake.names() == sorted(FEW)

    (lake.folder / "rses.json").write_text("<html>")
    with pytest.raises(RuntimeError, match="a login page"):
        rounds()(stop)
    assert (events[-1].ok, "a login page" in events[-1].error) == (False, True)
    latest = latest_plan(load_file(lake.folder / "lakescope.toml").settings, "rses")
    assert latest is not None and latest.at == now and not latest.plan.actions(), "the one before"
