"""Rucio's Hermes events: transfers, stage-ins, deletions, data identifiers, rules and locks.

Body: ``{"event_type": str, "payload": {...}, "created_at": "2025-03-20 20:15:43.153695"}``
(rucio 41.x: lib/rucio/daemons/hermes/hermes.py, core/request.py, core/message.py).

Two ways through, the same result. A body whose keys are all spelled as Rucio spells them is decoded
straight into typed fields. Any other (keys in snake or camel case as MONIT and others rewrite them, an
unknown field, an integer sent as text) is decoded loosely: keys are folded to snake case, unknown ones
counted, the rest converted to the same types.

MONIT keeps an event flat, the payload's fields beside its type, in ``{"data": {..}, "metadata": {..}}``. There is one
``created_at`` then, often null: of a transfer's end it is the request's, and the event's time is MONIT's own.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import Struct

from lakescope.core.events import Deletion, Did, Event, Rule, Transfer
from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._common import (
    any_json,
    convert,
    convert_fields,
    digest,
    each,
    host_of,
    identify,
    metadata_time,
    number,
    protocol_of,
    shape,
    span_s,
    to_int,
    unwrap,
    utc_moment,
    utc_time,
)
from lakescope.transformers.hermes.payload import FoldedPayload, Payload


class _RucioEvent(Struct, forbid_unknown_fields=True, gc=False):
    event_type: str
    payload: Payload
    created_at: str


class _Envelope(Struct):
    event_type: str
    payload: dict[str, Any]
    created_at: str | None = None


_decode = msgspec.json.Decoder(_RucioEvent).decode


@declare(items="independent")
def decode(message: Message, out: DecodeResult) -> None:
    """One Hermes event a body, or an array of them; a bad one of several becomes a reject of its own."""
    try:
        body = _decode(message.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = any_json(message.body)
        if isinstance(document, list):
            each(document, out, decode_document)
        else:
            decode_document(document, out, "$")
    else:
        build = _BUILDERS.get(body.event_type) or _builder(body.event_type)
        out.events.append(build(body.payload, body.created_at))


# --- transfers and stage-ins -----------------------------------------------------------------------------


class _TransferEnd:
    """Builds done, failed and lost: the events that carry the whole story.

    `ok` is null where Rucio fails a request that was never tried: a hop behind the one that failed (core/request.py:
    handle_failed_intermediate_hop; transfertool/fts3.py), or one that was canceled before it began.
    """

    def __init__(self, event_type: str, kind: Literal["transfer", "stagein"], state: str):
        self.prefix = f"rucio\x1f{event_type}\x1f"
        self.kind = kind
        self.event = state
        self.ok = state == "done"

    def __call__(self, p: Payload, sent_at: str | None) -> Event:
        if p.request_id is None:
            raise _missing("request-id")
        created_at, t_created = utc_moment(p.created_at, "$.payload.created_at")
        started_at, t_started = utc_moment(p.started_at, "$.payload.started_at")
        ended_at, t_ended = utc_moment(p.transferred_at, "$.payload.transferred_at")
        size = _size(p)
        transfer_s = span_s(t_started, t_ended)
        # by position, in the order of lakescope.core.events.Transfer: by keyword it takes ten times as long
        event = Transfer(
            digest(f"{self.prefix}{p.request_id}\x1f{p.transfer_id or ''}"),
            ended_at or _sent_time(sent_at),
            "rucio",
            self.event,
            self.ok or _failure(p.reason, started_at),
            self.kind,
            # Rucio's words that are the event's
            p.request_id,
            p.previous_request_id,
            p.transfer_id,
            p.scope,
            p.name,
            p.dataset_scope,
            p.dataset,
            p.datatype,
            p.activity,
            p.account,
            p.src_rse,
            p.dst_rse,
            p.src_url,
            p.dst_url,
            p.src_type,
            p.dst_type,
            p.protocol,
            p.checksum_adler,
            p.checksum_md5,
            host_of(p.src_url),
            host_of(p.dst_url),
            size,
            created_at,
            utc_moment(p.submitted_at, "$.payload.submitted_at")[0],
            started_at,
            ended_at,
            span_s(t_created, t_started),
            transfer_s,
            size / transfer_s if transfer_s and size and size > 0 and transfer_s > 0 and self.ok else None,
            _endpoint(p.transfer_endpoint),
            p.reason or None,
        )
        if not (p.protocol and p.protocol.isalnum()):
            event.protocol = protocol_of(p.protocol)
        if p.vo is not None:
            event.vo = p.vo
        return event


_CANCELED = re.compile(r"cancell?ed", re.IGNORECASE)


def _failure(reason: str | None, started_at: str | None) -> bool | None:
    """False for an attempt that failed; null for a request that was never tried."""
    if reason and ("nused hop in multi" in reason or (started_at is None and _CANCELED.search(reason))):
        return None
    return False


_NO_RULE = "0" * 32
"""What Rucio gives for the rule of a hop on the way (core/transfer.py: create_hops)."""


class _TransferProgress:
    """Builds queued, preparing, submitted, submission_failed and any state that Rucio may add."""

    def __init__(self, event_type: str, kind: Literal["transfer", "stagein"], state: str):
        self.prefix = f"rucio\x1f{event_type}\x1f"
        self.kind = kind
        self.event = state

    def __call__(self, p: Payload, sent_at: str | None) -> Event:
        if p.request_id is None:
            raise _missing("request-id")
        happened_at = utc_time(p.queued_at, "$.payload.queued_at")
        handed_over = self.event in ("submitted", "submission_failed")
        return Transfer(
            id=digest(f"{self.prefix}{p.request_id}\x1f{p.external_id or ''}"),
            time=happened_at or _sent_time(sent_at),
            source="rucio",
            vo=p.vo,
            event=self.event,
            kind=self.kind,
            request_id=p.request_id,
            previous_request_id=p.previous_request_id,
            job_id=p.external_id,
            rule_id=None if p.rule_id == _NO_RULE else p.rule_id,
            scope=p.scope,
            name=p.name,
            parent_scope=p.dataset_scope,
            parent_name=p.dataset,
            datatype=p.datatype,
            activity=p.activity,
            account=p.account,
            src_rse=p.src_rse,
            dst_rse=p.dst_rse,
            bytes=_size(p),
            adler32=p.checksum_adler,
            md5=p.checksum_md5,
            # queued_at means the submission on the submitter's events, the request on all others
            created=None if handed_over else happened_at,
            submitted=happened_at if self.event == "submitted" else None,
            endpoint=_endpoint(p.external_host),
            error=p.reason or None,
            retry=p.retry_count,
        )


# --- deletions, data identifiers, rules ------------------------------------------------------------------


def _deletion(event: Literal["done", "failed", "not_found"]) -> Any:
    def build(p: Payload, sent_at: str | None) -> Event:
        happened_at = _sent_time(sent_at)
        return Deletion(
            id=identify("rucio", f"deletion-{event}", p.scope, p.name, p.rse, p.url, happened_at),
            time=happened_at,
            source="rucio",
            vo=p.vo,
            event=event,
            ok={"done": True, "failed": False}.get(event),
            scope=p.scope or None,  # the dark reaper knows none and says ""
            name=p.name,
            rse=p.rse,
            bytes=_size(p),
            url=p.url,
            protocol=protocol_of(p.protocol),
            datatype=p.datatype,
            duration_s=_duration(p.duration),
            error=p.reason or None,
        )

    return build


def _did(event: str) -> Any:
    def build(p: Payload, sent_at: str | None) -> Event:
        happened_at = _sent_time(sent_at)
        child_scope = p.child_scope or p.childscope
        child_name = p.child_name or p.childname
        scope, name = p.scope, p.name
        if event == "lost":  # the file is the child; the dataset that lost it is the identifier
            child_scope, child_name = scope, name
            scope, name = p.dataset_scope, p.dataset_name
        return Did(
            id=identify("rucio", event, scope, name, child_scope, child_name, happened_at),
            time=happened_at,
            source="rucio",
            vo=p.vo,
            event=event,
            account=p.account,
            scope=scope,
            name=name,
            child_scope=child_scope,
            child_name=child_name,
            bytes=_size(p),
            length=p.length,
        )

    return build


def _rule(event: str) -> Any:
    def build(p: Payload, sent_at: str | None) -> Event:
        if p.rule_id is None:
            raise _missing("rule_id")
        happened_at = _sent_time(sent_at)
        return Rule(
            id=identify("rucio", f"rule-{event}", p.rule_id, p.scope, p.name, p.rse, p.progress, happened_at),
            time=happened_at,
            source="rucio",
            vo=p.vo,
            event=event,
            rule_id=p.rule_id,
            scope=p.scope,
            name=p.name,
            rse=p.rse,
            account=p.account,
            progress=p.progress,
        )

    return build


_DIDS = [
    "create_dts",
    "create_cnt",
    "register_cnt",
    "close",
    "open",
    "detach",
    "erase",
    "erase_cnt",
    "incomplete",
    "lost",
]
_BUILDERS: dict[str, Any] = (
    {name: _did(name) for name in _DIDS}
    | {f"deletion-{event.replace('_', '-')}": _deletion(event) for event in ("done", "failed", "not_found")}
    | {"rule_ok": _rule("ok"), "rule_progress": _rule("progress"), "datasetlock_ok": _rule("dataset_lock_ok")}
    | {
        f"{kind}-{state}": build(f"{kind}-{state}", kind, state)
        for kind in ("transfer", "stagein")
        for build, states in (
            (_TransferEnd, ("done", "failed", "lost")),
            (_TransferProgress, ("queued", "preparing", "waiting", "submitted", "submission_failed")),
        )
        for state in states
    }
)
"""Event type as ActiveMQ gets it -> builder(payload, created_at)."""


def _builder(event_type: str) -> Any:
    """For the other spellings: Hermes keeps Rucio's own letter case on its way to Elasticsearch."""
    lowercase = event_type.lower()
    for spelling in (lowercase, lowercase.replace("_", "-"), lowercase.replace("-", "_")):
        if build := _BUILDERS.get(spelling):
            return build
    raise RejectedError("unknown_kind", "$.event_type", f"one of {', '.join(sorted(_BUILDERS))}", event_type)


