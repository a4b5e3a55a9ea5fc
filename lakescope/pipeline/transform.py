"""Decode, enrich, encode for every sink: all of the hot path, pure, so that it runs here or in other processes."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from lakescope.core.contracts import Chunk, Encoder
from lakescope.core.events import Event, Transfer
from lakescope.core.messages import Message, Reject
from lakescope.pipeline.normalise import Normaliser, NormaliseResult
from lakescope.pipeline.route import Route

FAILURES_KEPT = 10  # of a batch, for the status page

SLICE = 50
"""Messages that are taken from bytes to chunks at a time: few enough to stay in the processor's cache, which is
worth a third of the speed (benchmarks/hot_path.py)."""

PART = 5_000
"""Events and rejects after which a batch is cut: a few kilobytes may make as many."""

LINE_BYTES, RECORD_BYTES = 48, 160
"""What CPython adds to a chunk (bytes): a bytes object and its place in a list; a tuple of two of them."""

_encode = msgspec.json.Encoder().encode


class Parcel(msgspec.Struct):
    """What one sink gets of a batch."""

    chunks: list[Chunk] = []
    events: list[int] | None = None
    """Index of each chunk's event in the batch; null: chunk i is event i."""
    size: int = 0
    """What its chunks hold in memory (bytes), about."""
    filtered: int = 0
    """Events that are not for this sink: by its route, or because it has no place for them."""
    seconds: Counter[str] = msgspec.field(default_factory=Counter)
    """``YYYY-MM-DDThh:mm:ss`` -> events of that second, for the lag."""


class TransformResult(msgspec.Struct):
    """A batch, ready for the sinks. Picklable."""

    parcels: dict[str, Parcel]
    messages: int = 0
    """How many it was made of."""
    event_starts: list[int] = []
    """``event_starts[i]``: the first event of message i."""
    events: int = 0
    rejects: list[Reject] = []
    rejected_messages: list[int] = []
    """``rejects[j]`` came from message ``rejected_messages[j]``."""
    unknown: Counter[str] = msgspec.field(default_factory=Counter)
    impossible: Counter[str] = msgspec.field(default_factory=Counter)
    odd: Counter[str] = msgspec.field(default_factory=Counter)
    filtered: Counter[str] = msgspec.field(default_factory=Counter)
    conflicts: dict[str, str] = {}
    """RSE -> on what its source and the topology disagree."""
    datasets: Counter[str] = msgspec.field(default_factory=Counter)
    failures: list[bytes] = []
    """Documents of the batch's last failed transfers."""
    documents: list[bytes] = []
    """All events as JSON, if they were asked for."""

    def message_of(self, event: int) -> int:
        """Index of the message that an event came from."""
        return bisect_right(self.event_starts, event) - 1

    def message_of_chunk(self, sink: str, chunk: int) -> int:
        """The same of a sink's chunk."""
        indices = self.parcels[sink].events
        return self.message_of(chunk if indices is None else indices[chunk])


class SinkInput(msgspec.Struct):
    """How a sink wants its events."""

    encoder: Encoder
    route: Route = Route()

    def encode(self, events: list[Event], documents: list[bytes]) -> list[Chunk | None]:
        """Chunks of events that it takes."""
        return self.route.encode(self.encoder, events, documents)


class Transform:
    """(messages) -> `TransformResult`. Picklable if its formats and encoders are."""

    def __init__(self, normalise: Normaliser, lanes: Mapping[str, SinkInput]):
        self.normalise = normalise
        self.lanes = dict(lanes)

    def __call__(self, messages: Sequence[Message], with_documents: bool = False) -> TransformResult:
        """Of the first messages, at least one: `TransformResult.messages` tells how many."""
        result = TransformResult({name: Parcel() for name in self.lanes})
        while result.messages < len(messages) and result.events + len(result.rejects) <= PART:
            part = messages[result.messages : result.messages + SLICE]
            try:
                self._add(result, self.normalise(part, part=PART), with_documents)
            except Exception:  # noqa: BLE001 - one event that cannot be encoded must not stop its neighbours
                self._add(result, self.normalise(part, self._check, PART), with_documents)
        return result

    def _check(self, events: list[Event]) -> None:
        documents = [_encode(event) for event in events]
        for lane in self.lanes.values():
            lane.encode(events, documents)

    def _add(self, result: TransformResult, batch: NormaliseResult, with_documents: bool) -> None:
        """Adds what was made of the next messages. Leaves `result` alone if an encoder raises."""
        events = batch.events
        documents = [_encode(event) for event in events]
        seconds = _seconds(events)
        sizes = [len(document) for document in documents]
        encoded_by_sink = {name: _choose(lane, events, documents) for name, lane in self.lanes.items()}
        for name, (chunks, indices) in encoded_by_sink.items():
            parcel = result.parcels[name]
            parcel.size += _held_bytes(chunks, sizes if indices is None else [sizes[i] for i in indices])
            _extend(parcel, chunks, indices, events, seconds, result.events)
        result.event_starts += [result.events + start for start in batch.event_starts]
        result.events += len(events)
        result.rejects += batch.rejects
        result.rejected_messages += [result.messages + message for message in batch.rejected_messages]
        result.messages += len(batch.event_starts)
        for name in ("unknown", "impossible", "odd", "filtered"):
            if counts := getattr(batch, name):  # seldom
                getattr(result, name).update(counts)
        result.conflicts |= batch.conflicts
        result.datasets.update([event.dataset for event in events])
        result.failures += [
            document
            for event, document in zip(events, documents, strict=True)
            if type(event) is Transfer and event.ok is False
        ]
        del result.failures[:-FAILURES_KEPT]
        if with_documents:
            result.documents += documents


def _held_bytes(chunks: list[Chunk], sizes: list[int]) -> int:
    """What chunks hold in memory (bytes): a line is its length, anything else its event's document, about."""
    if chunks and type(chunks[0]) is bytes:
        return sum(map(len, chunks)) + LINE_BYTES * len(chunks)
    return sum(sizes) + RECORD_BYTES * len(chunks)


def _choose(
    lane: SinkInput, events: list[Event], documents: list[bytes]
) -> tuple[list[Chunk], list[int] | None]:
    """The chunks that a lane gets, and the index of each one's event; null: they are all of the events'."""
    if lane.route.takes_all:
        chunks = lane.encode(events, documents)
        if None not in chunks:
            return chunks, None
        indices = list(range(len(chunks)))
    else:
        indices = [i for i, event in enumerate(events) if lane.route.takes(event)]
        chunks = lane.encode([events[i] for i in indices], [documents[i] for i in indices])
    kept_chunks = [(chunk, i) for chunk, i in zip(chunks, indices, strict=True) if chunk is not None]
    return [chunk for chunk, _ in kept_chunks], [i for _, i in kept_chunks]


def _extend(
    parcel: Parcel,
    chunks: list[Chunk],
    indices: list[int] | None,
    events: list[Event],
    seconds: Counter[str],
    before: int,
) -> None:
    """Adds a slice's chunks; `before`: how many events the slices before it had."""
    parcel.chunks += chunks
    if indices is not None:
        seconds = _seconds([events[i] for i in indices])
        parcel.filtered += len(events) - len(indices)
    parcel.seconds.update(seconds)
    if indices is None and parcel.events is None:
        return
    if parcel.events is None:
        parcel.events = list(range(before))
    parcel.events += [before + i for i in (range(len(events)) if indices is None else indices)]


def _seconds(events: list[Event]) -> Counter[str]:
    return Counter([event.time[:19] for event in events])
