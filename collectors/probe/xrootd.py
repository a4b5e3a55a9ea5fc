"""The first words of the XRootD protocol (xrootd/xrootd, src/XProtocol/XProtocol.hh; protocol specification 5.2, sections 2.1
and 3.20): the client's initial handshake, and ``kXR_protocol``, which every server answers before it asks who is there."""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable
from typing import NamedTuple

_HANDSHAKE = struct.pack(">iiiii", 0, 0, 0, 4, 2012)
_PROTOCOL = 3006
_CLIENT_VERSION = 0x520
_ABLE_TLS, _WANT_TLS = 0x02, 0x04
_EXPECT_LOGIN = 0x03
_IS_SERVER, _IS_MANAGER, _GOTO_TLS = 0x1, 0x2, 0x40000000
_OK, _ERROR = 0, 4003
_LONGEST = 4096
"""Bytes of an answer's body; the security requirements behind the flags are some dozens."""

Read = Callable[[int], Awaitable[bytes]]
"""So many bytes, no fewer."""


class Server(NamedTuple):
    """What a server says of itself."""

    version: str
    role: str
    goes_to_tls: bool
    """It expects a TLS handshake now."""


class NotXrootdError(ValueError):
    """The answer is none of an XRootD server; the text says what it is."""


def request(*, secure: bool) -> bytes:
    """The handshake and ``kXR_protocol`` in one packet, as clients send them; `secure`: TLS is wanted for what follows."""
    flags = _ABLE_TLS | _WANT_TLS if secure else 0
    expect = _EXPECT_LOGIN if secure else 0
    return _HANDSHAKE + struct.pack(">2sHiBB10xi", b"\0\0", _PROTOCOL, _CLIENT_VERSION, flags, expect, 0)


async def answer(read: Read) -> Server:
    """The server's answers to both. Raises `NotXrootdError`."""
    await _body(read)  # the handshake's: version and kind, which the second answer repeats
    body = await _body(read)
    if len(body) < 8:
        raise NotXrootdError(f"expected 8 bytes in the answer to kXR_protocol, found {len(body)}")
    version, flags = struct.unpack(">iI", body[:8])
    role = "manager" if flags & _IS_MANAGER else "data server" if flags & _IS_SERVER else "server"
    number = f"{version >> 8}.{version >> 4 & 15}.{version & 15}"
    return Server(number, role, bool(flags & _GOTO_TLS))


async def _body(read: Read) -> bytes:
    head = await read(8)
    _stream, status, length = struct.unpack(">2sHi", head)
    if status not in (_OK, _ERROR) or not 0 <= length <= _LONGEST or head[:2] != b"\0\0":
        raise NotXrootdError(f"expected an XRootD server's answer, found {head!r}")
    body = await read(length)
    if status == _ERROR:
        number = struct.unpack(">i", body[:4])[0] if length >= 4 else 0
        text = body[4:].rstrip(b"\0").decode(errors="replace")
        raise NotXrootdError(f"the server answered error {number}: {text}")
    return body
