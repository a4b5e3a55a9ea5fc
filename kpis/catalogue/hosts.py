"""Hosts, by their agents. A quantity of a host is the sum of its series (transformers/quantities.py)."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.catalogue._common import empty_hours
from lakescope.kpis.model import Condition, Kpi, Part, PerSecond, Ratio, Rest

HOSTS = ("host", "site", "source")

COUNTER = Condition("type", "=", "counter")
GAUGE = Condition("type", "=", "gauge")
TOLD = Condition("quantity", "known")


def _of(*quantities: str) -> Condition:
    return Condition("quantity", "in", quantities)


# What makes up the whole: node_exporter and Telegraf tell it, collectd's states add up to it. What is in use is
# the rest, since node_exporter tells only the whole and what is left.
MEMORY = Condition("metric", "in", ("memory_memory", "node_memory_MemTotal_bytes", "mem_total"))
DISK = Condition("metric", "in", ("df_df_complex", "node_filesystem_size_bytes", "disk_total"))

_sum = partial(Part, kind="sum", field="value")
_increase = partial(Part, kind="increase", field="value", series=("host", "metric", "labels"))
_hosts = partial(Kpi, dataset="hosts", good="down", dimensions=HOSTS)

KPIS = (
    _hosts(
        name="host_load",
        meaning="One-minute load average, averaged over the reports.",
        unit="count",
        where=(_of("load1"),),
        value=Part(kind="mean", field="value"),
        null="no agent has reported",
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
    _hosts(
        name="host_cpu_told",
        meaning="CPU utilisation, from agents that report it as a percentage.",
        unit="ratio",
        where=(GAUGE, _of("cpu_busy", "cpu_idle")),
        value=Ratio(_sum(where=(_of("cpu_busy"),)), _sum()),
        null="no agent has reported",
        warning=0.9,
        critical=0.98,
    ),
    _hosts(
        name="host_memory",
        meaning="Share of memory that is in use, that is, not available to programs.",
        unit="ratio",
        where=(TOLD,),
        value=Rest(Ratio(_sum(where=(_of("memory_available"),)), _sum(where=(MEMORY,)))),
        null="no agent has reported",
        warning=0.9,
        critical=0.97,
    ),
    _hosts(
        name="host_memory_available",
        meaning="Lowest memory available to programs, from agents that report it as one value.",
        unit="bytes",
        good="up",
        where=(
            _of("memory_available"),
            Condition("source", "in", ("node_exporter", "telegraf")),
        ),  # collectd's is a sum
        value=Part(kind="min", field="value"),
        null="no agent has reported",
    ),
    _hosts(
        name="host_disk",
        meaning="Share of the file systems' space that is not available to users; virtual file systems are left out.",
        unit="ratio",
        where=(TOLD,),
        value=Rest(Ratio(_sum(where=(_of("disk_free"),)), _sum(where=(DISK,)))),
        null="no agent has reported",
        warning=0.85,
        critical=0.95,
    ),
    _hosts(
        name="host_disk_free",
        meaning="Lowest space available to users on one file system.",
        unit="bytes",
        good="up",
        where=(_of("disk_free"),),
        value=Part(kind="min", field="value"),
        null="no agent has reported",
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
    _hosts(
        name="host_clock_offset",
        meaning="Largest absolute clock offset of a host.",
        unit="seconds",
        where=(_of("clock_offset"),),
        value=Part(kind="largest", field="value"),
        null="no agent has reported",
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
    empty_hours("hosts", "word of a host", HOSTS),
)
