"""Kafka from a real broker: every message once safe and then committed, faults told in words, no rebalance without need."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from kafka import TopicPartition

from lakescope.app.config import parse
from lakescope.collectors.kafka import KafkaCollectorOptions, Offsets, Stretch, _Member
from lakescope.core.framing import WHOLE_BYTES
from lakescope.core.places import ConfigurationError
from tests.contract._bodies import events_of, hermes, scripts
from tests.contract._issuer import CLIENT, TestIssuer
from tests.contract._issuer import SECRET as CLIENT_SECRET
from tests.contract._running import Archiving
from tests.e2e._lakescope import until
from tests.servers._tls import Authority
from tests.servers.kafka import Kafka

CASES = Path(__file__).parents[1] / "cases"


def collector(topic: str, url: str, **options: object) -> str:
    """A kafka collector as configuration, its group named as its topic; options as they stand in TOML."""
    lines = "\n".join(f"{key} = {value}" for key, value in options.items() if value is not None)
    format_ = "" if "format" in options else 'format = "hermes"\n'
    return (
        f'[collectors.kafka]\ntype = "kafka"\nbrokers = ["{url}"]\ntopics = ["{topic}"]\n'
        f'group = "{topic}"\nsession_timeout_s = 10\n{format_}{lines}\n'
    )


def read(offsets: Offsets, partition: TopicPartition, begin: int, end: int) -> Stretch:
    """A stretch with as many messages as offsets."""
    stretch = Stretch(end)
    offsets.open(partition, stretch, end - begin)
    return stretch


def test_only_what_is_contiguous_is_committed() -> None:
    offsets, one, two = Offsets(), TopicPartition("t", 0), TopicPartition("t", 1)
    first, second, other = (
        read(offsets, partition, begin, end)
        for partition, begin, end in ((one, 0, 3), (one, 3, 5), (two, 7, 8))
    )
    offsets.store([second, second, other])
    assert offsets.safe() == {two: 8}
    offsets.store([first, first])
    assert offsets.safe() == {two: 8}
    offsets.store([first])
    assert offsets.safe() == {one: 5, two: 8}


def test_what_is_another_members_is_not_committed() -> None:
    offsets, partition = Offsets(), TopicPartition("t", 0)
    before = read(offsets, partition, 0, 2)
    offsets.forget([partition])
    again = read(offsets, partition, 0, 1)
    offsets.store([before, before])
    assert offsets.safe() == {}
    offsets.store([again])
    assert offsets.safe() == {partition: 1}


def test_formats_by_header_and_bad_messages_that_stop_nothing(
    tmp_path: Path, kafka: Kafka, unique_name: str
) -> None:
    kafka.create_topic(unique_name, 2, {"max.message.bytes": "40000000"})
    transfers, documents = hermes(5), scripts(5, start=12_000)
    large = b"[" + b",".join(scripts(12_000)) + b"]"
    assert len(large) > WHOLE_BYTES
    kafka.send(unique_name, [b"", None, b"no json", b"x" * 18_000_000], max_request_size=20_000_000)
    kafka.send(unique_name, transfers)
    kafka.send(unique_name, documents, headers=[("lakescope-format", b"push"), ("empty", b"")])
    kafka.send(unique_name, [large], max_request_size=20_000_000, headers=[("lakescope-format", b"push")])
    kafka.send(unique_name, hermes(6)[5:], headers=[("lakescope-format", b"avro"), ("odd", b"\xff")])
    with Archiving(tmp_path, collector(unique_name, kafka.url)) as lakescope:
        lakescope.arrived(events_of("hermes", hermes(6)) | events_of("push", scripts(12_005)), 60)
        until(lambda: kafka.held(unique_name, unique_name) == 0, 10, lambda: lakescope.told)
        letters = list(lakescope.engine.dead_letters.letters())
        assert sorted(len(letter.body) for letter in letters) == [0, 7, 18_000_000]  # the empty ones are one
        assert sum(letter.times for letter in letters) == 4
        assert {letter.headers["topic"] for letter in letters} == {unique_name}
        assert lakescope.get("/api/status").json()["collectors"][0]["formats"] == ["hermes", "push"]


def test_feeds_are_read_as_they_are(tmp_path: Path, kafka: Kafka, unique_name: str) -> None:
    """Hermes's own service sends what it gives to ActiveMQ, HermesK to a topic for each RSE, collectd one value list."""
    host = (CASES / "collectd/kafka_one_value_list/input.json").read_bytes()
    feeds = {f"{unique_name}-rse{number}": hermes(9)[number::3] for number in range(3)}
    for topic, bodies in {**feeds, f"{unique_name}.hosts": [host]}.items():
        kafka.create_topic(topic)
        kafka.send(topic, bodies)
    hosts = collector(f"{unique_name}.hosts", kafka.url, format='"collectd"')
    topics = f'topic_pattern = "{unique_name}-.*"'
    lake = collector("x", kafka.url).replace('topics = ["x"]', topics).replace(".kafka]", ".lake]")
    with Archiving(tmp_path, hosts + lake) as lakescope:
        lakescope.arrived(events_of("hermes", hermes(9)) | events_of("collectd", [host]), 20)


