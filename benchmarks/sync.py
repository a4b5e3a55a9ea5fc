"""`lakescope sync rses` on a large lake: 200 RSEs and 39,800 distances, into a real Rucio.

What misleads here: Rucio, its PostgreSQL and the command share the machine. Rucio's `/export` looks up the name of each end of
each distance: with a memcached, as production has one, where `memcached` is installed here, else in the database. Each change
is a call, synced to the journal before: the rate is Rucio's.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks._curl import curl_s
from tests.servers._process import HOST, free_port
from tests.servers.rucio import Rucio
from tests.sync._cric import document

RSES = 200
APPLY_S = 20.0
"""How long changes are applied for their rate."""


def _command(
    folder: Path, *arguments: str, timeout_s: float = 900.0
) -> tuple[float, float, subprocess.CompletedProcess[str]]:
    """Seconds, greatest memory (MB), and how it ended; stopped after `timeout_s`."""
    begin, peak = time.monotonic(), 0.0
    command = [sys.executable, "-m", "lakescope", "sync", *arguments, "-c", str(folder / "lakescope.toml")]
    with (
        (folder / "out").open("w") as out,
        subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True) as process,
    ):
        watched = psutil.Process(process.pid)
        while process.poll() is None and time.monotonic() - begin < timeout_s:
            try:
                peak = max(peak, watched.memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.02)
        process.kill()
        _, err = process.communicate()
    ended = subprocess.CompletedProcess(command, process.returncode, (folder / "out").read_text(), err)
    return time.monotonic() - begin, peak, ended


@contextmanager
def _cache() -> Iterator[str | None]:
    """Address of a memcached; null where none is installed."""
    program = shutil.which("memcached")
    if program is None:
        yield None
        return
    port = free_port()
    with subprocess.Popen([program, "-u", "nobody", "-l", HOST, "-p", str(port)]) as process:
        yield f"{HOST}:{port}"
        process.terminate()


def _rucio(directory: Path, cache: str | None) -> Rucio:
    class Caching(Rucio):
        def configuration(self) -> dict[str, dict[str, str]]:
            return super().configuration() | ({"cache": {"url": cache}} if cache else {})

    return Caching(directory, workers=4)


def main() -> None:
    """Prints the figures."""
    names = {f"RSE-{number:03}": (f"SITE-{number % 80}", "Italy", 44.0, 11.0) for number in range(RSES)}
    with (
        tempfile.TemporaryDirectory() as name,
        _cache() as cache,
        _rucio(Path(name) / "rucio", cache) as rucio,
    ):
        folder = Path(name)
        lake = document(names)
        (folder / "rses.json").write_text(json.dumps(lake))
        (folder / "lakescope.toml").write_text(
            f"""
[collectors.push]
type = "http"
[sinks.out]
type = "jsonl"
directory = "out.d"
[topology]
rses = "rses.json"
[sync.rucio]
url = "{rucio.url}"
account = "root"
username = "{rucio.user}"
password = "{rucio.password}"
"""
        )
        seconds, peak, ended = _command(folder, "rses", "--json")
        plan = json.loads(ended.stdout)
        print(f"plan for an empty Rucio: {len(plan['changes'])} changes in {seconds:.1f} s, {peak:.0f} MB")

        seconds, peak, _ = _command(folder, "rses", "--apply", timeout_s=APPLY_S)
        applied = sum('"applied"' in line for line in (folder / "lakescope-data/sync/journal.jsonl").open())
        print(
            f"apply: {applied / seconds:.0f} changes/s, {peak:.0f} MB; {applied} until it was killed after {seconds:.0f} s"
        )

        (folder / "rses.json").write_text(json.dumps(lake | {"distances": None}))
        _command(folder, "rses", "--apply")
        rucio.database.execute(
            "insert into distances (src_rse_id, dest_rse_id, distance, created_at, updated_at)"
            " select a.id, b.id, 1 + (right(a.rse, 3)::int + right(b.rse, 3)::int) % 4, now(), now()"
            " from rses a, rses b where a.id <> b.id",
            "rucio",
        )
        (folder / "rses.json").write_text(json.dumps(lake))
        curl_s(rucio, ["/export"], folder)  # fills the cache
        print(f"Rucio's /export by curl: {curl_s(rucio, ['/export'], folder):.1f} s")
        seconds, peak, ended = _command(folder, "rses", "--json")
        plan = json.loads(ended.stdout)
        where = "" if cache else " without a cache"
        print(
            f"plan for a full Rucio{where}: {plan['existing']}, {plan['counts']} in {seconds:.1f} s, {peak:.0f} MB"
        )


if __name__ == "__main__":
    main()
