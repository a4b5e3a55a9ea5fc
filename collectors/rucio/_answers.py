"""An answer's bytes as messages: whole, or in pieces of lines as they come, so that no long answer is held in memory.

Looked at is only how lines begin and end, never what they say.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import httpx
import msgspec

from lakescope.core.messages import Message, quote
from lakescope.core.unpacking import excess

PIECE_BYTES = 2**18
"""A piece is sent on once it is so large: some 250 rules."""

_skip = msgspec.json.Decoder(msgspec.Raw).decode


class BadAnswerError(Exception):
    """An answer that is none: the text says what came instead."""


class Answer:
    """One answer that is being read."""

    def __init__(self, response: httpx.Response, *, limit: int, deadline: float) -> None:
        """`limit`: of its bytes; `deadline`: of the monotonic clock."""
        self.body = bytearray()
        """All of it, of an answer that is not cut."""
        self._response, self._limit, self._deadline = response, limit, deadline

    def whole(self, format: str, headers: Mapping[str, str], received: float) -> Iterator[Message]:
        """One message. Raises `BadAnswerError`, `httpx.HTTPError`."""
        for part in self._parts():
            self.body += part
        body = bytes(self.body)
        if surplus := excess(body):
            raise BadAnswerError(f"the answer holds {surplus}")
        yield Message(body, format, headers, received)

    def cut(self, format: str, headers: Mapping[str, str], received: float) -> Iterator[Message]:
        """Messages of whole lines, the last of which says how many lines there were. Raises as `whole` does, after what
        has come; then there is no last one."""
        waiting, records, number, is_whole = b"", 0, 0, True
        for part in self._parts():
            waiting += part
            if len(waiting) < 2 * PIECE_BYTES or waiting[:1] == b"[":
                continue
            end = waiting.rfind(b"\n", 0, -1) + 1  # a line at least stays for the last piece
            if not end:
                continue
            piece, waiting, number = waiting[:end], waiting[end:], number + 1
            count, fits = _judge(piece)
            records, is_whole = records + count, is_whole and fits
            yield Message(piece, format, {**headers, "piece": str(number)}, received)
        if not number:
            yield Message(waiting, format, headers, received)
            return
        count, fits = _judge(waiting)
        last = {"piece": str(number + 1), "records": str(records + count)}
        if not (is_whole and fits):
            last["complete"] = "false"
        yield Message(waiting, format, {**headers, **last}, received)

    def _parts(self) -> Iterator[bytes]:
        size = 0
        if self._response.headers.get("content-type", "").startswith("text/html"):
            raise BadAnswerError("answered with a web page: a proxy or a login page is in between")
        for part in self._response.iter_raw():
            if not size and part.lstrip()[:1] not in (b"{", b"[", b""):
                raise BadAnswerError(f"expected JSON, found {quote(part[:80].decode(errors='replace'))}")
            size += len(part)
            if size > self._limit:
                raise BadAnswerError(f"the answer exceeds {self._limit} bytes (max_body_bytes)")
            if time.monotonic() > self._deadline:
                raise BadAnswerError("the answer had not ended when the round was over (round_s)")
            yield part


def _judge(piece: bytes) -> tuple[int, bool]:
    """How many lines, and whether each is JSON."""
    lines = [line for line in piece.split(b"\n") if line.strip()]
    try:
        for line in lines:
            _skip(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return len(lines), False
    return len(lines), True
