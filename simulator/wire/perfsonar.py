"""What perfSONAR says: pScheduler's archiver documents, PUT by its http archiver.

Five tests between the sites' measurement hosts (iperf3, powstream, ping, tracepath, psclock), and their failures:
the archive asks for all runs. While a link is degraded its packets go another way. Forms as pScheduler 5 writes them
(test plug-ins' result schemas): hyphenated keys, ISO 8601 durations for round trips, bits per second, milliseconds in
histograms; `run.result-merged` repeats `result`.
"""

import math
from typing import Any, NamedTuple

import msgspec

from lakescope.simulator.agenda import Later
from lakescope.simulator.chance import JITTER, NORMAL, Chance
from lakescope.simulator.clock import SECOND, iso_text, posix, zulu_text
from lakescope.simulator.incidents import Disturbances, Incident
from lakescope.simulator.lake import Lake, Site
from lakescope.simulator.network import bandwidth, clock_offset, hops, mesh, round_trip
from lakescope.simulator.options import Options
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.message import Wire

DESTINATION = "/push/perfsonar"

Result = dict[str, Any]

_PACKETS = 600
_PINGS = 10
_CARRIERS = ((20965, "GEANT"), (2200, "RENATER"), (137, "GARR"), (680, "DFN"), (1103, "SURFNET"))
_HEADERS = {"content-type": "application/json"}


class _Test(NamedTuple):
    """A test of one ordered pair of sites, repeated once an `interval` (its name in the options) and `seconds` long."""

    kind: str
    tool: str
    version: str
    source: Site
    destination: Site
    interval: str
    seconds: int
    ip_version: int
    task: str

    @property
    def hosts(self) -> tuple[str, str]:
        if self.kind == "throughput":
            return self.source.throughput_host, self.destination.throughput_host
        return self.source.latency_host, self.destination.latency_host

    @property
    def url(self) -> str:
        return f"https://{self.hosts[0]}/pscheduler/tasks/{self.task}"


class _Frame(NamedTuple):
    """What all documents of a test have in common, as JSON."""

    test: msgspec.Raw
    tool: msgspec.Raw
    task: msgspec.Raw
    participants: msgspec.Raw
    reference: msgspec.Raw


class Perfsonar(Dialect):
    """Runs every test of the mesh at its own phase; a source whose site is down says nothing at all."""

    source = "perfsonar"
    format = "perfsonar"

    def __init__(
        self, seed: int, later: Later, begin: int, options: Options, disturbances: Disturbances, lake: Lake
    ) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self._disturbances = disturbances
        self._options = options
        self._frames: dict[str, _Frame] = {}
        kinds = (
            ("throughput", "iperf3", "3.16", "throughput", 20),
            ("latencybg", "powstream", "4.4.6", "latency", 60),
            ("rtt", "ping", "1.0", "rtt", 10),
            ("trace", "tracepath", "1.0", "trace", 8),
            ("clock", "psclock", "1.0", "clock", 5),
        )
        for source, destination in mesh(lake):
            for kind, tool, version, interval, seconds in kinds:
                every = options.interval(interval, begin)
                if not every:
                    continue
                family = 6 if self.chance.random() < 0.5 else 4
                task = self.chance.uuid()
                test = _Test(kind, tool, version, source, destination, interval, seconds, family, task)
                later(begin + int(self.chance.random() * every), self._run, test)

    def _run(self, us: int, test: _Test) -> None:
        """A run has ended: note its result, unless the measuring host was itself cut off, and plan the next."""
        start = us - test.seconds * SECOND
        if not self._disturbances.down(test.source, us):
            result = self._result(start, test)
            sent_us = us + int(self.chance.between(0.5, 6) * SECOND)
            self.send(sent_us, self._write, (test, start, us, self.chance.uuid(), result))
        every = self._options.interval(test.interval, us)
        self._later(us + int(every * self.chance.between(0.98, 1.02)), self._run, test)

    def _result(self, start: int, test: _Test) -> Result:
        now, chance = self._disturbances, self.chance
        link = now.link(test.source, test.destination, start)
        if now.down(test.destination, start):
            return _no_answer() if test.kind == "rtt" else _failure(chance, test, _NO_ANSWER)
        if test.kind == "throughput":
            if now.certificate(test.source, start) or now.certificate(test.destination, start):
                return _failure(chance, test, _CERTIFICATE)
            if chance.random() < (0.15 if link else 0.008):
                return _failure(chance, test, _NO_ANSWER)
        if test.kind == "clock":
            return _clock(chance, test, start)
        return _RESULTS[test.kind](chance, test, link)

    def _write(self, us: int, argument: tuple[_Test, int, int, str, Result]) -> Wire:
        test, start, end, run, result = argument
        frame = self._frames.get(test.task)
        if frame is None:
            frame = self._frames[test.task] = _frame(
                test, self._options.interval(test.interval, us) // SECOND
            )
        body = _encode(_document(test, frame, start, end, run, result))
        return Wire(posix(us), self.source, self.format, DESTINATION, _HEADERS, body)


