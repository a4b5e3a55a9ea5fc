"""Alerts of rules and incidents: how many people were called for, how fast, and how many were false."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.model import Condition, Kpi, Part

_alerts = partial(
    Kpi,
    dataset="alerts",
    good="down",
    dimensions=("rule", "severity", "owner", "site", "src_site", "dst_site", "rse", "host", "vo"),
)
_PAGE = Condition("severity", "=", "page")


def _event(name: str) -> Condition:
    return Condition("event", "=", name)


KPIS = (
    _alerts(
        name="alerts_opened",
        meaning="Alerts that opened, of rules and incidents, muted ones too.",
        unit="count",
        where=(_event("opened"),),
        value=Part(kind="count"),
        null="no alert opened",
    ),
    _alerts(
        name="pages_sent",
        meaning="Alerts for which somebody was paged.",
        unit="count",
        where=(_event("notified"), _PAGE),
        value=Part(kind="count"),
        null="nobody was paged",
    ),
    _alerts(
        name="pages_acknowledged",
        meaning="Pages that somebody acknowledged in the time range.",
        unit="count",
        good="up",
        where=(_event("acknowledged"), _PAGE),
        value=Part(kind="count"),
        null="nobody acknowledged a page",
    ),
    _alerts(
        name="pages_false",
        meaning="Pages that somebody called a false alarm in the time range.",
        unit="count",
        where=(_event("false_alarm"), _PAGE),
        value=Part(kind="count"),
        null="no page was called a false alarm",
    ),
    _alerts(
        name="time_to_page_p50",
        meaning="Median time from the beginning of what is wrong, as the data shows it, to the page.",
        unit="seconds",
        where=(_event("notified"), _PAGE),
        value=Part(kind="percentile", field="elapsed_s", quantile=0.5),
        null="nobody was paged",
    ),
    _alerts(
        name="time_to_acknowledge_p50",
        meaning="Median time from the page to its acknowledgement.",
        unit="seconds",
        where=(_event("acknowledged"), _PAGE),
        value=Part(kind="percentile", field="elapsed_s", quantile=0.5),
        null="nobody acknowledged a page",
    ),
    _alerts(
        name="time_to_resolve_p50",
        meaning="Median time from the beginning of what is wrong to its end, of pages that ended in the time range.",
        unit="seconds",
        where=(_event("ended"), _PAGE),
        value=Part(kind="percentile", field="elapsed_s", quantile=0.5),
        null="no page ended",
    ),
)
