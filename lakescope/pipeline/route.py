"""Which events a sink takes, and how much of them: by dataset, VO and any field, a sample of them, with fields masked."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import msgspec
from msgspec.structs import replace

from lakescope.core.contracts import Chunk, Encoder
from lakescope.core.events import Event
from lakescope.core.filters import Filters

_encode = msgspec.json.Encoder().encode
_ID_DIGITS = 8
"""Hexadecimal digits of an id that decide whether it is in a sample."""


class Route(msgspec.Struct, frozen=True):
    """Picklable. Without anything: all events as they are."""

    datasets: frozenset[str] | None = None
    """Null: all."""
    vos: frozenset[str] | None = None
    """``""`` for events without a VO; null: all."""
    where: Filters = Filters({}, {})
    sample: Mapping[str, float] = {}
    """Dataset -> share of its events; the others are whole."""
    mask: frozenset[str] = frozenset()
    """Fields that become null."""

    @property
    def takes_all(self) -> bool:
        """Whether no event is left out."""
        return self.datasets is None and self.vos is None and not self.sample and not self.where.names

    def takes(self, event: Event) -> bool:
        """Whether an event is for the sink. A message that comes again is in the same samples."""
        if self.datasets is not None and event.dataset not in self.datasets:
            return False
        if self.vos is not None and (event.vo or "") not in self.vos:
            return False
        share = self.sample.get(event.dataset)
        if share is not None and int(event.id[:_ID_DIGITS], 16) >= share * 16**_ID_DIGITS:
            return False
        return self.where.accept(event)

    def encode(self, encoder: Encoder, events: list[Event], documents: list[bytes]) -> list[Chunk | None]:
        """The sink's chunks of events that it takes; `documents`: the events as JSON."""
        if not self.mask:
            return encoder(events, documents)
        masked = [_mask(event, self.mask) for event in events]
        return encoder(masked, [_encode(event) for event in masked])


@cache
def _nulls(kind: type[Event], mask: frozenset[str]) -> Mapping[str, None]:
    return dict.fromkeys(mask & {*kind.__struct_fields__})


def _mask(event: Event, mask: frozenset[str]) -> Event:
    nulls = _nulls(type(event), mask)
    return replace(event, **nulls) if nulls else event
