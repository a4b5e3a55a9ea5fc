"""Simulated days with known faults, and what a lake reports of them: what `benchmarks.alerts` judges pages by.

A day has none to three faults, of which two or three often begin at once; up to two innocent disturbances (a site that was never
good, a load change, the end of a campaign, a user's thousand cancelled transfers); and a background of 1, 5 or 25 % of failures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any, NamedTuple

from lakescope.alerts.watch import PLACE
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser
from lakescope.simulator import Lake, Options, simulate
from lakescope.simulator.cric import rse_query
from lakescope.simulator.errors import Template
from lakescope.simulator.faults import Burst, Fault
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.topology import Topology

START = datetime(2026, 11, 2, tzinfo=UTC)
ZERO = START.timestamp()
DAY_S = 86_400
RATE = 1_000
"""New transfers an hour."""
BACKGROUND = (0.01, 0.05, 0.25)
FIRST_S = 6 * 3600
"""Faults begin later: before that nobody knows what is usual."""

Kind = Callable[[Random, Lake, float, float], list[Fault]]
"""Of a fault that begins and ends at POSIX seconds."""
Places = tuple[Mapping[str, str], ...]

_CANCELLED = Template("GENERAL_FAILURE", "TRANSFER", 125, "Transfer canceled by the user")
_NEVER_GOOD = (
    Template(
        "DESTINATION",
        "TRANSFER_PREPARATION",
        110,
        "DESTINATION srm-ifce err: Connection timed out, err: [SE][Mkdir][ETIMEDOUT] "
        "httpg://{dst_host}:8443/srm/managerv2: User timeout over",
    ),
    Template(
        "TRANSFER",
        "TRANSFER",
        5,
        "TRANSFER ERROR: Copy failed (3rd pull). Last attempt: HTTP 500 : Internal Server Error, {dst_url}",
    ),
)
_ENDS = (b"-done", b"-failed", b"-lost", b"submission_failed")
"""Kinds of messages that report the end of a transfer: the others are not decoded."""
_INNOCENT = ("never_good", "cancelled", "load", "campaign_end")


class Day(NamedTuple):
    """What happens on the day of a seed."""

    faults: list[list[Fault]]
    """Of each incident."""
    innocent: list[Fault]
    bursts: list[Burst]
    background: float


class Attempt(NamedTuple):
    """The end of a transfer; times are POSIX seconds."""

    arrived: float
    time: float
    place: tuple[str | None, ...]
    ok: bool
    scope: str | None
    template: str | None


def fault_kind(
    kind: str,
    places: Callable[[Random, Lake], Places],
    errors: Callable[[Random], tuple[Template, ...]],
    least: float = 1.0,
    **more: Any,
) -> Kind:
    """One fault: where it is, what its failures say, and the least share of attempts that fail."""

    def make(random: Random, lake: Lake, begin: float, end: float) -> list[Fault]:
        where, share = places(random, lake), random.uniform(least, 1.0)
        return [
            Fault(kind=kind, places=where, begin=begin, end=end, errors=errors(random), share=share, **more)
        ]

    return make


def any_site(random: Random, lake: Lake) -> str:
    """One of the sites."""
    return random.choice(lake.sites).name


def some_sites(random: Random, lake: Lake, count: int) -> list[str]:
    """So many different ones."""
    return [site.name for site in random.sample(lake.sites, count)]


def both_ways(pairs: Iterable[tuple[str, str]]) -> Places:
    """The links between the sites of each pair."""
    return tuple({"src_site": a, "dst_site": b} for one in pairs for a, b in (one, one[::-1]))


def plan_day(seed: int, lake: Lake, kinds: Mapping[str, Kind]) -> Day:
    """The faults and disturbances of a seed's day."""
    random = Random(seed)
    faults = []
    names = random.choices(sorted(kinds), k=random.choice((0, 1, 1, 2, 3)))
    begin, at_once = 0.0, random.random() < 0.5
    for name in names:
        if not begin or not at_once:
            begin = ZERO + FIRST_S + 3600 * random.uniform(0, 13)
        start = begin + random.uniform(0, 300)
        faults.append(kinds[name](random, lake, start, start + 60 * random.uniform(60, 240)))
    innocent, bursts = [], []
    for name in random.sample(_INNOCENT, random.choice((0, 1, 2))):
        begin = ZERO + 3600 * random.uniform(4, 20)
        vo = random.choice(lake.vos)
        src, dst = (rse.name for rse in random.sample(lake.disks, 2))
        account, activity = random.choice(vo.accounts), "User Subscriptions"
        burst = partial(
            Burst, kind=name, vo=vo.name, account=account, activity=activity, src_rse=src, dst_rse=dst
        )
        if name == "never_good":
            span = (ZERO - 7200, ZERO + 2 * DAY_S)
            where = ({"site": any_site(random, lake)},)
            innocent.append(
                Fault(kind=name, places=where, begin=span[0], end=span[1], errors=_NEVER_GOOD, share=0.5)
            )
        elif name == "campaign_end":
            bursts.append(burst(files=int(500 * (begin - ZERO) / 3600), begin=ZERO, end=begin))
        elif name == "load":
            bursts.append(burst(files=3000, begin=begin, end=begin + 3600))
        else:
            who = {"account": account, "activity": activity, "src_rse": src}
            innocent.append(
                Fault(kind=name, places=(who,), begin=begin, end=begin + 9000, errors=(_CANCELLED,))
            )
            bursts.append(burst(files=1000, begin=begin, end=begin + 3600))
    return Day(faults, innocent, bursts, random.choice(BACKGROUND))


def simulate_attempts(seed: int, day: Day, lake: Lake) -> list[Attempt]:
    """Rucio's reports of ended transfers, decoded and enriched as in production, in order of their arrival."""
    normaliser = Normaliser(formats(), Enrichment(Topology(rse_query(lake)), vo="escape"))
    wires = simulate(
        lake,
        seed=seed,
        start=START,
        end=START + timedelta(days=1),
        rate=RATE,
        sources=["rucio"],
        incidents=[],
        faults=[*(one for each in day.faults for one in each), *day.innocent],
        bursts=day.bursts,
        options=Options(failed=day.background, accesses=0, deletions=0, notify=0, preparing=0),
    )
    vos = {vo.rucio: vo.name for vo in lake.vos}
    result: list[Attempt] = []
    batch: list[Message] = []

    def decode() -> None:
        out = normaliser(batch)
        ends = [*out.event_starts[1:], len(out.events)]
        for message, first, last in zip(batch, out.event_starts, ends, strict=True):
            for event in out.events[first:last]:
                if event.dataset == "transfers" and (ok := getattr(event, "ok", None)) is not None:
                    named = {name: getattr(event, name) for name in PLACE}
                    named["vo"] = vos.get(named["vo"], named["vo"])
                    place = tuple(named.values())
                    time = datetime.fromisoformat(event.time).timestamp()
                    scope, template = (
                        getattr(event, "error_scope", None),
                        getattr(event, "error_template", None),
                    )
                    result.append(Attempt(message.received, time, place, ok, scope, template))
        batch.clear()

    for wire in wires:
        if not any(kind in wire.body for kind in _ENDS):
            continue
        batch.append(Message(wire.body, "hermes", wire.headers, wire.time))
        if len(batch) == 500:
            decode()
    decode()
    return sorted(result, key=lambda one: one.arrived)
