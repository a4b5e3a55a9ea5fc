"""What GOCDB answers to a poller: the downtimes that sites have declared (`get_downtime`, the flat form).

Some outages of sites were planned and are declared days ahead; the others are declared once their operators have noticed.
Each week has works at two sites, at risk only, and a plan that is cancelled before its time.
"""

from typing import NamedTuple
from xml.sax.saxutils import escape

from lakescope.simulator.agenda import Later
from lakescope.simulator.chance import Chance
from lakescope.simulator.clock import DAY, HOUR, MINUTE, SECOND, WEEK, http_text, posix, seconds_text
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Lake, Site
from lakescope.simulator.options import Options
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.message import Wire

DESTINATION = "/push/downtimes"
URL = "https://goc.egi.example/gocdbpi/public/?method=get_downtime"

_RETENTION = DAY
"""So long after its end a downtime is still in the answer."""
_AHEAD = 10 * DAY
_SERVICES = {"davs": "webdav", "https": "webdav", "root": "XRootD"}


class _Downtime(NamedTuple):
    """One downtime of a site; `declared` and `cancel_us` are when it came into GOCDB and was taken out."""

    key: str
    site: Site
    severity: str
    classification: str
    begin: int
    end: int
    declared: int
    text: str
    cancel_us: int | None = None


class Downtimes(Dialect):
    """One question for the whole lake, at an interval."""

    source = "gocdb"
    format = "downtimes"

    def __init__(
        self, seed: int, later: Later, begin: int, options: Options, disturbances: Disturbances, lake: Lake
    ) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self._options = options
        self._lake = lake
        self._seed = seed
        self._declared = [
            _of_outage(lake, Chance(self.source, seed, number), incident.target, incident.begin, incident.end)
            for number, incident in enumerate(disturbances.incidents)
            if incident.kind == "site_down"
        ]
        if every := options.interval("downtimes", begin):
            later(begin + int(self.chance.random() * every), self._ask, None)

    def _ask(self, us: int, _: None) -> None:
        self.send(us + SECOND // 5, self._write, us)
        self._later(us + self._options.interval("downtimes", us), self._ask, None)

    def _write(self, us: int, poll_us: int) -> Wire:
        weeks = range(poll_us // WEEK - 1, (poll_us + _AHEAD) // WEEK + 1)
        planned = [one for week in weeks for one in _of_week(self._lake, self._seed, week)]
        visible = [
            one
            for one in (*self._declared, *planned)
            if one.declared <= poll_us
            and one.end > poll_us - _RETENTION
            and not (one.cancel_us and one.cancel_us <= poll_us)
        ]
        rows = "\n".join(row for one in sorted(visible) for row in _rows(self._lake, one))
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<results>\n{rows}\n</results>\n'
        headers = {
            "content-type": "application/xml",
            "date": http_text(poll_us).replace("UTC", "GMT"),
            "scope": URL,
            "interval_s": str(self._options.interval("downtimes", poll_us) // SECOND),
        }
        return Wire(posix(us), self.source, self.format, DESTINATION, headers, body.encode())


def _of_outage(lake: Lake, chance: Chance, site: str, begin: float, end: float) -> _Downtime:
    """Planned by every second site; else declared when somebody has noticed."""
    first, last = int(begin * SECOND), int(end * SECOND)
    planned = chance.random() < 0.5
    if planned:
        first, last = first - 10 * MINUTE, last + 10 * MINUTE
    return _Downtime(
        f"{chance.integer(20_000, 39_999)}G0",
        lake.site(site),
        "OUTAGE",
        "SCHEDULED" if planned else "UNSCHEDULED",
        first // MINUTE * MINUTE,
        last // MINUTE * MINUTE,
        first - 2 * DAY if planned else first + 5 * MINUTE,
        "Move of the storage & network <maintenance>"
        if planned
        else "Storage does not answer, under investigation",
    )


def _of_week(lake: Lake, seed: int, week: int) -> list[_Downtime]:
    """Two works at risk, in either half of the week, and one plan that is taken back."""
    chance = Chance("gocdb week", lake.name, seed, week)
    downtimes = []
    for number in range(3):
        begin = week * WEEK + (number % 2) * WEEK // 2 + int(chance.between(0.2, 0.9) * 3 * DAY)
        begin = begin // HOUR * HOUR
        cancelled = number == 2
        downtimes.append(
            _Downtime(
                f"{40_000 + week * 3 + number}G0",
                chance.pick(lake.sites),
                "OUTAGE" if cancelled else "WARNING",
                "SCHEDULED",
                begin,
                begin + chance.integer(2, 6) * HOUR,
                begin - 3 * DAY,
                "Update of the firmware of disk servers"
                if cancelled
                else "Update of the operating system, at risk",
                begin - DAY // 2 if cancelled else None,
            )
        )
    return downtimes


def _rows(lake: Lake, one: _Downtime) -> list[str]:
    """An element a service of the site."""
    services = dict.fromkeys(
        (door.host, _SERVICES[door.scheme])
        for rse in lake.rses
        if rse.site.name == one.site.name
        for door in rse.protocols
    )
    number = one.key.removesuffix("G0")
    return [
        f'  <DOWNTIME ID="{number}" PRIMARY_KEY="{one.key}" CLASSIFICATION="{one.classification}">'
        f"<PRIMARY_KEY>{one.key}</PRIMARY_KEY><HOSTNAME>{host}</HOSTNAME><SERVICE_TYPE>{service}</SERVICE_TYPE>"
        f"<ENDPOINT>{host}{service}</ENDPOINT><HOSTED_BY>{one.site.name}</HOSTED_BY>"
        f"<GOCDB_PORTAL_URL>https://goc.egi.example/portal/index.php?Page_Type=Downtime&amp;id={number}</GOCDB_PORTAL_URL>"
        f"<AFFECTED_ENDPOINTS/><SEVERITY>{one.severity}</SEVERITY><DESCRIPTION>{escape(one.text)}</DESCRIPTION>"
        f"<INSERT_DATE>{one.declared // SECOND}</INSERT_DATE><START_DATE>{one.begin // SECOND}</START_DATE>"
        f"<END_DATE>{one.end // SECOND}</END_DATE><FORMATED_START_DATE>{seconds_text(one.begin)[:16]}</FORMATED_START_DATE>"
        f"<FORMATED_END_DATE>{seconds_text(one.end)[:16]}</FORMATED_END_DATE></DOWNTIME>"
        for host, service in services
    ]
