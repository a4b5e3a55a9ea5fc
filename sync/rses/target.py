"""Rucio's RSEs by its REST API: read as a `Lake`, changed one call at a time.

What is read: `/export` has all RSEs of a VO and their distances, but of the limits MinFreeSpace alone and no usage; these are
asked RSE by RSE. Rucio 41 and 38 answer alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lakescope.sync.plan import Change
from lakescope.sync.rses.lake import (
    SETTINGS,
    SPACE,
    Lake,
    Rse,
    address_parts,
    complete_domains,
    protocol_address,
)
from lakescope.sync.rucio import Rucio, RucioRefusedError

PROPERTIES = (
    *("rse_type", "deterministic", "volatile", "staging_area", "city", "region_code", "country_name", "time_zone"),
    *("latitude", "longitude", "availability_read", "availability_write", "availability_delete", "qos_class"),
)  # fmt: skip
"""What can be changed of an RSE (MUTABLE_RSE_PROPERTIES in rucio/core/rse.py), but for its name."""


def read_lake(
    rucio: Rucio, spaces: Collection[str], space_source: str, *, has_distances: bool = True
) -> Lake:
    """What Rucio has. `spaces`: RSEs whose total space is compared, by the usage of `space_source`; `has_distances`: whether
    distances are read, which takes Rucio most of the time. Raises `SyncError`."""

    def limits(name: str) -> dict[str, int]:
        limits = dict(rucio.get("rses", name, "limits"))
        if name in spaces and (space := _space(_usages(rucio, name), space_source)) is not None:
            limits[SPACE] = space
        return limits

    with ThreadPoolExecutor(1) as pool:
        export = pool.submit(rucio.export, distances=has_distances)
        names = [one["rse"] for one in rucio.lines("rses", "")]
        its_limits = dict(zip(names, rucio.each(limits, names), strict=True))
        document = export.result()
    rses = {name: _rse(name, record) for name, record in document.rses.items()}
    late = [name for name in rses if name not in its_limits]  # made since the list was read
    its_limits |= zip(late, rucio.each(limits, late), strict=True)
    for name, rse in rses.items():
        rse.limits = its_limits[name]
    if not has_distances:
        return Lake(rses=rses)
    distances = {
        (source, destination): record.distance
        for source, ends in document.distances.items()
        for destination, record in ends.items()
    }
    return Lake(rses=rses, distances=distances)


def names_of_deleted(rucio: Rucio, names: Iterable[str]) -> frozenset[str]:
    """Those of `names`, none of which Rucio lists, that it had once: it keeps the name of a removed RSE, and creating one answers
    Duplicate. It still tells their attributes."""
    names = list(names)
    is_known = rucio.each(lambda name: _is_known(rucio, name), names)
    return frozenset(name for name, is_there in zip(names, is_known, strict=True) if is_there)


def count_files(rucio: Rucio, names: Iterable[str]) -> dict[str, int]:
    """RSE -> files on it, by Rucio's own count; those without a file are left out."""

    def count(name: str) -> int:
        usages = [one for one in _usages(rucio, name) if one.get("source") == "rucio"]
        return sum(int(one.get("files") or bool(one.get("used"))) for one in usages)

    names = list(names)
    return {name: files for name, files in zip(names, rucio.each(count, names), strict=True) if files}


