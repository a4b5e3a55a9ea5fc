"""The lake's machines: load, memory, disks and network counters of every storage and perfSONAR host.

Counters grow with the work and begin again at zero after their site was down: the hosts were rebooted.
"""

import msgspec

from lakescope.simulator.chance import JITTER, NORMAL, Chance
from lakescope.simulator.clock import DAY, SECOND
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Host, Lake
from lakescope.simulator.network import clock_offset
from lakescope.simulator.places import Metrics
from lakescope.simulator.rhythm import production_factor

GIB = 2**30
_BUSY_BYTES = 6e7
"""What an average storage host moves each second, bytes."""

_ASTRAY = 0.03
"""Share of machines whose time daemon has died."""


class Machine(msgspec.Struct, gc=False):
    """One host as its agent sees it: bytes, seconds and counts since `booted` (microseconds).

    `data` is the size of its data disk, `data_used` what is in use of it; perfSONAR hosts have none (0).
    `seconds_*` are the processor's, summed over its `cpus`; `share_*` the part of the last interval, 0..1. `clock` is
    how far its clock is off, seconds.
    """

    host: Host
    booted: int
    last_us: int
    cpus: int = 16
    memory: int = 64 * GIB
    memory_used: int = 0
    data: int = 0
    data_used: int = 0
    load: float = 0.0
    load5: float = 0.0
    load15: float = 0.0
    share_user: float = 0.0
    share_system: float = 0.0
    share_wait: float = 0.0
    seconds_user: float = 0.0
    seconds_system: float = 0.0
    seconds_wait: float = 0.0
    seconds_idle: float = 0.0
    received: int = 0
    sent: int = 0
    packets_received: int = 0
    packets_sent: int = 0
    dropped: int = 0
    retransmitted: int = 0
    clock: float = 0.0
    read: int = 0
    written: int = 0
    connections: int = 0

    @property
    def root_used(self) -> int:
        return 31 * GIB + self.written % (3 * GIB)


ROOT = 250 * GIB
"""Size of every host's system disk."""


class Machines:
    """The machines that one kind of agent reports on, and their work."""

    def __init__(
        self, lake: Lake, agent: Metrics, chance: Chance, disturbances: Disturbances, us: int
    ) -> None:
        self._lake = lake
        self._chance = chance
        self._disturbances = disturbances
        self._astray: dict[str, float] = {}
        self.all = [self._make(host, us) for host in lake.hosts if host.site.metrics == agent]

    def _make(self, host: Host, us: int) -> Machine:
        booted = us - int(self._chance.between(2, 120) * DAY) // SECOND * SECOND
        rse = host.rse
        data = rse.volume // len(rse.pools) // 4096 * 4096 if rse else 0
        machine = Machine(host, booted, booted, data=data)
        self._astray[host.name] = self._chance.between(0.03, 0.2) if self._chance.random() < _ASTRAY else 0.0
        self._work(machine, us, 0.8)
        return machine

    def advance(self, machine: Machine, us: int) -> bool:
        """Let a machine work until `us`; False when its site is down: then nobody hears of it."""
        if self._disturbances.down(machine.host.site, us):
            machine.booted = 0
            return False
        if not machine.booted:
            self._reboot(machine, us)
        self._work(machine, us, production_factor(us) * self._chance.draw(JITTER))
        return True

    def _reboot(self, machine: Machine, us: int) -> None:
        machine.booted = machine.last_us = us - 20 * SECOND
        machine.seconds_user = machine.seconds_system = machine.seconds_wait = machine.seconds_idle = 0.0
        machine.received = machine.sent = machine.packets_received = machine.packets_sent = 0
        machine.dropped = machine.retransmitted = machine.read = machine.written = 0

    def _work(self, machine: Machine, us: int, busy: float) -> None:
        seconds = max((us - machine.last_us) / SECOND, 0.001)
        machine.last_us = us
        load_factor = 1.0 if self._suffers(machine, us) else 0.0
        machine.share_user = min(0.09 * busy, 0.6)
        machine.share_system = min(0.05 * busy, 0.25)
        machine.share_wait = min(0.03 * busy + 0.1 * load_factor, 0.14)
        self._run(machine, seconds)
        moved_bytes = int(_BUSY_BYTES * busy * seconds * (1 - 0.8 * load_factor))
        machine.received += moved_bytes
        machine.sent += int(moved_bytes * 0.83)
        machine.packets_received += moved_bytes // 5_200
        machine.packets_sent += moved_bytes // 6_100
        machine.retransmitted += int(moved_bytes / 6_100 * (0.03 if load_factor else 0.0004))
        machine.dropped += int(moved_bytes / 5_200 * (0.004 if load_factor else 0.00001))
        machine.written += int(moved_bytes * 0.97)
        machine.read += int(moved_bytes * 0.8)
        usual = clock_offset(machine.host.site) + self._astray[machine.host.name]
        machine.clock = usual + self._chance.draw(NORMAL) * 3e-5
        machine.connections = int(140 * busy) + 12
        machine.memory_used = int(machine.memory * min(0.18 + 0.07 * busy, 0.9)) // 4096 * 4096
        rse = machine.host.rse
        if rse:
            share = self._disturbances.used_share(rse, us)
            machine.data_used = machine.data if share >= 1 else int(machine.data * share) // 4096 * 4096

    def _run(self, machine: Machine, seconds: float) -> None:
        total = seconds * machine.cpus
        machine.seconds_user += total * machine.share_user
        machine.seconds_system += total * machine.share_system
        machine.seconds_wait += total * machine.share_wait
        machine.seconds_idle += total * (1 - machine.share_user - machine.share_system - machine.share_wait)
        machine.load = machine.cpus * (machine.share_user + machine.share_system + machine.share_wait)
        machine.load5 = 0.8 * machine.load5 + 0.2 * machine.load if machine.load5 else machine.load
        machine.load15 = 0.93 * machine.load15 + 0.07 * machine.load if machine.load15 else machine.load

    def _suffers(self, machine: Machine, us: int) -> bool:
        """Whether a link of the machine's site is degraded."""
        return self._disturbances.at_link_end(machine.host.site, us)
