"""DuckDB: every dataset's columns and values, once each, over restarts and kills, and found again."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lakescope.core.contracts import RefusedError, TransientError
from lakescope.core.events import DATASETS, Event, Host, Push, Transfer
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink, column_types
from lakescope.transformers._common import identify
from tests.contract._bodies import documents_of, events_of, hermes, scripts
from tests.e2e._lakescope import until
from tests.sinks._events import event_of, plain, transfer


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[DuckdbSink]:
    """One on an empty file."""
    made = DuckdbSink("duck", DuckdbOptions(), tmp_path)
    yield made
    made.close()


def write(sink: DuckdbSink, *events: Event) -> None:
    """Writes events as the engine does."""
    chunks = [chunk for chunk in sink.encode(events, documents_of(events)) if chunk is not None]
    outcome = sink.write(chunks)
    assert not outcome.rejected and not outcome.retry


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_field_of_every_dataset_comes_back(sink: DuckdbSink, dataset: str) -> None:
    event = event_of(dataset)
    write(sink, event)
    (found,) = sink.find(dataset, "id", [event.id])
    assert found == plain(event)
    described = sink.query(f"describe {dataset}")
    assert [(row["column_name"], row["column_type"]) for row in described] == list(
        column_types(dataset).items()
    )


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=TEXTS,
    size=st.integers(-(2**63), 2**63 - 1),
    seconds=st.floats(allow_nan=False, allow_infinity=False),
    labels=st.dictionaries(TEXTS, TEXTS, max_size=3),
    time=st.datetimes(),
)
@example(name="\0", size=-(2**63), seconds=5e-324, labels={"\0": "\0"}, time=datetime.max)  # noqa: DTZ901 - the event's times are naive until the Z
def test_any_value_comes_back(
    sink: DuckdbSink, name: str, size: int, seconds: float, labels: dict[str, str], time: Any
) -> None:
    text = time.isoformat() + "Z"
    id_ = identify(name, size, seconds, labels, text)
    event = Transfer(id=id_, time=text, source="fts", event="done", name=name, bytes=size, queue_s=seconds)
    host = Host(
        id=id_, time=text, source="telegraf", host="h", metric="m", value=seconds, type="gauge", labels=labels
    )
    write(sink, event, host)
    (found,) = sink.find("transfers", "id", [id_])
    assert (found["name"], found["bytes"], found["queue_s"], found["time"]) == (name, size, seconds, text)
    (found,) = sink.find("hosts", "id", [id_])
    assert (found["value"], found["labels"]) == (seconds, labels)


@pytest.mark.parametrize(
    "fields",
    [
        {"error_code": 2**62, "time": "x"},
        {"time": "nonsense"},
        {"created": "2026-01-01T00:00:60Z"},
        {"id": "no-uuid"},
    ],
)
def test_what_the_table_cannot_hold_is_refused_never_made_null(
    sink: DuckdbSink, fields: dict[str, Any]
) -> None:
    with pytest.raises(RefusedError):
        write(sink, transfer(1), transfer(2, **fields))
    assert sink.query("select count(*) as n from transfers") == [{"n": 0}]  # all of a write or nothing
    write(sink, transfer(1))
    assert sink.query("select count(*) as n from transfers") == [{"n": 1}]


def test_a_repeat_is_ignored_within_a_write_and_over_writes(sink: DuckdbSink) -> None:
    first, second = transfer(1, name="first"), transfer(2)
    write(sink, first, first, second, transfer(1, name="another"))
    write(sink, second, transfer(1, name="another"))
    assert {(row["id"], row.get("name")) for row in sink.query("select * from transfers")} == {
        (first.id, "first"),
        (second.id, None),
    }


def test_events_are_found_by_any_field_oldest_first(sink: DuckdbSink) -> None:
    events = [
        transfer(n, time=f"2026-01-01T00:00:{59 - n:02}Z", request_id=f"r{n % 3}", bytes=n) for n in range(30)
    ]
    write(sink, *events)
    found = sink.find("transfers", "request_id", ["r0", "r1", "no such"])
    assert [event["time"] for event in found] == sorted(event["time"] for event in found)
    assert {event["request_id"] for event in found} == {"r0", "r1"} and len(found) == 20
    assert len(sink.find("transfers", "request_id", ["r0"], limit=4)) == 4
    assert [event["bytes"] for event in sink.find("transfers", "id", [events[7].id])] == [7]
    assert sink.find("deletions", "name", ["x"]) == []
    for dataset, field in (("transfers", 'id" or 1=1 --'), ("no such dataset", "id")):
        with pytest.raises(KeyError):
            sink.find(dataset, field, ["x"])


def test_a_query_does_not_wait_for_a_write_and_sees_only_whole_ones(sink: DuckdbSink) -> None:
    write(sink, transfer(1))
    with sink._lock:  # somebody is writing
        assert sink.query("select count(*) as n from transfers where source = $s", {"s": "rucio"}) == [
            {"n": 1}
        ]


def test_it_opens_again_after_kill_9_with_what_was_written(tmp_path: Path) -> None:
    """A process that writes without end; each number is on its output only after its write has returned."""
    script = tmp_path / "writes.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\n"
        "from sinks.duckdb import DuckdbOptions, DuckdbSink\n"
        "from tests.sinks._events import transfer\nfrom tests.sinks.test_duckdb import write\n"
        "sink = DuckdbSink('duck', DuckdbOptions(), Path(sys.argv[1]))\n"
        "for number in range(10**6):\n    write(sink, transfer(number))\n    print(number, flush=True)\n"
    )
    log = tmp_path / "log"
    arguments = [sys.executable, str(script), str(tmp_path)]
    with log.open("wb") as out, subprocess.Popen(arguments, stdout=out) as writer:
        until(lambda: log.stat().st_size > 400, 30)
        writer.kill()
    told = [int(number) for number in log.read_text().rpartition("\n")[0].split()]
    sink = DuckdbSink("duck", DuckdbOptions(), tmp_path)
    found = {row["id"] for row in sink.query("select id from transfers")}
    sink.close()
    assert {identify(number) for number in told} <= found


@pytest.mark.parametrize("room", [1, 4096, 10_000])
def test_a_start_whose_database_cannot_be_made_leaves_none(tmp_path: Path, room: int) -> None:
    """A database of DuckDB is 12,288 bytes before it holds anything; shorter ones it does not open again."""
    script = (
        "import resource, signal, sys\nfrom pathlib import Path\nfrom sinks.duckdb import DuckdbOptions, DuckdbSink\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\n"
        "DuckdbSink('duck', DuckdbOptions(), Path(sys.argv[1]))"
    )
    started = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, capture_output=True)
    assert started.returncode == 1
    assert b"File too large" in started.stderr
    assert not (tmp_path / "lake.duckdb").exists()
    sink = DuckdbSink("duck", DuckdbOptions(), tmp_path)
    write(sink, transfer(1))
    sink.close()
    assert [one.name for one in tmp_path.iterdir()] == ["lake.duckdb"]


def test_the_log_of_a_database_that_was_moved_away_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "lake.duckdb").touch()  # DuckDB 2.0 opens no empty file
    (tmp_path / "lake.duckdb.wal").write_bytes(b"of another")
    DuckdbSink("duck", DuckdbOptions(), tmp_path).close()
    assert (tmp_path / "lake.duckdb.wal.kept").read_bytes() == b"of another"
    assert "lake.duckdb.wal.kept" in caplog.text


def test_the_remedy_for_a_damaged_database_moves_its_log_too(tmp_path: Path) -> None:
    database = tmp_path / "lake.duckdb"
    database.write_bytes(b"cut short")
    (tmp_path / "lake.duckdb.wal").write_bytes(b"the last events")
    with pytest.raises(RuntimeError) as caught:
        DuckdbSink("duck", DuckdbOptions(), tmp_path)
    commands = str(caught.value).partition("move it away: ")[2]
    subprocess.run(["sh", "-c", commands], check=True)
    names = {"lake.duckdb.damaged", "lake.duckdb.damaged.wal"}
    assert {one.name for one in tmp_path.iterdir()} == names


def test_a_file_that_another_process_holds_is_told(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\nfrom sinks.duckdb import DuckdbOptions, DuckdbSink\n"
        "sink = DuckdbSink('duck', DuckdbOptions(), Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    arguments = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"open\n"
        with pytest.raises(
            RuntimeError, match=r"lake\.duckdb: .*lock.* - is another lakescope running on it\?"
        ):
            DuckdbSink("duck", DuckdbOptions(), tmp_path)
        other.communicate(b"")


def test_an_id_is_there_once_whatever_comes_with_it(sink: DuckdbSink) -> None:
    """Twice in a write, in another write, and among others of another day; the first copy stays."""
    first, other = transfer(1, name="first"), transfer(2, time="2026-03-01T00:00:00Z")
    write(sink, first, first)
    write(sink, transfer(1, name="later"), other)
    assert sink.query("select id, name from transfers order by time") == sorted(
        [{"id": first.id, "name": "first"}, {"id": other.id}], key=lambda row: row["id"] != first.id
    )


@pytest.mark.parametrize(("hours", "copies"), [(23, 1), (-23, 1), (25, 2)])
def test_a_repeat_of_another_time_is_looked_for_within_a_day(
    sink: DuckdbSink, hours: int, copies: int
) -> None:
    """Of a body that has no time of its own the time is that of its reception."""
    time = datetime(2026, 1, 1, tzinfo=UTC)
    for moment in (time, time + timedelta(hours=hours)):
        write(sink, transfer(1, time=f"{moment:%Y-%m-%dT%H:%M:%SZ}"))
    assert sink.query("select count(*) as copies from transfers") == [{"copies": copies}]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_the_first_and_the_last_time_there_is(sink: DuckdbSink, time: str) -> None:
    for _ in range(2):
        write(sink, transfer(1, time=time))
    assert sink.query("select count(*) as copies from transfers") == [{"copies": 1}]


def test_columns_that_a_newer_version_added_are_added_to_old_files(tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "lake.duckdb") as old:
        old.execute("create table transfers (id uuid primary key, time timestamp, event varchar)")
        old.execute(f"insert into transfers values ('{identify(1)}', '2026-01-01', 'done')")
    sink = DuckdbSink("duck", DuckdbOptions(), tmp_path)
    write(sink, transfer(2, name="new"))
    assert sink.query("select id, name from transfers order by event, name nulls first") == [
        {"id": identify(1)},
        {"id": identify(2), "name": "new"},
    ]
    sink.close()


def test_only_the_datasets_that_it_takes_have_tables(tmp_path: Path) -> None:
    sink = DuckdbSink("duck", DuckdbOptions(datasets=["hosts"]), tmp_path)
    assert [row["name"] for row in sink.query("show tables")] == ["hosts"]
    sink.close()


def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    """Memory that does not suffice, and nowhere to spill to: another write may pass."""
    sink = DuckdbSink("duck", DuckdbOptions(memory_limit="2MB"), tmp_path)
    sink.connection.execute("set temp_directory = ''")
    documents = [transfer(number, error="x" * 1000) for number in range(5000)]
    with pytest.raises(TransientError, match="Out of Memory"):
        write(sink, *documents)
    sink.connection.execute("set memory_limit = '512MB'")
    write(sink, *documents)
    assert sink.query("select count(*) as n from transfers") == [{"n": 5000}]
    sink.close()


def test_all_that_rucio_and_scripts_say_is_stored(sink: DuckdbSink) -> None:
    events = events_of("hermes", hermes(56)) | events_of("push", scripts(9))
    write(sink, *events.values())
    for id_, event in events.items():
        (found,) = sink.find(event.dataset, "id", [id_])
        assert found.keys() == plain(event).keys()
    (document,) = sink.query("select data from push limit 1")
    assert isinstance(document["data"], dict)


def test_a_script_may_say_anything(sink: DuckdbSink) -> None:
    event = Push(
        id=identify("anything"),
        time="2026-01-01T00:00:00Z",
        source="push",
        producer="p",
        type="t",
        data={
            "deep": {"er": [[[]]]},
            "big": 2**63 - 1,
            "small": 5e-324,
            "null": None,
            "": "\0",
            "ü": "\u2028",
        },
    )
    write(sink, event)
    assert sink.find("push", "producer", ["p"])[0]["data"] == event.data


def test_old_events_are_deleted_a_day_at_a_time(tmp_path: Path) -> None:
    """Those of the datasets that the option names, up to its days before now; what comes later is stored as ever."""
    options = DuckdbOptions.model_validate(
        {"retention_days": {"transfers": 2}, "datasets": ["transfers", "hosts"]}
    )
    sink = DuckdbSink("duck", options, tmp_path)
    write(
        sink, *(transfer(day, time=f"2026-01-{day:02}T06:00:00Z") for day in range(1, 10)), event_of("hosts")
    )
    now = datetime.fromisoformat("2026-01-09T06:00:00+00:00")
    stop = threading.Event()
    stop.set()
    assert sink.expire(now, stop) == {}
    assert sink.expire(now, threading.Event()) == {"transfers": 6}
    assert sink.expire(now, threading.Event()) == {}
    kept = sink.query("select time from transfers order by time")
    assert [row["time"][:10] for row in kept] == ["2026-01-07", "2026-01-08", "2026-01-09"]
    assert len(sink.query("select id from hosts")) == 1
    write(sink, transfer(1, time="2026-01-09T07:00:00Z"))
    assert len(sink.query("select id from transfers")) == 4
    sink.close()


def test_it_closes_under_a_question_that_takes_long(tmp_path: Path) -> None:
    sink = DuckdbSink("lake", DuckdbOptions(), tmp_path)
    errors: list[str] = []

    def ask() -> None:
        try:
            sink.query("select sum(sqrt(i)) from range(100000000000) as t(i)")
        except RefusedError as error:
            errors.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: bool(sink._cursors), 10)
    begun = time.process_time()
    until(lambda: time.process_time() > begun + 0.3, 10)  # it has not only been asked, it is being answered
    sink.close()
    asking.join(20)
    assert not asking.is_alive()
    assert "nterrupt" in errors[0]


def test_memory_is_released_when_nobody_asks_or_writes(
    sink: DuckdbSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(sink, *(transfer(number) for number in range(3)))
    limits: list[str] = []

    def limit(memory: str) -> None:
        limits.append(memory)
        DuckdbSink._limit(sink, memory)

    monkeypatch.setattr(sink, "_limit", limit)
    rows = sink._rows("select * from transfers")
    next(rows)
    sink.release_memory()  # a question is under way
    rows.close()
    with sink._lock:
        sink.release_memory()  # as while something is written
    assert limits == []
    before = sink.query("select current_setting('memory_limit') as text")
    sink.release_memory()
    assert limits == ["64.0MB", "512MB"]
    assert sink.query("select current_setting('memory_limit') as text") == before
    assert len(sink.query("select * from transfers")) == 3
