"""Alerts as events (dataset ``alerts``): when each opened, was notified, acknowledged, called false, and ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lakescope.alerts.model import Alert, Severity
from lakescope.alerts.routing import Receipts
from lakescope.core.events import AlertChange, AlertStep
from lakescope.core.printable import rfc3339
from lakescope.pipeline.health import OWN
from lakescope.transformers._common import identify

_PLACES = ("site", "src_site", "dst_site", "rse", "src_rse", "dst_rse", "host", "vo")
Step = tuple[AlertStep, Severity, float, float]
"""Event, the severity at that time, when (POSIX seconds), and since when it had lasted or waited for it."""


def events_of(alerts: Iterable[Alert], receipts: Receipts) -> Iterator[AlertChange]:
    """All steps of them so far. A step has the same id whenever it is asked for."""
    for alert in alerts:
        fields = _fields(alert)
        for event, severity, at, since in _steps(alert, receipts):
            yield AlertChange(
                id=identify("alert", alert.key, event, severity if event == "notified" else None),
                time=rfc3339(at),
                event=event,
                severity=severity,
                elapsed_s=max(0.0, at - since),
                **fields,
            )


def _steps(alert: Alert, receipts: Receipts) -> Iterator[Step]:
    deliveries = [of_receiver[alert.key] for of_receiver in receipts.of.values() if alert.key in of_receiver]
    first = min((one.opened for one in deliveries), default=None)
    page = min((one.paged for one in deliveries if one.paged is not None), default=None)
    yield "opened", alert.severity, alert.opened, alert.began
    if first is not None and first != page:  # a ticket, which may have become a page
        yield "notified", "ticket", first, alert.began
    if page is not None:
        yield "notified", "page", page, alert.began
    if (answer := alert.acknowledged) is not None:
        waited_since = page or first or alert.opened
        yield "acknowledged", alert.severity, answer.at, waited_since
        if answer.false_alarm:
            yield "false_alarm", alert.severity, answer.at, waited_since
    if alert.ended is not None:
        yield "ended", alert.severity, alert.ended, alert.began


def _fields(alert: Alert) -> dict[str, Any]:
    pairs = alert.culprits if "incident" in alert.labels else alert.labels.items()
    values: dict[str, set[str]] = {}
    for name, value in pairs:
        if name == "link":
            source, _, destination = value.partition(" -> ")
            values.setdefault("src_site", set()).add(source)
            values.setdefault("dst_site", set()).add(destination)
        elif name in _PLACES:
            values.setdefault(name, set()).add(value)
    return {
        "source": OWN,
        "collector": OWN,
        "alert": alert.key,
        "rule": alert.rule,
        "owner": alert.labels.get("owner"),
        "incident": alert.labels.get("incident"),
        "muted_by": alert.muted_by,
        "summary": alert.annotations.get("summary"),
        **{name: min(of_name) for name, of_name in values.items() if len(of_name) == 1},
    }
