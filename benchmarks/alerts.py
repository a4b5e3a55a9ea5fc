"""How well incidents are found: simulated days with known faults, in five-minute rounds.

``python -m benchmarks alerts [--seeds A:B] [--incidents FILE] [--json]``

A seed is a day of Rucio's messages of ten sites, decoded and enriched as in production, with up to three faults, innocent
disturbances, and a background of 1, 5 or 25 % of failures. A round sees what has arrived by then. Beside it, on the same
attempts, the rule that is in use elsewhere: more than 200 attempts of an hour with less than 20 % success, by source, by
destination and by link. ``--incidents FILE`` takes the kinds from a Python file with a dict `KINDS`: name -> function of
(random.Random, Lake, begin, end) that gives `Fault`s.

What misleads here: the kinds are ours and simple; reports are never lost; a page is right if its pattern covers the attempts
of the fault and hardly any others (Jaccard index of at least 0.9 over the day).
"""

from __future__ import annotations

import json
import runpy
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from math import sqrt
from multiprocessing import Pool
from random import Random
from statistics import median
from typing import Any, NamedTuple

from lakescope.alerts.incidents import BIN_S
from lakescope.alerts.search import Cell, Pattern, covers
from lakescope.alerts.watch import PLACE, REACH_S, Bins, Counts, Watch
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.core.user_errors import user_remedy
from lakescope.pipeline.normalise import Normaliser
from lakescope.simulator import Lake, Options, make_lake, simulate
from lakescope.simulator.cric import rse_query
from lakescope.simulator.errors import Template
from lakescope.simulator.faults import Burst, Fault
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.topology import Topology

START = datetime(2026, 11, 2, tzinfo=UTC)
DAY_S = 86_400
RATE = 1_000
"""New transfers an hour."""
BACKGROUND = (0.01, 0.05, 0.25)
LEAST_FAILURES = 30
"""A fault with fewer failed attempts is not counted."""
RIGHT = 0.9

Kind = Callable[[Random, Lake, float, float], list[Fault]]


def _error(scope: str, text: str, code: int = 5) -> Template:
    phase = "TRANSFER" if scope == "TRANSFER" else "TRANSFER_PREPARATION"
    return Template(scope, phase, code, text)


REFUSED_SRC = _error(
    "SOURCE", "SOURCE CHECKSUM (Neon): Could not connect to server: Connection refused ({src_host})", 111
)
REFUSED_DST = _error(
    "DESTINATION", "DESTINATION Failed to connect to {dst_url}: No route to host after {seconds} s", 113
)
FULL = _error("DESTINATION", "DESTINATION srm-ifce err: No space left on device, request {number}", 28)
MISSING = _error("SOURCE", "SOURCE CHECKSUM HTTP 404 : File not found after 1 attempts", 2)
SLOW = _error(
    "TRANSFER",
    "TRANSFER Transfer canceled because the no-progress timeout of {seconds} seconds was exceeded",
    110,
)
CREDENTIAL = _error(
    "GENERAL_FAILURE", "Failed to verify the robot certificate on {fts}: certificate has expired", 52
)
SERVICE = _error(
    "GENERAL_FAILURE", "Error reading credentials from the delegation service of {fts}: database gone"
)
DOOR = _error(
    "DESTINATION", "DESTINATION [ERROR] Connection error: connection refused {dst_host}, stream {hex8}", 111
)
CANCELLED = _error("GENERAL_FAILURE", "Transfer canceled by the user", 125)


def _site(random: Random, lake: Lake) -> str:
    return random.choice(lake.sites).name


def _two_sites(random: Random, lake: Lake) -> list[str]:
    return [site.name for site in random.sample(lake.sites, 2)]


def _both_ways(pairs: Iterable[tuple[str, str]]) -> tuple[Mapping[str, str], ...]:
    return tuple({"src_site": a, "dst_site": b} for one in pairs for a, b in (one, one[::-1]))


