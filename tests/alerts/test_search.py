"""The smallest explanation of a made-up hour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from itertools import permutations, product

import numpy as np
import pytest

from lakescope.alerts.patterns import Side
from lakescope.alerts.search import Cell, Explanation, Options, Pattern, covers, explain, grid_of

SITES = ("PIC", "CNAF", "DESY", "LAPP", "SARA")
USUAL = 0.05
Place = Mapping[str, str]


def lake(
    rate: Callable[[Place], float],
    attempts: int = 40,
    usual: Callable[[Place], float] = lambda _: USUAL,
) -> list[Cell]:
    """All links of five sites by two protocols and two VOs: `attempts` each, of which a share fails."""
    cells = []
    for (src, dst), protocol, vo in product(permutations(SITES, 2), ("davs", "root"), ("escape", "cta")):
        place = {
            "src_site": src,
            "dst_site": dst,
            "src_rse": f"{src}-DISK",
            "dst_rse": f"{dst}-DISK",
            "protocol": protocol,
            "vo": vo,
            "endpoint": "fts",
            "account": f"{vo}-prod",
            "activity": "Production",
        }
        value = round(attempts * rate(place))
        cells.append(Cell(place=place, weight=attempts, value=value, expected=attempts * usual(place)))
    return cells


def where(**wanted: str) -> Callable[[Place], bool]:
    return lambda place: all(place[name] == value for name, value in wanted.items())


def search(cells: list[Cell], side: Side = "both", known: Set[Pattern] = frozenset()) -> list[Explanation]:
    """All failures are of one class, which accuses a side."""
    return explain(grid_of(cells)._replace(sides=[side]), known=known)


def texts(explanations: list[Explanation]) -> list[str]:
    return ["; ".join(map(str, one.patterns)) for one in explanations]


def culprits(cells: list[Cell]) -> list[str]:
    return texts(search(cells))


def test_a_healthy_lake_needs_no_explanation() -> None:
    assert search(lake(lambda _: USUAL)) == []
    assert search([]) == []


@pytest.mark.parametrize(
    ("struck", "culprit"),
    [
        (where(dst_site="PIC"), "dst_site PIC"),
        (where(src_site="PIC"), "src_site PIC"),
        (lambda place: "PIC" in (place["src_site"], place["dst_site"]), "site PIC"),
        (where(src_site="PIC", dst_site="CNAF"), "link PIC -> CNAF"),
        (lambda place: {place["src_site"], place["dst_site"]} == {"PIC", "CNAF"}, "links CNAF <-> PIC"),
        (where(protocol="root"), "protocol root"),
        (where(dst_site="PIC", protocol="root"), "dst_site PIC, protocol root"),
        (where(vo="cta"), "vo cta"),
        (where(src_site="SARA", vo="cta"), "src_site SARA, vo cta"),
        (where(endpoint="fts"), "endpoint fts"),
    ],
)
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_the_smallest_place_that_explains_it(
    struck: Callable[[Place], bool], culprit: str, share: float
) -> None:
    found = culprits(lake(lambda place: share if struck(place) else USUAL))
    if culprit == "endpoint fts":  # the only one: the same as the lake
        assert found in (["endpoint fts"], ["the whole lake"])
    else:
        assert found == [culprit]


def test_two_faults_are_two_patterns_and_not_one_wide_one() -> None:
    def rate(place: Place) -> float:
        return 1.0 if place["dst_site"] == "PIC" else 0.9 if place["src_site"] == "SARA" else USUAL

    assert set(culprits(lake(rate))) == {"dst_site PIC", "src_site SARA"}


def test_what_always_fails_is_no_incident() -> None:
    def never_good(place: Place) -> float:
        return 0.5 if place["dst_site"] == "LAPP" else USUAL

    assert search(lake(never_good, usual=never_good)) == []


def test_small_numbers_decide_nothing() -> None:
    cells = lake(
        lambda place: 1.0 if where(dst_site="PIC", vo="cta", protocol="root")(place) else 0.0, attempts=1
    )
    assert search(cells) == []


def test_an_error_that_names_the_source_speaks_against_the_destination() -> None:
    """All traffic of the window is between two sites: only the errors tell which of them fails."""
    only = where(src_site="PIC", dst_site="CNAF")
    cells = [cell for cell in lake(lambda _: 1.0) if only(cell.place)]  # type: ignore[arg-type]
    assert texts(search(cells, "source")) == ["src_site PIC"]
    assert texts(search(cells, "destination")) == ["dst_site CNAF"]
    assert culprits(cells)[0].startswith("link")


def test_a_site_at_either_end_is_judged_by_the_errors_that_name_it() -> None:
    """Half its failures accuse the source and half the destination: one site, not two."""
    grid = grid_of(lake(lambda place: 1.0 if "PIC" in (place["src_site"], place["dst_site"]) else USUAL))
    is_source = np.array([grid.places[number][0] == "PIC" for number in grid.place])
    is_destination = np.array([grid.places[number][1] == "PIC" for number in grid.place])
    sided = grid._replace(
        classes=["", "SOURCE x", "DESTINATION x"],
        sides=["both", "source", "destination"],
        rates=np.repeat(grid.rates, 3, axis=1) / 3,
        error_class=np.where(is_source, 1, np.where(is_destination, 2, 0)),
    )
    assert texts(explain(sided)) == ["site PIC"]


def test_links_that_fail_alike_are_one() -> None:
    pairs = {frozenset(two) for two in (("PIC", "DESY"), ("PIC", "LAPP"), ("CNAF", "DESY"), ("CNAF", "LAPP"))}

    def rate(place: Place) -> float:
        return 0.7 if frozenset((place["src_site"], place["dst_site"])) in pairs else USUAL

    (one,) = search(lake(rate))
    assert {str(pattern) for pattern in one.patterns} == {
        f"links {' <-> '.join(sorted(pair))}" for pair in pairs
    }


def test_an_error_class_shows_what_the_background_hides() -> None:
    """A quarter fails anyhow, with many classes; a few failures more of one class at one place are seen, and since when."""
    grid = grid_of(lake(lambda _: 0.25, usual=lambda _: 0.25, attempts=48))
    classes = 20
    struck = 2 * [number for number, place in enumerate(grid.places) if place[1] == "PIC"]
    usual, new = 12 * len(grid.places), len(struck)
    mixed = grid._replace(
        classes=[f"class {number}" for number in range(classes)],
        sides=["both"] * classes,
        bins=24,
        attempts_place=np.repeat(grid.attempts_place, 24),
        attempts_age=np.tile(np.arange(24) + 1, len(grid.places)),
        attempts=np.repeat(grid.attempts / 24, 24),
        rates=np.repeat(grid.rates, classes, axis=1) / classes,
        place=np.concatenate([np.arange(usual) // 12, struck]),
        age=np.concatenate([np.arange(usual) % 24 + 1, np.arange(new) % 3 + 1]),
        error_class=np.concatenate([np.random.default_rng(1).integers(0, classes, usual), np.full(new, 7)]),
        failures=np.ones(usual + new),
    )
    (one,) = explain(mixed)
    assert (texts([one]), one.classes) == (["dst_site PIC"], {7})
    assert 3 <= one.ages <= 4


def test_a_known_pattern_stays_between_two_that_explain_the_same() -> None:
    cells = [cell for cell in lake(lambda _: 1.0) if cell.place["dst_site"] == "PIC"]
    rse = Pattern((("dst_rse", "PIC-DISK"),))
    assert culprits(cells) != [str(rse)]
    assert texts(search(cells, known={rse})) == [str(rse)]


def test_unknown_values_belong_to_no_pattern() -> None:
    cells = lake(lambda place: 1.0 if place["dst_site"] == "PIC" else USUAL)
    nameless = [Cell(place={"dst_rse": "X"}, weight=50, value=2, expected=2.5)]
    assert culprits(cells + nameless) == ["dst_site PIC"]
    assert covers(Pattern(), {}) and not covers(Pattern((("vo", "cta"),)), {"vo": None})


def test_the_margin_says_how_clear_the_culprit_is() -> None:
    def rate(of_davs: float) -> Callable[[Place], float]:
        return lambda place: (
            (of_davs if place["protocol"] == "davs" else 1.0) if place["dst_site"] == "PIC" else USUAL
        )

    (clear,), (unclear,) = search(lake(rate(1.0), attempts=5)), search(lake(rate(0.8), attempts=5))
    assert clear.margin > unclear.margin > 0


def test_a_tenth_more_of_much_traffic_is_no_incident() -> None:
    cells = lake(lambda place: USUAL + 0.1 if place["dst_site"] == "PIC" else USUAL, attempts=4000)
    assert search(cells) == []
    assert explain(grid_of(cells), Options(rise=0.05, deviation=0.0)) != []
