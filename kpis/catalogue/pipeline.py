"""Lakescope's own work."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.model import Kpi, Part

PIPELINE = ("instance", "stage", "name")

_pipeline = partial(
    Kpi, dataset="pipeline", good="down", dimensions=PIPELINE, null="Lakescope has not reported"
)

KPIS = (
    _pipeline(
        name="lag_p99",
        meaning="99 of 100 events were stored sooner than this after their time, in the worst interval.",
        unit="seconds",
        value=Part(kind="max", field="lag_p99_s"),
        warning=600.0,
        critical=3600.0,
    ),
    _pipeline(
        name="lag_p50",
        meaning="Half of the events were stored sooner than this after their time, in the mean of the intervals.",
        unit="seconds",
        value=Part(kind="mean", field="lag_p50_s"),
    ),
    _pipeline(
        name="dead_letters",
        meaning="Events that became dead letters.",
        unit="count",
        value=Part(kind="sum", field="dead"),
        warning=1.0,
    ),
    _pipeline(
        name="events_received",
        meaning="Events that came, those that became dead letters or were filtered too.",
        unit="count",
        good="neutral",
        value=Part(kind="sum", field="received"),
    ),
    _pipeline(
        name="events_stored",
        meaning="Events that were stored, once for each sink.",
        unit="count",
        good="neutral",
        value=Part(kind="sum", field="stored"),
    ),
    _pipeline(
        name="write_retries",
        meaning="Writes that a store made Lakescope try again.",
        unit="count",
        value=Part(kind="sum", field="retries"),
    ),
    _pipeline(
        name="queue_peak",
        meaning="Most events that waited for one sink at an interval's end.",
        unit="count",
        value=Part(kind="max", field="queued"),
    ),
    _pipeline(
        name="collector_silence",
        meaning="Time in which nothing came, summed over the collectors.",
        unit="seconds",
        value=Part(kind="sum", field="silent_s"),
    ),
)
