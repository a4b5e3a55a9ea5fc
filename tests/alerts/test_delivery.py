"""Receivers that are away, refuse or are broken: what is told in the end, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
import pytest

from lakescope.alerts.delivery import Outbox
from lakescope.alerts.model import Alert, Notification
from lakescope.alerts.receivers._common import ReceiverOptions
from lakescope.alerts.routing import Receipts, Subscription
from lakescope.core.contracts import RefusedError, TransientError


class Listener:
    """A receiver that takes everything but what it is told to fail at."""

    Options = ReceiverOptions
    keeps_state: ClassVar[bool] = False

    def __init__(self, name: str = "", options: Any = None, data_dir: Any = None) -> None:
        self.sent: list[list[str]] = []
        self.fault: Exception | None = None

    def send(self, notifications: Sequence[Notification]) -> None:
        if self.fault is not None:
            raise self.fault
        self.sent.append([f"{one.event} {one.alert.labels['site']}" for one in notifications])

    def close(self) -> None:
        pass


class Keeper(Listener):
    keeps_state: ClassVar[bool] = True


def make_alert(site: str) -> Alert:
    labels = {"rule": "r", "severity": "page", "site": site}
    return Alert(rule="r", labels=labels, annotations={}, severity="page", began=0.0, opened=100.0)


def test_a_receiver_that_is_away_holds_back_no_other_and_hears_all_later() -> None:
    chat, mail, alertmanager = Listener(), Listener(), Keeper()
    outbox = Outbox({"chat": chat, "mail": mail, "am": alertmanager}, {}, Receipts(), lambda _: None)
    one, two = make_alert("A"), make_alert("B")
    mail.fault = TransientError("smtp.example.org: no answer")
    assert outbox.deliver([one, two], 100.0) == {"mail": "smtp.example.org: no answer"}
    assert sorted(chat.sent) == [["opened A"], ["opened B"]]
    assert [sorted(batch) for batch in alertmanager.sent] == [["opened A", "opened B"]]
    one.ended = 130.0
    outbox.deliver([one, two], 130.0)
    mail.fault = None
    assert outbox.deliver([one, two], 160.0) == {}
    assert sorted(mail.sent) == [["opened A"], ["opened B"], ["resolved A"]]
    assert mail.sent.index(["opened A"]) < mail.sent.index(["resolved A"])
    assert alertmanager.sent[1:] == [["resolved A"], ["updated B"]]
    assert outbox.deliver([one, two], 170.0) == {} and len(mail.sent) == 3


def test_what_is_refused_for_good_is_left_and_a_bug_is_tried_again() -> None:
    chat = Listener()
    outbox = Outbox({"chat": chat}, {"all": Subscription(receivers=["chat"])}, Receipts(), lambda _: None)
    chat.fault = KeyError("s3cret")
    assert outbox.deliver([make_alert("A")], 100.0) == {"chat": "KeyError: a bug of the receiver"}
    chat.fault = RefusedError("refused", "too long")
    assert outbox.deliver([make_alert("A")], 110.0) == {}
    chat.fault = None
    assert outbox.deliver([make_alert("A"), make_alert("B")], 120.0) == {}
    assert chat.sent == [["opened B"]]


@pytest.mark.parametrize("kills", range(4))
def test_a_kill_repeats_at_most_the_one_that_was_not_saved(kills: int) -> None:
    """Killed between the n-th answer and its write: only that one comes again."""
    chat = Listener()
    saved = msgspec.json.encode(Receipts())
    writes = 0

    def save(receipts: Receipts) -> None:
        nonlocal saved, writes
        if writes == kills:
            raise KeyboardInterrupt
        writes += 1
        saved = msgspec.json.encode(receipts)

    alerts = [make_alert(site) for site in "ABC"]
    try:
        Outbox({"chat": chat}, {}, Receipts(), save).deliver(alerts, 100.0)
    except KeyboardInterrupt:
        assert kills < len(alerts)
    after = Outbox({"chat": chat}, {}, msgspec.json.decode(saved, type=Receipts), lambda _: None)
    after.deliver(alerts, 110.0)
    sent = [text for batch in chat.sent for text in batch]
    assert set(sent) == {"opened A", "opened B", "opened C"}
    assert len(sent) == 3 + (kills < len(alerts))
