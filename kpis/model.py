"""What a KPI is: a number defined once, from which dashboards, alerts, reports and queries are all compiled.

    Kpi = meaning + dataset + which events count (`where`) + value (aggregates and at most one division)
    Query = Kpi + time range + dimensions + bin + filters

A compiler (one module a store) turns a `Query` into that store's language; it is pure, and refuses with
`UnsupportedError` what the store cannot answer, rather than answering something near it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from msgspec import Struct

from lakescope.core.columns import Kind, kinds

Unit = Literal["ratio", "count", "bytes", "bytes/s", "bits/s", "seconds", "days", "1/s"]
"""bytes/s is the rate of files and storage, bits/s that of networks, as each field has it. Of a KPI: everywhere."""
Operator = Literal["=", "not", "in", "known", "unknown", "any"]

BINS_MAX = 100_000
"""Of one question: a minute's bins of two months."""
HOUR = 3600
DAY = 24 * HOUR


OfEvents = Literal["count", "distinct", "sum", "mean", "min", "max", "largest", "percentile", "share"]
"""largest: the greatest distance from 0; share: of true among true and false."""
OfTime = Literal["silence", "empty_hours"]
"""silence: seconds from the last event to the end of the bin or range; empty_hours: whole hours of UTC, within bin
and range, in which no event came."""
OfSeries = Literal["increase", "changes"]
"""Made of each series, then summed over the series. increase, of a counter: all differences of neighbours but the
falls, which are resets; changes: distinct values beyond the first."""
OfState = Literal["last", "growth"]
"""Made of each series' state: what it last reported (kpis/snapshots.py). last: at the end of the bin or range; growth:
the same minus the state at the beginning."""

OverSeries = Literal["sum", "total", "count", "mean", "min", "max", "largest", "distinct"]
"""total: the sum, which of none is 0 once an answer says that there is none; count: of series."""

UNKNOWN = ""
"""Among the values of ``in``: events whose field is null. No event's field is empty text."""


class Condition(NamedTuple):
    """A field's value that an event must have. ``not``: any other, or null; ``known``: any but null; ``unknown``: null.

    ``any``: all conditions of at least one of the tuples in `value`; `field` is one of theirs.
    """

    field: str
    operator: Operator
    value: str | bool | tuple[Any, ...] | None = None
    """For ``in`` texts, for ``any`` tuples of conditions."""


class Part(Struct, frozen=True, kw_only=True):
    """One aggregate over the events that count."""

    kind: OfEvents | OfTime | OfSeries | OfState
    field: str | None = None
    """What is aggregated; events where it is null are left out. Null for ``count`` and `OfTime`."""
    where: tuple[Condition, ...] = ()
    """Beside the KPI's own `where`."""
    quantile: float | None = None
    """0..1, for ``percentile`` (linear interpolation between the closest ranks)."""
    series: tuple[str, ...] = ()
    """For `OfSeries` and `OfState`: what tells one series from another. Of a bin only its own events count; but an
    increase is from the event before, which may lie in an earlier bin, and a state from before the bin or range."""
    state: tuple[Condition, ...] = ()
    """For `OfState`: what a series' last report must say for its value to count."""
    over: OverSeries = "sum"
    """For `OfState`: what is made of the series' values; of none ``distinct``, ``count`` and ``total`` are 0,
    the others null."""
    look_back_s: int = 7 * DAY
    """For `OfState`: no report is used for longer (seconds). What reports each minute is not searched for a week."""
    together: tuple[str, ...] = ()
    """For `OfState`: series that are alike in these fields report at the same moments."""
    polled: str = ""
    """For `OfState`: what kind of poll (``kind`` of dataset ``polls``) the reports answer, by their field ``poll``: a
    series which the latest complete answer to its question lacks has no state any more. Empty: they answer none."""

    @property
    def is_state(self) -> bool:
        """Whether it is a snapshot, rather than made of the events of a range."""
        return self.kind in ("last", "growth")


class Ratio(Struct, frozen=True):
    """`over` / `under`; null where `under` is 0 or null."""

    over: Part
    under: Part


class Remainder(Struct, frozen=True):
    """What a share leaves: 1 - `of`."""

    of: Ratio


class PerSecond(Struct, frozen=True):
    """`of` by the seconds of the range, or by those of the bin that the range covers."""

    of: Part


class DaysLeft(Struct, frozen=True):
    """Days until `left` is used up if `growth` goes on as between the reports that it is made of, of the series that
    have both; null where nothing grows."""

    left: Part
    growth: Part


class Timeline(Struct, frozen=True):
    """Made of how long what held, of probes and of declared downtimes (kpis/timelines.py)."""

    of: Literal["availability", "reliability", "downtime"]


