"""Rounds in an instance: one notification at opening and one at the end, through kills, outages and downtimes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from lakescope.alerts.heartbeat import Heartbeat, HeartbeatOptions
from lakescope.alerts.model import Acknowledgement, Notification, Rule, Silence, Threshold, Volume
from lakescope.alerts.objectives import Objective, rules_of
from lakescope.alerts.prometheus.gauges import STATE, STATES
from lakescope.alerts.routing import Subscription
from lakescope.app.gauges import AlertGauges
from lakescope.app.pseudonyms import Pseudonyms
from lakescope.app.rounds import Notifying, Rounds
from lakescope.core.contracts import TransientError
from lakescope.core.events import Downtime, Event, Poll
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from tests.alerts.test_delivery import Listener
from tests.app._searched import transfer
from tests.contract._http import Answer, HttpServer

NOON = 1_767_614_400.0  # 2026-01-05T12:00:00Z
RULE = Rule(
    name="efficiency",
    title="Transfers fail",
    kpi="transfer_efficiency",
    condition=Threshold(below=0.2),
    window_s=1800,
    keep_s=0,
    by=("dst_site",),
    summary="{dst_site}: {value} in {window}",
    description="",
    is_incident=True,
)


class Pager(Listener):
    """What it was sent: event, and the place or the culprit."""

    def send(self, notifications: Sequence[Notification]) -> None:
        if self.fault is not None:
            raise self.fault
        self.sent += [
            [one.event, one.alert.labels.get("dst_site") or one.alert.annotations["culprit"]]
            for one in notifications
        ]


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[DuckdbSink]:
    made = DuckdbSink("duck", DuckdbOptions(), tmp_path)
    list(made.setup())
    yield made
    made.close()


def write(sink: DuckdbSink, events: Sequence[Event]) -> None:
    outcome = sink.write(sink.encode(events, [msgspec.json.encode(one) for one in events]))
    assert not (outcome.retry or outcome.rejected)


def text(minute: float) -> str:
    return msgspec.json.decode(msgspec.json.encode(_moment(minute)), type=str)


def _moment(minute: float) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(NOON + 60 * minute, UTC)


def traffic(begin: int, end: int, broken: str | None = None) -> list[Event]:
    """Each minute a transfer between each two of four sites; all to `broken` fail."""
    sites = "ABCD"
    return [
        transfer(
            "failed" if destination == broken else "done",
            text(minute + number / 20),
            src_site=source,
            dst_site=destination,
            src_rse=source,
            dst_rse=destination,
            error_template="DESTINATION No route to host" if destination == broken else None,
        )
        for minute in range(begin, end)
        for number, (source, destination) in enumerate((s, d) for s in sites for d in sites if s != d)
    ]


def run(rounds: Rounds, begin: int, end: int) -> None:
    """Rounds of five minutes, each with its ticks."""
    for minute in range(begin, end + 1, 5):
        rounds.round(NOON + 60 * minute)
        rounds.notify(NOON + 60 * minute + 1)


def make(tmp_path: Path, sink: DuckdbSink, pager: Pager, *rules: Rule, **options: Any) -> Rounds:
    rules_by_name = {one.name: one for one in rules}
    return Rounds(rules_by_name, sink, tmp_path, Notifying({"pager": pager}), **options)


def test_one_rule_opens_and_ends_once_through_kills(tmp_path: Path, sink: DuckdbSink) -> None:
    plain = replace(RULE, is_incident=False)
    write(sink, [*traffic(0, 20, broken="B"), *traffic(20, 120)])
    pager = Pager()
    for minute in range(5, 120, 5):  # each round in a process of its own
        run(make(tmp_path, sink, pager, plain), minute, minute)
    assert pager.sent == [["opened", "B"], ["resolved", "B"]]


def test_an_incident_is_found_and_its_rules_are_silent(tmp_path: Path, sink: DuckdbSink) -> None:
    write(sink, [*traffic(-600, 0), *traffic(0, 60, broken="B"), *traffic(60, 180)])
    pager = Pager()
    rounds = make(tmp_path, sink, pager, replace(RULE, for_s=1800))
    run(rounds, 0, 180)
    assert pager.sent == [["opened", "destination B"], ["resolved", "destination B"]]
    (record,) = rounds.records.incidents(0)
    assert record.patterns == ((("dst_site", "B"),),) or record.culprit == "destination B"
    assert (record.severity, record.began, record.ended) == ("page", NOON, NOON + 3600)


def test_an_objective_that_burns_for_an_incident_is_no_page_beside_it(
    tmp_path: Path, sink: DuckdbSink
) -> None:
    """B is down; to D users' own errors are many, which are no incident. Prometheus is shown the same.

    Of the stricter objective, the budget is used up before the search is certain.
    """
    to_b = [one for one in traffic(0, 60, broken="B") if one.dst_site != "D"]
    to_d = [one for one in traffic(0, 60, broken="D") if one.dst_site == "D"]
    for one in to_d:
        one.error_template = "DESTINATION Destination file exists and overwrite is not enabled"
    write(sink, [*traffic(-500, 0), *to_b, *to_d, *traffic(60, 115)])
    rules = [
        replace(rule, volume=Volume("transfers_ended", 15))
        for name, target in (("usual", 0.98), ("strict", 0.999))
        for rule in rules_of(
            Objective(name=name, kpi="transfer_efficiency", target=target, by=["dst_site"]), "objective.md"
        )
        if rule.severity == "page"
    ]
    pager = Pager()
    rounds = make(tmp_path, sink, pager, *rules)
    firing = set()
    for minute in range(0, 115, 5):
        run(rounds, minute, minute)
        (states,) = (one for one in AlertGauges(rounds, Pseudonyms(tmp_path)).collect() if one.name == STATE)
        firing |= {one.labels["dst_site"] for one in states.samples if one.value >= STATES["firing"]}
    # to D each objective is one page: its slower rule is muted until both have ended
    assert sorted(place for event, place in pager.sent if event == "opened") == ["D", "D", "destination B"]
    assert sorted(place for event, place in pager.sent if event == "resolved") == ["D", "D", "destination B"]
    assert firing == {"D"}


def test_its_reports_say_when_people_were_notified_and_answered(tmp_path: Path, sink: DuckdbSink) -> None:
    write(sink, [*traffic(-600, 0), *traffic(0, 60, broken="B"), *traffic(60, 120)])
    events: list[Any] = []
    rounds = make(tmp_path, sink, Pager(), store=events.extend)
    rounds.is_holder = True
    run(rounds, 0, 40)
    (record,) = rounds.records.incidents(0)
    rounds.acknowledge(record.id, Acknowledgement(by="jdoe", at=NOON + 2460))
    run(rounds, 45, 120)
    first, *_, last = [one for one in events if one.dataset == "incidents" and one.event == "reported"]
    assert (first.notified, first.acknowledged) == (None, None)
    assert (last.state, last.acknowledged) == ("ended", text(41))
    assert last.notified == text((record.opened + 1 - NOON) / 60)


@pytest.mark.parametrize("is_holder", [True, False])
def test_what_happens_to_alerts_is_stored_once_through_kills_by_who_notifies(
    tmp_path: Path, sink: DuckdbSink, is_holder: bool
) -> None:
    write(sink, [*traffic(-600, 0), *traffic(0, 60, broken="B"), *traffic(60, 160)])
    plain = replace(RULE, is_incident=False)
    events: list[Any] = []
    pager = Pager()
    for minute in range(0, 155, 5):  # a kill after each round
        rounds = make(tmp_path, sink, pager, plain, store=events.extend)
        rounds.is_holder = is_holder
        run(rounds, minute, minute)
        if minute == 50:
            for alert in rounds.alerts():
                answer = Acknowledgement(by="Ada", at=NOON + 3010, false_alarm=alert.rule == plain.name)
                rounds.acknowledge(alert.key, answer)
    changes = [one for one in events if one.dataset == "alerts"]
    steps = ["opened", "notified", "acknowledged", "ended"]
    by_rule = {rule: [one.event for one in changes if one.rule == rule] for rule in ("incident", plain.name)}
    assert by_rule == (
        {"incident": steps, plain.name: [*steps[:3], "false_alarm", "ended"]}
        if is_holder
        else {"incident": [], plain.name: []}
    )
    assert {one.dst_site for one in changes} == ({"B"} if is_holder else set())
    assert {one.event: one.time for one in changes if one.rule == plain.name}.get("acknowledged") == (
        text(3010 / 60) if is_holder else None
    )


def test_what_ended_while_nobody_looked_is_listed_and_not_paged(tmp_path: Path, sink: DuckdbSink) -> None:
    write(sink, [*traffic(-600, 0), *traffic(0, 60, broken="B"), *traffic(60, 240)])
    pager = Pager()
    rounds = make(tmp_path, sink, pager)
    run(rounds, 240, 240)
    assert len(rounds.records.incidents(0)) == 1
    assert pager.sent == []


def test_what_ended_during_a_restart_is_resolved(tmp_path: Path, sink: DuckdbSink) -> None:
    write(sink, [*traffic(-600, 0), *traffic(0, 60, broken="B"), *traffic(60, 240)])
    pager = Pager()
    run(make(tmp_path, sink, pager), 0, 40)
    run(make(tmp_path, sink, pager), 240, 240)
    assert pager.sent == [["opened", "destination B"], ["resolved", "destination B"]]


def outage(**fields: Any) -> list[Event]:
    """A downtime of an hour from noon on, in the portal's answer of a quarter past eleven."""
    common = {"time": text(-45), "source": "gocdb", "collector": "downtimes"}
    poll = Poll(id="0" * 32, scope="url", kind="downtimes", count=1, complete=True, interval_s=7200, **common)
    downtime = Downtime(
        id="1" * 32,
        event="reported",
        downtime_id="7",
        state="planned",
        severity="outage",
        started=text(0),
        ended=text(60),
        description="new switches",
        poll="url",
        **common,
        **fields,
    )
    return [poll, downtime]


