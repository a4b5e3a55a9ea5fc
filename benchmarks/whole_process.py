"""Whole processes, start-up included: `normalise` beside a bare json loop, and a file into a null HTTP server.

What misleads here: the null server answers at once and stores nothing, so no store can be this fast; both sides of
a ratio run in turn on the same file; CPU seconds are the operating system's own count for the finished process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from benchmarks.hot_path import bodies

MESSAGES = 100_000
ROUNDS = 3
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
[collectors.file]
type = "files"
format = "hermes"
paths = ["{file}"]
[sinks.es]
type = "elasticsearch"
urls = ["http://127.0.0.1:{port}"]
"""


def cpu_and_wall(command: list[str]) -> tuple[float, float]:
    """(CPU seconds, peak resident MB) of a finished process."""
    with Path(os.devnull).open("wb") as nothing:
        process = subprocess.Popen(command, stdout=nothing)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


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


def main() -> None:
    """Prints both comparisons."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        file = directory / "hermes.jsonl"
        # in a process of its own: a child's peak memory begins with what its parent held at the fork
        subprocess.run([sys.executable, "-m", "benchmarks.whole_process", str(file)], check=True)
        print(f"{MESSAGES} Hermes bodies, {file.stat().st_size / 1e6:.0f} MB, medians of {ROUNDS}")
        loops, ours = [], []
        for _ in range(ROUNDS):
            loops.append(cpu_and_wall([sys.executable, "-c", JSON_LOOP, str(file)]))
            ours.append(
                cpu_and_wall([sys.executable, "-m", "lakescope", "normalise", "-f", "hermes", str(file)])
            )
        ratio = median(loop[0] / our[0] for loop, our in zip(loops, ours, strict=True))
        print(f"json loop            {median(cpu for cpu, _ in loops):6.2f} CPU-s")
        print(f"lakescope normalise  {median(cpu for cpu, _ in ours):6.2f} CPU-s   {ratio:.2f} times as fast")
        server = ThreadingHTTPServer(("127.0.0.1", 0), Null)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        configuration = directory / "lakescope.toml"
        configuration.write_text(
            CONFIGURATION.format(directory=directory, file=file, port=server.server_address[1])
        )
        runs = [
            cpu_and_wall([sys.executable, "-m", "lakescope", "run", "-c", str(configuration)])
            for _ in range(ROUNDS)
        ]
        server.shutdown()
        cpu = median(cpu for cpu, _ in runs)
        print(
            f"file to null server  {cpu:6.2f} CPU-s   {MESSAGES / cpu:,.0f} messages/CPU-s, start-up included;"
            f" {median(rss for _, rss in runs):.0f} MB resident at most"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_bytes(b"\n".join(bodies(MESSAGES)) + b"\n")
    else:
        main()
