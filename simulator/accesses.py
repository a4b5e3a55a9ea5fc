"""What people and jobs do at the lake's storage themselves: uploads and downloads with the Rucio client."""

from collections.abc import Sequence

from lakescope.simulator.agenda import Later
from lakescope.simulator.chance import SIZES, Chance, WeightedChoice
from lakescope.simulator.clock import HOUR, SECOND
from lakescope.simulator.demand import scopes
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Lake, Rse, Site
from lakescope.simulator.network import pace
from lakescope.simulator.rhythm import production_factor
from lakescope.simulator.transfers import Access, AccessKind, Watcher

_KINDS: WeightedChoice[AccessKind] = WeightedChoice(
    [("download", 0.6), ("upload", 0.25), ("get_sm", 0.06), ("put_sm", 0.04), ("touch", 0.05)]
)


class Accesses:
    """Draws accesses, `rate` an hour on average, from `begin` (microseconds) on."""

    def __init__(
        self,
        lake: Lake,
        seed: int,
        rate: float,
        disturbances: Disturbances,
        later: Later,
        watchers: Sequence[Watcher],
        begin: int,
    ) -> None:
        self._lake = lake
        self._chance = Chance("accesses", seed)
        self._disturbances = disturbances
        self._later = later
        self._watchers = watchers
        self._scopes: WeightedChoice[str] = WeightedChoice(scopes(lake))
        self._gap = HOUR / rate if rate > 0 else 1e19
        later(begin + int(self._gap * self._chance.random()), self._begin, None)

    def _begin(self, us: int, _: None) -> None:
        access = self._access(us)
        self._later(access.ended, self._end, access)
        gap = self._chance.exponential(self._gap) / production_factor(us)
        self._later(us + int(gap), self._begin, None)

    def _end(self, us: int, access: Access) -> None:
        for watcher in self._watchers:
            watcher.accessed(us, access)

    def _access(self, us: int) -> Access:
        chance, lake = self._chance, self._lake
        rse, site = chance.pick(lake.disks), chance.pick(lake.sites)
        vo = chance.pick(lake.vos)
        size = int(250_000_000 * chance.draw(SIZES))
        error = self._error(us, rse)
        seconds = chance.between(0.5, 5) if error else 0.5 + size / pace(site, rse.site)
        return Access(
            _KINDS.draw(chance),
            vo,
            chance.pick(vo.accounts),
            self._scopes.draw(chance),
            f"user_{chance.hex(10)}.root",
            f"user.set.{chance.hex(4)}" if chance.random() < 0.6 else None,
            rse,
            site,
            f"wn{chance.integer(1, 400):03d}.{site.domain}",
            site.address(chance.integer(1, 14), 6 if chance.random() < 0.4 else 4),
            chance.pick(rse.protocols).scheme,
            size,
            us,
            us + int(seconds * SECOND),
            error,
        )

    def _error(self, us: int, rse: Rse) -> str | None:
        site: Site = rse.site
        if self._disturbances.down(site, us):
            return f"The requested service is not available at the moment.\nDetails: Connection refused ({rse.host})"
        if self._disturbances.certificate(site, us):
            return f"SSL certificate verification failed for {rse.host}: certificate has expired"
        if self._chance.random() < 0.03 * site.trouble:
            return f"Failed to stat file {rse.protocols[0].base}: HTTP 500 : Unexpected server error"
        return None
