"""Collect here, store there: one process reads and sends to Kafka, others share its topic and store. Nothing is lost or
doubled while members are killed, added and stopped, and the broker is killed."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.contract._bodies import ndjson
from tests.contract._running import QUICK
from tests.e2e._lakescope import Lakescope, elasticsearch_events, until
from tests.e2e.test_delivery import expected, many_transfers
from tests.servers.elasticsearch import Elasticsearch
from tests.servers.fixtures import StartServer
from tests.servers.kafka import Kafka

TOPIC, GROUP = "lake.events", "stores"
PART = 1700


def collecting(kafka: Kafka) -> str:
    """Takes pushed bodies, and sends events."""
    return (
        f'{QUICK}[collectors.push]\ntype = "http"\n'
        f'[sinks.kafka]\ntype = "kafka"\nbrokers = ["{kafka.url}"]\ntopic = "{TOPIC}"\ncompression = "zstd"\ntimeout_s = 3\n'
    )


def storing(kafka: Kafka, url: str, prefix: str) -> str:
    """A member of the group, in small batches, so that much is under way when it is killed."""
    return (
        f'{QUICK}batch_messages = 50\n[collectors.lake]\ntype = "kafka"\nbrokers = ["{kafka.url}"]\ntopics = ["{TOPIC}"]\n'
        f'group = "{GROUP}"\nformat = "events"\nsession_timeout_s = 2\n'
        f'[sinks.es]\ntype = "elasticsearch"\nurls = ["{url}"]\nprefix = "{prefix}"\nreplicas = 0\n'
    )


@pytest.mark.server("kafka")
def test_members_and_the_broker_are_killed_under_load(
    tmp_path: Path, start_server: StartServer, elasticsearch: Elasticsearch, index_prefix: str
) -> None:
    kafka = start_server(Kafka)
    kafka.create_topic(TOPIC, 6)
    bodies = many_transfers(6000)
    parts = [bodies[start : start + PART] for start in range(0, len(bodies), PART)]
    with ExitStack() as stack:
        collector = stack.enter_context(Lakescope(_folder(tmp_path, "collector"), collecting(kafka)))
        first, second, third = (
            stack.enter_context(
                Lakescope(_folder(tmp_path, name), storing(kafka, elasticsearch.url, index_prefix))
            )
            for name in ("first", "second", "third")
        )

        def push(part: list[tuple[bytes, dict[str, str]]]) -> None:
            content = ndjson(body for body, _ in part)
            answer = httpx.post(
                f"{collector.url}/push/hermes", content=content, headers=NDJSON, trust_env=False
            )
            answer.raise_for_status()

        for instance in (collector, first, second):
            instance.start(wait=False)
        for instance in (collector, first, second):
            until(lambda instance=instance: instance.url is not None, 90, instance.tail)
        until(lambda: sorted(kafka.members(GROUP).values()) == [3, 3], 20, first.tail)
        push(parts[0])
        until(lambda: first.status()["collectors"][0]["received_messages"] > 100, 20, first.tail)
        first.kill()
        third.start(wait=False)
        push(parts[1])
        kafka.kill()
        push(parts[2])
        kafka.start()
        until(lambda: third.url is not None, 90, third.tail)
        # as they say it themselves: a broker that was killed takes the first for a member still, for a while
        until(lambda: all(map(_reads_three, (second, third))), 60, third.tail)
        push(parts[3])
        wanted = expected(bodies, "hermes", "push")
        until(lambda: collector.drained(len(bodies)), 60, collector.brief)
        until(lambda: kafka.held(GROUP, TOPIC) == 0, 60, third.brief)
        until(lambda: third.status()["balance"][0]["stored"] > 0, 20, third.brief)
        assert collector.stop() == second.stop() == 0
        until(lambda: list(kafka.members(GROUP).values()) == [6], 20, third.tail)
        assert third.stop() == 0
        assert kafka.held(GROUP, TOPIC) == 0
    found = [document for _, document in elasticsearch_events(elasticsearch.url, index_prefix)]
    assert Counter(document["_id"] for document in found) == Counter(wanted.keys())
    for document in found:
        assert document["request_id"] == wanted[document["_id"]]["request_id"]
        assert document["collector"] == "push"


NDJSON = {"content-type": "application/x-ndjson"}


def _reads_three(member: Lakescope) -> bool:
    return str(member.status()["collectors"][0]["detail"]).startswith("3 partitions")


def _folder(directory: Path, name: str) -> Path:
    (directory / name).mkdir()
    return directory / name
