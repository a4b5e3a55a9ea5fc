"""`lakescope query` and /api/kpis over stores of every type that can answer."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from lakescope.app.query import ask
from lakescope.app.words import duration, moment, parse
from lakescope.cli.query import _print
from lakescope.core.contracts import RefusedError, TransientError
from lakescope.core.events import Transfer
from lakescope.kpis import CATALOGUE
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink
from lakescope.sinks.influxdb import InfluxdbOptions, InfluxdbSink
from tests.e2e import _commands
from tests.e2e._lakescope import Lakescope
from tests.servers.elasticsearch import Elasticsearch
from tests.servers.influxdb import InfluxDB

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
EVENTS = [
    Transfer(
        id=f"{n:032x}",
        time=f"{HOUR + timedelta(seconds=n):%Y-%m-%dT%H:%M:%SZ}",
        source="rucio",
        event="done" if n % 4 else "failed",
        ok=n % 4 != 0,
        src_rse="A" if n % 2 else "B",
        functional_test=n == 0,
    )
    for n in range(12)
]
WANTED = [{"src_rse": "A", "value": 1.0}, {"src_rse": "B", "value": 0.5}]


def fill(sink: Any) -> None:
    list(sink.setup())
    chunks = sink.encode(EVENTS, [msgspec.json.encode(event) for event in EVENTS])
    outcome = sink.write(chunks)
    assert not (outcome.retry or outcome.rejected)
    sink.close()


def lakescope(configuration: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _commands.lakescope("query", *arguments, "-c", configuration)


def rows_of(ended: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert ended.returncode == 0, ended.stderr
    rows: list[dict[str, Any]] = json.loads(ended.stdout)
    assert [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")] == rows
    return rows


@pytest.fixture
def sinks(
    elasticsearch: Elasticsearch, influxdb: InfluxDB, index_prefix: str, influx_database: str, tmp_path: Path
) -> str:
    """Configuration of three stores with the same events."""
    urls = [elasticsearch.url]
    fill(ElasticsearchSink("es", ElasticsearchOptions(urls=urls, prefix=index_prefix, replicas=0), tmp_path))
    httpx.post(f"{elasticsearch.url}/{index_prefix}-*/_refresh", trust_env=False).raise_for_status()
    fill(InfluxdbSink("influx", InfluxdbOptions(url=influxdb.url, database=influx_database), tmp_path))
    fill(DuckdbSink("duck", DuckdbOptions(), tmp_path / "data"))
    return (
        f'[collectors.push]\ntype = "http"\n[sinks.lines]\ntype = "jsonl"\ndirectory = "{tmp_path}"\n'
        '[sinks.duck]\ntype = "duckdb"\n'
        f'[sinks.es]\ntype = "elasticsearch"\nurls = ["{elasticsearch.url}"]\nprefix = "{index_prefix}"\nreplicas = 0\n'
        f'[sinks.influx]\ntype = "influxdb"\nurl = "{influxdb.url}"\ndatabase = "{influx_database}"\n'
        f'[sinks.few]\ntype = "influxdb"\nurl = "{influxdb.url}"\ndatabase = "x"\ndatasets = ["hosts"]\n'
        f'[sinks.gone]\ntype = "elasticsearch"\nurls = ["http://127.0.0.1:9"]\n'
    )


def test_a_range_of_which_an_index_is_closed_is_refused(
    elasticsearch: Elasticsearch, index_prefix: str
) -> None:
    options = ElasticsearchOptions(urls=[elasticsearch.url], prefix=index_prefix, replicas=0)
    sink = ElasticsearchSink("es", options, Path())
    list(sink.setup())
    made = [
        Transfer(
            id=f"{month:032}", time=f"2026-{month:02}-05T10:00:00Z", source="rucio", event="done", ok=True
        )
        for month in (1, 2)
    ]
    sink.write([chunk for chunk in sink.encode(made, list(map(msgspec.json.encode, made))) if chunk])
    for path in ("*/_refresh", "transfers-2026.01/_close"):
        url = f"{elasticsearch.url}/{index_prefix}-{path}"
        httpx.post(url, trust_env=False, timeout=30).raise_for_status()

    def done(since: str, until: str) -> Any:
        (row,) = ask(parse("transfers_done", since=since, until=until, noise=True), sink)
        return row["value"]

    assert done("2026-02-01", "2026-03-01") == 1
    with pytest.raises(
        RefusedError, match=rf"{index_prefix}-transfers-2026\.01 is closed: .* a range without"
    ):
        done("2026-01-31T23:00:00", "2026-03-01")
    sink.close()


def test_stores_give_the_same_number(sinks: str, tmp_path: Path) -> None:
    lake = Lakescope(tmp_path, sinks)
    since = f"{HOUR:%Y-%m-%dT%H:%M:%S}"
    asked = ("transfer_efficiency", "--by", "src_rse", "--since", since, "--format", "json")
    answers = {
        store: lakescope(lake.config, *asked, "--store", store, "--noise")
        for store in ("duck", "es", "influx")
    }
    assert {store: rows_of(ended) for store, ended in answers.items()} == dict.fromkeys(answers, WANTED)
    assert rows_of(lakescope(lake.config, *asked, "--noise")) == WANTED  # the first store that can
    lines = lakescope(lake.config, *asked[:-1], "jsonl", "--noise").stdout.splitlines()
    assert [json.loads(line) for line in lines] == WANTED
    assert rows_of(lakescope(lake.config, *asked, "--where", "src_rse=nowhere")) == []
    for store, said in {
        "lines": "a store of type jsonl cannot answer KPIs",
        "few": "transfer_efficiency is made of transfers, of which this store is given none",
        "gone": "Connection",
        "nowhere": "no sink 'nowhere'",
    }.items():
        ended = lakescope(lake.config, *asked, "--store", store)
        assert ended.returncode == 2, ended.stdout
        assert said in ended.stderr
        assert "Traceback" not in ended.stderr

    with lake:
        lake.start()
        query = {"by": "src_rse", "since": since, "noise": True}
        for store in answers:
            answer = httpx.get(
                f"{lake.url}/api/kpis/transfer_efficiency", params=query | {"store": store}, timeout=30
            )
            assert (answer.json()["store"], answer.json()["rows"]) == (store, WANTED)
        refused = {"by": "error_class", "store": "influx"}
        answer = httpx.get(f"{lake.url}/api/kpis/transfers_failed", params=refused, timeout=30)
        assert (answer.status_code, "a store of type duckdb" in answer.text) == (422, True)
        answer = httpx.get(f"{lake.url}/api/kpis/transfers_failed", params={"store": "gone"}, timeout=30)
        assert answer.status_code == 503
        assert rows_of(lakescope(lake.config, *asked, "--store", "es", "--noise")) == WANTED
        assert lake.stop() == 0


@pytest.mark.parametrize(
    "text", ["99999999w", "9" * 400 + "d", "1e9d", "1000y", "0001-01-01", "9999-12-31", "", "٣d"]
)
def test_a_time_out_of_range_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="expected") as raised:
        moment(text)
    assert len(str(raised.value)) < 200 and "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["99999999999d", "9" * 400 + "s", "-1d", "1"])
def test_a_duration_out_of_range_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="expected") as raised:
        duration(text)
    assert len(str(raised.value)) < 200


def test_whatever_duckdb_refuses_is_a_refusal(tmp_path: Path) -> None:
    sink = DuckdbSink("d", DuckdbOptions(), tmp_path)
    for statement in (
        "select",
        "select * from missing",
        "select to_days(999999999999) + now()",
        "select 1/'x'",
    ):
        with pytest.raises((RefusedError, TransientError)):
            sink.query(statement)
    sink.close()


@pytest.mark.parametrize(("number", "line"), [(1, "1 row; "), (2, "2 rows; ")])
def test_a_table_counts_its_rows(number: int, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    _print([{"value": 0.5}] * number, CATALOGUE["transfer_efficiency"], "table")
    assert line in capsys.readouterr().out
