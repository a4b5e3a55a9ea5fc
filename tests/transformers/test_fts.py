"""FTS: what the cases cannot show: ids, both ways through give the same, nothing counted twice, "no bytes crash it"."""

from __future__ import annotations

import json
from collections import Counter
from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakescope.core.events import Event, FtsQueue, Transfer
from lakescope.core.messages import Message
from lakescope.pipeline.normalise import Normaliser
from lakescope.transformers import fts
from tests.transformers.bodies import ROOT, SAMPLES, documents, texts
from tests.transformers.properties import JSON, decode, holds, mutated, spliced

DOCUMENTS = documents("fts")
TEXTS = texts("fts")
COMPLETE, FAILED, START, OPTIMIZER = (
    json.loads((SAMPLES / f"fts_3.14.4_{name}.txt").read_bytes())
    for name in ("complete_ok", "complete_error_negative_time", "start", "optimizer")
)
STATE = json.loads((ROOT / "cases/fts/state_active/input.txt").read_bytes())


def changed(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in (deepcopy(document) | changes).items() if value is not ...}


def event(document: object) -> Event:
    [found] = decode(fts.decode, document).events
    return found


def normalised(document: object) -> tuple[Event, Counter[str]]:
    """The event as sinks get it, and what was counted."""
    body = msgspec.json.encode(document)
    out = Normaliser({"fts": fts.decode}, lambda _: {})([Message(body, "fts")])
    (found,) = out.events
    return found, out.impossible


def transfer(document: object) -> Transfer:
    found = event(document)
    assert isinstance(found, Transfer)
    return found


# --- ids -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [COMPLETE, FAILED, START, STATE, OPTIMIZER])
def test_a_repeat_has_the_same_id(document: dict[str, Any]) -> None:
    assert event(document) == event(document)


def test_ids_differ() -> None:
    """Two kinds of one transfer, two attempts of it, two states of its file, two decisions on a link."""
    found = [
        COMPLETE,
        START,
        STATE,
        OPTIMIZER,
        # a quick retry shares the minute in tr_id
        changed(COMPLETE, tr_timestamp_start=COMPLETE["tr_timestamp_start"] + 1),
        changed(COMPLETE, tr_timestamp_complete=COMPLETE["tr_timestamp_complete"] + 1),
        changed(COMPLETE, endpnt="fts2.example.org"),
        changed(COMPLETE, tr_id=COMPLETE["tr_id"].replace("__42__", "__43__")),
        changed(START, timestamp=START["timestamp"] + 1),
        changed(STATE, file_state="FINISHED"),
        changed(STATE, timestamp=STATE["timestamp"] + 1),
        changed(STATE, file_id=43),
        changed(STATE, job_id="4d964812-2576-58e0-92d0-a2ef2e24afad"),
        changed(OPTIMIZER, timestamp=OPTIMIZER["timestamp"] + 1),
        changed(OPTIMIZER, source_se=OPTIMIZER["dest_se"], dest_se=OPTIMIZER["source_se"]),
    ]
    assert len({event(document).id for document in found}) == len(found)


def test_the_id_is_made_of_nothing_else() -> None:
    """What a later version adds, or another publisher words otherwise, does not make another event of it."""
    assert transfer(changed(COMPLETE, user_dn="/CN=x", activity="other")).id == transfer(COMPLETE).id
    assert transfer(changed(STATE, reason="x", user_filesize=1)).id == transfer(STATE).id


# --- both ways through -----------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document)[:30])
def test_both_ways_give_the_same(document: object) -> None:
    """Typed, and loosely within MONIT's envelope."""
    if not isinstance(document, dict) or "data" in document:
        return
    alone, wrapped = (holds(fts.decode, msgspec.json.encode(body)) for body in (document, {"data": document}))
    assert alone.events == wrapped.events
    assert len(alone.rejects) == len(wrapped.rejects)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("fts_*.txt")), ids=lambda path: path.stem)
def test_todays_dialect_takes_the_quick_way(path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fts, "any_json", None)
    assert len(decode(fts.decode, path.read_bytes()).events) == 1


def test_all_as_text_is_the_same() -> None:
    """The dialect of 2016 has every scalar as text and "" for none."""

    def as_text(value: object) -> object:
        return value if isinstance(value, (dict, str)) or value is None else json.dumps(value)

    for document in (COMPLETE, FAILED, START, STATE, OPTIMIZER):
        found = {key: as_text(value) for key, value in document.items()}
        assert event(found) == event(document)


