"""A KPI that compares two others: each is asked alone, then their groups are joined here, the same for every store.

The sides may be of different datasets: they share the dimensions that both have. Or both are one KPI, the second time
of an earlier range (`Comparison.shift_s`, `Comparison.baseline_s`). A row has both sides' values beside its own. What
only one side has stays in the answer with a null, and `Rows.notes` say how much it was and which side lacked it.

A side that is reported seldom (kpis/snapshots.py) may have wider bins than the other: then both are asked again, for
bins that both can have.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import lcm
from typing import Any, TypeGuard

from msgspec import structs

from lakescope.kpis.model import (
    DAY,
    HOUR,
    Comparison,
    EventsQuery,
    Kpi,
    Query,
    Rows,
    StatesQuery,
    UnsupportedError,
    order,
)

Question = Query | EventsQuery | StatesQuery
Answer = list[dict[str, Any]] | UnsupportedError
Key = tuple[Any, ...]
_ENDS = {"src": "dst", "dst": "src"}


def answers(
    questions: Sequence[Question], ask: Callable[[Sequence[Question]], Sequence[Answer]]
) -> list[Answer]:
    """The answers in the order of the questions; `ask` answers those that compare nothing."""
    expansions = [_expand(question) for question in questions]
    flat = [side for sides in expansions if not isinstance(sides, UnsupportedError) for side in sides]
    has_nested = any(map(_is_comparison, flat))
    rest = iter(answers(flat, ask) if has_nested else ask(flat) if flat else ())
    result: list[Any] = []
    for question, one_expansion in zip(questions, expansions, strict=True):
        if isinstance(one_expansion, UnsupportedError):
            result.append(one_expansion)
        elif len(one_expansion) == 1:
            result.append(next(rest))
        else:
            result.append(_joined(question, next(rest), next(rest)))
    again = {place: one for place, one in enumerate(result) if isinstance(one, Query)}
    for place, answer in zip(again, answers([*again.values()], ask) if again else (), strict=True):
        result[place] = answer
    return result


def columns(kpi: Kpi) -> dict[str, Kpi]:
    """The sides of a comparison, each by the name of its column in the answer; of another KPI nothing."""
    if not isinstance(kpi.value, Comparison):
        return {}
    of, to = kpi.value.of, kpi.value.to
    which = "_before" if kpi.value.is_earlier else "_back" if kpi.value.is_way_back else ""
    return {of.name: of, f"{to.name}{which}": to}


def sides(query: Query) -> tuple[Query, Query]:
    """What is asked for a comparison. Raises `UnsupportedError` for bins that the earlier range would not have."""
    comparison = _of(query)
    if comparison.window_s:
        query = _windowed(query, comparison)
    shift, bin_s = comparison.shift_s, query.bin_s
    if bin_s and shift % bin_s:
        raise UnsupportedError(
            f"{query.kpi.name} compares with {shift / DAY:g} d before: expected a bin of which that is a multiple,"
            f" found {bin_s} s"
        )
    of = structs.replace(query, kpi=comparison.of, by=(*query.by, *_inner(query)))
    to = structs.replace(of, kpi=comparison.to)
    if comparison.is_way_back:
        to = structs.replace(
            to,
            by=tuple(map(_other_end, of.by)),
            filters={_other_end(name): values for name, values in of.filters.items()},
            narrowing=tuple(one._replace(field=_other_end(one.field)) for one in of.narrowing),
        )
    if shift:
        earlier = timedelta(seconds=shift)
        to = structs.replace(to, since=query.since - earlier, until=query.until - earlier)
    elif comparison.baseline_s:
        since = query.since - timedelta(seconds=comparison.baseline_s)
        to = structs.replace(to, since=since, until=query.since, bin_s=None)
    return of, to


def join(query: Query, of: Sequence[Mapping[str, Any]], to: Sequence[Mapping[str, Any]]) -> Rows:
    """``time`` (with a bin), the dimensions, a column a side and ``value``, from the answers to `sides`."""
    comparison, names = _of(query), columns(query.kpi)
    left_values = _values(query, of, binned=bool(query.bin_s))
    if comparison.is_way_back:
        to = [{_other_end(name): value for name, value in row.items()} for row in to]
    if query.bin_s and comparison.baseline_s:  # one value for all bins
        once = _values(query, to, binned=False)
        bins = dict.fromkeys(key[0] for key in left_values)
        right = {(bin_, *key): value for bin_ in bins for key, value in once.items()}
    else:
        later = timedelta(seconds=comparison.shift_s)
        right = _values(query, to, binned=bool(query.bin_s), later=later)
    if comparison.absent:
        counted, all_ = (left_values, right) if comparison.absent == "of" else (right, left_values)
        counts = {key: counted.get(key) or 0 for key, value in all_.items() if value is not None}
        left_values, right = (counts, all_) if comparison.absent == "of" else (all_, counts)
    pairs = {key: (left_values.get(key), right.get(key)) for key in (*left_values, *right)}
    if comparison.capped:
        pairs = {key: (_capped(of, to), to) for key, (of, to) in pairs.items()}
    if comparison.window_s:
        query = _windowed(query, comparison)
        pairs = _completed(pairs, is_binned=bool(query.bin_s))
    length = len(query.by) + bool(query.bin_s)
    groups: dict[Key, list[tuple[Any, Any]]] = defaultdict(list)
    if not length:  # the range as a whole is always answered
        groups[()] = []
    for key, pair in pairs.items():
        groups[key[:length]].append(pair)
    totals = {key: _total(group_values) for key, group_values in groups.items()}
    rows = Rows()
    for row in order(query, ((key, (*pair, _compared(query.kpi, *pair))) for key, pair in totals.items())):
        values = row.pop("value")
        rows.append(row | dict(zip((*names, "value"), values, strict=True)))
    rows.notes = tuple(_notes(query, [*pairs.values()]))
    rows.bin_s = query.bin_s
    return rows


def _expand(question: Question) -> Sequence[Question] | UnsupportedError:
    if not _is_comparison(question):
        return [question]
    try:
        return sides(question)
    except UnsupportedError as error:
        return error


def _is_comparison(question: Question) -> TypeGuard[Query]:
    return isinstance(question, Query) and isinstance(question.kpi.value, Comparison)


def _of(query: Query) -> Comparison:
    value = query.kpi.value
    assert isinstance(value, Comparison)
    return value


def _other_end(name: str) -> str:
    """``dst_host`` of ``src_host`` and the other way round; any other dimension is the same at both ends."""
    end, _, rest = name.partition("_")
    return f"{_ENDS[end]}_{rest}" if end in _ENDS else name


def _inner(query: Query) -> tuple[str, ...]:
    """Dimensions by which the sides are matched, beside those asked for."""
    return tuple(name for name in _of(query).per if name not in query.by)


def _windowed(query: Query, comparison: Comparison) -> Query:
    """The same question about whole windows. Raises `UnsupportedError` for a range without any."""
    window, until = comparison.window_s, query.until - timedelta(seconds=comparison.late_s)
    since = until - timedelta(seconds=window)
    if query.bin_s:
        first, last = -(-query.since.timestamp() // window), until.timestamp() // window
        since, until = (datetime.fromtimestamp(place * window, UTC) for place in (first, last))
    if since >= until:
        late = f", {comparison.late_s // 60} minutes before its end" if comparison.late_s else ""
        raise UnsupportedError(
            f"{query.kpi.name} needs a range with a whole window of {window // HOUR} h{late}"
        )
    return structs.replace(query, since=since, until=until, bin_s=window if query.bin_s else None)


def _completed(pairs: Mapping[Key, tuple[Any, Any]], *, is_binned: bool) -> dict[Key, tuple[Any, Any]]:
    """A count that one side lacks is 0, where that side answers at all: `to` in that bin, `of` always."""
    answering = {key[:is_binned] for key, (_, to) in pairs.items() if to is not None}
    return {
        key: (of or 0, to if to is not None else 0 if key[:is_binned] in answering else None)
        for key, (of, to) in pairs.items()
    }


def _joined(question: Question, of: Answer, to: Answer) -> Answer | Query:
    """The answer; or the question for wider bins, where one side is reported too seldom for those asked for."""
    assert isinstance(question, Query)
    if isinstance(of, UnsupportedError):
        return of
    if isinstance(to, UnsupportedError):
        return to
    window = _of(question).window_s
    if question.bin_s and window:
        if any((getattr(answer, "bin_s", None) or window) != window for answer in (of, to)):
            hours = f"{window // HOUR} h"
            return UnsupportedError(f"{question.kpi.name} needs reports more often than every {hours}")
    elif question.bin_s:
        binned_answers = [of] if _of(question).baseline_s else [of, to]
        bin_s = lcm(*(getattr(answer, "bin_s", None) or question.bin_s for answer in binned_answers))
        if bin_s != question.bin_s:
            return structs.replace(question, bin_s=bin_s)
    return join(question, of, to)


def _values(
    query: Query, rows: Sequence[Mapping[str, Any]], *, binned: bool, later: timedelta = timedelta()
) -> dict[Key, Any]:
    """Bin (so much later), dimensions and what is matched by -> value."""
    names = (*query.by, *_inner(query))
    if not binned:
        return {tuple(row[name] for name in names): row["value"] for row in rows}
    return {
        (datetime.fromisoformat(row["time"]) + later, *(row[name] for name in names)): row["value"]
        for row in rows
    }


def _capped(of: Any, to: Any) -> Any:
    return to if None not in (of, to) and of > to else of


def _total(pairs: Sequence[tuple[Any, Any]]) -> tuple[Any, Any]:
    """The only pair; of several the sums over those that both sides have."""
    if len(pairs) == 1:
        return pairs[0]
    whole = [pair for pair in pairs if None not in pair]
    return (sum(of for of, _ in whole), sum(to for _, to in whole)) if whole else (None, None)


def _compared(kpi: Kpi, of: Any, to: Any) -> Any:
    comparison = kpi.value
    assert isinstance(comparison, Comparison)
    if of is None or to is None:
        return None
    if comparison.of.unit != comparison.to.unit:
        of, to = of / comparison.of.factor * kpi.factor, to / comparison.to.factor * kpi.factor
    if comparison.operation == "difference":
        return of - to
    return of / to if to else None


def _notes(query: Query, pairs: Sequence[tuple[Any, Any]]) -> Iterator[str]:
    """What has no value, and why."""
    for (name, side), values in zip(columns(query.kpi).items(), zip(*pairs, strict=True), strict=False):
        if count := sum(value is None for value in values):
            why = "" if side.null == "never null" else f" ({side.null})"
            many = f" for {count} of {len(values)} rows" if len(values) > 1 else ""
            yield f"{query.kpi.name}: {name} has no value{many}{why}, so nothing is compared there"
