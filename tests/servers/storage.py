"""A stand-in for storage: it keeps no file. It answers WebDAV's HEAD and DELETE, which is all that Rucio's reaper asks."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import Self

from ._answering import Answering


class Storage:
    """A context manager; `url` is http. Every file is there and can be deleted, but for what `answer` says."""

    def __init__(self) -> None:
        self._answers: list[tuple[str, str, int, str]] = []
        self._server = Answering(_handler(self))
        self.url = self._server.url
        self.deleted: list[str] = []
        """The paths that were answered with 204."""

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def answer(self, part: str, status: int, text: str = "", *, method: str = "DELETE") -> None:
        """From now on a request with this in its path is answered so; HEAD of the folder is Rucio's look whether the
        storage is there at all."""
        self._answers.append((method, part, status, text))

    def status(self, method: str, path: str) -> tuple[int, str]:
        """Status and text of the answer."""
        for wanted, part, status, text in self._answers:
            if wanted == method and part in path:
                return status, text
        return (204, "") if method == "DELETE" else (200, "")


def _handler(storage: Storage) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _send(self) -> None:
            status, text = storage.status(self.command, self.path)
            if status == 204:
                storage.deleted.append(self.path)
            body = text.encode()
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self._send()

        def do_DELETE(self) -> None:
            self._send()

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: pytest's output is for failures."""

    return Handler
