"""What each storage service reports of itself: WLCG's Storage Resource Reporting, schema 4.2, as dCache writes it.

A share of the lake's prefix, and one without a path whose pools the first uses as well: they overlap. The last storage
element has stopped writing its report three days before the window, and still serves it.
"""

from json import dumps
from typing import Any

from lakescope.simulator.agenda import Later
from lakescope.simulator.clock import DAY, MINUTE, SECOND, http_text, posix
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Lake, Rse
from lakescope.simulator.options import Options
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.message import Wire

DESTINATION = "/push/srr"

_UPDATED = 10 * MINUTE
_NO_CAPACITY = {"totalsize": 0, "usedsize": 0, "reservedsize": 0}


class Srr(Dialect):
    """Each service is asked in its own rhythm, and does not answer while its site is down."""

    source = "srr"
    format = "srr"

    def __init__(
        self, seed: int, later: Later, begin: int, options: Options, disturbances: Disturbances, lake: Lake
    ) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self._options = options
        self._disturbances = disturbances
        self._stopped = lake.disks[-1].name, begin - 3 * DAY
        every = options.interval("srr", begin)
        for rse in lake.rses if every else ():
            later(begin + int(self.chance.random() * every), self._ask, rse)

    def _ask(self, us: int, rse: Rse) -> None:
        if not self._disturbances.down(rse.site, us):
            self.send(us + SECOND // 4, self._write, (us, rse))
        self._later(us + self._options.interval("srr", us), self._ask, rse)

    def _write(self, us: int, argument: tuple[int, Rse]) -> Wire:
        moment, rse = argument
        name, since = self._stopped
        updated = (since if rse.name == name else moment) // _UPDATED * _UPDATED
        headers = {
            "content-type": "application/json",
            "date": http_text(moment).replace("UTC", "GMT"),
            "scope": f"https://{rse.host}:3880/api/v1/srr",
            "interval_s": str(self._options.interval("srr", moment) // SECOND),
        }
        body = dumps({"storageservice": self._service(rse, updated)}).encode()
        return Wire(posix(us), self.source, self.format, DESTINATION, headers, body)

    def _service(self, rse: Rse, updated: int) -> dict[str, Any]:
        used = min(rse.volume, int(rse.volume * self._disturbances.used_share(rse, updated) * 1.003))
        latency = "nearline" if rse.kind == "TAPE" else "online"
        size = {"totalsize": rse.volume * 2, "usedsize": used + rse.volume // 3, "reservedsize": 0}
        common = {
            "timestamp": updated // SECOND,
            "accesslatency": latency,
            "assignedendpoints": ["all"],
            "retentionpolicy": "custodial" if latency == "nearline" else "replica",
            "servingstate": "open",
        }
        return {
            "name": f"{rse.name.lower()}.{rse.site.domain}",
            "id": rse.id,
            "servicetype": rse.flavour,
            "implementation": rse.flavour,
            "implementationversion": "9.2.21",
            "capabilities": ["data.access.transfer", "data.management.storage"],
            "qualitylevel": "production",
            "latestupdate": updated // SECOND,
            "storagecapacity": {
                **dict.fromkeys(("online", "nearline", "offline"), _NO_CAPACITY),
                latency: size,
            },
            "storageendpoints": [
                {
                    "name": door.scheme,
                    "endpointurl": f"{door.scheme}://{door.host}:{door.port}/",
                    "interfacetype": door.scheme,
                    "assignedshares": ["all"],
                }
                for door in rse.protocols
            ],
            "storageshares": [
                {
                    "name": "escape",
                    "totalsize": rse.volume,
                    "usedsize": used,
                    "numberoffiles": used // 700_000_000,
                    "path": [rse.protocols[0].prefix.rstrip("/")],
                    "vos": ["/escape", "/escape/Role=production"],
                    **common,
                },
                {
                    "name": "all-pools",
                    "totalsize": rse.volume * 2,
                    "usedsize": used + rse.volume // 3,
                    "vos": ["/escape", "/atlas"],
                    **common,
                },
            ],
        }
