"""Rucio's daemons, by their heartbeats."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.model import Condition, Kpi, Part

_daemons = partial(Kpi, dataset="daemons", dimensions=("daemon", "host", "vo"))
_UNASKED = "heartbeats are not polled (only the account root may), or Rucio does not answer"
_last = partial(
    Part, kind="last", field="silent_s", series=("daemon", "host", "pid", "thread"), polled="heartbeats"
)

KPIS = (
    _daemons(
        name="daemons_alive",
        meaning="Threads of Rucio's daemons whose last heartbeat is at most ten minutes old.",
        unit="count",
        good="up",
        value=_last(over="count", state=(Condition("silent", "=", False),)),
        null=_UNASKED,
    ),
    _daemons(
        name="daemons_silent",
        meaning="Threads of Rucio's daemons whose last heartbeat is more than ten minutes old: Rucio counts them as dead.",
        unit="count",
        good="down",
        value=_last(over="count", state=(Condition("silent", "=", True),)),
        null=_UNASKED,
    ),
    _daemons(
        name="daemons_last_heard",
        meaning="Time since the last heartbeat of any thread of the daemon.",
        unit="seconds",
        good="down",
        value=_last(over="min"),
        null=_UNASKED,
        warning=600,
        critical=3600,
    ),
)
