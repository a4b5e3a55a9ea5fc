"""Names of fields as people read them: the same in headings, menus and titles."""

from __future__ import annotations

_WORDS = {
    "src": "source",
    "dst": "destination",
    "rse": "RSE",
    "vo": "VO",
    "qos": "QoS class",
    "ip": "IP",
    "auth": "authentication",
    "url": "URL",
    "s": "",
}
"""Parts of fields' names; seconds say their unit in each value."""

_WHOLE = {"src_site": "source", "dst_site": "destination", "endpoint": "FTS server"}


def words(field: str) -> str:
    """A field's name for a heading."""
    text = " ".join(filter(None, (_WORDS.get(part, part) for part in field.split("_"))))
    return _WHOLE.get(field, text)
