"""InfluxDB: whatever an event holds comes back from a real one as it was written, each event one point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lakescope.app.query import ask
from lakescope.app.words import parse
from lakescope.core.columns import columns
from lakescope.core.contracts import Finding, RefusedError, TransientError
from lakescope.core.events import DATASETS, Did, Event, Host, Push, RucioMetric, Storage, Transfer
from lakescope.core.personal import PERSONAL
from lakescope.sinks import _influxdb_people
from lakescope.sinks.influxdb import MAX_STRING, TAGS, InfluxdbOptions, InfluxdbSink
from lakescope.transformers._common import identify
from tests.contract._http import Answer, HttpServer
from tests.e2e._lakescope import influxdb_rows
from tests.servers.fixtures import StartServer
from tests.servers.influxdb import InfluxDB
from tests.sinks._events import event_of

PROPERTY = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NASTY = r""" ,=\"'#{}$äß漢字😀""" + "\n\r\t\0"
TEXTS = st.text(st.one_of(st.sampled_from(NASTY), st.characters(exclude_categories=["Cs"])), max_size=12)
INT64 = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@dataclass
class Store:
    """A real database, and the sink that writes to it."""

    url: str
    database: str
    sink: InfluxdbSink
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def id(self) -> str:
        """An id that no other event has."""
        return identify(next(self.numbers))

    def write(self, events: Sequence[Event]) -> None:
        """Writes events as the engine does."""
        chunks = [chunk for chunk in self.sink.encode(events, []) if chunk is not None]
        assert len(chunks) == len(events)
        outcome = self.sink.write(chunks)
        assert not outcome.rejected and not outcome.retry

    def rows(self, measurement: str) -> dict[str, dict[str, Any]]:
        """id -> row, every id once."""
        rows = influxdb_rows(self.url, self.database, measurement)
        found = {row["id"]: row for row in rows}
        assert len(found) == len(rows)
        return found

    def back(self, measurement: str, events: Sequence[Event]) -> list[dict[str, Any]]:
        """Writes events; their rows, in the events' order."""
        self.write(events)
        rows = self.rows(measurement)
        return [rows[event.id] for event in events]


@pytest.fixture
def store(influxdb: InfluxDB, influx_database: str) -> Iterator[Store]:
    """An empty one."""
    options = InfluxdbOptions(url=influxdb.url, database=influx_database)
    sink = InfluxdbSink("influx", options, Path())
    yield Store(influxdb.url, influx_database, sink)
    sink.close()


def transfer(id_: str, time: str = "2026-01-01T00:00:00.123456Z", **fields: Any) -> Transfer:
    """A transfer with that much of it known."""
    return Transfer(id=id_, time=time, source="rucio", event="done", **fields)


def as_tag(text: str) -> str | None:
    """What line protocol can keep of a tag's value: no line ends, no backslash at its end, not nothing."""
    if not text:
        return None
    kept = text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t").rstrip("\\")
    return kept or "_"


# --- round trips -----------------------------------------------------------------------------------------


@PROPERTY
@given(texts=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8))
@example(texts=[("a\\,b=c d", 'x"y\\'), ("\\", "\\"), (",", ""), ("=", "\n"), (" ", '"'), ("#", "\0")])
@example(texts=[("a\\ b", "a\\\\"), ("\\\\,", '\\"'), ("a\\=b\\", '"\\')])
def test_any_text_comes_back_as_tag_and_as_field(store: Store, texts: list[tuple[str, str]]) -> None:
    events = [transfer(store.id(), activity=tag, name=value) for tag, value in texts]
    for row, (tag, value) in zip(store.back("transfers", events), texts, strict=True):
        assert row.get("activity") == as_tag(tag)
        assert row["name"] == value


