"""Bodies that came packed: gzip, zlib or zstd, of one member or frame or more, unpacked up to a limit."""

from __future__ import annotations

import zlib

LIMIT_BYTES = 64 * 2**20
"""Largest unpacked body where no option says otherwise."""

ENCODINGS = ("gzip", "deflate", "zstd")
"""Names as of ``content-encoding`` (RFC 9110 section 8.4.1, RFC 8878)."""

MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd"}
"""How packed bodies begin (RFC 1952 section 2.3.1, RFC 8878 section 3.1.1); no format's text begins so."""

_ZSTD_STEP = 1024  # bytes unpacked at a time: zstd makes up to 32,768 of one, and has no bound of its own


class DamagedError(ValueError):
    """The bytes are not of this encoding, or end too early."""


class TooLargeError(ValueError):
    """The unpacked body exceeds the limit."""


def unpack(body: bytes, encoding: str, limit: int = LIMIT_BYTES) -> bytes:
    """All members or frames of `body`, which is in one of `ENCODINGS`.

    Raises `DamagedError` or `TooLargeError`; holds at most `limit` bytes and a step more in memory.
    """
    import zstandard  # here, for the commands that start without it

    unpacked = bytearray()
    try:
        while body:
            if encoding == "zstd":
                body = _unpack_frame(body, unpacked, limit)
            else:
                body = _unpack_member(body, unpacked, limit, 31 if encoding == "gzip" else 15)
            if len(unpacked) > limit:
                raise TooLargeError(f"the unpacked body exceeds {limit} bytes")
    except (zlib.error, zstandard.ZstdError) as error:
        raise DamagedError(f"the body is not {encoding}: {error}") from error
    return bytes(unpacked)


def _unpack_member(body: bytes, unpacked: bytearray, limit: int, wbits: int) -> bytes:
    """Adds the first member to `unpacked`, as far as `limit` goes; what comes behind the member."""
    stream = zlib.decompressobj(wbits=wbits)
    unpacked += stream.decompress(body, limit + 1 - len(unpacked))
    if not stream.eof and len(unpacked) <= limit:
        raise zlib.error("it ends too early")
    return stream.unused_data


def _unpack_frame(body: bytes, unpacked: bytearray, limit: int) -> bytes:
    """Adds the first frame to `unpacked`, as far as `limit` goes; what comes behind the frame."""
    import zstandard

    stream = zstandard.ZstdDecompressor().decompressobj()
    for start in range(0, len(body), _ZSTD_STEP):
        unpacked += stream.decompress(body[start : start + _ZSTD_STEP])
        if stream.eof:
            return stream.unused_data + body[start + _ZSTD_STEP :]
        if len(unpacked) > limit:
            return b""
    raise zstandard.ZstdError("it ends too early")
