"""FTS's optimiser: how many connections each link may have, and why."""

import math

import msgspec

from lakescope.simulator.clock import SECOND
from lakescope.simulator.lake import Lake
from lakescope.simulator.routes import Routes
from lakescope.simulator.transfers import Route


class Report(msgspec.Struct, gc=False):
    """The optimiser's view of one link: rates in bytes/s, `duration` in s, sizes in bytes, `success` 0..100."""

    us: int
    alias: str
    source: str
    destination: str
    active: int
    submitted: int
    retried: int
    connections: int
    diff: int
    rationale: str
    throughput: float
    average: float
    duration: int
    size: float
    deviation: float
    success: float


class _Link(msgspec.Struct, gc=False):
    connections: int = 4
    average: float = 0.0
    best: float = 0.0


class Optimizer:
    """Looks at every link with work once an interval and takes its counts."""

    def __init__(self, lake: Lake, routes: Routes) -> None:
        self._lake = lake
        self._routes = routes
        self._links: list[_Link] = []

    def reports(self, us: int, elapsed_us: int) -> list[Report]:
        """A report for each route that has anything to do, or had in the time that has `passed` (microseconds)."""
        routes = self._routes.used
        self._links += [_Link() for _ in range(len(routes) - len(self._links))]
        return [
            self._report(us, route, link, elapsed_us)
            for route, link in zip(routes, self._links, strict=True)
            if route.active or route.submitted or route.done or route.failed
        ]

    def _report(self, us: int, route: Route, link: _Link, elapsed_us: int) -> Report:
        ended_count = route.done + route.failed
        success = 100.0 * route.done / ended_count if ended_count else 100.0
        throughput = route.bytes * SECOND / elapsed_us
        link.average = 0.1 * throughput + 0.9 * link.average if link.average else throughput
        diff, rationale = _decide(route, link, success)
        link.connections += diff
        size = route.bytes / route.done if route.done else 0.0
        variance = max(route.squares / route.done - size * size, 0.0) if route.done else 0.0
        report = Report(
            us,
            self._lake.fts_for(route.dst).alias,
            route.src_door.endpoint,
            route.dst_door.endpoint,
            route.active,
            route.submitted,
            route.retried,
            link.connections,
            diff,
            rationale,
            throughput,
            link.average,
            route.busy // (route.done * SECOND) if route.done else 0,
            size,
            math.sqrt(variance),
            success,
        )
        route.done = route.failed = route.retried = route.bytes = route.busy = 0
        route.squares = 0.0
        return report


def _decide(route: Route, link: _Link, success: float) -> tuple[int, str]:
    """FTS's rules in short: give way when transfers fail or slow down, grow while it helps."""
    best, link.best = link.best, max(link.best * 0.999, link.average)
    if success < 50:
        return (-2 if link.connections > 3 else 0), "Bad link efficiency"
    if success < 97:
        return (-1 if link.connections > 2 else 0), "Bad link efficiency"
    if route.submitted + route.active < link.connections:
        return 0, "Queue emptying. Hold on."
    if link.average < 0.8 * best:
        return (-1 if link.connections > 2 else 0), "Good link efficiency, throughput deterioration"
    if link.connections >= 60:
        return 0, "Range fixed"
    return 1, "Good link efficiency. Increment"
