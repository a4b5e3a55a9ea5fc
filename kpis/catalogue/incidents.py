"""Incidents of transfers, as Lakescope found them."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.model import DAY, Condition, Kpi, Part

INCIDENTS = ("severity", "owner", "site", "src_site", "dst_site", "protocol", "endpoint", "activity", "vo")

_incidents = partial(
    Kpi,
    dataset="incidents",
    unit="count",
    good="down",
    dimensions=INCIDENTS,
)

KPIS = (
    _incidents(
        name="incidents_began",
        meaning="Incidents of transfers that began in the time range.",
        where=(Condition("event", "=", "began"),),
        value=Part(kind="distinct", field="incident"),
        null="no incident began",
    ),
    _incidents(
        name="incidents_open",
        meaning="Incidents of transfers that are open.",
        where=(Condition("event", "=", "reported"),),
        value=Part(
            kind="last",
            field="incident",
            over="distinct",
            series=("incident",),
            state=(Condition("state", "=", "open"),),
            look_back_s=DAY,
        ),
        null="no incident is open, or none is looked for",
    ),
)
