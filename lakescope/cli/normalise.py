"""normalise: bodies in, events out; the transform stage as a filter."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakescope.core.printable import escape_unprintable

if TYPE_CHECKING:
    from lakescope.pipeline.normalise import Enrich

BATCH = 100  # few enough to stay in the cache, see lakescope.pipeline.transform


def normalise(
    format: Annotated[str, typer.Option("--format", "-f", help="Name of the format (lakescope plugins).")],
    files: Annotated[
        list[str] | None, typer.Argument(help="Files, directories, patterns; - or none: stdin.")
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", help="Header of the messages, as KEY=VALUE: instance=host:9100."),
    ] = None,
    received: Annotated[
        str | None,
        typer.Option(
            help="When the bodies were received: 2026-01-05, 2026-01-05T12:00:00Z, or 7d, 12h ago. Default: now.",
            metavar="TIME",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("-c", "--config", help="Use the topology and privacy settings of a configuration."),
    ] = None,
) -> None:
    """Read bodies, write events as JSON lines on stdout; each reject with its reason as a JSON line on stderr.

    Exit code 1 if any was rejected. Bodies without a time of their own take the time of reception.

    Example: lakescope normalise --format hermes events.jsonl.gz > events.out
    """
    from itertools import islice

    import msgspec

    from lakescope.collectors._reading import bodies, find, replace_surrogates
    from lakescope.core.messages import Message, traits
    from lakescope.core.plugins import load
    from lakescope.pipeline.normalise import Normaliser

    formats = {format: load("formats", format)}
    reception = _reception(received)
    normaliser = Normaliser(formats, _enrichment(config))
    paths = find(files or ["-"])
    if not paths:
        raise RuntimeError(f"no file matches {' '.join(files or [])}")
    headers = dict(replace_surrogates(pair).partition("=")[::2] for pair in header or ())
    encoder = msgspec.json.Encoder()
    out, is_terminal = sys.stdout.buffer, sys.stdout.isatty()
    reject_count = 0
    for path in paths:
        name = replace_surrogates(path)
        stream = bodies(path, traits(formats[format]).framing)
        position = 0
        while chunk := list(islice(stream, BATCH)):
            batch = normaliser([Message(body, format, headers | {"file": name}, reception) for body in chunk])
            lines = encoder.encode_lines(batch.events)
            out.write(escape_unprintable(lines.decode()).encode() if is_terminal else lines)
            for message, reject in zip(batch.rejected_messages, batch.rejects, strict=True):
                where = {"file": name, "body": position + message} | msgspec.to_builtins(reject)
                sys.stderr.write(escape_unprintable(encoder.encode(where).decode()) + "\n")
            reject_count += len(batch.rejects)
            position += len(chunk)
    out.flush()
    raise typer.Exit(1 if reject_count else 0)


def _reception(text: str | None) -> float:
    """POSIX seconds. Raises `RuntimeError` for what is no time."""
    import time

    if text is None:
        return time.time()
    from lakescope.app.words import moment

    try:
        return moment(text).timestamp()
    except ValueError as error:
        raise RuntimeError(f"--received: {error}") from error


def _enrichment(config: Path | None) -> Enrich:
    from lakescope.transformers.enrichment import Enrichment

    if config is None:
        return Enrichment()
    from lakescope.app.assembly import normaliser
    from lakescope.app.config import load_file
    from lakescope.app.topology import read_topology

    configuration = load_file(config)
    topology = read_topology(configuration)
    return normaliser(configuration.settings, topology, None, "normalise").enrich
