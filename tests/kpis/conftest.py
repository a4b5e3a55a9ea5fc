"""Six hours of a simulated lake over midnight, as messages really come: late, repeated, out of order."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest

from lakescope.events import Event, FtsQueue, Rule, Storage
from lakescope.messages import Message
from lakescope.pipeline.normalise import Normaliser
from lakescope.plugins import formats
from simulator import Options, make_lake, simulate
from simulator.cric import rcsite_query, rse_query, service_query
from transformers.enrichment import Enrichment
from transformers.topology import Topology

START = datetime(2026, 3, 2, 22, tzinfo=UTC)
END = START + timedelta(hours=6)
SOURCES = ("rucio", "fts", "perfsonar", "push")


class Lake(NamedTuple):
    """What came, and what is true."""

    events: list[Event]
    """In the order of their coming, repeats included."""
    documents: list[dict[str, Any]]
    """Each event once, as plain data: the oracle's."""

    def of(self, dataset: str) -> list[dict[str, Any]]:
        """The documents of one dataset."""
        return [document for document in self.documents if document["dataset"] == dataset]

    @property
    def encoded(self) -> list[bytes]:
        """The events as the pipeline hands them to a sink."""
        return [msgspec.json.encode(event) for event in self.events]


@pytest.fixture(scope="session")
def lake() -> Lake:
    """The lake's stream, a store's contents when all of it is written."""
    made = make_lake()
    topology = Topology(rse_query(made), service_query(made), rcsite_query(made))
    options = Options(throughput=3600, latency=900)
    wires = simulate(made, seed=5, start=START, end=END, rate=150, sources=SOURCES, options=options)
    messages = _weathered([Message(wire.body, wire.format, wire.headers, wire.time) for wire in wires])
    events = [*Normaliser(formats(), Enrichment(topology))(messages).events, *_polled()]
    documents = {event.id: json.loads(msgspec.json.encode(event)) for event in events}
    assert len(events) > len(documents) * 1.1
    return Lake(events, list(documents.values()))


def _weathered(messages: list[Message]) -> list[Message]:
    """Every seventh message twice, neighbours in disorder, every fiftieth hours late."""
    chance = random.Random(5)
    places: list[tuple[float, Message]] = []
    for index, message in enumerate(messages):
        place = index + chance.uniform(0, 200) + (chance.uniform(0, len(messages)) if index % 50 == 0 else 0)
        places.append((place, message))
        if index % 7 == 0:
            places.append((place + chance.uniform(0, 2000), message))
    return [message for _, message in sorted(places, key=lambda placed: placed[0])]


def _polled() -> list[Event]:
    """What the simulator does not tell, and the real ones do: stuck rules with their age, free space, the share of
    an account, which is not the storage element's, and links of FTS with a queue."""
    events: list[Event] = []
    for number in range(60):
        time = f"{START + timedelta(seconds=number * 311.25):%Y-%m-%dT%H:%M:%S}.{number * 25 % 100:02}Z"
        common: dict[str, Any] = {"time": time, "source": "rucio-api"}
        rule = {"rule_id": f"{number % 9:032x}", "account": f"team{number % 4}", "scope": "test"}
        state = "stuck" if number % 3 else "replicating"
        whole = {"rse": f"RSE-{number % 3}", "site": "X" if number % 2 else None}
        events += [
            Rule(id=f"{number:032x}", event=state, age_s=number * 37.5, **rule, **common),
            Storage(
                id=f"{number + 100:032x}", used=10**15 + number**3, free=10**16 - number, **whole, **common
            ),
            Storage(id=f"{number + 200:032x}", used=1, free=1, account="team0", **whole, **common),
            FtsQueue(
                id=f"{number + 300:032x}",
                endpoint="fts.example.org",
                src_host=f"se{number % 5}.example.org",
                dst_host="se9.example.org" if number % 2 else None,
                submitted=number * 10,
                active=None if number % 4 == 0 else number,
                success_rate=number / 60,
                **common,
            ),
        ]
    return events
