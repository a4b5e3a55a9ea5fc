"""OSG's Topology, ``/rgdowntime/xml``: downtimes of resources, past, current and future.

``<Downtimes><CurrentDowntimes><Downtime><ID/><ResourceGroup><GroupName/></ResourceGroup><ResourceFQDN/><StartTime/>
<EndTime/><Class/><Severity/><Services><Service><Name/></Service></Services><Description/>``, times such as
``Aug 21, 2026 14:00 PM UTC``: of 24 hours, with a half of the day behind them. Outage and Severe are outages, the other
severities warnings.
"""

from __future__ import annotations

import re
from email.utils import mktime_tz, parsedate_tz
from xml.etree.ElementTree import Element

from lakescope.core.messages import DecodeResult, RejectedError
from lakescope.transformers._answers import Question
from lakescope.transformers._common import each, epoch_time, moment_of
from lakescope.transformers._xml import text_of
from lakescope.transformers.downtimes._common import (
    Outage,
    Service,
    add_events,
    count_unknown_tags,
)

_NAMES = (
    "ID ResourceID ResourceGroup ResourceName ResourceFQDN StartTime EndTime Class Severity CreatedTime UpdateTime"
    " Services Description"
)
_TAGS = frozenset(_NAMES.split())
_TIME = re.compile(
    r"([A-Z][a-z]{2})[a-z]* (\d\d?), (\d{4}) (\d\d?):(\d\d)(?::(\d\d))?(?: ([AP]M))?(?: ([A-Z]{1,4}|[+-]\d\d:?\d\d))?"
)

_ZONES = frozenset(("UTC", "GMT", "Z", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT"))
"""Those that `email.utils` knows."""


def decode(root: Element, question: Question, out: DecodeResult) -> int:
    """All downtimes of all three kinds; how many there were."""
    elements = list(root.iter("Downtime"))
    if elements:
        each(
            elements, out, lambda element, out, path: _decode_one(element, out, path, question), "$..Downtime"
        )
    return len(elements)


def _decode_one(element: Element, out: DecodeResult, path: str, question: Question) -> None:
    identity = text_of(element, "ID")
    if not identity:
        raise RejectedError("schema", f"{path}.ID", "the downtime's number", "no such element")
    count_unknown_tags((child.tag for child in element), _TAGS, "Downtime", out)
    start_time = _time(element, "StartTime", path)
    if start_time is None:
        raise RejectedError("schema", f"{path}.StartTime", "when the downtime begins", "no such element")
    site = text_of(element, "ResourceGroup/GroupName") or text_of(element, "ResourceName")
    kinds = [text_of(service, "Name") for service in element.findall("Services/Service")] or [None]
    add_events(
        Outage(
            source="osg",
            id=identity,
            services=tuple(
                Service(host=text_of(element, "ResourceFQDN"), kind=kind, site=site) for kind in kinds
            ),
            severity=text_of(element, "Severity"),
            classification=text_of(element, "Class"),
            started=start_time,
            ended=_time(element, "EndTime", path),
            declared=_time(element, "CreatedTime", path),
            description=text_of(element, "Description"),
        ),
        question,
        out,
    )


def _time(element: Element, tag: str, path: str) -> str | None:
    text = text_of(element, tag)
    if text is None or text == "Not Available":
        return None
    match = _TIME.fullmatch(text)
    if match is None:
        return moment_of(text, f"{path}.{tag}")
    month, day, year, hour, minute, second, half, zone = match.groups()
    hours = int(hour)
    if half == "PM" and hours < 12:  # a clock of 12 hours
        hours += 12
    elif half == "AM" and hours == 12:
        hours = 0
    zone = (zone or "UTC").replace(":", "")
    parts = parsedate_tz(f"{day} {month} {year} {hours:02}:{minute}:{second or '00'} {zone}")
    try:
        if parts is not None and (
            zone in _ZONES or zone[0] in "+-"
        ):  # of another it says nothing, and takes UTC
            return epoch_time(mktime_tz(parts))
    except (ValueError, OverflowError):
        pass
    raise RejectedError("value", f"{path}.{tag}", "a time such as Aug 21, 2026 14:00 PM UTC", text)
