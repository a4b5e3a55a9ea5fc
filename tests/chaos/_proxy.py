"""A TCP proxy that can cut its connections in the middle of an answer."""

from __future__ import annotations

import random
import socket
import socketserver
import threading


class Proxy(socketserver.ThreadingTCPServer):
    """Between Lakescope and a store. While `cutting`, each connection ends after so many random bytes of the store's answers."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.target = ("127.0.0.1", port)
        self.cutting: random.Random | None = None
        self.cuts = 0
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        """Where Lakescope is to connect."""
        return int(self.server_address[1])

    def __exit__(self, *args: object) -> None:
        self.shutdown()
        super().__exit__(*args)

    def handle_error(self, request: object, client_address: object) -> None:
        """Broken connections are what it is for."""


class _Handler(socketserver.BaseRequestHandler):
    server: Proxy

    def handle(self) -> None:
        with socket.create_connection(self.server.target, timeout=10) as store:
            store.settimeout(None)
            asking = threading.Thread(target=self._pass_questions, args=(store,), daemon=True)
            asking.start()
            self._pass_answers(store)
            for one in (self.request, store):
                _end(one)
            asking.join()

    def _pass_questions(self, store: socket.socket) -> None:
        try:
            while data := self.request.recv(65536):
                store.sendall(data)
        except OSError:
            pass
        _end(store)

    def _pass_answers(self, store: socket.socket) -> None:
        try:
            while data := store.recv(65536):
                if (chance := self.server.cutting) is not None:
                    self.request.sendall(data[: chance.randrange(len(data))])
                    self.server.cuts += 1
                    return
                self.request.sendall(data)
        except OSError:
            return


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
