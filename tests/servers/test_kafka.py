"""The broker of the tests gives what was sent, by each of its listeners."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from kafka import KafkaConsumer, KafkaProducer

from .kafka import Kafka


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_login_by_each_mechanism(kafka: Kafka, unique_name: str, mechanism: str) -> None:
    kafka.create_topic(unique_name)
    login = {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": kafka.user,
        "sasl_plain_password": kafka.password,
    }
    _send_and_read(kafka.login_url, unique_name, login | {"security_protocol": "SASL_PLAINTEXT"})
    tls = {"security_protocol": "SASL_SSL", "ssl_cafile": str(kafka.authority.certificate)}
    _send_and_read(kafka.tls_login_url, unique_name, login | tls)


def test_without_a_login_and_with_certificates(kafka: Kafka, unique_name: str) -> None:
    kafka.create_topic(unique_name, 2)
    _send_and_read(kafka.url, unique_name, {})
    tls = {"security_protocol": "SSL", "ssl_cafile": str(kafka.authority.certificate)}
    _send_and_read(kafka.tls_url, unique_name, tls)
    pair = kafka.authority.issue("client")
    mine = {"ssl_certfile": str(pair.certificate), "ssl_keyfile": str(pair.key)}
    _send_and_read(kafka.mutual_tls_url, unique_name, tls | mine)
    assert kafka.held(unique_name, unique_name) == 3


def _send_and_read(url: str, topic: str, options: dict[str, Any]) -> None:
    """One message more in the topic, read from its end by nobody's group."""
    address = urlsplit(url).netloc
    producer = KafkaProducer(bootstrap_servers=address, bootstrap_timeout_ms=10_000, **options)
    sent = producer.send(topic, url.encode()).get(10)
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=address, bootstrap_timeout_ms=10_000, **options)
    partition = sent.topic_partition
    consumer.assign([partition])
    consumer.seek(partition, sent.offset)
    records = consumer.poll(10_000)
    consumer.close()
    assert [record.value for record in records[partition]] == [url.encode()]
