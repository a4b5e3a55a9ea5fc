"""pSConfig templates: what the cases cannot show."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lakescope.core.events import ExpectedTest, Poll
from lakescope.core.messages import DecodeResult, Message
from lakescope.transformers import psconfig
from tests.transformers.bodies import documents, headers, texts
from tests.transformers.properties import RECEIVED, decode, holds, mutated, spliced

URL = {"url": "https://psconfig.example.org/pub/config/mesh"}


def mesh(hosts: int, tests: int = 1) -> dict[str, Any]:
    """A full mesh."""
    return {
        "addresses": {f"h{n}": {"address": f"ps{n}.example.org"} for n in range(hosts)},
        "groups": {"all": {"type": "mesh", "addresses": [{"name": f"h{n}"} for n in range(hosts)]}},
        "tests": {"t": {"type": "rtt", "spec": {}}},
        "schedules": {"s": {"repeat": "PT5M"}},
        "tasks": {f"task {n}": {"group": "all", "test": "t", "schedule": "s"} for n in range(tests)},
    }


def test_a_mesh_of_five_hundred_hosts_is_read_and_a_larger_one_is_bounded() -> None:
    out = decode(psconfig.decode, mesh(500), URL)
    assert len(out.events) == 500 * 499 + 1 and not out.rejects
    assert isinstance(out.events[-1], Poll) and out.events[-1].complete
    del out
    out = decode(psconfig.decode, mesh(500, tests=3), URL)
    assert len(out.events) == psconfig.LARGEST + 1
    (reject,) = out.rejects
    assert reject.path == "$.tasks" and reject.expected == "at most 250000 expected tests in a template"
    assert isinstance(out.events[-1], Poll) and not out.events[-1].complete


def test_a_template_without_tasks_ends_what_was_expected() -> None:
    (poll,) = decode(psconfig.decode, mesh(3, tests=0), URL).events
    assert isinstance(poll, Poll) and poll.complete and poll.count == 0


def test_each_poll_is_events_of_its_own_and_a_repeat_is_not() -> None:
    def ids(received: float) -> set[str]:
        out = DecodeResult()
        message = Message(b'{"tasks": {}, "groups": {}}', received=received, headers=URL)
        psconfig.decode(message, out)
        return {event.id for event in out.events}

    assert ids(RECEIVED) == ids(RECEIVED) != ids(RECEIVED + 60)
    events = decode(psconfig.decode, mesh(4, tests=2), URL).events
    assert len({event.id for event in events}) == len(events) == 4 * 3 * 2 + 1
    assert all(event.per_second == 1 / 300 for event in events if isinstance(event, ExpectedTest))


@given(mutated(documents("psconfig")), st.sampled_from(headers("psconfig")))
def test_no_mutation_breaks_it(body: bytes, given_headers: dict[str, str]) -> None:
    holds(psconfig.decode, body, given_headers)


@given(spliced(texts("psconfig")) | st.binary(max_size=200))
def test_no_bytes_break_it(body: bytes) -> None:
    holds(psconfig.decode, body)
