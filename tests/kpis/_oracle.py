"""Every KPI in plain Python over the raw events: what all stores must agree with."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any

from lakescope.kpis import timelines
from lakescope.kpis.model import (
    Comparison,
    Condition,
    EventsQuery,
    Part,
    PerSecond,
    Query,
    Ratio,
    Remainder,
    Report,
    StatesQuery,
    Timeline,
)
from tests.kpis._oracle_states import Reports, States, earliest

Event = dict[str, Any]
Group = tuple[Any, ...]
Groups = dict[Group, list[Event]]
Rows = dict[Group, float | int | None]


class Oracle:
    """Answers over `events`: documents as the stores got them. Group: (time of the bin if binned, dimensions...)."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._datasets: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            self._datasets[event["dataset"]].append(event)
        for found in self._datasets.values():
            found.sort(key=_time)
        self._known: dict[Any, Any] = {}

    def answer(self, query: Query) -> Rows:
        """Group -> value; computed once, however many stores are compared with it."""
        key = repr(query)
        if key not in self._known:
            self._known[key] = self._compute(query)
        rows: Rows = self._known[key]
        return rows

    def _compute(self, query: Query) -> Rows:
        if query.is_snapshot:
            return States(query, self._reports(query)).rows()
        if isinstance(query.kpi.value, Timeline):
            return self._timeline(query)
        value = query.kpi.value

        def in_unit(of: float) -> float:
            return of * 8 if query.kpi.unit == "bits/s" else of  # events count bytes

        match value:
            case Ratio():
                return self._divided(query, value)
            case Remainder():
                shares = self._divided(query, value.of)
                return {group: None if share is None else 1 - share for group, share in shares.items()}
            case Comparison():
                return self._against(query, value)
            case PerSecond():
                found = self._part(query, value.of)
                return {
                    group: None if of is None else in_unit(of / _length_s(query, group))
                    for group, of in found.items()
                }
            case _:
                found = self._part(query, value)
                return {group: None if of is None else in_unit(of) for group, of in found.items()}

    def _reports(self, query: Query) -> Reports:
        key = (query.kpi, earliest(query), query.until.timestamp())
        if key not in self._known:
            events, polls = (self._datasets[dataset] for dataset in (query.dataset, "polls"))
            self._known[key] = Reports(*key, events, polls, meets, seconds)
        reports: Reports = self._known[key]
        return reports

    def _timeline(self, query: Query) -> Rows:
        """Of all events there are: the rules are tested in test_timelines.py, the stores' part of it here."""
        reports = [
            [
                Report(seconds(event["time"]), event)
                for event in self._datasets[asked.dataset]
                if asked.look_back.timestamp() <= seconds(event["time"]) < asked.until.timestamp()
                and all(meets(event, condition) for condition in asked.conditions)
            ]
            for asked in timelines.questions(query)
        ]
        rows: Rows = {}
        for row in timelines.rows(query, reports):
            bin_ = (datetime.fromisoformat(row["time"]),) if query.bin_s else ()
            rows[*bin_, *(row[name] for name in query.by)] = row["value"]
        return rows

    def newest(self, query: EventsQuery) -> list[Event]:
        """The events asked for, as far as the columns asked for know them."""
        found = self._events(query.dataset, query.since, query.until, query.conditions)
        newest = sorted(found, key=lambda event: _sortable(event["time"]), reverse=True)[: query.limit]
        return [{name: event.get(name) for name in ("time", *query.columns)} for event in newest]

    def counted(self, query: StatesQuery) -> list[Event]:
        """The reports that a snapshot counts at the end of its range, of each value the latest."""
        reports = States(query.of, self._reports(query.of)).counted()
        field = str(query.of.kpi.value.field)  # type: ignore[union-attr]
        reports.sort(key=lambda one: (seconds(one["time"]), str(one.get("poll"))))
        latest = {one[field]: one for one in reports}
        return [{name: one.get(name) for name in ("time", *query.columns)} for one in latest.values()]

    def percentile_bounds(self, query: Query) -> dict[Group, tuple[float, float]]:
        """What a sketch may say of a percentile: a value within one rank and 0.1 % of the ranks of the exact place."""
        part = query.kpi.value
        assert isinstance(part, Part)
        assert part.kind == "percentile"
        bounds = {}
        for group, found in self._groups(query, ()).items():
            ordered = sorted(_values(part, found))
            if ordered:
                place, reach = (part.quantile or 0.0) * (len(ordered) - 1), 1 + len(ordered) / 1000
                low, high = max(0, math.floor(place - reach)), min(len(ordered) - 1, math.ceil(place + reach))
                bounds[group] = ordered[low], ordered[high]
        return bounds

    def _divided(self, query: Query, ratio: Ratio) -> Rows:
        over, under = self._part(query, ratio.over), self._part(query, ratio.under)
        return {
            group: None if dividend is None or not under[group] else dividend / under[group]
            for group, dividend in over.items()
        }

    def _against(self, query: Query, comparison: Comparison) -> Rows:
        """Side by side; what one side lacks is null."""
        if comparison.window_s:
            return self._windows(query, comparison)
        by = (*query.by, *(name for name in comparison.per if name not in query.by))
        asked = {name: getattr(query, name) for name in query.__struct_fields__} | {"by": by}
        of = self.answer(Query(**asked | {"kpi": comparison.of}))
        earlier = timedelta(seconds=comparison.shift_s)
        span = {"since": query.since - earlier, "until": query.until - earlier}
        if comparison.baseline_s:
            before = query.since - timedelta(seconds=comparison.baseline_s)
            span = {"since": before, "until": query.since, "bin_s": None}
        if comparison.is_way_back:
            back = _as_seen_from_the_other_end(self._datasets[query.dataset])
            to = Oracle(back).answer(Query(**asked | span | {"kpi": comparison.to}))
        else:
            to = self.answer(Query(**asked | span | {"kpi": comparison.to}))
        if comparison.baseline_s and query.bin_s:
            to = {(bin_, *group): value for bin_ in {group[0] for group in of} for group, value in to.items()}
        else:
            to = {(group[0] + earlier, *group[1:]) if query.bin_s else group: to[group] for group in to}
        if comparison.of.unit != comparison.to.unit:  # bytes and bits
            of, to = (
                {key: one and one / (8 if side.unit == "bits/s" else 1) for key, one in rows.items()}
                for side, rows in ((comparison.of, of), (comparison.to, to))
            )
        if comparison.absent == "of":
            of = {key: of.get(key) or 0 for key, value in to.items() if value is not None}
        if comparison.absent == "to":
            to = {key: to.get(key) or 0 for key, value in of.items() if value is not None}
        length = len(query.by) + bool(query.bin_s)
        pairs: dict[Group, list[tuple[Any, Any]]] = defaultdict(list)
        for group in {*of, *to}:
            one, other = of.get(group), to.get(group)
            if comparison.capped and one is not None and other is not None:
                one = min(one, other)
            pairs[group[:length]] += [(one, other)]
        compared: Rows = {} if length else {(): None}
        for group, found in pairs.items():
            whole = [pair for pair in found if None not in pair]
            first, second = (sum(side) for side in zip(*whole, strict=True)) if whole else (None, None)
            if first is None or second is None:
                compared[group] = None
            elif comparison.operation == "difference":
                compared[group] = first - second
            else:
                compared[group] = first / second if second else None
        return compared

    def _windows(self, query: Query, comparison: Comparison) -> Rows:
        """Each whole window before what may still come, or the last one; what a side lacks is 0 if it answers at all."""
        length, last = comparison.window_s, query.until.timestamp() - comparison.late_s
        ends = [last]
        if query.bin_s:
            ends = [end for end in range(0, int(last) + 1, length) if end - length >= query.since.timestamp()]
        rows: Rows = {}
        for end in ends:
            until = datetime.fromtimestamp(end, UTC)
            asked = {name: getattr(query, name) for name in query.__struct_fields__} | {
                "since": until - timedelta(seconds=length),
                "until": until,
                "bin_s": None,
            }
            of = self.answer(Query(**asked | {"kpi": comparison.of}))
            to = self.answer(Query(**asked | {"kpi": comparison.to}))
            answers = any(value is not None for value in to.values())
            for group in {*of, *to}:
                first, second = of.get(group) or 0, (to.get(group) or 0) if answers else None
                if query.bin_s and not first and second is None:
                    continue  # nothing came
                key = (asked["since"], *group) if query.bin_s else group
                if comparison.operation == "difference":
                    rows[key] = None if second is None else first - second
                else:
                    rows[key] = first / second if second else None
        return rows

    def _part(self, query: Query, part: Part) -> dict[Group, Any]:
        """A part's value in every group, those without an event of the part too."""
        own = self._groups(query, part.where)
        grown = _increases(part, self._matching(query, part.where)) if part.kind == "increase" else {}
        return {
            group: _aggregate(query, part, group, own.get(group, []), grown)
            for group in self._groups(query, ())
        }

    def _matching(self, query: Query, where: tuple[Condition, ...]) -> list[Event]:
        """The events of the range that count."""
        return self._events(query.kpi.dataset, query.since, query.until, (*query.conditions, *where))

    def _events(
        self, dataset: str, since: datetime, until: datetime, conditions: tuple[Condition, ...]
    ) -> list[Event]:
        """Found once, and narrowed one condition after the other: most questions share their first ones."""
        key = (dataset, since, until, conditions)
        if key not in self._known:
            if conditions:
                wider = self._events(dataset, since, until, conditions[:-1])
                self._known[key] = [event for event in wider if meets(event, conditions[-1])]
            else:
                events = self._datasets[dataset]
                begin, end = (bisect_left(events, at.timestamp(), key=_time) for at in (since, until))
                self._known[key] = events[begin:end]
        events: list[Event] = self._known[key]
        return events

    def _groups(self, query: Query, where: tuple[Condition, ...]) -> Groups:
        key = (query.kpi.dataset, query.since, query.until, query.conditions, where, query.by, query.bin_s)
        if key not in self._known:
            groups: Groups = {} if query.by or query.bin_s else {(): []}
            for event in self._matching(query, where):
                group = tuple(map(event.get, query.by))
                if query.bin_s:
                    group = (_bin(event["time"], query.bin_s), *group)
                groups.setdefault(group, []).append(event)
            self._known[key] = groups
        found: Groups = self._known[key]
        return found


