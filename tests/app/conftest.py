"""Stores that can be searched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakescope.core.events import Event
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink
from lakescope.sinks.influxdb import InfluxdbOptions, InfluxdbSink
from tests.app._searched import Store
from tests.contract._bodies import documents_of


@pytest.fixture
def duckdb_store(tmp_path: Path) -> Iterator[Any]:
    sink = DuckdbSink("store", DuckdbOptions(), tmp_path)
    yield sink
    sink.close()


@pytest.fixture
def elasticsearch_store(elasticsearch: Any, index_prefix: str) -> Iterator[Any]:
    sink = ElasticsearchSink(
        "store", ElasticsearchOptions(urls=[elasticsearch.url], prefix=index_prefix), Path()
    )
    list(sink.setup())
    yield sink
    sink.close()


@pytest.fixture
def opensearch_store(opensearch: Any, opensearch_prefix: str) -> Iterator[Any]:
    options = ElasticsearchOptions(urls=[opensearch.url], prefix=opensearch_prefix, flavour="opensearch")
    sink = ElasticsearchSink("store", options, Path())
    list(sink.setup())
    yield sink
    sink.close()


@pytest.fixture
def influxdb_store(influxdb: Any, influx_database: str) -> Iterator[Any]:
    sink = InfluxdbSink("store", InfluxdbOptions(url=influxdb.url, database=influx_database), Path())
    yield sink
    sink.close()


@pytest.fixture(params=["duckdb", "elasticsearch", "opensearch", "influxdb"])
def store(request: pytest.FixtureRequest) -> Store:
    sink = request.getfixturevalue(f"{request.param}_store")

    def write(events: Sequence[Event]) -> Any:
        outcome = sink.write(
            [chunk for chunk in sink.encode(events, documents_of(events)) if chunk is not None]
        )
        assert not outcome.rejected and not outcome.retry
        if isinstance(sink, ElasticsearchSink):
            url = f"{sink.options.urls[0]}/{sink.options.prefix}-*/_refresh"
            httpx.post(url, trust_env=False, timeout=30).raise_for_status()
        return sink

    return write
