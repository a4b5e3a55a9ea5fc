"""Real brokers, real stores, a real process: every message arrives, once in effect, whatever happens."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser
from lakescope.transformers.enrichment import Enrichment
from tests.e2e._lakescope import (
    Lakescope,
    duckdb_events,
    elasticsearch_events,
    influxdb_count,
    influxdb_ids,
    influxdb_rows,
    publish,
    until,
)
from tests.servers.activemq import ActiveMQ
from tests.servers.elasticsearch import Elasticsearch
from tests.servers.fixtures import StartServer
from tests.servers.influxdb import InfluxDB

SAMPLES = Path(__file__).parents[1] / "samples"
FTS = sorted(SAMPLES.glob("fts_*.txt"))

Bodies = list[tuple[bytes, dict[str, str]]]


def hermes_samples() -> Bodies:
    """Bodies with the headers that Hermes gave them."""
    document = json.loads((SAMPLES / "hermes_one_of_each.json").read_text())
    return [(json.dumps(sample["body"]).encode(), sample["headers"]) for sample in document]


def many_transfers(count: int, seed: int = 1) -> Bodies:
    """Hermes' transfer events, each with ids and times of its own, some sent twice."""
    chance = random.Random(seed)
    kinds = [
        sample
        for sample in json.loads((SAMPLES / "hermes_one_of_each.json").read_text())
        if sample["body"]["event_type"].startswith("transfer-")
    ]
    bodies: Bodies = []
    for number in range(count):
        sample = chance.choice(kinds)
        body = json.loads(json.dumps(sample["body"]))
        body["payload"]["request-id"] = f"{chance.getrandbits(128):032x}"
        body["created_at"] = (
            f"2026-11-22 11:{number % 60:02}:{number // 60 % 60:02}.{chance.randrange(10**6):06}"
        )
        bodies.append((json.dumps(body).encode(), sample["headers"]))
        if chance.random() < 0.05:
            bodies.append(bodies[chance.randrange(len(bodies))])
    return bodies


def expected(bodies: Bodies, name: str, collector: str | None = None) -> dict[str, dict[str, Any]]:
    """id -> event as JSON gives it, by the transform stage alone."""
    batch = Normaliser(formats(), Enrichment(collector=collector))(
        [Message(body, name, headers) for body, headers in bodies]
    )
    assert not batch.rejects
    return {event.id: json.loads(msgspec.json.encode(event)) for event in batch.events}


def sinks(es: Elasticsearch, prefix: str, influx: InfluxDB, database: str) -> str:
    """The three stores as configuration."""
    return f"""
[pipeline]
health_s = 0
[sinks.es]
type = "elasticsearch"
urls = ["{es.url}"]
prefix = "{prefix}"
replicas = 0
[sinks.influx]
type = "influxdb"
url = "{influx.url}"
database = "{database}"
[sinks.duck]
type = "duckdb"
"""


def stomp_collector(name: str, format_: str, queue: str, *brokers: ActiveMQ, prefetch: int = 5000) -> str:
    """A stomp collector as configuration."""
    urls = ", ".join(f'"{broker.stomp_url}"' for broker in brokers)
    return f"""
[collectors.{name}]
type = "stomp"
format = "{format_}"
brokers = [{urls}]
destination = "/queue/{queue}"
prefetch = {prefetch}
"""


