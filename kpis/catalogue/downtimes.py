"""Declared downtimes of sites and services."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.model import Condition, Kpi, Part, Timeline

DOWNTIMES = ("site", "rse", "host", "service", "severity", "classification", "source", "vo")
REPORTED = (Condition("event", "=", "reported"),)
SERIES = ("source", "downtime_id", "portal_site", "host", "service")
"""One service of one downtime."""

_downtimes = partial(Kpi, dataset="downtimes", where=REPORTED, dimensions=DOWNTIMES)
_last = partial(Part, kind="last", field="downtime_id", over="distinct", series=SERIES, polled="downtimes")

KPIS = (
    _downtimes(
        name="downtimes_running",
        meaning="Distinct downtimes that are running in the latest complete answer of their portal.",
        unit="count",
        good="down",
        value=_last(state=(Condition("state", "=", "running"),)),
        null="downtimes are not polled, or the portal does not answer",
    ),
    _downtimes(
        name="downtimes_planned",
        meaning="Distinct downtimes that have not begun, in the latest complete answer of their portal.",
        unit="count",
        good="neutral",
        value=_last(state=(Condition("state", "=", "planned"),)),
        null="downtimes are not polled, or the portal does not answer",
    ),
    _downtimes(
        name="downtime",
        meaning="Time in which at least one declared downtime was in force, of any severity.",
        unit="seconds",
        good="down",
        value=Timeline("downtime"),
        null="downtimes are not polled, or the portal does not answer",
    ),
)
