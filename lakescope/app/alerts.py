"""One round of the alert rules: asks a store, judges every rule, and steps the alerts' lives.

    Evaluator(rules, sink, ledger).step(now)

The running instance, ``lakescope alerts test`` and ``backtest`` all step the same evaluator; only the clock is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from lakescope.alerts import evaluate
from lakescope.alerts.model import Rule, Verdict
from lakescope.alerts.states import GAP_S, Ledger
from lakescope.app.histories import Histories
from lakescope.app.query import Answer, ask_many
from lakescope.core.contracts import CachingSink, RefusedError, Sink, TransientError
from lakescope.kpis import Query
from lakescope.kpis.model import HOUR, Comparison, UnsupportedError

ROUND_S = 300
"""From one round to the next (seconds): rounds are at its multiples, so that several instances make the same ones."""


class Evaluator:
    """The rules of one store, round after round."""

    def __init__(self, rules: Mapping[str, Rule], sink: Sink, ledger: Ledger | None = None):
        self.rules = {name: rule for name, rule in rules.items() if rule.enabled}
        self.sink = sink
        self.ledger = Ledger() if ledger is None else ledger
        self.verdicts: dict[str, list[Verdict]] = {}
        """Of the last round, by rule."""
        self.gap_s = GAP_S
        """Rounds further apart than this say nothing of the time between them."""
        self.cover: Callable[[Rule, Verdict], str | None] = lambda rule, verdict: None
        """What people are notified of instead of an abnormal group."""
        self.fault: str | None = None
        """Why the store did not answer in the last round."""
        self._histories = Histories()

    def step(self, now: float) -> None:
        """One round at a time (POSIX seconds). What the store does not answer is unknown: nothing begins and nothing ends."""
        self.verdicts = self.judge(now)
        for name, rule in self.rules.items():
            verdicts = [self._covered(rule, one) for one in self.verdicts[name]]
            self.ledger.step(rule, verdicts, now, self.gap_s)
        self.ledger.end_others(self.rules, now)

    def judge(self, now: float) -> dict[str, list[Verdict]]:
        """Rule -> its verdicts at a time (POSIX seconds).

        All is asked at once, but what is over: that once an hour (`app.histories`).
        """
        rules = self.rules.values()
        past = {evaluate.key(one): one for rule in rules for one in evaluate.questions_of(rule, now).past}
        answers: dict[str, Any] = self._ask(self.questions(now))
        if self.fault is None:
            answers |= self._histories.answers(past, self._ask_past)
        return {
            rule.name: evaluate.verdicts(rule, now, answers, _completeness(rule, now, answers))
            for rule in rules
        }

    def questions(self, now: float) -> dict[str, Query]:
        """What each round asks, at a time (POSIX seconds), each query once: of the rules, and whether their data comes."""
        of_rules = [evaluate.questions_of(rule, now) for rule in self.rules.values()]
        queries = [query for one in of_rules for query in (*one.present, *feeds(one.value))]
        return {evaluate.key(one): one for one in queries}

    def _covered(self, rule: Rule, verdict: Verdict) -> Verdict:
        if verdict.state != "abnormal" or verdict.covered_by:
            return verdict
        return replace(verdict, covered_by=self.cover(rule, verdict))

    def _ask_past(self, queries: Mapping[str, Query]) -> dict[str, Answer]:
        answers = self._ask(queries)
        if isinstance(self.sink, CachingSink):  # nobody asks for that again within an hour
            self.sink.release_memory()
        return answers

    def _ask(self, queries: Mapping[str, Query]) -> dict[str, Answer]:
        """The answers that the store gives; none where it does not answer."""
        try:
            answers = ask_many(list(queries.values()), self.sink) if queries else []
        except (TransientError, RefusedError) as error:
            self.fault = str(error)
            return {}
        self.fault = None
        return dict(zip(queries, answers, strict=True))


def feeds(query: Query) -> Iterable[Query]:
    """What tells whether a query's data comes: of a comparison that of both its sides, of events in each hour."""
    kpi = query.kpi
    if isinstance(kpi.value, Comparison):
        for side in (kpi.value.of, kpi.value.to):
            yield from feeds(replace(query, kpi=side))
    elif query.is_snapshot:
        yield evaluate.feed_of(query)
    else:
        begin = datetime.fromtimestamp(query.since.timestamp() // HOUR * HOUR, UTC)
        yield replace(evaluate.feed_of(query), since=begin, bin_s=HOUR)


def _completeness(rule: Rule, now: float, answers: Mapping[str, Any]) -> float | None:
    """Share of the window's hours with data of the rule's feeds, of the one that has the least; null: the store did not say."""
    shares = []
    for one in feeds(evaluate.questions_of(rule, now).value):
        answer = answers.get(evaluate.key(one))
        if answer is None:
            return None
        if isinstance(answer, UnsupportedError):
            return 0.0
        values = [row["value"] for row in answer]
        if one.bin_s is None:
            shares.append(float(any(value is not None for value in values)))
        else:
            hours = -(-(one.until - one.since).total_seconds() // HOUR)
            shares.append(sum(map(bool, values)) / hours)
    return min(shares)
