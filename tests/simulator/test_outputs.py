"""Outputs write what `simulate` gives, all of it, once."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from lakescope.simulator import Lake, Wire, simulate
from lakescope.simulator.outputs import Files, HttpPush, Output, SplitOutput, Stomp, deliver


@pytest.fixture(scope="module")
def wires(lake: Lake, start: datetime) -> list[Wire]:
    return list(simulate(lake, seed=9, start=start, end=start + timedelta(minutes=5), rate=600))


class Server:
    """A push server that keeps what it got; `answers` are given first, one a request, then 200 always."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes, dict[str, str]]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = outer.answers.pop(0) if outer.answers else 200
                if status == 200:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    outer.got.append((self.path, body, headers))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            do_PUT = do_POST  # noqa: N815 - its caller's name

            def log_message(self, format: str, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


class Kept(Output):
    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.closed_indices = False

    def write(self, wire: Wire) -> None:
        self.wires.append(wire)

    def close(self) -> None:
        self.closed_indices = True


def test_files_hold_every_body(wires: list[Wire], tmp_path: Path) -> None:
    seen = []
    with Files(tmp_path / "out") as files:
        counts = deliver(wires, files, progress=lambda number, wire: seen.append((number, wire)))
    assert counts == Counter(wire.format for wire in wires)
    assert seen == list(enumerate(wires, 1))

    def bodies(format_: str) -> list[bytes]:
        return [wire.body for wire in wires if wire.format == format_]

    for format_ in ("hermes", "traces", "perfsonar", "collectd", "telegraf", "push"):
        assert (tmp_path / "out" / f"{format_}.jsonl").read_bytes() == b"".join(
            b + b"\n" for b in bodies(format_)
        )
    assert (tmp_path / "out" / "fts.txt").read_bytes() == b"".join(bodies("fts"))
    for page in (tmp_path / "out" / "node_exporter").iterdir():
        instance = f"{page.stem}:9100"
        scrapes = [wire.body for wire in wires if wire.headers.get("instance") == instance]
        assert page.read_bytes().split(b"# EOF\n") == [*scrapes, b""]
        counts["node_exporter"] -= len(scrapes)
    assert counts["node_exporter"] == 0


def test_a_reader_can_split_the_fts_file(wires: list[Wire], tmp_path: Path) -> None:
    with Files(tmp_path) as files:
        deliver((w for w in wires if w.format == "fts"), files)
    text, at, count = (tmp_path / "fts.txt").read_text(), 0, 0
    decoder = json.JSONDecoder()
    while at < len(text):
        _, at = decoder.raw_decode(text, at)
        at += 1  # the trailing byte
        count += 1
    assert count == sum(wire.format == "fts" for wire in wires)


def test_http_push_posts_every_body_to_its_format(wires: list[Wire], server: Server) -> None:
    some = wires[:300]
    with HttpPush(server.url, headers={"authorization": "Bearer t"}) as push:
        deliver(some, push)
    expected = [(w.destination if "push" in w.headers else f"/push/{w.format}", w.body) for w in some]
    assert [(path, body) for path, body, _ in server.got] == expected
    for (_, _, headers), wire in zip(server.got, some, strict=True):
        assert headers["authorization"] == "Bearer t"
        assert all(headers[name] == value for name, value in wire.headers.items())
        assert wire.source != "fts" or headers["destination"] == wire.destination


def test_http_push_tries_again_what_may_pass(wires: list[Wire], server: Server) -> None:
    server.answers = [503, 429, 500]
    with HttpPush(server.url) as push:
        deliver(wires[:3], push)
    assert [body for _, body, _ in server.got] == [wire.body for wire in wires[:3]]


def test_http_push_gives_up_on_a_refusal_and_on_silence(wires: list[Wire], server: Server) -> None:
    server.answers = [422]
    with HttpPush(server.url) as push, pytest.raises(httpx.HTTPStatusError, match="422"):
        deliver(wires[:1], push)
    with HttpPush("http://127.0.0.1:9", patience=0.2) as push, pytest.raises(httpx.ConnectError):
        deliver(wires[:1], push)


def test_split_sends_each_message_its_usual_way(wires: list[Wire]) -> None:
    broker, web = Kept(), Kept()
    with SplitOutput(broker, web) as both:
        deliver(wires, both)
    assert {wire.source for wire in broker.wires} == {"rucio", "fts", "trace"}
    assert len(broker.wires) + len(web.wires) == len(wires)
    assert all("push" in wire.headers or wire.destination == f"/push/{wire.format}" for wire in web.wires)
    assert broker.closed_indices and web.closed_indices


def test_pace(wires: list[Wire]) -> None:
    some = wires[:200]
    span = some[-1].time - some[0].time
    began = time.monotonic()
    deliver(some, Kept(), speed=span / 0.3)
    assert 0.29 < time.monotonic() - began < 2
    with pytest.raises(ValueError, match="above 0"):
        deliver(some, Kept(), speed=0)


def test_broker_addresses_are_checked() -> None:
    with pytest.raises(ValueError, match="found 'tcp://broker'"):
        Stomp(["tcp://broker"])
    with pytest.raises(ValueError, match="at least one broker"):
        Stomp([])
