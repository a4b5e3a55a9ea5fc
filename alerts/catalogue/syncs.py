"""Synchronisations into Rucio: whether they can tell, and whether somebody acts on what they tell."""

from __future__ import annotations

from functools import partial

from lakescope.alerts.model import Rule, Threshold
from lakescope.kpis.model import DAY, HOUR

_syncs = partial(Rule, owner="rucio", severity="ticket", by=("sync", "target"))

SYNCS: tuple[Rule, ...] = (
    _syncs(
        name="sync_failing",
        title="A synchronisation cannot tell",
        kpi="sync_runs_failed",
        condition=Threshold(above=0.5, clear=0.0),
        window_s=2 * HOUR,
        keep_s=HOUR,
        summary="{sync} {target}: {value} runs in {window} could not tell, threshold {threshold}",
        description="In {value} runs of the last {window} the synchronisation {sync} could not tell how Rucio differs from its"
        " source. What it had before stays in use, and nothing is changed in Rucio. Look first at the error of its last run: no"
        " answer of the source or Rucio, an answer that is no document or lacks too much, or too many changes for the guard.",
    ),
    _syncs(
        name="sync_drift_old",
        title="Rucio differs from its source",
        kpi="sync_drift_age",
        condition=Threshold(above=float(DAY), clear=0.0),
        window_s=2 * HOUR,
        keep_s=HOUR,
        summary="{sync} {target}: the oldest difference has been there for {value}, threshold {threshold}",
        description="Rucio differs from what it is synchronised with by {sync}, and the oldest difference has been there for"
        " {value}. Look first at the plan: apply it, or repair the source.",
    ),
)
