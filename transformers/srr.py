"""What a storage service reports of itself: WLCG's Storage Resource Reporting (SRR), schema 4.

One JSON document a service, as dCache (``/api/v1/srr``), StoRM, EOS, XRootD and DPM publish it:

    {"storageservice": {"name", "id", "latestupdate" | "lastupdated": POSIX s,
      "storagecapacity": {"online" | "nearline" | "offline": {"totalsize", "usedsize"}},
      "storageendpoints": [{"name", "endpointurl", "assignedshares"}],
      "storageshares": [{"name", "totalsize", "usedsize", "numberoffiles", "timestamp", "path": [..], "vos": [..],
                         "assignedendpoints": ["all" | name, ..], "accesslatency"}]}}

Each share, and the whole service by latency, is a `Storage` with `storage_service`. Shares may overlap (pool groups of one
dCache share pools): they are never added, and count into no number of an RSE. A share that holds one RSE of the topology
and no other, by endpoint and path, has that RSE's name, so that it can be compared with Rucio's own figure.

Sizes may be integers, floats or text; -1 is unknown. A share for groups of one VO (``/cms``, ``/atlas/Role=production``) is
of that VO; one for several names them in `vos`, since nobody can say whose the bytes are.

A report may be days old and still be served: events are of the moment of the answer (header ``date``, else its
reception), and `age_s` tells how old the report was. The answer itself is a `Poll`, if it is known what was asked.

Shown against documents in this form only (dCache 77340d6), not against a real service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from lakescope.core.events import Storage
from lakescope.core.messages import DecodeResult, Message, RejectedError, declare
from lakescope.transformers._answers import Question, poll_of, question_of
from lakescope.transformers._common import (
    NO_COUNT,
    any_json,
    convert,
    count_unknown,
    each,
    identify,
    moment_of,
    shape,
    to_int,
)
from lakescope.transformers._xml import check_is_no_page

Ignored = Any
Loose = int | float | str | None
_LATENCIES = ("online", "nearline", "offline")
_PREFERRED = ("https", "davs", "root", "xroot", "http", "dav")
_SIZE = re.compile(r"\s*[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?\s*")


class Service(Struct):
    """The service."""

    name: str
    latestupdate: Loose = None
    lastupdated: Loose = None
    storagecapacity: dict[str, Any] | None = None
    storageendpoints: list[Any] | None = None
    storageshares: list[Any] | None = None
    id: Ignored = None
    servicetype: Ignored = None
    implementation: Ignored = None
    implementationversion: Ignored = None
    capabilities: Ignored = None
    qualitylevel: Ignored = None
    message: Ignored = None
    datastores: Ignored = None


class Share(Struct):
    """A share of it."""

    name: str | None = None
    id: str | None = None
    timestamp: Loose = None
    totalsize: Loose = None
    usedsize: Loose = None
    numberoffiles: Loose = None
    path: list[str] | str | None = None
    vos: list[str] | str | None = None
    assignedendpoints: list[str] | None = None
    accesslatency: str | None = None
    retentionpolicy: Ignored = None
    servingstate: Ignored = None
    accessmode: Ignored = None
    policyrules: Ignored = None
    lifetime: Ignored = None
    message: Ignored = None
    expirationmode: Ignored = None
    defaultsharelifetime: Ignored = None


class Report(Struct, frozen=True):
    """What all of a report's events have in common."""

    question: Question
    service: str
    updated: str | None
    endpoints: Mapping[str, str]
    """Name -> URL, the best first."""


@declare(maturity="experimental")
def decode(message: Message, out: DecodeResult) -> None:
    """The service and its shares; a bad share is a `Reject` of its own."""
    question = question_of(message)
    check_is_no_page(message.body, "a storage service's report (SRR, JSON)")
    body = any_json(message.body)
    document = body.get("storageservice") if isinstance(body, dict) else None
    if not isinstance(document, dict):
        what = sorted(body) if isinstance(body, dict) else shape(body)
        raise RejectedError("unknown_kind", "$", "a storage service's report (storageservice)", what)
    service = convert(document, Service, "$.storageservice")
    count_unknown(document, Service, out)
    updated = service.latestupdate or service.lastupdated
    report = Report(
        question, service.name, moment_of(updated, "$.storageservice.latestupdate"), _endpoints(service)
    )
    rejects, shares = len(out.rejects), service.storageshares or []
    _add_capacity(service, report, out)
    if shares:
        each(shares, out, partial(_add_share, report=report), "$.storageservice.storageshares")
    if question.scope:
        complete = len(out.rejects) == rejects
        out.events.append(poll_of("srr", question, "storage", len(shares), complete=complete))
    elif not shares and not out.events:
        out.filtered["empty"] += 1


