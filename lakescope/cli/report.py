"""report: what people read on Monday, from a store or of a simulated week."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lakescope.cli._common import CONFIG, ConfigOption, configuration, emit

if TYPE_CHECKING:
    from lakescope.reports.model import Report

app = typer.Typer(help="Reports on the health of the data lake.", no_args_is_help=True)


@app.callback()
def report() -> None:
    """Reports on the health of the data lake."""


@app.command()
def weekly(
    out: Annotated[Path, typer.Option("--out", help="Directory of the files; created if missing.")],
    week: Annotated[
        str | None, typer.Option(help="ISO week, such as 2026-W47; else the last one that is over.")
    ] = None,
    vo: Annotated[str | None, typer.Option(help="Only this VO; else all.")] = None,
    store: Annotated[
        str | None, typer.Option(help="Name of the sink that answers; else the first that can.")
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Of a simulated week, without a configuration.")
    ] = False,
    config: ConfigOption = CONFIG,
) -> None:
    """Write the weekly report of the data lake's health. The files are complete, or there are none.

    Weeks begin on Monday at 00:00 UTC. Each number of the report names the query that repeats it.
    Example: lakescope report weekly --week 2026-W47 --out reports/2026-W47
    """
    from lakescope.reports.writing import write

    if demo and (week or store):
        raise RuntimeError("--demo is of one simulated week and its own store: leave out --week and --store")
    written = write(_demo(vo) if demo else _weekly(config, week, vo, store), out)
    for path in written.paths:
        emit(str(path))
    if missing_extra := written.missing:
        typer.echo(f"without HTML, mail and PDF: {missing_extra}: {missing_extra.remedy}", err=True)


def _weekly(config: Path, week: str | None, vo: str | None, store: str | None) -> Report:
    from lakescope.app.client import client_of

    return client_of(configuration(config)).weekly_report(week, vo, store, datetime.now(UTC))


def _demo(vo: str | None) -> Report:
    from lakescope.app.report_demo import demo_report

    return demo_report(vo)
