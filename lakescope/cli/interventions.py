"""annotate, annotations: what was changed, when and where."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from lakescope.cli._common import CONFIG, ConfigOption, configuration, console, emit, fields, load_site, table

app = typer.Typer(help="List, correct or remove interventions.", no_args_is_help=True)

Text = Annotated[str, typer.Argument(help="What was changed, 1000 characters at most.")]
NewText = Annotated[str | None, typer.Option("--text", help="What was changed.")]
Id = Annotated[str, typer.Argument(help="Its id, as `lakescope annotations list` shows it.")]
Site = Annotated[str | None, typer.Option("--site", help="Site that it is about; else the whole lake.")]
Rse = Annotated[str | None, typer.Option("--rse", help="RSE that it is about.")]
Vo = Annotated[str | None, typer.Option("--vo", help="VO that it is about.")]
At = Annotated[
    str | None, typer.Option("--at", help="Beginning: 2026-01-05T12:00, or 2h, 30min ago; else now.")
]
Until = Annotated[str | None, typer.Option("--until", help="End, likewise; else it is a moment.")]
By = Annotated[str | None, typer.Option("--by", help="Who writes this.", envvar="USER")]


def annotate(
    text: Text,
    site: Site = None,
    rse: Rse = None,
    vo: Vo = None,
    at: At = None,
    until: Until = None,
    by: By = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Write down an intervention, such as an upgrade: dashboards, incidents and reports show it.

    Example: lakescope annotate "FTS upgraded to 3.13" --site CERN-PROD --at 10:00
    """
    from lakescope.app.interventions import Words

    document = _client(config).annotate(Words(text, at, until, site, rse, vo, by))
    emit(f"{document['annotation']}  {document['time']}  {document['summary']}")


@app.command(name="list")
def list_(
    since: Annotated[
        str, typer.Option(help="Beginning: 2026-01-05, 2026-01-05T12:00, or 7d, 12h ago.")
    ] = "7d",
    until: Annotated[str, typer.Option(help="End, likewise.")] = "0s",
    format: Annotated[Literal["table", "json"], typer.Option(help="table or json (one array).")] = "table",
    config: ConfigOption = CONFIG,
) -> None:
    """List interventions, the newest first.

    Example: lakescope annotations list --since 30d
    """
    documents = _client(config).annotations(since, until)
    if format == "json":
        import msgspec

        emit(msgspec.json.encode(documents).decode())
        return
    if not documents:
        typer.echo("no annotations", err=True)
        return
    rows = table("id", "began", "until", "site", "rse", "vo", "by", "text")
    for one in documents:
        rows.add_row(*fields(one, "annotation", "time", "ended", "site", "rse", "vo", "by", "text"))
    console().print(rows)


@app.command()
def correct(
    id: Id,
    text: NewText = None,
    site: Site = None,
    rse: Rse = None,
    vo: Vo = None,
    at: At = None,
    until: Until = None,
    by: By = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Replace what is given of an intervention; the rest stays.

    Example: lakescope annotations correct 5f0c2a9be1d4 --until 2026-01-05T12:30
    """
    from lakescope.app.interventions import Words

    document = _client(config).correct_annotation(id, Words(text, at, until, site, rse, vo, by))
    emit(f"{document['annotation']}  {document['time']}  {document['summary']}")


@app.command()
def remove(id: Id, by: By = None, config: ConfigOption = CONFIG) -> None:
    """Remove an intervention.

    Example: lakescope annotations remove 5f0c2a9be1d4
    """
    document = _client(config).remove_annotation(id, by)
    emit(f"{document['annotation']}  {document['time']}  {document['summary']}")


def _client(config: Any) -> Any:
    from lakescope.app.client import client_of

    load_site(config)
    return client_of(configuration(config))
