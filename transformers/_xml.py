"""XML of strangers: parsed without DTDs, entities and references to other documents.

A document that declares any is refused before anything is expanded (defusedxml), so that no bomb is ever unpacked.
"""

from __future__ import annotations

import re
from html.entities import html5
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from lakescope.core.messages import RejectedError

_NAMED = re.compile(rb"&([A-Za-z][A-Za-z0-9]*;)")
_TITLE = re.compile(rb"<title[^>]*>([^<]*)", re.IGNORECASE)
_PAGE = re.compile(rb"\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+)?html\b", re.IGNORECASE | re.DOTALL)
_BEGINNING = 4096


def parse_xml(body: bytes) -> Element:
    """The root of a document. Raises `RejectedError` (not_json) for what is no XML, and for XML with a DTD."""
    try:
        try:
            return ElementTree.fromstring(body, forbid_dtd=True)
        except ParseError as error:
            if "undefined entity" not in str(error):
                raise
            return ElementTree.fromstring(_NAMED.sub(_numeric_reference, body), forbid_dtd=True)
    except DefusedXmlException:
        raise RejectedError(
            "not_json", "$", "XML without a DTD and entities of its own", _declaration(body)
        ) from None
    except (
        ParseError,
        ValueError,
        LookupError,
    ) as error:  # ValueError, LookupError: an encoding that is none
        raise RejectedError("not_json", "$", "XML", str(error)) from None


def check_is_no_page(body: bytes, expected: str) -> None:
    """Raises `RejectedError` (not_json) for an HTML page, such as that of a login, and for an empty body."""
    if not body.strip():
        raise RejectedError("not_json", "$", expected, "an empty body")
    if _PAGE.match(body[:_BEGINNING]):
        title = _TITLE.search(body[: 16 * _BEGINNING])
        name = " ".join(title[1].decode(errors="replace").split()) if title else ""
        title_text = f' titled "{name}"' if name else ""
        remedy = f"{expected}; let the source know who asks, if it wants a login"
        raise RejectedError("not_json", "$", remedy, f"an HTML page{title_text}")


def text_of(element: Element, tag: str) -> str | None:
    """The text of a child without the blanks around it; null for none."""
    text = (element.findtext(tag) or "").strip()
    return text or None


def _numeric_reference(entity: re.Match[bytes]) -> bytes:
    """HTML's own entities, which XML does not know, as numbers."""
    name = entity[1].decode()
    if name in ("amp;", "lt;", "gt;", "quot;", "apos;") or name not in html5:
        return entity[0]
    return b"".join(b"&#%d;" % ord(letter) for letter in html5[name])


def _declaration(body: bytes) -> str:
    """Where the DTD begins."""
    start = body.find(b"<!")
    return body[start : start + 100].decode(errors="replace")
