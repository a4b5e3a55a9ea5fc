"""Elasticsearch: ``lakescope-<dataset>-YYYY.MM`` by the event's time, bulk ``index`` with the event's id.

encode -> send -> judge. The bulk body is put together from already encoded documents; the answer is read
item by item: 429 and 5xx are tried again, other 4xx are rejected, the rest is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import elastic_transport
import elasticsearch
import msgspec
from pydantic import Field, SecretStr

from lakescope.columns import Kind, columns
from lakescope.events import DATASETS, Event
from lakescope.messages import Reject, quote
from lakescope.options import Tls
from lakescope.pipeline import Finding, Outcome, RefusedError, TransientError
from sinks._common import SinkOptions, masked

Period = Literal["day", "month", "year"]
_CUT: dict[str, int] = {"day": 10, "month": 7, "year": 4}  # of YYYY-MM-DD...
_WAITS = ("cluster_block_exception", "security_exception", "index_not_found_exception", "unavailable")
_BULK = "/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason"


class ElasticsearchOptions(SinkOptions):
    """Options of the elasticsearch sink."""

    urls: list[str] = Field(examples=[["https://es.example.org:9200"]], min_length=1)
    """Nodes of the cluster."""
    username: str | None = None
    """User for basic authentication."""
    password: SecretStr | None = Field(default=None, examples=["${ES_PASSWORD}"])
    """Password for basic authentication."""
    api_key: SecretStr | None = Field(default=None, examples=["${ES_API_KEY}"])
    """API key, instead of user and password."""
    tls: Tls = Tls()
    """TLS towards the nodes."""
    prefix: str = Field(default="lakescope", pattern="^[a-z0-9][a-z0-9_.]*$")
    """Beginning of every index name."""
    period: Period = "month"
    """How much one index holds, by the events' time."""
    retention_days: dict[str, int] = Field(default={}, examples=[{"hosts": 30, "transfers": 730}])
    """Dataset -> days after which its indices are deleted (by ILM); without it for ever."""
    shards: int = Field(default=1, ge=1)
    """Primary shards an index (count)."""
    replicas: int = Field(default=1, ge=0)
    """Copies of each shard (count)."""
    bulk_bytes: int = Field(default=5 * 2**20, ge=1024)
    """Largest bulk request (bytes); halved for a while when the cluster answers 429."""
    timeout_s: float = Field(default=60.0, gt=0)
    """Longest wait for an answer (seconds)."""


class BulkEncoder:
    """Event -> its two lines of a bulk body. Picklable."""

    def __init__(self, prefix: str, period: Period):
        self.prefix = prefix
        self.cut = _CUT[period]
        self._heads: dict[tuple[str, str], bytes] = {}

    def __call__(self, events: Sequence[Event], documents: Sequence[bytes]) -> list[bytes | None]:
        cut, heads = self.cut, self._heads
        chunks: list[bytes | None] = []
        for event, document in zip(events, documents, strict=True):
            time = event.time
            key = (event.dataset, time[:cut])
            head = heads.get(key) or self._head(key)
            chunks.append(
                b'%b%b"}}\n{"@timestamp":"%b",%b\n' % (head, event.id.encode(), time.encode(), document[1:])
            )
        return chunks

    def _head(self, key: tuple[str, str]) -> bytes:
        if len(self._heads) > 10_000:  # a bound against times from everywhere
            self._heads.clear()
        dataset, period = key
        index = f"{self.prefix}-{dataset}-{period.replace('-', '.')}"
        head = self._heads[key] = f'{{"index":{{"_index":"{index}","_id":"'.encode()
        return head


