"""sync: topology and accounts into Rucio. Exit codes: 0 no drift, 1 drift, 2 usage, 3 could not tell.

What every synchronisation does with its plan is `run` here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import msgspec
import typer

from lakescope.cli._common import CONFIG, ConfigOption, configuration, console, emit, table

if TYPE_CHECKING:
    from lakescope.app.config import Configuration
    from lakescope.core.events import Event, SyncRun
    from lakescope.sync.plan import Plan

app = typer.Typer(
    help="Synchronisations into Rucio. Exit codes: 0 no drift, 1 drift, 2 usage, 3 source or Rucio did not answer, or the"
    " guard refused.",
    no_args_is_help=True,
)

ApplyOption = Annotated[bool, typer.Option("--apply", help="Do it; without it the plan is shown only.")]
RemoveOption = Annotated[
    bool,
    typer.Option(
        "--remove", help="Remove what Rucio has and the source has not, if nothing is stored there."
    ),
]
MaxChangesOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        metavar="N",
        help="Let this run change or remove N existing objects of a type, instead of 10 % and at least 2.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="The plan and what became of it as one JSON object.")
]
LINES = 40
"""Most lines of a table for one kind and type; the JSON has all."""


@app.command()
def rses(
    apply: ApplyOption = False,
    remove: RemoveOption = False,
    max_changes: MaxChangesOption = None,
    json: JsonOption = False,
    config: ConfigOption = CONFIG,
) -> None:
    """Make Rucio's RSEs as CRIC says: RSEs, attributes, protocols, distances, limits, availability, QoS class. Dry by default.

    Example: lakescope sync rses --apply
    """
    run("rses", config, apply=apply, remove=remove, max_changes=max_changes, json=json)


@app.command()
def topology(
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss", help="Take a document that lacks more than 20 % of its records as right."
        ),
    ] = False,
    config: ConfigOption = CONFIG,
) -> None:
    """Read CRIC's documents now, for enrichment, and say which version of each is in use.

    Example: lakescope sync topology
    """
    from lakescope.app.topology import DOCUMENTS, refresh, source_of
    from lakescope.sync.topology import records_of

    settings = configuration(config).settings
    names = [name for name in DOCUMENTS if source_of(settings, name) is not None]
    if not names:
        raise RuntimeError(
            "[topology] names no document: add `rses` with CRIC's address, or a file with its answer"
        )
    with _faults():
        for name in names:
            one = refresh(settings, name, time.time(), accept_loss=accept_loss)
            emit(
                f"{name}: version {one.version} of {one.at}, {len(records_of(one.document))} records from {one.source}"
            )


@app.command()
def journal(
    limit: Annotated[int, typer.Option(min=1, help="Most entries, the latest.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="All entries, one JSON object a line.")] = False,
    config: ConfigOption = CONFIG,
) -> None:
    """List what synchronisations have changed in Rucio: who, when, before, after.

    Example: lakescope sync journal --limit 10
    """
    from lakescope.app.sync import journal_of
    from lakescope.sync.plan import value_text

    with _faults():
        entries = journal_of(configuration(config).settings).entries()
    if json:
        for entry in entries:
            emit(msgspec.json.encode(entry).decode())
        return
    rows = table("entry>", "at", "by", "what", "type", "object", "part", "before", "after", "result")
    for entry in entries[-limit:]:
        change = entry.change
        what = f"undo of {entry.undo_of}" if entry.undo_of else change.kind
        rows.add_row(
            str(entry.id),
            entry.at,
            entry.by,
            what,
            change.type,
            change.object,
            change.part,
            value_text(change.before),
            value_text(change.after),
            (entry.result or "cut short") + (f": {entry.detail}" if entry.detail else ""),
        )
    console().print(rows)


@app.command()
def undo(
    number: Annotated[
        int, typer.Argument(metavar="ENTRY", help="Number of the entry, as `sync journal` has it.")
    ],
    config: ConfigOption = CONFIG,
) -> None:
    """Take one entry of the journal back, if Rucio still has what it set.

    Example: lakescope sync undo 17
    """
    from lakescope.app.sync import SYNCS, journal_of, open_rucio
    from lakescope.sync import apply as applying
    from lakescope.sync.plan import SyncError, value_text

    settings = configuration(config).settings
    with _faults(), open_rucio(settings) as rucio:
        log = journal_of(settings)
        sync = next((entry.sync for entry in log.entries() if entry.id == number), None)
        if sync is None:
            raise SyncError(f"there is no entry {number} in {log.path}; see `lakescope sync journal`")
        entry = applying.undo(number, SYNCS[sync].target(settings, rucio), log, by=getuser(), clock=time.time)
        change = entry.change
        emit(
            f"entry {entry.id}: {change.kind} {change.type} {change.object} {change.part}".rstrip()
            + f": from {value_text(change.before)} to {value_text(change.after)}"
        )


@app.command()
def accounts(
    apply: ApplyOption = False,
    max_changes: MaxChangesOption = None,
    json: JsonOption = False,
    config: ConfigOption = CONFIG,
) -> None:
    """Compare Rucio's accounts with the users of IAM; with --apply change them.

    Example: lakescope sync accounts
    """
    run("accounts", config, apply=apply, remove=False, max_changes=max_changes, json=json)


def run(
    name: Literal["rses", "accounts"],
    config: Path,
    *,
    apply: bool,
    remove: bool,
    max_changes: int | None,
    json: bool,
) -> None:
    """Plans the synchronisation `name`, shows the plan, applies it if `apply`; ends the command with its exit code."""
    from lakescope.app import sync_runs
    from lakescope.sync.plan import DRIFT, summary

    configured = configuration(config)
    way = sync_runs.Way(getuser() if apply else "", apply=apply, remove=remove, max_changes=max_changes)
    events: list[Event] = []
    with _faults():
        try:
            with _progress() as progress:
                done = sync_runs.run(
                    name,
                    configured,
                    way,
                    events.extend if apply else None,
                    check=(lambda plan: None) if json else _print,
                    progress=progress,
                )
        finally:
            _report(configured, events)
    plan, outcome = done.plan, done.outcome
    if outcome is None:
        if json:
            emit(msgspec.json.encode(plan.document()).decode())
        else:
            emit(summary(plan) + ("; --apply does it" if plan.actions() else ""))
        raise typer.Exit(plan.exit_code())
    if json:
        failed = [msgspec.to_builtins(entry) for entry in outcome.failed]
        document = plan.document() | {"applied": outcome.applied, "failed": failed, "left": len(outcome.left)}
        emit(msgspec.json.encode(document).decode())
    else:
        for entry in outcome.failed:
            emit(
                f"failed: entry {entry.id}: {entry.change.type} {entry.change.object} {entry.change.part}: {entry.detail}"
            )
        emit(f"{outcome.applied} of {len(plan.actions())} changes applied")
    if done.drift():
        raise typer.Exit(DRIFT)


def _report(configured: Configuration, events: Sequence[Event]) -> None:
    """Into the stores. What is done in Rucio is done, whether they take it or not."""
    from lakescope.app.client import client_of

    for event in events:
        try:
            client_of(configured).report_run(cast("SyncRun", event))
        except RuntimeError as error:
            text = f"warning: the event of this run is in no store: {error}"
            console(err=True).print(text, soft_wrap=True)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Takes how many changes are done and how many there are, and shows that from the first time on."""
    from rich.progress import (
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Changes a second."""

        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:.1f} changes/s")

    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    bar = Progress(*columns, console=console(err=True))

    def update(done: int, total: int) -> None:
        if not bar.task_ids:
            bar.add_task("applied", total=total)
            bar.start()
        bar.update(bar.task_ids[0], completed=done, total=total)

    try:
        yield update
    finally:
        if bar.task_ids:
            bar.stop()


def _print(plan: Plan) -> None:
    """The plan as a table, long runs of one kind and type shortened."""
    from itertools import groupby

    from lakescope.sync.plan import value_text

    rows = table("what", "type", "object", "part", "in Rucio", "by the source", "note")
    for (kind, type_), group in groupby(plan.changes, key=lambda one: (one.kind, one.type)):
        lines = list(group)
        for one in lines[:LINES]:
            cells = (one.object, one.part, value_text(one.before), value_text(one.after), one.note)
            rows.add_row(kind, type_, *cells)
        if len(lines) > LINES:
            rows.add_row(kind, type_, f"and {len(lines) - LINES} more", "", "", "", "--json shows all")
    if plan.changes:
        console().print(rows)


@contextmanager
def _faults() -> Iterator[None]:
    """A synchronisation that could not tell ends the command with exit code 3."""
    from lakescope.sync.plan import UNKNOWN, SyncError

    try:
        yield
    except SyncError as error:
        console(err=True).print(f"error: {error}", soft_wrap=True)
        raise typer.Exit(UNKNOWN) from error
