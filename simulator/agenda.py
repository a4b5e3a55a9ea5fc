"""The list of what is still to happen, in order of time."""

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Any, Protocol

from lakescope.simulator.wire.message import Wire

Act = Callable[[int, Any], Wire | None]
"""What to do at a moment (microseconds) with the argument it was planned with; may answer with a message."""


class Later(Protocol):
    """Plans an act: moment, act, its argument."""

    def __call__(self, us: int, act: Act, argument: Any, /) -> None: ...


class Agenda:
    """Acts by moment; those of one moment keep the order in which they were planned."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Act, Any]] = []
        self._count = 0

    def at(self, us: int, act: Act, argument: Any) -> None:
        self._count += 1
        heappush(self._heap, (us, self._count, act, argument))

    def run(self, finish: int) -> Iterator[Wire]:
        """Act in order of time until `finish` (microseconds, itself excluded) and yield each message."""
        heap = self._heap
        while heap:
            us, _, act, argument = heappop(heap)
            if us >= finish:
                return
            wire = act(us, argument)
            if wire is not None:
                yield wire
