"""The main job on a real Rucio: what its tables say is what Lakescope's stores hold, and what FTS says too.

The current release, or the one that the environment variable RUCIO_VERSION names (tests/servers/rucio.py: LONG_TERM).
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest

from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser
from lakescope.transformers.enrichment import Enrichment
from tests.e2e._lakescope import (
    Lakescope,
    duckdb_events,
    elasticsearch_events,
    influxdb_ids,
    until,
)
from tests.servers.activemq import ActiveMQ
from tests.servers.elasticsearch import Elasticsearch
from tests.servers.fixtures import delete_indices
from tests.servers.fts import Fts
from tests.servers.influxdb import InfluxDB
from tests.servers.rucio import CURRENT, Rucio, RucioReceiver
from tests.servers.rucio_job import ON_TAPE, run_job
from tests.servers.rucio_lake import Lake
from tests.servers.storage import Storage

pytestmark = pytest.mark.server("rucio")
NAME = "rucio41"
KINDS = ("start", "complete", "state")
EXPECTED_KINDS = {
    *(
        f"transfer-{state}"
        for state in ("queued", "submitted", "submission_failed", "done", "failed", "lost")
    ),
    *("deletion-done", "deletion-failed", "deletion-not-found"),
    *("create_dts", "close", "erase", "rule_ok", "rule_progress"),
}
KPIS = {
    "transfers_done": "dst_rse",
    "transfer_volume": "dst_rse",
    "transfers_failed": "dst_rse",
    "submission_failures": "dst_rse",
    "deletions_done": "rse",
    "deletion_volume": "rse",
    "fts_finished": "dst_rse",
    "fts_volume": "dst_rse",
}
FIELDS = {
    "job_id": "external_id",
    "scope": "scope",
    "name": "name",
    "activity": "activity",
    "account": "account",
    "src_rse": "src_rse",
    "dst_rse": "dst_rse",
    "adler32": "adler32",
    "dst_url": "dest_url",
}
"""The event's name -> Rucio's column."""
TIMES = {
    "created": "created_at",
    "submitted": "submitted_at",
    "started": "started_at",
    "ended": "transferred_at",
}
Row = dict[str, Any]


@dataclass
class Job:
    """The job when all is done: Rucio's own tables, what FTS sent, and the events in each store."""

    lake: Lake
    tables: dict[str, list[Row]]
    fts: list[tuple[str, Row]]
    deleted: list[str]
    """Paths that the storage deleted."""
    kpis: dict[str, dict[str, dict[str, float]]]
    ids: dict[str, list[str]]
    events: list[Row]

    def of_rucio(self, dataset: str) -> list[Row]:
        """Rucio's events of a dataset."""
        return [event for event in self.events if event["dataset"] == dataset and event["source"] == "rucio"]


def configuration(broker: ActiveMQ, es: Elasticsearch, influx: InfluxDB) -> str:
    """Hermes' messages and FTS's three kinds, into the three stores."""
    collectors = "".join(
        f"""
[collectors.{kind}]
type = "stomp"
format = "{"hermes" if kind == "hermes" else "fts"}"
brokers = ["{broker.stomp_url}"]
destination = "/queue/Consumer.lakescope.VirtualTopic.{NAME}_{kind}"
"""
        for kind in ("hermes", *KINDS)
    )
    return f"""{collectors}
[pipeline]
health_s = 0  # a slow machine takes long enough for reports of Lakescope's own
[sinks.es]
type = "elasticsearch"
urls = ["{es.url}"]
prefix = "{NAME}"
replicas = 0
[sinks.influx]
type = "influxdb"
url = "{influx.url}"
database = "{NAME}"
[sinks.duck]
type = "duckdb"
"""


