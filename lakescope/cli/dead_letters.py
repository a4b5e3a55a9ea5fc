"""dead-letters: what could not be stored, why, and how to bring it back."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakescope.cli._common import CONFIG, ConfigOption, ago, configuration, console, table
from lakescope.core.printable import escape_unprintable

if TYPE_CHECKING:
    from lakescope.app.client import Client, LetterFilter

app = typer.Typer(help="Show what could not be stored; replay or drop it.", no_args_is_help=True)

Ids = Annotated[list[str] | None, typer.Argument(help="Dead letters by id, or its first characters.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Only dead letters with this reason.")]
CollectorOption = Annotated[
    str | None, typer.Option("--collector", help="Only dead letters from this collector.")
]
SinkOption = Annotated[str | None, typer.Option("--sink", help="Only dead letters rejected by this sink.")]
AllOption = Annotated[bool, typer.Option("--all", help="All matching dead letters, instead of ids.")]


@app.command(name="list")
def list_(
    config: ConfigOption = CONFIG,
    reason: ReasonOption = None,
    collector: CollectorOption = None,
    sink: SinkOption = None,
    limit: Annotated[int, typer.Option(help="Maximum number.")] = 50,
) -> None:
    """List dead letters, oldest first.

    Example: lakescope dead-letters list --reason schema
    """
    client = _client(config)
    ids = client.letter_ids(_filter(None, reason, collector, sink))
    letters_table = table("id", "age>", "times>", "collector", "format", "sink", "reason")
    now = time.time()
    for letter in client.letters(ids[:limit], with_bodies=False):
        letters_table.add_row(
            letter.id, ago(now - letter.first_seen), str(letter.times), letter.collector, letter.format,
            letter.sink or "(none could decode it)", letter.why(),
        )  # fmt: skip
    console().print(letters_table)
    console().print(f"{letters_table.row_count} of {len(ids)} letters")


@app.command()
def show(ids: Ids = None, config: ConfigOption = CONFIG) -> None:
    """Print dead letters in full: the reason as a comment, then the unchanged body.

    Example: lakescope dead-letters show 3f2a
    """
    client, out = _client(config), console(err=True)
    for letter in client.letters(_ids(client, _filter(ids or [])), with_bodies=True):
        sink = f", refused by {letter.sink}" if letter.sink else ""
        out.print(
            f"# {letter.id} from {letter.collector} as {letter.format}{sink}: {letter.why()}", markup=False
        )
        out.print(f"# headers {letter.headers}", markup=False)
        body = letter.body
        if sys.stdout.isatty():  # into a file or a pipe it goes as it came
            body = escape_unprintable(body.decode(errors="replace")).encode()
        sys.stdout.buffer.write(body + b"\n")
        sys.stdout.buffer.flush()


def replay_file(
    file: Annotated[
        Path, typer.Argument(help="A file in dead-letters/ of the data directory.", show_default=False)
    ],
    config: ConfigOption = CONFIG,
) -> None:
    """Process again the dead letters that have moved to a file. What cannot be stored is among the dead letters again, and the
    file is removed. Exit code 1 if any could not be stored.

    Example: lakescope replay lakescope-data/dead-letters/20261127T120000Z-000000000.jsonl.zst
    """
    client = _client(config)
    folder = configuration(config).settings.data_dir / "dead-letters"
    if file.resolve().parent != folder.resolve():
        raise RuntimeError(f"expected a file in {folder}, found {file}: copy it there")
    _replay(client, client.restore(file.name))


@app.command()
def replay(
    ids: Ids = None,
    everything: AllOption = False,
    config: ConfigOption = CONFIG,
    reason: ReasonOption = None,
    collector: CollectorOption = None,
    sink: SinkOption = None,
) -> None:
    """Process dead letters again; those that are now stored are removed. Exit code 1 if any could not be stored.

    Example: lakescope dead-letters replay --all --sink es
    """
    client = _client(config)
    _replay(client, _select_letters(client, _filter(ids, reason, collector, sink), everything))


def _replay(client: Client, letter_ids: list[str]) -> None:
    """Ends the command."""
    from rich.progress import track

    results = list(
        track(client.replay(letter_ids), "replaying", total=len(letter_ids), console=console(err=True))
    )
    out = console()
    successes = [result for result in results if result["stored"]]
    for result in results:
        if not result["stored"]:
            out.print(f"{result['id']} stays: {result['text']}", markup=False)
    out.print(f"{len(successes)} of {len(letter_ids)} letters stored")
    raise typer.Exit(0 if len(successes) == len(letter_ids) else 1)


@app.command()
def drop(
    ids: Ids = None,
    everything: AllOption = False,
    config: ConfigOption = CONFIG,
    reason: ReasonOption = None,
    collector: CollectorOption = None,
    sink: SinkOption = None,
) -> None:
    """Delete dead letters permanently.

    Example: lakescope dead-letters drop --all --reason not_json
    """
    client = _client(config)
    letter_ids = _select_letters(client, _filter(ids, reason, collector, sink), everything)
    console().print(f"{client.drop(letter_ids)} letters dropped")


def _filter(
    ids: list[str] | None, reason: str | None = None, collector: str | None = None, sink: str | None = None
) -> LetterFilter:
    from lakescope.app.client import LetterFilter

    return LetterFilter(ids, reason, collector, sink)


def _client(config: Path) -> Client:
    from lakescope.app.client import client_of

    return client_of(configuration(config))


def _select_letters(client: Client, letter_filter: LetterFilter, everything: bool) -> list[str]:
    if not letter_filter.ids and not everything:
        raise RuntimeError("say which: ids, or --all (with --reason, --collector, --sink to narrow it)")
    return _ids(client, letter_filter._replace(ids=letter_filter.ids or None))


def _ids(client: Client, letter_filter: LetterFilter) -> list[str]:
    """Whole ids. Ends the command if letters were named of which there is none."""
    ids = client.letter_ids(letter_filter)
    if letter_filter.ids is not None and not ids:
        console(err=True).print("no such letter: `lakescope dead-letters list` shows their ids")
        raise typer.Exit(1)
    return ids
