"""perfSONAR's older time series: the WLCG stream's messages and esmond's data points.

WLCG, one event type a message, on a topic ``perfsonar.raw.<event-type>``::

    {"meta": {"source", "destination", "input_source", "event-type", ...}, "datapoints": {"<epoch s>": value}}

esmond (``GET .../{metadata-key}/{event-type}/base``) answers with a bare array of points, ``[{"ts", "val"}]``.
The convention for what they belong to, of which a collector or a script uses either:

- in the body: ``{"metadata": {the metadata object}, "event-type": str, "data": [the points]}``
- in headers: the metadata's own keys (``event-type``, ``source``, ``destination``, ``metadata-key``, ...)

One `Network` event a point. `ok` is true on the event types that each successful run has (throughput, the
two histograms, packet-trace), false on ``failures``, and null on their companions (losses, counts,
retransmits): a success rate over `ok` counts a run once. Metadata are an open set of keys, in which ``_``
and ``-`` are the same (perfsonar/esmond 4.x: api; perfsonar/pscheduler:
pscheduler-archiver-esmond/esmond/esmond_util.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from lakescope.core.events import Network
from lakescope.core.messages import DecodeResult, Message, RejectedError
from lakescope.transformers._common import convert, count_unknown, each, epoch_time, host_of, identify
from lakescope.transformers.perfsonar.measures import (
    bucket_width_s,
    delays,
    from_ms,
    ip_version_of,
    note_losses,
    route,
)

IgnoredValue = Any
_TOPIC = re.compile(r"perfsonar\.raw\.([a-z-]+)")
_TOPIC_HEADERS = ("destination", "topic", "routing-key", "subject")


class Meta(Struct):
    """What the points have in common; addresses in source and destination, names in input_*."""

    source: str | None = None
    destination: str | None = None
    input_source: str | None = None
    input_destination: str | None = None
    measurement_agent: str | None = None
    event_type: str | None = None
    org_metadata_key: str | None = None
    metadata_key: str | None = None
    tool_name: str | None = None
    pscheduler_test_type: str | None = None
    sample_bucket_width: float | None = None  # seconds


class StreamMessage(Struct):
    meta: dict[str, Any]
    datapoints: dict[str, Any]
    version: IgnoredValue = None


class EsmondData(Struct, rename="kebab"):
    metadata: dict[str, Any]
    data: list[Any]
    event_type: str | None = None


class Point(Struct):
    ts: float
    val: Any


# --- the messages ----------------------------------------------------------------------------------------


def is_points(value: Any) -> bool:
    """Whether `value` is esmond's bare array of points."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and "ts" in value[0]


def decode_stream(document: Mapping[str, Any], message: Message, out: DecodeResult, path: str) -> None:
    """A message of the WLCG stream; a bad point is a `Reject` of its own."""
    body = convert(document, StreamMessage, path)
    series = _series(body.meta, message, f"{path}.meta")
    count_unknown(document, StreamMessage, out)
    if not body.datapoints:
        out.filtered["empty"] += 1
    for ts, value in body.datapoints.items():
        place = f"{path}.datapoints.{ts}"
        try:
            series.add(convert(ts, float, place), value, out, place)
        except RejectedError as error:
            out.rejects.append(error.reject)


def decode_esmond(document: Mapping[str, Any], message: Message, out: DecodeResult, path: str) -> None:
    """esmond's points with their metadata in the body."""
    body = convert(document, EsmondData, path)
    meta = body.metadata if body.event_type is None else {**body.metadata, "event-type": body.event_type}
    series = _series(meta, message, f"{path}.metadata")
    count_unknown(document, EsmondData, out)
    each(body.data, out, series.add_point, f"{path}.data")


def decode_points(points: list[Any], message: Message, out: DecodeResult) -> None:
    """esmond's points with their metadata in the headers."""
    each(points, out, _series({}, message, "$.headers").add_point)


