"""What FTS's monitoring web pages answer: for lakes that share an FTS and have no login at its broker.

Two answers are read, told apart by their keys (cern-fts/fts-monitoring 3.14, ftsmon/views/overview.py, optimizer.py):

    GET /fts3/ftsmon/overview?page=all[&time_window=HOURS]
    {"overview": {"items": [{"source_se", "dest_se", "vo_name", "submitted", "active", ..}], "pageCount"}, "summary"}

    GET /fts3/ftsmon/optimizer/detailed?source=SE&destination=SE&page=all
    {"evolution": {"items": [{"datetime", "active", "actual_active", "queue_size", "throughput", "success", ..}]}}

Both become `FtsQueue`, source ``fts-rest``: the overview one event a link with its VOs added up, at the time of the
question (header ``date``, else of the reception); the optimizer one a decision, at its own time, the same in every answer.
A state that a link's row lacks has no transfers. READY counts as active, as for the optimizer; STARTED as staging.
What ended is counted in the last `time_window` hours of the question (header ``url``), one hour without it. The field
``current`` is no measurement (it is a constant in 3.14) and is not read.

An answer with further pages is a reject beside its events: ask with ``page=all``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from lakescope.core.events import FtsQueue
from lakescope.core.messages import DecodeResult, Message, Reject, RejectedError, declare
from lakescope.transformers._common import (
    any_json,
    convert_fields,
    count_unknown,
    each,
    epoch_time,
    host_of,
    identify,
    shape,
    to_int,
    utc_time,
)
from lakescope.transformers.fts._values import scheme

Ignored = Any
_HOUR_S = 3600.0


class Row(Struct):
    """One link and VO of the overview."""

    source_se: str
    dest_se: str
    vo_name: str | None = None
    submitted: int | None = 0
    ready: int | None = 0
    active: int | None = 0
    staging: int | None = 0
    started: int | None = 0
    archiving: int | None = 0
    finished: int | None = 0
    failed: int | None = 0
    canceled: int | None = 0
    current: Ignored = None
    rate: Ignored = None


class Decision(Struct):
    """One of the optimizer."""

    datetime: str
    active: int | None = None
    actual_active: int | None = None
    queue_size: int | None = None
    throughput: float | None = None
    success: float | None = None
    rationale: str | None = None
    diff: Ignored = None
    ema: Ignored = None
    filesize_avg: Ignored = None
    filesize_stddev: Ignored = None


class Question:
    """What was asked, and when."""

    def __init__(self, message: Message) -> None:
        headers = message.headers
        url = headers.get("scope") or headers.get("url")
        date = headers.get("date")
        time = utc_time(date, "$.headers.date") if date else epoch_time(message.received)
        if time is None:
            raise RejectedError(
                "value", "$.headers.date", "a time after 1970, in `date` or of the reception", date
            )
        self.time = time
        self.endpoint = host_of(url)
        self._query: Mapping[str, list[str]] = parse_qs(urlsplit(url or "").query)

    def get(self, key: str) -> str | None:
        """A parameter of its query."""
        values = self._query.get(key)
        return values[0] if values else None

    @property
    def window_s(self) -> float:
        """What ended is counted in."""
        hours = self.get("time_window") or ""
        return int(hours) * _HOUR_S if re.fullmatch("[1-9][0-9]{0,4}", hours) else _HOUR_S


@declare(maturity="experimental")
def decode(message: Message, out: DecodeResult) -> None:
    """One answer; a bad row is a `Reject` of its own."""
    document = any_json(message.body)
    if not isinstance(document, dict):
        raise RejectedError("schema", "$", "an answer of FTS's monitoring (an object)", shape(document))
    question = Question(message)
    if "overview" in document:
        _add_links(_items(document, "overview", out), question, out)
    elif "evolution" in document:
        _add_decisions(_items(document, "evolution", out), question, out)
    else:
        expected = "the answer of overview (overview) or of optimizer/detailed (evolution)"
        raise RejectedError(
            "unknown_kind", "$", expected, ", ".join(sorted(document)[:20]) or "an empty object"
        )


def _items(document: Mapping[str, Any], key: str, out: DecodeResult) -> list[Any]:
    page = document[key]
    items: Any = page.get("items") if isinstance(page, dict) else None
    if not isinstance(items, list):
        raise RejectedError("schema", f"$.{key}.items", "an array", shape(items))
    pages = page.get("pageCount")
    if isinstance(pages, int) and pages > 1:
        remedy = "one page: add page=all to the URL"
        out.rejects.append(Reject("value", f"$.{key}.pageCount", remedy, str(pages)))
    return items


def _add_links(items: list[Any], question: Question, out: DecodeResult) -> None:
    links: dict[tuple[str, str], list[Row]] = {}

    def add(item: Any, out: DecodeResult, path: str) -> None:
        if not isinstance(item, dict):
            raise RejectedError("schema", path, "object", shape(item))
        row = convert_fields({key: value for key, value in item.items() if value is not None}, Row, out, path)
        for key, text in (("source_se", row.source_se), ("dest_se", row.dest_se)):
            if not text:
                raise RejectedError("value", f"{path}.{key}", "a storage element", text)
        count_unknown(item, Row, out)
        links.setdefault((row.source_se, row.dest_se), []).append(row)

    each(items, out, add, "$.overview.items")
    for (source, destination), rows in links.items():

        def total(*states: str, rows: list[Row] = rows) -> int | None:
            counts = [getattr(row, state) for row in rows for state in states]
            return None if None in counts else to_int(sum(counts))

        finished, ended = total("finished"), total("finished", "failed")
        out.events.append(
            FtsQueue(
                id=identify("fts-rest", "overview", question.endpoint, source, destination, question.time),
                time=question.time,
                source="fts-rest",
                vo=question.get("vo"),
                endpoint=question.endpoint,
                src_host=host_of(source),
                dst_host=host_of(destination),
                protocol=scheme(destination),
                active=total("active", "ready"),
                submitted=total("submitted"),
                success_rate=finished / ended if finished is not None and ended and ended > 0 else None,
                staging=total("staging", "started"),
                archiving=total("archiving"),
                finished=finished,
                failed=total("failed"),
                ended=ended,
                canceled=total("canceled"),
                window_s=question.window_s,
            )
        )


def _add_decisions(items: list[Any], question: Question, out: DecodeResult) -> None:
    source, destination = question.get("source"), question.get("destination")
    if not source or not destination:
        expected = "the question, ..optimizer/detailed?source=SE&destination=SE"
        raise RejectedError("schema", "$.headers.url", expected, "no source and destination")

    def add(item: Any, out: DecodeResult, path: str) -> None:
        if not isinstance(item, dict):
            raise RejectedError("schema", path, "object", shape(item))
        decision = convert_fields(item, Decision, out, path)
        time = utc_time(decision.datetime, f"{path}.datetime")
        if time is None:
            raise RejectedError("value", f"{path}.datetime", "a time after 1970", decision.datetime)
        count_unknown(item, Decision, out)
        out.events.append(
            FtsQueue(
                id=identify("fts-rest", "optimizer", question.endpoint, source, destination, time),
                time=time,
                source="fts-rest",
                endpoint=question.endpoint,
                src_host=host_of(source),
                dst_host=host_of(destination),
                protocol=scheme(destination),
                active=to_int(decision.actual_active),
                submitted=to_int(decision.queue_size),
                connections=to_int(decision.active),
                throughput=decision.throughput,
                success_rate=None if decision.success is None else decision.success / 100,
                rationale=decision.rationale or None,
            )
        )

    each(items, out, add, "$.evolution.items")
