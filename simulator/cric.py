"""The lake's topology as CRIC tells it: RSEs with distances (doma preset), services, and sites with networks.

Forms of CRIC's `api/doma/rse/query/?json&preset=doma`, `api/core/service/query/?json` and
`api/core/rcsite/query/?json`.
"""

import json
from pathlib import Path
from typing import Any

from lakescope.simulator.lake import Lake, Protocol, Rse, Site
from lakescope.simulator.network import round_trip

_UPDATE_TIME = "2026-01-15T09:30:00.000000"
_IMPLEMENTATIONS = {
    "davs": "rucio.rse.protocols.gfal.Default",
    "https": "rucio.rse.protocols.gfal.Default",
    "root": "rucio.rse.protocols.gfal.NoRename",
}

Document = dict[str, Any]


def rse_query(lake: Lake) -> Document:
    """`{"rses": {name: ...}, "distances": {source: {destination: {"distance": n}}}}`, sizes in bytes."""
    return {
        "rses": {rse.name: _rse(lake, rse) for rse in lake.rses},
        "distances": {
            a.name: {b.name: {"distance": _distance(a, b)} for b in lake.rses if b is not a}
            for a in lake.rses
        },
    }


def service_query(lake: Lake) -> Document:
    """Services by name: storage (type SE) with all its hosts, perfSONAR, FTS; `rcsite` is the host's site."""
    services: Document = {}
    for rse in lake.rses:
        hosts = dict.fromkeys([door.host for door in rse.protocols] + list(rse.pools))
        for host in hosts:
            services[f"{rse.name}-{host}"] = _service("SE", host, rse.site.name, rse.flavour)
    for site in lake.sites:
        for host in (site.throughput_host, site.latency_host):
            services[f"PS-{host}"] = _service("PerfSonar", host, site.name, "perfsonar")
    silent = lake.silent_host
    services[f"PS-{silent}"] = _service("PerfSonar", silent, lake.sites[-1].name, "perfsonar")
    for server in lake.fts:
        services[server.alias] = _service("FTS", server.url, server.site, "fts3")
    return services


def rcsite_query(lake: Lake) -> Document:
    """Sites by name with their networks under `netroutes`."""
    return {site.name: _site(lake, site) for site in lake.sites}


def write_cric(lake: Lake, directory: Path) -> None:
    """Write the three answers as `rses.json`, `services.json` and `rcsites.json`."""
    directory.mkdir(parents=True, exist_ok=True)
    answers = {"rses": rse_query(lake), "services": service_query(lake), "rcsites": rcsite_query(lake)}
    for name, answer in answers.items():
        (directory / f"{name}.json").write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")


def _rse(lake: Lake, rse: Rse) -> Document:
    site = rse.site
    return {
        "name": rse.name,
        "site": site.name,
        "state": "ACTIVE",
        "country_name": site.country,
        "region_code": site.region,
        "latitude": site.latitude,
        "longitude": site.longitude,
        "timezone": site.timezone,
        "rse_type": "" if rse.flavour == "dpm" else rse.kind,  # left empty for some, which means DISK
        "deterministic": True,
        "volatile": False,
        "staging_area": False,
        "availability_read": True,
        "availability_write": True,
        "availability_delete": True,
        "impl": rse.flavour,
        "lfn2pfn_algorithm": "hash",
        "fts": lake.fts_for(rse).url,
        "MinFreeSpace": rse.volume // 50,
        "MaxBeingDeletedFiles": 1_000,
        "space": rse.volume,
        "params": {"QOS": rse.qos, "site": site.name, "ESCAPE": "True"},
        "updated_at": _UPDATE_TIME,
        "protocols": [_protocol(door, number) for number, door in enumerate(rse.protocols, 1)],
    }


def _protocol(door: Protocol, rank: int) -> Document:
    ranks = {"read": rank, "write": rank, "delete": rank}
    return {
        "name": f"{door.scheme}-{door.host}",
        "scheme": door.scheme,
        "hostname": door.host,
        "port": door.port,
        "prefix": door.prefix,
        "impl": _IMPLEMENTATIONS[door.scheme],
        "ext_attrs": {},
        "domains": {"lan": ranks, "wan": ranks, "third_party_copy": {"read": rank, "write": rank}},
    }


def _distance(a: Rse, b: Rse) -> int:
    return 1 + int(round_trip(a.site, b.site) * 100)


def _service(kind: str, endpoint: str, site: str, flavour: str) -> Document:
    return {"type": kind, "endpoint": endpoint, "rcsite": site, "flavour": flavour, "status": "production"}


def _site(lake: Lake, site: Site) -> Document:
    ipv4 = [site.ipv4] if site.ipv4 else []
    return {
        "name": site.name,
        "country": site.country,
        "country_code": site.region,
        "timezone": site.timezone,
        "latitude": site.latitude,
        "longitude": site.longitude,
        "netroutes": {f"{site.name}-DATA": {"networks": {"ipv4": ipv4, "ipv6": [site.ipv6]}}},
        "rses": [rse.name for rse in lake.rses if rse.site.name == site.name],
    }
