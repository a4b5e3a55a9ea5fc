"""A sink's overflow: what it costs where it is off, and how fast events go to disk and come back.

What misleads here: the lane is measured alone, with chunks made beforehand, so that a figure is the overflow's own and not the
decoder's; a sync to disk costs wall time and no CPU; bodies of one generator compress better than those of a whole lake.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.hot_path import bodies
from lakescope.core.contracts import Outcome, TransientError
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.lane import Job, SinkLane
from lakescope.pipeline.metrics import Metrics
from lakescope.pipeline.normalise import Normaliser
from lakescope.pipeline.overflow import Overflow, Slice, pack_origin
from lakescope.pipeline.transform import SinkInput, Transform
from lakescope.sinks.elasticsearch import BulkEncoder
from lakescope.transformers.enrichment import Enrichment

BATCH = 1000
BATCHES = 50
ROUNDS = 5


class Null:
    """A sink that takes everything, or is away."""

    def __init__(self) -> None:
        self.is_away = False

    def write(self, chunks: Sequence[Any]) -> Outcome:
        """Keeps nothing."""
        if self.is_away:
            raise TransientError("away")
        return Outcome()

    def close(self) -> None:
        """Nothing to release."""


def _through_lane(batches: list[tuple[list[Message], list[Any], Counter[str]]], path: Path | None) -> float:
    """CPU seconds of a lane that takes them all, with an overflow that it does not need or without one."""
    overflow = Overflow(path, 2**40) if path else None
    lane = SinkLane("null", Null(), Metrics(), 10**9, 2**50, overflow)  # type: ignore[arg-type]
    begin = time.process_time()
    lane.start()
    for messages, chunks, seconds in batches:
        origin = partial(pack_origin, messages, range(len(chunks)))
        lane.put(Job("file", chunks, len(messages), 1, seconds, lambda _: None, origin))
    lane.close()
    lane.join(60)
    spent_s = time.process_time() - begin
    lane.abort()
    lane.release()
    return spent_s


def main() -> None:
    """Prints the figures."""
    encoder = BulkEncoder("lakescope", "month")
    transform = Transform(Normaliser(formats(), Enrichment(collector="file")), {"null": SinkInput(encoder)})
    batches = []
    for start in range(BATCHES):
        messages = [Message(body, "hermes", {}, 1.0) for body in bodies(BATCH, seed=start)]
        parcel = transform(messages).parcels["null"]
        batches.append((messages, parcel.chunks, parcel.seconds))
    events = sum(len(chunks) for _, chunks, _ in batches)
    size = sum(len(message.body) for messages, *_ in batches for message in messages)
    print(f"{events} events of {size / events:.0f} bytes a body, medians of {ROUNDS}")
    with tempfile.TemporaryDirectory() as name:
        off, idle, write, read = [], [], [], []
        for number in range(ROUNDS):
            off.append(_through_lane(batches, None))
            idle.append(_through_lane(batches, Path(name) / f"idle-{number}.sqlite"))
            overflow = Overflow(Path(name) / f"{number}.sqlite", 2**40)
            begin, wall = time.process_time(), time.perf_counter()
            for row, (messages, chunks, seconds) in enumerate(batches, 1):
                overflow.put(
                    [(row, Slice("file", chunks, seconds, pack_origin(messages, range(len(chunks)))))]
                )
            write.append((time.process_time() - begin, time.perf_counter() - wall))
            taken = overflow.bytes
            begin, wall, row = time.process_time(), time.perf_counter(), 0
            while slices := overflow.read(row, 5000):
                row = slices[-1][0]
                overflow.delete([number for number, _ in slices])
            read.append((time.process_time() - begin, time.perf_counter() - wall))
            overflow.close()
    print(f"lane without overflow         {median(off) / events * 1e6:6.2f} us an event")
    print(f"lane, overflow not needed     {median(idle) / events * 1e6:6.2f} us an event")
    for what, times in (("to disk, synced", write), ("from disk, and deleted", read)):
        cpu, wall = (median(column) for column in zip(*times, strict=True))
        print(f"{what:28} {events / cpu:9,.0f} events/CPU-s   {events / wall:9,.0f} events/s of wall time")
    print(
        f"on disk                       {taken / events:6.0f} bytes an event, of {size / events:.0f} bytes received"
    )


if __name__ == "__main__":
    main()
