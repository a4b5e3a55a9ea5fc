"""Availability and reliability of sites in WLCG's terms, and the time of declared downtimes: how long what held.

A result of a probe holds until the next one of the same probe, target and operation, for three of its usual intervals at most
and for a day at the longest. At each moment, as in WLCG's profiles (ARGO):

- A service of a host is up if all its probes hold OK or WARNING, down if one is CRITICAL, else unknown.
- It is in downtime, whatever the probes say, while a scheduled outage of its host and service type is declared, or of its
  host or site as a whole. An outage that was not scheduled, and a warning, change nothing.
- A type of service at a site is as its best host is; the site is down if one type is, else in downtime, else unknown, else up.

    availability = up / (up + down + downtime)        reliability = up / (up + down)

Time of which nothing is known is in neither. Of several sites the seconds are added up. Service types of different names are
one where they are known to be (webdav, davs, https; XRootD, root, xroot; SRM, SRMv2; gridftp, gsiftp); a downtime of a
type that no probe knows is one of the whole host. Results are looked at every five minutes, as ARGO does.

A downtime was in force from its start to its end by the latest report of it; or, if it was cancelled or cut short, until the
first complete answer of its portal that lacks it. Its time in a group is that in which at least one was in force.

The stores only find the reports (`model.ReportsQuery`); all else is here, so that no store can differ.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import inf
from statistics import median
from typing import Any, NamedTuple

from lakescope.kpis.model import (
    DAY,
    Condition,
    Query,
    Report,
    ReportsQuery,
    Rows,
    Timeline,
    UnsupportedError,
    order,
)
from lakescope.kpis.snapshots import meets

STEP_S = 300
"""Of several results within it the last counts."""
LONGEST_RANGE = timedelta(days=92)
LOOK_BACK = timedelta(days=7)
"""A downtime that was last reported before is not known any more."""
VALID_S = float(DAY)
"""The longest that a result holds."""
STALE_AFTER = 3
"""Intervals."""

_PROBE = ("source", "probe", "site", "host", "target", "service", "protocol", "operation", "vo")
_DOWNTIME = ("source", "downtime_id", "portal_site", "host", "service", "poll")
_DOWNTIME_COLUMNS = ("site", "rse", "severity", "classification", "started", "ended", "state", "vo")
_POLL = ("collector", "source", "scope")
_TYPES = {
    **dict.fromkeys(("webdav", "davs", "dav", "https", "http"), "webdav"),
    **dict.fromkeys(("xrootd", "xroot", "root", "roots", "xroots"), "xrootd"),
    **dict.fromkeys(("srm", "srmv2"), "srm"),
    **dict.fromkeys(("gridftp", "gsiftp", "globus-gridftp"), "gridftp"),
}

Key = tuple[Any, ...]
Span = tuple[float, float]
"""From, to (POSIX seconds)."""


class Seconds:
    """How long a site was what."""

    __slots__ = ("down", "downtime", "unknown", "up")

    def __init__(self) -> None:
        self.up = self.down = self.downtime = self.unknown = 0.0


class Outage(NamedTuple):
    """One service's downtime as it was in force."""

    span: Span
    values: Mapping[str, Any]


def is_timeline(query: Query) -> bool:
    """Whether it is made here."""
    return isinstance(query.kpi.value, Timeline)


