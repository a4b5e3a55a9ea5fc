"""Why a rule is stuck, where a file is: the same from every store that can be searched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from lakescope.app import trace
from lakescope.app.explain import explain
from lakescope.app.subject import Subject
from lakescope.app.trace import Span, story
from lakescope.app.turns import Turn, turn_of
from lakescope.core.contracts import RefusedError
from lakescope.core.events import Event, Rule
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser
from lakescope.simulator import Incident, make_lake, simulate
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.sinks.elasticsearch import ElasticsearchSink
from lakescope.transformers._common import identify
from lakescope.transformers.enrichment import Enrichment
from tests.app._searched import Store, transfer
from tests.contract._bodies import documents_of

A, B, C, D = (letter * 32 for letter in "abcd")
RULE, JOB = "e" * 32, "11111111-2222-4333-8444-555555555555"
NO_SPACE = {
    "error": "DESTINATION No space left on device",
    "error_scope": "DESTINATION",
    "error_class": "0123456789ab",
}


def rule(event: str, time: str, **fields: Any) -> Rule:
    number = identify("explain", event, time, str(fields))
    return Rule(id=number, time=time, source="rucio-api", event=event, rule_id=RULE, **fields)


def stuck_rule() -> list[Event]:
    """Four files: one arrived at its second attempt, two fail for want of space (one of them twice), one waits."""
    f2, f3, f4 = ({"name": name} for name in ("f2", "f3", "f4"))
    ends = {"src_rse": "SRC", "dst_site": "PIC"}
    return [
        transfer("queued", "2026-01-05T10:00:00Z", request_id=A, rule_id=RULE, account="ops"),
        transfer("failed", "2026-01-05T10:10:00Z", request_id=A, **ends, **NO_SPACE),
        transfer("queued", "2026-01-05T11:00:00Z", request_id=B, rule_id=RULE, account="ops"),
        transfer("done", "2026-01-05T11:30:00Z", request_id=B, bytes=5000, **ends),
        transfer("queued", "2026-01-05T10:00:00Z", request_id=C, rule_id=RULE, **f2),
        # FTS says what Rucio does not, and names no request
        transfer("submitted", "2026-01-05T10:01:00Z", request_id=C, job_id=JOB, **f2),
        transfer("failed", "2026-01-05T10:02:00Z", request_id=C, job_id=JOB, error="no space", **ends, **f2),
        transfer(
            "failed",
            "2026-01-05T10:02:00Z",
            source="fts",
            job_id=JOB,
            **f2,
            **NO_SPACE,
            endpoint="fts.example",
        ),
        transfer("queued", "2026-01-05T10:00:00Z", request_id=D, rule_id=RULE, **f3),
        transfer("failed", "2026-01-05T10:05:00Z", request_id=D, **ends, **f3, **NO_SPACE),
        transfer("queued", "2026-01-05T12:00:00Z", request_id="1" * 32, rule_id=RULE, **f3),
        transfer("failed", "2026-01-05T12:05:00Z", request_id="1" * 32, **ends, **f3, **NO_SPACE),
        transfer("queued", "2026-01-05T12:30:00Z", request_id="2" * 32, rule_id=RULE, **f4),
        transfer(
            "queued", "2026-01-05T12:30:00Z", request_id="3" * 32, rule_id="9" * 32, name="another rule's"
        ),
        rule("replicating", "2026-01-05T10:00:00Z", scope="s", name="set", account="ops", locks_ok=0),
        rule("stuck", "2026-01-05T12:10:00Z", rse="DST", locks_ok=1, locks_stuck=2, error="no space at DST"),
    ]


def test_a_stuck_rule(store: Store) -> None:
    known = explain(store(stuck_rule()), Subject.parse("rule", RULE))
    assert known["counts"] == {
        "files": 4, "arrived": 1, "failed": 2, "waiting": 1, "under_way": 0, "attempts": 6, "bytes_arrived": 5000,
    }  # fmt: skip
    assert known["level"] == "critical"
    assert known["verdict"] == "1 of 4 files arrived, 2 fail; 1 stuck rule. Next: the site (DST)"
    (reported,) = known["rules"]
    assert (reported["event"], reported["account"], reported["locks_stuck"]) == ("stuck", "ops", 2)
    turns = [(turn["who"], turn["where"], turn["files"]) for turn in known["turns"]]
    assert turns == [("site", "DST", 0), ("site", "DST (PIC)", 2), ("Rucio", "", 1)]
    assert known["turns"][0]["why"].endswith("the rule says: no space at DST")
    assert "error scope DESTINATION" in next(t["why"] for t in known["turns"] if t["files"] == 2)
    (failure,) = known["failures"]
    assert (failure["source"], failure["destination"], failure["error_class"]) == (
        "SRC",
        "DST",
        "0123456789ab",
    )
    assert (failure["attempts"], failure["files"], failure["open_files"]) == (4, 3, 2)
    states = {one["name"]: (one["state"], one["attempts"], one["failures"]) for one in known["transfers"]}
    assert states == {
        "f1": ("arrived", 2, 1), "f2": ("failed", 1, 1), "f3": ("failed", 2, 2), "f4": ("waiting", 1, 0),
    }  # fmt: skip
    following = {one["name"]: one["next"] for one in known["transfers"]}
    assert "by the pace of 2 attempts about 2026-01-05 14:05 UTC" in following["f3"]
    assert following["f2"].startswith("not announced") and not following["f1"] and not following["f4"]


def test_a_file_a_dataset_and_a_job(store: Store) -> None:
    of_set = {"parent_scope": "s", "parent_name": "set"}
    events = [
        transfer("done", request_id=A, job_id=JOB, **of_set),
        transfer("done", request_id=B, dst_rse="ELSEWHERE"),
        transfer("submitted", request_id=C, job_id=JOB, name="f2", endpoint="fts.example", **of_set),
        transfer("done", request_id=D, scope="t"),
        rule("ok", "2026-01-05T11:00:00Z", scope="s", name="set"),
    ]
    sink = store(events)
    one = explain(sink, Subject.parse("did", "s:f1"))
    assert (one["level"], one["verdict"]) == ("good", "2 of 2 files arrived: nothing is left to do")
    whole = explain(sink, Subject.parse("did", "s:set"))
    job = explain(sink, Subject.parse("fts_job", JOB))
    for known in (whole, job):
        assert {(o["name"], o["destination"], o["state"]) for o in known["transfers"]} == {
            ("f1", "DST", "arrived"),
            ("f2", "DST", "under way"),
        }
        assert [turn["who"] for turn in known["turns"]] == ["FTS"]
    assert [reported["rule_id"] for reported in whole["rules"]] == [RULE]
    nothing = explain(sink, Subject.parse("did", "s:no-such"))
    assert (nothing["verdict"], nothing["counts"]["files"]) == ("Nothing is stored of it in this range", 0)


def test_a_range_of_time(store: Store) -> None:
    """Its end is outside."""
    sink = store(stuck_rule())
    begin, end = datetime(2026, 1, 5, 10, tzinfo=UTC), datetime(2026, 1, 5, 11, tzinfo=UTC)
    known = explain(sink, Subject.parse("rule", RULE), Span(begin, end))
    assert (known["counts"]["attempts"], known["rules"][0]["event"]) == (3, "replicating")
    assert [event["event"] for event in story(sink, A, Span(begin, begin + timedelta(minutes=10)))] == [
        "queued"
    ]
    assert (
        explain(sink, Subject.parse("rule", RULE), Span(datetime(2026, 2, 1, tzinfo=UTC)))["counts"]["files"]
        == 0
    )


def test_a_closed_index_outside_the_range_hinders_nobody(
    elasticsearch: Any,
    elasticsearch_store: ElasticsearchSink,
) -> None:
    sink, prefix = elasticsearch_store, elasticsearch_store.options.prefix
    events = [transfer("queued", request_id=A), transfer("done", "2026-02-05T10:00:00Z", request_id=A)]
    sink.write([chunk for chunk in sink.encode(events, documents_of(events)) if chunk])
    for path in (f"{prefix}-*/_refresh", f"{prefix}-transfers-2026.01/_close"):
        httpx.post(f"{elasticsearch.url}/{path}", trust_env=False, timeout=30).raise_for_status()
    with pytest.raises(RefusedError, match="choose a range without it"):
        story(sink, A)
    february = Span(datetime(2026, 2, 1, tzinfo=UTC))
    assert [event["event"] for event in story(sink, A, february)] == ["done"]


def test_what_cannot_be_looked_at_as_a_whole_is_refused(
    duckdb_store: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = stuck_rule()
    duckdb_store.write(duckdb_store.encode(events, documents_of(events)))
    monkeypatch.setattr(trace, "VALUES", 2)
    assert explain(duckdb_store, Subject.parse("rule", RULE))["counts"]["files"] == 4, (
        "values in several look-ups"
    )
    monkeypatch.setattr(trace, "LIMIT", 2)
    with pytest.raises(RefusedError, match="narrow the range"):
        explain(duckdb_store, Subject.parse("rule", RULE))


def test_of_too_many_files_some_stand_for_all_and_the_verdict_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each looked at whole, with its attempts before and after the first events; every second one arrived at last."""
    events: list[Event] = []
    for number in range(120):
        name, last = f"f{number}", f"{number:031x}2"
        for minute, request in ((0, f"{number:031x}1"), (30, last)):
            queued = {"request_id": request, "rule_id": RULE, "name": name}
            events.append(transfer("queued", f"2026-01-05T10:{minute:02}:00Z", **queued))
            if number % 2 == 0 or request != last:
                failed = {"request_id": request, "name": name, "dst_site": "PIC"}
                events.append(transfer("failed", f"2026-01-05T10:{minute + 9:02}:00Z", **failed, **NO_SPACE))
            else:
                events.append(
                    transfer("done", f"2026-01-05T10:{minute + 9:02}:00Z", request_id=last, name=name)
                )
    minutes = range(200)
    events += [
        rule("stuck", f"2026-01-05T{10 + m // 60:02}:{m % 60:02}:00Z", error="no space") for m in minutes
    ]
    sink, until = store(events), datetime(2026, 1, 5, 14, tzinfo=UTC)
    monkeypatch.setattr(trace, "LIMIT", 100)
    monkeypatch.setattr("lakescope.app.subject.LIMIT", 100)
    known = explain(sink, Subject.parse("rule", RULE), Span(None, until))
    counts = known["counts"]
    files = counts["files"]
    assert 10 <= files < 100 and counts["attempts"] == 2 * files
    assert counts["arrived"] + counts["failed"] == files and counts["arrived"] > 0 < counts["failed"]
    assert f"counted are {files} files, chosen at random of 100 or more" in known["verdict"]
    assert known["verdict"].endswith("Of rules only reports since 2026-01-05 13:00 UTC are looked at")
    (latest,) = known["rules"]
    assert (latest["event"], latest["time"][:16]) == ("stuck", "2026-01-05T13:19")


