"""RSEs and distances in one form, whoever describes them: what is compared. Pure."""

from __future__ import annotations

import re
from typing import Any

import msgspec

RSE_NAME = re.compile(r"[A-Z0-9]+([_-][A-Z0-9]+)*")
"""Names of RSEs as Rucio's generic schema has them (rucio/common/schema/generic.py)."""
SETTINGS = frozenset(("continent", "city", "region_code", "country_name", "time_zone", "ISP", "ASN"))
"""Properties that Rucio keeps a second time among the attributes (RSE_SETTINGS in rucio/core/rse.py): no attributes of
anybody."""
LAN = ("read", "write", "delete")
WAN = (*LAN, "third_party_copy_read", "third_party_copy_write")


class Rse(msgspec.Struct, kw_only=True):
    """One RSE. What is absent from a description is not compared."""

    name: str
    site: str | None = None
    properties: dict[str, Any] = {}
    """Columns of Rucio's table of RSEs: rse_type, deterministic, country_name, availability_read, qos_class, ..."""
    attributes: dict[str, bool | str] = {}
    """Key -> value, without the RSE's own name and `SETTINGS`."""
    protocols: dict[str, dict[str, Any]] = {}
    """Address (`protocol_address`) -> prefix, impl, domains, extended_attributes."""
    limits: dict[str, int] = {}
    """MinFreeSpace, MaxBeingDeletedFiles and `SPACE`, by name."""


class Lake(msgspec.Struct, kw_only=True):
    """All RSEs of a VO."""

    rses: dict[str, Rse] = {}
    distances: dict[tuple[str, str], int | None] | None = None
    """(source, destination) -> distance; null: not described."""


SPACE = "space"
"""The limit that stands for an RSE's total space (bytes): in Rucio a usage, as `rucio rse info` shows it."""


def protocol_address(scheme: str, hostname: str, port: int) -> str:
    """What identifies a protocol of an RSE: ``davs://host:443``."""
    return f"{scheme}://{hostname}:{port}"


def address_parts(address: str) -> tuple[str, str, str]:
    """Scheme, host name and port of a `protocol_address`."""
    scheme, _, rest = address.partition("://")
    hostname, _, port = rest.rpartition(":")
    return scheme, hostname, port


def pair_name(source: str, destination: str) -> str:
    """How a plan calls the distance between two RSEs."""
    return f"{source} -> {destination}"


def attribute_value(value: Any) -> bool | str | None:
    """An attribute's value as Rucio keeps it (`BooleanString` in rucio/db/sqla/types.py): text, but true and false in any case
    are booleans. Null for what it cannot keep."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        return None
    return {"true": True, "false": False}.get(value.lower(), value)


def complete_domains(domains: Any) -> dict[str, dict[str, int]]:
    """Priorities of all operations in both domains, 0 for one that is not offered."""
    lan, wan = domains.get("lan") or {}, domains.get("wan") or {}
    return {
        "lan": {name: int(lan.get(name) or 0) for name in LAN},
        "wan": {name: int(wan.get(name) or 0) for name in WAN},
    }
