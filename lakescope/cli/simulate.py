"""simulate: a lake's messages without a lake, in every source's exact wire format."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakescope.cli._common import console, table

if TYPE_CHECKING:
    from lakescope.simulator import Wire
    from lakescope.simulator.outputs import Output


SOURCES = "rucio, trace, fts, perfsonar, collectd, node_exporter, telegraf, push, rucio-api, rucio-metrics"
SOURCES += ", probe, psconfig, fts-rest, gocdb, sam, srr"
BATCH = 500  # bodies a request when back-filling over HTTP


def simulate(
    out: Annotated[Path | None, typer.Option("--out", help="Write files into this directory.")] = None,
    stomp: Annotated[
        list[str] | None, typer.Option("--stomp", help="Send to these brokers, stomp://host:port.")
    ] = None,
    http: Annotated[
        str | None, typer.Option("--http", help="Push to this Lakescope, http://host:port.")
    ] = None,
    cric: Annotated[
        Path | None, typer.Option("--cric", help="Also write the topology as CRIC's JSON.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 1,
    rses: Annotated[int, typer.Option(min=2, help="Number of disk RSEs; 10 are ESCAPE's.")] = 10,
    rate: Annotated[float, typer.Option(help="Average number of transfers per hour.")] = 1000.0,
    since: Annotated[
        str,
        typer.Option(help="Start of the time range: 2026-01-05, 2026-01-05T12:00:00, or 7d, 12h, 30min ago."),
    ] = "1d",
    until: Annotated[str, typer.Option(help="End of the time range, in the same form.")] = "0min",
    sources: Annotated[
        list[str] | None, typer.Option("--source", help=f"Only this source; may be repeated: {SOURCES}.")
    ] = None,
    login: Annotated[str | None, typer.Option(help="User name at the brokers.")] = None,
    passcode: Annotated[
        str | None,
        typer.Option(help="Passcode at the brokers.", envvar="LAKESCOPE_PASSCODE", show_envvar=True),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Start now and run in real time, until Ctrl-C.")
    ] = False,
    speed: Annotated[float, typer.Option(help="With --live: factor by which time runs faster.")] = 1.0,
) -> None:
    """Simulate a lake: Hermes, traces, FTS, perfSONAR, collectd, node_exporter, Telegraf, probes, storage, rules.

    Deterministic: the same arguments with the same --since give the same bytes. Without --live it back-fills at
    full speed.

    Example: lakescope simulate --out lake --since 2026-01-05 --until 2026-01-12 --cric lake/topology
    """
    from lakescope import simulator
    from lakescope.app.words import moment

    lake = simulator.make_lake(rses, seed)
    if cric:
        write_topology(cric, lake)
    outputs = [output for output in (out, stomp, http) if output]
    if len(outputs) != 1:
        if cric and not outputs:
            return
        raise RuntimeError("say where to: --out DIR, --stomp URL (repeatable) or --http URL")
    try:
        begin = datetime.now(UTC) if live else moment(since).replace(microsecond=0)
        end = begin + timedelta(days=3650) if live else moment(until).replace(microsecond=0)
    except ValueError as error:
        raise RuntimeError(str(error)) from error
    if end <= begin:
        raise RuntimeError(f"--until ({end:%FT%TZ}) is not after --since ({begin:%FT%TZ})")
    unknown = set(sources or ()) - set(simulator.FORMATS)
    if unknown:
        raise RuntimeError(
            f"no source {', '.join(sorted(unknown))}; there are {', '.join(simulator.FORMATS)}"
        )
    wires = simulator.simulate(lake, seed=seed, start=begin, end=end, rate=rate, sources=sources or None)
    counts = _deliver(
        wires, _output(out, stomp, http, live, login, passcode), begin, end, speed if live else None
    )
    summary = table("format", "messages>")
    for name, count in sorted(counts.items()):
        summary.add_row(name, f"{count:,}")
    console().print(summary)


def _output(
    out: Path | None,
    stomp: list[str] | None,
    http: str | None,
    live: bool,
    login: str | None,
    passcode: str | None,
) -> Output:
    from lakescope.simulator.outputs import Files, HttpPush, Stomp

    if out:
        return Files(out)
    if stomp:
        return Stomp(stomp, login=login, passcode=passcode)
    return HttpPush(str(http), patience=30, batch=1 if live else BATCH)


def _deliver(
    wires: Iterable[Wire], output: Output, begin: datetime, end: datetime, speed: float | None
) -> dict[str, int]:
    """Delivers with a progress bar of simulated time where a terminal watches."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from lakescope.simulator.outputs import deliver

    out = console(err=True)
    counts: dict[str, int] = {}
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeRemainingColumn(),
    )
    with output, Progress(*columns, console=out, disable=not out.is_terminal) as progress:
        task = progress.add_task("simulating", total=None if speed else (end - begin).total_seconds())

        def note(number: int, wire: Wire) -> None:
            counts[wire.format] = counts.get(wire.format, 0) + 1
            if number % 2000 == 0 or speed:
                clock = datetime.fromtimestamp(wire.time, UTC)
                progress.update(
                    task,
                    completed=wire.time - begin.timestamp(),
                    description=f"{number:,} messages, {clock:%F %T}",
                )

        try:
            deliver(wires, output, speed=speed, progress=note)
        except KeyboardInterrupt:
            out.print("stopped")
    return counts


def write_topology(directory: Path, lake: Any) -> None:
    """CRIC's three answers, as rses.json, services.json and rcsites.json."""
    from lakescope.simulator.cric import write_cric

    write_cric(lake, directory)
