"""Each rule on a table of events: it fires at the minute that the table says, or must not fire."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from lakescope.alerts.catalogue import RULES
from lakescope.alerts.catalogue.data import DATA
from lakescope.alerts.catalogue.fts import FTS
from lakescope.alerts.catalogue.rucio import RUCIO
from lakescope.alerts.catalogue.transfers import TRANSFERS
from lakescope.app.alerts import Evaluator
from lakescope.core.events import DATASETS
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from tests.alerts._tables import CASES, ZERO, Case, events

STEP = 10
"""Minutes from one round to the next."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckdbSink]:
    """One for all cases, emptied by each."""
    sink = DuckdbSink("store", DuckdbOptions(), tmp_path_factory.mktemp("store"))
    list(sink.setup())
    yield sink
    sink.close()


@pytest.mark.parametrize("case", CASES, ids=[f"{case.rule}-{case.name}" for case in CASES])
def test_a_rule_fires_when_it_should(case: Case, store: DuckdbSink) -> None:
    for dataset in DATASETS:
        store.connection.execute(f"delete from {dataset}")
    table = list(events(case))
    documents = [msgspec.json.encode(event) for event in table]
    outcome = store.write([chunk for chunk in store.encode(table, documents) if chunk is not None])
    assert not (outcome.retry or outcome.rejected)
    evaluator = Evaluator({case.rule: RULES[case.rule]}, store)
    fired = None
    for minute in range(0, case.until + 1, STEP):
        evaluator.step(ZERO.timestamp() + 60 * minute)
        assert "unknown" not in {one.state for one in evaluator.verdicts[case.rule]}
        if fired is None and evaluator.ledger.alerts:
            fired = minute
    assert fired == case.fires


def test_each_rule_has_a_case_that_fires_and_one_that_does_not() -> None:
    names = {rule.name for rule in (*TRANSFERS, *RUCIO, *FTS, *DATA)}
    assert {case.rule for case in CASES if case.fires is not None} == names
    assert {case.rule for case in CASES if case.fires is None} == names
