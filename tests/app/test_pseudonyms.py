"""People's names for who may not see them: the same pseudonym everywhere, filters by it, and none by a name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from lakescope.app.gauges import AlertGauges
from lakescope.app.pseudonyms import FILE, Pseudonyms
from lakescope.app.query import ask
from lakescope.app.restriction import restricted
from lakescope.app.rounds import Rounds
from lakescope.app.trace import story
from lakescope.app.viewer import OWNER, Role, Viewer
from lakescope.core.contracts import SearchableSink, Sink
from lakescope.kpis import CATALOGUE, Query, UnsupportedError
from lakescope.kpis.model import Condition, EventsQuery
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from tests.app._planted import FAILING
from tests.app._searched import transfer
from tests.contract._bodies import documents_of

READER = Viewer("", Role.READER)
START = datetime.fromisoformat("2026-01-05T00:00:00Z")
SPAN = {"since": START, "until": START + timedelta(days=1)}


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[DuckdbSink]:
    sink = DuckdbSink("store", DuckdbOptions(), tmp_path)
    events = [
        transfer(
            "failed",
            f"2026-01-05T0{hour}:00:00Z",
            account=account,
            scope=f"user.{account}",
            name=f"{account}.{hour}.root",
            dst_url=f"https://se.example/home/{account}/{hour}",
            error=f"no right for {account}",
            activity=account,
            request_id=str(hour) * 32,
        )
        for hour, account in enumerate(("jdoe", "jdoe", "asmith", "root"))
    ]
    sink.write(sink.encode(events, documents_of(events)))
    yield sink
    sink.close()


@pytest.fixture
def view(sink: DuckdbSink, tmp_path: Path) -> Sink:
    return restricted(sink, READER, Pseudonyms(tmp_path, ["root"]))


def by_account(sink: Sink, **rest: object) -> dict[str, int]:
    rows = ask(Query(kpi=CATALOGUE["transfers_failed"], by=("account",), **SPAN, **rest), sink)  # type: ignore[arg-type]
    return {row["account"]: row["value"] for row in rows}


def test_numbers_are_the_same_and_names_are_not(view: Sink, sink: DuckdbSink, tmp_path: Path) -> None:
    assert by_account(restricted(sink, OWNER)) == {"jdoe": 2, "asmith": 1, "root": 1}
    pseudonyms = Pseudonyms(tmp_path, ["root"])
    counts = by_account(view)
    assert counts == {pseudonyms.of("jdoe"): 2, pseudonyms.of("asmith"): 1, "root": 1}, "after a restart, too"
    assert list(counts) == sorted(counts), "the names' order would tell something"
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    assert Pseudonyms(tmp_path / "..").of("jdoe") not in counts, "another key, other pseudonyms"


def test_a_pseudonym_can_be_asked_about_and_a_name_cannot(view: Sink) -> None:
    jdoe = next(name for name, count in by_account(view).items() if count == 2)
    assert by_account(view, filters={"account": jdoe}) == {jdoe: 2}
    assert by_account(view, narrowing=(Condition("account", "not", jdoe),)).keys() == by_account(
        view
    ).keys() - {jdoe}
    for wrong in ("jdoe", "nobody-of-this-name"):  # the same answer for both
        with pytest.raises(UnsupportedError, match="account: expected a pseudonym"):
            by_account(view, filters={"account": wrong})


def test_events_hold_the_name_nowhere(view: Sink) -> None:
    columns = ("account", "scope", "name", "dst_url", "error", "activity")
    rows = ask(EventsQuery(dataset="transfers", columns=columns, **SPAN), view)  # type: ignore[arg-type]
    (newest, *_) = ask(EventsQuery(dataset="transfers", columns=("error",), **SPAN, limit=2), view)[1:]  # type: ignore[arg-type]
    assert newest.keys() == {"time", "error"} and "asmith" not in newest["error"], "who it is was not asked"
    for row in rows:
        activity = row.pop("activity")
        assert activity in ("jdoe", "asmith", "root"), "an activity is nobody, whatever it is called"
        assert not any(name in str(row) for name in ("jdoe", "asmith"))
    assert {row["account"] for row in rows} == {row["scope"].removeprefix("user.") for row in rows}


def test_a_story_is_followed_by_what_it_shows(view: Sink) -> None:
    assert isinstance(view, SearchableSink)
    (event,) = story(view, "0" * 32)
    assert "jdoe" not in str({**event, "activity": ""})
    assert len(view.find("transfers", "name", [event["name"]])) == 1
    assert view.find("transfers", "scope", ["user.jdoe"]) == []
    assert len(view.find("transfers", "account", [event["account"]])) == 2
    assert view.find("transfers", "account", ["jdoe"]) == []


def test_metrics_name_nobody(sink: DuckdbSink, tmp_path: Path) -> None:
    rounds = Rounds(
        {"failing": replace(FAILING, by=("account",), summary="", description="")}, sink, tmp_path
    )
    rounds.round((START + timedelta(hours=2.5)).timestamp())
    pseudonyms = Pseudonyms(tmp_path, ["root"])
    samples = [sample for family in AlertGauges(rounds, pseudonyms).collect() for sample in family.samples]
    accounts = {sample.labels["account"] for sample in samples if "account" in sample.labels}
    assert accounts == {pseudonyms.of("asmith")}
