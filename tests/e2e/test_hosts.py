"""This machine's own node_exporter and collectd, through a real Lakescope, into a real InfluxDB."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e._lakescope import Lakescope, influxdb_rows, until
from tests.servers.collectd import Collectd
from tests.servers.fixtures import StartServer
from tests.servers.influxdb import InfluxDB
from tests.servers.node_exporter import NodeExporter

TOKEN = "c0llectd"


def configuration(influx: InfluxDB, database: str, exporter: NodeExporter) -> str:
    """One collector for each agent, one sink."""
    return f"""
[pipeline]
batch_age_s = 0.2
[collectors.exporters]
type = "poll"
urls = ["{exporter.url}"]
interval_s = 1
[collectors.agents]
type = "http"
token = "{TOKEN}"
[sinks.influx]
type = "influxdb"
url = "{influx.url}"
database = "{database}"
"""


@pytest.mark.server("node_exporter")
@pytest.mark.server("collectd")
def test_host_metrics_arrive_and_a_silent_host_is_told(
    tmp_path: Path, start_server: StartServer, influxdb: InfluxDB, influx_database: str
) -> None:
    exporter = start_server(NodeExporter)

    def rows(metric: str, source: str) -> list[dict[str, Any]]:
        """What InfluxDB holds of a metric, in order of time."""
        found = influxdb_rows(influxdb.url, influx_database, "hosts")
        return [row for row in found if (row["metric"], row["source"]) == (metric, source)]

    with Lakescope(tmp_path, configuration(influxdb, influx_database, exporter)) as lakescope:
        lakescope.command("setup")
        lakescope.start()
        agent = start_server(
            Collectd, f"{lakescope.url}/push/collectd", interval_s=0.5, login=("collectd", TOKEN)
        )
        until(lambda: len(rows("up", "node_exporter")) >= 2, 20, lakescope.brief)
        until(lambda: len(rows("load_load_shortterm", "collectd")) >= 2, 20, lakescope.brief)

        scraped = httpx.get(exporter.url, trust_env=False).text
        exporter.stop()
        until(lambda: rows("up", "node_exporter")[-1]["value"] == 0, 20, lakescope.brief)
        ready = httpx.get(f"{lakescope.url}/readyz", trust_env=False)
        assert ready.status_code == 503
        assert f"0 of 1 targets answer; 127.0.0.1:{exporter.port}: ConnectError" in ready.json()["reasons"][0]
        exporter.start()
        until(lambda: rows("up", "node_exporter")[-1]["value"] == 1, 20, lakescope.brief)
        until(lambda: httpx.get(f"{lakescope.url}/readyz", trust_env=False).status_code == 200, 10)
        agent.stop()
        assert lakescope.stop() == 0
        assert lakescope.command("dead-letters", "list").count("0 of 0 letters") == 1

    stored = influxdb_rows(influxdb.url, influx_database, "hosts")
    exported = [row for row in stored if row["source"] == "node_exporter"]
    names = {sample.name for family in text_string_to_metric_families(scraped) for sample in family.samples}
    assert {row["metric"] for row in exported} >= names | {"up", "scrape_duration_seconds"}
    assert {row["host"] for row in exported} == {"127.0.0.1"}
    assert {row["collector"] for row in exported} == {"exporters"}
    total = psutil.virtual_memory().total
    assert {row["value"] for row in rows("node_memory_MemTotal_bytes", "node_exporter")} == {total}
    measured = rows("node_cpu_seconds_total", "node_exporter")
    assert {row["type"] for row in measured} == {"counter"}
    assert {(row["cpu"], row["mode"]) for row in measured} >= {
        (str(cpu), mode) for cpu in range(psutil.cpu_count() or 1) for mode in ("idle", "user", "system")
    }
    spent: dict[str, list[float]] = {}
    for row in measured:
        if row["cpu"] == "0":
            spent.setdefault(row["mode"], []).append(row["value"])
    assert all(values == sorted(values) for values in spent.values())
    assert any(values[0] < values[-1] for values in spent.values())  # a busy machine is not idle for a moment
    # every point of a scrape has the scrape's time, to the microsecond: what is added or divided fits together
    assert len({row["time"] // 1000 for row in measured}) == len(spent["idle"])

    agents = [row for row in stored if row["source"] == "collectd"]
    assert {row["host"] for row in agents} == {"node-1.example.org"}
    assert {row["metric"].split("_")[0] for row in agents} == {"cpu", "memory", "load", "df", "interface"}
    sent = rows("interface_if_octets_tx", "collectd")
    assert {row["type"] for row in sent} == {"counter"} and {row["dsname"] for row in sent} == {"tx"}
    memory = {row["type_instance"]: row["value"] for row in rows("memory_memory", "collectd")}
    assert total / 2 < sum(memory.values()) < total * 1.1
