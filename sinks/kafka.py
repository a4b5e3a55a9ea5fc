"""Kafka: every event a message, its key the event's id: for other consumers, or to store it elsewhere.

What format `events` reads, a `kafka` collector of another instance included. The producer is idempotent: a message is in
its topic once, however often a broker was away meanwhile. What was outstanding when Lakescope stopped, and an event that it
received twice, are messages again, with the same key: a topic with ``cleanup.policy=compact`` keeps the last one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAlreadyExistsError,
)
from kafka.future import Future
from pydantic import Field

from lakescope.core.contracts import Finding, Installation, Outcome, TransientError
from lakescope.core.events import Event
from lakescope.core.kafka import COLLECTOR_HEADER, FORMAT_HEADER, KafkaOptions, find_faults
from lakescope.core.messages import Reject
from lakescope.sinks._common import SinkOptions

OUTSTANDING = 5000
"""Messages without an answer, at most: kafka-python has no bound of its own."""
BATCH_BYTES = 256 * 1024
"""Of one partition in a request, before compression."""
LARGEST_BYTES = 64 * 2**20
"""Of a request. What a topic takes is its own ``max.message.bytes``, by which the broker refuses a message."""
LINGER_MS = 5
REQUEST_MS = 30_000
OUTAGE_MS = 2**31 - 1
"""So long the producer itself tries to deliver a message, in the same place and so once."""
CLOSE_S = 5.0

_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)

Chunk = tuple[bytes, bytes, bytes]
"""(key, value, collector)"""


class KafkaSinkOptions(SinkOptions, KafkaOptions):
    """Options of the kafka sink."""

    topic: str = Field(min_length=1, examples=["lakescope.events"])
    """Topic of all events; `lakescope setup` creates it with the broker's defaults if there is none."""
    compression: Literal["lz4", "zstd", "none"] = "lz4"
    """How batches are compressed: zstd takes less room, lz4 less time."""
    timeout_s: float = Field(default=30.0, ge=1)
    """Longest wait until a message is safe on all replicas in sync (seconds), before the sink says that it waits."""


