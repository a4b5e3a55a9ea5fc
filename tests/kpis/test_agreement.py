"""The same stream in real stores, written by the real sinks: every KPI is the oracle's number, or is refused.

Counts and sums of whole numbers are exact, sums and means of floating-point numbers within 1e-9, the percentiles of
`SKETCHES` within a rank. All are asked by the way that `lakescope query`, the pages and /api/kpis take.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from lakescope.app.query import ask, ask_many
from lakescope.app.restriction import SHARED, restricted, sees
from lakescope.app.viewer import Role, Viewer
from lakescope.core.contracts import SearchableSink
from lakescope.core.events import DATASETS
from lakescope.kpis import CATALOGUE, Query, UnsupportedError, comparisons, elasticsearch
from lakescope.kpis.model import Comparison, Condition, EventsQuery, Part, StatesQuery
from lakescope.sinks import _elastic_answers
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink
from lakescope.sinks.influxdb import InfluxdbOptions, InfluxdbSink
from tests.kpis._oracle import Oracle
from tests.kpis._queries import DAY, EVERY_QUESTION, Near, queries, tolerance
from tests.kpis.conftest import END, START, Lake
from tests.servers.fixtures import delete_indices

Rows = list[dict[str, Any]]
BATCH = 2000  # chunks a write; of DuckDB, whose statements cost more than their rows, all
QUESTIONS = 12  # a request, as a page asks them: all 60 at once are too much for a node of 512 MB
NEAR = Near(1e-9, 1e-12)

THIRDS = {} if EVERY_QUESTION else {"elasticsearch": 0, "opensearch": 1, "influxdb": 2}
"""Store -> which third of the questions about a KPI it is asked. Each form of a question is asked about some KPI; DuckDB, which
is not here, is asked all."""

SKETCHES = {("opensearch", 0.5), ("opensearch", 0.95), ("influxdb", 0.95)}
"""Store and quantile of percentiles that are within `percentile_bounds` only."""

REFUSED: dict[str, set[tuple[str, str]]] = {
    "influxdb": {
        ("transfers_failed", "error_class is none"),
        ("transfers_failed", "error_template is none"),
        ("transfers_failed_by_credentials", "error_class is none"),
        ("transfers_failed_by_credentials", "error_template is none"),
        ("files_failing", "error_class is none"),
        ("files_failing", "error_template is none"),
        ("host_silence", "for the whole range only"),
        ("network_hosts_heard", "src_host is a tag"),
        ("silent_hosts", "src_host is a tag"),
        ("rucio_silence", "for the whole range only"),
    },
}
"""Store -> what it must refuse: KPI and reason. A refusal that does not stand here fails the test."""


class Store(NamedTuple):
    """A store that holds the lake."""

    name: str
    kind: str
    sink: Any


STORES = [
    "duckdb",
    *(
        pytest.param(name, marks=pytest.mark.server(name))
        for name in ("elasticsearch", "opensearch", "influxdb")
    ),
]


@pytest.fixture(scope="module", params=STORES)
def store(
    request: pytest.FixtureRequest, lake: Lake, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """One store after the other."""
    make = {"duckdb": _duckdb, "influxdb": _influxdb}.get(request.param, _elasticsearch)
    with ExitStack() as ending:
        yield make(request, lake, tmp_path_factory.mktemp("store"), ending)


@pytest.fixture(scope="module")
def questions(lake: Lake) -> Callable[[str], list[Query]]:
    """Those about a KPI, of which each store is asked all or its share."""

    @cache
    def of(name: str) -> list[Query]:
        return queries(CATALOGUE[name], lake.of(CATALOGUE[name].dataset))

    return of


@pytest.mark.parametrize("name", CATALOGUE)
def test_agrees_with_the_oracle(
    name: str, store: Store, oracle: Oracle, questions: Callable[[str], list[Query]]
) -> None:
    kpi, asked = CATALOGUE[name], questions(name)
    if not any(name == refused for refused, _ in REFUSED.get(store.name, ())):
        asked = _share(asked, store, list(CATALOGUE).index(name))
    answers = [
        answer
        for start in range(0, len(asked), QUESTIONS)
        for answer in ask_many(asked[start : start + QUESTIONS], store.sink)
    ]
    expected = {reason for refused, reason in REFUSED.get(store.name, ()) if refused == name}
    told = {str(answer) for answer in answers if isinstance(answer, UnsupportedError)}
    for reason in told:
        assert any(wanted in reason for wanted in expected), reason
        assert "a store of type duckdb" in reason
    for wanted in expected:
        assert any(wanted in reason for reason in told), f"{store.name} has learnt to answer {name}"
    sketched = isinstance(kpi.value, Part) and (store.name, kpi.value.quantile) in SKETCHES
    for query, answer in zip(asked, answers, strict=True):
        if isinstance(answer, UnsupportedError):
            continue
        if sketched:
            _compare_sketch(query, answer, oracle)
        else:
            _compare(query, answer, oracle.answer(query), tolerance(kpi, store.name))


def _share(asked: list[Any], store: Store, place: int) -> list[Any]:
    """At least one, of a KPI or dataset at that place."""
    if store.name not in THIRDS:
        return asked
    return asked[(THIRDS[store.name] + place) % 3 :: 3] or asked[:1]


def test_counters_are_read_page_by_page_and_not_without_end(
    store: Store, lake: Lake, oracle: Oracle, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.kind != "elasticsearch":
        pytest.skip("other stores read no pages of counters")
    monkeypatch.setattr(elasticsearch, "VALUES", 50)
    query = Query(kpi=CATALOGUE["rucio_cpu"], since=START, until=END, by=("instance",))
    _compare(query, ask(query, store.sink), oracle.answer(query), NEAR)
    monkeypatch.setattr(_elastic_answers, "PAGES", 2)
    with pytest.raises(UnsupportedError, match="rucio_cpu: more than 100 values of counters in this range"):
        ask(query, store.sink)


def _compare_sketch(query: Query, rows: Rows, oracle: Oracle) -> None:
    bounds = oracle.percentile_bounds(query)
    for key, row in zip(_keys(query, rows), rows, strict=True):
        low, high = bounds.get(key, (None, None))
        assert row["value"] is low or low <= row["value"] <= high, (query.by, key, low, high)
    assert {
        key for key, row in zip(_keys(query, rows), rows, strict=True) if row["value"] is not None
    } == bounds.keys()


def _compare(query: Query, rows: Rows, wanted: dict[tuple[Any, ...], Any], near: Near) -> None:
    said = f"{query.kpi.name} by {query.by} every {query.bin_s} filters {query.filters} noise {query.noise}"
    columns = [*(["time"] if query.bin_s else []), *query.by]
    columns += comparisons.columns(query.kpi)
    assert all(list(row) == [*columns, "value"] for row in rows), said
    keys = _keys(query, rows)
    assert set(keys) == wanted.keys(), said
    assert keys == sorted(keys, key=lambda key: [(part is None, part) for part in key]), said
    for key, row in zip(keys, rows, strict=True):
        value = wanted[key]
        if value is None or not any(near):
            assert (row["value"], type(row["value"])) == (value, type(value)), (said, key)
        else:
            assert row["value"] == pytest.approx(value, rel=near.relative, abs=near.absolute), (said, key)


def _keys(query: Query, rows: Rows) -> list[tuple[Any, ...]]:
    bins = [[datetime.fromisoformat(row["time"])] if query.bin_s else [] for row in rows]
    return [(*bin_, *(row[name] for name in query.by)) for bin_, row in zip(bins, rows, strict=True)]


def test_something_is_measured(oracle: Oracle) -> None:
    """A KPI that is null or 0 on every day, whatever it is grouped by, proves nothing."""
    for name, kpi in CATALOGUE.items():
        span: dict[str, Any] = {"kpi": kpi, "since": START, "until": END, "bin_s": DAY}
        asked = [Query(**span, by=by) for by in ((), *((dimension,) for dimension in kpi.dimensions))]
        if isinstance(kpi.value, Comparison):
            asked = queries(kpi, [])
        assert any(value not in (0, None) for query in asked for value in oracle.answer(query).values()), name


def test_many_pages_are_one_answer(store: Store, oracle: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elasticsearch answers groups page by page; the others in one piece."""
    monkeypatch.setattr(elasticsearch, "PAGE", 900)
    span: dict[str, Any] = {"since": START, "until": START + timedelta(days=1), "bin_s": 3600}
    for name in (
        "transfer_efficiency",
        "storage_growth",
        "files_failing",
        "queue_time_p95",
        "hosts_empty_hours",
    ):
        kpi = CATALOGUE[name]
        query = Query(kpi=kpi, by=kpi.dimensions[2:3], **span)
        if (store.name, getattr(kpi.value, "quantile", None)) in SKETCHES:
            _compare_sketch(query, ask(query, store.sink), oracle)
        else:
            _compare(query, ask(query, store.sink), oracle.answer(query), NEAR)


