"""pScheduler's archiver document: one run of one test (perfsonar/pscheduler 5.x: pscheduler-archiver-*).

Shapes and units are those of ``result-jsonschema.json`` of each test and of the tools' own parsers. What
the schemas do not say:

- ``throughput-bytes`` is a sum of bytes with iperf3 and a rate with others: not read.
- ``rtt`` is iperf3's, in microseconds, and stands in the streams' summaries; 0 means not measured.
- ``jitter`` is milliseconds (iperf3, nuttcp).
- ``reverse`` in the test's specification: the bytes flow from ``dest`` to ``source``.
- ``result-merged`` and ``result-full`` of the run repeat the result: not read.

A failed run is a measurement with `ok` false. An http test gives no number: `Network` has no field for the
time that a fetch took. `diags`, hints and references (addresses of people's hosts) are never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from lakescope.core.events import Network
from lakescope.core.messages import DecodeResult, Message, RejectedError
from lakescope.transformers._common import convert, count_unknown, epoch_time, host_of, identify, utc_time
from lakescope.transformers.perfsonar.measures import (
    DEFAULT_BUCKET_WIDTH_S,
    bucket_width_s,
    delays,
    duration_s,
    from_ms,
    ip_version_of,
    note_losses,
    route,
)

IgnoredValue = Any

# --- the document ----------------------------------------------------------------------------------------


class Spec(Struct, rename="kebab"):
    """Of a test's specification what tells its end points and units; tests have dozens of further keys."""

    source: str | None = None
    dest: str | None = None
    destination: str | None = None  # throughput before pScheduler 4
    host: str | None = None
    url: str | None = None
    ip_version: int | None = None
    bucket_width: float | None = None  # seconds
    reverse: bool | None = None


class Test(Struct):
    type: str = ""
    spec: Spec = msgspec.field(default_factory=Spec)


class Tool(Struct):
    name: str | None = None


class Schedule(Struct):
    start: str | None = None


class Run(Struct, rename="kebab"):
    start_time: str | None = None
    state: str | None = None
    errors: Any = None
    participants: list[str | None] | None = None
    href: str | None = None


class Task(Struct):
    test: Test | None = None


class Document(Struct):
    """One run, as every archiver sends it."""

    id: str | None = None
    schedule: Schedule | None = None
    test: Test | None = None
    tool: Tool | str | None = None
    run: Run | None = None
    task: Task | None = None
    participants: list[str | None] | None = None
    result: dict[str, Any] | None = None
    reference: IgnoredValue = None
    headers: IgnoredValue = None  # added by Logstash's http input, which some sites put in between


# --- the results -----------------------------------------------------------------------------------------


class Result(Struct, rename="kebab"):
    """What every test's result has."""

    succeeded: bool | None = None
    error: Any = None
    reason: Any = None  # psresponse's word for it
    schema: IgnoredValue = None
    diags: IgnoredValue = None


class Summary(Struct, rename="kebab"):
    throughput_bits: float | None = None
    receiver_throughput_bits: float | None = None
    sent: int | None = None
    lost: int | None = None
    jitter: float | None = None
    rtt: float | None = None
    retransmits: int | None = None


class Summaries(Struct):
    summary: Summary | None = None
    streams: list[Summary] | None = None


class Throughput(Result):
    summary: Summaries | None = None
    mtu: int | None = None
    mss: IgnoredValue = None
    intervals: IgnoredValue = None
    tcp_window_size: IgnoredValue = None
    requested_tcp_window_size: IgnoredValue = None


class Latency(Result):
    packets_sent: int | None = None
    packets_lost: int | None = None
    max_clock_error: float | None = None
    histogram_latency: dict[str, int] | None = None
    packets_received: IgnoredValue = None
    packets_duplicated: IgnoredValue = None
    packets_reordered: IgnoredValue = None
    histogram_ttl: IgnoredValue = None
    raw_packets: IgnoredValue = None


class Roundtrip(Struct):
    ip: str | None = None


