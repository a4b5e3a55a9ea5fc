"""What an alert rule is, what it says of a lake at a time, and what people are notified of.

    Rule    = KPI + condition (window, `for`, least volume, when it clears) + dimensions + severity + words
    Verdict = one group of a rule in one round: a value, a threshold, whether it is abnormal, or that nothing is known
    Alert   = one group (or one incident) of which people are notified, from its opening to its end

No query text: a rule names a KPI, and `lakescope.kpis` compiles it for each store. All is pure data; times are POSIX
seconds, durations seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Literal

from msgspec import Struct, field

Severity = Literal["page", "ticket"]
Owner = Literal["lake", "site", "storage", "network", "rucio", "fts", "vo", "monitoring"]
"""Who can do something: whom a receiver or a subscription may be chosen by."""
State = Literal["ok", "pending", "firing", "clearing", "covered", "unknown", "no data", "no baseline"]
"""covered: abnormal, and people are notified of a greater alert instead; no data: the rule's feed is not there; no baseline:
too little history for a verdict; unknown: the store did not answer."""
NOT_JUDGED: tuple[State, ...] = ("unknown", "no data", "no baseline")
Event = Literal["opened", "raised", "updated", "resolved", "escalated", "reminded", "digest"]
"""raised: the severity rose. reminded: a silence is over, and it is still open. updated notifies nobody
by itself: receivers that keep a state (Alertmanager) get it."""


def label_text(name: str) -> str:
    """A label's name as people read it: ``destination site`` for ``dst_site``."""
    words = {"src": "source", "dst": "destination", "rse": "RSE", "vo": "VO", "ip": "IP", "fts": "FTS"}
    return " ".join(words.get(one, one) for one in name.split("_"))


class Threshold(Struct, frozen=True, kw_only=True, tag=True):
    """The KPI's value itself, in its unit: beyond a limit, not at it. With both limits set, abnormal is what lies between
    them: what is worse still belongs to another rule."""

    above: float | None = None
    below: float | None = None
    clear: float | None = None
    """It ends when the value is back at this or better (hysteresis), seen from `above` where both are set; null: at the limit."""
    unsigned: bool = False
    """The value is compared without its sign: a clock may be ahead or behind."""


class Baseline(Struct, frozen=True, kw_only=True, tag=True):
    """The KPI's value against the same group's own earlier ones: the median of windows of the same length before it."""

    history_s: int
    """How far back (seconds)."""
    ratio_above: float | None = None
    """Abnormal above so many times the median."""
    ratio_below: float | None = None
    """Abnormal below so many times the median."""
    deviations: float = 3.0
    """And by so many robust standard deviations (1.4826 times the median absolute deviation)."""
    least: float = 0.0
    """And by at least so much (the KPI's unit)."""
    clear_ratio: float | None = None
    """Back within this ratio to the median it ends; null: at the ratio itself."""
    least_windows: int = 24
    """With fewer earlier values there is no verdict."""
    missing_is_zero: bool = False
    """Of a count: a group's windows without a row are 0, where the feed had data in them. So a new error class is judged, too."""


class BurnRate(Struct, frozen=True, kw_only=True, tag=True):
    """How fast an objective's budget of errors is used up, in two windows at once: the rule's own and a shorter one.

    Source: Google SRE workbook, chapter 5, "Multiwindow, Multi-Burn-Rate Alerts".
    """

    target: float
    """What share must be good, 0..1."""
    rate: float
    """Abnormal from so many times the even rate on."""
    short_s: int
    """The shorter window (seconds)."""


class Absence(Struct, frozen=True, kw_only=True, tag=True):
    """Groups that had a value in the history and have none (or 0) in the window: what fell silent."""

    history_s: int
    least_windows: int = 1
    """In so many windows of the history the group must have been heard."""


Condition = Threshold | Baseline | BurnRate | Absence


class Volume(Struct, frozen=True):
    """How much a group must have in the window for a rule to judge it: small numbers decide nothing."""

    kpi: str
    least: float


class Peers(Struct, frozen=True, kw_only=True):
    """What is abnormal with many others at once is one alert, of itself; its pairs are in it, and nobody is notified of them."""

    dimensions: tuple[str, ...]
    """Of the rule's, such as ``("src_host", "dst_host")``: a value counts at either of them, and its others are the values at
    the other one, whatever else the rule groups by. Of one dimension the others are the rests of its groups."""
    least: int
    """With so many others."""
    all_from: int | None = None
    """Or with all that were measured with it, from so many on; null: never by this."""
    label: str
    """The label of its alert, such as ``host``."""
    sites: tuple[str, ...] = ()
    """Of the rule's dimensions, for each of `dimensions` that with the site at the same end: its alert has it as ``site``, so
    that it goes to that site's administrators."""
    summary: str
    """As a rule's, with `{peer}`, its value, and `{count}`, the number of the others."""


