"""What `lakescope doctor` looks at in Kafka: brokers, topics, access rules (ACL), version; nothing is read or written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import CoordinatorNotAvailableError, GroupAuthorizationFailedError, KafkaError

from lakescope.core.contracts import Finding
from lakescope.core.examination import examine_certificates, examine_version
from lakescope.core.kafka import DEFAULT_PORT, KafkaOptions, find_faults


def examine_cluster(options: KafkaOptions, topics: Sequence[str]) -> Iterator[Finding]:
    """Certificates, brokers and topics, each broker tried."""
    yield from examine_certificates(options.brokers, options.tls, port=DEFAULT_PORT)
    for url in options.brokers:
        alone = options.model_copy(update={"brokers": [url]})
        for fault in find_faults(alone, ()).brokers:
            yield Finding("error", fault, "correct `brokers`, `username`, `password` or `tls`")
    faults = find_faults(options, topics)
    for fault in faults.topics:
        yield Finding("error", fault, "`lakescope setup` creates a sink's topic; see docs/how-to/kafka.md")


def is_reachable(findings: Sequence[Finding]) -> bool:
    """Whether to go on: an administrator's client would try for long where nothing answers."""
    return not any(one.level == "error" for one in findings)


@contextmanager
def administration(options: KafkaOptions) -> Iterator[Any]:
    """An administrator's client. Raises `ConnectionError`."""
    try:
        client = KafkaAdminClient(**options.settings())
        try:
            yield client
        finally:
            client.close()
    except KafkaError as error:
        raise ConnectionError(f"{type(error).__name__}: {error}") from error


def examine_topics(admin: Any, topics: Sequence[str], operation: str, user: str) -> Iterator[Finding]:
    """Version, and whether the topics may be used so; a broker that has no access rules allows all."""
    versions = admin.get_broker_version_data(next(iter(admin.describe_cluster()["brokers"]))["broker_id"])
    yield examine_version("Kafka", ".".join(map(str, versions.broker_version)))
    for topic in admin.describe_topics(list(topics)):
        name, allowed = topic["name"], topic.get("authorized_operations")
        if allowed is not None and operation not in _names(allowed):
            right = operation.capitalize()
            yield Finding(
                "error",
                f"{user} may not {operation} topic {name}: its access rules (ACL) lack {right}",
                f"kafka-acls.sh --add --allow-principal User:{user} --operation {right} --topic {name}",
            )
        else:
            yield Finding("ok", f"topic {name}: {len(topic['partitions'])} partitions, may be {operation}")


def examine_group(admin: Any, group: str, topics: Sequence[str], user: str) -> Iterator[Finding]:
    """Whether it may be joined, who is in it, and how many messages it has not committed."""
    denied = Finding(
        "error",
        f"{user} may not use group {group}: its access rules (ACL) lack Read on the group",
        f"kafka-acls.sh --add --allow-principal User:{user} --operation Read --group {group}",
    )
    try:
        description = admin.describe_groups([group])[group]
    except GroupAuthorizationFailedError:
        yield denied
        return
    except (
        CoordinatorNotAvailableError
    ):  # the topic of the groups' offsets is made when the first group comes
        yield Finding("ok", f"group {group}: there are no groups yet")
        return
    allowed = description.get("authorized_operations")
    if "GroupAuthorizationFailed" in str(description.get("error")) or (
        allowed is not None and "read" not in _names(allowed)
    ):
        yield denied
        return
    partitions = [
        TopicPartition(topic["name"], each["partition_index"])
        for topic in admin.describe_topics(list(topics))
        for each in topic["partitions"]
    ]
    ends = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
    starts = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
    committed = admin.list_group_offsets(group).get(group, {})
    lag = sum(
        end.offset - (committed[one].offset if one in committed else starts[one].offset)
        for one, end in ends.items()
    )
    members = len(description.get("members") or ())
    yield Finding("ok", f"group {group}: {members} members, {lag:,} messages not stored yet")


def _names(allowed: Any) -> set[str]:
    return {str(one).lower() for one in allowed}
