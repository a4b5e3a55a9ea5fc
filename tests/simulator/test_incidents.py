"""An incident shows in every source that would notice it."""

import json
import statistics
from collections import Counter
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any

import pytest

from lakescope.simulator import Incident, Lake, Wire, incidents_of, make_lake, simulate

COMPLETE = "/topic/transfer.fts_monitoring_complete"
OPTIMIZER = "/topic/transfer.fts_monitoring_queue_state"


def run(
    lake: Lake,
    start: datetime,
    incident: Incident,
    rate: float = 1_200,
    sources: tuple[str, ...] | None = None,
) -> list[Wire]:
    end = start + timedelta(hours=1)
    wires = simulate(lake, seed=11, start=start, end=end, rate=rate, incidents=[incident], sources=sources)
    return list(wires)


def between(start: datetime, kind: Any, target: str, peer: str | None = None) -> Incident:
    """An incident of the simulated hour's middle twenty minutes."""
    begin = start.timestamp() + 1200
    return Incident(kind, target, begin, begin + 1200, peer, severity=0.92)


def completions(wires: list[Wire]) -> list[dict[str, Any]]:
    return [json.loads(wire.body) for wire in wires if wire.destination == COMPLETE]


def started_within(body: dict[str, Any], incident: Incident) -> bool:
    return incident.begin <= body["tr_timestamp_start"] / 1000 < incident.end


def documents(wires: list[Wire], source: str) -> list[tuple[float, Any]]:
    return [(wire.time, json.loads(wire.body)) for wire in wires if wire.source == source]


def rucio(wires: list[Wire], *events: str) -> list[dict[str, Any]]:
    return [json.loads(w.body)["payload"] for w in wires if w.headers.get("event_type") in events]


def test_degraded_link(lake: Lake, start: datetime) -> None:
    incident = between(start, "link_degraded", "CERN-PROD", "PIC")
    wires = run(lake, start, incident, 2_000, ("rucio", "fts", "perfsonar"))
    ends = {"EULAKE-1", "EULAKE-2", "PIC-DCACHE"}

    fts: dict[bool, list[float]] = {True: [], False: []}
    for body in completions(wires):
        metadata = body["file_metadata"]
        if isinstance(metadata, dict) and {metadata["src_rse"], metadata["dst_rse"]} <= ends:
            site_pair = "PIC-DCACHE" in (metadata["src_rse"], metadata["dst_rse"])
            if site_pair and body["t_final_transfer_state"] == "Ok":
                fts[started_within(body, incident)].append(body["throughput"])
    assert statistics.median(fts[True]) < 0.25 * statistics.median(fts[False])

    perfsonar: dict[tuple[str, bool], list[float]] = {}
    for time, body in documents(wires, "perfsonar"):
        hosts = {body["test"]["spec"].get("source"), body["test"]["spec"]["dest"]}
        if {host and host.split(".", 1)[1] for host in hosts} == {"cern.example", "pic.example"}:
            during = incident.begin + 70 < time < incident.end
            kind, result = body["test"]["type"], body["result"]
            if kind == "throughput" and result["succeeded"]:
                bits = result["summary"]["summary"]["throughput-bits"]
                perfsonar.setdefault((kind, during), []).append(bits)
            elif kind == "latencybg":
                perfsonar.setdefault(("lost", during), []).append(result["packets-lost"])
                mean = statistics.fmean(float(key) for key in result["histogram-latency"])
                perfsonar.setdefault((kind, during), []).append(mean)
    if perfsonar.get(("throughput", True)):
        assert max(perfsonar["throughput", True]) < 0.5 * min(perfsonar["throughput", False])
    assert statistics.median(perfsonar["latencybg", True]) > 1.5 * statistics.median(
        perfsonar["latencybg", False]
    )
    assert min(perfsonar["lost", True]) > 5

    def failing(inside: bool) -> float:
        outcomes = Counter(
            event
            for event in ("transfer-done", "transfer-failed")
            for p in rucio(wires, event)
            if {p["src-rse"], p["dst-rse"]} <= ends and "PIC-DCACHE" in (p["src-rse"], p["dst-rse"])
            if _posix(p["started_at"]) and (incident.begin < _posix(p["started_at"]) < incident.end) == inside
        )
        return outcomes["transfer-failed"] / outcomes.total()

    assert failing(True) > failing(False) + 0.12


def _posix(text: str) -> float:
    return datetime.fromisoformat(text + "+00:00").timestamp()


