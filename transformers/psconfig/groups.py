"""Groups of a pSConfig template: which pairs of addresses they make (psconfig: groups/base_group.py, base_p2p_group.py).

Left out are pairs whose two ends are one host, that the group excludes, that have a disabled address or host, or of which
no end has an agent. With a label, an address counts under that label only: one that has none such is left out. What an
address has for another one (``remote-addresses``) goes before what it has for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from lakescope.core.messages import DecodeResult, RejectedError
from lakescope.transformers._common import host_of, shape

Object = Mapping[str, Any]
_DEEPEST = 20
"""Filters within filters: classes may name each other in a circle."""


class UnreadableFilterError(Exception):
    """What a filter says is not to be had from the template."""


class End(NamedTuple):
    """An address of a group: what chose it, its name in the template, the label wanted of it, and its description."""

    selector: tuple[Any, Any]
    name: str
    label: Any
    address: Object


class SeenHost(NamedTuple):
    """An address in the eyes of another."""

    host: str
    has_agent: bool


def pairs(template: Object, group: Object, path: str, out: DecodeResult) -> Iterator[tuple[str, str | None]]:
    """Who tests whom, each pair once; the second is null in a group of single hosts. Raises `RejectedError`."""
    read = Ends(template, group.get("default-address-label"), out)
    match group.get("type"):
        case "mesh":
            ends = read.ends(group.get("addresses"), f"{path}.addresses")
            candidates = ((a, b) for a in ends for b in ends)
        case "disjoint":
            ends_a = read.ends(group.get("a-addresses"), f"{path}.a-addresses")
            ends_b = read.ends(group.get("b-addresses"), f"{path}.b-addresses")
            ways = 1 if group.get("unidirectional") else 2
            candidates = (pair for a in ends_a for b in ends_b for pair in ((a, b), (b, a))[:ways])
        case "list":
            ends = read.ends(group.get("addresses"), f"{path}.addresses")
            alone = [read.host_for(end, None) for end in ends]
            yield from ((one.host, None) for one in alone if one is not None and one.has_agent)
            return
        case kind:
            raise RejectedError("value", f"{path}.type", "mesh, disjoint or list", shape(kind))
    excluded = _excluded(group)
    scope = group.get("excludes-self") or "host"
    known_pairs: set[tuple[str, str]] = set()
    for a, b in candidates:
        if (a.selector, b.selector) in excluded or _is_self(a, b, scope):
            continue
        source, destination = read.host_for(a, b.name), read.host_for(b, a.name)
        if source is None or destination is None or not (source.has_agent or destination.has_agent):
            continue
        pair = source.host, destination.host
        if pair not in known_pairs:
            known_pairs.add(pair)
            yield pair


class Ends:
    """Reads the addresses of one group."""

    def __init__(self, template: Object, label: Any, out: DecodeResult) -> None:
        self._template = template
        self._label = label
        self._out = out

    def ends(self, selectors: Any, path: str) -> list[End]:
        """What selectors choose, without what is disabled. Raises `RejectedError`."""
        if not isinstance(selectors, list):
            raise RejectedError("schema", path, "an array of address selectors", shape(selectors))
        return [
            end
            for index, selector in enumerate(selectors)
            for end in self._choose(object_of(selector, f"{path}[{index}]"), f"{path}[{index}]")
            if end.address.get("disabled") is not True and self._host(end.address).get("disabled") is not True
        ]

    def host_for(self, end: End, by: str | None) -> SeenHost | None:
        """An address as another one sees it; null for one that is disabled, or that it has none of."""
        chain = self._chain(end, by)
        if not chain or any(one.get("disabled") is True for one in chain):
            return None
        text = chain[-1].get("address")
        host = host_of(text) if isinstance(text, str) else None
        agents = (*chain, self._host(end.address))
        return SeenHost(host, all(one.get("no-agent") is not True for one in agents)) if host else None

    def _chain(self, end: End, by: str | None) -> list[Object]:
        """From the address to what is chosen of it, each inheriting from those before."""
        address, label = end.address, end.label
        remote = _entry(address, "remote-addresses", by)
        if remote is not None:
            labelled = _entry(remote, "labels", label)
            if labelled is not None:
                return [address, remote, labelled]
            if not label and remote.get("address"):
                return [address, remote]
            if label and not remote.get("address"):
                return []
        if not label:
            return [address]
        labelled = _entry(address, "labels", label)
        return [] if labelled is None else [address, labelled]

    def _choose(self, selector: Object, path: str) -> Iterator[End]:
        if selector.get("disabled") is True:
            return
        name = selector.get("class")
        if name is None:
            name, label = selector.get("name"), selector.get("label")
            address = referred(self._template, "addresses", name, f"{path}.name")
            yield End((str(name), str(label)), str(name), label or self._label, address)
            return
        address_class = referred(self._template, "address-classes", name, f"{path}.class")
        try:
            yield from [
                End((str(name), "class"), key, self._label, address)
                for key, address in _addresses(self._template)
                if self._is_of_class(address, address_class, 0)
            ]
        except UnreadableFilterError:
            self._out.filtered["address_class"] += 1

    def _is_of_class(self, address: Object, class_: Object, depth: int) -> bool:
        source = class_.get("data-source")
        if not isinstance(source, dict) or source.get("type") != "current-config":
            raise UnreadableFilterError
        match, exclude = class_.get("match-filter"), class_.get("exclude-filter")
        return (match is None or self._meets(address, match, depth)) and not (
            exclude is not None and self._meets(address, exclude, depth)
        )

    def _meets(self, address: Object, filter_: Any, depth: int) -> bool:
        """psconfig: address_classes/filters."""
        if not isinstance(filter_, dict) or depth > _DEEPEST:
            raise UnreadableFilterError
        host = self._host(address)
        match filter_.get("type"):
            case "tag":
                return _is_tagged(address, filter_.get("tag")) or _is_tagged(host, filter_.get("tag"))
            case "host" if "jq" not in filter_:
                tag = filter_.get("tag")
                agent = bool(filter_.get("no-agent")) == bool(host.get("no-agent"))
                return bool(address.get("host")) and agent and (not tag or _is_tagged(host, tag))
            case "not":
                return not self._meets(address, filter_.get("filter"), depth + 1)
            case "and" | "or" as operand if isinstance(filter_.get("filters"), list):
                met = [self._meets(address, one, depth + 1) for one in filter_["filters"]]
                return all(met) if operand == "and" else any(met)
            case "address-class":
                name = filter_.get("class")
                class_ = _entry(self._template, "address-classes", name if isinstance(name, str) else None)
                if class_ is None:
                    raise UnreadableFilterError
                return self._is_of_class(address, class_, depth + 1)
            case "netmask":
                return _is_within(address.get("address"), filter_.get("netmask"))
            case _:
                raise UnreadableFilterError

    def _host(self, address: Object) -> Object:
        name = address.get("host")
        return _entry(self._template, "hosts", name if isinstance(name, str) else None) or {}


def _is_self(a: End, b: End, scope: Any) -> bool:
    hosts = [str(one.address.get("host") or "").lower() for one in (a, b)]
    if scope == "host" and hosts[0] and hosts[0] == hosts[1]:
        return True
    return scope in ("host", "address") and a.address.get("address") == b.address.get("address")


def _excluded(group: Object) -> set[tuple[Any, Any]]:
    """Pairs of selectors that a group leaves out."""
    return {
        (_selector(one.get("local-address")), _selector(target))
        for one in _objects(group.get("excludes"))
        for target in _objects(one.get("target-addresses"))
    }


def _selector(document: Any) -> tuple[str, str]:
    if not isinstance(document, dict):
        return "", ""
    return (
        (str(document["class"]), "class")
        if "class" in document
        else (str(document.get("name")), str(document.get("label")))
    )


def _is_tagged(document: Object, tag: Any) -> bool:
    tags = document.get("tags")
    return isinstance(tags, list) and str(tag).lower() in [str(one).lower() for one in tags]


def _is_within(address: Any, netmask: Any) -> bool:
    """Raises `UnreadableFilterError` for a name: only a name service knows where it is."""
    try:
        return ip_address(str(address)) in ip_network(str(netmask), strict=False)
    except ValueError:
        raise UnreadableFilterError from None


def _addresses(template: Object) -> list[tuple[str, Object]]:
    addresses = template.get("addresses")
    return (
        [(key, one) for key, one in addresses.items() if isinstance(one, dict)]
        if isinstance(addresses, dict)
        else []
    )


def _objects(document: Any) -> list[Object]:
    return [one for one in document if isinstance(one, dict)] if isinstance(document, list) else []


def _entry(document: Object, room: str, name: Any) -> Object | None:
    """What a name stands for in a part of an object; null if it is not there."""
    entries = document.get(room)
    entry = entries.get(name) if isinstance(entries, dict) and isinstance(name, str) else None
    return entry if isinstance(entry, dict) else None


def object_of(document: Any, path: str) -> Object:
    """An object. Raises `RejectedError`."""
    if not isinstance(document, dict):
        raise RejectedError("schema", path, "object", shape(document))
    return document


def referred(template: Object, room: str, name: Any, path: str) -> Object:
    """What a name stands for in a part of the template. Raises `RejectedError`."""
    entry = _entry(template, room, name)
    if entry is None:
        raise RejectedError("value", path, f"the name of one of the template's {room}", shape(name))
    return entry
