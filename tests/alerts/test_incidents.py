"""Rounds of a made-up lake: one incident from its beginning to its end."""

from __future__ import annotations

from itertools import permutations

import msgspec
import pytest

from lakescope.alerts import watch
from lakescope.alerts.incidents import BIN_S
from lakescope.alerts.watch import PLACE, Bins, Counts, Watch, bins_of, replay, side_of

SITES = ("PIC", "CNAF", "DESY", "LAPP")
HOUR = 3600
Spell = tuple[int, int, str, float]
"""From, until (bins), destination, share that fails."""


def day(spells: list[Spell], bins: int = 12 * 24, attempts: int = 6) -> Bins:
    """Five minutes each: `attempts` a link and VO, one of forty fails, and more while a spell lasts."""
    result: Bins = {}
    for number in range(bins):
        places = result.setdefault(float(number * BIN_S), {})
        for position, (src, dst) in enumerate(permutations(SITES, 2)):
            for vo in ("escape", "cta"):
                counts = Counts()
                counts.ended = attempts
                usual = 1 if (number + position) % 7 == 0 else 0
                share = max((s for a, b, where, s in spells if a <= number < b and where == dst), default=0.0)
                counts.failed = max(usual, round(share * attempts))
                counts.classes = {"connection refused" if share else "timeout": counts.failed}
                key = (src, dst, f"{src}-DISK", f"{dst}-DISK", "davs", "fts", vo, f"{vo}-prod", "Production")
                places[key] = counts
    return result


def test_one_incident_from_its_beginning_to_its_end() -> None:
    (one,) = replay(day([(120, 150, "PIC", 1.0)]), 0, 24 * HOUR)
    assert str(one) == "dst_site PIC"
    assert one.began == 120 * BIN_S
    assert one.opened is not None and one.opened - one.began <= 3 * BIN_S
    assert one.closed is not None and 150 * BIN_S <= one.closed <= 155 * BIN_S
    assert one.error_class == "connection refused"
    assert one.peak.value > 100 > one.peak.expected


def test_a_quiet_day_has_none() -> None:
    assert replay(day([]), 0, 24 * HOUR) == []


def test_a_place_that_was_never_good_is_none() -> None:
    assert replay(day([(0, 500, "PIC", 0.5)]), 0, 24 * HOUR) == []


def test_a_fault_that_comes_and_goes_is_one() -> None:
    spells: list[Spell] = [(start, start + 4, "PIC", 1.0) for start in range(120, 160, 8)]
    (one,) = replay(day(spells), 0, 24 * HOUR)
    assert str(one) == "dst_site PIC"


def test_two_places_at_once_are_two() -> None:
    found = replay(day([(120, 150, "PIC", 1.0), (120, 160, "LAPP", 1.0)]), 0, 24 * HOUR)
    assert {str(one) for one in found} == {"dst_site PIC", "dst_site LAPP"}


def test_another_fault_in_the_places_of_a_wide_incident_is_another() -> None:
    """A VO fails everywhere; two hours later transfers to a site fail otherwise, those of that VO too."""
    bins = day([])
    for number in range(120, 200):
        for (_, dst, *_, vo, _, _), counts in bins[float(number * BIN_S)].items():
            classes = {"certificate expired": 3.0} if vo == "cta" else {}
            if number >= 150 and dst == "PIC":
                classes["no space left"] = 3.0
            if classes:
                counts.classes, counts.failed = classes, sum(classes.values())
    found = replay(bins, 0, 24 * HOUR)
    assert [(str(one), one.error_class) for one in found] == [
        ("vo cta", "certificate expired"),
        ("dst_site PIC", "no space left"),
    ]


def test_an_incident_that_lasts_is_open_and_not_learnt_as_usual() -> None:
    (one,) = replay(day([(120, 300, "PIC", 1.0)]), 0, 24 * HOUR)
    assert one.closed is None


def test_without_a_past_there_is_no_verdict() -> None:
    assert replay(day([(0, 20, "PIC", 1.0)], bins=20), 0, 20 * BIN_S) == []


def test_rounds_may_be_made_one_by_one() -> None:
    """As a task makes them: each round is given the bins of the last hours only."""
    bins, watch, opened = day([(120, 150, "PIC", 1.0)]), Watch(), []
    for number in range(1, 12 * 24):
        now = float(number * BIN_S)
        recent = {at: places for at, places in bins.items() if now - 3 * HOUR <= at < now}
        opened += [str(one) for change, one in watch.step(now, recent) if change == "opened"]
    assert opened == ["dst_site PIC"]


def test_an_incident_keeps_its_id_over_a_restart() -> None:
    """A restart each round changes nothing: neither ids nor what is learnt."""
    bins = day([(120, 150, "PIC", 1.0), (160, 170, "PIC", 1.0)])
    steady, changes, changes_of_restarted = Watch(), [], []
    state = steady.dump()
    for number in range(1, 12 * 24):
        now = float(number * BIN_S)
        recent = {at: places for at, places in bins.items() if now - 3 * HOUR <= at < now}
        changes += [(change, one.id, one.began) for change, one in steady.step(now, recent)]
        restarted = Watch.load(state)
        changes_of_restarted += [(change, one.id, one.began) for change, one in restarted.step(now, recent)]
        state = restarted.dump()
    assert [change for change, *_ in changes] == ["opened", "closed", "updated", "closed"]
    assert len({one for _, one, _ in changes}) == 1 and changes == changes_of_restarted
    assert state == steady.dump()


def test_places_that_are_forgotten_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    bins = {
        at: {(*key[:7], f"user{at // HOUR}", key[8]): counts for key, counts in of_bin.items()}
        for at, of_bin in day([(120, 150, "PIC", 1.0)], 180).items()
    }
    expected = replay(bins, 0, 24 * HOUR)
    monkeypatch.setattr(watch, "_SPARE_PLACES", -1)  # in every round
    monkeypatch.setattr(watch, "_SPARE_SHARE", 0.0)
    assert replay(bins, 0, 24 * HOUR) == expected != []


def test_what_is_no_state_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        Watch.load(b"nothing")


def test_users_errors_count_against_nobody() -> None:
    place = dict.fromkeys(PLACE, "x") | {"time": "2026-11-02T00:00:00Z"}
    errors = {"Transfer canceled by the user": 5, "SOURCE CHECKSUM HTTP 404": 2}
    failed = [place | {"error_scope": None, "error_template": text, "value": n} for text, n in errors.items()]
    ((counts,),) = [places.values() for places in bins_of([place | {"value": 10}], failed).values()]
    assert (counts.ended, counts.failed, counts.source, counts.destination) == (5, 2, 2, 0)


def test_whose_error_it_is() -> None:
    assert side_of("DESTINATION", "SOURCE x") == "DESTINATION"
    assert side_of(None, "SOURCE CHECKSUM HTTP 404") == "SOURCE"
    assert side_of(None, "TRANSFER x") is side_of(None, None) is None