def test_site_down(lake: Lake, start: datetime) -> None:
    incident = between(start, "site_down", "DESY-HH")
    wires = run(lake, start, incident)
    hit = 0
    for body in completions(wires):
        if "desy.example" in body["t_channel"] and started_within(body, incident):
            assert body["t_final_transfer_state"] == "Error"
            assert body["tr_error_category"] in (
                "CONNECTION_REFUSED",
                "NO_ROUTE_TO_HOST",
                "CONNECTION_TIMED_OUT",
            )
            hit += 1
    assert hit > 20
    reasons = [p for p in rucio(wires, "transfer-failed") if "desy.example" in (p["reason"] or "")]
    assert len(reasons) > 20

    inside = [wire for wire in wires if incident.begin + 60 < wire.time < incident.end]
    assert not any(b'"psl.desy.example","dest"' in wire.body for wire in inside)
    failed = [
        b for _, b in documents(inside, "perfsonar") if b["test"]["spec"]["dest"].endswith("desy.example")
    ]
    assert failed
    assert all(
        not b["result"]["succeeded"] or b["result"].get("received") == 0 for b in failed if _measured(b)
    )
    assert not any("desy" in wire.headers["instance"] for wire in inside if wire.source == "node_exporter")
    probes = [d for _, body in documents(inside, "push") if isinstance(body, list) for d in body]
    states = {d["status"] for d in probes if d["type"] == "sam_gfal" and d["site"] == "DESY-HH"}
    assert states == {"FAILED", "SKIPPED"}


def _measured(body: dict[str, Any]) -> bool:
    return bool(body["test"]["type"] != "trace")


def test_hosts_come_back_with_counters_at_zero(lake: Lake, start: datetime) -> None:
    incident = between(start, "site_down", "DESY-HH")
    wires = run(lake, start, incident, sources=("node_exporter",))
    sent = [
        float(line.split()[1])
        for wire in wires
        if wire.headers.get("instance") == "desy-dcache-01.desy.example:9100"
        for line in wire.body.decode().splitlines()
        if line.startswith("node_network_transmit_bytes_total")
    ]
    drops = sum(later < earlier for earlier, later in pairwise(sent))
    assert drops == 1
    assert len(sent) == pytest.approx(40, abs=2)


def test_full_disk(lake: Lake, start: datetime) -> None:
    incident = between(start, "disk_full", "LAPP-DCACHE")
    wires = run(lake, start, incident, sources=("fts", "node_exporter", "push"))
    full = incident.begin + 0.2 * (incident.end - incident.begin)
    hit = 0
    for body in completions(wires):
        metadata = body["file_metadata"]
        if not isinstance(metadata, dict) or metadata["dst_rse"] != "LAPP-DCACHE":
            continue
        if full < body["tr_timestamp_start"] / 1000 < incident.end:
            assert body["t_error_code"] == 28
            assert "No space left on device" in body["t__error_message"]
            assert body["tr_error_scope"] == "DESTINATION"
            hit += 1
    assert hit > 10
    free = [
        float(line.split()[1])
        for wire in wires
        if full < wire.time < incident.end and wire.headers.get("instance", "").startswith("lapp-dcache-01")
        for line in wire.body.decode().splitlines()
        if line.startswith("node_filesystem_avail_bytes") and "/srv/data" in line
    ]
    assert free and set(free) == {0.0}
    used = [
        (time, d)
        for time, body in documents(wires, "push")
        if isinstance(body, list)
        for d in body
        if d["type"] == "rucio_rse_stats" and d["rse"] == "LAPP-DCACHE" and full < time < incident.end
    ]
    assert all(d["used_bytes"] == lake.rse("LAPP-DCACHE").volume for _, d in used)


