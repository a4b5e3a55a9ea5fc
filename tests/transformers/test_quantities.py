"""Quantities: the traps of each source, and that no byte or second is counted twice."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from lakescope.core.events import Event, Host, Probe
from lakescope.transformers import node_exporter
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.quantities import quantity_of
from tests.transformers.bodies import SAMPLES
from tests.transformers.properties import decode


@pytest.mark.parametrize(
    ("metric", "labels", "quantity"),
    [
        ("load_load_shortterm", {"dsname": "shortterm"}, "load1"),
        ("load_load_shortterm", {"plugin_instance": "relative"}, None),
        ("load_load_midterm", {}, None),
        ("cpu_cpu", {"plugin_instance": "3", "type_instance": "softirq"}, "cpu_busy"),
        ("cpu_cpu", {"plugin_instance": "3", "type_instance": "wait"}, "cpu_idle"),
        ("cpu_percent", {"type_instance": "guest"}, "cpu_busy"),
        ("cpu_percent", {"type_instance": "active"}, None),
        ("aggregation_cpu", {"plugin_instance": "cpu-average", "type_instance": "user"}, None),
        ("memory_memory", {"type_instance": "slab_unrecl"}, "memory_used"),
        ("memory_memory", {"type_instance": "slab_recl"}, "memory_available"),
        ("memory_percent", {"type_instance": "used"}, None),
        ("df_df_complex", {"plugin_instance": "srv-data", "type_instance": "used"}, "disk_used"),
        ("df_df_complex", {"plugin_instance": "root", "type_instance": "reserved"}, None),
        ("df_df_complex", {"plugin_instance": "run-user-0", "type_instance": "used"}, None),
        ("df_df_complex", {"plugin_instance": "dev-shm", "type_instance": "free"}, None),
        ("df_df_complex", {"plugin_instance": "runs", "type_instance": "free"}, "disk_free"),
        ("interface_if_octets_rx", {"plugin_instance": "enp1s0f0"}, "network_received"),
        ("interface_if_octets_tx", {"plugin_instance": "lo"}, None),
        ("chrony_time_offset", {"type_instance": "chrony"}, "clock_offset"),
        ("chrony_time_offset", {"type_instance": "192.0.2.1"}, None),
        ("ntpd_time_offset", {"type_instance": "loop"}, None),
    ],
)
def test_collectd(metric: str, labels: dict[str, str], quantity: str | None) -> None:
    assert quantity_of("collectd", metric, labels) == quantity


@pytest.mark.parametrize(
    ("metric", "labels", "quantity"),
    [
        ("node_load1", None, "load1"),
        ("node_load15", None, None),
        ("node_cpu_seconds_total", {"cpu": "0", "mode": "steal"}, "cpu_busy"),
        ("node_cpu_seconds_total", {"cpu": "0", "mode": "iowait"}, "cpu_idle"),
        ("node_cpu_guest_seconds_total", {"cpu": "0", "mode": "user"}, None),
        ("node_memory_MemFree_bytes", None, None),
        ("node_memory_MemAvailable_bytes", None, "memory_available"),
        ("node_filesystem_avail_bytes", {"fstype": "ext4", "mountpoint": "/"}, "disk_free"),
        ("node_filesystem_avail_bytes", {"fstype": "tmpfs", "mountpoint": "/run"}, None),
        ("node_filesystem_size_bytes", {"fstype": "fuse", "mountpoint": "/cvmfs/x.example"}, None),
        ("node_filesystem_size_bytes", {"fstype": "gpfs", "mountpoint": "/storage"}, "disk_total"),
        ("node_filesystem_free_bytes", {"fstype": "ext4", "mountpoint": "/"}, None),
        ("node_network_receive_bytes_total", {"device": "eth0"}, "network_received"),
        ("node_network_receive_bytes_total", {"device": "eth0.100"}, None),
        ("node_network_transmit_bytes_total", {"device": "bond0"}, None),
        ("node_network_transmit_bytes_total", {"device": "br-6f1a"}, None),
        ("node_network_transmit_bytes_total", {"device": "veth1a2b"}, None),
        ("node_network_transmit_bytes_total", {"device": "ib0"}, "network_sent"),
        ("node_timex_offset_seconds", None, "clock_offset"),
    ],
)
def test_node_exporter(metric: str, labels: dict[str, str] | None, quantity: str | None) -> None:
    assert quantity_of("node_exporter", metric, labels) == quantity


@pytest.mark.parametrize(
    ("metric", "labels", "quantity"),
    [
        ("cpu_usage_user", {"cpu": "cpu-total"}, "cpu_busy"),
        ("cpu_usage_user", {"cpu": "cpu0"}, None),
        ("cpu_usage_guest", {"cpu": "cpu-total"}, "cpu_busy"),
        ("cpu_time_guest", {"cpu": "cpu-total"}, None),
        ("cpu_time_iowait", {"cpu": "cpu-total"}, "cpu_idle"),
        ("cpu_usage_active", {"cpu": "cpu-total"}, None),
        ("mem_available", None, "memory_available"),
        ("disk_free", {"fstype": "xfs", "path": "/"}, "disk_free"),
        ("disk_used", {"fstype": "overlay", "path": "/"}, None),
        ("disk_inodes_free", {"fstype": "xfs", "path": "/"}, None),
        ("net_bytes_recv", {"interface": "lo"}, None),
        ("net_bytes_sent", {"interface": "eth0"}, "network_sent"),
        ("chrony_last_offset", {"leap_status": "normal"}, "clock_offset"),
        ("ntpq_offset", {"remote": "192.0.2.1"}, None),
    ],
)
def test_telegraf(metric: str, labels: dict[str, str] | None, quantity: str | None) -> None:
    assert quantity_of("telegraf", metric, labels) == quantity


def test_a_name_means_something_in_its_own_source_only() -> None:
    assert quantity_of("telegraf", "node_load1", None) is None


def test_whole_scrape() -> None:
    """node_exporter 1.5 of a machine with two processors, one disk and one interface beside ifb0 and ifb1."""
    body = (SAMPLES / "node_exporter_metrics.txt").read_bytes()
    events = decode(node_exporter.decode, body, {"instance": "se01.example.org:9100"}).events
    Enrichment()(events)
    hosts = [event for event in events if isinstance(event, Host)]
    assert Counter(event.quantity for event in hosts if event.quantity) == {
        "load1": 1,
        "cpu_busy": 12,
        "cpu_idle": 4,
        "memory_total": 1,
        "memory_available": 1,
        "disk_total": 1,
        "disk_free": 1,
        "network_received": 1,
        "network_sent": 1,
        "clock_offset": 1,
    }


def test_a_plugins_own_quantity_is_kept() -> None:
    event = Host(
        id="0" * 32, time="", source="telegraf", host="a", metric="system_load1", type="gauge", quantity="x"
    )
    Enrichment()([event])
    assert event.quantity == "x"


@pytest.mark.parametrize(
    ("status", "ok"), [("ok", True), ("warning", False), ("critical", False), ("unknown", None)]
)
def test_ok_of_a_probe(status: str, ok: bool | None) -> None:
    common = {"dataset": "probes", "id": "0" * 32, "time": "", "source": "push", "probe": "p"}
    event: Event = msgspec.convert(common | {"status": status}, Probe)
    Enrichment()([event])
    assert isinstance(event, Probe)
    assert event.ok is ok
