"""A backtest finds the alerts that the rounds of a running instance find, in fewer requests, and says who is notified."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from lakescope.alerts.catalogue import RULES
from lakescope.alerts.routing import Subscription
from lakescope.app.alert_cases import START, AlertCase
from lakescope.app.alerts import ROUND_S, Evaluator
from lakescope.app.backtest import Span, backtest, choose_rules
from lakescope.core.contracts import RefusedError
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink
from lakescope.sinks.influxdb import InfluxdbOptions, InfluxdbSink
from tests.e2e import _commands
from tests.servers.fixtures import delete_indices

CASES = Path(__file__).parents[1] / "cases" / "alerts"


def case_of(rule: str, name: str) -> AlertCase:
    return AlertCase(rule, CASES / rule / name)


LINK = case_of("transfer_efficiency_link", "a_link_breaks")
BASELINE = case_of("rules_stuck_rising", "a_hundred_at_once")
ABSENCE = case_of("data_source_silent", "a_collector_hears_nothing")
MINUTE = 60


def span_of(case: AlertCase, step_s: int = 600) -> Span:
    return Span.of(START, START + case.table().to * MINUTE, step_s)


def write(case: AlertCase, sink: Any) -> None:
    table = case.events()
    chunks = [one for one in sink.encode(table, [msgspec.json.encode(event) for event in table]) if one]
    for first in range(0, len(chunks), 1000):
        outcome = sink.write(chunks[first : first + 1000])
        assert not (outcome.retry or outcome.rejected)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Any]:
    with closing(DuckdbSink("store", DuckdbOptions(), tmp_path)) as sink:
        list(sink.setup())
        yield sink


def stepped(case: AlertCase, sink: Any, span: Span) -> list[tuple[Any, ...]]:
    """What the instance's own evaluator finds in the same rounds."""
    evaluator = Evaluator({case.rule: RULES[case.rule]}, sink)
    for at in span.rounds:
        evaluator.step(at)
    return sorted(
        (one.opened, one.ended, one.annotations["summary"], one.severity) for one in evaluator.ledger.alerts
    )


@pytest.mark.parametrize("case", [LINK, BASELINE, ABSENCE], ids=lambda case: case.rule)
def test_it_finds_what_rounds_find(case: AlertCase, store: Any) -> None:
    write(case, store)
    span = span_of(case)
    result = backtest({case.rule: RULES[case.rule]}, {}, store, span)
    found = sorted((one.opened, one.ended, one.summary, one.severity) for one in result.alerts)
    assert found
    assert found == stepped(case, store, span)


