"""FTS's monitoring pages: what the cases cannot show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakescope.core.events import FtsQueue
from lakescope.transformers.fts import rest
from tests.transformers.bodies import documents, headers, texts
from tests.transformers.properties import decode, holds, mutated, spliced

URL = "https://fts.example.org:8449/fts3/ftsmon"


@pytest.mark.parametrize(
    ("query", "window_s"),
    [("", 3600), ("?time_window=6", 21600), ("?time_window=0", 3600), ("?time_window=x&page=all", 3600)],
)
def test_the_window_is_the_questions(query: str, window_s: float) -> None:
    row = {"source_se": "davs://a", "dest_se": "davs://b", "vo_name": "x", "finished": 2}
    body = {"overview": {"items": [row]}, "summary": {}}
    (event,) = decode(rest.decode, body, {"url": f"{URL}/overview{query}"}).events
    assert isinstance(event, FtsQueue)
    assert (event.window_s, event.success_rate, event.endpoint) == (window_s, 1.0, "fts.example.org")


def test_a_decision_is_the_same_event_in_every_answer() -> None:
    item: dict[str, Any] = {"datetime": "2026-03-20T20:13:05", "actual_active": 2, "queue_size": 3}
    asked = {"url": f"{URL}/optimizer/detailed?source=davs://a&destination=davs://b"}
    later = asked | {"date": "2026-03-20 20:30:00"}
    bodies = [{"evolution": {"items": [item]}}] * 2
    ids = [
        decode(rest.decode, body, one).events[0].id for body, one in zip(bodies, (asked, later), strict=True)
    ]
    assert ids[0] == ids[1]


@given(mutated(documents("fts_rest")), st.sampled_from(headers("fts_rest")))
def test_no_mutation_breaks_it(body: bytes, given_headers: dict[str, str]) -> None:
    holds(rest.decode, body, given_headers)


@given(spliced(texts("fts_rest")) | st.binary(max_size=200))
def test_no_bytes_break_it(body: bytes) -> None:
    holds(rest.decode, body)