@PROPERTY
@given(sizes=st.lists(INT64, min_size=1, max_size=8), values=st.lists(FLOATS, min_size=1, max_size=8))
@example(
    sizes=[-(2**63), 2**63 - 1, 0], values=[5e-324, -0.0, 1.7976931348623157e308, 1e16, 123456789.123456789]
)
def test_any_number_comes_back(store: Store, sizes: list[int], values: list[float]) -> None:
    events = [transfer(store.id(), bytes=size) for size in sizes]
    assert [row["bytes"] for row in store.back("transfers", events)] == sizes
    hosts = [
        Host(id=store.id(), time="2026-01-01T00:00:00Z", source="collectd", host="h", metric=f"m{n}", value=value,
             type="gauge")
        for n, value in enumerate(values)
    ]  # fmt: skip
    for row, value in zip(store.back("hosts", hosts), values, strict=True):
        assert float(row["value"]) == value


KEYS = st.text(
    st.one_of(st.sampled_from(" ,=\\\"'é_-."), st.characters(exclude_categories=["Cs", "Cc"])),
    min_size=1,
    max_size=8,
)


@PROPERTY
@given(data=st.dictionaries(KEYS, st.one_of(TEXTS, FLOATS, st.booleans(), INT64), min_size=1, max_size=6))
@example(data={"time": 1.5, "id": "mine", "vo": "mine", "source": "x", "producer": True})
def test_any_document_of_a_script_comes_back(store: Store, data: dict[str, Any]) -> None:
    """Whatever its keys are called: `time` is InfluxDB's own word, `id` and others are the event's."""
    taken = {"time", *(column.name for column in columns("push"))} - {"data", "idb_tags", "idb_fields"}
    id_ = store.id()
    event = Push(id=id_, time="2026-01-01T00:00:00Z", source="push", producer="p", type=f"t{id_}", data=data)
    (row,) = store.back(f"push_p_t{id_}", [event])
    names = {f"data_{key}" if key in taken else key: value for key, value in data.items()}
    wanted = {key.rstrip("\\") or "_": value for key, value in names.items()}
    if len(wanted) == len(data):  # two keys that differ in a backslash at the end become one
        for key, value in wanted.items():
            is_number = type(value) in (int, float)
            assert (float(row[key]) if is_number else row[key]) == (float(value) if is_number else value), key
    assert (row["id"], row["producer"]) == (id_, "p")


@PROPERTY
@given(labels=st.dictionaries(KEYS, TEXTS, max_size=5))
@example(labels={"host": "x", "value": "y", "id": "z", "time": "t", "empty": ""})
def test_any_label_of_a_host_is_a_tag(store: Store, labels: dict[str, str]) -> None:
    event = Host(
        id=store.id(), time="2026-01-01T00:00:00Z", source="telegraf", host="h", metric="m", value=1.0,
        type="gauge", labels=labels or None,
    )  # fmt: skip
    taken = {"time", "labels", *(column.name for column in columns("hosts"))} - {"labels"}
    (row,) = store.back("hosts", [event])
    assert (row["host"], row["value"], row["id"]) == ("h", 1.0, event.id)
    names = {
        (f"label_{key}" if key in taken else key).rstrip("\\") or "_": as_tag(v) for key, v in labels.items()
    }
    if len(names) == len(labels):
        assert {key: row.get(key) for key in names} == names


# --- what does not fit -----------------------------------------------------------------------------------


