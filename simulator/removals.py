"""What Rucio's reapers remove: noise at the end of its lifetime, older data when new data comes, dark files."""

from collections.abc import Sequence

from lakescope.simulator.agenda import Later
from lakescope.simulator.chance import SIZES, Chance
from lakescope.simulator.clock import SECOND
from lakescope.simulator.demand import path
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.options import Options
from lakescope.simulator.transfers import Deletion, Transfer, Watcher

_MISSING = 0.012
_FAILURE_SHARE = 0.012
_DARK = 0.008

_REASONS = (
    "HTTP 423 : Locked, {url}",
    "[ERROR] Server responded with an error: [3010] Unable to remove {path}; permission denied",
    "srm-ifce err: Device or resource busy, err: [SE][srmRm][SRM_FILE_BUSY] {url}: file is busy",
    "globus_ftp_client: the server responded with an error 550 {path}: Opération non permise",
)
_UNREACHABLE_ERRORS = (
    "The requested service is not available at the moment.\nDetails: Problem to connect {base} : "
    "HTTPSConnectionPool(host='{host}', port={port}): Max retries exceeded with url: / (Caused by "
    "NewConnectionError('<urllib3.connection.HTTPSConnection object at 0x7f{hex}>: Failed to establish "
    "a new connection: [Errno 111] Connection refused'))"
)
_EXPIRED_ERRORS = (
    "The requested service is not available at the moment.\nDetails: Problem to connect {base} : "
    "HTTPSConnectionPool(host='{host}', port={port}): Max retries exceeded with url: / (Caused by "
    "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
    "certificate has expired (_ssl.c:1006)')))"
)


class Removals:
    """Plans and carries out deletions after successful transfers."""

    def __init__(
        self,
        seed: int,
        options: Options,
        disturbances: Disturbances,
        later: Later,
        watchers: Sequence[Watcher],
    ) -> None:
        self._chance = Chance("removals", seed)
        self._options = options
        self._disturbances = disturbances
        self._later = later
        self._watchers = watchers

    def plan(self, us: int, transfer: Transfer) -> None:
        """After a transfer: its own end if it is noise, else now and then that of an older file there."""
        if transfer.rule.functional:
            wait = self._options.noise_lifetime + self._chance.between(30, 900)
            self._later(us + int(wait * SECOND), self._remove, transfer)
        elif transfer.route.dst.kind == "DISK" and self._chance.random() < self._options.deletions:
            wait = self._chance.between(5, 300)
            self._later(us + int(wait * SECOND), self._remove_older, transfer)

    def _remove(self, us: int, transfer: Transfer) -> None:
        rule, route = transfer.rule, transfer.route
        self._delete(
            us,
            Deletion(
                rule.vo,
                rule.scope,
                transfer.name,
                route.dst,
                transfer.dst_url,
                transfer.size,
                rule.datatype,
                self._chance.exponential(0.8) + 0.02,
            ),
        )

    def _remove_older(self, us: int, transfer: Transfer) -> None:
        """A file from before the simulation: same rule's scope and storage, another name and size."""
        chance, rule, route = self._chance, transfer.rule, transfer.route
        dark = chance.random() < _DARK
        name = f"dark_{chance.hex(10)}" if dark else f"old_{chance.hex(8)}_{chance.integer(0, 99):04d}.root"
        deletion = Deletion(
            rule.vo,
            rule.scope,
            name,
            route.dst,
            route.dst_door.base + path(rule.scope, name),
            int(500_000_000 * chance.draw(SIZES)),
            None if dark else rule.datatype,
            chance.exponential(0.8) + 0.02,
            dark=dark,
        )
        self._delete(us, deletion)

    def _delete(self, us: int, deletion: Deletion) -> None:
        chance, site = self._chance, deletion.rse.site
        down = self._disturbances.down(site, us)
        certificate_incident = self._disturbances.certificate(site, us)
        if down or certificate_incident:
            deletion.unreachable = not deletion.dark
            deletion.reason = self._fill(_UNREACHABLE_ERRORS if down else _EXPIRED_ERRORS, deletion)
        elif chance.random() < _FAILURE_SHARE * site.trouble:
            deletion.reason = self._fill(chance.pick(_REASONS), deletion)
        elif not deletion.dark and chance.random() < _MISSING:
            deletion.missing = True
            deletion.reason = "File Not Found"
        for watcher in self._watchers:
            watcher.deleted(us, deletion)

    def _fill(self, text: str, deletion: Deletion) -> str:
        door = next(door for door in deletion.rse.protocols if door.scheme != "root")
        return text.format(
            url=deletion.url,
            path=path(deletion.scope, deletion.name),
            base=door.base,
            host=door.host,
            port=door.port,
            hex=self._chance.hex(10),
        )
