"""The newcomer's first report: a simulated week, and the week before it to compare with, in a store that goes away.

Nothing of it depends on the machine or the time: the same report each time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TypeVar

import msgspec

from lakescope.alerts.incidents import BIN_S
from lakescope.alerts.records import Records
from lakescope.alerts.watch import FAILED_BY, PLACE, bins_of, replay
from lakescope.app.incident_events import events_of
from lakescope.app.query import ask, query_of
from lakescope.app.reports import ReportText, report_of
from lakescope.core.contracts import Sink
from lakescope.core.events import Event
from lakescope.core.messages import Message
from lakescope.core.plugins import formats, load
from lakescope.dashboards.pages.incident import title_of
from lakescope.pipeline.normalise import Normaliser
from lakescope.reports.desk import DAY_S
from lakescope.reports.model import Report
from lakescope.reports.period import Week
from lakescope.simulator import Options, Wire, incidents_of, make_lake, simulate
from lakescope.simulator.cric import rcsite_query, rse_query, service_query
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.topology import Topology

T = TypeVar("T")

WEEK = Week(2026, 3)
SEED = 1
RATE = 40.0  # transfers an hour
_BATCH = 20_000
_HOUR = 3600.0
_OPTIONS = Options(
    few_hosts=True,
    noise=0.1,
    accesses=0.0,
    deletions=0.1,
    notify=0.1,
    hosts=0.47 * _HOUR,  # no longer than a silent host is critical
    latency=_HOUR,
    rtt=4 * _HOUR,
    throughput=6 * _HOUR,
    trace=24 * _HOUR,
    clock=24 * _HOUR,
    optimizer=_HOUR,
    probes=_HOUR,
    statistics=8 * _HOUR,
    availability=6 * _HOUR,
    rules=3 * _HOUR,
    usage=_HOUR,
    accounts=12 * _HOUR,
    inside=2 * _HOUR,
    checks=6 * _HOUR,
    templates=24 * _HOUR,
    monitoring=12 * _HOUR,
    metrics=0.0,
    downtimes=6 * _HOUR,
    sam=6 * _HOUR,
    srr=24 * _HOUR,
    sparse_until=WEEK.until.timestamp(),
)
"""A few samples of everything, and of transfers only their ends: sums and shares are those of a lake, charts are coarse."""


def demo_report(text: ReportText) -> Report:
    """The report of `WEEK` or of a day of it, in some twelve seconds. Needs the extra duckdb."""
    with demo_store() as sink:
        return report_of(text, sink, WEEK.until + timedelta(hours=7))


@contextmanager
def demo_store() -> Iterator[Sink]:
    """A store of `WEEK` and the week before it, for as long as it is used."""
    kind = load("sinks", "duckdb")
    with tempfile.TemporaryDirectory() as folder:
        # one thread: sums of floats differ with the order of their parts
        sink: Sink = kind("demo", kind.Options(threads=1), Path(folder))
        try:
            for chunk in _chunks(_documents()):
                sink.write(chunk)
            sink.write([_document(event) for event in _incidents(sink, Path(folder))])
            yield sink
        finally:
            sink.close()


def _documents() -> Iterator[tuple[str, bytes]]:
    """All events of both weeks, as the sink takes them."""
    lake = make_lake()
    topology = Topology(rse_query(lake), service_query(lake), rcsite_query(lake))
    normaliser = Normaliser(formats(), Enrichment(topology))
    begin: datetime = WEEK.since.astimezone(UTC) - timedelta(days=7)
    wires = simulate(
        lake,
        seed=SEED,
        start=begin,
        end=WEEK.until,
        rate=RATE,
        incidents=incidents_of(lake, SEED, begin, WEEK.until),
        options=_OPTIONS,
    )
    for part in _chunks(wires):
        for event in normaliser([_message(wire) for wire in part]).events:
            yield _document(event)


def _document(event: Event) -> tuple[str, bytes]:
    return event.dataset, msgspec.json.encode(event)


def _incidents(sink: Sink, folder: Path) -> list[Event]:
    """What an instance would have found and recorded; what is usual is learnt from the day before."""
    until = WEEK.until.timestamp()
    span = (WEEK.since.timestamp() - DAY_S, until)
    ended = ask(query_of("transfers_ended", *span, PLACE, bin_s=BIN_S), sink)
    failed = ask(query_of("transfers_failed", *span, FAILED_BY, bin_s=BIN_S), sink)
    book = Records(folder / "incidents.json", title_of)
    events: list[Event] = []
    for incident in replay(bins_of(ended, failed), WEEK.since.timestamp(), until):
        opened, closed = incident.opened or until, incident.closed or until
        records = [record for _, record in book.update([("opened", incident)], closed, b"")]
        events += [*events_of(records, opened), *events_of(records, closed - 1)]
    return events


def _message(wire: Wire) -> Message:
    return Message(wire.body, wire.format, wire.headers, wire.time)


def _chunks(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while chunk := list(islice(rest, _BATCH)):
        yield chunk
