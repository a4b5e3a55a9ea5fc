"""`vo` is one name for a VO in every format, and what a sink takes by it."""

from __future__ import annotations

import msgspec
import pytest

from lakescope.core.events import Event, Host, Transfer
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser
from lakescope.pipeline.route import Route
from lakescope.pipeline.transform import SinkInput, Transform
from lakescope.transformers.enrichment import Enrichment
from tests.test_cases import CASES

NAMES = {"def": "escape", "esc": "escape"}
FORMATS = sorted({case.format for case in CASES} - {"events"})
"""All that cases show; of Lakescope's own events what was said stays."""


@pytest.mark.parametrize("vo", [None, "def", "esc", "escape"])
def test_a_vo_has_one_name(vo: str | None) -> None:
    event = Transfer(id="0" * 32, time="2026-01-05T00:00:00Z", source="rucio", event="done", vo=vo)
    Enrichment(vo_names=NAMES)([event])
    assert event.vo == "escape"


def test_the_collector_s_vo_goes_before_the_name_of_def_and_not_before_a_name() -> None:
    events = [
        Transfer(id="0" * 32, time="2026-01-05T00:00:00Z", source="rucio", event="done", vo=vo)
        for vo in (None, "def", "atlas")
    ]
    Enrichment(vo="cms", vo_names=NAMES)(events)
    assert [event.vo for event in events] == ["cms", "cms", "atlas"]


def test_without_a_name_rucio_s_own_is_none() -> None:
    event = Transfer(id="0" * 32, time="2026-01-05T00:00:00Z", source="rucio", event="done", vo="def")
    Enrichment()([event])
    assert event.vo is None


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_s_events_have_it(name: str) -> None:
    """Each event of each case: the name that its source says, by the configured names; else the configured one."""
    named, plain = Normaliser(formats(), Enrichment(vo_names=NAMES)), Normaliser(formats(), Enrichment())
    vos = 0
    for case in CASES:
        if case.format != name:
            continue
        pairs = zip(_events(named, [case.message()]), _events(plain, [case.message()]), strict=True)
        for event, said in pairs:
            assert event.vo == ("escape" if said.vo is None else NAMES.get(said.vo, said.vo)), case.path
            vos += 1
    assert vos


def _events(normaliser: Normaliser, messages: list[Message]) -> list[Event]:
    return normaliser(messages).events


def test_a_sink_takes_its_vos_and_counts_the_others_as_filtered() -> None:
    common = {"time": "2026-01-05T00:00:00Z", "source": "rucio"}
    events: list[Event] = [
        *(
            Transfer(id=f"{i:032x}", event="done", vo=vo, **common)  # type: ignore[arg-type]
            for i, vo in enumerate(("escape", "atlas", "escape", None))
        ),
        Host(id="f" * 32, host="h", metric="load", type="gauge", value=1.0, **common),  # type: ignore[arg-type]
    ]
    kept = {
        name: _stored(events, vos, datasets)
        for name, (vos, datasets) in {
            "all": (None, None),
            "escape": ({"escape"}, None),
            "shared": ({"escape", ""}, None),
            "transfers": ({"escape", ""}, {"transfers"}),
        }.items()
    }
    assert kept == {"all": (5, 0), "escape": (2, 3), "shared": (4, 1), "transfers": (3, 2)}


def _stored(events: list[Event], vos: set[str] | None, datasets: set[str] | None) -> tuple[int, int]:
    """(chunks, filtered events) of a sink."""
    route = Route(
        datasets=None if datasets is None else frozenset(datasets),
        vos=None if vos is None else frozenset(vos),
    )
    lane = SinkInput(lambda _, documents: list(documents), route)
    body = b"\n".join(map(msgspec.json.encode, events))
    result = Transform(Normaliser(formats(), Enrichment()), {"sink": lane})([Message(body, "events")])
    assert result.events == len(events) and not result.rejects
    parcel = result.parcels["sink"]
    return len(parcel.chunks), parcel.filtered
