"""Kinds of faults that the search was tuned with: seeds below 1000. The errors are the simulator's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from benchmarks.alerts_days import Kind, Places, any_site, both_ways, fault_kind, some_sites
from lakescope.simulator import Lake
from lakescope.simulator.errors import CERTIFICATE, DISK_FULL, SITE_DOWN, SLOW_LINK, Template
from lakescope.simulator.faults import Fault

_SERVICE = (
    Template(
        "GENERAL_FAILURE",
        "TRANSFER_SERVICE",
        5,
        "Error reading credentials from the delegation service of {fts}: database gone",
    ),
    Template(
        "GENERAL_FAILURE",
        "TRANSFER_SERVICE",
        112,
        "Transfer fts_url_copy {number} has died with: Killed, no progress message for {seconds} seconds on {fts}",
    ),
)
_ROBOT = (
    Template(
        "GENERAL_FAILURE",
        "TRANSFER_SERVICE",
        52,
        "Failed to verify the robot certificate on {fts}: certificate has expired",
    ),
)
_MISSING = (
    Template(
        "SOURCE", "TRANSFER_PREPARATION", 2, "SOURCE CHECKSUM HTTP 404 : File not found after 1 attempts"
    ),
)


def _drawn(errors: tuple[Template, ...], most: int = 3) -> Callable[[Random], tuple[Template, ...]]:
    """One to three of the texts: a fault does not say all of them."""
    return lambda random: tuple(random.sample(errors, min(random.randint(1, most), len(errors))))


def _site_down(random: Random, lake: Lake, begin: float, end: float) -> list[Fault]:
    site = any_site(random, lake)
    fault = partial(Fault, kind="site_down", begin=begin, end=end)
    return [
        fault(places=({"src_site": site},), errors=tuple(SITE_DOWN["SOURCE"].values)),
        fault(places=({"dst_site": site},), errors=tuple(SITE_DOWN["DESTINATION"].values)),
    ]


def _door(random: Random, lake: Lake) -> Places:
    rse = random.choice(lake.disks)
    return ({"dst_site": rse.site.name, "protocol": random.choice(rse.protocols[:2]).scheme},)


def _pair(random: Random, lake: Lake) -> Places:
    first, second = some_sites(random, lake, 2)
    return both_ways([(first, second)])


def _path(random: Random, lake: Lake) -> Places:
    a, b, c, d = some_sites(random, lake, 4)
    return both_ways([(a, c), (a, d), (b, c), (b, d)])


_REFUSED = _drawn(tuple(SITE_DOWN["DESTINATION"].values))
_FULL = _drawn(tuple(DISK_FULL.values))
_SLOW = _drawn(tuple(SLOW_LINK.values))
_EXPIRED = _drawn(tuple(CERTIFICATE["DESTINATION"].values))

KINDS: dict[str, Kind] = {
    "site_down": _site_down,
    "disk_full": fault_kind("disk_full", lambda r, k: ({"dst_rse": r.choice(k.disks).name},), _FULL),
    "files_missing": fault_kind(
        "files_missing", lambda r, k: ({"src_rse": r.choice(k.disks).name},), _drawn(_MISSING), 0.6
    ),
    "link": fault_kind("link", _pair, _SLOW, 0.4),
    "vo": fault_kind("vo", lambda r, k: ({"vo": r.choice(k.vos).name},), _drawn(_ROBOT)),
    "protocol": fault_kind("protocol", _door, _EXPIRED),
    "endpoint": fault_kind(
        "endpoint", lambda r, k: ({"endpoint": r.choice(k.fts).alias},), _drawn(_SERVICE), 0.5
    ),
    "slow": fault_kind("slow", lambda r, k: ({"dst_site": any_site(r, k)},), _REFUSED, ramp_s=2 * 3600.0),
    "flapping": fault_kind("flapping", _pair, _SLOW, 0.8, flap_s=1200.0),
    "path": fault_kind("path", _path, _SLOW, 0.7),
}
