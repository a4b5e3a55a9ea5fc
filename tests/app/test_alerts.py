"""Rounds of the alert rules over a store: what fires, what is unknown, and what has no feed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from lakescope.alerts.model import Absence, Rule, Threshold
from lakescope.app.alerts import Evaluator
from lakescope.core.contracts import TransientError
from lakescope.core.events import Event, Poll
from lakescope.core.events import Rule as Rules
from lakescope.kpis.model import UnsupportedError
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.transformers._common import identify
from tests.app._searched import transfer

NOW = 1_767_614_400.0  # 2026-01-05T12:00:00Z
RULE = Rule(
    name="efficiency",
    title="Transfers fail",
    kpi="transfer_efficiency",
    condition=Threshold(below=0.2),
    window_s=3600,
    by=("dst_rse",),
    summary="{dst_rse}: {value} in {window}",
    description="",
)
RULES = {
    one.name: one
    for one in (
        RULE,
        replace(RULE, name="disk", kpi="host_disk", condition=Threshold(above=0.9), by=("host",)),
        replace(
            RULE,
            name="silent",
            kpi="transfers_ended",
            condition=Absence(history_s=86400, least_windows=1),
        ),
    )
}


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[DuckdbSink]:
    """A store with an hour of failures until noon."""
    made = DuckdbSink("duck", DuckdbOptions(), tmp_path)
    list(made.setup())
    events = [transfer("failed", f"2026-01-05T11:{minute:02}:00Z") for minute in range(60)]
    events.append(transfer("done", "2026-01-05T08:30:00Z", dst_rse="GONE"))
    write(made, events)
    yield made
    made.close()


def write(sink: DuckdbSink, events: Sequence[Event]) -> None:
    outcome = sink.write(sink.encode(events, [msgspec.json.encode(one) for one in events]))
    assert not (outcome.retry or outcome.rejected)


def states(evaluator: Evaluator) -> set[tuple[str, tuple[str, ...], str]]:
    return {(one.rule, one.group, one.state) for found in evaluator.verdicts.values() for one in found}


def test_a_round_asks_judges_and_opens(sink: DuckdbSink) -> None:
    evaluator = Evaluator(RULES, sink)
    evaluator.step(NOW)
    assert states(evaluator) == {
        ("efficiency", ("DST",), "abnormal"),
        ("silent", ("GONE",), "abnormal"),
        ("disk", (), "no data"),
    }
    assert {one.annotations["summary"] for one in evaluator.ledger.alerts} == {
        "DST: 0 % in 1 h",
        "GONE: 0 in 1 h",
    }


def test_while_the_store_is_away_nothing_ends(sink: DuckdbSink, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluator = Evaluator({"efficiency": RULE}, sink)
    evaluator.step(NOW)

    def away(*_: object) -> None:
        raise TransientError("store: connection refused")

    with monkeypatch.context() as patched:
        patched.setattr(sink, "answer", away)
        for number in range(1, 9):
            evaluator.step(NOW + 300 * number)
            assert [one.state for one in evaluator.ledger.watched] == ["unknown"]
            assert evaluator.fault == "store: connection refused"
    evaluator.step(NOW + 3000)
    assert [one.state for one in evaluator.ledger.watched] == ["firing"]
    assert evaluator.fault is None


def test_a_rule_is_as_complete_as_its_feed(sink: DuckdbSink) -> None:
    evaluator = Evaluator({"efficiency": replace(RULE, window_s=4 * 3600)}, sink)
    evaluator.step(NOW)
    assert {one.completeness for one in evaluator.verdicts["efficiency"]} == {0.5}


def test_a_state_that_nothing_has_any_more_is_known(sink: DuckdbSink) -> None:
    """The oldest of no stuck rules has no age: the alert ends, as the poll says that none is stuck."""
    stuck = replace(
        RULE,
        name="stuck",
        kpi="oldest_stuck_rule",
        condition=Threshold(above=3600),
        by=("rse",),
        keep_s=0,
        summary="{rse}: {value}",
    )
    scope = "https://rucio.example.org/rules/?state=S"
    poll: dict[str, Any] = {"source": "rucio-api", "scope": scope, "kind": "rules", "state": "stuck"}
    poll |= {"complete": True, "interval_s": 600.0}
    rule = Rules(
        id=identify("r"),
        time="2026-01-05T11:50:00Z",
        source="rucio-api",
        event="stuck",
        rule_id="1",
        rse="A",
        stuck_s=9e4,
    )
    rule.poll = scope
    write(sink, [rule, Poll(id=identify("p1"), time="2026-01-05T11:50:00Z", count=1, **poll)])
    write(sink, [Poll(id=identify("p2"), time="2026-01-05T12:02:00Z", count=0, **poll)])
    evaluator = Evaluator({"stuck": stuck}, sink)
    evaluator.step(NOW)
    assert [(one.group, one.state) for one in evaluator.verdicts["stuck"]] == [(("A",), "abnormal")]
    evaluator.step(NOW + 300)
    assert evaluator.verdicts["stuck"] == []
    assert [one.ended for one in evaluator.ledger.alerts] == [NOW + 300]


def test_a_disabled_rule_is_not_asked_and_its_alert_ends(sink: DuckdbSink) -> None:
    before = Evaluator({"efficiency": RULE}, sink)
    before.step(NOW)
    after = Evaluator({"efficiency": replace(RULE, enabled=False)}, sink, before.ledger)
    after.step(NOW + 300)
    assert [one.ended for one in after.ledger.alerts] == [NOW + 300]


def test_what_a_store_cannot_answer_is_no_data(sink: DuckdbSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "answer", lambda queries: [UnsupportedError("not here") for _ in queries])
    evaluator = Evaluator({"efficiency": RULE}, sink)
    evaluator.step(NOW)
    assert [(one.state, one.reason) for one in evaluator.verdicts["efficiency"]] == [("no data", "not here")]
