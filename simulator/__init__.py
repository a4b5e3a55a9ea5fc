"""A deterministic data lake: everything that the systems of a Rucio lake would say, as exact bytes on the wire.

    lake = make_lake()
    for wire in simulate(lake, seed=1, start=start, end=end, rate=1000):
        ...

What happens is in `demand.py`, `traffic.py`, `fate.py`, `removals.py`, `accesses.py`, `machines.py` and `incidents.py`;
what each system says of it is one file a dialect under `wire/`; where the bytes go is in `outputs.py`, the topology as
CRIC tells it in `cric.py`.
"""

from lakescope.simulator.incidents import Incident, incidents_of, opening_incident
from lakescope.simulator.lake import Lake, make_lake
from lakescope.simulator.options import Options
from lakescope.simulator.simulation import FORMATS, simulate
from lakescope.simulator.wire.message import Wire

__all__ = [
    "FORMATS",
    "Incident",
    "Lake",
    "Options",
    "Wire",
    "incidents_of",
    "make_lake",
    "opening_incident",
    "simulate",
]
