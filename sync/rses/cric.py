"""CRIC's RSEs (``api/doma/rse/query/?json&preset=doma``) as Rucio should have them. Pure.

What cannot be synchronised is a line of the plan, and the rest goes on: a record, a protocol, an attribute or a distance that is
wrong is left out alone. Operators of ESCAPE's lake imported the same fields by a script (`cric.py` of its Rucio containers);
from it come the places of ``impl``, ``fts`` and ``lfn2pfn_algorithm``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lakescope.sync.plan import Change
from lakescope.sync.rses.lake import (
    LAN,
    RSE_NAME,
    SPACE,
    WAN,
    Lake,
    Rse,
    attribute_value,
    complete_domains,
    pair_name,
    protocol_address,
)

SCHEMES = frozenset(
    (
        *("root", "xroot", "davs", "dav", "http", "https", "s3", "s3s", "gsiftp", "srm", "srm+https", "storm", "file", "posix"),
        *("scp", "sftp", "ssh", "rsync", "rclone", "globus", "magnet", "mock", "cta", "dcap", "gsidcap"),
    )
)  # fmt: skip
"""Schemes that Rucio's protocol modules handle. Another is a mistake, or newer than this list."""
IMPL = "rucio.rse.protocols.gfal.Default"
"""Implementation of a protocol for which CRIC names none, as `rucio rse protocol add` has it."""
LIMITS = ("MinFreeSpace", "MaxBeingDeletedFiles")
_BOOLEANS = (
    "deterministic",
    "volatile",
    "staging_area",
    "availability_read",
    "availability_write",
    "availability_delete",
)
_TEXTS = {"country_name": 255, "region_code": 2, "city": 255, "qos_class": 64}
"""Property -> most characters (rucio/db/sqla/models.py)."""
_ATTRIBUTES = ("fts", "lfn2pfn_algorithm", "verify_checksum", "site")
_LONGEST = 255
"""Characters of an attribute's key, and of its value."""


