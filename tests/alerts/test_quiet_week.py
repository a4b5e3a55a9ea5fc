"""A quiet week pages nobody: a simulated lake in which 5 % of the transfers fail, as they always do, and nothing is wrong.

Messages of Hermes, FTS, perfSONAR, probes and Rucio's API through DuckDB; the rules every four hours, the search for incidents in
each five minutes of the week. It is harder than the catalogue: some of its tickets are pages, as a site may want them, there is
an objective, and a tenth of the volume is enough for a verdict. At the end a site goes down: somebody would have been paged.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from lakescope.alerts.catalogue import RULES
from lakescope.alerts.model import Notification, Rule
from lakescope.alerts.objectives import Objective, rules_of
from lakescope.app.rounds import Notifying, Rounds
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser
from lakescope.simulator import Options, make_lake, simulate
from lakescope.simulator.cric import rcsite_query, rse_query, service_query
from lakescope.simulator.errors import Template
from lakescope.simulator.faults import Fault
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.topology import Topology
from tests.alerts.test_delivery import Listener

START = datetime(2026, 11, 2, tzinfo=UTC)
END = START + timedelta(days=7)
HOUR = 3600.0
STEP_S = 4 * HOUR
RATE = 160.0
"""Transfers an hour."""
RAISED = (
    "transfer_efficiency_link",
    "transfer_efficiency_source",
    "transfer_efficiency_destination",
    "fts_success_falling",
    "network_unreachable",
    "network_loss",
    "storage_probe_failing",
)
"""Tickets that are pages here."""
NO_FEED = ("submission_efficiency", "data_source_silent", "store_overflows")
"""Of Rucio's own metrics, and of Lakescope itself: both are not simulated here."""
OPTIONS = Options(
    failed=0.05,
    hangs=0.0,
    few_hosts=True,
    noise=0.1,
    accesses=0.0,
    deletions=0.0,
    notify=0.0,
    latency=HOUR,
    rtt=24 * HOUR,
    throughput=24 * HOUR,
    trace=0.0,
    clock=24 * HOUR,
    optimizer=12 * HOUR,
    probes=HOUR,
    checks=HOUR,
    inside=2 * HOUR,
    rules=12 * HOUR,
    usage=12 * HOUR,
    accounts=0.0,
    sparse_until=(END + timedelta(days=1)).timestamp(),
)
REFUSED = Template("DESTINATION", "TRANSFER_PREPARATION", 111, "DESTINATION connection refused {dst_host}")


class Pager(Listener):
    """Severity and what was wrong, of each alert that opened."""

    def send(self, notifications: Sequence[Notification]) -> None:
        """Takes all."""
        self.sent += [
            [one.alert.severity, one.alert.annotations["summary"]]
            for one in notifications
            if one.event == "opened"
        ]


def rules() -> Iterator[Rule]:
    """Those that page."""
    for rule in _paging():
        volume = rule.volume and replace(rule.volume, least=rule.volume.least / 10)
        yield replace(rule, volume=volume)


def _paging() -> Iterator[Rule]:
    yield from (rule for rule in RULES.values() if rule.severity == "page" and rule.name not in NO_FEED)
    yield from (replace(RULES[name], severity="page") for name in RAISED)
    objective = Objective(name="q", kpi="transfer_efficiency", target=0.95, window="30d", by=["dst_site"])
    yield from (rule for rule in rules_of(objective, "objective.md") if rule.severity == "page")


def fill(sink: DuckdbSink, seed: int, start: datetime, end: datetime, faults: Sequence[Fault] = ()) -> None:
    """What the lake says from `start` to `end`."""
    lake = make_lake()
    normaliser = Normaliser(
        formats(), Enrichment(Topology(rse_query(lake), service_query(lake), rcsite_query(lake)))
    )
    wires = simulate(
        lake,
        seed=seed,
        start=start,
        end=end,
        rate=RATE,
        sources=["rucio", "fts", "perfsonar", "probe", "rucio-api"],
        incidents=[],
        faults=faults,
        options=OPTIONS,
    )
    while messages := [Message(one.body, one.format, one.headers, one.time) for one in islice(wires, 20_000)]:
        events = normaliser(messages).events
        sink.write([(one.dataset, msgspec.json.encode(one)) for one in events])


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[DuckdbSink]:
    store = DuckdbSink("duck", DuckdbOptions(threads=1), tmp_path)
    list(store.setup())
    yield store
    store.close()


def test_a_quiet_week_pages_nobody_and_what_comes_after_it_does(tmp_path: Path, sink: DuckdbSink) -> None:
    fill(sink, 7, START, END)
    pager = Pager()
    by_name = {rule.name: rule for rule in rules()}
    rounds = Rounds(by_name, sink, tmp_path, Notifying({"pager": pager}))
    rounds.evaluator.gap_s = STEP_S
    judged: Counter[str] = Counter()

    def step(at: float) -> None:
        rounds.search(at - STEP_S / 2, threading.Event())  # what is longer past it looks at less often
        rounds.round(at)
        rounds.notify(at)
        assert rounds.evaluator.fault is None
        for name, verdicts in rounds.evaluator.verdicts.items():
            judged[name] += any(one.state in ("normal", "between", "abnormal") for one in verdicts)

    steps = int((END - START).total_seconds() / STEP_S)
    for number in range(1, steps + 1):
        step(START.timestamp() + number * STEP_S)
    assert pager.sent == []
    assert [one.culprit for one in rounds.records.incidents(0)] == []
    assert [name for name in by_name if not judged[name]] == []

    down: dict[str, Any] = {"begin": END.timestamp(), "end": (END + timedelta(days=1)).timestamp()}
    after = END + timedelta(hours=2)
    fill(sink, 8, END, after, [Fault(kind="down", places=({"dst_site": "PIC"},), errors=(REFUSED,), **down)])
    step(after.timestamp())
    ((severity, summary),) = pager.sent  # the objective is missed, too: one fault is one page
    assert severity == "page" and summary.startswith("Transfers fail: destination PIC: ")
    covered = {
        one.rule.rpartition("_")[0] for one in rounds.evaluator.ledger.watched if one.state == "covered"
    }
    assert "objective_q" in covered