# --- helpers ---------------------------------------------------------------------------------------------

_CAMEL = re.compile(r"(?<=[a-z0-9])[A-Z]")
_KNOWN_FIELDS = frozenset(Payload.__struct_fields__) - {"empty_link"}
_REQUIRED_FIELDS = frozenset(
    ("request_id", "transfer_id", "external_id", "rule_id", "scope", "name", "rse", "url", "progress")
)
_REQUIRED_FIELDS |= {"child_scope", "child_name", "childscope", "childname", "dataset_scope", "dataset_name"}
"""What tells one event from another."""


def decode_document(document: Any, out: DecodeResult, path: str) -> None:
    """Adds the event of a document in any spelling: folds keys, counts unknown fields, takes numbers sent as text."""
    document, path, metadata = unwrap(document, path)
    if not isinstance(document, dict):
        raise RejectedError("schema", path, "object", shape(document))
    stored_at = metadata_time(metadata, path)
    known_fields = {key: document[key] for key in _Envelope.__struct_fields__ if key in document}
    place = f"{path}.payload"
    if is_flat := "event_type" in known_fields and "payload" not in known_fields:
        place = path
        known_fields["payload"] = {key: value for key, value in document.items() if key != "event_type"}
    else:
        out.unknown.update(document.keys() - known_fields.keys())
    body = convert(known_fields, _Envelope, path)
    build = _BUILDERS.get(body.event_type) or _builder(body.event_type)
    payload = convert_fields(_fold_keys(body.payload, out), FoldedPayload, out, place, _REQUIRED_FIELDS)
    sent_at = (
        stored_at or body.created_at
        if is_flat and isinstance(build, _TransferEnd)
        else body.created_at or stored_at
    )
    try:
        out.events.append(build(payload, sent_at))
    except RejectedError as error:
        error.reject.path = error.reject.path.replace("$.payload", place, 1).replace("$", path, 1)
        raise


