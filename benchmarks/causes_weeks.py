"""Simulated weeks with a planted cause: what Rucio reports of its transfers, as cells, changed in the last week.

The simulator makes eight weeks without incidents (its own demand, datasets, rhythm and background of failures); a cause then acts
on the transfers of the last week: some end, come twice, fail, or wait longer. So what happened is known exactly, and all else is
as the simulator has it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Literal, NamedTuple

import numpy as np

from lakescope.alerts.patterns import Key, Pattern, covers
from lakescope.reports.cause_cells import Cells
from lakescope.reports.cause_search import table_of
from lakescope.reports.causes import Options
from lakescope.simulator import Options as LakeOptions
from lakescope.simulator import make_lake, simulate

START = datetime(2026, 1, 5, tzinfo=UTC)
WEEKS = 8
DAY_S = 86_400
RATE = 60.0
DIMENSIONS = ("src_site", "dst_site", "src_rse", "dst_rse", "protocol", "account", "activity")
Measure = Literal["volume", "files", "efficiency", "queue"]
MEASURES: Sequence[Measure] = ("volume", "files", "efficiency", "queue")

ENOUGH: Mapping[Measure, float] = {"volume": 0.1, "files": 0.1, "efficiency": 0.03, "queue": 0.1}
"""By what share of the quiet week a planted cause changes the value of all."""


class Transfer(NamedTuple):
    """One that ended."""

    day: float
    """Since the first week's Monday."""
    place: tuple[str | None, ...]
    size: float
    is_done: bool
    wait_s: float


class Plant(NamedTuple):
    """What a cause does to the last week."""

    patterns: tuple[Pattern, ...]
    measure: Measure
    factor: float
    """Of the number of transfers, or their waiting time; of efficiency, the share of successes that stay."""
    day: float
    """Since when, from the last week's Monday."""


def transfers_of(seed: int, weeks: int = WEEKS, rate: float = RATE) -> list[Transfer]:
    """All that Rucio reports as done or failed."""
    lake = make_lake()
    sites = {rse.name: rse.site.name for rse in lake.rses}
    wires = simulate(
        lake,
        seed=seed,
        start=START,
        end=START + timedelta(weeks=weeks),
        rate=rate,
        incidents=[],
        sources=["rucio"],
        options=LakeOptions(
            accesses=0.0,
            deletions=0.0,
            notify=0.0,
            noise=0.1,
            sparse_until=(START + timedelta(weeks=weeks)).timestamp(),  # only how transfers ended
        ),
    )
    ends = ("transfer-done", "transfer-failed")
    return [
        _transfer(json.loads(wire.body), sites) for wire in wires if wire.headers.get("event_type") in ends
    ]


def _transfer(body: Mapping[str, Any], sites: Mapping[str, str]) -> Transfer:
    payload = body["payload"]
    ended = _time(body["created_at"])
    src, dst = payload["src-rse"], payload["dst-rse"]
    started = payload.get("started_at") or payload.get("submitted_at")
    return Transfer(
        day=(ended - START).total_seconds() / DAY_S,
        place=(
            sites.get(src),
            sites.get(dst),
            src,
            dst,
            payload.get("protocol"),
            payload.get("account"),
            payload.get("activity"),
        ),
        size=float(payload.get("bytes") or 0),
        is_done=body["event_type"] == "transfer-done",
        wait_s=max(0.0, (_time(started) - _time(payload["created_at"])).total_seconds()) if started else 0.0,
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def plant(
    transfers: Sequence[Transfer], plants: Sequence[Plant], seed: int, weeks: int = WEEKS
) -> list[Transfer]:
    """Transfers as they are with the causes."""
    chance, result = Random(seed), []
    hits = {
        place: [cause for cause in plants if any(has(pattern, place) for pattern in cause.patterns)]
        for place in {one.place for one in transfers}
    }
    for one in transfers:
        copies = [one]
        for cause in hits[one.place]:
            if one.day >= 7 * (weeks - 1) + cause.day:
                copies = [changed for copy in copies for changed in _changed(copy, cause, chance)]
        result += copies
    return result


def _changed(one: Transfer, cause: Plant, chance: Random) -> list[Transfer]:
    match cause.measure:
        case "efficiency":
            return [one._replace(is_done=one.is_done and chance.random() < cause.factor)]
        case "queue":
            return [one._replace(wait_s=one.wait_s * cause.factor)]
        case _:
            whole = int(cause.factor)
            return [one] * (whole + (chance.random() < cause.factor - whole))


def has(pattern: Pattern, place: Key) -> bool:
    """Whether transfers between so much (`DIMENSIONS`) are in a pattern."""
    return covers(pattern, dict(zip(DIMENSIONS, place, strict=True)))


def cells_of(transfers: Sequence[Transfer], value: Callable[[Transfer], float], weeks: int = WEEKS) -> Cells:
    """By day; a sum over the transfers at each place."""
    places = sorted({one.place for one in transfers}, key=str)
    row = {place: number for number, place in enumerate(places)}
    table = np.zeros((len(places), 7 * weeks))
    for one in transfers:
        if 0 <= one.day < 7 * weeks:
            table[row[one.place], int(one.day)] += value(one)
    past = table[:, :-14].reshape(len(places), weeks - 2, 7).sum(axis=2)
    return Cells(DIMENSIONS, places, table[:, -14:-7], table[:, -7:], past if weeks > 2 else None)


def tables_of(
    transfers: Sequence[Transfer], measure: Measure, weeks: int = WEEKS
) -> tuple[Cells, Cells | None]:
    """What is measured, and of what, if it is a ratio."""
    values: Mapping[Measure, Callable[[Transfer], float]] = {
        "volume": lambda one: one.size * one.is_done,
        "files": lambda one: float(one.is_done),
        "efficiency": lambda one: float(one.is_done),
        "queue": lambda one: one.wait_s,
    }
    is_ratio = measure in ("efficiency", "queue")
    return (
        cells_of(transfers, values[measure], weeks),
        cells_of(transfers, lambda _: 1.0, weeks) if is_ratio else None,
    )


def plants_of(transfers: Sequence[Transfer], seed: int) -> tuple[Plant, ...]:
    """One cause, of one or two dimensions, that changes what is measured by enough to matter (`ENOUGH`)."""
    chance = Random(f"plant {seed}")
    measure = MEASURES[seed % len(MEASURES)]
    is_pair = bool(seed // len(MEASURES) % 2)
    last = [one for one in transfers if one.day >= 7 * (WEEKS - 1)]
    quiet = _value(*tables_of(last, measure))
    table = table_of(DIMENSIONS, sorted({one.place for one in transfers}, key=str), Options())
    patterns = sorted(one for one in table.patterns if len(one.attributes) == 1 + is_pair)
    while True:
        factor = {
            "volume": chance.choice((0.0, 0.3, 2.0, 3.0)),
            "files": chance.choice((0.0, 0.3, 2.0, 3.0)),
            "efficiency": chance.choice((0.0, 0.4, 0.7)),
            "queue": chance.choice((3.0, 6.0, 10.0)),
        }[measure]
        cause = Plant((chance.choice(patterns),), measure, factor, float(chance.randrange(4)))
        changed = _value(*tables_of(plant(last, [cause], seed), measure))
        if abs(changed - quiet) >= ENOUGH[measure] * quiet:
            return (cause,)


def _value(cells: Cells, wholes: Cells | None) -> float:
    """Of the last week."""
    value = float(cells.after.sum())
    return value if wholes is None else value / float(wholes.after.sum())
