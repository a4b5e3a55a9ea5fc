"""tap, top, trace: what is passing, how fast, and one transfer's story; asked of the running instance."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Annotated, Any

import typer

from lakescope.cli._common import (
    CONFIG,
    ConfigOption,
    ago,
    configuration,
    console,
    emit,
    fields,
    table,
)


def tap(
    datasets: Annotated[list[str] | None, typer.Argument(help="Only these datasets.")] = None,
    config: ConfigOption = CONFIG,
    count: Annotated[
        int | None, typer.Option("--count", "-n", help="Stop after this number of events.")
    ] = None,
) -> None:
    """Watch events as they pass, as JSON lines, until Ctrl-C.

    Example: lakescope tap transfers -n 5
    """
    from lakescope.app.client import instance_of

    events = instance_of(configuration(config).settings).tap(datasets or [])
    try:
        for event in islice(events, count):
            emit(event)
            sys.stdout.flush()
    except KeyboardInterrupt:
        return


def top(
    config: ConfigOption = CONFIG,
    once: Annotated[bool, typer.Option("--once", help="Print once and exit.")] = False,
) -> None:
    """Watch rates, lag and queues of every collector and sink, until Ctrl-C.

    Example: lakescope top --once
    """
    import time

    from rich.live import Live

    from lakescope.app.client import instance_of

    instance = instance_of(configuration(config).settings)
    out = console()
    if once or not out.is_terminal:
        out.print(_top(instance.status()))
        return
    try:
        with Live(console=out, screen=True, auto_refresh=False) as live:
            while True:
                live.update(_top(instance.status()), refresh=True)
                time.sleep(1.0)
    except KeyboardInterrupt:
        return


def _top(status: dict[str, Any]) -> Any:
    from rich.console import Group

    now = status["now"]
    verdict = "ready" if status["ready"] else "NOT READY: " + "; ".join(status["reasons"])
    collectors = table(
        "collector", "type", "state", "events/s>", "received>", "rejected>", "in flight>", "last", "detail"
    )
    for row in status["collectors"]:
        last = None if row["last_received"] is None else now - row["last_received"]
        collectors.add_row(
            *fields(row, "name", "type", "state", "rate", "received_events", "rejected", "in_flight"),
            ago(last),
            row["detail"],
        )
    sinks = table("sink", "type", "state", "events/s>", "stored>", "dead>", "queued>", "lag p95", "detail")
    for row in status["sinks"]:
        sinks.add_row(
            *fields(row, "name", "type", "state", "rate", "stored", "dead", "queued"),
            ago(row["lag_p95_s"]),
            row["detail"],
        )
    datasets = table("dataset", "events/s>", "events>")
    for row in status["datasets"]:
        datasets.add_row(*fields(row, "dataset", "rate", "events"))
    return Group(
        f"lakescope {status['version']}, up {ago(now - status['started'])}: {verdict}",
        collectors,
        sinks,
        datasets,
    )


def trace(
    request_id: Annotated[str, typer.Argument(help="Rucio's request id (32 hexadecimal characters).")],
    config: ConfigOption = CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="The events as JSON lines.")] = False,
) -> None:
    """Show the history of one transfer from all sources: its retries, hops and FTS jobs.

    Exit code 1 if the store has no event of this request.

    Example: lakescope trace c0c7d290714848f8a1592873a2aafe3f
    """
    import json

    from lakescope.app.client import client_of

    events = client_of(configuration(config)).transfer(request_id)
    if not events:
        console(err=True).print(f"no event of request {request_id} is stored")
        raise typer.Exit(1)
    if as_json:
        for event in events:
            emit(json.dumps(event))
        return
    history_table = table("time", "source", "event", "from", "to", "request", "job", "detail")
    for event in events:
        what = event.get("error") or ", ".join(
            f"{key} {event[key]:,.1f}" for key in ("queue_s", "transfer_s") if event.get(key) is not None
        )
        history_table.add_row(
            *fields(event, "time", "source", "event"),
            event.get("src_rse") or event.get("src_host") or "-",
            event.get("dst_rse") or event.get("dst_host") or "-",
            (event.get("request_id") or "-")[:8],
            (event.get("job_id") or "-")[:8],
            what,
        )
    out = console()
    out.print(history_table)