def _series(document: Mapping[str, Any], message: Message, path: str) -> Series:
    """Which series the points belong to. Raises `RejectedError`."""
    # a STOMP destination is the topic's name, esmond's is a host
    headers = {key: value for key, value in message.headers.items() if not value.startswith("/")}
    keys = {key.replace("-", "_").lower(): value for key, value in (document or headers).items()}
    meta = convert(keys, Meta, path)
    event_type = meta.event_type or _topic(message)
    if event_type is None:
        raise RejectedError(
            "schema", f"{path}.event-type", "an event type such as throughput", "null or no such key"
        )
    if event_type not in _EVENT_TYPES and event_type not in NOT_STORED:
        raise RejectedError(
            "unknown_kind", f"{path}.event-type", f"one of {', '.join(_EVENT_TYPES)}", event_type
        )
    return Series(meta, event_type, path)


def _topic(message: Message) -> str | None:
    for name in _TOPIC_HEADERS:
        if match := _TOPIC.search(message.headers.get(name, "")):
            return match[1]
    return None


# --- the points ------------------------------------------------------------------------------------------


class Series:
    """The points of one event type between two hosts."""

    def __init__(self, meta: Meta, event_type: str, path: str):
        self.meta = meta
        self.event_type = event_type
        self.bucket_width_s = bucket_width_s(meta.sample_bucket_width, f"{path}.sample-bucket-width")
        self.src_host = host_of(meta.input_source) or host_of(meta.source)
        self.dst_host = host_of(meta.input_destination) or host_of(meta.destination)
        # esmond names who ran the tool: pscheduler/iperf3
        self.tool = meta.tool_name.rpartition("/")[2] or None if meta.tool_name else None
        self.key = meta.org_metadata_key or meta.metadata_key
        if self.key is None:
            if self.src_host is None:
                raise RejectedError("schema", f"{path}.source", "a host or address", "null or no such key")
            # messages pushed by pScheduler's archiver carry no key
            self.key = f"{meta.source}|{meta.destination}|{meta.measurement_agent}|{meta.tool_name}"

    def add_point(self, raw_point: Any, out: DecodeResult, path: str) -> None:
        """A point as esmond writes it."""
        point = convert(raw_point, Point, path)
        self.add(point.ts, point.val, out, f"{path}.val")

    def add(self, ts: float, value: Any, out: DecodeResult, path: str) -> None:
        """One point of `ts` (POSIX seconds). Raises `RejectedError`."""
        if self.event_type in NOT_STORED:
            out.filtered["event_type_not_stored"] += 1
            return
        kind = _EVENT_TYPES[self.event_type]
        time = epoch_time(ts, path)
        if time is None:
            raise RejectedError("value", path, "POSIX seconds after 1970", ts)
        event = Network(
            id=identify("perfsonar", self.key, self.event_type, time),
            time=time,
            source="perfsonar",
            test=self.meta.pscheduler_test_type or kind.test or _test_of(self.tool),
            src_host=self.src_host,
            dst_host=self.dst_host,
            ip_version=ip_version_of((self.meta.source, self.meta.destination)),
            tool=self.tool,
            ok=kind.ok,
        )
        kind.fill(event, value, self.bucket_width_s, path)
        out.events.append(event)


def _throughput(event: Network, value: Any, _width_s: float, path: str) -> None:
    event.throughput = convert(value, float, path) / 8


def _retransmits(event: Network, value: Any, _width_s: float, path: str) -> None:
    event.retransmits = convert(value, int, path)


def _set_sent(event: Network, value: Any, _width_s: float, path: str) -> None:
    event.packets_sent = convert(value, int, path)


def _set_lost(event: Network, value: Any, _width_s: float, path: str) -> None:
    event.packets_lost = convert(value, int, path)


class Fraction(Struct):
    """How esmond is given a rate; it answers with the quotient."""

    numerator: int
    denominator: int


def _loss(event: Network, value: Any, _width_s: float, path: str) -> None:
    if isinstance(value, dict):
        fraction = convert(value, Fraction, path)
        note_losses(event, fraction.denominator, fraction.numerator)
    else:
        event.loss = convert(value, float, path)


class Statistics(Struct, rename="kebab"):
    """esmond's summary of a histogram, in its buckets' unit."""

    minimum: float
    maximum: float
    mean: float
    median: float
    percentile_95: float | None = None


