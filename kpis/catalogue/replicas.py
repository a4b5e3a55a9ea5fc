"""Replicas that were declared bad, suspicious or lost."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.catalogue._common import are_known
from lakescope.kpis.model import Condition, Kpi, Part

_replicas = partial(Kpi, unit="count", dataset="replicas", good="down")
_COUNTED = are_known("count")
_UNASKED = "bad replicas are not polled (/replicas/bad/summary), or Rucio does not answer"
_count = Part(
    kind="last", field="count", series=("rse", "state", "reason"), over="total", polled="bad_replicas"
)
_of_state = partial(_replicas, value=_count, null=_UNASKED)

KPIS = (
    _of_state(
        name="replicas_declared",
        meaning="Replicas that were declared bad or suspicious in the days that are polled, by what they are now.",
        where=_COUNTED,
        dimensions=("state", "rse", "site", "reason", "vo"),
    ),
    *(
        _of_state(
            name=f"replicas_{state}",
            meaning=f"Replicas that were declared in the days that are polled and are now {state}{what}.",
            where=(*_COUNTED, Condition("state", "=", state)),
            dimensions=("rse", "site", "reason", "vo"),
        )
        for state, what in (
            ("bad", ": not recovered yet"),
            ("suspicious", ""),
            ("lost", ": there was no other copy"),
        )
    ),
    _replicas(
        name="replicas_suspicious_files",
        meaning="Files that were declared suspicious, each counted once for each RSE.",
        where=are_known("attempts"),
        value=Part(
            kind="last",
            field="attempts",
            series=("rse", "scope", "name"),
            over="count",
            polled="suspicious",
        ),
        dimensions=("rse", "site", "scope", "vo"),
        null="suspicious files are not polled (/replicas/suspicious), or Rucio does not answer",
    ),
)
