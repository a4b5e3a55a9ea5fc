"""Host metrics of collectd: the JSON of write_http and write_kafka, and its notifications.

Body: an array of value lists, or a single one (collectd 5.12: src/utils/format_json/format_json.c)::

    {"values": [..], "dstypes": ["derive"], "dsnames": ["value"], "time": 1414372779.057, "interval": 10.0,
     "host": str, "plugin": str, "plugin_instance": str, "type": str, "type_instance": str, "meta"?: {..}}

Each value is one `Host` event. Its metric is ``<plugin>_<type>``, CERN's InfluxDB measurement, and
``<plugin>_<type>_<dsname>`` where a list has several values; the instances, and then the dsname, are labels.

``StoreRates`` must stay false (its default): the values of counters come raw, and rates are made at query
time. With StoreRates the body looks the same and still says "derive"; only a fraction gives a rate away,
which is therefore stored as a gauge. collectd writes NaN and infinities as null: the value is null.

Quantities (`transformers/quantities.py`): load1; cpu_busy and cpu_idle (ticks of ``cpu_cpu``, per cent of
``cpu_percent``; waiting for disks is idle); memory_used (with slab_unrecl) and memory_available (free, buffered, cached,
slab_recl); disk_used and disk_free; network_received and network_sent; clock_offset of chrony. Sum a quantity's series.

A notification is a `Probe`, named as collectd names the alert (``collectd_load``).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from lakescope.core.events import Host, Probe
from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._common import (
    any_json,
    convert,
    count_unknown,
    each,
    epoch_time,
    host_of,
    identify,
    identify_series,
    number,
    shape,
    unwrap,
    utc_time,
)

IgnoredValue = Any

COUNTERS = frozenset({"derive", "counter"})
"""The types that grow until a reset. Not ``absolute``: that one is set to 0 by each reading, so each value
is an increment of its own, and a rate made of it as of a counter would take every fall for a reset."""


class ValueList(Struct, gc=False, forbid_unknown_fields=True):
    """The values of one series at one time."""

    values: list[int | float | None]
    dstypes: list[Literal["gauge", "derive", "counter", "absolute"]]
    dsnames: list[str]
    time: float
    host: str
    plugin: str
    type: str
    plugin_instance: str | None = None
    type_instance: str | None = None
    interval: IgnoredValue = None
    meta: IgnoredValue = None


class AlertLabels(Struct):
    alertname: str
    instance: str
    severity: str


class AlertAnnotations(Struct, frozen=True):
    summary: str | None = None


class Notification(Struct, rename="camel"):
    """What collectd sends when a threshold is crossed, in the shape of Alertmanager's version 1."""

    labels: AlertLabels
    starts_at: str
    annotations: AlertAnnotations = AlertAnnotations()
    ends_at: IgnoredValue = None


_decode = msgspec.json.Decoder(list[ValueList]).decode


@declare(items="independent")
def decode(message: Message, out: DecodeResult) -> None:
    """An array of value lists and notifications, or one of them; a bad one is a `Reject` of its own."""
    try:
        lists = _decode(message.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        _decode_loosely(message.body, out)
        return
    if not lists:
        out.filtered["empty"] += 1
    for index, value_list in enumerate(lists):
        try:
            _add_values(value_list, out, f"$[{index}]")
        except RejectedError as error:
            out.rejects.append(error.reject)


def _decode_loosely(body: bytes, out: DecodeResult) -> None:
    """One by one: for a single object, for notifications, and to tell the good elements from the bad."""
    value = any_json(body)
    if isinstance(value, list):
        each(value, out, _decode_one)
    else:
        _decode_one(value, out, "$")


def _decode_one(document: Any, out: DecodeResult, path: str) -> None:
    document, path, _ = unwrap(document, path)
    if not isinstance(document, dict):
        raise RejectedError("schema", path, "object", shape(document))
    if "labels" in document:
        count_unknown(document, Notification, out)
        _add_notification(convert(document, Notification, path), out, path)
    else:
        known_fields = {
            key: value for key, value in document.items() if key in ValueList.__struct_encode_fields__
        }
        _add_values(convert(known_fields, ValueList, path), out, path)
        count_unknown(document, ValueList, out)


def _add_values(value_list: ValueList, out: DecodeResult, path: str) -> None:
    values, dstypes, dsnames = value_list.values, value_list.dstypes, value_list.dsnames
    if not len(values) == len(dstypes) == len(dsnames) or not values:
        expected = f"as many values as dsnames and dstypes ({len(dsnames)}, {len(dstypes)}), at least one"
        raise RejectedError("value", f"{path}.values", expected, values)
    time = epoch_time(value_list.time, f"{path}.time")
    host = value_list.host.lower()
    if time is None:
        raise RejectedError("value", f"{path}.time", "POSIX seconds after 1970", value_list.time)
    if not host:
        raise RejectedError("value", f"{path}.host", "a host name", value_list.host)
    metric = f"{value_list.plugin}_{value_list.type}"
    instances = _labels(plugin_instance=value_list.plugin_instance, type_instance=value_list.type_instance)
    several = len(values) > 1
    series = (
        "collectd",
        host,
        value_list.plugin,
        value_list.plugin_instance or "",
        value_list.type,
        value_list.type_instance or "",
    )
    for value, dstype, dsname in zip(values, dstypes, dsnames, strict=True):
        labels = instances | _labels(dsname=dsname) if several else instances
        out.events.append(
            Host(
                id=identify_series(*series, time, dsname, labels={}),
                time=time,
                source="collectd",
                host=host,
                metric=f"{metric}_{dsname}" if several else metric,
                value=number(value),
                type="counter" if dstype in COUNTERS and not isinstance(value, float) else "gauge",
                labels=labels or None,
            )
        )


def _labels(**labels: str | None) -> dict[str, str]:
    return {name: value for name, value in labels.items() if value}


_STATUS: dict[str, Literal["ok", "warning", "critical", "unknown"]] = {
    "OKAY": "ok",
    "WARNING": "warning",
    "FAILURE": "critical",
}


def _add_notification(notification: Notification, out: DecodeResult, path: str) -> None:
    labels = notification.labels
    time = utc_time(notification.starts_at, f"{path}.startsAt")
    if time is None:
        raise RejectedError(
            "value", f"{path}.startsAt", "an RFC 3339 time after 1970", notification.starts_at
        )
    target = host_of(labels.instance)
    out.events.append(
        Probe(
            id=identify(
                "collectd", labels.alertname, target, labels.severity, notification.annotations.summary, time
            ),
            time=time,
            source="collectd",
            probe=labels.alertname,
            target=target,
            status=_STATUS.get(labels.severity.upper(), "unknown"),
            message=notification.annotations.summary,
        )
    )
