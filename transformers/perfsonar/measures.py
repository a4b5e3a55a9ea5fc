"""Numbers out of perfSONAR's shapes: ISO durations, delay histograms, traced paths."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from hashlib import blake2b
from itertools import accumulate
from math import inf
from typing import Any, NamedTuple

import isodate  # type: ignore[import-untyped]
from msgspec import Struct

from lakescope.core.events import Network
from lakescope.core.messages import RejectedError
from lakescope.transformers._common import NO_COUNT, convert

DEFAULT_BUCKET_WIDTH_S = 0.001  # pscheduler-test-latency: bucket-width
MAX_TTL = 255


class Delays(NamedTuple):
    """Statistics of the packets' delays, in seconds, to the nanosecond."""

    min_s: float
    mean_s: float
    median_s: float
    p95_s: float
    max_s: float


class Route(NamedTuple):
    """What is stored of a trace."""

    hops: int | None
    route_id: str | None
    mtu: int | None
    ip_version: int | None


class Hop(Struct):
    """One hop, as pScheduler writes it (ip) or esmond (ip, ttl, query, all as text); a silent hop has no ip."""

    ip: str | None = None
    mtu: int | None = None
    ttl: int | None = None
    query: int | None = None


# --- durations and rates ---------------------------------------------------------------------------------


def duration_s(text: str | None, path: str) -> float | None:
    """Seconds of an ISO 8601 duration (weeks, fractions on any unit); null for null, infinity beyond a calendar.

    Raises `RejectedError` (value) for anything else, years and months included: they have no fixed length.
    """
    if not text:
        return None
    try:
        duration = isodate.parse_duration(text)
    except ArithmeticError:
        return inf
    except ValueError:
        duration = None
    if not isinstance(duration, timedelta):
        raise RejectedError("value", path, "an ISO 8601 duration such as PT0.0125S", text)
    return duration.total_seconds()


def from_ms(milliseconds: float | None) -> float | None:
    """Milliseconds as seconds, to the nanosecond; null for null."""
    return None if milliseconds is None else round(milliseconds / 1000, 9)


def note_losses(event: Network, packets_sent: int | None, packets_lost: int | None) -> None:
    """Fills in packets sent, lost and the share of these.

    Duplicated packets make some tools report fewer than none as lost, or, in an unsigned counter, more than were sent
    (esnet/iperf#914): such a count is beyond its bound like the share, and neither is kept (`lakescope.core.bounds`).
    """
    event.packets_sent, event.packets_lost = packets_sent, packets_lost
    if packets_lost is not None and packets_sent is not None:
        if packets_lost > packets_sent:
            event.packets_lost = NO_COUNT
        if 0 < packets_sent < 2**63:
            event.loss = packets_lost / packets_sent


def ip_version_of(addresses: Iterable[str | None]) -> int | None:
    """4 or 6 by the first text that is an address; null if none is."""
    for address in addresses:
        if address and ":" in address:
            return 6
        if address and address.count(".") == 3 and address.replace(".", "").isdigit():
            return 4
    return None


# --- histograms ------------------------------------------------------------------------------------------


def bucket_width_s(value: float | None, path: str) -> float:
    """The width of a histogram's buckets, in seconds; a millisecond where it is not told.

    Raises `RejectedError` (value) unless it is above 0 and at most 1 s, as pScheduler's own schema demands.
    """
    if value is None:
        return DEFAULT_BUCKET_WIDTH_S
    if not 0 < value <= 1:
        raise RejectedError("value", path, "a bucket width in seconds, above 0 and at most 1", value)
    return value


def delays(histogram: Mapping[str, int], width_s: float, path: str) -> Delays | None:
    """Statistics of ``{"<delay / bucket width>": packets}``; null if no packet was counted.

    Percentiles by the NIST method, as perfSONAR's own archive computes them: rank p (n + 1), linear
    between neighbours. A key may be negative: the clocks differ by more than the delay.
    """
    buckets = sorted((_bucket(key, path) * width_s, count) for key, count in histogram.items() if count > 0)
    if not buckets:
        return None
    values = [value for value, _ in buckets]
    ends = list(accumulate(count for _, count in buckets))
    statistics = Delays(
        min_s=values[0],
        mean_s=sum(value * count for value, count in buckets) / ends[-1],
        median_s=percentile(0.5, values, ends),
        p95_s=percentile(0.95, values, ends),
        max_s=values[-1],
    )
    return Delays(*(round(seconds, 9) for seconds in statistics))


def _bucket(key: str, path: str) -> float:
    try:
        return float(key)
    except ValueError:
        raise RejectedError("value", path, "numbers as the buckets' keys", key) from None


def percentile(p: float, values: Sequence[float], ends: Sequence[int]) -> float:
    """By the NIST method, of `values` in order, where ``ends[i]`` packets are at most ``values[i]``."""
    rank = p * (ends[-1] + 1)
    index = int(rank)
    if index < 1:
        return values[0]
    if index >= ends[-1]:
        return values[-1]
    below = values[bisect_left(ends, index)]
    above = values[bisect_left(ends, index + 1)]
    return below + (rank - index) * (above - below)


# --- paths -----------------------------------------------------------------------------------------------


def route(value: Any, path: str) -> Route:
    """Of pScheduler's ``paths`` (a list of lists of hops), or of esmond's one list of probes.

    A silent hop counts, as a hole. Several paths (Paris traceroute) share one `route_id`, so that a change
    in any of them shows; `hops` is the longest, `mtu` the least.
    """
    if isinstance(value, list) and value and all(isinstance(hop, dict) for hop in value):
        paths = [_by_ttl(convert(value, list[Hop], path), path)]
    else:
        paths = convert(value, list[list[Hop]], path)
    addresses = [[(hop.ip or "").strip().lower() for hop in hops] for hops in paths]
    mtus = [hop.mtu for hops in paths for hop in hops if hop.mtu is not None]
    text = "|".join(";".join(hops) for hops in addresses)
    return Route(
        hops=max(map(len, addresses), default=0) or None,
        route_id=blake2b(text.encode(), digest_size=6).hexdigest() if any(addresses) else None,
        mtu=min(mtus, default=None),
        ip_version=ip_version_of(address for hops in addresses for address in hops),
    )


def _by_ttl(probes: Sequence[Hop], path: str) -> list[Hop]:
    """One hop a TTL, of several probes the first that was answered; a TTL that is missing is a silent hop."""
    hops: dict[int, Hop] = {}
    for index, hop in enumerate(probes):
        ttl = index + 1 if hop.ttl is None else hop.ttl
        if not 1 <= ttl <= MAX_TTL:
            raise RejectedError("value", f"{path}[{index}].ttl", f"a TTL from 1 to {MAX_TTL}", ttl)
        if ttl not in hops or (hops[ttl].ip is None and hop.ip is not None):
            hops[ttl] = hop
    return [hops.get(ttl) or Hop() for ttl in range(1, max(hops) + 1)]