class Reading:
    """What CRIC says: the lake as it should be, and lines for what is wrong or left out."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.lake = Lake()
        self.lines: list[Change] = []
        self.inactive: dict[str, str] = {}
        """RSEs that are not ACTIVE, with their states: never created, changed or removed."""
        self.unreadable: set[str] = set()
        """RSEs whose records are wrong as a whole: neither changed nor removed."""
        self.unreadable_sources: set[str] = set()
        """RSEs of whose distances to others nothing could be read: none of them is removed."""
        records = document.get("rses", document)
        for key, record in sorted(records.items()):
            self._read_rse(str(key), record)
        distances = document.get("distances") if "rses" in document else None
        if distances is not None:
            self.lake.distances = dict(self._read_distances(distances))

    def _read_rse(self, name: str, record: Any) -> None:
        if not isinstance(record, Mapping):
            self._invalid_rse(name, f"expected an object, found {_kind(record)}")
            return
        if not RSE_NAME.fullmatch(name):
            note = (
                "expected a name of capital letters, digits, `-` and `_`, as Rucio demands: rename it in CRIC"
            )
            self._invalid_rse(name, note)
            return
        if (own_name := record.get("name", name)) != name:
            self._invalid_rse(name, f"its `name` is {own_name!r}: name and key must be the same")
            return
        if (state := str(record.get("state") or "ACTIVE").upper()) != "ACTIVE":
            self.inactive[name] = state
            note = f"its state in CRIC is {state}: it is neither created nor changed nor removed"
            self._add("unmapped", "rse", name, note=note)
            return
        rse_type = str(record.get("rse_type") or "DISK").upper()
        if rse_type not in ("DISK", "TAPE"):
            self._invalid_rse(name, f"rse_type: expected DISK or TAPE, found {rse_type!r}")
            return
        rse = Rse(name=name, site=_text(record.get("site") or record.get("rcsite")))
        rse.properties = {"rse_type": rse_type} | dict(self._properties(name, record))
        rse.attributes = dict(self._attributes(name, record))
        rse.protocols = dict(self._protocols(name, record))
        rse.limits = dict(self._limits(name, record))
        self.lake.rses[name] = rse

    def _properties(self, name: str, record: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for key in _BOOLEANS:
            value = record.get(key)
            if value is None:
                continue
            if isinstance(value, bool) or value in (0, 1):
                yield key, bool(value)
            else:
                self._invalid("property", name, key, value, "expected true or false")
        params = record.get("params")
        params = (
            {str(key).lower(): value for key, value in params.items()} if isinstance(params, Mapping) else {}
        )
        texts = {key: record.get(key) for key in _TEXTS}
        texts["qos_class"] = record.get("qos_class") or params.get("qos_class") or params.get("qos")
        for key, limit in _TEXTS.items():
            if text := _text(texts[key]):
                if len(text) <= limit:
                    yield key, text
                else:
                    self._invalid(
                        "property", name, key, text, f"expected {limit} characters at most, as Rucio keeps"
                    )
        if zone := _text(record.get("timezone") or record.get("time_zone")):
            yield "time_zone", zone
        for key, bound in (("latitude", 90.0), ("longitude", 180.0)):
            if record.get(key) in (None, ""):
                continue
            number = _number(record[key])
            if number is not None and abs(number) <= bound:
                yield key, number
            else:
                self._invalid(
                    "property", name, key, record[key], f"expected degrees from -{bound:g} to {bound:g}"
                )

    def _attributes(self, name: str, record: Mapping[str, Any]) -> Iterator[tuple[str, bool | str]]:
        params = record.get("params") or {}
        if not isinstance(params, Mapping):
            self._invalid("attribute", name, "params", params, "expected an object of attributes")
            params = {}
        for key, value in {**{key: record.get(key) for key in _ATTRIBUTES}, **params}.items():
            if value is None or value == "":
                continue
            value_in_rucio = attribute_value(value)
            if not isinstance(key, str) or not key or "/" in key or len(key) > _LONGEST:
                self._invalid(
                    "attribute", name, str(key), value, "expected a key of 1 to 255 characters without `/`"
                )
            elif value_in_rucio is None or len(str(value_in_rucio)) > _LONGEST:
                self._invalid(
                    "attribute",
                    name,
                    key,
                    value,
                    "expected a text of 255 characters at most, a number or a boolean",
                )
            elif key != name:
                yield key, value_in_rucio

    def _protocols(self, name: str, record: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        protocols = record.get("protocols") or []
        if isinstance(protocols, Mapping):
            note = "expected a list with schemes and domains; ask CRIC with preset=doma"
            self._invalid("protocol", name, "", protocols, note)
            return
        if not isinstance(protocols, list):
            self._invalid("protocol", name, "", protocols, "expected a list")
            return
        addresses: set[str] = set()
        for number, protocol in enumerate(protocols):
            if not isinstance(protocol, Mapping):
                self._invalid("protocol", name, f"[{number}]", protocol, "expected an object")
                continue
            address, fault = _address(protocol)
            if not fault and address in addresses:
                fault = "it stands twice: keep one"
            domains: Any = None
            if not fault:
                domains, fault = _domains(protocol)
            extended = protocol.get("ext_attrs") or protocol.get("extended_attributes") or None
            if (
                not fault
                and str(protocol.get("scheme")) == "srm"
                and "web_service_path" not in (extended or {})
            ):
                fault = "expected `web_service_path` in ext_attrs, as Rucio demands of srm"
            if fault:
                self._add("invalid", "protocol", name, address or f"[{number}]", note=fault)
                continue
            addresses.add(address)
            yield (
                address,
                {
                    "prefix": str(protocol.get("prefix") or protocol.get("path") or ""),
                    "impl": str(protocol.get("impl") or record.get("impl") or IMPL),
                    "domains": domains,
                    "extended_attributes": extended,
                },
            )

    def _limits(self, name: str, record: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
        for key in (*LIMITS, SPACE):
            value = record.get(key)
            if value is None or value == "" or (key == SPACE and value == 0):
                continue  # CRIC writes 0 where nobody has given the space
            number = _number(value)
            if number is None or number < 0 or number != int(number):
                self._invalid("limit", name, key, value, "expected a whole number, 0 or more")
            else:
                yield key, int(number)

    def _read_distances(self, distances: Any) -> Iterator[tuple[tuple[str, str], int]]:
        if not isinstance(distances, Mapping):
            self._invalid("distance", "all", "", distances, "expected an object of sources")
            self.unreadable_sources = set(self.lake.rses)
            return
        for source, ends in sorted(distances.items()):
            if not isinstance(ends, Mapping):
                self._invalid("distance", str(source), "", ends, "expected an object of destinations")
                self.unreadable_sources.add(str(source))
                continue
            for destination, record in sorted(ends.items()):
                pair = pair_name(source, destination)
                value = (
                    record.get("distance", record.get("ranking")) if isinstance(record, Mapping) else record
                )
                if {source, destination} & (self.inactive.keys() | self.unreadable):
                    continue  # there is a line for the RSE
                if missing := [rse for rse in (source, destination) if rse not in self.lake.rses]:
                    note = f"CRIC has no RSE {' and no RSE '.join(missing)}: remove the distance there, or add the RSE"
                    self._add("invalid", "distance", pair, note=note)
                elif isinstance(value, bool) or not isinstance(value, int) or value < 0:
                    self._invalid("distance", pair, "", value, "expected a whole number, 0 or more")
                else:
                    yield (source, destination), value

    def _invalid_rse(self, name: str, note: str) -> None:
        self.unreadable.add(name)
        self._add("invalid", "rse", name, note=note)

    def _invalid(self, type_: str, name: str, part: str, value: Any, expected: str) -> None:
        self._add("invalid", type_, name, part, note=f"{expected}, found {_kind(value)}")

    def _add(self, kind: Any, type_: str, name: str, part: str = "", *, note: str) -> None:
        self.lines.append(Change(kind=kind, type=type_, object=name, part=part, note=note))


def _address(protocol: Mapping[str, Any]) -> tuple[str, str]:
    """A protocol's address, and what is wrong with it."""
    scheme, hostname = str(protocol.get("scheme") or ""), str(protocol.get("hostname") or "")
    port = _number(protocol.get("port"))
    address = f"{scheme or '?'}://{hostname or '?'}:{protocol.get('port')}"
    if scheme not in SCHEMES:
        return address, f"unknown scheme {scheme!r}; Rucio has {', '.join(sorted(SCHEMES))}"
    if not hostname or set(hostname) & set("/?#@ \t"):
        return address, f"expected a host name, found {hostname!r}"
    if port is None or port != int(port) or not 0 <= port <= 65535:
        return address, f"expected a port from 0 to 65535, found {_kind(protocol.get('port'))}"
    return protocol_address(scheme, hostname, int(port)), ""


