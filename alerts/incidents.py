"""Incidents: what the search explains, round after round, as one thing with a beginning, a culprit and an end.

An explanation belongs to the open incident that most of the failures are of which both cover, so that an incident keeps its id
while its culprit becomes clearer; what belongs to none is a new one. An incident is **confirmed**, and people are notified, once
its culprit is clear: a fault's first minutes look like whatever place they happen to strike first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from lakescope.alerts.grid import Grid
from lakescope.alerts.patterns import Atlas, Pattern, Rows
from lakescope.alerts.search import Explanation

Change = Literal["opened", "updated", "closed"]
"""Of an incident that was closed, "updated" means that it has begun again."""

BIN_S = 300
"""From one round to the next, and the bins that a round looks at (seconds)."""
MARGIN_S = 600
"""An incident's failures begin before it shows, and go on a little after it."""

_Mask = npt.NDArray[np.bool_]


class Peak(NamedTuple):
    """The window with the most failures beyond the expected ones."""

    value: float = 0.0
    weight: float = 0.0
    expected: float = 0.0

    @property
    def excess(self) -> float:
        """Failures beyond the expected ones."""
        return self.value - self.expected

    @property
    def rate(self) -> float:
        """Failures per attempt, 0..1."""
        return self.value / self.weight if self.weight else 0.0


class Incident(Struct, kw_only=True):
    """One disturbance. Times are POSIX seconds."""

    id: str
    patterns: tuple[Pattern, ...]
    """Its culprit: one pattern, or several links that fail alike."""
    classes: frozenset[str] = frozenset()
    """The error classes of its failures; empty: all."""
    began: float
    """When the data first shows it."""
    noticed: float
    """The round that found it."""
    seen: float
    """The end of the last bin in which its places fail."""
    error_class: str | None = None
    """Of most of its failures."""
    value: float = 0.0
    """Failures since it began, as far back as a round looks, when a round last explained it."""
    weight: float = 0.0
    expected: float = 0.0
    margin: float = 0.0
    stable: int = 1
    """Rounds in a row that named the same culprit."""
    rounds: int = 1
    opened: float | None = None
    """When it was confirmed; null: not yet."""
    first_classes: frozenset[str] = frozenset()
    """Its classes when it was confirmed; empty: all."""
    closed: float | None = None
    peak: Peak = Peak()

    @property
    def excess(self) -> float:
        """Failures beyond the expected ones."""
        return self.value - self.expected

    def __str__(self) -> str:
        return "; ".join(map(str, self.patterns))


class Settings(Struct, frozen=True, kw_only=True):
    """When an incident begins to count, and when it is over."""

    failures: float = 12.0
    """Fewer of them confirm nothing."""
    margin: float = 3.0
    """Nats by which its culprit must be better than the next one to be confirmed."""
    certain: float = 15.0
    """The same in the round that first names it; else it must have been named in two."""
    rounds: int = 4
    """After so many rounds it is confirmed without a clear culprit."""
    quiet_s: float = 2400.0
    """Without failures for so long, it is over."""
    again_s: float = 7200.0
    """Found again within so many seconds, it is the same."""
    together_s: float = 1200.0
    """What begins within so many seconds of it and shares its failures is a part of it."""


