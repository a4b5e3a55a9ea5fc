"""What Rucio's REST API answers when it is polled: rules, usage, requests, heartbeats, bad replicas (Rucio 41).

Body: an answer's lines (``application/x-json-stream``), one of them, or a JSON array. An answer may be empty. The kinds
of records are told apart by their keys; limits, which name nothing, by the question:

    GET /rules/?state=S              a rule: state, ..                                            rules
    GET /rses/                       an RSE and what it is open for: availability_write, ..       storage
    GET /rses/<rse>/usage            what a source counts there: source, used, ..                 storage
    GET /rses/<rse>/limits           limit -> value                                               storage
    GET /rses/<rse>/accounts/usage   an account's usage and quota: used_bytes, ..                 storage
    GET /accounts/<a>/usage/global   the same of an RSE expression: bytes_limit, ..               storage
    GET /replicas/rse/<rse>          a dataset there: available_bytes, ..                         storage, by scope
    GET /requests/metrics            a link's queue, what it did and failed: src_rse, ..          requests
    GET /requests/list?..            an open request: dest_rse, ..                                requests, by link
    GET /heartbeats                  a daemon's thread: readable, ..                              daemons
    GET /replicas/bad/summary        counts of a day: reason, BAD, ..                             replicas, over all days
    GET /replicas/suspicious         a file: cnt, ..                                              replicas

What was asked is in the header ``scope``, or ``url`` as the poll collector has it: the question's URL. Then a `Poll`
comes with the answer, complete if every record could be read: a rule that the latest complete answer lacks is in that
state no more. Without the question nothing can be said of what an answer lacks, and there is no `Poll`.

A large answer may come in pieces of whole lines, with the header ``piece``. The last one has ``records``, how many there
were in all, and ``complete``, false if a line before it was damaged: it brings the `Poll`.

An answer is of the moment of its polling, not of the last change: `time` is the header ``date``, else when the body was
received. So each poll of a rule is an event of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from lakescope.core.messages import DecodeResult, Message, RejectedError
from lakescope.transformers._answers import Question, poll_of, question_of
from lakescope.transformers._common import (
    any_json,
    convert_fields,
    count_unknown,
    each,
    pieces,
    shape,
)
from lakescope.transformers.rucio_api._question import kind_of
from lakescope.transformers.rucio_api.daemons import HeartbeatLine, add_heartbeat
from lakescope.transformers.rucio_api.replicas import (
    BadLine,
    BadReplicas,
    SuspiciousLine,
    add_suspicious,
)
from lakescope.transformers.rucio_api.requests import LinkLine, Links, OpenRequests, RequestLine
from lakescope.transformers.rucio_api.rules import RuleLine, add_rule, asked_state
from lakescope.transformers.rucio_api.storage import (
    DatasetLine,
    GlobalLine,
    QuotaLine,
    RseLine,
    Scopes,
    UsageLine,
    add_global,
    add_limits,
    add_quota,
    add_rse,
    add_usage,
)

_ONE_BY_ONE: dict[str, tuple[type[Struct], Callable[[Any, DecodeResult, str, Question], None]]] = {
    "readable": (HeartbeatLine, add_heartbeat),
    "cnt": (SuspiciousLine, add_suspicious),
    "bytes_limit": (GlobalLine, add_global),
    "used_bytes": (QuotaLine, add_quota),
    "state": (RuleLine, add_rule),
    "source": (UsageLine, add_usage),
}
"""Key -> the kind of record that has it, each of which is an event."""
_WIDE = (RseLine, RequestLine)
"""Rows of tables of which few columns are read: the others are not counted as unknown."""


class _Answer:
    """The records of one body: some are events at once, others make events together."""

    def __init__(self, question: Question) -> None:
        self.question, self.kind = question, kind_of(question)
        self.links, self.open_requests = Links(), OpenRequests()
        self.scopes, self.bad_replicas = Scopes(), BadReplicas()

    def add(self, record: Any, out: DecodeResult, path: str) -> None:
        """One record. Raises `RejectedError` for one that cannot be read."""
        keys = any_json(record[1], path, record[0]) if isinstance(record, tuple) else record
        if not isinstance(keys, dict):
            raise RejectedError("schema", path, "object", shape(keys))
        if self.kind == "limits" and "ExceptionClass" not in keys:
            add_limits(keys, out, path, self.question)
        elif "src_rse" in keys:
            self.links.lines.append(_line(keys, LinkLine, out, path, frozenset(("files", "bytes"))))
        elif "dest_rse_id" in keys:
            self.open_requests.add(_line(keys, RequestLine, out, path), path, self.question.moment)
        elif "available_bytes" in keys:
            self.scopes.add(_line(keys, DatasetLine, out, path))
        elif "availability_write" in keys:
            add_rse(_line(keys, RseLine, out, path), out, path, self.question)
        else:
            self._add_one(keys, out, path)

    def _add_one(self, keys: dict[str, Any], out: DecodeResult, path: str) -> None:
        for key, (kind, add) in _ONE_BY_ONE.items():
            if key in keys:
                add(_line(keys, kind, out, path), out, path, self.question)
                return
        if "reason" in keys and "rse" in keys:
            self.bad_replicas.add(_line(keys, BadLine, out, path))
            return
        expected = "a record of an answer that docs/reference/formats.md lists"
        raise RejectedError("unknown_kind", path, expected, sorted(keys))

    def finish(self, out: DecodeResult) -> None:
        """What the records are together."""
        for part in (self.links, self.open_requests, self.scopes, self.bad_replicas):
            part.finish(out, self.question)


def decode(message: Message, out: DecodeResult) -> None:
    """The records of one answer; a bad one is a `Reject` of its own."""
    question = question_of(message)
    answer = _Answer(question)
    records: list[Any] = list(pieces(message.body))
    rejects = len(out.rejects)
    if len(records) == 1 and records[0][1].startswith(b"{"):
        answer.add(records[0], out, "$")
    else:
        if len(records) == 1 and records[0][1].startswith(b"["):
            records = any_json(records[0][1], "$", records[0][0])
        if records or answer.kind is None:
            each(records, out, answer.add)
    answer.finish(out)
    headers = message.headers
    if "piece" not in headers or "records" in headers:
        is_whole = len(out.rejects) == rejects and headers.get("complete") != "false"
        if answer.kind is not None:
            count = _count(headers.get("records"), len(records))
            state = asked_state(question) if answer.kind == "rules" else None
            poll = poll_of("rucio-api", question, answer.kind, count, complete=is_whole, state=state)
            out.events.append(poll)


def _line(
    keys: dict[str, Any],
    kind: type[Any],
    out: DecodeResult,
    path: str,
    needed: frozenset[str] = frozenset(),
) -> Any:
    line = convert_fields(keys, kind, out, path, needed)
    if kind not in _WIDE:
        count_unknown(keys, kind, out)
    return line


def _count(text: str | None, here: int) -> int:
    return int(text) if text and text.isdecimal() else here
