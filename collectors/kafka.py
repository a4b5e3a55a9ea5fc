"""Kafka: topics read by a consumer group, so that any number of instances share their partitions.

A partition's offset is committed once all messages before it are safe, and no sooner: what a member that ends has not
committed is given again, to it or to another. While the pipeline is full the partitions are paused, and polling goes
on, by which the group knows that this member lives: a store that is away for long causes no rebalance. Members leave
their partitions one by one (KIP-429, "cooperative"), so that those that stay are read on.

A message without a value, as compaction leaves one, is an empty body, which no format reads: it is a dead letter.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Self

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import GroupAuthorizationFailedError, KafkaError
from kafka.net.compat import KafkaNetClient
from pydantic import Field, model_validator

from lakescope.collectors._common import OneFormat
from lakescope.collectors._reading import Pieces, cut, portions
from lakescope.core.contracts import Finding, Health, Installation, State
from lakescope.core.inbox import Inbox
from lakescope.core.kafka import FORMAT_HEADER, NO_FAULTS, KafkaOptions, find_faults
from lakescope.core.messages import Message
from lakescope.core.plugins import available

log = logging.getLogger(__name__)

POLL_S = 0.25
FULL_POLL_S = 0.05  # while the pipeline is full and nothing can come: long enough to take part in a rebalance
RECORDS = 1000  # a poll
FETCH_BYTES = 16 * 2**20
"""An answer of a broker; a message that is larger comes alone."""
COMMIT_S = 0.5
REPORT_S = 1.0
PROBE_S = 5.0  # between two looks at what is wrong
CLOSE_S = 5.0


class KafkaCollectorOptions(OneFormat, KafkaOptions):
    """Options of the kafka collector."""

    topics: list[str] = Field(default=[], examples=[["rucio.events"]])
    """Topics to read."""
    topic_pattern: str | None = Field(default=None, examples=["rucio-.*"])
    """Regular expression of topics to read instead, such as one for each RSE; new ones are found within 10 s."""
    group: str = Field(default="lakescope", min_length=1)
    """Consumer group: its members share the partitions, and each group gets every message."""
    auto_offset_reset: Literal["earliest", "latest"] = "earliest"
    """Where a group begins that has committed nothing."""
    session_timeout_s: float = Field(default=45.0, ge=1)
    """Silence after which the group takes a member for dead and gives its partitions to others (seconds)."""
    max_poll_interval_s: float = Field(default=300.0, ge=1)
    """Time without a poll after which a member leaves the group by itself (seconds). It polls also while stores are away."""

    @model_validator(mode="after")
    def _names_topics(self) -> Self:
        if bool(self.topics) == bool(self.topic_pattern):
            raise ValueError("expected `topics` or `topic_pattern`, one of the two")
        return self


class KafkaCollector:
    """Reads topics as a member of a consumer group."""

    Options = KafkaCollectorOptions

    def __init__(self, name: str, options: KafkaCollectorOptions, data_dir: Path) -> None:
        self.options = options
        self.credentials = options.credentials
        self.formats = [options.format]
        self.health = Health()
        self._known_formats = frozenset(available("formats"))
        self._offsets = Offsets()
        self._member: _Member | None = None

    @staticmethod
    def examine(options: KafkaCollectorOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`. Nothing is read, and no group joined: its members would be given other partitions."""
        from lakescope.core.kafka_examination import (
            administration,
            examine_cluster,
            examine_group,
            examine_topics,
            is_reachable,
        )

        findings = list(examine_cluster(options, options.topics))
        yield from findings
        if not is_reachable(findings):
            return
        user = options.user
        with administration(options) as admin:
            topics = options.topics
            if options.topic_pattern:
                topics = sorted(filter(re.compile(options.topic_pattern).match, admin.list_topics()))
                if not topics:
                    text = f"no topic fits {options.topic_pattern!r}"
                    yield Finding("warning", text, "correct `topic_pattern`, or wait for the first one")
                    return
            yield from examine_topics(admin, topics, "read", user)
            yield from examine_group(admin, options.group, topics, user)

    def run(self, inbox: Inbox, stop: threading.Event) -> None:
        """Reads until told to stop; stays in the group for the last acknowledgements."""
        while (faults := find_faults(self.options, self.options.topics)).brokers:
            self._tell("connecting", str(faults))
            if stop.wait(PROBE_S):
                return
        self._member = _Member(self.options, self._offsets)
        try:
            self._read(self._member, inbox, stop)
        except GroupAuthorizationFailedError as error:
            self._member.close()
            user = self.options.user
            text = f"{user} may not use group {self.options.group!r}: its access rules (ACL) lack Read on the group"
            raise PermissionError(text) from error
        except BaseException:
            self._member.close()
            raise

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Their offsets are committed by the next round of `run`, or by `close`."""
        self._offsets.store(message.token for message in messages)

    def close(self) -> None:
        """Commits what is safe and leaves the group."""
        if self._member is not None:
            self._member.close()

    def _read(self, member: _Member, inbox: Inbox, stop: threading.Event) -> None:
        waiting: deque[list[Message]] = deque()
        report_due = 0.0
        while not stop.is_set():
            for partition, records in member.poll(FULL_POLL_S if waiting else POLL_S).items():
                waiting.extend(self._messages(partition, records))
            while waiting and inbox.put(waiting[0], timeout=POLL_S):
                waiting.popleft()
            if inbox.is_closed:
                return
            member.hold_back(bool(waiting))
            member.commit()
            if time.monotonic() >= report_due:
                report_due = time.monotonic() + self._report(member)

    def _messages(self, partition: TopicPartition, records: Sequence[Any]) -> Iterator[list[Message]]:
        stretch = Stretch(records[-1].offset + 1)
        now = time.time()
        where = {"topic": partition.topic, "partition": str(partition.partition)}
        messages: list[Message] = []
        for record in records:
            headers = {**where, "offset": str(record.offset)}
            format_ = self.options.format
            if record.headers:
                headers |= {name: value.decode(errors="replace") for name, value in record.headers if value}
                format_ = self._format(headers.get(FORMAT_HEADER))
            bodies = cut((record.value or b"",), format_)
            messages += [Message(body, format_, headers, now, stretch) for body in bodies]
        self._offsets.open(partition, stretch, len(messages))
        return portions(messages)

    def _format(self, name: str | None) -> str:
        """That which a header names; that of the options if it names none that there is."""
        if name not in self._known_formats or name is None:
            return self.options.format
        if name not in self.formats:
            self.formats.append(name)
        return name

    def _report(self, member: _Member) -> float:
        """Sets the health; how long that holds (seconds)."""
        topics = self.options.topics
        faults = NO_FAULTS if member.is_well else find_faults(self.options, topics)
        count = len(member.assignment)
        detail = f"{count} partitions of {', '.join(topics) or self.options.topic_pattern}, group {self.options.group}"
        if faults.brokers:
            self._tell("connecting", str(faults))
        elif faults.topics:
            self._tell("error", f"{faults}; {detail}")
        else:
            self.health.set("ok" if member.has_joined else "connecting", detail)
        return PROBE_S if faults.brokers or faults.topics else REPORT_S

    def _tell(self, state: State, fault: str) -> None:
        if fault != self.health.detail:  # once, not at every look
            log.warning("kafka_fault group=%s fault=%s", self.options.group, fault)
        self.health.set(state, fault)


class Stretch:
    """Messages of a partition that were read together: the token of each."""

    __slots__ = ("end", "is_stored")

    def __init__(self, end: int) -> None:
        self.end = end
        """The offset behind its last message."""
        self.is_stored = False


class Offsets:
    """What was read of each partition, and up to where all of it is safe. Safe for threads."""

    def __init__(self) -> None:
        self._open: dict[TopicPartition, deque[Stretch]] = {}
        self._safe: dict[TopicPartition, int] = {}
        self._pieces = Pieces()
        self._lock = threading.Lock()

    def open(self, partition: TopicPartition, stretch: Stretch, messages: int) -> None:
        """So many messages of a stretch are handed over. Those of a partition come in order."""
        self._pieces.open(stretch, messages)
        with self._lock:
            self._open.setdefault(partition, deque()).append(stretch)

    def store(self, stretches: Iterable[Stretch]) -> None:
        """One message of each (of one that is named twice, two) is safe."""
        for stretch in self._pieces.close(stretches):
            stretch.is_stored = True

    def safe(self) -> dict[TopicPartition, int]:
        """Partition -> the offset before which all that was read of it is safe."""
        with self._lock:
            for partition, stretches in self._open.items():
                while stretches and stretches[0].is_stored:
                    self._safe[partition] = stretches.popleft().end
            return dict(self._safe)

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """They are another member's now, who reads from the last commit on."""
        with self._lock:
            for partition in partitions:
                self._open.pop(partition, None)
                self._safe.pop(partition, None)


