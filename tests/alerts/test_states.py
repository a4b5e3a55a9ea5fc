"""An alert's life: it opens and ends once, nothing ends while nothing is known, and a restart changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from lakescope.alerts.model import Rule, Threshold, Verdict
from lakescope.alerts.states import Ledger

RULE = Rule(
    name="efficiency",
    title="Transfers fail",
    kpi="transfer_efficiency",
    condition=Threshold(below=0.2, clear=0.5),
    window_s=3600,
    by=("src_site",),
    for_s=600,
    keep_s=600,
    summary="{src_site}: {value} of transfers succeed in {window}",
    description="Expected {threshold}.",
)


def _life(*states: Any, ledger: Ledger | None = None, rule: Rule = RULE) -> list[str]:
    """What is watched after each round of five minutes; "-" for nothing."""
    ledger = Ledger() if ledger is None else ledger
    phases: list[str] = []
    for number, state in enumerate(states):
        group = () if state in ("unknown", "no data") else ("PIC",)
        verdict = Verdict(rule=RULE.name, group=group, state=state, value=0.1, threshold=0.2)
        ledger.step(rule, [verdict], 300.0 * number)
        phases.append(ledger.watched[0].state if ledger.watched else "-")
    return phases


def test_it_fires_after_for_and_ends_after_keep() -> None:
    ledger = Ledger()
    phases = _life(*["abnormal"] * 3, "between", *["normal"] * 3, ledger=ledger)
    assert phases == ["pending", "pending", "firing", "firing", "clearing", "clearing", "-"]
    (alert,) = ledger.alerts
    assert (alert.began, alert.opened, alert.ended) == (0.0, 600.0, 1800.0)
    assert alert.annotations["summary"] == "PIC: 10 % of transfers succeed in 1 h"


def test_a_flap_is_one_alert() -> None:
    ledger = Ledger()
    _life(*["abnormal"] * 3, "normal", "abnormal", "normal", "between", "normal", ledger=ledger)
    assert len(ledger.alerts) == 1
    assert ledger.alerts[0].ended is None


def test_too_few_holds_an_alert_for_a_while() -> None:
    held = replace(RULE, hold_s=900)
    assert _life(*["abnormal"] * 3, *["too few"] * 3, rule=held)[-3:] == ["unknown", "unknown", "-"]
    assert _life(*["abnormal"] * 3, *["too few"] * 3)[-3:] == ["clearing", "clearing", "-"]
    assert _life("abnormal", "too few", rule=held)[-1] == "-"


def test_of_a_covered_pair_nobody_is_notified() -> None:
    ledger = Ledger()
    for number in range(4):
        covered = Verdict(rule=RULE.name, group=("PIC",), state="abnormal", covered_by="host")
        ledger.step(RULE, [covered], 300.0 * number)
    assert ledger.alerts == []
    ledger.step(RULE, [replace(covered, covered_by=None)], 1200.0)
    assert [one.began for one in ledger.alerts] == [0.0]


@pytest.mark.parametrize("silence", ["unknown", "no data"])
def test_nothing_ends_or_begins_while_nothing_is_known(silence: str) -> None:
    assert _life(*["abnormal"] * 3, *[silence] * 9)[-1] == "unknown"
    assert _life("abnormal", *[silence] * 9, "abnormal")[-1] == "pending"
    assert _life(*["abnormal"] * 3, "normal", *[silence] * 9, "normal")[-1] == "clearing"


def test_a_restart_keeps_the_key(tmp_path: Path) -> None:
    ledger, path = Ledger(), tmp_path / "alerts.json"
    assert Ledger.load(path).alerts == []
    _life(*["abnormal"] * 3, ledger=ledger)
    ledger.save(path)
    (before,), (after,) = ledger.alerts, Ledger.load(path).alerts
    assert before.key == after.key
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(RuntimeError, match="expected the state of alerts"):
        Ledger.load(path)


def test_alerts_of_a_rule_that_is_gone_end() -> None:
    ledger = Ledger()
    _life(*["abnormal"] * 3, ledger=ledger)
    ledger.end_others([], 900.0)
    assert [one.ended for one in ledger.alerts] == [900.0]
