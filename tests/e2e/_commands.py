"""`lakescope` commands as their users call them, without the second of imports that each of several hundred would take.

A process that has imported what commands import forks for each: a command has its own memory, environment, folder and
streams, and what it does stays in it. Where the start itself is tested, and for whatever runs on, tests start Python.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

_lock = threading.Lock()
_server: tuple[subprocess.Popen[bytes], socket.socket] | None = None


def lakescope(
    *arguments: object,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    input: bytes = b"",
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """The command as it ended. Raises `subprocess.TimeoutExpired`."""
    words = [str(one) for one in arguments]
    request = {
        "arguments": words,
        "cwd": str(cwd or Path.cwd()),
        "env": dict(os.environ if env is None else env),
    }
    with (
        tempfile.TemporaryFile() as stdin,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as error,
    ):
        stdin.write(input)
        stdin.seek(0)
        code = _ask(request, [stdin.fileno(), out.fileno(), error.fileno()], timeout)
        texts = []
        for file in (out, error):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(["lakescope", *words], code, *texts)


def _ask(request: dict[str, Any], streams: Sequence[int], timeout: float) -> int:
    with _lock:
        _, asked = _start()
        asked.settimeout(timeout)
        try:
            socket.send_fds(asked, [json.dumps(request).encode()], streams)
            answer = asked.recv(100)
        except TimeoutError:
            _stop()
            raise subprocess.TimeoutExpired(request["arguments"], timeout) from None
        return int(answer)


def _start() -> tuple[subprocess.Popen[bytes], socket.socket]:
    global _server
    if _server is None:
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.e2e._commands", str(theirs.fileno())]
        root = Path(__file__).parents[2]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=root, start_new_session=True)
        theirs.close()
        _server = process, mine
        atexit.register(_stop)
    return _server


def _stop() -> None:
    global _server
    if _server is not None:
        process, asked = _server
        asked.close()
        os.killpg(process.pid, signal.SIGKILL)  # a command that hangs, too
        process.wait()
        _server = None


def _serve(asked: socket.socket) -> None:
    import lakescope.app.assembly
    import lakescope.app.checks
    import lakescope.app.web
    import lakescope.cli
    from lakescope.core.plugins import available, load

    for kind in ("formats", "collectors", "sinks", "receivers"):
        for name in available(kind):
            load(kind, name)
    for library in ("duckdb", "numpy", "pyarrow"):  # which stores import when they are asked
        import_module(library)
    sys.modules["__main__"].__package__ = None  # a script of that name is what a user calls
    while True:
        request, streams, _, _ = socket.recv_fds(asked, 2**20, 3)
        if not request:
            return
        child = os.fork()
        if child == 0:
            asked.close()
            os._exit(_run(lakescope.cli.main, json.loads(request), streams))
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(child, 0)
        asked.send(str(os.waitstatus_to_exitcode(status)).encode())


def _run(main: Any, request: Mapping[str, Any], streams: Sequence[int]) -> int:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["lakescope", *request["arguments"]]
    code = 0
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as Python ends
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for text in (sys.stdout, sys.stderr):
        text.flush()
    return code


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
