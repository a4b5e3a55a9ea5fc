"""Causes of changes: effects add up, names and order do not matter, what was planted is named, and noise names nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import permutations, product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.causes_weeks import Plant, plant, tables_of, transfers_of
from lakescope.alerts.patterns import Pattern
from lakescope.reports.cause_cells import Cells, Span, cells_of
from lakescope.reports.cause_texts import sentence_of
from lakescope.reports.causes import Change, causes_of_ratio, causes_of_sum, rate_and_mix
from lakescope.reports.steps import step_of

SITES = ("PIC", "CNAF", "DESY", "SARA", "LAPP")
MADE_DIMENSIONS = ("src_site", "dst_site", "activity", "protocol")
PLACES = [
    (src, dst, activity, protocol)
    for (src, dst), activity, protocol in product(
        permutations(SITES, 2), ("Production", "Recall"), ("davs", "root")
    )
]
MONDAY = datetime(2026, 1, 12, tzinfo=UTC)
Factor = Callable[[Mapping[str, str], int], float]


def places_of(place: tuple[str, ...]) -> Mapping[str, str]:
    return dict(zip(MADE_DIMENSIONS, place, strict=True))


def week(
    chance: np.random.Generator, factor: Factor = lambda place, day: 1.0, mean: float = 20.0
) -> npt.NDArray[np.float64]:
    """Counts by cell and day."""
    means = [[mean * factor(places_of(place), day) for day in range(7)] for place in PLACES]
    return chance.poisson(means).astype(float)


def made(seed: int, factor: Factor = lambda place, day: 1.0, mean: float = 20.0) -> Cells:
    """Five weeks of independent counts, the last one changed."""
    chance = np.random.default_rng(seed)
    past = np.stack([week(chance, mean=mean).sum(axis=1) for _ in range(3)], axis=1)
    return Cells(MADE_DIMENSIONS, PLACES, week(chance, mean=mean), week(chance, factor, mean), past)


def names(change: Change | None) -> list[str]:
    assert change is not None
    return [str(cause.pattern) for cause in change.causes]


VALUES = st.lists(
    st.tuples(*(st.integers(0, 1000) for _ in range(4))).map(
        lambda four: (*sorted(four[:2]), *sorted(four[2:]))
    ),
    min_size=1,
    max_size=8,
)


@given(VALUES)
def test_effects_of_rate_and_mix_add_up_to_the_change(values: list[tuple[int, ...]]) -> None:
    parts_before, wholes_before, parts_after, wholes_after = np.array(values, dtype=float).T
    wholes_before[0] += 1
    wholes_after[-1] += 1
    likely = [parts_before / (wholes_before + 1), parts_after / (wholes_after + 1)]
    rate, mix = rate_and_mix((parts_before, parts_after), (wholes_before, wholes_after), likely)
    change = parts_after.sum() / wholes_after.sum() - parts_before.sum() / wholes_before.sum()
    assert rate.sum() + mix.sum() == pytest.approx(change, abs=1e-9)


def test_the_same_rates_are_all_mix_and_the_same_mix_is_all_rate() -> None:
    many, other = np.array([100.0, 300.0]), np.array([300.0, 100.0])
    rates = np.array([0.9, 0.5])
    rate, mix = rate_and_mix((many * rates, other * rates), (many, other), (rates, rates))
    assert rate == pytest.approx([0, 0])
    assert mix.sum() == pytest.approx(0.2)
    rate, mix = rate_and_mix((many * rates, many * rates[::-1]), (many, many), (rates, rates))
    assert mix == pytest.approx([0, 0])
    assert rate.sum() == pytest.approx(0.2)


def ended_link(place: Mapping[str, str], day: int) -> float:
    is_hit = (place["src_site"], place["dst_site"], place["activity"]) == ("PIC", "SARA", "Production")
    return 0.0 if is_hit and day >= 2 else 1.0


@settings(max_examples=8)
@given(st.permutations(range(len(PLACES))), st.integers(0, 2**16))
def test_the_order_of_rows_and_their_names_change_nothing(order: list[int], number: int) -> None:
    cells = made(1, lambda place, day: 0.2 if place["dst_site"] == "SARA" else 1.0)
    change = causes_of_sum(cells)
    renamed = [tuple(f"{value}-{number}" for value in place) for place in PLACES]
    assert cells.past is not None
    other = causes_of_sum(
        Cells(
            MADE_DIMENSIONS,
            [renamed[row] for row in order],
            cells.before[order],
            cells.after[order],
            cells.past[order],
        )
    )
    assert names(other) == [name + f"-{number}" for name in names(change)]
    assert [one.change for one in other.causes] == pytest.approx([one.change for one in change.causes])


@settings(max_examples=15)
@given(st.integers(0, 2**16), st.floats(0, 4))
def test_parts_and_the_rest_add_up_to_the_change(seed: int, factor: float) -> None:
    cells = made(seed, lambda place, day: factor if place["src_site"] == "PIC" else 1.0)
    change = causes_of_sum(cells)
    assert sum(cause.change for cause in change.causes) + change.rest == pytest.approx(change.value)
    assert change.value == cells.after.sum() - cells.before.sum()
    assert all(cause.low <= cause.change <= cause.high for cause in change.causes)


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (lambda place, day: 0.3 if place["dst_site"] == "SARA" else 1.0, ["dst_site SARA"]),
        (lambda place, day: 3.0 if place["protocol"] == "root" else 1.0, ["protocol root"]),
        (lambda place, day: 0.0 if "PIC" in (place["src_site"], place["dst_site"]) else 1.0, ["site PIC"]),
        (
            lambda place, day: 4.0 if (place["src_site"], place["activity"]) == ("DESY", "Recall") else 1.0,
            ["activity Recall, src_site DESY"],
        ),
        (
            lambda place, day: {"PIC": 0.0, "DESY": 2.5}.get(place["src_site"], 1.0),
            ["src_site DESY", "src_site PIC"],
        ),
        (lambda place, day: 0.7, ["the whole lake"]),
        (lambda place, day: 1.0, []),
    ],
)
def test_the_smallest_set_that_explains_a_change_is_named(factor: Factor, expected: list[str]) -> None:
    assert names(causes_of_sum(made(7, factor))) == expected


def test_noise_names_nobody() -> None:
    assert [names(causes_of_sum(made(seed))) for seed in range(20)] == [[]] * 20


def test_a_fall_of_efficiency_is_told_from_a_change_of_mix() -> None:
    attempts = made(3)
    successes = attempts._replace(
        before=np.round(attempts.before * 0.9),
        after=np.round(attempts.after * [[0.3 if place[1] == "SARA" else 0.9] for place in PLACES]),
        past=None if attempts.past is None else np.round(attempts.past * 0.9),
    )
    change = causes_of_ratio(successes, attempts, is_share=True)
    assert change is not None
    assert names(change) == ["dst_site SARA"]
    assert change.causes[0].effect == "rate"
    assert change.rate + change.mix == pytest.approx(change.value)

    rates = np.array([[0.5 if place[0] == "DESY" else 0.98] for place in PLACES])
    more = made(3, lambda place, day: 4.0 if place["src_site"] == "DESY" else 1.0)
    parts = more._replace(before=more.before * rates, after=more.after * rates, past=None)
    change = causes_of_ratio(parts, more._replace(past=None), is_share=True)
    assert change is not None
    assert change.rate == pytest.approx(0, abs=0.002)
    assert [(cause.effect, str(cause.pattern)) for cause in change.causes] == [("mix", "src_site DESY")]


def test_a_ratio_of_nothing_has_no_change() -> None:
    cells = made(1)
    empty = cells._replace(after=np.zeros_like(cells.after))
    assert causes_of_ratio(empty, empty, is_share=True) is None


def test_a_level_is_compared_at_the_end_of_the_periods() -> None:
    before = np.full((3, 7), 1e12)
    after = before * [[1.0], [1.0], [3.0]]
    cells = Cells(("rse",), [("A",), ("B",), ("C",)], before, after, np.full((3, 3), 1e12), is_level=True)
    change = causes_of_sum(cells)
    assert change.value == 2e12
    assert names(change) == ["rse C"]


@pytest.mark.parametrize(
    ("series", "is_up", "expected"),
    [
        ([9, 11, 10, 9, 10, 11, 0, 0, 0, 0, 0, 0], False, ("ended", 6, None)),
        ([0, 0, 0, 0, 0, 0, 0, 0, 9, 11, 10, 12], True, ("began", 8, None)),
        ([9, 11, 10, 9, 10, 11, 10, 99, 90, 10, 9, 11], True, ("rose", 7, 9)),
        ([9, 11, 99, 90, 10, 11, 10, 9, 11, 10, 9, 11], False, ("rose", 2, 4)),
    ],
)
def test_the_moment_of_a_step(series: list[int], is_up: bool, expected: tuple[str, int, int | None]) -> None:
    step = step_of(np.array(series, dtype=float), is_up=is_up)
    assert step is not None
    assert (step.kind, step.at, step.until) == expected


def test_noise_has_no_step() -> None:
    chance = np.random.default_rng(1)
    series = chance.poisson(20, (100, 14)).astype(float)
    steps = [step_of(one, is_up=one[7:].sum() > one[:7].sum()) for one in series]
    assert sum(step is not None for step in steps) <= 5


def test_sentences_name_the_part_the_place_and_the_day() -> None:
    before = np.array([[400.0 if ended_link(places_of(place), 6) == 0 else 20.0] * 7 for place in PLACES])
    after = before * [[ended_link(places_of(place), day) for day in range(7)] for place in PLACES]
    text = sentence_of(
        causes_of_sum(Cells(MADE_DIMENSIONS, PLACES, before, after)), "Transferred volume", since=MONDAY
    )
    assert text == (
        "Transferred volume fell by 24 % (95 % interval -31 to -17): -24.2 points on PIC \N{RIGHTWARDS ARROW} SARA, where"
        " activity Production ended on Wednesday."
    )
    quiet = sentence_of(causes_of_sum(made(2)), "Transferred files")
    assert quiet.startswith("Transferred files changed by no more than its usual scatter")


@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (
            lambda place, day: 0.0 if place["dst_site"] == "SARA" and day >= 2 else 1.0,
            "points to SARA, where transfers ended on Wednesday",
        ),
        (
            lambda place, day: 0.5 if place["dst_site"] == "SARA" and day >= 2 else 1.0,
            "points to SARA, where their number fell on Wednesday",
        ),
        (
            lambda place, day: 5.0 if place["src_site"] == "PIC" and 1 <= day < 3 else 1.0,
            "points from PIC, where their number was higher from Tuesday to Wednesday",
        ),
        (
            lambda place, day: 3.0 if place["activity"] == "Recall" and day >= 5 else 1.0,
            "points in activity Recall, which rose on Saturday",
        ),
        (lambda place, day: 0.7 - 0.02 * day, "points at all places alike"),
    ],
)
def test_sentences_say_what_happened_and_when(factor: Factor, expected: str) -> None:
    assert expected in sentence_of(causes_of_sum(made(7, factor, 60.0)), "Transferred files", since=MONDAY)


def test_sentences_of_ratios_tell_rate_from_mix() -> None:
    attempts = made(3, lambda place, day: 4.0 if place["src_site"] == "DESY" and day >= 3 else 1.0)
    rates = np.array([[0.9 if place[0] == "DESY" else 0.98] for place in PLACES])
    successes = attempts._replace(
        before=attempts.before * rates,
        after=attempts.after * rates * [[0.5 if place[1] == "SARA" else 1.0] for place in PLACES],
        past=None,
    )
    change = causes_of_ratio(successes, attempts._replace(past=None), is_share=True)
    assert change is not None
    text = sentence_of(change, "Transfer efficiency", unit="ratio", since=MONDAY)
    assert "points to SARA, where it fell from 95.9 % to 47 %, since Monday" in text
    assert "points by mix: transfers from DESY rose from 21 % to 40 % of all, since Thursday" in text


def test_a_planted_cause_in_the_simulators_weeks() -> None:
    quiet = transfers_of(1, weeks=4)
    assert names(causes_of_sum(tables_of(quiet, "files", 4)[0])) == []
    pattern = Pattern((("dst_site", "INFN-CNAF"),))
    changed = plant(quiet, [Plant((pattern,), "efficiency", 0.2, 2.0)], 1, weeks=4)
    successes, attempts = tables_of(changed, "efficiency", 4)
    assert attempts is not None
    assert names(causes_of_ratio(successes, attempts, is_share=True)) == ["dst_site INFN-CNAF"]


def test_arrays_that_do_not_fit_are_refused() -> None:
    cells = made(1)
    with pytest.raises(ValueError, match=r"after: expected 80 rows, one a cell, found shape \(79, 7\)"):
        causes_of_sum(cells._replace(after=cells.after[1:]))
    with pytest.raises(ValueError, match="before: expected finite values of 0 or more"):
        causes_of_sum(cells._replace(before=-cells.before))


def test_answers_of_kpis_become_cells() -> None:
    def span(weeks_ago: int, *rows: tuple[int, str | None, float | None]) -> Span:
        since = MONDAY - timedelta(weeks=weeks_ago)
        return Span(
            since,
            [
                {
                    "time": f"{since + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}",
                    "dst_site": site,
                    "value": value,
                }
                for day, site, value in rows
            ],
        )

    done, ended = cells_of(
        ("dst_site",),
        [
            [
                span(2, (0, "PIC", 3)),
                span(1, (1, "PIC", 2), (2, None, 1)),
                span(0, (6, "SARA", 5), (7, "SARA", 9)),
            ],
            [span(2), span(1, (1, "PIC", 4)), span(0, (6, "SARA", None))],
        ],
        bins=7,
        bin_s=86_400,
    )
    assert list(done.places) == list(ended.places) == [("PIC",), ("SARA",), (None,)]
    assert done.past is not None
    assert done.past.tolist() == [[3], [0], [0]]
    assert done.before.tolist() == [[0, 2, 0, 0, 0, 0, 0], [0] * 7, [0, 0, 1, 0, 0, 0, 0]]
    assert done.after.tolist() == [[0] * 7, [0, 0, 0, 0, 0, 0, 5], [0] * 7]
    assert (ended.before.sum(), ended.after.sum()) == (4, 0)
    with pytest.raises(ValueError, match="expected two periods or more"):
        cells_of(("dst_site",), [[span(0)]], bins=7, bin_s=86_400)
