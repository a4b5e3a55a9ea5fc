"""What rules ask a store, and what its answers say of each group. Pure: the store, the clock and caches are its caller's.

    questions(rules, now) -> queries, equal ones once       verdicts(rule, now, answers, completeness) -> a verdict a group

The query of a baseline ends at a whole hour or window, so that it stays equal, and an answer can be kept, until the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from lakescope.alerts.model import Absence, Baseline, BurnRate, Peers, Rule, Threshold, Verdict
from lakescope.alerts.windows import Usual, Windows
from lakescope.kpis.catalogue import CATALOGUE
from lakescope.kpis.model import HOUR, Comparison, Kpi, Part, Query, UnsupportedError, parts

Rows = Sequence[Mapping[str, Any]]
Answers = Mapping[str, Rows | Windows | UnsupportedError | None]
"""`key` of a query -> its rows, of `Questions.past` its windows, or why such a store cannot answer it; null or not there: it did
not answer."""
Group = tuple[str, ...]
State = Literal["normal", "between", "abnormal", "too few", "no baseline"]

_NEVER = Usual(windows=0, filled=0, median=0.0, spread=0.0)
_ROUNDING = 1e-9
"""1 - 0.99 is not 0.01: a burn rate exactly at its limit counts."""


class Questions(Struct, frozen=True):
    """What one rule asks at a time."""

    value: Query
    volume: Query | None = None
    short: Query | None = None
    """Of a `BurnRate`."""
    history: Query | None = None
    """Of a `Baseline` or an `Absence`: bins of the rule's window, all before the window."""
    feed: Query | None = None
    """Of a `Baseline` whose missing windows are 0: whether there was data in each bin of the history."""

    @property
    def past(self) -> list[Query]:
        """Those about what is over, which are equal until the next hour."""
        return [one for one in (self.history, self.feed) if one is not None]

    @property
    def present(self) -> list[Query]:
        """The others, which each round asks."""
        return [one for one in (self.value, self.volume, self.short) if one is not None]

    @property
    def all(self) -> list[Query]:
        """All queries of this rule."""
        return self.present + self.past


def key(query: Query) -> str:
    """Equal for equal queries."""
    return repr(query)


def questions(rules: Iterable[Rule], now: float) -> dict[str, Query]:
    """What all enabled rules ask at `now`, each query once."""
    return {key(one): one for rule in rules if rule.enabled for one in questions_of(rule, now).all}


def questions_of(rule: Rule, now: float) -> Questions:
    """What a rule asks at `now`. Raises `KeyError` for a KPI that is not there, `ValueError` for its dimensions."""
    end = now - rule.late_s
    begin = end - rule.window_s
    condition = rule.condition
    history = feed = None
    if isinstance(condition, Baseline | Absence):
        step = max(HOUR, rule.window_s)
        last = begin // step * step
        history = _query(rule, rule.kpi, last - condition.history_s, last, rule.window_s)
        if isinstance(condition, Baseline) and condition.missing_is_zero:
            feed = feed_of(history)
    return Questions(
        _query(rule, rule.kpi, begin, end),
        _query(rule, rule.volume.kpi, begin, end) if rule.volume else None,
        _query(rule, rule.kpi, end - condition.short_s, end) if isinstance(condition, BurnRate) else None,
        history,
        feed,
    )


def feed_of(query: Query) -> Query:
    """What tells whether a query's data comes at all: of events their number, whatever they say; of a state the number of
    series that have it, which is null if nothing is known of any; of a comparison that of its first side."""
    kpi = query.kpi
    if isinstance(kpi.value, Comparison):
        return feed_of(replace(query, kpi=kpi.value.of))
    if query.is_snapshot:
        part = replace(parts(kpi.value)[0], kind="last", over="count")
        return replace(query, kpi=replace(kpi, unit="count", value=part), by=())
    return Query(kpi=events_of(query.dataset), since=query.since, until=query.until, bin_s=query.bin_s)


def events_of(dataset: str) -> Kpi:
    """Their number, whatever they say."""
    return Kpi(
        name=f"events of {dataset}",
        meaning="Events of the dataset.",
        unit="count",
        good="neutral",
        dataset=dataset,
        value=Part(kind="count"),
        dimensions=(),
        null="there are none",
    )


