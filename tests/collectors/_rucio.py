"""Not Rucio: a server that speaks the documented form of its REST API, for what a real one cannot be made to do.

Tokens that end, rights that are missing, answers that are none. Its lake has two RSEs and one link.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any

from tests.contract._http import Answer, HttpServer, Request

PASSWORD, STREAM, JSON = "s3cret-of-rucio", "application/x-json-stream", "application/json"
ADMIN = ("/requests/",)
ROOT = ("/heartbeats",)


def lines(*records: Mapping[str, Any]) -> Answer:
    """An answer as a stream."""
    body = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    return Answer(200, body, (("Content-Type", STREAM),))


def document(value: Any) -> Answer:
    """An answer as one document."""
    return Answer(200, json.dumps(value).encode(), (("Content-Type", JSON),))


def refusal(status: int, kind: str, message: str) -> Answer:
    """As Rucio refuses: 401 for a bad token; for a missing right 401 or 500, told by a header."""
    headers = (("ExceptionClass", kind), ("ExceptionMessage", message), ("Content-Type", JSON))
    return Answer(status, json.dumps({"ExceptionClass": kind, "ExceptionMessage": message}).encode(), headers)


def rule(number: int, **fields: Any) -> dict[str, Any]:
    """A stuck rule."""
    return {
        "id": f"{number:032x}",
        "state": "STUCK",
        "scope": "LSST_DATA",
        "name": f"dataset{number}",
        "account": "jdoe",
        "rse_expression": "EULAKE-1",
        "created_at": "Thu, 01 Oct 2026 08:00:00 UTC",
        "stuck_at": "Thu, 01 Oct 2026 10:00:00 UTC",
        "locks_ok_cnt": 3,
        "locks_replicating_cnt": 0,
        "locks_stuck_cnt": 1,
        "error": "RequestErrMsg.TRANSFER_FAILED:No space left on https://se.example.org/f1",
    } | fields


def _day(moment: float) -> str:
    return formatdate(moment).replace("-0000", "UTC")


class FakeRucio:
    """Answers until its block ends. `answers`: path (with its query, else without) -> what it answers now."""

    def __init__(self, *, right: str = "root", token_life_s: float = 3600.0) -> None:
        self.right, self.token_life_s = right, token_life_s
        self.tokens: list[str] = []
        self.valid: set[str] = set()
        link = {
            "src_rse": "EULAKE-1",
            "dst_rse": "PIC-DCACHE",
            "files": {
                "queued-total": 2,
                "queued": {"User": 2},
                "done-total-1h": 4,
                "done": {"User": {"1h": 4}},
            },
        }
        now = time.time()
        beat = {
            "readable": "conveyor-submitter",
            "hostname": "pod",
            "pid": 1,
            "thread_name": "Thread-1",
            "updated_at": _day(now),
            "created_at": _day(now - 9000),
            "payload": None,
        }
        self.answers: dict[str, Answer | Callable[[Request], Answer]] = {
            "/rses/": lines(
                *({"id": rse, "rse": rse, "availability_write": True} for rse in ("EULAKE-1", "PIC-DCACHE"))
            ),
            "/rules/?state=S": lines(rule(1), rule(2)),
            "/requests/metrics": lines(link, {"src_rse": "PIC-DCACHE", "dst_rse": "EULAKE-1", "distance": 1}),
            "/requests/list": lines(
                {
                    "dest_rse_id": "1",
                    "source_rse": "EULAKE-1",
                    "dest_rse": "PIC-DCACHE",
                    "created_at": _day(now - 90000),
                }
            ),
            "/heartbeats": document([beat]),
            "/replicas/bad/summary": lines(
                {"rse": "EULAKE-1", "reason": "lost disk", "created_at": None, "BAD": 3}
            ),
            "/replicas/suspicious": document([{"scope": "s", "name": "f", "rse": "EULAKE-1", "cnt": 2}]),
            "/rses/EULAKE-1/usage": lines({"rse": "EULAKE-1", "source": "rucio", "used": 7, "files": 1}),
            "/rses/EULAKE-1/limits": document({"MinFreeSpace": 5}),
            "/rses/EULAKE-1/accounts/usage": lines(
                {"rse": "EULAKE-1", "account": "jdoe", "used_bytes": 5, "quota_bytes": 9}
            ),
            "/accounts/": lines({"account": "jdoe", "type": "USER", "email": "j@example.org"}),
            "/accounts/jdoe/usage/global": lines(
                {"rse_expression": "tier=1", "bytes": 4, "files": 2, "bytes_limit": 8}
            ),
            "/replicas/rse/EULAKE-1": lines(
                {
                    "rse": "EULAKE-1",
                    "scope": "LSST_DATA",
                    "name": "d",
                    "available_bytes": 5,
                    "available_length": 1,
                }
            ),
        }
        self.server = HttpServer(self._answer)
        self.url = self.server.url

    def __enter__(self) -> FakeRucio:
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    @property
    def asked(self) -> list[str]:
        """What was asked, logins left out, in order."""
        return [one.target for one in self.server.requests if not one.path.startswith("/auth/")]

    def _answer(self, request: Request) -> Answer:
        if request.path.startswith("/auth/"):
            return self._log_in(request)
        if request.headers.get("x-rucio-auth-token") not in self.valid:
            return refusal(401, "CannotAuthenticate", "Cannot authenticate with given credentials")
        if (self.right != "root" and request.path.startswith(ROOT)) or (
            self.right == "user" and request.path.startswith(ADMIN)
        ):
            return refusal(500, "AccessDenied", f"{request.headers['x-rucio-account']} cannot do that. ")
        answer = self.answers.get(request.target, self.answers.get(request.path, lines()))
        return answer if isinstance(answer, Answer) else answer(request)

    def _log_in(self, request: Request) -> Answer:
        if request.path == "/auth/userpass" and request.headers.get("x-rucio-password") != PASSWORD:
            message = f"Cannot authenticate to account a with {request.headers.get('x-rucio-password')}"
            return refusal(401, "CannotAuthenticate", message)
        token = f"token-{len(self.tokens)}-of-rucio"
        self.tokens.append(token)
        self.valid = {token}
        end = formatdate(time.time() + self.token_life_s).replace("-0000", "UTC")
        return Answer(200, b"", (("X-Rucio-Auth-Token", token), ("X-Rucio-Auth-Token-Expires", end)))