class Comparison(Struct, frozen=True, kw_only=True):
    """`of` against `to`: each is asked alone, then they are joined on their dimensions (kpis/comparisons.py); null where
    one side has no value."""

    of: Kpi
    to: Kpi
    operation: Literal["difference", "ratio"]
    """``of - to`` or ``of / to``."""
    per: tuple[str, ...] = ()
    """Dimensions by which the sides are always matched; what both have is then added up to the groups asked for."""
    absent: Literal["of", "to"] | None = None
    """The side that counts things: what only the other one has is 0 there. What only this side has is left out."""
    capped: bool = False
    """`of` counts up to `to`, so that more here does not make up for less there."""
    is_way_back: bool = False
    """`to` is of the way back: what is source of `of` is destination of `to`."""
    shift_s: int = 0
    """`to` is about a range that begins and ends so many seconds earlier."""
    baseline_s: int = 0
    """`to` is about the seconds before the range, as a whole: for what does not grow with the length of its range."""
    window_s: int = 0
    """`to` counts so many seconds before it was reported, so that both are asked for windows of that length: bins of it,
    or the last one of the range. Both are counts, of which a side that answers leaves out the groups with 0."""
    late_s: int = 0
    """The windows end so long before the range's end: what `of` counts may come so late."""

    @property
    def is_earlier(self) -> bool:
        """Whether it compares with an earlier range."""
        return bool(self.shift_s or self.baseline_s)


Value = Part | Ratio | Remainder | PerSecond | DaysLeft | Comparison | Timeline


class Kpi(Struct, frozen=True, kw_only=True):
    """One number."""

    name: str
    meaning: str
    """One sentence for an operator."""
    unit: Unit
    good: Literal["up", "down", "neutral"]
    """Which direction is the better one."""
    dataset: str
    value: Value
    dimensions: tuple[str, ...]
    """Fields that it may be grouped and filtered by."""
    where: tuple[Condition, ...] = ()
    """Which events count."""
    null: str
    """What it means that there is no value."""
    noise: bool | None = None
    """Whether functional tests count: true with, false without; null where the dataset has no such mark."""
    warning: float | None = None
    critical: float | None = None
    signed: bool = False
    """A change or a difference: people read it with its sign, also above 0."""

    @property
    def factor(self) -> int:
        """Of its unit in that of the events, whose rates and sizes are all in bytes."""
        return 8 if self.unit == "bits/s" else 1

    def __post_init__(self) -> None:
        if not isinstance(self.value, Comparison):
            return
        for side in (self.value.of, self.value.to):
            for name in (*self.dimensions, *self.value.per):
                if name not in side.dimensions:
                    raise ValueError(f"{self.name} compares {side.name}, which has no dimension {name!r}")
        units = [side.unit for side in (self.value.of, self.value.to)]
        if len({unit.replace("bits", "bytes") for unit in units}) > 1:
            raise ValueError(f"{self.name} compares {units[0]} with {units[1]}")


