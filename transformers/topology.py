"""The lake's topology as CRIC tells it: which site, country, type and QoS an RSE has, which site a host.

Read are CRIC's own JSON documents, as its API answers them:

- RSEs: ``api/doma/rse/query/?json&preset=doma`` (``{"rses": {NAME: {...}}}``)
- services: ``core/service/query/?json`` (``endpoint``, ``rcsite``)
- sites: ``core/rcsite/query/?json`` (``netroutes.*.networks.{ipv4,ipv6}[]``)

Beside them QoS classes from RSEs' attributes in Rucio, for RSEs of which CRIC says none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from lakescope.transformers._common import host_of

AMBIGUOUS = "ambiguous"
"""The site of a host that two sites claim: marked, not guessed."""


class Rse(NamedTuple):
    """What the topology says about one RSE; null where CRIC is silent."""

    site: str | None = None
    country: str | None = None
    type: str | None = None
    qos: str | None = None


class Topology:
    """Look-ups over CRIC's documents. Immutable once built, picklable; unknown names give null.

    `qos`: RSE -> its QoS class by Rucio.
    """

    def __init__(
        self,
        rses: Mapping[str, Any] | None = None,
        services: Mapping[str, Any] | Iterable[Any] | None = None,
        sites: Mapping[str, Any] | None = None,
        qos: Mapping[str, str] | None = None,
    ) -> None:
        self._rses: dict[str | None, Rse] = {
            name: _rse(attributes) for name, attributes in _rse_documents(rses or {})
        }
        for name, value in (qos or {}).items():
            if name in self._rses and self._rses[name].qos is None:
                self._rses[name] = self._rses[name]._replace(qos=value)
        self.rse = self._rses.get
        """The RSE of that name, exactly as Rucio writes it; null for null. Every transfer asks twice: no call between."""
        self._qos: dict[str | None, str] = {}
        self._qos.update(qos or {})
        self.qos_by_rucio = self._qos.get
        """The QoS class of an RSE that CRIC may not know."""
        self._hosts: dict[str, str] = {}
        self._rse_hosts: dict[str, str] = {}
        self._prefixes: dict[str, dict[str, str]] = defaultdict(dict)
        self._networks: dict[tuple[int, int], dict[int, str]] = {}
        self._site_by_alias: dict[str, str | None] = {}
        doors: dict[str, str] = {}
        for name, attributes in _rse_documents(rses or {}):
            for host, prefix in _protocols(attributes):
                _claim(doors, host, self._rses[name].site)
                _claim(self._rse_hosts, host, name)
                if host and prefix:
                    _claim(self._prefixes[host], _folder(prefix), name)
        for service in services.values() if isinstance(services, Mapping) else services or ():
            if isinstance(service, Mapping):
                _claim(self._hosts, host_of(service.get("endpoint")), service.get("rcsite"))
        # an RSE's site is the experiment's name for it, a service's the resource centre's: the same place
        # under two names is not ambiguous, and events carry the RSE's
        self._hosts |= doors
        for site, attributes in (sites or {}).items():
            for network in _networks(attributes):
                self._claim_network(network, site)

    def site_of(self, host: str) -> str | None:
        """Site of a host: by its exact name, else (an address) by the longest prefix; `AMBIGUOUS` for two."""
        site = self._hosts.get(host)
        if site is None and self._networks and (":" in host or host[-1:].isdigit()):
            if host not in self._site_by_alias:
                if len(self._site_by_alias) >= 65_536:  # a bound; a lake has a few thousand hosts
                    self._site_by_alias.clear()
                self._site_by_alias[host] = self._by_prefix(host)
            site = self._site_by_alias[host]
        return site

    def rse_of(self, host: str) -> str | None:
        """The RSE that has a host among its protocols'; `AMBIGUOUS` for two."""
        return self._rse_hosts.get(host)

    def rse_within(self, url: str) -> str | None:
        """The only RSE whose files all lie below a URL's path, on its host; `AMBIGUOUS` for several."""
        host, path = host_of(url), urlsplit(url).path
        if not host or not path:
            return None
        inside = {
            rse for prefix, rse in self._prefixes.get(host, {}).items() if prefix.startswith(_folder(path))
        }
        return inside.pop() if len(inside) == 1 else AMBIGUOUS if inside else None

    def __len__(self) -> int:
        return len(self._rses)

    def _claim_network(self, text: str, site: str) -> None:
        try:
            network = ip_network(str(text).strip(), strict=False)
        except ValueError:
            return  # CRIC's own field is free text; a line that is no network names no host
        table = self._networks.setdefault((network.version, network.prefixlen), {})
        _claim(table, int(network.network_address), site)

    def _by_prefix(self, host: str) -> str | None:
        try:
            address = ip_address(host)
        except ValueError:
            return None
        address = getattr(address, "ipv4_mapped", None) or address  # ::ffff:192.0.2.1, as Java servers log
        value = int(address)
        for version, length in sorted(self._networks, key=lambda key: -key[1]):
            if version == address.version:
                shift = address.max_prefixlen - length
                site = self._networks[version, length].get(value >> shift << shift)
                if site:
                    return site
        return None


Key = TypeVar("Key")


def _claim(table: dict[Key, str], key: Key | None, site: str | None) -> None:
    if key is not None and site:
        table[key] = site if table.get(key, site) == site else AMBIGUOUS


def _rse_documents(document: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    rses = document.get("rses", document) or {}
    return [
        (name, attributes) for name, attributes in rses.items() if name and isinstance(attributes, Mapping)
    ]


def _rse(attributes: Mapping[str, Any]) -> Rse:
    custom = attributes.get("params")
    custom_values = (
        {str(key).lower(): value for key, value in custom.items()} if isinstance(custom, Mapping) else {}
    )
    return Rse(
        site=attributes.get("site") or attributes.get("rcsite") or None,
        country=attributes.get("country_name") or attributes.get("country") or None,
        type=_type(attributes),
        qos=_text(custom_values.get("qos") or custom_values.get("qos_class")),
    )


def _type(attributes: Mapping[str, Any]) -> str | None:
    """CRIC leaves it empty for disk; null where the document has no such key."""
    return str(attributes["rse_type"] or "DISK").upper() if "rse_type" in attributes else None


def _text(attribute: Any) -> str | None:
    """A custom attribute as text: Rucio takes any JSON value for one."""
    return str(attribute) if attribute else None


def _protocols(attributes: Mapping[str, Any]) -> Iterable[tuple[str | None, str | None]]:
    """Host and prefix of each: with the doma preset of a list of ``hostname``; without it label -> ``endpoint`` ("host:port")."""
    protocols = attributes.get("protocols") or ()
    for protocol in protocols.values() if isinstance(protocols, Mapping) else protocols:
        if isinstance(protocol, Mapping):
            host = host_of(protocol.get("hostname") or protocol.get("endpoint"))
            yield host, protocol.get("prefix") or protocol.get("path")


def _folder(path: str) -> str:
    """A path between single slashes, with one at either end."""
    return "/".join(["", *filter(None, path.split("/")), ""])


def _networks(attributes: Mapping[str, Any]) -> Iterable[str]:
    for route in (attributes.get("netroutes") or {}).values():
        for family in (route.get("networks") or {}).values():
            yield from family or ()
