"""What the KPIs of dataset ``rucio`` share: what Rucio counts of its servers, daemons and probes.

Counters and timers are increases, which a daemon's restart does not make negative; gauges are states: what counts is the last
report of each series, until it is stale or its page or group lacks it. A metric's names are those of
`lakescope.transformers.rucio_metrics`; where releases of Rucio's probes differ, all of them are listed.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from lakescope.kpis.model import HOUR, Condition, Kpi, Part, PerSecond, Ratio, Unit

DIMENSIONS = (
    *("component", "vo", "rse", "site", "activity", "state", "endpoint"),
    *("exception", "job", "instance", "metric"),
)
COUNT, SUM = Condition("part", "=", "count"), Condition("part", "=", "sum")

SERIES = ("instance", "series")
increase = partial(Part, kind="increase", field="value", series=SERIES)
_last = partial(Part, kind="last", field="value", series=SERIES, polled="metrics")
rucio = partial(Kpi, dataset="rucio", dimensions=DIMENSIONS)
NO_RISE = "fewer than two reports"


def of(component: str | tuple[str, ...] | None, *metrics: str) -> tuple[Condition, ...]:
    named = [("component", component)] if component else []
    named += [("metric", metrics[0] if len(metrics) == 1 else metrics)] if metrics else []
    return tuple(Condition(field, "in" if isinstance(value, tuple) else "=", value) for field, value in named)


def counted(
    name: str, meaning: str, component: Any, *metrics: str, good: Any = "neutral", **rest: Any
) -> Kpi:
    """How much a counter rose."""
    where = (*of(component, *metrics), *rest.pop("where", ()))
    return rucio(
        name=name,
        meaning=meaning,
        unit="count",
        good=good,
        where=where,
        value=increase(),
        null=NO_RISE,
        **rest,
    )


def rate(name: str, meaning: str, component: Any, *metrics: str, good: Any = "neutral", **rest: Any) -> Kpi:
    """How fast a counter rose."""
    where = (*of(component, *metrics), *rest.pop("where", ()))
    value = PerSecond(increase())
    return rucio(
        name=name, meaning=meaning, unit="1/s", good=good, where=where, value=value, null=NO_RISE, **rest
    )


def timed(name: str, meaning: str, component: Any, *metrics: str, **rest: Any) -> Kpi:
    """Average of a timer."""
    return rucio(
        name=name,
        meaning=meaning,
        unit="seconds",
        good="down",
        where=of(component, *metrics),
        value=Ratio(increase(where=(SUM,)), increase(where=(COUNT,))),
        null="nothing was timed, or fewer than two reports",
        **rest,
    )


def gauge(
    name: str,
    meaning: str,
    component: Any,
    *metrics: str,
    over: Any = "max",
    good: Any = "down",
    look_back_s: int = 6 * HOUR,
    unit: Unit = "count",
    **rest: Any,
) -> Kpi:
    """A state, as last reported."""
    where = (*of(component, *metrics), *rest.pop("where", ()))
    return rucio(
        name=name,
        meaning=f"{meaning}, as last reported.",
        unit=unit,
        good=good,
        where=where,
        value=_last(over=over, look_back_s=look_back_s),
        null="nothing has reported it, or its last report is stale",
        **rest,
    )
