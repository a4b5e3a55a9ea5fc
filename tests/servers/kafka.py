"""Kafka 4.4.0: one real broker, its own controller (KRaft), from the jars on Maven Central."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ._install import BUILT, Install, run_logged
from ._java import find_java
from ._process import HOST, Server, ServerError, free_port
from ._tls import Authority

if TYPE_CHECKING:  # its import takes half a second, and every session of tests reads this file
    from kafka import KafkaAdminClient

    from tests.contract._issuer import Key

VERSION = "4.4.0"

_JAVA = 17
_SOURCES = Path(__file__).with_name("kafka_broker")
_HOME = BUILT / f"kafka-{VERSION}"
_COPY_JARS = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"


def _is_built() -> bool:
    stamp = _HOME / "recipe"
    return stamp.exists() and stamp.read_text() == _fingerprint()


def _build() -> None:
    """Download: 45 jars, 10 s."""
    with tempfile.TemporaryDirectory(dir=BUILT, prefix="kafka-") as work:
        target = Path(work) / "home"
        target.mkdir()
        options = ["-DincludeScope=runtime", f"-DoutputDirectory={target / 'lib'}"]
        maven: list[str | Path] = ["mvn", "-B", "-q", "-Dstyle.color=never", "-f", _SOURCES / "pom.xml"]
        run_logged([*maven, _COPY_JARS, *options], BUILT / "kafka.log")
        (target / "recipe").write_text(_fingerprint())
        # Renamed in the end, so that an interrupted build is no build.
        shutil.rmtree(_HOME, ignore_errors=True)
        target.rename(_HOME)


def _fingerprint() -> str:
    return hashlib.sha256((_SOURCES / "pom.xml").read_bytes()).hexdigest()


INSTALL = Install(
    "kafka", lambda: {"maven": "/usr/bin/mvn", "openssl": "/usr/bin/openssl"}, _is_built, _build
)

_CONFIGURATION = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={host}:{controller_port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
listeners={listeners},CONTROLLER://{host}:{controller_port}
advertised.listeners={advertised}
listener.security.protocol.map={protocols},CONTROLLER:PLAINTEXT
log.dirs={directory}/data
auto.create.topics.enable=false

# One node: what has more replicas by default would never be written.
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# Groups balance at once, and notice soon who is gone.
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# A broker that was killed is refused until its session is over.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500

sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN
{logins}
listener.name.token.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.token.oauthbearer.sasl.jaas.config={modules}.oauthbearer.OAuthBearerLoginModule required;
listener.name.token.oauthbearer.sasl.server.callback.handler.class={modules}.oauthbearer.OAuthBearerValidatorCallbackHandler
listener.name.token.sasl.oauthbearer.jwks.endpoint.url={keys}
listener.name.token.sasl.oauthbearer.expected.audience={audience}
# The tests' issuers come later, each on a port of its own.
listener.name.token.sasl.oauthbearer.allow.unverified.issuer=true
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={truststore}
listener.name.mutual.ssl.client.auth=required

# Who comes without a login may do everything; others, until there is an access rule on what they want.
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true
"""
_MODULES = "org.apache.kafka.common.security"

LISTENERS = {
    "PLAIN": "PLAINTEXT",
    "LOGIN": "SASL_PLAINTEXT",
    "TLS": "SSL",
    "MUTUAL": "SSL",
    "TLSLOGIN": "SASL_SSL",
    "TOKEN": "SASL_PLAINTEXT",
}
"""Listener -> its protocol. MUTUAL demands a client's certificate, TOKEN a token that `issuer_key` has signed."""