def same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Field by field; times as times, since stores write the same instant in other ways."""
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key] == value, f"{key}: {found[key]!r} instead of {value!r}"


def test_samples_arrive_in_all_stores_field_by_field(
    tmp_path: Path,
    activemq: ActiveMQ,
    second_activemq: ActiveMQ,
    elasticsearch: Elasticsearch,
    index_prefix: str,
    influxdb: InfluxDB,
    influx_database: str,
    unique_name: str,
) -> None:
    """(a) Every body of samples/ with its real headers, over two brokers, into three stores."""
    hermes = hermes_samples()
    fts = [(path.read_bytes(), {}) for path in FTS]
    events = expected(hermes, "hermes", "hermes") | expected(fts, "fts", "fts")
    brokers = (activemq, second_activemq)
    configuration = (
        stomp_collector("hermes", "hermes", f"Consumer.lakescope.VirtualTopic.{unique_name}.h", *brokers)
        + stomp_collector("fts", "fts", f"Consumer.lakescope.VirtualTopic.{unique_name}.f", *brokers)
        + sinks(elasticsearch, index_prefix, influxdb, influx_database)
    )
    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.command("setup")
        lakescope.command("setup")  # idempotent
        lakescope.start()
        until(lambda: httpx.get(f"{lakescope.url}/readyz").status_code == 200, 20, lakescope.tail)
        addresses = [(broker.host, broker.port) for broker in brokers]
        publish(addresses, f"/topic/VirtualTopic.{unique_name}.h", hermes)
        publish(addresses, f"/topic/VirtualTopic.{unique_name}.f", fts)
        until(lambda: lakescope.drained(len(hermes) + len(fts)), 30, lakescope.brief)
        status = lakescope.status()
        assert status["dead_letters"]["total"] == 0
        # a search sees what is stored up to a second later (index.refresh_interval)
        httpx.post(f"{elasticsearch.url}/{index_prefix}-*/_refresh", timeout=60).raise_for_status()
        story = lakescope.command("trace", "c0c7d290714848f8a1592873a2aafe3f")
        assert "started" in story and "done" in story
        assert lakescope.stop() == 0
    stored = {}
    for index, document in elasticsearch_events(elasticsearch.url, index_prefix):
        assert document.pop("@timestamp") == document["time"]
        assert document.pop("_id") == document["id"]
        assert index == f"{index_prefix}-{document['dataset']}-{document['time'][:7].replace('-', '.')}"
        stored[document["id"]] = document
    assert stored.keys() == events.keys()
    for id_, document in stored.items():
        same(document, events[id_])
    in_duckdb = {event["id"]: event for event in duckdb_events(lakescope.data_dir / "lake.duckdb")}
    assert in_duckdb.keys() == events.keys()
    for id_, event in in_duckdb.items():
        wanted = events[id_]
        same(
            {key: _instant(value) for key, value in event.items()},
            {key: _instant(v) for key, v in wanted.items()},
        )
    rows = [row | {"dataset": d} for d in ("transfers", "deletions", "dids", "rules", "fts_queue")
            for row in influxdb_rows(influxdb.url, influx_database, d)]  # fmt: skip
    assert Counter(row["id"] for row in rows) == Counter(list(events))
    for row in rows:
        wanted = events[row["id"]]
        for key in set(row) - {"time", "dataset"}:
            value = wanted[key]
            shown = str(value).lower() if isinstance(value, int) and isinstance(row[key], str) else value
            assert row[key] == shown, key
        assert set(row) | {"time"} == set(wanted), wanted["dataset"]


def _instant(value: Any) -> Any:
    """RFC 3339 texts of one instant, alike."""
    if isinstance(value, str) and len(value) >= 20 and value[10:11] == "T" and value.endswith("Z"):
        whole, _, fraction = value[:-1].partition(".")
        return f"{whole}.{fraction:0<6}"
    return value


@pytest.mark.timeout(600)
def test_killed_five_times_nothing_is_lost_nothing_twice(
    tmp_path: Path,
    activemq: ActiveMQ,
    elasticsearch: Elasticsearch,
    index_prefix: str,
    influxdb: InfluxDB,
    influx_database: str,
    unique_name: str,
) -> None:
    """(c) kill -9 at five random moments during 10,000 messages; `make chaos` has longer runs."""
    bodies = many_transfers(10_000)
    wanted = expected(bodies, "hermes")
    chance = random.Random(time.time_ns())
    publish([(activemq.host, activemq.port)], f"/queue/{unique_name}", bodies)
    configuration = stomp_collector("hermes", "hermes", unique_name, activemq, prefetch=1000) + sinks(
        elasticsearch, index_prefix, influxdb, influx_database
    )
    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.command("setup")
        for _ in range(5):
            lakescope.start()
            time.sleep(chance.uniform(0.0, 1.2))
            lakescope.kill()
        lakescope.start()
        until(lambda: activemq.queue_size(unique_name) == 0, 120, lakescope.brief)
        until(lambda: lakescope.drained(0), 30, lakescope.brief)
        assert lakescope.stop() == 0
    _all_three_hold(wanted, lakescope, elasticsearch, index_prefix, influxdb, influx_database)


def _all_three_hold(
    wanted: dict[str, Any],
    lakescope: Lakescope,
    es: Elasticsearch,
    prefix: str,
    influx: InfluxDB,
    database: str,
) -> None:
    """Each store holds exactly the wanted ids, each once."""
    once = Counter(dict.fromkeys(wanted, 1))
    assert Counter(document["id"] for _, document in elasticsearch_events(es.url, prefix)) == once
    assert Counter(influxdb_ids(influx.url, database)) == once
    assert Counter(event["id"] for event in duckdb_events(lakescope.data_dir / "lake.duckdb")) == once


@pytest.mark.server("elasticsearch")
@pytest.mark.server("activemq")
def test_elasticsearch_away_for_20_s_holds_back_nobody_else(
    tmp_path: Path,
    start_server: StartServer,
    influxdb: InfluxDB,
    influx_database: str,
    unique_name: str,
) -> None:
    """(d) Elasticsearch stopped mid-stream and started again; InfluxDB meanwhile went on."""
    es = start_server(Elasticsearch)
    activemq = start_server(ActiveMQ, memory_mb=128)  # a broker gives out no more than it holds in memory
    first, second = many_transfers(3000, 1), many_transfers(6000, 2)
    address = [(activemq.host, activemq.port)]
    configuration = stomp_collector("hermes", "hermes", unique_name, activemq, prefetch=10_000) + sinks(
        es, unique_name, influxdb, influx_database
    )
    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.command("setup")
        lakescope.start()
        publish(address, f"/queue/{unique_name}", first)
        es.stop()
        stopped = time.monotonic()
        publish(address, f"/queue/{unique_name}", second)
        wanted = expected(first + second, "hermes")
        until(
            lambda: influxdb_count(influxdb.url, influx_database, "transfers") == len(wanted),
            20,
            lakescope.status,
        )
        status = lakescope.status()
        (sink,) = (sink for sink in status["sinks"] if sink["name"] == "es")
        assert sink["state"] == "retrying" and sink["queued"] > 0
        ready = httpx.get(f"{lakescope.url}/readyz")
        assert ready.status_code == 503 and "sink es" in ready.json()["reasons"][0]
        time.sleep(max(0.0, 20 - (time.monotonic() - stopped)))
        es.start()
        until(lambda: activemq.queue_size(unique_name) == 0, 60, lakescope.brief)
        assert lakescope.stop() == 0
    _all_three_hold(wanted, lakescope, es, unique_name, influxdb, influx_database)


def test_refused_item_is_a_dead_letter_until_replayed(
    tmp_path: Path, activemq: ActiveMQ, elasticsearch: Elasticsearch, index_prefix: str, unique_name: str
) -> None:
    """(e) An item that the mapping refuses; its neighbours are stored; replay after the mapping is mended."""
    bodies = many_transfers(50)
    wanted = expected(bodies, "hermes")
    index = f"{index_prefix}-transfers-2026.11"
    # somebody made the index by hand: a number where a request's id goes, so that no id of letters passes
    mapping = {"mappings": {"dynamic": False, "properties": {"md5": {"type": "long"}}}}
    _put(elasticsearch, f"/{index}", mapping)
    digits = [
        (body.replace(b'"checksum-md5": "', b'"checksum-md5": "x'), headers) for body, headers in bodies[:1]
    ]
    fine = [(_with_md5(body, "12345"), headers) for body, headers in bodies[1:]]
    configuration = (
        stomp_collector("hermes", "hermes", unique_name, activemq)
        + f"""
