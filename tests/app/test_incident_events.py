"""Incidents as events: one that began is one in every store, whatever becomes of it; what is open is its last report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from lakescope.alerts.book import IncidentRecord
from lakescope.alerts.model import Acknowledgement
from lakescope.app.incident_events import events_of
from lakescope.app.query import ask
from lakescope.core.events import IncidentReport
from lakescope.kpis import CATALOGUE
from lakescope.kpis.model import Query
from tests.app._searched import Store

NOON = 1_767_614_400.0  # 2026-01-05T12:00:00Z
OPENED = IncidentRecord(
    id="I1",
    culprit="destination PIC",
    patterns=((("dst_site", "PIC"),),),
    severity="ticket",
    owner="site",
    began=NOON,
    opened=NOON + 600,
    attempts=100,
    failures=90,
    expected=3.26,
    error_class="network",
)
GROWN = replace(OPENED, severity="page", attempts=300, patterns=((("site", "PIC"),),), culprit="site PIC")
ENDED = replace(GROWN, ended=NOON + 3600)
ROUNDS = ((OPENED, 600), (OPENED, 900), (GROWN, 1200), (ENDED, 3600))


def life() -> list[list[IncidentReport]]:
    """Its events, round by round."""
    return [[*events_of([record], NOON + seconds)] for record, seconds in ROUNDS]


def answer(sink: Any, kpi: str, since: float, until: float, *by: str) -> list[dict[str, Any]]:
    begin, end = (datetime.fromtimestamp(NOON + seconds, UTC) for seconds in (since, until))
    return [dict(row) for row in ask(Query(kpi=CATALOGUE[kpi], since=begin, until=end, by=by), sink)]


def test_its_beginning_is_one_in_every_store(store: Store) -> None:
    for events in life():
        sink = store(events)
    assert answer(sink, "incidents_began", -600, 7200, "severity") == [{"severity": "ticket", "value": 1}]
    assert answer(sink, "incidents_began", -600, 7200, "dst_site") == [{"dst_site": "PIC", "value": 1}]


@pytest.mark.parametrize(("until", "wanted"), [(1000, 1), (7200, None)])
def test_it_is_open_until_its_last_report_says_it_ended(store: Store, until: int, wanted: int | None) -> None:
    for events in life():
        sink = store(events)
    assert answer(sink, "incidents_open", -600, until) == [{"value": wanted}]


def test_each_event_has_an_id_and_its_place_only_where_there_is_one() -> None:
    events = [event for round_ in life() for event in round_]
    assert [event.event for event in events] == ["began", *["reported"] * 4]
    assert len({event.id for event in events}) == 5
    assert [event.id for event in events] == [event.id for round_ in life() for event in round_]
    began, *_, last = events
    assert (began.time, began.state, began.dst_site) == ("2026-01-05T12:00:00Z", "open", "PIC")
    assert (last.state, last.site, last.dst_site, last.ended) == (
        "ended",
        "PIC",
        None,
        "2026-01-05T13:00:00Z",
    )
    assert began.notified is last.notified is last.acknowledged is None
    links = tuple((("link", f"{source} -> PIC"),) for source in "AB")
    (link,) = events_of([replace(OPENED, patterns=links[:1])], NOON + 900)
    (several,) = events_of([replace(OPENED, patterns=links)], NOON + 900)
    assert (link.src_site, link.dst_site) == ("A", "PIC")
    assert (several.src_site, several.dst_site) == (None, None)


def test_who_reacted_when_and_no_name() -> None:
    known = replace(OPENED, acknowledged=Acknowledgement(by="Jane Doe", at=NOON + 1200, note="mine"))
    (event,) = events_of([known], NOON + 1500, {"I1": NOON + 660, "I2": NOON})
    assert (event.notified, event.acknowledged) == ("2026-01-05T12:11:00Z", "2026-01-05T12:20:00Z")
    assert "Jane" not in repr(event) and "mine" not in repr(event)
