"""Availability, reliability and downtimes on days that a person can count."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lakescope.kpis import CATALOGUE, Query, UnsupportedError, timelines
from lakescope.kpis.model import Report

DAY = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = 3600.0
PORTAL = "https://goc.example/"


def at(hour: float) -> float:
    return DAY.timestamp() + hour * HOUR


def results(statuses: str, host: str = "a.example", every_h: float = 1.0, **rest: Any) -> list[Report]:
    """One result a letter (o, w, c, u; blank: none), from the beginning of the day on."""
    names = {"o": "ok", "w": "warning", "c": "critical", "u": "unknown"}
    common = {"source": "sam", "probe": "get", "site": "A", "host": host, "service": "WEBDAV"} | rest
    return [
        Report(at(index * every_h), common | {"status": names[letter]})
        for index, letter in enumerate(statuses)
        if letter != " "
    ]


def declared(begin: float, end: float | None, *, seen: Iterable[float] = (0.0,), **rest: Any) -> list[Report]:
    """An outage from hour to hour, in the answers of those hours."""
    text = [
        None if hour is None else datetime.fromtimestamp(at(hour), UTC).isoformat() for hour in (begin, end)
    ]
    common = {
        "source": "gocdb",
        "downtime_id": "1",
        "host": "a.example",
        "service": "webdav",
        "site": "A",
        "severity": "outage",
        "classification": "scheduled",
        "state": "planned",
        "poll": PORTAL,
        "started": text[0],
        "ended": text[1],
    }
    return [Report(at(hour), common | rest) for hour in seen]


def answers(*hours: float) -> list[Report]:
    """Complete answers of the portal."""
    return [
        Report(at(hour), {"collector": "c", "source": "gocdb", "scope": PORTAL, "count": 1}) for hour in hours
    ]


def query(name: str, hours: float = 24, **rest: Any) -> Query:
    return Query(kpi=CATALOGUE[name], since=DAY, until=DAY + timedelta(hours=hours), **rest)


def shares(
    probes: list[Report],
    downtimes: list[Report] | None = None,
    polls: list[Report] | None = None,
    hours: float = 24,
) -> tuple[Any, Any]:
    """(availability, reliability) of the one site."""
    found = []
    for name in ("site_availability", "site_reliability"):
        (row,) = timelines.rows(query(name, hours), [probes, downtimes or [], polls or []])
        found.append(row["value"])
    return found[0], found[1]


def close(*values: float | None) -> Any:
    return values if None in values else pytest.approx(values, rel=1e-12)


WHOLE = "o" * 24


@pytest.mark.parametrize(
    ("statuses", "share"),
    [
        (WHOLE, 1.0),
        ("o" * 12 + "c" * 12, 0.5),
        ("o" * 12 + "w" * 12, 1.0),  # WARNING is a success
        ("o" * 12 + "u" * 6 + "c" * 6, 12 / 18),  # UNKNOWN is in neither
        ("o" * 10 + " " * 14, 1.0),  # and so is what is not tested any more
        ("c" * 10 + " " * 4 + "o" * 10, 10 / 22),  # a result holds for three intervals
        ("u" * 24, None),
    ],
)
def test_a_result_holds_until_the_next(statuses: str, share: float | None) -> None:
    assert shares(results(statuses)) == close(share, share)


def test_nothing_is_known_of_a_range_without_probes() -> None:
    assert shares([]) == (None, None)


def test_a_scheduled_outage_is_no_uptime_and_no_unreliability() -> None:
    probes = results("o" * 12 + "c" * 6 + "o" * 6)
    assert shares(probes, declared(12, 18)) == close(18 / 24, 1.0)
    assert shares(results(WHOLE), declared(12, 18)) == close(18 / 24, 1.0)  # whatever the probes say
    assert shares(results("o" * 12), declared(12, 18)) == close(12 / 18, 1.0)


@pytest.mark.parametrize(
    "other",
    [
        {"classification": "unscheduled"},
        {"severity": "warning"},
        {"state": "cancelled"},
        {"host": "b.example"},
        {"host": None, "site": "B"},
    ],
)
def test_other_downtimes_change_nothing(other: dict[str, Any]) -> None:
    probes = results("o" * 12 + "c" * 6 + "o" * 6)
    assert shares(probes, declared(12, 18, **other)) == close(18 / 24, 18 / 24)


def test_a_downtime_of_the_site_is_one_of_all_its_hosts() -> None:
    probes = results("o" * 12 + "c" * 12) + results("o" * 12 + "c" * 12, "b.example")
    assert shares(probes, declared(12, 24, host=None)) == close(0.5, 1.0)


def test_a_downtime_of_one_service_leaves_the_other_on_its_host() -> None:
    probes = results(WHOLE) + results("o" * 12 + "c" * 12, service="XROOTD")
    assert shares(probes, declared(12, 24)) == close(0.5, 0.5)  # xrootd failed on its own
    assert shares(probes, declared(12, 24, service="XRootD")) == close(0.5, 1.0)
    assert shares(probes, declared(12, 24, service="Site-BDII")) == close(
        0.5, 1.0
    )  # of no probe: the whole host


def test_one_host_of_several_is_enough_and_all_services_are_needed() -> None:
    a, b = results("o" * 12 + "c" * 12), results("c" * 6 + "o" * 18, "b.example")
    assert shares(a + b) == close(1.0, 1.0)
    assert shares(a + results(WHOLE, service="XROOTD")) == close(0.5, 0.5)
    assert shares(a + results("c" * 6 + "o" * 18, probe="put")) == close(
        6 / 24, 6 / 24
    )  # all probes of a service


def test_names_of_one_service_are_one() -> None:
    assert shares(
        results("o" * 12 + "c" * 12) + results(WHOLE, "b.example", service=None, protocol="davs")
    ) == (1, 1)


def test_a_cancelled_downtime_ends_with_the_first_answer_without_it() -> None:
    probes = results("o" * 12 + "c" * 12)
    seen = declared(12, 24, seen=(0, 6))
    assert shares(probes, seen, answers(0, 6)) == close(0.5, 1.0)
    assert shares(probes, seen, answers(0, 6, 11)) == close(0.5, 0.5)  # before it began
    assert shares(probes, declared(12, 24, seen=(0, 13)), answers(0, 13, 18)) == close(12 / 24, 12 / 18)


def test_the_latest_revision_counts() -> None:
    probes = results("o" * 12 + "c" * 12)
    revised = [*declared(12, 14), *declared(12, 24, seen=(6,))]
    assert shares(probes, revised) == close(0.5, 1.0)


def test_an_open_end_is_the_end_of_the_range() -> None:
    assert shares(results("o" * 12 + "c" * 12), declared(12, None)) == close(0.5, 1.0)


def test_by_site_and_day() -> None:
    probes = results("o" * 24 + "c" * 24) + results("o" * 48, site="B", host="b.example")
    asked = query("site_availability", 48, by=("site",), bin_s=86400)
    rows = timelines.rows(asked, [probes, [], []])
    found = {(row["time"][:10], row["site"]): row["value"] for row in rows}
    assert found == {
        ("2026-01-05", "A"): 1.0,
        ("2026-01-05", "B"): 1.0,
        ("2026-01-06", "A"): 0.0,
        ("2026-01-06", "B"): 1.0,
    }
    (row,) = timelines.rows(query("site_availability", 48), [probes, [], []])
    assert row["value"] == pytest.approx(0.75)


def test_downtimes_that_overlap_are_one_time() -> None:
    reports = [
        *declared(2, 6),
        *declared(4, 8, downtime_id="2"),
        *declared(20, 30, downtime_id="3", site="B"),
    ]
    asked = query("downtime", by=("site",))
    assert timelines.rows(asked, [reports, answers(0)]) == [
        {"site": "A", "value": 6 * HOUR},
        {"site": "B", "value": 4 * HOUR},
    ]
    (row,) = timelines.rows(query("downtime"), [reports, answers(0)])
    assert row["value"] == 10 * HOUR
    (row,) = timelines.rows(query("downtime", filters={"site": ("B",)}), [reports, answers(0)])
    assert row["value"] == 4 * HOUR


def test_no_downtime_is_none_and_no_answer_is_unknown() -> None:
    assert timelines.rows(query("downtime"), [[], answers(0)]) == [{"value": 0.0}]
    assert timelines.rows(query("downtime"), [[], []]) == [{"value": None}]


def test_a_range_that_is_too_long_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="92 days at most, found 100"):
        timelines.questions(query("site_availability", 2400))
