"""Synchronisations into Rucio."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.model import Condition, Kpi, Part

_syncs = partial(
    Kpi,
    dataset="syncs",
    good="down",
    dimensions=("sync", "target", "vo"),
    null="no synchronisation ran",
)

KPIS = (
    _syncs(
        name="sync_drift",
        meaning="Differences between Rucio and what it is synchronised with (CRIC, IAM), in the run with the most.",
        unit="count",
        value=Part(kind="max", field="drift"),
        warning=1.0,
    ),
    _syncs(
        name="sync_drift_age",
        meaning="How long the oldest difference between Rucio and what it is synchronised with has been there.",
        unit="seconds",
        value=Part(kind="max", field="drift_age_s"),
        warning=86400.0,
    ),
    _syncs(
        name="sync_runs_failed",
        meaning="Runs that could not tell: no answer of the source or Rucio, a refused answer, or a stop by the guard.",
        unit="count",
        value=Part(kind="count", where=(Condition("ok", "=", False),)),
        null="never null",
        warning=1.0,
    ),
    _syncs(
        name="sync_changes",
        meaning="Changes that synchronisations made in Rucio.",
        unit="count",
        good="neutral",
        value=Part(kind="sum", field="applied"),
    ),
)