def test_an_hour_is_asked_at_once(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write(LINK, store)
    requests = []
    answer = store.answer

    def counted(queries: Any) -> Any:
        requests.append(len(queries))
        return answer(queries)

    monkeypatch.setattr(store, "answer", counted)
    span = Span.of(START, START + 3600, ROUND_S)
    backtest({LINK.rule: RULES[LINK.rule]}, {}, store, span)
    assert len(span.rounds) == 13
    assert len(requests) == 3  # the first: is there any event at all?


def test_who_is_notified(store: Any) -> None:
    write(LINK, store)
    subscriptions = {
        "site": Subscription(receivers=["b"], sites=["B"], escalate_after_s=1800, escalate_to=["lead"]),
        "elsewhere": Subscription(receivers=["c"], sites=["C"]),
    }
    (alert,) = backtest({LINK.rule: RULES[LINK.rule]}, subscriptions, store, span_of(LINK)).alerts
    table = LINK.table()
    minute = table.fires[0].minute
    opened = START + minute * MINUTE
    assert alert.labels == {"src_site": "A", "dst_site": "B"}
    assert [(one.receiver, one.event, one.at) for one in alert.notified] == [
        ("b", "opened", opened),
        ("lead", "escalated", opened + 1800),
    ]
    assert alert.ended is None
    assert alert.open_s == (table.to - minute) * MINUTE


def test_another_threshold(store: Any) -> None:
    case = case_of("transfer_efficiency_link", "two_thirds_fail")
    write(case, store)
    for threshold, count in ((None, 0), (0.4, 1)):
        result = backtest(choose_rules(RULES, case.rule, threshold), {}, store, span_of(case, 900))
        assert len(result.alerts) == result.rules[0].alerts == count


def test_what_has_no_data_at_all_is_asked_for_once(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write(LINK, store)
    asked = []
    answer = store.answer
    monkeypatch.setattr(store, "answer", lambda queries: asked.append(len(queries)) or answer(queries))
    rules = {name: RULES[name] for name in (ABSENCE.rule, "quota_account")}
    found = backtest(rules, {}, store, span_of(LINK)).rules
    assert [(one.rule, one.alerts, one.judged, one.not_judged) for one in found] == [
        (ABSENCE.rule, 0, 0, "no data"),
        ("quota_account", 0, 0, "no data"),
    ]
    assert asked == [2]


def test_a_store_that_does_not_answer_is_no_quiet_past(store: Any) -> None:
    store.connection.execute("drop table transfers")
    with pytest.raises(RefusedError):
        backtest({LINK.rule: RULES[LINK.rule]}, {}, store, span_of(LINK))


@pytest.mark.parametrize(
    ("name", "threshold", "text"),
    [
        (None, 0.3, "name the rule"),
        ("transfer_efficiency_lin", None, "did you mean 'transfer_efficiency_link'?"),
        (LINK.rule, 3.0, "expected a share"),
        (ABSENCE.rule, 0.3, "has no threshold"),
    ],
)
def test_rules_that_cannot_be_chosen(name: str | None, threshold: float | None, text: str) -> None:
    with pytest.raises(ValueError, match=text.replace("?", r"\?")):
        choose_rules(RULES, name, threshold)


def test_rounds_of_a_range() -> None:
    assert Span.of(1000, 2000, 300).rounds == [1200, 1500, 1800]
    for step in (0, 100, 1200):
        with pytest.raises(ValueError, match="5min, 10min, 15min"):
            Span.of(0, 3600, step)
    with pytest.raises(ValueError, match="no round"):
        Span.of(1000, 1100, 300)


CONFIGURATION = """
data_dir = "{folder}"
[collectors.push]
type = "http"
[sinks.store]
type = "duckdb"
[alerts.receivers.chat]
type = "slack"
url = "https://chat.example.org/hook"
"""


def test_the_command(tmp_path: Path) -> None:
    with closing(DuckdbSink("store", DuckdbOptions(), tmp_path)) as sink:
        list(sink.setup())
        write(LINK, sink)
    config = tmp_path / "lakescope.toml"
    config.write_text(CONFIGURATION.format(folder=tmp_path))

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        ends = [f"{datetime.fromtimestamp(one, UTC):%Y-%m-%dT%H:%M:%S}" for one in span_of(LINK)[:2]]
        span = ("--since", ends[0], "--until", ends[1], "--step", "10min", "-c", str(config))
        return _commands.lakescope("alerts", "backtest", *span, *words)

    shown = run(LINK.rule)
    assert shown.returncode == 0, shown.stderr
    assert "2026-11-02T01:20:00Z" in shown.stdout
    assert "chat" in shown.stdout
    assert "100 min, still open" in shown.stdout
    assert "19 rounds" in shown.stdout
    assert "not known: nobody acknowledges" in shown.stdout
    document = json.loads(run(LINK.rule, "--format", "json").stdout)
    assert [one["receiver"] for one in document["alerts"][0]["notified"]] == ["chat"]


@pytest.mark.parametrize("case", [LINK, ABSENCE], ids=lambda case: case.rule)
@pytest.mark.parametrize(
    "kind", [pytest.param(one, marks=pytest.mark.server(one)) for one in ("elasticsearch", "influxdb")]
)
def test_other_stores_find_the_same(
    kind: str, case: AlertCase, store: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server, own = request.getfixturevalue(kind), f"t{uuid.uuid4().hex[:10]}"
    sink: Any
    with ExitStack() as ending:
        if kind == "elasticsearch":
            options = ElasticsearchOptions(urls=[server.url], prefix=own, replicas=0)
            sink = ElasticsearchSink("store", options, tmp_path)
            ending.callback(delete_indices, server.url, own)
            ending.callback(sink.close)
        else:
            sink = InfluxdbSink("store", InfluxdbOptions(url=server.url, database=own), tmp_path)
            ending.callback(sink.close)
            ending.callback(sink.query, f'DROP DATABASE "{own}"')
        list(sink.setup())
        for one in (store, sink):
            write(case, one)
        if kind == "elasticsearch":
            httpx.post(f"{server.url}/{own}-*/_refresh", trust_env=False, timeout=60).raise_for_status()
        here, there = (
            backtest({case.rule: RULES[case.rule]}, {}, one, span_of(case)).alerts for one in (store, sink)
        )
        assert here
        assert there == here
