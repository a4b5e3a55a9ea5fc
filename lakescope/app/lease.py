"""Of several instances on one store one notifies: who holds the lease, by what all of them report into the store.

Each reports that it evaluates (dataset ``pipeline``, stage ``alerts``), by the time from which it has done so without a pause.
The one that has done so for longest holds the lease; when it is silent for `ALIVE_S` the next one does. Nobody needs to
be asked or to answer, so it is the same for every store. Two that begin together may both notify until each has read of the
other: of the same alerts, under the same keys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from socket import gethostname

from lakescope.app.query import ask
from lakescope.core.contracts import Sink
from lakescope.core.events import Event, PipelineReport
from lakescope.core.printable import rfc3339
from lakescope.kpis.model import Condition, EventsQuery

BEAT_S = 60.0
ALIVE_S = 240.0
"""Silent for longer, it is gone: less than two rounds."""


class Lease:
    """Of one instance. Times are POSIX seconds."""

    def __init__(self, instance: str, sink: Sink, report: Callable[[Sequence[Event]], None]) -> None:
        """`instance`: what no other one is called; the same after a restart."""
        self._instance = instance
        self._claim = ""
        """With the time from which it evaluates without a pause: the least one of several holds the lease."""
        self._sink = sink
        self._report = report
        self._beaten = 0.0

    def is_held(self, now: float) -> bool:
        """Whether this instance is to notify; reports, and asks the store: raises as `query.ask`."""
        if now - self._beaten > ALIVE_S:
            self._claim = f"{rfc3339(now)} {self._instance}"
        if now - self._beaten >= BEAT_S:
            self._report([self._beat(now)])
            self._beaten = now
        return min(self._others(now), default=self._claim) >= self._claim

    def _others(self, now: float) -> list[str]:
        """The claims that were heard of, but this instance's own, of before a restart too."""
        query = EventsQuery(
            dataset="pipeline",
            columns=("name",),
            since=datetime.fromtimestamp(now - ALIVE_S, UTC),
            until=datetime.fromtimestamp(now + BEAT_S, UTC),
            conditions=(Condition("stage", "=", "alerts"),),
            limit=1000,
        )
        claims = [row["name"] for row in ask(query, self._sink)]
        return [one for one in claims if not one.endswith(f" {self._instance}")]

    def _beat(self, now: float) -> PipelineReport:
        host = gethostname().lower()
        return PipelineReport(
            id=blake2b(f"{self._claim} {now}".encode(), digest_size=16).hexdigest(),
            time=rfc3339(now),
            source="lakescope",
            instance=host,
            stage="alerts",
            name=self._claim,
            seconds=BEAT_S,
            ready=True,
        )