def test_a_range_without_events_has_no_value(store: Store) -> None:
    span = {
        "since": datetime.fromisoformat("2031-01-01T00:10:00Z"),
        "until": datetime.fromisoformat("2031-01-02T00:00:00Z"),
    }
    for name, value in (
        ("transfer_efficiency", None),
        ("transfers_done", 0),
        ("storage_used", None),
        ("deletion_rate", 0),
        ("host_silence", None),
        ("host_clock_offset", None),
        ("network_route_changes", None),
        ("hosts_empty_hours", 23),
    ):
        assert ask(Query(kpi=CATALOGUE[name], **span), store.sink) == [{"value": value}], name
        (binned,) = ask_many([Query(kpi=CATALOGUE[name], bin_s=3600, **span)], store.sink)
        assert binned == [] or ((store.name, name) == ("influxdb", "host_silence")), name


def test_less_than_an_hour_has_no_whole_one(store: Store) -> None:
    since = START + timedelta(days=2, minutes=40)  # 23:10 until 23:50
    kpi = CATALOGUE["transfers_empty_hours"]
    query = Query(kpi=kpi, since=since, until=since + timedelta(minutes=40), by=("source",))
    assert {row["source"]: row["value"] for row in ask(query, store.sink)} == {
        "rucio": 0,
        "fts": 0,
    }
    with pytest.raises(UnsupportedError, match="needs a bin of whole hours, found 1800 s"):
        Query(kpi=kpi, since=START, until=END, bin_s=1800)


