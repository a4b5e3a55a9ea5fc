"""Collectors, formats and sinks, found through entry points: a community adds its own without a fork."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from lakescope.core.messages import Format

Room = Literal["collectors", "formats", "sinks"]


class UnknownPlugin(RuntimeError):
    """No plugin of that name; the text lists those there are."""


@cache
def available(room: Room) -> dict[str, EntryPoint]:
    """Name -> entry point of a room's plugins. Raises `ValueError` if two packages claim one name."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=f"lakescope.{room}"):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            raise ValueError(
                f"two {room} are named {entry.name!r}: {other.value} and {entry.value}; uninstall one of them"
            )
    return dict(sorted(found.items()))


def load(room: Room, name: str) -> Any:
    """The plugin of that name. Raises `UnknownPlugin`."""
    entry = available(room).get(name)
    if entry is None:
        raise UnknownPlugin(f"no {room[:-1]} {name!r}; there are {', '.join(available(room))}")
    return entry.load()


def formats() -> dict[str, Format]:
    """All formats by name."""
    return {name: load("formats", name) for name in available("formats")}
