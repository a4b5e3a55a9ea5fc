"""Puts the lake together and lets it speak, message by message, in order of emission."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from lakescope.simulator.accesses import Accesses
from lakescope.simulator.agenda import Agenda
from lakescope.simulator.chance import Chance
from lakescope.simulator.clock import HOUR, MINUTE, micros
from lakescope.simulator.faults import Burst, Fault
from lakescope.simulator.incidents import Disturbances, Incident, incidents_of
from lakescope.simulator.lake import Lake
from lakescope.simulator.options import Options
from lakescope.simulator.routes import Routes
from lakescope.simulator.traffic import Traffic
from lakescope.simulator.wire.collectd import Collectd
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.downtimes import Downtimes
from lakescope.simulator.wire.fts import Fts
from lakescope.simulator.wire.fts_rest import FtsRest
from lakescope.simulator.wire.hermes import Hermes
from lakescope.simulator.wire.message import Wire
from lakescope.simulator.wire.node_exporter import NodeExporter
from lakescope.simulator.wire.perfsonar import Perfsonar
from lakescope.simulator.wire.probes import Probes
from lakescope.simulator.wire.psconfig import Psconfig
from lakescope.simulator.wire.push import Push
from lakescope.simulator.wire.rucio_api import RucioApi
from lakescope.simulator.wire.rucio_inside import RucioInside
from lakescope.simulator.wire.rucio_metrics import RucioMetrics
from lakescope.simulator.wire.sam import Sam
from lakescope.simulator.wire.srr import Srr
from lakescope.simulator.wire.telegraf import Telegraf
from lakescope.simulator.wire.traces import Traces

FORMATS: Final = {
    "rucio": "hermes",
    "trace": "traces",
    "fts": "fts",
    "perfsonar": "perfsonar",
    "collectd": "collectd",
    "node_exporter": "node_exporter",
    "telegraf": "telegraf",
    "push": "push",
    "rucio-api": "rucio_api",
    "probe": "probes",
    "psconfig": "psconfig",
    "fts-rest": "fts_rest",
    "rucio-metrics": "rucio_metrics",
    "gocdb": "downtimes",
    "sam": "sam",
    "srr": "srr",
}
"""The sources that speak, each with the format of its messages."""

_WARM_UP = 75 * MINUTE
_WARM_UP_TRANSFERS = 5_000


def simulate(
    lake: Lake,
    *,
    seed: int = 0,
    start: datetime,
    end: datetime,
    rate: float = 1_000,
    incidents: Iterable[Incident] | None = None,
    sources: Iterable[str] | None = None,
    options: Options | None = None,
    faults: Sequence[Fault] = (),
    bursts: Sequence[Burst] = (),
) -> Iterator[Wire]:
    """Yield everything that the lake's systems emit in [start, end), in order of emission.

    `rate` is new transfers an hour averaged over a week. `incidents` replaces the seed's own (see
    `incidents_of`), `faults` and `bursts` are added to them; `sources`
    leaves the other sources out and changes nothing in what remains. The same
    arguments give the same bytes on any machine. Memory holds the transfers in flight and the noise that waits
    for its deletion, whatever the length of the window. Messages of one kind share their `headers`: read only.
    Raises ValueError for a negative rate, a naive datetime, an unknown source or an incident of something that the lake hasn't.
    """
    if rate < 0:
        raise ValueError(f"expected a rate of 0 transfers an hour or more, found {rate}")
    begin, finish = micros(start), micros(end)
    options = options or Options()
    formats = _select_formats(sources)
    simulated_incidents = incidents_of(lake, seed, start, end) if incidents is None else incidents
    disturbances = Disturbances(lake, simulated_incidents)
    agenda = Agenda()
    later = agenda.at
    routes = Routes(Chance("routes", seed))
    watchers: list[Dialect] = []
    if "rucio" in formats:
        watchers.append(Hermes(seed, later, begin, options))
    if "trace" in formats:
        watchers.append(Traces(seed, later, begin, options.repeated))
    if "fts" in formats:
        watchers.append(Fts(seed, later, begin, options, disturbances, lake, routes))
    if "rucio-api" in formats:
        watchers.append(RucioApi(seed, later, begin, options, disturbances, lake))
        watchers.append(RucioInside(seed, later, begin, options, disturbances, lake))
    if "rucio-metrics" in formats:
        watchers.append(RucioMetrics(seed, later, begin, options, disturbances, lake))
    if "fts-rest" in formats:
        watchers.append(FtsRest(seed, later, begin, options, lake))
    if "psconfig" in formats:
        Psconfig(seed, later, begin, options, lake)
    for dialect in (Perfsonar, Collectd, NodeExporter, Telegraf, Push, Probes, Downtimes, Sam, Srr):
        if dialect.source in formats:
            dialect(seed, later, begin, options, disturbances, lake)
    if watchers:
        # Before the window the lake runs unheard, so that its first second sees transfers in every state.
        early = begin - min(_WARM_UP, int(_WARM_UP_TRANSFERS / max(rate, 1e-9) * HOUR))
        Traffic(lake, seed, rate, options, disturbances, routes, later, watchers, early, faults, bursts)
        Accesses(lake, seed, rate * options.accesses, disturbances, later, watchers, early)
    return agenda.run(finish)


def _select_formats(sources: Iterable[str] | None) -> frozenset[str]:
    formats = frozenset(FORMATS if sources is None else sources)
    unknown = sorted(formats - set(FORMATS))
    if unknown:
        raise ValueError(f"expected sources out of {', '.join(FORMATS)}, found {', '.join(unknown)}")
    return formats
