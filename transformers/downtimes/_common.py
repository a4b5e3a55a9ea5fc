"""What the portals' downtimes have in common once they are read: the events of one of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from html import unescape

from msgspec import Struct

from lakescope.core.events import Downtime
from lakescope.core.messages import DecodeResult, RejectedError
from lakescope.transformers._answers import Question
from lakescope.transformers._common import host_of, identify, moment_of

RETENTION = timedelta(days=7)
"""So long after its end a downtime is still read: an answer may hold all that there ever were."""

_SEVERITIES: dict[str, str] = {
    "outage": "outage",
    "severe": "outage",
    "warning": "warning",
    "at_risk": "warning",
    "at risk": "warning",
    "intermittent outage": "warning",
    "no significant outage expected": "warning",
}
_CLASSES: dict[str, str] = {"scheduled": "scheduled", "unscheduled": "unscheduled"}


class Service(Struct, frozen=True, kw_only=True):
    """What a downtime affects; all null: its whole site."""

    host: str | None = None
    kind: str | None = None
    site: str | None = None
    endpoint: str | None = None


class Outage(Struct, frozen=True, kw_only=True):
    """One downtime as its portal has it."""

    source: str
    id: str
    services: tuple[Service, ...]
    severity: str | None
    classification: str | None
    started: str
    """RFC 3339 in UTC, as the times below."""
    ended: str | None
    declared: str | None = None
    description: str | None = None
    url: str | None = None
    cancelled: bool = False


def begin_of(text: str | float | None, path: str) -> str:
    """As `moment_of`. Raises `RejectedError` for none: without a beginning nothing can be said of a downtime."""
    moment = moment_of(text, path)
    if moment is None:
        raise RejectedError("schema", path, "when the downtime begins", text or "nothing")
    return moment


def add_events(outage: Outage, question: Question, out: DecodeResult) -> None:
    """A report of each affected service; of one that has begun that it began, too."""
    state = _state(outage, question.moment, out)
    if outage.ended and max(map(_moment, (outage.started, outage.ended))) < question.moment - RETENTION:
        out.filtered["ended"] += 1
        return
    severity = _word(outage.severity, _SEVERITIES, "severity", out)
    classification = _word(outage.classification, _CLASSES, "classification", out)
    description = " ".join(unescape(outage.description or "").split()) or None
    for service in dict.fromkeys(outage.services or (Service(),)):
        host = host_of(service.host)
        place = (outage.source, "downtime", outage.id, service.site, host, service.kind, service.endpoint)
        scope_parts = (
            (question.scope,) if question.scope else ()
        )  # two questions of one moment are two reports
        report = Downtime(
            id=identify(*place, "reported", *scope_parts, question.time),
            time=question.time,
            source=outage.source,
            event="reported",
            downtime_id=outage.id,
            state=state,
            site=service.site,
            host=host,
            service=service.kind,
            severity=severity,
            classification=classification,
            started=outage.started,
            ended=outage.ended,
            declared=outage.declared,
            portal_site=service.site,
            endpoint=service.endpoint,
            description=description,
            url=outage.url,
            poll=question.scope,
        )
        out.events.append(report)
        if state in ("running", "ended"):
            out.events.append(_beginning(report, identify(*place, "began", outage.started)))


def _beginning(report: Downtime, identity: str) -> Downtime:
    """Of the time of the beginning, and the same in every answer but for what was revised since."""
    return Downtime(
        id=identity,
        time=report.started or report.time,
        source=report.source,
        event="began",
        downtime_id=report.downtime_id,
        site=report.site,
        host=report.host,
        service=report.service,
        severity=report.severity,
        classification=report.classification,
        started=report.started,
        ended=report.ended,
        declared=report.declared,
        portal_site=report.portal_site,
        endpoint=report.endpoint,
        description=report.description,
        url=report.url,
        summary=_summary(report),
        ended_ms=_milliseconds(report.ended) if report.ended else None,
    )


def _summary(report: Downtime) -> str:
    what = " ".join(filter(None, [report.classification, report.severity or "downtime"])).capitalize()
    where = " ".join(filter(None, [report.host or report.portal_site, report.service]))
    until = f"until {report.ended[:16].replace('T', ' ')} UTC" if report.ended else "without an end"
    return ": ".join(filter(None, [f"{what} of {where} {until}", report.description]))


def _state(outage: Outage, now: datetime, out: DecodeResult) -> str:
    if outage.ended and _moment(outage.ended) < _moment(outage.started):
        out.impossible["downtimes.ended"] += 1
        return "cancelled"
    if outage.cancelled:
        return "cancelled"
    if now < _moment(outage.started):
        return "planned"
    return "ended" if outage.ended and _moment(outage.ended) <= now else "running"


def _milliseconds(time: str) -> int:
    return round(_moment(time).replace(tzinfo=UTC).timestamp() * 1000)


def _moment(time: str) -> datetime:
    return datetime.fromisoformat(time).replace(tzinfo=None)


def _word(text: str | None, values: dict[str, str], field: str, out: DecodeResult) -> str | None:
    """The word that is meant; null, and counted, for one that is none of them."""
    if not text:
        return None
    word = values.get(text.partition("(")[0].strip().lower())  # OSG explains its words
    if word is None:
        out.odd[field] += 1
    return word


def count_unknown_tags(
    tags: Iterable[str], known_tags: frozenset[str], under: str, out: DecodeResult
) -> None:
    """Counts the elements that the format does not know."""
    for tag in tags:
        if tag not in known_tags:
            out.unknown[f"{under}.{tag}"] += 1
