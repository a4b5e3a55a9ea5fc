"""The bounded hand-over from a collector to the transform stage: messages in, batches out."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from lakescope.messages import Message


class Inbox:
    """A queue that gives batches by size and age, and holds at most `limit` messages.

    `put` blocks while it is full: that is how a slow sink reaches the source (never memory).
    """

    def __init__(self, *, batch_size: int = 1000, batch_age: float = 0.5, limit: int = 4000):
        self.batch_size = batch_size
        self.batch_age = batch_age
        self.limit = limit
        self.received = 0
        self.last_received: float | None = None
        self._messages: list[Message] = []
        self._oldest = 0.0
        self._closed = False
        lock = threading.Lock()
        self._can_put = threading.Condition(lock)
        self._can_take = threading.Condition(lock)

    def put(self, messages: Sequence[Message], *, wait: bool = True) -> bool:
        """Adds messages, waiting for room; false once the inbox is closed (they were not taken).

        `wait` false is for a collector whose source itself bounds what is under way.
        """
        if not messages:
            return not self._closed
        with self._can_put:
            while wait and len(self._messages) >= self.limit and not self._closed:
                self._can_put.wait()
            if self._closed:
                return False
            was = len(self._messages)
            self._messages += messages
            self.received += len(messages)
            self.last_received = time.time()
            if not was:
                self._oldest = time.monotonic()
            if not was or was < self.batch_size <= len(self._messages):
                self._can_take.notify()
            return True

    def take(self) -> list[Message] | None:
        """The next batch, when it is full or old enough; null once the inbox is closed and empty."""
        with self._can_take:
            while not self._messages:
                if self._closed:
                    return None
                self._can_take.wait()
            while len(self._messages) < self.batch_size and not self._closed:
                left = self._oldest + self.batch_age - time.monotonic()
                if left <= 0:
                    break
                self._can_take.wait(left)
            batch, self._messages = self._messages[: self.batch_size], self._messages[self.batch_size :]
            self._oldest = time.monotonic()
            self._can_put.notify_all()
            return batch

    def close(self) -> None:
        """No more messages: `put` answers false, `take` gives the rest and then null."""
        with self._can_put:
            self._closed = True
            self._can_put.notify_all()
            self._can_take.notify_all()

    def __len__(self) -> int:
        return len(self._messages)