def test_stalled_fts(lake: Lake, start: datetime) -> None:
    alias = lake.fts[0].alias
    incident = between(start, "fts_stalled", alias)
    wires = run(lake, start, incident, 2_000, ("fts",))
    per_minute = Counter(int(w.time - start.timestamp()) // 60 for w in wires if w.destination == COMPLETE)
    before = statistics.median(per_minute[minute] for minute in range(5, 19))
    assert max(per_minute[minute] for minute in range(22, 40)) <= 0.1 * before
    assert max(per_minute[minute] for minute in range(40, 44)) > 3 * before

    queue: Counter[int] = Counter()
    active: Counter[int] = Counter()
    for wire in wires:
        if wire.destination == OPTIMIZER:  # all links of a minute together
            body = json.loads(wire.body)
            minute = (body["timestamp"] // 1000 - int(start.timestamp())) // 60
            queue[minute] += body["submitted_count"]
            active[minute] += body["active_count"]
    assert queue[39] > 2 * queue[25] > 4 * max(queue[15], 1)
    assert active[35] < 0.3 * active[15]  # what is left was lost, or is very large


def test_expired_certificate(lake: Lake, start: datetime) -> None:
    incident = between(start, "certificate_expired", "SARA-MATRIX")
    wires = run(lake, start, incident)
    said = {
        wire.source
        for wire in wires
        if b"certificate has expired" in wire.body and b"sara.example" in wire.body
        if incident.begin < wire.time < incident.end + 120
    }
    assert said >= {"rucio", "fts", "perfsonar", "push", "trace"}
    assert not any(b"certificate has expired" in wire.body for wire in wires if wire.time < incident.begin)


def test_incidents_come_from_the_seed_and_the_week(lake: Lake, start: datetime) -> None:
    month = incidents_of(lake, 4, start, start + timedelta(days=28))
    assert month == incidents_of(lake, 4, start, start + timedelta(days=28))
    assert month != incidents_of(lake, 5, start, start + timedelta(days=28))
    assert 8 <= len(month) <= 32
    assert {i.kind for i in month} >= {"link_degraded", "site_down"}
    later = incidents_of(lake, 4, start + timedelta(days=7), start + timedelta(days=14))
    assert set(map(str, later[1:])) - set(map(str, month)) <= {str(later[0]), str(_opening(later, start))}


def _opening(incidents: tuple[Incident, ...], start: datetime) -> Incident:
    first = start.timestamp() + 7 * 86_400
    return next(i for i in incidents if first < i.begin <= first + 10)


@pytest.mark.parametrize("rses", [2, 10, 60])
@pytest.mark.parametrize("seed", range(5))
def test_a_demo_opens_with_an_incident(rses: int, seed: int, start: datetime) -> None:
    lake = make_lake(rses)
    found = incidents_of(lake, seed, start, start + timedelta(seconds=60))
    assert any(start.timestamp() + 3 <= i.begin <= start.timestamp() + 10 for i in found)


@pytest.mark.parametrize(
    ("kind", "target", "peer", "message"),
    [
        ("site_down", "NOWHERE", None, "expected the name of a site of the lake, found 'NOWHERE'"),
        ("disk_full", "PIC", None, "expected the name of an RSE of the lake, found 'PIC'"),
        ("fts_stalled", "fts", None, "expected the alias of one of the lake's FTS servers, found 'fts'"),
        ("link_degraded", "PIC", None, "needs a peer"),
    ],
)
def test_incidents_of_strangers_are_refused(
    lake: Lake, start: datetime, kind: Any, target: str, peer: str | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        simulate(lake, start=start, end=start, incidents=[Incident(kind, target, 0.0, 1.0, peer)])


def test_packets_of_a_degraded_link_go_another_way(lake: Lake, start: datetime) -> None:
    incident = between(start, "link_degraded", "PIC", "DESY-HH")
    wires = run(lake, start, incident, sources=("perfsonar",))
    paths: dict[bool, set[tuple[str, ...]]] = {True: set(), False: set()}
    for _, body in documents(wires, "perfsonar"):
        spec, result = body["test"]["spec"], body["result"]
        if body["test"]["type"] != "trace" or spec["dest"] != "psl.desy.example":
            continue
        if body["participants"] == ["psl.pic.example"]:
            began = datetime.fromisoformat(body["run"]["start-time"]).timestamp()
            [path] = result["paths"]
            paths[incident.begin <= began < incident.end].add(tuple(hop.get("ip", "") for hop in path))
    assert len(paths[True]) == len(paths[False]) == 1
    [usual], [detour] = paths[False], paths[True]
    assert len(detour) > len(usual)
    assert usual[-1] == detour[-1]


def test_rules_of_a_full_disk_are_stuck_until_it_has_room(lake: Lake, start: datetime) -> None:
    """Their locks are given up after the retries; some that were stuck before go on being so."""
    begin, end = start.timestamp() + 1200, start + timedelta(hours=12)
    incident = Incident("disk_full", "LAPP-DCACHE", begin, begin + 3 * 3600)
    wires = simulate(
        lake, seed=11, start=start, end=end, rate=600, incidents=[incident], sources=["rucio-api"]
    )
    stuck: dict[str, list[tuple[float, float]]] = {}
    for wire in wires:
        for line in wire.body.splitlines() if "/rules/" in wire.headers["scope"] else ():
            rule = json.loads(line)
            if rule.get("state") != "STUCK":
                continue
            locks = rule["locks_ok_cnt"], rule["locks_replicating_cnt"], rule["locks_stuck_cnt"]
            assert min(locks) >= 0 < locks[2] and rule["stuck_at"]
            created = parsedate_to_datetime(rule["created_at"].replace("UTC", "GMT")).timestamp()
            if rule["rse_expression"] == "LAPP-DCACHE":
                stuck.setdefault(rule["id"], []).append((wire.time, wire.time - created))
    fresh = {id_: seen for id_, seen in stuck.items() if seen[0][1] < 6 * 3600}
    assert len(fresh) > 3
    assert max(age for seen in fresh.values() for _, age in seen) > 2 * 3600
    assert min(seen[-1][0] for seen in fresh.values()) > incident.end
    repaired = [id_ for id_, seen in fresh.items() if seen[-1][0] < end.timestamp() - 1200]
    assert len(repaired) > len(fresh) / 2
