"""Whom three ways of looking at the same attempts would page, in five-minute rounds that see what has arrived by then.

`pages_of_search` is Lakescope's own. `pages_of_static_rule` is that of Operational Intelligence (opint-framework,
rucio_loader_cron.py): more than 200 attempts of an hour with less than 20 % success, by source, destination and link.
`pages_of_cms` is CMS's evaluation (CMSCompOps/MonitoringScripts, fts/eval_fts.py) of the last hour: an endpoint of an RSE and
protocol is in error if more than three quarters of its links have a quality below 0.25, judged without the partner's errors, and
then without links to bad partners. Its links alone page nobody here, and bytes are not looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from benchmarks.alerts_days import DAY_S, ZERO, Attempt
from lakescope.alerts.incidents import BIN_S
from lakescope.alerts.search import Pattern
from lakescope.alerts.watch import PLACE, REACH_S, Bins, Counts, Watch
from lakescope.core.user_errors import user_remedy

_SRC_SITE, _DST_SITE, _SRC, _DST, _PROTOCOL = (
    PLACE.index(name) for name in ("src_site", "dst_site", "src_rse", "dst_rse", "protocol")
)
HOUR_S = 3600

Place = tuple[str | None, ...]


class Page(NamedTuple):
    """What somebody is woken for."""

    time: float
    patterns: tuple[Pattern, ...]
    failures: dict[Place, float]
    """Of the hour before."""


def pages_of_search(attempts: list[Attempt], log: list[str] | None = None) -> list[Page]:
    """What `lakescope.alerts` pages for; `log` gets a line for each round and incident in it, confirmed or not."""
    watch, pages = Watch(), []
    for now, bins in _rounds(attempts):
        for change, incident in watch.step(now, bins):
            if change == "opened":
                pages.append(Page(now, incident.patterns, _failures(bins, now)))
            elif log is not None:
                log.append(f"{(now - ZERO) / 3600:6.2f} h {change}: {incident}")
        if log is not None:
            log += [
                f"{(now - ZERO) / 3600:6.2f} h {watch.tracker.text_of(one)}" for one in watch.tracker.open
            ]
    return pages


def pages_of_static_rule(attempts: list[Attempt]) -> list[Page]:
    """More than 200 attempts, less than 20 % success."""

    def bad(places: dict[Place, Counts]) -> set[Pattern]:
        tally: dict[Pattern, list[float]] = defaultdict(lambda: [0, 0])
        for place, counts in places.items():
            src, dst = place[_SRC_SITE], place[_DST_SITE]
            for name, value in (("src_site", src), ("dst_site", dst), ("link", f"{src} -> {dst}")):
                one = tally[Pattern(((name, value or ""),))]
                one[0] += counts.ended
                one[1] += counts.failed
        return {
            pattern
            for pattern, (ended, failed) in tally.items()
            if ended > 200 and ended - failed < 0.2 * ended
        }

    return _pages(attempts, bad)


def pages_of_cms(attempts: list[Attempt]) -> list[Page]:
    """Endpoints in error."""

    def bad(places: dict[Place, Counts]) -> set[Pattern]:
        links: dict[tuple[str | None, ...], Counts] = defaultdict(Counts)
        for place, counts in places.items():
            links[place[_SRC], place[_DST], place[_PROTOCOL]].add(counts)
        bad_src = _bad_endpoints(links, 0, frozenset())
        bad_dst = _bad_endpoints(links, 1, frozenset())
        return {
            Pattern((("protocol", protocol or ""), (name, rse or "")))
            for name, end, partners in (("src_rse", 0, bad_dst), ("dst_rse", 1, bad_src))
            for rse, protocol in _bad_endpoints(links, end, partners)
        }

    return _pages(attempts, bad)


_Endpoint = tuple[str | None, str | None]


def _bad_endpoints(
    links: dict[tuple[str | None, ...], Counts], end: int, partners: Iterable[_Endpoint]
) -> set[_Endpoint]:
    """RSE and protocol of one end (0 source, 1 destination), without the links to `partners`."""
    qualities: dict[_Endpoint, list[float]] = defaultdict(list)
    unclear: dict[_Endpoint, list[float]] = defaultdict(lambda: [0, 0])
    for link, counts in links.items():
        if (link[1 - end], link[2]) in partners:
            continue
        foreign = counts.source if end else counts.destination
        ended = counts.ended - foreign
        ok = counts.ended - counts.failed
        if not ended:
            continue
        if ok == ended or (ok - 1) / ended > 0.5 or (ok + 1) / ended < 0.5:
            qualities[link[end], link[2]].append(ok / ended)
        else:  # few transfers decide nothing: such links are one
            pooled = unclear[link[end], link[2]]
            pooled[0] += ok
            pooled[1] += ended
    for endpoint, (ok, ended) in unclear.items():
        qualities[endpoint].append(ok / ended)
    return {
        endpoint
        for endpoint, values in qualities.items()
        if sum(value < 0.25 for value in values) > 0.75 * len(values)
    }


def _pages(attempts: list[Attempt], bad: Callable[[dict[Place, Counts]], set[Pattern]]) -> list[Page]:
    """One for each that becomes bad in the last hour, and was not in the round before."""
    pages, alarmed = [], set[Pattern]()
    for now, bins in _rounds(attempts):
        places: dict[Place, Counts] = defaultdict(Counts)
        for at, of_bin in bins.items():
            if at >= now - HOUR_S:
                for place, counts in of_bin.items():
                    places[place].add(counts)
        found = bad(places)
        pages += [Page(now, (one,), _failures(bins, now)) for one in sorted(found - alarmed)]
        alarmed = found
    return pages


def _rounds(attempts: list[Attempt]) -> Iterator[tuple[float, Bins]]:
    """The time of each round, and the bins of the last hours as they have arrived by then."""
    bins: Bins = defaultdict(dict)
    following = 0
    for number in range(1, DAY_S // BIN_S + 1):
        now = ZERO + BIN_S * number
        while following < len(attempts) and attempts[following].arrived <= now:
            one = attempts[following]
            following += 1
            if user_remedy(one.template):
                continue
            counts = bins[one.time // BIN_S * BIN_S].setdefault(one.place, Counts())
            counts.ended += 1
            if not one.ok:
                counts.fail(one.scope, one.template)
        for at in [at for at in bins if at < now - REACH_S - HOUR_S]:
            del bins[at]
        yield now, bins


def _failures(bins: Bins, now: float) -> dict[Place, float]:
    result: dict[Place, float] = defaultdict(float)
    for at, places in bins.items():
        if at >= now - HOUR_S:
            for place, counts in places.items():
                if counts.failed:
                    result[place] += counts.failed
    return result
