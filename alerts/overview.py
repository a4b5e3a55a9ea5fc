"""What people and gauges are shown of the rules: their state, their groups and how far each is from firing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any

from lakescope.alerts.model import Acknowledgement, Alert, Rule, Silence, State, Verdict
from lakescope.alerts.states import Ledger, Watched
from lakescope.core.options import closest
from lakescope.core.printable import rfc3339
from lakescope.kpis.catalogue import CATALOGUE
from lakescope.kpis.units import text_of

ORDER: tuple[State, ...] = (
    "firing",
    "clearing",
    "unknown",
    "pending",
    "covered",
    "no data",
    "no baseline",
    "ok",
)
"""The worst first: a rule's state is its groups' worst one."""
LAST = 20

Document = dict[str, Any]


def states_of(
    verdicts: Sequence[Verdict], ledger: Ledger, rule: Rule
) -> list[tuple[Verdict, State, Watched | None]]:
    """Each group of a rule with its state, the worst first; groups that are watched and have no verdict, too."""
    watched = {one.group: one for one in ledger.watched if one.rule == rule.name}
    found: list[tuple[Verdict, State, Watched | None]] = []
    whole = verdicts[0].state if verdicts and rule.by and verdicts[0].group == () else None
    for verdict in verdicts:
        one = watched.pop(verdict.group, None)
        found.append((verdict, one.state if one else _plain(verdict), one))
    for group, one in watched.items():
        verdict = Verdict(rule=rule.name, group=group, state=whole or "too few")
        found.append((verdict, one.state, one))
    return sorted(found, key=lambda item: (ORDER.index(item[1]), nearness(rule, item[0]), item[0].group))


def _plain(verdict: Verdict) -> State:
    match verdict.state:
        case "unknown" | "no data" | "no baseline":
            return verdict.state
        case "abnormal":
            return "covered" if verdict.covered_by else "pending"
        case _:
            return "ok"


def nearness(rule: Rule, verdict: Verdict) -> float:
    """How near a group is to firing, for an order: the distance of its value from the threshold, as a share of it."""
    if verdict.value is None or verdict.threshold is None:
        return inf
    return abs(verdict.value - verdict.threshold) / (abs(verdict.threshold) or 1.0)


def overview(
    rules: Mapping[str, Rule], verdicts: Mapping[str, Sequence[Verdict]], ledger: Ledger
) -> list[Document]:
    """A row a rule, disabled ones too: its state, the number of its groups and of its open alerts."""
    return [_row(rule, verdicts.get(name, ()), ledger) for name, rule in sorted(rules.items())]


def _row(rule: Rule, verdicts: Sequence[Verdict], ledger: Ledger) -> Document:
    states = states_of(verdicts, ledger, rule)
    worst, state, watched = states[0] if states else (None, "ok", None)
    kpi = CATALOGUE[rule.kpi]
    return {
        "rule": rule.name,
        "title": rule.title,
        "severity": rule.severity,
        "owner": rule.owner,
        "enabled": rule.enabled,
        "state": state if rule.enabled else "disabled",
        "groups": len([one for one, _, _ in states if one.group or not rule.by]),
        "firing": sum(one in ("firing", "clearing") for _, one, _ in states),
        "reason": worst.reason if worst else None,
        "completeness": worst.completeness if worst else None,
        "value": text_of(kpi, worst.value if worst else None),
        "threshold": text_of(kpi, worst.threshold if worst else None),
        "since": None if watched is None else rfc3339(watched.began),
        "runbook": rule.runbook_url or rule.runbook,
    }


def find(name: str, rules: Mapping[str, Rule]) -> Rule:
    """A rule by its name. Raises `ValueError` with the closest name."""
    if name not in rules:
        suggestion = closest(name, rules)
        hint = f"did you mean {suggestion!r}?" if suggestion else "see `lakescope alerts list`"
        raise ValueError(f"there is no rule {name[:60]!r}: {hint}")
    return rules[name]


def detail(rule: Rule, verdicts: Sequence[Verdict], ledger: Ledger) -> Document:
    """One rule: each group's value, threshold, distance to firing and state, the nearest first; its last transitions."""
    kpi = CATALOGUE[rule.kpi]
    groups = []
    for verdict, state, watched in states_of(verdicts, ledger, rule):
        distance = None
        if verdict.value is not None and verdict.threshold is not None:
            distance = verdict.threshold - verdict.value
        groups.append(
            {
                "labels": rule.places(verdict.group) if verdict.group or not rule.by else {},
                "state": state,
                "value": verdict.value,
                "threshold": verdict.threshold,
                "distance": distance,
                "volume": verdict.volume,
                "median": verdict.median,
                "completeness": verdict.completeness,
                "since": None if watched is None else rfc3339(watched.began),
                "covered_by": watched.covered_by if watched else verdict.covered_by,
                "reason": verdict.reason,
                "text": {
                    "value": text_of(kpi, verdict.value),
                    "threshold": text_of(kpi, verdict.threshold),
                    "distance": text_of(kpi, distance),
                },
            }
        )
    return {**_row(rule, verdicts, ledger), "groups": groups, "transitions": _transitions(rule, ledger)}


def _transitions(rule: Rule, ledger: Ledger) -> list[Document]:
    last = [one for one in ledger.transitions if one.rule == rule.name][-LAST:]
    return [
        {"at": rfc3339(one.at), "labels": rule.places(one.group), "state": one.state}
        for one in reversed(last)
    ]


def alerts_of(alerts: Iterable[Alert], now: float) -> list[Document]:
    """Alerts as plain data as of a time (POSIX seconds), the newest first."""
    return [alert_document(one, now) for one in sorted(alerts, key=lambda one: -one.opened)]


def alert_document(alert: Alert, now: float) -> Document:
    """One of them, with what people did about it."""
    return {
        "rule": alert.rule,
        "labels": alert.labels,
        "places": alert.places,
        "severity": alert.severity,
        "annotations": alert.annotations,
        "state": "open" if alert.ended is None else "ended",
        "began": rfc3339(alert.began),
        "opened": rfc3339(alert.opened),
        "ended": None if alert.ended is None else rfc3339(alert.ended),
        "muted_by": alert.muted_by,
        "key": alert.key,
        **acts_document(alert.acknowledged, alert.silence, now),
    }


def acts_document(acknowledged: Acknowledgement | None, silence: Silence | None, now: float) -> Document:
    """``acknowledged`` and ``silence``, times as RFC 3339; null: nobody did, and a silence that is over."""
    return {
        "acknowledged": None
        if acknowledged is None
        else {
            "by": acknowledged.by,
            "at": rfc3339(acknowledged.at),
            "note": acknowledged.note,
            "false_alarm": acknowledged.false_alarm,
        },
        "silence": None
        if silence is None or silence.until <= now
        else {"by": silence.by, "until": rfc3339(silence.until), "reason": silence.reason},
    }
