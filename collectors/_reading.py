"""Files of bodies: found, opened, unpacked, cut. Without pydantic, so that `lakescope normalise` starts fast."""

from __future__ import annotations

import glob
import io
import sys
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from lakescope.core.framing import WHOLE_BYTES, slices, split_json_stream, split_rows_stream
from lakescope.core.messages import Framing, Message, traits
from lakescope.core.plugins import load

PACKED_SUFFIXES = (".gz", ".zst", ".zstd")


def find(paths: Sequence[str]) -> list[str]:
    """The files that paths, directories and patterns name, each once, in order."""
    unique_paths: dict[str, None] = {}
    for path in paths:
        for match in [path] if path == "-" else sorted(glob.glob(path, recursive=True)):
            if Path(match).is_dir():
                unique_paths |= dict.fromkeys(
                    str(inner) for inner in sorted(Path(match).iterdir()) if inner.is_file()
                )
            else:
                unique_paths[match] = None
    return list(unique_paths)


def replace_surrogates(text: str) -> str:
    """A path or an argument for JSON, logs and stores: bytes that are no UTF-8, which Python keeps as lone
    surrogates, as U+FFFD."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def cut(parts: Iterable[bytes], format_name: str) -> Iterator[bytes]:
    """Each of `parts`; a large array as several, if the format declares that its items are independent."""
    for part in parts:
        # a small one, as most are, costs no look at its format
        if len(part) > WHOLE_BYTES and traits(load("formats", format_name)).items == "independent":
            yield from slices(part)
        else:
            yield part


class Pieces:
    """What a source gave and was handed over in pieces: it is safe once all of them are. Safe for threads."""

    def __init__(self) -> None:
        self._open: Counter[Hashable] = Counter()
        self._lock = threading.Lock()

    def open(self, key: Hashable, count: int = 1) -> None:
        """So many more pieces of it are handed over."""
        with self._lock:
            self._open[key] += count

    def close(self, keys: Iterable[Hashable]) -> list[Any]:
        """One piece of each (of one that is named twice, two) is safe; which of them are so as a whole now."""
        counts = Counter(keys)
        with self._lock:
            self._open.subtract(counts)
            finished_keys = [key for key in counts if not self._open[key]]
            for key in finished_keys:
                del self._open[key]
        return finished_keys


PORTION, PORTION_BYTES = 500, 2**20
"""Messages that are handed to the pipeline at a time: so many, or of so many bytes."""


def portions(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """`messages`, some at a time: few enough that an inbox can keep its bound."""
    portion: list[Message] = []
    size = 0
    for message in messages:
        portion.append(message)
        size += len(message.body)
        if len(portion) == PORTION or size >= PORTION_BYTES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def bodies(path: str, framing: Framing, read: Callable[[int], bytes] | None = None) -> Iterator[bytes]:
    """The bodies in a file, as they lie there; `read` is given for one that is still growing."""
    if framing == "whole":
        with open_file(path) as stream:
            yield stream.read()
        return
    splitter = split_rows_stream if framing == "rows" else split_json_stream
    if read is not None:
        yield from splitter(read)
    else:
        with open_file(path) as stream:
            yield from splitter(stream.read)


def open_file(path: str) -> BinaryIO:
    """The file's bytes, unpacked by its name's ending; ``-`` is the standard input.

    Reading raises `OSError` for what cannot be read or unpacked.
    """
    if path == "-":
        return sys.stdin.buffer
    if not path.endswith(PACKED_SUFFIXES):
        return Path(path).open("rb")
    return cast(BinaryIO, io.BufferedReader(_UnpackedStream(path), 2**20))


class _UnpackedStream(io.RawIOBase):
    """The bytes in a gzip or zstd file, of one member or frame or more."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = Path(path).open("rb")  # noqa: SIM115 - until `close`
        self._packed_bytes = b""
        self._unpacked_bytes = b""
        self._member: Any = None

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As of `io.RawIOBase`."""
        while not self._unpacked_bytes:
            self._packed_bytes = self._packed_bytes or self._file.read(2**16)
            if self._member is None:
                self._packed_bytes = self._packed_bytes.lstrip(b"\0")  # gzip files may be padded
            if not self._packed_bytes:
                if self._member is not None:
                    raise OSError(f"{self._path}: damaged: it ends too early")
                return 0
            self._unpack()
        piece, self._unpacked_bytes = self._unpacked_bytes[: len(buffer)], self._unpacked_bytes[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
        super().close()

    def _unpack(self) -> None:
        import zstandard

        if self._member is None:
            gz = self._path.endswith(".gz")
            self._member = zlib.decompressobj(31) if gz else zstandard.ZstdDecompressor().decompressobj()
        try:
            self._unpacked_bytes = self._member.decompress(self._packed_bytes)
        except (zlib.error, zstandard.ZstdError) as error:
            raise OSError(f"{self._path}: damaged: {error}") from error
        self._packed_bytes = self._member.unused_data
        if self._member.eof:
            self._member = None
