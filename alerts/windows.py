"""Earlier windows of a rule: their values, kept from hour to hour, and what is usual for each group in them.

    for begin, end in windows.due(query, counts): windows.put(query between begin and end, its rows)
    windows.usual()

An hour's answer differs from that of the hour before by its newest window, and by what was reported late. `due` says what must be
asked again: windows that are new, that the range cuts, or in whose hours the number of events has changed since; of a state,
which holds until the next report, also the windows after those. What is kept of a state was judged by its source's interval at
that time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import structs

from lakescope.kpis.model import DAY, HOUR, Query, parts

Rows = Sequence[Mapping[str, Any]]
Counts = Mapping[str, Mapping[float, float]]
"""Dataset -> events in an hour, by the hour's beginning (POSIX seconds); hours without any may be missing."""
Group = tuple[str, ...]
_Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]

_AT_ONCE_S = DAY
"""Of a long history, asked at a time: its rows take more memory than what is made of them."""
_SPARE_GROUPS = 1000
"""Numbers of groups that are gone, kept before all are numbered anew."""


class Usual(NamedTuple):
    """Of one group."""

    windows: int
    """Those that have a value."""
    filled: int
    """Of them, those with another value than 0."""
    median: float
    spread: float
    """The median distance from the median."""


class Windows:
    """The answer to a query in bins, in parts: 16 bytes a value that is not null."""

    def __init__(self, by: Sequence[str], step_s: int) -> None:
        self.by = by
        self.step_s = step_s
        """Of a window."""
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._bins: dict[float, tuple[_Integers, _Floats]] = {}
        """Beginning of a window -> numbers of the groups that have a value, and the values."""
        self._counts: Counts = {}
        """As it was when the windows were asked."""
        self._is_wider = False
        """The store's bins are wider than the query's: then no window stands for itself."""
        self._usual: dict[tuple[Any, ...], dict[Group, Usual]] = {}

    def due(self, query: Query, counts: Counts | None) -> list[tuple[float, float]]:
        """What to ask for an answer to `query`: ranges (POSIX seconds), oldest first. `counts`: of `datasets_of` the query, from
        `reach_of` it on, before the windows are asked; null: they are not known, and all is due."""
        begin, end, step = query.since.timestamp(), query.until.timestamp(), self.step_s
        starts = np.arange(begin // step * step, end, step)
        is_kept = np.zeros(len(starts), dtype=bool)
        if counts is not None and not self._is_wider and is_by_window(query):
            is_kept = np.isin(starts, [*self._bins]) & (starts >= begin) & (starts + step <= end)
            for hour in self._changed(query, counts):
                is_struck = starts + step > hour
                is_kept &= ~(is_struck if query.is_snapshot else is_struck & (starts < hour + HOUR))
        if not is_kept.any():
            self._bins = {}
        longest = end - begin if query.is_snapshot or not is_by_window(query) else _AT_ONCE_S
        ranges: list[tuple[float, float]] = []
        for start in starts[~is_kept].tolist():
            first, last = max(start, begin), min(start + step, end)
            if ranges and ranges[-1][1] == first and last - ranges[-1][0] <= max(longest, step):
                ranges[-1] = (ranges[-1][0], last)
            else:
                ranges.append((first, last))
        return ranges

    def put(self, query: Query, rows: Rows) -> None:
        """The answer to a part of the query replaces what was known of the time."""
        begin, end, step = query.since.timestamp(), query.until.timestamp(), self.step_s
        self._is_wider = (getattr(rows, "bin_s", None) or step) > step
        by_time: dict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
        for row in rows:  # of thousands of links hundreds of thousands
            if (value := row["value"]) is not None:
                numbers, values = by_time[row["time"]]
                group = tuple([row[name] for name in self.by])
                numbers.append(self._numbers.setdefault(group, len(self._numbers)))
                values.append(value)
        first = begin // step * step
        self._bins = {start: one for start, one in self._bins.items() if not first <= start < end}
        if not self._is_wider:
            nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
            self._bins |= dict.fromkeys(np.arange(first, end, step).tolist(), nothing)
        for time, (numbers, values) in by_time.items():
            start = datetime.fromisoformat(time).timestamp()
            self._bins[start] = np.array(numbers, dtype=np.int64), np.array(values, dtype=np.float64)
        self._usual = {}

    def end(self, query: Query, counts: Counts | None) -> None:
        """All that was due is there: forgets what is older than the query."""
        if not self._is_wider:
            first = query.since.timestamp() - self.step_s
            self._bins = {start: one for start, one in self._bins.items() if start > first}
        self._counts = {} if counts is None else counts
        self._usual = {}
        live = np.unique(
            np.concatenate([np.zeros(0, dtype=np.int64), *(one for one, _ in self._bins.values())])
        )
        if len(self._numbers) > len(live) + _SPARE_GROUPS:
            groups = [*self._numbers]
            self._numbers = {groups[number]: new for new, number in enumerate(live.tolist())}
            self._bins = {
                start: (np.searchsorted(live, numbers), values)
                for start, (numbers, values) in self._bins.items()
            }

    def usual(self, optional: Collection[str] = (), windows: int | None = None) -> dict[Group, Usual]:
        """Of each group without a null, but in `optional` dimensions. `windows`: so many had data, and those in which a group has
        no value count as 0."""
        key = (*sorted(optional), windows)
        if key not in self._usual:
            self._usual[key] = dict(self._groups(optional, windows))
        return self._usual[key]

    def _changed(self, query: Query, counts: Counts) -> Iterator[float]:
        """Hours whose number of events is another one than when the windows were asked."""
        reach, end = reach_of(query), query.until.timestamp()
        for dataset in datasets_of(query):
            now, before = counts[dataset], self._counts.get(dataset, {})
            hours = (hour for hour in now.keys() | before.keys() if reach <= hour < end)
            yield from (hour for hour in hours if now.get(hour, 0) != before.get(hour, 0))

    def _groups(self, optional: Collection[str], windows: int | None) -> Iterator[tuple[Group, Usual]]:
        starts = sorted(self._bins)
        table = np.full((len(self._numbers), max(len(starts), windows or 0)), np.nan)
        for column, start in enumerate(starts):
            numbers, values = self._bins[start]
            table[numbers, column] = values
        table.sort(axis=1)  # null last
        counts = (~np.isnan(table)).sum(axis=1)
        if windows is not None:
            columns = np.arange(table.shape[1])
            table[(columns >= counts[:, None]) & (columns < windows)] = 0.0
            has_value = counts > 0
            counts = np.where(has_value, np.maximum(counts, windows), 0)
            table.sort(axis=1)
        filled = np.count_nonzero(np.nan_to_num(table), axis=1)
        medians = _middle(table, counts)
        distances = np.abs(table - medians[:, None])
        distances.sort(axis=1)
        spreads = _middle(distances, counts)
        columns_of = zip(counts.tolist(), filled.tolist(), medians.tolist(), spreads.tolist(), strict=True)
        for group, usual in zip(self._numbers, map(Usual._make, columns_of), strict=True):
            if usual.windows and all(
                one is not None or name in optional for one, name in zip(group, self.by, strict=True)
            ):
                yield tuple(["" if one is None else str(one) for one in group]), usual

    @property
    def count(self) -> int:
        """Windows of the whole that have a value: of a query without dimensions."""
        return sum(len(numbers) for numbers, _ in self._bins.values())


def _middle(table: _Floats, counts: _Integers) -> _Floats:
    """The median of the first `counts` values of each row, which is sorted; null of none."""
    if not table.size:
        return np.full(len(table), np.nan)
    lower, upper = (
        np.take_along_axis(table, np.clip(place, 0, table.shape[1] - 1)[:, None], axis=1)[:, 0]
        for place in ((counts - 1) // 2, counts // 2)
    )
    return np.asarray((lower + upper) / 2)


def is_by_window(query: Query) -> bool:
    """Whether the value of a bin is the same whichever bins are asked beside it; not what compares, or counts from the event
    before."""
    of_value = parts(query.kpi.value)
    return bool(of_value) and not any(part.kind in ("increase", "changes") for part in of_value)


def datasets_of(query: Query) -> tuple[str, ...]:
    """Those whose events decide about the values."""
    is_polled = any(part.polled for part in parts(query.kpi.value))
    return (query.dataset, "polls") if is_polled else (query.dataset,)


def reach_of(query: Query) -> float:
    """The first hour (POSIX seconds) whose events may count: a state is reported before its range."""
    back = max((part.look_back_s for part in parts(query.kpi.value) if part.is_state), default=0)
    return (query.since.timestamp() - back) // HOUR * HOUR


def part_of(query: Query, begin: float, end: float) -> Query:
    """The same query over another range (POSIX seconds)."""
    since, until = (datetime.fromtimestamp(at, UTC) for at in (begin, end))
    return structs.replace(query, since=since, until=until)