def _as_seen_from_the_other_end(events: Iterable[Event]) -> list[Event]:
    ends = {"src_host": "dst_host", "src_site": "dst_site"}
    ends |= {other: one for one, other in ends.items()}
    return [{ends.get(name, name): value for name, value in event.items()} for event in events]


def meets(event: Event, condition: Condition) -> bool:
    value = event.get(condition.field)
    if condition.operator == "known":
        return value is not None
    if condition.operator == "not":
        return value != condition.value
    if condition.operator == "unknown":
        return value is None
    if condition.operator == "in":
        said = str(value).lower() if isinstance(value, bool) else str(value)
        return ("" if value is None else said) in condition.value  # type: ignore[operator]
    return value is not None and value == condition.value


def _values(part: Part, events: Iterable[Event]) -> list[Any]:
    return [value for event in events if (value := event.get(str(part.field))) is not None]


def _aggregate(query: Query, part: Part, group: Group, events: list[Event], grown: dict[str, float]) -> Any:
    if part.kind == "count":
        return len(events)
    if part.kind == "empty_hours":
        heard = {seconds(event["time"]) // 3600 * 3600 for event in events}
        return sum(hour not in heard for hour in _hours(query, group))
    if part.kind == "silence":
        last = max((seconds(event["time"]) for event in events), default=None)
        return None if last is None else _ends(query, group)[1] - last
    if part.kind == "increase":
        rises = [grown[event["id"]] for event in events if event["id"] in grown]
        return sum(rises) if rises else None
    values = _values(part, events)
    if part.kind == "distinct":
        return len(set(values))
    if not values:
        return None
    match part.kind:
        case "changes":
            return sum(len(set(values)) - 1 for values in _series(part, events))
        case "percentile":
            return _percentile(sorted(values), part.quantile or 0.0)
        case "mean":
            return sum(values) / len(values)
        case "share":
            return values.count(True) / len(values)
        case "largest":
            return max(abs(value) for value in values)
        case _:
            return {"sum": sum, "min": min, "max": max}[part.kind](values)


def _series(part: Part, events: Iterable[Event]) -> Iterable[list[Any]]:
    """The values of each series, in the order of their times."""
    for found in _events_of_series(part, events):
        yield _values(part, found)


def _events_of_series(part: Part, events: Iterable[Event]) -> list[list[Event]]:
    """The events of each series where the field is known, in the order of their times; of two at one time the greater
    is the last."""
    series: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.get(str(part.field)) is not None:
            fields = [event.get(name) for name in part.series]
            told = [sorted(field.items()) if isinstance(field, dict) else field for field in fields]
            series[repr(told)].append(event)
    return [
        sorted(found, key=lambda event: (_sortable(event["time"]), event[str(part.field)]))
        for found in series.values()
    ]


def _increases(part: Part, events: Iterable[Event]) -> dict[str, float]:
    """Event's id -> how much more it tells than the one before it in its series."""
    grown = {}
    for series in _events_of_series(part, events):
        for before, event in pairwise(series):
            difference = event[str(part.field)] - before[str(part.field)]
            if difference >= 0:
                grown[event["id"]] = difference
    return grown


def _percentile(ordered: list[float], quantile: float) -> float:
    """Linear interpolation between the closest ranks."""
    place = quantile * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _ends(query: Query, group: Group) -> tuple[float, float]:
    """What a group's number is about, of the range (POSIX seconds)."""
    since, until = query.since.timestamp(), query.until.timestamp()
    if not query.bin_s:
        return since, until
    start = group[0].timestamp()
    return max(since, start), min(until, start + query.bin_s)


def _length_s(query: Query, group: Group) -> float:
    """Seconds of the range that a group's number is about."""
    since, until = _ends(query, group)
    return until - since


def _hours(query: Query, group: Group) -> Iterable[float]:
    """The whole hours of UTC in it."""
    since, until = _ends(query, group)
    hour = math.ceil(since / 3600) * 3600.0
    while hour + 3600 <= until:
        yield hour
        hour += 3600


@lru_cache(400_000)
def _bin(time: str, bin_s: int) -> datetime:
    return datetime.fromtimestamp(seconds(time) // bin_s * bin_s, UTC)


@lru_cache(200_000)
def seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def _time(event: Event) -> float:
    return seconds(event["time"])


def _sortable(time: str) -> str:
    whole, _, fraction = time[:-1].partition(".")
    return f"{whole}.{fraction:0<9}"
