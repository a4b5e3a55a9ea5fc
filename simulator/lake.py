"""The simulated lake: its sites, storage elements, hosts, networks, FTS servers and virtual organisations.

By default ESCAPE's ten disk RSEs and two tape endpoints; any larger lake is the same ten and further ones made
up from `places.py`. Host names end in `.example` and addresses come from the documentation ranges (RFC 5737,
RFC 3849), so that nothing here can reach a real machine.
"""

import hashlib
import ipaddress
from functools import cached_property, lru_cache
from typing import Literal, TypeVar

import msgspec

from lakescope.simulator.chance import Chance
from lakescope.simulator.places import (
    CITIES,
    FLAVOURS,
    METRICS,
    QOS,
    RSES,
    SITES,
    TAPE_RSES,
    Metrics,
    Place,
    Storage,
)

Kind = Literal["DISK", "TAPE"]

TB = 10**12
_GBPS = 125_000_000.0
_DOCUMENTATION_V4 = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
_DOCUMENTATION_V6 = "2001:db8::/32"


class Site(msgspec.Struct, frozen=True):
    """A computing centre. `capacity` is its wide-area link in bytes/s; `trouble` scales how often work with it
    fails (1: the lake's average); `metrics` names the agent on its hosts; `ipv4` and `ipv6` are its networks
    (a very large lake has no IPv4 network for every site)."""

    name: str
    country: str
    region: str
    timezone: str
    latitude: float
    longitude: float
    domain: str
    ipv4: str | None
    ipv6: str
    capacity: float
    trouble: float
    metrics: Metrics

    @property
    def throughput_host(self) -> str:
        return f"psb.{self.domain}"

    @property
    def latency_host(self) -> str:
        return f"psl.{self.domain}"

    def address(self, number: int, version: int = 4) -> str:
        """The address of the site's host with that number; IPv6 where the site has no IPv4 network."""
        return _address(self.ipv4 if version == 4 and self.ipv4 else self.ipv6, number)


@lru_cache(maxsize=100_000)
def _address(network: str, number: int) -> str:
    addresses = ipaddress.ip_network(network)
    return str(addresses[number % min(addresses.num_addresses, 65_536)])


class Protocol(msgspec.Struct, frozen=True):
    """One way into an RSE; `prefix` begins and ends with a slash."""

    scheme: str
    host: str
    port: int
    prefix: str

    @property
    def base(self) -> str:
        """The URL of the prefix, as Rucio writes it: xrootd paths begin with two slashes."""
        return f"{self.scheme}://{self.host}:{self.port}{'/' if self.scheme == 'root' else ''}{self.prefix}"

    @property
    def endpoint(self) -> str:
        """FTS's storage element: scheme and host, no port."""
        return f"{self.scheme}://{self.host}"


class Rse(msgspec.Struct, frozen=True):
    """A Rucio storage element. `volume` is its size in bytes, `filled` the usual share of it in use (0..1);
    `pools` are the hosts of its disks; `id` is 32 hexadecimal characters, as Rucio prints its UUIDs."""

    name: str
    id: str
    site: Site
    kind: Kind
    qos: str
    flavour: str
    protocols: tuple[Protocol, ...]
    volume: int
    filled: float
    pools: tuple[str, ...]

    @property
    def host(self) -> str:
        return self.protocols[0].host


class FtsServer(msgspec.Struct, frozen=True):
    """An FTS instance: `alias` is what its messages call it, `url` what Rucio calls it."""

    alias: str
    url: str
    site: str


class Vo(msgspec.Struct, frozen=True):
    """A virtual organisation: FTS's name and Rucio's three-letter one (`def` stays unsaid on the wire); `weight`
    is its share of the production traffic."""

    name: str
    rucio: str
    accounts: tuple[str, ...]
    experiments: tuple[str, ...]
    weight: float


class Host(msgspec.Struct, frozen=True):
    """A monitored machine: a disk server of `rse`, or a perfSONAR node (no RSE)."""

    name: str
    site: Site
    rse: Rse | None


