"""Every KPI, by every dimension, by hour and by day, from DuckDB: the oracle's number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from kpis import CATALOGUE, Kpi, Query
from kpis.duckdb import compile_query
from lakescope.messages import Message
from lakescope.pipeline.normalise import Normaliser
from lakescope.plugins import formats
from simulator import Options, make_lake, simulate
from simulator.cric import rcsite_query, rse_query, service_query
from sinks.duckdb import DuckdbOptions, DuckdbSink
from tests.kpis._oracle import answer
from transformers.enrichment import Enrichment
from transformers.topology import Topology

START = datetime(2026, 3, 2, 22, tzinfo=UTC)
END = START + timedelta(hours=6)  # over midnight
DATASETS = ("transfers", "deletions", "storage", "rules", "fts_queue", "network", "probes")


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    """Six hours of a simulated lake, some messages repeated, out of order; each event once."""
    lake = make_lake()
    topology = Topology(rse_query(lake), service_query(lake), rcsite_query(lake))
    sources = ("rucio", "fts", "perfsonar", "push")
    wires = simulate(
        lake,
        seed=5,
        start=START,
        end=END,
        rate=400,
        sources=sources,
        options=Options(throughput=3600, latency=900),
    )
    messages = [Message(wire.body, wire.format, wire.headers, wire.time) for wire in wires]
    batch = Normaliser(formats(), Enrichment(topology))(messages)
    events = {event.id: json.loads(msgspec.json.encode(event)) for event in batch.events}
    return list(events.values())


@pytest.fixture(scope="module")
def store(documents: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckdbSink]:
    """The same in DuckDB, written twice."""
    sink = DuckdbSink("store", DuckdbOptions(), tmp_path_factory.mktemp("kpis"))
    chunks = [(document["dataset"], json.dumps(document).encode()) for document in documents]
    sink.write(chunks)
    sink.write(chunks[::-3])
    yield sink
    sink.close()


def queries(kpi: Kpi) -> list[Query]:
    """Whole; by each single dimension; by hour and by day; without functional tests."""
    span = {"kpi": kpi, "since": START, "until": END}
    return [
        Query(**span),
        *(Query(**span, by=(dimension,)) for dimension in kpi.dimensions),
        Query(**span, bin_s=3600),
        Query(**span, bin_s=86400, by=kpi.dimensions[:2]),
        *([Query(**span, noise=False)] if kpi.noise is not None else []),
    ]


@pytest.mark.parametrize("name", CATALOGUE)
def test_agrees_with_the_oracle(name: str, documents: list[dict[str, Any]], store: DuckdbSink) -> None:
    mine = [document for document in documents if document["dataset"] == CATALOGUE[name].dataset]
    for query in queries(CATALOGUE[name]):
        statement = compile_query(query)
        rows = store.query(statement.sql, statement.parameters)
        found = {}
        for row in rows:
            key = tuple(row.get(column) for column in query.by)
            if query.bin_s:
                key = (datetime.fromisoformat(row["time"]), *key)
            found[key] = row.get("value")
        wanted = answer(query, mine)
        assert found.keys() == wanted.keys(), statement.sql
        for key, value in wanted.items():
            assert found[key] == (value if value is None else pytest.approx(value, rel=1e-9)), (
                key,
                statement.sql,
            )


def test_something_is_measured(documents: list[dict[str, Any]]) -> None:
    """A KPI that is null for the whole simulated lake proves nothing."""
    whole = {
        name: answer(Query(kpi=kpi, since=START, until=END), documents)[()] for name, kpi in CATALOGUE.items()
    }
    silent = {name for name, value in whole.items() if value is None}
    assert silent <= {"oldest_stuck_rule", "storage_free"}, (
        silent
    )  # the simulator polls no rules, tells no free space