def test_a_store_that_is_away_causes_no_rebalance(tmp_path: Path, kafka: Kafka, unique_name: str) -> None:
    kafka.create_topic(unique_name, 4)
    small = "[pipeline]\nbatch_age_s = 0.05\nbatch_messages = 100\nqueue_messages = 200\n"
    options = collector(unique_name, kafka.url, format='"push"', max_poll_interval_s=2)
    documents = scripts(9000)  # more than an inbox and a queue take
    with Archiving(tmp_path, options, pipeline=small) as lakescope:
        until(lambda: lakescope.told.startswith("ok"), 20, lambda: lakescope.told)
        lakescope.archive.rename(tmp_path / "away")
        kafka.send(unique_name, documents)
        inbox = lakescope.engine.pipelines[0].inbox
        until(lambda: len(inbox) >= inbox.limit, 20)
        members = kafka.members(unique_name)
        time.sleep(3.5)  # longer than it may be without a poll
        assert kafka.members(unique_name) == members
        assert len(members) == 1 and set(members.values()) == {4}
        assert kafka.held(unique_name, unique_name) == len(documents)
        assert lakescope.told.startswith("ok"), lakescope.told
        (tmp_path / "away").rename(lakescope.archive)
        lakescope.arrived(events_of("push", documents), 30)
        until(lambda: kafka.held(unique_name, unique_name) == 0, 10, lambda: lakescope.told)


