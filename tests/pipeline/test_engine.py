"""The engine: its batches, its bounds, its end, and that a fault of one thing is the fault of that thing only."""

from __future__ import annotations

import gzip
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from lakescope.collectors.files import FilesCollector, FilesOptions
from lakescope.core.contracts import Outcome
from lakescope.core.events import Event
from lakescope.core.inbox import Inbox
from lakescope.core.messages import DecodeResult, Message
from lakescope.core.plugins import load
from lakescope.pipeline.dead_letters import DeadLetters
from lakescope.pipeline.engine import ABORT_S, Engine, Pipeline
from lakescope.pipeline.normalise import Normaliser
from lakescope.pipeline.transform import SinkInput
from lakescope.sinks.jsonl import JsonlOptions, JsonlSink
from lakescope.transformers.enrichment import Enrichment
from tests.contract._bodies import events_of, hermes, ndjson
from tests.contract._http import Answer, HttpServer, Request
from tests.contract._running import QUICK, Running
from tests.e2e._lakescope import Lakescope, until

HTTP = '[collectors.push]\ntype = "http"\n'


def jsonl(name: str, directory: Path) -> str:
    """A sink as configuration. While its directory is away it tries again and again."""
    return f'[sinks.{name}]\ntype = "jsonl"\ndirectory = "{directory}"\n'


def push(url: str | None, bodies: Sequence[bytes]) -> None:
    """Pushes Hermes' bodies in one request."""
    headers = {"content-type": "application/x-ndjson"}
    answer = httpx.post(f"{url}/push/hermes", content=ndjson(bodies), headers=headers, trust_env=False)
    assert answer.status_code == 200, answer.text


def archived(directory: Path) -> Counter[str]:
    """Every stored line, and how often."""
    lines = (line for path in directory.iterdir() for line in path.read_bytes().splitlines())
    return Counter(msgspec.json.decode(line)["id"] for line in lines)


# --- batches ---------------------------------------------------------------------------------------------


