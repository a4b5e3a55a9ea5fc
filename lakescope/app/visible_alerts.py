"""Which alerts and incidents a viewer sees.

Rules and the search for incidents look at the whole lake: a value of theirs counts the events of all VOs. So a viewer of
some VOs sees what is about these VOs alone: groups and alerts with a label ``vo`` or of a rule that is filtered by it, and
incidents whose culprit names it. Of an incident the evidence, which other sources gave of its place, is left out, and of
both what mutes them, which may name another VO's alert.

Without the right `people` an incident has pseudonyms, and rules by account are left out with their alerts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from lakescope.alerts.book import IncidentBook, IncidentRecord
from lakescope.alerts.model import Acknowledgement, Alert, Rule, Silence, Verdict
from lakescope.alerts.objectives import Objective
from lakescope.alerts.states import Ledger
from lakescope.app.pseudonyms import Pseudonyms
from lakescope.app.viewer import Viewer

if TYPE_CHECKING:  # brings numpy, which an instance needs only once it evaluates
    from lakescope.app.rounds import Rounds


class VisibleAlerts:
    """The rules and alerts of an instance, as far as a viewer sees them. As `Rounds`, raises `KeyError` for an unknown id."""

    def __init__(self, rounds: Rounds, viewer: Viewer) -> None:
        self._rounds = rounds
        self._viewer = viewer

    @property
    def fault(self) -> str | None:
        """Why the last round had no answer; the store's words may hold anybody's data."""
        fault = self._rounds.evaluator.fault
        return fault if fault is None or self._viewer.vos is None else "the store does not answer"

    @property
    def rules(self) -> dict[str, Rule]:
        """Rules of which the viewer may see a group."""
        return {name: rule for name, rule in self._rounds.rules.items() if self._may_have_groups(rule)}

    @property
    def verdicts(self) -> dict[str, Sequence[Verdict]]:
        """Of these rules, those about the viewer's VOs."""
        return {
            name: [
                self._verdict(one)
                for one in self._rounds.evaluator.verdicts.get(name, ())
                if self._is_own(rule, one.group)
            ]
            for name, rule in self.rules.items()
        }

    @property
    def ledger(self) -> Ledger:
        """What is known of earlier rounds, likewise."""
        ledger = self._rounds.evaluator.ledger
        if self._viewer.vos is None and self._viewer.people:
            return ledger
        rules = self.rules

        def is_own(rule: str, group: tuple[str, ...]) -> bool:
            return rule in rules and self._is_own(rules[rule], group)

        return Ledger(
            watched=[one for one in ledger.watched if is_own(one.rule, one.group)],
            transitions=[one for one in ledger.transitions if is_own(one.rule, one.group)],
        )

    def alerts(self) -> list[Alert]:
        """Alerts about the viewer's VOs."""
        return [self._redact(one) for one in self._rounds.alerts() if self._sees(one)]

    def acknowledge(self, id: str, acknowledgement: Acknowledgement) -> Alert:
        """As `Rounds.acknowledge`."""
        return self._redact(self._rounds.acknowledge(self._visible_id(id), acknowledgement))

    def silence(self, id: str, silence: Silence | None) -> Alert:
        """As `Rounds.silence`."""
        return self._redact(self._rounds.silence(self._visible_id(id), silence))

    def _visible_id(self, id: str) -> str:
        for one in self._rounds.alerts():
            if id in (one.key, one.labels.get("incident")) and self._sees(one):
                return id
        raise KeyError(id)

    def _may_have_groups(self, rule: Rule) -> bool:
        if not self._viewer.people and "account" in (*rule.labels, *rule.filters):
            return False
        return self._viewer.vos is None or "vo" in rule.by or self._is_filtered(rule)

    def _is_filtered(self, rule: Rule) -> bool:
        """Whether a rule is about the viewer's VOs alone."""
        values = rule.filters.get("vo", ())
        vos = (values,) if isinstance(values, str) else values
        return _are_own(self._viewer, vos)

    def _is_own(self, rule: Rule, group: tuple[str, ...]) -> bool:
        if self._viewer.vos is None or self._is_filtered(rule):
            return True
        if not group and rule.by:  # one verdict for all groups: that there is none
            return True
        vo = rule.places(group).get("vo")
        return vo is not None and vo in self._viewer.vos

    def _sees(self, alert: Alert) -> bool:
        rule = self._rounds.rules.get(alert.rule)
        labels = {*alert.labels, *(name for name, _ in alert.culprits), *(rule.filters if rule else ())}
        if not self._viewer.people and "account" in labels:
            return False
        if self._viewer.vos is None:
            return True
        if rule is not None and self._is_filtered(rule):
            return True
        named = [value for name, value in (*alert.labels.items(), *alert.culprits) if name == "vo"]
        return _are_own(self._viewer, named)

    def _verdict(self, verdict: Verdict) -> Verdict:
        return verdict if self._viewer.vos is None else replace(verdict, reason=None)

    def _redact(self, alert: Alert) -> Alert:
        return alert if self._viewer.vos is None else replace(alert, muted_by=None)


class VisibleIncidents:
    """An `IncidentBook` as far as a viewer sees it."""

    def __init__(self, book: IncidentBook, viewer: Viewer, pseudonyms: Pseudonyms | None) -> None:
        self._book = book
        self._viewer = viewer
        self._pseudonyms = pseudonyms

    def incidents(self, since: float) -> Sequence[IncidentRecord]:
        """As of the protocol."""
        return [self._redact(one) for one in self._book.incidents(since) if self._sees(one)]

    def incident(self, id: str) -> IncidentRecord | None:
        """As of the protocol."""
        record = self._book.incident(id)
        return self._redact(record) if record is not None and self._sees(record) else None

    def acknowledge(self, id: str, acknowledgement: Acknowledgement) -> IncidentRecord:
        """As of the protocol."""
        return self._redact(self._book.acknowledge(self._visible_id(id), acknowledgement))

    def silence(self, id: str, silence: Silence | None) -> IncidentRecord:
        """As of the protocol."""
        return self._redact(self._book.silence(self._visible_id(id), silence))

    def _visible_id(self, id: str) -> str:
        if self.incident(id) is None:
            raise KeyError(id)
        return id

    def _sees(self, record: IncidentRecord) -> bool:
        if self._viewer.vos is None:
            return True
        vos = [dict(pattern).get("vo") for pattern in record.patterns]
        return _are_own(self._viewer, vos)  # of every pattern: one without a VO counts all

    def _redact(self, record: IncidentRecord) -> IncidentRecord:
        if self._pseudonyms is not None:
            accounts = [value for pattern in record.patterns for name, value in pattern if name == "account"]
            document = self._pseudonyms.hide_in(msgspec.to_builtins(record), accounts)
            record = msgspec.convert(document, IncidentRecord)
        return record if self._viewer.vos is None else replace(record, evidence=(), muted_by=None)


def _are_own(viewer: Viewer, vos: Sequence[str | None]) -> bool:
    """Whether there are some, and all of them the viewer's."""
    return viewer.vos is None or (bool(vos) and all(vo in viewer.vos for vo in vos))


def sees_objective(viewer: Viewer, objective: Objective) -> bool:
    """Whether it names no VO, or one of the viewer's."""
    return "vo" not in objective.filters or _are_own(viewer, (objective.filters["vo"],))
