"""HTTP push: ``POST`` or ``PUT /push/{format}``; 200 only once the body is safe on disk.

As configured in their own documentation, these work against it: pScheduler's http archiver, collectd's
write_http, Telegraf's http output, MONIT's senders (to whom only 200 is success), and clients of a Pushgateway
(`lakescope.collectors._pushgateway`) to whom ``https://.../push`` is the gateway, as to Rucio's probes.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Annotated, Self

from fastapi import APIRouter, Header, HTTPException, Request
from pydantic import Field, SecretStr, field_validator, model_validator

from lakescope.collectors import _pushgateway
from lakescope.collectors._common import CollectorOptions
from lakescope.collectors._reading import Pieces, cut, portions
from lakescope.collectors._senders import PushOidc, PushToken, Senders
from lakescope.collectors._spool import Spool, SpoolFullError
from lakescope.core.contracts import Finding, Health, Installation
from lakescope.core.disk import move_away
from lakescope.core.framing import split_json
from lakescope.core.inbox import Inbox
from lakescope.core.issuer import examine_issuer
from lakescope.core.messages import Message
from lakescope.core.plugins import available
from lakescope.core.unpacking import ENCODINGS, LIMIT_BYTES, DamagedError, TooLargeError, excess, unpack

QUERY_FIELDS = ("instance", "destination", "event_type", "date", "scope", "interval_s")
"""What a query may say in place of a header. How a body is read is the business of real headers alone."""
RESERVED_NAMES = (  # where Lakescope itself answers
    "alerts",
    "api",
    "dashboards",
    "incidents",
    "livez",
    "login",
    "logout",
    "metrics",
    "readyz",
    "reports",
    "runbooks",
)
KEPT_HEADERS = ("content-type", "user-agent", *QUERY_FIELDS)
SEVERAL = ("application/x-ndjson", "application/jsonl", "application/json-seq")
READ_BYTES = 4 * 2**20  # of bodies that are read from the spool at a time; one at least
INLINE_BYTES = 2**16  # smaller bodies, not packed, are looked at on the event loop
HELD_BODIES = 4  # largest bodies that are in memory at once, all requests together


class HttpCollectorOptions(CollectorOptions):
    """Options of the http collector."""

    path: str = Field(default="/push", pattern=r"^(/[A-Za-z0-9_-]+)+$")
    """Where the routes begin: ``{path}/{format}``."""
    token: SecretStr | None = Field(default=None, min_length=8, examples=["${PUSH_TOKEN}"])
    """Token that senders must show (``Authorization: Bearer ...``, or as password of basic authentication): one for all."""
    tokens: dict[str, PushToken] = Field(default_factory=dict)
    """Tokens of senders by their names, each with what may be pushed with it."""
    oidc: PushOidc | None = None
    """Tokens of an OpenID Connect issuer."""
    rate_per_s: float | None = Field(default=None, gt=0, examples=[100.0])
    """Requests a second of each sender at most, or of each address where no token is asked for; a second's worth may come at
    once. More are refused with 429."""
    max_body_bytes: int = Field(default=LIMIT_BYTES, ge=1)
    """Largest body, unpacked (bytes)."""
    max_documents: int = Field(default=100_000, ge=1)
    """Most documents in one body of JSON lines."""
    spool_bytes: int = Field(default=2**30, ge=2**20)
    """How much may wait on disk for slow sinks (bytes); then senders are told to come back."""

    @field_validator("path")
    @classmethod
    def _is_free(cls, path: str) -> str:
        if path.split("/")[1] in RESERVED_NAMES:
            raise ValueError(f"expected a path that is not Lakescope's own (/{', /'.join(RESERVED_NAMES)})")
        return path

    @property
    def asks_for_token(self) -> bool:
        """Whether its routes ask for a token of their own."""
        return self.token is not None or bool(self.tokens) or self.oidc is not None

    @model_validator(mode="after")
    def _names_groups(self) -> Self:
        if self.oidc is not None and not (self.oidc.groups or self.oidc.scopes):
            raise ValueError("`oidc` lets nobody push: add a table oidc.groups.NAME or oidc.scopes.NAME")
        return self


class HttpCollector:
    """Takes bodies by HTTP, safe on disk before it answers."""

    Options = HttpCollectorOptions

    def __init__(self, name: str, options: HttpCollectorOptions, data_dir: Path) -> None:
        self.options = options
        self.formats = sorted(available("formats"))
        self.health = Health("ok", f"listening on {options.path}/{{format}}")
        self._senders = Senders(options.token, options.tokens, options.oidc, options.rate_per_s)
        self._spool = Spool(data_dir / f"{name}.spool", options.spool_bytes)
        self._pieces = Pieces()
        """Of rows of the spool: the messages that are not acknowledged."""
        self._unpackers = ThreadPoolExecutor(2, f"unpack {name}")
        self._held_bytes = 0

    @staticmethod
    def examine(options: HttpCollectorOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`. The spool is only read: whether its file is sound, and how much waits in it."""
        if options.oidc is not None:
            yield from examine_issuer(options.oidc)
        path = installation.data_dir / f"{installation.name}.spool"
        if not path.exists():
            yield Finding("ok", f"{path} will be made by the first start")
            return
        remedy = f"bring it back from a backup, or move it away: {move_away(path)}"
        try:
            with closing(
                sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)
            ) as spool:
                (count, size) = spool.execute(
                    "select count(*), coalesce(sum(length(body)), 0) from spool"
                ).fetchone()
        except sqlite3.Error as error:
            yield Finding("error", f"{path}: cannot be read: {error}", remedy)
            return
        text = f"spool: {count:,} bodies wait ({size:,} of {options.spool_bytes:,} bytes)"
        if size >= 0.9 * options.spool_bytes:
            yield Finding("error", text, "see why a sink is slow (/readyz), or raise `spool_bytes`")
        else:
            yield Finding("ok", text)

    def run(self, inbox: Inbox, stop: threading.Event) -> None:
        """Hands the spool to the pipeline, from the oldest body that is not yet stored."""
        while not stop.is_set():
            self._report()
            bodies = deque(self._spool.read(READ_BYTES, timeout=0.2))
            while bodies:  # each is let go before the next is read
                if not self._hand_over(bodies.popleft(), inbox):
                    return

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Takes bodies off the spool whose messages are all stored."""
        self._close_rows(message.token for message in messages)

    def close(self) -> None:
        """Closes the spool."""
        self._unpackers.shutdown(wait=False, cancel_futures=True)
        self._spool.close()

    def _report(self) -> None:
        if self._spool.fault:
            self.health.set("error", f"the spool cannot be written: {self._spool.fault}")
        else:
            self.health.set("ok", f"listening on {self.options.path}/{{format}}")

    def _hand_over(self, message: Message, inbox: Inbox) -> bool:
        """Puts the messages of one stored body; false once the inbox is closed."""
        row = message.token
        self._pieces.open(row)  # it is still being read
        messages = _messages(message)
        for part in portions(messages):
            self._pieces.open(row, len(part))
            if not inbox.put(part):
                return False
        self._close_rows([row])
        return True

    def _close_rows(self, rows: Iterable[int]) -> None:
        self._spool.delete(self._pieces.close(rows))

    # --- the routes ---------------------------------------------------------------------------------------

    def router(self) -> APIRouter:
        """The routes, for the web application."""
        router = APIRouter(prefix=self.options.path, tags=["push"])

        async def push(
            format: str,
            request: Request,
            authorization: Annotated[str | None, Header()] = None,
        ) -> dict[str, int]:
            """Takes a body of that format. With content type application/x-ndjson (jsonl, json-seq) it is several
            bodies one after the other, on lines or not."""
            sender = await self._senders.admit(authorization, _client(request), format)
            if format not in self.formats:
                raise HTTPException(404, f"no format {format!r}; there are {', '.join(self.formats)}")
            return {"accepted_bytes": await self._store(request, format, _headers(request) | sender)}

        router.add_api_route("/{format}", push, methods=["POST"], operation_id="push")
        router.add_api_route("/{format}", push, methods=["PUT"], operation_id="push_put")
        _pushgateway.add_routes(router, self._take_group)
        return router

    async def _take_group(self, request: Request, headers: dict[str, str], token: str | None) -> int:
        """A push of the Pushgateway's API."""
        authorization = request.headers.get("authorization") if token is None else _bearer(token)
        sender = await self._senders.admit(authorization, _client(request), _pushgateway.FORMAT)
        kept_headers = _headers(request) | headers | sender
        return await self._store(request, _pushgateway.FORMAT, kept_headers, may_be_empty=True)

    async def _store(
        self, request: Request, format: str, headers: dict[str, str], *, may_be_empty: bool = False
    ) -> int:
        """Bytes of the body, which is safe on disk. Raises `HTTPException`."""
        with self._hold_memory() as hold:
            body = await self._body(request, hold, may_be_empty or "scope" in headers)
            try:
                await asyncio.wrap_future(self._spool.append(Message(body, format, headers, time.time())))
            except SpoolFullError:
                raise _later("the spool is full: a sink is slow or down, see /readyz") from None
            except sqlite3.Error as error:
                raise _later(f"the spool cannot be written: {error}") from None
        return len(body)

    @contextmanager
    def _hold_memory(self) -> Iterator[Callable[[int], None]]:
        """A function that counts bytes in memory for the time of the block, and raises 503 for too many."""
        mine = 0

        def hold(size: int) -> None:
            nonlocal mine
            mine += size
            self._held_bytes += size
            if self._held_bytes > HELD_BODIES * self.options.max_body_bytes:
                raise _later("too many large bodies at once: send them one after the other")

        try:
            yield hold
        finally:
            self._held_bytes -= mine

    async def _body(self, request: Request, hold: Callable[[int], None], may_be_empty: bool) -> bytes:
        """The body, unpacked. Raises 400, 413, 415 or 503."""
        limit = self.options.max_body_bytes
        if request.headers.get("content-type", "").startswith("multipart/"):
            raise HTTPException(415, "content-type multipart: expected the body itself, as application/json")
        if int(request.headers.get("content-length", "0")) > limit:
            raise _too_large(limit)
        buffer = BytesIO()  # its value is no copy, as that of a bytearray would be
        async for piece in request.stream():
            hold(len(piece))
            buffer.write(piece)
            if buffer.tell() > limit:
                raise _too_large(limit)
        packed_body = buffer.getvalue()
        if not packed_body and may_be_empty:
            return b""  # an answer to a question, or a group: that there is nothing
        encoding = request.headers.get("content-encoding", "identity").lower()
        several = _is_several(request.headers.get("content-type", ""))
        arguments = (packed_body, encoding, several, limit, self.options.max_documents)
        if encoding in ("identity", "") and len(packed_body) <= INLINE_BYTES:
            return _check_body(*arguments)
        # away from the event loop: a bomb takes a second, and meanwhile the others are answered
        body = await asyncio.get_running_loop().run_in_executor(self._unpackers, _check_body, *arguments)
        hold(len(body))
        return body


