"""Incidents as events (dataset ``incidents``), for dashboards, reports and whoever shares the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

from lakescope.alerts.book import IncidentRecord
from lakescope.alerts.records import alert_of
from lakescope.core.events import IncidentReport
from lakescope.core.printable import rfc3339
from lakescope.pipeline.health import OWN

_PLACES = ("site", "src_site", "dst_site", "src_rse", "dst_rse", "protocol", "endpoint", "vo", "activity")


def events_of(
    records: Iterable[IncidentRecord], now: float, notified: Mapping[str, float] | None = None
) -> Iterator[IncidentReport]:
    """A report of each at a time (POSIX seconds); in the round that confirms it, that it began, too.

    That it began is written once, as it is known then: its tags would be others later, and for InfluxDB an event with other
    tags is another point, whatever its id. Ids are the same whichever instance makes them. `notified`: incident -> when the first
    receiver took it (POSIX seconds).
    """
    for one in records:
        fields: dict[str, Any] = {
            "source": OWN,
            "collector": OWN,
            "incident": one.id,
            "state": "open" if one.ended is None else "ended",
            "severity": one.severity,
            "owner": one.owner,
            "culprit": one.culprit,
            "started": rfc3339(one.began),
            "ended": _time(one.ended),
            "notified": _time((notified or {}).get(one.id)),
            "acknowledged": _time(one.acknowledged.at if one.acknowledged else None),
            "attempts": round(one.attempts),
            "failures": round(one.failures),
            "expected": round(one.expected, 1),
            "error_template": one.error or one.error_class,
            "muted_by": one.muted_by,
            "summary": alert_of(one).annotations["summary"],
            **_places(one),
        }
        if now <= one.opened:
            yield IncidentReport(id=_id(one.id, "began"), event="began", time=rfc3339(one.began), **fields)
        yield IncidentReport(id=_id(one.id, f"{now:.0f}"), event="reported", time=rfc3339(now), **fields)


def _places(record: IncidentRecord) -> dict[str, str]:
    if len(record.patterns) != 1:
        return {}
    places = {name: value for name, value in record.patterns[0] if name in _PLACES}
    if link := dict(record.patterns[0]).get("link"):
        places["src_site"], _, places["dst_site"] = link.partition(" -> ")
    return places


def _id(*parts: str) -> str:
    return blake2b(" ".join(("incident", *parts)).encode(), digest_size=16).hexdigest()


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(seconds)
