"""What rules would have done over the past: their rounds, one after another, over what a store has kept.

    backtest(rules, subscriptions, sink, span) -> Backtest

A round judges and notifies as the running instance's does (`app.alerts`, `alerts.routing`). The questions of an hour's rounds are
asked at once, equal ones once. What a backtest cannot know stands in `LIMITS`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import Struct

from lakescope.alerts.configured import changed
from lakescope.alerts.evaluate import events_of, questions_of
from lakescope.alerts.model import NOT_JUDGED, Alert, Event, Rule, Severity, Verdict
from lakescope.alerts.options import RuleOptions
from lakescope.alerts.overview import find
from lakescope.alerts.routing import Delivery, Subscription, due
from lakescope.alerts.states import GAP_S, Ledger
from lakescope.app.alerts import ROUND_S, Evaluator, feeds
from lakescope.app.query import Answer, ask_many
from lakescope.core.contracts import Sink
from lakescope.kpis import Query
from lakescope.kpis.model import DAY, HOUR, UnsupportedError

LIMITS = (
    "what was reported late is there from the beginning, so the past looks more complete than it was",
    "nothing is muted: no downtime, no silence, no incident that covers an alert",
    "nobody acknowledges, so all escalations are sent",
    "what was abnormal before the beginning opens after it",
)
"""What a backtest does not know, as people read it."""
REACH_S = 92 * DAY
"""Before the first window: further back no rule looks."""


class Span(NamedTuple):
    """The rounds, from the first to the last (POSIX seconds), both included."""

    first: float
    last: float
    step_s: int

    @classmethod
    def of(cls, since: float, until: float, step_s: float) -> Span:
        """The rounds of a range. Raises `ValueError` for a step that rounds cannot have, or a range without rounds."""
        if step_s % ROUND_S or not ROUND_S <= step_s <= GAP_S:
            steps = ", ".join(f"{one // 60}min" for one in range(ROUND_S, int(GAP_S) + 1, ROUND_S))
            raise ValueError(f"expected a step of {steps}, found {step_s:g} s")
        step = int(step_s)
        first, last = -(-since // step) * step, until // step * step
        if last < first:
            raise ValueError(f"there is no round in the range: expected at least {step} s")
        return cls(first, last, step)

    @property
    def rounds(self) -> list[float]:
        """Their times."""
        return [float(at) for at in range(int(self.first), int(self.last) + 1, self.step_s)]


class Sent(Struct, frozen=True, kw_only=True):
    """One notification that would have been sent."""

    receiver: str
    event: Event
    at: float


class PastAlert(Struct, frozen=True, kw_only=True):
    """One alert that would have opened."""

    rule: str
    severity: Severity
    labels: Mapping[str, str]
    summary: str
    """With the last numbers."""
    opened: float
    ended: float | None
    """Null: open at the end."""
    open_s: float
    """Until the last round, if it did not end."""
    notified: Sequence[Sent]


class PastRule(Struct, frozen=True, kw_only=True):
    """One rule over the whole range."""

    rule: str
    severity: Severity
    alerts: int
    open_s: float
    """Of all its alerts together."""
    judged: float
    """Share of the rounds in which it could be judged, 0..1."""
    not_judged: str | None
    """Why it could not in most of the others."""


class Backtest(Struct, frozen=True, kw_only=True):
    """All of it: alerts by their opening, rules by name."""

    since: float
    until: float
    step_s: int
    rounds: int
    alerts: Sequence[PastAlert]
    rules: Sequence[PastRule]
    limits: Sequence[str] = LIMITS


def backtest(
    rules: Mapping[str, Rule], subscriptions: Mapping[str, Subscription], sink: Sink, span: Span
) -> Backtest:
    """Raises `TransientError` or `RefusedError` when the store does not answer: a gap would look like a quiet lake."""
    without_data = _without_data(rules, sink, span)
    past = _Past({name: rule for name, rule in rules.items() if name not in without_data}, sink)
    receipts = past.ledger.receipts
    alerts: dict[str, Alert] = {}
    sent: dict[str, list[Sent]] = defaultdict(list)
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    for at in span.rounds:
        past.prepare(at, span)
        past.step(at)
        for name, verdicts in past.verdicts.items():
            if (reason := _not_judged(verdicts)) is not None:
                reasons[name][reason] += 1
        alerts |= {one.key: one for one in past.ledger.alerts}
        for delivery in due(past.ledger.alerts, receipts, subscriptions, at):
            receipts.note(delivery)
            sent[delivery.notification.alert.key].append(_sent(delivery, at))
        past.ledger.forget_settled(subscriptions, at)
    past_alerts = [_alert(one, sent[one.key], span.last) for one in alerts.values()]
    count = len(span.rounds)
    reasons |= {name: Counter({"no data": count}) for name in without_data}
    return Backtest(
        since=span.first,
        until=span.last,
        step_s=span.step_s,
        rounds=count,
        alerts=sorted(past_alerts, key=lambda one: (one.opened, one.rule, sorted(one.labels.items()))),
        rules=[_rule(rule, past_alerts, reasons[rule.name], count) for _, rule in sorted(rules.items())],
    )


def choose_rules(rules: Mapping[str, Rule], name: str | None, threshold: float | None) -> dict[str, Rule]:
    """All enabled rules, or one, enabled or not, with another threshold if one is given. Raises `ValueError` for a rule that is
    not there, or a threshold that it cannot have."""
    if name is None:
        if threshold is not None:
            raise ValueError("a threshold is one rule's: name the rule, too")
        return {rule.name: rule for rule in rules.values() if rule.enabled}
    return {name: changed(find(name, rules), RuleOptions(enabled=True, threshold=threshold))}


class _Past(Evaluator):
    """An evaluator that has asked already what its next rounds will ask."""

    def __init__(self, rules: Mapping[str, Rule], sink: Sink):
        super().__init__(rules, sink, Ledger())
        self._answers: dict[str, Answer] = {}
        self._until = 0.0
        """Rounds before it have their answers."""

    def prepare(self, now: float, span: Span) -> None:
        """Asks for the rounds up to the next full hour, if a round at `now` has no answers yet."""
        if now < self._until:
            return
        self._until = (now // HOUR + 1) * HOUR
        times = [at for at in span.rounds if now <= at < self._until]
        questions = {name: one for at in times for name, one in self.questions(at).items()}
        known_answers = {name: answer for name, answer in self._answers.items() if name in questions}
        missing = {name: one for name, one in questions.items() if name not in known_answers}
        answers = ask_many(list(missing.values()), self.sink) if missing else []
        self._answers = known_answers | dict(zip(missing, answers, strict=True))

    def _ask(self, queries: Mapping[str, Query]) -> dict[str, Answer]:
        return {name: self._answers[name] for name in queries}

    def _ask_past(self, queries: Mapping[str, Query]) -> dict[str, Answer]:
        return dict(zip(queries, ask_many(list(queries.values()), self.sink), strict=True))


def _without_data(rules: Mapping[str, Rule], sink: Sink, span: Span) -> set[str]:
    """Those that need a dataset of which there is no event at all: every round would say so."""
    needed = {
        name: {feed.dataset for feed in feeds(questions_of(rule, span.first).value)}
        for name, rule in rules.items()
    }
    datasets = sorted({dataset for of_rule in needed.values() for dataset in of_rule})
    longest = max((rule.window_s + rule.late_s for rule in rules.values()), default=0)
    ends = (span.first - longest - REACH_S, span.last + 1)
    since, until = (datetime.fromtimestamp(at, UTC) for at in ends)
    answers = ask_many([Query(kpi=events_of(one), since=since, until=until) for one in datasets], sink)
    empty = {
        dataset
        for dataset, answer in zip(datasets, answers, strict=True)
        if not isinstance(answer, UnsupportedError) and not any(row["value"] for row in answer)
    }
    return {name for name, of_rule in needed.items() if of_rule & empty}


def _not_judged(verdicts: Sequence[Verdict]) -> str | None:
    """Why nothing could be said of any group."""
    states = {one.state for one in verdicts}
    if not states or not states <= {*NOT_JUDGED}:
        return None
    return next((one.reason for one in verdicts if one.reason), None) or min(states)


def _sent(delivery: Delivery, at: float) -> Sent:
    return Sent(receiver=delivery.receiver, event=delivery.notification.event, at=at)


def _alert(alert: Alert, notified: Sequence[Sent], last: float) -> PastAlert:
    end = last if alert.ended is None else alert.ended
    return PastAlert(
        rule=alert.rule,
        severity=alert.severity,
        labels=alert.places,
        summary=alert.annotations["summary"],
        opened=alert.opened,
        ended=alert.ended,
        open_s=end - alert.opened,
        notified=notified,
    )


def _rule(rule: Rule, alerts: Sequence[PastAlert], reasons: Counter[str], rounds: int) -> PastRule:
    own = [one for one in alerts if one.rule == rule.name]
    return PastRule(
        rule=rule.name,
        severity=rule.severity,
        alerts=len(own),
        open_s=sum(one.open_s for one in own),
        judged=1 - reasons.total() / rounds,
        not_judged=reasons.most_common(1)[0][0] if reasons else None,
    )
