"""Host metrics of node_exporter, or of any other exporter: Prometheus text or OpenMetrics (`lakescope.transformers._exposition`).

OpenMetrics is what says so in the header ``content-type`` or ends in ``# EOF``; all else is Prometheus text
(format 0.0.4). They differ in the unit of a sample's time: seconds and milliseconds. A line that is no sample is a
reject by itself; a page without any sample, such as a proxy's, is one reject.
The body does not name its host: the collector does, in the header ``instance`` (``host:9100`` or a URL) and, where it
knows it, ``url``. A sample without a timestamp of its own was taken at the time in the header ``date``, which who brings
in older pages gives, else when the body was received.

One `Host` event a sample, its metric named as in the text. Counters are samples of counters, and the
buckets, counts and sums of histograms and summaries; everything else, quantiles and untyped samples too, is
a gauge. A value of NaN or +-Inf is null: no store takes it. A host may run several exporters: one that is
not the usual one (``:9100/metrics``) is told apart by the label ``instance``, its URL.

Quantities (`transformers/quantities.py`): load1; cpu_busy and cpu_idle (seconds; iowait is idle); memory_available and
memory_total; disk_free (to users) and disk_total, without tmpfs, overlay and their like; network_received and
network_sent, without lo, bonds, bridges and VLANs; clock_offset of timex. What is used is not told: total less the rest.
"""

from __future__ import annotations

from math import isfinite
from typing import Literal

from lakescope.core.events import Host
from lakescope.core.messages import DecodeResult, Message, Reject, RejectedError, declare, quote
from lakescope.transformers._common import epoch_time, host_of, identify_series, text_of, utc_time
from lakescope.transformers._exposition import LineError, Sample, Types, parse_sample

_LINE = "a sample or a comment of the exposition format"


@declare(framing="whole")
def decode(message: Message, out: DecodeResult) -> None:
    """One scrape. Raises `RejectedError` if no line of it is a sample and some should be."""
    text = text_of(message.body)
    scrape = Scrape(message, 1.0 if _is_openmetrics(message, text) else 0.001)
    types = Types()
    events: list[Host] = []
    rejects: list[Reject] = []
    native_histograms = 0
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.strip(" \t\r")
        if line.startswith("#"):
            types.note(line)
        elif line:
            try:
                sample = parse_sample(line)
                if sample.value is None:
                    native_histograms += 1
                else:
                    events.append(scrape.event(sample, types))
            except LineError as error:
                rejects.append(RejectedError("schema", f"$.line[{number}]", _LINE, f"{error}: {line}").reject)
            except RejectedError as error:
                rejects.append(
                    Reject(error.reject.reason, f"$.line[{number}]", error.reject.expected, quote(line))
                )
    if rejects and not events and not native_histograms:
        first = rejects[0]
        raise RejectedError(first.reason, first.path, first.expected, first.found)
    if native_histograms:
        out.filtered["native_histogram"] += native_histograms
    elif not events and not rejects:
        out.filtered["empty"] += 1
    out.rejects += rejects
    out.events += events


def _is_openmetrics(message: Message, text: str) -> bool:
    return "openmetrics" in message.headers.get("content-type", "") or text.rstrip().endswith("# EOF")


def _moment(message: Message) -> str | None:
    """When a page was scraped."""
    date = message.headers.get("date")
    return utc_time(date, "$.headers.date") if date else epoch_time(message.received)


class Scrape:
    """What the samples of one body have in common."""

    def __init__(self, message: Message, time_unit_s: float):
        instance = message.headers.get("instance")
        host = host_of(instance)
        if instance is None or host is None:
            expected = "the exporter, host:9100 or its URL: the collector sets this header"
            raise RejectedError("schema", "$.headers.instance", expected, instance or "no such header")
        exporter = message.headers.get("url") or instance
        address = exporter.rpartition("://")[2].lower().removesuffix("/metrics").removesuffix(":9100")
        self.host = host
        self.received_at = _moment(message)
        self.time_unit_s = time_unit_s
        self.exporter = address.strip("[]")
        self.labels = {} if self.exporter == host else {"instance": exporter}

    def event(self, sample: Sample, types: Types) -> Host:
        """The event of a sample. Raises `RejectedError` if it has no time."""
        time = self.received_at if sample.time is None else epoch_time(sample.time * self.time_unit_s)
        if time is None:
            raise RejectedError(
                "value", "$", "a time after 1970, of the sample or of its reception", sample.time
            )
        name, labels = sample.name, sample.labels
        for label in ("le", "quantile"):
            if label in labels and types.is_bound(name, label):
                labels[label] = _canonical(labels[label])
        kind: Literal["counter", "gauge"] = "counter" if types.grows(name) else "gauge"
        return Host(
            id=identify_series("node_exporter", self.exporter, time, name, labels=labels),
            time=time,
            source="node_exporter",
            host=self.host,
            metric=name,
            value=sample.value if sample.value is not None and isfinite(sample.value) else None,
            type=kind,
            labels=labels | self.labels or None,
        )


def _canonical(bound: str) -> str:
    """A bound as OpenMetrics writes it: exporters write 1 in the text format and 1.0 in the other."""
    try:
        number = float(bound)
    except ValueError:
        return bound
    return repr(number) if isfinite(number) else "+Inf" if number > 0 else "-Inf"