def test_a_downtime_mutes_what_it_announces(tmp_path: Path, sink: DuckdbSink) -> None:
    write(sink, [*traffic(0, 45, broken="B"), *traffic(45, 60), *traffic(60, 100, broken="B")])
    write(sink, outage(site="B"))
    pager = Pager()
    rounds = make(tmp_path, sink, pager, replace(RULE, is_incident=False))
    run(rounds, 30, 45)
    (alert,) = rounds.alerts()
    assert alert.muted_by == "downtime of B until 2026-01-05T13:00:00Z: new switches"
    assert pager.sent == []
    run(rounds, 50, 100)
    assert pager.sent == [["opened", "B"]]


def test_a_silenced_incident_is_not_notified(tmp_path: Path, sink: DuckdbSink) -> None:
    write(sink, [*traffic(-600, 0), *traffic(0, 60, broken="B"), *traffic(60, 100)])
    pager = Pager()
    pager.fault = TransientError("away")
    rounds = make(tmp_path, sink, pager)
    run(rounds, 0, 30)
    assert rounds.faults == {"pager": "away"}
    (record,) = rounds.records.incidents(0)
    silence = Silence(by="Ada", until=NOON + 2700, reason="we know")
    rounds.records.silence(record.id, silence)
    pager.fault = None
    run(make(tmp_path, sink, pager), 35, 40)  # over a restart, too
    assert pager.sent == []
    run(make(tmp_path, sink, pager), 45, 55)
    assert pager.sent == [["opened", "destination B"]]


