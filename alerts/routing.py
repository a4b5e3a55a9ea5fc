"""Who is notified of what, and when: alerts and subscriptions to notifications. Pure; the clock and the memory are the caller's.

    due(alerts, receipts, subscriptions, at) -> deliveries      what every receiver should have heard by now, and has not
    receipts.note(delivery)                                     once the receiver has taken it

Nothing waits in a queue: a round asks what is due, and what was not delivered is due again in the next one. So a receiver
that is away for a while, a restart and quiet hours lose nothing, and a receiver of two subscriptions is notified once.
Ended alerts are given until `is_settled` says that nobody has to hear of them any more.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Literal, NamedTuple, Self, get_args
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from pydantic import Field, model_validator

from lakescope.alerts.model import Alert, Event, Notification, Owner, Severity
from lakescope.core.options import Options, TimeZone

_TIME = r"([01]\d|2[0-3]):[0-5]\d"
DAY_S = 86_400.0

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Subscription(Options):
    """Which alerts go to which receivers: those that fit every filter. `*` and `?` in names stand for any characters."""

    receivers: list[str] = Field(min_length=1, examples=[["oncall"]])
    """Names of `[alerts.receivers.NAME]`."""
    sites: list[str] | None = Field(default=None, min_length=1, examples=[["CERN-PROD"]])
    """Alerts of these sites: an incident whose culprit is one of them, any other alert at one of them."""
    rses: list[str] | None = Field(default=None, min_length=1, examples=[["CERN-*"]])
    """Alerts of these RSEs, likewise."""
    vos: list[str] | None = Field(default=None, min_length=1, examples=[["escape"]])
    """Alerts of these VOs, likewise."""
    activities: list[str] | None = Field(default=None, min_length=1, examples=[["Production*"]])
    """Alerts of these activities, likewise."""
    rules: list[str] | None = Field(default=None, min_length=1, examples=[["storage_*"]])
    """Alerts of these rules."""
    severities: list[Severity] | None = Field(default=None, min_length=1, examples=[["page"]])
    """page or ticket."""
    owners: list[Owner] | None = Field(default=None, min_length=1, examples=[["storage", "site"]])
    """Alerts that these can do something about."""
    quiet_hours: str | None = Field(default=None, pattern=rf"^{_TIME}-{_TIME}$", examples=["18:00-08:00"])
    """Tickets of these hours wait for their end; one that has ended by then is not sent. Pages never wait."""
    quiet_days: list[Day] = Field(default=[], examples=[["sat", "sun"]])
    """Tickets of these days wait likewise."""
    digest: str | None = Field(default=None, pattern=rf"^{_TIME}$", examples=["08:00"])
    """Tickets are sent at this time of day only, all in one notification, with those that ended since the last one."""
    timezone: TimeZone = Field(default="UTC", examples=["Europe/Zurich"])
    """Of quiet hours, quiet days and the digest."""
    escalate_after_s: float | None = Field(default=None, gt=0, examples=[1800])
    """An open alert that nobody has acknowledged for so long (seconds) is sent to `escalate_to`."""
    escalate_to: list[str] = Field(default=[], examples=[["oncall-lead"]])
    """Names of receivers."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.escalate_after_s is None) != (not self.escalate_to):
            raise ValueError(
                "`escalate_after_s` and `escalate_to` belong together: add the other one, or remove both"
            )
        if self.quiet_hours is not None and len(set(self.quiet_hours.split("-"))) == 1:
            raise ValueError("`quiet_hours` begin and end at the same time: give two times, or remove them")
        if len(set(self.quiet_days)) == len(get_args(Day)):
            raise ValueError(
                "`quiet_days` has all days, so no ticket would ever be sent: remove one, or use `severities`"
            )
        return self


class Delivery(NamedTuple):
    """One notification to one receiver; `of` is the digest's subscription, null for any other."""

    receiver: str
    notification: Notification
    of: str | None = None


class Receipt(Struct, kw_only=True):
    """What one receiver has taken of one alert: POSIX seconds."""

    opened: float
    severity: Severity
    """The highest one that it was notified of."""
    posted: float
    """The last time it was notified of anything, updates included."""
    paged: float | None = None
    """When it was first notified of it as a page."""
    escalated: bool = False
    resolved: bool = False


class Receipts(Struct, kw_only=True):
    """What all receivers have taken. Plain data, for the state file."""

    of: dict[str, dict[str, Receipt]] = field(default_factory=dict)
    """Receiver -> key of an alert -> receipt."""
    digests: dict[str, float] = field(default_factory=dict)
    """``subscription/receiver`` -> time of the last digest."""

    def get(self, receiver: str, alert: Alert) -> Receipt | None:
        """What `receiver` has taken of `alert`."""
        return self.of.get(receiver, {}).get(alert.key)

    def note(self, delivery: Delivery) -> None:
        """Remembers what a receiver has taken."""
        receiver, notification, of = delivery
        alert = notification.alert
        if of is not None:
            self.digests[f"{of}/{receiver}"] = notification.at
            return
        receipt = self.get(receiver, alert)
        if receipt is None:
            receipt = Receipt(opened=notification.at, severity=alert.severity, posted=notification.at)
            self.of.setdefault(receiver, {})[alert.key] = receipt
        receipt.posted = notification.at
        if notification.event != "updated":
            receipt.severity = alert.severity
            if alert.severity == "page" and receipt.paged is None:
                receipt.paged = notification.at
        receipt.escalated |= notification.event == "escalated"
        receipt.resolved |= notification.event == "resolved"

    def forget(self, keys: Collection[str]) -> None:
        """Drops what concerns alerts with other keys than these."""
        for receiver, receipts in self.of.items():
            self.of[receiver] = {key: receipt for key, receipt in receipts.items() if key in keys}


