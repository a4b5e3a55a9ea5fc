"""Where the simulated messages go: files, STOMP brokers, HTTP push routes, or several of them.

    with Files(directory) as files:
        counts = deliver(simulate(...), files)

`deliver` paces the messages to the wall clock or sends them at full speed. Outputs that lose their server try
again with growing pauses and give up with the server's own error after `patience` seconds.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self
from urllib.parse import urlsplit

import httpx
import stomp
from stomp.exception import StompException
from stomp.listener import WaitingListener
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from lakescope.simulator.chance import Chance
from lakescope.simulator.wire.message import Wire

Progress = Callable[[int, Wire], None]
"""Called after each delivered message with their number so far and that message."""


class Output:
    """Takes messages; a context manager that closes itself. `close` returns once everything has left."""

    def write(self, wire: Wire) -> None:
        raise NotImplementedError

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def deliver(
    wires: Iterable[Wire], output: Output, *, speed: float | None = None, progress: Progress | None = None
) -> Counter[str]:
    """Write all messages to an output and return how many of each format there were.

    `speed` None is as fast as the output takes them; 1 keeps the messages' own distances in time, beginning now;
    60 makes a minute of an hour.
    """
    counts: Counter[str] = Counter()
    for number, wire in enumerate(wires if speed is None else pace(wires, speed), 1):
        output.write(wire)
        counts[wire.format] += 1
        if progress:
            progress(number, wire)
    return counts


def pace(wires: Iterable[Wire], speed: float) -> Iterable[Wire]:
    """Yield each message no sooner than its time, counted from the first one and divided by `speed`."""
    if speed <= 0:
        raise ValueError(f"expected a speed above 0, found {speed}: 1 is real time, None as fast as possible")
    began, first = time.monotonic(), None
    for wire in wires:
        first = wire.time if first is None else first
        wait = began + (wire.time - first) / speed - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        yield wire


class Files(Output):
    """One file a format in a directory, replacing older ones of that name.

    One body a line (`hermes.jsonl`, `traces.jsonl`, `perfsonar.jsonl`, `collectd.jsonl`, `telegraf.jsonl`,
    `push.jsonl`); an answer of Rucio's API has several (`rucio_api.jsonl`), and loses its time. `fts.txt` has the bodies
    one after the other as on the wire, each with its trailing space. A page of node_exporter or of Rucio's metrics doesn't name
    the scraped host, so there is a file a host, `node_exporter/<host>.prom`, with its scrapes one after the other and a
    line `# EOF` behind each; of what Rucio's probes push there is a file a job. Each of GOCDB's
    answers is a file, `downtimes/<POSIX seconds>.xml`.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._open: dict[str, BinaryIO] = {}

    def write(self, wire: Wire) -> None:
        if wire.format == "downtimes":  # XML documents do not stand one after the other
            (self._directory / "downtimes").mkdir(exist_ok=True)
            (self._directory / "downtimes" / f"{int(wire.time)}.xml").write_bytes(wire.body)
            return
        name, end = _file_of(wire)
        file = self._open.get(name)
        if file is None:
            path = self._directory / name
            path.parent.mkdir(exist_ok=True)
            file = self._open[name] = path.open("wb", buffering=1 << 18)
        file.write(wire.body + end)

    def close(self) -> None:
        for file in self._open.values():
            file.close()
        self._open.clear()


def _file_of(wire: Wire) -> tuple[str, bytes]:
    """A message's file below the directory, and what ends each body there."""
    if wire.format == "fts":
        return "fts.txt", b""
    if wire.format in ("node_exporter", "rucio_metrics"):
        name = wire.headers.get("instance") or wire.destination.rpartition("/")[2]
        return f"{wire.format}/{name.partition(':')[0]}.prom", b"# EOF\n"
    return f"{wire.format}.jsonl", b"\n"