class Rtt(Result):
    min: str | None = None
    mean: str | None = None
    max: str | None = None
    sent: int | None = None
    lost: int | None = None
    loss: float | None = None
    roundtrips: list[Roundtrip] | None = None
    stddev: IgnoredValue = None
    received: IgnoredValue = None
    reorders: IgnoredValue = None
    duplicates: IgnoredValue = None


class Trace(Result):
    paths: Any = None


class Mtu(Result):
    mtu: int | None = None


class Clock(Result):
    difference: str | None = None
    local: IgnoredValue = None
    remote: IgnoredValue = None


class Http(Result):
    time: IgnoredValue = None
    found: IgnoredValue = None
    status: IgnoredValue = None
    headers: IgnoredValue = None
    content: IgnoredValue = None


class DiskToDisk(Result):
    throughput: float | None = None
    bytes_sent: float | None = None
    time: str | None = None


# --- decoding --------------------------------------------------------------------------------------------


def decode_document(value: Mapping[str, Any], message: Message, out: DecodeResult, path: str) -> None:
    """One run becomes one `Network` event. Raises `RejectedError`."""
    document = convert(value, Document, path)
    test, run = _test(document, path), document.run or Run()
    if document.result is None and run.state in (None, "finished"):
        raise _missing(f"{path}.result", "object")
    result = convert(document.result or {}, Result, f"{path}.result")
    started_at = _start_time(document, run, path)
    time = started_at or epoch_time(message.received)
    if time is None:
        raise _missing(f"{path}.schedule.start", "an ISO time")
    src_host, dst_host = _ends(test.spec, document, run)
    run_id = document.id or _last_part(run.href)
    tool = document.tool.name if isinstance(document.tool, Tool) else document.tool
    if run_id is None and started_at is None:
        raise _missing(f"{path}.id", "the run's UUID, or a start time")
    event = Network(
        # with the time: a background test (latencybg) may file several results under one run
        id=identify(
            "perfsonar", *([run_id] if run_id else [test.type, src_host, dst_host, tool]), started_at
        ),
        time=time,
        source="perfsonar",
        test=test.type,
        src_host=src_host,
        dst_host=dst_host,
        ip_version=test.spec.ip_version,
        tool=tool,
        ok=_has_succeeded(result, document, run),
        run_id=run_id,
    )
    _measure(event, document.result or {}, test.spec, out, path)
    if event.ok is False:
        event.error = _text(result.error) or _text(result.reason) or _text(run.errors) or run.state
    if event.ip_version is None:
        event.ip_version = ip_version_of((src_host, dst_host))
    count_unknown(value, Document, out)
    out.events.append(event)


def _test(document: Document, path: str) -> Test:
    for test in (document.test, document.task.test if document.task else None):
        if test is not None and test.type:
            return test
    raise _missing(f"{path}.test.type", "the test's type, such as throughput")


def _start_time(document: Document, run: Run, path: str) -> str | None:
    """When the run began; where it has no such time, when it was to begin."""
    start = document.schedule.start if document.schedule else None
    return utc_time(run.start_time, f"{path}.run.start-time") or utc_time(start, f"{path}.schedule.start")


def _missing(path: str, expected: str) -> RejectedError:
    return RejectedError("schema", path, expected, "null or no such key")


def _has_succeeded(result: Result, document: Document, run: Run) -> bool | None:
    if document.result is None:
        return False  # a run that failed, was missed or pre-empted has a state and no result
    if result.succeeded is None:
        return None if run.state is None else run.state == "finished"
    return result.succeeded


def _ends(spec: Spec, document: Document, run: Run) -> tuple[str | None, str | None]:
    """Hosts of source and destination, in the direction in which the test's packets went."""
    participants = document.participants or run.participants or [None]
    source = host_of(spec.source) or host_of(spec.host) or host_of(participants[0])
    destination = host_of(spec.dest) or host_of(spec.destination) or host_of(spec.url)
    return (destination, source) if spec.reverse else (source, destination)


def _measure(event: Network, result: Mapping[str, Any], spec: Spec, out: DecodeResult, path: str) -> None:
    """Fills in what the test measured. Of a test that is not known only `ok` and `error` are kept."""
    kind, fill = _TESTS.get(event.test, (Result, None))
    if fill is not None:
        count_unknown(result, kind, out, "result")
        if event.ok is not False:  # a failed run's result holds its error, and fragments
            fill(event, convert(result, kind, f"{path}.result"), spec, f"{path}.result")


