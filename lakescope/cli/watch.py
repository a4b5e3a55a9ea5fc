"""tap, top, trace: what is passing, how fast, and one transfer's story; asked of the running instance."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from lakescope.cli._common import (
    CONFIG,
    ConfigOption,
    ago,
    configuration,
    console,
    credentials,
    emit,
    fields,
    running,
    table,
)


def tap(
    datasets: Annotated[list[str] | None, typer.Argument(help="Only these datasets.")] = None,
    config: ConfigOption = CONFIG,
    count: Annotated[int | None, typer.Option("--count", "-n", help="Stop after so many events.")] = None,
) -> None:
    """Watch events as they pass, as JSON lines, until Ctrl-C.

    Example: lakescope tap transfers -n 5
    """
    import httpx

    settings = configuration(config).settings
    url = running(settings.data_dir)
    left = count
    try:
        with httpx.stream(
            "GET",
            f"{url}/api/tap",
            params={"datasets": datasets or []},
            headers=credentials(settings),
            timeout=httpx.Timeout(10.0, read=None),
            trust_env=False,
        ) as response:
            if response.is_error:
                raise RuntimeError(f"{url} answered {response.status_code}: {response.read().decode()[:300]}")
            for line in response.iter_lines():
                if line:
                    emit(line)
                    sys.stdout.flush()
                    left = None if left is None else left - 1
                    if left == 0:
                        return
    except KeyboardInterrupt:
        return
    except httpx.HTTPError as error:
        raise RuntimeError(f"{url} went away: {error}") from error


def top(
    config: ConfigOption = CONFIG,
    once: Annotated[bool, typer.Option("--once", help="Print once and end.")] = False,
) -> None:
    """Watch rates, lag and queues of every collector and sink, until Ctrl-C.

    Example: lakescope top --once
    """
    import time

    from rich.live import Live

    from lakescope.app.instance import ask

    settings = configuration(config).settings
    url, headers = running(settings.data_dir), credentials(settings)
    out = console()
    if once or not out.is_terminal:
        out.print(_top(ask(url, "/api/status", headers=headers)))
        return
    try:
        with Live(console=out, screen=True, auto_refresh=False) as live:
            while True:
                live.update(_top(ask(url, "/api/status", headers=headers)), refresh=True)
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
    """Show the history of one transfer over all sources: its retries, hops and FTS jobs.

    Exit code 1 if the store has no event of this request.

    Example: lakescope trace c0c7d290714848f8a1592873a2aafe3f
    """
    import json

    events = _story(configuration(config), request_id)
    if not events:
        console(err=True).print(f"no event of request {request_id} is stored")
        raise typer.Exit(1)
    if as_json:
        for event in events:
            emit(json.dumps(event))
        return
    made = table("time", "source", "event", "from", "to", "request", "job", "detail")
    for event in events:
        what = event.get("error") or ", ".join(
            f"{key} {event[key]:,.1f}" for key in ("queue_s", "transfer_s") if event.get(key) is not None
        )
        made.add_row(
            *fields(event, "time", "source", "event"),
            event.get("src_rse") or event.get("src_host") or "-",
            event.get("dst_rse") or event.get("dst_host") or "-",
            (event.get("request_id") or "-")[:8],
            (event.get("job_id") or "-")[:8],
            what,
        )
    out = console()
    out.print(made)


def _story(chosen: Any, request_id: str) -> list[dict[str, Any]]:
    from lakescope.app.assembly import open_sinks
    from lakescope.app.instance import ask, find
    from lakescope.app.trace import searchable, story
    from lakescope.core.contracts import RefusedError, TransientError

    if url := find(chosen.settings.data_dir):
        events: list[dict[str, Any]] = ask(
            url, f"/api/transfers/{request_id}", headers=credentials(chosen.settings)
        )
        return events
    sinks = open_sinks(chosen)
    try:
        store = searchable(sinks)
        if store is None:
            raise RuntimeError(
                "no sink can be searched: add one of type duckdb or elasticsearch, or influxdb 1.x"
            )
        return story(store, request_id)
    except (RefusedError, TransientError) as error:
        raise RuntimeError(str(error)) from error
    finally:
        for sink in sinks.values():
            sink.close()
