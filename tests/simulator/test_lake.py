"""Lakes of any size, and their topology as CRIC tells it."""

import ipaddress
import json
import re
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest

from lakescope.simulator import Lake, make_lake, simulate
from lakescope.simulator.cric import rcsite_query, rse_query, write_cric

ESCAPE = [
    "CNAF-STORM",
    "DESY-DCACHE",
    "EULAKE-1",
    "EULAKE-2",
    "IN2P3-CC-DCACHE",
    "INFN-NA-DPM",
    "LAPP-DCACHE",
    "LAPP-DPM",
    "PIC-DCACHE",
    "SARA-DCACHE",
]
DOCUMENTATION = [
    ipaddress.ip_network(n) for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]


def test_the_default_lake_is_escapes(lake: Lake) -> None:
    assert [rse.name for rse in lake.disks] == ESCAPE
    assert len(lake.tapes) == 2
    assert len(lake.sites) == 8


@pytest.mark.parametrize("rses", [2, 10, 37, 100, 400])
def test_lakes_of_any_size(rses: int) -> None:
    lake = make_lake(rses, seed=1)
    assert lake == make_lake(rses, seed=1)
    assert len(lake.disks) == rses
    names = [rse.name for rse in lake.rses]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Z0-9]+([_-][A-Z0-9]+)*", name) for name in names)
    hosts = [host.name for host in lake.hosts]
    assert len(set(hosts)) == len(hosts)
    assert all(host.endswith(".example") for host in hosts)


@pytest.mark.parametrize("rses", [10, 100])
def test_networks_are_documentation_ranges_and_dont_overlap(rses: int) -> None:
    networks = []
    for site in rcsite_query(make_lake(rses)).values():
        for route in site["netroutes"].values():
            listed = route["networks"]
            networks += [ipaddress.ip_network(text) for text in (*listed["ipv4"], *listed["ipv6"])]
    for network in networks:
        assert any(n.version == network.version and network.subnet_of(n) for n in DOCUMENTATION)  # type: ignore[arg-type]
    assert not any(a.overlaps(b) for a, b in combinations(networks, 2))


def test_cric_files(lake: Lake, tmp_path: Path) -> None:
    write_cric(lake, tmp_path)
    rses = json.loads((tmp_path / "rses.json").read_text())
    assert rses == rse_query(lake)
    assert set(rses) == {"rses", "distances"}
    for name, rse in rses["rses"].items():
        assert rse["name"] == name and rse["space"] > 0 and rse["protocols"]
        assert set(rses["distances"][name]) == set(rses["rses"]) - {name}
        assert {"lan", "wan", "third_party_copy"} == set(rse["protocols"][0]["domains"])
    services = json.loads((tmp_path / "services.json").read_text())
    assert {service["type"] for service in services.values()} == {"SE", "PerfSonar", "FTS"}
    assert {service["rcsite"] for service in services.values()} <= set(
        json.loads((tmp_path / "rcsites.json").read_text())
    )


def test_a_large_lake_speaks_too(start: datetime) -> None:
    wires = list(simulate(make_lake(100), start=start, end=start + timedelta(minutes=1), rate=1_000))
    assert {wire.format for wire in wires} >= {"hermes", "fts", "perfsonar", "collectd", "push"}