# --- what is counted -------------------------------------------------------------------------------------


def test_unknown_fields_are_counted() -> None:
    out = decode(fts.decode, [changed(COMPLETE, new=1), changed(START, new="x", newer=None), STATE])
    assert out.unknown == {"new": 2, "newer": 1}
    assert len(out.events) == 3


def test_an_attempt_is_counted_once() -> None:
    """CO and SS both arrive for each attempt: one of them, and only one, says how it went."""
    for complete, state, ok in ((COMPLETE, "FINISHED", True), (FAILED, "FAILED", False)):
        told = [transfer(complete).ok, transfer(changed(STATE, file_state=state)).ok]
        assert told == [ok, None]


@pytest.mark.parametrize(("state", "ok"), [("FINISHED", True), ("FAILED", False)])
def test_an_archived_file_is_counted_once(state: str, ok: bool) -> None:
    archiving = 1767607327000
    told = [
        transfer(changed(COMPLETE, is_archiving=True)).ok,
        transfer(changed(STATE, file_state="ARCHIVING", archiving=True, archiving_start=archiving)).ok,
        transfer(changed(STATE, file_state=state, archiving=True, archiving_start=archiving)).ok,
    ]
    assert told == [None, None, ok]


# --- single fields ---------------------------------------------------------------------------------------


def test_site_names_are_taken_if_ever_filled() -> None:
    found = transfer(changed(COMPLETE, src_site_name="SITE-A", dst_site_name="SITE-B"))
    assert (found.src_site, found.dst_site) == ("SITE-A", "SITE-B")


def test_the_user_goes_raw_to_the_enrichment() -> None:
    assert transfer(changed(START, user_dn="/CN=jdoe")).user == "/CN=jdoe"


@pytest.mark.parametrize(
    ("transfer_id", "ids"),
    [
        ("2016-06-22-2201__a.example__b.example__42__4d964812", ("4d964812", 42)),
        ("2016-06-22-2201__a__x.example__b.example__42__4d964812", ("4d964812", 42)),
        ("2016-06-22-2201__a.example__b.example__x__4d964812", ("4d964812", None)),
        ("2016-06-22-2201__a.example__b.example__99999999999999999999__4d964812", ("4d964812", None)),
        ("2016-06-22-2201__a.example__b.example__42__", (None, 42)),
        ("whatever", (None, None)),
    ],
)
def test_ids_within_a_transfer_id(transfer_id: str, ids: tuple[str | None, int | None]) -> None:
    found = transfer(changed(START, job_id=..., file_id=..., transfer_id=transfer_id))
    assert (found.job_id, found.file_id) == ids


