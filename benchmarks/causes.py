"""Causes of changes between two weeks: is the planted one named first and alone, and is nobody named in quiet weeks?

``python -m benchmarks causes``: weeks of the simulator (`benchmarks.causes_weeks`), each twice: as they are (quiet), and with one
planted cause of one or two dimensions, in volume, files, efficiency or queue time by turns. Beside it the simple way, in the same
run: the value of a single dimension with the largest absolute change, which always names one. Seeds below 1000 are for tuning;
the figures are of seeds from 2000.

What misleads: the simulator's weeks scatter by datasets and chance, not by campaigns and holidays as real ones do, so that false
causes are fewer than they will be; what is planted acts on all transfers of a place alike. A cause counts as right if it has
nearly the same transfers as the planted one (Jaccard index of 0.9 or more of the values), by whatever name.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np

from benchmarks.causes_weeks import (
    DIMENSIONS,
    MEASURES,
    Measure,
    Transfer,
    has,
    plant,
    plants_of,
    tables_of,
    transfers_of,
)
from benchmarks.intervals import wilson
from lakescope.alerts.grid import Floats
from lakescope.alerts.patterns import Pattern
from lakescope.reports.cause_cells import Cells
from lakescope.reports.cause_search import table_of
from lakescope.reports.causes import Change, Options, causes_of_ratio, causes_of_sum

SEEDS = range(2000, 2100)
WAYS = ("named first", "named alone", "named at all", "largest change of one value")


def change_of(transfers: Sequence[Transfer], measure: Measure) -> Change:
    """As a report asks for it."""
    cells, wholes = tables_of(transfers, measure)
    if wholes is None:
        return causes_of_sum(cells, counts=tables_of(transfers, "files")[0] if measure == "volume" else None)
    change = causes_of_ratio(cells, wholes, is_share=measure == "efficiency")
    assert change is not None
    return change


def is_same(one: Pattern, other: Pattern, cells: Cells) -> bool:
    """Whether they have nearly the same values."""
    size = cells.before.sum(axis=1) + cells.after.sum(axis=1)
    first, second = (np.array([has(pattern, place) for place in cells.places]) for pattern in (one, other))
    return bool(size[first & second].sum() >= 0.9 * size[first | second].sum())


def largest(cells: Cells, wholes: Cells | None) -> Pattern:
    """The baseline: a single dimension's value whose sum (of a ratio: both effects) changed most."""
    before, after = cells.totals()
    effects: Floats = after - before
    if wholes is not None:
        mean = (before.sum() + after.sum()) / sum(many.sum() for many in wholes.totals())
        one, other = wholes.totals()
        effects = (after - other * mean) / other.sum() - (before - one * mean) / one.sum()
    table = table_of(DIMENSIONS, cells.places, Options())
    is_plain = np.array(
        [[name for name, _ in one.attributes] in [[d] for d in DIMENSIONS] for one in table.patterns]
    )
    return table.patterns[int(np.argmax(np.where(is_plain, np.abs(table.sums(effects)), -1.0)))]


def interval(part: int, whole: int) -> str:
    """A share with its 95 % interval."""
    share = wilson(part, whole)
    return "-" if share is None else "{:.2f} ({:.2f} to {:.2f})".format(*share)


def run(seeds: range) -> None:
    """Prints what went wrong, and shares."""
    right: Counter[tuple[str, str]] = Counter()
    total: Counter[str] = Counter()
    false: Counter[str] = Counter()
    for seed in seeds:
        quiet = transfers_of(seed)
        for measure in MEASURES:
            change = change_of(quiet, measure)
            false[measure] += bool(change.causes)
            if change.causes:
                print(
                    seed,
                    "quiet",
                    measure,
                    [(str(c.pattern), c.effect, round(c.score, 1)) for c in change.causes],
                )
        (cause,) = plants_of(quiet, seed)
        (pattern,) = cause.patterns
        changed = plant(quiet, [cause], seed)
        cells, wholes = tables_of(changed, cause.measure)
        change = change_of(changed, cause.measure)
        names = [is_same(one.pattern, pattern, cells if wholes is None else wholes) for one in change.causes]
        dimensions = f"{len(pattern.attributes)} dimension{'s' * (len(pattern.attributes) > 1)}"
        verdicts = (
            names[:1] == [True],
            names == [True],
            any(names),
            is_same(largest(cells, wholes), pattern, cells if wholes is None else wholes),
        )
        for group in ("all", cause.measure, dimensions):
            total[group] += 1
            for way, verdict in zip(WAYS, verdicts, strict=True):
                right[group, way] += verdict
        if names != [True]:
            named = [(str(c.pattern), c.effect, f"{c.change:.3g}", round(c.score, 1)) for c in change.causes]
            print(
                seed,
                cause.measure,
                pattern,
                cause.factor,
                cause.day,
                f"{change.value / change.before:.0%}",
                named,
            )
    for group in total:
        print(f"{group}, {total[group]} planted:")
        for way in WAYS:
            print(f"  {way}: {interval(right[group, way], total[group])}")
    for measure in MEASURES:
        print(f"quiet weeks with a false cause, {measure}: {interval(false[measure], len(seeds))}")


def main() -> None:
    """``--tuning`` for the other seeds, ``--seeds FIRST:LAST`` for some; what went wrong on a line each."""
    seeds = range(40) if "--tuning" in sys.argv else SEEDS
    if "--seeds" in sys.argv:
        seeds = range(*map(int, sys.argv[sys.argv.index("--seeds") + 1].split(":")))
    run(seeds)