def due(
    alerts: Iterable[Alert],
    receipts: Receipts,
    subscriptions: Mapping[str, Subscription],
    at: float,
    *,
    keep_state: Mapping[str, float] | None = None,
) -> list[Delivery]:
    """What is to be delivered at a time (POSIX seconds), for each receiver in the order in which it happened.

    `keep_state`: receivers that must hear of open alerts again and again -> how often (seconds).
    """
    alerts = sorted(alerts, key=lambda alert: (alert.opened, alert.key))
    deliveries = [
        one for alert in alerts for one in _due_of(alert, receipts, subscriptions, at, keep_state or {})
    ]
    for name, subscription in subscriptions.items():
        deliveries += _digest(name, subscription, alerts, receipts, at)
    return deliveries


def subscriptions_of(
    subscriptions: Mapping[str, Subscription], receivers: Collection[str]
) -> Mapping[str, Subscription]:
    """The configured ones; without any, all alerts go to every receiver."""
    return subscriptions or ({"all": Subscription(receivers=sorted(receivers))} if receivers else {})


def is_settled(
    alert: Alert, receipts: Receipts, subscriptions: Mapping[str, Subscription], at: float
) -> bool:
    """Whether nobody has to hear of an ended alert any more: all was delivered, and the digests have had their day."""
    if alert.ended is None or any(_due_of(alert, receipts, subscriptions, at, {})):
        return False
    open_receipts = (receipts.get(receiver, alert) for receiver in receipts.of)
    is_told = all(receipt is None or receipt.resolved for receipt in open_receipts)
    waits = any(one.digest or one.quiet_hours or one.quiet_days for one in subscriptions.values())
    return is_told and (not waits or at - alert.ended > 2 * DAY_S)


def batches(deliveries: Sequence[Delivery], keep_state: Collection[str]) -> Iterator[list[Delivery]]:
    """What goes to a receiver in one `send`: a digest's alerts, all news of a receiver that keeps state, else one each,
    so that what is sent again for another's fault does not come twice."""
    together: dict[tuple[str, str | None], list[Delivery]] = {}
    for delivery in deliveries:
        if delivery.of is not None or delivery.receiver in keep_state:
            together.setdefault((delivery.receiver, delivery.of), []).append(delivery)
        else:
            yield [delivery]
    yield from together.values()


# --- one alert --------------------------------------------------------------------------------------------


def _due_of(
    alert: Alert,
    receipts: Receipts,
    subscriptions: Mapping[str, Subscription],
    at: float,
    keep_state: Mapping[str, float],
) -> Iterator[Delivery]:
    fitting = [one for one in subscriptions.values() if fits(one, alert)]
    quiet = [one for one in fitting if alert.severity == "ticket" and _is_quiet(one, at)]
    loud = [one for one in fitting if one not in quiet]
    news = {receiver for one in loud if _opens(one, alert, at) for receiver in one.receivers}
    escalated = {receiver for one in loud if _escalates(one, alert, at) for receiver in one.escalate_to}
    hushed = _receivers(quiet) - _receivers(loud)
    for receiver in sorted({*news, *escalated, *receipts.of} - hushed):
        receipt = receipts.get(receiver, alert)
        for event in _events(alert, receipt, receiver in news, receiver in escalated, at):
            yield Delivery(receiver, Notification(event=event, alert=alert, at=at))
        period = keep_state.get(receiver)
        if receipt and period is not None and alert.ended is None and at - receipt.posted >= period:
            yield Delivery(receiver, Notification(event="updated", alert=alert, at=at))


def _receivers(subscriptions: Iterable[Subscription]) -> set[str]:
    return {receiver for one in subscriptions for receiver in (*one.receivers, *one.escalate_to)}


def _events(
    alert: Alert, receipt: Receipt | None, is_news: bool, is_escalated: bool, at: float
) -> Iterator[Event]:
    if receipt is None:
        if is_news:
            yield "opened"
        elif is_escalated:
            yield "escalated"
        else:
            return
    elif alert.ended is None and alert.muted_by is None:
        if is_escalated and not receipt.escalated:
            yield "escalated"
        elif receipt.severity == "ticket" and alert.severity == "page":
            yield "raised"
        elif alert.silence is not None and receipt.posted < alert.silence.until <= at:
            yield "reminded"
    if alert.ended is not None and (receipt is None or not receipt.resolved):
        yield "resolved"


