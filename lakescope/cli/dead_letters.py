"""dead-letters: what could not be stored, why, and how to bring it back."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from lakescope.cli._common import CONFIG, ConfigOption, ago, configuration, console, table
from lakescope.core.printable import printable

app = typer.Typer(help="Look at what could not be stored; replay or drop it.", no_args_is_help=True)

Ids = Annotated[list[str] | None, typer.Argument(help="Letters by id, or its first characters.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Only of this reason.")]
CollectorOption = Annotated[str | None, typer.Option("--collector", help="Only from this collector.")]
SinkOption = Annotated[str | None, typer.Option("--sink", help="Only refused by this sink.")]
AllOption = Annotated[bool, typer.Option("--all", help="All that match, instead of ids.")]


@app.command(name="list")
def list_(
    config: ConfigOption = CONFIG,
    reason: ReasonOption = None,
    collector: CollectorOption = None,
    sink: SinkOption = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
) -> None:
    """List letters, oldest first.

    Example: lakescope dead-letters list --reason schema
    """
    letters = _letters(config)
    made = table("id", "age>", "times>", "collector", "format", "sink", "reason")
    now = time.time()
    for letter in letters.letters(reason=reason, collector=collector, sink=sink, limit=limit):
        made.add_row(
            letter.id, ago(now - letter.first_seen), str(letter.times), letter.collector, letter.format,
            letter.sink or "(none could decode it)", letter.why(),
        )  # fmt: skip
    console().print(made)
    total = sum(cause.count for cause in letters.summary())
    console().print(f"{made.row_count} of {total} letters")
    letters.close()


@app.command()
def show(ids: Ids = None, config: ConfigOption = CONFIG) -> None:
    """Print letters whole: the reason as a comment, then the body as it came.

    Example: lakescope dead-letters show 3f2a
    """
    letters = _letters(config)
    out = console(err=True)
    shown = 0
    for letter in letters.letters(ids=ids or []):
        shown += 1
        sink = f", refused by {letter.sink}" if letter.sink else ""
        out.print(
            f"# {letter.id} from {letter.collector} as {letter.format}{sink}: {letter.why()}", markup=False
        )
        out.print(f"# headers {letter.headers}", markup=False)
        body = letter.body
        if sys.stdout.isatty():  # into a file or a pipe it goes as it came
            body = printable(body.decode(errors="replace")).encode()
        sys.stdout.buffer.write(body + b"\n")
        sys.stdout.buffer.flush()
    letters.close()
    if not shown:
        out.print("no such letter: `lakescope dead-letters list` shows their ids")
        raise typer.Exit(1)


@app.command()
def replay(
    ids: Ids = None,
    everything: AllOption = False,
    config: ConfigOption = CONFIG,
    reason: ReasonOption = None,
    collector: CollectorOption = None,
    sink: SinkOption = None,
) -> None:
    """Try letters again; those that are now stored are gone. Exit code 1 if any could not be.

    Example: lakescope dead-letters replay --all --sink es
    """
    from rich.progress import track

    from lakescope.app.client import client_of

    wanted = _chosen(config, ids, everything, reason, collector, sink)
    replayed = client_of(configuration(config)).replay(wanted)
    results = list(track(replayed, "replaying", total=len(wanted), console=console(err=True)))
    out = console()
    stored = [result for result in results if result["stored"]]
    for result in results:
        if not result["stored"]:
            out.print(f"{result['id']} stays: {result['text']}", markup=False)
    out.print(f"{len(stored)} of {len(wanted)} letters stored")
    raise typer.Exit(0 if len(stored) == len(wanted) else 1)


@app.command()
def drop(
    ids: Ids = None,
    everything: AllOption = False,
    config: ConfigOption = CONFIG,
    reason: ReasonOption = None,
    collector: CollectorOption = None,
    sink: SinkOption = None,
) -> None:
    """Forget letters for ever.

    Example: lakescope dead-letters drop --all --reason not_json
    """
    wanted = _chosen(config, ids, everything, reason, collector, sink)
    letters = _letters(config)
    console().print(f"{letters.drop(wanted)} letters dropped")
    letters.close()


def _letters(config: Any) -> Any:
    from lakescope.app.assembly import open_dead_letters

    return open_dead_letters(configuration(config).settings)


def _chosen(
    config: Any,
    ids: list[str] | None,
    everything: bool,
    reason: str | None,
    collector: str | None,
    sink: str | None,
) -> list[str]:
    if not ids and not everything:
        raise RuntimeError("say which: ids, or --all (with --reason, --collector, --sink to narrow it)")
    letters = _letters(config)
    found: list[str] = letters.ids(ids=ids, reason=reason, collector=collector, sink=sink)
    letters.close()
    if ids and not found:
        console(err=True).print("no such letter: `lakescope dead-letters list` shows their ids")
        raise typer.Exit(1)
    return found
