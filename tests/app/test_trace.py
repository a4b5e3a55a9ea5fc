"""A transfer's history: the same, whole and in order, from every store that can be searched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakescope.app import trace
from lakescope.app.trace import searchable_sink, story
from lakescope.core.contracts import RefusedError
from lakescope.core.events import Event, Rule
from lakescope.sinks.elasticsearch import ElasticsearchSink
from lakescope.sinks.influxdb import InfluxdbOptions, InfluxdbSink
from lakescope.transformers._common import identify
from tests.app._searched import Store, transfer
from tests.contract._bodies import documents_of

A, B, C, D, OTHER = (letter * 32 for letter in "abcd0")
RULE, JOB = "e" * 32, "11111111-2222-4333-8444-555555555555"


def ids(events: Sequence[Event]) -> list[str]:
    return [event.id for event in events]


def found(sink: Any, request_id: str) -> list[str]:
    return [event["id"] for event in story(sink, request_id)]


def test_retries_by_their_link_in_both_directions_and_all_the_way(store: Store) -> None:
    chain = [
        transfer("failed", "2026-01-05T10:00:00Z", request_id=A),
        transfer("failed", "2026-01-05T11:00:00Z", request_id=B, previous_request_id=A),
        transfer("failed", "2026-01-05T12:00:00Z", request_id=C, previous_request_id=B),
        transfer("done", "2026-01-05T13:00:00Z", request_id=D, previous_request_id=C),
    ]
    sink = store([*reversed(chain), transfer("done", request_id=OTHER)])
    for request_id in (A, B, C, D):
        assert found(sink, request_id) == ids(chain)
    assert found(sink, "f" * 32) == []


def test_retries_by_rule_file_and_destination_where_there_is_no_link(store: Store) -> None:
    history = [
        transfer("queued", "2026-01-05T10:00:00Z", request_id=A, rule_id=RULE),
        transfer("submission_failed", "2026-01-05T10:01:00Z", request_id=A),
        transfer("queued", "2026-01-05T10:02:00Z", request_id=B, rule_id=RULE),
        transfer("submitted", "2026-01-05T10:03:00Z", request_id=B, job_id=JOB),
    ]
    others = [
        transfer("queued", request_id="1" * 32, rule_id=RULE, dst_rse="ELSEWHERE"),
        transfer("queued", request_id="2" * 32, rule_id=RULE, scope="t"),
        transfer("queued", request_id="3" * 32, rule_id="4" * 32),
        transfer("queued", request_id="5" * 32, rule_id=RULE, name="f2"),
        transfer("done", request_id="6" * 32),
    ]
    sink = store(others + history)
    for request_id in (A, B):
        assert found(sink, request_id) == ids(history)


def test_requests_of_no_rule_are_not_linked(store: Store) -> None:
    mine, other = (transfer("queued", request_id=request, rule_id=None) for request in (A, B))
    assert found(store([mine, other]), A) == [mine.id]


def test_every_hop_of_a_multihop_with_all_that_was_said_of_it(store: Store) -> None:
    first, second = {"request_id": A, "src_rse": "SRC", "dst_rse": "HOP"}, {"request_id": B, "src_rse": "HOP"}
    fts = {"source": "fts", "job_id": JOB, "multihop": True}
    history = [
        transfer("queued", "2026-01-05T10:00:00Z", **second, rule_id=RULE),
        transfer("queued", "2026-01-05T10:00:01Z", **first, rule_id=None),
        transfer("submitted", "2026-01-05T10:01:00Z", **first, job_id=JOB),
        transfer("submitted", "2026-01-05T10:01:01Z", **second, job_id=JOB),
        transfer("done", "2026-01-05T10:02:00Z", **first, **fts, file_id=1),
        transfer("done", "2026-01-05T10:02:01Z", **first, job_id=JOB),
        transfer("failed", "2026-01-05T10:03:00Z", **second, **fts, file_id=2),
        transfer("failed", "2026-01-05T10:03:01Z", **second, job_id=JOB),
        # the final hop's retry, linked to that hop alone
        transfer("done", "2026-01-05T11:00:00Z", request_id=C, previous_request_id=B),
    ]
    others = [transfer("done", request_id=OTHER, job_id=JOB, name="another file of the job")]
    sink = store(others + history)
    for request_id in (A, B, C):
        assert found(sink, request_id) == ids(history)


def test_hops_that_were_never_tried_may_name_no_source(store: Store) -> None:
    history = [
        transfer("failed", "2026-01-05T10:00:00Z", request_id=A, src_rse="SRC", dst_rse="HOP-1", job_id=JOB),
        transfer("failed", "2026-01-05T10:00:01Z", request_id=B, dst_rse="HOP-2", job_id=JOB, ok=None),
        transfer("failed", "2026-01-05T10:00:02Z", request_id=C, job_id=JOB, ok=None),
    ]
    sink = store(history)
    for request_id in (A, B, C):
        assert found(sink, request_id) == ids(history)


def test_ftss_own_word_of_a_multihop(store: Store) -> None:
    fts = {"source": "fts", "job_id": JOB, "multihop": True, "dst_rse": None}
    history = [
        transfer("done", "2026-01-05T10:00:00Z", request_id=A, file_id=1, **fts),
        transfer("done", "2026-01-05T10:01:00Z", file_id=2, **fts | {"scope": None, "name": None}),
        transfer("failed", "2026-01-05T10:02:00Z", request_id=B, file_id=3, **fts),
    ]
    sink = store(history)
    assert found(sink, A) == found(sink, B) == ids(history)


def test_another_request_of_the_same_link_in_a_job_is_no_hop(store: Store) -> None:
    link = {"src_rse": "SRC", "job_id": JOB}
    mine, other = transfer("done", request_id=A, **link), transfer("done", request_id=B, **link)
    assert found(store([mine, other]), A) == [mine.id]


def test_of_a_jobs_files_only_those_that_can_be_the_requests(store: Store) -> None:
    anonymous = {"source": "fts", "job_id": JOB, "scope": None, "name": None, "dst_rse": None}
    history = [
        transfer("active", "2026-01-05T10:00:00Z", **anonymous, file_id=1),
        transfer("done", "2026-01-05T10:01:00Z", request_id=A, source="fts", job_id=JOB, file_id=1),
    ]
    others = [
        transfer("active", **anonymous, file_id=2),
        transfer("finished", source="fts", job_id=JOB, file_id=2, name="f2"),
    ]
    assert found(store(history + others), A) == ids(history)


def test_ftss_events_without_a_request_are_told_by_the_job_alone(store: Store) -> None:
    anonymous = {"source": "fts", "job_id": JOB, "scope": None, "name": None, "dst_rse": None}
    history = [
        transfer("active", "2026-01-05T10:00:00Z", **anonymous),
        transfer("done", "2026-01-05T10:01:00Z", request_id=A, job_id=JOB),
    ]
    assert found(store(history), A) == ids(history)


def test_times_are_compared_as_times(store: Store) -> None:
    times = ["10:00:00Z", "10:00:00.25Z", "10:00:00.250001Z", "10:00:00.5Z", "10:00:01Z"]
    history = [transfer("queued", f"2026-01-05T{time}", request_id=A) for time in times]
    sink = store(history[::-1])
    if isinstance(sink, InfluxdbSink):
        assert [event["time"] for event in story(sink, A)] == ["2026-01-05T10:00:00Z"] * 4 + [
            "2026-01-05T10:00:01Z"
        ]
    else:
        assert found(sink, A) == ids(history)


def test_events_of_one_second_come_in_their_natural_order(store: Store) -> None:
    history = [transfer(event, request_id=A) for event in ("queued", "submitted", "started", "done")]
    assert found(store(history[::-1]), A) == ids(history)


def test_a_request_as_a_person_writes_it(store: Store) -> None:
    event = transfer("done", request_id=A)
    assert found(store([event]), "AAAAAAAA-AAAA-AAAA-AAAA-AAAAAAAAAAAA") == [event.id]


def test_an_event_comes_back_as_it_was(store: Store) -> None:
    event = transfer(
        "done", request_id=A, bytes=5, transfer_s=0.5, functional_test=False, file_id=7, error='it\'s "x"\\'
    )
    (back,) = story(store([event]), A)
    for name in (
        "event",
        "ok",
        "bytes",
        "transfer_s",
        "functional_test",
        "file_id",
        "error",
        "source",
        "time",
    ):
        assert back[name] == getattr(event, name), name


def test_what_cannot_be_shown_whole_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = store([transfer("failed", request_id=A, bytes=number) for number in range(3)])
    assert len(found(sink, A)) == 3
    monkeypatch.setattr(trace, "LIMIT", 3)
    with pytest.raises(RefusedError, match="too many to be shown whole"):
        story(sink, A)


def test_a_history_of_which_a_closed_index_may_hold_a_part_is_refused(
    elasticsearch: Any, elasticsearch_store: ElasticsearchSink
) -> None:
    """Searches leave it out in silence."""
    sink, prefix = elasticsearch_store, elasticsearch_store.options.prefix
    events = [transfer("queued", request_id=A), transfer("done", "2026-02-05T10:00:00Z", request_id=A)]
    rule = Rule(id=identify("trace", "rule"), time="2026-01-05T10:00:00Z", source="rucio", event="ok")
    sink.write([chunk for chunk in sink.encode([*events, rule], documents_of([*events, rule])) if chunk])

    def post(path: str) -> None:
        httpx.post(f"{elasticsearch.url}/{path}", trust_env=False, timeout=30).raise_for_status()

    post(f"{prefix}-*/_refresh")
    post(f"{prefix}-rules-2026.01/_close")  # not a history's
    assert found(sink, A) == ids(events)
    post(f"{prefix}-transfers-2026.01/_close")
    with pytest.raises(RefusedError, match=rf"POST /{prefix}-transfers-2026\.01/_open"):
        story(sink, A)


def test_influxdb_2_cannot_be_searched(tmp_path: Path) -> None:
    options = {"url": "http://127.0.0.1:1", "org": "o", "bucket": "b", "token": "t"}
    sinks = {"two": InfluxdbSink("two", InfluxdbOptions(**options), tmp_path)}
    assert searchable_sink(sinks) is None
