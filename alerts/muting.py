"""What a declared downtime mutes: alerts of the places and services that it announces. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from lakescope.alerts.model import Alert
from lakescope.alerts.routing import LABELS, places_of

HOSTS = ("host", "src_host", "dst_host")
_NETWORK = ("perfsonar", "net.")
"""What portals call services that measure: their downtimes mute what they measure, and nothing else."""


class Outage(Struct, frozen=True, kw_only=True):
    """A downtime in force in which the service does not work; one at risk (``warning``) mutes nothing."""

    site: str | None = None
    rse: str | None = None
    host: str | None = None
    """Null: the whole site."""
    service: str | None = None
    until: str | None = None
    """RFC 3339; null: open."""
    description: str | None = None
    url: str | None = None

    def __str__(self) -> str:
        where = self.rse or self.host or self.site or "somewhere"
        until = f" until {self.until}" if self.until else ""
        return f"downtime of {where}{until}: {self.description or self.url or 'no reason given'}"


def outage_of(alert: Alert, topic: str, outages: Iterable[Outage]) -> Outage | None:
    """The first that announces what an alert is about; `topic`: the dataset that its rule is made of."""
    sites = places_of(alert, LABELS["sites"])
    rses = places_of(alert, LABELS["rses"])
    hosts = [value for name in HOSTS if (value := alert.labels.get(name))]
    for one in outages:
        measures = (one.service or "").lower().startswith(_NETWORK)
        if measures != (topic == "network") and one.host is not None:
            continue
        if (one.host is not None and one.host in hosts) or (one.rse is not None and one.rse in rses):
            return one
        is_whole = one.host is None or not (rses or hosts)
        if one.site is not None and one.site in sites and is_whole:
            return one
    return None
