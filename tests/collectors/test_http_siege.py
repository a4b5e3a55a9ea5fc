"""HTTP push under attack: bombs, bodies that never end, senders that leave, disks that refuse."""

from __future__ import annotations

import gzip
import json
import resource
import socket
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import zstandard

from lakescope.core.messages import Message
from tests.collectors._pushing import Pushing
from tests.contract._bodies import events_of, hermes, ndjson
from tests.e2e._lakescope import Lakescope, until

NDJSON = {"content-type": "application/x-ndjson"}
SIZE = 64 * 2**20


@pytest.fixture(scope="module")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lakescope]:
    """A real `lakescope run` with 100 descriptors."""
    directory = tmp_path_factory.mktemp("besieged")
    store = f'[sinks.store]\ntype = "jsonl"\ndirectory = "{directory}/archive"\n'
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Lakescope(directory, f'[collectors.push]\ntype = "http"\n{store}') as lakescope:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(100, hard), hard))  # its process inherits it
        try:
            lakescope.start()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        yield lakescope
        assert lakescope.stop() == 0
        log = lakescope.log.read_text()
        assert "Traceback" not in log, log[-3000:]


BOMBS: dict[str, tuple[str, Callable[[], bytes], str, str]] = {
    "documents": ("hermes", lambda: gzip.compress(b"{}" * (SIZE // 2), 1), "ndjson", "100000 documents"),
    "lines": ("hermes", lambda: gzip.compress(b"{}\n" * (SIZE // 3), 1), "ndjson", "100000 documents"),
    "brackets": ("hermes", lambda: gzip.compress(b"{\n" * (SIZE // 2), 1), "ndjson", "100000 documents"),
    "array": ("push", lambda: gzip.compress(b"[" + b"{}," * (SIZE // 4) + b"{}]", 1), "json", "objects"),
    "numbers": ("push", lambda: gzip.compress(b"[" + b"1," * (SIZE // 3) + b"1]", 1), "json", "values"),
    "depth": ("push", lambda: gzip.compress(b"[" * SIZE, 1), "json", "arrays"),
    "metrics": ("node_exporter", lambda: gzip.compress(b"a 1\n" * (SIZE // 4), 1), "plain", "lines"),
    "members": ("push", lambda: gzip.compress(b"") * 1_000_000, "json", "members"),
    "size": ("push", lambda: gzip.compress(b" " * (SIZE + 1), 1), "json", "max_body_bytes"),
    "zstd": ("push", lambda: zstandard.compress(b" " * (16 * SIZE)), "json", "max_body_bytes"),
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_bomb_is_refused_while_others_are_answered(besieged: Lakescope, what: str) -> None:
    format_, bomb, kind, told = BOMBS[what]
    body = bomb()
    encoding = "zstd" if what == "zstd" else "gzip"
    headers = {"content-encoding": encoding, "content-type": f"application/x-{kind}"}

    def send() -> httpx.Response:
        url = f"{besieged.url}/push/{format_}"
        return httpx.post(url, content=body, headers=headers, timeout=60, trust_env=False)

    alive = [0]
    with (
        ThreadPoolExecutor(1) as sender,
        httpx.Client(base_url=besieged.url, timeout=60, trust_env=False) as client,
    ):
        # one that waited for the bomb to end would be the only one of its bomb; on a busy machine there may be none
        while alive[-1] < 2 and len(alive) < 10:
            alive.append(0)
            sent = sender.submit(send)
            while not sent.done():
                alive[-1] += client.get("/livez").status_code == 200
            answer = sent.result()
            assert answer.status_code == 413 and told in answer.json()["detail"], answer.text
    assert alive[-1] > 1


def test_senders_that_leave_in_the_middle_leave_one_line(besieged: Lakescope) -> None:
    before = besieged.log.read_text().count("web_sender_left")
    for _ in range(40):
        with raw(besieged) as connection:
            connection.sendall(
                b"POST /push/push HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{"
            )
    until(lambda: "web_sender_left" in besieged.log.read_text(), 10, besieged.tail)
    assert besieged.log.read_text().count("web_sender_left") - before == 1


def test_idle_connections_take_no_room_from_those_that_ask(besieged: Lakescope) -> None:
    idle = [raw(besieged) for _ in range(300)]
    try:
        answer = httpx.get(f"{besieged.url}/livez", timeout=20, trust_env=False)
        assert answer.status_code == 200
    finally:
        for connection in idle:
            connection.close()


def test_slow_bodies_take_no_room_from_those_that_ask(besieged: Lakescope) -> None:
    slow = [raw(besieged) for _ in range(60)]
    try:
        for connection in slow:
            with suppress(OSError):  # the next one has taken its place
                connection.sendall(
                    b"POST /push/push HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{"
                )
        assert httpx.get(f"{besieged.url}/livez", timeout=20, trust_env=False).status_code == 200
    finally:
        for connection in slow:
            connection.close()


def test_a_head_without_end_is_refused(besieged: Lakescope) -> None:
    with raw(besieged) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 100_000)
        assert connection.recv(100).startswith(b"HTTP/1.1 4")


def raw(lakescope: Lakescope) -> socket.socket:
    """A connection to it."""
    url = httpx.URL(lakescope.url or "")
    return socket.create_connection((url.host, url.port or 80), timeout=20)


# --- in this process -------------------------------------------------------------------------------------


def test_answers_leave_at_once(tmp_path: Path) -> None:
    """Nagle's algorithm would hold each back for the other side's delayed acknowledgement: 45 ms."""
    with Pushing(tmp_path) as pushing, httpx.Client(trust_env=False) as client:
        client.get(f"{pushing.url}/livez")
        assert pushing._server is not None
        (connection,) = pushing._server._server.server_state.connections
        accepted = connection.transport.get_extra_info("socket")
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_a_body_that_comes_too_slowly_is_408(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakescope.app.web.access.BODY_S", 0.3)
    with Pushing(tmp_path) as pushing:
        url = httpx.URL(pushing.url)
        with socket.create_connection((url.host, url.port or 80), timeout=20) as connection:
            connection.sendall(
                b"POST /push/push HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{"
            )
            assert connection.recv(100).startswith(b"HTTP/1.1 408")


def test_a_head_that_comes_too_slowly_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lakescope.app.web.server.HEAD_S", 0.3)
    with Pushing(tmp_path) as pushing:
        url = httpx.URL(pushing.url)
        for head in (b"", b"POST /push/push HTTP/1.1\r\nhost: local"):
            with socket.create_connection((url.host, url.port or 80), timeout=20) as connection:
                connection.sendall(head)
                assert ends(connection)


def ends(connection: socket.socket) -> bool:
    """Whether the other side closes it within its timeout."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_query_says_what_a_body_lacks_and_not_how_it_is_read(tmp_path: Path) -> None:
    with Pushing(tmp_path) as pushing:
        bodies = hermes(2, start=11_000)
        query = "content-type=application/x-ndjson&client=10.0.0.1&destination=/topic/a"
        assert (
            pushing.send(f"/push/hermes?{query}", ndjson(bodies), {"content-type": "a/b"}).status_code == 200
        )
        until(lambda: list(pushing.engine.dead_letters.letters()), 10)
        (letter,) = pushing.engine.dead_letters.letters()
        assert letter.headers["content-type"] == "a/b" and letter.headers["client"] == "127.0.0.1"
        assert letter.headers["destination"] == "/topic/a"


def test_a_form_is_no_body(tmp_path: Path) -> None:
    with Pushing(tmp_path) as pushing:
        headers = {"content-type": "multipart/form-data; boundary=x"}
        assert pushing.send("/push/push", b"--x--", headers).status_code == 415


def test_headers_are_written_once_for_all_documents_of_a_body(tmp_path: Path) -> None:
    with Pushing(tmp_path) as pushing:
        away = pushing.archive.rename(tmp_path / "unmounted")
        bodies = hermes(500, start=12_000)
        body = ndjson(bodies)
        assert pushing.send("/push/hermes", body, NDJSON | {"user-agent": "u" * 8000}).status_code == 200
        written = pushing.assembly.collectors["push"]._spool.bytes  # type: ignore[attr-defined]
        assert len(body) + 8000 < written < len(body) + 9000
        away.rename(pushing.archive)
        pushing.arrived(events_of("hermes", bodies))
        until(lambda: pushing.assembly.collectors["push"]._spool.bytes == 0, 10)  # type: ignore[attr-defined]


def test_a_body_leaves_the_spool_with_its_last_document(tmp_path: Path) -> None:
    """A restart in the middle of a body begins it again."""
    with Pushing(tmp_path) as pushing:
        push = pushing.assembly.collectors["push"]
        push._pieces.open(7, 3)  # type: ignore[attr-defined]
        deleted: list[int] = []
        push._spool.delete = deleted.extend  # type: ignore[attr-defined]
        push.acknowledge([Message(b"", token=7), Message(b"", token=7)])
        assert not deleted
        push.acknowledge([Message(b"", token=7)])
        assert deleted == [7]


# --- the disk --------------------------------------------------------------------------------------------


def test_a_spool_that_cannot_be_written_is_not_ready(tmp_path: Path) -> None:
    with Pushing(tmp_path) as pushing:
        path = pushing.data_dir / "push.spool"
        with sqlite3.connect(path) as other:
            other.execute(
                "create trigger broken before insert on spool begin select raise(fail, 'broken'); end"
            )
        answer = pushing.send("/push/hermes", hermes(1)[0])
        assert answer.status_code == 503 and "broken" in answer.json()["detail"]
        until(lambda: pushing.get("/readyz").status_code == 503, 10)
        assert "spool cannot be written: broken" in json.dumps(pushing.get("/readyz").json())
        with other:
            other.execute("drop trigger broken")
        other.close()
        assert pushing.send("/push/hermes", hermes(1)[0]).status_code == 200
        until(lambda: pushing.get("/readyz").status_code == 200, 10)