class Tracker:
    """The incidents of a lake. Pure but for what it remembers; times are its caller's."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.open: list[Incident] = []
        self.over: list[Incident] = []
        """Ended a short time ago: they may begin again, and what they struck is not learnt."""

    @property
    def known(self) -> frozenset[Pattern]:
        """The culprits of the incidents that people were notified of."""
        return frozenset(pattern for one in self.open if one.opened for pattern in one.patterns)

    def suspected(self, now: float) -> list[Incident]:
        """Those that are not confirmed, and new enough that they still may be."""
        since = now - self.settings.rounds * BIN_S
        return [one for one in self.open if one.opened is None and one.noticed > since]

    def text_of(self, incident: Incident) -> str:
        """An incident and what its confirmation depends on, in one line."""
        state = "confirmed" if incident.opened else "not confirmed"
        return (
            f"{incident.id} {incident}: {state}, {incident.value:.0f} of {incident.weight:.0f} failed, "
            f"{incident.expected:.1f} expected, margin {incident.margin:.1f}, stable for {incident.stable} rounds"
        )

    def disturbed(self, rows: Rows, atlas: Atlas, at: float) -> _Mask:
        """Of places, those that an incident struck at a time (POSIX seconds): they say nothing of what is usual."""
        result = np.zeros(len(rows), dtype=bool)
        for one in (*self.open, *self.over):
            if one.began - MARGIN_S <= at and (one.closed is None or at <= one.closed + MARGIN_S):
                result |= atlas.is_in(one.patterns, rows)
        return result

    def step(
        self, now: float, grid: Grid, explanations: Sequence[Explanation], atlas: Atlas
    ) -> list[tuple[Change, Incident]]:
        """One round: what the search explains of a grid that ends `now`. Returns what changed among the confirmed incidents."""
        changes: list[tuple[Change, Incident]] = []
        view = _View(now, grid, atlas)
        self.over = [one for one in self.over if now - one.seen < 2 * self.settings.again_s]
        before = {
            one.id: view.mask(one.patterns, one.classes, one.began - MARGIN_S)
            for one in (*self.open, *self.over)
        }
        parts: dict[str, tuple[Incident, list[_Group]]] = {}
        for group in _groups(explanations, view, self.settings.together_s):
            incident = self._owner(now, group, view, before, parts, changes)
            if incident:
                parts.setdefault(incident.id, (incident, []))[1].append(group)
        for incident, groups in parts.values():
            self._update(now, incident, _joined(groups), view, changes)
        for incident in list(self.open):
            incident.seen = max(incident.seen, view.seen(incident))
            if incident.id not in parts:
                incident.stable = 0
            if now - incident.seen >= self.settings.quiet_s:
                self.open.remove(incident)
                incident.closed = max(incident.began + BIN_S, incident.seen)
                self.over.append(incident)
                if incident.opened:
                    changes.append(("closed", incident))
            elif incident.opened is None and self._is_confirmed(incident):
                incident.opened, incident.first_classes = now, incident.classes
                changes.append(("opened", incident))
        return changes

    def _owner(
        self,
        now: float,
        group: _Group,
        view: _View,
        before: dict[str, _Mask],
        parts: Container[str],
        changes: list[tuple[Change, Incident]],
    ) -> Incident | None:
        """The incident that a group belongs to, perhaps a new one or one that begins again; null: a rest of one that is over."""
        related = [
            one
            for one in (*self.open, *self.over)
            if one.id in before
            and (one.opened or one.id not in parts)
            and self._is_same(one, before[one.id], group, view)
        ]
        related.sort(key=lambda one: (one.closed is not None, one.opened is None, one.noticed))
        last = view.last(group.mask)
        if not related:
            if now - last > self.settings.together_s:
                return None
            incident = Incident(
                id=_id(group.patterns, group.began),
                patterns=group.patterns,
                began=group.began,
                noticed=now,
                seen=now,
                stable=0,
                rounds=0,
            )
            self.open.append(incident)
            return incident
        incident = related[0]
        if incident.closed is not None:
            if last <= incident.closed + BIN_S:
                return None
            self.over.remove(incident)
            self.open.append(incident)
            incident.closed = None
            if incident.opened:
                changes.append(("updated", incident))
        for other in related[1:]:
            if other.closed is None and other.opened is None and other.id not in parts:
                self.open.remove(other)
        return incident

    def _update(
        self,
        now: float,
        incident: Incident,
        group: _Group,
        view: _View,
        changes: list[tuple[Change, Incident]],
    ) -> None:
        incident.rounds += 1
        is_same = incident.patterns == group.patterns
        is_tail = now - view.seen(incident) > BIN_S or group.excess < incident.peak.excess / 2
        if incident.opened and not is_same and is_tail:
            return  # what is left when it ends does not say what it was
        incident.stable = incident.stable + 1 if is_same else 1
        if not is_same and incident.opened:
            changes.append(("updated", incident))
        incident.patterns, incident.classes = group.patterns, group.classes
        incident.value, incident.weight, incident.expected = group.value, group.weight, group.expected
        if incident.excess > incident.peak.excess:
            incident.peak = Peak(incident.value, incident.weight, incident.expected)
        incident.margin, incident.error_class = group.margin, group.main_class

    def _is_confirmed(self, incident: Incident) -> bool:
        settings = self.settings
        if incident.value < settings.failures or not incident.stable:
            return False
        if incident.rounds >= settings.rounds or incident.margin >= settings.certain:
            return True
        return incident.stable >= 2 and incident.margin >= settings.margin

    def _is_same(self, incident: Incident, theirs: _Mask, group: _Group, view: _View) -> bool:
        """Whether most failures of a group are an incident's, or, of what began together, the other way round. What began
        later is another if it is much more than an incident that people know of, or fails otherwise than that at first."""
        is_together = abs(group.began - incident.began) <= self.settings.together_s
        if not is_together and self._fails_otherwise(incident, group):
            return False
        both = view.count(group.mask & theirs)
        is_part = both >= 0.5 * view.count(group.mask)
        return both > 0 and (is_part or (is_together and both >= 0.5 * view.count(theirs)))

    def _fails_otherwise(self, incident: Incident, group: _Group) -> bool:
        """Whether a group that began after an incident was confirmed has other errors: in the places of a wide one a second fault
        may begin, and all that is unusual there would be taken for the first."""
        if incident.opened is None or not incident.first_classes or group.patterns == incident.patterns:
            return False
        return group.began > incident.began and group.main_class not in {None, *incident.first_classes}


class _View:
    """A round's grid, with the times and patterns of incidents."""

    def __init__(self, now: float, grid: Grid, atlas: Atlas) -> None:
        self.now, self.grid, self.atlas = now, grid, atlas
        self.rows = atlas.rows_of(grid.places) if grid.rows is None else grid.rows
        self._rows_of_entries = self.rows[grid.place]
        self._class_numbers = {name: number for number, name in enumerate(grid.classes)}

    def mask(self, patterns: Sequence[Pattern], classes: frozenset[str], began: float) -> _Mask:
        """The entries of failures of places and classes since a time."""
        entries = self.atlas.is_in(patterns, self._rows_of_entries)
        entries &= self.grid.age * BIN_S <= self.now - began
        if classes:
            named = [self._class_numbers[name] for name in classes if name in self._class_numbers]
            entries &= np.isin(self.grid.error_class, named)
        return entries

    def count(self, mask: _Mask) -> float:
        """Failures of entries."""
        return float(self.grid.failures[mask].sum())

    def last(self, mask: _Mask) -> float:
        """The end of the last bin with any of the entries (POSIX seconds)."""
        ages = self.grid.age[mask]
        return self.now - BIN_S * (float(ages.min()) - 1) if len(ages) else 0.0

    def first(self, mask: _Mask) -> float:
        """The begin of the first bin with any of the entries (POSIX seconds)."""
        ages = self.grid.age[mask]
        return self.now - BIN_S * float(ages.max()) if len(ages) else self.now

    def seen(self, incident: Incident) -> float:
        """The end of the last bin in which an incident's places fail a quarter as often as at its peak (POSIX seconds)."""
        mask = self.mask(incident.patterns, incident.classes, incident.began)
        grid = self.grid
        failed = np.bincount(grid.age[mask] - 1, grid.failures[mask], minlength=grid.bins)
        of_incident = self.atlas.is_in(incident.patterns, self.rows)[grid.attempts_place] * grid.attempts
        attempts = np.bincount(grid.attempts_age - 1, of_incident, minlength=grid.bins)
        bad = np.flatnonzero((failed > 0) & (failed >= 0.25 * incident.peak.rate * attempts))
        return self.now - BIN_S * float(bad[0]) if len(bad) else 0.0


