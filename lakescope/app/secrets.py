"""The secrets of a configuration: which values they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from lakescope.app.config import Configuration


def secrets_of(configuration: Configuration) -> list[str]:
    """The value of every secret option, the longest first, each once."""
    rooms = (configuration.collectors, configuration.sinks, configuration.receivers)
    models = [configuration.settings, *(plugin.options for room in rooms for plugin in room.values())]
    values = {secret for model in models for secret in _secrets(model) if secret}
    return sorted(values, key=len, reverse=True)


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for _, inner in value:
            yield from _secrets(inner)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets(inner)
    elif isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        for inner in value:
            yield from _secrets(inner)
