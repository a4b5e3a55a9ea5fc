"""Serves the web application in a thread of its own, and bears what clients do to it."""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
import threading
import time
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from lakescope.app.web.certificate import ServerCertificate

if TYPE_CHECKING:  # FastAPI brings it, which takes longer to import than all else
    from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)

HEAD_S = 20.0
"""How long a connection may take for the head of a request, and for the rest of a body that nobody reads."""
CONNECTIONS_MAX = 1000
BACKLOG = 1024
"""Connections that wait to be accepted."""
ACCEPTS = 16
"""Of them in one go: those that are too many must be closed before the next, or descriptors run out."""
LOG_S = 60.0
"""From one line of a kind in the log to the next."""

_FULL = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 21\r\n\r\ntoo many connections\n"


class Rarely:
    """Logs a line of each kind once in `LOG_S`, with the number of those that were left out."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[float, int]] = {}

    def warn(self, kind: str, text: str) -> None:
        """`kind` is from a closed list; `text` may hold what a client sent, as it was escaped by the caller."""
        last, skipped_lines = self._kinds.get(kind, (-LOG_S, 0))
        now = time.monotonic()
        if now - last < LOG_S:
            self._kinds[kind] = last, skipped_lines + 1
            return
        self._kinds[kind] = now, 0
        log.warning("%s %s%s", kind, text, f" repeated={skipped_lines}" if skipped_lines else "")


RARELY = Rarely()


def on_demand(make: Callable[[], ASGIApp]) -> ASGIApp:
    """An application that is made at the first request: a run over files that end does without it, and without FastAPI."""
    make_once = cache(make)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await make_once()(scope, receive, send)

    return app


class Server:
    """uvicorn beside the engine; `url` is where it answers."""

    def __init__(
        self, app: ASGIApp, host: str, port: int, certificate: ServerCertificate | None = None
    ) -> None:
        """Binds at once. Raises `RuntimeError` with the remedy if the address is taken."""
        self._certificate = certificate
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # asyncio switches Nagle's algorithm off only for sockets that say that they are TCP's
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise RuntimeError(
                f"cannot listen on {host}:{port}: {error.strerror}; {_remedy(error)}"
            ) from error
        self.port = self._socket.getsockname()[1]
        address = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
        self.url = f"http{'s' * (certificate is not None)}://{address}:{self.port}"
        config = uvicorn.Config(
            app,
            http=_Connection,
            log_config=None,
            access_log=False,
            backlog=ACCEPTS,
            timeout_graceful_shutdown=2,
            lifespan="off",
        )
        if certificate is not None:
            config.load()
            config.ssl = certificate.context  # uvicorn's own would be read once
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)

    def start(self) -> None:
        """Returns once it answers."""
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)
        self._socket.listen(BACKLOG)  # asyncio has one number for both

    def stop(self) -> None:
        """Lets running requests end, two seconds at most."""
        self._server.should_exit = True
        self._thread.join(5.0)
        self._socket.close()

    def _serve(self) -> None:
        asyncio.run(self._serve_quietly())

    async def _serve_quietly(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_note)
        if self._certificate is None:
            await self._server.serve(sockets=[self._socket])
            return
        # uvicorn passes on no limit for clients that are slow to shake hands
        loop.create_server = partial(loop.create_server, ssl_handshake_timeout=HEAD_S)  # type: ignore[method-assign]
        watching = asyncio.create_task(self._certificate.watch())
        await self._server.serve(sockets=[self._socket])
        watching.cancel()


def _remedy(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "choose another `port` below [http] (or [push], [metrics]), or stop who listens there"
    if error.errno == errno.EACCES:
        return "choose a `port` from 1024 on"
    return "name an address of this machine as `host`, such as 127.0.0.1"


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """One line instead of a traceback for what the network does; asyncio's own way for what may be a bug."""
    error = context.get("exception")
    if isinstance(error, OSError):
        RARELY.warn("web_connection_error", f"error={context['message']}: {error.strerror}")
    else:
        loop.default_exception_handler(context)


def _connections_max() -> int:
    """As many as leave descriptors for stores, files and brokers."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS_MAX if files == resource.RLIM_INFINITY else min(CONNECTIONS_MAX, files // 2)


class _Connection(H11Protocol):
    """uvicorn's, with an end for heads that never come and for more connections than there is room for."""

    _end: asyncio.TimerHandle | None = None
    _since = 0.0
    """When it last had nothing to do."""

    def connection_made(self, transport: Any) -> None:
        self._since = self.loop.time()
        super().connection_made(transport)
        if len(self.connections) > _connections_max() and not self._make_room():
            RARELY.warn("web_connections_full", f"limit={_connections_max()}")
            transport.write(_FULL)
            transport.close()
        self._set_end()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._set_end()

    def on_response_complete(self) -> None:
        self._since = self.loop.time()
        super().on_response_complete()
        self._set_end()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._end is not None:
            self._end.cancel()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def waits_for_client(self) -> bool:
        """Whether nothing happens here before the client sends, or reads, some more."""
        return self.is_idle or self.cycle.more_body or self.flow.write_paused

    def _set_end(self) -> None:
        """A clock runs while a head, or the rest of a body that was answered, is still to come."""
        if self.is_idle and self._end is None:
            self._end = self.loop.call_later(HEAD_S, self._too_late)
        elif not self.is_idle and self._end is not None:
            self._end.cancel()
            self._end = None

    def _too_late(self) -> None:
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            RARELY.warn("web_slow_head", f"client={self.client[0] if self.client else '?'}")
        self.transport.abort()

    def _make_room(self) -> bool:
        """Closes the connection whose client has been waited for longest; idle ones go first."""
        pending = [
            other
            for other in self.connections
            if isinstance(other, _Connection) and other is not self and other.waits_for_client
        ]
        if not pending:
            return False
        last = min(pending, key=lambda other: (not other.is_idle, other._since))
        self.connections.discard(last)  # it is lost soon, and must not be chosen twice
        last.transport.abort()
        return True
