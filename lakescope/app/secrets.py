"""The secrets of a configuration: which values they are, and who else may read the files that have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from lakescope.app.config import Configuration
from lakescope.app.secret_files import exposure

SHORTEST = 4
"""Characters of a secret that is looked for in other texts; a shorter one is in many words."""


def secrets_of(configuration: Configuration) -> list[str]:
    """The value of every secret option, the longest first, each once."""
    values = {secret for model in _models(configuration) for secret in _secrets(model) if secret}
    return sorted(values, key=len, reverse=True)


def exposures(configuration: Configuration) -> list[str]:
    """A sentence for each file with a secret that others may read, with the remedy: files of secrets and keys, and the
    configuration itself where a secret stands in it."""
    files = dict.fromkeys(configuration.secret_files, "a secret")
    for model in _models(configuration):
        files |= dict.fromkeys(_key_files(model), "a key or a token")
    text, path = configuration.source.text, Path(configuration.source.file)
    if any(len(one) >= SHORTEST and one in text for one in secrets_of(configuration)):
        files[path] = "a secret in plain text"
    return [sentence for path, what in files.items() if (sentence := exposure(path, what)) is not None]


def _models(configuration: Configuration) -> list[BaseModel]:
    rooms = (configuration.collectors, configuration.sinks, configuration.receivers)
    return [configuration.settings, *(plugin.options for room in rooms for plugin in room.values())]


def _key_files(model: BaseModel) -> Iterator[Path]:
    """What options named ``key_file`` or ``token_file`` name, of inner tables too."""
    for name, value in model:
        if name in ("key_file", "token_file") and isinstance(value, Path):
            yield value
        elif isinstance(value, BaseModel):
            yield from _key_files(value)


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
