"""How well incidents are found: simulated days with known faults, in five-minute rounds.

``python -m benchmarks alerts [--seeds A:B] [--incidents FILE] [--json] [--explain]``

A seed is a day of Rucio's messages (`benchmarks.alerts_days`) of ESCAPE's lake with two FTS servers. Seeds below 1000 have the
kinds of faults that the search was tuned with, the others those that figures are reported for; ``--incidents FILE`` takes the
kinds from a Python file with a dict `KINDS`: name -> function of (random.Random, Lake, begin, end) that gives `Fault`s. Beside
the search, on the same attempts: a static rule and CMS's evaluation (`benchmarks.alerts_pages`). ``--explain`` prints what the
search knew, round by round, of each fault that it missed, named wrongly or paged twice.

A fault counts if at least 30 attempts fail of it. A page belongs to the fault of which at least half the failures of its places
are, else it is a false one. Its culprit is right if it covers the attempts of the fault and hardly any others (Jaccard index of
at least 0.9 over the day). Minutes are from the arrival of the first failure to the page. False pages in 30 quiet days are those
while no fault is there nor was in the last hour, over the time after 6 h.

What misleads here: the kinds are ours and simple; reports are never lost; a day is Rucio's messages alone; two faults may have
the same culprit.
"""

from __future__ import annotations

import json
import runpy
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from math import ceil, floor, sqrt
from multiprocessing import Pool
from typing import Any, NamedTuple

from msgspec import structs

from benchmarks import alerts_kinds, alerts_reporting
from benchmarks.alerts_days import (
    DAY_S,
    FIRST_S,
    ZERO,
    Attempt,
    Day,
    Kind,
    plan_day,
    simulate_attempts,
)
from benchmarks.alerts_pages import Page, Place, pages_of_cms, pages_of_search, pages_of_static_rule
from benchmarks.intervals import wilson
from lakescope.alerts.search import Pattern, covers
from lakescope.alerts.watch import PLACE
from lakescope.simulator import Lake, make_lake
from lakescope.simulator.faults import Fault
from lakescope.simulator.lake import FtsServer

LEAST_FAILURES = 30
RIGHT = 0.9
AFTER_S = 3600
"""A page so long after a fault's end is still of it."""


class Result(NamedTuple):
    """Of one seed, and one way of looking at it."""

    incidents: int
    paged: int
    right: int
    single: int
    pages: int
    false: int
    quiet_false: int
    quiet_s: float
    minutes: list[float]
    notes: list[str]


def lake_of_benchmark() -> Lake:
    """ESCAPE's, with a second FTS server: else an FTS server is the whole lake."""
    lake = make_lake()
    other = FtsServer("fts3.desy.example", "https://fts3.desy.example:8446", "DESY-HH")
    return structs.replace(lake, fts=(*lake.fts, other))


def kinds_of(seed: int, file: str | None) -> Mapping[str, Kind]:
    """The kinds of faults of a seed's day."""
    if file:
        kinds: Mapping[str, Kind] = runpy.run_path(file)["KINDS"]
        return kinds
    return alerts_kinds.KINDS if seed < 1000 else alerts_reporting.KINDS


def run(seed: int, file: str | None, is_explained: bool = False) -> tuple[Result, Result, Result]:
    """One seed: the search, the static rule, CMS's evaluation."""
    lake = lake_of_benchmark()
    day = plan_day(seed, lake, kinds_of(seed, file))
    attempts = simulate_attempts(seed, day, lake)
    log: list[str] = []
    ours = judge(seed, day, attempts, pages_of_search(attempts, log if is_explained else None), log)
    rule, cms = pages_of_static_rule(attempts), pages_of_cms(attempts)
    return ours, judge(seed, day, attempts, rule), judge(seed, day, attempts, cms)


