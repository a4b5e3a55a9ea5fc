"""A running `lakescope run`, watched from outside."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from lakescope.app.instance import find

_HEAD = """
[http]
port = 0
[alerts]
evaluate = false
"""


@contextmanager
def running(directory: Path, configuration: str) -> Iterator[psutil.Process]:
    """`lakescope run` of collectors and sinks, without alerts, in a directory that it makes, until the end of the block."""
    directory.mkdir()
    file = directory / "lakescope.toml"
    file.write_text(f'data_dir = "{directory}/data"{_HEAD}{configuration}')
    command = [sys.executable, "-m", "lakescope", "run", "-c", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def url_of(directory: Path) -> str:
    """Where it answers, once it does; its application is made by then."""
    while (url := find(directory / "data")) is None:
        time.sleep(0.02)
    httpx.get(f"{url}/livez", trust_env=False, timeout=30).raise_for_status()
    return url


def cpu_s(process: psutil.Process) -> float:
    """What it has taken so far, of its own and of the system."""
    times = process.cpu_times()
    return times.user + times.system


def watch(process: psutil.Process, directory: Path, messages: int) -> tuple[float, float]:
    """(Wall, CPU) seconds for so many messages, by what it took from the first one seen as received to the last one stored."""
    begin: tuple[float, float] | None = None
    first = stored = 0
    with httpx.Client(base_url=url_of(directory), trust_env=False, timeout=30) as client:
        while stored < messages:
            now = time.perf_counter(), cpu_s(process)
            (row,) = client.get("/api/status").raise_for_status().json()["balance"]
            stored = row["stored"] + row["dead"] + row["filtered"]
            if begin is None and row["received"]:
                begin, first = now, row["received"]
            time.sleep(0.2)
    end = time.perf_counter(), cpu_s(process)
    assert begin is not None
    share = messages / (messages - first)
    return (end[0] - begin[0]) * share, (end[1] - begin[1]) * share
