"""What `lakescope doctor` looks at in Elasticsearch and OpenSearch: rights, versions, templates, blocks, disks, clock."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from lakescope.core.contracts import Finding, RefusedError, TransientError
from lakescope.core.examination import examine_certificates, examine_clock, examine_version
from lakescope.core.messages import quote

MARK = "lakescope doctor"
"""What a document has in `source` that was written to see whether one can be."""
_WATERMARK = 0.95
"""Share of a disk in use from which the servers make indices read-only, unless they are told another
(cluster.routing.allocation.disk.watermark.flood_stage)."""
_NDJSON = "application/x-ndjson"


class ElasticSink(Protocol):
    """What of the sink is used here."""

    options: Any

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str = "application/json",
        *,
        write: bool = False,
    ) -> dict[str, Any]:
        """One request, its answer as plain data. Raises `TransientError` or `RefusedError`."""

    def closed_indices(self) -> list[str]:
        """Closed indices. Raises `TransientError` or `RefusedError`."""


def examine(sink: ElasticSink) -> Iterator[Finding]:
    """Raises `TransientError` or `RefusedError` where nobody answers, or not to this user."""
    options, host = sink.options, sink.options.urls[0].partition("//")[2]
    yield from examine_certificates(options.urls, options.tls, port=9200)
    about = sink.send("GET", "/")
    product = "OpenSearch" if options.flavour == "opensearch" else "Elasticsearch"
    yield examine_version(product, (about.get("version") or {}).get("number"))
    yield from _nodes(sink, host)
    yield from _templates(sink)
    blocked = yield from _indices(sink)
    yield from _reading(sink)
    yield from _writing(sink, blocked)


def _nodes(sink: ElasticSink, host: str) -> Iterator[Finding]:
    """Clock and disks, which only who has the right `monitor` is told."""
    path = "/_nodes/stats/fs?filter_path=nodes.*.name,nodes.*.timestamp,nodes.*.fs.total,nodes.*.fs.timestamp"
    try:
        nodes = sink.send("GET", path).get("nodes", {})
    except (TransientError, RefusedError) as error:
        yield Finding(
            "ok", f"disks and clock of the cluster are not shown to this user ({quote(str(error), 120)})"
        )
        return
    for node in nodes.values():
        name, total = node.get("name", "a node"), node.get("fs", {}).get("total", {})
        size, free = total.get("total_in_bytes"), total.get("available_in_bytes")
        if size and free is not None and 1 - free / size >= _WATERMARK:
            text = f"disk of {name} is {1 - free / size:.0%} full: the cluster makes its indices read-only"
            yield Finding("error", text, "make room there, or delete old indices (option retention_days)")
    if times := [node["timestamp"] for node in nodes.values() if "timestamp" in node]:
        yield from examine_clock(host, max(times) / 1000)


def _templates(sink: ElasticSink) -> Iterator[Finding]:
    prefix = sink.options.prefix
    try:
        names = sink.send("GET", f"/_index_template/{prefix}-*?filter_path=index_templates.name")
    except (TransientError, RefusedError) as error:
        if " 404" in str(error):
            names = {}
        else:  # a right that writing does not need
            return
    if not names.get("index_templates"):
        yield Finding(
            "error", f"no index template {prefix}-*: fields would be guessed", "run `lakescope setup`"
        )


def _indices(sink: ElasticSink) -> Generator[Finding, None, list[str]]:
    """What is closed or read-only; returns the names of the latter."""
    prefix = sink.options.prefix
    try:
        if closed := sink.closed_indices():
            text = f"{len(closed)} closed indices, which no KPI counts: {', '.join(closed[:3])}"
            yield Finding("warning", text, "open or delete them: POST /INDEX/_open, DELETE /INDEX")
        settings = sink.send("GET", f"/{prefix}-*/_settings?filter_path=*.settings.index.blocks")
    except (TransientError, RefusedError):  # a right that writing does not need
        return []
    blocked = {}
    for index, content in sorted(settings.items()):
        blocks = content["settings"]["index"]["blocks"]
        on = [name for name, value in blocks.items() if str(value).lower() == "true"]
        if names := [name for name in on if name in ("read_only_allow_delete", "read_only", "write")]:
            blocked[index] = names
    for index, names in list(blocked.items())[:3]:
        reason = ""
        if "read_only_allow_delete" in names:
            reason = ": a disk of the cluster was too full (flood-stage watermark)"
        setting = ", ".join(f'"index.blocks.{name}": null' for name in names)
        remedy = f"make room, then PUT /{index}/_settings {{{setting}}}"
        yield Finding("error", f"index {index} is read-only ({', '.join(names)}){reason}", remedy)
    if len(blocked) > 3:
        yield Finding("error", f"{len(blocked) - 3} more indices are read-only", "see those above")
    return list(blocked)


def _reading(sink: ElasticSink) -> Iterator[Finding]:
    prefix = sink.options.prefix
    body = msgspec.json.encode({"size": 0, "track_total_hits": True})
    path = f"/{prefix}-*/_search?ignore_unavailable=true&filter_path=hits.total,error"
    try:
        count = sink.send("POST", path, body)["hits"]["total"]["value"]
    except (TransientError, RefusedError) as error:
        remedy = f"give this user the right `read` on {prefix}-*: dashboards, KPIs and alerts need it"
        yield Finding("error", f"{prefix}-* cannot be read: {error}", remedy)
    else:
        yield Finding("ok", f"read {prefix}-*: {count:,} events")


def _writing(sink: ElasticSink, blocked: list[str]) -> Iterator[Finding]:
    """A document that is deleted by the same request, in the newest index; one of its own where there is none."""
    prefix = sink.options.prefix
    own_index = f"{prefix}-doctor"
    try:
        indices = sorted(
            sink.send("GET", f"/{prefix}-*/_settings?filter_path=*.settings.index.creation_date")
        )
    except (TransientError, RefusedError):
        indices = []
    usable = [index for index in indices if index not in blocked and index != own_index]
    if indices and not usable:
        return  # which has been said
    index = usable[-1] if usable else own_index
    document_id = f"doctor-{uuid.uuid4().hex}"
    place = {"_index": index, "_id": document_id}
    document = {"@timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "source": MARK}
    lines = ({"index": place}, document, {"delete": place})
    body = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    remedy = f"give this user the rights `create_index`, `index` and `delete` on {prefix}-*"
    try:
        written, deleted = sink.send("POST", "/_bulk", body, _NDJSON, write=True)["items"]
    except (TransientError, RefusedError) as error:
        yield Finding("error", f"{index} cannot be written: {error}", remedy)
        return
    if (refusal := written["index"].get("error")) is not None:
        text = f"{index} cannot be written: {refusal.get('type')}: {quote(str(refusal.get('reason')), 300)}"
        yield Finding("error", text, remedy)
        return
    if deleted["delete"]["status"] != 200:
        text = f"a document was written to {index} and could not be deleted: {document_id}"
        yield Finding("warning", text, f"DELETE /{index}/_doc/{document_id}")
        return
    if index == own_index:
        try:
            sink.send("DELETE", f"/{index}")
        except (TransientError, RefusedError) as error:
            yield Finding("warning", f"wrote one event; the index {index} stays: {error}", f"DELETE /{index}")
            return
    yield Finding("ok", "wrote one event and removed it")