@pytest.fixture(scope="module")
def job(
    tmp_path_factory: pytest.TempPathFactory,
    activemq: ActiveMQ,
    elasticsearch: Elasticsearch,
    influxdb: InfluxDB,
) -> Iterator[Job]:
    """All of it, once: the tests look at it from several sides."""
    folder = tmp_path_factory.mktemp("rucio")
    topic = f"/topic/VirtualTopic.{NAME}"
    rucio = Rucio(folder / "rucio", version=os.environ.get("RUCIO_VERSION", CURRENT))
    fts = Fts(activemq, topic)
    lakescope = Lakescope(folder, configuration(activemq, elasticsearch, influxdb))
    storage = Storage()
    with rucio, storage, lakescope:
        lakescope.command("setup")
        lakescope.start()
        until(lambda: not lakescope.status()["reasons"], 60, lakescope.tail)
        with fts:
            receiver = RucioReceiver(rucio, activemq, f"Consumer.rucio.VirtualTopic.{NAME}_complete")
            lake = run_job(
                rucio, fts, storage, "lake", lambda: rucio.hermes(activemq, f"{topic}_hermes"), receiver
            )
        tables = read_tables(rucio)
        sent = len(tables["messages_history"]) + len(fts.sent)
        until(lambda: lakescope.drained(sent), 60, lakescope.brief)
        httpx.post(
            f"{elasticsearch.url}/_refresh", timeout=60
        ).raise_for_status()  # what is stored can be searched
        kpis = {store: ask_kpis(lakescope, store) for store in ("duck", "es", "influx")}
        assert lakescope.stop() == 0
    ids = {
        "es": sorted(document["_id"] for _, document in elasticsearch_events(elasticsearch.url, NAME)),
        "influx": sorted(influxdb_ids(influxdb.url, NAME)),
    }
    events = [event for event in duckdb_events(next(lakescope.data_dir.glob("*.duckdb"))) if is_of_job(event)]
    yield Job(lake, tables, fts.sent, storage.deleted, kpis, ids, events)
    delete_indices(elasticsearch.url, NAME)


def is_of_job(event: Row) -> bool:
    """Lakescope's own words on itself are none."""
    return event["dataset"] not in ("pipeline", "polls")


def read_tables(rucio: Rucio) -> dict[str, list[Row]]:
    """Rucio's tables as rows of JSON, each of them with the names of its RSEs."""
    names = "(select id, rse from rses)"
    queries = {
        "requests": f"""select r.*, s.rse as src_rse, d.rse as dst_rse from requests_history r
            left join {names} s on s.id = r.source_rse_id left join {names} d on d.id = r.dest_rse_id""",
        "replicas": f"select r.*, n.rse from replicas r join {names} n on n.id = r.rse_id",
        "rules": "select * from rules_history",
        "messages_history": "select * from messages_history order by created_at",
        "messages": "select * from messages",
    }
    return {
        name: [
            json.loads(row)
            for row in rucio.database.execute(f"select row_to_json(t) from ({query}) t", "rucio").splitlines()
        ]
        for name, query in queries.items()
    }


def ask_kpis(lakescope: Lakescope, store: str) -> dict[str, dict[str, float]]:
    """KPI -> RSE -> number, as `lakescope query` and the dashboards have it."""
    answers: dict[str, dict[str, float]] = {}
    for kpi, by in KPIS.items():
        parameters = {"since": "1h", "by": by, "store": store}
        answer = httpx.get(
            f"{lakescope.url}/api/kpis/{kpi}", params=parameters, timeout=60
        ).raise_for_status()
        answers[kpi] = {row[by]: row["value"] for row in answer.json()["rows"]}
    return answers