def verdicts(rule: Rule, now: float, answers: Answers, completeness: float | None) -> list[Verdict]:
    """One a group, by the group; one without a group where nothing can be said of any.

    `completeness`: share of the window's hours with data of the rule's feed, 0..1; 0: no data; null: the store did not say.
    """
    asked = questions_of(rule, now)
    answered = {key(one): answers.get(key(one)) for one in asked.all}
    for one in answered.values():
        if isinstance(one, UnsupportedError):
            return [Verdict(rule=rule.name, state="no data", reason=str(one))]
    rows = {name: one for name, one in answered.items() if not isinstance(one, UnsupportedError)}
    if completeness is None or None in answered.values():
        return [Verdict(rule=rule.name, state="unknown")]
    if not completeness:
        return [Verdict(rule=rule.name, state="no data", completeness=0.0)]
    values = _values(rule, rows.get(key(asked.value)))
    volumes = _values(rule, rows.get(key(asked.volume))) if asked.volume else {}
    short = _values(rule, rows.get(key(asked.short))) if asked.short else {}
    history, usual_of_new = _history(rule, asked, rows)
    if isinstance(rule.condition, Absence):
        values = _silent(rule.condition, values, history)
    judged = []
    for group, value in sorted(values.items()):
        state, threshold, middle = _judge(rule, value, short.get(group), history.get(group, usual_of_new))
        volume = volumes.get(group, 0.0) if rule.volume else None
        if rule.volume and (volume or 0.0) < rule.volume.least:
            state = "too few"  # small numbers decide nothing
        judged.append(
            Verdict(
                rule=rule.name,
                group=group,
                state=state,
                value=value,
                threshold=threshold,
                volume=volume,
                median=middle,
                completeness=completeness,
            )
        )
    return _by_peers(rule, judged)


def _query(rule: Rule, kpi: str, begin: float, end: float, bin_s: int | None = None) -> Query:
    return Query(
        kpi=CATALOGUE[kpi],
        since=datetime.fromtimestamp(begin, UTC),
        until=datetime.fromtimestamp(end, UTC),
        by=rule.by,
        bin_s=bin_s,
        filters=rule.filters,
    )


def _values(rule: Rule, rows: Rows | Windows | None) -> dict[Group, float]:
    """Each group's last value that is not null; without groups with a null that is not optional."""
    assert not isinstance(rows, Windows)
    values = {
        tuple([row[name] for name in rule.by]): row["value"] for row in rows or () if row["value"] is not None
    }
    return {
        tuple(["" if one is None else str(one) for one in group]): value
        for group, value in values.items()
        if None not in group
        or all(one is not None or name in rule.optional for one, name in zip(group, rule.by, strict=True))
    }


def _history(
    rule: Rule, asked: Questions, answers: Mapping[str, Rows | Windows | None]
) -> tuple[Mapping[Group, Usual], Usual]:
    """What is usual for each group, and for one that was never there."""
    history = answers.get(key(asked.history)) if asked.history else None
    if not isinstance(history, Windows):
        return {}, _NEVER
    feed = answers.get(key(asked.feed)) if asked.feed else None
    if not isinstance(feed, Windows):
        return history.usual(rule.optional), _NEVER
    windows = feed.count
    return history.usual(rule.optional, windows), _NEVER._replace(windows=windows)


def _silent(
    condition: Absence, values: Mapping[Group, float], history: Mapping[Group, Usual]
) -> dict[Group, float]:
    """The groups that were heard often enough: what they have now, 0 for nothing."""
    return {
        group: values.get(group, 0.0)
        for group, earlier in history.items()
        if earlier.filled >= condition.least_windows
    }


def _judge(
    rule: Rule, value: float, short: float | None, history: Usual
) -> tuple[State, float | None, float | None]:
    """State, threshold in the KPI's unit, and the median of its history."""
    match rule.condition:
        case Threshold(above=above, below=below, clear=clear, unsigned=unsigned):
            value = abs(value) if unsigned else value
            if above is not None and below is not None and value >= below:
                return "normal", above, None
            if above is not None:
                return _compare(value, above, clear, 1), above, None
            if below is None:
                raise ValueError(f"{rule.name} has neither `above` nor `below`")
            return _compare(value, below, clear, -1), below, None
        case Baseline() as baseline:
            return _against(baseline, value, history)
        case BurnRate(target=target, rate=rate):
            is_good = CATALOGUE[rule.kpi].good == "up"
            budget = rate * (1 - target)
            bad = [1 - one if is_good else one for one in (value, short) if one is not None]
            burns = short is not None and all(one >= budget - _ROUNDING for one in bad)
            return "abnormal" if burns else "normal", 1 - budget if is_good else budget, None
        case Absence():
            return "normal" if value else "abnormal", 0.0, None


