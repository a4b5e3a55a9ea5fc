"""Which protocols a pair of storage elements speaks, and how fast."""

from lakescope.simulator.chance import Chance, WeightedChoice
from lakescope.simulator.lake import Rse
from lakescope.simulator.network import pace, round_trip
from lakescope.simulator.transfers import Route


class Routes:
    """The routes between RSEs, made at their first use; `used` lists them in that order."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._by_pair: dict[tuple[str, str], WeightedChoice[Route]] = {}
        self.used: list[Route] = []

    def draw(self, src: Rse, dst: Rse) -> Route:
        pair = (src.name, dst.name)
        if pair not in self._by_pair:
            self._by_pair[pair] = self._make(src, dst)
        return self._by_pair[pair].draw(self._chance)

    def _make(self, src: Rse, dst: Rse) -> WeightedChoice[Route]:
        """A route for each scheme that both speak, the destination's favourite by far the most used."""
        choices = []
        for preference, door in enumerate(dst.protocols):
            for other in src.protocols:
                if other.scheme == door.scheme:
                    rtt = round_trip(src.site, dst.site)
                    route = Route(src, dst, other, door, pace(src.site, dst.site), rtt)
                    choices.append((route, (0.85, 0.12, 0.03)[preference]))
        self.used += [route for route, _ in choices]
        return WeightedChoice(choices)