class _Member(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python carries no types
    """The membership in the group. All but `close` is called by the thread that reads, the listener's by kafka-python's."""

    def __init__(self, options: KafkaCollectorOptions, offsets: Offsets) -> None:
        self._topics = options.topics
        self._offsets = offsets
        self._client: Any = None
        self._committed: dict[TopicPartition, int] = {}
        self._commit: tuple[Any, dict[TopicPartition, int]] | None = None
        """The last commit's future, and its offsets, until it is known to be done."""
        self._commit_due = 0.0
        self._commit_fault = ""
        try:
            self._consumer = KafkaConsumer(
                **options.settings(),
                group_id=options.group,
                auto_offset_reset=options.auto_offset_reset,
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                isolation_level="read_committed",
                partition_assignment_strategy=[CooperativeStickyAssignor],
                session_timeout_ms=int(options.session_timeout_s * 1000),
                heartbeat_interval_ms=int(min(3.0, options.session_timeout_s / 3) * 1000),
                max_poll_interval_ms=int(options.max_poll_interval_s * 1000),
                fetch_max_bytes=FETCH_BYTES,
                metrics_enabled=False,
                kafka_client=self._make_client,
            )
        except BaseException:
            if self._client is not None:  # which has a thread by now
                self._client.close()
            raise
        self._consumer.subscribe(options.topics, options.topic_pattern, self)

    def _make_client(self, **settings: Any) -> Any:
        self._client = KafkaNetClient(**settings)
        return self._client

    @property
    def is_well(self) -> bool:
        """Whether any broker is connected, and knows the topics."""
        cluster = self._client.cluster
        return any(self._client.connected(broker.node_id) for broker in cluster.brokers()) and all(
            cluster.partitions_for_topic(topic) for topic in self._topics
        )

    @property
    def has_joined(self) -> bool:
        """Whether the group has taken it; it may have no partition, if there are more members than those."""
        return bool(self._consumer.group_metadata().generation_id >= 0)

    @property
    def assignment(self) -> set[TopicPartition]:
        """The partitions that it reads now."""
        return set(self._consumer.assignment())

    def poll(self, timeout_s: float) -> dict[TopicPartition, list[Any]]:
        """The next records. Raises `KafkaError`, such as for what it may not read."""
        # kafka-python 3.0.12: a rebalance that is due as topics have changed, and that takes longer than a poll, is forgotten
        # by the next one: the member would read what it had before, without heartbeats, for ever
        if self._consumer._coordinator.rejoining:
            self._consumer._coordinator.request_rejoin()
        records: dict[TopicPartition, list[Any]] = self._consumer.poll(int(timeout_s * 1000), RECORDS)
        return records

    def hold_back(self, is_full: bool) -> None:
        """Whether its partitions are paused from now on; a partition that comes while they are is none of them."""
        paused = self._consumer.paused()
        with suppress(KeyError):  # one has just gone to another member: the next round does the rest
            if is_full:
                self._consumer.pause(*(self.assignment - paused))
            elif paused:
                self._consumer.resume(*paused)

    def commit(self) -> None:
        """Begins to commit what is safe, if that is due; what failed is tried again the next time."""
        if time.monotonic() < self._commit_due or not self._is_commit_done():
            return
        self._commit_due = time.monotonic() + COMMIT_S
        if due := self._due():
            self._commit = self._consumer.commit_async(_commits(due)), due

    def close(self) -> None:
        """Commits what is safe and leaves the group. It may be called twice."""
        try:
            if due := self._due():
                self._consumer.commit(_commits(due), timeout_ms=int(CLOSE_S * 1000))
        except KafkaError as error:  # not committed means given again, which harms nothing
            log.warning("kafka_commit_failed error=%s", error)
        finally:
            self._consumer.close(timeout_ms=int(CLOSE_S * 1000))
            self._offsets.forget(self._offsets.safe())

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Others read them from now on."""
        self._offsets.forget(revoked)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """They are read from the last commit on, perhaps another member's."""
        self._offsets.forget(assigned)
        for partition in assigned:
            self._committed.pop(partition, None)

    def _due(self) -> dict[TopicPartition, int]:
        return {
            partition: offset
            for partition, offset in self._offsets.safe().items()
            if self._committed.get(partition) != offset
        }

    def _is_commit_done(self) -> bool:
        if self._commit is None:
            return True
        future, offsets = self._commit
        if not future.is_done:
            return False
        self._commit = None
        fault = "" if future.succeeded() else str(future.exception)
        if not fault:
            self._committed |= offsets
        elif fault != self._commit_fault:  # once, not at every attempt
            log.warning("kafka_commit_failed error=%s", fault)
        self._commit_fault = fault
        return True


def _commits(offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, Any]:
    return {partition: OffsetAndMetadata(offset) for partition, offset in offsets.items()}