def _endpoints(service: Service) -> dict[str, str]:
    named = [
        (str(one.get("name")), str(one["endpointurl"]))
        for one in service.storageendpoints or ()
        if isinstance(one, dict) and one.get("endpointurl")
    ]
    return dict(sorted(named, key=lambda one: _rank(one[1])))


def _rank(url: str) -> int:
    scheme = url.partition(":")[0].lower()
    return _PREFERRED.index(scheme) if scheme in _PREFERRED else len(_PREFERRED)


def _add_capacity(service: Service, report: Report, out: DecodeResult) -> None:
    for latency in _LATENCIES:
        capacity = (service.storagecapacity or {}).get(latency)
        if not isinstance(capacity, dict):
            continue
        used, total = _count(capacity, "usedsize", out), _count(capacity, "totalsize", out)
        if used or total:  # a service without tapes says 0 of them
            out.events.append(
                _event(
                    report, None, used, total, media=latency, url=next(iter(report.endpoints.values()), None)
                )
            )


def _add_share(document: Any, out: DecodeResult, path: str, report: Report) -> None:
    if not isinstance(document, dict):
        raise RejectedError("schema", path, "a share (object)", shape(document))
    share = convert(document, Share, path)
    count_unknown(document, Share, out, "storageshares")
    name = share.name or share.id
    if not name:
        raise RejectedError("schema", f"{path}.name", "the share's name", "no such key")
    vos = _vos(share.vos)
    out.events.append(
        _event(
            report,
            name,
            _count(document, "usedsize", out),
            _count(document, "totalsize", out),
            files=_count(document, "numberoffiles", out),
            media=(share.accesslatency or "").lower() or None,
            vo=vos[0] if len(vos) == 1 else None,
            vos=", ".join(vos) or None,
            url=_url(share, report.endpoints),
            updated=moment_of(share.timestamp, f"{path}.timestamp"),
        )
    )


def _event(
    report: Report,
    share: str | None,
    used: int | None,
    total: int | None,
    *,
    updated: str | None = None,
    **fields: Any,
) -> Storage:
    question = report.question
    scopes = (question.scope,) if question.scope else ()
    is_counted = used is not None and total is not None and NO_COUNT not in (used, total)
    return Storage(
        id=identify(
            "srr",
            report.service,
            share,
            fields.get("media") if share is None else None,
            *scopes,
            question.time,
        ),
        time=question.time,
        source="srr",
        storage_service=report.service,
        share=share,
        used=used,
        total=total,
        free=max(0, total - used) if is_counted and used is not None and total is not None else None,
        age_s=_age_s(updated or report.updated, question.moment),
        **fields,
    )


def _age_s(updated: str | None, now: datetime) -> float | None:
    """Negative, which is beyond its bound (`lakescope.core.bounds`), for a report of the future; a minute is a clock's."""
    if updated is None:
        return None
    age = (now - datetime.fromisoformat(updated).replace(tzinfo=None)).total_seconds()
    return 0.0 if -60 <= age < 0 else age


def _count(document: Mapping[str, Any], key: str, out: DecodeResult) -> int | None:
    """A size as a whole number, however it is written; null for -1."""
    value = document.get(key)
    if isinstance(value, str) and _SIZE.fullmatch(value):
        with suppress(ValueError):  # of several points, or of too many digits
            value = float(value) if any(mark in value for mark in ".eE") else int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        if value not in (None, ""):
            out.odd[key] += 1
        return None
    return None if value == -1 else to_int(value)


def _vos(text: list[str] | str | None) -> list[str]:
    """The VOs of the groups, each once."""
    groups = [text] if isinstance(text, str) else text or []
    return list(dict.fromkeys(vo for group in groups if (vo := group.strip("/ ").partition("/")[0])))


def _url(share: Share, endpoints: Mapping[str, str]) -> str | None:
    """By the best endpoint that is assigned; null without a path or endpoint, as of dCache's pool groups."""
    path = share.path if isinstance(share.path, str) else next(iter(share.path or ()), None)
    assigned = share.assignedendpoints or ["all"]
    url = next((url for name, url in endpoints.items() if "all" in assigned or name in assigned), None)
    if not path or not url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{path.lstrip('/')}"
