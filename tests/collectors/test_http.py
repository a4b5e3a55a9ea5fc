"""HTTP push: what senders send in which wrapping, what is refused and how, and that 200 means safe on disk."""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import zstandard

from lakescope.collectors._spool import Spool
from tests.collectors._pushing import Pushing
from tests.contract._bodies import events_of, hermes, ndjson, scripts
from tests.e2e._lakescope import Lakescope, until

TOKEN = "s3cret-token"
CASES = Path(__file__).parents[1] / "cases"

Headers = dict[str, str]


@pytest.fixture(scope="module")
def pushing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushing]:
    """A collector that asks for no token and takes bodies of 1 MB; each test sends bodies of its own."""
    with Pushing(tmp_path_factory.mktemp("pushing"), f"max_body_bytes = {2**20}") as running:
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pushing]:
    """A collector that asks for a token."""
    with Pushing(tmp_path_factory.mktemp("guarded"), f'token = "{TOKEN}"') as running:
        yield running


# --- what is taken ---------------------------------------------------------------------------------------


def pretty(bodies: Iterable[bytes]) -> bytes:
    """As `jq` writes them."""
    return b"\n".join(json.dumps(json.loads(body), indent=2).encode() for body in bodies)


SHAPES: dict[str, tuple[Callable[[list[bytes]], bytes], Headers]] = {
    "one body": (lambda bodies: bodies[0], {}),
    "JSON lines": (ndjson, {"content-type": "application/x-ndjson"}),
    "JSON lines, charset": (ndjson, {"content-type": "application/jsonl; charset=utf-8"}),
    "RFC 7464": (lambda bodies: b"\x1e" + b"\n\x1e".join(bodies), {"content-type": "application/json-seq"}),
    "pretty-printed": (pretty, {"content-type": "application/x-ndjson"}),
}


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("shape", SHAPES)
def test_bodies_of_every_shape(pushing: Pushing, shape: str, method: str) -> None:
    wrap, headers = SHAPES[shape]
    start = 2000 + 10 * list(SHAPES).index(shape) + (5 if method == "PUT" else 0)
    bodies = hermes(1 if shape == "one body" else 3, start=start)
    body = wrap(bodies)
    answer = pushing.send("/push/hermes", body, headers, method=method)
    assert (answer.status_code, answer.json()) == (200, {"accepted_bytes": len(body)})
    pushing.arrived(events_of("hermes", bodies))


def test_an_array_of_documents(pushing: Pushing) -> None:
    """MONIT's senders; only 200 is success to them."""
    documents = scripts(3)
    assert pushing.send("/push/push", b"[" + b",".join(documents) + b"]").status_code == 200
    pushing.arrived(events_of("push", documents))


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "gzip of two members": lambda body: gzip.compress(body[:500]) + gzip.compress(body[500:]),
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
    "zstd of two frames": lambda body: zstandard.compress(body[:500]) + zstandard.compress(body[500:]),
    "identity": lambda body: body,
}


@pytest.mark.parametrize("packing", PACK)
def test_packed_bodies(pushing: Pushing, packing: str) -> None:
    bodies = hermes(3, start=100 + 3 * list(PACK).index(packing))
    headers = {"content-encoding": packing.split()[0], "content-type": "application/x-ndjson"}
    answer = pushing.send("/push/hermes", PACK[packing](ndjson(bodies)), headers)
    assert (answer.status_code, answer.json()) == (200, {"accepted_bytes": len(ndjson(bodies))})
    pushing.arrived(events_of("hermes", bodies))


def test_what_a_body_lacks_comes_as_query(pushing: Pushing) -> None:
    """node_exporter's text does not name its host."""
    answer = pushing.send("/push/node_exporter?instance=se01.example.org:9100", b"node_load1 0.5\n")
    assert answer.status_code == 200
    until(lambda: [found for found in stored_hosts(pushing) if found["host"] == "se01.example.org"], 10)


def stored_hosts(pushing: Pushing) -> list[dict[str, Any]]:
    """The host metrics that are stored."""
    return [event for (event, *_) in pushing.stored().values() if event["dataset"] == "hosts"]


def expected_ids(case: str) -> list[str]:
    """The ids that a case of tests/cases gives; its input has times of its own."""
    lines = (CASES / case / "expected.jsonl").read_text().splitlines()
    return [json.loads(line)["id"] for line in lines]


