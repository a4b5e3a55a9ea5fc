"""A state is not a flow: what rules, storage, queues and quotas are at a time is what was last reported of them.

The value at a time t is made of each series' last report before t, unless that is stale: older than `STALE_AFTER`
intervals at t. Reports from before the range count for it, so that a bin without a report has the last value still.

A series' interval is the one its source is polled at, as the answers to its questions (dataset ``polls``) tell; else the
median gap of its own last `REPORTS` reports; else the median interval of its collector's other series; else
`UNKNOWN_INTERVAL_S`. No report is used for longer than `Part.look_back_s`.

A series whose reports answer a question (`Part.polled`) ends with the first complete answer to it that lacks it: a rule
that is no longer among the stuck ones is not stuck. An answer that failed or was read in part ends nothing.

No bin is finer than the reports: `_width` widens it, and `Rows.bin_s` says so.

The stores only find the reports (`model.ReportsQuery`); all else is here, once, so that no store can differ.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from math import ceil, inf
from statistics import fmean, median
from typing import Any, NamedTuple

from msgspec import structs

from lakescope.core.filters import text_of
from lakescope.kpis.model import (
    DAY,
    REPORTS,
    Condition,
    DaysLeft,
    Part,
    Query,
    Report,
    ReportsQuery,
    Rows,
    StatesQuery,
    combine,
    order,
    parts,
)

STALE_AFTER = 3
"""Intervals."""
UNKNOWN_INTERVAL_S = float(DAY)
"""Of a source that has reported once."""
JITTER = 0.1
"""So much longer (of a bin) may an interval be before the bin counts as finer."""

Key = tuple[Any, ...]
_SOURCE = ("collector", "source")
"""Who reports: the intervals of its series are alike."""
_POLL = Part(kind="last", field="count", series=(*_SOURCE, "scope"))
_POLL_COLUMNS = ("interval_s", "kind", "state")
_POLLED = (
    *("rules", "storage", "requests", "daemons", "replicas", "downtimes", "expected_tests", "polls"),
    "rucio",
)
"""Datasets of which there are answers to polls."""


def questions(query: Query, columns: Sequence[str] = ()) -> list[ReportsQuery]:
    """What a store is asked: for the reports of each part with those `columns`, at last for the answers to polls if
    the dataset is polled."""
    queries = [_question(query, part, columns) for part in parts(query.kpi.value)]
    if query.dataset not in _POLLED:
        return queries
    # pages of metrics come each minute, the others' answers need not
    pages = Condition("kind", "=" if query.dataset == "rucio" else "not", "metrics")
    complete = (Condition("complete", "=", True), *((pages,) if query.dataset != "polls" else ()))
    polls = structs.replace(
        queries[0],
        dataset="polls",
        field=str(_POLL.field),
        series=_POLL.series,
        columns=_POLL_COLUMNS,
        conditions=(*complete, Condition(str(_POLL.field), "known")),
        firsts=False,
        polls_of=None if query.dataset == "polls" else query.dataset,
    )
    return [*queries, polls]


def _question(query: Query, part: Part, columns: Sequence[str]) -> ReportsQuery:
    """A filter by what makes the series leaves whole series out; any other is met by a series' last report, or not."""
    kpi = query.kpi
    series = (*part.series, *(("poll",) if part.polled else ()))
    filters = _filters(query)
    known_conditions = (
        () if part.state else (Condition(str(part.field), "known"),)
    )  # a state may end without a value
    early = [condition for condition in filters if condition.field in series]
    late = [condition.field for condition in (*part.state, *filters)]
    at_end = query.bin_s is None and all(one.kind == "last" for one in parts(kpi.value))
    since = query.until if at_end else query.since
    return ReportsQuery(
        dataset=kpi.dataset,
        look_back=since - timedelta(seconds=part.look_back_s),
        since=since,
        until=query.until,
        bin_s=query.bin_s,
        field=str(part.field),
        series=series,
        columns=tuple(dict.fromkeys([*query.by, *late, *_SOURCE, *columns])),
        conditions=(*kpi.where, *part.where, *early, *known_conditions),
        firsts=part.kind == "growth",
    )


