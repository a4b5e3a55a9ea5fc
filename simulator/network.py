"""Distances and speeds between sites, the same for transfers and for perfSONAR's tests."""

import math
from functools import lru_cache

from lakescope.simulator.lake import Lake, Site

_EARTH_KM = 6_371.0


@lru_cache(maxsize=100_000)
def round_trip(a: Site, b: Site) -> float:
    """Round-trip time in seconds over fibres half as long again as the great circle, and some equipment."""
    if a.name == b.name:
        return 0.00035
    north_a, north_b = math.radians(a.latitude), math.radians(b.latitude)
    east = math.radians(a.longitude - b.longitude)
    cosine = math.sin(north_a) * math.sin(north_b) + math.cos(north_a) * math.cos(north_b) * math.cos(east)
    km = _EARTH_KM * math.acos(max(-1.0, min(1.0, cosine)))
    return round(0.0011 + 2 * 1.5 * km / 200_000, 5)


def bandwidth(a: Site, b: Site) -> float:
    """What a well-tuned host pair reaches between two sites, bytes/s: at most 10 Gbit/s, less over long ways."""
    return min(a.capacity, b.capacity, 1.25e9) * 0.85 / (1 + round_trip(a, b) / 0.2)


def pace(a: Site, b: Site) -> float:
    """The usual throughput of one file's copy between two sites, bytes/s."""
    return min(6e7, min(a.capacity, b.capacity) / 60) / (1 + round_trip(a, b) / 0.06)


def hops(a: Site, b: Site) -> int:
    """Routers between two sites."""
    return 3 if a.name == b.name else 6 + min(12, int(round_trip(a, b) * 120))


def clock_offset(site: Site) -> float:
    """How far the clocks of a site's machines are off, seconds: some are, and near neighbours see negative delays."""
    return 0.0014 if site.name.endswith(("LAPP", "MATRIX", "2")) else 0.0


def mesh(lake: Lake) -> list[tuple[Site, Site]]:
    """The ordered pairs of sites that perfSONAR tests: all of a small lake, up to ten partners each in a large one."""
    sites = lake.sites
    steps = range(1, len(sites)) if len(sites) <= 12 else (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)
    pairs = [(site, sites[(n + step) % len(sites)]) for n, site in enumerate(sites) for step in steps]
    return [pair for pair in dict.fromkeys(pairs) if pair[0] is not pair[1]]