class Stomp(Output):
    """STOMP 1.2 brokers, `stomp://host:port` or `stomp+ssl://host:port` each.

    Every message goes to one of them, chosen at random as Hermes does or in turn as FTS does; `destinations` sends
    what is for one destination to another instead (a broker's virtual topic, say). Nobody asks for
    receipts in life, and neither does this: a message is out when the socket has taken it. `close` waits for each
    broker's receipt of the disconnection, and so for all that was sent before.
    """

    def __init__(
        self,
        brokers: Sequence[str],
        *,
        login: str | None = None,
        passcode: str | None = None,
        choice: Literal["random", "in_turn"] = "random",
        destinations: Mapping[str, str] | None = None,
        patience: float = 300,
    ) -> None:
        if not brokers:
            raise ValueError("expected at least one broker, such as stomp://localhost:61613")
        self._login = login
        self._passcode = passcode
        self._choice = choice
        self._destinations = destinations or {}
        self._patience = patience
        self._chance = Chance("brokers")
        self._turn = 0
        self._connections = [self._make(url) for url in brokers]

    def _make(self, url: str) -> stomp.Connection12:
        parts = urlsplit(url)
        if parts.scheme not in ("stomp", "stomp+ssl") or not parts.hostname:
            raise ValueError(f"expected stomp://host:port or stomp+ssl://host:port, found {url!r}")
        address = (parts.hostname, parts.port or (61614 if parts.scheme == "stomp+ssl" else 61613))
        connection = stomp.Connection12([address], reconnect_attempts_max=1)
        if parts.scheme == "stomp+ssl":
            connection.set_ssl([address])
        return connection

    def write(self, wire: Wire) -> None:
        number = len(self._connections)
        self._turn = (
            self._chance.integer(0, number - 1) if self._choice == "random" else (self._turn + 1) % number
        )
        _retries(self._patience, _stomp_lost)(self._send, self._connections[self._turn], wire)

    def _send(self, connection: stomp.Connection12, wire: Wire) -> None:
        if not connection.is_connected():
            connection.connect(self._login, self._passcode, wait=True)
        destination = self._destinations.get(wire.destination, wire.destination)
        connection.send(destination, wire.body, headers=wire.headers)

    def close(self) -> None:
        for number, connection in enumerate(self._connections):
            if connection.is_connected():
                receipt = f"close-{number}"
                listener = WaitingListener(receipt)
                connection.set_listener("close", listener)
                connection.disconnect(receipt)
                listener.wait_on_disconnected()


_ALONE = ("node_exporter", "rucio_api", "rucio_metrics", "psconfig", "fts_rest", "downtimes", "srr")


class HttpPush(Output):
    """POSTs each body to `<url>/push/<format>`, pushes to a gateway to its path there; success is any 2xx.

    With a `batch` above 1, so many bodies of a format share one request (application/x-ndjson), for back-filling;
    pages of node_exporter don't name their host, answers to questions not their time: they go alone, with headers
    that do. Connection errors, 429 and 5xx are tried
    again; any other answer raises httpx.HTTPStatusError at once, since it would only come again. `headers` are
    added to each request (an authorisation, say).
    """

    def __init__(
        self, url: str, *, headers: dict[str, str] | None = None, patience: float = 300, batch: int = 1
    ) -> None:
        self._client = httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False)
        self._patience = patience
        self._batch = batch
        self._waiting: dict[str, list[bytes]] = {}

    def write(self, wire: Wire) -> None:
        if self._batch == 1 or wire.format in _ALONE:
            headers = wire.headers
            if "push" in headers:  # to a gateway, whose path names the group
                self._send(wire.destination, wire.body, headers, headers["push"])
                return
            if wire.destination.startswith("/topic/"):
                headers = headers | {"destination": wire.destination, "content-type": "application/json"}
            self._send(f"/push/{wire.format}", wire.body, headers)
            return
        pending = self._waiting.setdefault(wire.format, [])
        pending.append(wire.body)
        if len(pending) >= self._batch:
            self._flush(wire.format)

    def close(self) -> None:
        for name in self._waiting:
            self._flush(name)
        self._client.close()

    def _flush(self, name: str) -> None:
        bodies, self._waiting[name] = self._waiting[name], []
        if bodies:
            self._send(f"/push/{name}", b"\n".join(bodies), {"content-type": "application/x-ndjson"})

    def _send(self, path: str, body: bytes, headers: Mapping[str, str], method: str = "POST") -> None:
        _retries(self._patience, _http_passing)(self._request, method, path, body, headers)

    def _request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        self._client.request(method, path, content=body, headers=headers).raise_for_status()


class SplitOutput(Output):
    """Each message its usual way: what has a STOMP destination to `stomp`, everything else to `http`."""

    def __init__(self, stomp: Output, http: Output) -> None:
        self._stomp = stomp
        self._http = http

    def write(self, wire: Wire) -> None:
        (self._http if wire.destination.startswith("/push/") else self._stomp).write(wire)

    def close(self) -> None:
        self._stomp.close()
        self._http.close()


def _retries(patience: float, is_passing: Callable[[BaseException], bool]) -> Retrying:
    return Retrying(
        retry=retry_if_exception(is_passing),
        wait=wait_exponential(multiplier=0.1, max=5),
        stop=stop_after_delay(patience),
        reraise=True,
    )


def _stomp_lost(error: BaseException) -> bool:
    return isinstance(error, StompException | OSError)


def _http_passing(error: BaseException) -> bool:
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code == 429 or error.response.status_code >= 500
    return isinstance(error, httpx.TransportError)
