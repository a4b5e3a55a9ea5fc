"""The same stream in real stores, written by the real sinks: every KPI is the oracle's number, or is refused.

Counts and sums of whole numbers are exact, sums and means of floating-point numbers within 1e-9, the percentiles of
`SKETCHES` within a rank. Many questions go in one request, compiled and read as `lakescope.query.ask` does.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from kpis import CATALOGUE, Query, UnsupportedError, elasticsearch, influxql
from kpis.model import Part
from lakescope.pipeline import Sink
from lakescope.query import ask
from sinks.duckdb import DuckdbOptions, DuckdbSink
from sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink
from sinks.influxdb import InfluxdbOptions, InfluxdbSink
from tests.kpis._oracle import answer, percentile_bounds
from tests.kpis._queries import queries, tolerance
from tests.kpis.conftest import END, START, Lake
from tests.servers.fixtures import delete_indices

Rows = list[dict[str, Any]]
Oracle = Callable[[str, int, Query], dict[tuple[Any, ...], Any]]
BATCH = 2000  # chunks a write

SKETCHES = {("opensearch", 0.5), ("opensearch", 0.95), ("influxdb", 0.95)}
"""Store and quantile of percentiles that are within `percentile_bounds` only."""

REFUSED: dict[str, set[tuple[str, str]]] = {
    "influxdb": {
        ("transfers_failed", "error_class is none"),
        ("files_failing", "error_class is none"),
        ("rules_stuck", "scope is none"),
        ("oldest_stuck_rule", "scope is none"),
    }
}
"""Store -> what it must refuse: KPI and reason. A refusal that does not stand here fails the test."""


class Store(NamedTuple):
    """A store that holds the lake."""

    name: str
    kind: str
    sink: Sink
    ask_all: Callable[[Sequence[Query]], list[Rows]]
    """Rows of many queries that the store supports."""

    def supports(self, query: Query) -> str | None:
        """Null, or why not."""
        try:
            if self.kind == "influxdb":
                influxql.compile_query(query, InfluxdbSink.tags[query.kpi.dataset])
            elif self.kind == "elasticsearch":
                elasticsearch.compile_query(query)
        except UnsupportedError as error:
            return str(error)
        return None


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
def oracle(lake: Lake) -> Oracle:
    """The true answers, worked out once for all stores."""
    known: dict[tuple[str, int], dict[tuple[Any, ...], Any]] = {}

    def true(name: str, index: int, query: Query) -> dict[tuple[Any, ...], Any]:
        if (name, index) not in known:
            known[name, index] = answer(query, lake.of(query.kpi.dataset))
        return known[name, index]

    return true


@pytest.mark.parametrize("name", CATALOGUE)
def test_agrees_with_the_oracle(name: str, lake: Lake, store: Store, oracle: Oracle) -> None:
    kpi = CATALOGUE[name]
    mine = lake.of(kpi.dataset)
    asked = queries(kpi, mine)
    reasons = [store.supports(query) for query in asked]
    expected = [reason for refused, reason in REFUSED.get(store.name, ()) if refused == name]
    for reason in filter(None, reasons):
        assert any(wanted in reason for wanted in expected), reason
        assert "a store of type duckdb" in reason
    assert bool(expected) == any(reasons), f"{store.name} has learnt to answer {name}: take it out of REFUSED"
    supported = [query for query, reason in zip(asked, reasons, strict=True) if reason is None]
    sketched = isinstance(kpi.value, Part) and (store.name, kpi.value.quantile) in SKETCHES
    for query, rows in zip(supported, store.ask_all(supported), strict=True):
        if sketched:
            _compare_sketch(query, rows, mine)
        else:
            _compare(query, rows, oracle(name, asked.index(query), query), tolerance(kpi))


def _compare_sketch(query: Query, rows: Rows, documents: list[dict[str, Any]]) -> None:
    bounds = percentile_bounds(query, documents)
    for key, row in zip(_keys(query, rows), rows, strict=True):
        low, high = bounds.get(key, (None, None))
        assert row["value"] is low or low <= row["value"] <= high, (query.by, key, low, high)
    assert {
        key for key, row in zip(_keys(query, rows), rows, strict=True) if row["value"] is not None
    } == bounds.keys()


def _compare(query: Query, rows: Rows, wanted: dict[tuple[Any, ...], Any], near: float) -> None:
    said = f"{query.kpi.name} by {query.by} every {query.bin_s} filters {query.filters} noise {query.noise}"
    columns = [*(["time"] if query.bin_s else []), *query.by]
    assert all(list(row) == [*columns, "value"] for row in rows), said
    keys = _keys(query, rows)
    assert set(keys) == wanted.keys(), said
    assert keys == sorted(keys, key=lambda key: [(part is None, part) for part in key]), said
    for key, row in zip(keys, rows, strict=True):
        value = wanted[key]
        if value is None or near == 0:
            assert (row["value"], type(row["value"])) == (value, type(value)), (said, key)
        else:
            assert row["value"] == pytest.approx(value, rel=near, abs=1e-12), (said, key)


def _keys(query: Query, rows: Rows) -> list[tuple[Any, ...]]:
    bins = [[datetime.fromisoformat(row["time"])] if query.bin_s else [] for row in rows]
    return [(*bin_, *(row[name] for name in query.by)) for bin_, row in zip(bins, rows, strict=True)]


def test_something_is_measured(lake: Lake) -> None:
    """A KPI that is null or 0 in every hour proves nothing."""
    for name, kpi in CATALOGUE.items():
        hours = answer(Query(kpi=kpi, since=START, until=END, bin_s=3600), lake.of(kpi.dataset))
        assert set(hours.values()) - {0, None}, name


def test_ask_is_the_same(lake: Lake, store: Store) -> None:
    """By the way that `lakescope query` and /api/kpis take."""
    for name in ("transfer_efficiency", "storage_growth", "attempts_per_file", "deletion_rate"):
        kpi = CATALOGUE[name]
        query = Query(kpi=kpi, since=START, until=END, by=kpi.dimensions[:2], bin_s=7200)
        _compare(query, ask(query, store.sink, store.kind), answer(query, lake.of(kpi.dataset)), 1e-9)


def test_many_pages_are_one_answer(lake: Lake, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elasticsearch answers groups page by page; the others in one piece."""
    monkeypatch.setattr(elasticsearch, "PAGE", 30)
    for name in ("transfer_efficiency", "storage_growth", "files_failing", "queue_time_p95"):
        kpi = CATALOGUE[name]
        query = Query(kpi=kpi, since=START, until=END, by=kpi.dimensions[2:3], bin_s=1800)
        if (store.name, getattr(kpi.value, "quantile", None)) in SKETCHES:
            _compare_sketch(query, ask(query, store.sink, store.kind), lake.of(kpi.dataset))
        else:
            _compare(query, ask(query, store.sink, store.kind), answer(query, lake.of(kpi.dataset)), 1e-9)