@pytest.mark.parametrize(
    ("milliseconds", "time"),
    [
        (1767607320000, "2026-01-05T10:02:00.000Z"),
        (1767607320001, "2026-01-05T10:02:00.001Z"),
        (1767607320059.9, "2026-01-05T10:02:00.059Z"),
        (253402300799999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_times(milliseconds: float, time: str) -> None:
    assert event(changed(OPTIMIZER, timestamp=milliseconds)).time == time


@pytest.mark.parametrize("milliseconds", [0, -1, 1, 3_600_000, None, "", "null", -1767607262284])
def test_times_that_are_none(milliseconds: object) -> None:
    found = transfer(changed(COMPLETE, timestamp_tr_st=milliseconds))
    assert (found.started, found.transfer_s, found.throughput) == (None, None, None)


@pytest.mark.parametrize(
    ("changes", "span", "impossible"),
    [
        ({"timestamp_tr_st": 1767607262284, "timestamp_tr_comp": 1767607262284}, 0.0, 0),
        ({"timestamp_tr_st": 1767607262284, "timestamp_tr_comp": 1767607262283}, None, 1),
        ({"timestamp_tr_st": 1767607262284, "timestamp_tr_comp": 1767607262284 + 86_400_000}, 86400.0, 0),
        ({"timestamp_tr_st": 1767607262284 - 400 * 86_400_000}, None, 1),
        ({"timestamp_tr_comp": 0}, None, 0),
    ],
)
def test_durations(changes: dict[str, int], span: float | None, impossible: int) -> None:
    found, counted = normalised(changed(COMPLETE, **changes))
    assert isinstance(found, Transfer)
    assert (found.transfer_s, counted["transfers.transfer_s"]) == (span, impossible)
    assert (found.throughput is None) == (not span)


YEAR_60000 = 1_830_000_000_000_000


@pytest.mark.parametrize(
    ("document", "changes", "field", "impossible"),
    [
        (COMPLETE, {"timestamp_tr_st": YEAR_60000}, "started", 1),
        (COMPLETE, {"timestamp_tr_comp": YEAR_60000}, "ended", 1),
        (COMPLETE, {"tr_timestamp_complete": YEAR_60000}, "time", 1),
        (STATE, {"submit_time": 1e30}, "submitted", 1),
        (STATE, {"submit_time": 0}, "submitted", 0),
        (COMPLETE, {"file_size": 2**63, "file_metadata": None}, "bytes", 1),
        (COMPLETE, {"file_size": -5, "file_metadata": None}, "bytes", 1),
        (COMPLETE, {"file_size": -1, "file_metadata": None}, "bytes", 0),
        (COMPLETE, {"file_size": 2**64 - 1, "file_metadata": None}, "bytes", 0),
        (COMPLETE, {"file_size": -5, "file_metadata": {"filesize": 7}}, "bytes", 0),  # the other counts
        (COMPLETE, {"throughput": 10**400}, "throughput", 1),
        (FAILED, {"retry": -7}, "retry", 1),
        (FAILED, {"retry": 2**31}, "retry", 1),
        (FAILED, {"retry": -1}, "retry", 0),
        (FAILED, {"retry_max": 2**32 - 1}, "retry_max", 0),
        (OPTIMIZER, {"throughput": -7}, "throughput", 1),
        (OPTIMIZER, {"throughput": -1}, "throughput", 0),
        (OPTIMIZER, {"success_rate": 100.5}, "success_rate", 1),
        (OPTIMIZER, {"success_rate": 10**400}, "success_rate", 1),
        (OPTIMIZER, {"success_rate": -1}, "success_rate", 0),
        (OPTIMIZER, {"active_count": -7}, "active", 1),
    ],
)
def test_what_cannot_be_is_counted_and_what_is_unset_is_not(
    document: dict[str, Any], changes: dict[str, Any], field: str, impossible: int
) -> None:
    found, counted = normalised(changed(document, **changes))
    assert counted[f"{found.dataset}.{field}"] == impossible
    if impossible:
        assert (
            field == "ended" or field == "time" or getattr(found, field) is None
        )  # each stands in for the other


def test_a_deep_key_does_not_tell_the_kind() -> None:
    """The first key is only a guess: here it belongs to a CO, and the message is an OP."""
    found = event({"activity": "x", **OPTIMIZER})
    assert isinstance(found, FtsQueue)


def test_places_in_streams_and_envelopes() -> None:
    body = (
        b'{"tr_id": 1}\n[{"data": {"file_state": "A", "job_id": 5}, "metadata": {}}]\n'
        + json.dumps(COMPLETE).encode()
    )
    out = decode(fts.decode, body)
    assert [reject.path for reject in out.rejects] == ["$[0].tr_id", "$[1][0].data.job_id"]
    assert len(out.events) == 1


# --- no bytes crash it -----------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200) | spliced(TEXTS) | JSON.map(msgspec.json.encode) | mutated(DOCUMENTS))
def test_no_bytes_crash_it(body: bytes) -> None:
    holds(fts.decode, body)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([COMPLETE, FAILED, START, STATE, OPTIMIZER]), st.data())
def test_no_value_crashes_it(document: dict[str, Any], data: st.DataObject) -> None:
    """Any value under a key that is read."""
    for key in data.draw(st.lists(st.sampled_from(sorted(document)), min_size=1, max_size=4)):
        document = document | {key: data.draw(JSON)}
    holds(fts.decode, msgspec.json.encode(document))
    holds(fts.decode, msgspec.json.encode({"data": document}))


@pytest.mark.parametrize(
    "body", [b"[%s]", b'{"tr_id":"a","scitag":%s}', b'{"tr_id":"a","file_metadata":%s}', b'{"data":%s}']
)
def test_any_depth(body: bytes) -> None:
    for depth in (*range(10, 800, 50), *range(900, 1010)):
        holds(fts.decode, body % (b"[" * depth + b"]" * depth))
        holds(fts.decode, body % (b'{"a":' * depth + b"1" + b"}" * depth))
