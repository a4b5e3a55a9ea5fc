"""HTTP push: ``POST`` or ``PUT /push/{format}``; 200 only once the body is safe on disk.

As configured in their own documentation, these work against it: pScheduler's http archiver, collectd's
write_http, Telegraf's http output, MONIT's senders (to whom only 200 is success).
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Request
from pydantic import Field, SecretStr

from collectors._common import CollectorOptions
from collectors._spool import Full, Spool
from lakescope.framing import split_json
from lakescope.messages import Message
from lakescope.pipeline import Health, Inbox
from lakescope.plugins import available
from lakescope.unpacking import ENCODINGS, LIMIT_BYTES, DamagedError, TooLargeError, unpack

KEPT_HEADERS = (
    "content-type",
    "user-agent",
    "instance",
    "destination",
    "event_type",
    "date",
    "scope",
    "interval_s",
)
SEVERAL = ("application/x-ndjson", "application/jsonl", "application/json-seq")
READ = 500


class HttpOptions(CollectorOptions):
    """Options of the http collector."""

    path: str = Field(default="/push", pattern=r"^/[A-Za-z0-9/_-]*$")
    """Where the routes begin: ``{path}/{format}``."""
    token: SecretStr | None = Field(default=None, min_length=8, examples=["${PUSH_TOKEN}"])
    """Token that senders must show (``Authorization: Bearer ...``, or as password of basic authentication)."""
    max_body_bytes: int = Field(default=LIMIT_BYTES, ge=1)
    """Largest body, unpacked (bytes)."""
    spool_bytes: int = Field(default=2**30, ge=2**20)
    """How much may wait on disk for slow sinks (bytes); then senders are told to come back."""


class HttpCollector:
    """Takes bodies by HTTP, safe on disk before it answers."""

    Options = HttpOptions

    def __init__(self, name: str, options: HttpOptions, data_dir: Path) -> None:
        self.options = options
        self.formats = sorted(available("formats"))
        self.health = Health("ok", f"listening on {options.path}/{{format}}")
        self._spool = Spool(data_dir / f"{name}.spool", options.spool_bytes)

    def run(self, inbox: Inbox, stop: threading.Event) -> None:
        """Hands the spool to the pipeline, from the oldest body that is not yet stored."""
        self.health.set("ok", f"listening on {self.options.path}/{{format}}")  # also after a fault
        while not stop.is_set():
            messages = self._spool.read(READ, timeout=0.2)
            if messages and not inbox.put(messages):
                return

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Takes stored bodies off the spool."""
        self._spool.delete([message.token for message in messages])

    def close(self) -> None:
        """Closes the spool."""
        self._spool.close()

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
            self._check_token(authorization)
            if format not in self.formats:
                raise HTTPException(404, f"no format {format!r}; there are {', '.join(self.formats)}")
            body = await self._body(request)
            headers = {key: request.headers[key] for key in KEPT_HEADERS if key in request.headers}
            headers |= dict(request.query_params)  # what the body lacks: ?instance=se01.example.org:9100
            if request.client:
                headers["client"] = request.client.host
            try:
                await asyncio.wrap_future(self._spool.append(_messages(body, format, headers)))
            except Full:
                raise HTTPException(
                    503, "the spool is full: a sink is slow or down, see /readyz", {"retry-after": "30"}
                ) from None
            except sqlite3.Error as error:
                raise HTTPException(
                    503, f"the spool cannot be written: {error}", {"retry-after": "30"}
                ) from None
            return {"accepted_bytes": len(body)}

        router.add_api_route("/{format}", push, methods=["POST"], operation_id="push")
        router.add_api_route("/{format}", push, methods=["PUT"], operation_id="push_put")
        return router

    def _check_token(self, authorization: str | None) -> None:
        if self.options.token is None:
            return
        scheme, _, shown = (authorization or "").partition(" ")
        if scheme.lower() == "basic":
            import base64
            import binascii

            try:
                shown = base64.b64decode(shown, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                shown = ""
        wanted = self.options.token.get_secret_value()
        if not secrets.compare_digest(shown.encode(), wanted.encode()):
            raise HTTPException(
                401,
                "expected this collector's token",
                {"www-authenticate": 'Basic realm="lakescope", Bearer'},
            )

    async def _body(self, request: Request) -> bytes:
        """The body, unpacked. Raises 400, 413 or 415."""
        limit = self.options.max_body_bytes
        packed = bytearray()
        async for piece in request.stream():
            packed += piece
            if len(packed) > limit:
                raise HTTPException(413, f"the body exceeds {limit} bytes (option max_body_bytes)")
        encoding = request.headers.get("content-encoding", "identity").lower()
        if encoding in ("identity", ""):
            body = bytes(packed)
        elif encoding in ENCODINGS:
            try:
                body = unpack(bytes(packed), encoding, limit)
            except DamagedError as error:
                raise HTTPException(400, str(error)) from None
            except TooLargeError as error:
                raise HTTPException(413, f"{error} (option max_body_bytes)") from None
        else:
            raise HTTPException(415, f"content-encoding {encoding!r}: expected gzip, deflate, zstd or none")
        if not body:
            raise HTTPException(400, "the body is empty")
        return body


def _messages(body: bytes, name: str, headers: dict[str, str]) -> list[Message]:
    several = headers.get("content-type", "").partition(";")[0].strip().lower() in SEVERAL
    now = time.time()
    return [Message(part, name, headers, now) for part in (split_json(body) if several else (body,))]
