"""Snapshots in plain Python over the raw events: for each moment asked about, each series' last report that holds."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from lakescope.kpis.model import Condition, DaysLeft, Kpi, Part, Query, Ratio, Remainder, parts

Event = dict[str, Any]
Group = tuple[Any, ...]
DAY = 86400


class Holding(NamedTuple):
    """A series' state at a time."""

    report: Event
    value: Any
    base: Event


def earliest(query: Query) -> float:
    """From when on reports may hold in the range (POSIX seconds)."""
    asked = parts(query.kpi.value)
    at_end = not query.bin_s and all(part.kind == "last" for part in asked)
    return (query.until if at_end else query.since).timestamp() - max(part.look_back_s for part in asked)


class Reports:
    """The reports of a KPI from `begin` to `end` (POSIX seconds) by series, whatever is asked of them. `meets`,
    `seconds`: the oracle's own."""

    def __init__(
        self,
        kpi: Kpi,
        begin: float,
        end: float,
        events: Iterable[Event],
        polls: Iterable[Event],
        meets: Callable[[Event, Condition], bool],
        seconds: Callable[[str], float],
    ) -> None:
        self.kpi, self.meets, self.seconds = kpi, meets, seconds
        self.parts = parts(kpi.value)
        within = [e for e in events if begin <= seconds(e["time"]) < end]
        dataset = kpi.dataset
        self.polls = [
            p
            for p in polls
            if p.get("complete") and begin <= seconds(p["time"]) < end
            if dataset == "polls" or (p["kind"] == "metrics") == (dataset == "rucio")
        ]
        self.answered: dict[str, list[float]] = defaultdict(list)
        for poll in self.polls:
            self.answered[poll["scope"]].append(seconds(poll["time"]))
        self.series = [self._series_of(part, within) for part in self.parts]
        self.intervals = [self._intervals(series) for series in self.series]
        self.poll_series = self._grouped(self.polls, ("collector", "source", "scope"), "count")
        self.poll_intervals = self._intervals(self.poll_series)

    def _series_of(self, part: Part, events: list[Event]) -> dict[Group, list[Event]]:
        conditions = [*self.kpi.where, *part.where]
        if not part.state:
            conditions.append(Condition(str(part.field), "known"))
        for one in conditions:
            events = [event for event in events if self.meets(event, one)]
        return self._grouped(events, (*part.series, *(("poll",) if part.polled else ())), str(part.field))

    def _grouped(self, events: list[Event], names: tuple[str, ...], field: str) -> dict[Group, list[Event]]:
        series: dict[Group, list[Event]] = defaultdict(list)
        for event in events:
            series[tuple(event.get(name) for name in names)].append(event)
        for found in series.values():
            found.sort(
                key=lambda event: (
                    self.seconds(event["time"]),
                    event.get(field) is not None,
                    event.get(field),
                )
            )
        return series

    def _intervals(self, series: dict[Group, list[Event]]) -> dict[Group, float | None]:
        configured = {}
        asked = {(poll.get("collector"), poll["scope"]): poll for poll in self._in_order(self.polls)}
        for poll in self._in_order(asked.values()):  # what the last answer to each question says
            if poll.get("interval_s"):
                configured[poll.get("collector"), poll["source"]] = poll["interval_s"]
        intervals: dict[Group, float | None] = {}
        for key, events in series.items():
            times = sorted({self.seconds(event["time"]) for event in events})[-10:]
            gaps = [after - before for before, after in pairwise(times)]
            told = configured.get((events[-1].get("collector"), events[-1]["source"]))
            intervals[key] = told or (median(gaps) if gaps else None)
        return intervals

    def _in_order(self, events: Iterable[Event]) -> list[Event]:
        return sorted(events, key=lambda event: self.seconds(event["time"]))