def test_a_range_without_events_has_no_value(store: Store) -> None:
    span = {
        "since": datetime.fromisoformat("2031-01-01T00:00:00Z"),
        "until": datetime.fromisoformat("2031-01-02T00:00:00Z"),
    }
    for name, value in (
        ("transfer_efficiency", None),
        ("transfers_done", 0),
        ("storage_used", None),
        ("deletion_rate", 0),
    ):
        assert ask(Query(kpi=CATALOGUE[name], **span), store.sink, store.kind) == [{"value": value}]
        assert ask(Query(kpi=CATALOGUE[name], bin_s=3600, **span), store.sink, store.kind) == []


# --- the stores


def _write(sink: Any, lake: Lake) -> None:
    chunks = [chunk for chunk in sink.encode(lake.events, lake.encoded) if chunk is not None]
    for start in range(0, len(chunks), BATCH):
        outcome = sink.write(chunks[start : start + BATCH])
        assert not (outcome.retry or outcome.rejected), outcome


def _duckdb(request: pytest.FixtureRequest, lake: Lake, folder: Path, ending: ExitStack) -> Store:
    sink = DuckdbSink("store", DuckdbOptions(), folder)
    ending.callback(sink.close)
    _write(sink, lake)
    return Store("duckdb", "duckdb", sink, lambda asked: [ask(query, sink, "duckdb") for query in asked])


def _elasticsearch(request: pytest.FixtureRequest, lake: Lake, folder: Path, ending: ExitStack) -> Store:
    server = request.getfixturevalue(request.param)
    prefix = f"t{uuid.uuid4().hex[:10]}"
    options = ElasticsearchOptions(urls=[server.url], prefix=prefix, replicas=0, flavour=request.param)
    sink = ElasticsearchSink("store", options, folder)
    ending.callback(sink.close)
    ending.callback(delete_indices, server.url, prefix)
    list(sink.setup())
    _write(sink, lake)
    client = ending.enter_context(httpx.Client(base_url=server.url, trust_env=False, timeout=60))
    client.post(f"/{prefix}-*/_refresh").raise_for_status()

    def ask_all(asked: Sequence[Query]) -> list[Rows]:
        """The first pages of all in one request, further ones by the sink."""
        head = {"index": f"{prefix}-{asked[0].kpi.dataset}-*", "allow_partial_search_results": False}
        bodies = [elasticsearch.compile_query(query) for query in asked]
        lines = [json.dumps(line) for body in bodies for line in (head, body)]
        response = client.post(
            "/_msearch", content="\n".join([*lines, ""]), headers={"content-type": "application/x-ndjson"}
        )
        answers = response.raise_for_status().json()["responses"]
        return [_paged(query, found, sink) for query, found in zip(asked, answers, strict=True)]

    return Store(request.param, "elasticsearch", sink, ask_all)


def _paged(query: Query, first: dict[str, Any], sink: ElasticsearchSink) -> Rows:
    pages = count()

    def search(body: dict[str, Any]) -> dict[str, Any]:
        return first if next(pages) == 0 else sink.search(query.kpi.dataset, body)

    return elasticsearch.ask(query, search)


def _influxdb(request: pytest.FixtureRequest, lake: Lake, folder: Path, ending: ExitStack) -> Store:
    server = request.getfixturevalue("influxdb")
    database = f"t{uuid.uuid4().hex[:10]}"
    sink = InfluxdbSink("store", InfluxdbOptions(url=server.url, database=database), folder)
    ending.callback(sink.close)
    ending.callback(sink.query, f'DROP DATABASE "{database}"')
    list(sink.setup())
    _write(sink, lake)

    def ask_all(asked: Sequence[Query]) -> list[Rows]:
        """All statements in one request."""
        compiled = [influxql.compile_query(query, sink.tags[query.kpi.dataset]) for query in asked]
        if not compiled:
            return []
        results = iter(sink.query(";\n".join(one.text for one in compiled)))
        return [
            influxql.rows(query, [next(results) for _ in range(len(one.parts) + bool(one.groups))])
            for query, one in zip(asked, compiled, strict=True)
        ]

    return Store("influxdb", "influxdb", sink, ask_all)