def test_what_a_rule_says_without_a_place_comes_last(duckdb_store: Any) -> None:
    events = [*stuck_rule()[:-1], rule("stuck", "2026-01-05T12:10:00Z", error="what is this")]
    duckdb_store.write(duckdb_store.encode(events, documents_of(events)))
    known = explain(duckdb_store, Subject.parse("rule", RULE))
    assert [turn["who"] for turn in known["turns"]] == ["site", "Rucio", "Rucio"]
    mended = rule("ok", "2026-01-05T13:00:00Z")
    duckdb_store.write(duckdb_store.encode([mended], documents_of([mended])))
    known = explain(duckdb_store, Subject.parse("rule", RULE))
    assert [turn["files"] for turn in known["turns"]] == [2, 1], (
        "a rule that is not stuck has no error any more"
    )
    assert "error" not in known["rules"][0]


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("rule", "xyz", "32 hexadecimal"),
        ("did", "name", "SCOPE:NAME"),
        ("fts_job", " ", "FTS job"),
        ("x", "y", "rule"),
    ],
)
def test_what_is_no_subject(kind: str, value: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Subject.parse(kind, value)


ENDS = {
    "src_rse": "SRC",
    "dst_rse": "DST",
    "src_site": "SARA",
    "dst_site": "PIC",
    "endpoint": "fts",
    "account": "ops",
}


@pytest.mark.parametrize(
    ("fields", "who", "where"),
    [
        ({"event": "done", "ok": True}, "nobody", ""),
        ({"event": "queued"}, "Rucio", ""),
        ({"event": "submitted"}, "FTS", "fts"),
        ({"event": "submission_failed", "error": "FTS is away"}, "Rucio", ""),
        ({"event": "lost", "ok": False}, "Rucio", ""),
        ({"event": "canceled"}, "user", "ops"),
        ({"error": "Transfer canceled by the user"}, "user", "ops"),
        ({"error": "the proxy has expired", "error_scope": "SOURCE"}, "user", "ops"),
        ({"error": "SSL: certificate has expired", "error_scope": "SOURCE"}, "site", "SRC (SARA)"),
        (
            {"error": "Destination file exists and overwrite is not enabled", "error_scope": "DESTINATION"},
            "user",
            "ops",
        ),
        ({"error": "x", "error_scope": "SOURCE"}, "site", "SRC (SARA)"),
        ({"error": "x", "error_scope": "DESTINATION"}, "site", "DST (PIC)"),
        ({"error": "x", "error_scope": "GENERAL_FAILURE"}, "FTS", "fts"),
        ({"error": "HTTP 507: Insufficient Storage", "error_scope": "TRANSFER"}, "site", "DST (PIC)"),
        (
            {"error": "canceled because the performance marker timeout", "error_scope": "TRANSFER"},
            "site",
            "SRC (SARA) or DST (PIC)",
        ),
        ({"error": "MISSING SOURCES"}, "site", "SRC (SARA)"),
        ({"error": "InsufficientAccountLimit: There is insufficient quota"}, "user", "ops"),
        ({"error": "what is this"}, "Rucio", ""),
    ],
)
def test_whose_turn_it_is(fields: dict[str, Any], who: str, where: str) -> None:
    turn = turn_of({"event": "failed", "ok": False if "error" in fields else None} | ENDS | fields)
    assert turn[:2] == (who, where)
    assert isinstance(turn, Turn) and turn.why


def test_the_simulators_lake_with_a_full_disk(tmp_path: Path) -> None:
    """By Hermes and FTS together: what fails at the full RSE is its site's turn; each file is counted as Rucio queued it."""
    lake, begin = make_lake(), datetime(2026, 1, 5, 9, tzinfo=UTC)
    full, end = lake.disks[0].name, begin + timedelta(hours=3)
    incident = Incident("disk_full", full, begin.timestamp(), end.timestamp())
    wires = simulate(
        lake, seed=5, start=begin, end=end, rate=300, incidents=[incident], sources=("rucio", "fts")
    )
    messages = [Message(wire.body, wire.format, wire.headers, wire.time) for wire in wires]
    events = Normaliser(formats(), Enrichment())(messages).events
    sink = DuckdbSink("store", DuckdbOptions(), tmp_path)
    sink.write(sink.encode(events, documents_of(events)))
    mine = [
        e
        for e in events
        if e.dataset == "transfers" and e.dst_rse == full and e.error and "space" in e.error.lower()
    ]  # type: ignore[attr-defined]
    name, scope = next((e.name, e.scope) for e in mine if e.name and e.source == "rucio")  # type: ignore[attr-defined]
    known = explain(sink, Subject.parse("did", f"{scope}:{name}"))
    sink.close()
    failures = [
        one for one in known["failures"] if one["destination"] == full and "space" in one["error"].lower()
    ]
    requests = {e.request_id for e in mine if (e.scope, e.name) == (scope, name)}  # type: ignore[attr-defined]
    assert {(one["turn"]["who"], one["turn"]["where"]) for one in failures} == {("site", full)}
    assert 1 <= sum(one["attempts"] for one in failures) <= len(requests)
