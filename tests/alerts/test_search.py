"""The smallest explanation of a made-up hour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations, product

import pytest

from lakescope.alerts.search import Cell, Options, Pattern, covers, explain

SITES = ("PIC", "CNAF", "DESY", "LAPP", "SARA")
USUAL = 0.05
Place = Mapping[str, str]


def lake(
    rate: Callable[[Place], float],
    attempts: int = 40,
    usual: Callable[[Place], float] = lambda _: USUAL,
    scope: str | None = None,
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
        sided = value if rate(place) > usual(place) else 0
        cells.append(
            Cell(
                place=place,
                weight=attempts,
                value=value,
                expected=attempts * usual(place),
                source=sided if scope == "SOURCE" else 0,
                destination=sided if scope == "DESTINATION" else 0,
            )
        )
    return cells


def where(**wanted: str) -> Callable[[Place], bool]:
    return lambda place: all(place[name] == value for name, value in wanted.items())


def culprits(cells: list[Cell]) -> list[str]:
    return [str(one.pattern) for one in explain(cells)]


def test_a_healthy_lake_needs_no_explanation() -> None:
    assert explain(lake(lambda _: USUAL)) == []
    assert explain([]) == []


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

    assert explain(lake(never_good, usual=never_good)) == []


def test_small_numbers_decide_nothing() -> None:
    assert (
        explain(lake(lambda place: 1.0 if where(dst_site="PIC", vo="cta")(place) else 0.0, attempts=1)) == []
    )


def test_an_error_that_names_the_source_speaks_against_the_destination() -> None:
    """All traffic of the window is between two sites: only the errors tell which of them fails."""
    only = where(src_site="PIC", dst_site="CNAF")
    for scope, culprit in (("SOURCE", "src_site PIC"), ("DESTINATION", "dst_site CNAF")):
        cells = [cell for cell in lake(lambda _: 1.0, scope=scope) if only(cell.place)]  # type: ignore[arg-type]
        assert culprits(cells) == [culprit]
    cells = [cell for cell in lake(lambda _: 1.0) if only(cell.place)]  # type: ignore[arg-type]
    assert culprits(cells)[0].startswith("link")


def test_a_known_pattern_stays_between_two_that_explain_the_same() -> None:
    cells = [cell for cell in lake(lambda _: 1.0) if cell.place["dst_site"] == "PIC"]
    rse = Pattern((("dst_rse", "PIC-DISK"),))
    assert culprits(cells) != [str(rse)]
    assert [one.pattern for one in explain(cells, known={rse})] == [rse]


def test_unknown_values_belong_to_no_pattern() -> None:
    cells = lake(lambda place: 1.0 if place["dst_site"] == "PIC" else USUAL)
    nameless = [Cell(place={"dst_rse": "X"}, weight=50, value=2, expected=2.5)]
    assert culprits(cells + nameless) == ["dst_site PIC"]
    assert covers(Pattern(), {}) and not covers(Pattern((("vo", "cta"),)), {"vo": None})


def test_the_margin_says_how_clear_the_culprit_is() -> None:
    def rate(place: Place) -> float:
        return 1.0 if place["dst_site"] == "PIC" else USUAL

    (clear,), (unclear,) = explain(lake(rate)), explain(lake(rate, attempts=2))
    assert clear.margin > 10 * unclear.margin


def test_a_tenth_more_of_much_traffic_is_no_incident() -> None:
    cells = lake(lambda place: USUAL + 0.1 if place["dst_site"] == "PIC" else USUAL, attempts=4000)
    assert explain(cells) == []
    assert explain(cells, Options(rise=0.05, deviation=0.0)) != []
