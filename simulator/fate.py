"""How a copy goes: how long each part takes, and whether and why it fails."""

from collections.abc import Sequence

from lakescope.simulator import errors
from lakescope.simulator.chance import JITTER, Chance, WeightedChoice
from lakescope.simulator.clock import MINUTE, SECOND
from lakescope.simulator.errors import Error, Place, Template
from lakescope.simulator.faults import Fault, Faults
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Rse
from lakescope.simulator.options import Options
from lakescope.simulator.transfers import Transfer

_SLOW_FAILURES = 0.35
"""Share of the copies over a degraded link that fail."""


class Fate:
    """Fills in a transfer's moments and error when its copy begins."""

    def __init__(
        self, seed: int, options: Options, disturbances: Disturbances, faults: Sequence[Fault] = ()
    ) -> None:
        self._chance = Chance("fate", seed)
        self._options = options
        self._disturbances = disturbances
        self._faults = Faults(seed, faults)

    def decide(self, us: int, transfer: Transfer) -> None:
        """The copy begins at `us`: set started, first and last byte, end and error."""
        transfer.started = us
        template = self._template(us, transfer)
        if template and template.phase == "TRANSFER_PREPARATION":
            patience = 20 if template.code == 110 else 1
            transfer.ended = us + int(self._chance.between(0.4, 6) * patience * SECOND)
        else:
            self._copy(us, transfer, template)
        if template:
            transfer.error = template.fill(place_of(transfer, self._chance), self._chance)

    def recall(self, us: int, transfer: Transfer) -> None:
        """A recall from tape begins: minutes in the robot, no copy."""
        transfer.started = us
        transfer.ended = us + int((1 + self._chance.exponential(9)) * MINUTE)
        template = self._template(us, transfer)
        if template and template.scope != "DESTINATION":
            transfer.error = template.fill(place_of(transfer, self._chance), self._chance)

    def canceled(self, transfer: Transfer) -> Error:
        """Why FTS gave up a transfer that never ran."""
        return errors.CANCEL_ERROR.fill(place_of(transfer, self._chance), self._chance)

    def _copy(self, us: int, transfer: Transfer, template: Template | None) -> None:
        chance, route = self._chance, transfer.route
        speed = route.pace * chance.draw(JITTER)
        link = self._disturbances.link(route.src.site, route.dst.site, us)
        if link:
            speed *= 1 - link.severity
        copy_us = int(transfer.size / speed * SECOND) + int(route.rtt * 4 * SECOND)
        transfer.first_byte = us + int(chance.between(0.3, 2.2) * SECOND)
        if template and template.phase != "TRANSFER_FINALIZATION":
            transfer.ended = transfer.first_byte + int(min(copy_us, 30 * MINUTE) * chance.random()) + SECOND
            return
        transfer.last_byte = transfer.first_byte + copy_us
        transfer.ended = transfer.last_byte + int(chance.between(0.1, 1.6) * SECOND)

    def _template(self, us: int, transfer: Transfer) -> Template | None:
        """Why the copy fails, or None: incidents first, then the usual bad luck of both ends."""
        if self._faults and (template := self._faults.error(us, transfer)):
            return template
        choices = self._incident(us, transfer)
        if choices:
            return choices.draw(self._chance)
        route = transfer.route
        luck = self._options.failed * (route.src.site.trouble + route.dst.site.trouble) / 2
        return errors.USUAL.draw(self._chance) if self._chance.random() < luck else None

    def _incident(self, us: int, transfer: Transfer) -> WeightedChoice[Template] | None:
        now, src, dst = self._disturbances, transfer.route.src, transfer.route.dst
        for scope, rse in (("SOURCE", src), ("DESTINATION", dst)):
            if now.down(rse.site, us):
                return errors.SITE_DOWN[scope]
            if now.certificate(rse.site, us):
                return errors.CERTIFICATE[scope]
        if now.full(dst, us):
            return errors.DISK_FULL
        if now.link(src.site, dst.site, us) and self._chance.random() < _SLOW_FAILURES:
            return errors.SLOW_LINK
        return None


def place_of(transfer: Transfer, chance: Chance) -> Place:
    """What an error text of this transfer may mention; hosts have IPv6 addresses half the time."""
    route = transfer.route
    version = 4 if chance.random() < 0.5 else 6
    return Place(
        transfer.src_url,
        route.src_door.host,
        _address(route.src, version),
        transfer.dst_url,
        route.dst_door.host,
        _address(route.dst, version),
        chance.pick(route.dst.pools),
        transfer.fts.alias,
        transfer.size,
    )


def _address(rse: Rse, version: int) -> str:
    return rse.site.address(3 + int(rse.id[:2], 16) % 8, version)