def site_down(random: Random, lake: Lake, begin: float, end: float) -> list[Fault]:
    site = _site(random, lake)
    fault = partial(Fault, kind="site_down", begin=begin, end=end)
    return [
        fault(places=({"src_site": site},), errors=(REFUSED_SRC,)),
        fault(places=({"dst_site": site},), errors=(REFUSED_DST,)),
    ]


def _one(
    kind: str,
    places: Callable[[Random, Lake], tuple[Mapping[str, str], ...]],
    error: Template,
    least: float = 1.0,
    **more: Any,
) -> Kind:
    def make(random: Random, lake: Lake, begin: float, end: float) -> list[Fault]:
        where, share = places(random, lake), random.uniform(least, 1.0)
        return [Fault(kind=kind, places=where, begin=begin, end=end, errors=(error,), share=share, **more)]

    return make


def _door(random: Random, lake: Lake) -> tuple[Mapping[str, str], ...]:
    rse = random.choice(lake.disks)
    return ({"dst_site": rse.site.name, "protocol": random.choice(rse.protocols[:2]).scheme},)


def _path(random: Random, lake: Lake) -> tuple[Mapping[str, str], ...]:
    a, b, c, d = (site.name for site in random.sample(lake.sites, 4))
    return _both_ways([(a, c), (a, d), (b, c), (b, d)])


KINDS: dict[str, Kind] = {
    "site_down": site_down,
    "disk_full": _one("disk_full", lambda r, k: ({"dst_rse": r.choice(k.disks).name},), FULL),
    "files_missing": _one("files_missing", lambda r, k: ({"src_rse": r.choice(k.disks).name},), MISSING, 0.6),
    "link": _one("link", lambda r, k: _both_ways([tuple(_two_sites(r, k))]), SLOW, 0.4),  # type: ignore[list-item]
    "vo": _one("vo", lambda r, k: ({"vo": r.choice(k.vos).name},), CREDENTIAL),
    "protocol": _one("protocol", _door, DOOR),
    "endpoint": _one("endpoint", lambda r, k: ({"endpoint": r.choice(k.fts).alias},), SERVICE, 0.5),
    "slow": _one("slow", lambda r, k: ({"dst_site": _site(r, k)},), REFUSED_DST, ramp_s=2 * 3600.0),
    "flapping": _one(
        "flapping", lambda r, k: _both_ways([tuple(_two_sites(r, k))]), SLOW, 0.8, flap_s=1200.0  # type: ignore[list-item]
    ),
    "path": _one("path", _path, SLOW, 0.7),
}  # fmt: skip


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


class Page(NamedTuple):
    """What somebody is woken for."""

    time: float
    patterns: tuple[Pattern, ...]
    cells: list[Cell]
    """Of its window."""


def plan(seed: int, lake: Lake, kinds: Mapping[str, Kind]) -> Day:
    """The faults of a day: none to three, and up to two innocent disturbances."""
    random, zero = Random(seed), START.timestamp()
    faults = []
    for name in random.choices(sorted(kinds), k=random.choice((0, 1, 1, 2, 3))):
        begin = zero + 3600 * random.uniform(6, 19)
        faults.append(kinds[name](random, lake, begin, begin + 60 * random.uniform(60, 240)))
    innocent, bursts = [], []
    for name in random.sample(("never_good", "cancelled", "load"), random.choice((0, 1, 2))):
        begin = zero + 3600 * random.uniform(4, 20)
        vo = random.choice(lake.vos)
        src, dst = (rse.name for rse in random.sample(lake.disks, 2))
        account, activity = random.choice(vo.accounts), "User Subscriptions"
        if name == "never_good":
            site = {"site": _site(random, lake)}
            span = (zero - 7200, zero + 2 * DAY_S)
            innocent.append(
                Fault(kind=name, places=(site,), begin=span[0], end=span[1], errors=(REFUSED_DST,), share=0.5)
            )
            continue
        if name == "cancelled":
            who = {"account": account, "activity": activity, "src_rse": src}
            innocent.append(
                Fault(kind=name, places=(who,), begin=begin, end=begin + 9000, errors=(CANCELLED,))
            )
        bursts.append(
            Burst(
                kind=name,
                vo=vo.name,
                account=account,
                activity=activity,
                src_rse=src,
                dst_rse=dst,
                files=1000 if name == "cancelled" else 3000,
                begin=begin,
                end=begin + 3600,
            )
        )
    return Day(faults, innocent, bursts, random.choice(BACKGROUND))


