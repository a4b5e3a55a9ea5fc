"""What is derived from the event fields."""

from __future__ import annotations

from typing import Annotated

import msgspec
import pytest

from lakescope.core.columns import kinds, tags
from lakescope.core.events import DATASETS, TAG, Event, Tag
from lakescope.sinks import influxdb, monit
from lakescope.sinks.influxdb import encode_line

TAGS = {
    "transfers": "account activity dst_country dst_qos dst_rse dst_site endpoint error_scope event experiment"
    " functional_test kind protocol source src_country src_qos src_rse src_site vo",
    "deletions": "country event experiment protocol qos rse site source vo",
    "dids": "account event scope source vo",
    "rules": "account event poll rse source vo",
    "traces": "client_site client_state event protocol rse site source vo",
    "fts_queue": "dst_host dst_site endpoint protocol source src_host src_site vo",
    "network": "dst_host dst_site ip_version source src_host src_site test tool",
    "hosts": "host metric quantity site source type",
    "probes": "operation probe protocol rse site source status target vo",
    "storage": "account country experiment qos rse scope site source usage_source vo",
    "polls": "kind scope source state vo",
    "push": "producer source type",
    "pipeline": "instance name source stage",
}
"""Of version 0.1: a tag that goes makes other series of the same events, which then count twice."""


@pytest.mark.parametrize("dataset", TAGS)
def test_what_was_a_tag_stays_a_tag(dataset: str) -> None:
    assert set(TAGS[dataset].split()) <= set(tags(dataset))


class Novelty(Event, tag="novelties"):
    """A dataset that no other place knows."""

    region: Tag
    layer: Annotated[int, TAG] | None = None
    count: int | None = None


def test_a_tag_is_declared_on_its_field_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "novelties", Novelty)
    monkeypatch.setattr(Novelty, "dataset", "novelties", raising=False)
    monkeypatch.setitem(influxdb.TAGS, "novelties", tags("novelties"))
    monkeypatch.setitem(influxdb._SHAPES, "novelties", influxdb._shape("novelties"))
    event = Novelty(
        id="0" * 32, time="2026-01-01T00:00:00Z", source="push", vo="escape", region="eu", layer=2, count=5
    )
    assert tags("novelties") == ("source", "region", "layer", "vo")
    assert kinds("novelties")["layer"] == "integer" and kinds("novelties")["region"] == "keyword"
    line = encode_line(event)
    assert line is not None
    series, fields, _time = line.split(b" ")
    assert series == b"novelties,source=push,region=eu,layer=2,vo=escape"
    assert b"count=5i" in fields.split(b",") and b"layer" not in fields
    encode = monit.MonitEncoder("p")
    (document,) = encode([event], [msgspec.json.encode(event)])
    assert document is not None
    decoded = msgspec.json.decode(document)
    assert (decoded["idb_tags"], decoded["idb_fields"]) == (["source", "region", "layer", "vo"], ["count"])
