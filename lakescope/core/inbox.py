"""The bounded hand-over from a collector to the transform stage: messages in, batches out."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from itertools import accumulate

from lakescope.core.messages import Message

LIMIT_BYTES = 64 * 2**20
BATCH_BYTES = 4 * 2**20
"""Bodies of a batch may take so much together; a larger one goes alone."""


class Inbox:
    """A queue that gives batches by size and age, and takes no more while it holds `limit` messages or `limit_bytes`.

    `put` blocks while it is full: that is how a slow sink reaches the source (never memory).
    """

    def __init__(
        self,
        *,
        batch_size: int = 1000,
        batch_age: float = 0.5,
        limit: int | None = None,
        limit_bytes: int = LIMIT_BYTES,
    ):
        """`limit` is four batches at least: a batch larger than the inbox would always wait its whole age."""
        self.batch_size = batch_size
        self.batch_age = batch_age
        self.limit = max(4000, 4 * batch_size) if limit is None else limit
        self.limit_bytes = limit_bytes
        self.batch_bytes = min(BATCH_BYTES, limit_bytes // 4)
        self._bytes = 0
        self.received = 0
        self.last_received: float | None = None
        self._messages: list[Message] = []
        self._oldest = 0.0
        self._is_closed = False
        lock = threading.Lock()
        self._can_put = threading.Condition(lock)
        self._can_take = threading.Condition(lock)

    def put(self, messages: Sequence[Message], *, wait: bool = True, timeout: float | None = None) -> bool:
        """Adds messages, waiting for room; false if they were not taken: `is_closed`, or `timeout` seconds are over.

        `wait` false is for a collector whose source itself bounds what is under way; `timeout` for one that must speak
        with its source meanwhile, as a consumer of Kafka must.
        """
        if not messages:
            return not self._is_closed
        with self._can_put:
            if wait and not self._can_put.wait_for(lambda: self._is_closed or not self._is_full(), timeout):
                return False
            if self._is_closed:
                return False
            was, was_due = len(self._messages), self._is_due()
            self._messages += messages
            self._bytes += sum([len(message.body) for message in messages])
            self.received += len(messages)
            self.last_received = time.time()
            if not was:
                self._oldest = time.monotonic()
            if not was or (not was_due and self._is_due()):
                self._can_take.notify()
            return True

    def take(self) -> list[Message] | None:
        """The next batch, when it is full or old enough; null once the inbox is closed and empty."""
        with self._can_take:
            while not self._messages:
                if self._is_closed:
                    return None
                self._can_take.wait()
            while not self._is_due() and not self._is_closed:
                remaining_s = self._oldest + self.batch_age - time.monotonic()
                if remaining_s <= 0:
                    break
                self._can_take.wait(remaining_s)
            size = self._batch_size()
            batch, self._messages = self._messages[:size], self._messages[size:]
            self._bytes -= sum([len(message.body) for message in batch])
            self._oldest = time.monotonic()
            self._can_put.notify_all()
            return batch

    def _is_full(self) -> bool:
        return len(self._messages) >= self.limit or self._bytes >= self.limit_bytes

    def _is_due(self) -> bool:
        return len(self._messages) >= self.batch_size or self._bytes >= self.batch_bytes

    def _batch_size(self) -> int:
        """How many messages: of `batch_bytes` together, or one."""
        if self._bytes <= self.batch_bytes:
            return self.batch_size
        sizes = accumulate(len(message.body) for message in self._messages[: self.batch_size])
        return next(
            (count for count, size in enumerate(sizes, 1) if size >= self.batch_bytes), self.batch_size
        )

    def close(self) -> None:
        """No more messages: `put` answers false, `take` gives the rest and then null."""
        with self._can_put:
            self._is_closed = True
            self._can_put.notify_all()
            self._can_take.notify_all()

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more messages."""
        return self._is_closed

    def __len__(self) -> int:
        return len(self._messages)