class KafkaSink:
    """Sends events to a topic."""

    Options = KafkaSinkOptions
    forget_remedy = "a topic is only appended to: its retention (retention.ms) has to end it"

    def __init__(self, name: str, options: KafkaSinkOptions, data_dir: Path) -> None:
        self.options = options
        self.credentials = options.credentials
        self._producer: Any = None
        self._outstanding: dict[Chunk, Any] = {}
        """What was sent -> its future, until the broker has answered."""

    @staticmethod
    def encode(events: Sequence[Event], documents: Sequence[bytes]) -> list[Chunk | None]:
        """The document as it is, under the event's id."""
        return [
            (event.id.encode(), document, (event.collector or "").encode())
            for event, document in zip(events, documents, strict=True)
        ]

    def setup(self) -> Iterator[Finding]:
        """Creates the topic if it is not there."""
        topic = self.options.topic
        faults = find_faults(self.options, [topic])
        if not faults.brokers and not faults.topics:
            yield Finding("unchanged", f"topic {topic}")
            return
        if faults.brokers or "no topic" not in faults.topics[0]:
            yield Finding("error", str(faults))
            return
        try:
            client = KafkaAdminClient(**self.options.settings())
            try:
                client.create_topics([topic])
            finally:
                client.close()
        except TopicAlreadyExistsError:
            yield Finding("unchanged", f"topic {topic}")
        except KafkaError as error:
            yield Finding("error", f"topic {topic} cannot be created: {error}")
        else:
            yield Finding(
                "done", f"topic {topic} created, with the broker's number of partitions and replicas"
            )

    @staticmethod
    def plan(options: KafkaSinkOptions, installation: Installation) -> Iterator[Finding]:
        """See `PlanningSink`."""
        faults = find_faults(options, [options.topic])
        if not faults.brokers and not faults.topics:
            yield Finding("unchanged", f"topic {options.topic}")
        elif faults.brokers or "no topic" not in faults.topics[0]:
            yield Finding("error", str(faults))
        else:
            yield Finding("change", f"topic {options.topic} is made")

    @staticmethod
    def examine(options: KafkaSinkOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`. Nothing is written: a message cannot be taken back."""
        from lakescope.core.kafka_examination import (
            administration,
            examine_cluster,
            examine_topics,
            is_reachable,
        )

        findings = list(examine_cluster(options, [options.topic]))
        yield from findings
        if is_reachable(findings):
            with administration(options) as admin:
                yield from examine_topics(admin, [options.topic], "write", options.user)

    def write(self, chunks: Sequence[Chunk]) -> Outcome:
        """Returns once every message is safe on the replicas in sync, refused, or `timeout_s` is over.

        What has no answer by then is outstanding: when it comes again, it is waited for and not sent a second time.
        """
        outcome = Outcome()
        for start in range(0, len(chunks), OUTSTANDING):
            self._send(chunks, range(start, min(start + OUTSTANDING, len(chunks))), outcome)
        return outcome

    def close(self) -> None:
        """Closes the connections; what is outstanding is given up."""
        self._give_up(CLOSE_S)

    def _connect(self) -> Any:
        """The producer. Raises `TransientError` that says why there is none."""
        if self._producer is None:
            if fault := str(find_faults(self.options, [self.options.topic])):
                raise TransientError(fault)
            timeout_ms = int(self.options.timeout_s * 1000)
            try:
                self._producer = KafkaProducer(
                    **self.options.settings(),
                    allow_auto_create_topics=False,
                    batch_size=BATCH_BYTES,
                    compression_type=None if self.options.compression == "none" else self.options.compression,
                    delivery_timeout_ms=OUTAGE_MS,
                    linger_ms=LINGER_MS,
                    max_block_ms=timeout_ms,
                    max_request_size=LARGEST_BYTES,
                    metrics_enabled=False,
                    request_timeout_ms=min(timeout_ms, REQUEST_MS),
                )
            except (KafkaError, OSError) as error:
                raise TransientError(str(error)) from error
        return self._producer

    def _send(self, chunks: Sequence[Chunk], indices: Sequence[int], outcome: Outcome) -> None:
        """Sends some, waits for each, and adds to the outcome what became of those that are not safe.

        A broker refuses a batch as a whole for one message that is too large, and kafka-python 3.0.12 then refuses all
        that follow: what is left is tried in halves.
        """
        if outcome.retry:  # the others would wait as long
            outcome.retry += indices
            return
        futures, fault = self._begin([chunks[index] for index in indices])
        deadline = time.monotonic() + self.options.timeout_s
        too_large: list[int] = []
        is_broken = False
        for index, future in zip(indices, futures, strict=True):
            error = _error_of(future, deadline - time.monotonic()) if future else None
            if future and future.is_done:
                self._outstanding.pop(chunks[index], None)
            if isinstance(error, _TOO_LARGE):
                too_large.append(index)
            elif error or not future:
                outcome.retry.append(index)
                fault = fault or str(error)
                is_broken |= future is not None and future.is_done
        if too_large or is_broken:
            self._give_up()
        if fault:  # which is mostly a time that is over
            outcome.reason = str(find_faults(self.options, [self.options.topic])) or fault
        if len(indices) == 1 and too_large:
            (index,) = too_large
            expected = f"at most max.message.bytes of topic {self.options.topic}, after compression"
            size = sum(map(len, chunks[index]))
            outcome.rejected[index] = Reject("too_large", expected=expected, found=f"{size} bytes")
            return
        middle = (len(too_large) + 1) // 2
        for half in (too_large[:middle], too_large[middle:]):
            if half:
                self._send(chunks, half, outcome)

    def _begin(self, chunks: Sequence[Chunk]) -> tuple[list[Any], str]:
        """A future for each, and why some have none: kafka-python waits for what it must know of the topic, with each."""
        producer, fault = self._connect(), ""
        for chunk in chunks:
            if chunk in self._outstanding or fault:
                continue
            key, value, collector = chunk
            headers = [(FORMAT_HEADER, b"events")]
            if collector:
                headers.append((COLLECTOR_HEADER, collector))
            try:
                self._outstanding[chunk] = producer.send(self.options.topic, value, key, headers)
            except MessageSizeTooLargeError as error:
                self._outstanding[chunk] = Future().failure(error)
            except KafkaError as error:
                fault = str(error)
        return [self._outstanding.get(chunk) for chunk in chunks], fault

    def _give_up(self, timeout_s: float = 0.0) -> None:
        """Ends the producer and all that is outstanding."""
        producer, self._producer, self._outstanding = self._producer, None, {}
        if producer is None:
            return
        try:
            producer.close(timeout=timeout_s)
        except KafkaTimeoutError:
            # kafka-python 3.0.12 raises it where messages are outstanding, before it has ended its thread
            producer._sender.force_close()
            with suppress(KafkaTimeoutError):
                producer.close(timeout=CLOSE_S)


def _error_of(future: Any, timeout_s: float) -> KafkaError | None:
    """Why the message is not safe, which may be that the time is over; null if it is."""
    try:
        future.get(max(0.0, timeout_s))
    except KafkaError as error:
        return error
    return None
