"""From verdicts to alerts: pending, firing, clearing, ended, in a file that survives kill -9. Times are POSIX seconds.

abnormal for `for_s` -> it fires;   normal for `keep_s` -> it ends;   not known: nothing changes, and no time counts
no value any more, or too few: as normal, or not known for `hold_s` and then ended
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal
from uuid import uuid4

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from lakescope.alerts.model import Alert, Rule, Verdict
from lakescope.alerts.routing import Receipts, Subscription, is_settled
from lakescope.core.state_files import read, write
from lakescope.kpis.catalogue import CATALOGUE
from lakescope.kpis.units import duration_text, format_value, text_of

GAP_S = 900.0
"""Rounds further apart than this say nothing of the time between them."""


class Watched(Struct, kw_only=True):
    """A group of a rule that is not simply normal."""

    rule: str
    group: tuple[str, ...]
    phase: Literal["pending", "firing", "clearing"] = "pending"
    began: float
    """The first round that found it abnormal."""
    seen: float
    """The last round."""
    held_s: float = 0.0
    """How long the phase's condition has held."""
    judged: float
    """The last round that had a value of it, or none of the whole rule."""
    is_known: bool = True
    """Whether the last round could judge it."""
    covered_by: str | None = None
    """A peer of which people are notified instead."""
    alert: Alert | None = None

    @property
    def state(self) -> Literal["pending", "firing", "clearing", "covered", "unknown"]:
        """As people are shown it."""
        if not self.is_known:
            return "unknown"
        return "covered" if self.covered_by else self.phase


class Transition(Struct, frozen=True, kw_only=True):
    """A group's alert opened or ended."""

    at: float
    rule: str
    group: tuple[str, ...]
    state: Literal["firing", "ended"]


TRANSITIONS = 1000
"""So many of the last ones are kept."""


class Ledger(Struct, kw_only=True):
    """All that must survive a restart: what is watched, ended alerts not sent to all, and what receivers have taken."""

    watched: list[Watched] = field(default_factory=list)
    ended: list[Alert] = field(default_factory=list)
    receipts: Receipts = field(default_factory=Receipts)
    transitions: list[Transition] = field(default_factory=list)
    """The last ones, oldest first."""
    recorded: list[str] = field(default_factory=list)
    """Ids of the steps of known alerts that are stored as events."""
    instance: str = field(default_factory=lambda: uuid4().hex[:12])
    """Whose it is, among several on one store."""

    @property
    def alerts(self) -> list[Alert]:
        """Open ones, and ended ones of which somebody may still have to be notified."""
        return [one.alert for one in [*self.watched] if one.alert is not None] + self.ended

    def step(self, rule: Rule, verdicts: Iterable[Verdict], now: float, gap_s: float = GAP_S) -> None:
        """One round of a rule. A group without a verdict has no value, unless the rule itself could not be judged."""
        by_group = {one.group: one for one in verdicts}
        whole = by_group.get(())
        nothing = Verdict(rule=rule.name, state="too few")
        if rule.by and whole is not None:  # one verdict for all groups: nothing is known of any
            by_group, nothing = {}, whole
        known = {one.group for one in self.watched if one.rule == rule.name}
        self.watched += [
            Watched(rule=rule.name, group=group, began=now, seen=now, judged=now)
            for group, verdict in by_group.items()
            if verdict.state == "abnormal" and group not in known
        ]
        of_rule = [one for one in self.watched if one.rule == rule.name]
        open_peers = {one.group[0] for one in of_rule if one.alert is not None and rule.is_peer(one.group)}
        for one in of_rule:
            verdict = by_group.get(one.group)
            if rule.is_peer(one.group):
                verdict = verdict or _of_no_peer(rule, one.group[0], by_group.values()) or nothing
            else:
                verdict = verdict or nothing
                if not verdict.covered_by and (peers := open_peers & rule.ends(one.group)):
                    verdict = replace(verdict, covered_by=min(peers))  # until its alert has ended
            self._judge(one, rule, verdict, now, gap_s)

    def end_others(self, rules: Collection[str], now: float) -> None:
        """Ends what belongs to rules that are not there any more, or are not enabled."""
        for one in [one for one in self.watched if one.rule not in rules]:
            self._end(one, now)

    def forget_settled(
        self, subscriptions: Mapping[str, Subscription], now: float, others: Iterable[Alert] = ()
    ) -> None:
        """Drops ended alerts of which nobody has to be notified any more, and receipts of alerts that are neither here nor
        among the `others`."""
        self.ended = [one for one in self.ended if not is_settled(one, self.receipts, subscriptions, now)]
        self.receipts.forget({one.key for one in (*self.alerts, *others)})

    def alert(self, key: str) -> Alert:
        """One of them by its key. Raises `KeyError` for one that is not there any more."""
        for one in self.alerts:
            if one.key == key:
                return one
        raise KeyError(key)

    def save(self, path: Path) -> None:
        """Whole or not at all."""
        write(path, msgspec.json.encode(self))

    @classmethod
    def load(cls, path: Path) -> Ledger:
        """An empty one where there is no file yet. Raises `RuntimeError` for one that is damaged or not ours."""
        return read(path, cls, "alerts") or cls()

    def _judge(self, one: Watched, rule: Rule, verdict: Verdict, now: float, gap_s: float) -> None:
        elapsed = now - one.seen
        counts = elapsed if one.is_known and elapsed <= gap_s else 0.0
        one.seen = now
        state = verdict.state
        if state == "too few" and (one.phase == "pending" or not rule.hold_s):
            state = "normal"
        one.is_known = state in ("normal", "between", "abnormal")
        if one.is_known or verdict.covered_by:  # else it is covered as before
            one.covered_by = verdict.covered_by
        if state != "too few":
            one.judged = now
        elif now - one.judged >= rule.hold_s:
            self._end(one, now)
        if not one.is_known:
            return
        if state == "abnormal":
            if one.phase == "clearing":
                one.phase = "firing"
            one.held_s = one.held_s + counts if one.phase == "pending" else 0.0
            if one.phase == "pending" and one.held_s >= rule.for_s and not one.covered_by:
                one.phase, one.alert = "firing", _alert(one, rule, now)
                self._note(one, now, "firing")
            _describe(one, rule, verdict)
        elif one.phase == "pending":
            self.watched.remove(one)
        elif state == "between":
            one.phase, one.held_s = "firing", 0.0
            _describe(one, rule, verdict)
        else:
            one.held_s = one.held_s + counts if one.phase == "clearing" else 0.0
            one.phase = "clearing"
            if one.held_s >= rule.keep_s:
                self._end(one, now)

    def _end(self, one: Watched, now: float) -> None:
        self.watched.remove(one)
        if one.alert is not None:
            one.alert.ended = now
            self.ended.append(one.alert)
            self._note(one, now, "ended")

    def _note(self, one: Watched, now: float, state: Literal["firing", "ended"]) -> None:
        self.transitions.append(Transition(at=now, rule=one.rule, group=one.group, state=state))
        del self.transitions[:-TRANSITIONS]


