"""The kafka sink on a real broker: what a message is, what is refused, and what is said of a fault."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from lakescope.core.contracts import TransientError
from lakescope.core.events import Event
from lakescope.sinks.kafka import KafkaSink, KafkaSinkOptions
from tests.contract._bodies import documents_of, events_of, hermes, scripts
from tests.servers.kafka import Kafka


@contextmanager
def opened(kafka: Kafka, topic: str, **options: object) -> Iterator[KafkaSink]:
    sink = KafkaSink("k", KafkaSinkOptions(brokers=[kafka.url], topic=topic, **options), Path())
    yield sink
    sink.close()


def chunks(sink: KafkaSink, events: list[Event]) -> list[object]:
    return list(sink.encode(events, documents_of(events)))


@pytest.mark.parametrize("compression", ["lz4", "zstd", "none"])
def test_a_message_is_an_event_under_its_id(kafka: Kafka, unique_name: str, compression: str) -> None:
    kafka.create_topic(unique_name, 2)
    events = list(events_of("hermes", hermes(20), "rucio").values())
    with opened(kafka, unique_name, compression=compression) as sink:
        assert sink.write(chunks(sink, events)).retry == []
    records = {record.key.decode(): record for record in kafka.read(unique_name)}
    assert {id_: record.value for id_, record in records.items()} == {
        event.id: msgspec.json.encode(event) for event in events
    }
    assert {tuple(record.headers) for record in records.values()} == {
        (("lakescope-format", b"events"), ("lakescope-collector", b"rucio"))
    }
    assert {record.partition for record in records.values()} == {0, 1}


def test_an_event_that_is_too_large_is_refused_alone(kafka: Kafka, unique_name: str) -> None:
    kafka.create_topic(unique_name, 1, {"max.message.bytes": "20000"})
    noise = random.Random(1).randbytes(20_000).hex()
    document = b'{"producer": "p", "type": "t", "text": "%b"}' % noise.encode()
    events = [
        event
        for body in (*scripts(40), document, *scripts(80)[40:])
        for event in events_of("push", [body]).values()
    ]
    with opened(kafka, unique_name) as sink:
        outcome = sink.write(chunks(sink, events))
    assert outcome.retry == [] and outcome.rejected.keys() == {40}
    assert outcome.rejected[40].reason == "too_large"
    assert (
        outcome.rejected[40].expected
        == f"at most max.message.bytes of topic {unique_name}, after compression"
    )
    kept = {record.key.decode() for record in kafka.read(unique_name)}
    assert kept == {event.id for event in events} - {events[40].id}


def test_setup_creates_a_topic_that_is_missing(kafka: Kafka, unique_name: str) -> None:
    events = list(events_of("push", scripts(1)).values())
    with opened(kafka, unique_name) as sink:
        with pytest.raises(TransientError, match=f"no topic '{unique_name}': create it"):
            sink.write(chunks(sink, events))
        levels = [finding.level for _ in range(2) for finding in sink.setup()]
        assert levels == ["done", "unchanged"]
        assert sink.write(chunks(sink, events)).retry == []


def test_a_broker_that_is_away_is_named() -> None:
    options = KafkaSinkOptions(brokers=["kafka://127.0.0.1:1"], topic="t")
    sink = KafkaSink("k", options, Path())
    with pytest.raises(TransientError, match=r"127.0.0.1:1: .*refused"):
        sink.write([(b"key", b"{}", b"")])
    assert [finding.level for finding in sink.setup()] == ["error"]
    sink.close()
