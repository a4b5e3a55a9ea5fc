"""A simulated month whose incidents are known: each week's report names them and no others, has the oracle's numbers, and says
of each change what the simulator did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from lakescope.alerts.incidents import BIN_S
from lakescope.alerts.records import Records
from lakescope.alerts.watch import FAILED_BY, PLACE, bins_of, replay
from lakescope.app.incident_events import events_of
from lakescope.app.query import ask, query_of
from lakescope.core.contracts import Sink
from lakescope.core.events import Event
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.dashboards.pages.incident import title_of
from lakescope.kpis import CATALOGUE, Query
from lakescope.pipeline.normalise import Normaliser
from lakescope.reports.model import Cell, Report, Section
from lakescope.reports.period import Week
from lakescope.simulator import Options, make_lake, simulate
from lakescope.simulator.cric import rcsite_query, rse_query, service_query
from lakescope.simulator.errors import Template
from lakescope.simulator.faults import Burst, Fault
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.topology import Topology
from tests.kpis._oracle import Oracle
from tests.reports._store import store_of, weekly_report

PAST = Week(2026, 4)
QUIET, FAULTY, MENDED, BUSY = MONTH = tuple(Week(2026, week) for week in range(5, 9))
FAULT = Fault(
    kind="site without disks",
    places=({"dst_site": "SARA-MATRIX"},),
    begin=(FAULTY.since + timedelta(days=2)).timestamp(),
    end=(FAULTY.since + timedelta(days=4)).timestamp(),
    errors=(Template("DESTINATION", "TRANSFER", 110, "connection to {dst_host} timed out"),),
    share=0.9,
)
BURST = Burst(
    kind="reprocessing",
    vo="escape",
    account="skao-prod",
    activity="Production Input",
    src_rse="PIC-DCACHE",
    dst_rse="DESY-DCACHE",
    files=1500,
    begin=(BUSY.since + timedelta(days=1)).timestamp(),
    end=BUSY.until.timestamp(),
)


class Month(NamedTuple):
    reports: dict[Week, Report]
    oracle: Oracle


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    folder = tmp_path_factory.mktemp("month")
    events = list(_events())
    with store_of(events, folder) as sink:
        for week in (QUIET, FAULTY):
            incidents = _incidents(sink, week, folder / week.name)
            sink.write([(one.dataset, msgspec.json.encode(one)) for one in incidents])
        reports = {
            week: weekly_report(sink, week.name, None, week.until + timedelta(hours=7)) for week in MONTH
        }
    return Month(reports, Oracle(map(msgspec.to_builtins, events)))


def _events() -> Iterator[Event]:
    """What Rucio reports of its transfers."""
    lake = make_lake()
    wires = simulate(
        lake,
        seed=4,
        start=PAST.since,
        end=MONTH[-1].until,
        rate=25.0,
        incidents=[],
        sources=["rucio"],
        options=Options(
            accesses=0.0,
            deletions=0.0,
            notify=0.0,
            noise=0.1,
            sparse_until=MONTH[-1].until.timestamp(),
        ),
        faults=[FAULT],
        bursts=[BURST],
    )
    topology = Topology(rse_query(lake), service_query(lake), rcsite_query(lake))
    messages = [Message(wire.body, wire.format, wire.headers, wire.time) for wire in wires]
    for event in Normaliser(formats(), Enrichment(topology))(messages).events:
        if event.dataset == "transfers":
            yield event


def _incidents(sink: Sink, week: Week, folder: Path) -> Sequence[Event]:
    """What an instance would have found and recorded; what is usual is learnt from the day before."""
    since, until = week.since.timestamp(), week.until.timestamp()
    span = (since - 86_400, until)
    ended = ask(query_of("transfers_ended", *span, PLACE, bin_s=BIN_S), sink)
    failed = ask(query_of("transfers_failed", *span, FAILED_BY, bin_s=BIN_S), sink)
    folder.mkdir()
    book = Records(folder / "incidents.json", title_of)
    events: list[Event] = []
    for incident in replay(bins_of(ended, failed), since, until):
        opened, closed = incident.opened or until, incident.closed or until
        records = [record for _, record in book.update([("opened", incident)], closed, b"")]
        events += [*events_of(records, opened), *events_of(records, closed - 1)]
    return events


def section(report: Report, name: str) -> Section:
    return next(one for one in report.sections if one.name == name)


def causes(report: Report) -> list[str]:
    return [one.text for one in section(report, "causes").sentences]


@pytest.mark.parametrize(("week", "expected"), [(QUIET, set()), (FAULTY, {"destination SARA-MATRIX"})])
def test_a_week_names_its_incidents_and_no_others(month: Month, week: Week, expected: set[str]) -> None:
    rows = [row for table in section(month.reports[week], "incidents").tables for row in table.rows]
    assert {row[2] for row in rows} == expected
    for row in rows:
        began = datetime.strptime(f"{row[0]} +0000", "%Y-%m-%d %H:%M %z")
        assert FAULT.begin <= began.timestamp() < FAULT.end


@pytest.mark.parametrize("week", MONTH, ids=lambda week: week.name)
def test_the_numbers_of_a_week_are_the_oracles(month: Month, week: Week) -> None:
    """Those of the summary, of the week and of the one before it."""
    report, checked = month.reports[week], 0
    for _, _, *cells, _ in section(report, "summary").tables[0].rows:
        for cell, ago in zip(cells, (0, 7), strict=True):
            if not isinstance(cell, Cell) or not cell.query:
                continue
            kpi = CATALOGUE[report.queries[cell.query - 1].kpi]
            if kpi.dataset != "transfers":
                continue
            since, until = (time - timedelta(days=ago) for time in (week.since, week.until))
            ((_, expected),) = month.oracle.answer(Query(kpi=kpi, since=since, until=until)).items()
            assert cell.value == pytest.approx(expected), kpi.name
            checked += 1
    assert checked == 10


def test_causes_are_what_the_simulator_did(month: Month) -> None:
    assert not any("points" in text.partition(":")[2] for text in causes(month.reports[QUIET]))
    (fell,) = [text for text in causes(month.reports[FAULTY]) if text.startswith("Transfer efficiency")]
    assert " points to SARA-MATRIX, where it fell from 9" in fell and "from Wednesday to Thursday" in fell
    (rose,) = [text for text in causes(month.reports[MENDED]) if text.startswith("Transfer efficiency")]
    assert " points to SARA-MATRIX, where it rose from " in rose
    assert "from Wednesday to Thursday of the week before" in rose
    (volume,) = [text for text in causes(month.reports[BUSY]) if text.startswith("Transferred volume")]
    assert (
        "points on PIC \N{RIGHTWARDS ARROW} DESY-HH, where activity Production Input began on Tuesday"
        in volume
    )
