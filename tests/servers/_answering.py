"""An HTTP server of the test's own process, for stand-ins."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ._process import HOST


class Answering:
    """Answers on a free loopback port, from `start` to `stop`."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server = ThreadingHTTPServer((HOST, 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://{HOST}:{self._server.server_port}"

    def start(self) -> None:
        """Returns at once: a client waits until it is answered."""
        self._thread.start()

    def stop(self) -> None:
        """Returns when the port is free."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
