"""What `lakescope setup --plan` says before and after `lakescope setup`, and of what has changed since, in every store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from typer.testing import CliRunner

from lakescope.cli import app
from tests.servers.kafka import Kafka

Setup = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """Runs it on a sink: its exit code, and the lines that are not ``unchanged``."""

    def run(sink: str, *arguments: str) -> tuple[int, list[str]]:
        config = tmp_path / "lakescope.toml"
        config.write_text(f'[collectors.push]\ntype = "http"\n[sinks.s]\n{sink}')
        done = CliRunner().invoke(app, ["setup", "-c", str(config), *arguments])
        lines = [line.strip() for line in done.stdout.splitlines()]
        return done.exit_code, [line for line in lines if not line.startswith("unchanged")]

    return run


@pytest.mark.parametrize("flavour", ["elasticsearch", "opensearch"])
def test_templates_and_fields(setup: Setup, request: pytest.FixtureRequest, flavour: str) -> None:
    url = request.getfixturevalue(flavour).url
    prefix = request.getfixturevalue("index_prefix" if flavour == "elasticsearch" else "opensearch_prefix")
    sink = (
        f'type = "elasticsearch"\nflavour = "{flavour}"\nurls = ["{url}"]\nprefix = "{prefix}"\nreplicas = 0\n'
        'datasets = ["transfers", "hosts"]\n'
    )
    code, lines = setup(sink, "--plan")
    assert code == 1
    assert lines == [
        f"change    s: {prefix}-{one}: index template for {prefix}-{one}-* is made"
        for one in ("transfers", "hosts")
    ]
    assert (
        httpx.get(f"{url}/_index_template/{prefix}-*", trust_env=False).json().get("index_templates", [])
        == []
    )
    assert setup(sink)[0] == 0
    assert setup(sink, "--plan") == (0, [])
    code, lines = setup(sink.replace("replicas = 0", "replicas = 2"), "--plan")
    assert code == 1
    assert (
        lines[0]
        == f"change    s: {prefix}-transfers: index template: settings.index.number_of_replicas 0 -> 2"
    )
    # an index of an older version, which lacks a field
    index = f"{url}/{prefix}-transfers-2026.01"
    body: dict[str, Any] = {"mappings": {"dynamic": False, "properties": {"event": {"type": "keyword"}}}}
    httpx.put(f"{url}/{prefix}-traces-2026.01", json=body, trust_env=False, timeout=30).raise_for_status()
    httpx.put(index, json={}, trust_env=False, timeout=30).raise_for_status()
    assert setup(sink, "--plan") == (0, [])
    code, (_, line) = setup(sink.replace('"hosts"', '"traces"'), "--plan")
    assert code == 1 and line.startswith(
        f"change    s: {prefix}-traces-2026.01: gets the fields @timestamp, dataset"
    )


def test_a_database_and_its_retention(setup: Setup, influxdb: Any, unique_name: str) -> None:
    sink = f'type = "influxdb"\nurl = "{influxdb.url}"\ndatabase = "{unique_name}"\n'
    assert setup(sink, "--plan") == (
        1,
        [f"change    s: database {unique_name} is made", "change    s: retention INF"],
    )
    try:
        assert setup(sink)[0] == 0
        assert setup(sink, "--plan") == (0, [])
        shorter = f"{sink}retention_days = 30\n"
        expected = ["change    s: retention 0s -> 30d", "change    s: shard duration 168h0m0s -> 1d"]
        assert setup(shorter, "--plan") == (1, expected)
        assert setup(shorter)[0] == 0
        assert setup(shorter, "--plan") == (0, [])
    finally:
        query = {"q": f'DROP DATABASE "{unique_name}"'}
        httpx.post(f"{influxdb.url}/query", params=query, trust_env=False, timeout=30).raise_for_status()


def test_tables_and_columns(setup: Setup, tmp_path: Path) -> None:
    sink = 'type = "duckdb"\npath = "lake.duckdb"\ndatasets = ["transfers", "hosts"]\n'
    made = f"change    s: {tmp_path}/lake.duckdb is made"
    assert setup(sink, "--plan") == (1, [made, "change    s: tables are made: transfers, hosts"])
    assert not (tmp_path / "lake.duckdb").exists()
    assert setup(sink)[0] == 0
    assert setup(sink, "--plan") == (0, [])
    with duckdb.connect(tmp_path / "lake.duckdb") as connection:
        connection.execute("alter table hosts drop column host")
    assert setup(sink, "--plan") == (1, ["change    s: table hosts gets the columns host"])


def test_a_topic_and_a_directory(setup: Setup, kafka: Kafka, unique_name: str, tmp_path: Path) -> None:
    topic = f'type = "kafka"\nbrokers = ["{kafka.url}"]\ntopic = "{unique_name}"\n'
    assert setup(topic, "--plan") == (1, [f"change    s: topic {unique_name} is made"])
    assert setup(topic)[0] == 0
    assert setup(topic, "--plan") == (0, [])
    directory = 'type = "jsonl"\ndirectory = "archive"\n'
    assert setup(directory, "--plan") == (1, [f"change    s: directory {tmp_path}/archive is made"])
    assert not (tmp_path / "archive").exists()


def test_a_store_that_cannot_be_asked(setup: Setup) -> None:
    code, (line,) = setup('type = "influxdb"\nurl = "http://127.0.0.1:9"\ndatabase = "lake"\n', "--plan")
    assert code == 2 and line.startswith("error     s: 127.0.0.1: ConnectError")
