"""What scripts push: ESCAPE's probes and statistics as MONIT documents, and availability documents.

Flat documents with producer `escape_wp2`, a type and a timestamp in epoch seconds, POSTed by Python scripts as
arrays (`json.dumps`); the availability of each service comes alone. The same incidents as everywhere: probes fail
while a site is down, its certificate has expired or its disk is full.
"""

from collections.abc import Callable
from json import dumps
from typing import Any

from lakescope.simulator.agenda import Later
from lakescope.simulator.clock import SECOND, posix
from lakescope.simulator.demand import path, scopes
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Lake, Protocol, Rse
from lakescope.simulator.options import Options
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.message import Wire

DESTINATION = "/push/push"
_FILE = 700_000_000  # bytes of one, everywhere
PRODUCER = "escape_wp2"

_HEADERS = {"content-type": "application/json; charset=UTF-8"}

Document = dict[str, Any]


class Push(Dialect):
    """Each script runs on its own beat; what it sends is decided when it runs."""

    source = "push"
    format = "push"

    def __init__(
        self, seed: int, later: Later, begin: int, options: Options, disturbances: Disturbances, lake: Lake
    ) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self._lake = lake
        self._options = options
        self._disturbances = disturbances
        self._scopes = scopes(lake)
        for rse in lake.rses:
            self._start(begin, "probes", self._probe, rse)
        self._start(begin, "statistics", self._statistics, None)
        self._start(begin, "availability", self._availability, None)

    def _start(self, begin: int, interval: str, script: Callable[[int, Any], None], about: Any) -> None:
        every = self._options.interval(interval, begin)
        if every:
            plan = (script, about, interval)
            self._later(begin + int(self.chance.random() * every), self._run, plan)

    def _run(self, us: int, plan: tuple[Callable[[int, Any], None], Any, str]) -> None:
        script, about, interval = plan
        script(us, about)
        self._later(us + self._options.interval(interval, us), self._run, plan)

    def _push(self, us: int, documents: list[Document] | Document) -> None:
        self.send(us, self._write, documents)

    def _write(self, us: int, documents: list[Document] | Document) -> Wire:
        body = dumps(documents).encode()
        return Wire(posix(us), self.source, self.format, DESTINATION, _HEADERS, body)

    # Probes

    def _probe(self, us: int, rse: Rse) -> None:
        """Upload, download and delete a small file by each protocol; after a failed upload the rest is skipped."""
        documents = []
        for door in rse.protocols:
            error = self._probe_error(us, rse, door)
            at = us
            for operation in ("UPLOAD", "DOWNLOAD", "DELETE"):
                status = "SUCCESS" if error is None else "FAILED" if operation == "UPLOAD" else "SKIPPED"
                documents.append(self._probe_document(at, rse, door, operation, status, error))
                at += 2 * SECOND
        self._push(us + int(self.chance.between(8, 20) * SECOND), documents)

    def _probe_document(
        self, us: int, rse: Rse, door: Protocol, operation: str, status: str, error: str | None
    ) -> Document:
        return _document("sam_gfal", us) | {
            "site": rse.site.name,
            "endpoint": door.host,
            "port": door.port,
            "protocol": door.scheme,
            "path": door.prefix,
            "operation": operation,
            "status": status,
            "error_code": error if error and status == "FAILED" else "None",
            "auth_method": "token" if door.scheme == "https" else "gsi",
            "vo": "escape",
        }

    def _probe_error(self, us: int, rse: Rse, door: Protocol) -> str | None:
        now, url = self._disturbances, f"{door.base}{path('probe', 'gfal_' + str(us // SECOND))}"
        if now.down(rse.site, us):
            return (
                f"gfal-copy error: 111 (Connection refused) - Could not connect to {url}: Connection refused"
            )
        if now.certificate(rse.site, us):
            return f"gfal-copy error: 52 (Invalid exchange) - {url}: certificate verify failed: certificate has expired"
        if now.full(rse, us):
            return f"gfal-copy error: 28 (No space left on device) - {url}: No space left on device"
        if self.chance.random() < 0.006 * rse.site.trouble:
            return f"gfal-copy error: 110 (Connection timed out) - TRANSFER Operation timed out, {url}"
        return None

    # Statistics

    def _statistics(self, us: int, _: None) -> None:
        """Rucio's accounting by RSE, scope, experiment and replica, as the statistics script collects it."""
        rses = [self._rse_document(us, rse) for rse in self._lake.rses]
        self._push(us, rses)
        total = sum(self._used(us, rse) for rse in self._lake.rses) // _FILE
        per_scope = [self._scope_document(us, scope, int(share * total)) for scope, share in self._scopes]
        self._push(us + 3 * SECOND, per_scope)
        self._push(us + 5 * SECOND, self._experiment_documents(us, per_scope))
        self._push(us + 9 * SECOND, self._replica_documents(us))

    def _used(self, us: int, rse: Rse) -> int:
        return min(rse.volume, int(rse.volume * self._disturbances.used_share(rse, us)))

    def _rse_document(self, us: int, rse: Rse) -> Document:
        used = self._used(us, rse)
        return _document("rucio_rse_stats", us) | {
            "rse": rse.name,
            "files": used // _FILE,
            "used_bytes": used,
        }

    def _scope_document(self, us: int, scope: str, files: int) -> Document:
        datasets, containers = files // 40, files // 400
        return _document("rucio_scope_stats", us) | {
            "scope": scope,
            "dids": files + datasets + containers,
            "files": files,
            "datasets": datasets,
            "containers": containers,
            "files_bytes": files * _FILE,
        }

    def _experiment_documents(self, us: int, per_scope: list[Document]) -> list[Document]:
        """Sums over the scopes whose names begin with the experiment's, and a summary that has only the total."""
        sums: dict[str, Document] = {}
        for document in per_scope:
            experiment = document["scope"].partition("_")[0]
            total = sums.setdefault(experiment, {"experiment": experiment})
            for name in ("dids", "files", "datasets", "containers", "files_bytes"):
                total[f"total_{name}"] = total.get(f"total_{name}", 0) + document[name]
        used = sum(self._used(us, rse) for rse in self._lake.rses)
        summary = _document("rucio_experiment_stats", us) | {"total_used": used}
        return [_document("rucio_experiment_stats", us) | total for total in sums.values()] + [summary]

    def _replica_documents(self, us: int) -> list[Document]:
        documents = []
        for rse in self._lake.disks:
            used = self._used(us, rse)
            for scope, share in self._scopes[:6]:
                used_by_account = int(used * share)
                documents.append(
                    _document("alba_rep_stats", us)
                    | {
                        "scope": scope,
                        "rse": rse.name,
                        "qos": rse.qos,
                        "experiment": scope.partition("_")[0],
                        "protectedVar": "unlocked" if len(scope) % 3 else "locked",
                        "total_replicas": used_by_account // _FILE,
                        "total_replicas_bytes": used_by_account,
                    }
                )
        return documents

    # Availability

    def _availability(self, us: int, _: None) -> None:
        fine = "all checks passed"
        server_text = "Rucio server and authentication"
        self._push(us, _availability(us, "rucio-server", "available", server_text, fine))
        for number, server in enumerate(self._lake.fts):
            stall = self._disturbances.stall_of(server, us)
            status, info = ("degraded", "transfers wait, none is started") if stall else ("available", fine)
            document = _availability(us, server.alias, status, "File transfer service", info)
            self._push(us + (1 + number) * SECOND, document)
        for number, rse in enumerate(self._lake.rses):
            status, info = self._storage_state(us, rse)
            document = _availability(us, rse.name, status, f"{rse.flavour} storage at {rse.site.name}", info)
            self._push(us + (5 + number) * SECOND, document)

    def _storage_state(self, us: int, rse: Rse) -> tuple[str, str]:
        now = self._disturbances
        if now.down(rse.site, us):
            return "unavailable", f"no answer from {rse.host}"
        if now.certificate(rse.site, us):
            return "unavailable", f"{rse.host}: certificate has expired"
        if now.full(rse, us):
            return "degraded", "No space left on device"
        if now.at_link_end(rse.site, us):
            return "degraded", "network slower than usual"
        return "available", "all checks passed"


def _document(kind: str, us: int) -> Document:
    return {"producer": PRODUCER, "type": kind, "timestamp": us // SECOND}


def _availability(us: int, service: str, status: str, text: str, info: str) -> Document:
    return _document("availability", us) | {
        "serviceid": service,
        "service_status": status,
        "availabilitydesc": text,
        "availabilityinfo": info,
        "contact": "lake-operations@escape.example",
        "webpage": f"https://status.escape.example/{service.lower()}",
    }
