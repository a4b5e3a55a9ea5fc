"""One seed: faults begin and end in an order and for times of its own, then all is healed, and the ids are compared."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.chaos._faults import Fault, faults_of
from tests.chaos._lake import Lake

AT_ONCE = 2
"""Faults that are there at a time, at most."""
GAP_S, LENGTH_S = (0.3, 2.0), (0.5, 5.0)
"""From one beginning to the next, and from a beginning to its end, at least and at most."""
SETTLE_S = 180.0
"""After all is healed, all is stored within this time, or it counts as lost."""


class Verdict(NamedTuple):
    """Of one seed."""

    seed: int
    sent: int
    """Events."""
    lost: dict[str, list[str]]
    """Store -> ``id (source)`` of what it lacks."""
    doubled: dict[str, list[str]]
    strange: dict[str, list[str]]
    """What nobody has sent."""
    unsettled: str
    """What was still waited for at the end; empty: nothing."""
    seconds: float
    history: list[str]

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong."""
        return not (any(map(self._count, (self.lost, self.doubled, self.strange))) or self.unsettled)

    @staticmethod
    def _count(by_store: dict[str, list[str]]) -> int:
        return sum(map(len, by_store.values()))

    def line(self) -> str:
        """In one line."""
        lost, doubled, strange = map(self._count, (self.lost, self.doubled, self.strange))
        more = (f" not sent by anybody {strange}" if strange else "") + (
            f" UNSETTLED: {self.unsettled}" if self.unsettled else ""
        )
        return f"seed {self.seed}: {self.sent} events, lost {lost} doubled {doubled}{more} ({self.seconds:.0f} s)"


def run(seed: int, servers: dict[str, Any], directory: Path, *, pace_s: float = 0.15) -> Verdict:
    """All faults of the lake once, by a seed. `pace_s`: from one portion of a producer to its next."""
    chance = random.Random(seed)
    begun = time.monotonic()
    with Lake(f"chaos_{seed}_{time.time_ns() % 10**8}", servers, directory, pace_s=pace_s) as lake:
        for producer in lake.producers:
            producer.start()
        _suffer(lake, chance)
        for producer in lake.producers:
            producer.is_over.set()
        for producer in lake.producers:
            producer.join(60)
        lake.note("healed, and nothing is sent any more")
        unsettled = _settle(lake)
        lake.note(f"settled: {not unsettled}")
        with suppress(Exception):
            lake.lakescope.stop(90)
        wanted = lake.wanted()
        try:
            stored = dict(lake.stored())
        except Exception as error:
            error.add_note(
                "\n".join([f"seed {seed}; unsettled: {unsettled}", *lake.history, lake.lakescope.tail()])
            )
            raise
        return Verdict(
            seed=seed,
            sent=len(wanted),
            lost={
                store: [f"{id} ({source})" for id, source in wanted.items() if not counts[id]]
                for store, counts in stored.items()
            },
            doubled={
                store: [f"{id} ({wanted.get(id)})" for id, count in counts.items() if count > 1]
                for store, counts in stored.items()
            },
            strange={store: [id for id in counts if id not in wanted] for store, counts in stored.items()},
            unsettled=unsettled,
            seconds=time.monotonic() - begun,
            history=lake.history,
        )


def _suffer(lake: Lake, chance: random.Random) -> None:
    """Each fault once, in an order by chance."""
    waiting = faults_of(lake)
    chance.shuffle(waiting)
    current: list[tuple[float, Fault, Iterator[str]]] = []
    while waiting or current:
        now = time.monotonic()
        for one in [one for one in current if one[0] <= now]:
            current.remove(one)
            next(one[2], None)
            lake.note(f"{one[1].target}: healed")
        targets = {target for _, fault, _ in current for target in (fault.target, fault.other)} - {""}
        if "lakescope" not in targets:
            lake.supervise()
        fault = next((one for one in waiting if not {one.target, one.other} & targets), None)
        if fault is not None and len(current) < AT_ONCE:
            waiting.remove(fault)
            steps = fault.begin(lake, chance)
            lake.note(next(steps))
            current.append((time.monotonic() + chance.uniform(*LENGTH_S), fault, steps))
            time.sleep(chance.uniform(*GAP_S))
        else:
            time.sleep(0.1)


def _settle(lake: Lake) -> str:
    """Waits until all is stored; what is not."""
    end = time.monotonic() + SETTLE_S
    calm = 0
    while time.monotonic() < end:
        lake.supervise()
        rest = lake.waits_for()
        calm = 0 if rest else calm + 1
        if calm == 3:  # in a row: between two looks a message may be on its way
            return ""
        time.sleep(0.5)
    return rest