def _against(baseline: Baseline, value: float, usual: Usual) -> tuple[State, float | None, float | None]:
    if usual.windows < baseline.least_windows:
        return "no baseline", None, None
    middle = usual.median
    distance = max(baseline.deviations * 1.4826 * usual.spread, baseline.least)
    clear = None if baseline.clear_ratio is None else middle * baseline.clear_ratio
    low = high = None
    if baseline.ratio_above is not None:
        high = max(middle * baseline.ratio_above, middle + distance)
    if baseline.ratio_below is not None:
        low = min(middle * baseline.ratio_below, middle - distance)
    if low is not None and (high is None or value < middle):
        return _compare(value, low, clear, -1), low, middle
    if high is None:
        raise ValueError("a baseline has neither `ratio_above` nor `ratio_below`")
    return _compare(value, high, clear, 1), high, middle


def _compare(value: float, threshold: float, clear: float | None, sign: int) -> State:
    """`sign`: 1, abnormal above; -1, below."""
    if sign * (value - threshold) > 0:
        return "abnormal"
    return "normal" if clear is None or sign * (value - clear) <= 0 else "between"


def _by_peers(rule: Rule, judged: list[Verdict]) -> list[Verdict]:
    """With one verdict for each value that is abnormal with many others; its pairs are covered by it.

    The value with the most abnormal pairs comes first and takes them, so that a host is not blamed for pairs with one that
    is worse.
    """
    if rule.peers is None:
        return judged
    left = {one.group: one for one in judged if one.state == "abnormal"}
    measured = _others(rule, rule.peers, judged)
    found = []
    covered: dict[Group, str] = {}
    while left:
        others = _others(rule, rule.peers, left.values())
        peer, count = max(
            ((name, len(of)) for name, of in others.items()),
            key=lambda one: (one[1], one[0]),
            default=("", 0),
        )
        is_all = rule.peers.all_from is not None and len(measured[peer]) == count >= rule.peers.all_from
        if count < rule.peers.least and not is_all:
            break
        places = [rule.by.index(name) for name in rule.peers.dimensions]
        pairs = [one for group, one in left.items() if any(group[place] == peer for place in places)]
        value = _middle(rule, [one.value or 0.0 for one in pairs])
        place = (peer, *_site(rule, rule.peers, peer, pairs))
        found.append(replace(pairs[0], group=place, value=value, count=count))
        for one in pairs:
            covered[one.group] = peer
            del left[one.group]
    return [replace(one, covered_by=covered.get(one.group)) for one in judged] + found


def _middle(rule: Rule, values: Sequence[float]) -> float:
    """The median; of values that count without their sign that by size, since those of opposite ends cancel out."""
    if isinstance(rule.condition, Threshold) and rule.condition.unsigned:
        return sorted(values, key=abs)[len(values) // 2]
    return median(values)


def _site(rule: Rule, peers: Peers, peer: str, pairs: Iterable[Verdict]) -> Iterator[str]:
    """The site of a peer, if the rule wants it: the first that a pair has, as not every event needs to know it."""
    ends = [
        (rule.by.index(name), rule.by.index(site))
        for name, site in zip(peers.dimensions, peers.sites, strict=False)
    ]
    if ends:
        sites = {one.group[site] for one in pairs for place, site in ends if one.group[place] == peer}
        yield min(sites - {""}, default="")


def _others(rule: Rule, peers: Peers, verdicts: Iterable[Verdict]) -> dict[str, set[Group]]:
    """Value -> what it was measured with, each once, whichever end it is at."""
    places = [rule.by.index(name) for name in peers.dimensions]
    others: dict[str, set[Group]] = defaultdict(set)
    for one in verdicts:
        for place in places:
            if peer := one.group[place]:
                ends = tuple(one.group[other] for other in places if other != place)
                others[peer].add(ends or one.group[:place] + one.group[place + 1 :])
    return others
