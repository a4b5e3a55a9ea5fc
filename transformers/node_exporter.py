"""Host metrics of node_exporter, or of any other exporter: Prometheus text or OpenMetrics, by prometheus_client.

OpenMetrics is what says so in the header ``content-type`` or ends in ``# EOF``; all else is Prometheus text
(format 0.0.4). The body does not name its host: the collector does, in the header ``instance``
(``host:9100`` or a URL) and, where it knows it, ``url``. A sample without a timestamp of its own was taken
when the body was received.

One `Host` event a sample, its metric named as in the text. Counters are samples of counters, and the
buckets, counts and sums of histograms and summaries; everything else, quantiles and untyped samples too, is
a gauge. A value of NaN or +-Inf is null: no store takes it. A host may run several exporters: one that is
not the usual one (``:9100/metrics``) is told apart by the label ``instance``, its URL.

Quantities (`transformers/quantities.py`): load1; cpu_busy and cpu_idle (seconds; iowait is idle); memory_available and
memory_total; disk_free (to users) and disk_total, without tmpfs, overlay and their like; network_received and
network_sent, without lo, bonds, bridges and VLANs; clock_offset of timex. What is used is not told: total less the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Literal

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from lakescope.events import Host
from lakescope.messages import Decoded, Message, Reject, Rejected
from transformers._common import epoch_time, host_of, identify, text_of

Parse = Callable[[str], Iterable[Metric]]

_LINE = "a sample or a comment of the exposition format"
_BARE_COUNTER = re.compile(r"^[ \t]*#[ \t]+TYPE[ \t]+(\S+)(?<!_total)[ \t]+counter\s*$", re.MULTILINE)
_GROWING = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("_count", "_sum"),
}
"""Type of a family -> endings of its samples that only grow until a reset."""


def decode(message: Message, out: Decoded) -> None:
    """One scrape. Where the parser refuses it, the lines that it refuses alone become `Reject`s, the rest stays."""
    text = text_of(message.body)
    scrape = Scrape(message)
    parse = parse_openmetrics if _is_openmetrics(message, text) else parse_text
    try:
        events = scrape.events(text, parse)
    except Exception:  # noqa: BLE001 - the parsers raise ValueError, KeyError, IndexError, ... for bad lines
        text = _without_bad_lines(text, scrape, parse, out)
        try:
            events = scrape.events(text, parse)
        except Exception as error:  # noqa: BLE001 - likewise: good lines in an order that is bad
            raise Rejected("schema", "$", "Prometheus text or OpenMetrics", _said(error)) from None
    if scrape.native_histograms:
        out.filtered["native_histogram"] += scrape.native_histograms
    elif not events and not out.rejects:
        out.filtered["empty"] += 1
    out.events += events


def _is_openmetrics(message: Message, text: str) -> bool:
    return "openmetrics" in message.headers.get("content-type", "") or text.rstrip().endswith("# EOF")


class Scrape:
    """What the samples of one body have in common."""

    def __init__(self, message: Message):
        instance = message.headers.get("instance")
        host = host_of(instance)
        if instance is None or host is None:
            expected = "the exporter, host:9100 or its URL: the collector sets this header"
            raise Rejected("schema", "$.headers.instance", expected, instance or "no such header")
        exporter = message.headers.get("url") or instance
        self.host = host
        self.received = epoch_time(message.received)
        self.prefix = f"node_exporter\x1f{exporter}"
        address = exporter.rpartition("://")[2].lower().removesuffix("/metrics").removesuffix(":9100")
        self.labels = {} if address.strip("[]") == host else {"instance": exporter}
        self.native_histograms = 0

    def events(self, text: str, parse: Parse) -> list[Host]:
        """The events of all samples of `text`. Raises what `parse` raises, and `Rejected`."""
        # to these the text parser appends _total, as OpenMetrics demands; they keep their own names
        bare = set(_BARE_COUNTER.findall(text)) if parse is parse_text else set()
        events: list[Host] = []
        self.native_histograms = 0
        for family in parse(text):
            endings = _GROWING.get(family.type, ())
            is_bare = family.name in bare and family.type == "counter"
            for sample in family.samples:
                if sample.native_histogram is not None:  # buckets without a value: no metric of one number
                    self.native_histograms += 1
                    continue
                kind: Literal["counter", "gauge"] = "counter" if sample.name.endswith(endings) else "gauge"
                name = sample.name.removesuffix("_total") if is_bare else sample.name
                events.append(self._event(name, kind, sample))
        return events

    def _event(self, name: str, kind: Literal["counter", "gauge"], sample: Sample) -> Host:
        time = self.received if sample.timestamp is None else epoch_time(float(sample.timestamp))
        if time is None:
            raise Rejected(
                "value", "$", "a time after 1970, of the sample or of its reception", sample.timestamp
            )
        labels = {label: value for label, value in sample.labels.items() if value} | self.labels
        return Host(
            id=identify(
                self.prefix, time, name, *(f"{key}={sample.labels[key]}" for key in sorted(sample.labels))
            ),
            time=time,
            source="node_exporter",
            host=self.host,
            metric=name,
            value=_number(sample.value),
            type=kind,
            labels=labels or None,
        )


def _number(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:  # an integer beyond a double: what the text means is +Inf
        return None
    return number if isfinite(number) else None


def _without_bad_lines(text: str, scrape: Scrape, parse: Parse, out: Decoded) -> str:
    """The text without the lines that cannot be read even alone; those become rejects ``$.line[17]``.

    Raises the first of them if no sample is left: an error page, say.
    """
    kept: list[str] = []
    rejects: list[Reject] = []
    samples = 0
    end = "\n# EOF\n" if parse is parse_openmetrics else "\n"
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            if line and line != "# EOF":
                samples += len(scrape.events(line + end, parse))
        except Exception as error:  # noqa: BLE001 - as in decode
            refused = Rejected("schema", f"$.line[{number}]", _LINE, f"{_said(error)}: {line}")
            rejects.append(refused.reject)
        else:
            kept.append(line)
    if rejects and not samples:
        first = rejects[0]
        raise Rejected(first.reason, first.path, first.expected, first.found)
    out.rejects += rejects
    return "\n".join(kept)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