class Kafka(Server):
    """A broker with one loopback port a listener, which it keeps over restarts, as it does its topics and groups.

    `user` logs in with `password`, by PLAIN and by SCRAM, where a listener demands a login.
    """

    name: ClassVar[str] = "kafka"
    user: ClassVar[str] = "alice"
    password: ClassVar[str] = "p4ss-of-alice"
    audience: ClassVar[str] = "https://kafka.example.org"
    """Of tokens."""

    def __init__(self, directory: Path, *, heap_mb: int = 320) -> None:
        super().__init__(directory)
        self.heap_mb = heap_mb
        self.ports = {listener: free_port() for listener in LISTENERS}
        self._controller_port = free_port()

    @property
    def url(self) -> str:
        """The listener without TLS and login: kafka://127.0.0.1:<port>."""
        return f"kafka://{self.address}"

    @property
    def address(self) -> str:
        """The same as clients of Kafka name it: 127.0.0.1:<port>."""
        return f"{HOST}:{self.ports['PLAIN']}"

    @property
    def login_url(self) -> str:
        """The listener that demands a login, without TLS."""
        return f"kafka://{HOST}:{self.ports['LOGIN']}"

    @property
    def token_url(self) -> str:
        """The listener that demands a token, without TLS."""
        return f"kafka://{HOST}:{self.ports['TOKEN']}"

    @property
    def tls_url(self) -> str:
        """The listener with TLS: kafka+ssl://localhost:<port>."""
        return f"kafka+ssl://localhost:{self.ports['TLS']}"

    @property
    def mutual_tls_url(self) -> str:
        """The listener with TLS that demands a client's certificate."""
        return f"kafka+ssl://localhost:{self.ports['MUTUAL']}"

    @property
    def tls_login_url(self) -> str:
        """The listener with TLS that demands a login."""
        return f"kafka+ssl://localhost:{self.ports['TLSLOGIN']}"

    @cached_property
    def authority(self) -> Authority:
        """The CA of the broker: its `certificate` is what a client trusts, `issue("name")` makes a client's pair."""
        return Authority(self.directory / "tls")

    @cached_property
    def issuer_key(self) -> Key:
        """The only key whose tokens the broker takes."""
        from tests.contract._issuer import Key

        return Key("first")

    @contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        """Kafka's own administration."""
        from kafka import KafkaAdminClient

        client = KafkaAdminClient(bootstrap_servers=self.address, bootstrap_timeout_ms=10_000)
        try:
            yield client
        finally:
            client.close()

    def create_topic(
        self, topic: str, partitions: int = 1, settings: Mapping[str, str] | None = None
    ) -> None:
        """Make a topic; `settings` such as `{"max.message.bytes": "2000"}`."""
        with self.admin() as admin:
            specification = {"num_partitions": partitions, "replication_factor": 1, "configs": settings or {}}
            admin.create_topics({topic: specification})

    def delete_topic(self, topic: str) -> None:
        """Delete a topic with all that is in it."""
        with self.admin() as admin:
            admin.delete_topics([topic])

    def send(
        self,
        topic: str,
        bodies: Iterable[bytes | None],
        *,
        headers: Sequence[tuple[str, bytes]] = (),
        **options: Any,
    ) -> None:
        """Send messages without a key, over the partitions in turn; null: a tombstone, which needs one.

        `headers` are each message's, `options` those of Kafka's producer.
        """
        from kafka import KafkaProducer

        producer = KafkaProducer(bootstrap_servers=self.address, metrics_enabled=False, **options)
        partitions = sorted(producer.partitions_for(topic))
        futures = [
            producer.send(
                topic,
                body,
                key=b"key" if body is None else None,
                headers=list(headers),
                partition=partitions[number % len(partitions)],
            )
            for number, body in enumerate(bodies)
        ]
        producer.close()
        for future in futures:
            future.get(0)

    def read(self, topic: str) -> list[Any]:
        """All records that are in a topic now, as kafka-python gives them."""
        from kafka import KafkaConsumer, TopicPartition

        consumer = KafkaConsumer(bootstrap_servers=self.address, metrics_enabled=False)
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        records: list[Any] = []
        while any(consumer.position(partition) < end for partition, end in ends.items()):
            for batch in consumer.poll(500).values():
                records += batch
        consumer.close()
        return records

    @contextmanager
    def reserved(self, kind: Literal["topic", "group"], name: str) -> Iterator[None]:
        """For the time of the block deny a topic or group to whoever logs in or shows a certificate: an access rule lets
        nobody else in."""
        from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

        pattern = ResourcePattern(ResourceType[kind.upper()], name)
        rule = ACL("User:nobody", "*", ACLOperation.ALL, ACLPermissionType.ALLOW, pattern)
        with self.admin() as admin:
            admin.create_acls([rule])
            yield
            admin.delete_acls([rule])

    def members(self, group: str) -> dict[str, int]:
        """The group's members by their ids, and how many partitions each has."""
        with self.admin() as admin:
            members = admin.describe_groups([group])[group]["members"]
        return {
            member["member_id"]: sum(len(topic["partitions"]) for topic in _assigned(member))
            for member in members
        }

    def held(self, group: str, topic: str) -> int:
        """How many messages of a topic the group has not committed."""
        from kafka import TopicPartition
        from kafka.admin import OffsetSpec
        from kafka.errors import CoordinatorNotAvailableError

        with self.admin() as admin:
            (description,) = admin.describe_topics([topic])
            partitions = [
                TopicPartition(topic, each["partition_index"]) for each in description["partitions"]
            ]
            ends = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
            try:
                committed = admin.list_group_offsets(group)[group]
            except (
                CoordinatorNotAvailableError
            ):  # no group has come yet: the topic of their offsets is being made
                committed = {}
        return sum(
            end.offset - (committed[partition].offset if partition in committed else 0)
            for partition, end in ends.items()
        )

    def command(self) -> list[str]:
        configuration = self.directory / "server.properties"
        configuration.write_text(self._configuration())
        if not (self.directory / "data/meta.properties").exists():
            self._format(configuration)
        return [*self._java(), "kafka.Kafka", str(configuration)]

    def is_ready(self) -> bool:
        """Whether it names a broker, itself: it does so once the controller has let it in."""
        request = struct.pack(">hhihi", 3, 1, 1, -1, 0)  # Metadata, version 1, of no topic
        try:
            with socket.create_connection((HOST, self.ports["PLAIN"]), 2) as connection:
                connection.sendall(struct.pack(">i", len(request)) + request)
                answer = connection.recv(12, socket.MSG_WAITALL)
        except OSError:
            return False
        return len(answer) == 12 and struct.unpack(">iii", answer)[2] > 0

    def _java(self) -> list[str]:
        java = find_java(_JAVA)
        if java is None:
            raise ServerError(f"no Java >= {_JAVA} for Kafka: python -m tests.servers.install kafka")
        return [
            str(java.java),
            f"-Xmx{self.heap_mb}m",
            # Ready in half the time on few cores.
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            f"-Djava.io.tmpdir={self.directory}",
            f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={self._keys.as_uri()}",
            f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.files={self._keys}",
            f"-Dlog4j2.configurationFile={_SOURCES / 'log4j2.properties'}",
            "-cp",
            f"{_HOME / 'lib'}/*",
        ]

    def _format(self, configuration: Path) -> None:
        """A node without a formatted directory does not start; the SCRAM logins are part of it."""
        scram = [
            argument
            for kind in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for argument in ("--add-scram", f"{kind}=[name={self.user},password={self.password}]")
        ]
        tool = ["kafka.tools.StorageTool", "format", "--cluster-id", "lakescope-tests", "--standalone"]
        command = [*self._java(), *tool, "--config", str(configuration), *scram]
        done = subprocess.run(command, cwd=self.directory, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ServerError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")

    @property
    def _keys(self) -> Path:
        return self.directory / "jwks.json"

    def _configuration(self) -> str:
        self._keys.write_text(json.dumps({"keys": [self.issuer_key.jwk]}))
        pair = self.authority.issue("broker")
        keystore = self.directory / "tls/broker.pem"
        keystore.write_bytes(
            pair.key.read_bytes() + pair.certificate.read_bytes() + self.authority.certificate.read_bytes()
        )
        login = f'username="{self.user}" password="{self.password}" user_{self.user}="{self.password}"'
        return _CONFIGURATION.format(
            host=HOST,
            controller_port=self._controller_port,
            listeners=",".join(f"{listener}://{HOST}:{port}" for listener, port in self.ports.items()),
            advertised=",".join(
                f"{listener}://{'localhost' if 'SSL' in LISTENERS[listener] else HOST}:{port}"
                for listener, port in self.ports.items()
            ),
            protocols=",".join(f"{listener}:{protocol}" for listener, protocol in LISTENERS.items()),
            directory=self.directory,
            logins="\n".join(
                f"listener.name.{listener}.{mechanism}.sasl.jaas.config={_MODULES}.{module} required {values};"
                for listener in ("login", "tlslogin")
                for mechanism, module, values in (
                    ("plain", "plain.PlainLoginModule", login),
                    ("scram-sha-256", "scram.ScramLoginModule", ""),
                    ("scram-sha-512", "scram.ScramLoginModule", ""),
                )
            ),
            modules=_MODULES,
            keys=self._keys.as_uri(),
            audience=self.audience,
            keystore=keystore,
            truststore=self.authority.certificate,
        )


def _assigned(member: dict[str, Any]) -> list[dict[str, Any]]:
    return (member["member_assignment"] or {}).get("assigned_partitions", [])
