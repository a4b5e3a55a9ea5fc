"""An alert's life: it opens and ends once, nothing ends while nothing is known, and a restart changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from lakescope.alerts.model import Peers, Rule, Threshold, Verdict
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


def test_a_peer_ends_when_its_pairs_are_well_and_none_of_them_opens_meanwhile() -> None:
    peers = Peers(dimensions=("src_host",), least=2, label="host", summary="{peer} with {count}")
    rule = replace(RULE, by=("src_host", "dst_host"), peers=peers, summary="{src_host}", hold_s=7200)
    ledger = Ledger()

    def opened(states: str, at: float) -> dict[str, bool]:
        """A letter each of X's pairs: bad, good, nothing known; who has an alert, and whether it has ended."""
        kinds: dict[str, Any] = {"b": "abnormal", "g": "normal", "-": "too few"}
        found = [
            Verdict(rule=rule.name, group=("X", str(number)), state=kinds[one])
            for number, one in enumerate(states)
        ]
        if states.count("b") >= 2:
            found = [replace(one, covered_by="X" if one.state == "abnormal" else None) for one in found]
            found.append(Verdict(rule=rule.name, group=("X",), state="abnormal", count=states.count("b")))
        ledger.step(rule, found, at)
        return {
            one.labels.get("src_host", "") + one.labels.get("host", "*"): one.ended is not None
            for one in ledger.alerts
        }

    for number in range(3):
        assert opened("bbb", 300.0 * number) == ({"X": False} if number == 2 else {})
    assert opened("---", 900.0) == {"X": False}  # held
    assert opened("bgg", 1200.0) == opened("ggg", 1500.0) == {"X": False}
    assert opened("ggg", 1800.0) == {"X": True}
    ledger.ended.clear()
    for number in range(4):
        opened("bbg", 2100.0 + 300 * number)
    for number in range(2):
        assert opened("bgg", 3300.0 + 300 * number) == {"X": False}
    opened("bgg", 3900.0)
    assert opened("bgg", 4200.0) == {"X": True, "X*": False}  # what is left is a pair's own


def test_a_pair_that_fired_before_its_peer_is_covered_also_while_nothing_is_known() -> None:
    peers = Peers(dimensions=("src_host", "dst_host"), least=2, label="host", summary="{peer} with {count}")
    rule = replace(RULE, by=("src_host", "dst_host"), peers=peers, summary="{src_host}", for_s=0)
    ledger, pair = Ledger(), Verdict(rule=rule.name, group=("X", "1"), state="abnormal")

    def state(*verdicts: Verdict, at: float) -> tuple[str, str | None]:
        ledger.step(rule, verdicts, at)
        one = next(one for one in ledger.watched if one.group == pair.group)
        return one.state, one.covered_by

    assert state(pair, at=0.0) == ("firing", None)
    peer = Verdict(rule=rule.name, group=("X",), state="abnormal", count=2)
    assert state(replace(pair, covered_by="X"), peer, at=300.0) == ("covered", "X")
    assert state(Verdict(rule=rule.name, state="unknown"), at=600.0) == ("unknown", "X")
    assert state(replace(pair, covered_by="X"), peer, at=900.0) == ("covered", "X")
    assert state(pair, at=1200.0) == ("covered", "X")  # the peer is clearing
    assert state(pair, at=2100.0) == ("covered", "X")  # it has ended
    assert state(pair, at=2400.0) == ("firing", None)


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
