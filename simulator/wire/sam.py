"""Results of WLCG's tests of storage, as MONIT has them: a result a door of each storage element, in MONIT's envelope."""

from json import dumps
from typing import Any

from lakescope.simulator.agenda import Later
from lakescope.simulator.clock import SECOND, posix
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Lake, Protocol, Rse
from lakescope.simulator.options import Options
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.message import Wire

DESTINATION = "/push/sam"

_HEADERS = {"content-type": "application/json"}
_FLAVOURS = {"davs": "WEBDAV", "root": "XROOTD"}


class Sam(Dialect):
    """Each storage element in its own rhythm."""

    source = "sam"
    format = "sam"

    def __init__(
        self, seed: int, later: Later, begin: int, options: Options, disturbances: Disturbances, lake: Lake
    ) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self._options = options
        self._disturbances = disturbances
        every = options.interval("sam", begin)
        for rse in lake.rses if every else ():
            later(begin + int(self.chance.random() * every), self._test, rse)

    def _test(self, us: int, rse: Rse) -> None:
        results = [self._result(us, rse, door) for door in rse.protocols if door.scheme in _FLAVOURS]
        self.send(us + int(self.chance.between(20, 60) * SECOND), self._write, results)
        self._later(us + self._options.interval("sam", us), self._test, rse)

    def _write(self, us: int, results: list[dict[str, Any]]) -> Wire:
        metadata = {"timestamp": us // 1000, "topic": "sam3_enr_metric", "producer": "sam3"}
        body = dumps([{"metadata": metadata, "data": result} for result in results]).encode()
        return Wire(posix(us), self.source, self.format, DESTINATION, _HEADERS, body)

    def _result(self, us: int, rse: Rse, door: Protocol) -> dict[str, Any]:
        flavour = _FLAVOURS[door.scheme]
        status, summary = self._status(us, rse, door)
        return {
            "vo": "escape",
            "metric_name": f"org.escape.{flavour}-transfer-{rse.name}",
            "service_flavour": flavour,
            "dst_hostname": door.host,
            "dst_experiment_site": rse.site.name,
            "dst_federation": rse.site.country,
            "status": status,
            "status_code": ("OK", "WARNING", "CRITICAL", "UNKNOWN").index(status),
            "summary": summary,
            "details": "",
            "timestamp": us // SECOND,
        }

    def _status(self, us: int, rse: Rse, door: Protocol) -> tuple[str, str]:
        now, luck = self._disturbances, self.chance.random()
        if now.down(rse.site, us):
            return "CRITICAL", f"{door.host}: Connection refused"
        if now.certificate(rse.site, us):
            return "CRITICAL", f"{door.host}: certificate has expired"
        if now.full(rse, us):
            return "CRITICAL", "No space left on device"
        if now.at_link_end(rse.site, us):
            return "WARNING", "slower than usual"
        if luck < 0.004 * rse.site.trouble:
            return "CRITICAL", "Timeout of the test"
        return ("UNKNOWN", "the test could not be started") if luck > 0.996 else ("OK", "all passed")