def _domains(protocol: Mapping[str, Any]) -> tuple[dict[str, dict[str, int]], str]:
    """Priorities by domain and operation, and what is wrong with them. CRIC has third party copies as a domain of their own,
    older documents as one operation of ``wan``; Rucio has two operations of ``wan``."""
    raw = protocol.get("domains") or {}
    if not isinstance(raw, Mapping) or not all(isinstance(one or {}, Mapping) for one in raw.values()):
        return {}, f"domains: expected objects of operations, found {_kind(raw)}"
    lan, wan = dict(raw.get("lan") or {}), dict(raw.get("wan") or {})
    third = raw.get("third_party_copy")
    if third is None and "third_party_copy" in wan:
        third = dict.fromkeys(("read", "write"), wan["third_party_copy"])
    wan.pop("third_party_copy", None)
    for operation, value in (third or {}).items():
        wan[f"third_party_copy_{operation}"] = value
    for domain, operations, names in (("lan", lan, LAN), ("wan", wan, WAN)):
        for operation, value in operations.items():
            number = _number(value)
            if operation not in names:
                return {}, f"domains.{domain}: no operation {operation!r}; there are {', '.join(names)}"
            if value is not None and (number is None or number < 0 or number != int(number)):
                return (
                    {},
                    f"domains.{domain}.{operation}: expected a priority, 0 or more, found {_kind(value)}",
                )
            operations[operation] = 0 if number is None else int(number)
    return complete_domains({"lan": lan, "wan": wan}), ""


def _number(value: Any) -> float | None:
    """CRIC writes numbers as numbers or as text."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if number - number == 0 else None


def _text(value: Any) -> str | None:
    return (
        str(value).strip() or None if isinstance(value, (str, int)) and not isinstance(value, bool) else None
    )


def _kind(value: Any) -> str:
    """A value as an error shows it, short."""
    return (
        f"{type(value).__name__} {value!r:.60}"
        if not isinstance(value, (Mapping, list))
        else type(value).__name__
    )


def names_of(document: Mapping[str, Any]) -> Iterable[str]:
    """The RSEs that a document names, of whatever state."""
    records = document.get("rses", document)
    return records.keys() if isinstance(records, Mapping) else ()