_encode = msgspec.json.Encoder().encode


def _frame(test: _Test, repeat: int) -> _Frame:
    source, destination = test.hosts
    participants = [source] if test.kind in ("rtt", "trace") else [source, destination]
    about = {"type": test.kind, "spec": _spec(test, source, destination)}
    reference = {"display-task-name": f"Lake mesh: {test.kind}"}
    task = {
        "test": about,
        "tool": test.tool,
        "schedule": {"slip": "PT5M", "repeat": f"PT{repeat}S"},
        "detail": {"enabled": True, "duration": f"PT{test.seconds}S", "participants": participants},
        "reference": reference,
        "href": test.url,
    }
    tool = {"name": test.tool, "version": test.version}
    return _Frame(*(msgspec.Raw(_encode(part)) for part in (about, tool, task, participants, reference)))


def _document(test: _Test, frame: _Frame, start: int, end: int, run: str, result: Result) -> Result:
    length = f"PT{test.seconds}S"
    raw = msgspec.Raw(_encode(result))
    return {
        "id": run,
        "schedule": {"start": zulu_text(start), "duration": length},
        "test": frame.test,
        "tool": frame.tool,
        "run": {
            "start-time": zulu_text(start),
            "end-time": zulu_text(end),
            "duration": length,
            "state": "finished" if result["succeeded"] else "failed",
            "state-display": "Finished" if result["succeeded"] else "Failed",
            "errors": None,
            "participants": frame.participants,
            "result-full": [raw],
            "result-merged": raw,
            "href": f"{test.url}/runs/{run}",
            "task-href": test.url,
        },
        "task": frame.task,
        "participants": frame.participants,
        "result": raw,
        "reference": frame.reference,
    }


def _spec(test: _Test, source: str, destination: str) -> Result:
    if test.kind == "clock":
        return {"source": source, "dest": destination, "schema": 1}
    if test.kind == "throughput":
        more: Result = {"duration": f"PT{test.seconds}S", "interval": "PT5S"}
    elif test.kind == "latencybg":
        more = {"packet-count": _PACKETS, "packet-interval": 0.1, "bucket-width": 0.001, "duration": "PT60S"}
    elif test.kind == "rtt":
        more = {"count": _PINGS, "interval": "PT1S"}
    else:
        more = {"hops": 30}
    input_document = {"dest": destination, "ip-version": test.ip_version, "schema": 1}
    # a test of one participant may leave its source unsaid
    return input_document | more if test.kind == "trace" else {"source": source} | input_document | more