def _of_no_peer(rule: Rule, peer: str, verdicts: Iterable[Verdict]) -> Verdict | None:
    """What is not abnormal with many others any more is normal, if anything is known of its pairs."""
    is_known = any(
        one.state in ("normal", "between", "abnormal")
        for one in verdicts
        if not rule.is_peer(one.group) and peer in rule.ends(one.group)
    )
    return Verdict(rule=rule.name, state="normal") if is_known else None


def _alert(one: Watched, rule: Rule, now: float) -> Alert:
    places = {name: value for name, value in rule.places(one.group).items() if value}
    return Alert(
        rule=rule.name,
        labels={"rule": rule.name, "severity": rule.severity, "owner": rule.owner, **places},
        annotations={},
        severity=rule.severity,
        began=one.began,
        opened=now,
    )


def _describe(one: Watched, rule: Rule, verdict: Verdict) -> None:
    """The numbers of now, and a severity that has risen."""
    alert = one.alert
    if alert is None:
        return
    if rule.severity == "page":
        alert.severity = alert.labels["severity"] = "page"
    kpi = CATALOGUE[rule.kpi]
    fields = {
        "value": text_of(kpi, verdict.value),
        "threshold": text_of(kpi, verdict.threshold),
        "median": text_of(kpi, verdict.median),
        "volume": text_of(CATALOGUE[rule.volume.kpi], verdict.volume) if rule.volume else "-",
        "window": duration_text(rule.window_s),
        **dict.fromkeys(rule.by, "all"),
        **rule.places(one.group),
    }
    summary = rule.summary
    if verdict.count is not None and rule.peers:
        summary = rule.peers.summary
        fields |= {"peer": one.group[0], "count": str(verdict.count)}
    alert.annotations |= {
        "summary": summary.format_map(fields),
        "description": rule.description.format_map(fields),
        "value": fields["value"],
        "threshold": fields["threshold"],
        "completeness": "-" if verdict.completeness is None else format_value(verdict.completeness, "ratio"),
    }
