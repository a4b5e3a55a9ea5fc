"""Not a store: an HTTP server whose answers a test writes, or a proxy before a real one, with faults to order."""

from __future__ import annotations

import http.client
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Literal, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit


class Request(NamedTuple):
    """What came: header names in lower case, the body as it was sent."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


class Answer(NamedTuple):
    """What is answered."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


PROXIES = {
    name: "http://127.0.0.1:9"
    for word in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    for name in (word, word.lower())
}
"""An environment whose proxy, for whatever address, is one that nobody answers for."""

Fault = int | Literal["hang up", "lose the answer"]
"""A status instead of the answer, a connection closed before the request counts, or one closed after it did."""


class HttpServer:
    """Listens on a free port for the time of the block. `order` faults for the next requests under `path`.

    With `tls` it is on https://localhost.
    """

    def __init__(
        self, answer: Callable[[Request], Answer], path: str = "/", tls: ssl.SSLContext | None = None
    ) -> None:
        self.answer = answer
        self.path = path
        self.requests: list[Request] = []
        self.faults: deque[Fault] = deque()
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        if tls is not None:
            self.url = f"https://localhost:{self.port}"
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def order(self, faults: Iterable[Fault]) -> None:
        """Faults for the next requests, one each."""
        with self._lock:
            self.faults.extend(faults)

    def _fault(self, request: Request) -> Fault | None:
        with self._lock:
            self.requests.append(request)
            return self.faults.popleft() if self.faults and request.path.startswith(self.path) else None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with suppress(OSError):  # a client that trusts us not
                    super().handle()

            def answer(self) -> None:
                size = int(self.headers.get("content-length", 0))
                headers = {key.lower(): value for key, value in self.headers.items()}
                request = Request(self.command, self.path, headers, self.rfile.read(size))
                fault = server._fault(request)
                if fault == "hang up":
                    self.close_connection = True
                    return
                answer = Answer(fault) if isinstance(fault, int) else server.answer(request)
                if fault == "lose the answer":
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = answer  # noqa: N815 - names of http.server

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: pytest shows what matters."""

        return Handler


def proxy_to(url: str) -> Callable[[Request], Answer]:
    """Answers that are those of the real server at `url`."""
    parts = urlsplit(url)
    left_out = {"content-length", "transfer-encoding", "connection"}

    def forward(request: Request) -> Answer:
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
        try:
            headers = {key: value for key, value in request.headers.items() if key not in left_out}
            connection.request(request.method, request.target, request.body, headers)
            response = connection.getresponse()
            kept = tuple(pair for pair in response.getheaders() if pair[0].lower() not in left_out)
            return Answer(response.status, response.read(), kept)
        finally:
            connection.close()

    return forward
