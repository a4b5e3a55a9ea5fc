"""Hosts, by their agents. A quantity of a host is the sum of its series (transformers/quantities.py).

Gauges are states: what counts is the last report of each series.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from lakescope.kpis.catalogue._common import are_known, empty_hours
from lakescope.kpis.model import HOUR, Condition, Kpi, Part, PerSecond, Ratio, Remainder

HOSTS = ("host", "site", "source", "vo")

COUNTER = Condition("type", "=", "counter")


def _of(*quantities: str) -> Condition:
    return Condition("quantity", "in", quantities)


# What makes up the whole: node_exporter and Telegraf tell it, collectd's states add up to it. What is in use is
# the rest, since node_exporter tells only the whole and what is left.
MEMORY = Condition("metric", "in", ("memory_memory", "node_memory_MemTotal_bytes", "mem_total"))
DISK = Condition("metric", "in", ("df_df_complex", "node_filesystem_size_bytes", "disk_total"))

_last = partial(
    Part, kind="last", field="value", series=("host", "series"), together=("host",), look_back_s=HOUR
)
_increase = partial(Part, kind="increase", field="value", series=("host", "metric", "labels"))
_hosts = partial(Kpi, dataset="hosts", good="down", dimensions=HOSTS)
_NO_REPORT = "no agent has reported, or its last report is stale"


def _gauge(*where: Condition, **options: Any) -> Kpi:
    return _hosts(where=(*are_known("series"), *where), null=_NO_REPORT, **options)


KPIS = (
    _gauge(
        _of("load1"),
        name="host_load",
        meaning="One-minute load average: average of the last reported values.",
        unit="count",
        value=_last(over="mean"),
    ),
    _hosts(
        name="host_cpu",
        meaning="CPU utilisation, from agents that report counters of CPU time.",
        unit="ratio",
        where=(COUNTER, _of("cpu_busy", "cpu_idle")),
        value=Ratio(_increase(where=(_of("cpu_busy"),)), _increase()),
        null="fewer than two reports",
        warning=0.9,
        critical=0.98,
    ),
    _gauge(
        _of("cpu_busy", "cpu_idle"),
        name="host_cpu_told",
        meaning="CPU utilisation as last reported, from agents that report it as a percentage.",
        unit="ratio",
        value=Ratio(_last(where=(_of("cpu_busy"),)), _last()),
        warning=0.9,
        critical=0.98,
    ),
    _gauge(
        name="host_memory",
        meaning="Share of memory that is in use as last reported, that is, not available to programs.",
        unit="ratio",
        value=Remainder(Ratio(_last(where=(_of("memory_available"),)), _last(where=(MEMORY,)))),
        warning=0.9,
        critical=0.97,
    ),
    _gauge(
        _of("memory_available"),
        Condition("source", "in", ("node_exporter", "telegraf")),  # collectd's is a sum
        name="host_memory_available",
        meaning="Lowest last reported memory available to programs, from agents that report it as one value.",
        unit="bytes",
        good="up",
        value=_last(over="min"),
    ),
    _gauge(
        name="host_disk",
        meaning="Share of file systems not available to users, as last reported; virtual file systems do not count.",
        unit="ratio",
        value=Remainder(Ratio(_last(where=(_of("disk_free"),)), _last(where=(DISK,)))),
        warning=0.85,
        critical=0.95,
    ),
    _gauge(
        _of("disk_free"),
        name="host_disk_free",
        meaning="Lowest last reported space available to users on one file system.",
        unit="bytes",
        good="up",
        value=_last(over="min"),
    ),
    *(
        _hosts(
            name=f"host_{quantity}",
            meaning=f"Rate at which hosts {what} over their network interfaces, averaged over the range.",
            unit="bits/s",
            good="neutral",
            where=(COUNTER, _of(quantity)),
            value=PerSecond(_increase()),
            null="fewer than two reports",
        )
        for quantity, what in (("network_received", "received data"), ("network_sent", "sent data"))
    ),
    _gauge(
        _of("clock_offset"),
        name="host_clock_offset",
        meaning="Largest absolute clock offset of a host, as last reported.",
        unit="seconds",
        value=_last(over="largest"),
        warning=0.05,
        critical=0.5,
    ),
    _hosts(
        name="host_silence",
        meaning="Time since the last report of a host, at the end of the time range.",
        unit="seconds",
        value=Part(kind="silence"),
        null="no host has reported",
        warning=600.0,
        critical=1800.0,
    ),
    empty_hours("hosts", "event of a host", HOSTS),
)
