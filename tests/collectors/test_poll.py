"""Polling: a real node_exporter, endpoints that answer badly or not at all, and `up` that tells of both."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.contract._http import PROXIES, Answer, HttpServer, Request
from tests.contract._running import Archiving
from tests.e2e._lakescope import until
from tests.servers._tls import Authority, server_context
from tests.servers.node_exporter import NodeExporter

TOKEN = "Bearer s3cret-of-the-exporter"


def collector(*urls: str, **options: object) -> str:
    """A poll collector as configuration; options as they stand in TOML."""
    listed = ", ".join(f'"{url}"' for url in urls)
    lines = "\n".join(f"{key} = {value}" for key, value in ({"interval_s": 0.2} | options).items())
    return f'[collectors.poll]\ntype = "poll"\nurls = [{listed}]\n{lines}\n'


def values(lakescope: Archiving, metric: str) -> list[dict[str, Any]]:
    """What is stored of a metric, in order of time."""
    found = (event for events in lakescope.stored().values() for event in events)
    return sorted((event for event in found if event["metric"] == metric), key=lambda event: event["time"])


def test_a_real_exporter_is_read_at_every_interval(tmp_path: Path, node_exporter: NodeExporter) -> None:
    with Archiving(tmp_path, collector(node_exporter.url, interval_s=0.5)) as lakescope:
        until(lambda: len(values(lakescope, "up")) >= 3, 20, lambda: lakescope.told)
        assert lakescope.told == "ok: 1 of 1 targets answer"
        assert {event["value"] for event in values(lakescope, "up")} == {1.0}
        assert 0 < values(lakescope, "scrape_duration_seconds")[0]["value"] < 5
        memory = values(lakescope, "node_memory_MemTotal_bytes")
        assert len(memory) >= 2 and len({event["time"] for event in memory}) == len(memory)
        assert {event["host"] for event in memory} == {"127.0.0.1"}


@pytest.fixture
def target() -> Iterator[HttpServer]:
    """Not an exporter: a server whose answers a test changes."""
    with HttpServer(lambda _: Answer(200, b"mine 1\n", (("content-type", "text/plain"),))) as server:
        yield server


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(500), "answered 500: "),
        (Answer(404), "answered 404: "),
        (Answer(200, bytes(3000)), "the answer exceeds 2000 bytes (max_body_bytes)"),
        (
            Answer(200, gzip.compress(bytes(2**20)), (("content-encoding", "gzip"),)),
            "the answer exceeds 2000 bytes (max_body_bytes)",
        ),
        (Answer(200, b"not gzip", (("content-encoding", "gzip"),)), "DecodingError"),
    ],
)
def test_a_bad_answer_is_up_0_until_it_is_a_good_one(
    tmp_path: Path, target: HttpServer, answer: Answer, told: str
) -> None:
    good = target.answer
    target.answer = lambda _: answer
    url = f"{target.url}/metrics"
    with Archiving(tmp_path, collector(url, max_body_bytes=2000)) as lakescope:
        until(lambda: told in lakescope.told, 10, lambda: lakescope.told)
        assert lakescope.told.startswith(f"error: 0 of 1 targets answer; 127.0.0.1:{target.port}: ")
        assert lakescope.get("/readyz").status_code == 503
        until(lambda: values(lakescope, "up"), 10)
        assert values(lakescope, "up")[-1]["value"] == 0.0
        target.answer = good
        until(lambda: values(lakescope, "mine"), 10, lambda: lakescope.told)
        until(lambda: values(lakescope, "up")[-1]["value"] == 1.0, 10)
        assert lakescope.told == "ok: 1 of 1 targets answer"
        assert lakescope.get("/readyz").status_code == 200


def test_a_page_of_a_million_lines_is_refused_whole_and_the_other_target_goes_on(
    tmp_path: Path, target: HttpServer
) -> None:
    """It is far smaller than `max_body_bytes`, and its events would be a gigabyte."""
    page = b"".join(b'm{i="%d"} 1\n' % number for number in range(1_000_000))
    with (
        HttpServer(lambda _: Answer(200, page, (("content-type", "text/plain"),))) as flood,
        Archiving(tmp_path, collector(f"{flood.url}/metrics", f"{target.url}/metrics")) as lakescope,
    ):
        told = (
            f"error: 1 of 2 targets answer; 127.0.0.1:{flood.port}: the answer holds more than 250,000 lines"
        )
        until(lambda: lakescope.told == told, 30, lambda: lakescope.told)
        until(lambda: len(values(lakescope, "mine")) >= 2, 30, lambda: lakescope.told)
        assert not values(lakescope, "m") and not lakescope.engine.dead_letters.ids()
        assert {event["value"] for event in values(lakescope, "up")} == {0.0, 1.0}


def test_an_answer_tells_what_was_asked_how_often_even_if_it_is_empty(
    tmp_path: Path, target: HttpServer
) -> None:
    """A rule that the next complete answer lacks is stuck no more; an answer that failed says nothing."""
    rule = b'{"id": "a", "state": "STUCK", "stuck_at": "Thu, 20 Mar 2025 20:14:31 UTC"}\n'
    answers = iter([Answer(200, rule), Answer(503), Answer(200, b"")])
    target.answer = lambda _: next(answers, Answer(404))
    url = f"{target.url}/rules/?state=S"
    with Archiving(tmp_path, collector(url, format='"rucio_api"')) as lakescope:

        def stored(dataset: str) -> list[dict[str, Any]]:
            found = [event for events in lakescope.stored().values() for event in events]
            return sorted((e for e in found if e["dataset"] == dataset), key=lambda event: event["time"])

        until(lambda: len(stored("polls")) == 2, 10, lambda: lakescope.told)
        (stuck,) = stored("rules")
        assert (stuck["poll"], stuck["rule_id"], stuck["stuck_at"]) == (url, "a", "2025-03-20T20:14:31Z")
        polls = [
            (poll["scope"], poll["state"], poll["count"], poll["interval_s"]) for poll in stored("polls")
        ]
        assert polls == [(url, "stuck", 1, 0.2), (url, "stuck", 0, 0.2)]
        assert all(poll["complete"] for poll in stored("polls"))


def test_one_silent_target_does_not_delay_the_others(tmp_path: Path, target: HttpServer) -> None:
    """It hangs; its scrape is given up after `timeout_s`, and says so."""
    never = threading.Event()

    def hang(_: Request) -> Answer:
        never.wait()
        return Answer(200)

    with HttpServer(hang) as silent:
        urls = (f"{silent.url}/metrics", f"{target.url}/metrics")
        with Archiving(tmp_path, collector(*urls, timeout_s=0.5)) as lakescope:
            until(lambda: len(values(lakescope, "up")) >= 4, 10, lambda: lakescope.told)
            assert "1 of 2 targets answer" in lakescope.told and "ReadTimeout" in lakescope.told
            by_value = {event["labels"]["instance"]: event["value"] for event in values(lakescope, "up")}
            assert by_value == {urls[0]: 0.0, urls[1]: 1.0}
            begun = time.monotonic()
            assert lakescope.stop()
            assert time.monotonic() - begun < 3
        never.set()


def test_headers_are_sent_and_never_shown(tmp_path: Path, target: HttpServer) -> None:
    good = target.answer
    target.answer = lambda r: good(r) if r.headers.get("authorization") == TOKEN else Answer(401)
    url = f"{target.url}/metrics"
    with Archiving(tmp_path, collector(url, headers=f'{{ authorization = "{TOKEN}" }}')) as lakescope:
        until(lambda: values(lakescope, "mine"), 10, lambda: lakescope.told)
        target.answer = lambda _: Answer(401)
        until(lambda: "answered 401: Unauthorized" in lakescope.told, 10, lambda: lakescope.told)
        assert TOKEN.split()[1] not in lakescope.get("/api/status").text
    accepted = target.requests[0].headers["accept"]
    assert accepted.startswith("application/openmetrics-text") and "text/plain" in accepted


def test_targets_are_asked_without_a_proxy(
    tmp_path: Path, target: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, url in PROXIES.items():
        monkeypatch.setenv(name, url)
    with Archiving(tmp_path, collector(f"{target.url}/metrics")) as lakescope:
        until(lambda: values(lakescope, "mine"), 10, lambda: lakescope.told)


def test_a_certificate_that_is_not_trusted_is_told_with_the_option_that_helps(
    tmp_path: Path, target: HttpServer
) -> None:
    authority = Authority(tmp_path / "authority")
    with HttpServer(target.answer, tls=server_context(authority.issue("target"))) as server:
        url = f"{server.url}/metrics"
        with Archiving(tmp_path / "system", collector(url)) as lakescope:
            until(lambda: "CERTIFICATE_VERIFY_FAILED" in lakescope.told, 10, lambda: lakescope.told)
            assert lakescope.told.endswith("; checked against the CAs of the system (option tls.ca_file)")
            until(lambda: values(lakescope, "up"), 10)
            assert values(lakescope, "up")[-1]["value"] == 0.0
        assert not server.requests
        for number, tls in enumerate((f'ca_file = "{authority.certificate}"', "verify = false")):
            with Archiving(tmp_path / str(number), collector(url, tls=f"{{ {tls} }}")) as lakescope:
                until(lambda: values(lakescope, "mine"), 10, lambda: lakescope.told)


def test_a_remedy_is_whole_however_much_a_target_says(tmp_path: Path, target: HttpServer) -> None:
    target.answer = lambda _: Answer(403, b"no " * 500)
    with Archiving(tmp_path, collector(f"{target.url}/metrics")) as lakescope:
        until(lambda: "0 of 1" in lakescope.told, 10, lambda: lakescope.told)
        assert lakescope.told.endswith("option `headers` or `oidc` says who asks"), lakescope.told


def test_json_of_any_format_is_polled_too(tmp_path: Path, target: HttpServer) -> None:
    """Beside its events every target has its `up`."""
    target.answer = lambda _: Answer(200, b'{"producer": "p", "type": "t", "timestamp": 1790000000, "n": 1}')
    with Archiving(tmp_path, collector(f"{target.url}/status.json", format='"push"')) as lakescope:
        until(lambda: lakescope.acknowledged(4), 10, lambda: lakescope.told)
        events = [found[0] for found in lakescope.stored().values()]
    assert {event["dataset"] for event in events} == {"push", "hosts"}
    assert {event["metric"] for event in events if event["dataset"] == "hosts"} == {
        "up",
        "scrape_duration_seconds",
    }


def test_the_clock_does_not_drift_and_a_stall_makes_no_burst(tmp_path: Path, target: HttpServer) -> None:
    """A slow target stretches no interval but its own; what was missed is not made up for."""
    slow = target.answer

    def answer(request: Request) -> Answer:
        if len(target.requests) == 3:
            time.sleep(1.0)  # the stall itself
        return slow(request)

    target.answer = answer
    with Archiving(tmp_path, collector(f"{target.url}/metrics", interval_s=0.1)) as lakescope:
        until(lambda: len(target.requests) >= 10, 15, lambda: lakescope.told)
        begun = time.monotonic()
        first = len(target.requests)
        until(lambda: len(target.requests) >= first + 10, 15)
        assert time.monotonic() - begun > 0.7


def test_an_answer_that_drips_for_ever_is_given_up(tmp_path: Path) -> None:
    """Each byte comes within the time limit, the whole never."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, suppress(OSError):
                        connection.recv(1000)
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                        while True:
                            connection.send(b"x")
                            time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with Archiving(tmp_path, collector(url, timeout_s=0.5)) as lakescope:
            until(lambda: "no whole answer within 0.5 s" in lakescope.told, 10, lambda: lakescope.told)
