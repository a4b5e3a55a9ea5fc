"""States of reports written by hand, in orders that no store promises. The same by events: tests/kpis/test_snapshots.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakescope.kpis import CATALOGUE, Query, snapshots
from lakescope.kpis.model import DAY, Condition, Part, Report, StatesQuery

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ASKED, OTHER = "https://rucio.example.org/rules/?state=S", "https://rucio.example.org/rules/?account=root"


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def query(name: str, since: int = 0, until: int = 30, **rest: Any) -> Query:
    return Query(kpi=CATALOGUE[name], since=at(since), until=at(until), **rest)


def report(minute: float, **values: Any) -> Report:
    return Report(at(minute).timestamp(), {"collector": "rucio", "source": "rucio-api"} | values)


def rule(minute: float, name: str, event: str = "stuck", poll: str | None = ASKED, **rest: Any) -> Report:
    return report(minute, rule_id=name, event=event, poll=poll, **rest)


def poll(minute: float, scope: str = ASKED, state: str | None = "stuck", **rest: Any) -> Report:
    return report(minute, scope=scope, count=1, kind="rules", state=state, **rest)


def storage(minute: float, rse: str, used: int | None, **rest: Any) -> Report:
    return report(minute, rse=rse, used=used, **rest)


def used(reports: list[Report], since: int, until: int, **rest: Any) -> Any:
    """Storage used by those reports, rows or the value."""
    rows = snapshots.rows(query("storage_used", since, until, **rest), [reports, []])
    return rows if rest else rows[0]["value"]


# --- what a store is asked -------------------------------------------------------------------------------


def test_a_store_is_asked_for_the_reports_and_for_the_polls() -> None:
    asked = query("rules_stuck", bin_s=600, by=("vo",), filters={"account": "root"})
    rules, polls = snapshots.questions(asked, ("scope",))
    account = Condition("account", "in", ("root",))
    assert (rules.dataset, rules.field, rules.series) == ("rules", "rule_id", ("rule_id", "poll"))
    assert (rules.look_back, rules.since, rules.until) == (at(0) - timedelta(days=7), at(0), at(30))
    assert (rules.bin_s, rules.firsts) == (600, False)
    assert rules.columns == ("vo", "event", "account", "collector", "source", "scope")
    assert account not in rules.conditions, "the last report meets it, or not"
    assert (polls.dataset, polls.field) == ("polls", "count")
    assert polls.series == ("collector", "source", "scope")
    assert polls.columns == ("interval_s", "kind", "state")
    others = Condition("kind", "not", "metrics")  # whose pages come each minute
    assert polls.conditions == (Condition("complete", "=", True), others, Condition("count", "known"))
    assert (polls.look_back, polls.since, polls.until) == (rules.look_back, rules.since, rules.until)
    assert (polls.bin_s, polls.firsts) == (600, False)


def test_what_holds_at_the_end_alone_needs_no_reports_since_the_beginning() -> None:
    for asked in snapshots.questions(query("rules_stuck")):
        assert (asked.look_back, asked.since, asked.until) == (at(30) - timedelta(days=7), at(30), at(30))
    for asked in snapshots.questions(query("storage_growth")):
        assert (asked.look_back, asked.since, asked.until) == (at(0) - timedelta(days=7), at(0), at(30))


def test_growth_needs_first_reports_and_a_known_value() -> None:
    growth, polls = snapshots.questions(query("storage_growth", filters={"rse": "A"}))
    assert growth.firsts and not polls.firsts
    assert growth.conditions[-2:] == (Condition("rse", "in", ("A",)), Condition("used", "known"))
    assert growth.series == CATALOGUE["storage_growth"].value.series  # type: ignore[union-attr]


# --- lists -----------------------------------------------------------------------------------------------


def listed(reports: list[Report], polls: list[Report], limit: int = 50) -> list[dict[str, Any]]:
    asked = StatesQuery(of=query("rules_stuck"), columns=("rule_id", "poll"), limit=limit)
    return snapshots.reports(asked, [reports, polls])


def test_the_newest_are_first_and_of_one_moment_by_name() -> None:
    reports = [rule(0, "a"), rule(10, "c"), rule(10, "b"), rule(20, "d")]
    polls = [poll(minute) for minute in (20, 10, 0)]
    names = [row["rule_id"] for row in listed([*reports, rule(20, "a"), rule(20, "c"), rule(20, "b")], polls)]
    assert names == ["a", "b", "c", "d"]
    hold = [
        rule(0, "a", poll=None),
        rule(10, "c", poll=None),
        rule(10, "b", poll=None),
        rule(20, "d", poll=None),
    ]
    rows = listed(hold, [])
    assert [row["rule_id"] for row in rows] == ["d", "b", "c", "a"]
    assert rows[0] == {"time": "2026-01-05T12:20:00Z", "rule_id": "d", "poll": None}
    assert [row["rule_id"] for row in listed(hold, [], limit=3)] == ["d", "b", "c"]


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_questions_at_one_moment_one_is_chosen_whatever_the_order(is_first: bool) -> None:
    both = [rule(0, "x"), rule(0, "x", poll=OTHER)]
    rows = listed(both if is_first else both[::-1], [poll(0), poll(0, OTHER)])
    assert [row["poll"] for row in rows] == [ASKED]


def test_of_two_questions_the_later_is_listed() -> None:
    reports = [rule(1, "x", poll=OTHER), rule(0, "x")]
    assert [row["poll"] for row in listed(reports, [poll(0), poll(1, OTHER)])] == [OTHER]


# --- numbers ---------------------------------------------------------------------------------------------


def test_reports_come_in_any_order_and_of_one_moment_the_greater_is_the_last() -> None:
    reports = [
        storage(20, "A", 3),
        storage(0, "A", 1),
        storage(10, "A", 2),
        storage(20, "A", 7),
        storage(20, "A", 5),
    ]
    assert used(reports, 0, 25) == 7
    assert used(reports, 0, 15) == 2
    assert used([*reports, storage(20, "A", None)], 0, 25) == 7, (
        "a report without a value is before one with it"
    )


def test_a_report_of_the_end_itself_is_behind_it() -> None:
    reports = [storage(minute, "A", minute) for minute in (0, 10, 20)]
    assert used(reports, 0, 20) == 10
    assert used(reports, -10, 0) is None


def test_bins_begin_at_whole_multiples_and_end_with_the_range() -> None:
    reports = [storage(minute, "A", minute) for minute in range(0, 61, 10)]
    rows = used(reports, 5, 55, bin_s=1200)
    assert [(row["time"][11:16], row["value"]) for row in rows] == [
        ("12:00", 10),
        ("12:20", 30),
        ("12:40", 50),
    ]
    assert rows.bin_s == 1200


def test_a_bin_is_widened_to_a_multiple_no_finer_than_most_reports() -> None:
    def width(*gaps: float, bin_s: int = 60) -> int | None:
        """Of a series for each gap (seconds)."""
        reports = [storage(place * gap / 60, f"S{gap}", 1) for gap in gaps for place in range(4)]
        bin_: int | None = used(reports, 0, 60, bin_s=bin_s).bin_s
        return bin_

    assert width(60) == 60 and width(30) == 60
    assert width(65) == 60, "a little late"
    assert width(67) == 120
    assert width(120, 121, 600) == 120, "the median"
    assert width(600, bin_s=240) == 720
    assert used([storage(0, "A", 1)], 0, 60, bin_s=60).bin_s == 60, "unknown"


def test_bins_of_polled_rules_are_as_wide_as_the_polls_apart_and_of_others_as_the_reports() -> None:
    hourly, polls = range(0, 61, 60), [poll(minute) for minute in range(0, 61, 10)]
    rules = snapshots.rows(
        query("rules_stuck", 0, 60, bin_s=60), [[rule(minute, "x") for minute in hourly], polls]
    )
    assert rules.bin_s == 600
    usage = [storage(minute, "A", 1) for minute in hourly]
    assert snapshots.rows(query("storage_used", 0, 60, bin_s=60), [usage, polls]).bin_s == 3600


def test_an_interval_is_the_median_of_the_last_ten_reports_gaps() -> None:
    """Once an hour long ago, every minute since: stale three minutes after the last."""
    minutes = [-300, -240, -180, -120, -60, *range(10)]
    reports = [storage(minute, "A", minute) for minute in minutes]
    assert used(reports, 0, 12) == 9
    assert used(reports, 0, 13) is None
    assert used(reports[:-1], 0, 180) is None, "of nine gaps the most are a minute's"
    twice = [storage(minute, "A", minute) for minute in (0, 0, 0, 30)]
    assert used(twice, 0, 31 + 89) == 30, "one moment's reports have no gap"
    assert used(twice, 0, 31 + 90) is None


def test_nothing_holds_longer_than_a_week() -> None:
    reports = [storage(0, "A", 1, interval_s=4.0 * DAY), storage(0, "B", 2, interval_s=2.0 * DAY)]
    assert used(reports, 0, 6 * 1440) == 3
    assert used(reports, 0, 6 * 1440 + 1) == 1
    assert used(reports, 1, 7 * 1440) == 1
    assert used(reports, 1, 7 * 1440 + 1) is None


@pytest.mark.parametrize(
    ("minutes", "first"),
    [
        ((-20, -10, 10, 20), -10),  # what held at the beginning, no earlier one
        ((-20, -10, 0, 10, 20), -10),  # a report of the beginning's own moment is behind it
        ((-50, -40, -30, 10, 20), -30),  # to the second
        ((-51, -41, -31, 9, 19), 9),  # stale by then: the first since
        ((10, 20), 10),
        ((-10, 0), -10),
    ],
)
def test_growth_is_from_what_held_at_the_beginning(minutes: tuple[int, ...], first: int) -> None:
    reports = [storage(minute, "A", 100 + minute) for minute in minutes]
    (row,) = snapshots.rows(query("storage_growth", 0, 25), [reports, []])
    assert row["value"] == minutes[-1] - first


@pytest.mark.parametrize(
    ("left", "per_second", "days"),
    [(DAY, 0.5, 2.0), (DAY, 1.0, 1.0), (3 * DAY, 2, 1.5), (0, 1, 0.0), (DAY, 0, None), (DAY, -1, None)],
)
def test_days_left(left: float, per_second: float, days: float | None) -> None:
    assert snapshots._days(left, per_second) == days
    assert snapshots._days(None, per_second) is None
    assert snapshots._days(left, None) is None


@pytest.mark.parametrize(
    ("over", "values", "known", "expected"),
    [
        ("sum", [1, 2, 2], True, 5),
        ("max", [1, 2, 2], True, 2),
        ("distinct", [1, 2, 2], True, 2),
        ("sum", [], True, None),
        ("max", [], True, None),
        ("distinct", [], True, 0),
        ("distinct", [], False, None),
        ("sum", [1], False, 1),
    ],
)
def test_over_the_series(over: Any, values: list[int], known: bool, expected: int | None) -> None:
    assert snapshots._over(Part(kind="last", field="used", over=over), values, has_data=known) == expected


@pytest.mark.parametrize(
    ("condition", "matches", "others"),
    [
        (Condition("x", "known"), [0, "", False], [None]),
        (Condition("x", "unknown"), [None], [0, "", False]),
        (Condition("x", "not", "a"), ["b", None], ["a"]),
        (Condition("x", "=", True), [True], [False, None]),
        (Condition("x", "in", ("a", "b")), ["a", "b"], ["c", None, "None"]),
        (Condition("x", "in", ("true", "1")), [True, 1, "1"], [False, None, 2]),
        (Condition("x", "in", ("None",)), ["None"], [None]),
    ],
)
def test_a_condition_of_a_report(condition: Condition, matches: list[Any], others: list[Any]) -> None:
    for value in matches:
        assert snapshots._meets({"x": value}, [condition])
    for value in others:
        assert not snapshots._meets({"x": value}, [condition])
        assert not snapshots._meets({"x": value}, [Condition("y", "unknown"), condition])
    assert snapshots._meets({}, [])