[sinks.es]
type = "elasticsearch"
urls = ["{elasticsearch.url}"]
prefix = "{index_prefix}"
replicas = 0
"""
    )
    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.start()
        publish([(activemq.host, activemq.port)], f"/queue/{unique_name}", digits + fine)
        until(lambda: lakescope.drained(len(bodies)), 30, lakescope.brief)
        status = lakescope.status()
        assert [(cause["reason"], cause["sink"]) for cause in status["dead_letters"]["by_reason"]] == [
            ("refused", "es")
        ]
        listed = " ".join(lakescope.command("dead-letters", "list").split())
        assert "failed to parse field [md5] of type [long]" in listed, listed
        assert len(dict(_ids(elasticsearch, index_prefix))) == len(wanted) - 1
        lakescope.command("dead-letters", "replay", "--all", code=1)  # the mapping is as it was
        httpx.delete(f"{elasticsearch.url}/{index}").raise_for_status()
        lakescope.command("setup")
        assert "1 of 1" in lakescope.command("dead-letters", "replay", "--all")
        assert lakescope.status()["dead_letters"]["total"] == 0
        assert [id_ for id_, _ in _ids(elasticsearch, index_prefix)] == list(expected(digits, "hermes"))
        assert activemq.queue_size(unique_name) == 0
        assert lakescope.stop() == 0


def _put(es: Elasticsearch, path: str, document: dict[str, Any]) -> None:
    httpx.put(f"{es.url}{path}", json=document, timeout=30).raise_for_status()


def _with_md5(body: bytes, md5: str) -> bytes:
    document = json.loads(body)
    document["payload"]["checksum-md5"] = md5
    return json.dumps(document).encode()


def _ids(es: Elasticsearch, prefix: str) -> list[tuple[str, str]]:
    return [(document["id"], index) for index, document in elasticsearch_events(es.url, prefix)]


@pytest.mark.server("elasticsearch")
def test_items_answered_429_are_tried_again(
    tmp_path: Path, activemq: ActiveMQ, elasticsearch: Elasticsearch, index_prefix: str, unique_name: str
) -> None:
    """(f) Item 429: the disk's flood stage blocks the index, until somebody makes room."""
    bodies = many_transfers(200)
    wanted = expected(bodies, "hermes")
    index = f"{index_prefix}-transfers-2026.11"
    _put(elasticsearch, f"/{index}", {})
    block = {"index.blocks.read_only_allow_delete": True}
    _put(elasticsearch, f"/{index}/_settings", block)
    configuration = (
        stomp_collector("hermes", "hermes", unique_name, activemq)
        + f"""
[sinks.es]
type = "elasticsearch"
urls = ["{elasticsearch.url}"]
prefix = "{index_prefix}"
replicas = 0
"""
    )
    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.start()
        publish([(activemq.host, activemq.port)], f"/queue/{unique_name}", bodies)
        until(lambda: lakescope.status()["sinks"][0]["retries"] >= 2, 20, lakescope.brief)
        status = lakescope.status()
        assert "429" in status["sinks"][0]["detail"] and status["dead_letters"]["total"] == 0
        _put(elasticsearch, f"/{index}/_settings", {"index.blocks.read_only_allow_delete": None})
        until(lambda: lakescope.drained(len(bodies)), 40, lakescope.brief)
        assert {id_ for id_, _ in _ids(elasticsearch, index_prefix)} == set(wanted)
        assert lakescope.stop() == 0


