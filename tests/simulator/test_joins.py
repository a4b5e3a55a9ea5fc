"""The sources tell one story: requests join jobs, retries join their predecessors, hosts join sites."""

import json
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest

from lakescope.simulator import Lake, Wire, simulate
from lakescope.simulator.cric import service_query

COMPLETE = "/topic/transfer.fts_monitoring_complete"


@pytest.fixture(scope="module")
def rucio(quiet: list[Wire]) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for wire in quiet:
        if wire.source == "rucio":
            found[wire.headers["event_type"]].append(json.loads(wire.body)["payload"])
    return found


@pytest.fixture(scope="module")
def completed(quiet: list[Wire]) -> list[tuple[float, dict[str, Any]]]:
    return [(wire.time, json.loads(wire.body)) for wire in quiet if wire.destination == COMPLETE]


def test_every_fts_completion_of_rucio_joins_its_report(
    completed: list[tuple[float, dict[str, Any]]], rucio: dict[str, list[dict[str, Any]]], start: datetime
) -> None:
    reports = {
        (payload["request-id"], payload["transfer-id"]): (event, payload)
        for event in ("transfer-done", "transfer-failed")
        for payload in rucio[event]
    }
    joined = 0
    for time, body in completed:
        since = time - start.timestamp()
        if not 90 < since < 4000 or body["job_metadata"].get("issuer") != "rucio":
            continue  # near the window's ends the other half may lie outside
        metadata = body["file_metadata"]
        event, payload = reports[metadata["request_id"], body["job_id"]]
        assert event == ("transfer-done" if body["t_final_transfer_state"] == "Ok" else "transfer-failed")
        assert payload["src-url"] == body["src_url"] and payload["dst-url"] == body["dst_url"]
        assert payload["bytes"] == body["file_size"] == metadata["filesize"]
        assert (payload["src-rse"], payload["dst-rse"]) == (metadata["src_rse"], metadata["dst_rse"])
        assert payload["reason"] is None or payload["reason"].endswith(body["t__error_message"])
        joined += 1
    assert joined > 300


def test_states_starts_and_completions_of_a_file_belong_together(quiet: list[Wire]) -> None:
    files = defaultdict(list)
    for wire in quiet:
        if wire.source == "fts" and b'"file_id"' in wire.body:
            body = json.loads(wire.body)
            files[body["job_id"], body["file_id"]].append((wire.destination.rpartition("_")[2], body))
    whole = 0
    for messages in files.values():
        states = {body["file_state"] for kind, body in messages if kind == "state"}
        kinds = [kind for kind, _ in messages]
        if states == {"SUBMITTED", "READY", "ACTIVE", "FINISHED"}:
            whole += 1
            assert kinds.count("start") == 1 and kinds.count("complete") <= 1
    assert whole > 300


def test_retries_chain(rucio: dict[str, list[dict[str, Any]]]) -> None:
    failed = {payload["request-id"] for payload in rucio["transfer-failed"]}
    again = [
        payload
        for event in ("transfer-done", "transfer-failed")
        for payload in rucio[event]
        if payload["previous-request-id"]
    ]
    known = [payload for payload in again if payload["previous-request-id"] in failed]
    assert len(known) > 20
    counts = {payload["request-id"]: payload["retry-count"] for payload in rucio["transfer-queued"]}
    for payload in known:
        assert counts.get(payload["request-id"], 1) in (1, 2, 3)


def test_jobs_hold_several_files(rucio: dict[str, list[dict[str, Any]]]) -> None:
    jobs = defaultdict(list)
    for payload in rucio["transfer-submitted"]:
        jobs[payload["external-id"]].append(payload)
    assert max(map(len, jobs.values())) > 5
    for payloads in jobs.values():
        assert len(payloads) <= 200
        assert len({(p["src-rse"], p["dst-rse"], p["activity"]) for p in payloads}) == 1


def test_noise_runs_between_all_pairs_and_is_deleted_after_its_lifetime(
    rucio: dict[str, list[dict[str, Any]]], lake: Lake
) -> None:
    noise = [p for p in rucio["transfer-done"] if p["activity"] == "Functional Test"]
    assert {p["scope"] for p in noise} == {"ESCAPE_CERN_TEAM-noise"}
    assert {p["bytes"] for p in noise} == {100_000_000}
    pairs = {(p["src-rse"], p["dst-rse"]) for p in noise}
    assert len(pairs) == len(lake.disks) * (len(lake.disks) - 1) == 90
    arrived = {p["name"]: p["transferred_at"] for p in noise}
    ages = []
    for event in ("deletion-done", "deletion-not-found", "deletion-failed"):
        ages += [p["name"] for p in rucio[event] if p["name"] in arrived]
    assert len(ages) > 100


def test_several_organisations_activities_and_experiments(rucio: dict[str, list[dict[str, Any]]]) -> None:
    done = rucio["transfer-done"]
    assert {p.get("vo") for p in done} == {None, "cta", "ska"}
    assert len({p["activity"] for p in done}) >= 7
    assert len({p["scope"].partition("_")[0] for p in done}) >= 8
    assert len({p["account"] for p in done}) >= 8
    sizes = sorted(p["bytes"] for p in done if p["activity"] != "Functional Test")
    assert sizes[-1] > 8 * sizes[len(sizes) // 2]


def test_every_host_is_in_the_topology(quiet: list[Wire], lake: Lake) -> None:
    known = {service["endpoint"] for service in service_query(lake).values()}
    hosts = set()
    for wire in quiet:
        if wire.destination == COMPLETE:
            body = json.loads(wire.body)
            hosts |= {body["src_hostname"], body["dst_hostname"]}
        elif wire.source == "perfsonar":
            spec = json.loads(wire.body)["test"]["spec"]
            hosts |= {spec["dest"], spec.get("source", spec["dest"])}
        elif wire.source == "collectd":
            hosts.add(json.loads(wire.body)[0]["host"])
        elif wire.source == "node_exporter":
            hosts.add(wire.headers["instance"].removesuffix(":9100"))
    assert len(hosts) > 40
    assert hosts <= known


def test_rate_and_rhythm_over_a_week(lake: Lake) -> None:
    monday = datetime.fromisoformat("2026-03-16T00:00:00+00:00")
    new, production = 0, [0] * 168
    for wire in simulate(
        lake, seed=2, start=monday, end=monday + timedelta(days=7), rate=40, incidents=(), sources=["rucio"]
    ):
        if not wire.headers["event_type"].endswith("-queued"):
            continue
        payload = json.loads(wire.body)["payload"]
        if payload["retry-count"] is None:
            new += 1
            if payload["activity"] != "Functional Test":
                production[int(wire.time - monday.timestamp()) // 3600] += 1
    assert new == pytest.approx(40 * 168, rel=0.1)
    busy = sum(production[day * 24 + hour] for day in range(5) for hour in range(10, 16)) / 30
    nights = sum(production[day * 24 + hour] for day in range(5) for hour in range(5)) / 25
    weekend = sum(production[5 * 24 :]) / 48
    assert busy > 1.6 * nights
    assert busy > 1.2 * weekend
