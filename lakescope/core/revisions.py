"""Events that are revised: of those with one identifier the last revision holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def latest(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of events of the dataset `annotations`, as plain data, those that hold: the greatest revision of each that is not removed,
    the newest first."""
    last: dict[str, Mapping[str, Any]] = {}
    for event in events:
        previous = last.get(event["annotation"])
        if previous is None or event["revision"] > previous["revision"]:
            last[event["annotation"]] = event
    valid = [dict(one) for one in last.values() if one["state"] != "removed"]
    return sorted(valid, key=lambda one: (one["time"], one["annotation"]), reverse=True)