def test_as_pscheduler_archives(pushing: Pushing) -> None:
    """perfsonar/pscheduler, pscheduler-archiver-http: PUT, the document, headers of its `_headers`."""
    body = (CASES / "perfsonar/throughput/input.json").read_bytes()
    headers = {"content-type": "application/json", "x-site": "PIC"}
    assert pushing.send("/push/perfsonar", body, headers, method="PUT").status_code == 200
    (event,) = pushing.arrived(expected_ids("perfsonar/throughput"))
    assert (event["dataset"], event["test"]) == ("network", "throughput")


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_as_telegraf_sends(tmp_path: Path, encoding: str) -> None:
    """influxdata/telegraf, outputs.http with data_format = "json": a batch, sent as text/plain by default."""
    body = (CASES / "telegraf/batch/input.json").read_bytes()
    headers = {
        "content-type": "text/plain; charset=utf-8",
        "content-encoding": encoding,
        "user-agent": "Telegraf/1.30.0 Go/1.22.2",
    }
    with Pushing(tmp_path) as pushing:
        assert pushing.send("/push/telegraf", PACK[encoding](body), headers).status_code == 200
        pushing.arrived(expected_ids("telegraf/batch"))


# --- what is refused -------------------------------------------------------------------------------------

LINES = ndjson(hermes(3, start=200))
BAD = {
    "cut gzip": (gzip.compress(LINES)[:-9], "gzip", 400),
    "cut deflate": (zlib.compress(LINES)[:-5], "deflate", 400),
    "cut zstd": (zstandard.compress(LINES)[:-5], "zstd", 400),
    "not gzip": (LINES, "gzip", 400),
    "not zstd": (LINES, "zstd", 400),
    "rubbish behind gzip": (gzip.compress(LINES) + b"rubbish", "gzip", 400),
    "an encoding that we lack": (LINES, "br", 415),
    "empty": (b"", "identity", 400),
    "empty gzip": (gzip.compress(b""), "gzip", 400),
    "too large": (b" " * (2**20 + 1), "identity", 413),
    "a gzip bomb": (gzip.compress(bytes(2**25)), "gzip", 413),
    "a deflate bomb": (zlib.compress(bytes(2**25)), "deflate", 413),
    "a zstd bomb": (zstandard.compress(bytes(2**28)), "zstd", 413),
    "a bomb in the second frame": (zstandard.compress(LINES) + zstandard.compress(bytes(2**25)), "zstd", 413),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_unpacked_is_refused(pushing: Pushing, what: str) -> None:
    body, encoding, status = BAD[what]
    received = pushing.received()
    answer = pushing.send("/push/hermes", body, {"content-encoding": encoding})
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]
    (good,) = hermes(1, start=300 + list(BAD).index(what))
    assert pushing.send("/push/hermes", good).status_code == 200
    pushing.arrived(events_of("hermes", [good]))
    assert pushing.received() == received + 1


def test_an_unknown_format_is_404_and_names_those_there_are(pushing: Pushing) -> None:
    answer = pushing.send("/push/hermess", b"{}")
    assert answer.status_code == 404
    assert "hermess" in answer.json()["detail"] and "perfsonar" in answer.json()["detail"]


def test_an_unreadable_body_is_taken_and_goes_to_the_dead_letters(pushing: Pushing) -> None:
    """A sender cannot mend it, and must not send it for ever."""
    assert pushing.send("/push/hermes", b"not json").status_code == 200
    until(lambda: list(pushing.engine.dead_letters.letters()), 10)
    (letter,) = pushing.engine.dead_letters.letters()
    assert (letter.reason, letter.body, letter.headers["client"]) == ("not_json", b"not json", "127.0.0.1")


# --- who may push ----------------------------------------------------------------------------------------


WRONG = [
    None,
    "Bearer wrong",
    "Bearer",
    f"Bearer {TOKEN}x",
    TOKEN,
    "Basic not-base64",
    "Basic " + base64.b64encode(b"\xff:\xff").decode(),
    "Basic " + base64.b64encode(f"{TOKEN}:".encode()).decode(),
    "Basic " + base64.b64encode(b"user:wrong").decode(),
]


