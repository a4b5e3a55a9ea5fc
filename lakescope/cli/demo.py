"""demo: Lakescope on a simulated lake and the embedded store."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated

import typer

from lakescope.cli._common import console
from lakescope.cli.run import log_to_stderr, serve
from lakescope.cli.simulate import BATCH

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess
    from multiprocessing.synchronize import Event

    from lakescope.pipeline.engine import Engine
    from lakescope.simulator import Options, Wire

RATE = 225.0  # transfers an hour; with those that are tried again some 250
PAST = timedelta(days=7)
DENSE = timedelta(hours=1)


def demo(
    seconds: Annotated[float | None, typer.Option(help="Stop after this number of seconds.")] = None,
    port: Annotated[int, typer.Option(help="Port of the status page; 0: any free port.")] = 8137,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 1,
    data_dir: Annotated[
        Path, typer.Option(help="Directory of the demo's store; it is emptied first.")
    ] = Path("lakescope-data/demo"),
) -> None:
    """Run on a simulated lake (ESCAPE's ten RSEs) and the embedded store: the last week first, then in real time.

    Example: lakescope demo --seconds 25 --port 8137
    """
    import shutil

    from lakescope.app.config import load_file
    from lakescope.app.lock import FILE as LOCK
    from lakescope.app.lock import lock
    from lakescope.cli.simulate import write_topology
    from lakescope.simulator import make_lake

    log_to_stderr()
    with lock(data_dir):  # another demo may run on it
        if (data_dir / "lake.duckdb").exists():
            for path in data_dir.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name != LOCK:
                    path.unlink()
    topology = data_dir / "topology"
    file = data_dir / "lakescope.toml"
    file.write_text(DEMO.format(data_dir=data_dir.resolve(), topology=topology.resolve(), port=port))
    configuration = load_file(file)
    write_topology(topology, make_lake())
    # a process of its own: the lake is not Lakescope's work, and has the second processor
    from multiprocessing import get_context

    spawn = get_context("spawn")
    stop = spawn.Event()
    players: list[SpawnProcess] = []

    def start_lake(url: str, engine: Engine) -> None:
        engine.metrics.lag.since = f"{datetime.now(UTC):%FT%T}"  # the week before is no delay of the pipeline
        console().print(  # not wrapped: the line is for copying
            f"  in another terminal: LAKESCOPE_CONFIG={file} lakescope top", soft_wrap=True
        )
        players.append(
            spawn.Process(target=_play, args=(url, seed, stop), name="simulated lake", daemon=True)
        )
        players[0].start()

    def stop_lake() -> None:
        stop.set()
        players[0].join(10.0)

    serve(configuration, seconds=seconds, on_start=start_lake, on_stop=stop_lake)


DEMO = """
data_dir = "{data_dir}"
[http]
port = {port}
[pipeline]
batch_age_s = 0.3
health_s = 10
[dashboards]
since = "7d"
[topology]
rses = "{topology}/rses.json"
services = "{topology}/services.json"
sites = "{topology}/rcsites.json"
[experiments]
names = ["SKA", "LSST", "CTA", "LOFAR", "MAGIC", "ATLAS", "FAIR", "CMS", "VIRGO", "KM3NET"]
[collectors.lake]
type = "http"
[sinks.store]
type = "duckdb"
"""


def _play(url: str, seed: int, stop: Event) -> None:
    """A lake's last week at once, then the present until `stop` is set; into a running Lakescope."""
    from lakescope.simulator.outputs import HttpPush

    Thread(target=_end_with_command, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command, which then sets `stop`
    now = datetime.now(UTC)
    begin, wires = now - PAST, messages(now, seed)
    with HttpPush(url, patience=20, batch=BATCH) as push, _progress(begin, now) as advance:
        for number, wire in enumerate(wires):
            push.write(wire)
            if number % 500 == 0:
                advance(wire.time)
                if stop.is_set():
                    return
            if wire.time >= now.timestamp():
                break
    console(err=True).print("  the last week has been played; from now on in real time")
    with HttpPush(url, patience=20) as push:
        for wire in wires:
            if stop.wait(max(0.0, wire.time - datetime.now(UTC).timestamp())):
                return
            push.write(wire)


def _end_with_command() -> None:
    """Ends this process at once with the command: one that was killed sets no `stop`, and the next demo must not hear
    two lakes."""
    from multiprocessing import parent_process

    command = parent_process()
    assert command is not None  # a process of its own
    command.join()
    os._exit(1)


def messages(now: datetime, seed: int) -> Iterator[Wire]:
    """What a lake's systems send from a week before `now` until a day after.

    The week is thinned out up to its last hour, to 320,000 events in all. An incident begins with the present.
    """
    from lakescope import simulator

    lake = simulator.make_lake()
    begin, end = now - PAST, now + timedelta(days=1)
    incidents = (
        *simulator.incidents_of(lake, seed, begin, end),
        simulator.opening_incident(lake, seed, now),
    )
    options = _options(now - DENSE)
    return simulator.simulate(
        lake, seed=seed, start=begin, end=end, rate=RATE, incidents=incidents, options=options
    )


def _options(dense: datetime) -> Options:
    """Before `dense`, hosts and perfSONAR every 15 minutes, the rest as seldom as charts of a week bear."""
    from lakescope import simulator

    quarter, hour = 900.0, 3600.0
    sparse = {
        "hosts": quarter,
        "latency": quarter,
        "rtt": hour,
        "throughput": 4 * hour,
        "trace": 6 * hour,
        "clock": 12 * hour,
        "optimizer": 4 * hour,
        "probes": 3 * hour,
        "statistics": 4 * hour,
        "availability": 2 * hour,
        "rules": hour / 2,
        "usage": hour,
        "accounts": 6 * hour,
        "inside": 8 * hour,
        "checks": 3 * hour,
        "templates": 12 * hour,
        "monitoring": 4 * hour,
        "metrics": hour,
        "downtimes": hour,
        "sam": hour,
        "srr": 4 * hour,
    }
    return simulator.Options(
        few_hosts=True,
        noise=0.1,
        accesses=0.05,
        deletions=0.05,
        notify=0.2,
        sparse=sparse,
        sparse_until=dense.timestamp(),
    )


@contextmanager
def _progress(begin: datetime, now: datetime) -> Iterator[Callable[[float], None]]:
    """Tells how far the week has been played: a bar where a terminal watches, else a line a day."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    out = console(err=True)
    columns = (TextColumn("  playing the last week"), BarColumn(), TaskProgressColumn())
    day = begin.date()
    with Progress(*columns, console=out, disable=not out.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=(now - begin).total_seconds())

        def advance(time: float) -> None:
            nonlocal day
            bar.update(task, completed=time - begin.timestamp())
            clock = datetime.fromtimestamp(time, UTC)
            if not out.is_terminal and clock.date() != day:
                day = clock.date()
                out.print(f"  playing the last week: {day:%F} reached")

        yield advance
