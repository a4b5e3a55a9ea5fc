"""Who is told what, and when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from lakescope.alerts.model import Acknowledgement, Alert, Silence
from lakescope.alerts.routing import Receipts, Subscription, batches, due, fits, is_settled

MINUTE = 60.0
HOUR = 3600.0


def at(text: str) -> float:
    """A Monday's time, or the given day's, in UTC."""
    day, _, clock = text.rpartition(" ")
    return datetime.fromisoformat(f"{day or '2026-01-05'}T{clock}").replace(tzinfo=UTC).timestamp()


def alert(*, opened: str = "12:00", severity: Any = "page", culprits: Any = (), **labels: str) -> Alert:
    rule = labels.pop("rule", "storage_full")
    begin = at(opened)
    return Alert(
        rule=rule,
        labels={"rule": rule, "severity": severity, "owner": "site", **labels},
        annotations={"summary": "the disk is full"},
        culprits=culprits,
        severity=severity,
        began=begin - 600,
        opened=begin,
    )


class Days:
    """Alerts and subscriptions under a clock; all that is due is delivered."""

    def __init__(
        self, alerts: list[Alert], keep_state: dict[str, float] | None = None, **subscriptions: Subscription
    ):
        self.alerts = alerts
        self.subscriptions = subscriptions
        self.keep_state = keep_state
        self.receipts = Receipts()

    def __call__(self, text: str, *, away: str = "") -> list[str]:
        """``receiver event`` of all that is due at a time; receivers that are `away` take nothing."""
        deliveries = due(self.alerts, self.receipts, self.subscriptions, at(text), keep_state=self.keep_state)
        delivered = [one for one in deliveries if one.receiver != away]
        for one in delivered:
            self.receipts.note(one)
        self.receipts = msgspec.convert(msgspec.to_builtins(self.receipts), Receipts)  # as after a restart
        return [f"{one.receiver} {one.notification.event}" for one in delivered]


def test_one_notification_at_opening_one_when_raised_one_at_the_end() -> None:
    one = alert(severity="ticket")
    rounds = Days([one], ops=Subscription(receivers=["chat"]), all=Subscription(receivers=["chat", "mail"]))
    assert rounds("12:00") == ["chat opened", "mail opened"]
    assert rounds("12:05") == []
    one.severity = one.labels["severity"] = "page"  # type: ignore[assignment]
    assert rounds("12:10") == ["chat raised", "mail raised"]
    assert rounds("12:15") == []
    one.ended = at("12:20")
    assert rounds("12:20") == ["chat resolved", "mail resolved"]
    assert rounds("12:25") == []
    assert is_settled(one, rounds.receipts, rounds.subscriptions, at("12:25"))


def test_a_receiver_that_was_away_is_told_all_in_its_order() -> None:
    one = alert()
    rounds = Days([one], all=Subscription(receivers=["chat", "mail"]))
    assert rounds("12:00", away="chat") == ["mail opened"]
    one.ended = at("12:05")
    assert rounds("12:05", away="chat") == ["mail resolved"]
    assert not is_settled(one, rounds.receipts, rounds.subscriptions, at("12:05"))
    assert rounds("12:10") == ["chat opened", "chat resolved"]
    assert is_settled(one, rounds.receipts, rounds.subscriptions, at("12:10"))


def test_what_is_muted_opens_for_nobody_and_ends_for_those_who_knew() -> None:
    known, unknown = alert(site="A"), alert(site="B")
    unknown.muted_by = "downtime of B"
    rounds = Days([known, unknown], all=Subscription(receivers=["chat"]))
    assert rounds("12:00") == ["chat opened"]
    known.muted_by = "downtime of A"
    known.severity = "page"
    assert rounds("12:05") == []
    known.ended = unknown.ended = at("12:10")
    assert rounds("12:10") == ["chat resolved"]
    assert is_settled(unknown, rounds.receipts, rounds.subscriptions, at("12:10"))


def test_a_mute_that_ends_lets_the_alert_open() -> None:
    one = alert()
    one.muted_by = "downtime"
    rounds = Days([one], all=Subscription(receivers=["chat"]))
    assert rounds("12:00") == []
    one.muted_by = None
    assert rounds("13:00") == ["chat opened"]


@pytest.mark.parametrize(
    ("filters", "labels", "is_told"),
    [
        ({}, {}, True),
        ({"sites": ["A"]}, {"site": "A"}, True),
        ({"sites": ["A"]}, {"site": "AB"}, False),
        ({"sites": ["A*"]}, {"site": "AB"}, True),
        ({"sites": ["a"]}, {"site": "A"}, False),
        ({"sites": ["A"]}, {}, False),
        ({"sites": ["A"]}, {"src_site": "B", "dst_site": "A"}, True),
        ({"sites": ["A"]}, {"src_site": "B", "dst_site": "C"}, False),
        # an incident is its culprit's, and not of the partners that it struck
        ({"sites": ["A"]}, {"incident": "i1", "culprits": [("src_site", "A")]}, True),
        ({"sites": ["A"]}, {"incident": "i1", "culprits": [("src_site", "B"), ("protocol", "davs")]}, False),
        ({"sites": ["A"]}, {"incident": "i1", "culprits": [("src_site", "B"), ("dst_site", "A")]}, True),
        ({"sites": ["A"]}, {"incident": "i1", "culprits": [("link", "B -> A")]}, True),
        ({"sites": ["A"]}, {"incident": "i1", "culprits": [("link", "B -> C"), ("link", "B -> A")]}, True),
        ({"sites": ["A"]}, {"incident": "i1", "culprits": [("links", "B <-> C")]}, False),
        ({"sites": ["A"]}, {"incident": "i1", "culprits": []}, False),
        ({"rses": ["A_DISK"]}, {"incident": "i1", "culprits": [("rse", "A_DISK")]}, True),
        ({"rses": ["A_*"]}, {"dst_rse": "A_TAPE"}, True),
        ({"vos": ["escape"]}, {"vo": "escape"}, True),
        ({"vos": ["escape"]}, {"vo": "cms"}, False),
        ({"activities": ["Prod*"]}, {"activity": "Production Output"}, True),
        ({"rules": ["storage_*"]}, {}, True),
        ({"rules": ["network_*"]}, {}, False),
        ({"severities": ["ticket"]}, {}, False),
        ({"owners": ["site", "network"]}, {}, True),
        ({"owners": ["network"]}, {}, False),
        ({"sites": ["A"], "rules": ["network_*"]}, {"site": "A"}, False),  # every filter
    ],
)
def test_filters(filters: dict[str, Any], labels: dict[str, Any], is_told: bool) -> None:
    assert fits(Subscription(receivers=["x"], **filters), alert(**labels)) == is_told


def test_a_culprit_that_changes_reaches_the_new_site_and_is_no_second_page_to_the_others() -> None:
    one = alert(incident="i1", culprits=[("link", "A -> B")])
    rounds = Days(
        [one],
        a=Subscription(receivers=["a"], sites=["A"]),
        c=Subscription(receivers=["c"], sites=["C"]),
        all=Subscription(receivers=["ops"]),
    )
    assert rounds("12:00") == ["a opened", "ops opened"]
    one.culprits = (("src_site", "C"),)
    assert rounds("12:05") == ["c opened"]
    one.ended = at("12:10")
    assert rounds("12:10") == ["a resolved", "c resolved", "ops resolved"]


@pytest.mark.parametrize(
    ("opened", "asked", "zone", "told"),
    [
        ("12:00", "12:00", "UTC", ["mail opened"]),
        ("21:59", "21:59", "UTC", ["mail opened"]),
        ("22:00", "22:00", "UTC", []),
        ("22:00", "2026-01-06 06:59", "UTC", []),
        ("22:00", "2026-01-06 07:00", "UTC", ["mail opened"]),
        ("21:30", "21:30", "Europe/Zurich", []),
        ("2026-07-06 20:30", "2026-07-06 20:30", "Europe/Zurich", []),  # summer: two hours
        ("2026-07-06 19:30", "2026-07-06 19:30", "Europe/Zurich", ["mail opened"]),
        ("2026-01-10 12:00", "2026-01-10 12:00", "UTC", []),  # a Saturday
        ("2026-01-10 12:00", "2026-01-12 06:00", "UTC", []),
        ("2026-01-10 12:00", "2026-01-12 07:00", "UTC", ["mail opened"]),
    ],
)
def test_quiet_hours_of_tickets(opened: str, asked: str, zone: str, told: list[str]) -> None:
    quiet = Subscription(
        receivers=["mail"], quiet_hours="22:00-07:00", quiet_days=["sat", "sun"], timezone=zone
    )
    assert Days([alert(opened=opened, severity="ticket")], q=quiet)(asked) == told
    assert Days([alert(opened=opened, severity="page")], q=quiet)(asked) == ["mail opened"]


def test_a_ticket_that_ends_in_quiet_hours_is_not_told_and_a_known_one_ends_after_them() -> None:
    night, evening = (
        alert(opened="23:00", severity="ticket", site="A"),
        alert(opened="21:00", severity="ticket", site="B"),
    )
    rounds = Days([night, evening], q=Subscription(receivers=["mail"], quiet_hours="22:00-07:00"))
    assert rounds("23:00") == []  # Lakescope was away at 21:00: not at night either
    night.ended = evening.ended = at("2026-01-06 01:00")
    assert rounds("2026-01-06 01:00") == []
    assert rounds("2026-01-06 07:00") == ["mail opened", "mail resolved"]
    assert rounds("2026-01-06 08:00") == []


def test_a_daily_digest_has_the_tickets_and_leaves_the_pages_alone() -> None:
    ended, still, muted, page = (
        alert(opened="09:00", severity="ticket", site="A"),
        alert(opened="10:00", severity="ticket", site="B"),
        alert(opened="11:00", severity="ticket", site="C"),
        alert(opened="12:00", severity="page", site="D"),
    )
    ended.ended = at("09:30")
    muted.muted_by = "downtime"
    rounds = Days(
        [ended, still, muted, page],
        d=Subscription(receivers=["mail"], digest="08:00", timezone="Europe/Zurich"),
    )
    assert rounds("12:00") == ["mail opened"]
    assert rounds("2026-01-06 06:59") == []
    assert rounds("2026-01-06 07:00", away="mail") == []
    assert rounds("2026-01-06 07:30") == ["mail digest"] * 3
    assert rounds("2026-01-06 08:00") == []
    assert rounds("2026-01-07 07:00") == ["mail digest"] * 2  # what ended was told


def test_a_digest_is_one_batch_and_has_the_time_of_its_day() -> None:
    tickets = [alert(opened="09:00", severity="ticket", site=site) for site in "AB"]
    subscriptions = {
        "d": Subscription(receivers=["mail"], digest="08:00"),
        "p": Subscription(receivers=["chat", "am"]),
    }
    deliveries = due(tickets, Receipts(), subscriptions, at("2026-01-06 08:20"))
    sizes = [(batch[0].receiver, len(batch)) for batch in batches(deliveries, {"am"})]
    assert sorted(sizes) == [("am", 2), ("chat", 1), ("chat", 1), ("mail", 2)]
    assert {one.notification.at for one in deliveries if one.receiver == "mail"} == {at("2026-01-06 08:00")}


def test_escalation_after_a_time_without_an_acknowledge() -> None:
    ignored, taken, ended = (alert(site=site) for site in "ABC")
    taken.acknowledged = Acknowledgement(by="Ada", at=0.0)
    rounds = Days(
        [ignored, taken, ended],
        s=Subscription(receivers=["oncall"], escalate_after_s=1800, escalate_to=["lead"]),
    )
    assert rounds("12:00") == ["oncall opened"] * 3
    ended.ended = at("12:20")
    assert rounds("12:29") == ["oncall resolved"]
    assert rounds("12:30") == ["lead escalated"]
    assert rounds("13:30") == []
    ignored.ended = at("14:00")
    assert rounds("14:00") == ["lead resolved", "oncall resolved"]


def test_escalation_to_the_same_receiver_is_told_again_once() -> None:
    rounds = Days(
        [alert()], s=Subscription(receivers=["oncall"], escalate_after_s=1800, escalate_to=["oncall"])
    )
    assert [rounds(clock) for clock in ("12:00", "12:30", "13:00")] == [
        ["oncall opened"],
        ["oncall escalated"],
        [],
    ]


def test_after_a_silence_whoever_was_notified_is_reminded_and_the_rest_hear_of_it() -> None:
    known, new, over = (alert(site=site) for site in "ABC")
    rounds = Days(
        [known, over],
        s=Subscription(receivers=["oncall"], escalate_after_s=1800, escalate_to=["lead"]),
    )
    assert rounds("12:00") == ["oncall opened"] * 2
    rounds.alerts.append(new)
    for one in (known, new, over):
        one.silence = Silence(by="Ada", until=at("14:00"), reason="we know")
        one.muted_by = str(one.silence)
    over.ended = at("13:00")
    assert rounds("13:59") == ["oncall resolved"]
    known.muted_by = new.muted_by = None
    assert sorted(rounds("14:00")) == ["oncall opened", "oncall reminded"]
    assert rounds("14:29") == []
    assert rounds("14:30") == ["lead escalated"] * 2


def test_receivers_that_keep_a_state_hear_of_open_alerts_again_and_again() -> None:
    one = alert()
    rounds = Days([one], {"am": 60.0}, s=Subscription(receivers=["am", "chat"]))
    told = [rounds(clock) for clock in ("12:00", "12:00:30", "12:01")]
    assert told == [["am opened", "chat opened"], [], ["am updated"]]
    one.ended = at("12:02")
    assert rounds("12:02") == ["am resolved", "chat resolved"]
    assert rounds("12:10") == []


def test_an_alert_that_opens_again_is_another_one() -> None:
    one = alert()
    rounds = Days([one], s=Subscription(receivers=["chat"]))
    assert rounds("12:00") == ["chat opened"]
    one.ended = at("12:05")
    again = alert(opened="12:30")
    rounds.alerts.append(again)
    assert rounds("12:30") == ["chat resolved", "chat opened"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"quiet_hours": "25:00-07:00"}, "quiet_hours"),
        ({"quiet_hours": "07:00-07:00"}, "begin and end at the same time"),
        ({"quiet_days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}, "no ticket would ever be sent"),
        ({"timezone": "Mars/Olympus"}, "expected a time zone such as Europe/Zurich"),
        ({"timezone": "../etc/passwd"}, "expected a time zone such as Europe/Zurich"),
        ({"escalate_after_s": 60}, "belong together"),
        ({"escalate_to": ["x"]}, "belong together"),
        ({"sites": []}, "sites"),
        ({"severities": ["critical"]}, "severities"),
    ],
)
def test_subscriptions_that_cannot_be(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        Subscription.model_validate({"receivers": ["x"], **options})