def test_a_string_is_cut_at_what_influxdb_takes(store: Store) -> None:
    longest, longer = "x" * MAX_STRING, "ü" * MAX_STRING
    events = [transfer(store.id(), error=longest), transfer(store.id(), error=longer)]
    first, second = store.back("transfers", events)
    assert first["error"] == longest
    assert second["error"] == "ü" * (MAX_STRING // 2)


@pytest.mark.parametrize(
    "fields",
    [
        {"bytes": 2**63},
        {"bytes": -(2**63) - 1},
        {"activity": "x" * 2**16},
        {"time": "0001-01-01T00:00:00Z"},
        {"time": "9999-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_what_influxdb_cannot_hold_is_refused_and_its_neighbours_are_not(
    store: Store, fields: dict[str, Any]
) -> None:
    good, bad = transfer(store.id()), transfer(store.id(), **fields)
    with pytest.raises(RefusedError, match=r"^127\.0\.0\.1 answered 400: "):
        store.write([bad])
    store.write([good])
    assert store.rows("transfers").keys() == {good.id}


def test_a_field_of_another_type_is_refused(store: Store) -> None:
    line = "transfers bytes=1.5 1767225600000000000"
    query = {"db": store.database}
    httpx.post(f"{store.url}/write", params=query, content=line, trust_env=False).raise_for_status()
    with pytest.raises(RefusedError, match="field type conflict"):
        store.write([transfer(store.id(), bytes=1)])


# --- one event, one point --------------------------------------------------------------------------------


def test_events_of_one_instant_stay_apart_and_a_repeat_stays_one(store: Store) -> None:
    """Rucio submits hundreds of files in one microsecond, all alike but for their names."""
    events = [transfer(identify(number), name=f"f{number}") for number in range(1000)]
    for _ in range(2):
        store.write(events)
        assert {row["name"] for row in store.rows("transfers").values()} == {event.name for event in events}


def test_a_points_second_is_its_events(store: Store) -> None:
    """So every group of whole seconds holds the same events in every store."""
    times = [
        "2026-01-01T23:59:59.999999Z",
        "2026-01-02T00:00:00Z",
        "2026-01-02T00:00:00.5Z",
        "1971-01-01T00:00:00.123Z",
    ]
    events = [transfer(store.id(), time=time) for time in times]
    for row, time in zip(store.back("transfers", events), times, strict=True):
        second = httpx.get(
            f"{store.url}/query",
            params={"db": store.database, "q": f"SELECT source, id FROM transfers WHERE id = '{row['id']}'"},
            trust_env=False,
        ).json()["results"][0]["series"][0]["values"][0][0]
        assert second[:19] == time[:19]


def test_a_hosts_values_keep_their_microsecond(store: Store) -> None:
    """Rates are made of them: a second's error would be ten per cent of a usual interval."""
    times = {
        "2026-01-01T00:00:00Z": 0,
        "2026-01-01T00:00:10.5Z": 10_500_000,
        "2026-01-01T00:00:20.123456Z": 20_123_456,
    }
    events = [
        Host(id=store.id(), time=time, source="telegraf", host="h", metric="m", value=1, type="counter")
        for time in times
    ]
    start = 1767225600 * 10**6
    assert [row["time"] // 1000 - start for row in store.back("hosts", events)] == list(times.values())


# --- the shape of points ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset", DATASETS)
def test_tags_are_fields_of_the_dataset(dataset: str) -> None:
    names = {column.name for column in columns(dataset)}
    assert set(TAGS[dataset]) <= names
    unbounded = {"id", "time", "request_id", "error", "src_url"}
    if dataset != "pipeline":  # whose name is a collector's or sink's
        unbounded.add("name")
    assert not unbounded & set(TAGS[dataset])


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_field_has_one_type_whatever_its_value(store: Store, dataset: str) -> None:
    """A number that happens to be whole, an event that knows little: InfluxDB sees the same types."""
    kinds: dict[str, object] = {
        "integer": 7,
        "float": 7,
        "boolean": True,
        "time": "2026-01-01T00:00:00Z",
        "labels": {"a": "b"},
    }
    kinds |= {"object": {"n": 1, "s": "x", "b": False, "f": 1.5}, "keywords": ["n"]}
    values: dict[str, Any] = {column.name: kinds.get(column.kind, "text") for column in columns(dataset)}
    full = DATASETS[dataset](**values | {"id": store.id()})
    fewer = {c.name: values[c.name] for c in columns(dataset) if c.required or c.name in ("value", "status")}
    few = DATASETS[dataset](**fewer | {"id": store.id(), "time": "2026-01-01T00:00:01Z"})
    measurement = dataset if dataset != "push" else "push_text_text"
    row, sparse = store.back(measurement, [full, few])
    for column in columns(dataset):
        if column.kind in ("labels", "object", "keywords") or column.name in (*TAGS[dataset], "time", "id"):
            continue
        assert row[column.name] == values[column.name]
        assert (column.name in sparse) == (column.name in fewer), "null is left out"
    keys = httpx.get(
        f"{store.url}/query", params={"db": store.database, "q": "SHOW FIELD KEYS"}, trust_env=False
    ).json()["results"][0]["series"][0]["values"]
    types = dict(keys)
    assert len(types) == len(keys)
    wanted = {"integer": "integer", "float": "float", "boolean": "boolean"}
    for column in columns(dataset):
        if column.name in types:
            kind = "integer" if column.name == "ok" else column.kind  # for its mean
            assert types[column.name] == wanted.get(kind, "string")


def test_a_script_names_its_own_tags_and_fields(store: Store) -> None:
    data = {"site": "CNAF", "used": 5, "free": 7, "note": None, "nested": {"a": 1}, "list": [1]}
    event = Push(
        id=store.id(), time="2026-01-01T00:00:00Z", source="push", producer="my producer", type="my,type",
        data=data, idb_tags=["site", "missing"], idb_fields=["used", "note", "nested"],
    )  # fmt: skip
    (row,) = store.back("push_my producer_my,type", [event])
    assert row.keys() == {"time", "id", "source", "producer", "type", "site", "used"}
    tags = httpx.get(
        f"{store.url}/query", params={"db": store.database, "q": "SHOW TAG KEYS"}, trust_env=False
    ).json()["results"][0]["series"][0]["values"]
    assert [key for (key,) in tags] == ["producer", "site", "source", "type"]


# --- setup and faults ------------------------------------------------------------------------------------


def test_setup_makes_the_database_with_its_retention_again_and_again(
    influxdb: InfluxDB, unique_name: str
) -> None:
    name = f'{unique_name} "quoted"'

    def policies() -> list[list[Any]]:
        quoted = name.replace('"', '\\"')
        query = {"q": f'SHOW RETENTION POLICIES ON "{quoted}"'}
        answer = httpx.get(f"{influxdb.url}/query", params=query, trust_env=False).json()
        found: list[list[Any]] = answer["results"][0]["series"][0]["values"]
        return found

    for days, duration in ((None, "0s"), (90, "2160h0m0s"), (None, "0s")):
        sink = InfluxdbSink(
            "i", InfluxdbOptions(url=influxdb.url, database=name, retention_days=days), Path()
        )
        for _ in range(2):
            assert [finding.level for finding in sink.setup()] == ["done", "done"]
        sink.close()
        assert [(policy[0], policy[1], policy[-1]) for policy in policies()] == [("autogen", duration, True)]


@pytest.mark.parametrize(
    ("days", "shard"), [(1, "1h0m0s"), (2, "24h0m0s"), (6, "24h0m0s"), (7, "24h0m0s"), (400, "168h0m0s")]
)
def test_any_retention_can_be_set_up(influxdb: InfluxDB, influx_database: str, days: int, shard: str) -> None:
    """InfluxDB refuses a retention shorter than its shards, which last 7 days unless one says otherwise."""
    options = InfluxdbOptions(url=influxdb.url, database=influx_database, retention_days=days)
    sink = InfluxdbSink("i", options, Path())
    assert [finding.level for finding in sink.setup()] == ["done", "done"]
    ((series,),) = (
        result["series"] for result in sink.query(f'SHOW RETENTION POLICIES ON "{influx_database}"')
    )
    sink.close()
    assert series["values"][0][:3] == ["autogen", f"{24 * days}h0m0s", shard]


NAMES = ["ends in \\", "\\", "a\tb", "a\nb", "a\r\nb", "it's", 'say "x"', "a\\nb", "a\\\\b", "a,b=c d"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_found_by_what_it_was_and_by_what_is_shown(store: Store, name: str) -> None:
    """Line protocol cannot hold some names as they are: a question for them is asked as they are stored."""
    fields: dict[str, Any] = {"kind": "transfer", "ok": True}
    store.write(
        [
            transfer(identify(1), activity=name, name=name, **fields),
            transfer(identify(2), activity="other", name="x", **fields),
        ]
    )
    shown = store.rows("transfers")[identify(1)]["activity"]
    for text in {name, shown}:
        assert [event["id"] for event in store.sink.find("transfers", "activity", [text])] == [identify(1)]
        query = parse("transfers_done", filters=[f"activity={text}"], since="2026-01-01", until="2026-01-02")
        assert ask(query, store.sink) == [{"value": 1}]
    assert [event["id"] for event in store.sink.find("transfers", "name", [name])] == [identify(1)]


@pytest.mark.parametrize("page", [2, 10_000])
def test_a_forgotten_name_leaves_all_else_as_it_was(
    store: Store, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_influxdb_people, "PAGE", page)
    events: list[Event] = []
    for dataset, fields in PERSONAL.items():
        for minute, name in enumerate(("jdoe", "jdoes", "jdoe", "ada", "jdoe")):
            event = msgspec.structs.replace(
                event_of(dataset), id=store.id(), time=f"2026-03-20T10:0{minute}:00Z"
            )
            events.append(msgspec.structs.replace(event, **dict.fromkeys(fields, name)))
    day = "2026-03-20T10:00:00Z"
    did = {"source": "rucio", "event": "open", "scope": "of-jdoe", "child_scope": "user.jdoe"}
    labels = {'k"e\\y': "jdoe", "other": "jdoes"}
    metric = {
        "source": "rucio-api",
        "component": "c",
        "instance": "i",
        "series": "m{jdoe}",
        "metric": "m",
        "kind": "gauge",
        "value": 5.0,
    }
    events.append(Did(id=store.id(), time=day, **did))  # type: ignore[arg-type]
    events.append(RucioMetric(id=store.id(), time=day, account="jdoe", labels=labels, **metric))  # type: ignore[arg-type]
    store.write(events)
    measurements = {event.dataset for event in events}
    before = {name: store.rows(name) for name in measurements}
    changed = store.sink.forget("jdoe")  # type: ignore[attr-defined]
    after = {name: store.rows(name) for name in measurements}
    own = {
        event.id
        for event in events
        if any(getattr(event, name) == "jdoe" for name in PERSONAL[event.dataset])
    }
    own.add(events[-2].id)
    assert changed == Counter(event.dataset for event in events if event.id in own)
    assert own and len(own) < len(events)
    for name, rows in before.items():
        assert after[name].keys() == rows.keys(), name
        for id_, row in rows.items():
            new = after[name][id_]
            changes = {key for key, value in row.items() if new.get(key) != value}
            assert bool(changes) == (id_ in own), (name, row, new)
            for key in changes:
                assert new[key] == row[key].replace("jdoe", "forgotten"), (name, key)
            assert id_ not in own or "jdoe" not in str(new).replace("jdoes", ""), new
    assert store.sink.forget("jdoe") == {}  # type: ignore[attr-defined]


def test_setup_tells_what_the_server_refuses(influxdb: InfluxDB) -> None:
    """InfluxDB answers 200 all the same."""
    sink = InfluxdbSink("i", InfluxdbOptions(url=influxdb.url, database="no/slashes"), Path())
    (finding,) = sink.setup()
    assert finding == Finding("error", "database no/slashes: invalid name")
    sink.close()


def test_a_database_that_is_not_there_waits_for_setup(influxdb: InfluxDB, unique_name: str) -> None:
    """404 is no fault of the events."""
    sink = InfluxdbSink("i", InfluxdbOptions(url=influxdb.url, database=unique_name), Path())
    chunks = sink.encode([transfer("0" * 32)], [])
    with pytest.raises(TransientError, match=f'404: .*database not found: \\\\"{unique_name}'):
        sink.write([chunk for chunk in chunks if chunk])
    assert Finding("done", f"database {unique_name}") in list(sink.setup())
    sink.write([chunk for chunk in chunks if chunk])
    sink.close()


def test_a_count_is_a_storages_field(store: Store) -> None:
    """Bytes beyond what a float holds exactly."""
    event = Storage(id=store.id(), time="2026-01-01T00:00:00Z", source="push", rse="R", used=2**60 + 1)
    (row,) = store.back("storage", [event])
    assert row["used"] == 2**60 + 1


# --- what lasts, what passes, what is no answer ----------------------------------------------------------

JSON = (("content-type", "application/json"),)


@pytest.mark.parametrize("generation", [{"database": "d"}, {"bucket": "b", "org": "o", "token": "t"}])
@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (500, "partial write: points beyond retention policy dropped=3", RefusedError),
        (500, "failure writing points to database: partial write: field type conflict: ...", RefusedError),
        (422, "failure writing points: dropped points outside retention policy", RefusedError),
        (500, "partial write", TransientError),  # a cluster lacked a node
        (500, "timeout", TransientError),
        (503, "engine: cache-max-memory-size exceeded", TransientError),
    ],
)
def test_a_refusal_for_good_is_known_by_its_text(
    generation: dict[str, str], status: int, text: str, error: type[Exception]
) -> None:
    body = msgspec.json.encode({"code": "internal error", "message": text})
    with HttpServer(lambda _: Answer(status, body, JSON)) as server:
        sink = InfluxdbSink("i", InfluxdbOptions.model_validate({"url": server.url} | generation), Path())
        with pytest.raises(error, match=f"answered {status}"):
            sink.write(list(filter(None, sink.encode([transfer("0" * 32)], []))))
        sink.close()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>Login</html>", (("content-type", "text/html"),)),
        Answer(200, b'{"error": "unable to parse authentication credentials"}', JSON),
        Answer(200, b'{"results": [{"stat', JSON),
        Answer(200, b"[]", JSON),
    ],
    ids=["page", "error", "cut", "list"],
)
def test_what_is_no_answer_of_influxdb_is_none(answer: Answer) -> None:
    with HttpServer(lambda _: answer) as server:
        sink = InfluxdbSink("i", InfluxdbOptions(url=server.url, database="d"), Path())
        with pytest.raises(TransientError, match="a proxy"):
            sink.query("SHOW DATABASES")
        with pytest.raises(TransientError, match="a proxy"):
            sink.write(list(filter(None, sink.encode([transfer("0" * 32)], []))))
        sink.close()


@pytest.mark.server("influxdb")
def test_a_server_that_limits_rows_cuts_no_answer(start_server: StartServer) -> None:
    server = start_server(InfluxDB, http_settings={"max-row-limit": 30})
    sink = InfluxdbSink("i", InfluxdbOptions(url=server.url, database="d"), Path())
    list(sink.setup())
    events = [
        transfer(
            identify(n), f"2026-01-05T{n % 20:02}:00:00Z", src_rse=f"SITE-{n // 20}", kind="transfer", ok=True
        )
        for n in range(40)
    ]
    sink.write(list(filter(None, sink.encode(events, []))))
    options: dict[str, Any] = {"by": ["src_rse"], "since": "2026-01-05", "until": "2026-01-06"}
    binned = ask(parse("transfers_done", bin="1h", **options), sink)
    assert sum(row["value"] or 0 for row in binned) == 40
    assert len(sink.find("transfers", "event", ["done"])) == 40
    rows = ask(parse("transfers_done", **options), sink)
    assert [row["value"] for row in rows] == [20, 20]
    sink.close()
