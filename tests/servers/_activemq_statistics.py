"""The numbers of a broker's queues, asked of its statistics plugin in bare STOMP."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile

_PREFIX = "ActiveMQ.Statistics.Destination"
# Appended to a query, it makes the broker send an empty answer after the last one; without it, no such queue
# looks the same as no answer yet.
_END = f"{_PREFIX}.List.End.With.Null"
_ANSWERS = "/temp-queue/answers"


@dataclass(frozen=True)
class QueueStatistics:
    """A queue's numbers; all but `size` and `inflight` count from the broker's last start."""

    size: int
    """Messages that no consumer has acknowledged."""
    inflight: int
    """Those of them that a consumer holds."""
    enqueued: int
    """Messages that came in."""
    dequeued: int
    """Messages that were acknowledged or expired."""
    consumers: int
    """Subscriptions there are now."""


def read_statistics(port: int, query: str, login: tuple[str, str] | None) -> dict[str, QueueStatistics]:
    """Statistics by queue name of all queues that `query` (a name, or wildcards such as `>`) matches.

    Raises OSError when the broker doesn't answer or answers with an error.
    """
    user = {"login": login[0], "passcode": login[1]} if login else {}
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        frames = _frames(connection)
        connection.sendall(_frame("CONNECT", {"accept-version": "1.2", "host": "localhost", **user}))
        _body(next(frames), "CONNECTED")
        subscription = {"destination": _ANSWERS, "id": "1", "transformation": "jms-map-json"}
        connection.sendall(_frame("SUBSCRIBE", subscription))
        question = {"destination": f"/queue/{_PREFIX}.{query}{_END}", "reply-to": _ANSWERS}
        connection.sendall(_frame("SEND", question))
        answers = (_values(_body(frame, "MESSAGE")) for frame in frames)
        return dict(map(_statistics, takewhile(bool, answers)))


def _statistics(values: Mapping[str, object]) -> tuple[str, QueueStatistics]:
    def number(key: str) -> int:
        return int(str(values[key]))

    return str(values["destinationName"]).removeprefix("queue://"), QueueStatistics(
        size=number("size"),
        inflight=number("inflightCount"),
        enqueued=number("enqueueCount"),
        dequeued=number("dequeueCount"),
        consumers=number("consumerCount"),
    )


def _values(body: str) -> dict[str, object]:
    """XStream's JSON of a Java map: entries {"string": key, "long": value} or {"string": [key, text]}."""
    content = json.loads(body)["map"]
    values: dict[str, object] = {}
    for entry in content["entry"] if content else []:
        if isinstance(entry["string"], list):
            key, values[key] = entry["string"]
        else:
            key = entry.pop("string")
            (values[key],) = entry.values()
    return values


def _frame(command: str, headers: Mapping[str, str]) -> bytes:
    lines = [command, *(f"{key}:{value}" for key, value in headers.items()), "", "\0"]
    return "\n".join(lines).encode()


def _frames(connection: socket.socket) -> Iterator[bytes]:
    """The frames that the broker sends; their bodies here are texts, without a NUL."""
    buffer = b""
    while True:
        received = connection.recv(65536)
        if not received:
            raise ConnectionError("the broker closed the connection")
        *frames, buffer = (buffer + received).split(b"\0")
        yield from frames


def _body(frame: bytes, command: str) -> str:
    # The end of line after the previous frame's NUL belongs to neither.
    head, _, body = frame.lstrip(b"\n").decode().partition("\n\n")
    if head.split("\n")[0] != command:
        raise ConnectionError(f"expected {command}, the broker answered {head!r}: {body!r}")
    return body
