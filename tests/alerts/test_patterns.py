"""The numbers of patterns."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np

from lakescope.alerts.patterns import Atlas, Key, Pattern

SITES = ("CNAF", "PIC", "DESY", "SARA")


def places(vos: tuple[str, ...], sites: tuple[str, ...] = SITES) -> list[Key]:
    return [
        (src, dst, f"{src}-DISK", f"{dst}-DISK", "davs", "fts", vo, f"{vo}-prod", None)
        for (src, dst), vo in product(permutations(sites, 2), vos)
    ]


def patterns_of(atlas: Atlas, given: list[Key]) -> list[set[Pattern]]:
    return [
        {atlas.pattern(int(one)) for one in numbers} for numbers in atlas.numbers_of(atlas.rows_of(given))
    ]


def test_an_atlas_that_forgot_places_is_as_one_that_never_had_them() -> None:
    atlas, kept = Atlas(), places(("cms", "escape"), SITES[1:])
    rows = atlas.rows_of(places(("atlas", "cms", "escape")))
    patterns = len(atlas)
    atlas.keep(np.sort(rows[[atlas.places.index(one) for one in kept]]))
    fresh = Atlas()
    fresh.rows_of(kept)
    assert sorted(atlas.places, key=str) == sorted(kept, key=str)
    assert len(atlas) == len(fresh) < patterns
    for given in (kept, places(("cms", "lhcb"))):  # those that are there, and new ones
        assert patterns_of(atlas, given) == patterns_of(fresh, given)
    for atlas_of_both in (atlas, fresh):
        numbers = {atlas_of_both.number_of(atlas_of_both.pattern(one)) for one in range(len(atlas_of_both))}
        assert numbers == {*range(len(atlas_of_both))}
        assert atlas_of_both.number_of(Pattern((("vo", "atlas"),))) == 1
    in_lhcb = Pattern((("src_site", "CNAF"), ("vo", "lhcb")))
    assert atlas.is_in([in_lhcb], atlas.rows_of(places(("lhcb",)))).sum() == len(SITES) - 1
