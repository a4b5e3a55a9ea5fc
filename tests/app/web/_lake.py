"""A running Lakescope with three hours of a simulated lake, and some events that a test knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from lakescope.cli.simulate import write_topology
from lakescope.core.events import Transfer
from lakescope.simulator import make_lake, simulate
from lakescope.simulator.outputs import HttpPush
from tests.contract._running import Running
from tests.e2e._lakescope import until

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
END = START + timedelta(hours=3)
RANGE = f"since={START:%Y-%m-%dT%H:%M}&until={END:%Y-%m-%dT%H:%M}"
HOSTILE = '<script>document.title="taken"</script>"\'&'
SOURCES = ("rucio", "fts", "perfsonar")
RETRIED = "a" * 32
"""A request that fails; `RETRY` retries it and arrives."""
RETRY = "b" * 32


@contextmanager
def running_lake(directory: Path) -> Iterator[Running]:
    """One with all of it stored; its store is called duck, one that takes hosts only is called hosts."""
    lake = make_lake()
    write_topology(directory / "topology", lake)
    files = "\n".join(
        f'{key} = "{directory}/topology/{name}.json"'
        for key, name in (("rses", "rses"), ("services", "services"), ("sites", "rcsites"))
    )
    configuration = (
        f"[pipeline]\nbatch_age_s = 0.05\n[topology]\n{files}\n"
        '[collectors.push]\ntype = "http"\n'
        f'[sinks.duck]\ntype = "duckdb"\n'
        f'[sinks.hosts]\ntype = "duckdb"\npath = "{directory}/hosts.duckdb"\ndatasets = ["hosts"]\n'
        f'[sinks.lines]\ntype = "jsonl"\ndirectory = "{directory}/lines"\n'
    )
    with Running(directory, configuration) as running:
        sent = 0
        with HttpPush(running.url, patience=20, batch=500) as output:
            for wire in simulate(lake, seed=3, start=START, end=END, rate=300, sources=SOURCES):
                output.write(wire)
                sent += 1
        until(lambda: running.acknowledged(sent), 60, running.status.document)
        _store(running, _known())
        yield running


def _store(running: Running, events: list[Transfer]) -> None:
    sink = running.assembly.sinks["duck"]
    outcome = sink.write(sink.encode(events, [msgspec.json.encode(event) for event in events]))
    assert not (outcome.retry or outcome.rejected)


def _known() -> list[Transfer]:
    """From the hostile site to PIC: one that fails and is retried; FTS tells of it, too."""
    common = {
        "source": "rucio",
        "src_site": HOSTILE,
        "dst_site": "PIC",
        "src_rse": HOSTILE,
        "functional_test": False,
    }

    def at(minute: int) -> str:
        return f"{START + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"

    def event(number: int, minute: int, name: str, request: str, **rest: object) -> Transfer:
        given = common | {
            "request_id": request,
            "job_id": f"job-{request[0]}",
            "name": "file.root",
            "scope": "ska",
        }
        return Transfer(id=f"{number:032x}", time=at(minute), event=name, **(given | rest))  # type: ignore[arg-type]

    failure = {
        "ok": False,
        "error": f"CONNECT refused by {HOSTILE}",
        "error_class": "0123456789ab",
        "error_scope": "SOURCE",
    }
    steps = {"created": at(10), "submitted": at(12), "started": at(14), "ended": at(15)}
    again = {"created": at(20), "submitted": at(21), "started": at(22), "ended": at(30)}
    nowhere = failure | {"src_site": None, "src_rse": None}
    return [
        event(7, 40, "failed", "c" * 32, **nowhere),
        event(1, 10, "queued", RETRIED),
        event(2, 12, "submitted", RETRIED),
        event(3, 15, "failed", RETRIED, **failure, **steps),
        event(4, 15, "failed", RETRIED, source="fts", endpoint="fts.example", **failure),
        event(5, 20, "queued", RETRY, previous_request_id=RETRIED),
        event(6, 30, "done", RETRY, ok=True, bytes=5_000_000_000, previous_request_id=RETRIED, **again),
    ]
