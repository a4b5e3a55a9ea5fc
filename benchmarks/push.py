"""Push: how long a sender waits for its 200, and how long until an event can be asked for.

500 requests a second, one Hermes body each; then 2,000 events a second in portions of 100, into DuckDB and into Elasticsearch:
the last event of every tenth portion is asked for until it is there. A request counts from the time at which it was due: what a
late answer holds back is late, too.

What misleads here: senders, Lakescope and store share the machine. Elasticsearch shows new documents once a second.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from statistics import quantiles
from threading import local
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import psutil

from benchmarks._instance import cpu_s, running, url_of
from benchmarks.hot_path import bodies
from benchmarks.whole_process import null_server
from tests.servers.elasticsearch import Elasticsearch

REQUESTS, PER_S = 10_000, 500
EVENTS, EVENTS_PER_S, PORTION, ASKED = 40_000, 2_000, 100, 10
SENDERS = 32
CONFIGURATION = """
[collectors.push]
type = "http"
[sinks.store]
"""
DUCKDB = 'type = "duckdb"\n'
ELASTICSEARCH = 'type = "elasticsearch"\nurls = ["{}"]\n'


class Client:
    """One connection a thread, which stays open."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._threads = local()

    def request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """The answer; empty for 503, as of a store whose index has just been made. Raises `AssertionError` for other errors."""
        if not hasattr(self._threads, "connection"):
            self._threads.connection = HTTPConnection(self._address, timeout=60)
        self._threads.connection.request(method, path, body, {"content-type": "application/x-ndjson"})
        answer = self._threads.connection.getresponse()
        content: bytes = answer.read()
        assert answer.status in (200, 503), content
        return content if answer.status == 200 else b""


def _at_their_times(act: Callable[[int], float], count: int, per_s: float) -> list[float]:
    """Seconds from the time at which each act was due to the time that it returns."""
    begin = time.perf_counter() + 0.5

    def one(number: int) -> float:
        due = begin + number / per_s
        time.sleep(max(0.0, due - time.perf_counter()))
        return act(number) - due

    with ThreadPoolExecutor(SENDERS) as pool:
        return list(pool.map(one, range(count)))


def _show(what: str, seconds: list[float]) -> None:
    cuts = quantiles(seconds, n=100)
    print(
        f"{what:44} p50 {cuts[49] * 1000:6.0f} ms   p99 {cuts[98] * 1000:6.0f} ms   worst {max(seconds) * 1000:6.0f} ms"
    )


def _answers(directory: Path, port: int) -> None:
    sent_bodies = bodies(REQUESTS)
    with running(directory, CONFIGURATION + ELASTICSEARCH.format(f"http://127.0.0.1:{port}")):
        client = Client(url_of(directory))

        def send(number: int) -> float:
            assert client.request("POST", "/push/hermes", sent_bodies[number])
            return time.perf_counter()

        _show(f"{PER_S} requests/s: 200, safe on disk", _at_their_times(send, REQUESTS, PER_S))


def _queryable(directory: Path, sink: str, server: psutil.Process | None) -> None:
    sent_bodies = bodies(EVENTS)
    portions = [sent_bodies[first : first + PORTION] for first in range(0, EVENTS, PORTION)]
    asked: list[float] = []
    with running(directory, CONFIGURATION + sink) as process:
        client = Client(url_of(directory))
        cpu = [cpu_s(one) for one in (process, server) if one]

        def send(number: int) -> float:
            id, last = _with_own_ids(portions[number][-1])
            sent = time.perf_counter()
            assert client.request("POST", "/push/hermes", b"\n".join([*portions[number][:-1], last]))
            if number % ASKED == 0:
                while client.request("GET", f"/api/transfers/{id}") in (b"", b"[]"):
                    time.sleep(0.05)
                asked.append(time.perf_counter() - sent)
            return time.perf_counter()

        _at_their_times(send, len(portions), EVENTS_PER_S / PORTION)
        cpu = [cpu_s(one) - before for one, before in zip((process, server), cpu, strict=False) if one]
    _show(f"{EVENTS_PER_S} events/s: in {sink.split(chr(34))[1]}, can be asked for", asked)
    if server:
        print(f"CPU of Lakescope: {cpu[0] / cpu[1]:.2f} of Elasticsearch's")


def _with_own_ids(body: bytes) -> tuple[str, bytes]:
    """Its request's, by which it is asked for; `bodies` repeats jobs."""
    message = msgspec.json.decode(body)
    id = uuid4().hex
    message["payload"] |= {"request-id": id, "transfer-id": id}
    return id, msgspec.json.encode(message)


def main() -> None:
    """Prints the times of each."""
    with tempfile.TemporaryDirectory() as name:
        with null_server() as port:
            _answers(Path(name) / "answers", port)
        _queryable(Path(name) / "duckdb", DUCKDB, None)
        with Elasticsearch(Path(name) / "server") as server:
            process = psutil.Process(server.pid)
            _queryable(Path(name) / "elasticsearch", ELASTICSEARCH.format(server.url), process)


if __name__ == "__main__":
    main()
