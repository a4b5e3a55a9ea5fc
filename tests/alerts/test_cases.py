"""Every folder of tests/cases/alerts, as `lakescope alerts test` runs it; one of each kind of rule in other stores, too."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakescope.alerts.catalogue import RULES
from lakescope.app.alert_cases import AlertCase, clear, find
from lakescope.core.places import ConfigurationError
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
    "objective_transfer_efficiency_1h/two_of_five_fail",  # a burn rate
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
    fires: dict[str, set[bool]] = defaultdict(set)
    for case in CASES:
        fires[case.rule].add(bool(case.table().fires))
    assert {rule for rule, found in fires.items() if found == {True, False}} >= {*RULES}


# --- what is said of a case that differs, or cannot be used -----------------------------------------------

TEXT = """to = 120
from = 60

[[events]]
dataset = "transfers"
from = -60
copies = 25
source = "rucio"
event = "failed"
ok = false
src_site = "A"
dst_site = ["B"]

[[fires]]
minute = 90
labels = { src_site = "A", dst_site = "B" }
summary = "A to B"
"""
"""The rule fires half an hour after the first round."""


def _case(tmp_path: Path, old: str, new: str, rule: str = "transfer_efficiency_link") -> AlertCase:
    assert old in TEXT
    folder = tmp_path / rule / "other"
    folder.mkdir(parents=True)
    (folder / "case.toml").write_text(TEXT.replace(old, new, 1))
    (case,) = find(tmp_path)
    return case


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("to = 120", "to = 120", []),
        ("minute = 90", "minute = 95", ["fires for src_site A, dst_site B at minute 90; expected at 95"]),
        (
            '{ src_site = "A"',
            '{ src_site = "C"',
            [
                "does not fire for src_site C, dst_site B; expected at minute 90",
                "fires at minute 90 for src_site A, dst_site B: A to B: transfer efficiency",
            ],
        ),
        ("minute = 90", "minute = 90\nends = 105", ["does not end for src_site A, dst_site B; expected: ends"]),
        ('"A to B"', '"B to A"', ["says 'A to B: transfer efficiency"]),
        ('["B"]', '["B", "C"]', ["fires at minute 90 for src_site A, dst_site C"]),
        ("from = 60", 'from = 60\nstate = "ok"', ["its state at the end is 'firing'; expected 'ok'"]),
        ("from = 60", "from = 60\n[rule]\nfor_s = 0", ["fires for src_site A, dst_site B at minute 60"]),
        ("from = -60", "from = 25", ["fires for src_site A, dst_site B at minute 100; expected at 90"]),
        ("from = -60", "from = 25\nlate = 10", ["fires for src_site A, dst_site B at minute 105; expected at"]),
        ('"failed"\nok = false', '"submitted"', ["does not fire"]),
        ("from = -60", "from = -180\nto = -120", ["does not fire", "is not judged at the end, as there is no data"]),
    ],
)  # fmt: skip
def test_what_differs_is_said(
    old: str, new: str, expected: list[str], tmp_path: Path, store: DuckdbSink
) -> None:
    clear(store)
    found = _case(tmp_path, old, new).run(RULES, store)
    assert len(found) == len(expected), found
    assert all(one.startswith(text) for one, text in zip(found, expected, strict=True)), found


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ('"transfers"', '"transfer"', 5, ["there is no dataset 'transfer'", 'write "transfers"']),
        ("src_site", "src_sites", 11, ["transfers has no field `src_sites`", "write `src_site`"]),
        ("copies", "copis", 7, ["transfers has no field `copis`", "write `copies`"]),
        ("copies = 25", 'every = "x"', 7, ["expected `float`, found `str`"]),
        ("copies = 25", "every = 0", 4, ["expected minutes from `from` to `to`"]),
        ("ok = false", 'ok = "no"', 10, ["expected `bool | null`, found `str`"]),
        ("from = 60", "form = 60", 2, ["unknown field `form`", "write `from`"]),
        ("to = 120", "to = 30", 1, ["expected a round after minute 60, found to = 30", "to = 120"]),
        ("minute = 90", "minute = 92", 15, ["expected the minute of a round (60, 65, ..., 120), found 92"]),
        ("minute = 90", "minutes = 90", 15, ["unknown field `minutes`", "write `minute`"]),
        ("from = 60", "[rule]\nfor = 3", 3, ["no option `for`", "write `for_s`"]),
        ("from = 60", "[rule]\nthreshold = 20", 3, ["expected a share above 0 and up to 1"]),
        ("from = 60", '[objective]\nkpi = "x"\ntarget = 0.9', 2, ["there is no KPI 'x'"]),
        ("to = 120", "to = ninety", None, ["expected TOML"]),
        ("to = 120\nfrom = 60\n", "", None, ["missing required field `to`"]),
    ],
)
def test_a_case_that_cannot_be_used_says_where(
    old: str, new: str, line: int | None, expected: list[str], tmp_path: Path, store: DuckdbSink
) -> None:
    case = _case(tmp_path, old, new)
    with pytest.raises(ConfigurationError) as raised:
        case.run(RULES, store)
    text = str(raised.value)
    assert text.startswith(f"{case.path}/case.toml:{line or ''}"), text
    assert all(one in text for one in expected), text
    assert "remedy: " in text


def test_the_folder_names_the_rule(tmp_path: Path, store: DuckdbSink) -> None:
    case = _case(tmp_path, "to", "to", "transfer_efficiency_lnk")
    with pytest.raises(ConfigurationError, match=r"(?s)no rule.*name the folder transfer_efficiency_link"):
        case.run(RULES, store)


def test_numbers_grow_and_texts_differ_from_event_to_event(tmp_path: Path, store: DuckdbSink) -> None:
    row = 'to = -50\nname = "{minute}-{index}-{number}{}"\nretry = { first = 2, step = 3 }\ncopies = 2'
    clear(store)
    _case(tmp_path, "copies = 25", row).run(RULES, store)
    events = store.query("select name, retry, strftime(time, '%H:%M') as at from transfers order by name")
    assert [(one["name"], one["retry"], one["at"]) for one in events] == [
        (f"{minute}-{index}-{number}{{}}", retry, at)
        for minute, index, retry, at in ((-55, 1, 5, "23:05"), (-60, 0, 2, "23:00"))
        for number in (0, 1)
    ]