def test_the_newest_events(store: Store, oracle: Oracle) -> None:
    """All that count, and the newest of them; InfluxDB's times are whole seconds."""
    conditions = (
        Condition("ok", "=", False),
        Condition("source", "=", "rucio"),
        Condition("error_class", "known"),
        Condition("dst_site", "in", ("PIC", "LAPP", "SARA-MATRIX")),
    )
    asked = EventsQuery(
        dataset="transfers",
        columns=("src_site", "activity", "error", "bytes", "created", "queue_s", "functional_test", "ok"),
        since=START,
        until=END,
        conditions=conditions,
        limit=10_000,
    )
    spec = "%FT%T" if store.kind == "influxdb" else "%FT%T.%f"
    rows, true = (
        [row | {name: _moment(row[name], spec) for name in ("time", "created")} for row in found]
        for found in (ask(asked, store.sink), oracle.newest(asked))
    )
    assert len(true) > 50
    assert [row["time"] for row in rows] == [row["time"] for row in true]
    assert sorted(rows, key=repr) == sorted(true, key=repr)
    newest = ask(msgspec.structs.replace(asked, limit=7), store.sink)
    assert [_moment(row["time"], spec) for row in newest] == [row["time"] for row in true[:7]]


def test_what_a_snapshot_counts_is_listed(store: Store, oracle: Oracle) -> None:
    """As many reports as the KPI counts, those of the oracle: each rule once, by its latest report."""
    columns = ("rule_id", "account", "age_s", "stuck_s")
    lengths = set()
    for hours in range(6, 73, 6):
        until = START + timedelta(hours=hours, minutes=7)
        counted = Query(kpi=CATALOGUE["rules_stuck"], since=until - timedelta(minutes=20), until=until)
        asked = StatesQuery(of=counted, columns=columns, limit=10_000)
        found, value = ask_many([asked, counted], store.sink)
        wanted = oracle.counted(asked)
        assert isinstance(found, list) and isinstance(value, list)
        assert len(found) == len(wanted) == (value[0]["value"] or 0)
        rows, true = (
            {row["rule_id"]: row | {"time": row["time"][:19]} for row in some} for some in (found, wanted)
        )
        assert rows == true
        assert [row["time"] for row in found] == sorted([row["time"] for row in found], reverse=True)
        assert ask(msgspec.structs.replace(asked, limit=3), store.sink) == found[:3]
        lengths.add(len(found))
    assert len(lengths) > 2, "nothing comes and goes"


VIEWERS = {
    "of escape, with shared": Viewer("", Role.READER, frozenset({"escape"}), shared=True),
    "of ska and cta": Viewer("", Role.READER, frozenset({"ska", "cta"}), shared=False),
    "of nothing": Viewer("", Role.READER, frozenset(), shared=False),
}


@pytest.fixture(scope="module")
def visible(lake: Lake) -> Callable[[Viewer, str], Oracle]:
    """The oracle of a lake that holds nothing but what a viewer sees, and the answers to polls of a dataset that they see."""

    @cache
    def of(viewer: Viewer, with_polls: bool) -> Oracle:
        return Oracle(
            one for one in lake.documents if sees(viewer, one) or (with_polls and one["dataset"] == "polls")
        )

    return lambda viewer, dataset: of(viewer, dataset != "polls" and (viewer.shared or dataset not in SHARED))


