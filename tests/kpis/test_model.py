"""What a question covers, what it may ask, and a KPI's value from its parts, without a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from lakescope.kpis import CATALOGUE, Kpi, Query, UnsupportedError
from lakescope.kpis.model import (
    BINS_MAX,
    DAY,
    HOUR,
    UNKNOWN,
    Comparison,
    Condition,
    DaysLeft,
    EventsQuery,
    Part,
    PerSecond,
    Ratio,
    Remainder,
    StatesQuery,
    Value,
    combine,
    order,
    parts,
)

MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC)
ONE, OTHER = Part(kind="sum", field="bytes"), Part(kind="count")
STATE = Part(kind="last", field="bytes", series=("name",))
EMPTY_HOURS = Part(kind="empty_hours")


def at(hour: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hour)


def kpi(value: Value = OTHER, **rest: Any) -> Kpi:
    return Kpi(
        **{
            "name": "a_kpi",
            "meaning": "",
            "unit": "count",
            "good": "up",
            "dataset": "transfers",
            "value": value,
            "dimensions": ("vo", "activity"),
            "null": "",
        }
        | rest
    )


def query(
    value: Value = OTHER, since: float = 0, until: float = 24, bin_s: int | None = None, **rest: Any
) -> Query:
    by, filters = rest.pop("by", ()), rest.pop("filters", {})
    return Query(
        kpi=kpi(value, **rest), since=at(since), until=at(until), bin_s=bin_s, by=by, filters=filters
    )


# --- what may be asked -----------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [{"by": ("vo", "dst")}, {"filters": {"vo": "atlas", "dst": "x"}}])
def test_only_by_dimensions_that_the_kpi_has(asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^a_kpi has no dimension 'dst'; there are vo, activity$"):
        query(**asked)
    query(by=("activity",), filters={"vo": "atlas"})


@pytest.mark.parametrize("until", [5, 4])
def test_a_range_is_not_empty(until: float) -> None:
    with pytest.raises(
        ValueError, match=rf"^the range is empty: since .*T05:00:00Z until .*T0{until}:00:00Z$"
    ):
        query(since=5, until=until)


@pytest.mark.parametrize("bin_s", [0, -1])
def test_a_bin_has_a_second(bin_s: int) -> None:
    with pytest.raises(ValueError, match=f"^expected a bin of at least one second, found {bin_s}$"):
        query(bin_s=bin_s)
    query(bin_s=1, until=1)


def test_a_question_has_so_many_bins_at_most() -> None:
    hours = BINS_MAX * 60 / HOUR
    query(bin_s=60, until=hours)
    with pytest.raises(ValueError, match=r"^expected 100,000 bins at most, found 100,001: take a wider bin$"):
        query(bin_s=60, until=hours + 1 / 60)


@pytest.mark.parametrize("value", [EMPTY_HOURS, Ratio(OTHER, EMPTY_HOURS)])
def test_whole_hours_need_bins_of_hours(value: Value) -> None:
    with pytest.raises(UnsupportedError, match=r"^a_kpi needs a bin of whole hours, found 5400 s$"):
        query(value, bin_s=5400)
    for bin_s in (None, HOUR, 2 * HOUR):
        query(value, bin_s=bin_s)
    query(OTHER, bin_s=5400)


def test_a_snapshots_list_is_of_one_part_at_one_time() -> None:
    StatesQuery(of=query(STATE), columns=("vo",))
    for of in (query(OTHER), query(Ratio(STATE, STATE)), query(STATE, bin_s=HOUR)):
        with pytest.raises(ValueError, match=r"^expected a snapshot of one part at one time, found a_kpi$"):
            StatesQuery(of=of, columns=("vo",))
    with pytest.raises(ValueError, match=r"^transfers has no field 'x'; there are "):
        StatesQuery(of=query(STATE), columns=("vo", "x"))


def test_events_are_asked_by_fields_that_they_have() -> None:
    span: dict[str, Any] = {"dataset": "transfers", "since": at(0), "until": at(1)}
    EventsQuery(columns=("vo",), conditions=(Condition("bytes", "known"),), **span)
    for asked in ({"columns": ("vo", "x")}, {"columns": (), "conditions": (Condition("x", "known"),)}):
        with pytest.raises(ValueError, match=r"^transfers has no field 'x'; there are (\w+, )+\w+$"):
            EventsQuery(**asked, **span)


# --- which events count ----------------------------------------------------------------------------------


def test_conditions_are_the_kpis_own_the_noise_and_what_was_chosen() -> None:
    own, quiet = Condition("event", "=", "done"), Condition("functional_test", "=", False)
    asked = query(where=(own,), filters={"vo": "atlas", "activity": ("a", "")})
    chosen = (Condition("vo", "in", ("atlas",)), Condition("activity", "in", ("a", "")))
    assert asked.conditions == (own, *chosen), "without a mark there is no noise"
    for noise, asked_noise, is_quiet in [
        (False, None, True),
        (True, None, False),
        (False, True, False),
        (True, False, True),
        (None, False, False),
    ]:
        asked = Query(kpi=kpi(noise=noise), since=at(0), until=at(1), noise=asked_noise)
        assert asked.conditions == ((quiet,) if is_quiet else ())


def test_a_snapshot_is_a_kpi_with_a_state() -> None:
    assert [query(value).is_snapshot for value in (OTHER, STATE, Ratio(OTHER, STATE))] == [False, True, True]
    assert query(Part(kind="growth", field="bytes", series=("name",))).is_snapshot


# --- how long it is --------------------------------------------------------------------------------------


def test_whole_hours_of_the_range() -> None:
    assert query(since=0.5, until=3.5).whole_hours == (at(1), at(3))
    assert query(since=1, until=3).whole_hours == (at(1), at(3))
    for since, until, hours in [(0.5, 3.5, 2), (1, 3, 2), (0.5, 0.7, 0), (0.5, 1.2, 0), (0, 1, 1)]:
        assert query(since=since, until=until).hours(None) == hours
        assert query(since=since, until=until).hours(at(0)) == hours, "without bins"
    assert isinstance(query().hours(None), int)


@pytest.mark.parametrize(("bin_", "hours"), [(-2, 0), (0, 1), (2, 2), (4, 1), (6, 0)])
def test_whole_hours_of_a_bin(bin_: int, hours: int) -> None:
    """Of bins of two hours, from half past midnight until a quarter past five."""
    assert query(since=0.5, until=5.25, bin_s=2 * HOUR).hours(at(bin_)) == hours


def test_seconds_are_of_the_part_of_a_bin_that_is_in_the_range() -> None:
    asked = query(since=0.5, until=5.25, bin_s=2 * HOUR)
    assert [asked.seconds(at(bin_)) / HOUR for bin_ in (0, 2, 4)] == [1.5, 2, 1.25]
    assert [asked.end(at(bin_)) for bin_ in (0, 2, 4)] == [at(2), at(4), at(5.25)]
    assert asked.seconds(None) / HOUR == 4.75 and asked.end(None) == at(5.25)
    whole = query(since=0.5, until=5.25)
    assert whole.end(at(1)) == at(5.25) and whole.seconds(at(1)) / HOUR == 4.25


# --- a value of its parts --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (ONE, (ONE,)),
        (PerSecond(ONE), (ONE,)),
        (Ratio(ONE, OTHER), (ONE, OTHER)),
        (Remainder(Ratio(ONE, OTHER)), (ONE, OTHER)),
        (DaysLeft(STATE, ONE), (STATE, ONE)),
    ],
)
def test_parts(value: Value, expected: Sequence[Part]) -> None:
    assert parts(value) == expected


@pytest.mark.parametrize(
    ("value", "numbers", "expected"),
    [
        (ONE, [7], 7),
        (ONE, [0], 0),
        (ONE, [None], None),
        (Ratio(ONE, OTHER), [3, 4], 0.75),
        (Ratio(ONE, OTHER), [0, 4], 0),
        (Ratio(ONE, OTHER), [3, 0], None),
        (Ratio(ONE, OTHER), [3, None], None),
        (Ratio(ONE, OTHER), [None, 4], None),
        (Remainder(Ratio(ONE, OTHER)), [3, 4], 0.25),
        (Remainder(Ratio(ONE, OTHER)), [0, 4], 1),
        (Remainder(Ratio(ONE, OTHER)), [3, 0], None),
        (PerSecond(ONE), [DAY], 1),
        (PerSecond(ONE), [0], 0),
        (PerSecond(ONE), [None], None),
    ],
)
def test_a_value_of_its_parts(value: Value, numbers: list[Any], expected: Any) -> None:
    assert combine(query(value, by=("vo",)), ("atlas",), numbers) == expected


def test_a_rate_is_by_the_seconds_of_its_bin() -> None:
    asked = query(PerSecond(ONE), since=0.5, bin_s=HOUR, by=("vo",))
    assert combine(asked, (at(0), "atlas"), [1800]) == 1
    assert combine(asked, (at(1), "atlas"), [1800]) == 0.5


def test_a_kpi_in_another_unit_than_its_fields() -> None:
    assert combine(query(ONE, unit="bits/s"), (), [3]) == 24
    assert combine(query(PerSecond(ONE), unit="bits/s"), (), [DAY]) == 8


def test_rows_are_ordered_by_bin_and_dimensions_null_last() -> None:
    groups = [(at(1), "b", None), (at(1), "b", "x"), (at(1), None, "x"), (at(0), "z", "z"), (at(1), "a", "y")]
    rows = order(
        query(bin_s=HOUR, by=("vo", "activity")), ((group, place) for place, group in enumerate(groups))
    )
    assert [row["value"] for row in rows] == [3, 4, 1, 0, 2]
    assert rows[0] == {"time": "2026-01-05T00:00:00Z", "vo": "z", "activity": "z", "value": 3}
    assert rows[-1] == {"time": "2026-01-05T01:00:00Z", "vo": None, "activity": "x", "value": 2}
    assert order(query(by=("vo",)), [(("b",), None), (("a",), 1)]) == [
        {"vo": "a", "value": 1},
        {"vo": "b", "value": None},
    ]
    with pytest.raises(ValueError, match="zip"):
        order(query(by=("vo",)), [(("b", "c"), None)])


def test_a_comparison_needs_sides_that_can_be_compared() -> None:
    like = CATALOGUE["transfers_done"]
    other = structs.replace(like, name="other", dimensions=("vo",))
    seconds = structs.replace(like, name="wait", unit="seconds")

    def compare(of: Kpi, to: Kpi, *dimensions: str, per: tuple[str, ...] = ()) -> Kpi:
        value = Comparison(of=of, to=to, operation="ratio", per=per)
        return structs.replace(like, name="both", value=value, dimensions=dimensions)

    assert compare(like, other, "vo").dimensions == ("vo",)
    bits = structs.replace(like, unit="bits/s"), structs.replace(other, unit="bytes/s")
    assert compare(*bits, "vo").dimensions == ("vo",)
    for given in ({"dimensions": ("dst_rse",)}, {"dimensions": ("vo",), "per": ("dst_rse",)}):
        with pytest.raises(ValueError, match=r"^both compares other, which has no dimension 'dst_rse'$"):
            compare(like, other, *given["dimensions"], per=given.get("per", ()))
    with pytest.raises(ValueError, match=r"^both compares count with seconds$"):
        compare(like, seconds, "vo")


def test_a_filters_value_is_one_of_its_field() -> None:
    kpi = structs.replace(CATALOGUE["transfers_done"], dimensions=("multihop", "ip_version", "vo"))
    span = {"since": datetime(2026, 1, 5, tzinfo=UTC), "until": datetime(2026, 1, 6, tzinfo=UTC)}
    for name, value in (
        ("multihop", "true"),
        ("multihop", ("false", UNKNOWN)),
        ("ip_version", "6"),
        ("vo", "x"),
    ):
        Query(kpi=kpi, filters={name: value}, **span)  # type: ignore[arg-type]
    long = "x" * 61
    for name, value, text in (
        ("multihop", "yes", "multihop is true or false, found 'yes'"),
        ("ip_version", ("4", long), f"ip_version is a whole number, found '{long[:60]}'"),
    ):
        with pytest.raises(ValueError, match=f"^{text}$"):
            Query(kpi=kpi, filters={name: value}, **span)  # type: ignore[arg-type]