def attempts(seed: int, day: Day, lake: Lake) -> list[Attempt]:
    """Rucio's reports of ended transfers, in order of their arrival."""
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
        options=Options(failed=day.background),
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
        batch.append(Message(wire.body, "hermes", wire.headers, wire.time))
        if len(batch) == 500:
            decode()
    decode()
    return sorted(result)


def pages_of_search(found: list[Attempt]) -> list[Page]:
    """What `lakescope.alerts` would page for."""
    bins: Bins = defaultdict(dict)
    watch, pages, next_one = Watch(), [], 0
    for now in _rounds():
        while next_one < len(found) and found[next_one].arrived <= now:
            _count(bins, found[next_one])
            next_one += 1
        for at in [at for at in bins if at < now - REACH_S - 3600]:
            del bins[at]
        for change, incident in watch.step(now, bins):
            if change == "opened":
                pages.append(Page(now, incident.patterns, _window(bins, now)))
    return pages


def pages_of_rule(found: list[Attempt]) -> list[Page]:
    """More than 200 attempts of the last hour, less than 20 % success, by source, destination and link."""
    pages, alarmed, next_one, live = [], set(), 0, []
    bins: Bins = defaultdict(dict)
    for now in _rounds():
        while next_one < len(found) and found[next_one].arrived <= now:
            live.append(found[next_one])
            _count(bins, found[next_one])
            next_one += 1
        live = [one for one in live if one.time > now - 3600]
        tally: dict[Pattern, list[int]] = defaultdict(lambda: [0, 0])
        for one in live:
            src, dst = one.place[0], one.place[1]
            for name, value in (("src_site", src), ("dst_site", dst), ("link", f"{src} -> {dst}")):
                counts = tally[Pattern(((name, value or ""),))]
                counts[0] += 1
                counts[1] += one.ok
        bad = {pattern for pattern, (ended, ok) in tally.items() if ended > 200 and ok < 0.2 * ended}
        pages += [Page(now, (one,), _window(bins, now)) for one in sorted(bad - alarmed)]
        alarmed = bad
    return pages


