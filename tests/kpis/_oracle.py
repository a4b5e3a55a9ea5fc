"""Every KPI in plain Python over the raw events: what all stores must agree with."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from kpis.model import Condition, Part, PerSecond, Query, Ratio

Rows = dict[tuple[Any, ...], float | int | None]


def answer(query: Query, events: Iterable[dict[str, Any]]) -> Rows:
    """(time of the bin if binned, dimensions...) -> value. `events` are documents as the stores got them."""
    return {key: _value(query, found) for key, found in _groups(query, events).items()}


def percentile_bounds(
    query: Query, events: Iterable[dict[str, Any]]
) -> dict[tuple[Any, ...], tuple[float, float]]:
    """What a sketch may say of a percentile: a value within one rank and 0.1 % of the ranks of the exact place."""
    part = query.kpi.value
    assert isinstance(part, Part)
    assert part.kind == "percentile"
    bounds = {}
    for key, found in _groups(query, events).items():
        ordered = sorted(event[str(part.field)] for event in found if event.get(str(part.field)) is not None)
        if ordered:
            place, reach = (part.quantile or 0.0) * (len(ordered) - 1), 1 + len(ordered) / 1000
            low, high = max(0, math.floor(place - reach)), min(len(ordered) - 1, math.ceil(place + reach))
            bounds[key] = ordered[low], ordered[high]
    return bounds


def _groups(query: Query, events: Iterable[dict[str, Any]]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    if not query.by and not query.bin_s:
        groups[()] = []
    for event in events:
        if event["dataset"] != query.kpi.dataset:
            continue
        moment = datetime.fromisoformat(event["time"])
        if not query.since <= moment < query.until:
            continue
        if not all(_meets(event, condition) for condition in query.conditions):
            continue
        key = tuple(event.get(name) for name in query.by)
        if query.bin_s:
            seconds = moment.timestamp() // query.bin_s * query.bin_s
            key = (datetime.fromtimestamp(seconds, UTC), *key)
        groups[key].append(event)
    return groups


def _meets(event: dict[str, Any], condition: Condition) -> bool:
    value = event.get(condition.field)
    if condition.operator == "known":
        return value is not None
    if condition.operator == "unknown":
        return value is None
    if condition.operator == "in":
        said = str(value).lower() if isinstance(value, bool) else str(value)
        return value is not None and said in condition.value  # type: ignore[operator]
    return value is not None and value == condition.value


def _value(query: Query, events: list[dict[str, Any]]) -> float | int | None:
    value = query.kpi.value
    if isinstance(value, Ratio):
        over, under = _part(value.over, events), _part(value.under, events)
        return over / under if under and over is not None else None
    if isinstance(value, PerSecond):
        of = _part(value.of, events)
        return None if of is None else of / query.seconds
    return _part(value, events)


def _part(part: Part, events: list[dict[str, Any]]) -> Any:
    events = [event for event in events if all(_meets(event, condition) for condition in part.where)]
    if part.kind == "count":
        return len(events)
    known = [event for event in events if event.get(str(part.field)) is not None]
    values = [event[str(part.field)] for event in known]
    if part.kind == "distinct":
        return len(set(values))
    if not values:
        return None
    if part.series:
        series: dict[tuple[Any, ...], list[tuple[str, Any]]] = defaultdict(list)
        for event in known:
            series[tuple(event.get(name) for name in part.series)].append(
                (_sortable(event["time"]), event[str(part.field)])
            )
        ends = [sorted(found) for found in series.values()]
        return sum(found[-1][1] - (found[0][1] if part.kind == "growth" else 0) for found in ends)
    if part.kind == "percentile":
        return _percentile(sorted(values), part.quantile or 0.0)
    return {"sum": sum, "min": min, "max": max, "mean": lambda v: sum(v) / len(v)}[part.kind](values)


def _percentile(ordered: list[float], quantile: float) -> float:
    """Linear interpolation between the closest ranks."""
    place = quantile * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _sortable(time: str) -> str:
    whole, _, fraction = time[:-1].partition(".")
    return f"{whole}.{fraction:0<9}"
