"""One seed of chaos over ActiveMQ, push, InfluxDB and DuckDB; `make chaos` runs more, over everything."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.chaos._lake import Servers
from tests.chaos._run import run

SERVERS = ("activemq", "influxdb")


@pytest.mark.timeout(600)
@pytest.mark.server("faketime")
@pytest.mark.server("influxdb")
@pytest.mark.server("activemq")
def test_nothing_is_lost_and_nothing_doubled(tmp_path: Path) -> None:
    seed = time.time_ns() % 10**6
    with Servers(tmp_path / "servers", SERVERS) as servers:
        directory = tmp_path / "lake"
        directory.mkdir()
        verdict = run(seed, servers.of, directory)
    history = "\n".join(verdict.history)
    assert verdict.is_right, (
        f"{verdict.line()}\n{verdict.lost}\n{verdict.doubled}\n{verdict.strange}\n{history}"
    )
    assert verdict.sent > 100
    assert "lakescope killed" in history and "influxdb killed" in history and "activemq killed" in history
