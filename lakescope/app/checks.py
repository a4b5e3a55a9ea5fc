"""What a configuration says of this machine: files that must be there, places that two cannot share.

`lakescope validate`, `setup` and `run` look at it before anything starts, so that what the first finds valid the last
can start. The other commands do not: who reads a store needs no key of a broker.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lakescope.app.config import Configuration, Plugin
from lakescope.app.topology import DOCUMENTS, read_document, source_of
from lakescope.core.disk import move_away
from lakescope.core.options import Tls
from lakescope.core.places import ConfigurationError, Problem
from lakescope.core.plugins import load
from lakescope.sync.topology import SourceError

_HEADS = {".sqlite": (0, b"SQLite format 3\0"), ".spool": (0, b"SQLite format 3\0"), ".duckdb": (8, b"DUCK")}
"""What a database's file begins with: offset, bytes (sqlite.org/fileformat2.html; DuckDB's MainHeader)."""


def check(configuration: Configuration) -> None:
    """Raises `ConfigurationError` with all that is wrong."""
    problems = [
        *_topology(configuration),
        *_certificates(configuration),
        *_shared_paths(configuration),
        *_shared_stores(configuration),
        *_directories(configuration),
        *_databases(configuration),
    ]
    if problems:
        raise ConfigurationError(problems)


def _topology(configuration: Configuration) -> Iterator[Problem]:
    settings = configuration.settings
    for option in DOCUMENTS:
        source = source_of(settings, option)
        if not isinstance(source, Path):
            continue  # nothing is asked over the network here
        try:
            read_document(settings, option, source)
        except SourceError as error:
            remedy = "fetch it again from CRIC, or remove the option"
            yield configuration.source.problem(("topology", option), str(error), remedy)


def _certificates(configuration: Configuration) -> Iterator[Problem]:
    settings = configuration.settings
    files = [
        ((*place, "tls"), plugin.options.tls)
        for place, plugin in _plugins(configuration)
        if isinstance(getattr(plugin.options, "tls", None), Tls)
    ]
    for name in ("http", "push", "metrics"):
        listener = getattr(settings, name)
        if listener is not None:
            files.append(((name,), Tls(cert_file=listener.cert_file, key_file=listener.key_file)))
    for place, tls in files:
        try:
            tls.context()
        except OSError as error:
            option = _option_of(tls, error.filename)
            text = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            remedy = (
                "name a file in PEM that this user may read (relative paths begin beside the configuration)"
            )
            yield configuration.source.problem((*place, option), text, remedy)


def _option_of(tls: Tls, filename: Any) -> str:
    options = ("ca_file", "cert_file", "key_file")
    return next((one for one in options if str(getattr(tls, one)) == str(filename)), "cert_file")


def _shared_paths(configuration: Configuration) -> Iterator[Problem]:
    """Two push collectors on one path: the second would never be reached."""
    owners: dict[str, str] = {}
    for plugin in configuration.collectors.values():
        path = getattr(plugin.options, "path", None) if plugin.type == "http" else None
        if path is not None and (other := owners.setdefault(path, plugin.name)) != plugin.name:
            yield configuration.source.problem(
                ("collectors", plugin.name, "path"),
                f"collectors {other} and {plugin.name} both listen on {path}",
                f'give this one path = "/push-{plugin.name}"',
            )


def _shared_stores(configuration: Configuration) -> Iterator[Problem]:
    """Two sinks that differ in nothing but their datasets write every event twice, or lock each other out."""
    sinks = list(configuration.sinks.values())
    for place, plugin in enumerate(sinks):
        for other in sinks[:place]:
            if other.type == plugin.type and _is_same_store(other, plugin, configuration):
                yield configuration.source.problem(
                    ("sinks", plugin.name),
                    f"expected a store of its own, found that of [sinks.{other.name}]",
                    "remove one of the two, or let them differ",
                )


def _is_same_store(one: Plugin, other: Plugin, configuration: Configuration) -> bool:
    if one.type == "duckdb":
        return _database(one, configuration) == _database(other, configuration)
    first, second = (set(plugin.options.datasets or ()) for plugin in (one, other))
    if first and second and not first & second:
        return False
    ignored_differences = {"datasets": None}
    return bool(
        one.options.model_copy(update=ignored_differences)
        == other.options.model_copy(update=ignored_differences)
    )


def _database(plugin: Plugin, configuration: Configuration) -> Path:
    main, *_ = load("sinks", plugin.type).files(plugin.options, configuration.settings.data_dir)
    return Path(main).resolve()


def _directories(configuration: Configuration) -> Iterator[Problem]:
    places: list[tuple[tuple[str, ...], Path]] = [(("data_dir",), configuration.settings.data_dir)]
    for plugin in configuration.sinks.values():
        if isinstance(directory := getattr(plugin.options, "directory", None), Path):
            places.append((("sinks", plugin.name, "directory"), directory))
        if isinstance(path := getattr(plugin.options, "path", None), Path):
            places.append((("sinks", plugin.name, "path"), path.parent))
    for place, directory in places:
        if text := _fault(directory):
            remedy = "name a directory that this user may write to"
            yield configuration.source.problem(place, text, remedy)


def _fault(directory: Path) -> str | None:
    """Why files cannot be made in a directory; it may be missing itself."""
    existing = directory.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        return f"{existing}: expected a directory, found a file"
    return None if os.access(existing, os.W_OK | os.X_OK) else f"{existing}: expected a directory to write to"


def _databases(configuration: Configuration) -> Iterator[Problem]:
    data_dir = configuration.settings.data_dir
    files: list[tuple[tuple[str, ...], Path]] = [(("data_dir",), data_dir / "dead-letters.sqlite")]
    for place, plugin in _plugins(configuration):
        if plugin.type == "http":
            files.append((place, data_dir / f"{plugin.name}.spool"))
        if plugin.type == "duckdb":
            files.append(((*place, "path"), _database(plugin, configuration)))
    for option, path in files:
        if text := _foreign(path, ".duckdb" if option[-1] == "path" else path.suffix):
            remedy = f"bring it back from a backup, or move it away: {move_away(path)}"
            yield configuration.source.problem(option, f"{path}: {text}", remedy)


def _foreign(path: Path, kind: str) -> str | None:
    """Why a file is no database of its kind; it may be missing or empty."""
    offset, head = _HEADS[kind]
    try:
        with path.open("rb") as file:
            begin = file.read(offset + len(head))
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"expected a database: {error.strerror}"
    if not begin or begin[offset:] == head:
        return None
    return f"expected a database of {'DuckDB' if kind == '.duckdb' else 'SQLite'}, found another or a damaged file"


def _plugins(configuration: Configuration) -> Iterator[tuple[tuple[str, ...], Plugin]]:
    """Every plugin, and the place of its table in the configuration."""
    rooms = (
        (("collectors",), configuration.collectors),
        (("sinks",), configuration.sinks),
        (("alerts", "receivers"), configuration.receivers),
    )
    for place, plugins in rooms:
        for plugin in plugins.values():
            yield (*place, plugin.name), plugin