class ElasticsearchSink:
    """Writes events to Elasticsearch 8 and 9."""

    Options = ElasticsearchOptions

    def __init__(self, name: str, options: ElasticsearchOptions, data_dir: Path) -> None:
        self.options = options
        self.encode = BulkEncoder(options.prefix, options.period)
        self._bulk_bytes = options.bulk_bytes
        credentials: dict[str, Any] = {}
        if options.api_key:
            credentials["api_key"] = options.api_key.get_secret_value()
        elif options.username:
            password = options.password.get_secret_value() if options.password else ""
            credentials["basic_auth"] = (options.username, password)
        if any(url.startswith("https") for url in options.urls):
            credentials["ssl_context"] = options.tls.context()
        # the engine tries again, for ever and with backoff; the client must not on its own
        self._client = elasticsearch.Elasticsearch(
            options.urls,
            max_retries=0,
            retry_on_timeout=False,
            request_timeout=options.timeout_s,
            **credentials,
        )

    def write(self, chunks: Sequence[bytes]) -> Outcome:
        """Bulk requests of bounded size. A cluster that is too busy gets smaller ones, down to one event."""
        outcome = Outcome()
        start = 0
        while start < len(chunks):
            end = _cut(chunks, start, self._bulk_bytes)
            try:
                answer = self._send("POST", _BULK, b"".join(chunks[start:end]), "application/x-ndjson")
            except BusyError as error:
                self._bulk_bytes = max(1, sum(map(len, chunks[start:end])) // 2)
                outcome.retry += range(start, len(chunks))
                outcome.reason = str(error)
                return outcome
            judge(answer, outcome, start)
            self._bulk_bytes = min(self.options.bulk_bytes, self._bulk_bytes + self._bulk_bytes // 8 + 1)
            start = end
        return outcome

    def setup(self) -> Iterator[Finding]:
        """Composable templates with explicit mappings, and retention by ILM where the server has it."""
        for dataset in self.options.datasets or DATASETS:
            yield from self._setup_dataset(dataset)

    def find(
        self, dataset: str, field: str, values: Sequence[str], limit: int = 1000
    ) -> list[dict[str, Any]]:
        """Events whose `field` is one of `values`, oldest first."""
        query = {"size": limit, "sort": ["@timestamp"], "query": {"terms": {field: list(values)}}}
        path = f"/{self.options.prefix}-{dataset}-*/_search?ignore_unavailable=true"
        answer = self._send("POST", path, msgspec.json.encode(query), "application/json")
        return [
            {key: value for key, value in hit["_source"].items() if key != "@timestamp"}
            for hit in answer["hits"]["hits"]
        ]

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _setup_dataset(self, dataset: str) -> Iterator[Finding]:
        name = f"{self.options.prefix}-{dataset}"
        settings: dict[str, Any] = {
            "number_of_shards": self.options.shards,
            "number_of_replicas": self.options.replicas,
        }
        days = self.options.retention_days.get(dataset)
        if days is not None:
            policy = {"policy": {"phases": {"delete": {"min_age": f"{days}d", "actions": {"delete": {}}}}}}
            try:
                self._put(f"/_ilm/policy/{name}", policy)
            except RefusedError as error:
                yield Finding(
                    "warning",
                    f"{name}: this server has no ILM, so {days} days of retention are yours to see to ({error})",
                )
            else:
                settings["index.lifecycle.name"] = name
                yield Finding("done", f"{name}: retention {days} days")
        self._put(f"/_index_template/{name}", template(name, dataset, settings))
        yield Finding("done", f"{name}: index template for {name}-*")

    def _put(self, path: str, body: dict[str, Any]) -> None:
        self._send("PUT", path, msgspec.json.encode(body), "application/json")

    def _send(self, method: str, path: str, body: bytes, content_type: str) -> Any:
        """One request, its answer as plain data. Raises `TransientError` or `RefusedError`."""
        headers = {"content-type": content_type, "accept": "application/json"}
        try:
            return self._client.perform_request(method, path, headers=headers, body=body).body
        except elasticsearch.ApiError as error:
            text = f"{error.meta.node.host} answered {error.status_code}: {masked(str(error))}"
            if error.status_code in (400, 413):
                reason: Literal["too_large", "refused"] = (
                    "too_large" if error.status_code == 413 else "refused"
                )
                raise RefusedError(reason, text) from error
            if error.status_code == 429:
                raise BusyError(text) from error
            raise TransientError(text) from error  # 401 and 403 too: an operator mends them, the events wait
        except (elasticsearch.UnsupportedProductError, elastic_transport.TransportError) as error:
            raise TransientError(masked(f"{type(error).__name__}: {error}")) from error


class BusyError(TransientError):
    """429 for the whole request: the node has no memory left for one of this size."""


def _cut(chunks: Sequence[bytes], start: int, limit: int) -> int:
    """End of the chunks from `start` on that fit into `limit` bytes; one at least."""
    size, end = len(chunks[start]), start + 1
    while end < len(chunks) and size + len(chunks[end]) <= limit:
        size += len(chunks[end])
        end += 1
    return end


def judge(answer: dict[str, Any], outcome: Outcome, start: int = 0) -> None:
    """Reads a bulk answer item by item (Elasticsearch reference, "Bulk API") into `outcome`.

    Item i is chunk ``start + i``: stored, refused for good, or to be tried again.
    """
    if not answer.get("errors"):
        return
    for index, item in enumerate(answer["items"], start):
        result = item["index"]
        status, error = result["status"], result.get("error") or {}
        if status < 300:
            continue
        kind = error.get("type", "")
        if status == 429 or status >= 500 or kind.startswith(_WAITS):
            outcome.retry.append(index)
            outcome.reason = f"{status} {kind}: {quote(error.get('reason', ''))}"
        else:
            cause = (error.get("caused_by") or {}).get("reason")
            text = error.get("reason", "") + (f" ({cause})" if cause else "")
            outcome.rejected[index] = Reject("refused", expected=f"{status} {kind}", found=quote(text))


_TYPES: dict[Kind, dict[str, Any]] = {
    # a keyword longer than Lucene's 32,766 bytes would fail the whole document
    "keyword": {"type": "keyword", "ignore_above": 8191},
    "keywords": {"type": "keyword", "ignore_above": 8191},
    "text": {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 8191}}},
    "time": {"type": "date"},
    "integer": {"type": "long"},
    "float": {"type": "double"},
    "boolean": {"type": "boolean"},
    "labels": {"type": "object", "dynamic": True},
    "object": {"type": "object", "dynamic": True},
}


def template(name: str, dataset: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The composable index template of a dataset: every field mapped, nothing guessed but below labels and data."""
    properties: dict[str, Any] = {"@timestamp": {"type": "date"}, "dataset": {"type": "keyword"}}
    properties |= {column.name: _TYPES[column.kind] for column in columns(dataset)}
    return {
        "index_patterns": [f"{name}-*"],
        "priority": 200,
        "template": {
            "settings": settings | {"index.mapping.total_fields.limit": 5000},
            "mappings": {
                "dynamic": False,
                "date_detection": False,
                "dynamic_templates": [
                    # scripts disagree about types: a number where text was, or the reverse, must still be stored
                    {"text": {"match_mapping_type": "string", "mapping": _TYPES["keyword"]}},
                    {
                        "numbers": {
                            "match_mapping_type": ["long", "double"],
                            "mapping": {"type": "double", "ignore_malformed": True},
                        }
                    },
                ],
                "properties": properties,
            },
        },
    }
