"""Accesses of clients, by Rucio's traces."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.catalogue._common import EFFICIENCY, ENDED
from lakescope.kpis.model import Kpi, Part

ACCESSES = ("vo", "rse", "site", "protocol", "event", "client_site", "client_state")

_accesses = partial(Kpi, dataset="traces", good="up", dimensions=ACCESSES)

KPIS = (
    _accesses(
        name="accesses",
        meaning="File accesses by clients, successful or failed.",
        unit="count",
        good="neutral",
        value=Part(kind="count", where=(ENDED,)),
        null="never null",
    ),
    _accesses(
        name="access_efficiency",
        meaning="Share of client accesses that delivered the file.",
        unit="ratio",
        value=EFFICIENCY,
        null="no access ended",
        warning=0.9,
        critical=0.5,
    ),
)
