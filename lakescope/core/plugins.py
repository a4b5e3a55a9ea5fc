"""Collectors, formats, sinks and receivers, found through entry points: a community adds its own without a fork."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from lakescope.core.extras import explain
from lakescope.core.messages import Format

Room = Literal["collectors", "formats", "sinks", "receivers"]


class PluginError(RuntimeError):
    """A plugin that cannot be used: why, and what to do."""

    def __init__(self, text: str, remedy: str):
        self.text = text
        self.remedy = remedy
        super().__init__(f"{text}; {remedy}")


@cache
def available(room: Room) -> dict[str, EntryPoint]:
    """Name -> entry point of a room's plugins. Raises `PluginError` if two packages claim one name."""
    entries: dict[str, EntryPoint] = {}
    for entry in entry_points(group=f"lakescope.{room}"):
        other = entries.setdefault(entry.name, entry)
        if other.value != entry.value:
            text = f"two {room} are named {entry.name!r}: {other.value} and {entry.value}"
            raise PluginError(text, "uninstall one of them")
    return dict(sorted(entries.items()))


def load(room: Room, name: str) -> Any:
    """The plugin of that name. Raises `PluginError` for a name that is none, and for what cannot be imported."""
    entry = available(room).get(name)
    if entry is None:
        from lakescope.core.options import closest  # pydantic, which `normalise` starts without

        suggestion = closest(name, available(room))
        remedy = f'write type = "{suggestion}"' if suggestion else "`lakescope plugins` lists them"
        raise PluginError(f"no {room[:-1]} {name!r}; there are {', '.join(available(room))}", remedy)
    try:
        return entry.load()
    except (ImportError, AttributeError) as error:
        missing_extra = explain(error) if isinstance(error, ModuleNotFoundError) else None
        package = entry.dist.name if entry.dist else entry.value
        remedy = missing_extra.remedy if missing_extra else f"install what it needs, or uninstall {package}"
        text = f"the {room[:-1]} {name!r} ({entry.value}) cannot be loaded: {missing_extra or error}"
        raise PluginError(text, remedy) from error


def formats() -> dict[str, Format]:
    """All formats by name."""
    return {name: load("formats", name) for name in available("formats")}