def moment(text: str | None) -> datetime | None:
    """A time of Rucio's database or of an event, both UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def test_every_message_is_one_event_in_each_store(job: Job) -> None:
    assert job.tables["messages"] == []  # Hermes has sent them all
    sent = Counter(message["event_type"].lower() for message in job.tables["messages_history"])
    names = {
        "transfers": "{kind}-{event}",
        "deletions": "deletion-{event}",
        "dids": "{event}",
        "rules": "rule_{event}",
    }
    stored = Counter(
        names[dataset].format(**event).replace("deletion-not_found", "deletion-not-found")
        for dataset in names
        for event in job.of_rucio(dataset)
    )
    assert stored == sent
    assert len(EXPECTED_KINDS - stored.keys()) == 0
    from_fts = [event for event in job.events if event["source"] == "fts"]
    assert len(from_fts) == len(job.fts)
    ids = sorted(event["id"] for event in job.events)
    assert len(set(ids)) == len(ids)
    assert job.ids["es"] == job.ids["influx"] == ids


def test_history_in_the_database_gives_the_events_that_hermes_sent(job: Job) -> None:
    """Format hermes_history, on the table as PostgreSQL gives it: the same events, field by field."""
    body = json.dumps(job.tables["messages_history"]).encode()
    batch = Normaliser(formats(), Enrichment(collector="hermes"))([Message(body, "hermes_history")])
    assert not batch.rejects and not batch.unknown
    decoded = {event.id: json.loads(msgspec.json.encode(event)) for event in batch.events}
    stored = {event["id"]: event for event in job.events if event["source"] == "rucio"}
    assert decoded.keys() == stored.keys()
    for id_, event in decoded.items():
        found = {key: value for key, value in stored[id_].items() if key in event or value is not None}
        assert found == {key: value for key, value in event.items() if value is not None}


def test_ended_requests_agree_with_their_table(job: Job) -> None:
    """Bytes, times, names and errors of each request that ended."""
    ends = {
        event["request_id"]: event
        for event in job.of_rucio("transfers")
        if event["event"] in ("done", "failed", "lost")
    }
    rows = {row["id"].replace("-", ""): row for row in job.tables["requests"] if row["state"] in "DFL"}
    unsent = [row for id_, row in rows.items() if id_ not in ends]
    assert ends.keys() <= rows.keys()
    # Rucio sends nothing of a hop that it gives up when it sees the one before it fail.
    assert all("Unused hop" in row["err_msg"] for row in unsent)
    for id_, event in ends.items():
        row = rows[id_]
        assert (event["event"], event["bytes"]) == (
            {"D": "done", "F": "failed", "L": "lost"}[row["state"]],
            row["bytes"],
        )
        for ours, theirs in FIELDS.items():
            assert event.get(ours) == row[theirs], (ours, event, row)
        for ours, theirs in TIMES.items():
            assert moment(event.get(ours)) == moment(row[theirs]), (ours, event, row)
        if "Unused hop" in (row["err_msg"] or ""):
            assert event.get("ok") is None
        else:
            assert event["ok"] == (row["state"] == "D")
        if event.get("error"):
            assert event["error"].removeprefix("The FTS job ") in row["err_msg"] or row["state"] == "L"


def test_kpis_of_each_store_agree_with_the_tables(job: Job) -> None:
    requests = job.tables["requests"]
    tried = [row for row in requests if "Unused hop" not in (row["err_msg"] or "")]
    expected = {
        "transfers_done": count(requests, "dst_rse", "D"),
        "transfer_volume": total(row for row in requests if row["state"] == "D"),
        "transfers_failed": count(tried, "dst_rse", "FL"),
        "submission_failures": count(requests, "dst_rse", "A"),
        "deletions_done": dict(
            Counter(rse for path in job.deleted for rse in job.lake.rses if job.lake.hosts[rse] in path)
        ),
    }
    for store, answers in job.kpis.items():
        for kpi, numbers in expected.items():
            assert {rse: value for rse, value in answers[kpi].items() if value} == numbers, (store, kpi)
        assert answers["fts_finished"] == answers["transfers_done"]
        assert answers["fts_volume"] == answers["transfer_volume"]
        sizes = {file.name: file.size for file in job.lake.files}
        assert sum(volume or 0 for volume in answers["deletion_volume"].values()) == sum(
            sizes[path.rpartition("/")[2]] for path in job.deleted
        )


def test_replicas_are_those_that_came_less_those_that_went(job: Job) -> None:
    came = {(event["dst_rse"], event["name"]) for event in job.of_rucio("transfers") if event.get("ok")}
    went = {
        (event["rse"], event["name"])
        for event in job.of_rucio("deletions")
        if event["event"] in ("done", "not_found")
    }
    copies = {(row["rse"], row["name"]): row["state"] for row in job.tables["replicas"]}
    assert not went & copies.keys()
    assert came - went <= {
        copy for copy, state in copies.items() if state in "AB"
    }  # available, being deleted
    catalogued = {(job.lake["A"], file.name) for file in job.lake.files} | {(job.lake["T"], ON_TAPE)}
    assert {copy for copy, state in copies.items() if state == "A"} - catalogued <= came - went


def test_fts_and_rucio_agree(job: Job) -> None:
    """Both witnesses of each transfer: end, size, times, link and error class."""
    attempts: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for event in job.events:
        if event["dataset"] == "transfers" and event["source"] == "fts" and event.get("ok") is not None:
            attempts[event["request_id"], event["job_id"]].append(event)
    rucio = {
        (event["request_id"], event["job_id"]): event
        for event in job.of_rucio("transfers")
        if event["event"] in ("done", "failed") and event.get("ok") is not None
    }
    assert attempts.keys() - rucio.keys() == set()
    assert rucio.keys() == attempts.keys()
    assert any(len(events) == 2 for events in attempts.values())  # FTS's own retry
    exact = set()
    for key, event in rucio.items():
        last = max(attempts[key], key=lambda attempt: attempt["time"])
        for field in (
            "ok",
            "bytes",
            "src_rse",
            "dst_rse",
            "src_host",
            "dst_host",
            "dst_url",
            "scope",
            "name",
        ):
            assert event.get(field) == last.get(field), (field, event, last)
        assert event.get("error_class") == last.get("error_class"), (event["error"], last["error"])
        if (
            last["event"] == "finished"
        ):  # on tape: the bytes came before, and the state message names no server
            continue
        assert event["endpoint"] == last["endpoint"]
        for field in ("started", "ended"):
            ours, theirs = moment(event[field]), moment(last[field])
            assert ours and theirs
            exact.add(ours == theirs)
            assert ours in (theirs, theirs.replace(microsecond=0)), (field, event, last)
    assert exact == {
        True,
        False,
    }  # the receiver has FTS's own times, the poller those of REST, in whole seconds


def test_rules_that_ended_well_are_known(job: Job) -> None:
    files: dict[str, set[str]] = defaultdict(set)
    copied: dict[str, set[str]] = defaultdict(set)
    requests = [
        row for row in job.tables["requests"] if row["rule_id"].strip("0-")
    ]  # a hop belongs to no rule
    for row in requests:
        files[row["rule_id"].replace("-", "")].add(row["name"])
        if row["state"] == "D":
            copied[row["rule_id"].replace("-", "")].add(row["name"])
    ended_well = {rule for rule, names in files.items() if names == copied[rule]}
    assert len(ended_well) == len(files) - 1 == 8
    assert {event["rule_id"] for event in job.of_rucio("rules") if event["event"] == "ok"} == ended_well
    assert files.keys() == {row["id"].replace("-", "") for row in job.tables["rules"]}
    queued = {
        event["request_id"]: event.get("rule_id")
        for event in job.of_rucio("transfers")
        if event["event"] == "queued"
    }
    assert set(queued.values()) == files.keys() | {None}
    for row in requests:
        assert queued[row["id"].replace("-", "")] == row["rule_id"].replace("-", "")


def count(rows: list[Row], by: str, states: str) -> dict[str, int]:
    """RSE -> requests in one of these states."""
    return dict(Counter(row[by] for row in rows if row["state"] in states))


def total(rows: Iterable[Row]) -> dict[str, int]:
    """Destination -> bytes."""
    sums: dict[str, int] = defaultdict(int)
    for row in rows:
        sums[row["dst_rse"]] += row["bytes"]
    return dict(sums)
