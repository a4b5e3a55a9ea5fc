"""What the agents on hosts share: each host reports on its own beat, and not at all while its site is down."""

from simulator.agenda import Later
from simulator.clock import SECOND
from simulator.incidents import Disturbances
from simulator.lake import Lake
from simulator.machines import Machine, Machines
from simulator.options import Options
from simulator.places import Metrics
from simulator.wire.dialect import Dialect


class Agent(Dialect):
    """Samples its machines every `options.hosts` seconds; a subclass says what it makes of a sample."""

    agent: Metrics

    def __init__(
        self, seed: int, later: Later, begin: int, options: Options, disturbances: Disturbances, lake: Lake
    ) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self.interval = options.hosts
        machines = Machines(lake, self.agent, self.chance, disturbances, begin)
        self._advance = machines.advance
        for machine in machines.all if self.interval else ():
            phase = int(self.chance.random() * self.interval * SECOND)
            later(begin + phase, self._beat, machine)

    def _beat(self, us: int, machine: Machine) -> None:
        if self._advance(machine, us):
            self.report(us, machine)
        self._later(us + int(self.interval * SECOND), self._beat, machine)

    def report(self, us: int, machine: Machine) -> None:
        """Plan what is to be sent of a machine: its values now, since they go on changing."""
        raise NotImplementedError
