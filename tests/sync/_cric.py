"""CRIC's answer with the doma preset, of the ten RSEs of ESCAPE's founding slides."""

from __future__ import annotations

from typing import Any

TEN = {
    "CNAF-STORM": ("INFN-CNAF", "Italy", 44.49, 11.34),
    "DESY-DCACHE": ("DESY-HH", "Germany", 53.57, 9.88),
    "EULAKE-1": ("CERN-PROD", "Switzerland", 46.23, 6.05),
    "EULAKE-2": ("CERN-PROD", "Switzerland", 46.23, 6.05),
    "IN2P3-CC-DCACHE": ("IN2P3-CC", "France", 45.78, 4.86),
    "INFN-NA-DPM": ("INFN-NAPOLI", "Italy", 40.84, 14.19),
    "LAPP-DCACHE": ("IN2P3-LAPP", "France", 45.92, 6.16),
    "LAPP-DPM": ("IN2P3-LAPP", "France", 45.92, 6.16),
    "PIC-DCACHE": ("PIC", "Spain", 41.5, 2.11),
    "SARA-DCACHE": ("SARA-MATRIX", "Netherlands", 52.36, 4.95),
}
"""Name -> site, country, latitude, longitude."""


def rse(
    name: str, site: str = "SITE", country: str = "Italy", latitude: float = 44.5, longitude: float = 11.3
) -> dict[str, Any]:
    """One RSE as CRIC gives it."""
    host = f"{name.lower()}.example.org"
    lan = {"read": 1, "write": 1, "delete": 1}
    return {
        "name": name,
        "site": site,
        "rcsite": site,
        "state": "ACTIVE",
        "country_name": country,
        "region_code": country[:2].upper(),
        "latitude": latitude,
        "longitude": longitude,
        "timezone": "Europe/Zurich",
        "rse_type": "",
        "deterministic": True,
        "volatile": False,
        "staging_area": False,
        "availability_read": True,
        "availability_write": True,
        "availability_delete": True,
        "impl": "rucio.rse.protocols.gfal.Default",
        "lfn2pfn_algorithm": "hash",
        "fts": "https://fts.example.org:8446",
        "MinFreeSpace": 10**12,
        "MaxBeingDeletedFiles": 1000,
        "space": 10**14,
        "params": {"QOS": "DISK", "verify_checksum": True, "datapolicynearline": "false", "weight": 3},
        "updated_at": "2026-01-05T12:00:00",
        "protocols": [
            {
                "name": f"{name}-davs",
                "scheme": "davs",
                "hostname": host,
                "port": "443",
                "prefix": "/escape/rucio",
                "ext_attrs": {},
                "domains": {
                    "lan": lan,
                    "wan": {**lan, "read": 2},
                    "third_party_copy": {"read": 1, "write": 2},
                },
            },
            {
                "name": f"{name}-srm",
                "scheme": "srm",
                "hostname": host,
                "port": 8443,
                "prefix": "/escape/rucio",
                "ext_attrs": {"web_service_path": "/srm/managerv2?SFN=", "space_token": ""},
                "domains": {"lan": {}, "wan": {"read": 3, "write": None}},
            },
        ],
    }


def document(names: dict[str, tuple[str, str, float, float]] = TEN) -> dict[str, Any]:
    """The whole answer: RSEs, and the distances of all pairs."""
    return {
        "rses": {name: rse(name, *where) for name, where in names.items()},
        "distances": {
            source: {
                one: {"distance": 1 + (index + number) % 4}
                for number, one in enumerate(names)
                if one != source
            }
            for index, source in enumerate(names)
        },
    }
