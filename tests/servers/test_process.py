"""Start, failure, stop and the guard against orphans, on the smallest server there is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import psutil
import pytest

from ._process import HOST, Server, ServerError, free_port, http_status


class FileServer(Server):
    """Python's own HTTP server, or another program in its place."""

    name: ClassVar[str] = "file_server"
    start_timeout_s: ClassVar[float] = 10.0

    def __init__(self, directory: Path, *, program: str = "") -> None:
        super().__init__(directory)
        self.program = program
        self.port = free_port()

    def command(self) -> list[str]:
        served = ["-m", "http.server", "--bind", HOST, str(self.port)]
        return [sys.executable, *(["-c", self.program] if self.program else served)]

    def is_ready(self) -> bool:
        return http_status(self.port, "/") == 200


class ImpatientServer(FileServer):
    """One that is waited for only briefly."""

    start_timeout_s: ClassVar[float] = 0.5
    stop_timeout_s: ClassVar[float] = 0.5


def test_comes_back_on_the_same_port_and_leaves_no_process_behind(tmp_path: Path) -> None:
    before = children()
    server = FileServer(tmp_path / "server")
    for end in (server.stop, server.kill, server.stop):
        server.start()
        pid = server.pid
        assert server.running
        assert http_status(server.port, "/") == 200
        end()
        assert not server.running
        assert not psutil.pid_exists(pid)
        assert children() == before
        end()  # a second end changes nothing


def test_a_server_that_ends_at_once_shows_its_log(tmp_path: Path) -> None:
    server = FileServer(tmp_path, program="import sys; sys.exit('no such option: --frobnicate')")
    with pytest.raises(ServerError, match=r"exit code 1 before it was ready\n(.*\n)*no such option: --frob"):
        server.start()
    assert not server.running


def test_a_server_that_never_gets_ready_is_killed(tmp_path: Path) -> None:
    before = children()
    server = ImpatientServer(tmp_path, program="import time; time.sleep(600)")
    with pytest.raises(ServerError, match=r"not ready within 0\.5 s"):
        server.start()
    assert children() == before


def test_a_crash_does_not_pass_for_a_stop(tmp_path: Path) -> None:
    server = FileServer(tmp_path)
    server.start()
    os.kill(server.pid, signal.SIGSEGV)
    eventually(lambda: not server.running)
    with pytest.raises(ServerError, match="ended by itself with exit code -11"):
        server.stop()
    server.start()
    server.stop()


def test_a_server_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    port = free_port()
    program = (
        "import http.server as h, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"h.HTTPServer(('{HOST}', {port}), h.SimpleHTTPRequestHandler).serve_forever()"
    )
    server = ImpatientServer(tmp_path, program=program)
    server.port = port
    server.start_timeout_s = 10.0  # type: ignore[misc]  # only the stop is to be impatient
    server.start()
    with pytest.raises(ServerError, match=r"ignored SIGTERM for 0\.5 s and was killed"):
        server.stop()
    assert not server.running


def test_start_twice_is_an_error(tmp_path: Path) -> None:
    with FileServer(tmp_path) as server, pytest.raises(ServerError, match="already running"):
        server.start()
    with pytest.raises(ServerError, match="not running"):
        _ = server.pid


def test_servers_die_with_the_python_that_started_them(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from tests.servers.test_process import FileServer\n"
        "server = FileServer(Path(sys.argv[1])); server.start(); print(server.pid, flush=True)\n"
        "time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True
    ) as python:
        assert python.stdout is not None
        pid = int(python.stdout.readline())
        python.kill()
    eventually(lambda: not psutil.pid_exists(pid))


def test_ports_are_never_given_twice() -> None:
    ports = [free_port() for _ in range(200)]
    assert len(set(ports)) == 200
    assert max(ports) < 32_768  # the first of Linux's ephemeral ports


def children() -> set[int]:
    """The processes that this one has started, those of shared servers included."""
    return {process.pid for process in psutil.Process().children(recursive=True)}


def eventually(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait until the condition holds; fails after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