class Rule(Struct, frozen=True, kw_only=True):
    """One rule of the catalogue."""

    name: str
    """As in Prometheus: ``transfer_efficiency_link``."""
    title: str
    """What is wrong, in five words."""
    kpi: str
    condition: Condition
    window_s: int
    """The range that the KPI is asked about; a snapshot is asked at its end."""
    by: tuple[str, ...] = ()
    """Dimensions: each group is judged alone and is an alert of its own. Groups with a null dimension are left out."""
    optional: tuple[str, ...] = ()
    """Those of `by` that may be null, such as the site of a host that no topology knows: the alert then has no such label."""
    late_s: int = 0
    """The window ends so long before the round: what is reported late has come by then."""
    for_s: int = 0
    """Abnormal in every round for so long, it fires."""
    keep_s: int = 900
    """Clear in every round for so long, it ends."""
    volume: Volume | None = None
    filters: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    severity: Severity = "ticket"
    owner: Owner = "lake"
    summary: str
    """One line with numbers; `{value}`, `{threshold}`, `{volume}`, `{median}`, `{window}` and each dimension are filled in."""
    description: str
    """What it means and what to do first; the same fields."""
    peers: Peers | None = None
    hold_s: int = 0
    """A group that has no value any more, or less than the least volume, keeps its alert open for so long (seconds), as it
    is not known to be well; 0: it counts as normal, as a count of nothing is."""
    is_incident: bool = False
    """Of failed transfers: the search for incidents names their culprit, and groups of whose failures an open incident has most
    are not alerts beside it (`lakescope.alerts.covering`)."""
    enabled: bool = True
    runbook_url: str | None = None
    """Null: that of Lakescope's documentation, by the rule's name."""

    @property
    def runbook(self) -> str:
        """Path of its runbook in Lakescope's documentation."""
        return f"docs/runbooks/{self.name}.md"

    @property
    def labels(self) -> tuple[str, ...]:
        """Of its alerts, those that say where: the dimensions, and those of its peers."""
        of_peers = (self.peers.label, *(("site",) if self.peers.sites else ())) if self.peers else ()
        return tuple(dict.fromkeys((*self.by, *of_peers)))

    def is_peer(self, group: tuple[str, ...]) -> bool:
        """Whether a group is one of `Peers`, and not one of the rule's dimensions."""
        return self.peers is not None and len(group) != len(self.by)

    def ends(self, group: tuple[str, ...]) -> set[str]:
        """Which peers a group of the rule's dimensions belongs to."""
        return {group[self.by.index(name)] for name in self.peers.dimensions} if self.peers else set()

    def places(self, group: tuple[str, ...]) -> dict[str, str]:
        """The labels of a verdict's group: its dimensions, or its peer alone."""
        if self.peers and self.is_peer(group):
            return dict(zip((self.peers.label, "site"), group, strict=False))
        return dict(zip(self.by, group, strict=True))


class Verdict(Struct, frozen=True, kw_only=True):
    """What a round found of one group of a rule."""

    rule: str
    group: tuple[str, ...] = ()
    """Values of the rule's dimensions; of `Peers`, the one value and, with `Peers.sites`, its site, empty if not known."""
    state: Literal["normal", "between", "abnormal", "too few", "unknown", "no data", "no baseline"]
    """between: better than the threshold, not yet at `clear`; too few: less than the least volume."""
    covered_by: str | None = None
    """Of a pair: its peer, of which people are notified instead."""
    count: int | None = None
    """Of a peer: with how many others it is abnormal."""
    value: float | None = None
    threshold: float | None = None
    volume: float | None = None
    median: float | None = None
    completeness: float | None = None
    """Share of the window's hours with data of the rule's feed, 0..1."""
    reason: str | None = None
    """Of ``no data`` and ``unknown``: what the store said, if it said why."""


class Acknowledgement(Struct, frozen=True, kw_only=True):
    """Somebody works on it: it is not escalated."""

    by: str
    at: float
    note: str = ""
    false_alarm: bool = False
    """Nothing was wrong: nobody should have been notified."""


class Silence(Struct, frozen=True, kw_only=True):
    """Nobody is notified of it until then; who was notified before is reminded if it is still open."""

    by: str
    until: float
    reason: str

    def __str__(self) -> str:
        return f"silenced by {self.by}: {self.reason}"


_COMMON = ("rule", "severity", "owner", "incident")


class Alert(Struct, kw_only=True):
    """What people are notified of: it has one key from its opening to its end."""

    rule: str
    labels: dict[str, str]
    """``rule``, ``severity``, ``owner``, the dimensions, and of an incident its ``incident`` id: never numbers or culprits,
    so that a change of them is an update."""
    annotations: dict[str, str]
    """summary, description, value, culprit, began, completeness, runbook_url, dashboard_url, alert_url, downtime."""
    severity: Severity
    began: float
    """When the data first shows it."""
    opened: float
    """When it began to fire."""
    ended: float | None = None
    acknowledged: Acknowledgement | None = None
    silence: Silence | None = None
    """The last one; it may be over."""
    culprits: tuple[tuple[str, str], ...] = ()
    """Of an incident: attribute and value of its patterns (`search.Pattern`), such as ``("src_site", "A")``; subscriptions by
    site, RSE, VO or activity look at these alone."""
    muted_by: str | None = None
    """Why nobody is notified: a downtime, a silence, a greater alert."""

    @property
    def key(self) -> str:
        """The same in every round and after a restart, another one when it opens anew: part of a Message-ID."""
        return blake2b(f"{self.identity} {self.opened:.0f}".encode(), digest_size=10).hexdigest()

    @property
    def places(self) -> dict[str, str]:
        """Its labels without those that every alert has."""
        return {name: value for name, value in self.labels.items() if name not in _COMMON}

    @property
    def identity(self) -> str:
        """Of what is wrong, whenever it opened and whichever instance saw it: PagerDuty's `dedup_key`."""
        labels = sorted((name, value) for name, value in self.labels.items() if name != "severity")
        return blake2b(repr(labels).encode(), digest_size=10).hexdigest()


class Notification(Struct, frozen=True, kw_only=True):
    """One message to one receiver."""

    event: Event
    alert: Alert
    at: float

    @property
    def key(self) -> str:
        """Stable, so that a receiver can tell a repeat."""
        silence = self.alert.silence
        which = f"-{silence.until:.0f}" if silence and self.event == "reminded" else ""
        return f"{self.alert.key}-{self.event}{which}"
