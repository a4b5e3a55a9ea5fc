"""The running instance: found by the lock of its directory, asked without a proxy, its words passed on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lakescope.app.instance import FILE, announcement, ask, find
from lakescope.app.lock import FILE as LOCK
from lakescope.app.lock import holder, lock
from tests.contract._http import PROXIES, Answer, HttpServer


def announce(folder: Path, url: str) -> None:
    """As a process that was killed leaves it."""
    (folder / FILE).write_text(json.dumps({"pid": os.getpid(), "url": url}))


def test_only_the_process_that_holds_the_directory_is_its_instance(tmp_path: Path) -> None:
    with HttpServer(lambda _: Answer(200, b"ok\n")) as server:
        announce(tmp_path, server.url)
        assert find(tmp_path) is None
        with lock(tmp_path):
            assert find(tmp_path) == server.url


def test_who_holds_a_directory_is_read_alike_by_who_asks_and_who_wants_it(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    with lock(tmp_path):
        assert holder(tmp_path) == os.getpid()
        with pytest.raises(RuntimeError, match=rf"process {os.getpid()} \(lakescope"), lock(tmp_path):
            pass
        (tmp_path / LOCK).write_text("")  # it holds the lock, and has not said who it is
        assert holder(tmp_path) is None
        with pytest.raises(RuntimeError, match="another process uses it"), lock(tmp_path):
            pass
    assert holder(tmp_path) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": "x"}', '{"url": 7, "pid": "a"}', "\x00"])
def test_a_damaged_file_is_no_instance(tmp_path: Path, content: str) -> None:
    with lock(tmp_path):
        (tmp_path / FILE).write_text(content)
        assert find(tmp_path) is None


def test_the_file_goes_with_its_process(tmp_path: Path) -> None:
    with announcement(tmp_path, "http://127.0.0.1:9"):
        assert (tmp_path / FILE).exists()
    assert not (tmp_path / FILE).exists()


def test_the_loopback_is_asked_without_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, url in PROXIES.items():
        monkeypatch.setenv(name, url)
    with HttpServer(lambda _: Answer(200, b'{"a": 1}')) as server, lock(tmp_path):
        announce(tmp_path, server.url)
        assert find(tmp_path) == server.url
        assert ask(server.url, "/api/status") == {"a": 1}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(200, b"<html>Login</html>"), "gave no answer of Lakescope's"),
        (Answer(302, b"", (("location", "/x"),)), "answered 302"),
        (Answer(503, b'{"detail": "store: away"}'), "answered 503: store: away"),
    ],
)
def test_what_is_no_answer_is_reported(answer: Answer, says: str) -> None:
    with HttpServer(lambda _: answer) as server, pytest.raises(RuntimeError, match=says):
        ask(server.url, "/api/status")


def test_an_instance_that_went_away_is_reported() -> None:
    with pytest.raises(RuntimeError, match=r"http://127\.0\.0\.1:9/api/status: no answer: ConnectError"):
        ask("http://127.0.0.1:9", "/api/status")
