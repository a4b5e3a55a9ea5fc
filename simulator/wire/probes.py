"""What Lakescope's own probes find: a check of each storage door, FTS server, Rucio and IAM.

Forms of the collector `probe`. A service fails while its site is down, and its TLS while the certificate has expired. Each
host's certificate ends some months ahead; that of one host runs out nine days after the window begins, and nobody renews it.
"""

from json import dumps
from typing import Any, NamedTuple

from lakescope.simulator.agenda import Later
from lakescope.simulator.chance import Chance
from lakescope.simulator.clock import DAY, SECOND, posix, zulu_text
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Lake, Site
from lakescope.simulator.options import Options
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.message import Wire

DESTINATION = "/push/probes"

_HEADERS = {"content-type": "application/json"}
_ISSUER = "CN=GEANT TLS ECC 1,O=Hellenic Academic and Research Institutions CA,C=GR"
_KINDS = {"root": "xrootd", "davs": "http", "https": "http", "tls": "tls", "oidc": "token"}
_OPERATIONS = {"root": "protocol", "davs": "options", "https": "get", "tls": "tls", "oidc": "token"}
_ANSWERS = {
    "root": "XRootD protocol 5.1.1, data server",
    "davs": "answered 401",
    "https": "answered 200",
    "tls": "the TLS handshake succeeded",
    "oidc": "the token endpoint gave a token",
}
_TIMEOUT_S = 10.0
_RUNS_OUT = 9 * DAY


class _Target(NamedTuple):
    """One service; `ends` is when its certificate does, without incidents."""

    url: str
    host: str
    site: Site
    rse: str | None
    ends: int

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0]


class Probes(Dialect):
    """Each target in its own rhythm."""

    source = "probe"
    format = "probes"

    def __init__(
        self, seed: int, later: Later, begin: int, options: Options, disturbances: Disturbances, lake: Lake
    ) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self._options = options
        self._disturbances = disturbances
        every = options.interval("checks", begin)
        for target in _targets(lake, begin, seed) if every else ():
            later(begin + int(self.chance.random() * every), self._check, target)

    def _check(self, us: int, target: _Target) -> None:
        result = self._result(us, target)
        self.send(us + int(result["duration_s"] * SECOND), self._write, (target, us, result))
        self._later(us + self._options.interval("checks", us), self._check, target)

    def _result(self, us: int, target: _Target) -> dict[str, Any]:
        if self._disturbances.down(target.site, us):
            message = f"no answer within 10 s, waiting for the connection to {target.site.address(3)}"
            return {"duration_s": _TIMEOUT_S, "status": "critical", "failure": "timeout", "message": message}
        took = {"duration_s": round(self.chance.between(0.01, 0.12), 6)}
        if target.scheme == "root":
            return took | {"status": "ok", "message": _ANSWERS["root"]}
        incident = self._disturbances.certificate(target.site, us)
        ends = int(incident.begin * SECOND) if incident else target.ends
        certificate = {"not_after": zulu_text(ends // SECOND * SECOND), "issuer": _ISSUER}
        if ends <= us:
            message = f"the certificate has expired on {zulu_text(ends)[:10]}; renew it"
            bad = {"status": "critical", "failure": "certificate_expired", "message": message}
            return took | bad | {"certificate": certificate | {"chain_ok": False, "name_ok": None}}
        good = {"status": "ok", "message": _ANSWERS[target.scheme]}
        return took | good | {"certificate": certificate | {"chain_ok": True, "name_ok": True}}

    def _write(self, us: int, argument: tuple[_Target, int, dict[str, Any]]) -> Wire:
        target, start, result = argument
        document = {
            "probe": _KINDS[target.scheme],
            "target": target.url,
            "rse": target.rse,
            "site": target.site.name,
            "time": posix(start),
            "operation": _OPERATIONS[target.scheme],
            "address": target.site.address(3),
        } | result
        body = dumps({key: value for key, value in document.items() if value is not None}).encode()
        return Wire(posix(us), self.source, self.format, DESTINATION, _HEADERS, body)


def _targets(lake: Lake, begin: int, seed: int) -> list[_Target]:
    chance = Chance("probe", "certificates", seed)
    central = lake.site(lake.fts[0].site)
    services = [
        *(
            (f"{door.scheme}://{door.host}:{door.port}{door.prefix}", door.host, rse.site, rse.name)
            for rse in lake.rses
            for door in rse.protocols
        ),
        *((f"tls://{one.alias}:8446", one.alias, lake.site(one.site), None) for one in lake.fts),
        ("https://rucio.example.org/ping", "rucio.example.org", central, None),
        ("oidc://iam.example.org", "iam.example.org", central, None),
    ]
    ends: dict[str, int] = {}
    for _, host, _, _ in services:
        if host not in ends:
            ends[host] = begin + int(chance.between(20, 300) * DAY)
    ends[lake.disks[-1].host] = begin + _RUNS_OUT
    return [_Target(url, host, site, rse, ends[host]) for url, host, site, rse in services]