def questions(query: Query) -> list[ReportsQuery]:
    """What a store is asked: for the results of probes (not for downtimes alone), the downtimes, and their polls.

    Raises `UnsupportedError` for a range that is too long.
    """
    if query.until - query.since > LONGEST_RANGE:
        days = (query.until - query.since) / timedelta(days=1)
        raise UnsupportedError(
            f"{query.kpi.name}: expected {LONGEST_RANGE.days} days at most, found {days:.0f}"
        )
    downtimes = ReportsQuery(
        dataset="downtimes",
        look_back=query.since - LOOK_BACK,
        since=query.until,
        until=query.until,
        bin_s=None,
        field="downtime_id",
        series=_DOWNTIME,
        columns=_DOWNTIME_COLUMNS,
        conditions=(Condition("event", "=", "reported"),),
    )
    polls = ReportsQuery(
        dataset="polls",
        look_back=query.since - LOOK_BACK,
        since=query.since,
        until=query.until,
        bin_s=STEP_S,
        field="count",
        series=_POLL,
        columns=(),
        conditions=(
            Condition("kind", "=", "downtimes"),
            Condition("complete", "=", True),
            Condition("count", "known"),
        ),
        polls_of="downtimes",
    )
    if _kind(query) == "downtime":
        return [downtimes, polls]
    probes = ReportsQuery(
        dataset="probes",
        look_back=query.since - timedelta(seconds=VALID_S),
        since=query.since,
        until=query.until,
        bin_s=STEP_S,
        field="status",
        series=_PROBE,
        columns=("id",),  # InfluxDB finds no event by its tags alone
        conditions=query.conditions,
    )
    return [probes, downtimes, polls]


def rows(query: Query, answers: Sequence[Iterable[Report]]) -> Rows:
    """``time`` (with a bin), the dimensions, ``value``. `answers`: to `questions`, in their order."""
    *probes, downtimes, polls = answers
    outages = list(_outages(downtimes, _answered(query, polls)))
    if probes:
        answer = Rows(order(query, _shares(query, probes[0], outages)))
    else:
        is_known = bool(outages) or bool(list(polls))
        answer = Rows(order(query, _times(query, outages, is_known=is_known)))
    answer.bin_s = query.bin_s
    return answer


def _kind(query: Query) -> str:
    assert isinstance(query.kpi.value, Timeline)
    return query.kpi.value.of


# --- downtimes -------------------------------------------------------------------------------------------


def _answered(query: Query, polls: Iterable[Report]) -> dict[Any, list[int]]:
    """Question -> when it was completely answered."""
    answered: dict[Any, list[int]] = defaultdict(list)
    for key, times in _series(_POLL, polls, query).items():
        answered[key[-1]] += [time for time, _ in times]
    return {scope: sorted(times) for scope, times in answered.items()}


def _outages(reports: Iterable[Report], answered: Mapping[Any, Sequence[int]]) -> Iterator[Outage]:
    """Each as it was in force, by its latest report."""
    latest: dict[Key, Report] = {}
    for report in reports:
        key = tuple(report.values.get(name) for name in _DOWNTIME)
        if key not in latest or report.time > latest[key].time:
            latest[key] = report
    for key, report in latest.items():
        begin, end = _moment(report.values.get("started")), _moment(report.values.get("ended"))
        times = answered.get(key[-1], ())
        place = bisect_right(times, int(report.time))
        missing_since = times[place] if place < len(times) else inf
        end = min(inf if end is None else end, missing_since)
        if begin is not None and report.values.get("state") != "cancelled" and begin < end:
            yield Outage((begin, end), report.values)


def _moment(value: Any) -> float | None:
    """POSIX seconds of a time as a store gives it."""
    if value is None:
        return None
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _times(query: Query, outages: Sequence[Outage], *, is_known: bool) -> Iterator[tuple[Key, float | None]]:
    """Seconds of each bin and group in which an outage was in force; null where no portal has answered."""
    first, last = query.since.timestamp(), query.until.timestamp()
    groups: dict[Key, list[Span]] = defaultdict(list)
    if not query.by:
        groups[()] = []
    for outage in outages:
        begin, end = outage.span
        if begin < last and end > first and _is_chosen(query, outage.values):
            groups[tuple(outage.values.get(name) for name in query.by)].append(outage.span)
    for bin_, begin, end in _bins(query):
        for group, spans in groups.items():
            value = _covered(spans, begin, end) if is_known else None
            yield ((bin_, *group) if bin_ else group), value


