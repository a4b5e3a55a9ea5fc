"""Files of bodies: found, opened, unpacked, cut. Without pydantic, so that `lakescope normalise` starts fast."""

from __future__ import annotations

import glob
import gzip
import io
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Literal, cast

from lakescope.framing import split_json_stream

Framing = Literal["json", "whole"]
_WHOLE = ("node_exporter",)  # formats that are not JSON: a file is one body


def find(paths: Sequence[str]) -> list[str]:
    """The files that paths, directories and patterns name, each once, in order."""
    found: dict[str, None] = {}
    for path in paths:
        for match in [path] if path == "-" else sorted(glob.glob(path, recursive=True)):
            if Path(match).is_dir():
                found |= dict.fromkeys(
                    str(inner) for inner in sorted(Path(match).iterdir()) if inner.is_file()
                )
            else:
                found[match] = None
    return list(found)


def framing_of(format_name: str) -> Framing:
    """How the bodies of a format lie in a file."""
    return "whole" if format_name in _WHOLE else "json"


def bodies(path: str, framing: Framing, read: Callable[[int], bytes] | None = None) -> Iterator[bytes]:
    """The bodies in a file, as they lie there; `read` is given for one that is still growing."""
    if framing == "whole":
        with open_file(path) as stream:
            yield stream.read()
    elif read is not None:
        yield from split_json_stream(read)
    else:
        with open_file(path) as stream:
            yield from split_json_stream(stream.read)


def open_file(path: str) -> BinaryIO:
    """The file's bytes, unpacked by its name's ending; ``-`` is the standard input."""
    if path == "-":
        return sys.stdin.buffer
    if path.endswith(".gz"):
        return cast(BinaryIO, gzip.open(path))
    if path.endswith((".zst", ".zstd")):
        import zstandard

        return cast(
            BinaryIO, io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(Path(path).open("rb")))
        )
    return Path(path).open("rb")
