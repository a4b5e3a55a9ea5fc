"""A store is away for long: its neighbour and the sources go on, a kill loses nothing, and at the bound sources wait."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.e2e._lakescope import Lakescope, duckdb_events, influxdb_ids, publish, until
from tests.e2e.test_delivery import Bodies, expected, many_transfers, stomp_collector
from tests.servers.activemq import ActiveMQ
from tests.servers.fixtures import StartServer
from tests.servers.influxdb import InfluxDB

DATABASE = "overflow"


def sinks(influx: InfluxDB, overflow_bytes: int) -> str:
    """A local store, and one with an overflow."""
    return f"""
[pipeline]
batch_messages = 200
health_s = 0
[sinks.duck]
type = "duckdb"
[sinks.influx]
type = "influxdb"
url = "{influx.url}"
database = "{DATABASE}"
timeout_s = 5
overflow_bytes = {overflow_bytes}
"""


def sink(lakescope: Lakescope, name: str) -> dict[str, Any]:
    """A sink's part of the status."""
    return next(one for one in lakescope.status()["sinks"] if one["name"] == name)


def push(lakescope: Lakescope, bodies: Bodies) -> httpx.Response:
    """Hermes' bodies in one request."""
    content = b"\n".join(body for body, _ in bodies)
    headers = {"content-type": "application/x-ndjson"}
    return httpx.post(f"{lakescope.url}/push/hermes", content=content, headers=headers)


def test_a_store_that_is_away_holds_back_nobody_and_a_kill_loses_nothing(
    tmp_path: Path, activemq: ActiveMQ, start_server: StartServer, unique_name: str
) -> None:
    influx = start_server(InfluxDB)
    bodies = many_transfers(4000, seed=7)
    parts = [bodies[start : start + 1100] for start in range(0, len(bodies), 1100)]
    pushed = many_transfers(300, seed=8)
    wanted = Counter([*expected(bodies, "hermes", "hermes"), *expected(pushed, "hermes", "push")])
    received = len(bodies) + len(pushed)
    queue = f"Consumer.lakescope.VirtualTopic.{unique_name}.o"
    configuration = (
        stomp_collector("hermes", "hermes", queue, activemq, prefetch=500)
        + '[collectors.push]\ntype = "http"\n'
        + sinks(influx, 2**30)
    )

    def publish_part(number: int) -> None:
        publish([(activemq.host, activemq.port)], f"/queue/{queue}", parts[number])

    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.command("setup")
        lakescope.start()
        publish_part(0)
        until(lambda: sink(lakescope, "influx")["stored"] >= 800, 30, lakescope.brief)
        influx.stop()
        publish_part(1)
        # prefetch is far below what arrives: the source goes on only because what waits is acknowledged
        until(lambda: sink(lakescope, "duck")["stored"] >= 2200, 60, lakescope.brief)
        assert sink(lakescope, "influx")["overflow"]["events"] > 500
        assert sink(lakescope, "influx")["overflow"]["age_s"] > 0
        metrics = httpx.get(f"{lakescope.url}/metrics").text
        assert 'lakescope_overflow_events{sink="influx"}' in metrics
        publish_part(2)
        until(lambda: sink(lakescope, "influx")["overflow"]["events"] > 1500, 30, lakescope.brief)
        lakescope.kill()
        lakescope.start()
        push(lakescope, pushed).raise_for_status()
        publish_part(3)
        until(
            lambda: (
                all(not one["in_flight"] for one in lakescope.status()["collectors"])
                and sink(lakescope, "influx")["overflow"]["events"] > 2500
            ),
            60,
            lakescope.brief,
        )
        lakescope.kill()
        lakescope.start()  # before the store and with nothing more to come from the sources
        restored = sum(row["restored"] for row in lakescope.status()["balance"])
        assert restored > 2500
        influx.start()
        until(
            lambda: lakescope.drained(0) and not sink(lakescope, "influx")["overflow"]["bytes"],
            60,
            lakescope.brief,
        )
        assert lakescope.stop() == 0
    ids = {
        "influx": Counter(influxdb_ids(influx.url, DATABASE)),
        "duck": Counter(event["id"] for event in duckdb_events(lakescope.data_dir / "lake.duckdb")),
    }
    for name, stored in ids.items():
        assert not wanted - stored, f"{name}: {(wanted - stored).total()} lost of {received}"
        assert not stored - wanted, f"{name}: {(stored - wanted).total()} doubled"


