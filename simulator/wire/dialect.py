"""What all dialects share: they send bodies at moments, never before the simulated window."""

from typing import Any

from lakescope.simulator.agenda import Act, Later
from lakescope.simulator.chance import Chance
from lakescope.simulator.clock import SECOND
from lakescope.simulator.transfers import Watcher


class Dialect(Watcher):
    """A system that speaks. `begin` is the window's first microsecond; `repeated` the share of messages that
    arrive twice.

    Whatever is left to chance is drawn when a message is planned, never when it is written: so a repeated message
    is the same to the byte.
    """

    source = ""
    format = ""

    def __init__(self, seed: int, later: Later, begin: int, repeated: float = 0.0) -> None:
        self.chance = Chance(self.source, seed)
        self._later = later
        self._begin = begin
        self._repeated = repeated

    def send(self, us: int, write: Act, argument: Any) -> None:
        """Plan a message: `write` makes it of the argument when its time has come."""
        if self._repeated and self.chance.random() < self._repeated:
            again = us + int(self.chance.between(0.1, 20) * SECOND)
            if again >= self._begin:
                self._later(again, write, argument)
        if us >= self._begin:
            self._later(us, write, argument)
