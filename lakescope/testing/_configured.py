"""A plugin as a configuration makes it."""

from __future__ import annotations

from pathlib import Path

from lakescope.app.config import Configuration, parse

COLLECTOR = '[collectors.one]\ntype = "http"\n'
SINK = '[sinks.one]\ntype = "jsonl"\ndirectory = "archive"\n'


def configure(directory: Path, room: str, kind: str, options: str) -> Configuration:
    """With one collector and one sink, one of them the plugin."""
    plugin = f'[{room}.tested]\ntype = "{kind}"\n{options}\n'
    others = COLLECTOR if room == "sinks" else SINK
    return parse(f'data_dir = "{directory / "data"}"\n{plugin}{others}', directory=directory)
