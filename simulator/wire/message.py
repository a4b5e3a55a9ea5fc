"""One message on the wire."""

import msgspec


class Wire(msgspec.Struct, frozen=True, gc=False):
    """One message, document or scrape exactly as its source sends it.

    `time` is the moment of emission in POSIX seconds; `source` and `format` name who speaks and in which dialect;
    `destination` is a STOMP destination, or the push route of what comes over HTTP.
    """

    time: float
    source: str
    format: str
    destination: str
    headers: dict[str, str]
    body: bytes
