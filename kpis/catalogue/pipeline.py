"""Lakescope's own work."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.model import Condition, Kpi, Part

PIPELINE = ("instance", "stage", "name")

_pipeline = partial(
    Kpi,
    dataset="pipeline",
    good="down",
    dimensions=PIPELINE,
    where=(Condition("stage", "not", "alerts"),),  # those only say that an instance evaluates
    null="Lakescope has not reported",
)

KPIS = (
    _pipeline(
        name="lag_p99",
        meaning="99th percentile of the time from an event to its storage, in the worst interval.",
        unit="seconds",
        value=Part(kind="max", field="lag_p99_s"),
        warning=600.0,
        critical=3600.0,
    ),
    _pipeline(
        name="lag_p50",
        meaning="Median time from an event to its storage, averaged over the intervals.",
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
        meaning="Events received, including those that became dead letters or were filtered.",
        unit="count",
        good="neutral",
        value=Part(kind="sum", field="received"),
    ),
    _pipeline(
        name="events_stored",
        meaning="Events stored, counted once per sink.",
        unit="count",
        good="neutral",
        value=Part(kind="sum", field="stored"),
    ),
    _pipeline(
        name="write_retries",
        meaning="Writes that were retried because the store did not accept them.",
        unit="count",
        value=Part(kind="sum", field="retries"),
    ),
    _pipeline(
        name="queue_peak",
        meaning="Largest number of events queued for one sink at the end of an interval.",
        unit="count",
        value=Part(kind="max", field="queued"),
    ),
    _pipeline(
        name="overflow_peak",
        meaning="Most that waited on disk for one sink at the end of an interval.",
        unit="bytes",
        value=Part(kind="max", field="overflow_bytes"),
        null="no sink has an overflow",
    ),
    _pipeline(
        name="overflow_age",
        meaning="Longest time that an event had waited on disk at the end of an interval.",
        unit="seconds",
        value=Part(kind="max", field="overflow_age_s"),
        warning=3600.0,
        critical=86_400.0,
        null="no sink has an overflow",
    ),
    _pipeline(
        name="events_overflowed",
        meaning="Events written to disk because a store was away or slow.",
        unit="count",
        value=Part(kind="sum", field="overflowed"),
        null="no sink has an overflow",
    ),
    _pipeline(
        name="token_life",
        meaning="Shortest time that a fetched token of an issuer was still valid at the end of an interval.",
        unit="seconds",
        good="up",
        value=Part(kind="min", field="token_life_s"),
        null="nothing here fetches tokens",
    ),
    _pipeline(
        name="token_failures",
        meaning="Times that an issuer gave no token.",
        unit="count",
        value=Part(kind="sum", field="token_failures"),
        warning=1.0,
        null="nothing here fetches tokens",
    ),
    _pipeline(
        name="pipeline_reports",
        meaning="Reports of Lakescope, one per interval: on each collector, each sink and each receiver that fetches tokens.",
        unit="count",
        good="neutral",
        value=Part(kind="count"),
        null="never null",
    ),
    _pipeline(
        name="collector_silence",
        meaning="Time without any message, summed over the collectors.",
        unit="seconds",
        value=Part(kind="sum", field="silent_s"),
    ),
)
