"""Lakescope's reports on itself: no bytes crash their format; its ids."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lakescope.transformers import lakescope
from tests.transformers.bodies import documents, texts
from tests.transformers.properties import decode, holds, mutated, spliced

DOCUMENTS = documents("lakescope")


def test_ids_are_made_of_instance_stage_name_and_time() -> None:
    [report] = [document for document in DOCUMENTS if isinstance(document, list) and len(document) == 2]
    first = report[0]
    others = [
        first | change
        for change in ({"instance": "b"}, {"stage": "sink"}, {"name": "x"}, {"time": "2026-01-01T00:01:00Z"})
    ]
    ids = [event.id for event in decode(lakescope.decode, [first, first | {"received": 9}, *others]).events]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 5


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40) | st.text(max_size=60).map(str.encode))
def test_no_bytes_crash_it(body: bytes) -> None:
    holds(lakescope.decode, body)


@settings(max_examples=150, deadline=None)
@given(mutated(DOCUMENTS) | spliced(texts("lakescope")))
def test_no_mutation_crashes_it(body: bytes) -> None:
    holds(lakescope.decode, body)
