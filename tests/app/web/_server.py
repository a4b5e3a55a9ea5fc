"""Not Lakescope and not its API: it serves the status page's file and whatever JSON a test puts into it.

Under a path prefix, as behind a proxy, and with the headers that Lakescope sends. `stop` and `start` keep the
port, so that a test can let the server vanish and come back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from lakescope.app.web.pages import SECURITY
from lakescope.dashboards.pages import page

PREFIX = "/some/prefix/"
STATIC = {
    f"{name}.{ending}": kind
    for name in ("look", "status")
    for ending, kind in (("css", "text/css"), ("js", "text/javascript"))
}

Status = dict[str, Any]


@dataclass
class StandIn:
    """The page at `url`; `answer` is what GET api/status says, a str for a body that is no JSON."""

    answer: Status | str
    code: int = 200
    hangs: bool = False
    """Accept the request and say nothing until the server stops or this is false again."""
    asked: int = 0
    """Times that api/status was asked for."""
    _server: ThreadingHTTPServer | None = None
    _port: int = 0
    _stopping: Event = field(default_factory=Event)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        return self.origin + PREFIX

    def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._stopping.clear()
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        self._port = self._server.server_port
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server is None:
            return
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._server = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == PREFIX:
                    self._send(200, "text/html; charset=utf-8", page.file("status.html").encode())
                elif (name := self.path.removeprefix(PREFIX)) in STATIC:
                    self._send(200, STATIC[name], page.file(name).encode())
                elif self.path == PREFIX + "api/status":
                    stand_in.asked += 1
                    while stand_in.hangs and not stand_in._stopping.wait(0.02):
                        pass
                    answer = stand_in.answer
                    body = answer if isinstance(answer, str) else json.dumps(answer)
                    self._send(stand_in.code, "application/json", body.encode())
                else:
                    self._send(404, "text/plain", b"no such page\n")

            def _send(self, code: int, kind: str, body: bytes) -> None:
                self.send_response(code)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                for name, value in SECURITY.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing: pytest shows what matters."""

        return Handler
