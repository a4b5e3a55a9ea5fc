"""The bodies of the cases of one format, as seeds for the property tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "samples"


def texts(format: str) -> list[bytes]:
    """Every case's input as it stands."""
    return [path.read_bytes() for path in sorted((ROOT / "cases" / format).glob("*/input.*"))]


def documents(format: str) -> list[Any]:
    """Those of them that are JSON."""
    found = []
    for text in texts(format):
        try:
            found.append(msgspec.json.decode(text))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return found


def headers(format: str) -> list[dict[str, str]]:
    """No headers, and every case's headers."""
    paths = sorted((ROOT / "cases" / format).glob("*/headers.json"))
    return [{}, *(json.loads(path.read_text()) for path in paths)]