def _throughput(chance: Chance, test: _Test, link: Incident | None) -> Result:
    bits = bandwidth(test.source, test.destination) * 8 * chance.between(0.78, 1.0)
    lost_count = chance.integer(0, 40)
    if link:
        bits *= 1 - link.severity
        lost_count = chance.integer(2_000, 40_000)
    rtt = int(round_trip(test.source, test.destination) * 1e6)
    intervals = []
    for start in range(0, test.seconds, 5):
        rate = bits * chance.between(0.94, 1.06)
        summary = _rate(start, start + 5, rate, lost_count * 5 // test.seconds)
        stream = summary | {"stream-id": 5, "rtt": rtt, "tcp-window-size": int(bits * rtt / 8e6)}
        intervals.append({"streams": [stream], "summary": summary})
    total = _rate(0, test.seconds, bits, lost_count)
    receiver_part = total | {"receiver-throughput-bits": bits * chance.between(0.985, 1.0)}
    return {
        "succeeded": True,
        "diags": f"iperf3 -p 5201 -c {test.destination.throughput_host} -t {test.seconds} -J",
        "intervals": intervals,
        "summary": {"streams": [receiver_part | {"stream-id": 5, "rtt": rtt}], "summary": receiver_part},
        "mss": 8_948 if test.ip_version == 4 else 8_928,
        "mtu": 9_000,
    }


def _rate(start: int, end: int, bits: float, retransmits: int) -> Result:
    return {
        "throughput-bits": bits,
        "throughput-bytes": int(bits / 8 * (end - start)),
        "start": start,
        "end": end,
        "omitted": False,
        "retransmits": retransmits,
    }


def _latency(chance: Chance, test: _Test, link: Incident | None) -> Result:
    offset_ms = 1e3 * (clock_offset(test.destination) - clock_offset(test.source))
    one_way = round_trip(test.source, test.destination) * 500 + offset_ms
    lost_count, wide = (1 if chance.random() < 0.02 else 0), 0.06
    if link:
        one_way = one_way * chance.between(1.6, 3) + chance.between(2, 25)
        lost_count, wide = int(_PACKETS * link.severity * chance.between(0.03, 0.12)), 1.6
    received_count = _PACKETS - lost_count
    histogram: dict[str, int] = {}
    remaining_count = received_count
    while remaining_count > 0:
        share = chance.integer(20, 130)
        key = f"{one_way + abs(chance.draw(NORMAL)) * wide:.2f}"
        histogram[key] = histogram.get(key, 0) + min(remaining_count, share)
        remaining_count -= share
    return {
        "succeeded": True,
        "packets-sent": _PACKETS,
        "packets-received": received_count,
        "packets-lost": lost_count,
        "packets-duplicated": 0,
        "packets-reordered": chance.integer(1, 9) if link else 0,
        "max-clock-error": round(0.2 + chance.random() * 0.9 + 1e3 * clock_offset(test.source), 2),
        "histogram-latency": histogram,
        "histogram-ttl": {str(255 - hops(test.source, test.destination)): received_count},
    }


def _rtt(chance: Chance, test: _Test, link: Incident | None) -> Result:
    usual = round_trip(test.source, test.destination)
    times, trips = [], []
    address = test.destination.address(2, test.ip_version)
    for sequence in range(1, _PINGS + 1):
        if chance.random() < (0.25 if link else 0.0015):
            continue
        seconds = usual * (chance.between(1.5, 3.5) if link else chance.draw(JITTER) * 0.03 + 1)
        times.append(seconds)
        trips.append({"seq": sequence, "length": 64, "ip": address, "ttl": 52, "rtt": _iso(seconds)})
    if not times:
        return _no_answer()
    mean = math.fsum(times) / len(times)
    deviation = math.sqrt(math.fsum((each - mean) ** 2 for each in times) / len(times))
    statistics = {"min": min(times), "max": max(times), "mean": mean, "stddev": deviation}
    counts = _pings(len(times))
    return counts | {name: _iso(value) for name, value in statistics.items()} | {"roundtrips": trips}


def _pings(received_count: int) -> Result:
    lost_count = _PINGS - received_count
    return {
        "succeeded": True,
        "sent": _PINGS,
        "received": received_count,
        "lost": lost_count,
        "loss": lost_count / _PINGS,
        "duplicates": 0,
        "reorders": 0,
    }


def _no_answer() -> Result:
    """Ping calls it a success when every packet is lost; only the times are missing."""
    return _pings(0) | {"roundtrips": []}


def _trace(chance: Chance, test: _Test, link: Incident | None) -> Result:
    source, destination = test.source, test.destination
    detour = 1 if link else 0
    count, usual = hops(source, destination) + 2 * detour, round_trip(source, destination)
    carrier = _CARRIERS[(len(source.name + destination.name) + detour) % len(_CARRIERS)]
    path: list[Result] = []
    for hop in range(1, count + 1):
        near, last = hop <= 2, hop == count
        where = source if near else destination
        if not last and (hop * 7 + len(destination.name)) % 9 == 0:
            path.append({})  # a router that keeps silent
            continue
        seconds = (
            usual * hop / count * (1 + chance.random() * 0.04) * (2.2 if link and hop > count // 2 else 1)
        )
        name = destination.latency_host if last else f"ae{hop}.{where.domain if near else 'transit.example'}"
        number, owner = (65_000 + len(where.name), where.name) if near or last else carrier
        path.append(
            {
                "ip": where.address(
                    2 if last else 8 + hop % 8 + (0 if near else 8 * detour), test.ip_version
                ),
                "hostname": name,
                "rtt": _iso(seconds),
                "as": {"number": number, "owner": owner},
                "mtu": 9_000,
            }
        )
    return {"succeeded": True, "paths": [path]}


def _clock(chance: Chance, test: _Test, start: int) -> Result:
    """Each side asks its own time source; a part of the way to the other one is in the difference as well."""
    offsets = [clock_offset(site) + chance.draw(NORMAL) * 2e-5 for site in (test.source, test.destination)]
    trip = round_trip(test.source, test.destination) * 0.02
    local, remote = (
        {
            "time": f"{iso_text(start + int(offset * SECOND))}+00:00",
            "synchronized": True,
            "source": "ntp",
            "reference": f"time.{site.domain}",
            "offset": offset,
        }
        for site, offset in zip((test.source, test.destination), offsets, strict=True)
    )
    difference = abs(offsets[1] - offsets[0]) + trip
    return {"succeeded": True, "difference": _iso(difference), "local": local, "remote": remote}


_NO_ANSWER = (
    "iperf3 returned an error: error - unable to connect to server: Connection timed out",
    "unable to connect to stream server {host}: No route to host",
    "owping: Unable to open control connection to [{host}]:861: Connection refused",
)
_CERTIFICATE = (
    "Unable to reach {host}: SSL certificate problem: certificate has expired",
    "Participant {host}: HTTPS connection failed: certificate verify failed: certificate has expired",
)


def _failure(chance: Chance, test: _Test, texts: tuple[str, ...]) -> Result:
    _, destination = test.hosts
    error = chance.pick(texts).format(host=destination)
    return {"succeeded": False, "error": error, "diags": f"Participant 0: {error}"}


def _iso(seconds: float) -> str:
    """`PT0.012345S`, microseconds."""
    return f"PT{seconds:.6f}S"


_RESULTS = {"throughput": _throughput, "latencybg": _latency, "rtt": _rtt, "trace": _trace}