def test_a_run_over_files_ends_once_what_overflowed_is_stored(
    tmp_path: Path, start_server: StartServer
) -> None:
    influx = start_server(InfluxDB)
    bodies = many_transfers(3000, seed=11)
    wanted = expected(bodies, "hermes", "files")
    (tmp_path / "bodies.jsonl").write_bytes(b"\n".join(body for body, _ in bodies) + b"\n")
    configuration = (
        f'[collectors.files]\ntype = "files"\nformat = "hermes"\npaths = ["{tmp_path}/bodies.jsonl"]\n'
    ) + sinks(influx, 2**30)
    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.command("setup")
        influx.stop()
        lakescope.start()
        until(lambda: sink(lakescope, "duck")["stored"] >= len(wanted), 60, lakescope.brief)
        until(lambda: sink(lakescope, "influx")["overflow"]["events"] >= len(wanted), 20, lakescope.brief)
        assert not lakescope.status()["collectors"][0]["in_flight"]
        influx.start()
        assert lakescope.process is not None and lakescope.process.wait(60) == 0
    assert Counter(influxdb_ids(influx.url, DATABASE)) == Counter(wanted.keys())


def test_at_the_bound_a_broker_keeps_its_messages_and_push_is_refused(
    tmp_path: Path, activemq: ActiveMQ, start_server: StartServer, unique_name: str
) -> None:
    influx = start_server(InfluxDB)
    bodies = many_transfers(10_000, seed=9)
    pushed = many_transfers(2000, seed=10)
    wanted = expected(bodies, "hermes", "hermes") | expected(pushed, "hermes", "push")
    queue = f"Consumer.lakescope.VirtualTopic.{unique_name}.b"
    configuration = (
        stomp_collector("hermes", "hermes", queue, activemq, prefetch=500)
        + f'[collectors.push]\ntype = "http"\nspool_bytes = {2**20}\n'
        + sinks(influx, 2**20)
    )
    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.command("setup")
        influx.stop()
        lakescope.start()
        publish([(activemq.host, activemq.port)], f"/queue/{queue}", bodies)
        until(lambda: "overflow of sink influx" in str(lakescope.status()["reasons"]), 60, lakescope.brief)
        assert httpx.get(f"{lakescope.url}/readyz").status_code == 503
        stored_before = sink(lakescope, "duck")["stored"]
        time.sleep(3)
        assert sink(lakescope, "duck")["stored"] == stored_before < len(bodies)
        answers = [push(lakescope, pushed[start : start + 50]) for start in range(0, len(pushed), 50)]
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert int(refused.headers["retry-after"]) > 0
        before = sink(lakescope, "duck")["stored"]
        influx.start()
        until(lambda: sink(lakescope, "duck")["stored"] > before, 30, lakescope.brief)
        for start, answer in zip(range(0, len(pushed), 50), answers, strict=True):
            part = pushed[start : start + 50]
            if answer.status_code == 503:
                until(lambda part=part: push(lakescope, part).status_code == 200, 60, lakescope.brief)
        until(lambda: lakescope.drained(len(bodies) + len(pushed)), 120, lakescope.brief)
        until(lambda: lakescope.status()["ready"], 10, lakescope.brief)
        assert lakescope.stop() == 0
    stored = Counter(influxdb_ids(influx.url, DATABASE))
    assert stored == Counter(wanted.keys())