SECRET = "not-the-p4ssword"


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("wrong password", "refused the login of 'alice': Authentication failed"),
        ("wrong password, PLAIN", "refused the login of 'alice': Authentication failed: Invalid username"),
        ("no login", "it may demand a login: set username and password"),
        ("a login where none is taken", "takes no login by SCRAM-SHA-512 on this port"),
        ("wrong CA", "stranger/ca.crt (option tls.ca_file)"),
        ("no client certificate", "it may demand a client certificate: option tls.cert_file"),
        ("plaintext against TLS", "speaks TLS on this port: write kafka+ssl://"),
        ("TLS against plaintext", "does not speak TLS on this port: write kafka://"),
        ("nobody there", "Connection refused"),
        ("no topic", "no topic 'no-such-topic': create it, or correct its name"),
        ("topic of others", "alice may not use topic"),
        ("group of others", "alice may not use group"),
    ],
)
def test_a_fault_is_told_in_words(
    tmp_path: Path, kafka: Kafka, unique_name: str, what: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    login = {"username": f'"{kafka.user}"', "password": f'"{SECRET}"'}
    right = login | {"password": f'"{kafka.password}"'}
    ca = f'{{ ca_file = "{kafka.authority.certificate}" }}'
    topic, url, options, stack = unique_name, kafka.url, {}, ExitStack()
    match what:
        case "wrong password":
            url, options = kafka.tls_login_url, login | {"tls": ca}
        case "wrong password, PLAIN":
            url, options = kafka.login_url, login | {"mechanism": '"PLAIN"'}
        case "no login":
            url = kafka.login_url
        case "a login where none is taken":
            options = login
        case "wrong CA":
            stranger = Authority(tmp_path / "stranger").certificate
            url, options = kafka.tls_url, {"tls": f'{{ ca_file = "{stranger}" }}'}
        case "no client certificate":
            url, options = kafka.mutual_tls_url, {"tls": ca}
        case "plaintext against TLS":
            url = kafka.tls_url.replace("+ssl", "")
        case "TLS against plaintext":
            url, options = kafka.url.replace("kafka:", "kafka+ssl:"), {"tls": ca}
        case "nobody there":
            url = "kafka://127.0.0.1:1"
        case "no topic":
            topic = "no-such-topic"
        case "topic of others" | "group of others":
            url, options = kafka.login_url, right
            kafka.create_topic(topic)
            stack.enter_context(kafka.reserved("topic" if what.startswith("topic") else "group", topic))
    with stack, Archiving(tmp_path, collector(topic, url, **options)) as lakescope:
        until(lambda: words in lakescope.told, 20, lambda: lakescope.told)
        assert lakescope.told.partition(":")[0] in ("error", "connecting")
        status = lakescope.get("/api/status").text
    for secret in (SECRET, kafka.password):
        assert secret not in lakescope.told + status + caplog.text


def test_a_rebalance_that_takes_longer_than_a_poll_is_not_forgotten(kafka: Kafka, unique_name: str) -> None:
    """A member that joins before it has heard of its topic's partitions joins again once it has."""
    for name in (f"{unique_name}.{number}" for number in range(3)):
        kafka.create_topic(name, 3)
        options = KafkaCollectorOptions(brokers=[kafka.url], topics=[name], group=name, format="push")
        member = _Member(options, Offsets())
        try:
            end = time.monotonic() + 20
            while len(member.assignment) < 3 and time.monotonic() < end:
                member.poll(0.001)
            assert len(member.assignment) == 3
        finally:
            member.close()


def test_a_login_by_tls(tmp_path: Path, kafka: Kafka, unique_name: str) -> None:
    kafka.create_topic(unique_name)
    bodies = hermes(3)
    kafka.send(unique_name, bodies)
    options = {
        "username": f'"{kafka.user}"',
        "password": f'"{kafka.password}"',
        "mechanism": '"SCRAM-SHA-256"',
        "tls": f'{{ ca_file = "{kafka.authority.certificate}" }}',
    }
    with Archiving(tmp_path, collector(unique_name, kafka.tls_login_url, **options)) as lakescope:
        lakescope.arrived(events_of("hermes", bodies))


def token_login(issuer: TestIssuer, secret: str, audience: str) -> str:
    """Option `oidc`."""
    return (
        f'{{ token_url = "{issuer.url}/token", client_id = "{CLIENT}", client_secret = "{secret}", '
        f'audience = "{audience}" }}'
    )


def test_a_login_by_tokens_of_an_issuer(tmp_path: Path, kafka: Kafka, unique_name: str) -> None:
    """The broker checks them by the issuer's key. They are fetched once for all connections, and their life is told."""
    kafka.create_topic(unique_name)
    bodies = hermes(3)
    kafka.send(unique_name, bodies)
    with TestIssuer() as issuer:
        issuer.keys = [kafka.issuer_key]
        oidc = token_login(issuer, CLIENT_SECRET, kafka.audience)
        with Archiving(tmp_path, collector(unique_name, kafka.token_url, oidc=oidc)) as lakescope:
            lakescope.arrived(events_of("hermes", bodies))
            until(lambda: lakescope.told.startswith("ok"), 20, lambda: lakescope.told)
            assert issuer.paths == ["/token"]
            assert 0 < lakescope.engine.metrics.tokens.of["collectors.kafka"].life_s <= 600


@pytest.mark.parametrize(
    ("secret", "audience", "fault"),
    [
        ("wrong-secret", None, "/token answered 401"),
        (CLIENT_SECRET, "https://other.example.org", f"refused the login of '{CLIENT}'"),
    ],
)
def test_a_token_that_is_not_given_or_not_taken(
    tmp_path: Path, kafka: Kafka, unique_name: str, secret: str, audience: str | None, fault: str
) -> None:
    kafka.create_topic(unique_name)
    with TestIssuer() as issuer:
        issuer.keys = [kafka.issuer_key]
        oidc = token_login(issuer, secret, audience or kafka.audience)
        with Archiving(tmp_path, collector(unique_name, kafka.token_url, oidc=oidc)) as lakescope:
            until(lambda: fault in lakescope.told, 20, lambda: lakescope.told)
            assert secret not in lakescope.told


def test_a_port_for_tokens_says_so(tmp_path: Path, kafka: Kafka, unique_name: str) -> None:
    options = {"username": f'"{kafka.user}"', "password": f'"{kafka.password}"'}
    with Archiving(tmp_path, collector(unique_name, kafka.token_url, **options)) as lakescope:
        until(lambda: "set `oidc`" in lakescope.told, 20, lambda: lakescope.told)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('topic_pattern = ".*"', "expected `topics` or `topic_pattern`, one of the two"),
        (
            'username = "a"\npassword = "b"\noidc = {token_url = "https://i/t", client_id = "c", client_secret = "s"}',
            "keep one",
        ),
        ('username = "alice"', "`username` without `password`"),
    ],
)
def test_options_that_contradict_each_other(tmp_path: Path, line: str, fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        parse(collector("t", "kafka://localhost:9092") + line)