def _delay(event: Network, value: Any, width_s: float, path: str) -> None:
    if isinstance(value, dict) and "mean" in value:
        statistics = convert(value, Statistics, path)
        p95 = statistics.percentile_95
        event.latency_min_s = round(statistics.minimum * width_s, 9)
        event.latency_mean_s = round(statistics.mean * width_s, 9)
        event.latency_median_s = round(statistics.median * width_s, 9)
        event.latency_p95_s = None if p95 is None else round(p95 * width_s, 9)
        event.latency_max_s = round(statistics.maximum * width_s, 9)
        return
    quantiles = delays(convert(value, dict[str, int], path), width_s, path)
    if quantiles is not None:
        (
            event.latency_min_s,
            event.latency_mean_s,
            event.latency_median_s,
            event.latency_p95_s,
            event.latency_max_s,
        ) = quantiles


def _rtt(event: Network, value: Any, _width_s: float, path: str) -> None:
    # its keys are milliseconds, whatever the buckets of the one-way test are
    quantiles = delays(convert(value, dict[str, int], path), 0.001, path)
    if quantiles is not None:
        event.rtt_min_s, event.rtt_mean_s, event.rtt_max_s = (
            quantiles.min_s,
            quantiles.mean_s,
            quantiles.max_s,
        )


def _trace(event: Network, value: Any, _width_s: float, path: str) -> None:
    hops = route(value, path)
    event.hops, event.route_id, event.mtu = hops.hops, hops.route_id, hops.mtu
    if event.ip_version is None:
        event.ip_version = hops.ip_version


def _mtu(event: Network, value: Any, _width_s: float, path: str) -> None:
    event.mtu = convert(value, int, path)


def _clock_error(event: Network, value: Any, _width_s: float, path: str) -> None:
    event.clock_error_s = from_ms(convert(value, float, path))


class Failure(Struct):
    error: str | None = None


def _failure(event: Network, value: Any, _width_s: float, path: str) -> None:
    event.error = value if isinstance(value, str) else convert(value, Failure, path).error


class EventType(NamedTuple):
    """How the points of one event type are read: fill(event, value, bucket width, path)."""

    test: str | None
    fill: Callable[[Network, Any, float, str], None]
    ok: bool | None = None


_EVENT_TYPES: dict[str, EventType] = {
    "throughput": EventType("throughput", _throughput, ok=True),
    "packet-retransmits": EventType("throughput", _retransmits),
    "histogram-owdelay": EventType("latency", _delay, ok=True),
    "histogram-rtt": EventType("rtt", _rtt, ok=True),
    "packet-loss-rate": EventType("latency", _loss),
    "packet-loss-rate-bidir": EventType("rtt", _loss),
    "packet-count-sent": EventType("latency", _set_sent),
    "packet-count-lost": EventType("latency", _set_lost),
    "packet-count-lost-bidir": EventType("rtt", _set_lost),
    "packet-trace": EventType("trace", _trace, ok=True),
    "packet-trace-multi": EventType("trace", _trace),
    "path-mtu": EventType("trace", _mtu),
    "time-error-estimates": EventType("latency", _clock_error),
    "failures": EventType(None, _failure, ok=False),
}
NOT_STORED = frozenset(
    {
        "histogram-ttl",
        "histogram-ttl-reverse",
        "packet-duplicates",
        "packet-duplicates-bidir",
        "packet-reorders",
        "packet-reorders-bidir",
        "packet-retransmits-subintervals",
        "pscheduler-raw",
        "pscheduler-run-href",
        "streams-packet-retransmits",
        "streams-packet-retransmits-subintervals",
        "streams-throughput",
        "streams-throughput-subintervals",
        "throughput-subintervals",
    }
)
"""Known event types that `Network` has no field for: their points are counted as filtered."""

_TOOLS = {
    "throughput": ("iperf", "nuttcp", "ethr"),
    "latency": ("owping", "powstream", "twping"),
    "rtt": ("ping",),
    "trace": ("traceroute", "tracepath"),
}


def _test_of(tool: str | None) -> str:
    """The test that a tool runs: failures do not say it."""
    for test, names in _TOOLS.items():
        if tool is not None and any(name in tool for name in names):
            return test
    return "unknown"
