"""The machines: load, memory, disks, network, clock, and which fell silent."""

from __future__ import annotations

from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.model import Dashboard, Number, Panel, Row
from lakescope.dashboards.variables import HOST, SITE, VO

_HOST = ("host",)


def _over_time(title: str, **kpis: str | None) -> Panel:
    numbers = tuple(Number(kpi=kpi, by=_HOST, label=label) for kpi, label in kpis.items())
    return Panel(
        title=f"{title} by {{group}}", kind="lines", top=20, grouped=True, numbers=numbers, link=links.HOST
    )


HOSTS = Dashboard(
    name="hosts",
    title="Hosts and services",
    question="Which host is silent, overloaded, full or has a wrong clock?",
    variables=(VO, SITE, HOST),
    group="host",
    rows=(
        Row(
            title="All hosts",
            panels=(
                Panel(
                    title="Hosts",
                    kind="table",
                    width=24,
                    height=12,
                    numbers=tuple(
                        Number(kpi=kpi, by=_HOST, label=label)
                        for kpi, label in (
                            ("host_silence", "silent for"),
                            ("host_load", "load"),
                            ("host_cpu", "CPU (counters)"),
                            ("host_cpu_told", "CPU (gauges)"),
                            ("host_memory", "memory in use"),
                            ("host_memory_available", "least memory available"),
                            ("host_disk", "disk in use"),
                            ("host_disk_free", "free on the fullest disk"),
                            ("host_clock_offset", "clock offset"),
                        )
                    ),
                    link=links.HOST,
                ),
            ),
        ),
        Row(
            title="Over time",
            panels=(
                _over_time("Load (1 minute)", host_load=None),
                _over_time("CPU utilisation", host_cpu="from counters", host_cpu_told="from gauges"),
                _over_time("Memory in use", host_memory=None),
                _over_time("Least memory available", host_memory_available=None),
                _over_time("Disk in use", host_disk=None),
                _over_time("Free space of the fullest disk", host_disk_free=None),
                _over_time("Received", host_network_received=None),
                _over_time("Sent", host_network_sent=None),
                _over_time("Clock offset", host_clock_offset=None),
            ),
        ),
    ),
)
