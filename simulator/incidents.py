"""What goes wrong in the lake, when, and for whom.

An incident is drawn from the seed and the calendar week it falls in, so it doesn't depend on the window that is
simulated; beside those, every simulation opens with one that begins within its first seconds. All sources look
at the same incidents: that is why one of them shows in FTS, Rucio, perfSONAR, probes and hosts alike.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from lakescope.simulator.chance import Chance, WeightedChoice
from lakescope.simulator.clock import MINUTE, SECOND, WEEK, micros, posix, zulu_text
from lakescope.simulator.lake import FtsServer, Lake, Rse, Site
from lakescope.simulator.network import mesh

Kind = Literal["link_degraded", "site_down", "disk_full", "fts_stalled", "certificate_expired"]


class Incident(msgspec.Struct, frozen=True):
    """One disturbance from `begin` until `end` (POSIX seconds, end excluded).

    `target` is a site (link_degraded, site_down, certificate_expired), an RSE (disk_full) or an FTS alias
    (fts_stalled); `peer` is the link's other site, whose both directions suffer. `severity`, 0..1, is how much of
    a link's throughput is lost.
    """

    kind: Kind
    target: str
    begin: float
    end: float
    peer: str | None = None
    severity: float = 0.9

    def __str__(self) -> str:
        where = f"{self.target} <-> {self.peer}" if self.peer else self.target
        begin, end = int(self.begin * SECOND), int(self.end * SECOND)
        return f"{zulu_text(begin)} .. {zulu_text(end)} {self.kind} {where}"


Span = tuple[int, int, Incident]
"""An incident's beginning and end in microseconds, and itself."""


_KINDS: WeightedChoice[Kind] = WeightedChoice(
    [
        ("link_degraded", 0.3),
        ("site_down", 0.25),
        ("disk_full", 0.15),
        ("fts_stalled", 0.15),
        ("certificate_expired", 0.15),
    ]
)
_OPENING_KINDS: WeightedChoice[Kind] = WeightedChoice([("site_down", 0.6), ("certificate_expired", 0.4)])
_MINUTES: dict[Kind, tuple[float, float]] = {
    "link_degraded": (60, 480),
    "site_down": (20, 240),
    "disk_full": (120, 900),
    "fts_stalled": (15, 60),
    "certificate_expired": (60, 600),
}


def incidents_of(lake: Lake, seed: int, start: datetime, end: datetime) -> tuple[Incident, ...]:
    """The incidents that touch [start, end), in order of their beginning: what `simulate` uses by default."""
    incidents = [
        opening_incident(lake, seed, start),
        *_incidents_of_weeks(lake, seed, micros(start), micros(end)),
    ]
    overlapping_incidents = [i for i in incidents if i.begin < end.timestamp() and i.end > start.timestamp()]
    return tuple(sorted(overlapping_incidents, key=_order))


def opening_incident(lake: Lake, seed: int, start: datetime) -> Incident:
    """An incident that begins 3 to 10 s after the start and lasts 12 to 25 minutes, of a kind that shows fast.

    It strikes where nothing else is wrong at that time, if there is such a place.
    """
    chance = Chance("opening incident", lake.name, seed)
    begin = micros(start) + int(chance.between(3, 10) * SECOND)
    length = int(chance.between(12, 25) * MINUTE)
    others = _incidents_of_weeks(lake, seed, begin, begin + length)
    affected_names = {name for i in others if i.end > posix(begin) for name in (i.target, i.peer)}
    incident = _incident(lake, chance, _OPENING_KINDS.draw(chance), begin, length)
    for _ in range(50):
        if not affected_names & {incident.target, incident.peer} - {None}:
            break
        incident = _incident(lake, chance, incident.kind, begin, length)
    return incident


