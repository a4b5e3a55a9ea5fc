"""One round of the incident search over a large lake: 100 sites, 9,900 links, 10 million transfers a day.

``python -m benchmarks alerts_search_speed``: CPU seconds of `Watch.step` for a round of two hours in five-minute bins, quiet and
then with a site down, at a background of 5 %; the first round also learns which patterns each place has. What misleads: places
are drawn evenly, a real lake has most traffic on few links; what the store takes to answer is not in it.
"""

from __future__ import annotations

import random
import resource
from time import process_time

import numpy as np

from lakescope.alerts.incidents import BIN_S
from lakescope.alerts.patterns import Atlas
from lakescope.alerts.watch import REACH_S, Bins, Counts, Watch

SITES = 100
PER_BIN = 10_000_000 * BIN_S // 86_400
ERRORS = [f"TRANSFER error {number}" for number in range(30)]


def large_bins(first: int, last: int, down: str | None = None, since: int = 0, seed: int = 1) -> Bins:
    """Bins of those numbers; from `since` on all copies to a site fail."""
    chance, result = random.Random(seed), Bins()
    sites = [f"SITE-{number}" for number in range(SITES)]
    for number in range(first, last):
        places = result.setdefault(float(number * BIN_S), {})
        for _ in range(PER_BIN):
            src, dst = chance.sample(sites, 2)
            vo = "cms" if chance.random() < 0.7 else "escape"
            key = (
                src,
                dst,
                f"{src}-DISK",
                f"{dst}-DISK",
                "davs",
                f"fts-{dst[-1]}",
                vo,
                f"{vo}-prod",
                "Production",
            )
            counts = places.setdefault(key, Counts())
            counts.ended += 1
            if dst == down and number >= since:
                counts.fail("DESTINATION", "DESTINATION connection refused")
            elif chance.random() < 0.05:
                counts.fail("TRANSFER", chance.choice(ERRORS))
    return result


def main() -> None:
    """Prints seconds a round."""
    bins_of_reach = REACH_S // BIN_S
    learnt = 60
    now = learnt + bins_of_reach
    watch = Watch()
    watch.history.since = BIN_S  # as if the past were longer than what is made here
    bins = large_bins(now - bins_of_reach - 3, now + 8, "SITE-7", now + 3)
    atlas = Atlas()
    rows = atlas.rows_of(key for places in list(bins.values())[:3] for key in places)
    failures = ((position, "", 5.0) for position in range(len(rows)))
    watch.history.add(atlas, rows, np.full(len(rows), 100.0), failures, learnt * BIN_S)
    for number in range(now, now + 8):
        at = float(number * BIN_S)
        seen = {begin: places for begin, places in bins.items() if begin < at}
        begin = process_time()
        changes = watch.step(at, seen)
        print(
            f"round {number - now + 1}: {process_time() - begin:.2f} CPU-s {[(c, str(one)) for c, one in changes]}"
        )
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB with the bins")
