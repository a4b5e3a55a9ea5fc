"""Every folder of tests/cases/alerts, as `lakescope alerts test` runs it; one of each kind of rule in other stores, too."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakescope.alerts.catalogue import RULES
from lakescope.app.alert_cases import AlertCase, clear, find
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink
from lakescope.sinks.influxdb import InfluxdbOptions, InfluxdbSink
from tests.servers.fixtures import delete_indices

FOLDER = Path(__file__).parents[1] / "cases" / "alerts"
CASES = [*find(FOLDER)]
ELSEWHERE = (
    "network_unreachable/a_firewall_before_one_host",  # a threshold with a volume and peers
    "network_delay/a_longer_route",  # a baseline
    "network_clock_correction/one_host_is_ahead",  # a comparison
    "service_down/one_service",  # a state, filtered by what is not known
    "storage_silent/reports_stop",  # an absence
)


@pytest.fixture(scope="module")
def store() -> Iterator[DuckdbSink]:
    """One for all cases."""
    sink = DuckdbSink("cases", DuckdbOptions(path=Path(":memory:")), Path())
    yield sink
    sink.close()


@pytest.mark.parametrize("case", CASES, ids=[f"{one.rule}-{one.path.name}" for one in CASES])
def test_a_rule_fires_when_it_should(case: AlertCase, store: DuckdbSink) -> None:
    clear(store)
    assert case.run(RULES, store) == []


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize(
    "store_type", [pytest.param(one, marks=pytest.mark.server(one)) for one in ("elasticsearch", "influxdb")]
)
def test_it_fires_at_the_same_minute_in_other_stores(
    store_type: str, name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    server, own = request.getfixturevalue(store_type), f"t{uuid.uuid4().hex[:10]}"
    rule, _, folder = name.partition("/")
    refresh: Callable[[], Any] = lambda: None  # noqa: E731 - one of two
    sink: Any
    with ExitStack() as ending:
        if store_type == "elasticsearch":
            options = ElasticsearchOptions(urls=[server.url], prefix=own, replicas=0)
            sink = ElasticsearchSink("store", options, tmp_path)
            ending.callback(delete_indices, server.url, own)
            ending.callback(sink.close)
            refresh = lambda: httpx.post(f"{server.url}/{own}-*/_refresh", trust_env=False, timeout=60)  # noqa: E731
        else:
            sink = InfluxdbSink("store", InfluxdbOptions(url=server.url, database=own), tmp_path)
            ending.callback(sink.close)
            ending.callback(sink.query, f'DROP DATABASE "{own}"')
        list(sink.setup())
        assert AlertCase(rule, FOLDER / rule / folder).run(RULES, sink, refresh) == []


def test_each_rule_has_a_case_that_fires_and_one_that_does_not() -> None:
    fires = {case.rule: [] for case in CASES}  # type: dict[str, list[bool]]
    for case in CASES:
        fires[case.rule].append(bool(case.table().fires))
    assert {rule for rule, found in fires.items() if {*found} == {True, False}} == {*RULES}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("to = 'x'", "expected a case of a rule: Expected `int`"),
        ("to = 5\n[[events]]\ndataset = 'transfer'", "dataset: expected one of transfers"),
        (
            "to = 5\n[[events]]\ndataset = 'transfers'\ndst_sites = 'A'",
            "no field 'dst_sites': write 'dst_site'",
        ),
        (
            "to = 5\n[[events]]\ndataset = 'transfers'\nevent = 'done'\nok = 'yes'",
            "[[events]] 1: Expected `bool",
        ),
        ("to = 5\nevents = []", "there is no rule 'network_los': did you mean 'network_loss'?"),
    ],
)
def test_a_case_that_cannot_be_used_says_where(
    text: str, expected: str, tmp_path: Path, store: DuckdbSink
) -> None:
    folder = tmp_path / ("network_los" if "network" in expected else "network_loss") / "case"
    folder.mkdir(parents=True)
    (folder / "case.toml").write_text(text)
    (case,) = find(tmp_path)
    with pytest.raises(ValueError, match=r".*") as raised:
        case.run(RULES, store)
    assert expected in str(raised.value)


def test_what_differs_is_said(tmp_path: Path, store: DuckdbSink) -> None:
    folder = tmp_path / "host_disk_full" / "case"
    folder.mkdir(parents=True)
    text = (FOLDER / "host_disk_full" / "logs" / "case.toml").read_text()
    (folder / "case.toml").write_text(text.replace("minute = 90", 'minute = 75\nsummary = "x"'))
    (case,) = find(tmp_path)
    clear(store)
    first, second = case.run(RULES, store)
    assert first == "fires for host h at minute 90; expected at 75"
    assert second.startswith("says 'h") and second.endswith("expected 'x' in it")
