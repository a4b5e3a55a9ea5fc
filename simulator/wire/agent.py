"""What the agents on hosts share: each host reports on its own beat, and not at all while its site is down."""

from collections.abc import Iterable

from lakescope.simulator.agenda import Later
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Lake
from lakescope.simulator.machines import Machine, Machines
from lakescope.simulator.options import Options
from lakescope.simulator.places import Metrics
from lakescope.simulator.wire.dialect import Dialect


class Agent(Dialect):
    """Samples its machines every `options.hosts` seconds, or with `options.few_hosts` one a site; a subclass says
    what it makes of a sample."""

    agent: Metrics

    def __init__(
        self, seed: int, later: Later, begin: int, options: Options, disturbances: Disturbances, lake: Lake
    ) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self.brief = options.few_hosts
        self._options = options
        machines = Machines(lake, self.agent, self.chance, disturbances, begin)
        self._advance = machines.advance
        reporting_machines = one_a_site(machines.all) if self.brief else machines.all
        interval = self.interval(begin)
        for machine in reporting_machines if interval else ():
            phase = int(self.chance.random() * interval)
            later(begin + phase, self._beat, machine)

    def interval(self, us: int) -> int:
        """Microseconds between two samples."""
        return self._options.interval("hosts", us)

    def _beat(self, us: int, machine: Machine) -> None:
        if self._advance(machine, us):
            self.report(us, machine)
        self._later(us + self.interval(us), self._beat, machine)

    def report(self, us: int, machine: Machine) -> None:
        """Plan what is to be sent of a machine: its values now, since they go on changing."""
        raise NotImplementedError


def one_a_site(machines: Iterable[Machine]) -> list[Machine]:
    """A storage host of each site, where there is one."""
    machines_by_site: dict[str, Machine] = {}
    for machine in sorted(machines, key=lambda one: one.host.rse is None):
        machines_by_site.setdefault(machine.host.site.name, machine)
    return list(machines_by_site.values())
