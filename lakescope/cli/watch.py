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
    request_id: Annotated[
        str | None, typer.Argument(help="Rucio's request id (32 hexadecimal characters).")
    ] = None,
    rule: Annotated[str | None, typer.Option(help="A rule's id: why is it stuck?")] = None,
    did: Annotated[
        str | None, typer.Option(metavar="SCOPE:NAME", help="A file or dataset: where is it?")
    ] = None,
    fts_job: Annotated[str | None, typer.Option(help="An FTS job's id.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Events from then on (7d, or 2026-01-05); else all.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Events before that.")] = None,
    config: ConfigOption = CONFIG,
    as_json: Annotated[
        bool, typer.Option("--json", help="As JSON: the events line by line, or one object.")
    ] = False,
) -> None:
    """Show the history of one transfer from all sources: its retries, hops and FTS jobs.

    With --rule, --did or --fts-job: what arrived, what fails where and how often, and whose turn it is.

    Exit code 1 if the store has no event of it.

    Example: lakescope trace c0c7d290714848f8a1592873a2aafe3f

    Example: lakescope trace --did test:dataset1 --since 7d
    """
    from lakescope.app.client import SpanText, client_of

    subjects = {"rule": rule, "did": did, "fts_job": fts_job}
    questions = [(kind, value) for kind, value in subjects.items() if value is not None]
    if len(questions) + (request_id is not None) != 1:
        raise RuntimeError("say which: a request's id, or one of --rule, --did, --fts-job")
    client, span = client_of(configuration(config)), SpanText(since, until)
    if request_id is not None:
        _show_history(client.transfer(request_id, span), request_id, as_json=as_json)
    else:
        _show_explanation(client.explain(*questions[0], span), as_json=as_json)


def _show_history(events: list[dict[str, Any]], request_id: str, *, as_json: bool) -> None:
    import json

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


def _show_explanation(document: dict[str, Any], *, as_json: bool) -> None:
    import json

    out, counts = console(), document["counts"]
    if as_json:
        emit(json.dumps(document))
    if not counts["files"] and not document["rules"]:
        console(err=True).print(document["verdict"])
        raise typer.Exit(1)
    if as_json:
        return
    out.print(document["verdict"])
    open_files = [one for one in document["transfers"] if one["state"] != "arrived"]
    of_rules = (
        "rule_id",
        "event",
        "rse",
        "account",
        "locks_ok",
        "locks_replicating",
        "locks_stuck",
        "stuck_at",
        "error",
    )
    _print_table(
        "Rules", "rule state RSE account ok> replicating> stuck> since error", document["rules"], of_rules
    )
    turns = [turn | {"files": turn["files"] or None} for turn in document["turns"]]
    _print_table("Whose turn it is", "who where files> because", turns, ("who", "where", "files", "why"))
    of_failures = ("source", "destination", "attempts", "files", "last", "error_class", "error")
    _print_table("What fails", "from to attempts> files> last class error", document["failures"], of_failures)
    of_files = ("name", "source", "destination", "state", "time", "attempts", "next", "request_id")
    _print_table(
        "What has not arrived", "file from to state since attempts> next request", open_files, of_files
    )


def _print_table(title: str, columns: str, rows: list[dict[str, Any]], names: tuple[str, ...]) -> None:
    if not rows:
        return
    rich_table = table(*columns.split(), title=title)
    for row in rows:
        rich_table.add_row(*fields(row, *names))
    console().print(rich_table)