class Query(Struct, frozen=True, kw_only=True):
    """A KPI over a range of time, ``since <= time < until``. Times are aware."""

    kpi: Kpi
    since: datetime
    until: datetime
    by: tuple[str, ...] = ()
    """Dimensions, each a column of the answer; events where one is null make a group of their own."""
    bin_s: int | None = None
    """Seconds of a bin, bins aligned to 1970 in UTC; null: the range as a whole."""
    filters: Mapping[str, str | tuple[str, ...]] = {}
    """Dimension -> wanted value or values; `UNKNOWN`: none."""
    narrowing: tuple[Condition, ...] = ()
    """Further conditions on dimensions: ``in``, ``not`` or ``known``."""
    noise: bool | None = None
    """Functional tests in or out, instead of the KPI's own choice."""
    restriction: tuple[Condition, ...] = ()
    """What the one who asks may see, on any field (`lakescope.app.restriction`)."""

    def __post_init__(self) -> None:
        dimensions = self.kpi.dimensions
        narrowed = [condition.field for condition in self.narrowing]
        for name in (*self.by, *self.filters, *narrowed):
            if name not in dimensions:
                raise ValueError(
                    f"{self.kpi.name} has no dimension {name!r}; there are {', '.join(dimensions)}"
                )
        kinds_by_field = kinds(self.dataset)
        for name, value in self.filters.items():
            _check_values(name, kinds_by_field[name], (value,) if isinstance(value, str) else value)
        for field, _, unwanted in self.narrowing:
            if isinstance(unwanted, str | tuple):
                _check_values(
                    field, kinds_by_field[field], (unwanted,) if isinstance(unwanted, str) else unwanted
                )
        if self.until <= self.since:
            raise ValueError(f"the range is empty: since {self.since:%FT%TZ} until {self.until:%FT%TZ}")
        if self.bin_s is not None and self.bin_s <= 0:
            raise ValueError(f"expected a bin of at least one second, found {self.bin_s}")
        if self.bin_s and (count := (self.until - self.since).total_seconds() / self.bin_s) > BINS_MAX:
            raise ValueError(f"expected {BINS_MAX:,} bins at most, found {count:,.0f}: take a wider bin")
        if (self.bin_s or 0) % HOUR and any(part.kind == "empty_hours" for part in parts(self.kpi.value)):
            raise UnsupportedError(f"{self.kpi.name} needs a bin of whole hours, found {self.bin_s} s")

    @property
    def dataset(self) -> str:
        """Whose events are asked about."""
        return self.kpi.dataset

    @property
    def is_snapshot(self) -> bool:
        """Whether the number is about states: then kpis/snapshots.py makes it of reports."""
        return any(part.is_state for part in parts(self.kpi.value))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All that an event must meet beside its time."""
        noise = self.kpi.noise if self.noise is None else self.noise
        quiet = (
            (Condition("functional_test", "=", False),)
            if noise is False and self.kpi.noise is not None
            else ()
        )
        conditions = tuple(
            Condition(name, "in", (value,) if isinstance(value, str) else tuple(value))
            for name, value in self.filters.items()
        )
        return (*self.kpi.where, *quiet, *conditions, *self.narrowing, *self.restriction)

    @property
    def whole_hours(self) -> tuple[datetime, datetime]:
        """The range without the hours at its ends that are not whole."""
        first, last = -(-self.since.timestamp() // HOUR), self.until.timestamp() // HOUR
        return datetime.fromtimestamp(first * HOUR, UTC), datetime.fromtimestamp(last * HOUR, UTC)

    def hours(self, bin_: datetime | None) -> int:
        """Whole hours of a bin, or of the range, that are in the range."""
        first, last = (end.timestamp() for end in self.whole_hours)
        if bin_ is not None and self.bin_s:
            first, last = max(first, bin_.timestamp()), min(last, bin_.timestamp() + self.bin_s)
        return max(0, round(last - first) // HOUR)

    def end(self, bin_: datetime | None) -> datetime:
        """Where a bin ends, or the range."""
        if bin_ is None or not self.bin_s:
            return self.until
        return min(self.until, bin_ + timedelta(seconds=self.bin_s))

    def seconds(self, bin_: datetime | None) -> float:
        """Length of the range, or of the part of a bin that is in it: what a rate is divided by."""
        begin = self.since if bin_ is None else max(self.since, bin_)
        return (self.end(bin_) - begin).total_seconds()


class EventsQuery(Struct, frozen=True, kw_only=True):
    """The newest events themselves, ``since <= time < until``: the examples behind a number. Times are aware."""

    dataset: str
    columns: tuple[str, ...]
    """Fields wanted, beside ``time``."""
    since: datetime
    until: datetime
    conditions: tuple[Condition, ...] = ()
    limit: int = 50

    def __post_init__(self) -> None:
        _check_fields(self.dataset, (*self.columns, *(condition.field for condition in self.conditions)))


class StatesQuery(Struct, frozen=True, kw_only=True):
    """The reports that a snapshot counts at the end of its range, each series once, the newest `limit` of them."""

    of: Query
    """Of a KPI with one part; without a bin."""
    columns: tuple[str, ...]
    """Fields wanted, beside ``time``."""
    limit: int = 50

    def __post_init__(self) -> None:
        if not (isinstance(self.of.kpi.value, Part) and self.of.is_snapshot) or self.of.bin_s:
            raise ValueError(f"expected a snapshot of one part at one time, found {self.of.kpi.name}")
        _check_fields(self.dataset, self.columns)

    @property
    def dataset(self) -> str:
        """Whose events are asked about."""
        return self.of.dataset


def _check_values(field: str, kind: Kind, values: Iterable[str]) -> None:
    """What a store would refuse, or find nothing for without a word."""
    expected, form = _FORMS.get(kind, ("", re.compile("")))
    for value in values:
        if expected and value != UNKNOWN and not form.fullmatch(value):
            raise ValueError(f"{field} is {expected}, found {value[:60]!r}")


_FORMS: dict[Kind, tuple[str, re.Pattern[str]]] = {
    "boolean": ("true or false", re.compile("true|false")),
    "integer": ("a whole number", re.compile(r"-?[0-9]{1,18}")),
}


def _check_fields(dataset: str, names: Iterable[str]) -> None:
    kinds_by_field = kinds(dataset)
    for name in names:
        if name not in kinds_by_field:
            raise ValueError(f"{dataset} has no field {name!r}; there are {', '.join(kinds_by_field)}")


class ReportsQuery(Struct, frozen=True, kw_only=True):
    """Of each series what its states in ``since <= time < until`` are made of. Times are aware.

    The answer is any part of the reports in ``look_back <= time < until`` that has, of each series, the last one before
    `since`, the last one of each bin (the first one too, if `firsts`), and the last `REPORTS` ones, instead of which the
    last one may have their `Report.gap`.
    """

    dataset: str
    look_back: datetime
    since: datetime
    until: datetime
    bin_s: int | None
    field: str
    """The value. Of two reports at one moment the greater is the last."""
    series: tuple[str, ...]
    columns: tuple[str, ...]
    """Fields wanted beside those."""
    conditions: tuple[Condition, ...] = ()
    firsts: bool = False
    polls_of: str | None = None
    """Of answers to polls, which are asked for beside the reports of a dataset, to know which of these are still true: that
    dataset. They are not shown, so that who may see its events gets them, too."""

    @property
    def names(self) -> tuple[str, ...]:
        """All fields wanted, each once."""
        return tuple(dict.fromkeys([self.field, *self.series, *self.columns]))


class Report(NamedTuple):
    """One report of a series."""

    time: float
    """POSIX seconds."""
    values: Mapping[str, Any]
    gap: float | None = None
    """Of a series' last report: the median of the seconds between its last `REPORTS` ones, where the store has made it."""