def _last_part(href: str | None) -> str | None:
    return href.rstrip("/").rpartition("/")[2] or None if href else None


def _text(value: Any) -> str | None:
    if not value:
        return None
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


# --- one function a test ---------------------------------------------------------------------------------


def _throughput(event: Network, result: Throughput, _spec: Spec, _path: str) -> None:
    summaries = result.summary or Summaries()
    total, streams = summaries.summary or Summary(), summaries.streams or []
    bits = total.throughput_bits if total.receiver_throughput_bits is None else total.receiver_throughput_bits
    event.throughput = None if bits is None else bits / 8
    event.retransmits = total.retransmits
    note_losses(event, total.sent, total.lost)
    event.jitter_s = from_ms(total.jitter)
    event.mtu = result.mtu
    if event.tool is not None and event.tool.startswith("iperf3"):
        round_trips = [part.rtt for part in (total, *streams) if part.rtt]
        event.rtt_mean_s = sum(round_trips) / len(round_trips) / 1e6 if round_trips else None


def _latency(event: Network, result: Latency, spec: Spec, path: str) -> None:
    note_losses(event, result.packets_sent, result.packets_lost)
    event.clock_error_s = from_ms(result.max_clock_error)
    if (
        event.tool == "halfping"
    ):  # its keys are milliseconds, only rounded to the width (perfsonar/pscheduler#1226)
        width_s = DEFAULT_BUCKET_WIDTH_S
    else:
        width_s = bucket_width_s(spec.bucket_width, f"{path.removesuffix('result')}test.spec.bucket-width")
    quantiles = delays(result.histogram_latency or {}, width_s, f"{path}.histogram-latency")
    if quantiles is not None:
        (
            event.latency_min_s,
            event.latency_mean_s,
            event.latency_median_s,
            event.latency_p95_s,
            event.latency_max_s,
        ) = quantiles


def _rtt(event: Network, result: Rtt, _spec: Spec, path: str) -> None:
    note_losses(event, result.sent, result.lost)
    if result.loss is not None:
        event.loss = result.loss
    event.rtt_min_s = duration_s(result.min, f"{path}.min")
    event.rtt_mean_s = duration_s(result.mean, f"{path}.mean")
    event.rtt_max_s = duration_s(result.max, f"{path}.max")
    if event.ip_version is None:
        event.ip_version = ip_version_of(roundtrip.ip for roundtrip in result.roundtrips or ())


def _trace(event: Network, result: Trace, _spec: Spec, path: str) -> None:
    test_route = route(result.paths or [], f"{path}.paths")
    event.hops, event.route_id, event.mtu = test_route.hops, test_route.route_id, test_route.mtu
    if event.ip_version is None:
        event.ip_version = test_route.ip_version


def _mtu(event: Network, result: Mtu, _spec: Spec, _path: str) -> None:
    event.mtu = result.mtu


def _clock(event: Network, result: Clock, _spec: Spec, path: str) -> None:
    event.clock_error_s = duration_s(result.difference, f"{path}.difference")


def _http(_event: Network, _result: Http, _spec: Spec, _path: str) -> None:
    """Only whether it succeeded."""


def _disk_to_disk(event: Network, result: DiskToDisk, _spec: Spec, path: str) -> None:
    took_s = duration_s(result.time, f"{path}.time")
    if result.throughput is not None:
        event.throughput = result.throughput / 8
    elif result.bytes_sent is not None and took_s:
        event.throughput = result.bytes_sent / took_s


_TESTS: dict[str, tuple[type[Result], Callable[[Network, Any, Spec, str], None] | None]] = {
    "throughput": (Throughput, _throughput),
    "latency": (Latency, _latency),
    "latencybg": (Latency, _latency),
    "rtt": (Rtt, _rtt),
    "trace": (Trace, _trace),
    "mtu": (Mtu, _mtu),
    "clock": (Clock, _clock),
    "http": (Http, _http),
    "disk-to-disk": (DiskToDisk, _disk_to_disk),
}
