"""Events to store."""

from __future__ import annotations

from typing import Any

import msgspec

from lakescope.core.bounds import bounds
from lakescope.core.columns import columns
from lakescope.core.events import DATASETS, Event, Transfer
from lakescope.transformers._common import identify


def transfer(number: int, **fields: Any) -> Transfer:
    """A transfer with that much of it known."""
    known = {"time": "2026-01-01T00:00:00Z", "source": "rucio", "event": "done"} | fields
    return msgspec.convert({"id": identify(number), "dataset": "transfers"} | known, Transfer)


def event_of(dataset: str) -> Event:
    """An event that knows everything."""
    texts = {
        "source": "push",
        "type": "gauge",
        "status": "ok",
        "kind": "transfer",
        "stage": "sink",
        "sync": "rses",
    }
    if dataset == "rucio":
        texts |= {"kind": "gauge", "part": "sum", "unit": "seconds"}
    if dataset in ("alerts", "incidents"):
        texts |= {"state": "open", "severity": "page"}
    if dataset == "annotations":
        texts |= {"state": "noted"}
    texts["event"] = {
        "alerts": "opened",
        "deletions": "done",
        "file_operations": "read",
        "incidents": "began",
        "transfers": "done",
    }.get(dataset, "x")
    values: dict[str, Any] = {"dataset": dataset}
    bound = bounds(DATASETS[dataset])
    for number, column in enumerate(columns(dataset)):
        most = bound[column.name].greatest if column.name in bound else 2**62
        values[column.name] = {
            "keyword": texts.get(column.name, f"{column.name} ü"),
            "text": f"{column.name}\n'\"",
            "time": f"2026-01-01T00:00:{number:02}.{number:06}Z",
            "integer": min(2**53 + number, most),
            "float": min(number + 0.125, most),
            "boolean": bool(number % 2),
            "labels": {"a.b": "1", "a": "ü", '"': "'"},
            "object": {"n": 1, "l": [1, {"x": None}], "b": True},
            "keywords": ["a", "ü"],
        }[column.kind]
    return msgspec.convert(values | {"id": identify(dataset)}, DATASETS[dataset])


def plain(event: Event) -> dict[str, Any]:
    """What a store must give back, the dataset left out."""
    return {key: value for key, value in msgspec.to_builtins(event).items() if key != "dataset"}