def _filters(query: Query) -> list[Condition]:
    """What the one who asks chose."""
    return [condition for condition in query.conditions if condition not in query.kpi.where]


def rows(query: Query, answers: Sequence[Iterable[Report]]) -> Rows:
    """Rows as those of the other KPIs: ``time`` (with a bin), the dimensions, ``value``.

    `answers`: to `questions`, in their order.
    """
    query_parts = parts(query.kpi.value)
    *histories, polls = _histories(query_parts, answers)
    is_polled = any(part.polled for part in query_parts)
    poll_intervals = [*polls.intervals_of(query_parts[0].polled)] if is_polled else []
    known_intervals = [interval for history in histories for interval in history.intervals.values()]
    width = _width(query.bin_s, poll_intervals or known_intervals)
    query = query if width == query.bin_s else structs.replace(query, bin_s=width)
    instants = list(_instants(query))
    states = [history.states(query, [end for _, _, end in instants]) for history in histories]
    fresh = polls.fresh(query_parts[0], [end for _, _, end in instants]) if is_polled else set()
    groups: list[tuple[Key, Any]] = []
    for index, (bin_, begin, _) in enumerate(instants):
        here = [states_of.get(index, {}) for states_of in states]
        known_groups = {
            state.group for states_of in here for state in states_of.values() if state.group is not None
        }
        if not query.by and (index in fresh or bin_ is None):
            known_groups.add(())
        for group, value in _values(query, query_parts, histories, here, begin, known_groups, index in fresh):
            groups.append((((bin_, *group) if bin_ else group), value))
    answer = Rows(order(query, groups))
    answer.bin_s = width
    return answer


def reports(query: StatesQuery, answers: Sequence[Iterable[Report]]) -> list[dict[str, Any]]:
    """The reports that are counted, each series once: ``time`` (RFC 3339) and the columns, newest first.

    `answers`: to `questions` with the query's columns, in their order.
    """
    query_parts = parts(query.of.kpi.value)
    history, _ = _histories(query_parts, answers)
    states = history.states(query.of, [query.of.until.timestamp()]).get(0, {})
    counting_states = [
        (history.series[key][state.place], key)
        for key, state in states.items()
        if state.group is not None and state.counts
    ]
    counting_states.sort(key=lambda one: (one[0].time, str(one[1][-1])))
    latest = {
        key[: len(query_parts[0].series)]: report for report, key in counting_states
    }  # of two questions' the later
    newest = sorted(latest.items(), key=lambda item: (-item[1].time, str(item[0])))[: query.limit]
    return [
        {"time": _text(report.time)} | {name: report.values.get(name) for name in query.columns}
        for _, report in newest
    ]


