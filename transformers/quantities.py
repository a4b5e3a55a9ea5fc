"""What a host's metric measures, in one name for collectd, node_exporter and Telegraf: `Host.quantity`.

    load1                                               load average over a minute
    cpu_busy, cpu_idle                                  processor time: seconds or ticks (counters), per cent (gauges)
    memory_used, memory_available, memory_total         bytes
    disk_used, disk_free, disk_total                    bytes of real file systems; free is what users may fill
    network_received, network_sent                      bytes, counters of real interfaces
    clock_offset                                        seconds

A quantity of a host is the sum of its series, and no byte or second is in two series of one quantity. What is
derived (a share, a rate) is a KPI: a source need not tell all three of used, free and total. Waiting for disks
is idle time. Where a source has the same thing twice, one has the name: Telegraf's ``cpu-total`` (not its single
processors), the interfaces below bonds, bridges and VLANs (not those).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Labels = Mapping[str, str]
Rule = Callable[[Labels], str | None]

_PSEUDO = re.compile(
    r"(dev)?tmpfs|ramfs|rootfs|overlay(fs)?|aufs|squashfs|iso9660|proc|sysfs|devpts|cgroup2?|securityfs|debugfs|tracefs"
    r"|pstore|bpf|mqueue|hugetlbfs|autofs|configfs|fusectl|binfmt_misc|rpc_pipefs|nsfs|selinuxfs|efivarfs|fuse(\.lxcfs)?"
)
"""Types of file systems that are no disk; ``fuse`` is CVMFS, whose cache is counted where it lies."""

# collectd names no type: the mount point's name ("root", "srv-data"), or the device with ReportByDevice
_PSEUDO_MOUNT = re.compile(
    r"(dev|run|sys|proc|snap|cvmfs|var-lib-(docker|containers|kubelet))(-.*)?|tmpfs|devtmpfs|udev|overlay|shm|none"
)
_VIRTUAL_INTERFACE = re.compile(
    r"(lo|bond|team|br|veth|docker|virbr|cni|cali|flannel|tun|tap|ifb)([-\d].*)?|veth.*|cali.*|.*\.\d+"
)


def quantity_of(source: str, metric: str, labels: Labels | None) -> str | None:
    """The quantity of a series; null where it is none of those above."""
    rule = _RULES.get((source, metric))
    return None if rule is None else rule(labels or {})


def series_of(metric: str, labels: Labels | None) -> str:
    """What tells a series of a host from its others: ``mem_total``, ``disk_free{device="sda1",path="/"}``."""
    if not labels:
        return metric
    pairs = [f'{name}="{labels[name]}"' for name in sorted(labels)]
    return f"{metric}{{{','.join(pairs)}}}"


# --- rules -----------------------------------------------------------------------------------------------


def _always(quantity: str) -> Rule:
    return lambda _: quantity


def _by(label: str, quantities: Mapping[str | None, str]) -> Rule:
    """By the value of a label; null: the series has no such label."""
    return lambda labels: quantities.get(labels.get(label))


def _disk(quantity: str) -> Rule:
    return lambda labels: None if _PSEUDO.fullmatch(labels.get("fstype", "")) else quantity


def _collectd_disk(labels: Labels) -> str | None:
    if _PSEUDO_MOUNT.fullmatch(labels.get("plugin_instance", "")):
        return None
    return {"used": "disk_used", "free": "disk_free"}.get(labels.get("type_instance", ""))


def _interface(label: str, quantity: str) -> Rule:
    return lambda labels: None if _VIRTUAL_INTERFACE.fullmatch(labels.get(label, "")) else quantity


# --- names -----------------------------------------------------------------------------------------------


def _processor(busy: str, idle: str) -> dict[str | None, str]:
    states = [(state, "cpu_busy") for state in busy.split()] + [(state, "cpu_idle") for state in idle.split()]
    return dict(states)


# not "active", the sum of the others: with ReportByState = false it stands alone, and idle time is not told.
# guests: collectd has taken them out of user and nice (SubtractGuestState, its default)
_COLLECTD_CPU = _by(
    "type_instance",
    _processor("user nice system interrupt softirq steal swap guest guest_nice", "idle wait"),
)

_RULES: dict[tuple[str, str], Rule] = {
    # collectd 5.12: src/{load,cpu,memory,df,interface,chrony}.c
    ("collectd", "load_load_shortterm"): _by("plugin_instance", {None: "load1"}),  # "relative": per processor
    ("collectd", "cpu_cpu"): _COLLECTD_CPU,
    ("collectd", "cpu_percent"): _COLLECTD_CPU,
    ("collectd", "memory_memory"): _by(
        "type_instance",
        {
            "used": "memory_used",
            "slab_unrecl": "memory_used",
            "free": "memory_available",
            "buffered": "memory_available",
            "cached": "memory_available",
            "slab_recl": "memory_available",
        },
    ),
    ("collectd", "df_df_complex"): _collectd_disk,
    ("collectd", "interface_if_octets_rx"): _interface("plugin_instance", "network_received"),
    ("collectd", "interface_if_octets_tx"): _interface("plugin_instance", "network_sent"),
    # "chrony": the daemon; the others are its time sources. ntpd's time_offset is in milliseconds
    ("collectd", "chrony_time_offset"): _by("type_instance", {"chrony": "clock_offset"}),
    # node_exporter 1.5; guests are in user and nice already, and a metric of their own repeats them
    ("node_exporter", "node_load1"): _always("load1"),
    ("node_exporter", "node_cpu_seconds_total"): _by(
        "mode", _processor("user nice system irq softirq steal", "idle iowait")
    ),
    ("node_exporter", "node_memory_MemAvailable_bytes"): _always("memory_available"),
    ("node_exporter", "node_memory_MemTotal_bytes"): _always("memory_total"),
    ("node_exporter", "node_filesystem_avail_bytes"): _disk("disk_free"),
    ("node_exporter", "node_filesystem_size_bytes"): _disk("disk_total"),
    ("node_exporter", "node_network_receive_bytes_total"): _interface("device", "network_received"),
    ("node_exporter", "node_network_transmit_bytes_total"): _interface("device", "network_sent"),
    ("node_exporter", "node_timex_offset_seconds"): _always("clock_offset"),
    # Telegraf 1.37: plugins/inputs/{system,mem,disk,net,chrony}
    ("telegraf", "system_load1"): _always("load1"),
    ("telegraf", "mem_used"): _always("memory_used"),
    ("telegraf", "mem_available"): _always("memory_available"),
    ("telegraf", "mem_total"): _always("memory_total"),
    ("telegraf", "disk_used"): _disk("disk_used"),
    ("telegraf", "disk_free"): _disk("disk_free"),
    ("telegraf", "disk_total"): _disk("disk_total"),
    ("telegraf", "net_bytes_recv"): _interface("interface", "network_received"),
    ("telegraf", "net_bytes_sent"): _interface("interface", "network_sent"),
    ("telegraf", "chrony_last_offset"): _always("clock_offset"),
}

# plugins/inputs/cpu/cpu.go: guests are in time_user and time_nice, but taken out of usage_user and usage_nice;
# *_active is a sum of the others
for _prefix, _guests in (("time", ""), ("usage", " guest guest_nice")):
    for _state, _quantity in _processor(
        f"user nice system irq softirq steal{_guests}", "idle iowait"
    ).items():
        _RULES["telegraf", f"cpu_{_prefix}_{_state}"] = _by("cpu", {"cpu-total": _quantity})