class RseTarget:
    """Where plans of RSEs are applied."""

    def __init__(self, rucio: Rucio, space_source: str) -> None:
        self.label = rucio.label
        self._rucio = rucio
        self._space_source = space_source

    def perform(self, change: Change) -> None:
        """Does one change, by one call (of the space two: the usage has two parts). Raises `SyncError`."""
        rucio, name, value = self._rucio, change.object, change.after
        match change.type:
            case "rse" if change.kind == "create":
                rucio.post("rses", name, body=value)
            case "rse":
                rucio.delete("rses", name)
            case "property":
                rucio.put("rses", name, body={change.part: value})
            case "attribute" if value is None:
                rucio.delete("rses", name, "attr", change.part)
            case "attribute":
                rucio.post("rses", name, "attr", change.part, body={"value": value})
            case "protocol":
                self._protocol(change)
            case "limit" if change.part == SPACE:
                self._set_space(name, value)
            case "limit" if value is None:
                rucio.delete("rses", name, "limits", body={"name": change.part})
            case "limit":
                rucio.put("rses", name, "limits", body={"name": change.part, "value": value})
            case "distance":
                source, destination = change.object.split(" -> ")
                call = {"create": rucio.post, "change": rucio.put, "remove": rucio.delete}[change.kind]
                body = None if value is None else {"distance": value}
                call("rses", source, "distances", destination, body=body)
            case _:
                raise AssertionError(change.type)

    def value(self, change: Change) -> Any:
        """What Rucio has at the change's place now; of an RSE itself only whether it is there counts."""
        name = change.object
        match change.type:
            case "rse":
                is_there = any(one["rse"] == name for one in self._rucio.lines("rses", ""))
                return (change.after if change.after is not None else change.before) if is_there else None
            case "distance":
                source, destination = name.split(" -> ")
                records = self._get("rses", source, "distances", destination) or [{}]
                return records[0].get("distance")
            case "limit" if change.part == SPACE:
                return _space(_usages(self._rucio, name), self._space_source)
            case "limit":
                return (self._get("rses", name, "limits") or {}).get(change.part)
            case "attribute":
                return (self._get("rses", name, "attr", "") or {}).get(change.part)
            case "protocol":
                protocols = self._get("rses", name, "protocols") or []
                return dict(_protocols(protocols)).get(change.part)
            case _:
                return self._rucio.export(distances=False).rses.get(name, {}).get(change.part)

    def stage(self, change: Change) -> int:
        """RSEs come before what hangs on them, and go after it."""
        if change.kind == "remove":
            return 3 if change.type == "rse" else 2
        return 0 if change.type == "rse" else 1

    def why_not_undone(self, change: Change) -> str:
        """Why a change cannot be taken back; empty for one that can."""
        if change.type == "rse":
            return "the creation or removal of an RSE is not undone: Rucio keeps the name of a removed RSE for good"
        if (change.type, change.part, change.before) == ("limit", SPACE, None):
            return "Rucio's REST API removes no usage"
        return ""

    def _get(self, *path: str) -> Any:
        try:
            return self._rucio.get(*path)
        except RucioRefusedError as error:
            if error.status == 404:
                return None
            raise

    def _protocol(self, change: Change) -> None:
        scheme, hostname, port = address_parts(change.part)
        path = ("rses", change.object, "protocols", scheme)
        if change.kind == "create":
            address = {"hostname": hostname, "port": int(port)}
            self._rucio.post(*path, body=change.after | address)
        elif change.kind == "change":
            self._rucio.put(*path, hostname, port, body=change.after)
        else:
            self._rucio.delete(*path, hostname, port)

    def _set_space(self, name: str, space: int) -> None:
        usages = {one.get("source"): one for one in _usages(self._rucio, name)}
        used = int((usages.get(self._space_source) or usages.get("rucio") or {}).get("used") or 0)
        if used > space:
            raise RucioRefusedError(
                f"{name}: CRIC says that its space is {space} bytes, and {used} bytes are used: correct `space` in CRIC",
                0,
                "",
            )
        body = {"source": self._space_source, "used": used, "free": space - used}
        self._rucio.put("rses", name, "usage", body=body)


def _rse(name: str, record: dict[str, Any]) -> Rse:
    own = {name, *SETTINGS}
    attributes = {key: value for key, value in record["attributes"].items() if key not in own}
    site = attributes.get("site")
    return Rse(
        name=name,
        site=site if isinstance(site, str) else None,
        properties={key: record[key] for key in PROPERTIES if record.get(key) is not None},
        attributes=attributes,
        protocols=dict(_protocols(record["protocols"])),
    )


def _protocols(protocols: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in protocols:
        yield (
            protocol_address(one["scheme"], one["hostname"], one["port"]),
            {
                "prefix": one["prefix"],
                "impl": one["impl"],
                "domains": complete_domains(one["domains"]),
                "extended_attributes": one["extended_attributes"] or None,
            },
        )


def _usages(rucio: Rucio, name: str) -> list[dict[str, Any]]:
    return list(rucio.lines("rses", name, "usage"))


def _space(usages: Iterable[dict[str, Any]], source: str) -> int | None:
    for one in usages:
        if one.get("source") == source:
            return int(one.get("used") or 0) + int(one.get("free") or 0)
    return None


def _is_known(rucio: Rucio, name: str) -> bool:
    try:
        rucio.get("rses", name, "attr", "")
    except RucioRefusedError as error:
        if error.status == 404:
            return False
        raise
    return True
