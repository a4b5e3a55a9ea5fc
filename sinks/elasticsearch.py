"""Elasticsearch and OpenSearch: ``lakescope-<dataset>-YYYY.MM`` by the event's time, bulk ``index`` by its id.

encode -> send -> judge. The bulk body is put together from already encoded documents; the answer is read
item by item: 429 and 5xx are tried again, other 4xx are rejected, the rest is stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from pydantic import Field, SecretStr, field_validator, model_validator

from lakescope.core.columns import Kind, columns
from lakescope.core.contracts import (
    EXAMINE_S,
    Encoder,
    Finding,
    Installation,
    Outcome,
    RefusedError,
    TransientError,
)
from lakescope.core.events import DATASETS, Event
from lakescope.core.extras import missing
from lakescope.core.http import is_permanent, mask
from lakescope.core.messages import Reject, quote
from lakescope.core.oidc import OidcOptions, credentials
from lakescope.core.options import Tls
from lakescope.kpis.model import StoreAnswer, StoreQuery, UnsupportedError
from lakescope.sinks import _elastic_people as people
from lakescope.sinks._common import Days, SinkOptions, answer_each
from lakescope.sinks._elastic import BusyError, Cluster, Flavour, UnauthorisedError, cause, connect, is_full
from lakescope.sinks._elastic_answers import compile_bodies, overlaps, refuse_closed, run

Period = Literal["day", "month", "year"]
_PERIOD_CHARACTERS: dict[str, int] = {"day": 10, "month": 7, "year": 4}  # of YYYY-MM-DD...
_WAITS = ("cluster_block_exception", "security_exception", "index_not_found_exception", "unavailable")
_SEARCH = "ignore_unavailable=true&allow_partial_search_results=false"
_MSEARCH = "/_msearch?max_concurrent_searches=2"  # many sketches at a time are too much for a small node
_BULK = "/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason"


class ElasticsearchOptions(SinkOptions):
    """Options of the elasticsearch sink."""

    urls: list[str] = Field(examples=[["https://es.example.org:9200"]], min_length=1)
    """Nodes of the cluster."""
    flavour: Flavour = "elasticsearch"
    """What the nodes run: elasticsearch (8 or 9) or opensearch (3; 2 is not tested)."""
    username: str | None = Field(default=None, examples=["lakescope"])
    """User for basic authentication."""
    password: SecretStr | None = Field(default=None, examples=["${ES_PASSWORD}"])
    """Password for basic authentication."""
    api_key: SecretStr | None = Field(default=None, examples=["${ES_API_KEY}"])
    """API key of Elasticsearch, instead of user and password."""
    oidc: OidcOptions = OidcOptions()
    """OpenID Connect, instead of user and password: where tokens come from (``Authorization: Bearer``; the cluster needs a realm
    for JWT)."""
    tls: Tls = Tls()
    """TLS towards the nodes, and the issuer of `oidc`."""
    prefix: str = Field(default="lakescope", pattern="^[a-z0-9][a-z0-9_.]*$")
    """Beginning of every index name."""
    period: Period = "month"
    """How much one index holds, by the events' time."""
    retention_days: dict[str, Days] = Field(default={}, examples=[{"hosts": 30, "transfers": 730}])
    """Dataset -> days after which its indices are deleted (by ILM); by default never."""
    shards: int = Field(default=1, ge=1)
    """Primary shards an index (count)."""
    replicas: int = Field(default=1, ge=0)
    """Copies of each shard (count)."""
    bulk_bytes: int = Field(default=5 * 2**20, ge=1024)
    """Largest bulk request (bytes); halved for a while when the cluster answers 429."""
    timeout_s: float = Field(default=60.0, gt=0)
    """Longest wait for an answer (seconds)."""

    @field_validator("urls")
    @classmethod
    def _with_ports(cls, urls: Sequence[str]) -> Sequence[str]:
        for url in urls:
            if not re.search(r"//[^/]*:\d+(/|$)", url):
                raise ValueError("the nodes' ports belong to their URLs: https://es.example.org:9200")
        return urls

    @field_validator("flavour")
    @classmethod
    def _is_installed(cls, flavour: Flavour) -> Flavour:
        if flavour == "opensearch" and (missing_extra := missing("opensearchpy")):
            raise ValueError(f"{missing_extra}: {missing_extra.remedy}")
        return flavour

    @model_validator(mode="after")
    def _keys_are_elasticsearchs(self) -> ElasticsearchOptions:
        if self.api_key is not None and self.flavour == "opensearch":
            raise ValueError("OpenSearch takes no `api_key`: give `username` and `password`")
        if self.api_key is not None and self.username is not None:
            raise ValueError("`api_key` beside `username`: remove one of them")
        if self.oidc.token_url is not None and (self.api_key is not None or self.username is not None):
            raise ValueError("`oidc` beside `username` or `api_key`: keep one")
        return self


