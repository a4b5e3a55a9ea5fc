"""What node_exporter says: the text of a scrape of its /metrics page (Prometheus text format 0.0.4).

Names, help and types as node_exporter 1.5 has them, a selection of its metrics; numbers as Go writes them. The
scraped host stands in `node_uname_info` and in the header `instance`, which a scraper adds.
"""

from collections.abc import Iterable

from lakescope.simulator.clock import SECOND, http_text, posix
from lakescope.simulator.machines import ROOT, Machine
from lakescope.simulator.wire.agent import Agent
from lakescope.simulator.wire.message import Wire

DESTINATION = "/push/node_exporter"

_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_CPU = '{{cpu="{}",mode="{}"}}'
_ETH0 = '{device="eth0"}'
_SDB = '{device="sdb"}'
_ROOT = '{device="/dev/sda1",fstype="xfs",mountpoint="/"}'
_DATA = '{device="/dev/sdb1",fstype="xfs",mountpoint="/srv/data"}'

_BRIEF = {
    "node_timex_offset_seconds",
    "node_cpu_seconds_total",
    "node_load1",
    "node_memory_MemAvailable_bytes",
    "node_memory_MemTotal_bytes",
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    "node_network_receive_bytes_total",
    "node_network_transmit_bytes_total",
}

_IDLE_STATES = ("irq", "nice", "softirq", "steal")
_LEFT_OUT = {
    _ROOT,
    *(_CPU.format(0, state) for state in _IDLE_STATES),
    *(_CPU.format(1, state) for state in (*_IDLE_STATES, "idle", "iowait", "system", "user")),
}

Samples = Iterable[tuple[str, float]]


class NodeExporter(Agent):
    """One body a host and scrape."""

    source = "node_exporter"
    format = "node_exporter"
    agent = "node_exporter"

    def report(self, us: int, machine: Machine) -> None:
        self.send(us, self._write, (machine.host.name, page(us, machine, self.brief)))

    def _write(self, us: int, argument: tuple[str, str]) -> Wire:
        host, body = argument
        date = http_text(us).replace("UTC", "GMT")  # a page doesn't say when it was made
        headers = {"content-type": _TYPE, "instance": f"{host}:9100", "date": date}
        return Wire(posix(us), self.source, self.format, DESTINATION, headers, body.encode())


def page(us: int, m: Machine, brief: bool = False) -> str:
    """The page of a machine, whole or in brief."""
    families = (*_time(us, m), *_processor(m), *_disks(m), *_network(m))
    if brief:
        families = tuple(_shorten(*family) for family in families if family[0] in _BRIEF)
    return "".join(_family(*family) for family in families)


def _shorten(name: str, kind: str, text: str, samples: Samples) -> tuple[str, str, str, Samples]:
    """A family of one processor's states that come up, and without the system's disk."""
    return name, kind, text, [each for each in samples if each[0] not in _LEFT_OUT]