def test_a_full_batch_does_not_wait(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    pipeline = "[pipeline]\nbatch_age_s = 3600\nbatch_messages = 10\n"
    with Running(tmp_path, pipeline + HTTP + jsonl("a", tmp_path / "a")) as running:
        push(running.url, hermes(25))
        until(lambda: running.acknowledged(20), 10, running.status.balance)
        assert len(archived(tmp_path / "a")) == 20
        assert running.stop()  # a stop does not wait either
        assert len(archived(tmp_path / "a")) == 25


def test_a_lonely_message_waits_for_company_no_longer_than_its_bound(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    pipeline = "[pipeline]\nbatch_age_s = 0.1\nbatch_messages = 1000000\n"
    with Running(tmp_path, pipeline + HTTP + jsonl("a", tmp_path / "a")) as running:
        push(running.url, hermes(1))
        until(lambda: running.acknowledged(1), 5, running.status.balance)


# --- bounds ----------------------------------------------------------------------------------------------


def test_a_dead_sink_holds_back_itself_then_the_source_never_memory(tmp_path: Path) -> None:
    """One of two disks is not mounted: the other goes on until the bound, then senders fill the spool."""
    alive, dead = tmp_path / "alive", tmp_path / "dead"
    alive.mkdir()
    limit, batch, messages = 500, 100, 8000
    pipeline = f"[pipeline]\nbatch_age_s = 0.05\nbatch_messages = {batch}\nqueue_messages = {limit}\n"
    bodies = hermes(messages)
    with Running(tmp_path, pipeline + HTTP + jsonl("alive", alive) + jsonl("dead", dead)) as running:
        dead.rmdir()
        for start in range(0, messages, 1000):
            push(running.url, bodies[start : start + 1000])
        lane, source = running.engine.lanes["dead"], running.engine.pipelines[0]
        until(
            lambda: lane.queued_messages >= limit and len(source.inbox) >= source.inbox.limit,
            20,
            running.status.balance,
        )
        assert lane.queued_messages == limit
        until(
            lambda: archived(alive).total() == limit + batch, 10, running.status.balance
        )  # one waits for room
        assert source.in_flight == limit + batch
        assert len(source.inbox) < source.inbox.limit + 500  # READ of the http collector
        status = running.status.document()
        assert status["sinks"][1]["state"] == "retrying" and "No such file" in status["sinks"][1]["detail"]
        dead.mkdir()
        until(lambda: running.acknowledged(messages), 30, running.status.balance)
        assert running.stop()
    assert archived(alive) == archived(dead) == Counter(list(events_of("hermes", bodies)))


def test_a_sinks_remedy_is_shown_whole_behind_what_the_store_said(tmp_path: Path) -> None:
    said = "no permissions for [indices:data/write/bulk] " * 20
    answer = Answer(403, said.encode())
    with HttpServer(lambda _: answer) as server:
        sink = f'[sinks.far]\ntype = "influxdb"\nurl = "{server.url}"\ndatabase = "d"\n'
        with Running(tmp_path, "[pipeline]\nbatch_age_s = 0.05\n" + HTTP + sink) as running:
            push(running.url, hermes(1))
            lane = running.engine.lanes["far"]
            until(lambda: lane.health.state == "retrying", 10, running.status.balance)
            shown = running.status.document()["sinks"][0]["detail"]
            assert shown.endswith("…; give this user, or this token, the right to write there")
            answer = Answer(204)
            until(lambda: running.acknowledged(1), 30, running.status.balance)


def test_a_lane_is_bounded_by_bytes_too(tmp_path: Path) -> None:
    """Few large events are as many bytes as many small ones."""
    document = {"producer": "p", "type": "t", "timestamp": 1_790_000_000, "text": "x" * 300_000}
    pipeline = f"[pipeline]\nbatch_age_s = 0.05\nbatch_messages = 1\nqueue_bytes = {2**20}\n"
    with Running(tmp_path, pipeline + HTTP + jsonl("dead", tmp_path / "dead")) as running:
        (tmp_path / "dead").rmdir()
        for number in range(10):
            body = msgspec.json.encode(document | {"number": number})
            httpx.post(f"{running.url}/push/push", content=body, trust_env=False).raise_for_status()
        lane = running.engine.lanes["dead"]
        until(lambda: lane.queued_bytes >= 2**20 and len(running.engine.pipelines[0].inbox) >= 4, 10)
        assert (
            lane.queued_messages == 2
        )  # of 300 kB each, body and chunk: with the second the bound is reached
        assert (
            len(running.engine.pipelines[0].inbox) == 4
        )  # of their bodies alone; the others are on the disk
        (tmp_path / "dead").mkdir()
        until(lambda: running.acknowledged(10), 30, running.status.balance)


# --- the end ---------------------------------------------------------------------------------------------


def test_sigterm_drains_and_exits_0(tmp_path: Path) -> None:
    archive = tmp_path / "a"
    archive.mkdir()
    bodies = hermes(2000)
    pipeline = "[pipeline]\nbatch_age_s = 30\nbatch_messages = 100000\n"  # nothing is stored before the stop
    with Lakescope(tmp_path, pipeline + HTTP + jsonl("a", archive)) as lakescope:
        lakescope.start()
        push(lakescope.url, bodies)
        until(lambda: lakescope.status()["collectors"][0]["in_flight"] == 2000, 10, lakescope.brief)
        assert lakescope.stop() == 0
        assert "not everything could be stored" not in lakescope.tail()
    assert archived(archive) == Counter(list(events_of("hermes", bodies)))
    assert not (lakescope.data_dir / "instance.json").exists()


def test_a_sink_that_hangs_does_not_prevent_the_end(tmp_path: Path) -> None:
    """A store that takes the request and never answers. Another one gets all that was received."""
    archive, never = tmp_path / "a", threading.Event()
    archive.mkdir()

    def answer(_request: Request) -> Answer:
        never.wait()
        return Answer(204)

    with HttpServer(answer) as store:
        configuration = (
            "[pipeline]\nbatch_age_s = 0.05\ndrain_s = 1\n"
            + HTTP
            + jsonl("a", archive)
            + f'[sinks.stuck]\ntype = "influxdb"\nurl = "{store.url}"\ndatabase = "d"\ntimeout_s = 600\n'
        )
        with Lakescope(tmp_path, configuration) as lakescope:
            lakescope.start()
            push(lakescope.url, hermes(50))
            until(lambda: store.requests and archived(archive), 10, lakescope.brief)
            begun = time.monotonic()
            assert lakescope.stop(60) == 1
            assert time.monotonic() - begun < 1 + ABORT_S + 10
            assert "the sources will give the rest again" in lakescope.tail()
        never.set()
    assert len(archived(archive)) == 50


def test_several_sinks_that_hang_take_no_longer_than_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakescope.pipeline.engine.ABORT_S", 1.0)
    pipeline = "[pipeline]\nbatch_age_s = 0.05\n"
    never = threading.Event()

    def answer(_request: Request) -> Answer:
        never.wait()
        return Answer(204)

    with HttpServer(answer) as store:
        sinks = "".join(
            f'[sinks.s{n}]\ntype = "influxdb"\nurl = "{store.url}"\ndatabase = "d{n}"\n' for n in range(4)
        )
        with Running(tmp_path, pipeline + HTTP + sinks) as running:
            push(running.url, hermes(5))
            until(lambda: len(store.requests) == 4, 10)
            begun = time.monotonic()
            assert not running.stop(0.5)
            assert time.monotonic() - begun < 4
        never.set()
        for lane in running.engine.lanes.values():
            assert lane.join(10)
            lane.sink.close()


def test_files_end_the_run_once_all_is_stored(tmp_path: Path) -> None:
    """A sink that is away when the files have ended is waited for."""
    bodies = hermes(300)
    (tmp_path / "in.jsonl").write_bytes(ndjson(bodies))
    source = f'[collectors.f]\ntype = "files"\nformat = "hermes"\npaths = ["{tmp_path}/in.jsonl"]\n'
    back, stored = threading.Event(), []

    def answer(request: Request) -> Answer:
        if not back.is_set():
            return Answer(503)
        stored.append(gzip.decompress(request.body))
        return Answer(204)

    with HttpServer(answer) as store:
        sink = f'[sinks.i]\ntype = "influxdb"\nurl = "{store.url}"\ndatabase = "d"\n'
        with Lakescope(tmp_path, f"[pipeline]\ndrain_s = 0.1\n{source}{sink}") as lakescope:
            lakescope.start()
            until(lambda: lakescope.status()["sinks"][0]["retries"], 10, lakescope.brief)
            until(lambda: lakescope.status()["collectors"][0]["state"] == "finished", 10, lakescope.brief)
            back.set()
            assert lakescope.process is not None
            assert lakescope.process.wait(30) == 0, lakescope.tail()
    found = re.findall(rb'[ ,]id="([0-9a-f]{32})"', b"".join(stored))
    assert Counter(id_.decode() for id_ in found) == Counter(list(events_of("hermes", bodies)))


# --- faults stay where they are --------------------------------------------------------------------------


def decode_with_a_bug(message: Message, out: DecodeResult) -> None:
    """A format that fails in the middle of some bodies, after it has given events."""
    load("formats", "hermes")(message, out)
    if b"create_cnt" in message.body:
        raise ZeroDivisionError("a bug of the decoder")


class SinkWithBugs(JsonlSink):
    """A sink whose encoder fails on some events, and whose store fails on others, in ways nobody planned."""

    def __init__(self, name: str, options: JsonlOptions, data_dir: Path) -> None:
        super().__init__(name, options, data_dir)
        encode = self.encode
        self.encode: Any = lambda events, documents: encode([self._looked_at(e) for e in events], documents)

    def write(self, chunks: Sequence[tuple[str, bytes]]) -> Outcome:
        """Fails as a whole if one event is of the kind."""
        if any(b'"event":"detach"' in document for _, document in chunks):
            raise KeyError("a bug of the sink")
        return super().write(chunks)

    @staticmethod
    def _looked_at(event: Event) -> Event:
        if getattr(event, "event", "") == "erase":
            raise ZeroDivisionError("a bug of the encoder")
        return event


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Files through a format with a bug into a sound sink and one with bugs."""
    (tmp_path / "in.jsonl").write_bytes(ndjson(hermes(300)))
    options = FilesOptions(paths=[str(tmp_path / "in.jsonl")], format="hermes")
    collector: Any = FilesCollector("files", options, tmp_path)
    sinks: dict[str, Any] = {}
    for name, kind in (("sound", JsonlSink), ("buggy", SinkWithBugs)):
        sinks[name] = kind(name, JsonlOptions(directory=tmp_path / name), tmp_path)
        list(sinks[name].setup())
    pipeline = Pipeline(
        "files",
        collector,
        Normaliser({"hermes": decode_with_a_bug}, Enrichment()),
        {name: SinkInput(sink.encode) for name, sink in sinks.items()},
        Inbox(batch_size=100),
    )
    made = Engine([pipeline], sinks, DeadLetters(tmp_path / "dead.sqlite"))
    made.start()
    yield made
    made.dead_letters.close()


def test_bugs_of_plugins_cost_only_the_messages_that_they_strike(engine: Engine, tmp_path: Path) -> None:
    """The decoder's bug strikes 1 of 28 kinds, the encoder's another, the sink's a third."""
    bodies = hermes(300)
    events = events_of("hermes", bodies)

    def kind(name: str) -> list[bytes]:
        return [body for body in bodies if msgspec.json.decode(body)["event_type"] == name]

    assert engine.wait(10)
    assert engine.stop(10)
    letters = list(engine.dead_letters.letters())
    found = {(letter.reason, letter.sink): letter.found for letter in letters}
    assert found == {
        ("decoder_error", None): found["decoder_error", None],
        ("sink_error", "buggy"): "KeyError('a bug of the sink')",
    }
    struck = kind("create_cnt") + kind("erase")
    assert Counter(x.body for x in letters if x.reason == "decoder_error") == Counter(struck)
    assert Counter(x.body for x in letters if x.reason == "sink_error") == Counter(kind("detach"))
    sound = Counter(list(events.keys() - events_of("hermes", struck).keys()))
    assert archived(tmp_path / "sound") == sound
    assert archived(tmp_path / "buggy") == sound - Counter(list(events_of("hermes", kind("detach"))))


# --- workers ---------------------------------------------------------------------------------------------


def test_two_workers_give_what_one_gives_also_when_they_are_killed(tmp_path: Path) -> None:
    bodies = hermes(600)
    for directory in ("one", "two"):
        (tmp_path / directory / "a").mkdir(parents=True)
    with Running(tmp_path / "one", QUICK + HTTP + jsonl("a", tmp_path / "one/a")) as running:
        push(running.url, bodies)
        until(lambda: running.acknowledged(600), 20, running.status.balance)
    configuration = f"{QUICK}batch_messages = 50\n{HTTP}{jsonl('a', tmp_path / 'two/a')}"
    me = psutil.Process()
    before = set(me.children())

    def workers() -> list[psutil.Process]:
        return [c for c in me.children() if c not in before and "spawn_main" in " ".join(c.cmdline())]

    with Running(tmp_path / "two", configuration, workers=2) as running:
        push(running.url, bodies[:200])
        until(lambda: running.acknowledged(200), 30, running.status.balance)
        for worker in workers():  # while they have nothing to do
            worker.kill()
        push(running.url, bodies[200:400])
        until(lambda: running.acknowledged(400), 30, running.status.balance)
        push(running.url, bodies[400:])
        workers()[0].kill()  # while they are busy
        until(lambda: running.acknowledged(600), 30, running.status.balance)
        assert not list(running.engine.dead_letters.letters())
        assert running.balance()["stored"] == 600
    one, two = (
        sorted(line for path in (tmp_path / name / "a").iterdir() for line in path.read_bytes().splitlines())
        for name in ("one", "two")
    )
    assert one == two and len(one) == 600


# --- what it tells ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_an_rse_on_which_the_topology_disagrees_is_counted_once(tmp_path: Path, workers: int) -> None:
    """However many messages, batches and processes; and so is each field of another type."""
    (tmp_path / "a").mkdir()
    rses = {"rses": {name: {"site": "S", "rse_type": "TAPE"} for name in ("LAKE-A-DISK", "LAKE-C-DISK")}}
    (tmp_path / "rses.json").write_bytes(msgspec.json.encode(rses))
    done = next(body for body in hermes(600) if b'"transfer-done"' in body and b"LAKE-A-DISK" in body)
    document = msgspec.json.decode(done)
    document["payload"] |= {"src-rse": "LAKE-A-DISK", "src-type": "DISK", "dst-rse": "NEW", "account": ["x"]}
    bodies = [
        msgspec.json.encode(document | {"payload": document["payload"] | {"request-id": f"{i:032x}"}})
        for i in range(300)
    ]
    topology = f'[topology]\nrses = "{tmp_path / "rses.json"}"\n'
    configuration = f"{QUICK}batch_messages = 50\n{topology}{HTTP}{jsonl('a', tmp_path / 'a')}"
    with Running(tmp_path, configuration, workers=workers) as running:
        push(running.url, bodies)
        until(lambda: running.acknowledged(300), 30, running.status.balance)
        metrics = running.engine.metrics
        assert metrics.by(metrics.conflicts, "rse") == {"LAKE-A-DISK": 1}
        assert metrics.by(metrics.odd, "field") == {"account": 300}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """An engine that has stored, filtered and refused something."""
    directory = tmp_path_factory.mktemp("told")
    (directory / "a").mkdir()
    sink = f'{jsonl("a", directory / "a")}datasets = ["transfers", "deletions"]\n'
    with Running(directory, QUICK + HTTP + sink) as running:
        push(running.url, [*hermes(56), b"[1]", b"[2]"])
        until(lambda: running.acknowledged(58), 10, running.status.balance)
        yield running


def samples(running: Running) -> dict[tuple[str, tuple[str, ...]], float]:
    """(name, label values) -> value, as a Prometheus would read /metrics."""
    answer = running.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_the_accounting_is_on_metrics(told: Running) -> None:
    found = samples(told)

    def total(name: str) -> float:
        return sum(value for (sample, _), value in found.items() if sample == f"lakescope_{name}_total")

    events = events_of("hermes", hermes(56)).values()
    kept = sum(event.dataset in ("transfers", "deletions") for event in events)
    assert total("received_messages") == total("acknowledged_messages") == 58
    assert total("received_events") == 58
    assert total("stored_events") == kept
    assert total("filtered_events") == 56 - kept
    assert found["lakescope_dead_events_total", ("push", "schema", "")] == 2
    assert total("received_events") == total("stored_events") + total("dead_events") + total(
        "filtered_events"
    )


def test_lag_is_now_minus_event_time_as_a_histogram(told: Running) -> None:
    found = samples(told)
    stored = found["lakescope_stored_events_total", ("push", "a")]
    buckets = {
        labels[0]: value for (name, labels), value in found.items() if name == "lakescope_lag_seconds_bucket"
    }
    assert found["lakescope_lag_seconds_count", ("a",)] == buckets["+Inf"] == stored
    assert list(buckets.values()) == sorted(buckets.values())
    happened = [
        datetime.fromisoformat(event.time).timestamp()
        for event in events_of("hermes", hermes(56)).values()
        if event.dataset in ("transfers", "deletions")
    ]
    lag = time.time() - sum(happened) / len(happened)
    assert found["lakescope_lag_seconds_sum", ("a",)] / stored == pytest.approx(lag, abs=300)


def test_livez_and_readyz(tmp_path: Path) -> None:
    with Running(tmp_path, QUICK + HTTP + jsonl("away", tmp_path / "away")) as running:
        (tmp_path / "away").rmdir()
        assert running.get("/livez").text == "ok\n"
        ready = running.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"ready": True, "reasons": []})
        push(running.url, hermes(1))
        until(lambda: running.get("/readyz").status_code == 503, 10)
        (reason,) = running.get("/readyz").json()["reasons"]
        assert (
            reason.startswith(f"sink away: {tmp_path}/away/")
            and "No such file or directory (for 0 s)" in reason
        )
        assert running.get("/livez").status_code == 200  # a restart would mend nothing
        (tmp_path / "away").mkdir()
        until(lambda: running.get("/readyz").status_code == 200, 10)


def test_the_accounting_holds_at_every_moment(tmp_path: Path) -> None:
    """Asked while messages pass, it never says that some are missing."""
    (tmp_path / "a").mkdir()
    bodies = hermes(40)
    with Running(
        tmp_path, "[pipeline]\nbatch_age_s = 0.001\n" + HTTP + jsonl("a", tmp_path / "a")
    ) as running:

        def send() -> None:
            for body in bodies:
                push(running.url, [body])

        sender = threading.Thread(target=send)
        sender.start()
        asked = 0
        while not running.acknowledged(40):
            asked += running.balance()["holds"]
        sender.join()
    assert asked > 40
