"""The elasticsearch sink with ``flavour = "opensearch"``, on a real OpenSearch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from pydantic import ValidationError

from lakescope.core.contracts import RefusedError, TransientError
from lakescope.core.events import Event, Push, Transfer
from lakescope.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink, for_opensearch, template
from tests.servers.opensearch import OpenSearch

COMMON: dict[str, Any] = {"time": "2026-03-02T22:00:01.206Z", "source": "rucio"}
TRANSFERS = [
    Transfer(id=f"{n:032x}", event="done", ok=True, request_id=f"r{n % 2}", **COMMON) for n in range(4)
]


def sink_of(server: OpenSearch, prefix: str, folder: Path, **options: Any) -> ElasticsearchSink:
    given = {"urls": [server.url], "prefix": prefix, "replicas": 0, "flavour": "opensearch"} | options
    return ElasticsearchSink("store", ElasticsearchOptions(**given), folder)


def chunks_of(sink: ElasticsearchSink, events: list[Event]) -> list[bytes]:
    made = sink.encode(events, [msgspec.json.encode(event) for event in events])
    return [chunk for chunk in made if chunk is not None]


def refresh(server: OpenSearch, prefix: str) -> None:
    httpx.post(f"{server.url}/{prefix}-*/_refresh", trust_env=False, timeout=30).raise_for_status()


def test_set_up_twice_stored_twice_found_once(
    opensearch: OpenSearch, opensearch_prefix: str, tmp_path: Path
) -> None:
    sink = sink_of(opensearch, opensearch_prefix, tmp_path)
    first = [finding.level for finding in sink.setup()]
    assert [finding.level for finding in sink.setup()] == first
    assert set(first) == {"done"}
    for _ in range(2):
        outcome = sink.write(chunks_of(sink, TRANSFERS))
        assert not (outcome.retry or outcome.rejected)
    refresh(opensearch, opensearch_prefix)
    found = sink.find("transfers", "request_id", ["r1"])
    assert [event["id"] for event in found] == [f"{n:032x}" for n in (1, 3)]
    index = f"{opensearch_prefix}-transfers-2026.03"
    mapping = httpx.get(f"{opensearch.url}/{index}/_mapping", trust_env=False).json()[index]["mappings"]
    assert mapping["dynamic"] == "false"
    assert mapping["properties"]["request_id"]["type"] == "keyword"
    sink.close()


def test_one_refused_item_leaves_the_others(
    opensearch: OpenSearch, opensearch_prefix: str, tmp_path: Path
) -> None:
    sink = sink_of(opensearch, opensearch_prefix, tmp_path)
    list(sink.setup())
    chunks = chunks_of(sink, TRANSFERS)
    chunks[1] = chunks[1].replace(b'"ok":true', b'"ok":"perhaps"')
    outcome = sink.write(chunks)
    assert not outcome.retry
    assert outcome.rejected.keys() == {1}
    assert "mapper_parsing_exception" in str(outcome.rejected[1].expected)
    sink.close()


def test_scripts_that_disagree_are_stored(
    opensearch: OpenSearch, opensearch_prefix: str, tmp_path: Path
) -> None:
    """The template's rules for unknown fields, in OpenSearch's words."""
    sink = sink_of(opensearch, opensearch_prefix, tmp_path)
    list(sink.setup())
    told: list[dict[str, Any]] = [
        {"a": 1, "a.b": 2},
        {"a": "x", "c": True},
        {"a": 2.5, "c": "no"},
        {"a": {"b": 7}},
    ]
    events: list[Event] = [
        Push(id=f"{n:032x}", producer="p", type="t", data=data, **COMMON) for n, data in enumerate(told)
    ]
    for event in events:
        outcome = sink.write(chunks_of(sink, [event]))
        assert not (outcome.retry or outcome.rejected), (event, outcome)
    sink.close()


def test_retention_is_the_operators(opensearch: OpenSearch, opensearch_prefix: str, tmp_path: Path) -> None:
    sink = sink_of(
        opensearch, opensearch_prefix, tmp_path, datasets=["transfers"], retention_days={"transfers": 9}
    )
    (warning, done) = sink.setup()
    assert (warning.level, done.level) == ("warning", "done")
    assert "ISM policy for 9 days" in warning.text
    sink.close()


def test_the_wrong_flavour_is_told_the_remedy(opensearch: OpenSearch, tmp_path: Path) -> None:
    sink = sink_of(opensearch, "any", tmp_path, flavour="elasticsearch")
    with pytest.raises(TransientError, match='set flavour = "opensearch" in this sink'):
        sink.find("transfers", "request_id", ["r1"])
    with pytest.raises(TransientError, match='set flavour = "opensearch" in this sink'):
        sink.write(chunks_of(sink, TRANSFERS))
    sink.close()


def test_nobody_there_is_for_later(tmp_path: Path) -> None:
    options = ElasticsearchOptions(urls=["http://127.0.0.1:9"], flavour="opensearch")
    sink = ElasticsearchSink("store", options, tmp_path)
    with pytest.raises(TransientError, match="ConnectionError"):
        sink.write(chunks_of(sink, TRANSFERS))
    sink.close()


def test_api_keys_are_elasticsearchs() -> None:
    with pytest.raises(ValidationError, match="OpenSearch takes no `api_key`"):
        ElasticsearchOptions.model_validate(
            {"urls": ["http://os.example.org:9200"], "flavour": "opensearch", "api_key": "k"}
        )


def test_a_refused_template_names_the_word_at_fault(
    opensearch: OpenSearch, opensearch_prefix: str, tmp_path: Path
) -> None:
    sink = sink_of(opensearch, opensearch_prefix, tmp_path)
    made = for_opensearch(template(f"{opensearch_prefix}-push", "push", {}))
    made["template"]["mappings"]["properties"]["data"]["disable_subjects"] = True
    with pytest.raises(RefusedError, match="disable_subjects"):
        sink._put(f"/_index_template/{opensearch_prefix}-push", made)
    sink.close()


def test_a_template_in_words_of_opensearch() -> None:
    made = template("lakescope-push", "push", {})
    written = str(for_opensearch(made))
    assert "flat_object" in written
    assert not any(word in written for word in ("subobjects", "ignore_dynamic_beyond_limit"))


def test_a_script_with_ever_new_keys_costs_no_other_its_documents(
    opensearch: OpenSearch, opensearch_prefix: str, tmp_path: Path
) -> None:
    """opensearch-project/OpenSearch#17499; mixed arrays and terms beyond Lucene's are stored as well, and read back."""
    sink = sink_of(opensearch, opensearch_prefix, tmp_path, datasets=["push"])
    list(sink.setup())
    noisy = [{f"key_{n}_{m}": m for m in range(100)} for n in range(60)]
    others: list[dict[str, Any]] = [
        {f"depth_{n}": n for n in range(12)},
        {"l": [1, "a"]},
        {"l": [{"a": 1}, {"a": "x"}]},
        {"long": "x" * 40_000, "a": 1},
        {"k" * 40_000: 1},
    ]
    events: list[Event] = [
        Push(id=f"{n:032x}", producer="p", type="t", data=data, **COMMON)
        for n, data in enumerate([*noisy, *others])
    ]
    outcome = sink.write(chunks_of(sink, events))
    assert not (outcome.retry or outcome.rejected), outcome
    refresh(opensearch, opensearch_prefix)
    assert len(sink.find("push", "data.depth_3", ["3"])) == 1
    assert [event["data"] for event in sink.find("push", "id", [f"{63:032x}", f"{64:032x}"])] == others[3:]
    sink.close()
