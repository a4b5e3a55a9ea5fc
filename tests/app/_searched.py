"""Events to write into stores that can be searched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from lakescope.core.events import Event, Transfer
from lakescope.transformers._common import identify

NUMBERS = count()
FILE = {"scope": "s", "name": "f1", "dst_rse": "DST"}

Store = Callable[[Sequence[Event]], Any]
"""Writes events and gives the sink that has them."""


def transfer(event: str, time: str = "2026-01-05T10:00:00Z", **fields: Any) -> Transfer:
    defaults = {"source": "rucio", "ok": {"done": True, "failed": False}.get(event), **FILE}
    return Transfer(id=identify("trace", next(NUMBERS)), time=time, event=event, **defaults | fields)
