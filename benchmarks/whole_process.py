"""Whole processes, start-up included: `normalise` beside a bare json loop, and a file into a null HTTP server.

What misleads here: the null server answers at once and stores nothing, so no store can be this fast; both sides of
a ratio run in turn on the same file; CPU seconds are the operating system's own count for the finished process. The null server
has a processor of its own, `run` the others; for `--workers 2` all of them share all, so that it needs three to show what it can.
Wall times count on an idle machine only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.hot_path import bodies, measure

MESSAGES = 100_000
ROUNDS = 5
JSON_LOOP = """
import json, sys
with open(sys.argv[1]) as lines:
    for line in lines:
        sys.stdout.write(json.dumps(json.loads(line)) + "\\n")
"""
CONFIGURATION = """
data_dir = "{directory}/data"
[http]
port = 0
[alerts]
evaluate = false
[collectors.file]
type = "files"
format = "hermes"
paths = ["{file}"]
[sinks.es]
type = "elasticsearch"
urls = ["http://127.0.0.1:{port}"]
"""


class Usage(NamedTuple):
    """What a finished process took."""

    cpu_s: float
    wall_s: float
    peak_mb: float


def measure_process(command: list[str], processors: set[int] | None = None) -> Usage:
    """Runs a command to its end, on `processors`; null: on all."""
    begin = time.perf_counter()
    with Path(os.devnull).open("wb") as nothing:
        process = subprocess.Popen(command, stdout=nothing)
        if processors:
            os.sched_setaffinity(process.pid, processors)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return Usage(usage.ru_utime + usage.ru_stime, time.perf_counter() - begin, usage.ru_maxrss / 1024)


class Null(BaseHTTPRequestHandler):
    """Elasticsearch's answer to every bulk request; keeps nothing."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        remaining = int(self.headers["content-length"])
        while remaining:
            remaining -= len(self.rfile.read(min(remaining, 1 << 16)))
        answer = b'{"errors":false}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("x-elastic-product", "Elasticsearch")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Silent."""


def serve() -> None:
    """The null server, until it is killed; its first line is its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Null)
    print(server.server_address[1], flush=True)
    server.serve_forever()


@contextmanager
def null_server(processors: set[int] | None = None) -> Iterator[int]:
    """The port of a null server in a process of its own."""
    command = [sys.executable, "-c", "from benchmarks.whole_process import serve; serve()"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if processors:
            os.sched_setaffinity(process.pid, processors)
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _compare_normalise(file: Path) -> None:
    loops, ours = [], []
    for _ in range(ROUNDS):
        loops.append(measure_process([sys.executable, "-c", JSON_LOOP, str(file)]).cpu_s)
        ours.append(
            measure_process([sys.executable, "-m", "lakescope", "normalise", "-f", "hermes", str(file)]).cpu_s
        )
    ratio = median(loop / our for loop, our in zip(loops, ours, strict=True))
    print(f"json loop            {median(loops):6.2f} CPU-s")
    print(f"lakescope normalise  {median(ours):6.2f} CPU-s   {ratio:.2f} times as fast")


def _run(
    directory: Path, file: Path, port: int, *arguments: str, processors: set[int] | None = None
) -> Usage:
    configuration = directory / "lakescope.toml"
    configuration.write_text(CONFIGURATION.format(directory=directory, file=file, port=port))
    command = [sys.executable, "-m", "lakescope", "run", "-c", str(configuration), *arguments]
    return measure_process(command, processors)


def _compare_run(directory: Path, file: Path) -> None:
    last, *others = sorted(os.sched_getaffinity(0), reverse=True)
    empty_file = directory / "empty.jsonl"
    empty_file.touch()
    starts, runs, transforms = [], [], []
    with null_server({last}) as port:
        for _ in range(ROUNDS):
            starts.append(_run(directory, empty_file, port, processors=set(others)))
            runs.append(_run(directory, file, port, processors=set(others)))
            transforms.append(measure(bodies(20_000), rounds=1)["finished"][0])
    start_s = median(start.cpu_s for start in starts)
    cpu_s = median(one.cpu_s for one in runs)
    steady_us = [(one.cpu_s - start.cpu_s) / MESSAGES * 1e6 for one, start in zip(runs, starts, strict=True)]
    print(
        f"file to null server  {cpu_s:6.2f} CPU-s   {MESSAGES / cpu_s:,.0f} messages/CPU-s, start-up included;"
        f" {median(one.peak_mb for one in runs):.0f} MB resident at most"
    )
    print(f"start of run         {start_s:6.2f} CPU-s   with an empty file")
    ratio = median(mine / bare for mine, bare in zip(steady_us, transforms, strict=True))
    print(f"without its start    {median(steady_us):6.1f} us of CPU a message   {ratio:.2f} of the transform")
    waiting = median(
        (one.wall_s - start.wall_s) / (one.cpu_s - start.cpu_s)
        for one, start in zip(runs, starts, strict=True)
    )
    print(f"wall                 {waiting:6.2f} of the CPU seconds, without its start")
    speed_ups = []
    with null_server() as port:
        for _ in range(ROUNDS):
            start, one, two = (
                _run(directory, which, port, "--workers", workers).wall_s
                for which, workers in ((empty_file, "1"), (file, "1"), (file, "2"))
            )
            speed_ups.append((one - start) / (two - start))
    print(
        f"--workers 2          {median(speed_ups):6.2f} times as fast, without its start, on {len(others) + 1} processors"
    )


def main() -> None:
    """Prints both comparisons."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        file = directory / "hermes.jsonl"
        # in a process of its own: a child's peak memory begins with what its parent held at the fork
        subprocess.run([sys.executable, "-m", "benchmarks.whole_process", str(file)], check=True)
        load = os.getloadavg()[0]
        print(
            f"{MESSAGES} Hermes bodies, {file.stat().st_size / 1e6:.0f} MB, medians of {ROUNDS}, load {load:.1f}"
        )
        _compare_normalise(file)
        _compare_run(directory, file)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_bytes(b"\n".join(bodies(MESSAGES)) + b"\n")
    else:
        main()
