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
        meaning="Checks of services, whatever they found.",
        unit="count",
        good="neutral",
        value=Part(kind="count"),
        null="never null",
    ),
    _probes(
        name="probe_availability",
        meaning="Share of checks that found their service well, of all that gave an answer.",
        unit="ratio",
        good="up",
        value=EFFICIENCY,
        null="no check gave an answer",
        warning=0.95,
        critical=0.8,
    ),
    empty_hours("probes", "answer of a check", (*PROBES, "source")),
)
