"""simulate: a lake's messages without a lake."""

from __future__ import annotations


def simulate() -> None:
    """Not wired yet."""
    raise RuntimeError("simulate is being written")


def into_http(url: str, seed: int, stop: object) -> None:
    raise RuntimeError("simulate is being written")


def write_topology(directory: object, seed: int) -> None:
    return
