"""The simulator's bodies through the same decoders as real ones: none is rejected, and the sources agree."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from lakescope.core.events import Event, Transfer
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser
from lakescope.simulator import make_lake, simulate
from lakescope.simulator.cric import rcsite_query, rse_query, service_query
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.topology import Topology

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """Three hours of the default lake, every source."""
    lake = make_lake()
    topology = Topology(
        *(json.loads(json.dumps(query(lake))) for query in (rse_query, service_query, rcsite_query))
    )
    wires = simulate(lake, seed=3, start=START, end=START + timedelta(hours=3), rate=600)
    messages = [Message(wire.body, wire.format, wire.headers, wire.time) for wire in wires]
    not_simulated = {"dcache", "events", "hermes_history"}
    assert {message.format for message in messages} == set(formats()) - not_simulated
    batch = Normaliser(formats(), Enrichment(topology, collector="lake"))(messages)
    assert Counter(str(reject) for reject in batch.rejects) == {}
    assert not batch.unknown
    return batch.events


def test_every_dataset_is_there(events: list[Event]) -> None:
    found = Counter(event.dataset for event in events)
    expected = {
        "transfers",
        "deletions",
        "dids",
        "rules",
        "traces",
        "fts_queue",
        "network",
        "hosts",
        "probes",
        "storage",
    }
    assert found.keys() >= expected
    assert min(found[dataset] for dataset in expected) > 10


def test_ids_are_distinct(events: list[Event]) -> None:
    repeated = [id_ for id_, count in Counter(event.id for event in events).items() if count > 1]
    assert not repeated


def test_sites_are_known(events: list[Event]) -> None:
    transfers = [event for event in events if isinstance(event, Transfer) and event.dst_rse]
    assert all(event.dst_site for event in transfers)
    assert not any(event.dst_site == "ambiguous" for event in transfers)


def test_rucio_and_fts_tell_the_same_of_a_transfer(events: list[Event]) -> None:
    """Joined by request id: the same end, the same link, the same error class."""
    ends: dict[str, dict[str, Transfer]] = {}
    for event in events:
        if isinstance(event, Transfer) and event.ok is not None and event.request_id:
            ends.setdefault(event.request_id, {})[event.source] = event
    both = [sides for sides in ends.values() if len(sides) == 2]
    assert len(both) > 500
    for sides in both:
        rucio, fts = sides["rucio"], sides["fts"]
        assert (rucio.ok, rucio.src_site, rucio.dst_site) == (fts.ok, fts.src_site, fts.dst_site)
        assert rucio.job_id == fts.job_id
        assert rucio.endpoint == fts.endpoint
        assert rucio.error_class == fts.error_class, (rucio.error, fts.error)