def test_a_rule_s_alert_is_silenced_and_acknowledged_over_restarts(tmp_path: Path, sink: DuckdbSink) -> None:
    write(sink, traffic(0, 160, broken="B"))
    plain = replace(RULE, is_incident=False)
    oncall, lead = Pager(), Pager()
    escalating = Subscription(receivers=["oncall"], escalate_after_s=1800, escalate_to=["lead"])

    def instance() -> Rounds:
        receivers = {"oncall": oncall, "lead": lead}
        return Rounds({plain.name: plain}, sink, tmp_path, Notifying(receivers, {"s": escalating}))

    rounds = instance()
    run(rounds, 20, 20)
    (alert,) = rounds.alerts()
    rounds.silence(alert.key, Silence(by="Ada", until=NOON + 3600, reason="we know"))
    run(instance(), 25, 55)
    assert (oncall.sent, lead.sent) == ([["opened", "B"]], [])
    run(instance(), 60, 65)
    assert oncall.sent == [["opened", "B"], ["reminded", "B"]]
    rounds = instance()
    rounds.acknowledge(alert.key, Acknowledgement(by="Ada", at=NOON + 3900, note="disk"))
    run(instance(), 70, 100)
    assert lead.sent == []
    with pytest.raises(KeyError):
        rounds.silence("unknown", None)
    rounds = instance()
    rounds.round(NOON + 6300)
    assert [one.acknowledged.note for one in rounds.alerts() if one.acknowledged] == ["disk"]