@pytest.mark.parametrize("header", WRONG)
def test_without_the_token_nothing_is_taken(guarded: Pushing, header: str | None) -> None:
    headers = {"authorization": header} if header else {}
    received = guarded.received()
    answer = guarded.send("/push/hermes", hermes(1)[0], headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")  # collectd sends its login only then
    assert TOKEN not in answer.text + str(answer.headers)
    assert guarded.send("/push/no-such-format", b"{}", headers).status_code == 401
    assert guarded.received() == received


def test_the_token_as_bearer_or_as_basic_password(guarded: Pushing) -> None:
    bodies = hermes(3)
    assert guarded.send("/push/hermes", bodies[0], {"authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert guarded.send("/push/hermes", bodies[1], {"authorization": f"bearer {TOKEN}"}).status_code == 200
    assert guarded.send("/push/hermes", bodies[2], auth=("anybody", TOKEN)).status_code == 200
    guarded.arrived(events_of("hermes", bodies))


# --- safe on disk ----------------------------------------------------------------------------------------


def test_a_full_spool_sends_senders_away_until_the_sink_is_back(tmp_path: Path) -> None:
    with Pushing(tmp_path, f"spool_bytes = {2**20}") as pushing:
        away = pushing.archive.rename(tmp_path / "unmounted")
        body = ndjson(hermes(400))
        headers = {"content-type": "application/x-ndjson"}
        sent = 0
        while (answer := pushing.send("/push/hermes", body, headers)).status_code == 200:
            sent += 1
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert "/readyz" in answer.json()["detail"]
        ready = pushing.get("/readyz")
        assert ready.status_code == 503 and "sink store" in ready.text
        away.rename(pushing.archive)
        until(lambda: pushing.acknowledged(sent * 400), 20, pushing.status.balance)
        assert pushing.send("/push/hermes", body, headers).status_code == 200
        until(lambda: pushing.acknowledged((sent + 1) * 400), 20, pushing.status.balance)
        assert pushing.get("/readyz").status_code == 200


def test_what_was_answered_200_survives_kill_9(tmp_path: Path) -> None:
    """The sink cannot store anything, the process is killed the moment the answer is there."""
    archive = tmp_path / "archive"
    configuration = (
        f'[collectors.push]\ntype = "http"\n[sinks.store]\ntype = "jsonl"\ndirectory = "{archive}"\n'
    )
    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.start()
        archive.rmdir()
        answer = httpx.post(f"{lakescope.url}/push/hermes", content=hermes(1)[0], trust_env=False)
        lakescope.kill()
        assert answer.status_code == 200
        lakescope.start()
        until(lambda: list(archive.iterdir()), 10, lakescope.brief)
        until(lambda: lakescope.drained(1), 10, lakescope.brief)
        assert lakescope.stop() == 0
    (path,) = archive.iterdir()
    assert len(path.read_bytes().splitlines()) == 1
    spool = Spool(lakescope.data_dir / "push.spool", 2**20)
    assert (spool.bytes, spool.read(1, timeout=0)) == (0, [])
    spool.close()


def test_many_senders_at_once(pushing: Pushing) -> None:
    bodies = hermes(200, start=1000)
    with ThreadPoolExecutor(16) as pool, httpx.Client(base_url=pushing.url, trust_env=False) as client:
        statuses = list(pool.map(lambda body: client.post("/push/hermes", content=body).status_code, bodies))
    assert statuses == [200] * 200
    pushing.arrived(events_of("hermes", bodies))


def test_the_routes_are_in_the_openapi_document(pushing: Pushing) -> None:
    paths = msgspec.json.decode(pushing.get("/api/openapi.json").content)["paths"]
    assert set(paths["/push/{format}"]) == {"post", "put"}


def test_an_empty_answer_to_a_question_is_an_answer(pushing: Pushing) -> None:
    """Rucio answers so where no rule is in a state; without the question an empty body stays a mistake."""
    question = {"scope": "https://rucio.example.org/rules/?state=S"}
    assert pushing.send("/push/rucio_api", b"", question).status_code == 200
    assert pushing.send("/push/rucio_api", b"").status_code == 400
    until(
        lambda: any(event["dataset"] == "polls" for events in pushing.stored().values() for event in events),
        10,
    )


def test_a_large_array_is_cut_and_leaves_the_spool_once_all_of_it_is_stored(tmp_path: Path) -> None:
    bodies = hermes(5_000)
    configuration = (
        f'[collectors.push]\ntype = "http"\n[sinks.a]\ntype = "jsonl"\ndirectory = "{tmp_path}/out"\n'
    )
    with Lakescope(tmp_path, configuration) as lakescope:
        lakescope.start()
        array = b"[" + b",".join([*bodies, b'{"event_type": 3}']) + b"]"
        assert len(array) > 2**21
        httpx.post(
            f"{lakescope.url}/push/hermes", content=array, trust_env=False, timeout=60
        ).raise_for_status()
        until(lambda: lakescope.status()["sinks"][0]["stored"] == 5_000, 30, lakescope.brief)
        until(lambda: not lakescope.status()["collectors"][0]["in_flight"], 10, lakescope.brief)
        letters = lakescope.command("dead-letters", "list")
    lines = [line for path in (tmp_path / "out").rglob("*.jsonl*") for line in path.read_bytes().splitlines()]
    assert len(lines) == 5_000
    assert letters.count("hermes") == 1
    with sqlite3.connect(tmp_path / "data" / "push.spool") as spool:
        assert spool.execute("select count(*) from spool").fetchone() == (0,)