@pytest.mark.parametrize("viewer", [*VIEWERS][:2])
@pytest.mark.parametrize("dataset", DATASETS)
def test_a_viewer_gets_the_numbers_of_a_lake_of_their_vos(
    dataset: str, viewer: str, store: Store, visible: Callable[[Viewer, str], Oracle]
) -> None:
    who = VIEWERS[viewer]
    kpis = [
        kpi
        for kpi in CATALOGUE.values()
        # of windows without a value on either side the oracle has no rows, and the sides are KPIs of their own
        if kpi.dataset == dataset and not getattr(kpi.value, "window_s", 0)
    ]
    kpis = _share(kpis, store, 0)
    span: dict[str, Any] = {"since": START + timedelta(hours=88), "until": END}
    asked = [
        Query(kpi=kpi, **span, by=kpi.dimensions[:1] if number % 2 else (), bin_s=None if number % 3 else DAY)
        for number, kpi in enumerate(kpis)
        if (store.name, getattr(kpi.value, "quantile", None)) not in SKETCHES
    ]
    answers = ask_many(asked, restricted(store.sink, who))
    for query, answer in zip(asked, answers, strict=True):
        if not isinstance(answer, UnsupportedError):  # as of the whole lake, see above
            wanted = visible(who, dataset).answer(query)
            if (
                store.name == "influxdb"
            ):  # of two reports within a second it may count the one without a value
                answer = [row for row in answer if row["value"] is not None]
                wanted = {group: value for group, value in wanted.items() if value is not None}
            _compare(query, answer, wanted, tolerance(query.kpi, store.name))


def test_events_and_searches_are_those_of_the_viewer(store: Store, lake: Lake) -> None:
    for who in VIEWERS.values():
        view = restricted(store.sink, who)
        for dataset in ("transfers", "storage", "hosts"):
            asked = EventsQuery(
                dataset=dataset, columns=("vo", "source"), since=START, until=END, limit=100_000
            )
            expected = sum(sees(who, one) for one in lake.of(dataset))
            rows = ask(asked, view)
            assert len(rows) == expected, (who, dataset)
            assert isinstance(view, SearchableSink)
            found = view.find(dataset, "source", sorted({one["source"] for one in lake.of(dataset)}), 10_000)
            vos = {one.get("vo") for one in found}
            assert vos <= {*(who.vos or ()), *([None] if who.shared and dataset == "hosts" else [])}
            assert bool(found) == any(one.get("vo") in vos for one in lake.of(dataset))


def _moment(time: str, spec: str) -> str:
    return format(datetime.fromisoformat(time), spec)


# --- the stores


def _write(sink: Any, lake: Lake, batch: int = BATCH) -> None:
    chunks = [chunk for chunk in sink.encode(lake.events, lake.encoded) if chunk is not None]
    for start in range(0, len(chunks), batch):
        outcome = sink.write(chunks[start : start + batch])
        assert not (outcome.retry or outcome.rejected), outcome


def _duckdb(request: pytest.FixtureRequest, lake: Lake, folder: Path, ending: ExitStack) -> Store:
    sink = DuckdbSink("store", DuckdbOptions(), folder)
    ending.callback(sink.close)
    _write(sink, lake, len(lake.events))
    return Store("duckdb", "duckdb", sink)


def _elasticsearch(request: pytest.FixtureRequest, lake: Lake, folder: Path, ending: ExitStack) -> Store:
    server = request.getfixturevalue(request.param)
    prefix = f"t{uuid.uuid4().hex[:10]}"
    options = ElasticsearchOptions(urls=[server.url], prefix=prefix, replicas=0, flavour=request.param)
    sink = ElasticsearchSink("store", options, folder)
    ending.callback(sink.close)
    ending.callback(delete_indices, server.url, prefix)
    list(sink.setup())
    _write(sink, lake)
    httpx.post(f"{server.url}/{prefix}-*/_refresh", trust_env=False, timeout=60).raise_for_status()
    return Store(request.param, "elasticsearch", sink)


def _influxdb(request: pytest.FixtureRequest, lake: Lake, folder: Path, ending: ExitStack) -> Store:
    server = request.getfixturevalue("influxdb")
    database = f"t{uuid.uuid4().hex[:10]}"
    sink = InfluxdbSink("store", InfluxdbOptions(url=server.url, database=database), folder)
    ending.callback(sink.close)
    ending.callback(sink.query, f'DROP DATABASE "{database}"')
    list(sink.setup())
    _write(sink, lake)

    return Store("influxdb", "influxdb", sink)