class Rows(list[dict[str, Any]]):
    """An answer of which more is to be said."""

    bin_s: int | None = None
    """The bins that it has, which may not be as fine as asked."""
    notes: tuple[str, ...] = ()
    """What is missing in it, and why."""


REPORTS = 10
"""So many last reports of a series tell how often it reports."""


class UnsupportedError(ValueError):
    """The store cannot answer this query exactly; the text says why, and which store can."""


def ways_of(condition: Condition) -> tuple[tuple[Condition, ...], ...]:
    """The tuples of a condition ``any``."""
    assert isinstance(condition.value, tuple)
    return condition.value


def parts(value: Value) -> tuple[Part, ...]:
    """The aggregates of a value; a comparison and a timeline have none of their own."""
    match value:
        case Comparison() | Timeline():
            return ()
        case Ratio():
            return value.over, value.under
        case DaysLeft():
            return value.left, value.growth
        case Remainder():
            return parts(value.of)
        case PerSecond():
            return (value.of,)
        case _:
            return (value,)


def combine(query: Query, group: tuple[Any, ...], values: Sequence[float | int | None]) -> float | int | None:
    """The KPI's value in a group (bin, dimensions...) from its parts' values, for stores that know no division."""
    value = query.kpi.value
    first, second = values[0], values[-1]
    if first is None:
        return None
    first *= query.kpi.factor
    if isinstance(value, Part):
        return first
    if isinstance(value, PerSecond):
        return first / query.seconds(group[0] if query.bin_s else None)
    if not second:
        return None
    return 1 - first / second if isinstance(value, Remainder) else first / second


def order(query: Query, groups: Iterable[tuple[tuple[Any, ...], Any]]) -> list[dict[str, Any]]:
    """(bin as an aware time, dimensions...) and value as rows, ordered by bin and dimensions, null last."""
    names = [*(["time"] if query.bin_s else []), *query.by]
    rows = sorted(groups, key=lambda row: [(key is None, key) for key in row[0]])
    return [
        {name: _plain(key) for name, key in zip(names, keys, strict=True)} | {"value": value}
        for keys, value in rows
    ]


def _plain(key: Any) -> Any:
    """A bin as RFC 3339 text."""
    return f"{key:%Y-%m-%dT%H:%M:%SZ}" if isinstance(key, datetime) else key


StoreQuery = Query | EventsQuery | ReportsQuery
"""What a store is asked. A `Query` of states never is: kpis/snapshots.py makes it of a `ReportsQuery`."""
StoreAnswer = list[dict[str, Any]] | list[Report]
"""Of a `ReportsQuery` the reports; of an `EventsQuery` the events, newest first; of a `Query` rows of ``time`` (with a
bin), the dimensions and ``value``."""


@runtime_checkable
class KpiSink(Protocol):
    """A sink that answers KPIs: what it has beside `write`."""

    def answer(self, queries: Sequence[StoreQuery]) -> list[StoreAnswer | UnsupportedError]:
        """What each query found, in their order, by as few requests as the store allows.

        In the place of what the store cannot answer exactly stands an `UnsupportedError` that says why. Raises
        `TransientError` or `RefusedError` for a store that does not answer at all.
        """
