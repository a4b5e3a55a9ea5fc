"""Which events a sink takes, how much of them, and without which fields."""

from __future__ import annotations

import pickle
from typing import Any

import msgspec
import pytest

from lakescope.app.assembly import route_of
from lakescope.core.events import Event
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser
from lakescope.pipeline.transform import Parcel, SinkInput, Transform
from lakescope.sinks.jsonl import JsonlOptions
from lakescope.transformers._common import identify
from lakescope.transformers.enrichment import Enrichment
from tests.sinks._events import event_of, transfer

EVENTS: list[Event] = [
    transfer(1, activity="Production", dst_site="A", ok=True, account="jdoe"),
    transfer(2, activity="Production", dst_site="B", ok=False, account="jdoe"),
    transfer(3, activity="Functional Test", dst_site="A"),
    transfer(4, dst_site="C"),
    event_of("hosts"),
]


def options(**given: Any) -> JsonlOptions:
    return JsonlOptions.model_validate({"directory": "/tmp"} | given)


def stored(events: list[Event], **given: Any) -> tuple[Parcel, list[dict[str, Any]]]:
    """What a sink with these options gets, and the same as documents; by way of another process."""
    lane = SinkInput(encode, route_of(options(**given)))
    transform = pickle.loads(pickle.dumps(Transform(Normaliser(formats(), Enrichment()), {"sink": lane})))
    result = transform([Message(b"\n".join(map(msgspec.json.encode, events)), "events")])
    assert result.events == len(events) and not result.rejects
    parcel = result.parcels["sink"]
    assert len(parcel.chunks) + parcel.filtered == len(events)
    return parcel, [msgspec.json.decode(chunk) for chunk in parcel.chunks]


def encode(events: Any, documents: Any) -> Any:
    """As a sink of lines."""
    return list(documents)


@pytest.mark.parametrize(
    ("where", "places"),
    [
        ([], [0, 1, 2, 3, 4]),
        (["activity=Production"], [0, 1]),
        (["activity!=Functional Test"], [0, 1, 3, 4]),
        (["activity=Production", "activity=Functional Test"], [0, 1, 2]),
        (["activity=Production", "dst_site=A"], [0]),
        (["activity=Production", "dst_site!=A", "dst_site!=C"], [1]),
        (["ok=false"], [1]),
        (["ok="], [2, 3, 4]),
        (["activity!=", "ok!="], [0, 1]),
        (["dataset=hosts"], [4]),
        (["host!="], [4]),
        (["dst_site=nowhere"], []),
    ],
)
def test_filters_are_those_of_a_query(where: list[str], places: list[int]) -> None:
    parcel, documents = stored(EVENTS, where=where)
    assert [document["id"] for document in documents] == [EVENTS[place].id for place in places]
    assert parcel.events == places or (parcel.events is None and places == list(range(5)))


def test_a_sample_is_of_the_share_and_the_same_each_time() -> None:
    events = [transfer(number) for number in range(4000)] + [event_of("hosts")]
    first, second = (
        {document["id"] for document in stored(these, sample={"transfers": 0.25})[1]}
        for these in (events, events[::-1])
    )
    assert first == second
    assert 900 < len(first) < 1100 and identify("hosts") in first
    assert first < {document["id"] for document in stored(events, sample={"transfers": 0.5})[1]}
    assert len(stored(events, sample={"transfers": 0, "hosts": 1})[1]) == 1


def test_masked_fields_are_null_in_that_sink_only() -> None:
    _, documents = stored(EVENTS, mask=["account", "error"], where=["account=jdoe"])
    assert [document["id"] for document in documents] == [EVENTS[0].id, EVENTS[1].id]
    assert not any("account" in document for document in documents)
    assert documents[0] | {"account": "jdoe"} == msgspec.to_builtins(EVENTS[0])
    assert stored(EVENTS)[1][0]["account"] == "jdoe"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"where": ["activity"]}, "'activity' is no filter: expected name=value or name!=value"),
        ({"where": ["activty=x"]}, "no dataset has a field 'activty'"),
        ({"sample": {"transfer": 0.5}}, "no dataset 'transfer'; there are"),
        ({"sample": {"transfers": 1.5}}, "less than or equal to 1"),
        ({"mask": ["id"], "datasets": ["hosts"]}, "cannot mask 'id': events of hosts always have it"),
        (
            {"mask": ["scope"]},
            "cannot mask 'scope': events of polls always have it; give `datasets` without them",
        ),
        ({"mask": ["acount"]}, "cannot mask 'acount': no dataset of this sink has it"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        options(**given)