def _is_chosen(query: Query, values: Mapping[str, Any]) -> bool:
    return all(meets(values.get(one.field), one) for one in query.conditions if one not in query.kpi.where)


def _covered(spans: Iterable[Span], begin: float, end: float) -> float:
    """Seconds of begin..end that lie in at least one span."""
    total, reached = 0.0, begin
    for first, last in sorted(spans):
        first, last = max(first, reached), min(last, end)
        if first < last:
            total += last - first
            reached = last
    return total


# --- availability ----------------------------------------------------------------------------------------


def _shares(
    query: Query, probes: Iterable[Report], outages: Sequence[Outage]
) -> Iterator[tuple[Key, float | None]]:
    """The share of each bin and group."""
    scheduled = [
        outage
        for outage in outages
        if (outage.values.get("severity"), outage.values.get("classification")) == ("outage", "scheduled")
    ]
    groups: dict[Key, dict[int, Seconds]] = defaultdict(lambda: defaultdict(Seconds))
    for unit, results in _units(query, probes).items():
        site, group = unit
        for place, seconds in _site_seconds(query, site, results, scheduled).items():
            total = groups[group][place]
            for name in Seconds.__slots__:
                setattr(total, name, getattr(total, name) + getattr(seconds, name))
    if not query.by and not query.bin_s and not groups:
        groups[()] = {0: Seconds()}
    bins = list(_bins(query))
    for group, bin_seconds in groups.items():
        for place, seconds in bin_seconds.items():
            bin_ = bins[place][0]
            yield ((bin_, *group) if bin_ else group), _share(_kind(query), seconds)


def _share(kind: str, seconds: Seconds) -> float | None:
    of = seconds.up + seconds.down + (seconds.downtime if kind == "availability" else 0.0)
    return seconds.up / of if of else None


Results = dict[Key, list[tuple[int, str]]]
"""Series -> its results in the order of their times."""


def _units(query: Query, probes: Iterable[Report]) -> dict[tuple[Any, Key], Results]:
    """(site, group) -> the results that are judged together."""
    units: dict[tuple[Any, Key], Results] = defaultdict(dict)
    for key, results in _series(_PROBE, probes, query).items():
        named = dict(zip(_PROBE, key, strict=True))
        group = tuple(named[name] for name in query.by)
        units[named["site"], group][key] = [(time, values["status"]) for time, values in results]
    return units


def _series(
    names: Sequence[str], reports: Iterable[Report], query: Query
) -> dict[Key, list[tuple[int, Mapping[str, Any]]]]:
    """Of each series the last report of each step of the range, and the last one before it: whatever else a store gave."""
    since = query.since.timestamp()
    reports_by_key: dict[Key, dict[float, Report]] = defaultdict(dict)
    for report in reports:
        slots = reports_by_key[tuple(report.values.get(name) for name in names)]
        slot = report.time // STEP_S if report.time >= since else -inf
        other = slots.get(slot)
        if other is None or (report.time, str(report.values.get("status"))) > (
            other.time,
            str(other.values.get("status")),
        ):
            slots[slot] = report
    return {
        key: sorted(((int(one.time), one.values) for one in slots.values()), key=lambda one: one[0])
        for key, slots in reports_by_key.items()
    }


