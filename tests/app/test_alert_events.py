"""Alerts as events: each step once, at its time; what was a page, was answered and was false is the same in every store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from lakescope.alerts.model import Acknowledgement, Alert, Notification, Severity
from lakescope.alerts.routing import Delivery, Receipts
from lakescope.app.alert_events import events_of
from lakescope.app.query import ask
from lakescope.core.events import AlertChange
from lakescope.kpis import CATALOGUE
from lakescope.kpis.model import Query
from tests.app._searched import Store

NOON = 1_767_614_400.0  # 2026-01-05T12:00:00Z


def alert(rule: str, severity: Severity = "page", **fields: Any) -> Alert:
    labels = {"rule": rule, "severity": severity, "owner": "storage", "rse": f"{rule}-RSE"}
    return Alert(
        rule=rule,
        labels=labels,
        annotations={"summary": f"{rule} is wrong"},
        severity=severity,
        began=NOON,
        opened=NOON + 300,
        **fields,
    )


def taken(*deliveries: tuple[str, Alert, float]) -> Receipts:
    receipts = Receipts()
    for receiver, one, seconds in deliveries:
        receipts.note(Delivery(receiver, Notification(event="opened", alert=one, at=NOON + seconds)))
    return receipts


def steps(events: list[AlertChange]) -> list[tuple[str, str, str, float | None]]:
    return [(one.event, one.severity, one.time[11:19], one.elapsed_s) for one in events]


def test_each_step_is_at_its_time_and_a_ticket_that_became_a_page_is_both() -> None:
    ticket = alert("full", "ticket")
    page = replace(ticket, severity="page")
    receipts = taken(("mail", ticket, 320), ("chat", ticket, 310), ("mail", page, 900), ("mail", page, 2000))
    answer = Acknowledgement(by="Ada", at=NOON + 1500, false_alarm=True)
    events = [*events_of([replace(page, acknowledged=answer, ended=NOON + 3600)], receipts)]
    assert steps(events) == [
        ("opened", "page", "12:05:00", 300.0),
        ("notified", "ticket", "12:05:10", 310.0),
        ("notified", "page", "12:15:00", 900.0),
        ("acknowledged", "page", "12:25:00", 600.0),
        ("false_alarm", "page", "12:25:00", 600.0),
        ("ended", "page", "13:00:00", 3600.0),
    ]
    assert len({one.id for one in events}) == len(events)
    assert {(one.rule, one.rse, one.incident, one.owner) for one in events} == {
        ("full", "full-RSE", None, "storage")
    }


def test_a_step_keeps_its_id_when_others_follow() -> None:
    one = alert("full")
    first = [*events_of([one], taken(("mail", one, 310)))]
    one.severity, one.ended = "page", NOON + 900
    then = [*events_of([one], taken(("mail", one, 310), ("mail", one, 600)))]
    assert [each.event for each in then] == ["opened", "notified", "ended"]
    assert then[:2] == first


def test_an_incident_is_at_its_culprit_and_nowhere_where_there_are_several() -> None:
    def places(*culprits: tuple[str, str]) -> tuple[str | None, ...]:
        labels = {"rule": "incident", "severity": "page", "owner": "site", "incident": "I1"}
        (event,) = events_of([replace(alert("incident"), labels=labels, culprits=culprits)], Receipts())
        assert event.incident == "I1"
        return event.src_site, event.dst_site

    assert places(("dst_site", "PIC")) == (None, "PIC")
    assert places(("link", "A -> B")) == ("A", "B")
    assert places(("dst_site", "PIC"), ("dst_site", "SARA")) == (None, None)
    assert places(("link", "A -> B"), ("link", "C -> B")) == (None, "B")


def test_pages_are_counted_alike_in_every_store(store: Store) -> None:
    """Four pages, one of them muted and one false, and a ticket."""
    other = alert("e")
    called, muted, false, ticket = (
        alert("a"),
        alert("b", muted_by="downtime"),
        alert("c"),
        alert("d", "ticket"),
    )
    called.acknowledged = Acknowledgement(by="Ada", at=NOON + 1000)
    false.acknowledged = Acknowledgement(by="Ada", at=NOON + 1600, false_alarm=True)
    ticket.acknowledged = false.acknowledged
    called.ended = NOON + 7200
    receipts = taken(("mail", called, 400), ("mail", false, 600), ("mail", ticket, 700), ("mail", other, 500))
    sink = store([*events_of([called, muted, false, ticket, other], receipts)])

    def answer(kpi: str, *by: str) -> list[dict[str, Any]]:
        begin, end = (datetime.fromtimestamp(NOON + seconds, UTC) for seconds in (-600, 9000))
        return [dict(row) for row in ask(Query(kpi=CATALOGUE[kpi], since=begin, until=end, by=by), sink)]

    assert answer("alerts_opened", "severity") == [
        {"severity": "page", "value": 4},
        {"severity": "ticket", "value": 1},
    ]
    assert answer("pages_sent") == [{"value": 3}]
    assert answer("pages_acknowledged") == [{"value": 2}]
    assert answer("pages_false", "rule") == [{"rule": "c", "value": 1}]
    assert answer("time_to_page_p50") == [{"value": 500.0}]
    assert answer("time_to_acknowledge_p50", "rule")[0] == {"rule": "a", "value": 600.0}
    assert answer("time_to_resolve_p50") == [{"value": 7200.0}]
