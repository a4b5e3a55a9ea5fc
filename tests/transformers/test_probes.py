"""Checks of the collector `probe`: what the cases cannot show."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lakescope.transformers import probes
from tests.transformers.bodies import documents, texts
from tests.transformers.properties import decode, holds, mutated, spliced

CHECK: dict[str, Any] = {"probe": "tls", "target": "tls://h:1", "time": 1774037671, "status": "ok"}


def test_another_target_check_or_time_is_another_event_and_a_repeat_is_not() -> None:
    others = ({}, {}, {"target": "tls://h:2"}, {"probe": "tcp"}, {"time": 1774037671.001})
    ids = [decode(probes.decode, CHECK | other).events[0].id for other in others]
    assert ids[0] == ids[1] and len(set(ids)) == 4


@given(mutated(documents("probes")))
def test_no_mutation_breaks_it(body: bytes) -> None:
    holds(probes.decode, body)


@given(spliced(texts("probes")) | st.binary(max_size=200))
def test_no_bytes_break_it(body: bytes) -> None:
    holds(probes.decode, body)