def _text(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat().replace("+00:00", "Z")


def _histories(query_parts: Sequence[Part], answers: Sequence[Iterable[Report]]) -> list[_History]:
    """Of the parts, at last of the polls."""
    polls = _History(_POLL, answers[len(query_parts)] if len(answers) > len(query_parts) else ())
    intervals, ends = polls.configured_intervals(), polls.ends()
    of_parts = [
        _History(part, reports_of_part, intervals, ends if part.polled else {})
        for part, reports_of_part in zip(query_parts, answers, strict=False)
    ]
    return [*of_parts, polls]


def _instants(query: Query) -> Iterator[tuple[datetime | None, float, float]]:
    """Bin, and where it and the range begin and end (POSIX seconds); without bins the range."""
    since, until = query.since.timestamp(), query.until.timestamp()
    if not query.bin_s:
        yield None, since, until
        return
    start = since // query.bin_s * query.bin_s
    while start < until:
        end = start + query.bin_s
        yield datetime.fromtimestamp(start, UTC), max(since, start), min(until, end)
        start = end


def _width(bin_s: int | None, intervals: Iterable[float | None]) -> int | None:
    """The bin, or the shortest multiple of it that is no finer than the reports usually are."""
    known_intervals = [interval for interval in intervals if interval]
    if bin_s is None or not known_intervals:
        return bin_s
    return bin_s * max(1, ceil(median(known_intervals) / bin_s - JITTER))


class _State(NamedTuple):
    """A series at a time: its last report's place, its value, and its group if it counts in one."""

    place: int
    value: Any
    group: Key | None
    counts: bool


class _History:
    """The reports of each series in the order of their times."""

    def __init__(
        self,
        part: Part,
        reports: Iterable[Report],
        configured_intervals: Mapping[Any, float] | None = None,
        ends: Mapping[Any, Sequence[float]] | None = None,
    ) -> None:
        self.part = part
        self._ends = ends or {}
        """Question -> when it was completely answered."""
        self.series: dict[Key, list[Report]] = defaultdict(list)
        names = (*part.series, *(("poll",) if part.polled else ()))
        for report in reports:
            self.series[tuple([report.values.get(name) for name in names])].append(report)
        for series_reports in self.series.values():
            series_reports.sort(key=partial(_place, str(part.field)))
        self._times = {
            key: [report.time for report in sorted_reports] for key, sorted_reports in self.series.items()
        }
        self.intervals = {key: self._interval(key, configured_intervals or {}) for key in self.series}
        """Null: unknown."""
        of_source = self._medians()
        self._stale_after = {
            key: min(
                STALE_AFTER * (interval or of_source.get(self._source(key)) or UNKNOWN_INTERVAL_S),
                part.look_back_s,
            )
            for key, interval in self.intervals.items()
        }

    def _interval(self, key: Key, configured_intervals: Mapping[Key, float]) -> float | None:
        last = self.series[key][-1]
        interval = configured_intervals.get(self._source(key)) or last.values.get("interval_s") or last.gap
        if interval:
            return float(interval)
        times = sorted(set(self._times[key]))[-REPORTS:]
        return median(b - a for a, b in pairwise(times)) if len(times) > 1 else None

    def _medians(self) -> dict[Key, float]:
        gaps_by_source: dict[Key, list[float]] = defaultdict(list)
        for key, interval in self.intervals.items():
            if interval:
                gaps_by_source[self._source(key)].append(interval)
        return {source: median(intervals) for source, intervals in gaps_by_source.items()}

    def _source(self, key: Key) -> Key:
        last = self.series[key][-1].values
        return tuple(last.get(name) for name in _SOURCE)

    def _until(self, key: Key, place: int) -> float:
        """The last moment at which that report is the series' state."""
        reports = self.series[key]
        time = reports[place].time
        following = reports[place + 1].time if place + 1 < len(reports) else inf
        answers = self._ends.get(key[-1], ()) if self.part.polled else ()
        index = bisect_right(answers, time)
        end = answers[index] if index < len(answers) else inf
        return min(following, end, time + self._stale_after[key])

    def states(self, query: Query, ends: Sequence[float]) -> dict[int, dict[Key, _State]]:
        """Place of the end -> series -> its state then. The events of an end's own moment are behind it."""
        states: dict[int, dict[Key, _State]] = defaultdict(dict)
        filters = _filters(query)
        for key, reports in self.series.items():
            times = self._times[key]
            places = sorted({bisect_left(times, end) for end in ends} - {0})
            for place in (
                one - 1 for one in places
            ):  # the last reports before the ends: no others hold there
                report = reports[place]
                first, last = bisect_right(ends, report.time), bisect_right(ends, self._until(key, place))
                if first < last:
                    state = self._state(query.by, filters, place, report)
                    for index in range(first, last):
                        states[index][key] = state
        return states

    def _state(self, by: Sequence[str], filters: Sequence[Condition], place: int, report: Report) -> _State:
        values = report.values
        group = tuple([values.get(name) for name in by]) if _meets(values, filters) else None
        value = values.get(str(self.part.field))
        return _State(place, value, group, value is not None and _meets(values, self.part.state))

    def grown(self, key: Key, state: _State, begin: float) -> tuple[Any, float]:
        """How much a state is more than that at `begin`, or than its first report since; and in how many seconds."""
        reports = self.series[key]
        place = bisect_left(self._times[key], begin)
        if place and self._until(key, place - 1) >= begin:
            place -= 1
        before, last = reports[min(place, state.place)], reports[state.place]
        return state.value - before.values[str(self.part.field)], last.time - before.time

    # --- of polls

    def configured_intervals(self) -> dict[Key, float]:
        """Source -> seconds from one question to the next, where it says so."""
        keys = sorted(self.series, key=lambda key: self._times[key][-1])
        intervals = ((self._source(key), self.series[key][-1].values.get("interval_s")) for key in keys)
        return {source: float(interval) for source, interval in intervals if interval}

    def intervals_of(self, kind: str) -> Iterator[float | None]:
        """Of the questions of that kind."""
        for key, reports in self.series.items():
            if reports[-1].values.get("kind") == kind:
                yield self.intervals[key]

    def ends(self) -> dict[Any, list[float]]:
        """Question -> when it was completely answered, whoever asked."""
        ends: dict[Any, list[float]] = defaultdict(list)
        for key, times in self._times.items():
            ends[key[-1]] += times
        return {scope: sorted(times) for scope, times in ends.items()}

    def fresh(self, part: Part, ends: Sequence[float]) -> set[int]:
        """Places of the ends at which such a state would be known: an answer that would have had it is not stale."""
        state_values = {condition.value for condition in part.state}
        return {
            index
            for key, reports in self.series.items()
            for place, report in enumerate(reports)
            if report.values.get("kind") == part.polled
            and report.values.get("state") in {None, *state_values}
            for index in range(bisect_right(ends, report.time), bisect_right(ends, self._until(key, place)))
        }


def _values(
    query: Query,
    query_parts: Sequence[Part],
    histories: Sequence[_History],
    states: Sequence[Mapping[Key, _State]],
    begin: float,
    groups: Iterable[Key],
    fresh: bool,
) -> Iterator[tuple[Key, Any]]:
    """Group -> the KPI's value at one time."""
    of_groups: list[dict[Key, list[Any]]] = []
    is_days_left = isinstance(query.kpi.value, DaysLeft)
    for part, history, states_of_part in zip(query_parts, histories, states, strict=True):
        values_by_group: dict[Key, list[Any]] = defaultdict(list)
        for key, state in states_of_part.items():
            if (
                state.group is None
                or not state.counts
                or (is_days_left and any(key not in one for one in states))
            ):
                continue
            value: Any = state.value
            if part.kind == "growth":
                grown, seconds = history.grown(key, state, begin)
                value = grown if not is_days_left else grown / seconds if seconds else 0
            values_by_group[state.group].append(value)
        of_groups.append(values_by_group)
    # of rules that nobody asked for, a report of any state says whether one is stuck
    has_data = fresh or any(
        (state.counts or key[-1] is None) if query_parts[0].polled else state.group is not None
        for key, state in states[0].items()
    )
    for group in groups:
        values = [
            _over(part, grouped.get(group, []), has_data=has_data)
            for part, grouped in zip(query_parts, of_groups, strict=True)
        ]
        yield group, _days(*values) if is_days_left else combine(query, group, values)


def _place(field: str, report: Report) -> tuple[Any, ...]:
    """In time, of one moment the greater value last."""
    value = report.values.get(field)
    return report.time, value is not None, value


_OVER: dict[str, Callable[[Sequence[Any]], Any]] = {
    "sum": sum,
    "total": sum,
    "count": len,
    "mean": fmean,
    "min": min,
    "max": max,
    "largest": lambda values: max(map(abs, values)),
}


def _over(part: Part, values: Sequence[Any], *, has_data: bool) -> Any:
    """What is made of the series' values; `known`: whether none means that there is none."""
    if part.over == "distinct":
        return len(set(values)) if has_data else None
    if not values:
        return 0 if part.over in ("total", "count") and has_data else None
    return _OVER[part.over](values)


def _days(free_bytes: Any, per_second: Any) -> float | None:
    if free_bytes is None or per_second is None or per_second <= 0:
        return None
    return float(free_bytes / per_second / DAY)


def _meets(values: Mapping[str, Any], conditions: Iterable[Condition]) -> bool:
    return all(meets(values.get(condition.field), condition) for condition in conditions)


def meets(value: Any, condition: Condition) -> bool:
    """Whether a field's value is as the condition wants it."""
    match condition.operator:
        case "known":
            return value is not None
        case "unknown":
            return value is None
        case "not" if isinstance(condition.value, str):
            return text_of(value) != condition.value
        case "not":
            return bool(value != condition.value)
        case "in":
            return text_of(value) in condition.value  # type: ignore[operator]
        case _:
            return bool(value == condition.value)