def judge(
    seed: int, day: Day, attempts: list[Attempt], pages: list[Page], log: list[str] | None = None
) -> Result:
    """Pages against the faults."""
    volume = Counter(one.place for one in attempts)
    minutes, notes = [], []
    got: dict[int, list[tuple[Page, float]]] = defaultdict(list)
    false = quiet_false = 0
    for page in pages:
        owner = _owner(day, page)
        if owner is None:
            false += 1
            quiet_false += _is_quiet(day, page.time)
            notes.append(f"seed {seed}: false page at {_hour(page.time)}: {_text(page)}")
        else:
            got[owner].append((page, _agreement(day.faults[owner], page.patterns, volume)))
    incidents = paged = right = single = 0
    for number, faults in enumerate(day.faults):
        hits = [one for one in attempts if _strikes(faults, one.place, one.time)]
        failures = [one.arrived for one in hits if not one.ok]
        if len(failures) < LEAST_FAILURES:
            continue
        incidents += 1
        name = (
            f"seed {seed}: {faults[0].kind} {[dict(place) for one in faults for place in one.places][:4]}, "
            f"{_hour(faults[0].begin)} to {_hour(faults[0].end)}, {len(failures)} of {len(hits)} failed, "
            f"background {day.background:.0%}"
        )
        problems = []
        if number not in got:
            problems.append("missed")
        else:
            paged += 1
            (first, agreement), *more = got[number]
            minutes.append((first.time - min(failures)) / 60)
            right += agreement >= RIGHT
            single += not more
            if agreement < RIGHT:
                problems.append(f"culprit {_text(first)} at {_hour(first.time)}, agreement {agreement:.2f}")
            if more:
                texts = [f"{_text(page)} at {_hour(page.time)}" for page, _ in got[number]]
                problems.append(f"{len(texts)} pages: {', then '.join(texts)}")
        notes += [f"{name}: {problem}" for problem in problems]
        if log and problems:
            begin, end = ((at - ZERO) / 3600 for at in (faults[0].begin, faults[0].end + AFTER_S))
            notes += [f"    {line}" for line in log if begin <= float(line.split()[0]) <= end]
    quiet_s = sum(60.0 for minute in range(FIRST_S // 60, DAY_S // 60) if _is_quiet(day, ZERO + 60 * minute))
    return Result(incidents, paged, right, single, len(pages), false, quiet_false, quiet_s, minutes, notes)


def _is_quiet(day: Day, time: float) -> bool:
    return not any(one.begin <= time <= one.end + AFTER_S for faults in day.faults for one in faults)


def _hour(time: float) -> str:
    return f"{(time - ZERO) / 3600:.2f} h"


def _text(page: Page) -> str:
    return "; ".join(map(str, page.patterns))


def _named(place: Place) -> dict[str, str | None]:
    return dict(zip(PLACE, place, strict=True))


def _owner(day: Day, page: Page) -> int | None:
    """The fault of which most failures of a page are."""
    theirs = [
        (_named(place), count)
        for place, count in page.failures.items()
        if any(covers(one, _named(place)) for one in page.patterns)
    ]
    shares = {
        number: sum(count for place, count in theirs if any(fault.hits_place(place) for fault in faults))
        for number, faults in enumerate(day.faults)
        if faults[0].begin <= page.time <= faults[0].end + AFTER_S
    }
    best = max(shares, key=lambda number: shares[number], default=None)
    enough = 0.5 * sum(count for _, count in theirs)
    return best if best is not None and shares[best] >= enough else None


def _strikes(faults: list[Fault], place: Place, time: float) -> bool:
    return any(one.begin <= time < one.end + 900 and one.hits_place(_named(place)) for one in faults)


def _agreement(faults: list[Fault], patterns: tuple[Pattern, ...], volume: Counter[Place]) -> float:
    both = either = 0
    for key, count in volume.items():
        place = _named(key)
        ours, true = any(covers(one, place) for one in patterns), any(one.hits_place(place) for one in faults)
        both += count * (ours and true)
        either += count * (ours or true)
    return both / either if either else 0.0


def summary(results: list[Result]) -> dict[str, Any]:
    """The figures, each with the bounds of its 95 % interval, and the notes left out."""

    def total(name: str) -> Any:
        return sum(getattr(one, name) for one in results)

    minutes = sorted(minute for one in results for minute in one.minutes)
    return {
        "incidents": total("incidents"),
        "recall": _share(total("paged"), total("incidents")),
        "precision": _share(total("pages") - total("false"), total("pages")),
        "culprit_first": _share(total("right"), total("paged")),
        "one_page": _share(total("single"), total("paged")),
        "minutes_to_page_p50": _middle(minutes),
        "false_pages_per_30d": _per_30d(total("quiet_false"), total("quiet_s")),
    }


def _share(part: int, whole: int) -> list[float | None]:
    share = wilson(part, whole)
    return [None, None, None] if share is None else [round(one, 3) for one in share]


def _middle(values: list[float]) -> list[float | None]:
    """Median, and its interval: the values at the ranks that the binomial distribution gives."""
    if not values:
        return [None, None, None]
    count = len(values)
    half = 0.98 * sqrt(count)
    low, high = max(0, floor(count / 2 - half)), min(count - 1, ceil(count / 2 + half))
    middle = (values[(count - 1) // 2] + values[count // 2]) / 2
    return [round(middle, 1), round(values[low], 1), round(values[high], 1)]


def _per_30d(count: int, seconds: float) -> list[float | None]:
    """Rate, and its interval (Poisson, by the approximation of Byar)."""
    if not seconds:
        return [None, None, None]
    z, scale = 1.96, 30 * DAY_S / seconds
    low = count * (1 - 1 / (9 * count) - z / (3 * sqrt(count))) ** 3 if count else 0.0
    high = (count + 1) * (1 - 1 / (9 * (count + 1)) + z / (3 * sqrt(count + 1))) ** 3
    return [round(scale * one, 2) for one in (count, low, high)]


def main() -> None:
    """Prints what was missed, and the figures."""
    arguments = sys.argv[2:]

    def option(name: str, default: str | None = None) -> str | None:
        return arguments[arguments.index(name) + 1] if name in arguments else default

    first, last = map(int, (option("--seeds", "1000:1020") or "").split(":"))
    tasks = [(seed, option("--incidents"), "--explain" in arguments) for seed in range(first, last)]
    with Pool(2) as pool:
        results = pool.starmap(run, tasks, chunksize=1)
    ours, rule, cms = ([one[number] for one in results] for number in range(3))
    for each in ours:
        for note in each.notes:
            print(note)
    figures = summary(ours) | {"static_rule": summary(rule), "cms_evaluation": summary(cms)}
    print(json.dumps(figures) if "--json" in arguments else json.dumps(figures, indent=2))
