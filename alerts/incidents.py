"""Incidents: what the search finds, round after round, as one thing with a beginning, a culprit and an end.

A round looks at the last 10, 20 and 60 minutes. What the search explains is matched to the open
incidents by the failures that both cover, so that an incident keeps its id while its culprit becomes clearer; what
matches none opens a new one. An incident is **confirmed**, and people are told of it, once its culprit has held for
`Settings.rounds` rounds: a fault's first minutes look like whatever place they happen to strike first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Literal, NamedTuple

from msgspec import Struct

from lakescope.alerts.search import Cell, Explanation, Pattern, covers

Change = Literal["opened", "updated", "merged", "closed"]

BIN_S = 300
"""From one round to the next, and the bins that a round looks at (seconds)."""
MARGIN_S = 600
"""An incident's failures begin before it shows, and go on a little after it."""

_LINKS = {"link", "links"}


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
    began: float
    """When the data first shows it."""
    noticed: float
    """The round that found it."""
    seen: float
    """The last round that found it."""
    error_class: str | None = None
    """Of most of its failures."""
    value: float = 0.0
    """Failures of the window of the last round that found it."""
    weight: float = 0.0
    expected: float = 0.0
    margin: float = 0.0
    view: int = 99
    """The shortest window that showed it, by its place among the views."""
    stable: int = 1
    """Rounds in a row that named the same culprit."""
    rounds: int = 1
    opened: float | None = None
    """When it was confirmed; null: not yet."""
    closed: float | None = None
    peak: Peak = Peak()

    @property
    def excess(self) -> float:
        """Failures beyond the expected ones."""
        return self.value - self.expected

    def covers(self, cell: Cell) -> bool:
        """Whether a cell is at one of its culprits."""
        return any(covers(pattern, cell.place) for pattern in self.patterns)

    def __str__(self) -> str:
        return "; ".join(map(str, self.patterns))


class Settings(Struct, frozen=True, kw_only=True):
    """When an incident begins to count, and when it is over."""

    rounds: int = 3
    """So many rounds in a row with one culprit confirm it, or twice as many with any."""
    failures: float = 15.0
    """Fewer of them in the window confirm nothing."""
    quiet_s: float = 1800.0
    """Not found for so long, it is over."""
    again_s: float = 7200.0
    """Found again within so many seconds, it is the same."""
    margin: float = 8.0
    """Nats by which its culprit must beat the next one to be confirmed in the second round."""
    certain: float = 30.0
    """The same, for the first round."""
    together_s: float = 1200.0
    """Links that begin to fail alike within so many seconds are one incident."""


