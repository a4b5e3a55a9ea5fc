"""What collectd says: its write_http plugin's JSON (format JSON, rates not stored), an array of value lists a POST.

Form as collectd 5.12 writes it (`utils/format_json`): no spaces, times and intervals with three decimals, numbers
with 15 significant digits; counters are raw. A full disk also brings a notification, in its alert-like shape.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from lakescope.simulator.agenda import Later
from lakescope.simulator.clock import SECOND, iso_text, posix
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Lake
from lakescope.simulator.machines import ROOT, Machine
from lakescope.simulator.options import Options
from lakescope.simulator.wire.agent import Agent
from lakescope.simulator.wire.message import Wire

DESTINATION = "/push/collectd"

_HEADERS = {"content-type": "application/json", "user-agent": "collectd/5.12.0"}
_FULL = 95.0
"""Percent of a data disk in use from which collectd's threshold plugin speaks."""


class Collectd(Agent):
    """One POST a host and interval, and a notification when a data disk becomes full or is so no more."""

    source = "collectd"
    format = "collectd"
    agent = "collectd"

    def __init__(
        self, seed: int, later: Later, begin: int, options: Options, disturbances: Disturbances, lake: Lake
    ) -> None:
        super().__init__(seed, later, begin, options, disturbances, lake)
        self._full: set[str] = set()

    def report(self, us: int, machine: Machine) -> None:
        body = f"[{','.join(self._value_lists(us, machine))}]"
        self.send(us + int(self.chance.between(0.01, 0.4) * SECOND), self._write, body)
        self._watch_disk(us, machine)

    def _write(self, us: int, body: str) -> Wire:
        return Wire(posix(us), self.source, self.format, DESTINATION, _HEADERS, body.encode())

    def _value_lists(self, us: int, m: Machine) -> list[str]:
        frame = f'"time":{us / SECOND:.3f},"interval":{self.interval(us) / SECOND:.3f},"host":"{m.host.name}"'
        rx_tx = ("rx", "tx")
        packets = (m.packets_received, m.packets_sent)
        lists = [
            _gauges(frame, ("load", "", "load", ""), _LOAD, (m.load, m.load5, m.load15)),
            _gauge(frame, ("uptime", "", "uptime", ""), (us - m.booted) // SECOND),
            _derives(frame, ("interface", "eth0", "if_octets", ""), rx_tx, (m.received, m.sent)),
            _derives(frame, ("interface", "eth0", "if_packets", ""), rx_tx, packets),
            _derives(frame, ("interface", "eth0", "if_errors", ""), rx_tx, (0, 0)),
            _derives(frame, ("interface", "eth0", "if_dropped", ""), rx_tx, (m.dropped, 0)),
            _derives(frame, ("disk", "sdb", "disk_octets", ""), ("read", "write"), (m.read, m.written)),
            _gauge(frame, ("tcpconns", "2880-local", "tcp_connections", "ESTABLISHED"), m.connections),
            _gauge(frame, ("chrony", "", "time_offset", "chrony"), m.clock),
            _derives(
                frame, ("protocols", "Tcp", "protocol_counter", "RetransSegs"), _VALUE, (m.retransmitted,)
            ),
        ]
        lists += [_gauge(frame, ("memory", "", "memory", name), value) for name, value in _memory(m)]
        lists += [_gauge(frame, ("cpu", "0", "percent", name), value) for name, value in _shares(m)]
        lists += self._disks(frame, m)
        return [each for each in lists if _BRIEF.search(each)] if self.brief else lists

    def _disks(self, frame: str, m: Machine) -> list[str]:
        disks = [("root", ROOT, m.root_used)] + ([("srv-data", m.data, m.data_used)] if m.data else [])
        lists = []
        for disk, size, used in disks:
            parts = (("free", size - used), ("reserved", 0), ("used", used))
            lists += [_gauge(frame, ("df", disk, "df_complex", name), value) for name, value in parts]
            lists += [
                _gauge(frame, ("df", disk, "percent_bytes", name), 100.0 * value / size)
                for name, value in parts
            ]
        return lists

    def _watch_disk(self, us: int, m: Machine) -> None:
        if not m.data:
            return
        percent = 100 * m.data_used / m.data
        full, host = percent >= _FULL, m.host.name
        if full != (host in self._full):
            self._full ^= {host}
            self.send(us + 500_000, self._write, f"[{_notification(us, host, percent, full)}]")


_BRIEF = re.compile(
    r'"type":"(load|if_octets|time_offset|memory|percent)"|"srv-data","type":"df_complex","type_instance":"(free|used)"'
)
_VALUE = ("value",)
_LOAD = ("shortterm", "midterm", "longterm")

Identifier = tuple[str, str, str, str]
"""Plugin, its instance, type, its instance."""


def _memory(m: Machine) -> tuple[tuple[str, int], ...]:
    cached_bytes = (m.memory - m.memory_used) // 2
    free = m.memory - m.memory_used - cached_bytes
    return (
        ("used", m.memory_used),
        ("buffered", 6_811_648),
        ("cached", cached_bytes),
        ("free", free - 6_811_648),
    )


def _shares(m: Machine) -> tuple[tuple[str, float], ...]:
    idle = 100 - 100 * (m.share_user + m.share_system + m.share_wait)
    return (
        ("user", 100 * m.share_user),
        ("system", 100 * m.share_system),
        ("wait", 100 * m.share_wait),
        ("idle", idle),
        ("steal", 0.0),
    )


def _gauge(frame: str, identifier: Identifier, value: float) -> str:
    return _list("gauge", frame, identifier, _VALUE, (value,))


def _gauges(frame: str, identifier: Identifier, names: Sequence[str], values: Sequence[float]) -> str:
    return _list("gauge", frame, identifier, names, values)


def _derives(frame: str, identifier: Identifier, names: Sequence[str], values: Sequence[float]) -> str:
    return _list("derive", frame, identifier, names, values)


def _list(
    source: str, frame: str, identifier: Identifier, names: Sequence[str], values: Sequence[float]
) -> str:
    numbers = ",".join([f"{v:.15g}" if isinstance(v, float) else str(v) for v in values])
    columns, tail = _constant(source, identifier, tuple(names))
    return f'{{"values":[{numbers}],{columns},{frame},{tail}}}'


@lru_cache(maxsize=1_000)
def _constant(source: str, identifier: Identifier, names: tuple[str, ...]) -> tuple[str, str]:
    """What a value list says before and after its time, host and values."""
    plugin, instance, kind, kind_instance = identifier
    types = ",".join([f'"{source}"'] * len(names))
    labels = '","'.join(names)
    columns = f'"dstypes":[{types}],"dsnames":["{labels}"]'
    tail = f'"plugin":"{plugin}","plugin_instance":"{instance}","type":"{kind}","type_instance":"{kind_instance}"'
    return columns, tail


def _notification(us: int, host: str, percent: float, full: bool) -> str:
    severity = "FAILURE" if full else "OKAY"
    state = "above the failure threshold of" if full else "within range again, below"
    return (
        f'{{"labels":{{"alertname":"collectd_df","instance":"{host}","severity":"{severity}","service":"collectd"}},'
        f'"annotations":{{"summary":"Host {host}, plugin df (instance srv-data) type percent_bytes (instance used): '
        f'Data source \\"value\\" is currently {percent:f}. That is {state} {_FULL:f}.",'
        f'"DataSource":"value","CurrentValue":"{percent:.15g}","WarningMin":"nan","WarningMax":"nan",'
        f'"FailureMin":"nan","FailureMax":"{_FULL:g}"}},"startsAt":"{iso_text(us // 1000 * 1000)}000Z"}}'
    )
