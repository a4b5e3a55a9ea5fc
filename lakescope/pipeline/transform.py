"""Decode, enrich, encode for every sink: all of the hot path, pure, so that it runs here or in other processes."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy

import msgspec

from lakescope.events import Event, Transfer
from lakescope.messages import Message, Reject
from lakescope.pipeline.contracts import Chunk, Encoder
from lakescope.pipeline.normalise import Normalised, Normaliser

FAILURES_KEPT = 10  # of a batch, for the status page

_encode = msgspec.json.Encoder().encode


class Parcel(msgspec.Struct):
    """What one sink gets of a batch."""

    chunks: list[Chunk]
    events: list[int] | None = None
    """Index of each chunk's event in the batch; null: chunk i is event i."""
    filtered: int = 0
    """Events that are not for this sink: by its `datasets`, or because it has no place for them."""
    seconds: Counter[str] = msgspec.field(default_factory=Counter)
    """``YYYY-MM-DDThh:mm:ss`` -> events of that second, for the lag."""


class Transformed(msgspec.Struct):
    """A batch, ready for the sinks. Picklable."""

    parcels: dict[str, Parcel]
    event_starts: list[int]
    rejects: list[Reject]
    reject_starts: list[int]
    unknown: Counter[str]
    filtered: Counter[str]
    datasets: Counter[str]
    failures: list[bytes]
    """Documents of the batch's last failed transfers."""
    documents: list[bytes]
    """All events as JSON, if they were asked for."""

    def message_of(self, event: int) -> int:
        """Index of the message that an event came from."""
        return bisect_right(self.event_starts, event) - 1


class Lane(msgspec.Struct):
    """How a sink wants its events."""

    encode: Encoder
    datasets: frozenset[str] | None = None
    """Which datasets it takes; null: all."""


class Transform:
    """(messages) -> `Transformed`. Picklable if its formats and encoders are."""

    def __init__(self, normalise: Normaliser, lanes: Mapping[str, Lane]):
        self.normalise = normalise
        self.lanes = dict(lanes)

    def __call__(self, messages: Sequence[Message], with_documents: bool = False) -> Transformed:
        try:
            return self._transform(self.normalise(messages), with_documents)
        except Exception:  # noqa: BLE001 - one event that cannot be encoded must not stop its neighbours
            return self._transform(self.normalise(messages, self._check), with_documents)

    def _check(self, events: list[Event]) -> None:
        events = [copy(event) for event in events]  # they are completed once more, for good
        self.normalise.enrich(events)
        documents = [_encode(event) for event in events]
        for lane in self.lanes.values():
            lane.encode(events, documents)

    def _transform(self, batch: Normalised, with_documents: bool) -> Transformed:
        events = batch.events
        documents = [_encode(event) for event in events]
        seconds = _seconds(events)
        return Transformed(
            parcels={name: _parcel(lane, events, documents, seconds) for name, lane in self.lanes.items()},
            event_starts=batch.event_starts,
            rejects=batch.rejects,
            reject_starts=batch.reject_starts,
            unknown=batch.unknown,
            filtered=batch.filtered,
            datasets=Counter([event.dataset for event in events]),
            failures=[
                document
                for event, document in zip(events, documents, strict=True)
                if type(event) is Transfer and event.ok is False
            ][-FAILURES_KEPT:],
            documents=documents if with_documents else [],
        )


def _parcel(lane: Lane, events: list[Event], documents: list[bytes], seconds: Counter[str]) -> Parcel:
    if lane.datasets is None:
        chunks = lane.encode(events, documents)
        if None not in chunks:
            return Parcel(chunks, seconds=seconds)
        indices = list(range(len(chunks)))
    else:
        indices = [i for i, event in enumerate(events) if event.dataset in lane.datasets]
        chunks = lane.encode([events[i] for i in indices], [documents[i] for i in indices])
    kept = [(i, chunk) for i, chunk in zip(indices, chunks, strict=True) if chunk is not None]
    return Parcel(
        chunks=[chunk for _, chunk in kept],
        events=[i for i, _ in kept],
        filtered=len(events) - len(kept),
        seconds=_seconds([events[i] for i, _ in kept]),
    )


def _seconds(events: list[Event]) -> Counter[str]:
    return Counter([event.time[:19] for event in events])
