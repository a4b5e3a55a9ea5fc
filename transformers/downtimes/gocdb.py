"""GOCDB's programmatic interface, ``?method=get_downtime`` and ``?method=get_downtime_nested_services``.

``<results><DOWNTIME ID PRIMARY_KEY CLASSIFICATION><SEVERITY/><DESCRIPTION/><INSERT_DATE/><START_DATE/><END_DATE/>``,
times in POSIX seconds. The flat method has an element a service (HOSTNAME, SERVICE_TYPE, HOSTED_BY beside the rest),
joined by PRIMARY_KEY; the nested one has ``<SERVICES><SERVICE>``.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from lakescope.core.messages import DecodeResult, RejectedError
from lakescope.transformers._answers import Question
from lakescope.transformers._common import each, moment_of
from lakescope.transformers._xml import text_of
from lakescope.transformers.downtimes._common import (
    Outage,
    Service,
    add_events,
    begin_of,
    count_unknown_tags,
)

_NAMES = (
    "PRIMARY_KEY HOSTNAME SERVICE_TYPE ENDPOINT HOSTED_BY GOCDB_PORTAL_URL AFFECTED_ENDPOINTS SEVERITY DESCRIPTION"
    " INSERT_DATE START_DATE END_DATE FORMATED_START_DATE FORMATED_END_DATE SERVICES SCOPES"
)
_TAGS = frozenset(_NAMES.split())


def decode(root: Element, question: Question, out: DecodeResult) -> int:
    """All downtimes below ``<results>``; how many elements there were."""
    elements = list(root)
    if elements:
        each(
            elements, out, lambda element, out, path: _decode_one(element, out, path, question), "$.DOWNTIME"
        )
    return len(elements)


def _decode_one(element: Element, out: DecodeResult, path: str, question: Question) -> None:
    if element.tag != "DOWNTIME":
        raise RejectedError(
            "unknown_kind", path, "<DOWNTIME>", f"<{element.tag}>: {(element.text or '').strip()}"
        )
    identity = element.get("PRIMARY_KEY") or text_of(element, "PRIMARY_KEY") or element.get("ID")
    if not identity:
        raise RejectedError("schema", f"{path}.PRIMARY_KEY", "the downtime's key", "no such attribute")
    count_unknown_tags((child.tag for child in element), _TAGS, "DOWNTIME", out)
    add_events(
        Outage(
            source="gocdb",
            id=identity,
            services=tuple(map(_service, element.findall("SERVICES/SERVICE"))) or (_service(element),),
            severity=text_of(element, "SEVERITY"),
            classification=element.get("CLASSIFICATION") or text_of(element, "CLASSIFICATION"),
            started=begin_of(_time(element, "START_DATE"), f"{path}.START_DATE"),
            ended=moment_of(_time(element, "END_DATE"), f"{path}.END_DATE"),
            declared=moment_of(text_of(element, "INSERT_DATE"), f"{path}.INSERT_DATE"),
            description=text_of(element, "DESCRIPTION"),
            url=text_of(element, "GOCDB_PORTAL_URL"),
        ),
        question,
        out,
    )


def _time(element: Element, tag: str) -> str | None:
    """POSIX seconds; else the same as text, which is in UTC too."""
    return text_of(element, tag) or text_of(element, f"FORMATED_{tag}")


def _service(element: Element) -> Service:
    urls = [text_of(endpoint, "URL") for endpoint in element.findall("AFFECTED_ENDPOINTS/ENDPOINT")]
    return Service(
        host=text_of(element, "HOSTNAME"),
        kind=text_of(element, "SERVICE_TYPE"),
        site=text_of(element, "HOSTED_BY"),
        endpoint=", ".join(dict.fromkeys(url for url in urls if url)) or None,
    )