def _site_seconds(query: Query, site: Any, results: Results, outages: Sequence[Outage]) -> dict[int, Seconds]:
    """Place of the bin -> how long the site was what in it."""
    services = {key: _service_of(dict(zip(_PROBE, key, strict=True))) for key in results}
    all_services = set(services.values())
    down = {service: _spans_of(site, service, all_services, outages) for service in all_services}
    changes: dict[float, list[tuple[Key, str | None]]] = defaultdict(list)
    for key, series in results.items():
        for begin, end, status in _validity(series):
            changes[begin].append((key, status))
            changes[end].append((key, None))
    bins = list(_bins(query))
    edges = {edge for _, begin, end in bins for edge in (begin, end)}
    edges |= {edge for spans in down.values() for span in spans for edge in span}
    moments = sorted(edges | changes.keys())
    statuses: dict[Key, str] = {}
    totals: dict[int, Seconds] = {}
    first, last = query.since.timestamp(), query.until.timestamp()
    place = 0
    for moment, following in pairwise(moments):
        # what ends at a moment is taken away before what begins there
        for key, change in sorted(changes.get(moment, ()), key=lambda one: one[1] is not None):
            if change is None:
                statuses.pop(key, None)
            else:
                statuses[key] = change
        if moment < first or moment >= last:
            continue
        while moment >= bins[place][2]:
            place += 1
        state = _site_state(statuses, services, all_services, down, moment)
        if state is not None:
            seconds = totals.setdefault(place, Seconds())
            setattr(seconds, state, getattr(seconds, state) + following - moment)
    return totals


def _validity(series: Sequence[tuple[int, str]]) -> Iterator[tuple[float, float, str]]:
    """From when to when each result holds."""
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(series)]
    longest = min(STALE_AFTER * median(gaps), VALID_S) if gaps else VALID_S
    for (time, status), following in zip(series, [*(time for time, _ in series[1:]), inf], strict=True):
        yield time, min(following, time + longest), status


def _service_of(named: Mapping[str, Any]) -> tuple[str, str]:
    """(type of service, host) that a probe is about."""
    kind = str(named["service"] or named["protocol"] or "").lower()
    return _TYPES.get(kind, kind), str(named["host"] or _host(named["target"]) or "")


def _host(target: str | None) -> str:
    """Of a URL; the target itself where it is none."""
    text = (target or "").lower()
    return text.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0] or text


def _spans_of(
    site: Any, service: tuple[str, str], all_services: set[tuple[str, str]], outages: Sequence[Outage]
) -> list[Span]:
    """When a service was in a declared downtime."""
    kind, host = service
    of_host = {other for other, where in all_services if where == host}
    spans = []
    for outage in outages:
        named = str(outage.values.get("service") or "").lower()
        named = _TYPES.get(named, named)
        if outage.values.get("host") is None:
            if outage.values.get("site") != site:
                continue
            of_type = {other for other, _ in all_services}
        elif outage.values["host"] == host:
            of_type = of_host
        else:
            continue
        if named == kind or named not in of_type:
            spans.append(outage.span)
    return spans


def _site_state(
    statuses: Mapping[Key, str],
    services: Mapping[Key, tuple[str, str]],
    all_services: Iterable[tuple[str, str]],
    down: Mapping[tuple[str, str], Sequence[Span]],
    moment: float,
) -> str | None:
    """up, down, downtime or unknown; null if nothing is known of any service."""
    of_service: dict[tuple[str, str], set[str]] = defaultdict(set)
    for key, status in statuses.items():
        of_service[services[key]].add(status)
    of_kind: dict[str, set[str]] = defaultdict(set)
    for service in all_services:
        if any(begin <= moment < end for begin, end in down[service]):
            of_kind[service[0]].add("downtime")
        elif states := of_service.get(service):
            of_kind[service[0]].add(
                "down" if "critical" in states else "unknown" if "unknown" in states else "up"
            )
    best = {
        next(state for state in ("up", "down", "unknown", "downtime") if state in states)
        for states in of_kind.values()
    }
    return next((state for state in ("down", "downtime", "unknown", "up") if state in best), None)


def _bins(query: Query) -> Iterator[tuple[datetime | None, float, float]]:
    """Each bin, and the part of it that is in the range; without bins the range."""
    since, until = query.since.timestamp(), query.until.timestamp()
    if not query.bin_s:
        yield None, since, until
        return
    start = since // query.bin_s * query.bin_s
    while start < until:
        end = start + query.bin_s
        yield datetime.fromtimestamp(start, UTC), max(since, start), min(until, end)
        start = end
