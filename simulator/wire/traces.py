"""What Rucio's tracer passes on: the clients' and pilots' traces, over STOMP to `/topic/rucio.tracer`.

Forms as the Rucio clients fill them (`uploadclient.py`, `downloadclient.py`) and `core/trace.py` sends them: the
server adds address, times and an id; uploads carry no file name; nobody promises that a trace fits its schema.
"""

from json import dumps
from typing import Any

from lakescope.simulator.chance import WeightedChoice
from lakescope.simulator.clock import SECOND, iso_text, posix
from lakescope.simulator.transfers import Access
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.message import Wire

DESTINATION = "/topic/rucio.tracer"

_HEADERS = {"persistent": "true", "appversion": "rucio"}
_ODD_ENDS: WeightedChoice[str] = WeightedChoice(
    [("DONE", 0.93), ("ALREADY_DONE", 0.03), ("FOUND_IN_PCACHE", 0.02), ("PROCESSING", 0.02)]
)
_BAD_ENDS: WeightedChoice[str] = WeightedChoice(
    [("FAILED", 0.6), ("DOWNLOAD_ATTEMPT", 0.2), ("FILE_NOT_FOUND", 0.12), ("FAIL_VALIDATE", 0.08)]
)

Trace = dict[str, Any]


class Traces(Dialect):
    """One trace an access, sent when it has ended."""

    source = "trace"
    format = "traces"

    def accessed(self, us: int, access: Access) -> None:
        entry = us + int(self.chance.between(0.02, 1.5) * SECOND)
        trace = self._trace(access) | {
            "traceIp": access.address,
            "traceTimeentry": iso_text(entry),
            "traceTimeentryUnix": entry / SECOND,
            "traceId": self.chance.hex(32),
        }
        self.send(entry + int(self.chance.between(0.01, 0.5) * SECOND), self._write, trace)

    def _write(self, us: int, trace: Trace) -> Wire:
        return Wire(posix(us), self.source, self.format, DESTINATION, _HEADERS, dumps(trace).encode())

    def _trace(self, access: Access) -> Trace:
        if access.kind == "upload":
            return self._upload(access)
        if access.kind == "download":
            return self._download(access)
        return self._touch(access) if access.kind == "touch" else self._pilot(access)

    def _upload(self, a: Access) -> Trace:
        trace: Trace = {
            "hostname": a.host,
            "account": a.account,
            "eventType": "upload",
            "eventVersion": "41.5.1",
            "vo": a.vo.rucio,
            "uuid": self.chance.hex(32),
            "scope": a.scope,
            "datasetScope": a.scope if a.dataset else "",
            "dataset": a.dataset or "",
            "remoteSite": a.rse.name,
            "filesize": a.size,
            "protocol": a.scheme,
            "transferStart": a.started / SECOND,
            "transferEnd": a.ended / SECOND,
            "clientState": "FAILED" if a.error else "DONE",
            "stateReason": a.error or "OK",
        }
        return trace

    def _download(self, a: Access) -> Trace:
        state = _BAD_ENDS.draw(self.chance) if a.error else _ODD_ENDS.draw(self.chance)
        other = self.chance.random() < 0.02  # now and then a client lists all the places it tried
        trace: Trace = {
            "hostname": a.host,
            "localSite": a.site.name,
            "account": a.account,
            "eventType": "download",
            "eventVersion": "api_41.5.1",
            "vo": a.vo.rucio,
            "uuid": self.chance.hex(32),
            "scope": a.scope,
            "filename": a.name,
            "datasetScope": a.scope if a.dataset else None,
            "dataset": a.dataset,
            "filesize": a.size,
            "clientState": state,
            "stateReason": a.error or "OK",
            "remoteSite": f"{a.rse.name},EULAKE-1" if other else a.rse.name,
            "protocol": a.scheme,
            "transferStart": a.started / SECOND,
            "transferEnd": a.ended / SECOND,
        }
        return trace

    def _touch(self, a: Access) -> Trace:
        return {
            "eventType": "touch",
            "clientState": "DONE",
            "account": a.account,
            "scope": a.scope,
            "filename": a.name,
            "datasetScope": a.scope if a.dataset else None,
            "dataset": a.dataset,
            "localSite": a.site.name,
            "remoteSite": a.rse.name,
        }

    def _pilot(self, a: Access) -> Trace:
        return {
            "eventType": a.kind,
            "clientState": "ERROR" if a.error else "DONE",
            "stateReason": a.error or "OK",
            "url": f"{a.rse.protocols[0].base}{a.scope}/{a.name}",
            "vo": a.vo.rucio,
            "scope": a.scope,
            "eventVersion": "pilot3",
            "hostname": a.host,
            "uuid": self.chance.hex(32),
            "localSite": a.site.name,
            "remoteSite": a.rse.name,
            "datasetScope": a.scope,
            "dataset": a.dataset or "",
            "filename": a.name,
            "filesize": a.size,
            "protocol": a.scheme,
            "transferStart": a.started / SECOND,
            "transferEnd": a.ended / SECOND,
        }