def _time(us: int, m: Machine) -> Iterable[tuple[str, str, str, Samples]]:
    labels = (
        f'{{domainname="(none)",machine="x86_64",nodename="{m.host.name}",release="5.14.0",sysname="Linux"}}'
    )
    yield "node_boot_time_seconds", "gauge", "Node boot time, in unixtime.", [("", m.booted // SECOND)]
    yield "node_time_seconds", "gauge", "System time in seconds since epoch (1970).", [("", us / SECOND)]
    yield (
        "node_timex_offset_seconds",
        "gauge",
        "Time offset in between local system and reference clock.",
        [("", m.clock)],
    )
    yield (
        "node_uname_info",
        "gauge",
        "Labeled system information as provided by the uname system call.",
        [(labels, 1)],
    )


def _processor(m: Machine) -> Iterable[tuple[str, str, str, Samples]]:
    seconds = (
        ("idle", m.seconds_idle),
        ("iowait", m.seconds_wait),
        ("irq", 0),
        ("nice", 0),
        ("softirq", 0),
        ("steal", 0),
        ("system", m.seconds_system),
        ("user", m.seconds_user),
    )
    modes = [
        (_CPU.format(cpu, mode), round(value / m.cpus, 2)) for cpu in range(2) for mode, value in seconds
    ]
    yield "node_cpu_seconds_total", "counter", "Seconds the CPUs spent in each mode.", modes
    for name, value in (("1", m.load), ("5", m.load5), ("15", m.load15)):
        yield f"node_load{name}", "gauge", f"{name}m load average.", [("", round(value, 2))]
    cached_bytes = (m.memory - m.memory_used) // 2
    memory = (
        ("Buffers", 6_811_648),
        ("Cached", cached_bytes),
        ("MemAvailable", m.memory - m.memory_used),
        ("MemFree", m.memory - m.memory_used - cached_bytes),
        ("MemTotal", m.memory),
    )
    for name, size in memory:
        yield f"node_memory_{name}_bytes", "gauge", f"Memory information field {name}_bytes.", [("", size)]


def _disks(m: Machine) -> Iterable[tuple[str, str, str, Samples]]:
    yield (
        "node_disk_read_bytes_total",
        "counter",
        "The total number of bytes read successfully.",
        [(_SDB, m.read)],
    )
    yield (
        "node_disk_written_bytes_total",
        "counter",
        "The total number of bytes written successfully.",
        [(_SDB, m.written)],
    )
    disks = [(_ROOT, ROOT, m.root_used)] + ([(_DATA, m.data, m.data_used)] if m.data else [])
    free = [(labels, size - used) for labels, size, used in disks]
    yield (
        "node_filesystem_avail_bytes",
        "gauge",
        "Filesystem space available to non-root users in bytes.",
        free,
    )
    yield "node_filesystem_free_bytes", "gauge", "Filesystem free space in bytes.", free
    sizes = [(labels, size) for labels, size, _ in disks]
    yield "node_filesystem_size_bytes", "gauge", "Filesystem size in bytes.", sizes


def _network(m: Machine) -> Iterable[tuple[str, str, str, Samples]]:
    counters = (
        ("receive_bytes", m.received),
        ("receive_drop", m.dropped),
        ("receive_errs", 0),
        ("receive_packets", m.packets_received),
        ("transmit_bytes", m.sent),
        ("transmit_drop", 0),
        ("transmit_errs", 0),
        ("transmit_packets", m.packets_sent),
    )
    yield "node_netstat_Tcp_CurrEstab", "untyped", "Statistic TcpCurrEstab.", [("", m.connections)]
    yield "node_netstat_Tcp_RetransSegs", "untyped", "Statistic TcpRetransSegs.", [("", m.retransmitted)]
    for name, value in counters:
        yield f"node_network_{name}_total", "counter", f"Network device statistic {name}.", [(_ETH0, value)]
    yield "node_network_up", "gauge", "Value is 1 if operstate is 'up', 0 otherwise.", [(_ETH0, 1)]


def _family(name: str, kind: str, text: str, samples: Samples) -> str:
    lines = [f"{name}{labels} {go_number(value)}\n" for labels, value in samples]
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n{''.join(lines)}"


def go_number(value: float) -> str:
    """A number as Go's strconv writes it with format 'g': shortest digits, an exponent from a million on."""
    if -1e6 < value < 1e6:
        return str(int(value)) if value == int(value) else repr(float(value))
    if isinstance(value, int):
        digits, fraction = str(value), ""
    else:
        if "e" in (text := repr(value)):
            return text
        digits, _, fraction = text.partition(".")
    exponent = len(digits.lstrip("-")) - 1
    mantissa = (digits + fraction).rstrip("0")
    first = 2 if value < 0 else 1
    point = "." if len(mantissa) > first else ""
    return f"{mantissa[:first]}{point}{mantissa[first:]}e+{exponent:02d}"
