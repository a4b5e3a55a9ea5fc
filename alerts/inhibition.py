"""Which alert mutes which: one table, for Lakescope's own notifications and for Alertmanager's `inhibit_rules`. Pure.

A cause mutes what follows from it: a site's outage its links, the lake its sites, the network what runs over it, the fast rule of
an objective its slower ones. A ticket never mutes a page. Nothing mutes itself, and there is no circle: each entry mutes what
reaches less far (lake, site, link) or is slower, but the network's, which mute other topics than the network, and no other topic
mutes the network.

What an open incident explains is not in the table, since no label says what an incident is of: `alerts.covering`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from lakescope.alerts.model import Alert, BurnRate, Rule
from lakescope.alerts.objectives import SPEEDS
from lakescope.kpis.catalogue import CATALOGUE

MUTE = "lakescope_mute"
"""An alert with the severity none: of a site whose links are muted, as `src_site` or as `dst_site`."""
ENDS = ("src_site", "dst_site")
DIMENSIONS = (
    *("site", "rse", "src_site", "dst_site", "src_rse", "dst_rse", "host", "src_host", "dst_host"),
    *("vo", "activity", "account", "protocol", "endpoint", "incident"),
)
"""Labels that say where."""
_SEVERITIES = ("page", "ticket")


class Matcher(NamedTuple):
    """A label's values; with `is_other` all but these. A label that an alert lacks is empty."""

    label: str
    values: tuple[str, ...]
    is_other: bool = False

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether labels pass."""
        return (labels.get(self.label, "") in self.values) is not self.is_other


class Inhibition(NamedTuple):
    """An alert that fits `source` mutes one that fits `target` and has the same values of the labels `equal`."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...]


def _of(label: str, *values: str) -> Matcher:
    return Matcher(label, values)


def _has(label: str) -> Matcher:
    return Matcher(label, ("",), is_other=True)


def _graded(source: tuple[Matcher, ...], target: tuple[Matcher, ...], *equal: str) -> Iterator[Inhibition]:
    """Any severity mutes a ticket, a page alone mutes a page."""
    yield Inhibition((*source, _of("severity", *_SEVERITIES)), (*target, _of("severity", "ticket")), equal)
    yield Inhibition((*source, _of("severity", "page")), (*target, _of("severity", "page")), equal)


def _table() -> Iterator[Inhibition]:
    alerts = _of("severity", *_SEVERITIES)
    for end in ENDS:  # a site's downtime or outage: its links
        yield Inhibition((_of("alertname", MUTE), _has(end)), (alerts, _has(end)), (end,))
    # a downtime: the rest of what is reported of the site
    yield Inhibition((_of("alertname", MUTE), _of("cause", "downtime")), (alerts, _has("site")), ("site",))
    for end in ENDS:  # a source or a destination that fails as a whole: its links
        yield from _graded((_of("scope", "site"), _has(end)), (_of("scope", "link"), _has(end)), end, "topic")
    # the lake: its sites and links, of the same kind
    yield Inhibition(
        (_of("scope", "lake"), _of("severity", "page")), (_of("scope", "site", "link"), alerts), ("topic",)
    )
    # the network: what runs over the same link; a clock that is wrong spoils measurements, not transfers
    both = (_has("src_site"), _has("dst_site"))
    clocks = Matcher("alertname", ("network_clock_error", "network_clock_correction"), is_other=True)
    yield from _graded(
        (_of("topic", "network"), _of("scope", "link"), clocks, *both),
        (Matcher("topic", ("network",), is_other=True), *both),
        *ENDS,
    )
    # an objective whose budget is used up fast: its slower rules
    for number, speed in enumerate(SPEEDS[:-1], 1):
        slower = _of("burn", *(one.name for one in SPEEDS[number:]))
        yield from _graded((_of("burn", speed.name),), (slower,), "objective", *DIMENSIONS)


INHIBITIONS = tuple(_table())


def reach_of(rule: Rule) -> dict[str, str]:
    """What the table knows of a rule's alerts beside their own labels."""
    reach = {"scope": scope_of(rule), "topic": topic_of(rule)}
    if isinstance(rule.condition, BurnRate):
        reach["objective"], _, reach["burn"] = rule.name.rpartition("_")
    return reach


def scope_of(rule: Rule) -> str:
    """lake, site, link or other: how far a rule's groups reach."""
    ends = {name.partition("_")[0] for name in rule.by if name.startswith(("src_", "dst_"))}
    if not rule.by:
        return "lake"
    if ends == {"src", "dst"}:
        return "link"
    return "site" if ends or {"site", "rse"} & {*rule.by} else "other"


def topic_of(rule: Rule) -> str:
    """What is measured, as the KPI's dataset: an alert mutes only what is of its kind, or runs over it."""
    kpi = CATALOGUE.get(rule.kpi)
    return kpi.dataset if kpi else "other"


def is_outage(rule: Rule) -> bool:
    """Whether its alerts say that a whole site is out of order."""
    return rule.severity == "page" and rule.by == ("site",)


def causes(alerts: Iterable[Alert], rules: Mapping[str, Rule]) -> dict[str, Alert]:
    """Key of an open alert that is muted by another open one -> the one that mutes it.

    Downtimes are not among them (`alerts.muting`): their reports say more than a site's name. Whether somebody is notified of
    the cause does not matter: it is open, and whoever silenced or acknowledged it knows of it.
    """
    ordered = sorted((one for one in alerts if one.ended is None), key=lambda one: (one.opened, one.key))
    labelled = [(one, _labels(one, rules.get(one.rule))) for one in ordered]
    sources: dict[tuple[int, tuple[str, ...]], Alert] = {}
    for alert, own in labelled:
        for labels in (own, *_outages(own, rules.get(alert.rule))):
            for number, one in enumerate(INHIBITIONS):
                if _fit(one.source, labels):
                    sources.setdefault((number, _values(one, labels)), alert)
    muted: dict[str, Alert] = {}
    for alert, own in labelled:
        for number, one in enumerate(INHIBITIONS):
            source = sources.get((number, _values(one, own)))
            if source is not None and source is not alert and _fit(one.target, own):
                muted.setdefault(alert.key, source)
    return muted


def _fit(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    return all(one.fits(labels) for one in matchers)


def _values(inhibition: Inhibition, labels: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in inhibition.equal)


def _labels(alert: Alert, rule: Rule | None) -> dict[str, str]:
    """As Prometheus' rules have them."""
    reach = reach_of(rule) if rule else {"topic": "transfers"}
    return alert.labels | {"alertname": alert.rule} | reach


def _outages(labels: Mapping[str, str], rule: Rule | None) -> Iterator[dict[str, str]]:
    if rule is not None and is_outage(rule):
        for end in ENDS:
            yield {"alertname": MUTE, "severity": "none", "cause": "outage", end: labels["site"]}
