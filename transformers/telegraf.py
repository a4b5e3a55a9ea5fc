"""Host metrics of Telegraf, in the JSON of its serializer (influxdata/telegraf: plugins/serializers/json).

Body: ``{"fields": {..}, "name": str, "tags": {..}, "timestamp": n}``, a batch ``{"metrics": [those]}``, or an
array of them. One `Host` event a numeric field: its metric is ``<name>_<field>``, its host the tag ``host``,
its labels the other tags; a boolean is 0 or 1. A field of text, or of nested JSON, is no metric: filtered
"text_field".

The timestamp's unit is an option of the sender (``json_timestamp_units``, any power of ten of a nanosecond)
that the body does not tell: read by the number of digits, since the POSIX seconds of 2001 to 2286 have ten.
Text (``json_timestamp_format``) is read if it is ISO time.

Nor does the body tell counters from gauges. A field is a counter where Telegraf's own input of that name
documents it as one: `COUNTERS`; all others are gauges.

Quantities (`transformers/quantities.py`): load1; cpu_busy and cpu_idle of ``cpu-total`` (seconds of ``time_*``, per cent of
``usage_*``; iowait is idle); memory_used, memory_available and memory_total; disk_used, disk_free and disk_total, without
tmpfs, overlay and their like; network_received and network_sent, without lo, bonds, bridges and VLANs; clock_offset of
chrony. Sum a quantity's series of one type.
"""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any, Literal

from msgspec import Struct

from lakescope.core.events import Host
from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._common import (
    any_json,
    convert,
    count_unknown,
    each,
    epoch_time,
    host_of,
    identify_series,
    number,
    unwrap,
    utc_time,
)

COUNTERS = {
    "cpu": "time_user time_system time_idle time_active time_nice time_iowait time_irq time_softirq time_steal "
    "time_guest time_guest_nice",
    "diskio": "reads writes read_bytes write_bytes read_time write_time io_time weighted_io_time merged_reads "
    "merged_writes",
    "kernel": "context_switches disk_pages_in disk_pages_out interrupts processes_forked",
    "net": "bytes_sent bytes_recv packets_sent packets_recv err_in err_out drop_in drop_out",
    "pressure": "total",
    "swap": "in out",
}
"""Name -> fields that only grow until a reset (the inputs' README files, Telegraf 1.30)."""
_COUNTERS = frozenset((name, field) for name, fields in COUNTERS.items() for field in fields.split())

_SECONDS_DIGITS = 10


class Metric(Struct):
    """One metric as the serializer writes it."""

    name: str
    fields: dict[str, Any]
    tags: dict[str, str]
    timestamp: int | float | str | None = None


class Batch(Struct):
    metrics: list[Any]


@declare(items="independent")
def decode(message: Message, out: DecodeResult) -> None:
    """One metric, a batch or an array; a bad metric is a `Reject` of its own."""
    document = any_json(message.body)
    decode_one = partial(_decode_one, message=message)
    if isinstance(document, dict) and "metrics" in document:
        count_unknown(document, Batch, out)
        each(convert(document, Batch).metrics, out, decode_one, "$.metrics")
    elif isinstance(document, list):
        each(document, out, decode_one)
    else:
        decode_one(document, out, "$")


def _decode_one(document: Any, out: DecodeResult, path: str, message: Message) -> None:
    document, path, _ = unwrap(document, path)
    metric = convert(document, Metric, path)
    host = host_of(metric.tags.get("host"))
    if not host:
        expected = "the tag that Telegraf sets unless its option omit_hostname is true"
        raise RejectedError("schema", f"{path}.tags.host", expected, "null or no such tag")
    time = _time(metric.timestamp, f"{path}.timestamp") or epoch_time(message.received)
    if time is None:
        raise RejectedError("schema", f"{path}.timestamp", "a time after 1970", metric.timestamp)
    labels = {name: value for name, value in sorted(metric.tags.items()) if value and name != "host"}
    events: list[Host] = []
    for field, found_value in metric.fields.items():
        if isinstance(found_value, (str, list, dict)):
            continue
        kind: Literal["counter", "gauge"] = "counter" if (metric.name, field) in _COUNTERS else "gauge"
        events.append(
            Host(
                id=identify_series("telegraf", host, metric.name, time, field, labels=labels),
                time=time,
                source="telegraf",
                host=host,
                metric=f"{metric.name}_{field}",
                value=number(found_value),
                type=kind,
                labels=labels or None,
            )
        )
    out.events += events
    if texts := len(metric.fields) - len(events):
        out.filtered["text_field"] += texts
    elif not events:
        out.filtered["empty"] += 1
    count_unknown(document, Metric, out)


def _time(value: float | str | None, path: str) -> str | None:
    if isinstance(value, str):
        return utc_time(value, path)
    if value is None or value <= 0:
        return None
    if value == inf:
        raise RejectedError("value", path, "a time before the year 10000", value)
    digits = len(str(int(value)))
    time = epoch_time(value / 10 ** max(0, digits - _SECONDS_DIGITS), path)
    if time is None:
        raise RejectedError("value", path, "a time after 1970", value)
    return time
