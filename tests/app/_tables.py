"""Tables of events: a `Series` is one kind of event, `count` of them every `every` minutes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from lakescope.core.events import DATASETS, Event
from lakescope.transformers._common import identify

ZERO = datetime(2026, 1, 12, tzinfo=UTC)
"""Minute 0."""


class Series(NamedTuple):
    """Events of one kind, ``begin <= minute < end``; texts with ``{minute}`` or ``{number}`` differ from event to event."""

    dataset: str
    begin: int
    end: int
    every: int
    fields: dict[str, Any]
    count: int = 1


class Case(NamedTuple):
    """What happens, and when the rule fires."""

    rule: str
    name: str
    fires: int | None
    series: tuple[Series, ...]
    until: int = 180


def events(case: Case) -> Iterator[Event]:
    """All of a case."""
    for place, one in enumerate(case.series):
        for index, minute in enumerate(range(one.begin, min(one.end, case.until + 1), one.every)):
            time = f"{ZERO + timedelta(minutes=minute, seconds=30):%Y-%m-%dT%H:%M:%SZ}"
            for number in range(one.count):
                fields = {
                    name: value.format(minute=minute, number=number, index=index)
                    if isinstance(value, str)
                    else value(index)
                    if callable(value)
                    else value
                    for name, value in one.fields.items()
                }
                yield DATASETS[one.dataset](
                    **{"id": identify("case", place, minute, number), "time": time} | fields
                )