def _bearer(token: str) -> str:
    """As a header's characters, which are bytes."""
    return f"Bearer {token.encode().decode('latin-1')}"


def _later(text: str) -> HTTPException:
    return HTTPException(503, text, {"retry-after": "30"})


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"the body exceeds {limit} bytes (option max_body_bytes)")


def _headers(request: Request) -> dict[str, str]:
    """What goes with the body: headers that formats read, and what the query says in their place."""
    headers = {key: request.headers[key] for key in KEPT_HEADERS if key in request.headers}
    headers |= {key: value for key, value in request.query_params.items() if key in QUERY_FIELDS}
    if request.client:
        headers["client"] = request.client.host
    return headers


def _client(request: Request) -> str:
    return request.client.host if request.client else "?"


def _is_several(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() in SEVERAL


def _messages(stored_message: Message) -> Iterator[Message]:
    """The messages of a stored body."""
    several = _is_several(stored_message.headers.get("content-type", ""))
    parts = split_json(stored_message.body) if several else iter((stored_message.body,))
    return (
        Message(
            part, stored_message.format, stored_message.headers, stored_message.received, stored_message.token
        )
        for part in cut(parts, stored_message.format)
    )


def _check_body(body: bytes, encoding: str, several: bool, limit: int, documents: int) -> bytes:
    """The body, unpacked, if it is one that the pipeline can take. Raises 400, 413 or 415."""
    if encoding not in ("identity", "", *ENCODINGS):
        raise HTTPException(415, f"content-encoding {encoding!r}: expected gzip, deflate, zstd or none")
    if encoding in ENCODINGS:
        try:
            body = unpack(body, encoding, limit)
        except DamagedError as error:
            raise HTTPException(400, str(error)) from None
        except TooLargeError as error:
            raise HTTPException(413, f"{error}: send it in parts, or see the option max_body_bytes") from None
    if not body:
        raise HTTPException(400, "the body is empty")
    if several and _has_more_documents(body, documents):
        text = f"the body holds more than {documents} documents (option max_documents): send it in parts"
        raise HTTPException(413, text)
    if not several and (surplus := excess(body)):
        raise HTTPException(413, f"the body holds {surplus}: send it in parts")
    return body


def _has_more_documents(body: bytes, limit: int) -> bool:
    # each document begins with a bracket, and so does what follows a piece that is none: two pieces a bracket at most
    if 2 * (body.count(b"{") + body.count(b"[")) < limit:
        return False
    return next(islice(split_json(body), limit, None), None) is not None
