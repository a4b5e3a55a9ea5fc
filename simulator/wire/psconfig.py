"""What a pSConfig server publishes: the mesh of the lake's perfSONAR hosts, as a template.

Every test that the hosts run (see `perfsonar.py`) is in it, and one host that is expected and never heard: it was ordered,
entered and not installed. The form is that of perfSONAR 5's templates. `includes` and classes of addresses are not used.
"""

from json import dumps
from typing import Any

from lakescope.simulator.agenda import Later
from lakescope.simulator.clock import SECOND, http_text, posix
from lakescope.simulator.lake import Lake, Site
from lakescope.simulator.network import mesh
from lakescope.simulator.options import Options
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.message import Wire

DESTINATION = "/push/psconfig"
URL = "https://psconfig.example.org/pub/config/lake"

_TESTS = {
    "throughput": "throughput",
    "latencybg": "latency",
    "rtt": "rtt",
    "trace": "trace",
    "clock": "clock",
}
"""Type of a test -> its interval's name in the options."""

Document = dict[str, Any]


class Psconfig(Dialect):
    """The answers to a poller."""

    source = "psconfig"
    format = "psconfig"

    def __init__(self, seed: int, later: Later, begin: int, options: Options, lake: Lake) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self._options = options
        self._lake = lake
        if every := options.interval("templates", begin):
            later(begin + int(self.chance.random() * min(every, 60 * SECOND)), self._ask, None)

    def _ask(self, us: int, _: None) -> None:
        self.send(us + int(self.chance.between(0.05, 0.6) * SECOND), self._write, us)
        self._later(us + self._options.interval("templates", us), self._ask, None)

    def _write(self, us: int, poll_us: int) -> Wire:
        options = self._options
        intervals = {  # those of a sparse past, which the present keeps as well
            kind: int(options.sparse.get(name, getattr(options, name)))
            for kind, name in _TESTS.items()
            if getattr(options, name)
        }
        body = dumps(template(self._lake, intervals)).encode()
        date = http_text(poll_us).replace("UTC", "GMT")
        headers = {"content-type": "application/json", "date": date, "scope": URL}
        return Wire(posix(us), self.source, self.format, DESTINATION, headers, body)


def template(lake: Lake, intervals: dict[str, int]) -> Document:
    """The template; `intervals`: type of each test -> seconds."""
    addresses = {
        name: {"address": name, "host": name}
        for site in lake.sites
        for name in (site.throughput_host, site.latency_host)
    }
    addresses[lake.silent_host] = {"address": lake.silent_host, "host": lake.silent_host}
    groups: Document = {}
    for kind in ("throughput", "latency"):
        groups |= _groups(lake, kind)
    return {
        "_meta": {"display-name": "Lake mesh"},
        "addresses": addresses,
        "hosts": {name: {} for name in addresses},
        "groups": groups,
        "tests": {kind: _test(kind, seconds) for kind, seconds in intervals.items()},
        "schedules": {
            kind: {"repeat": f"PT{seconds}S", "slip": "PT5M"} for kind, seconds in intervals.items()
        },
        "tasks": {
            f"{kind}: {name}": {"group": name, "test": kind}
            | ({} if kind == "latencybg" else {"schedule": kind})  # which runs for ever
            for kind in intervals
            for name in groups
            if name.startswith("throughput" if kind == "throughput" else "latency")
        },
    }


def _groups(lake: Lake, kind: str) -> Document:
    """One mesh of a small lake; of a large one, whose sites have ten partners each, a star a site. And the silent one."""

    def host(site: Site) -> str:
        return site.throughput_host if kind == "throughput" else site.latency_host

    partners: dict[str, list[str]] = {}
    for source, destination in mesh(lake):
        partners.setdefault(host(source), []).append(host(destination))
    if all(len(others) == len(lake.sites) - 1 for others in partners.values()):
        groups: Document = {kind: {"type": "mesh", "addresses": _named(partners)}}
    else:
        groups = {f"{kind} from {one}": _star([one], others) for one, others in partners.items()}
    if kind == "latency":
        groups["latency of new hosts"] = _star([lake.silent_host], [host(lake.sites[0])])
    return groups


def _star(sources: list[str], destinations: list[str]) -> Document:
    return {
        "type": "disjoint",
        "unidirectional": True,
        "a-addresses": _named(sources),
        "b-addresses": _named(destinations),
    }


def _named(names: Any) -> list[Document]:
    return [{"name": name} for name in names]


def _test(kind: str, seconds: int) -> Document:
    spec: Document = {"source": "{% address[0] %}", "dest": "{% address[1] %}"}
    if kind == "latencybg":
        spec |= {"packet-interval": 0.1, "packet-count": seconds * 10}
    return {"type": kind, "spec": spec}
