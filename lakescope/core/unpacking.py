"""What a body may be: gzip, zlib or zstd, of one member or frame or more, unpacked up to a limit; and how dense."""

from __future__ import annotations

import zlib
from typing import Any

LIMIT_BYTES = 64 * 2**20
"""Largest unpacked body where no option says otherwise."""

ENCODINGS = ("gzip", "deflate", "zstd")
"""Names as of ``content-encoding`` (RFC 9110 section 8.4.1, RFC 8878)."""

MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd"}
"""How packed bodies begin (RFC 1952 section 2.3.1, RFC 8878 section 3.1.1); no format's text begins so."""

_STEP = 1024  # bytes unpacked at a time: zstd makes up to 32,768 of one, and has no bound of its own


_MEMBERS_MAX = 20_000  # each costs a new decoder; bgzip makes one of every 64 KiB


class DamagedError(ValueError):
    """The bytes are not of this encoding, or end too early."""


class TooLargeError(ValueError):
    """The unpacked body exceeds the limit."""


_DENSE_BYTES = 2**20  # smaller bodies hold no harmful number of anything
_RECORDS_MAX, _VALUES_MAX = 250_000, 3_000_000


def excess(body: bytes) -> str | None:
    """What a body holds too much of for a decoder to make events of; null if it may go on.

    Three of its bytes may become an event of a kilobyte. Counted are brackets and commas of JSON, lines of other text.
    """
    if len(body) < _DENSE_BYTES:
        return None
    if body[:1024].lstrip()[:1] not in (b"{", b"["):
        return f"more than {_RECORDS_MAX:,} lines" if body.count(b"\n") > _RECORDS_MAX else None
    if body.count(b"{") + body.count(b"[") > _RECORDS_MAX:
        return f"more than {_RECORDS_MAX:,} objects and arrays"
    return f"more than {_VALUES_MAX:,} values" if body.count(b",") > _VALUES_MAX else None


def unpack(body: bytes, encoding: str, limit: int = LIMIT_BYTES) -> bytes:
    """All members or frames of `body`, which is in one of `ENCODINGS`.

    Raises `DamagedError` or `TooLargeError`; holds at most `limit` bytes and a step more in memory.
    """
    import zstandard  # here, for the commands that start without it

    data = bytearray()
    end = members = 0
    try:
        while end < len(body):
            end = _unpack_member(body, end, encoding, data, limit)
            members += 1
            if len(data) > limit:
                raise TooLargeError(f"the unpacked body exceeds {limit} bytes")
            if members > _MEMBERS_MAX:
                raise TooLargeError(f"the body has more than {_MEMBERS_MAX:,} members or frames")
    except (zlib.error, zstandard.ZstdError) as error:
        raise DamagedError(f"the body is not {encoding}: {error}") from error
    return bytes(data)


def _unpack_member(body: bytes, start: int, encoding: str, data: bytearray, limit: int) -> int:
    """Adds the member or frame that begins at `start`, as far as `limit` goes; where it ends."""
    import zstandard

    stream: Any
    if encoding == "zstd":
        stream = zstandard.ZstdDecompressor().decompressobj()
    else:
        stream = zlib.decompressobj(wbits=31 if encoding == "gzip" else 15)
    for place in range(start, len(body), _STEP):
        part = body[place : place + _STEP]
        data += stream.decompress(part)
        if stream.eof or len(data) > limit:
            return place + len(part) - len(stream.unused_data)
    raise zlib.error("it ends too early")