class Lake(msgspec.Struct, frozen=True, dict=True):
    """Everything that stands still during a simulation."""

    name: str
    sites: tuple[Site, ...]
    rses: tuple[Rse, ...]
    fts: tuple[FtsServer, ...]
    vos: tuple[Vo, ...]

    @cached_property
    def disks(self) -> tuple[Rse, ...]:
        return tuple(rse for rse in self.rses if rse.kind == "DISK")

    @cached_property
    def tapes(self) -> tuple[Rse, ...]:
        return tuple(rse for rse in self.rses if rse.kind == "TAPE")

    @cached_property
    def hosts(self) -> tuple[Host, ...]:
        pools = [Host(pool, rse.site, rse) for rse in self.rses for pool in rse.pools]
        nodes = [Host(name, s, None) for s in self.sites for name in (s.throughput_host, s.latency_host)]
        return (*pools, *nodes)

    @property
    def silent_host(self) -> str:
        """A perfSONAR host that is expected and says nothing."""
        return f"psl2.{self.sites[-1].domain}"

    def fts_for(self, rse: Rse) -> FtsServer:
        """The FTS server that runs the transfers to an RSE."""
        return self.fts[int(rse.id[:4], 16) % len(self.fts)]

    def site(self, name: str) -> Site:
        return _find_by_name(self.sites, name, "a site")

    def rse(self, name: str) -> Rse:
        return _find_by_name(self.rses, name, "an RSE")


_Named = TypeVar("_Named", Site, Rse)


def _find_by_name(things: tuple[_Named, ...], name: str, what: str) -> _Named:
    for thing in things:
        if thing.name == name:
            return thing
    names = ", ".join(thing.name for thing in things[:12])
    raise ValueError(f"expected the name of {what} of the lake, found {name!r}; it has {names}")


VOS = (
    Vo(
        "escape",
        "def",
        ("root", "crosnes", "adm-escape", "skao-prod", "km3-prod", "virgo-arch", "fair-ops"),
        ("SKA", "LSST", "KM3NET", "ATLAS", "VIRGO", "FAIR", "CMS", "LOFAR"),
        0.76,
    ),
    Vo("vo.cta.in2p3.example", "cta", ("ctaprod", "magic-obs"), ("CTA", "MAGIC"), 0.16),
    Vo("skatelescope.example", "ska", ("src-ops", "src-user1"), ("SKA",), 0.08),
)


_DOORS: dict[str, tuple[tuple[str, str, int], ...]] = {
    # scheme, host name's first label, port; the first is the RSE's favourite
    "dcache": (("davs", "dcache-door", 2880), ("root", "dcache-door", 1094), ("https", "dcache-door", 2881)),
    "storm": (("davs", "xfer", 8443), ("root", "xrootd", 1094)),
    "eos": (("root", "eos", 1094), ("davs", "eos", 443), ("https", "eos", 443)),
    "dpm": (("davs", "dpm", 443), ("root", "dpm", 1094)),
    "xrootd": (("root", "xrootd", 1094), ("davs", "xrootd", 1094)),
    "tape": (("davs", "tape", 2880), ("root", "tape", 1094)),
}
_PREFIXES = {
    "dcache": "/pnfs/{domain}/data/escape/",
    "storm": "/storage/escape/",
    "eos": "/eos/{name}/escape/rucio/",
    "dpm": "/dpm/{domain}/home/escape/",
    "xrootd": "/store/escape/",
    "tape": "/tape/{domain}/escape/",
}


def make_lake(rses: int = 10, seed: int = 0) -> Lake:
    """A lake of that many disk RSEs (2 or more), with a tape endpoint beside every fifth of them on top.

    Up to ten it is ESCAPE's own, whatever the seed; the sizes and qualities of further ones come from the seed.
    """
    if rses < 2:
        raise ValueError(f"expected a lake of 2 RSEs or more, found {rses}: a transfer needs two ends")
    storages, places = _further(rses - len(RSES), Chance("lake", seed))
    storages = [*RSES[:rses], *storages]
    places = [place for place in (*SITES, *places) if place.name in {row.site for row in storages}]
    sites = {place.name: _site(place, number, len(places)) for number, place in enumerate(places)}
    disks = [_rse(row, sites[row.site]) for row in storages]
    tapes = [_tape(rse) for rse in disks[:10] if rse.name in TAPE_RSES] + [_tape(rse) for rse in disks[10::5]]
    fts = [FtsServer("fts3-pilot.cern.example", "https://fts3-pilot.cern.example:8446", "CERN-PROD")]
    if rses > 20:
        fts.append(FtsServer("fts3.desy.example", "https://fts3.desy.example:8446", "DESY-HH"))
    name = "escape" if rses == len(RSES) else f"lake-{rses}"
    return Lake(name, tuple(sites.values()), (*disks, *tapes), tuple(fts), VOS)


