"""CRIC's downtimes, ``/api/core/downtime/query/?json``: objects by their numbers, merged from GOCDB and OSG.

``{ID: {"site" | "rcsite", "services", "severity", "classification", "start" | "start_time", "end" | "end_time",
"description", "info_url", "state"}}``; the objects of one number, or of one site, may be an array. Services are names,
or objects with an endpoint or host and a flavour or type. A state such as CANCELLED or DELETED is one of a downtime that is
no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lakescope.core.messages import DecodeResult, RejectedError
from lakescope.transformers._answers import Question
from lakescope.transformers._common import convert, each, moment_of, shape
from lakescope.transformers.downtimes._common import Outage, Service, add_events, begin_of

_CANCELLED_STATES = ("cancelled", "canceled", "deleted", "disabled")
_NAMES = (
    "id site rcsite services service affected_services severity classification start start_time start_date end end_time"
    " end_date created created_at insert_time description reason info_url url state status last_modified provider"
    " experiment_site endpoint host hostname flavour type"
)
_FIELDS = frozenset(_NAMES.split())


def decode(document: Any, question: Question, out: DecodeResult) -> int:
    """All downtimes of the document; how many there were."""
    records = list(_records(document))
    if records:
        each(records, out, lambda record, out, _: _decode_one(*record, out=out, question=question))
    return len(records)


def _records(document: Any) -> Iterator[tuple[str, str, Any]]:
    """Place, key and object of each downtime."""
    if isinstance(document, list):
        yield from ((f"$[{index}]", "", record) for index, record in enumerate(document))
        return
    for key, entry in document.items():
        if isinstance(entry, list):
            yield from ((f"$.{key}[{index}]", "", record) for index, record in enumerate(entry))
        else:
            yield f"$.{key}", key, entry


def _decode_one(path: str, key: str, record: Any, *, out: DecodeResult, question: Question) -> None:
    if not isinstance(record, dict):
        raise RejectedError("schema", path, "a downtime (object)", shape(record))
    identity = _first(record, path, "id") or key
    if not identity:
        raise RejectedError("schema", f"{path}.id", "the downtime's number", "no such key")
    for name in record.keys() - _FIELDS:
        out.unknown[f"downtime.{name}"] += 1
    state = (_first(record, path, "state", "status") or "").lower()
    add_events(
        Outage(
            source="cric",
            id=identity,
            services=tuple(_services(record, path)),
            severity=_first(record, path, "severity"),
            classification=_first(record, path, "classification"),
            started=begin_of(_first(record, path, "start", "start_time", "start_date"), f"{path}.start"),
            ended=moment_of(_first(record, path, "end", "end_time", "end_date"), f"{path}.end"),
            declared=moment_of(
                _first(record, path, "created", "created_at", "insert_time"), f"{path}.created"
            ),
            description=_first(record, path, "description", "reason"),
            url=_first(record, path, "info_url", "url"),
            cancelled=state in _CANCELLED_STATES,
        ),
        question,
        out,
    )


def _services(record: Mapping[str, Any], path: str) -> Iterator[Service]:
    """Those named; the whole site, or the host, where none is."""
    site = _first(record, path, "rcsite", "site", "experiment_site")
    match = next(
        (record[key] for key in ("services", "affected_services", "service") if record.get(key)), None
    )
    if isinstance(match, str):
        match = [one.strip() for one in match.split(",") if one.strip()]
    elif isinstance(match, dict):
        match = [
            {"endpoint": key} | value if isinstance(value, dict) else key for key, value in match.items()
        ]
    if not isinstance(match, list) or not match:
        match = [record]
    for index, one in enumerate(match):
        place = f"{path}.services[{index}]"
        if isinstance(one, dict):
            yield Service(
                host=_first(one, place, "host", "hostname", "endpoint"),
                kind=_first(one, place, "flavour", "type", "service_type"),
                site=_first(one, place, "rcsite") or site,
            )
        elif isinstance(one, str):
            host = one if "." in one else None  # a name with a point is a host's, any other a service type
            yield Service(host=host, kind=None if host else one, site=site)
        else:
            raise RejectedError("schema", place, "a service (text or object)", shape(one))


def _first(record: Mapping[str, Any], path: str, *names: str) -> str | None:
    """The first of these fields that is there, as text: CRIC writes numbers as either."""
    for name in names:
        value = record.get(name)
        if value not in (None, ""):
            return str(value) if isinstance(value, (int, float)) else convert(value, str, f"{path}.{name}")
    return None
