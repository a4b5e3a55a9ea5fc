"""Services, by probes."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.catalogue._common import EFFICIENCY, empty_hours
from lakescope.kpis.model import Kpi, Part

PROBES = ("probe", "site", "rse", "operation", "protocol", "vo")

_probes = partial(Kpi, dataset="probes", dimensions=PROBES)

KPIS = (
    _probes(
        name="probe_checks",
        meaning="Probes of services, whatever their result.",
        unit="count",
        good="neutral",
        value=Part(kind="count"),
        null="never null",
    ),
    _probes(
        name="probe_availability",
        meaning="Probes that found their service healthy, divided by all that returned a result.",
        unit="ratio",
        good="up",
        value=EFFICIENCY,
        null="no probe returned a result",
        warning=0.95,
        critical=0.8,
    ),
    empty_hours("probes", "answer of a check", (*PROBES, "source")),
)