def _incidents_of_weeks(lake: Lake, seed: int, begin: int, end: int) -> list[Incident]:
    """All incidents of the calendar weeks that [begin, end) touches, and of the one before."""
    return [
        i for week in range(begin // WEEK - 1, end // WEEK + 1) for i in _incidents_of_week(lake, seed, week)
    ]


def _incidents_of_week(lake: Lake, seed: int, week: int) -> list[Incident]:
    """Three to six incidents for a lake of ten, more for a larger one."""
    chance = Chance("incidents", lake.name, seed, week)
    count = chance.integer(3, 6) + len(lake.disks) // 20
    incidents = []
    for _ in range(count):
        kind = _KINDS.draw(chance)
        begin = week * WEEK + int(chance.random() * WEEK)
        incidents.append(_incident(lake, chance, kind, begin, int(chance.between(*_MINUTES[kind]) * MINUTE)))
    return incidents


def _incident(lake: Lake, chance: Chance, kind: Kind, begin: int, length: int) -> Incident:
    peer = None
    if kind == "link_degraded":
        source, destination = chance.pick(mesh(lake))  # a link that perfSONAR watches too
        target, peer = source.name, destination.name
    elif kind == "disk_full":
        target = chance.pick(lake.disks).name
    elif kind == "fts_stalled":
        target = chance.pick(lake.fts).alias
    else:
        target = chance.pick(lake.sites).name
    severity = round(chance.between(0.85, 0.97), 3)
    return Incident(kind, target, posix(begin), posix(begin + length), peer, severity)


def _order(incident: Incident) -> tuple[float, str, str]:
    return incident.begin, incident.kind, incident.target


class Disturbances:
    """Looks up which incidents act on a site, a storage element, a link or an FTS server at a moment.

    Every look-up is a pure function of time, so each source may ask for any moment in any order.
    """

    def __init__(self, lake: Lake, incidents: Iterable[Incident]) -> None:
        self.incidents = tuple(sorted(incidents, key=_order))
        self._check(lake)
        self._down = self._by_target("site_down")
        self._certificate = self._by_target("certificate_expired")
        self._full = self._by_target("disk_full")
        self._stalled_servers = self._by_target("fts_stalled")
        self._links: dict[tuple[str, str], list[Span]] = {}
        self._link_ends: dict[str, list[Span]] = {}
        for incident in self.incidents:
            if incident.kind == "link_degraded" and incident.peer:
                for end, other in ((incident.target, incident.peer), (incident.peer, incident.target)):
                    self._links.setdefault((end, other), []).append(_span(incident))
                    self._link_ends.setdefault(end, []).append(_span(incident))

    def _by_target(self, kind: Kind) -> dict[str, list[Span]]:
        spans_by_target: dict[str, list[Span]] = {}
        for incident in self.incidents:
            if incident.kind == kind:
                spans_by_target.setdefault(incident.target, []).append(_span(incident))
        return spans_by_target

    def _check(self, lake: Lake) -> None:
        """Raise ValueError for an incident of something that the lake doesn't have."""
        for incident in self.incidents:
            if incident.kind == "disk_full":
                lake.rse(incident.target)
            elif incident.kind == "fts_stalled":
                if incident.target not in {server.alias for server in lake.fts}:
                    raise ValueError(
                        f"expected the alias of one of the lake's FTS servers, found {incident.target!r}"
                    )
            else:
                lake.site(incident.target)
            if incident.kind == "link_degraded":
                if incident.peer is None:
                    raise ValueError(
                        f"link_degraded of {incident.target!r} needs a peer: the link's other site"
                    )
                lake.site(incident.peer)

    def down(self, site: Site, us: int) -> Incident | None:
        return _active_incident(self._down.get(site.name), us)

    def certificate(self, site: Site, us: int) -> Incident | None:
        return _active_incident(self._certificate.get(site.name), us)

    def stall_of(self, server: FtsServer, us: int) -> Incident | None:
        return _active_incident(self._stalled_servers.get(server.alias), us)

    def link(self, source: Site, destination: Site, us: int) -> Incident | None:
        return _active_incident(self._links.get((source.name, destination.name)), us)

    def at_link_end(self, site: Site, us: int) -> bool:
        """Whether one of the site's links is degraded."""
        return _active_incident(self._link_ends.get(site.name), us) is not None

    def full(self, rse: Rse, us: int) -> Incident | None:
        """The incident once the RSE is full: the first fifth, in which it fills up, doesn't count."""
        incident = _active_incident(self._full.get(rse.name), us)
        return incident if incident and _fill_level(incident, us) >= 1 else None

    def used_share(self, rse: Rse, us: int) -> float:
        """The share of the RSE in use, 0..1: its usual level with a slow swing, 1 while it is full."""
        phase = (us + int(rse.id[:6], 16) * MINUTE) % WEEK / WEEK
        usual = rse.filled + 0.05 * (1 - 4 * abs(phase - 0.5))
        incident = _active_incident(self._full.get(rse.name), us)
        return usual + (1 - usual) * _fill_level(incident, us) if incident else usual


def _span(incident: Incident) -> Span:
    return int(incident.begin * SECOND), int(incident.end * SECOND), incident


def _active_incident(spans: list[Span] | None, us: int) -> Incident | None:
    if spans:
        for begin, end, incident in spans:
            if begin <= us < end:
                return incident
    return None


def _fill_level(incident: Incident, us: int) -> float:
    """How far a disk_full incident has come: 0 at its beginning, 1 once the disk is full."""
    return min(1.0, (us / SECOND - incident.begin) / (0.2 * (incident.end - incident.begin)))