def _fold_keys(payload: dict[str, Any], out: DecodeResult) -> dict[str, Any]:
    canonical: dict[str, Any] = {}
    for key, value in payload.items():
        name = _CAMEL.sub(lambda hump: "_" + hump[0].lower(), key).replace("-", "_")
        if name not in _KNOWN_FIELDS:
            out.unknown[f"payload.{key}"] += 1
        elif canonical.get(name) is None:  # transfer-link and transfer_link: the one that is set
            canonical[name] = value
    return canonical


def _missing(key: str) -> RejectedError:
    return RejectedError("schema", f"$.payload.{key}", "str", "null or no such key")


def _sent_time(created_at: str | None) -> str:
    happened_at = utc_time(created_at, "$.created_at")
    if happened_at is None:
        expected = "a UTC time such as 2025-03-20 20:14:31"
        raise RejectedError("value", "$.created_at", expected, created_at or "null or no such key")
    return happened_at


def _duration(value: Any) -> float | None:
    """Seconds, sent as a number or as text; null for what is neither."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return number(value) if type(value) in (int, float) else None


def _size(p: Payload) -> int | None:
    """Both keys carry the same value; either may be null, or impossible: then the other counts."""
    size = p.bytes
    if type(size) is int and 0 <= size < 2**63:
        return size
    if size is None or not 0 <= size < 2**63:
        size = size if p.file_size is None else p.file_size
    return to_int(size)


@lru_cache(256)
def _endpoint(text: str | None) -> str | None:
    """FTS's host, as FTS's own messages name it; any other transfer tool's name as it is."""
    return host_of(text) if text and "://" in text else text