def _opens(subscription: Subscription, alert: Alert, at: float) -> bool:
    """Whether its receivers are to know of an alert by now: at its opening, or the first hour that is not quiet."""
    if alert.muted_by is not None:
        return False
    if alert.severity == "page":
        return True
    if subscription.digest is not None:
        return False
    end = alert.ended if alert.ended is not None else at
    return _first_loud(subscription, alert.opened) <= end


def _escalates(subscription: Subscription, alert: Alert, at: float) -> bool:
    if (
        subscription.escalate_after_s is None
        or alert.acknowledged
        or alert.muted_by
        or alert.ended is not None
    ):
        return False
    begin = max(alert.opened, alert.silence.until if alert.silence else 0.0)
    if alert.severity == "ticket":
        if subscription.digest is not None:
            return False
        begin = _first_loud(subscription, begin)
    return at - begin >= subscription.escalate_after_s


# --- which alerts -----------------------------------------------------------------------------------------

LABELS = {
    "sites": ("site", "src_site", "dst_site"),
    "rses": ("rse", "src_rse", "dst_rse"),
    "vos": ("vo",),
    "activities": ("activity",),
}
"""Filter -> labels that it looks at."""


def fits(subscription: Subscription, alert: Alert) -> bool:
    """Whether an alert passes every filter of a subscription."""
    if subscription.rules is not None and not _is_any(alert.rule, subscription.rules):
        return False
    if subscription.severities is not None and alert.severity not in subscription.severities:
        return False
    if subscription.owners is not None and alert.labels.get("owner") not in subscription.owners:
        return False
    for name, labels in LABELS.items():
        patterns = getattr(subscription, name)
        if patterns is not None and not any(_is_any(value, patterns) for value in places_of(alert, labels)):
            return False
    return True


def places_of(alert: Alert, labels: Collection[str]) -> list[str]:
    """Where an alert is: of an incident its culprit alone, since its links have innocent ends."""
    if "incident" not in alert.labels:
        return [value for label in labels if (value := alert.labels.get(label))]
    links = ("link", "links") if "site" in labels else ()  # ``A -> B``, ``A <-> B``: a link has two ends
    ends = [end.strip() for name, value in alert.culprits if name in links for end in re.split("<?->", value)]
    return [value for name, value in alert.culprits if name in labels] + ends


def _is_any(value: str, patterns: Collection[str]) -> bool:
    return re.fullmatch(expression(patterns), value, re.DOTALL) is not None


def expression(patterns: Collection[str]) -> str:
    """What `patterns` match, as a regular expression; Alertmanager's RE2 takes it, too."""
    return "|".join(re.escape(one).replace(r"\*", ".*").replace(r"\?", ".") for one in patterns)


# --- hours ------------------------------------------------------------------------------------------------


def _is_quiet(subscription: Subscription, at: float) -> bool:
    moment = datetime.fromtimestamp(at, ZoneInfo(subscription.timezone))
    if get_args(Day)[moment.weekday()] in subscription.quiet_days:
        return True
    if subscription.quiet_hours is None:
        return False
    begin, end = map(time.fromisoformat, subscription.quiet_hours.split("-"))
    now = moment.time()
    return begin <= now < end if begin < end else now >= begin or now < end


def _first_loud(subscription: Subscription, at: float) -> float:
    """The first time from `at` on that is not quiet (POSIX seconds)."""
    for _ in range(32):  # each step ends an hour or a day of quiet; a week has 14 ends
        if not _is_quiet(subscription, at):
            return at
        at = min(_next(subscription, at, clock) for clock in _ends(subscription))
    raise AssertionError(f"always quiet: {subscription}")


def _ends(subscription: Subscription) -> list[str]:
    return ["00:00", *([subscription.quiet_hours.partition("-")[2]] if subscription.quiet_hours else [])]


def _next(subscription: Subscription, at: float, clock: str, *, back: bool = False) -> float:
    """The next time after `at` when clocks show `clock`; with `back` the last one, `at` included."""
    zone = ZoneInfo(subscription.timezone)
    day = datetime.fromtimestamp(at, zone).date()
    steps = (0, -1, -2) if back else (0, 1, 2)
    for step in steps:
        moment = datetime.combine(day + timedelta(days=step), time.fromisoformat(clock), zone)
        seconds = moment.astimezone(UTC).timestamp()
        if seconds <= at if back else seconds > at:
            return seconds
    raise AssertionError(f"no {clock} near {at}")


def _digest(
    name: str, subscription: Subscription, alerts: Sequence[Alert], receipts: Receipts, at: float
) -> Iterator[Delivery]:
    """All tickets that are open, or have ended since the last digest; muted ones say by what."""
    if subscription.digest is None:
        return
    moment = _next(subscription, at, subscription.digest, back=True)
    for receiver in subscription.receivers:
        before = receipts.digests.get(f"{name}/{receiver}", moment - DAY_S)
        if before >= moment:
            continue
        for alert in alerts:
            is_of_it = alert.opened < moment and (alert.ended is None or alert.ended >= before)
            if is_of_it and alert.severity == "ticket" and fits(subscription, alert):
                yield Delivery(receiver, Notification(event="digest", alert=alert, at=moment), name)
