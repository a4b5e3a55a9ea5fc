"""Updates that take people's names out of Elasticsearch's and OpenSearch's documents."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lakescope.core.columns import columns
from lakescope.core.personal import FORGOTTEN, FREE_TEXTS, PERSONAL

_FORGET = """
for (field in params.fields) { if (ctx._source[field] == params.name) { ctx._source[field] = params.forgotten } }
for (field in params.texts) {
  def text = ctx._source[field];
  if (text instanceof String) { ctx._source[field] = text.replace(params.name, params.forgotten) }
}
"""
_BLANK = "for (field in params.fields) { ctx._source.remove(field) }"


def forget_body(dataset: str, name: str) -> dict[str, Any] | None:
    """Puts `FORGOTTEN` in the place of a name. Null for a dataset that names nobody."""
    fields = PERSONAL.get(dataset, ())
    texts = [
        column.name
        for column in columns(dataset)
        if column.name in FREE_TEXTS and column.kind in ("keyword", "text")
    ]
    scopes = [text for text in texts if text.endswith("scope")]
    if not fields and not scopes:
        return None
    ways = [
        *({"term": {field: name}} for field in fields),
        *({"term": {scope: f"user.{name}"}} for scope in scopes),
    ]
    parameters = {"fields": fields, "texts": texts, "name": name, "forgotten": FORGOTTEN}
    return {"query": {"bool": {"should": ways}}, "script": {"source": _FORGET, "params": parameters}}


def blank_body(dataset: str, end: datetime) -> dict[str, Any] | None:
    """Removes the personal fields of older documents. Null for a dataset that has none."""
    fields = PERSONAL.get(dataset, ())
    if not fields:
        return None
    conditions = [{"exists": {"field": field}} for field in fields]
    older = {"range": {"@timestamp": {"lt": end.isoformat()}}}
    return {
        "query": {"bool": {"filter": [older, {"bool": {"should": conditions}}]}},
        "script": {"source": _BLANK, "params": {"fields": fields}},
    }
