"""What becomes of a write: tried again, stored in part, halved. No thread, no queue, no store of its own.

The lane waits between attempts for as long as it takes; a replay gives up at the first; both pass a `wait`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from lakescope.core.contracts import Chunk, Outcome, RefusedError, TransientError
from lakescope.core.messages import Reason, Reject, quote, whole_text

Write = Callable[[Sequence[Chunk]], Outcome]
Wait = Callable[[int, TransientError], None]
"""Called with the number of attempts in a row that stored nothing, and why. Sleeps, or raises to give up."""

STUCK_ATTEMPTS = 5
STUCK_S = 600.0
"""A batch that got one and the same answer so often and for so long may hold an event that the store never takes."""
DEPTH_MAX = 6
"""How often a batch of which no part gets anywhere is halved, at most: one level deeper each time that it is tried."""


def deliver(
    chunks: Sequence[Chunk], write: Write, wait: Wait, clock: Callable[[], float] = time.monotonic
) -> dict[int, Reject]:
    """Stores all of `chunks` but what the store refuses for good, which is returned by index.

    A store that is away is waited for, however long. One event must not hold back the others: a batch that makes
    the sink raise, or that was answered alike 5 times within 10 minutes or more, is halved until the event at fault
    is alone, and rejected only if its neighbours were stored. Raises what `wait` raises.
    """
    delivery = _Delivery(chunks, write, wait, clock)
    delivery.store(list(range(len(chunks))))
    return delivery.rejects


def give_up(_attempts: int, fault: TransientError) -> None:
    """A `Wait` of who tries once."""
    raise fault


class _Delivery:
    def __init__(self, chunks: Sequence[Chunk], write: Write, wait: Wait, clock: Callable[[], float]):
        self.chunks = chunks
        self.write = write
        self.wait = wait
        self.clock = clock
        self.rejects: dict[int, Reject] = {}

    def store(self, pending: list[int]) -> None:
        """Returns once all of `pending` are stored or rejected."""
        streak = _Streak(self.clock)
        depth = 0
        while pending:
            pending, fault = self.attempt(pending)
            if fault is None:
                streak = _Streak(self.clock)
                continue
            streak.add(fault)
            if streak.is_long and streak.is_isolated:
                self.single_out(pending, streak.answer, fault)
                return
            if streak.is_long and len(pending) > 1:
                depth = min(depth + 1, DEPTH_MAX)
                unstored_indices = self.probe(pending, depth)
                streak.restart(is_isolated=len(unstored_indices) < len(pending))
                pending = unstored_indices
            if pending:
                self.wait(streak.attempts, fault)

    def attempt(self, pending: list[int]) -> tuple[list[int], TransientError | None]:
        """Writes once: what is left, and the fault if nothing of it got anywhere."""
        try:
            outcome = self.write(
                self.chunks if len(pending) == len(self.chunks) else [self.chunks[i] for i in pending]
            )
        except TransientError as error:
            return pending, error
        except Exception as error:  # noqa: BLE001 - whatever a sink raises, its neighbours' events go on
            self.halve(pending, error)
            return [], None
        self.rejects.update({pending[i]: reject for i, reject in outcome.rejected.items()})
        unstored_indices = [pending[i] for i in outcome.retry]
        if unstored_indices and len(unstored_indices) == len(pending):
            return unstored_indices, TransientError(
                f"{len(unstored_indices)} events to be tried again: {outcome.reason}"
            )
        return unstored_indices, None

    def halve(self, pending: list[int], error: Exception) -> None:
        """Parts a batch that makes the sink raise, down to the event at fault."""
        if len(pending) == 1:
            self.reject(pending[0], error)
            return
        for half in _halves(pending):
            self.store(half)

    def probe(self, pending: list[int], depth: int) -> list[int]:
        """Tries the halves once, then their halves, `depth` times or until one gets anywhere; what is left.

        Once one does, the store is no longer in doubt: what still fails is halved on by itself.
        """
        parts = [pending]
        for _ in range(depth):
            parts = [half for part in parts for half in _halves(part)]
            results = [self.attempt(part)[0] for part in parts]
            if sum(map(len, results)) < len(pending):
                return [i for part in results for i in (self.probe(part, 2) if len(part) > 1 else part)]
        return pending

    def single_out(self, pending: list[int], answer: str, fault: TransientError) -> None:
        """Rejects those events that get `answer` alone as well: their neighbours were stored, so it is not the store."""
        if len(pending) == 1:
            self.reject(pending[0], fault)
            return
        for half in _halves(pending):
            unstored_indices, again = self.attempt(half)
            if again is not None and _answer(again) == answer:
                self.single_out(unstored_indices, answer, again)
            else:
                self.store(unstored_indices)

    def reject(self, index: int, error: Exception) -> None:
        """Gives an event up: the engine files it as a dead letter."""
        reason: Reason = error.reason if isinstance(error, RefusedError) else "sink_error"
        is_told = isinstance(error, RefusedError | TransientError)
        self.rejects[index] = Reject(reason, found=whole_text(error) if is_told else quote(error))


class _Streak:
    """Attempts in a row that stored nothing, and for how long their answer has been the same."""

    def __init__(self, clock: Callable[[], float]):
        self.clock = clock
        self.attempts = 0
        self.answer = ""
        self.is_isolated = False
        """Whether the store took these events' neighbours while it gave them this answer."""
        self._same_answers = 0
        self._since = clock()

    def add(self, fault: TransientError) -> None:
        answer = _answer(fault)
        if answer != self.answer:
            self.answer = answer
            self.restart(is_isolated=False)
        self.attempts += 1
        self._same_answers += 1

    def restart(self, *, is_isolated: bool) -> None:
        self.is_isolated = is_isolated
        self._same_answers, self._since = 0, self.clock()

    @property
    def is_long(self) -> bool:
        return self._same_answers >= STUCK_ATTEMPTS and self.clock() - self._since >= STUCK_S


def _answer(fault: TransientError) -> str:
    """What a store said, without the times, sizes and request numbers that differ from one answer to the next."""
    return re.sub(r"\d+", "#", str(fault))


def _halves(part: list[int]) -> list[list[int]]:
    middle = len(part) // 2
    return [half for half in (part[:middle], part[middle:]) if half]