def _further(count: int, chance: Chance) -> tuple[list[Storage], list[Place]]:
    """Storage and sites beyond ESCAPE's ten: every fourth site has two RSEs; cities repeat with a number."""
    storages: list[Storage] = []
    places: list[Place] = []
    while len(storages) < count:
        city, country, region, timezone, north, east = CITIES[len(places) % len(CITIES)]
        round_ = len(places) // len(CITIES)
        label = f"{city}-{round_ + 1}" if round_ else city
        metrics = METRICS[len(places) % 3]
        gbps = (10, 20, 40, 100, 100, 200)[chance.integer(0, 5)]
        trouble = round(chance.between(0.5, 1.8), 2)
        site = f"{region}-{label}".upper()
        place = Place(
            site, country, region, timezone, north, east, f"{label}.example".lower(), gbps, trouble, metrics
        )
        places.append(place)
        for _ in range(2 if len(places) % 4 == 0 else 1):
            flavour, qos = FLAVOURS[len(storages) % 5], chance.pick(QOS)
            volume, fill_level = chance.integer(3, 40) * 10, round(chance.between(0.35, 0.8), 2)
            storages.append(Storage(f"{label}-{flavour}".upper(), site, flavour, qos, volume, fill_level))
    return storages[:count], places


def _site(place: Place, number: int, of: int) -> Site:
    """A place with its networks: a documentation /28 or as small a one as that number of sites demands."""
    length = next((bits for bits in range(28, 33) if 3 << (bits - 24) >= of), 32)
    base = ipaddress.ip_network(_DOCUMENTATION_V4[number // (1 << (length - 24)) % 3])
    ipv4 = None
    if number < 3 << (length - 24):
        start = int(base.network_address) + number % (1 << (length - 24)) * (1 << (32 - length))
        ipv4 = f"{ipaddress.IPv4Address(start)}/{length}"
    start6 = int(ipaddress.ip_network(_DOCUMENTATION_V6).network_address) + (number + 1) * (1 << 80)
    return Site(
        place.name,
        place.country,
        place.region,
        place.timezone,
        place.latitude,
        place.longitude,
        place.domain,
        ipv4,
        f"{ipaddress.IPv6Address(start6)}/48",
        place.gbps * _GBPS,
        place.trouble,
        place.metrics,
    )


def _rse(row: Storage, site: Site) -> Rse:
    first = row.name.lower() if row.flavour == "eos" else None
    protocols = _protocols(row.flavour, row.name, site, first)
    label = row.name.lower().replace("_", "-")
    pools = tuple(f"{label}-{n:02d}.{site.domain}" for n in (1, 2))
    return Rse(
        row.name,
        _id(row.name),
        site,
        "DISK",
        row.qos,
        row.flavour,
        protocols,
        row.volume * TB,
        row.filled,
        pools,
    )


def _tape(disk: Rse) -> Rse:
    """The tape endpoint beside a disk RSE, five times its size."""
    name = f"{disk.name}-TAPE"
    protocols = _protocols("tape", name, disk.site, None)
    pools = (f"{name.lower()}-01.{disk.site.domain}",)
    return Rse(name, _id(name), disk.site, "TAPE", "TAPE", "tape", protocols, disk.volume * 5, 0.41, pools)


def _protocols(flavour: str, name: str, site: Site, label: str | None) -> tuple[Protocol, ...]:
    prefix = _PREFIXES[flavour].format(domain=site.domain, name=name.lower())
    return tuple(
        Protocol(scheme, f"{label or door}.{site.domain}", port, prefix)
        for scheme, door, port in _DOORS[flavour]
    )


def _id(name: str) -> str:
    return hashlib.md5(f"rse/{name}".encode(), usedforsecurity=False).hexdigest()