class _Group(NamedTuple):
    """An explanation, or several that are one incident."""

    patterns: tuple[Pattern, ...]
    classes: frozenset[str]
    began: float
    mask: _Mask
    value: float
    weight: float
    expected: float
    margin: float
    main_class: str | None

    @property
    def excess(self) -> float:
        """Failures beyond the expected ones."""
        return self.value - self.expected


def _groups(explanations: Sequence[Explanation], view: _View, together_s: float) -> list[_Group]:
    """One an explanation, but one of the two ends of a site or RSE that begin together."""
    groups: list[_Group] = []
    for group in (_group(one, view) for one in explanations):
        both_ends = _without_end(group)
        for number, other in enumerate(groups):
            if _without_end(other) == both_ends and abs(other.began - group.began) <= together_s:
                groups[number] = _joined((other, group))._replace(patterns=both_ends)
                break
        else:
            groups.append(group)
    return groups


def _without_end(group: _Group) -> tuple[Pattern, ...]:
    """Its patterns, with a site or RSE at either end for one at one end."""
    return tuple(
        Pattern(
            tuple(
                sorted(
                    (name.removeprefix("src_").removeprefix("dst_"), value) for name, value in one.attributes
                )
            )
        )
        for one in group.patterns
    )


def _group(one: Explanation, view: _View) -> _Group:
    classes = frozenset(view.grid.classes[number] for number in one.classes)
    mask = view.mask(one.patterns, classes, view.now - BIN_S * one.ages)
    return _Group(
        patterns=one.patterns,
        classes=classes,
        began=view.first(mask),
        mask=mask,
        value=one.value,
        weight=one.weight,
        expected=one.expected,
        margin=one.margin,
        main_class=_main_class(mask, view.grid),
    )


def _widest(patterns: Iterable[Pattern]) -> tuple[Pattern, ...]:
    """Each once, without those that are a part of another: an activity's transfers to a site that is down."""
    attributes = {one: {*one.attributes} for one in patterns}
    return tuple(
        sorted(one for one in attributes if not any(attributes[one] > other for other in attributes.values()))
    )


def _joined(groups: Sequence[_Group]) -> _Group:
    if len(groups) == 1:
        return groups[0]
    return _Group(
        patterns=_widest(pattern for one in groups for pattern in one.patterns),
        classes=frozenset().union(*(one.classes for one in groups)),
        began=min(one.began for one in groups),
        mask=np.any([one.mask for one in groups], axis=0),
        value=sum(one.value for one in groups),
        weight=sum(one.weight for one in groups),
        expected=sum(one.expected for one in groups),
        margin=min(one.margin for one in groups),
        main_class=groups[0].main_class,
    )


def _main_class(mask: _Mask, grid: Grid) -> str | None:
    classes: Counter[Any] = Counter()
    for number, count in zip(grid.error_class[mask], grid.failures[mask], strict=True):
        classes[int(number)] += count
    return grid.classes[classes.most_common(1)[0][0]] or None if classes else None


def _id(patterns: Sequence[Pattern], began: float) -> str:
    return blake2b(f"{began:.0f} {patterns}".encode(), digest_size=6).hexdigest()