class States:
    """What series say at a time."""

    def __init__(self, query: Query, reports: Reports) -> None:
        self.query, self.meets, self.seconds = query, reports.meets, reports.seconds
        self.parts = reports.parts
        self.longest = max(part.look_back_s for part in self.parts)
        self.answered = reports.answered
        self.series, self.intervals = reports.series, reports.intervals
        self.poll_series, self.poll_intervals = reports.poll_series, reports.poll_intervals
        self.filters = [one for one in query.conditions if one not in query.kpi.where]

    def rows(self) -> dict[Group, Any]:
        """(time of the bin if binned, dimensions...) -> value."""
        rows: dict[Group, Any] = {}
        for bin_, begin, end in self._moments():
            holding = [self._holding(index, begin, end) for index in range(len(self.parts))]
            chosen = [self._chosen(found) for found in holding]
            groups = {group for found in chosen for group in found}
            fresh = self.parts[0].polled and self._is_fresh(end)
            known = fresh or any(
                (key[-1] is None or all(self.meets(held.report, one) for one in self.parts[0].state))
                if self.parts[0].polled
                else self.is_chosen(held.report)
                for key, held in holding[0].items()
            )
            if not self.query.by and (fresh or bin_ is None):
                groups.add(())
            for group in groups:
                key = (bin_, *group) if bin_ else group
                rows[key] = self._value([found.get(group, {}) for found in chosen], holding, known=known)
        return rows

    def counted(self) -> list[Event]:
        """The reports that count at the end of the range, in any group."""
        ((_, begin, end),) = self._moments()
        holding = self._holding(0, begin, end)
        return [held.report for held in self._counted(0, self._chosen(holding).get((), {}), [holding])]

    def _stale_after(
        self, series: dict[Group, list[Event]], intervals: dict[Group, float | None], key: Group
    ) -> float:
        def source(one: Group) -> Group:
            return series[one][-1].get("collector"), series[one][-1]["source"]

        interval = intervals[key]
        if interval is None:
            others = [i for one, i in intervals.items() if i and source(one) == source(key)]
            interval = median(others) if others else DAY
        return min(3 * interval, self.longest)

    def _moments(self) -> Iterable[tuple[datetime | None, float, float]]:
        since, until = self.query.since.timestamp(), self.query.until.timestamp()
        if not self.query.bin_s:
            return [(None, since, until)]
        asked = [
            interval
            for key, interval in self.poll_intervals.items()
            if self.parts[0].polled and self.poll_series[key][-1]["kind"] == self.parts[0].polled
        ]
        reported = [i for intervals in self.intervals for i in intervals.values()]
        known = [interval for interval in asked or reported if interval]
        width = self.query.bin_s
        if known:
            width *= max(1, math.ceil(median(known) / width - 0.1))
        first, last = math.floor(since / width), math.ceil(until / width)
        return [
            (datetime.fromtimestamp(n * width, UTC), max(since, n * width), min(until, (n + 1) * width))
            for n in range(first, last)
        ]

    def _last(self, index: int, key: Group, end: float) -> int | None:
        """The place of the report that holds at `end`."""
        events = self.series[index][key]
        place = bisect_left(events, end, key=lambda event: self.seconds(event["time"])) - 1
        if place < 0:
            return None
        time = self.seconds(events[place]["time"])
        if end - time > self._stale_after(self.series[index], self.intervals[index], key):
            return None
        if self.parts[index].polled and any(
            time < answer < end for answer in self.answered[str(events[place].get("poll"))]
        ):
            return None
        return place

    def _holding(self, index: int, begin: float, end: float) -> dict[Group, Holding]:
        holding = {}
        for key, events in self.series[index].items():
            place = self._last(index, key, end)
            if place is None:
                continue
            base = self._last(index, key, begin)
            if base is None:
                base = bisect_left(events, begin, key=lambda event: self.seconds(event["time"]))
            event = events[place]
            field = str(self.parts[index].field)
            holding[key] = Holding(event, event.get(field), events[min(base, place)])
        return holding

    def is_chosen(self, event: Event) -> bool:
        return all(self.meets(event, one) for one in self.filters)

    def _group(self, event: Event) -> Group:
        return tuple(event.get(name) for name in self.query.by)

    def _is_fresh(self, end: float) -> bool:
        """Whether Rucio has answered, not too long ago, a question that asks for what is counted."""
        part = self.parts[0]
        wanted = {None, *(condition.value for condition in part.state)}
        for key, polls in self.poll_series.items():
            answers = [p for p in polls if self.seconds(p["time"]) < end]
            if answers and answers[-1]["kind"] == part.polled and answers[-1].get("state") in wanted:
                stale = self._stale_after(self.poll_series, self.poll_intervals, key)
                if end - self.seconds(answers[-1]["time"]) <= stale:
                    return True
        return False

    def _chosen(self, holding: dict[Group, Holding]) -> dict[Group, dict[Group, Holding]]:
        """Group asked for -> its series."""
        chosen: dict[Group, dict[Group, Holding]] = defaultdict(dict)
        for key, held in holding.items():
            if self.is_chosen(held.report):
                chosen[self._group(held.report)][key] = held
        return chosen

    def _counted(
        self, index: int, found: dict[Group, Holding], holding: list[dict[Group, Holding]]
    ) -> list[Holding]:
        part = self.parts[index]
        return [
            held
            for key, held in found.items()
            if held.value is not None
            and all(self.meets(held.report, one) for one in part.state)
            and not (isinstance(self.query.kpi.value, DaysLeft) and any(key not in one for one in holding))
        ]

    def _value(
        self, found: list[dict[Group, Holding]], holding: list[dict[Group, Holding]], *, known: bool
    ) -> Any:
        """Of a group: `found` is its series, part by part."""
        counted = [self._counted(index, found[index], holding) for index in range(len(self.parts))]
        values = [self._over(part, found, known) for part, found in zip(self.parts, counted, strict=True)]
        match self.query.kpi.value:
            case Ratio():
                return None if values[0] is None or not values[1] else values[0] / values[1]
            case Remainder():
                return None if values[0] is None or not values[1] else 1 - values[0] / values[1]
            case DaysLeft():
                pace = sum(self._pace(held) for held in counted[1])
                return values[0] / pace / DAY if values[0] is not None and pace > 0 else None
            case _:
                return values[0]

    def _over(self, part: Part, found: list[Holding], known: bool) -> Any:
        values = [held.value for held in found]
        if part.kind == "growth":
            values = [held.value - held.base[str(part.field)] for held in found]
        if part.over == "distinct":
            return len(set(values)) if known else None
        if part.over == "count":
            return len(values) if values or known else None
        if part.over == "total":
            return sum(values) if values or known else None
        if part.over == "mean":
            return sum(values) / len(values) if values else None
        if part.over == "largest":
            return max(max(values), -min(values)) if values else None
        return {"sum": sum, "max": max, "min": min}[part.over](values) if values else None

    def _pace(self, held: Holding) -> float:
        took = self.seconds(held.report["time"]) - self.seconds(held.base["time"])
        return float((held.value - held.base["used"]) / took) if took else 0.0