def _rounds() -> Iterable[float]:
    zero = START.timestamp()
    return (zero + BIN_S * number for number in range(1, DAY_S // BIN_S + 1))


def _count(bins: Bins, one: Attempt) -> None:
    if user_remedy(one.template):
        return
    counts = bins[one.time // BIN_S * BIN_S].setdefault(one.place, Counts())
    counts.ended += 1
    if not one.ok:
        counts.fail(one.scope, one.template)


def _window(bins: Bins, now: float) -> list[Cell]:
    return [
        Cell(place=dict(zip(PLACE, key, strict=True)), weight=one.ended, value=one.failed, expected=0.0)
        for at, places in bins.items()
        if at >= now - 3600
        for key, one in places.items()
    ]


class Result(NamedTuple):
    """Of one seed."""

    incidents: int
    paged: int
    right: int
    single: int
    pages: int
    false: int
    minutes: list[float]
    notes: list[str]


def judge(seed: int, day: Day, found: list[Attempt], pages: list[Page]) -> Result:
    """Pages against the faults."""
    volume = Counter(one.place for one in found)
    minutes, notes = [], []
    got: dict[int, list[tuple[float, float]]] = defaultdict(list)
    false = 0
    for page in pages:
        owner = _owner(day, page)
        if owner is None:
            false += 1
            notes.append(f"seed {seed}: false page {'; '.join(map(str, page.patterns))}")
        else:
            got[owner].append((page.time, _agreement(day.faults[owner], page.patterns, volume)))
    incidents = paged = right = single = 0
    for number, faults in enumerate(day.faults):
        failures = [one.arrived for one in found if not one.ok and _strikes(faults, one.place, one.time)]
        if len(failures) < LEAST_FAILURES:
            continue
        incidents += 1
        name = f"seed {seed}: {faults[0].kind} {dict(faults[0].places[0])}"
        if number not in got:
            notes.append(f"{name}: missed, {len(failures)} failures")
            continue
        paged += 1
        (first, agreement), *more = got[number]
        minutes.append((first - min(failures)) / 60)
        right += agreement >= RIGHT
        single += not more
        if agreement < RIGHT:
            notes.append(f"{name}: another culprit first, agreement {agreement:.2f}")
        if more:
            notes.append(f"{name}: {len(more) + 1} pages")
    return Result(incidents, paged, right, single, len(pages), false, minutes, notes)


def _owner(day: Day, page: Page) -> int | None:
    """The incident of which most failures of a page are."""
    cells = [
        cell for cell in page.cells if cell.value and any(covers(one, cell.place) for one in page.patterns)
    ]
    shares = {
        number: sum(
            cell.value
            for cell in cells
            if any(fault.hits_place(cell.place) for fault in faults)
        )
        for number, faults in enumerate(day.faults)
        if faults[0].begin <= page.time <= faults[0].end + 3600
    }  # fmt: skip
    best = max(shares, key=lambda number: shares[number], default=None)
    enough = 0.5 * sum(cell.value for cell in cells)
    return best if best is not None and shares[best] >= enough else None


def _strikes(faults: list[Fault], key: tuple[str | None, ...], time: float) -> bool:
    place = dict(zip(PLACE, key, strict=True))
    return any(one.begin <= time < one.end + 900 and one.hits_place(place) for one in faults)


def _agreement(faults: list[Fault], patterns: tuple[Pattern, ...], volume: Counter[Any]) -> float:
    both = either = 0
    for key, count in volume.items():
        place = dict(zip(PLACE, key, strict=True))
        told, true = any(covers(one, place) for one in patterns), any(one.hits_place(place) for one in faults)
        both += count * (told and true)
        either += count * (told or true)
    return both / either if either else 0.0


def run(seed: int, file: str | None) -> tuple[Result, Result]:
    """One seed: ours, and the static rule."""
    kinds = runpy.run_path(file)["KINDS"] if file else KINDS
    lake = make_lake()
    day = plan(seed, lake, kinds)
    found = attempts(seed, day, lake)
    return judge(seed, day, found, pages_of_search(found)), judge(seed, day, found, pages_of_rule(found))


def summary(results: list[Result], days: int) -> dict[str, Any]:
    """Figures with intervals (Wilson, 95 %)."""
    total = [sum(getattr(one, name) for one in results) for name in Result._fields[:6]]
    incidents, paged, right, single, pages, false = total
    minutes = [one for each in results for one in each.minutes]
    return {
        "incidents": incidents,
        "recall": _share(paged, incidents),
        "precision": _share(pages - false, pages),
        "culprit_first": _share(right, paged),
        "one_page": _share(single, paged),
        "minutes_to_page_p50": round(median(minutes), 1) if minutes else None,
        "false_pages_per_30d": round(30 * false / days, 2),
    }


def _share(part: int, whole: int) -> list[float | None]:
    """Share, and the bounds of its interval."""
    if not whole:
        return [None, None, None]
    share, z = part / whole, 1.96
    middle = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole)) / (1 + z * z / whole)
    return [round(share, 3), round(max(0.0, middle - half), 3), round(min(1.0, middle + half), 3)]


def main() -> None:
    """Prints what was missed, and the figures."""
    arguments = sys.argv[2:]

    def option(name: str, default: str | None = None) -> str | None:
        return arguments[arguments.index(name) + 1] if name in arguments else default

    first, last = map(int, (option("--seeds", "1000:1012") or "").split(":"))
    with Pool(2) as pool:
        results = pool.starmap(
            run, [(seed, option("--incidents")) for seed in range(first, last)], chunksize=1
        )
    ours, rule = [one for one, _ in results], [one for _, one in results]
    for one in ours:
        for note in one.notes:
            print(note)
    figures = summary(ours, last - first) | {"static_rule": summary(rule, last - first)}
    print(json.dumps(figures) if "--json" in arguments else json.dumps(figures, indent=2))
