"""Which groups of rules an incident explains, so that one fault is one page: those of whose failures it has most. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lakescope.alerts.model import Rule, Severity, Verdict
from lakescope.alerts.patterns import KINDS, PLACE, Attribute, Pattern, attributes_of
from lakescope.alerts.watch import Bins
from lakescope.kpis.model import HOUR

WINDOW_S = HOUR
"""Failures of the last hour are compared: rules look at as much or more, and end when it is good again."""
_MOST = 0.5


class Culprit(NamedTuple):
    """What an incident is blamed on."""

    text: str
    """As people read it, with the incident's id."""
    severity: Severity
    patterns: Sequence[Pattern]


class _Failures(NamedTuple):
    """Of one place in the last hour."""

    attributes: frozenset[Attribute]
    failed: float
    culprits: frozenset[int]
    """Positions of those that have it."""


class Covering:
    """The failures of a round by place, and which incidents have them."""

    def __init__(self, culprits: Iterable[Culprit], bins: Bins, now: float) -> None:
        self._culprits = list(culprits)
        counts: dict[tuple[str | None, ...], float] = defaultdict(float)
        for at, places in bins.items() if self._culprits else ():
            if now - WINDOW_S <= at < now:
                for key, one in places.items():
                    if one.failed:
                        counts[key] += one.failed
        self._failures = [self._of(key, count) for key, count in counts.items()]

    def of(self, rule: Rule, verdict: Verdict) -> str | None:
        """Of the incidents that together have most failures of a rule's group, that with the most; null: there are none.

        An incident that is a ticket covers no page.
        """
        if not rule.is_incident or not self._culprits:
            return None
        group = {**rule.filters, **rule.places(verdict.group)}
        wanted = {(name, value) for name, value in group.items() if name in KINDS and isinstance(value, str)}
        can_cover = {
            number
            for number, one in enumerate(self._culprits)
            if one.severity == "page" or rule.severity == "ticket"
        }
        total, explained = 0.0, 0.0
        of_each: dict[int, float] = defaultdict(float)
        for one in self._failures:
            if wanted <= one.attributes:
                total += one.failed
                culprits = one.culprits & can_cover
                explained += one.failed if culprits else 0.0
                for number in culprits:
                    of_each[number] += one.failed
        if not explained or explained < _MOST * total:
            return None
        return self._culprits[max(of_each, key=lambda number: of_each[number])].text

    def _of(self, key: tuple[str | None, ...], count: float) -> _Failures:
        attributes = frozenset(attributes_of(dict(zip(PLACE, key, strict=True))))
        culprits = (
            number
            for number, one in enumerate(self._culprits)
            if any(attributes.issuperset(pattern.attributes) for pattern in one.patterns)
        )
        return _Failures(attributes, count, frozenset(culprits))