@pytest.mark.server("elasticsearch")
def test_requests_answered_429_are_tried_again(
    tmp_path: Path, activemq: ActiveMQ, start_server: StartServer, unique_name: str
) -> None:
    """(f) Whole-request 429: the node has less memory for indexing than one bulk body."""
    es = start_server(Elasticsearch, settings={"indexing_pressure.memory.limit": "100kb"})
    bodies = many_transfers(2000)
    wanted = expected(bodies, "hermes")
    configuration = (
        stomp_collector("hermes", "hermes", unique_name, activemq)
        + f"""
[sinks.es]
type = "elasticsearch"
urls = ["{es.url}"]
replicas = 0
"""
    )
    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.start()
        publish([(activemq.host, activemq.port)], f"/queue/{unique_name}", bodies)
        until(lambda: lakescope.status()["sinks"][0]["retries"] >= 2, 20, lakescope.brief)
        assert "429" in lakescope.status()["sinks"][0]["detail"]
        until(lambda: lakescope.drained(len(bodies)), 60, lakescope.brief)
        assert {id_ for id_, _ in _ids(es, "lakescope")} == set(wanted)
        assert lakescope.stop() == 0


def test_unreadable_message_does_not_block_the_queue(
    tmp_path: Path, activemq: ActiveMQ, unique_name: str
) -> None:
    """(g) What no decoder can read goes to the dead letters, is acknowledged, and those behind it arrive."""
    bodies = many_transfers(20)
    wanted = expected(bodies, "hermes")
    junk: Bodies = [
        (b"\x00\xff not json", {}),
        (b'{"event_type": "no-such", "payload": {}, "created_at": "x"}', {}),
    ]
    configuration = (
        stomp_collector("hermes", "hermes", unique_name, activemq) + '[sinks.duck]\ntype = "duckdb"\n'
    )
    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.start()
        publish([(activemq.host, activemq.port)], f"/queue/{unique_name}", junk + bodies)
        until(lambda: lakescope.drained(len(bodies) + 2), 20, lakescope.brief)
        until(lambda: activemq.queue_size(unique_name) == 0, 10, lakescope.brief)
        shown = lakescope.command("dead-letters", "list")
        assert "not_json" in shown and "unknown_kind" in shown
        assert lakescope.stop() == 0
    assert {event["id"] for event in duckdb_events(lakescope.data_dir / "lake.duckdb")} == set(wanted)
