"""Verdicts of rules: by threshold, burn rate, baseline and silence, and when there is none."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from lakescope.alerts.evaluate import key, questions, questions_of, verdicts
from lakescope.alerts.model import (
    Absence,
    Baseline,
    BurnRate,
    Condition,
    Peers,
    Rule,
    Threshold,
    Verdict,
    Volume,
)
from lakescope.alerts.windows import Windows
from lakescope.kpis import Query, UnsupportedError

NOW = 1_800_000_000.0
FULL = 1.0


def _rule(condition: Condition, **others: Any) -> Rule:
    fields: dict[str, Any] = {
        "name": "efficiency",
        "title": "Transfers fail",
        "kpi": "transfer_efficiency",
        "window_s": 3600,
        "by": ("src_site", "dst_site"),
        "summary": "",
        "description": "",
    }
    return Rule(condition=condition, **(fields | others))


def _rows(*values: float | None, group: tuple[str | None, str] = ("A", "B")) -> list[dict[str, Any]]:
    return [{"src_site": group[0], "dst_site": group[1], "value": value} for value in values]


def _judge(rule: Rule, **rows: list[dict[str, Any]]) -> list[Verdict]:
    asked = questions_of(rule, NOW)
    answers: dict[str, Any] = {key(getattr(asked, name)): found for name, found in rows.items()}
    for query in asked.past:
        answers[key(query)] = _windows(query, answers[key(query)])
    return verdicts(rule, NOW, answers, FULL)


def _windows(query: Query, rows: list[dict[str, Any]]) -> Windows:
    """Each row of a group in a window of its own."""
    windows = Windows(query.by, 3600)
    places: Counter[Any] = Counter()
    timed = []
    for row in rows:
        group = tuple(row[name] for name in query.by)
        timed.append(row | {"time": f"{query.since + timedelta(hours=places[group]):%Y-%m-%dT%H:%M:%SZ}"})
        places[group] += 1
    windows.put(query, timed)
    return windows


def _state(rule: Rule, **rows: list[dict[str, Any]]) -> str:
    (verdict,) = _judge(rule, **rows)
    return verdict.state


@pytest.mark.parametrize(
    ("value", "state"), [(0.19, "abnormal"), (0.2, "between"), (0.49, "between"), (0.5, "normal")]
)
def test_a_value_at_the_threshold_is_not_beyond_it(value: float, state: str) -> None:
    assert _state(_rule(Threshold(below=0.2, clear=0.5)), value=_rows(value)) == state


@pytest.mark.parametrize(("value", "state"), [(0.02, "normal"), (0.03, "abnormal"), (1.0, "normal")])
def test_what_is_worse_still_belongs_to_another_rule(value: float, state: str) -> None:
    assert _state(_rule(Threshold(above=0.02, below=1.0)), value=_rows(value)) == state


def test_a_clock_may_be_ahead_or_behind() -> None:
    rule = _rule(Threshold(above=0.5, unsigned=True))
    assert [_state(rule, value=_rows(one)) for one in (-0.6, 0.4)] == ["abnormal", "normal"]


@pytest.mark.parametrize(("volume", "state"), [(199.0, "too few"), (200.0, "abnormal")])
def test_small_numbers_decide_nothing(volume: float, state: str) -> None:
    rule = _rule(Threshold(below=0.2), volume=Volume("transfers_ended", 200))
    assert _state(rule, value=_rows(0.0), volume=_rows(volume)) == state


@pytest.mark.parametrize(
    ("long", "short", "state"), [(0.856, 0.856, "abnormal"), (0.85, 0.9, "normal"), (0.9, 0.5, "normal")]
)
def test_a_budget_burns_in_both_windows_or_not(long: float, short: float, state: str) -> None:
    rule = _rule(BurnRate(target=0.99, rate=14.4, short_s=300))
    assert _state(rule, value=_rows(long), short=_rows(short)) == state


def test_a_baseline_needs_history_and_its_own_spread() -> None:
    rule = _rule(Baseline(history_s=86400, ratio_below=0.5, least_windows=5))
    assert _state(rule, value=_rows(0.1), history=_rows(1, 1, 1, 1)) == "no baseline"
    assert _state(rule, value=_rows(0.1), history=_rows(1, 1, 1, 1, 1)) == "abnormal"
    assert _state(rule, value=_rows(0.1), history=_rows(0.1, 0.6, 1, 1.6, 2)) == "normal"


def test_what_fell_silent_is_abnormal() -> None:
    rule = _rule(Absence(history_s=86400, least_windows=2), kpi="transfers_ended")
    assert _state(rule, value=[], history=_rows(3, 0, 4)) == "abnormal"
    assert _state(rule, value=_rows(1), history=_rows(3, 0, 4)) == "normal"
    assert _judge(rule, value=[], history=_rows(3, 0)) == []


def test_without_an_answer_or_a_feed_there_is_no_verdict() -> None:
    rule = _rule(Threshold(below=0.2))
    answers = {key(questions_of(rule, NOW).value): _rows(0.0)}
    assert [one.state for one in verdicts(rule, NOW, {}, FULL)] == ["unknown"]
    refused = dict.fromkeys(answers, UnsupportedError("no such events here"))
    (verdict,) = verdicts(rule, NOW, refused, FULL)
    assert (verdict.state, verdict.reason) == ("no data", "no such events here")
    assert [one.state for one in verdicts(rule, NOW, answers, None)] == ["unknown"]
    assert [one.state for one in verdicts(rule, NOW, answers, 0.0)] == ["no data"]
    assert _judge(rule, value=_rows(0.0, group=(None, "B"))) == []


def test_a_new_group_of_a_count_has_had_none() -> None:
    baseline = Baseline(history_s=86400, ratio_above=3, least=5, least_windows=3, missing_is_zero=True)
    rule = _rule(baseline, kpi="transfers_failed")
    history = [{"src_site": "A", "dst_site": "B", "value": 7} for _ in range(4)]
    rows = _rows(8) + _rows(9, group=("new", "B"))
    feed = [{"value": 99}] * 5
    found = _judge(rule, value=rows, history=history, feed=feed)
    assert {one.group[0]: one.state for one in found} == {"A": "normal", "new": "abnormal"}
    assert {one.state for one in _judge(rule, value=rows, history=[], feed=feed)} == {"abnormal"}
    assert {one.state for one in _judge(rule, value=rows, history=history[:2], feed=feed[:2])} == {
        "no baseline"
    }


def _lossy(*pairs: str, peers: Peers) -> dict[tuple[str, ...], str | None]:
    """Abnormal groups -> what covers them; the pair "AB" is from A to B, a small "ab" is normal."""
    rule = _rule(Threshold(below=0.2), peers=peers)
    rows = [
        row
        for one in pairs
        for row in _rows(0.0 if one.isupper() else 1.0, group=(one[0].upper(), one[1].upper()))
    ]
    return {one.group: one.covered_by for one in _judge(rule, value=rows) if one.state == "abnormal"}


PEERS = Peers(dimensions=("src_site", "dst_site"), least=2, label="site", summary="{peer} to {count}")


def test_many_lossy_peers_are_one_host_whichever_end_it_is_at() -> None:
    found = _lossy("AB", "CB", "BD", "CA", peers=PEERS)
    assert found == {
        ("A", "B"): "B",
        ("B", "D"): "B",
        ("C", "A"): None,
        ("C", "B"): "B",
        ("B",): None,
    }


def test_all_that_were_measured_are_many() -> None:
    peers = Peers(dimensions=("dst_site",), least=9, all_from=2, label="site", summary="")
    assert ("B",) in _lossy("AB", "CB", peers=peers)
    assert ("B",) not in _lossy("AB", "CB", "db", peers=peers)
    assert ("B",) not in _lossy("AB", peers=peers)


def test_a_label_that_is_optional_may_be_unknown_and_is_no_peer_then() -> None:
    peers = Peers(dimensions=("src_site",), least=2, label="site", summary="")
    rule = _rule(Threshold(below=0.2), optional=("src_site",), peers=peers)
    rows = [row for one in ("X", None) for dst in "BC" for row in _rows(0.0, group=(one, dst))]
    assert {one.group: one.covered_by for one in _judge(rule, value=rows)} == {
        ("", "B"): None,
        ("", "C"): None,
        ("X", "B"): "X",
        ("X", "C"): "X",
        ("X",): None,
    }
    assert _judge(_rule(Threshold(below=0.2)), value=_rows(0.0, group=(None, "B"))) == []


def test_opposite_ends_of_a_peer_do_not_cancel_out() -> None:
    rule = _rule(Threshold(above=0.5, unsigned=True), peers=PEERS)
    rows = [*_rows(0.6, group=("A", "B")), *_rows(-0.6, group=("B", "A")), *_rows(-0.7, group=("B", "C"))]
    assert [one.value for one in _judge(rule, value=rows) if one.count] == [-0.6]


def test_a_peer_has_the_site_that_is_known_of_it() -> None:
    by = ("src_rse", "dst_rse", "src_site", "dst_site")
    peers = Peers(dimensions=by[:2], sites=by[2:], least=2, label="rse", summary="{peer} with {count} others")
    rule = _rule(Threshold(below=0.2), by=by, optional=by[2:], peers=peers)
    links = [("R", "S", None, "Y"), ("T", "R", "Z", "X")]
    found = _judge(rule, value=[dict(zip((*by, "value"), (*one, 0.0), strict=True)) for one in links])
    (peer,) = (one for one in found if one.count)
    assert rule.places(peer.group) == {"rse": "R", "site": "X"}
    unknown = [("R", "S", None, None), ("R", "T", None, None)]
    found = _judge(rule, value=[dict(zip((*by, "value"), (*one, 0.0), strict=True)) for one in unknown])
    assert [rule.places(one.group)["site"] for one in found if one.count] == [""]


def test_others_are_those_at_the_other_end_whatever_else_is_known_of_them() -> None:
    rule = _rule(
        Threshold(below=0.2), by=("src_site", "dst_site", "activity"), peers=structs.replace(PEERS, least=3)
    )
    links = [("B", "A", "x"), ("B", "A", "y"), ("A", "B", "x"), ("B", "C", "x")]
    rows = [{"src_site": src, "dst_site": dst, "activity": one, "value": 0.0} for src, dst, one in links]
    assert all(one.covered_by is None for one in _judge(rule, value=rows))  # B has A and C, no third
    rows.append({"src_site": "D", "dst_site": "B", "activity": "x", "value": 0.0})
    assert [one.count for one in _judge(rule, value=rows) if one.count] == [3]


def test_equal_questions_are_asked_once_and_a_history_once_an_hour() -> None:
    rules = [_rule(Threshold(below=0.2)), _rule(Threshold(below=0.5), name="other")]
    assert len(questions(rules, NOW)) == 1
    baseline = _rule(Baseline(history_s=86400, ratio_below=0.5))
    first, second = (questions_of(baseline, at).history for at in (NOW, NOW + 300))
    assert first == second
