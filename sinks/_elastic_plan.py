"""What `lakescope setup --plan` says of Elasticsearch and OpenSearch: templates, retention, fields of the indices there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lakescope.core.contracts import Finding, RefusedError, TransientError
from lakescope.core.events import DATASETS

if TYPE_CHECKING:
    from lakescope.sinks.elasticsearch import ElasticsearchSink


def plan(sink: ElasticsearchSink) -> Iterator[Finding]:
    """See `PlanningSink`."""
    prefix = sink.options.prefix
    answer = _answer_of(sink, f"/_index_template/{prefix}-*?flat_settings=true") or {}
    templates = {one["name"]: one["index_template"] for one in answer.get("index_templates", ())}
    mappings = _answer_of(sink, f"/{prefix}-*/_mapping?expand_wildcards=open") or {}
    for dataset in sink.options.datasets or DATASETS:
        name = f"{prefix}-{dataset}"
        changes = list(_dataset(sink, dataset, templates.get(name), mappings))
        yield from changes or [Finding("unchanged", f"{name}: index template, retention and fields")]


def _dataset(
    sink: ElasticsearchSink, dataset: str, present: Mapping[str, Any] | None, mappings: Mapping[str, Any]
) -> Iterator[Finding]:
    name = f"{sink.options.prefix}-{dataset}"
    days = sink.options.retention_days.get(dataset)
    has_policy = False
    if days is not None and sink.options.flavour == "elasticsearch":
        try:
            policies = _answer_of(sink, f"/_ilm/policy/{name}") or {}
        except RefusedError:
            yield Finding(
                "warning", f"{name}: this server has no ILM: {days} days of retention are yours to see to"
            )
        else:
            has_policy = True
            phases = policies.get(name, {}).get("policy", {}).get("phases", {})
            before = phases.get("delete", {}).get("min_age")
            if before != f"{days}d":
                yield Finding("change", f"{name}: retention {before or 'without end'} -> {days}d")
    target = sink.template_of(dataset, has_policy=has_policy)
    if present is None:
        yield Finding("change", f"{name}: index template for {name}-* is made")
    else:
        now, then = _flat(present), _flat(target)
        keys = sorted(key for key in now.keys() | then.keys() if now.get(key) != then.get(key))
        if keys:
            texts = [f"{key} {now.get(key, 'none')} -> {then.get(key, 'none')}" for key in keys[:5]]
            more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""
            yield Finding("change", f"{name}: index template: {'; '.join(texts)}{more}")
    properties = target["template"]["mappings"]["properties"]
    for index, mapping in sorted(mappings.items()):
        if not index.startswith(f"{name}-"):
            continue
        lacking = [field for field in properties if field not in mapping["mappings"].get("properties", {})]
        if lacking:
            yield Finding("change", f"{index}: gets the fields {', '.join(lacking)}")


def _answer_of(sink: ElasticsearchSink, path: str) -> dict[str, Any] | None:
    """An answer; null for 404."""
    try:
        return sink.send("GET", path)
    except TransientError as error:
        if " answered 404" in str(error):
            return None
        raise


def _flat(template: Mapping[str, Any]) -> dict[str, str]:
    """A template as dotted keys and texts: the server gives numbers and booleans back as text, settings below ``index``."""
    content = template["template"]
    settings = {
        key if key.startswith("index.") else f"index.{key}": value
        for key, value in _items(content.get("settings", {}))
    }
    parts = {
        "index_patterns": template["index_patterns"],
        "priority": template.get("priority"),
        "settings": settings,
        "mappings": content.get("mappings", {}),
    }
    return dict(_items(parts))


def _items(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _items(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _items(inner, f"{key}.{place}")
    else:
        yield key, str(value).lower()
