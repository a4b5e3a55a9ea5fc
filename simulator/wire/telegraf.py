"""What Telegraf says: a batch of metrics of its http output with `data_format = "json"`, one POST a host.

Form as Telegraf's JSON serializer writes it: `{"metrics":[{"fields","name","tags","timestamp"}]}`, keys sorted, no
spaces, whole seconds.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from lakescope.simulator.clock import SECOND, posix
from lakescope.simulator.machines import ROOT, Machine
from lakescope.simulator.wire.agent import Agent
from lakescope.simulator.wire.message import Wire

DESTINATION = "/push/telegraf"

_HEADERS = {"content-type": "application/json; charset=utf-8", "user-agent": "Telegraf/1.37.0"}

_BRIEF = {
    "cpu": ("usage_user", "usage_system", "usage_iowait", "usage_idle"),
    "mem": ("available", "total", "used"),
    "system": ("load1",),
    "chrony": ("last_offset",),
    "net": ("bytes_recv", "bytes_sent"),
    "disk": ("free", "total"),
}

Metric = dict[str, Any]


class Telegraf(Agent):
    """One POST a host and interval."""

    source = "telegraf"
    format = "telegraf"
    agent = "telegraf"

    def report(self, us: int, machine: Machine) -> None:
        body = msgspec.json.encode({"metrics": _metrics(us, machine, self.brief)}, order="sorted")
        self.send(us + int(self.chance.between(0.05, 9) * SECOND), self._write, body)

    def _write(self, us: int, body: bytes) -> Wire:
        return Wire(posix(us), self.source, self.format, DESTINATION, _HEADERS, body)


def _metrics(us: int, m: Machine, brief: bool) -> list[Metric]:
    def metric(name: str, fields: Mapping[str, float], /, **tags: str) -> Metric:
        tags = {"host": m.host.name, **tags}
        return {"name": name, "fields": fields, "tags": tags, "timestamp": us // SECOND}

    idle = 100 - 100 * (m.share_user + m.share_system + m.share_wait)
    busy = {
        "usage_user": 100 * m.share_user,
        "usage_system": 100 * m.share_system,
        "usage_iowait": 100 * m.share_wait,
        "usage_idle": idle,
    }
    available = m.memory - m.memory_used
    memory = {
        "total": m.memory,
        "used": m.memory_used,
        "available": available,
        "used_percent": 100 * m.memory_used / m.memory,
    }
    network = {
        "bytes_recv": m.received,
        "bytes_sent": m.sent,
        "packets_recv": m.packets_received,
        "packets_sent": m.packets_sent,
        "drop_in": m.dropped,
        "drop_out": 0,
        "err_in": 0,
        "err_out": 0,
    }
    system = {"load1": m.load, "load5": m.load5, "load15": m.load15, "n_cpus": m.cpus}
    uptime = {"uptime": (us - m.booted) // SECOND}
    metrics = [
        metric("cpu", busy, cpu="cpu-total"),
        metric("mem", memory),
        metric("system", system),
        metric("system", uptime),
        metric("chrony", {"last_offset": m.clock, "system_time": m.clock}, leap_status="normal", stratum="3"),
        metric("net", network, interface="eth0"),
        metric("netstat", {"tcp_established": m.connections}),
        metric("diskio", {"read_bytes": m.read, "write_bytes": m.written}, name="sdb"),
        metric("disk", _space(ROOT, m.root_used), device="sda1", fstype="xfs", mode="rw", path="/"),
    ]
    if m.data:
        space = _space(m.data, m.data_used)
        metrics.append(metric("disk", space, device="sdb1", fstype="xfs", mode="rw", path="/srv/data"))
    return [short for each in metrics if (short := _shorten(each))] if brief else metrics


def _shorten(metric: Metric) -> Metric | None:
    fields = {
        name: metric["fields"][name] for name in _BRIEF.get(metric["name"], ()) if name in metric["fields"]
    }
    return metric | {"fields": fields} if fields and metric["tags"].get("path") != "/" else None


def _space(size: int, used: int) -> dict[str, float]:
    return {"total": size, "used": used, "free": size - used, "used_percent": 100 * used / size}
