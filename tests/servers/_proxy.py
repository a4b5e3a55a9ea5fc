"""A TCP proxy in front of a server: it holds back what the server says, or cuts it, or ends all connections."""

from __future__ import annotations

import random
import socket
import socketserver
import threading
from contextlib import suppress
from typing import Self


class Proxy(socketserver.ThreadingTCPServer):
    """Listens at an address of its own and passes bytes on to a port of 127.0.0.1, both ways. A context manager.

    Once `silent` it holds back all that the server says. While `cutting` each connection ends after a random part of an answer.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], port: int) -> None:
        self.target = ("127.0.0.1", port)
        self.silent = threading.Event()
        self.cutting: random.Random | None = None
        self.cuts = 0
        self.connections: list[socket.socket] = []
        super().__init__(address, _Through)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def disconnect(self) -> None:
        """Ends the connections there are."""
        for connection in self.connections:
            _end(connection)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return super().__enter__()

    def __exit__(self, *args: object) -> None:
        self.disconnect()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Broken connections are what it is for."""


class _Through(socketserver.BaseRequestHandler):
    server: Proxy
    request: socket.socket

    def handle(self) -> None:
        self.server.connections.append(self.request)
        with socket.create_connection(self.server.target, timeout=10) as there:
            there.settimeout(None)
            asking = threading.Thread(target=self._pass_questions, args=(there,), daemon=True)
            asking.start()
            with suppress(OSError):
                self._pass_answers(there)
            asking.join()

    def _pass_questions(self, there: socket.socket) -> None:
        with suppress(OSError):
            while data := self.request.recv(65536):
                there.sendall(data)
            there.shutdown(socket.SHUT_WR)

    def _pass_answers(self, there: socket.socket) -> None:
        while data := there.recv(65536):
            if self.server.silent.is_set():
                continue
            if (chance := self.server.cutting) is not None:
                self.request.sendall(data[: chance.randrange(len(data))])
                self.server.cuts += 1
                break
            self.request.sendall(data)
        else:
            self.request.shutdown(socket.SHUT_WR)
            return
        for one in (self.request, there):
            _end(one)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # the other side may have ended it
        connection.shutdown(socket.SHUT_RDWR)