class Tracker:
    """The incidents of a lake. Pure but for what it remembers; times are its caller's."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.open: list[Incident] = []
        self.over: list[Incident] = []
        """Ended a short time ago: they may begin again, and what they struck is not learnt."""

    @property
    def known(self) -> frozenset[Pattern]:
        """The culprits of the incidents that people were told of."""
        return frozenset(pattern for one in self.open if one.opened for pattern in one.patterns)

    def text_of(self, incident: Incident) -> str:
        """An incident and what its confirmation depends on, in one line."""
        state = "confirmed" if incident.opened else "not confirmed"
        return (
            f"{incident.id} {incident}: {state}, {incident.value:.0f} of {incident.weight:.0f} failed, "
            f"{incident.expected:.1f} expected, margin {incident.margin:.1f}, stable for {incident.stable} rounds"
        )

    def is_disturbed(self, cell: Cell, at: float) -> bool:
        """Whether an incident struck a cell at a time (POSIX seconds): then it says nothing of what is usual."""
        return any(
            one.began - MARGIN_S <= at
            and (one.closed is None or at <= one.closed + MARGIN_S)
            and one.covers(cell)
            for one in (*self.open, *self.over)
        )

    def step(
        self, now: float, views: Sequence[tuple[Sequence[Cell], Sequence[Explanation]]], firsts: Firsts
    ) -> list[tuple[Change, Incident]]:
        """One round: `views` are windows, the shortest first, each with its cells and what explains them; `firsts`
        tells when a pattern's failures began. Returns what changed among the confirmed incidents."""
        changes: list[tuple[Change, Incident]] = []
        found: set[str] = set()
        self.over = [one for one in self.over if now - one.seen < 2 * self.settings.again_s]
        for view, (cells, explanations) in enumerate(views):
            for group in self._groups(explanations, cells):
                related = [one for one in self.open if self._is_same(now, one, group, cells)]
                if view and any(one.id in found for one in related):
                    continue  # the shorter window knows better
                if view and not related and any(one.stable < self.settings.rounds for one in self.open):
                    continue  # something begins: its shape shows in the shortest window first
                if view and related and all(now - one.seen > BIN_S for one in related):
                    continue  # the longer one still shows what is over
                if not related:
                    over = [
                        one
                        for one in self.over
                        if now - one.seen < self.settings.again_s and self._is_same(now, one, group, cells)
                    ]
                    if over and view:
                        continue
                    if over:
                        related = [over[-1]]
                        self.over.remove(over[-1])
                        self.open.append(over[-1])
                        over[-1].closed = None
                incident = self._matched(now, view, group, cells, related, firsts, changes)
                found.add(incident.id)
        for incident in list(self.open):
            if incident.id not in found:
                incident.stable = 0
            if now - incident.seen >= self.settings.quiet_s:
                self.open.remove(incident)
                incident.closed = max(
                    incident.began + BIN_S,
                    min(incident.seen, firsts.ended(incident.patterns, incident.peak.rate / 2)),
                )
                self.over.append(incident)
                if incident.opened:
                    changes.append(("closed", incident))
            elif incident.opened is None and self._is_confirmed(incident):
                incident.opened = now
                changes.append(("opened", incident))
        return changes

    def _matched(
        self,
        now: float,
        view: int,
        group: Sequence[Explanation],
        cells: Sequence[Cell],
        related: list[Incident],
        firsts: Firsts,
        changes: list[tuple[Change, Incident]],
    ) -> Incident:
        patterns = tuple(sorted(one.pattern for one in group))
        if related:
            incident = min(related, key=lambda one: (one.opened is None, one.noticed))
            for other in related:
                if other is not incident:
                    self.open.remove(other)
                    other.closed = now
                    if other.opened:
                        changes.append(("merged", other))
        else:
            began = min(firsts.began(pattern) for pattern in patterns)
            incident = Incident(
                id=_id(patterns, began),
                patterns=patterns,
                began=began,
                noticed=now,
                seen=now,
                stable=0,
                rounds=0,
            )
            self.open.append(incident)
        incident.rounds += 1
        incident.seen = now
        incident.value = sum(one.value for one in group)
        incident.weight = sum(one.weight for one in group)
        incident.expected = sum(one.expected for one in group)
        same = incident.patterns == patterns
        is_tail = view > incident.view or incident.excess < incident.peak.excess / 2
        incident.view = min(view, incident.view)
        if incident.opened and not same and is_tail:
            return incident  # what is left when it ends does not say what it was
        incident.stable = incident.stable + 1 if same else 1
        if not same and incident.opened:
            changes.append(("updated", incident))
        incident.patterns = patterns
        if incident.excess > incident.peak.excess:
            incident.peak = Peak(incident.value, incident.weight, incident.expected)
        incident.margin = min(one.margin for one in group)
        incident.error_class = _main_class(group, cells)
        return incident

    def _is_confirmed(self, incident: Incident) -> bool:
        settings = self.settings
        if incident.value < settings.failures or not incident.stable:
            return False
        greater = any(
            other is not incident
            and abs(other.began - incident.began) < settings.together_s
            and other.excess > incident.excess
            and other.stable < settings.rounds
            for other in self.open
        )
        if greater:  # a part of it, perhaps
            return incident.stable >= 2 * settings.rounds
        if incident.margin >= settings.margin:
            return incident.stable >= 2 or incident.margin >= settings.certain
        return incident.stable >= settings.rounds or incident.rounds >= 2 * settings.rounds

    def _is_same(
        self, now: float, incident: Incident, group: Iterable[Explanation], cells: Sequence[Cell]
    ) -> bool:
        """Whether most failures of one are failures of the other.

        While an incident is young the smaller of the two counts: its shape is not clear yet. Later the greater one: what
        is much more than an incident that people know of is another.
        """
        indices = {index for one in group for index in one.cells}
        theirs = {index for index, cell in enumerate(cells) if incident.covers(cell)}
        both = _excess(cells, indices & theirs)
        here, there = _excess(cells, indices), _excess(cells, theirs)
        is_young = incident.opened is None or now - incident.began < 2 * self.settings.together_s
        wanted = min(here, there) if is_young else max(here, there) * 0.6
        return both > 0 and both >= 0.5 * wanted

    def _groups(self, explanations: Sequence[Explanation], cells: Sequence[Cell]) -> list[list[Explanation]]:
        """Each explanation alone, but links that fail alike together."""
        groups: dict[object, list[Explanation]] = {}
        for position, one in enumerate(explanations):
            kinds = {name for name, _ in one.pattern.attributes}
            inner = tuple(item for item in one.pattern.attributes if item[0] not in _LINKS)
            key: object = (inner, _main_class([one], cells)) if kinds & _LINKS else position
            groups.setdefault(key, []).append(one)
        return list(groups.values())


class Firsts:
    """When the failures of a place began: of all cells of the last hours, by time."""

    def __init__(self, bins: Mapping[float, Sequence[Cell]]) -> None:
        self._bins = bins

    def began(self, pattern: Pattern) -> float:
        """The first of the last bins in a row in which more failed than expected (POSIX seconds, the bin's begin)."""
        began = max(self._bins, default=0.0)
        for at in sorted(self._bins, reverse=True):
            cells = [cell for cell in self._bins[at] if covers(pattern, cell.place)]
            weight = sum(cell.weight for cell in cells)
            if not weight:
                continue
            excess = sum(cell.value - cell.expected for cell in cells)
            if excess < 0.1 * weight:
                break
            began = at
        return began

    def ended(self, patterns: Sequence[Pattern], rate: float) -> float:
        """The end of the last bin in which at least a share of `rate` failed (POSIX seconds)."""
        for at in sorted(self._bins, reverse=True):
            cells = [cell for cell in self._bins[at] if any(covers(one, cell.place) for one in patterns)]
            if cells and sum(cell.value for cell in cells) >= rate * sum(cell.weight for cell in cells):
                return at + BIN_S
        return max(self._bins, default=0.0)


def _excess(cells: Sequence[Cell], indices: Iterable[int]) -> float:
    return sum(max(0.0, cells[index].value - cells[index].expected) for index in indices)


def _main_class(group: Iterable[Explanation], cells: Sequence[Cell]) -> str | None:
    classes: Counter[str] = Counter()
    for one in group:
        for index in one.cells:
            for name, count in cells[index].classes.items():
                classes[name] += round(count)
    return classes.most_common(1)[0][0] if classes else None


def _id(patterns: Sequence[Pattern], began: float) -> str:
    return blake2b(f"{began:.0f} {patterns}".encode(), digest_size=6).hexdigest()
