"""What all servers share: start, readiness, stop, SIGKILL and restart of exactly one child process."""

from __future__ import annotations

import http.client
import os
import random
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

HOST = "127.0.0.1"

_given_ports: set[int] = set()
_SHARE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw4").removeprefix("gw")) % 5
_PORTS = range(20_000 + 2_500 * _SHARE, 22_500 + 2_500 * _SHARE)


class ServerError(RuntimeError):
    """A server did not start, did not stop or ended by itself; the message carries the end of its log."""


class Server(ABC):
    """One real server as one child process, all of its state in `directory`.

    A context manager: started on entry, stopped on exit. `stop()` or `kill()` followed by `start()` comes
    back on the same port with the same data. The server dies with the Python process that started it,
    however that process ends.
    """

    name: ClassVar[str]
    start_timeout_s: ClassVar[float] = 60.0
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    stop_timeout_s: ClassVar[float] = 60.0

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The command line of the server in the foreground; configuration files are written here."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the server answers its protocol now; never raises for a server that isn't up yet."""

    def environment(self) -> dict[str, str]:
        """The environment of the server."""
        return dict(os.environ)

    @property
    def running(self) -> bool:
        """Whether the process is alive (it may not answer yet)."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Process id of the running server; raises ServerError when it isn't running."""
        if self._process is None:
            raise ServerError(f"{self.name} is not running: call start() first")
        return self._process.pid

    def start(self) -> None:
        """Start and wait until ready; raises ServerError with the end of the log if that fails."""
        if self._process is not None:
            raise ServerError(f"{self.name} is already running: call stop() or kill() first")
        self.directory.mkdir(parents=True, exist_ok=True)
        command = self.command()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for pytest: its fixtures then stop the servers in order.
                start_new_session=True,
            )
        self._guard = _guard(self._process.pid)
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End the process this object started, and only that: `stop_signal`, and wait. No-op when stopped.

        Raises ServerError when the server had ended by itself, or had to be killed after `stop_timeout_s`.
        """
        if self._process is None:
            return
        code = self._process.poll()
        if code is not None:
            self._forget()
            raise ServerError(f"{self.name} ended by itself with exit code {code}\n{self.log_tail()}")
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(self.stop_timeout_s)
        except subprocess.TimeoutExpired as error:
            self.kill()
            message = (
                f"{self.name} ignored {self.stop_signal.name} for {self.stop_timeout_s:g} s and was killed"
            )
            raise ServerError(f"{message}\n{self.log_tail()}") from error
        self._forget()

    def kill(self) -> None:
        """SIGKILL: the power cut of tests; no-op when stopped."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._forget()

    def log_tail(self, lines: int = 40) -> str:
        """The last lines of the server's log, headed by its path."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join([f"--- end of {self.log}", *text.splitlines()[-lines:]])

    def __getstate__(self) -> dict[str, object]:
        """What another process may know: where the server is, not how to stop it."""
        return {**self.__dict__, "_process": None, "_guard": None}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + self.start_timeout_s
        while True:
            code = self._process.poll()
            if code is not None:
                message = f"{self.name} ended with exit code {code} before it was ready"
                raise ServerError(f"{message}\n{self.log_tail()}")
            if self.is_ready():
                return
            if time.monotonic() > deadline:
                message = f"{self.name} was not ready within {self.start_timeout_s:g} s"
                raise ServerError(f"{message}\n{self.log_tail()}")
            time.sleep(0.05)

    def _forget(self) -> None:
        self._process = None
        if self._guard is not None:
            # A guard that is gone already (someone killed it) must not fail the stop of a healthy server.
            with suppress(BrokenPipeError):
                self._guard.communicate(b"ended\n")
            self._guard = None


def run_tool(program: str, *arguments: object, environment: Mapping[str, str] | None = None) -> str:
    """What a server's command prints. `environment`: null for the own one. Raises ServerError with it when it fails."""
    command = [program, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if ended.returncode != 0:
        raise ServerError(f"{' '.join(command)}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


def free_port() -> int:
    """A free TCP port of the loopback interface, never given twice by this process, nor by its sisters of pytest-xdist.

    Below the kernel's ephemeral range on purpose: a client's outgoing connection can't take the port while
    its server is stopped for a restart.
    """
    while True:
        port = _PORTS.start + random.randrange(len(_PORTS))
        if port in _given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        _given_ports.add(port)
        return port


def http_status(port: int, path: str, timeout_s: float = 5.0) -> int | None:
    """The status of GET `path` on a loopback port, None while nothing answers there. No proxy is asked."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _guard(pid: int) -> subprocess.Popen[bytes]:
    """A shell that kills `pid` when this Python process ends without saying that the server has ended.

    A pipe rather than PR_SET_PDEATHSIG, which fires when the *thread* that started the server ends: a test
    may well restart a server from a timer.
    """
    return subprocess.Popen(
        ["/bin/sh", "-c", 'read -r _ || kill -9 "$1" 2>/dev/null', "guard", str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