UNINDEXED_FIELDS = {"data": "data_unindexed", "labels": "labels_unindexed"}
"""Where OpenSearch keeps an object with a key or value that its index cannot hold: stored, and not searchable."""
MAX_TERM = 32_000  # bytes; Lucene's 32,766 less a path


class BulkEncoder:
    """Event -> its two lines of a bulk body. Picklable."""

    def __init__(self, prefix: str, period: Period, flavour: Flavour = "elasticsearch"):
        self.prefix = prefix
        self.period_characters = _PERIOD_CHARACTERS[period]
        self.flat = flavour == "opensearch"
        self._heads: dict[tuple[str, str], bytes] = {}

    def __call__(self, events: Sequence[Event], documents: Sequence[bytes]) -> list[bytes | None]:
        characters, heads = self.period_characters, self._heads
        if self.flat:
            documents = [_acceptable_document(d) if len(d) > MAX_TERM else d for d in documents]
        chunks: list[bytes | None] = []
        for event, document in zip(events, documents, strict=True):
            time = event.time
            key = (event.dataset, time[:characters])
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
    """Writes events to Elasticsearch 8 and 9, or OpenSearch 3."""

    Options = ElasticsearchOptions
    encode: Encoder

    def __init__(self, name: str, options: ElasticsearchOptions, data_dir: Path) -> None:
        self.options = options
        self.encode = BulkEncoder(options.prefix, options.period, options.flavour)
        self._bulk_bytes = options.bulk_bytes
        login = None
        if options.username:
            login = (options.username, options.password.get_secret_value() if options.password else "")
        key = options.api_key.get_secret_value() if options.api_key else None
        cluster = Cluster(options.urls, options.tls, options.timeout_s, login, key)
        self._connection = connect(options.flavour, cluster)
        self.credentials = credentials(options.oidc, options.tls, options.timeout_s)

    def write(self, chunks: Sequence[bytes]) -> Outcome:
        """Bulk requests of bounded size. A cluster that is too busy gets smaller ones, down to one event."""
        outcome = Outcome()
        start = 0
        while start < len(chunks):
            end = _cut(chunks, start, self._bulk_bytes)
            try:
                body = b"".join(chunks[start:end])
                answer = self.send("POST", _BULK, body, "application/x-ndjson", write=True)
            except BusyError as error:
                self._bulk_bytes = max(1, sum(map(len, chunks[start:end])) // 2)
                outcome.retry += range(start, len(chunks))
                outcome.reason = str(error)
                return outcome
            retry_count = len(outcome.retry)
            judge(answer, outcome, start)
            if len(outcome.retry) > retry_count:
                # the shard's own node may be as full: what it turned away would never fit at this size
                self._bulk_bytes = max(1, len(body) // 2)
            else:
                self._bulk_bytes = min(self.options.bulk_bytes, self._bulk_bytes + self._bulk_bytes // 8 + 1)
            start = end
        return outcome

    def setup(self) -> Iterator[Finding]:
        """Composable templates with explicit mappings, and retention by ILM where the server has it."""
        for dataset in self.options.datasets or DATASETS:
            yield from self._setup_dataset(dataset)

    @staticmethod
    def examine(options: ElasticsearchOptions, installation: Installation) -> Iterator[Finding]:
        """See `ExaminablePlugin`."""
        from lakescope.sinks._elastic_examination import examine

        quick_options = options.model_copy(update={"timeout_s": min(options.timeout_s, EXAMINE_S)})
        sink = ElasticsearchSink(installation.name, quick_options, installation.data_dir)
        try:
            yield from examine(sink)
        finally:
            sink.close()

    @staticmethod
    def plan(options: ElasticsearchOptions, installation: Installation) -> Iterator[Finding]:
        """See `PlanningSink`."""
        from lakescope.sinks._elastic_plan import plan

        sink = ElasticsearchSink(installation.name, options, installation.data_dir)
        try:
            yield from plan(sink)
        finally:
            sink.close()

    def find(
        self,
        dataset: str,
        field: str,
        values: Sequence[str],
        limit: int = 1000,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        vos: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        """Events whose `field` is one of `values`, ``since <= time < until``, of these VOs, oldest first.

        Raises `TransientError`, or `RefusedError` where an index of that range is closed too.
        """
        refuse_closed(
            self,
            self.options.prefix,
            lambda of, period: of == dataset and overlaps(period, since, until),
            "delete it, or choose a range without it: what is sought may lie in it",
        )
        ends = {name: end.isoformat() for name, end in (("gte", since), ("lt", until)) if end}
        filters: list[dict[str, Any]] = [
            {"terms": {field: list(values)}},
            *([{"range": {"@timestamp": ends}}] if ends else []),
        ]
        if vos is not None:
            without = {"bool": {"must_not": {"exists": {"field": "vo"}}}}
            of_vos = {"terms": {"vo": [vo for vo in vos if vo]}}
            filters.append({"bool": {"should": [of_vos, *([without] if "" in vos else [])]}})
        query = {"size": limit, "sort": ["@timestamp"], "query": {"bool": {"filter": filters}}}
        return [
            {
                _INDEXED_FIELDS.get(key, key): value
                for key, value in document["_source"].items()
                if key != "@timestamp"
            }
            for document in self.search(dataset, query)["hits"]["hits"]
        ]

    def search(self, dataset: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a search over all indices of `dataset`; a part of an answer is none.

        Raises `TransientError` or `RefusedError`.
        """
        path = f"/{self.options.prefix}-{dataset}-*/_search?{_SEARCH}"
        answer = self.send("POST", path, msgspec.json.encode(body), "application/json")
        self._check_whole(answer)
        return answer

    def search_many(self, searches: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """The answers to (dataset, body) pairs, in their order, by one request.

        Raises `TransientError` or `RefusedError` if one of them failed.
        """
        lines: list[dict[str, Any]] = []
        for dataset, body in searches:
            index = f"{self.options.prefix}-{dataset}-*"
            lines += [
                {"index": index, "ignore_unavailable": True, "allow_partial_search_results": False},
                body,
            ]
        ndjson = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        answers = self.send("POST", _MSEARCH, ndjson, "application/x-ndjson").get("responses")
        if (
            not isinstance(answers, list)
            or len(answers) != len(searches)
            or not all(isinstance(answer, dict) for answer in answers)
        ):
            raise TransientError(
                f"{self.options.urls[0]}: this is no answer to {len(searches)} searches, a proxy may be in between"
            )
        for answer in answers:
            self._check_whole(answer)
        return answers

    def answer(self, queries: Sequence[StoreQuery]) -> list[StoreAnswer | UnsupportedError]:
        """KPIs. Raises `TransientError` or `RefusedError`."""
        prefix = self.options.prefix
        return answer_each(
            queries, compile_bodies, lambda compiled_queries: run(compiled_queries, self, prefix)
        )

    def forget(self, name: str) -> dict[str, int]:
        """As of `ForgettingSink`; closed indices and those that may not be written to are not reached."""
        return self._change({dataset: people.forget_body(dataset, name) for dataset in DATASETS})

    def forget_before(self, end: datetime) -> dict[str, int]:
        """As of `ForgettingSink`, likewise."""
        return self._change({dataset: people.blank_body(dataset, end) for dataset in DATASETS})

    def _change(self, bodies: Mapping[str, dict[str, Any] | None]) -> dict[str, int]:
        changed: dict[str, int] = {}
        for dataset, body in bodies.items():
            if body is not None:
                path = f"/{self.options.prefix}-{dataset}-*/_update_by_query?conflicts=proceed&refresh=true"
                answer = self.send("POST", path, msgspec.json.encode(body), "application/json")
                if failures := answer.get("failures"):
                    raise TransientError(f"{dataset}: {cause(failures[0].get('cause', {}))}")
                if count := answer.get("updated"):
                    changed[dataset] = count
        return changed

    def closed_indices(self) -> list[str]:
        """Closed indices, which searches leave out in silence. Raises `TransientError` or `RefusedError`."""
        path = f"/{self.options.prefix}-*?expand_wildcards=closed&filter_path=*.settings.index.uuid"
        return sorted(self.send("GET", path))

    def close(self) -> None:
        """Closes the connections."""
        self._connection.close()
        if self.credentials is not None:
            self.credentials.close()

    def _check_whole(self, answer: dict[str, Any]) -> None:
        """Raises `RefusedError` or `TransientError` for an answer that is none, or not of all shards."""
        if error := answer.get("error"):
            text = f"{answer.get('status')} {cause(error)}"
            raise RefusedError("refused", text) if answer.get("status") == 400 else TransientError(text)
        shards = answer.get("_shards") or {}
        # OpenSearch says that it ended early also where no hits were asked for, and the rest is whole
        early = self.options.flavour == "elasticsearch" and answer.get("terminated_early")
        if answer.get("timed_out") or early:
            raise TransientError(
                "the store gave up before it had searched everything: ask for a shorter range"
            )
        if shards.get("failed"):
            failures: list[dict[str, Any]] = shards.get("failures") or [{}]
            reason = cause(failures[0].get("reason")) or "no reason given"
            text = f"{shards['failed']} of {shards.get('total')} shards failed: {reason}"
            raise TransientError(text)
        clusters = answer.get("_clusters") or {}
        for state in ("skipped", "partial", "failed"):
            if clusters.get(state):
                text = f"{clusters[state]} of {clusters.get('total')} clusters {state}: ask again when they answer"
                raise TransientError(text)
        if "hits" not in answer:
            raise TransientError("this is no answer to a search, a proxy may be in between")

    def _setup_dataset(self, dataset: str) -> Iterator[Finding]:
        name = f"{self.options.prefix}-{dataset}"
        days = self.options.retention_days.get(dataset)
        has_policy = False
        if days is not None and self.options.flavour == "opensearch":
            yield Finding("warning", f"{name}: give OpenSearch an ISM policy for {days} days of retention")
        elif days is not None:
            try:
                self._put(f"/_ilm/policy/{name}", retention_policy(days))
            except RefusedError as error:
                yield Finding(
                    "warning",
                    f"{name}: this server has no ILM, so {days} days of retention are yours to see to ({error})",
                )
            else:
                has_policy = True
                yield Finding("done", f"{name}: retention {days} days")
        new_template = self.template_of(dataset, has_policy=has_policy)
        self._put(f"/_index_template/{name}", new_template)
        yield Finding("done", f"{name}: index template for {name}-*")
        yield from self._update_indices(name, new_template["template"]["mappings"]["properties"])

    def template_of(self, dataset: str, *, has_policy: bool) -> dict[str, Any]:
        """The index template of a dataset; `has_policy`: with its retention."""
        name = f"{self.options.prefix}-{dataset}"
        settings: dict[str, Any] = {
            "number_of_shards": self.options.shards,
            "number_of_replicas": self.options.replicas,
        }
        if has_policy:
            settings["index.lifecycle.name"] = name
        new_template = template(name, dataset, settings)
        return for_opensearch(new_template) if self.options.flavour == "opensearch" else new_template

    def _update_indices(self, name: str, properties: dict[str, Any]) -> Iterator[Finding]:
        """New fields for the indices there are: a template is for those to come."""
        indices = self.send("GET", f"/{name}-*/_mapping?expand_wildcards=open")
        for index, mapping in sorted(indices.items()):
            known_properties = mapping["mappings"].get("properties", {})
            new = {
                field: definition for field, definition in properties.items() if field not in known_properties
            }
            if not new:
                continue
            try:
                self._put(f"/{index}/_mapping", {"properties": new})
            except RefusedError as error:
                text = f"{index}: {', '.join(new)} cannot be searched until the next {self.options.period}: {error}"
                yield Finding("warning", text)
            else:
                text = f"{index}: {', '.join(new)} can be searched in documents stored from now on"
                yield Finding(
                    "done", f"{text}; for older ones: POST /{index}/_update_by_query?conflicts=proceed"
                )

    def _put(self, path: str, body: dict[str, Any]) -> None:
        self.send("PUT", path, msgspec.json.encode(body), "application/json")

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
        headers = {"content-type": content_type, "accept": "application/json"}
        answer = self._request(method, path, headers, body, write=write)
        if not isinstance(answer, dict):  # a web page with status 200
            raise TransientError(
                f"{self.options.urls[0]}: this is no answer of {self.options.flavour}, a proxy may be in between:"
                f" {mask(str(answer))}"
            )
        return answer

    def _request(self, method: str, path: str, headers: dict[str, str], body: bytes, *, write: bool) -> Any:
        """With the token of now, where there is one; with a new one, once, where it is not taken."""
        if self.credentials is None:
            return self._connection.request(method, path, headers, body, write=write)
        token = self.credentials.token()
        try:
            bearer = {"authorization": f"Bearer {token}"}
            return self._connection.request(method, path, headers | bearer, body, write=write)
        except UnauthorisedError:
            self.credentials.forget(token)
            bearer = {"authorization": f"Bearer {self.credentials.token()}"}
            return self._connection.request(method, path, headers | bearer, body, write=write)


_INDEXED_FIELDS = {name: field for field, name in UNINDEXED_FIELDS.items()}


def _acceptable_document(document: bytes) -> bytes:
    """A document whose flat objects OpenSearch can index, or need not."""
    fields = msgspec.json.decode(document)
    if not any(_longest(fields.get(name)) > MAX_TERM for name in UNINDEXED_FIELDS):
        return document
    return msgspec.json.encode({UNINDEXED_FIELDS.get(name, name): value for name, value in fields.items()})


def _longest(value: Any) -> int:
    """Bytes of the longest term that a flat object makes of a value: its path and itself."""
    if isinstance(value, dict):
        return max((len(key.encode()) + _longest(inner) for key, inner in value.items()), default=0)
    if isinstance(value, list):
        return max(map(_longest, value), default=0)
    return len(value.encode()) if isinstance(value, str) else 8


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
        passes = status == 429 or (status >= 500 and not is_permanent(kind))
        if passes or kind.startswith(_WAITS) or is_full(error.get("reason", "")):
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
    # without subobjects `a` and `a.b` can stand side by side, and scripts that disagree about objects as well
    "labels": {"type": "object", "dynamic": True, "subobjects": False},
    "object": {"type": "object", "dynamic": True, "subobjects": False},
}


def retention_policy(days: int) -> dict[str, Any]:
    """For ILM."""
    return {"policy": {"phases": {"delete": {"min_age": f"{days}d", "actions": {"delete": {}}}}}}


def template(name: str, dataset: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The composable index template of a dataset: every field mapped, nothing guessed but below labels and data."""
    properties: dict[str, Any] = {"@timestamp": {"type": "date"}, "dataset": {"type": "keyword"}}
    properties["unknown"] = {"type": "alias", "path": "@timestamp"}  # Grafana's queries: dashboards/grafana
    properties |= {column.name: _TYPES[column.kind] for column in columns(dataset)}
    return {
        "index_patterns": [f"{name}-*"],
        "priority": 200,
        "template": {
            "settings": settings
            | {
                "index.mapping.total_fields.limit": 5000,
                "index.mapping.total_fields.ignore_dynamic_beyond_limit": True,  # stored, not searchable
            },
            "mappings": {
                "dynamic": False,
                "date_detection": False,
                "dynamic_templates": [
                    # scripts disagree about types: a number where text was, or the reverse, must still be stored
                    {"text": {"match_mapping_type": ["string", "boolean"], "mapping": _TYPES["keyword"]}},
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


def for_opensearch(result: dict[str, Any]) -> dict[str, Any]:
    """An index template in OpenSearch's words.

    Labels and scripts' data are one flat object each: OpenSearch has no `ignore_dynamic_beyond_limit`, so that one
    script with ever new keys would fill the index's field limit, and every other script's documents be refused
    (opensearch-project/OpenSearch#17499). Their values are searched as text, exactly.
    """
    inner = result["template"]
    mappings = inner["mappings"]
    properties = {
        name: {"type": "flat_object"} if "subobjects" in definition else definition
        for name, definition in mappings["properties"].items()
    }
    properties |= {
        unindexed_field: {"type": "object", "enabled": False}
        for name, unindexed_field in UNINDEXED_FIELDS.items()
        if name in properties
    }
    unknown = "index.mapping.total_fields.ignore_dynamic_beyond_limit"
    settings = {key: value for key, value in inner["settings"].items() if key != unknown}
    kept_mappings = {key: value for key, value in mappings.items() if key != "dynamic_templates"}
    return result | {
        "template": {"settings": settings, "mappings": kept_mappings | {"properties": properties}}
    }