def test_an_incident_is_acknowledged_by_its_id_or_its_alert_s_key(tmp_path: Path, sink: DuckdbSink) -> None:
    write(sink, [*traffic(-600, 0), *traffic(0, 30, broken="B")])
    rounds = make(tmp_path, sink, Pager())
    run(rounds, 0, 30)
    (alert,) = rounds.alerts()
    id = alert.labels["incident"]
    rounds.acknowledge(id, Acknowledgement(by="Ada", at=NOON))
    rounds.silence(alert.key, Silence(by="Bob", until=NOON + 3600, reason="we know"))
    record = rounds.records.incident(id)
    assert record is not None and record.acknowledged is not None and record.silence is not None
    assert (record.acknowledged.by, record.silence.by) == ("Ada", "Bob")


def test_a_cause_mutes_what_follows_and_what_is_left_is_notified_at_its_end(
    tmp_path: Path, sink: DuckdbSink
) -> None:
    """All to B fails, so that its links are muted, then only that from A."""
    site = replace(RULE, name="to_site", is_incident=False, window_s=600)
    link = replace(site, name="link", by=("src_site", "dst_site"), summary="{src_site} to {dst_site}")
    to_b = traffic(0, 60, broken="B")
    from_a = [one for one in traffic(60, 90, broken="B") if one.src_site == "A"]
    rest = [one for one in traffic(60, 90) if (one.src_site, one.dst_site) != ("A", "B")]
    write(sink, [*to_b, *from_a, *rest])
    pager = Pager()
    rounds = make(tmp_path, sink, pager, site, link)
    run(rounds, 5, 60)
    muted = {one.labels.get("src_site"): one.muted_by for one in rounds.alerts()}
    assert muted == {None: None} | dict.fromkeys("ACD", "to_site: B: 0 % in 10 min")
    run(rounds, 65, 90)
    assert sorted(pager.sent) == [["opened", "B"], ["opened", "B"], ["resolved", "B"]]
    (alert,) = [one for one in rounds.alerts() if one.ended is None]
    assert (alert.labels["src_site"], alert.muted_by) == ("A", None)


def test_a_dead_man_s_switch_hears_once_a_round_while_the_store_answers(
    tmp_path: Path, sink: DuckdbSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, stop = NOON, threading.Event()
    with HttpServer(lambda request: Answer(200, b"OK")) as switch:
        beat = Heartbeat(HeartbeatOptions(url=SecretStr(f"{switch.url}/ping/secret-token")))
        rounds = Rounds({}, sink, tmp_path, Notifying(beat=beat), clock=lambda: clock)
        for minute in range(11):
            clock = NOON + 60 * minute
            rounds(stop)
        assert [(one.method, one.target) for one in switch.requests] == [("GET", "/ping/secret-token")] * 3
        switch.order([503, "hang up"])
        for minute in (15, 16):
            clock = NOON + 60 * minute
            with pytest.raises(RuntimeError, match="heartbeat: ") as caught:
                rounds(stop)
            assert "secret-token" not in str(caught.value)
        clock += 60
        assert rounds(stop).startswith("0 rules")
        assert len(switch.requests) == 6

        def away(*_: object) -> None:
            raise TransientError("connection refused")

        monkeypatch.setattr(sink, "answer", away)
        clock = NOON + 1200
        with pytest.raises(RuntimeError, match="the store does not answer"):
            rounds(stop)
        assert len(switch.requests) == 6


def test_of_two_instances_one_notifies_and_the_other_takes_over(tmp_path: Path, sink: DuckdbSink) -> None:
    write(sink, [*traffic(0, 20), *traffic(20, 60, broken="B"), *traffic(60, 120)])
    plain = replace(RULE, is_incident=False)
    clock, beats = NOON, list[str]()

    def instance(name: str) -> tuple[Pager, Rounds]:
        (tmp_path / name).mkdir()
        pager = Pager()
        notifying = Notifying({"pager": pager}, beat=lambda: beats.append(name))
        made = Rounds(
            {plain.name: plain},
            sink,
            tmp_path / name,
            notifying,
            store=lambda events: write(sink, events),
            clock=lambda: clock,
        )
        return pager, made

    first, one = instance("one")
    second, other = instance("other")
    lives = [one]
    for minute in range(120):
        clock = NOON + 60 * minute
        if minute == 1:
            lives.append(other)
        if minute == 52:
            lives.remove(one)  # it is killed while its alert is open
        said = [rounds(threading.Event()) for rounds in lives]
        if 1 < minute < 52:
            assert [text.startswith("another instance") for text in said] == [False, True]
    assert first.sent == [["opened", "B"]]
    assert second.sent == [["resolved", "B"]]
    assert beats == ["one"] * 11 + ["other"] * 13
